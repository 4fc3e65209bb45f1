/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be asked on the unix socket, and the words for what may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "serve/request.h"

static struct pn_request parse(const char *line)
{
	struct pn_request req;
	struct pn_err err = { "" };

	if (pn_request_parse(line, strlen(line), &req, &err) < 0)
		fail_msg("%s: %s", line, err.text);
	return req;
}

static void assert_refused(const char *line, const char *words)
{
	struct pn_request req = { .command = PN_REQUEST_STATUS };
	struct pn_err err = { "" };

	assert_int_equal(pn_request_parse(line, strlen(line), &req, &err), -EINVAL);
	if (!strstr(err.text, words))
		fail_msg("%s: \"%s\" has no \"%s\"", line, err.text, words);
	assert_int_equal(req.command, PN_REQUEST_STATUS); /* untouched */
}

static void known_requests_are_understood(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"command\": \"status\"}").command, PN_REQUEST_STATUS);
	assert_int_equal(parse("{\"command\": \"flows\"}").command, PN_REQUEST_FLOWS);
	assert_int_equal(parse("{\"command\": \"flows\"}").format, PN_FORMAT_COMPACT);
	assert_int_equal(parse("{\"format\": \"json\", \"command\": \"flows\"}\n").format,
			 PN_FORMAT_JSON);
	assert_int_equal(parse("{\"command\": \"flows\", \"format\": \"color\"}").format,
			 PN_FORMAT_COLOR);
}

static void drops_are_those_held_or_those_to_come(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"command\": \"drops\"}").command, PN_REQUEST_DROPS);
	assert_false(parse("{\"command\": \"drops\"}").follow);
	assert_true(parse("{\"command\": \"drops\", \"follow\": true}").follow);
	assert_refused("{\"command\": \"drops\", \"follow\": 1}", "true or false");
}

static void everything_else_is_refused_with_words(void **state)
{
	(void)state;
	assert_refused("", "not JSON");
	assert_refused("{\"command\": \"flows\"", "not JSON");
	assert_refused("{\"command\": \"flows\"} {}", "not JSON");
	assert_refused("{\"command\": \"flows\", \"command\": \"status\"}", "not JSON");
	assert_refused("{\"command\": \"\xff\"}", "not JSON");
	assert_refused("{\"command\": \"a\\u0000b\"}", "not JSON");
	assert_refused("[1, 2]", "no \"command\"");
	assert_refused("{}", "no \"command\"");
	assert_refused("{\"command\": 7}", "\"command\" must be a string");
	assert_refused("{\"command\": \"reboot\"}", "reboot");
	assert_refused("{\"command\": \"flows\", \"format\": null}", "must be a string");
	assert_refused("{\"command\": \"flows\", \"format\": \"xml\"}", "xml");
	assert_refused("{\"command\": \"flows\", \"namespace\": \"shop\"}", "namespace");
}

static void deep_nesting_is_refused(void **state)
{
	char line[4000];

	(void)state;
	memset(line, '[', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_refused(line, "not JSON");
}

static void assert_refusal(const char *why, const char *want)
{
	char *line = pn_request_refusal(why);
	json_t *root;

	assert_non_null(line);
	assert_int_equal(line[strlen(line) - 1], '\n');
	root = json_loads(line, 0, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "error")), want);
	json_decref(root);
	free(line);
}

static void refusal_is_one_line_of_json(void **state)
{
	(void)state;
	assert_refusal("no \"such\" thing\n", "no \"such\" thing\n");
	assert_refusal("cut within a character \xc3", "the request was refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_requests_are_understood),
		cmocka_unit_test(drops_are_those_held_or_those_to_come),
		cmocka_unit_test(everything_else_is_refused_with_words),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(refusal_is_one_line_of_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
