/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trimming: what a kind reads stays, all else goes, and text that is not what it should be is left to
 * the parser.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kube/json_trim.h"

/* ' stands for " */
static char *quoted(const char *text)
{
	char *s = strdup(text);

	for (char *c = s; *c; c++)
		if (*c == '\'')
			*c = '"';
	return s;
}

static int trim(const struct pn_json_set *set, bool keep_labels, const char *text,
		struct pn_buf *ret)
{
	char *json = quoted(text);
	int r = pn_json_trim(set, keep_labels, json, strlen(json), ret);

	free(json);
	return r;
}

static void check(const char *text, const char *want_text)
{
	char *want = quoted(want_text);
	struct pn_buf got = PN_BUF_INIT(1 << 20);

	assert_int_equal(trim(pn_json_wanted_object(pn_kind_get(PN_KIND_POD)), false, text, &got),
			 0);
	assert_string_equal(got.data, want);
	assert_int_equal(got.len, strlen(want));
	pn_buf_done(&got);
	free(want);
}

static void what_nobody_reads_is_dropped(void **state)
{
	(void)state;
	check("{}", "{}");
	check(" { 'x' : 1 , 'y':[{}] } ", "{}");
	check("{'kind':'Pod','x':1,'metadata':{'name':'a','managedFields':[{'a':[1,'}']}]},'z':{}}",
	      "{'kind':'Pod','metadata':{'name':'a'}}");
	check("{'metadata':{'labels':{'a':'b'},'annotations':{'x':'y','k8s.io/initial-events-end':"
	      "'true'}}}",
	      "{'metadata':{'annotations':{'k8s.io/initial-events-end':'true'}}}");
	check("{'spec':{'containers':[{'image':'i','ports':[{'x':'n','hostPort':1}, "
	      "{}]},{},{'restartPolicy':1}],'initContainers':[{'restartPolicy':'Always'}],"
	      "'volumes':[]}}",
	      "{'spec':{'containers':[{'ports':[{'hostPort':1},{}]},{},{}],'initContainers':["
	      "{'restartPolicy':'Always'}]}}");
}

static void values_of_another_type_stay_for_the_decoder_to_refuse(void **state)
{
	(void)state;
	check("{'metadata':7,'spec':'x','status':[1,[{'phase':2,'y':3}],{'phase':4,'y':5}]}",
	      "{'metadata':7,'spec':'x','status':[1,[{'phase':2,'y':3}],{'phase':4}]}");
	check("{'metadata':null,'spec':{'containers':null,'nodeName':{'a':[]}}}",
	      "{'metadata':null,'spec':{'containers':null,'nodeName':{'a':[]}}}");
}

static void keys_with_escapes_and_double_ones_stay(void **state)
{
	(void)state;
	check("{'metadata':{'na\\u006de':'a','x\\n':{'y':1}},'metadata':{'name':'b','x':1}}",
	      "{'metadata':{'na\\u006de':'a','x\\n':{'y':1}},'metadata':{'name':'b'}}");
}

static void labels_stay_where_they_are_wanted(void **state)
{
	static const char text[] =
		"{'metadata':{'labels':{'kubernetes.io/service-name':'s','a':'b'}}}";
	struct pn_buf got = PN_BUF_INIT(1 << 20);
	const struct pn_json_set *set = pn_json_wanted_object(pn_kind_get(PN_KIND_ENDPOINTSLICE));

	(void)state;
	assert_int_equal(trim(set, true, text, &got), 0);
	assert_int_equal(got.len, strlen(text));
	assert_int_equal(trim(set, false, text, &got), 0);
	assert_string_equal(got.data,
			    "{\"metadata\":{\"labels\":{\"kubernetes.io/service-name\":\"s\"}}}");
	pn_buf_done(&got);
}

static void generic_objects_lose_one_field(void **state)
{
	struct pn_buf got = PN_BUF_INIT(1 << 20);
	struct pn_kind *kind;

	(void)state;
	assert_int_equal(pn_kind_new_generic("g", "v1", "K", "ks", true, &kind), 0);
	assert_int_equal(trim(pn_json_wanted_event(kind), false,
			      "{'type':'ADDED','object':{'metadata':{'managedFields':[],'x':1},"
			      "'managedFields':2,'y':[3]}}",
			      &got),
			 0);
	assert_string_equal(got.data, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"x\":1},"
				      "\"managedFields\":2,\"y\":[3]}}");
	pn_kind_free(kind);
	pn_buf_done(&got);
}

static void what_is_no_object_is_left_to_the_parser(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{",
		"{'a'",
		"{'a':",
		"{'a':1",
		"{,}",
		"{'a':1,}",
		"{'a':1 2}",
		"{a:1}",
		"{} x",
		"{'metadata':{}",
		"{'a':{]",
		"{'metadata':{'name':'a'}",
		"{'spec':{'containers':[{},]}",
	};
	struct pn_buf got = PN_BUF_INIT(1 << 20);

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(texts); i++)
		assert_int_equal(trim(pn_json_wanted_object(pn_kind_get(PN_KIND_POD)), false,
				      texts[i], &got),
				 -EBADMSG);
	pn_buf_done(&got);
}

/* Quotes, backslashes and brackets at each place in and across the blocks that are looked at at once. */
static void long_values_end_where_they_end(void **state)
{
	/* in front of the filler, and behind it */
	static const char *const values[][2] = {
		{ "'", "\\\\'" },	  { "'", "\\''" },	     { "'\\\\", "}'" },
		{ "['", "',{'x':']'}]" }, { "{'", "':'\\\\\\'}'}" }, { "[[['", "'],[]],{}]" },
	};
	char filler[200], value[300], text[700], want[400];

	(void)state;
	for (size_t n = 0; n < sizeof(filler); n++) {
		memset(filler, n % 2 ? '{' : 'x', n);
		filler[n] = '\0';
		for (size_t i = 0; i < PN_ARRAY_SIZE(values); i++) {
			(void)snprintf(value, sizeof(value), "%s%s%s", values[i][0], filler,
				       values[i][1]);
			(void)snprintf(text, sizeof(text), "{'x':%s,'kind':%s}", value, value);
			(void)snprintf(want, sizeof(want), "{'kind':%s}", value);
			check(text, want);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_reads_is_dropped),
		cmocka_unit_test(values_of_another_type_stay_for_the_decoder_to_refuse),
		cmocka_unit_test(keys_with_escapes_and_double_ones_stay),
		cmocka_unit_test(labels_stay_where_they_are_wanted),
		cmocka_unit_test(generic_objects_lose_one_field),
		cmocka_unit_test(what_is_no_object_is_left_to_the_parser),
		cmocka_unit_test(long_values_end_where_they_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
