/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_WIRE_FIXTURE_H
#define PN_TEST_WIRE_FIXTURE_H

#include "base/buf.h"
#include "kube/wire.h"
#include "tests/unit/kube/decode_fixture.h"

/*
 * Answers in both encodings, made of the same JSON, and what comes out of a wire, as text.
 */

static const char json_content[] = "application/json";
static const char protobuf_content[] = "application/vnd.kubernetes.protobuf";

static void add(struct pn_buf *b, const void *data, size_t len)
{
	assert_int_equal(pn_buf_put(b, data, len), 0);
}

static void add_envelope(struct pn_buf *b, const char *kind, const char *encoding,
			 const uint8_t *raw, size_t len)
{
	Api__Unknown u = API__UNKNOWN__INIT;
	Api__TypeMeta type = API__TYPE_META__INIT;
	struct bytes packed;

	type.apiversion = (char *)(uintptr_t) "v1";
	type.kind = (char *)(uintptr_t)kind;
	u.typemeta = &type;
	u.has_raw = true;
	u.raw = (ProtobufCBinaryData) { len, (uint8_t *)(uintptr_t)raw };
	u.contentencoding = (char *)(uintptr_t)encoding;
	u.contenttype = (char *)(uintptr_t) "";
	packed = pack(&u.base);
	add(b, "k8s", 4);
	add(b, packed.data, packed.len);
	bytes_done(&packed);
}

/* @text: a list as JSON, ' for " */
static inline struct pn_buf make_list(const char *text, const ProtobufCMessageDescriptor *item,
				      bool is_protobuf)
{
	struct pn_buf b = PN_BUF_INIT((size_t)64 << 20);
	json_t *tree = tree_of(text), *items = json_object_get(tree, "items");
	char *dump = json_dumps(tree, JSON_COMPACT);
	Api__List list = API__LIST__INIT;
	size_t n = json_array_size(items);
	struct bytes packed;

	if (!is_protobuf) {
		add(&b, dump, strlen(dump));
	} else {
		list.metadata = (Api__ListMeta *)to_message(&api__list_meta__descriptor,
							    json_object_get(tree, "metadata"));
		list.items = n ? test_alloc(n * sizeof(*list.items)) : NULL;
		for (; list.n_items < n; list.n_items++) {
			packed = to_protobuf(item, json_array_get(items, list.n_items));
			list.items[list.n_items] =
				(ProtobufCBinaryData) { packed.len, packed.data };
		}
		packed = pack(&list.base);
		add_envelope(&b, json_string_value(json_object_get(tree, "kind")), "", packed.data,
			     packed.len);
		bytes_done(&packed);
		protobuf_c_message_free_unpacked(&list.metadata->base, NULL);
		while (list.n_items)
			free(list.items[--list.n_items].data);
		free(list.items);
	}
	free(dump);
	json_decref(tree);
	return b;
}

static void add_protobuf_event(struct pn_buf *b, const char *type, const struct pn_buf *raw)
{
	Api__WatchEvent event = API__WATCH_EVENT__INIT;
	Api__RawExtension object = API__RAW_EXTENSION__INIT;
	struct bytes packed;
	uint8_t size[4];

	object.has_raw = true;
	object.raw = (ProtobufCBinaryData) { raw->len, (uint8_t *)raw->data };
	event.type = (char *)(uintptr_t)type;
	event.object = &object;
	packed = pack(&event.base);
	for (int i = 0; i < 4; i++)
		size[i] = (uint8_t)(packed.len >> (24 - 8 * i));
	add(b, size, 4);
	add(b, packed.data, packed.len);
	bytes_done(&packed);
}

/* @text: the object as JSON, with its kind, ' for " */
static inline void add_event(struct pn_buf *b, const char *type, const char *text,
			     const ProtobufCMessageDescriptor *object, bool is_protobuf)
{
	json_t *tree = tree_of(text);
	char *dump = json_dumps(tree, JSON_COMPACT);
	struct pn_buf raw = PN_BUF_INIT((size_t)64 << 20);
	struct bytes packed = { NULL, 0 };

	if (is_protobuf) {
		packed = to_protobuf(object, tree);
		add_envelope(&raw, json_string_value(json_object_get(tree, "kind")), "",
			     packed.data, packed.len);
		add_protobuf_event(b, type, &raw);
	} else {
		assert_int_equal(pn_buf_printf(b, "{\"type\":\"%s\",\"object\":%s}\n", type, dump),
				 0);
	}
	bytes_done(&packed);
	pn_buf_done(&raw);
	free(dump);
	json_decref(tree);
}

/* --- what comes out --- */

struct seen {
	struct pn_wire_config config;
	struct pn_wire *wire;
	struct pn_buf out;
	struct pn_err err;
	int refuse; /* what callbacks return */
};

static int on_item(void *data, const struct pn_object *obj)
{
	struct seen *s = data;

	assert_int_equal(pn_buf_printf(&s->out, "item %s/%s@%s\n", obj->name_space, obj->name,
				       obj->resource_version),
			 0);
	return s->refuse;
}

static int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	struct seen *s = data;

	assert_int_equal(pn_buf_printf(&s->out, "event %d %s/%s@%s\n", event, obj->name_space,
				       obj->name, obj->resource_version),
			 0);
	return s->refuse;
}

static int on_bookmark(void *data, const char *resource_version, bool is_initial_end)
{
	struct seen *s = data;

	assert_int_equal(pn_buf_printf(&s->out, "bookmark %s%s\n", resource_version,
				       is_initial_end ? " end" : ""),
			 0);
	return s->refuse;
}

static int on_error(void *data, const struct pn_status *status)
{
	struct seen *s = data;

	assert_int_equal(pn_buf_printf(&s->out, "error %d %s: %s%s %d\n", status->code,
				       status->reason, status->message,
				       status->too_large ? " too large" : "",
				       status->retry_after_s),
			 0);
	return s->refuse;
}

static void on_refused(void *data, const struct pn_err *why)
{
	struct seen *s = data;

	assert_int_equal(pn_buf_printf(&s->out, "refused %s\n", why->text), 0);
}

static const struct pn_wire_ops seen_ops = { on_item, on_event, on_bookmark, on_error, on_refused };

static inline void seen_open(struct seen *s, enum pn_wire_mode mode, const char *type)
{
	s->out = PN_BUF_INIT(1 << 20);
	add(&s->out, "", 0);
	assert_int_equal(pn_wire_open(&s->config, mode, type, &seen_ops, s, &s->wire, &s->err), 0);
}

static inline void seen_close(struct seen *s)
{
	pn_wire_close(s->wire);
	pn_buf_done(&s->out);
}

/* As a piece of its own, so that reading beyond its end is an error that the sanitizers see. */
static inline int feed_piece(struct seen *s, const char *bytes, size_t len)
{
	char *piece = malloc(len ? len : 1);
	int r;

	assert_non_null(piece);
	memcpy(piece, bytes, len);
	r = pn_wire_feed(s->wire, piece, len, &s->err);
	free(piece);
	return r;
}

/* In pieces of @piece bytes, or in two at @cut. Return: of pn_wire_end() if all was taken */
static inline int feed_all(struct seen *s, const struct pn_buf *b, size_t piece)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < b->len; at += piece)
		r = feed_piece(s, b->data + at, PN_MIN(piece, b->len - at));
	return r < 0 ? r : pn_wire_end(s->wire, &s->err);
}

static inline int feed_cut(struct seen *s, const struct pn_buf *b, size_t cut)
{
	int r = feed_piece(s, b->data, cut);

	if (r == 0)
		r = feed_piece(s, b->data + cut, b->len - cut);
	return r < 0 ? r : pn_wire_end(s->wire, &s->err);
}

#endif
