/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the queries of HTTP, as libmicrohttpd hands them over: pairs of decoded texts, here KEY NUL VALUE NUL.
 * Any of them is a request for records, or is refused with words.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve/http.h"
#include "serve/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *next_text(char **at, const char *end)
{
	const char *text = *at;

	*at += PN_MIN(strlen(text) + 1, (size_t)(end - *at));
	return text;
}

static void try_one(const char *command, const struct pn_http_pair *pairs, size_t n)
{
	struct pn_request req;
	struct pn_err err = { "" };
	int r = pn_request_from_query(command, pairs, n, &req, &err);

	if (r == 0) {
		assert(req.command == PN_REQUEST_FLOWS || req.command == PN_REQUEST_DROPS);
		assert(req.view.style.format < PN_FORMAT_MAX);
		assert(req.command == PN_REQUEST_DROPS || req.view.follow ||
		       req.view.past != PN_PAST_NONE);
		pn_request_done(&req);
	} else {
		char *refusal = pn_request_refusal(err.text);

		assert(r == -EINVAL && err.text[0] && refusal);
		free(refusal);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_http_pair pairs[PN_HTTP_MAX_PAIRS];
	char *copy = calloc(1, size + 1), *at = copy;
	size_t n = 0;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	while (at < copy + size && n < PN_HTTP_MAX_PAIRS) {
		pairs[n].key = next_text(&at, copy + size);
		pairs[n++].value = next_text(&at, copy + size);
	}
	try_one("flows", pairs, n);
	try_one("drops", pairs, n);
	free(copy);
	return 0;
}
