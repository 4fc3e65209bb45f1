/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --sink as users write it: taken whole, or refused with the word that is wrong and the right one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "export/sink_kinds.h"
#include "export/sink_spec.h"

struct values {
	uint64_t number, size;
	pn_nsec wait;
	const char *form, *text;
};

static const char *const forms[] = { "json", "compact", NULL };

static const struct pn_sink_option options[] = {
	{ "number", PN_SINK_NUMBER, "7", NULL, 1, 100, offsetof(struct values, number) },
	{ "size", PN_SINK_SIZE, NULL, NULL, 0, 1 << 30, offsetof(struct values, size) },
	{ "wait", PN_SINK_DURATION, "2s", NULL, 0, 60 * PN_NSEC_PER_SEC,
	  offsetof(struct values, wait) },
	{ "form", PN_SINK_CHOICE, "json", forms, 0, 0, offsetof(struct values, form) },
	{ "text", PN_SINK_TEXT, NULL, NULL, 0, 0, offsetof(struct values, text) },
	{ .name = NULL },
};

static const struct pn_sink_kind test_kind = {
	.name = "test",
	.target = "PLACE",
	.options = options,
	.values_size = sizeof(struct values),
};

static const struct pn_sink_kind *const kinds[] = { &pn_sink_kind_file, &test_kind };

static int parse(const char *text, struct pn_sink_spec *ret, struct pn_err *err)
{
	return pn_sink_spec_parse(text, kinds, PN_ARRAY_SIZE(kinds), ret, err);
}

static void what_is_not_said_has_its_default(void **state)
{
	struct pn_sink_spec spec;
	struct pn_err err = { "" };
	const struct values *v;

	(void)state;
	assert_int_equal(parse("test:a:b/c=d", &spec, &err), 0);
	v = spec.values;
	assert_ptr_equal(spec.kind, &test_kind);
	assert_string_equal(spec.target, "a:b/c=d");
	assert_string_equal(spec.name, "test:a:b/c=d");
	assert_int_equal(v->number, 7);
	assert_int_equal(v->size, 0);
	assert_int_equal(v->wait, 2 * PN_NSEC_PER_SEC);
	assert_string_equal(v->form, "json");
	assert_null(v->text);
	assert_int_equal(spec.max_queue, 16 << 20);
	assert_int_equal(spec.retry_max, 30 * PN_NSEC_PER_SEC);
	pn_sink_spec_done(&spec);
}

static void every_sort_of_value_is_taken(void **state)
{
	struct pn_sink_spec spec;
	struct pn_err err = { "" };
	const struct values *v;

	(void)state;
	assert_int_equal(parse("test:x,number=100,size=3M,wait=500ms,form=compact,text=a=b,"
			       "queue=64K,retry-max=1s",
			       &spec, &err),
			 0);
	v = spec.values;
	assert_int_equal(v->number, 100);
	assert_int_equal(v->size, 3 << 20);
	assert_int_equal(v->wait, 500 * PN_NSEC_PER_MSEC);
	assert_string_equal(v->form, "compact");
	assert_string_equal(v->text, "a=b");
	assert_int_equal(spec.max_queue, 64 << 10);
	assert_int_equal(spec.retry_max, PN_NSEC_PER_SEC);
	pn_sink_spec_done(&spec);
}

static void a_wrong_word_is_refused_with_the_right_one(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "\"\" is no kind of sink; there are: file, test" },
		{ "tset:x", "\"tset\" is no kind of sink, did you mean test?" },
		{ "test", "write test:PLACE" },
		{ "test:", "write test:PLACE" },
		{ "test:x,", "\"\" is no option of a sink of kind test; there are: number, size, "
			     "wait, form, text, queue, retry-max" },
		{ "test:x,numbr=3",
		  "\"numbr\" is no option of a sink of kind test, did you mean number?" },
		{ "test:x,queu=3M",
		  "\"queu\" is no option of a sink of kind test, did you mean queue?" },
		{ "test:x,number", "number needs a value: number=..." },
		{ "test:x,number=", "number needs a value: number=..." },
		{ "test:x,number=1,number=2", "number is given twice" },
		{ "test:x,queue=1M,queue=1M", "queue is given twice" },
		{ "test:x,number=0", "number: \"0\" is not between 1 and 100" },
		{ "test:x,number=3x", "number: \"3x\" is not a number" },
		{ "test:x,size=3X", "size: \"3X\" is not a size; write 64K, 100M or 2G" },
		{ "test:x,wait=3", "wait: \"3\" is not a duration; write 500ms, 5s, 2m or 1h" },
		{ "test:x,wait=2m", "wait: \"2m\" is not between 0ms and 60s" },
		{ "test:x,form=jsno", "form: \"jsno\" is no such value, did you mean json?" },
		{ "test:x,queue=1", "queue: \"1\" is not between 65536 and 4294967296" },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		struct pn_sink_spec spec = { 0 };
		struct pn_err err = { "" };

		assert_int_equal(parse(cases[i].text, &spec, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].words);
		assert_null(spec.text);
	}
}

static void what_no_line_has_room_for_is_refused(void **state)
{
	struct pn_sink_spec spec;
	struct pn_err err = { "" };
	char *text = calloc(1, 5001);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 5000);
	memcpy(text, "test:", 5);
	assert_int_equal(parse(text, &spec, &err), -EINVAL);
	assert_string_equal(err.text, "more than 4096 characters");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(every_sort_of_value_is_taken),
		cmocka_unit_test(a_wrong_word_is_refused_with_the_right_one),
		cmocka_unit_test(what_no_line_has_room_for_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
