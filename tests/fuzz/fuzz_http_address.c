/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the address that HTTP is served on, and the headers Authorization and Host: any text is an address
 * that can be written down again and means the same, or is refused with words; any header shows the token or
 * not, and names us or not.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/http.h"
#include "serve/http_host.h"
#include "serve/http_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_down(const struct sockaddr_storage *at, char *text, size_t size)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;
	char host[INET6_ADDRSTRLEN];
	bool is_v6 = at->ss_family == AF_INET6;

	assert(is_v6 || at->ss_family == AF_INET);
	assert(inet_ntop(at->ss_family,
			 is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, host,
			 sizeof(host)));
	(void)snprintf(text, size, is_v6 ? "[%s]:%u" : "%s:%u", host,
		       ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
}

static void check_address(const char *text)
{
	struct sockaddr_storage at, again;
	struct pn_err err = { "" };
	char written[INET6_ADDRSTRLEN + 16];

	if (pn_http_address(text, &at, &err) < 0) {
		assert(err.text[0]);
		return;
	}
	write_down(&at, written, sizeof(written));
	assert(pn_http_address(written, &again, &err) == 0);
	assert(memcmp(&at, &again, sizeof(at)) == 0);
}

/* A host with a letter in it that is no part of an address is ours by its name only. */
static void check_host(const char *text)
{
	static const char *const names[] = { "node-1", NULL };
	bool is_ours = pn_http_host_is_ours(text, NULL);

	if (is_ours && strncasecmp(text, "localhost", 9) != 0)
		assert(*text == '[' || strspn(text, "0123456789.:") == strlen(text));
	if (pn_http_host_is_ours(text, names) && !is_ours)
		assert(strncasecmp(text, "node-1", 6) == 0);
	(void)pn_http_host_check(text, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	check_address(text);
	if (pn_http_token_matches("token", text))
		assert(strlen(text) >= strlen("Bearer token") &&
		       strcmp(text + strlen(text) - strlen("token"), "token") == 0);
	check_host(text);
	free(text);
	return 0;
}
