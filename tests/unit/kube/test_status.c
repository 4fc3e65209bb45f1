/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status: the same from both encodings, and whatever a body is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/status.h"
#include "tests/unit/kube/wire_fixture.h"

static void check_same(const struct pn_status *a, const struct pn_status *b)
{
	assert_int_equal(a->code, b->code);
	assert_string_equal(a->reason, b->reason);
	assert_string_equal(a->message, b->message);
	assert_int_equal(a->too_large, b->too_large);
	assert_int_equal(a->retry_after_s, b->retry_after_s);
}

/* The whole body, in either encoding. */
static struct pn_status status_of(const char *text)
{
	json_t *tree = tree_of(text);
	char *dump = json_dumps(tree, JSON_COMPACT);
	struct bytes packed = to_protobuf(&api__status__descriptor, tree);
	struct pn_buf body = PN_BUF_INIT(1 << 20);
	struct pn_status json, protobuf;

	add_envelope(&body, "Status", "", packed.data, packed.len);
	pn_status_from_body(500, dump, strlen(dump), &json);
	pn_status_from_body(500, body.data, body.len, &protobuf);
	check_same(&json, &protobuf);
	pn_buf_done(&body);
	bytes_done(&packed);
	free(dump);
	json_decref(tree);
	return json;
}

static void all_that_counts_is_read(void **state)
{
	struct pn_status st =
		status_of("{'kind':'Status','message':'go\\naway ','reason':'TooManyRequests',"
			  "'code':429,'details':{'retryAfterSeconds':7,'causes':[]}}");

	(void)state;
	assert_int_equal(st.code, 429);
	assert_string_equal(st.reason, "TooManyRequests");
	assert_string_equal(st.message, "go away");
	assert_int_equal(st.retry_after_s, 7);
	assert_false(st.too_large);
	st = status_of("{'kind':'Status'}");
	assert_int_equal(st.code, 500);
	assert_int_equal(st.retry_after_s, -1);
	assert_string_equal(st.reason, "");
}

static void a_version_from_the_future_is_known_by_cause_or_message(void **state)
{
	(void)state;
	assert_true(
		status_of(
			"{'kind':'Status','code':504,'details':{'causes':[{'reason':'x'},{'reason':"
			"'ResourceVersionTooLarge'}]}}")
			.too_large);
	assert_true(
		status_of("{'kind':'Status','code':504,'message':'Too large resource version: 9'}")
			.too_large);
	assert_false(
		status_of("{'kind':'Status','code':503,'message':'Too large resource version: 9'}")
			.too_large);
	assert_false(status_of("{'kind':'Status','code':504,'details':{'causes':[{'reason':'x'}]}}")
			     .too_large);
}

static void long_texts_are_cut(void **state)
{
	char text[1024], word[600];
	struct pn_status st;

	(void)state;
	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	(void)snprintf(text, sizeof(text), "{'kind':'Status','message':'%s','code':-1}", word);
	st = status_of(text);
	assert_int_equal(strlen(st.message), sizeof(st.message) - 1);
	assert_int_equal(st.code, 500);
}

static void other_bodies_are_text_or_nothing(void **state)
{
	struct pn_buf body = PN_BUF_INIT(1024);
	struct pn_status st;

	(void)state;
	pn_status_from_body(503, "no \x1b[31mhealthy upstream\n", 24, &st);
	assert_int_equal(st.code, 503);
	assert_string_equal(st.message, "no  [31mhealthy upstream");
	pn_status_from_body(502, NULL, 0, &st);
	assert_int_equal(st.code, 502);
	assert_string_equal(st.message, "");
	add_envelope(&body, "Pod", "", (const uint8_t *)"\x1a\x01x", 3);
	pn_status_from_body(500, body.data, body.len, &st);
	assert_string_equal(st.message, "");
	pn_buf_done(&body);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_counts_is_read),
		cmocka_unit_test(a_version_from_the_future_is_known_by_cause_or_message),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(other_bodies_are_text_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
