// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzes what /v1/explain is asked: any lines of source, destination and port, or one with a flow's id, in a
 * cluster without objects and without an agent's records, are answered with a document or refused with words.
 * What makes no sense at first sight is never answered.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/policy/explain_agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	PN_CLEANUP(pn_freep) char *text = strndup((const char *)data, size), *doc = NULL;
	struct pn_explain_question q = { .socket_path = "/nonexistent" };
	struct pn_err err = { "" };
	char *rest = text;
	bool makes_sense;

	assert(text);
	q.src = strsep(&rest, "\n");
	q.dst = strsep(&rest, "\n");
	q.port = strsep(&rest, "\n");
	if (!q.dst || !q.port)
		q.flow = q.src;
	makes_sense = pn_policy_explain_ops.check(&q, &err) == 0;
	assert(makes_sense || err.text[0]);
	if (pn_policy_explain_ops.explain(&q, &doc, &err) < 0) {
		assert(err.text[0] && !doc);
	} else {
		json_t *tree = json_loads(doc, 0, NULL);

		assert(makes_sense && tree && json_object_get(tree, "verdict"));
		json_decref(tree);
	}
	return 0;
}
