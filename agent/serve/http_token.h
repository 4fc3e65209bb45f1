/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_HTTP_TOKEN_H
#define PN_SERVE_HTTP_TOKEN_H

#include <stdbool.h>

/**
 * pn_http_token_matches() - may a client that shows this be served?
 * @token:	   what it has to show; NULL: nothing, everybody may
 * @authorization: its header of that name; NULL: it has none
 *
 * How long it takes depends on the length of what was shown, not on how much of it is right.
 */
bool pn_http_token_matches(const char *token, const char *authorization);

/** pn_http_token_is() - the same of the bare token; NULL: none was shown */
bool pn_http_token_is(const char *token, const char *shown);

#endif
