/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of the API server as `podonym get` needs them: not what the agent keeps of an object, but
 * all of it, or the row that the server makes of it. framing.h cuts, so there is one tree at a time;
 * the entries of a Table are called rows, which its "kind" says before they come.
 */
#include "cmd/get/get_body.h"

#include <errno.h>
#include <string.h>

enum { MAX_MEMBER = 1 << 20 };

/* Whole numbers too large for one are real numbers then, as for other readers of JSON. */
static int parse(struct pn_body *b, const char *json, size_t len, json_t **ret)
{
	const size_t flags = JSON_ALLOW_NUL | JSON_DECODE_ANY;
	json_error_t error;

	*ret = json_loadb(json, len, flags, &error);
	if (!*ret && json_error_code(&error) == json_error_numeric_overflow)
		*ret = json_loadb(json, len, flags | JSON_DECODE_INT_AS_REAL, &error);
	if (*ret)
		return 0;
	return pn_err_set(b->err, -EBADMSG, "invalid JSON at byte %d of an object: %s",
			  error.position, error.text);
}

static void copy_text(char *to, size_t size, const json_t *tree, const char *field)
{
	const char *s = json_string_value(json_object_get(tree, field));

	if (s && strlen(s) < size)
		memcpy(to, s, strlen(s) + 1);
}

static bool is_table(const json_t *tree)
{
	const char *kind = json_string_value(json_object_get(tree, "kind"));

	return kind && strcmp(kind, "Table") == 0;
}

static int take_columns(struct pn_body *b, const json_t *columns)
{
	return json_array_size(columns) ? b->ops->columns(b->data, columns) : 0;
}

/* A Table in one piece, or an object. */
static int take_tree(struct pn_body *b, const char *change, json_t *tree)
{
	const json_t *rows = json_object_get(tree, "rows");
	int r;

	if (!is_table(tree))
		return b->ops->object(b->data, change, tree);
	r = take_columns(b, json_object_get(tree, "columnDefinitions"));
	for (size_t i = 0; r == 0 && i < json_array_size(rows); i++)
		r = b->ops->row(b->data, change, json_array_get(rows, i));
	return r;
}

/* The object behind an event: itself, or that of a Table's first row. */
static void note_version(struct pn_body *b, const json_t *object)
{
	const json_t *of = object;

	if (is_table(object))
		of = json_object_get(json_array_get(json_object_get(object, "rows"), 0), "object");
	if (!of)
		of = object;
	copy_text(b->resource_version, sizeof(b->resource_version), json_object_get(of, "metadata"),
		  "resourceVersion");
}

static int take_event(struct pn_body *b, const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	json_t *object = json_object_get(event, "object");

	if (!type || !json_is_object(object))
		return pn_err_set(b->err, -EBADMSG, "a watch event without a type or an object");
	if (strcmp(type, "ERROR") == 0) {
		pn_status_from_json(object, &b->error);
		b->has_error = true;
		return -ECANCELED;
	}
	b->n_events++;
	note_version(b, object);
	if (strcmp(type, "BOOKMARK") == 0)
		return 0;
	if (strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0 &&
	    strcmp(type, "DELETED") != 0)
		return pn_err_set(b->err, -EBADMSG, "a watch event of an unknown type");
	return take_tree(b, type, object);
}

static int take_entry(struct pn_body *b, json_t *tree)
{
	if (b->form == PN_BODY_WATCH)
		return take_event(b, tree);
	if (b->form == PN_BODY_ONE)
		return take_tree(b, "ADDED", tree);
	if (strcmp(b->framing.items, "rows") == 0)
		return b->ops->row(b->data, "ADDED", tree);
	return b->ops->object(b->data, "ADDED", tree);
}

static int on_object(void *data, const char *json, size_t len)
{
	struct pn_body *b = data;
	json_t *tree;
	int r = parse(b, json, len, &tree);

	if (r < 0)
		return r;
	r = take_entry(b, tree);
	json_decref(tree);
	return r;
}

static int take_member(struct pn_body *b, const char *key, const json_t *tree)
{
	if (strcmp(key, "columnDefinitions") == 0)
		return take_columns(b, tree);
	copy_text(b->continue_token, sizeof(b->continue_token), tree, "continue");
	copy_text(b->resource_version, sizeof(b->resource_version), tree, "resourceVersion");
	return 0;
}

static bool is_key(const char *key, size_t key_len, const char *name)
{
	return key_len == strlen(name) && memcmp(key, name, key_len) == 0;
}

static int on_member(void *data, const char *key, size_t key_len, const char *json, size_t len)
{
	struct pn_body *b = data;
	const char *wanted = NULL;
	json_t *tree;
	int r;

	if (is_key(key, key_len, "kind") && len == 7 && memcmp(json, "\"Table\"", len) == 0)
		b->framing.items = "rows";
	if (is_key(key, key_len, "columnDefinitions"))
		wanted = "columnDefinitions";
	else if (is_key(key, key_len, "metadata"))
		wanted = "metadata";
	if (!wanted)
		return 0;
	if (len > MAX_MEMBER)
		return pn_err_set(b->err, -EMSGSIZE, "a list with %s of %zu bytes", wanted, len);
	r = parse(b, json, len, &tree);
	if (r < 0)
		return r;
	r = take_member(b, wanted, tree);
	json_decref(tree);
	return r;
}

static const struct pn_framing_ops framing_ops = { .object = on_object, .member = on_member };

void pn_body_init(struct pn_body *b, enum pn_body_form form, const struct pn_body_ops *ops,
		  void *data)
{
	*b = (struct pn_body) { .form = form, .ops = ops, .data = data };
	pn_framing_init(&b->framing, form == PN_BODY_LIST ? PN_FRAMING_LIST : PN_FRAMING_STREAM,
			&framing_ops, b);
}

void pn_body_done(struct pn_body *b)
{
	pn_framing_done(&b->framing);
}

int pn_body_feed(struct pn_body *b, const char *bytes, size_t len, struct pn_err *reterr)
{
	b->err = reterr;
	return pn_framing_feed(&b->framing, bytes, len, reterr);
}

int pn_body_end(struct pn_body *b, struct pn_err *reterr)
{
	return pn_framing_end(&b->framing, reterr);
}
