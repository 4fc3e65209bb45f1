/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing of protobuf: the same messages come out however the bytes are cut, what is not known is
 * passed over, and what cannot be is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kube/pb_framing.h"

/* Everything that comes out, as text: one behind the other. */
struct seen {
	struct pn_pb_framing framing;
	struct pn_buf out;
	size_t longest;
	struct pn_err err;
};

static int on_object(void *data, const uint8_t *bytes, size_t len)
{
	struct seen *s = data;

	s->longest = PN_MAX(s->longest, len);
	if (len < 1024)
		assert_int_equal(pn_buf_printf(&s->out, "[%.*s]", (int)len, (const char *)bytes),
				 0);
	return 0;
}

static int on_kind(void *data, const char *kind, size_t len)
{
	struct seen *s = data;

	assert_int_equal(pn_buf_printf(&s->out, "kind=%.*s;", (int)len, kind), 0);
	return 0;
}

static int on_meta(void *data, const uint8_t *bytes, size_t len)
{
	struct seen *s = data;

	assert_int_equal(pn_buf_printf(&s->out, "meta=%.*s;", (int)len, (const char *)bytes), 0);
	return 0;
}

static void begin(struct seen *s, enum pn_framing_mode mode)
{
	static const struct pn_pb_framing_ops ops = { on_object, on_kind, on_meta };

	*s = (struct seen) { .out = PN_BUF_INIT(1 << 20) };
	assert_int_equal(pn_buf_put(&s->out, "", 0), 0);
	pn_pb_framing_init(&s->framing, mode, &ops, s);
}

static void end(struct seen *s)
{
	pn_pb_framing_done(&s->framing);
	pn_buf_done(&s->out);
}

/* As a piece of its own, so that reading beyond its end is an error that the sanitizers see. */
static int feed(struct seen *s, const char *bytes, size_t len)
{
	uint8_t *piece = malloc(len ? len : 1);
	int r;

	assert_non_null(piece);
	memcpy(piece, bytes, len);
	r = pn_pb_framing_feed(&s->framing, piece, len, &s->err);
	free(piece);
	return r;
}

static void check_cut(enum pn_framing_mode mode, const char *bytes, size_t len, size_t cut,
		      const char *want)
{
	struct seen s;

	begin(&s, mode);
	assert_int_equal(feed(&s, bytes, cut), 0);
	assert_int_equal(feed(&s, bytes + cut, len - cut), 0);
	assert_int_equal(pn_pb_framing_end(&s.framing, &s.err), 0);
	assert_string_equal(s.out.data, want);
	assert_int_equal(s.framing.offset, len);
	end(&s);
}

static void check(enum pn_framing_mode mode, const char *bytes, size_t len, const char *want)
{
	struct seen s;

	for (size_t cut = 0; cut <= len; cut++)
		check_cut(mode, bytes, len, cut, want);
	begin(&s, mode);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(feed(&s, bytes + i, 1), 0);
	assert_int_equal(pn_pb_framing_end(&s.framing, &s.err), 0);
	assert_string_equal(s.out.data, want);
	end(&s);
}

#define CHECK(mode, bytes, want) check(mode, bytes, sizeof(bytes) - 1, want)
#define MAGIC "k8s\0"

static void list_gives_kind_metadata_and_items(void **state)
{
	(void)state;
	CHECK(PN_FRAMING_LIST,
	      MAGIC "\x0a\x06\x0a\x01v\x12\x01K"
		    "\x12\x0a\x0a\x01m\x12\x01"
		    "a\x12\x02"
		    "bc\x1a\x00\x22\x00",
	      "kind=K;meta=m;[a][bc]");
	CHECK(PN_FRAMING_LIST,
	      MAGIC "\x12\x06\x12\x01"
		    "a\x0a\x01m\x0a\x03\x12\x01K",
	      "[a]meta=m;kind=K;");
	CHECK(PN_FRAMING_LIST, MAGIC "\x12\x02\x12\x00", "[]");
	CHECK(PN_FRAMING_LIST, MAGIC "\x12\x00", "");
}

static void fields_that_are_not_known_are_passed_over(void **state)
{
	(void)state;
	/* a varint, both fixed ones, a string and an empty string: in the envelope, and in the list */
	CHECK(PN_FRAMING_LIST,
	      MAGIC "\x28\x80\x01\x31"
		    "12345678\x3d"
		    "1234\x42\x03xyz\x4a\x00"
		    "\x12\x1b\x28\x80\x01\x31"
		    "12345678\x3d"
		    "1234\x42\x03xyz\x4a\x00\x12\x01"
		    "a",
	      "[a]");
}

static void stream_is_cut_by_lengths(void **state)
{
	(void)state;
	CHECK(PN_FRAMING_STREAM, "", "");
	CHECK(PN_FRAMING_STREAM,
	      "\0\0\0\x01"
	      "a\0\0\0\0\0\0\0\x03"
	      "bcd",
	      "[a][][bcd]");
}

struct bad {
	const char *bytes;
	size_t len;
	const char *message;
};

#define BAD(bytes, message)                       \
	{                                         \
		bytes, sizeof(bytes) - 1, message \
	}

static void what_cannot_be_is_refused(void **state)
{
	static const struct bad table[] = {
		BAD("k8s\x01", "does not begin like"),
		BAD("{\"kind\":1}", "does not begin like"),
		BAD("", "ends in the middle"),
		BAD(MAGIC, "ends in the middle"),
		BAD(MAGIC "\x12", "ends in the middle"),
		BAD(MAGIC "\x12\x02\x12", "ends in the middle"),
		BAD(MAGIC "\x12\x05\x12\x03"
			  "ab",
		    "ends in the middle"),
		BAD(MAGIC "\x12\x00\x12\x00", "two lists"),
		BAD(MAGIC "\x12\x02\x12\x01", "longer than its list"),
		BAD(MAGIC "\x12\x01\x12\x01", "longer than its list"),
		BAD(MAGIC "\x12\x01\x92\x01", "longer than its list"),
		BAD(MAGIC "\x12\x01\x28\x01", "longer than its list"),
		BAD(MAGIC "\x12\x03\x3d"
			  "1234",
		    "longer than its list"),
		BAD(MAGIC "\x10\x01", "another type"),
		BAD(MAGIC "\x12\x02\x10\x01", "another type"),
		BAD(MAGIC "\x02\x00", "not a field"),
		BAD(MAGIC "\x2b\x2c", "not a field"),
		BAD(MAGIC "\x2f\x00", "not a field"),
		BAD(MAGIC "\xfa\xff\xff\xff\xff\x01", "not a field"),
		BAD(MAGIC "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "more than 64 bits"),
		BAD(MAGIC "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		    "a length that cannot be"),
		BAD(MAGIC "\x1a\x01x", "encoded once more"),
		BAD(MAGIC "\x0a\x01\x12", "without a sound type"),
	};
	struct seen s;
	int r;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		begin(&s, PN_FRAMING_LIST);
		r = feed(&s, table[i].bytes, table[i].len);
		if (r == 0)
			r = pn_pb_framing_end(&s.framing, &s.err);
		assert_int_equal(r, -EBADMSG);
		if (!strstr(s.err.text, table[i].message))
			fail_msg("%zu: \"%s\" does not say \"%s\"", i, s.err.text,
				 table[i].message);
		end(&s);
	}
}

/* An item of @size bytes, in pieces of 64 KiB; @head is what stands in front of it. */
static int feed_item(struct seen *s, const char *head, size_t head_len, size_t size)
{
	static char filler[64 << 10];
	int r = feed(s, head, head_len);

	while (r == 0 && size) {
		size_t n = PN_MIN(size, sizeof(filler));

		r = feed(s, filler, n);
		size -= n;
	}
	return r;
}

static void item_at_the_limit_passes_and_one_byte_more_does_not(void **state)
{
	static const char most[] = MAGIC "\x12\x80\x80\x80\x10\x12\x80\x80\x80\x08";
	static const char more[] = MAGIC "\x12\x80\x80\x80\x10\x12\x81\x80\x80\x08";
	struct seen s;

	(void)state;
	begin(&s, PN_FRAMING_LIST);
	assert_int_equal(feed_item(&s, most, sizeof(most) - 1, PN_FRAMING_MAX_OBJECT), 0);
	assert_int_equal(s.longest, PN_FRAMING_MAX_OBJECT);
	assert_int_equal(s.framing.value.cap, 0);
	end(&s);
	begin(&s, PN_FRAMING_LIST);
	assert_int_equal(feed_item(&s, more, sizeof(more) - 1, PN_FRAMING_MAX_OBJECT + 1),
			 -EMSGSIZE);
	assert_non_null(strstr(s.err.text, "more than 16777216 bytes"));
	end(&s);
	begin(&s, PN_FRAMING_STREAM);
	assert_int_equal(feed_item(&s, "\x01\0\0\0", 4, PN_FRAMING_MAX_OBJECT), 0);
	assert_int_equal(feed(&s, "\x01\0\0\x01", 4), -EMSGSIZE);
	end(&s);
}

static void large_field_that_nobody_reads_is_not_held(void **state)
{
	static const char head[] = MAGIC "\x2a\x80\x80\x80\x80\x01"; /* 256 MiB */
	struct seen s;

	(void)state;
	begin(&s, PN_FRAMING_LIST);
	assert_int_equal(feed_item(&s, head, sizeof(head) - 1, (size_t)32 << 20), 0);
	assert_int_equal(s.framing.value.cap, 0);
	assert_int_equal(pn_pb_framing_end(&s.framing, &s.err), -EBADMSG);
	end(&s);
	begin(&s, PN_FRAMING_LIST);
	assert_int_equal(feed(&s, MAGIC "\x0a\x81\x80\x04", 8), -EMSGSIZE);
	end(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_gives_kind_metadata_and_items),
		cmocka_unit_test(fields_that_are_not_known_are_passed_over),
		cmocka_unit_test(stream_is_cut_by_lengths),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(item_at_the_limit_passes_and_one_byte_more_does_not),
		cmocka_unit_test(large_field_that_nobody_reads_is_not_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
