/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of an answer to objects and events: framing cuts out one object's text, jansson
 * makes a tree of it, the kind's decoder takes what podonym keeps, and the tree is gone again. The
 * reflector is the caller.
 *
 * Text that jansson refuses although its brackets match costs only that object in a list; in a
 * watch, where one object's absence would go unnoticed, it ends the stream.
 */
#include "kube/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/metric.h"
#include "kube/framing.h"
#include "kube/json_fields.h"

struct pn_wire {
	const struct pn_wire_config *config;
	struct pn_decoding decoding;
	enum pn_wire_mode mode;
	const struct pn_wire_ops *ops;
	void *data;
	char resource_version[PN_OBJECT_RV_LEN], continue_token[PN_CONTINUE_LEN];
	bool kind_ok;
	struct pn_framing framing;
	struct pn_err *err; /* of the call that is under way */
};

/* A list's own metadata is small; more is not worth a tree. */
enum { MAX_LIST_META = 64 << 10 };

static const char accept_object[] = "application/json";
static const char accept_meta_list[] =
	"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
static const char accept_meta[] =
	"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
static const char partial_kind[] = "PartialObjectMetadata";

static bool is_metadata_only(const struct pn_wire_config *config)
{
	return config->metadata_only || config->kind->metadata_only;
}

const char *pn_wire_accept(const struct pn_wire_config *config, enum pn_wire_mode mode)
{
	if (!is_metadata_only(config))
		return accept_object;
	return mode == PN_WIRE_LIST ? accept_meta_list : accept_meta;
}

/*
 * jansson calls lack of memory bad syntax in some places, and bad syntax costs an object for good.
 * So its allocations pass here.
 */
static _Thread_local bool is_out_of_memory;

static void *json_alloc(size_t size)
{
	void *p = malloc(size);

	if (!p)
		is_out_of_memory = true;
	return p;
}

__attribute__((constructor)) static void watch_json_memory(void)
{
	json_set_alloc_funcs(json_alloc, free);
}

/*
 * The last of two members with one name wins, as in Go; NUL characters are legal in annotations,
 * so a text with one must not cost the whole list. jansson itself stops at a depth of 2048.
 */
static int parse(const char *json, size_t len, json_t **ret, struct pn_err *reterr)
{
	json_error_t error;
	json_t *tree;

	is_out_of_memory = false;
	tree = json_loadb(json, len, JSON_ALLOW_NUL, &error);
	if (is_out_of_memory) {
		json_decref(tree);
		return -ENOMEM;
	}
	if (!tree)
		return pn_err_set(reterr, -EBADMSG, "invalid JSON at byte %d of an object: %s",
				  error.position, error.text);
	*ret = tree;
	return 0;
}

static void free_tree(json_t **tree)
{
	json_decref(*tree);
}

/* May an object that calls itself @kind stand here? Items of a list need not say what they are. */
static bool is_kind(const struct pn_wire *w, const json_t *tree)
{
	const json_t *kind = json_object_get(tree, "kind");
	const char *name = json_string_value(kind);

	if (!kind)
		return w->mode == PN_WIRE_LIST;
	return name && (strcmp(name, w->config->kind->kind) == 0 ||
			(is_metadata_only(w->config) && strcmp(name, partial_kind) == 0));
}

/* "namespace/name: " in front of @why, as far as the object has them */
static void name_object(const json_t *tree, struct pn_err *why)
{
	struct pn_json_reader rd = { 0 };
	const json_t *meta = pn_json_object(&rd, tree, "metadata");
	const char *ns = pn_json_name(&rd, meta, "namespace", PN_OBJECT_NAMESPACE_LEN);
	const char *name = pn_json_name(&rd, meta, "name", PN_OBJECT_NAME_LEN);

	(void)pn_err_wrap(why, 0, "%s%s%s", ns, ns[0] ? "/" : "", name[0] ? name : "(no name)");
}

static void refuse(struct pn_wire *w, const struct pn_err *why)
{
	pn_metric_add(PN_METRIC_KUBE_REFUSED, 1);
	w->ops->refused(w->data, why);
}

/* Return: 1 with an object, 0 if it was refused, or -ENOMEM */
static int decode(struct pn_wire *w, const json_t *tree, struct pn_object **ret)
{
	struct pn_err why;
	int r;

	if (is_kind(w, tree))
		r = w->config->kind->decode_json(&w->decoding, tree, ret, &why);
	else
		r = pn_err_set(&why, -EINVAL, "kind: not a %s", w->config->kind->kind);
	if (r == 0)
		return 1;
	if (r == -ENOMEM)
		return r;
	name_object(tree, &why);
	refuse(w, &why);
	return 0;
}

static int take_item(void *data, const char *json, size_t len)
{
	PN_CLEANUP(free_tree) json_t *tree = NULL;
	struct pn_object *obj;
	struct pn_wire *w = data;
	struct pn_err why;
	int r;

	r = parse(json, len, &tree, &why);
	if (r == -EBADMSG) {
		refuse(w, &why);
		return 0;
	}
	if (r < 0)
		return r;
	r = decode(w, tree, &obj);
	if (r <= 0)
		return r;
	r = w->ops->item(w->data, obj);
	pn_object_unref(obj);
	return r;
}

static int bad_list(struct pn_wire *w, const char *what)
{
	return pn_err_set(w->err, -EBADMSG, "a list without a usable %s", what);
}

static int take_list_meta(struct pn_wire *w, const json_t *meta)
{
	struct pn_json_reader rd = { 0 };
	const char *rv = pn_json_name(&rd, meta, "resourceVersion", sizeof(w->resource_version));
	const char *token = pn_json_string(&rd, meta, "continue", sizeof(w->continue_token));

	if (rd.error)
		return bad_list(w, "metadata");
	memcpy(w->resource_version, rv, strlen(rv) + 1);
	memcpy(w->continue_token, token, strlen(token) + 1);
	return 0;
}

/* "PodList" for Pod; with metadata only also "PartialObjectMetadataList" */
static bool is_list_kind(const struct pn_wire *w, const char *json, size_t len)
{
	char want[PN_OBJECT_KIND_LEN + 8];
	int n = snprintf(want, sizeof(want), "\"%sList\"", w->config->kind->kind);

	if (len == (size_t)n && memcmp(json, want, len) == 0)
		return true;
	n = snprintf(want, sizeof(want), "\"%sList\"", partial_kind);
	return is_metadata_only(w->config) && len == (size_t)n && memcmp(json, want, len) == 0;
}

static int take_member(void *data, const char *key, size_t key_len, const char *json, size_t len)
{
	PN_CLEANUP(free_tree) json_t *tree = NULL;
	struct pn_wire *w = data;
	int r;

	if (key_len == 4 && memcmp(key, "kind", 4) == 0)
		w->kind_ok = is_list_kind(w, json, len);
	if (key_len == 5 && memcmp(key, "items", 5) == 0)
		return len == 4 && memcmp(json, "null", 4) == 0 ? 0 : bad_list(w, "items");
	if (key_len != 8 || memcmp(key, "metadata", 8) != 0)
		return 0;
	if (len > MAX_LIST_META)
		return bad_list(w, "metadata");
	r = parse(json, len, &tree, w->err);
	return r < 0 ? r : take_list_meta(w, tree);
}

static bool is_initial_end(struct pn_json_reader *rd, const json_t *meta)
{
	const json_t *annotations = pn_json_object(rd, meta, "annotations");

	return strcmp(pn_json_string(rd, annotations, "k8s.io/initial-events-end", 8), "true") == 0;
}

/* The stub in a bookmark has no name, so it is not decoded as an object. */
static int take_bookmark(struct pn_wire *w, const json_t *object)
{
	struct pn_json_reader rd = { 0 };
	const json_t *meta = pn_json_object(&rd, object, "metadata");
	const char *rv = pn_json_name(&rd, meta, "resourceVersion", PN_OBJECT_RV_LEN);

	if (rv[0] && is_kind(w, object))
		return w->ops->bookmark(w->data, rv, is_initial_end(&rd, meta));
	refuse(w, &(struct pn_err) { "bookmark: wrong kind, or no resourceVersion" });
	return 0;
}

static int take_change(struct pn_wire *w, enum pn_event event, const json_t *tree)
{
	struct pn_object *obj;
	int r = decode(w, tree, &obj);

	if (r <= 0)
		return r;
	r = w->ops->event(w->data, event, obj);
	pn_object_unref(obj);
	return r;
}

static const char *const event_names[] = {
	[PN_EVENT_ADDED] = "ADDED",
	[PN_EVENT_MODIFIED] = "MODIFIED",
	[PN_EVENT_DELETED] = "DELETED",
};
_Static_assert(PN_ARRAY_SIZE(event_names) == PN_EVENT_MAX, "a name for each event");

static int take_event_tree(struct pn_wire *w, const json_t *tree)
{
	const json_t *object = json_object_get(tree, "object");
	const char *type = json_string_value(json_object_get(tree, "type"));
	struct pn_status status;

	if (!type || !json_is_object(object))
		return pn_err_set(w->err, -EBADMSG, "a watch event without a type or an object");
	for (unsigned int i = 0; i < PN_EVENT_MAX; i++)
		if (strcmp(type, event_names[i]) == 0)
			return take_change(w, (enum pn_event)i, object);
	if (strcmp(type, "BOOKMARK") == 0)
		return take_bookmark(w, object);
	if (strcmp(type, "ERROR") != 0)
		return pn_err_set(w->err, -EBADMSG, "a watch event of an unknown type");
	pn_status_from_json(object, &status);
	return w->ops->error(w->data, &status);
}

static int take_event(void *data, const char *json, size_t len)
{
	PN_CLEANUP(free_tree) json_t *tree = NULL;
	struct pn_wire *w = data;
	int r;

	pn_metric_add(PN_METRIC_KUBE_EVENTS, 1);
	r = parse(json, len, &tree, w->err);
	return r < 0 ? r : take_event_tree(w, tree);
}

static const struct pn_framing_ops list_ops = { .object = take_item, .member = take_member };
static const struct pn_framing_ops watch_ops = { .object = take_event };

int pn_wire_open(const struct pn_wire_config *config, enum pn_wire_mode mode,
		 const char *content_type, const struct pn_wire_ops *ops, void *data,
		 struct pn_wire **ret, struct pn_err *reterr)
{
	struct pn_wire *w;

	if (strcmp(content_type, "application/json") != 0)
		return pn_err_set(reterr, -EPROTO, "an answer in %.64s instead of JSON",
				  content_type[0] ? content_type : "no content type");
	w = malloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct pn_wire) {
		.config = config,
		.decoding = { config->kind, config->keep_labels },
		.mode = mode,
		.ops = ops,
		.data = data,
	};
	if (mode == PN_WIRE_LIST)
		pn_framing_init(&w->framing, PN_FRAMING_LIST, &list_ops, w);
	else
		pn_framing_init(&w->framing, PN_FRAMING_STREAM, &watch_ops, w);
	*ret = w;
	return 0;
}

void pn_wire_close(struct pn_wire *w)
{
	if (!w)
		return;
	pn_framing_done(&w->framing);
	free(w);
}

int pn_wire_feed(struct pn_wire *w, const char *bytes, size_t len, struct pn_err *reterr)
{
	w->err = reterr;
	return pn_framing_feed(&w->framing, bytes, len, reterr);
}

int pn_wire_end(struct pn_wire *w, struct pn_err *reterr)
{
	int r = pn_framing_end(&w->framing, reterr);

	w->err = reterr;
	if (r < 0 || w->mode == PN_WIRE_WATCH)
		return r;
	if (!w->kind_ok)
		return bad_list(w, "kind");
	return w->resource_version[0] ? 0 : bad_list(w, "resourceVersion");
}

const char *pn_wire_resource_version(const struct pn_wire *w)
{
	return w->resource_version;
}

const char *pn_wire_continue(const struct pn_wire *w)
{
	return w->continue_token;
}
