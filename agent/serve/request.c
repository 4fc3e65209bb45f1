/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of the unix socket: the JSON in them, without the socket. Fuzzed, since anybody in
 * the socket's group may send anything.
 */
#include "serve/request.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

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
	else
		return pn_err_set(reterr, -EINVAL,
				  "unknown command \"%.64s\", this agent knows flows, drops and "
				  "status",
				  name);
	return 0;
}

static int parse_format(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	const char *name = json_string_value(value);

	if (!name)
		return pn_err_set(reterr, -EINVAL, "\"format\" must be a string");
	if (pn_format_parse(name, &req->format) < 0)
		return pn_err_set(
			reterr, -EINVAL,
			"unknown format \"%.64s\", this agent knows compact, color and json", name);
	return 0;
}

static int parse_follow(const json_t *value, struct pn_request *req, struct pn_err *reterr)
{
	if (!json_is_boolean(value))
		return pn_err_set(reterr, -EINVAL, "\"follow\" must be true or false");
	req->follow = json_is_true(value);
	return 0;
}

static int parse_member(const char *key, const json_t *value, struct pn_request *req,
			struct pn_err *reterr)
{
	if (strcmp(key, "command") == 0)
		return parse_command(value, req, reterr);
	if (strcmp(key, "format") == 0)
		return parse_format(value, req, reterr);
	if (strcmp(key, "follow") == 0)
		return parse_follow(value, req, reterr);
	return pn_err_set(reterr, -EINVAL, "unknown member \"%.64s\" in the request", key);
}

int pn_request_parse(const char *line, size_t len, struct pn_request *ret, struct pn_err *reterr)
{
	struct pn_request req = { .format = PN_FORMAT_COMPACT };
	PN_CLEANUP(json_decrefp) json_t *root = NULL;
	json_error_t why;
	const char *key;
	json_t *value;

	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return pn_err_set(reterr, -EINVAL, "the request is not JSON: %s", why.text);
	if (!json_is_object(root) || !json_object_get(root, "command"))
		return pn_err_set(reterr, -EINVAL, "the request has no \"command\"");
	json_object_foreach (root, key, value) {
		int r = parse_member(key, value, &req, reterr);

		if (r < 0)
			return r;
	}
	*ret = req;
	return 0;
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
