/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_PROTOBUF_FIXTURE_H
#define PN_TEST_PROTOBUF_FIXTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "tests/proto/api.pb-c.h"

/*
 * From an object's JSON to the protobuf that the API server would send, by protobuf-c's descriptors:
 * each member goes to the field of the same name. Maps, times and IntOrString look different in the
 * two encodings and are treated by hand. A member that no field is called after is left out.
 */

static ProtobufCMessage *to_message(const ProtobufCMessageDescriptor *type, const json_t *tree);

static void *test_alloc(size_t size)
{
	void *p = calloc(1, size);

	assert_non_null(p);
	return p;
}

static ProtobufCMessage *new_message(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *m = test_alloc(type->sizeof_message);

	protobuf_c_message_init(type, m);
	return m;
}

static ProtobufCMessage *to_time(const char *text)
{
	Api__Time *m = (Api__Time *)new_message(&api__time__descriptor);
	struct tm tm = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%S", &tm));
	m->has_seconds = true;
	m->seconds = timegm(&tm);
	return &m->base;
}

static ProtobufCMessage *to_int_or_string(const json_t *value)
{
	Api__IntOrString *m = (Api__IntOrString *)new_message(&api__int_or_string__descriptor);

	m->has_type = m->has_intval = true;
	m->type = json_is_string(value);
	m->intval = (int32_t)json_integer_value(value);
	m->strval = strdup(json_is_string(value) ? json_string_value(value) : "");
	return &m->base;
}

static ProtobufCMessage *to_entry(const char *key, const json_t *value)
{
	Api__Entry *m = (Api__Entry *)new_message(&api__entry__descriptor);

	m->key = strdup(key);
	m->value = strdup(json_is_string(value) ? json_string_value(value) : "");
	return &m->base;
}

static ProtobufCMessage *to_any_message(const ProtobufCMessageDescriptor *type, const json_t *value)
{
	if (type == &api__time__descriptor)
		return to_time(json_string_value(value));
	if (type == &api__int_or_string__descriptor)
		return to_int_or_string(value);
	return to_message(type, value);
}

static void set_value(const ProtobufCFieldDescriptor *f, void *at, const json_t *value)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		*(char **)at = strdup(json_string_value(value));
		break;
	case PROTOBUF_C_TYPE_INT32:
		*(int32_t *)at = (int32_t)json_integer_value(value);
		break;
	case PROTOBUF_C_TYPE_INT64:
		*(int64_t *)at = json_integer_value(value);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)at = json_is_true(value);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)at = to_any_message(f->descriptor, value);
		break;
	default:
		fail_msg("%s: no such type here", f->name);
	}
}

static void set_map(const json_t *map, ProtobufCMessage **to)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach ((json_t *)(uintptr_t)map, key, value)
		to[n++] = to_entry(key, value);
}

static void set_list(const ProtobufCFieldDescriptor *f, ProtobufCMessage *m, const json_t *value)
{
	bool is_map = f->descriptor == &api__entry__descriptor;
	size_t n = is_map ? json_object_size(value) : json_array_size(value);
	char *list = n ? test_alloc(n * sizeof(void *)) : NULL;

	if (is_map && n)
		set_map(value, (ProtobufCMessage **)(void *)list);
	for (size_t i = 0; !is_map && i < n; i++)
		set_value(f, list + i * sizeof(void *), json_array_get(value, i));
	*(size_t *)(void *)((char *)m + f->quantifier_offset) = n;
	*(void **)(void *)((char *)m + f->offset) = list;
}

static ProtobufCMessage *to_message(const ProtobufCMessageDescriptor *type, const json_t *tree)
{
	ProtobufCMessage *m = new_message(type);

	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		const json_t *value = json_object_get(tree, f->name);

		if (!value || json_is_null(value))
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			set_list(f, m, value);
			continue;
		}
		if (f->quantifier_offset)
			*(protobuf_c_boolean *)((char *)m + f->quantifier_offset) = true;
		set_value(f, (char *)m + f->offset, value);
	}
	return m;
}

/** struct bytes - owned; bytes_done() */
struct bytes {
	uint8_t *data;
	size_t len;
};

static void bytes_done(struct bytes *b)
{
	free(b->data);
}

static struct bytes pack(ProtobufCMessage *m)
{
	struct bytes b = { .len = protobuf_c_message_get_packed_size(m) };

	b.data = test_alloc(b.len + 1);
	assert_int_equal(protobuf_c_message_pack(m, b.data), b.len);
	return b;
}

static struct bytes to_protobuf(const ProtobufCMessageDescriptor *type, const json_t *tree)
{
	ProtobufCMessage *m = to_message(type, tree);
	struct bytes b = pack(m);

	protobuf_c_message_free_unpacked(m, NULL);
	return b;
}

static inline const ProtobufCMessageDescriptor *message_of(enum pn_kind_id kind)
{
	static const ProtobufCMessageDescriptor *const types[] = {
		[PN_KIND_POD] = &api__pod__descriptor,
		[PN_KIND_SERVICE] = &api__service__descriptor,
		[PN_KIND_NODE] = &api__node__descriptor,
		[PN_KIND_NAMESPACE] = &api__partial_object_metadata__descriptor,
		[PN_KIND_REPLICASET] = &api__partial_object_metadata__descriptor,
		[PN_KIND_JOB] = &api__partial_object_metadata__descriptor,
		[PN_KIND_ENDPOINTSLICE] = &api__endpoint_slice__descriptor,
		[PN_KIND_NETWORKPOLICY] = &api__network_policy__descriptor,
	};

	return kind < PN_ARRAY_SIZE(types) ? types[kind] : NULL;
}

#endif
