/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the requests of the unix socket: any bytes are a request that means something, or are
 * refused with words that fit into one line of JSON.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_err err = { "" };
	struct pn_request req;
	char *refusal;
	int r;

	r = pn_request_parse((const char *)data, size, &req, &err);
	if (r == 0) {
		assert(req.command == PN_REQUEST_FLOWS || req.command == PN_REQUEST_STATUS);
		assert(req.format < PN_FORMAT_MAX);
		assert(err.text[0] == '\0');
		return 0;
	}
	assert(r == -EINVAL && err.text[0]);
	refusal = pn_request_refusal(err.text);
	assert(refusal && strchr(refusal, '\n') == refusal + strlen(refusal) - 1);
	free(refusal);
	return 0;
}
