/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing: the same objects come out however the text is cut, and text that is not JSON is refused
 * where it goes wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kube/framing.h"

/* Everything that comes out, as text: [object] and key=member, one behind the other. */
struct seen {
	struct pn_framing framing;
	struct pn_buf out;
	size_t longest;
	int refuse;
	struct pn_err err;
};

static int on_object(void *data, const char *json, size_t len)
{
	struct seen *s = data;

	s->longest = PN_MAX(s->longest, len);
	if (len < 1024)
		assert_int_equal(pn_buf_printf(&s->out, "[%.*s]", (int)len, json), 0);
	return s->refuse;
}

static int on_member(void *data, const char *key, size_t key_len, const char *json, size_t len)
{
	struct seen *s = data;

	assert_int_equal(pn_buf_printf(&s->out, "%.*s=%.*s;", (int)key_len, key, (int)len, json),
			 0);
	return s->refuse;
}

static void begin(struct seen *s, enum pn_framing_mode mode)
{
	static const struct pn_framing_ops ops = { on_object, on_member };

	*s = (struct seen) { .out = PN_BUF_INIT(1 << 20) };
	assert_int_equal(pn_buf_put(&s->out, "", 0), 0);
	pn_framing_init(&s->framing, mode, &ops, s);
}

static void end(struct seen *s)
{
	pn_framing_done(&s->framing);
	pn_buf_done(&s->out);
}

/* As a piece of its own, so that reading beyond its end is an error that the sanitizers see. */
static int feed(struct seen *s, const char *text, size_t len)
{
	char *piece = malloc(len ? len : 1);
	int r;

	memcpy(piece, text, len);
	r = pn_framing_feed(&s->framing, piece, len, &s->err);
	free(piece);
	return r;
}

static void check(enum pn_framing_mode mode, const char *text, const char *want)
{
	struct seen s;

	for (size_t cut = 0; cut <= strlen(text); cut++) {
		begin(&s, mode);
		assert_int_equal(feed(&s, text, cut), 0);
		assert_int_equal(feed(&s, text + cut, strlen(text) - cut), 0);
		assert_int_equal(pn_framing_end(&s.framing, NULL), 0);
		assert_string_equal(s.out.data, want);
		end(&s);
	}
	begin(&s, mode);
	for (size_t i = 0; i < strlen(text); i++)
		assert_int_equal(feed(&s, text + i, 1), 0);
	assert_int_equal(pn_framing_end(&s.framing, NULL), 0);
	assert_string_equal(s.out.data, want);
	assert_int_equal(s.framing.offset, strlen(text));
	end(&s);
}

static void stream_is_cut_by_syntax_alone(void **state)
{
	(void)state;
	check(PN_FRAMING_STREAM, "", "");
	check(PN_FRAMING_STREAM, " \r\n\t", "");
	check(PN_FRAMING_STREAM, "{}{}\n{ }", "[{}][{}][{ }]");
	check(PN_FRAMING_STREAM, "{\"a\":[1,{\"b\":2}]}{\"c\":\"}{][\"}",
	      "[{\"a\":[1,{\"b\":2}]}][{\"c\":\"}{][\"}]");
}

static void quotes_and_backslashes_in_strings_end_nothing(void **state)
{
	(void)state;
	check(PN_FRAMING_STREAM, "{\"a\\\"}\":\"\\\\\"}{\"\\\\\\\"{\":1}",
	      "[{\"a\\\"}\":\"\\\\\"}][{\"\\\\\\\"{\":1}]");
	check(PN_FRAMING_STREAM, "{\"\xc3\xa4\":\"\xe2\x82\xac\"}",
	      "[{\"\xc3\xa4\":\"\xe2\x82\xac\"}]");
}

static void list_gives_items_and_other_members(void **state)
{
	(void)state;
	check(PN_FRAMING_LIST,
	      " { \"kind\" : \"PodList\", \"metadata\":{\"resourceVersion\":\"7\"}, \"items\" : [ "
	      "{\"a\":1} , {\"b\":[]} ] , \"x\":12,\"y\":[1,2]} \n",
	      "kind=\"PodList\";metadata={\"resourceVersion\":\"7\"};[{\"a\":1}][{\"b\":[]}]x=12;"
	      "y=[1,2];");
}

static void empty_lists_have_no_items(void **state)
{
	(void)state;
	check(PN_FRAMING_LIST, "{}", "");
	check(PN_FRAMING_LIST, "{\"items\":[]}", "");
	check(PN_FRAMING_LIST, "{\"items\":null,\"a\":true}", "items=null;a=true;");
}

static void items_below_the_top_are_not_items(void **state)
{
	(void)state;
	check(PN_FRAMING_LIST, "{\"x\":{\"items\":[{}]},\"items\":[{\"items\":[{}]}]}",
	      "x={\"items\":[{}]};[{\"items\":[{}]}]");
}

/* @at: the byte that is refused; -1: only the end is. */
struct bad {
	enum pn_framing_mode mode;
	const char *text;
	long at;
};

static void wrong_text_is_refused_at_its_place(void **state)
{
	static const struct bad table[] = {
		{ PN_FRAMING_STREAM, "{} x", 3 },
		{ PN_FRAMING_STREAM, "[]", 0 },
		{ PN_FRAMING_STREAM, "{},{}", 2 },
		{ PN_FRAMING_STREAM, "\"a\"", 0 },
		{ PN_FRAMING_STREAM, "{}}", 2 },
		{ PN_FRAMING_STREAM, "{\"a\":", -1 },
		{ PN_FRAMING_LIST, "[]", 0 },
		{ PN_FRAMING_LIST, "", -1 },
		{ PN_FRAMING_LIST, "{", -1 },
		{ PN_FRAMING_LIST, "{\"items\":[{}", -1 },
		{ PN_FRAMING_LIST, "{a", 1 },
		{ PN_FRAMING_LIST, "{\"a\"}", 4 },
		{ PN_FRAMING_LIST, "{\"a\":}", 5 },
		{ PN_FRAMING_LIST, "{\"a\":,\"b\":1}", 5 },
		{ PN_FRAMING_LIST, "{\"a\":1 2}", 7 },
		{ PN_FRAMING_LIST, "{\"a\":1,}", 7 },
		{ PN_FRAMING_LIST, "{\"items\":[1]}", 10 },
		{ PN_FRAMING_LIST, "{\"items\":[null]}", 10 },
		{ PN_FRAMING_LIST, "{\"items\":[{},]}", 13 },
		{ PN_FRAMING_LIST, "{\"items\":[{}{}]}", 12 },
		{ PN_FRAMING_LIST, "{}{}", 2 },
	};
	char where[64];
	struct seen s;
	int r;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		begin(&s, table[i].mode);
		r = feed(&s, table[i].text, strlen(table[i].text));
		assert_int_equal(r, table[i].at < 0 ? 0 : -EBADMSG);
		if (r == 0)
			r = pn_framing_end(&s.framing, &s.err);
		assert_int_equal(r, -EBADMSG);
		(void)snprintf(where, sizeof(where), "at byte %ld:",
			       table[i].at < 0 ? (long)strlen(table[i].text) : table[i].at);
		if (!strstr(s.err.text, where))
			fail_msg("%s: \"%s\" does not say %s", table[i].text, s.err.text, where);
		end(&s);
	}
}

static void what_a_callback_returns_ends_the_feed(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, PN_FRAMING_STREAM);
	s.refuse = -ECANCELED;
	assert_int_equal(feed(&s, "{}{}", 4), -ECANCELED);
	assert_string_equal(s.out.data, "[{}]");
	end(&s);
	begin(&s, PN_FRAMING_LIST);
	s.refuse = -ENOMEM;
	assert_int_equal(feed(&s, "{\"a\":1}", 7), -ENOMEM);
	end(&s);
}

/* An object of exactly @size bytes, in pieces of 64 KiB. */
static int feed_object(struct seen *s, size_t size)
{
	static char filler[64 << 10];
	size_t left = size - strlen("{\"\":\"\"}");
	int r = feed(s, "{\"\":\"", 5);

	memset(filler, 'x', sizeof(filler));
	while (r == 0 && left) {
		size_t n = PN_MIN(left, sizeof(filler));

		r = feed(s, filler, n);
		left -= n;
	}
	return r < 0 ? r : feed(s, "\"}", 2);
}

static void object_at_the_limit_passes_and_one_byte_more_does_not(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, PN_FRAMING_STREAM);
	assert_int_equal(feed_object(&s, PN_FRAMING_MAX_OBJECT), 0);
	assert_int_equal(s.longest, PN_FRAMING_MAX_OBJECT);
	assert_int_equal(feed_object(&s, PN_FRAMING_MAX_OBJECT + 1), -EMSGSIZE);
	assert_non_null(strstr(s.err.text, "more than 16777216 bytes"));
	end(&s);
}

static void deep_nesting_costs_nothing(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, PN_FRAMING_STREAM);
	assert_int_equal(feed(&s, "{", 1), 0);
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(pn_framing_feed(&s.framing, "[", 1, NULL), 0);
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(pn_framing_feed(&s.framing, "]", 1, NULL), 0);
	assert_int_equal(feed(&s, "}", 1), 0);
	assert_int_equal(s.longest, 2000002);
	end(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_is_cut_by_syntax_alone),
		cmocka_unit_test(quotes_and_backslashes_in_strings_end_nothing),
		cmocka_unit_test(list_gives_items_and_other_members),
		cmocka_unit_test(empty_lists_have_no_items),
		cmocka_unit_test(items_below_the_top_are_not_items),
		cmocka_unit_test(wrong_text_is_refused_at_its_place),
		cmocka_unit_test(what_a_callback_returns_ends_the_feed),
		cmocka_unit_test(object_at_the_limit_passes_and_one_byte_more_does_not),
		cmocka_unit_test(deep_nesting_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
