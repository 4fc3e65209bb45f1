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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/http.h"
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
	assert_int_equal(parse("{\"command\": \"flows\"}").view.style.format, PN_FORMAT_COMPACT);
	assert_int_equal(
		parse("{\"format\": \"json\", \"command\": \"flows\"}\n").view.style.format,
		PN_FORMAT_JSON);
	assert_int_equal(parse("{\"command\": \"flows\", \"format\": \"color\"}").view.style.format,
			 PN_FORMAT_COLOR);
}

static void the_settings_are_asked_for_without_more(void **state)
{
	struct pn_request r = parse("{\"command\": \"config\"}");

	(void)state;
	assert_int_equal(r.command, PN_REQUEST_CONFIG);
}

static void a_selection_has_what_is_to_change(void **state)
{
	struct pn_request r = parse("{\"command\": \"select\"}");

	(void)state;
	assert_int_equal(r.command, PN_REQUEST_SELECT);
	assert_true(!r.has_expression && !r.sampling);
	r = parse("{\"command\": \"select\", \"expression\": \"\", \"sampling\": 65535}");
	assert_true(r.has_expression && !*r.expression && r.sampling == 65535);
	r = parse("{\"command\": \"select\", \"expression\": \"port=80\"}");
	assert_string_equal(r.expression, "port=80");
	assert_refused("{\"command\": \"select\", \"expression\": 80}", "must be a string");
	assert_refused("{\"command\": \"select\", \"sampling\": 0}", "number above 0");
	assert_refused("{\"command\": \"select\", \"sampling\": 4294967296}", "number above 0");
	assert_refused("{\"command\": \"select\", \"sampling\": \"2\"}", "number above 0");
}

static void what_is_left_out_is_as_it_always_was(void **state)
{
	struct pn_view v = parse("{\"command\": \"flows\"}").view;

	(void)state;
	assert_true(v.follow);
	assert_int_equal(v.past, PN_PAST_NONE);
	assert_null(v.filter);
	assert_int_equal(v.since, 0);
	assert_int_equal(v.until, PN_NSEC_NEVER);
	assert_int_equal(v.style.time, PN_TIME_CLOCK);
	assert_false(v.style.numeric);
}

static void the_past_is_asked_for_in_one_way(void **state)
{
	struct pn_view v;

	(void)state;
	v = parse("{\"command\": \"flows\", \"follow\": false, \"last\": 20}").view;
	assert_false(v.follow);
	assert_int_equal(v.past, PN_PAST_LAST);
	assert_int_equal(v.n, 20);
	v = parse("{\"command\": \"flows\", \"follow\": false, \"first\": 4294967295}").view;
	assert_int_equal(v.past, PN_PAST_FIRST);
	assert_int_equal(v.n, UINT32_MAX);
	v = parse("{\"command\": \"flows\", \"all\": true}").view;
	assert_int_equal(v.past, PN_PAST_ALL);
	v = parse("{\"command\": \"flows\", \"since\": 1773921784512345678}").view;
	assert_int_equal(v.past, PN_PAST_ALL);
	assert_int_equal(v.since, 1773921784512345678);
	v = parse("{\"command\": \"flows\", \"follow\": false, \"until\": 9, \"last\": 3}").view;
	assert_int_equal(v.past, PN_PAST_LAST);
	assert_int_equal(v.until, 9);

	assert_refused("{\"command\": \"flows\", \"follow\": false}", "nothing is asked for");
	assert_refused("{\"command\": \"flows\", \"all\": true, \"last\": 3}",
		       "do not go together");
	assert_refused("{\"command\": \"flows\", \"until\": 3}", "do not go together");
	assert_refused("{\"command\": \"flows\", \"first\": 3}", "do not go together");
	assert_refused("{\"command\": \"flows\", \"last\": 0}", "\"last\" must be a number");
	assert_refused("{\"command\": \"flows\", \"last\": 4294967296}",
		       "\"last\" must be a number");
	assert_refused("{\"command\": \"flows\", \"last\": \"3\"}", "\"last\" must be a number");
	assert_refused("{\"command\": \"flows\", \"since\": -1}", "nanoseconds since 1970");
	assert_refused("{\"command\": \"flows\", \"since\": 1.5}", "nanoseconds since 1970");
	assert_refused("{\"command\": \"flows\", \"follow\": 1}", "true or false");
}

static void forms_are_understood(void **state)
{
	struct pn_view v = parse("{\"command\": \"flows\", \"format\": \"fields\","
				 " \"time_format\": \"rfc3339nano\", \"numeric\": true}")
				   .view;

	(void)state;
	assert_int_equal(v.style.format, PN_FORMAT_FIELDS);
	assert_int_equal(v.style.time, PN_TIME_RFC3339NANO);
	assert_true(v.style.numeric);
	assert_refused("{\"command\": \"flows\", \"time_format\": \"iso\"}", "iso");
	assert_refused("{\"command\": \"flows\", \"time_format\": 1}", "must be a string");
	assert_refused("{\"command\": \"flows\", \"numeric\": \"yes\"}", "true or false");
}

static void filters_are_compiled(void **state)
{
	struct pn_request req = parse("{\"command\": \"flows\", \"filters\": [{\"port\": \"53\"},"
				      " {\"not\": true, \"protocol\": \"tcp\"}]}");
	struct pn_flow_record udp = { .proto = 17, .destination = { .port = 53 } };
	struct pn_flow_record tcp = { .proto = 6, .destination = { .port = 53 } };

	(void)state;
	assert_true(pn_filter_match(req.view.filter, &udp));
	assert_false(pn_filter_match(req.view.filter, &tcp));
	pn_request_done(&req);
	assert_null(req.view.filter);
}

static void assert_filters_refused(const char *filters, const char *words)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "{\"command\": \"flows\", \"filters\": %s}", filters);
	assert_refused(line, words);
}

static void bad_filters_are_refused_with_words(void **state)
{
	(void)state;
	assert_filters_refused("7", "must be an array");
	assert_filters_refused("[7]", "a filter is an object");
	assert_filters_refused("[{}]", "a filter is an object");
	assert_filters_refused("[{\"not\": true}]", "a filter is an object");
	assert_filters_refused("[{\"port\": 53}]", "a filter is an object");
	assert_filters_refused("[{\"port\": \"53\", \"pod\": \"a\"}]", "one name");
	assert_filters_refused("[{\"port\": \"53\", \"not\": 1}]", "true or false");
	assert_filters_refused("[{\"prt\": \"53\"}]", "did you mean \"port\"?");
	assert_filters_refused("[{\"pod\": \"a\"}, {\"port\": \"x\"}]",
			       "port: \"x\" is not a port");
}

static void drops_are_those_held_or_those_to_come(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"command\": \"drops\"}").command, PN_REQUEST_DROPS);
	assert_true(parse("{\"command\": \"drops\"}").view.follow);
	assert_false(parse("{\"command\": \"drops\", \"follow\": false}").view.follow);
	assert_int_equal(parse("{\"command\": \"drops\", \"follow\": false}").view.past,
			 PN_PAST_ALL);
	assert_int_equal(parse("{\"command\": \"drops\", \"last\": 3}").view.n, 3);
	assert_refused("{\"command\": \"drops\", \"until\": 3}", "do not go together");
	assert_refused("{\"command\": \"drops\", \"format\": \"fields\"}", "no format");
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

/* --- by HTTP --------------------------------------------------------------------------------------- */

#define QUERY(command, ...)                                           \
	query(command, (const struct pn_http_pair[]) { __VA_ARGS__ }, \
	      sizeof((const struct pn_http_pair[]) { __VA_ARGS__ }) / sizeof(struct pn_http_pair))

static struct pn_request query(const char *command, const struct pn_http_pair *pairs, size_t n)
{
	struct pn_request req;
	struct pn_err err = { "" };

	if (pn_request_from_query(command, pairs, n, &req, &err) < 0)
		fail_msg("%s", err.text);
	return req;
}

static void assert_query_refused(const char *command, const char *key, const char *value,
				 const char *words)
{
	const struct pn_http_pair pairs[] = { { "numeric", "0" }, { key, value } };
	struct pn_request req;
	struct pn_err err = { "" };

	assert_int_equal(pn_request_from_query(command, pairs, 2, &req, &err), -EINVAL);
	if (!strstr(err.text, words))
		fail_msg("%s=%s: \"%s\" has no \"%s\"", key, value, err.text, words);
}

static void query_alone_asks_for_what_is_kept(void **state)
{
	struct pn_view v = query("flows", NULL, 0).view;

	(void)state;
	assert_int_equal(v.style.format, PN_FORMAT_JSON);
	assert_true(!v.follow && v.past == PN_PAST_ALL && !v.filter);
	v = query("drops", NULL, 0).view;
	assert_true(!v.follow && v.past == PN_PAST_ALL);
	v = QUERY("drops", { "follow", "1" }, { "format", "compact" }).view;
	assert_true(v.follow && v.style.format == PN_FORMAT_COMPACT);
}

static void query_means_what_the_same_request_means(void **state)
{
	struct pn_view v = QUERY("flows", { "follow", "true" }, { "last", "20" },
				 { "time_format", "unix" }, { "numeric", "1" })
				   .view;

	(void)state;
	assert_true(v.follow && v.past == PN_PAST_LAST && v.n == 20);
	assert_true(v.style.time == PN_TIME_UNIX && v.style.numeric);
	v = QUERY("flows", { "since", "1700000000000000001" }, { "until", "1800000000000000000" })
		    .view;
	assert_true(!v.follow && v.past == PN_PAST_ALL);
	assert_int_equal(v.since, 1700000000000000001);
	assert_int_equal(v.until, 1800000000000000000);
	v = QUERY("flows", { "follow", "1" }).view;
	assert_true(v.follow && v.past == PN_PAST_NONE);
}

static void other_keys_of_a_query_are_filters(void **state)
{
	struct pn_request req =
		QUERY("flows", { "port", "80" }, { "not-port", "53" }, { "port", "443" });
	struct pn_flow_record r = { .proto = 6 };

	(void)state;
	r.destination.port = 443;
	assert_true(pn_filter_match(req.view.filter, &r));
	r.destination.port = 81;
	assert_false(pn_filter_match(req.view.filter, &r));
	r.destination.port = 80;
	r.source.port = 53;
	assert_false(pn_filter_match(req.view.filter, &r));
	pn_request_done(&req);
}

static void query_that_makes_no_sense_is_refused(void **state)
{
	(void)state;
	assert_query_refused("flows", "folow", "1", "folow");
	assert_query_refused("flows", "numeric", "1", "said twice");
	assert_query_refused("flows", "follow", "yes", "must be 1 or 0");
	assert_query_refused("flows", "last", "-1", "must be a number");
	assert_query_refused("flows", "last", "0", "from 1 to");
	assert_query_refused("flows", "since", "9223372036854775808", "must be a number");
	assert_query_refused("flows", "format", "xml", "unknown format");
	assert_query_refused("flows", "format", "\xff", "not UTF-8");
	assert_query_refused("flows", "port", "\xff", "not UTF-8");
	assert_query_refused("flows", "\xff", "x", "not UTF-8");
	assert_query_refused("flows", "port", "x", "port");
	assert_query_refused("flows", "not", "port", "must be true or false");
	assert_query_refused("flows", "", "", "\"\"");
	/* No way to change what is recorded, or to be something else. */
	assert_query_refused("flows", "command", "select", "command");
	assert_query_refused("flows", "expression", "port=80", "expression");
	assert_query_refused("flows", "sampling", "10", "sampling");
	assert_query_refused("flows", "filters", "[]", "filters");
	assert_query_refused("drops", "format", "fields", "drops have no format");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_requests_are_understood),
		cmocka_unit_test(the_settings_are_asked_for_without_more),
		cmocka_unit_test(a_selection_has_what_is_to_change),
		cmocka_unit_test(what_is_left_out_is_as_it_always_was),
		cmocka_unit_test(the_past_is_asked_for_in_one_way),
		cmocka_unit_test(forms_are_understood),
		cmocka_unit_test(filters_are_compiled),
		cmocka_unit_test(bad_filters_are_refused_with_words),
		cmocka_unit_test(drops_are_those_held_or_those_to_come),
		cmocka_unit_test(everything_else_is_refused_with_words),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(refusal_is_one_line_of_json),
		cmocka_unit_test(query_alone_asks_for_what_is_kept),
		cmocka_unit_test(query_means_what_the_same_request_means),
		cmocka_unit_test(other_keys_of_a_query_are_filters),
		cmocka_unit_test(query_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
