/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the requests of the unix socket: any bytes are a request that means something, or are
 * refused with words that fit into one line of JSON. Filters are also matched.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pn_owner owner = {
		.kind = PN_OWNER_POD,
		.uid = "u",
		.name_space = "shop",
		.name = "web-0",
		.workload_kind = "StatefulSet",
		.workload_name = "web",
		.node = "n1",
		.zone = "",
		.region = "",
	};
	static const struct pn_flow_record record = {
		.proto = 6,
		.source = { .port = 1, .owner = &owner },
	};
	struct pn_err err = { "" };
	struct pn_request req;
	char *refusal;
	int r;

	r = pn_request_parse((const char *)data, size, &req, &err);
	if (r == 0) {
		assert(req.command <= PN_REQUEST_CONFIG);
		assert(req.view.style.format < PN_FORMAT_MAX);
		assert(req.view.style.time < PN_TIME_FORM_MAX);
		assert(req.command != PN_REQUEST_FLOWS || req.view.follow ||
		       req.view.past != PN_PAST_NONE);
		assert(req.command == PN_REQUEST_SELECT || (!req.has_expression && !req.sampling));
		assert(err.text[0] == '\0');
		(void)pn_filter_match(req.view.filter, &record);
		pn_request_done(&req);
		return 0;
	}
	assert(r == -EINVAL && err.text[0]);
	refusal = pn_request_refusal(err.text);
	assert(refusal && strchr(refusal, '\n') == refusal + strlen(refusal) - 1);
	free(refusal);
	return 0;
}
