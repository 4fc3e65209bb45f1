/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address that the HTTP server listens on, as text. Numbers only: a name would be asked of a
 * server that may be away when the agent starts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "serve/http.h"

static int bad(const char *text, struct pn_err *reterr)
{
	return pn_err_set(reterr, -EINVAL,
			  "\"%s\" is no address to listen on: use IPv4:PORT or [IPv6]:PORT, as in "
			  "127.0.0.1:9960 or [::]:9960",
			  text);
}

/* Return: 0 or -EINVAL */
static int parse_port(const char *text, uint16_t *ret)
{
	unsigned long n = 0;
	size_t len = strlen(text);

	if (len < 1 || len > 5 || strspn(text, "0123456789") != len)
		return -EINVAL;
	for (; *text; text++)
		n = n * 10 + (unsigned long)(*text - '0');
	if (n > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)n;
	return 0;
}

int pn_http_address(const char *text, struct sockaddr_storage *ret, struct pn_err *reterr)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char host[PN_ADDR_STRLEN + 2];
	uint16_t port;

	if (!colon || len >= sizeof(host) || parse_port(colon + 1, &port) < 0)
		return bad(text, reterr);
	memcpy(host, text, len);
	host[len] = '\0';
	*ret = (struct sockaddr_storage) { 0 };
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 ? 0 : bad(text, reterr);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : bad(text, reterr);
}
