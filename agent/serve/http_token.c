/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token of HTTP requests, for http_answer.c: as a bearer token (RFC 6750) or alone in a header.
 */
#include "serve/http_token.h"

#include <string.h>
#include <strings.h>

static const char scheme[] = "Bearer";

bool pn_http_token_is(const char *token, const char *shown)
{
	size_t len, token_len;
	unsigned char differs = 0;

	if (!token)
		return true;
	if (!shown)
		return false;
	len = strlen(shown);
	token_len = strlen(token);
	/* Each byte shown is compared with one of the token, its end included. */
	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)(shown[i] ^ token[i % (token_len + 1)]);
	return !differs && len == token_len;
}

bool pn_http_token_matches(const char *token, const char *authorization)
{
	if (!token)
		return true;
	if (!authorization || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return false;
	authorization += sizeof(scheme) - 1;
	if (*authorization != ' ')
		return false;
	return pn_http_token_is(token, authorization + strspn(authorization, " "));
}
