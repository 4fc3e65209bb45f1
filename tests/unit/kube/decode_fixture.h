/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_DECODE_FIXTURE_H
#define PN_TEST_DECODE_FIXTURE_H

#include <errno.h>
#include <stdio.h>

#include "base/intern.h"
#include "kube/controller.h"
#include "kube/kind.h"
#include "tests/unit/kube/object_text.h"
#include "tests/unit/kube/protobuf_fixture.h"

/* Objects as JSON in which ' stands for ", so that it can be read. */
static json_t *tree_of(const char *text)
{
	json_error_t error;
	char *json = strdup(text);
	json_t *tree;

	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	tree = json_loads(json, JSON_ALLOW_NUL, &error);
	if (!tree)
		fail_msg("%s: %s", text, error.text);
	free(json);
	return tree;
}

static inline int try_decode(enum pn_kind_id kind, const char *text, struct pn_object **ret,
			     struct pn_err *err)
{
	struct pn_decoding decoding = { .kind = pn_kind_get(kind) };
	json_t *tree = tree_of(text);
	int r = decoding.kind->decode_json(&decoding, tree, ret, err);

	json_decref(tree);
	return r;
}

static struct pn_object *decode_as(const struct pn_decoding *decoding, const json_t *tree,
				   bool is_protobuf)
{
	struct pn_object *obj = NULL;
	struct pn_err err = { "" };
	struct bytes b = { NULL, 0 };
	int r;

	if (is_protobuf) {
		b = to_protobuf(message_of(decoding->kind->id), tree);
		r = decoding->kind->decode_protobuf(decoding, b.data, b.len, &obj, &err);
	} else {
		r = decoding->kind->decode_json(decoding, tree, &obj, &err);
	}
	bytes_done(&b);
	if (r != 0)
		fail_msg("%s: %s", is_protobuf ? "protobuf" : "JSON", err.text);
	return obj;
}

/* From both encodings, which have to agree in everything. */
static struct pn_object *decode_with(const struct pn_decoding *decoding, const char *text)
{
	struct pn_buf json = PN_BUF_INIT(1 << 20), protobuf = PN_BUF_INIT(1 << 20);
	json_t *tree = tree_of(text);
	struct pn_object *obj = decode_as(decoding, tree, false);
	struct pn_object *other = decode_as(decoding, tree, true);

	assert_int_equal(obj->kind, decoding->kind->id);
	say_object(&json, obj);
	say_object(&protobuf, other);
	assert_string_equal(json.data, protobuf.data);
	pn_buf_done(&json);
	pn_buf_done(&protobuf);
	pn_object_unref(other);
	json_decref(tree);
	return obj;
}

static inline struct pn_object *decode(enum pn_kind_id kind, const char *text)
{
	return decode_with(&(struct pn_decoding) { .kind = pn_kind_get(kind) }, text);
}

/* @want: as of say_object(), behind its first line */
static inline void check_decoded(enum pn_kind_id kind, const char *text, const char *want)
{
	struct pn_object *obj = decode(kind, text);
	struct pn_buf got = PN_BUF_INIT(1 << 20);

	say_object(&got, obj);
	assert_string_equal(strchr(got.data, '\n') + 1, want);
	pn_buf_done(&got);
	pn_object_unref(obj);
}

static inline int nothing_stays_interned(void **state)
{
	(void)state;
	assert_int_equal(pn_intern_count(), 0);
	assert_int_equal(pn_controller_count(), 0);
	return 0;
}

#endif
