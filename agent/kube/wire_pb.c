/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers in protobuf: the framing cuts out one message, the kind's decoder reads it where it lies.
 */
#include <errno.h>
#include <string.h>

#include "base/metric.h"
#include "kube/pb_fields.h"
#include "kube/pb_numbers.h"
#include "kube/wire_impl.h"

static const char initial_end[] = "k8s.io/initial-events-end";

/* The metadata of a message that is an object or a list. */
static struct pn_pb metadata_of(struct pn_pb m)
{
	struct pn_pb found = pn_pb_from("", 0);
	struct pn_pb_field f;

	while (pn_pb_read(&m, &f) > 0)
		if (f.number == PB_OBJECT_METADATA && f.type == PN_PB_BYTES)
			found = f.bytes;
	return found;
}

/* Name and namespace of an object that was refused, as far as they can be read. */
static void refuse(struct pn_wire *w, struct pn_pb m, struct pn_err *why)
{
	struct pn_pb meta = metadata_of(m);
	const char *name = "", *name_space = "";
	struct pn_draft d = { 0 };
	struct pn_pb_field f;

	while (pn_pb_next(&d, &meta, &f)) {
		if (f.number == PB_META_NAME)
			name = pn_pb_name(&d, &f, "name", PN_OBJECT_NAME_LEN);
		else if (f.number == PB_META_NAMESPACE)
			name_space = pn_pb_name(&d, &f, "namespace", PN_OBJECT_NAMESPACE_LEN);
	}
	pn_wire_refuse_object(w, why, name_space, name);
	pn_scratch_done(&d.scratch);
}

static int take_object(struct pn_wire *w, int event, struct pn_pb m)
{
	struct pn_object *obj;
	struct pn_err why;
	int r;

	r = w->config->kind->decode_protobuf(&w->decoding, m.at, pn_pb_len(&m), &obj, &why);
	if (r == 0)
		return pn_wire_deliver(w, event, obj);
	if (r == -ENOMEM)
		return r;
	if (r == -EBADMSG && w->mode == PN_WIRE_WATCH)
		return pn_err_set(w->err, r, "%s", why.text);
	refuse(w, m, &why);
	return 0;
}

static int take_item(void *data, const uint8_t *bytes, size_t len)
{
	return take_object(data, 0, pn_pb_from(bytes, len));
}

static int take_list_kind(void *data, const char *kind, size_t len)
{
	return pn_wire_list_kind(data, kind, len);
}

static int take_list_meta(void *data, const uint8_t *bytes, size_t len)
{
	struct pn_pb m = pn_pb_from(bytes, len);
	const char *rv = "", *token = "";
	struct pn_wire *w = data;
	struct pn_draft d = { 0 };
	struct pn_pb_field f;

	while (pn_pb_next(&d, &m, &f)) {
		if (f.number == PB_LIST_META_RESOURCE_VERSION)
			rv = pn_pb_name(&d, &f, "resourceVersion", sizeof(w->resource_version));
		else if (f.number == PB_LIST_META_CONTINUE)
			token = pn_pb_string(&d, &f, "continue", sizeof(w->continue_token));
	}
	memcpy(w->resource_version, rv, strlen(rv) + 1);
	memcpy(w->continue_token, token, strlen(token) + 1);
	pn_scratch_done(&d.scratch);
	if (d.error == -ENOMEM)
		return d.error;
	return d.error ? pn_wire_bad_list(w, "metadata") : 0;
}

static bool is_initial_end(const struct pn_pb_field *annotation)
{
	struct pn_pb m = annotation->bytes;
	bool is_key = false, is_true = false;
	struct pn_pb_field f;

	while (annotation->type == PN_PB_BYTES && pn_pb_read(&m, &f) > 0) {
		if (f.number == PB_ENTRY_KEY && f.type == PN_PB_BYTES)
			is_key = pn_pb_is(f.bytes, initial_end);
		else if (f.number == PB_ENTRY_VALUE && f.type == PN_PB_BYTES)
			is_true = pn_pb_is(f.bytes, "true");
	}
	return is_key && is_true;
}

/* The stub in a bookmark has no name, so it is not decoded as an object. */
static int take_bookmark(struct pn_wire *w, struct pn_pb m)
{
	struct pn_pb meta = metadata_of(m);
	struct pn_draft d = { 0 };
	bool is_end = false;
	const char *rv = "";
	struct pn_pb_field f;
	int r = 0;

	while (pn_pb_next(&d, &meta, &f)) {
		if (f.number == PB_META_RESOURCE_VERSION)
			rv = pn_pb_name(&d, &f, "resourceVersion", PN_OBJECT_RV_LEN);
		else if (f.number == PB_META_ANNOTATIONS)
			is_end |= is_initial_end(&f);
	}
	if (d.error == -ENOMEM)
		r = d.error;
	else if (rv[0])
		r = w->ops->bookmark(w->data, rv, is_end);
	else
		pn_wire_refuse(w, &(struct pn_err) { "bookmark: no resourceVersion" });
	pn_scratch_done(&d.scratch);
	return r;
}

static int take_error(struct pn_wire *w, struct pn_pb m)
{
	struct pn_status status;

	pn_status_from_pb(m, &status);
	return w->ops->error(w->data, &status);
}

/* @object: in its envelope */
static int take_change(struct pn_wire *w, int event, struct pn_pb object)
{
	struct pn_pb kind, m;
	struct pn_err why;

	if (pn_pb_unwrap(object, &kind, &m) < 0)
		return pn_err_set(w->err, -EBADMSG, "a watch event whose object cannot be read");
	if (event == PN_EVENT_ERROR)
		return take_error(w, m);
	if (pn_wire_is_kind(w, (const char *)kind.at, pn_pb_len(&kind)))
		return event == PN_EVENT_BOOKMARK ? take_bookmark(w, m) : take_object(w, event, m);
	(void)pn_err_set(&why, 0, "kind: not a %s", w->config->kind->kind);
	refuse(w, m, &why);
	return 0;
}

/* Return: RawExtension's content; empty if there is none */
static struct pn_pb raw_of(struct pn_pb m)
{
	struct pn_pb raw = pn_pb_from("", 0);
	struct pn_pb_field f;

	while (pn_pb_read(&m, &f) > 0)
		if (f.number == PB_RAW_EXTENSION_RAW && f.type == PN_PB_BYTES)
			raw = f.bytes;
	return raw;
}

static int take_event(void *data, const uint8_t *bytes, size_t len)
{
	struct pn_pb m = pn_pb_from(bytes, len), type = { 0 }, object = { 0 };
	struct pn_wire *w = data;
	struct pn_pb_field f;
	int r;

	pn_metric_add(PN_METRIC_KUBE_EVENTS, 1);
	while ((r = pn_pb_read(&m, &f)) > 0) {
		if (f.number == PB_WATCH_EVENT_TYPE && f.type == PN_PB_BYTES)
			type = f.bytes;
		else if (f.number == PB_WATCH_EVENT_OBJECT && f.type == PN_PB_BYTES)
			object = f.bytes;
	}
	if (r < 0 || !type.at || !object.at)
		return pn_err_set(w->err, -EBADMSG, "a watch event without a type or an object");
	r = pn_wire_event_type(w, (const char *)type.at, pn_pb_len(&type));
	return r < 0 ? r : take_change(w, r, raw_of(object));
}

static void open_pb(struct pn_wire *w)
{
	static const struct pn_pb_framing_ops list_ops = { take_item, take_list_kind,
							   take_list_meta };
	static const struct pn_pb_framing_ops watch_ops = { .object = take_event };

	if (w->mode == PN_WIRE_LIST)
		pn_pb_framing_init(&w->pb, PN_FRAMING_LIST, &list_ops, w);
	else
		pn_pb_framing_init(&w->pb, PN_FRAMING_STREAM, &watch_ops, w);
}

static void close_pb(struct pn_wire *w)
{
	pn_pb_framing_done(&w->pb);
}

static int feed_pb(struct pn_wire *w, const char *bytes, size_t len, struct pn_err *reterr)
{
	return pn_pb_framing_feed(&w->pb, (const uint8_t *)bytes, len, reterr);
}

static int end_pb(struct pn_wire *w, struct pn_err *reterr)
{
	return pn_pb_framing_end(&w->pb, reterr);
}

const struct pn_wire_encoding pn_wire_pb = { open_pb, close_pb, feed_pb, end_pb };
