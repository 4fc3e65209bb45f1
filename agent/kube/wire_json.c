/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers in JSON: the framing cuts out one object's text, what nobody reads is cut off from it,
 * jansson makes a tree of the rest, the kind's decoder takes what is kept, and the tree is gone
 * again.
 */
#include <errno.h>
#include <string.h>

#include "base/metric.h"
#include "kube/json_fields.h"
#include "kube/json_load.h"
#include "kube/json_trim.h"
#include "kube/wire_impl.h"

/* A list's own metadata is small; more is not worth a tree. */
enum { MAX_LIST_META = 64 << 10, KEPT_CAP = 1 << 20 };

/* What cannot be trimmed is parsed as it is, for the sake of the message and its place. */
static int parse_wanted(struct pn_wire *w, const struct pn_json_set *set, const char *json,
			size_t len, json_t **ret, struct pn_err *reterr)
{
	struct pn_buf *buf = &w->json.trimmed;
	unsigned int keep = (w->config->keep_labels ? PN_JSON_KEEP_LABELS : 0) |
			    (w->config->annotations ? PN_JSON_KEEP_ANNOTATIONS : 0);
	int r = pn_json_trim(set, keep, json, len, buf);

	if (r == 0)
		r = pn_json_load(buf->data, buf->len, ret, NULL);
	if (buf->cap > KEPT_CAP)
		pn_buf_done(buf);
	return r == -EBADMSG ? pn_json_load(json, len, ret, reterr) : r;
}

static void free_tree(json_t **tree)
{
	json_decref(*tree);
}

/* Items of a list need not say what they are. */
static bool is_kind(const struct pn_wire *w, const json_t *tree)
{
	const json_t *kind = json_object_get(tree, "kind");

	if (!kind)
		return w->mode == PN_WIRE_LIST;
	return json_is_string(kind) &&
	       pn_wire_is_kind(w, json_string_value(kind), json_string_length(kind));
}

static void refuse(struct pn_wire *w, const json_t *tree, struct pn_err *why)
{
	const json_t *meta = json_object_get(tree, "metadata");
	struct pn_draft d = { 0 };

	pn_wire_refuse_object(w, why, pn_json_name(&d, meta, "namespace", PN_OBJECT_NAMESPACE_LEN),
			      pn_json_name(&d, meta, "name", PN_OBJECT_NAME_LEN));
}

/* In a list the kind is said once, for all items; whoever gets the object alone wants to know it. */
static int complete(const struct pn_kind *kind, json_t *tree)
{
	const char *slash = kind->group[0] ? "/" : "";

	if (json_object_get(tree, "kind"))
		return 0;
	if (json_object_set_new(tree, "apiVersion",
				json_sprintf("%s%s%s", kind->group, slash, kind->version)) < 0 ||
	    json_object_set_new(tree, "kind", json_string(kind->kind)) < 0)
		return -ENOMEM;
	return 0;
}

/* Before a generic object is kept. */
static int prepare(struct pn_wire *w, json_t *tree, struct pn_err *why)
{
	const struct pn_wire_config *config = w->config;
	int r;

	if (config->kind->id != PN_KIND_GENERIC)
		return 0;
	r = complete(config->kind, tree);
	if (r < 0 || !config->transform)
		return r;
	r = config->transform(config->transform_data, tree);
	return r < 0 ? pn_err_set(why, -EINVAL, "the transform says: %s", strerror(-r)) : 0;
}

static int decode(struct pn_wire *w, json_t *tree, struct pn_object **ret, struct pn_err *why)
{
	int r;

	if (!is_kind(w, tree))
		return pn_err_set(why, -EINVAL, "kind: not a %s", w->config->kind->kind);
	r = prepare(w, tree, why);
	return r < 0 ? r : w->config->kind->decode_json(&w->decoding, tree, ret, why);
}

static int take_object(struct pn_wire *w, int event, json_t *tree)
{
	struct pn_object *obj;
	struct pn_err why;
	int r;

	r = decode(w, tree, &obj, &why);
	if (r == -ENOMEM)
		return r;
	if (r == 0)
		return pn_wire_deliver(w, event, obj);
	refuse(w, tree, &why);
	return 0;
}

static int take_item(void *data, const char *json, size_t len)
{
	PN_CLEANUP(free_tree) json_t *tree = NULL;
	struct pn_wire *w = data;
	struct pn_err why;
	int r;

	r = parse_wanted(w, pn_json_wanted_object(w->config->kind), json, len, &tree, &why);
	if (r == -EBADMSG) {
		pn_wire_refuse(w, &why);
		return 0;
	}
	return r < 0 ? r : take_object(w, 0, tree);
}

static int take_list_meta(struct pn_wire *w, const json_t *meta)
{
	struct pn_draft d = { 0 };
	const char *rv = pn_json_name(&d, meta, "resourceVersion", sizeof(w->resource_version));
	const char *token = pn_json_string(&d, meta, "continue", sizeof(w->continue_token));

	if (d.error)
		return pn_wire_bad_list(w, "metadata");
	memcpy(w->resource_version, rv, strlen(rv) + 1);
	memcpy(w->continue_token, token, strlen(token) + 1);
	return 0;
}

static bool is_text(const char *text, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(text, want, len) == 0;
}

static int take_member(void *data, const char *key, size_t key_len, const char *json, size_t len)
{
	PN_CLEANUP(free_tree) json_t *tree = NULL;
	struct pn_wire *w = data;
	int r;

	if (is_text(key, key_len, "kind"))
		return len > 2 && json[0] == '"' ? pn_wire_list_kind(w, json + 1, len - 2)
						 : pn_wire_bad_list(w, "kind");
	if (is_text(key, key_len, "items"))
		return is_text(json, len, "null") ? 0 : pn_wire_bad_list(w, "items");
	if (!is_text(key, key_len, "metadata"))
		return 0;
	if (len > MAX_LIST_META)
		return pn_wire_bad_list(w, "metadata");
	r = pn_json_load(json, len, &tree, w->err);
	return r < 0 ? r : take_list_meta(w, tree);
}

/* The stub in a bookmark has no name, so it is not decoded as an object. */
static int take_bookmark(struct pn_wire *w, const json_t *object)
{
	struct pn_draft d = { 0 };
	const json_t *meta = pn_json_object(&d, object, "metadata");
	const json_t *annotations = pn_json_object(&d, meta, "annotations");
	const char *rv = pn_json_name(&d, meta, "resourceVersion", PN_OBJECT_RV_LEN);
	const char *end =
		pn_json_string(&d, annotations, "k8s.io/initial-events-end", PN_SHORT_TEXT_LEN);

	if (rv[0] && is_kind(w, object))
		return w->ops->bookmark(w->data, rv, strcmp(end, "true") == 0);
	pn_wire_refuse(w, &(struct pn_err) { "bookmark: wrong kind, or no resourceVersion" });
	return 0;
}

static int take_event_tree(struct pn_wire *w, const json_t *tree)
{
	json_t *object = json_object_get(tree, "object");
	const json_t *type = json_object_get(tree, "type");
	struct pn_status status;
	int event;

	if (!json_is_string(type) || !json_is_object(object))
		return pn_err_set(w->err, -EBADMSG, "a watch event without a type or an object");
	event = pn_wire_event_type(w, json_string_value(type), json_string_length(type));
	if (event == PN_EVENT_BOOKMARK)
		return take_bookmark(w, object);
	if (event != PN_EVENT_ERROR)
		return event < 0 ? event : take_object(w, event, object);
	pn_status_from_json(object, &status);
	return w->ops->error(w->data, &status);
}

static int take_event(void *data, const char *json, size_t len)
{
	PN_CLEANUP(free_tree) json_t *tree = NULL;
	struct pn_wire *w = data;
	int r;

	pn_metric_add(PN_METRIC_KUBE_EVENTS, 1);
	r = parse_wanted(w, pn_json_wanted_event(w->config->kind), json, len, &tree, w->err);
	return r < 0 ? r : take_event_tree(w, tree);
}

static void open_json(struct pn_wire *w)
{
	static const struct pn_framing_ops list_ops = { take_item, take_member };
	static const struct pn_framing_ops watch_ops = { take_event, NULL };

	w->json.trimmed = PN_BUF_INIT(PN_FRAMING_MAX_OBJECT);
	if (w->mode == PN_WIRE_LIST)
		pn_framing_init(&w->json.framing, PN_FRAMING_LIST, &list_ops, w);
	else
		pn_framing_init(&w->json.framing, PN_FRAMING_STREAM, &watch_ops, w);
}

static void close_json(struct pn_wire *w)
{
	pn_framing_done(&w->json.framing);
	pn_buf_done(&w->json.trimmed);
}

static int feed_json(struct pn_wire *w, const char *bytes, size_t len, struct pn_err *reterr)
{
	return pn_framing_feed(&w->json.framing, bytes, len, reterr);
}

static int end_json(struct pn_wire *w, struct pn_err *reterr)
{
	return pn_framing_end(&w->json.framing, reterr);
}

const struct pn_wire_encoding pn_wire_json = { open_json, close_json, feed_json, end_json };
