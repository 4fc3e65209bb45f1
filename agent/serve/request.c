/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of the unix socket: the JSON in them, without the socket; request_query.c makes the same
 * JSON of a query of HTTP. Fuzzed, since anybody in the socket's group may send anything.
 */
#include "serve/request.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "serve/request_private.h"

static int parse_command(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	const char *name = json_string_value(value);

	if (!name)
		return pn_err_set(reterr, -EINVAL, "\"command\" must be a string");
	if (strcmp(name, "flows") == 0)
		req->command = PN_REQUEST_FLOWS;
	else if (strcmp(name, "drops") == 0)
		req->command = PN_REQUEST_DROPS;
	else if (strcmp(name, "status") == 0)
		req->command = PN_REQUEST_STATUS;
	else if (strcmp(name, "select") == 0)
		req->command = PN_REQUEST_SELECT;
	else if (strcmp(name, "config") == 0)
		req->command = PN_REQUEST_CONFIG;
	else
		return pn_err_set(
			reterr, -EINVAL,
			"unknown command \"%.64s\", this agent knows flows, drops, status, "
			"select and config",
			name);
	return 0;
}

static int parse_format(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	const char *name = json_string_value(value);

	if (!name)
		return pn_err_set(reterr, -EINVAL, "\"format\" must be a string");
	if (pn_format_parse(name, &req->view.style.format) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "unknown format \"%.64s\", this agent knows compact, color, json "
				  "and fields",
				  name);
	return 0;
}

static int parse_expression(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) > PN_REQUEST_MAX)
		return pn_err_set(reterr, -EINVAL, "\"expression\" must be a string");
	(void)stpcpy(req->expression, text);
	req->has_expression = true;
	return 0;
}

static int parse_sampling(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	json_int_t n = json_integer_value(value);

	if (n < 1 || n > UINT32_MAX)
		return pn_err_set(reterr, -EINVAL, "\"sampling\" must be a number above 0");
	req->sampling = (uint32_t)n;
	return 0;
}

static int parse_time_format(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	const char *name = json_string_value(value);

	if (!name)
		return pn_err_set(reterr, -EINVAL, "\"time_format\" must be a string");
	if (pn_time_form_parse(name, &req->view.style.time) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "unknown time format \"%.64s\", this agent knows clock, rfc3339, "
				  "rfc3339nano, unix and relative",
				  name);
	return 0;
}

static int parse_flag(const char *key, const json_t *value, bool *ret, struct pn_err *reterr)
{
	if (!json_is_boolean(value))
		return pn_err_set(reterr, -EINVAL, "\"%s\" must be true or false", key);
	*ret = json_is_true(value);
	return 0;
}

static int parse_numeric(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	return parse_flag("numeric", value, &req->view.style.numeric, reterr);
}

static int parse_follow(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	return parse_flag("follow", value, &req->view.follow, reterr);
}

/* The records that are kept are asked for once, and in one way. */
static int set_past(struct pn_request *req, enum pn_past past, struct pn_err *reterr)
{
	if (req->view.past != PN_PAST_NONE)
		return pn_err_set(reterr, -EINVAL,
				  "\"all\", \"first\" and \"last\" do not go together");
	req->view.past = past;
	return 0;
}

static int parse_all(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	bool all = false;
	int r = parse_flag("all", value, &all, reterr);

	return r == 0 && all ? set_past(req, PN_PAST_ALL, reterr) : r;
}

static int parse_count(const char *key, const json_t *value, enum pn_past past,
		       struct pn_request *req, struct pn_err *reterr)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 1 || n > UINT32_MAX)
		return pn_err_set(reterr, -EINVAL, "\"%s\" must be a number from 1 to %u", key,
				  UINT32_MAX);
	req->view.n = (uint32_t)n;
	return set_past(req, past, reterr);
}

static int parse_first(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	return parse_count("first", value, PN_PAST_FIRST, req, reterr);
}

static int parse_last(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	return parse_count("last", value, PN_PAST_LAST, req, reterr);
}

static int parse_instant(const char *key, const json_t *value, pn_nsec *ret, struct pn_err *reterr)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "\"%s\" must be a time in nanoseconds since 1970", key);
	*ret = (pn_nsec)json_integer_value(value);
	return 0;
}

static int parse_since(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	return parse_instant("since", value, &req->view.since, reterr);
}

static int parse_until(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	return parse_instant("until", value, &req->view.until, reterr);
}

/* {"pod": "shop/web"} or {"not": true, "port": "53"} */
static int parse_filter(json_t *value, struct pn_filter *filter, struct pn_err *reterr)
{
	const char *key, *name = NULL, *text = NULL;
	bool negate = false;
	json_t *member;
	int r;

	json_object_foreach (value, key, member) {
		if (strcmp(key, "not") == 0) {
			r = parse_flag("not", member, &negate, reterr);
			if (r < 0)
				return r;
			continue;
		}
		if (name)
			return pn_err_set(reterr, -EINVAL, "a filter has one name and \"not\"");
		name = key;
		text = json_string_value(member);
	}
	if (!name || !text)
		return pn_err_set(reterr, -EINVAL,
				  "a filter is an object such as {\"pod\": \"shop/web\"}");
	r = pn_filter_add(filter, name, negate, text, reterr);
	if (r == -ENOENT || r == -E2BIG)
		return -EINVAL;
	return r < 0 ? pn_err_wrap(reterr, r, "%s", name) : 0;
}

static int parse_filters(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	size_t i;
	json_t *one;

	if (!json_is_array(value))
		return pn_err_set(reterr, -EINVAL, "\"filters\" must be an array");
	if (pn_filter_new(&req->view.filter) < 0)
		return pn_err_set(reterr, -ENOMEM, "the agent is out of memory");
	json_array_foreach (value, i, one) {
		int r = parse_filter(one, req->view.filter, reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

static const struct {
	const char *key;
	int (*parse)(const json_t *value, struct pn_request *req, struct pn_err *reterr);
	enum pn_member_sort in_query;
} members[] = {
	{ "command", parse_command, PN_MEMBER_NONE },
	{ "format", parse_format, PN_MEMBER_TEXT },
	{ "time_format", parse_time_format, PN_MEMBER_TEXT },
	{ "numeric", parse_numeric, PN_MEMBER_FLAG },
	{ "follow", parse_follow, PN_MEMBER_FLAG },
	{ "all", parse_all, PN_MEMBER_FLAG },
	{ "first", parse_first, PN_MEMBER_NUMBER },
	{ "last", parse_last, PN_MEMBER_NUMBER },
	{ "since", parse_since, PN_MEMBER_NUMBER },
	{ "until", parse_until, PN_MEMBER_NUMBER },
	{ "filters", parse_filters, PN_MEMBER_NONE },
	{ "expression", parse_expression, PN_MEMBER_NONE },
	{ "sampling", parse_sampling, PN_MEMBER_NONE },
};

enum pn_member_sort pn_request_member(const char *key)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(members); i++) {
		if (strcmp(key, members[i].key) == 0)
			return members[i].in_query;
	}
	return PN_MEMBER_NONE;
}

static int parse_member(const char *key, const json_t *value, struct pn_request *req,
			struct pn_err *reterr)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(members); i++) {
		if (strcmp(key, members[i].key) == 0)
			return members[i].parse(value, req, reterr);
	}
	return pn_err_set(reterr, -EINVAL, "unknown member \"%.64s\" in the request", key);
}

/* A time alone asks for all of that time. */
static int check_view(struct pn_view *v, struct pn_err *reterr)
{
	bool has_time = v->since || v->until != PN_NSEC_NEVER;

	if (v->past == PN_PAST_NONE && has_time)
		v->past = PN_PAST_ALL;
	if (v->past == PN_PAST_NONE && !v->follow)
		return pn_err_set(reterr, -EINVAL,
				  "nothing is asked for: neither to follow, nor what has been");
	if (v->follow && (v->until != PN_NSEC_NEVER || v->past == PN_PAST_FIRST))
		return pn_err_set(reterr, -EINVAL,
				  "\"until\" and \"first\" do not go together with \"follow\"");
	return 0;
}

/* Those held are few, so without a wish it is all of them. */
static int check_drops(struct pn_view *v, struct pn_err *reterr)
{
	if (v->style.format == PN_FORMAT_FIELDS)
		return pn_err_set(reterr, -EINVAL, "drops have no format \"fields\"");
	if (v->past == PN_PAST_NONE && !v->follow)
		v->past = PN_PAST_ALL;
	return check_view(v, reterr);
}

static int parse_members(json_t *root, struct pn_request *req, struct pn_err *reterr)
{
	const char *key;
	json_t *value;

	json_object_foreach (root, key, value) {
		int r = parse_member(key, value, req, reterr);

		if (r < 0)
			return r;
	}
	return req->command == PN_REQUEST_DROPS ? check_drops(&req->view, reterr)
						: check_view(&req->view, reterr);
}

int pn_request_from_json(json_t *root, struct pn_request *ret, struct pn_err *reterr)
{
	struct pn_request req = { .view = { .until = PN_NSEC_NEVER, .follow = true } };
	int r = parse_members(root, &req, reterr);

	if (r < 0) {
		pn_request_done(&req);
		return r;
	}
	*ret = req;
	return 0;
}

int pn_request_parse(const char *line, size_t len, struct pn_request *ret, struct pn_err *reterr)
{
	PN_CLEANUP(json_decrefp) json_t *root = NULL;
	json_error_t why;

	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return pn_err_set(reterr, -EINVAL, "the request is not JSON: %s", why.text);
	if (!json_is_object(root) || !json_object_get(root, "command"))
		return pn_err_set(reterr, -EINVAL, "the request has no \"command\"");
	return pn_request_from_json(root, ret, reterr);
}

void pn_request_done(struct pn_request *req)
{
	pn_filter_free(PN_TAKE_PTR(req->view.filter));
}

char *pn_request_refusal(const char *why)
{
	PN_CLEANUP(json_decrefp) json_t *root = json_pack("{s:s}", "error", why);
	PN_CLEANUP(pn_freep) char *text = NULL;
	char *line;

	if (!root) /* a piece of a name, cut within a character */
		root = json_pack("{s:s}", "error", "the request was refused");
	text = root ? json_dumps(root, 0) : NULL;
	return text && asprintf(&line, "%s\n", text) >= 0 ? line : NULL;
}
