// SPDX-License-Identifier: Apache-2.0
/*
 * By which name the agent was called, for http_answer.c: a page of somebody else that a browser takes for ours (DNS
 * rebinding) says so in its header Host, which scripts cannot change.
 */
#include "serve/http_host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"

enum { NAME_MAX_LEN = 253 }; /* RFC 1035 */

static const char digits[] = "0123456789";

/* @ret: what stands before the port, without brackets. Return: false: it is no host */
static bool take_host(const char *host, char ret[static NAME_MAX_LEN + 2], bool *ret_v6)
{
	bool is_v6 = *host == '[';
	const char *name = is_v6 ? host + 1 : host, *end;
	size_t len = strcspn(name, is_v6 ? "]" : ":");

	*ret_v6 = is_v6;
	end = name + len;
	if (is_v6 && *end++ != ']')
		return false;
	if (*end == ':')
		end += 1 + strspn(end + 1, digits);
	if (*end || !len || len > NAME_MAX_LEN + 1)
		return false;
	memcpy(ret, name, len);
	ret[len] = '\0';
	return true;
}

/* A name that ends in a dot is the same name. */
static bool is_name(const char *host, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	name_len -= name_len && name[name_len - 1] == '.';
	return len == name_len && strncasecmp(host, name, len) == 0;
}

bool pn_http_host_is_ours(const char *host, const char *const *names)
{
	char text[NAME_MAX_LEN + 2];
	struct in6_addr addr;
	bool is_v6;
	size_t len;

	if (!host)
		return true;
	if (!take_host(host, text, &is_v6))
		return false;
	if (is_v6)
		return inet_pton(AF_INET6, text, &addr) == 1;
	if (inet_pton(AF_INET, text, &addr) == 1)
		return true;
	len = strlen(text);
	len -= text[len - 1] == '.';
	if (is_name(text, len, "localhost"))
		return true;
	for (; names && *names; names++) {
		if (is_name(text, len, *names))
			return true;
	}
	return false;
}

int pn_http_host_check(const char *name, struct pn_err *reterr)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_.";
	size_t len = strlen(name);

	if (len && len <= NAME_MAX_LEN && *name != '.' && strspn(name, characters) == len)
		return 0;
	return pn_err_set(reterr, -EINVAL,
			  "\"%.64s\" is not the name of a host, without a port, such as "
			  "node-1.example.com",
			  name);
}
