/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query of HTTP as a request, for records_page.c. It becomes the JSON that the unix socket would have
 * got, so that both doors have one table of what may be asked, one set of checks and one set of words.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "serve/http.h"
#include "serve/request_private.h"

static const char negation[] = "not-";

static int no_memory(struct pn_err *reterr)
{
	return pn_err_set(reterr, -ENOMEM, "the agent is out of memory");
}

/* Return: a new reference; NULL with @reterr */
static json_t *to_flag(const struct pn_http_pair *p, struct pn_err *reterr)
{
	if (strcmp(p->value, "1") == 0 || strcmp(p->value, "true") == 0)
		return json_true();
	if (strcmp(p->value, "0") == 0 || strcmp(p->value, "false") == 0)
		return json_false();
	(void)pn_err_set(reterr, -EINVAL, "\"%.64s\" must be 1 or 0, true or false", p->key);
	return NULL;
}

static json_t *to_number(const struct pn_http_pair *p, struct pn_err *reterr)
{
	uint64_t n;

	if (pn_number_parse(p->value, INT64_MAX, &n) == 0)
		return json_integer((json_int_t)n);
	(void)pn_err_set(reterr, -EINVAL, "\"%.64s\" must be a number", p->key);
	return NULL;
}

static json_t *to_text(const struct pn_http_pair *p, struct pn_err *reterr)
{
	json_t *text = json_string(p->value);

	if (!text)
		(void)pn_err_set(reterr, -EINVAL, "the value of \"%.64s\" is not UTF-8", p->key);
	return text;
}

static int put_member(json_t *root, enum pn_member_sort sort, const struct pn_http_pair *p,
		      struct pn_err *reterr)
{
	json_t *value = NULL;

	if (json_object_get(root, p->key))
		return pn_err_set(reterr, -EINVAL, "\"%.64s\" is said twice", p->key);
	if (sort == PN_MEMBER_FLAG)
		value = to_flag(p, reterr);
	else if (sort == PN_MEMBER_NUMBER)
		value = to_number(p, reterr);
	else
		value = to_text(p, reterr);
	if (!value)
		return -EINVAL;
	return json_object_set_new(root, p->key, value) < 0 ? no_memory(reterr) : 0;
}

static int put_filter(json_t *root, const struct pn_http_pair *p, struct pn_err *reterr)
{
	bool negate = strncmp(p->key, negation, sizeof(negation) - 1) == 0;
	const char *name = p->key + (negate ? sizeof(negation) - 1 : 0);
	json_t *filters = json_object_get(root, "filters"), *filter, *value;

	if (!filters) {
		filters = json_array();
		if (json_object_set_new(root, "filters", filters) < 0)
			return no_memory(reterr);
	}
	value = to_text(p, reterr);
	if (!value)
		return -EINVAL;
	filter = json_pack("{s:b}", "not", negate);
	if (!filter || json_array_append_new(filters, filter) < 0) {
		json_decref(value);
		return no_memory(reterr);
	}
	if (json_object_set_new(filter, name, value) < 0)
		return pn_err_set(reterr, -EINVAL, "there is a name that is not UTF-8");
	return 0;
}

static int put_default(json_t *root, const char *key, json_t *value, struct pn_err *reterr)
{
	if (json_object_get(root, key)) {
		json_decref(value);
		return 0;
	}
	return json_object_set_new(root, key, value) < 0 ? no_memory(reterr) : 0;
}

static bool has_past(const json_t *root)
{
	static const char *const keys[] = { "first", "last", "since", "until" };

	for (size_t i = 0; i < PN_ARRAY_SIZE(keys); i++) {
		if (json_object_get(root, keys[i]))
			return true;
	}
	return false;
}

static int put_defaults(json_t *root, bool is_flows, struct pn_err *reterr)
{
	int r = put_default(root, "format", json_string("json"), reterr);

	if (r == 0)
		r = put_default(root, "follow", json_false(), reterr);
	if (r == 0 && is_flows && json_is_false(json_object_get(root, "follow")) && !has_past(root))
		r = put_default(root, "all", json_true(), reterr);
	return r;
}

int pn_request_from_query(const char *command, const struct pn_http_pair *pairs, size_t n,
			  struct pn_request *ret, struct pn_err *reterr)
{
	PN_CLEANUP(json_decrefp) json_t *root = json_pack("{s:s}", "command", command);
	int r = root ? 0 : no_memory(reterr);

	for (size_t i = 0; r == 0 && i < n; i++) {
		enum pn_member_sort sort = pn_request_member(pairs[i].key);

		r = sort == PN_MEMBER_NONE ? put_filter(root, &pairs[i], reterr)
					   : put_member(root, sort, &pairs[i], reterr);
	}
	if (r == 0)
		r = put_defaults(root, strcmp(command, "flows") == 0, reterr);
	return r == 0 ? pn_request_from_json(root, ret, reterr) : r;
}
