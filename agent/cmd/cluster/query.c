/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of every agent: the request that the command would send to the unix socket, as a query of
 * HTTP (agent/README.md).
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "cmd/cluster/cluster.h"

static int put_pair(struct pn_buf *b, bool negate, const char *key, const char *value)
{
	int r = pn_buf_printf(b, "%s%s", b->len ? "&" : "", negate ? "not-" : "");

	if (r == 0)
		r = pn_buf_put_escaped(b, key);
	if (r == 0)
		r = pn_buf_printf(b, "=");
	return r == 0 ? pn_buf_put_escaped(b, value) : r;
}

/* {"pod": "shop/web", "not": true} */
static int put_filter(struct pn_buf *b, json_t *filter)
{
	bool negate = json_is_true(json_object_get(filter, "not"));
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach (filter, key, value) {
		if (r == 0 && json_is_string(value))
			r = put_pair(b, negate, key, json_string_value(value));
	}
	return r;
}

static int put_member(struct pn_buf *b, const char *key, const json_t *value)
{
	if (json_is_string(value))
		return put_pair(b, false, key, json_string_value(value));
	if (json_is_boolean(value))
		return put_pair(b, false, key, json_is_true(value) ? "1" : "0");
	return pn_buf_printf(b, "%s%s=%lld", b->len ? "&" : "", key,
			     (long long)json_integer_value(value));
}

int pn_cluster_query(const char *request, struct pn_buf *out)
{
	PN_CLEANUP(json_decrefp) json_t *root = json_loads(request, 0, NULL);
	const char *key;
	json_t *value, *one;
	size_t i;
	int r = root ? 0 : -ENOMEM;

	json_object_foreach (root, key, value) {
		if (r < 0 || strcmp(key, "command") == 0 || strcmp(key, "filters") == 0)
			continue;
		r = put_member(out, key, value);
	}
	/* Following is what the socket does unless told, and HTTP does not. */
	if (r == 0 && !json_object_get(root, "follow"))
		r = put_pair(out, false, "follow", "1");
	json_array_foreach (json_object_get(root, "filters"), i, one) {
		if (r == 0)
			r = put_filter(out, one);
	}
	return r;
}
