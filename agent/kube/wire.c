/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of an answer to objects and events, whatever the encoding: what is asked for, and
 * what the answer may be. The reflector is the caller; wire_json.c and wire_pb.c read.
 *
 * An object that cannot be read costs only itself in a list; in a watch, where its absence would go
 * unnoticed, it ends the stream. One that can be read but not be used costs only itself in both.
 */
#include "kube/wire.h"

#include <errno.h>
#include <string.h>

#include "base/metric.h"
#include "kube/wire_impl.h"

static const char partial_kind[] = "PartialObjectMetadata";

#define PARTIAL(type, list) type ";as=PartialObjectMetadata" list ";g=meta.k8s.io;v=v1"
#define JSON "application/json"
#define PROTOBUF "application/vnd.kubernetes.protobuf"

/* By protobuf, by metadata only, by mode. A server that gives no metadata alone gives whole objects. */
static const char *const accepts[2][2][2] = {
	{ { JSON, JSON }, { PARTIAL(JSON, "List") "," JSON, PARTIAL(JSON, "") "," JSON } },
	{ { PROTOBUF "," JSON, PROTOBUF "," JSON },
	  { PARTIAL(PROTOBUF, "List") "," PARTIAL(JSON, "List") "," JSON,
	    PARTIAL(PROTOBUF, "") "," PARTIAL(JSON, "") "," JSON } },
};

static bool is_metadata_only(const struct pn_wire_config *config)
{
	return config->metadata_only || config->kind->metadata_only;
}

static bool has_protobuf(const struct pn_wire_config *config)
{
	return config->protobuf && config->kind->decode_protobuf;
}

const char *pn_wire_accept(const struct pn_wire_config *config, enum pn_wire_mode mode)
{
	return accepts[has_protobuf(config)][is_metadata_only(config)][mode == PN_WIRE_WATCH];
}

static bool is_name(const char *text, size_t len, const char *name, const char *suffix)
{
	size_t n = strlen(name), n_suffix = strlen(suffix);

	return len == n + n_suffix && memcmp(text, name, n) == 0 &&
	       memcmp(text + n, suffix, n_suffix) == 0;
}

static bool is_kind(const struct pn_wire *w, const char *kind, size_t len, const char *suffix)
{
	return is_name(kind, len, w->config->kind->kind, suffix) ||
	       (is_metadata_only(w->config) && is_name(kind, len, partial_kind, suffix));
}

bool pn_wire_is_kind(const struct pn_wire *w, const char *kind, size_t len)
{
	return is_kind(w, kind, len, "");
}

/* What is not text is for no terminal. */
static bool is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0;
}

int pn_wire_list_kind(struct pn_wire *w, const char *kind, size_t len)
{
	w->kind_ok = is_kind(w, kind, len, "List");
	if (w->kind_ok)
		return 0;
	if (!is_printable(kind, len) || len >= PN_OBJECT_KIND_LEN)
		return pn_wire_bad_list(w, "kind");
	return pn_err_set(w->err, -EBADMSG, "a %.*s instead of a %sList", (int)len, kind,
			  w->config->kind->kind);
}

int pn_wire_bad_list(struct pn_wire *w, const char *what)
{
	return pn_err_set(w->err, -EBADMSG, "a list without a usable %s", what);
}

void pn_wire_refuse(struct pn_wire *w, const struct pn_err *why)
{
	pn_metric_add(PN_METRIC_KUBE_REFUSED, 1);
	w->ops->refused(w->data, why);
}

void pn_wire_refuse_object(struct pn_wire *w, struct pn_err *why, const char *name_space,
			   const char *name)
{
	(void)pn_err_wrap(why, 0, "%s%s%s", name_space, name_space[0] ? "/" : "",
			  name[0] ? name : "(no name)");
	pn_wire_refuse(w, why);
}

int pn_wire_deliver(struct pn_wire *w, int event, struct pn_object *obj)
{
	int r = w->mode == PN_WIRE_LIST ? w->ops->item(w->data, obj)
					: w->ops->event(w->data, (enum pn_event)event, obj);

	pn_object_unref(obj);
	return r;
}

static const char *const event_names[] = {
	[PN_EVENT_ADDED] = "ADDED",	[PN_EVENT_MODIFIED] = "MODIFIED",
	[PN_EVENT_DELETED] = "DELETED", [PN_EVENT_BOOKMARK] = "BOOKMARK",
	[PN_EVENT_ERROR] = "ERROR",
};
_Static_assert(PN_ARRAY_SIZE(event_names) == PN_EVENT_MAX + 2, "a name for each event");

int pn_wire_event_type(struct pn_wire *w, const char *type, size_t len)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(event_names); i++)
		if (is_name(type, len, event_names[i], ""))
			return (int)i;
	return pn_err_set(w->err, -EBADMSG, "a watch event of an unknown type");
}

static const struct pn_wire_encoding *encoding_of(const struct pn_wire_config *config,
						  const char *content_type)
{
	if (strcmp(content_type, JSON) == 0)
		return &pn_wire_json;
	return has_protobuf(config) && strcmp(content_type, PROTOBUF) == 0 ? &pn_wire_pb : NULL;
}

int pn_wire_open(const struct pn_wire_config *config, enum pn_wire_mode mode,
		 const char *content_type, const struct pn_wire_ops *ops, void *data,
		 struct pn_wire **ret, struct pn_err *reterr)
{
	const struct pn_wire_encoding *encoding = encoding_of(config, content_type);
	struct pn_wire *w;

	if (!encoding)
		return pn_err_set(reterr, -EPROTO, "an answer in %.64s instead of %sJSON",
				  content_type[0] ? content_type : "no content type",
				  has_protobuf(config) ? "protobuf or " : "");
	w = malloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct pn_wire) {
		.config = config,
		.encoding = encoding,
		.decoding = { config->kind, config->keep_labels, config->annotations },
		.mode = mode,
		.ops = ops,
		.data = data,
	};
	encoding->open(w);
	*ret = w;
	return 0;
}

void pn_wire_close(struct pn_wire *w)
{
	if (!w)
		return;
	w->encoding->close(w);
	free(w);
}

int pn_wire_feed(struct pn_wire *w, const char *bytes, size_t len, struct pn_err *reterr)
{
	w->err = reterr;
	return w->encoding->feed(w, bytes, len, reterr);
}

int pn_wire_end(struct pn_wire *w, struct pn_err *reterr)
{
	int r;

	w->err = reterr;
	r = w->encoding->end(w, reterr);
	if (r < 0 || w->mode == PN_WIRE_WATCH)
		return r;
	return w->kind_ok ? 0 : pn_wire_bad_list(w, "kind");
}

const char *pn_wire_resource_version(const struct pn_wire *w)
{
	return w->resource_version;
}

const char *pn_wire_continue(const struct pn_wire *w)
{
	return w->continue_token;
}
