/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl podonym without a cluster: in which order lines of several nodes come out, by which time, and what
 * the agents are asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cluster/cluster.h"
#include "cmd/cluster/line_time.h"
#include "cmd/cluster/merge.h"

/* --- the order ------------------------------------------------------------------------------------- */

static char out[4096];

static int append(void *data, void *from, const char *line, size_t len)
{
	(void)data;
	(void)from;
	(void)strncat(out, line, len);
	return 0;
}

static struct pn_merge *new_merge(uint64_t delay_ms, size_t max_bytes)
{
	const struct pn_merge_config config = { .delay_ms = delay_ms,
						.max_bytes = max_bytes,
						.line = append };
	struct pn_merge *m;

	out[0] = '\0';
	assert_int_equal(pn_merge_new(&config, &m), 0);
	return m;
}

static void add(struct pn_merge *m, uint64_t now_ms, const char *key)
{
	assert_int_equal(pn_merge_add(m, now_ms, key, NULL, key, strlen(key)), 0);
}

static void all_lines_come_in_the_order_of_time(void **state)
{
	struct pn_merge *m = new_merge(UINT64_MAX, SIZE_MAX);

	(void)state;
	for (const char *c = "hcbgafdeh"; *c; c++)
		add(m, 0, (const char[]) { *c, '\0' });
	assert_int_equal(pn_merge_due(m, 1000000), 0);
	assert_string_equal(out, "");
	assert_int_equal(pn_merge_finish(m), 0);
	assert_string_equal(out, "abcdefghh");
	pn_merge_free(m);
}

static void line_waits_for_older_ones_and_no_longer(void **state)
{
	struct pn_merge *m = new_merge(100, SIZE_MAX);

	(void)state;
	add(m, 0, "c");
	add(m, 50, "b");
	(void)pn_merge_due(m, 99);
	assert_string_equal(out, "");
	(void)pn_merge_due(m, 100); /* what is older goes first, however late it came */
	assert_string_equal(out, "bc");
	add(m, 120, "a");
	add(m, 130, "d");
	(void)pn_merge_due(m, 220);
	assert_string_equal(out, "bca");
	assert_int_equal(pn_merge_waiting(m), 1);
	(void)pn_merge_due(m, 230);
	assert_string_equal(out, "bcad");
	pn_merge_free(m);
}

static void late_ones_hold_up_nobody(void **state)
{
	struct pn_merge *m = new_merge(100, SIZE_MAX);

	(void)state;
	add(m, 0, "z");
	for (uint64_t t = 1; t <= 200; t += 10) {
		add(m, t, "a");
		(void)pn_merge_due(m, t);
	}
	assert_non_null(strchr(out, 'z'));
	pn_merge_free(m);
}

static void memory_has_a_bound_and_nothing_is_lost(void **state)
{
	struct pn_merge *m = new_merge(UINT64_MAX, 4096);
	size_t n = 1000;
	char key[8];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(key, sizeof(key), "%c", (char)('a' + i * 7 % 26));
		add(m, 0, key);
		assert_true(pn_merge_waiting(m) < 60);
	}
	assert_int_equal(pn_merge_finish(m), 0);
	assert_int_equal(strlen(out), n);
	pn_merge_free(m);
}

/* --- times ----------------------------------------------------------------------------------------- */

static void times_are_found_in_lines(void **state)
{
	char t[PN_LINE_TIME_LEN];
	size_t begin, end;

	(void)state;
	assert_true(pn_line_time_json(
		"{\"event\":{\"start\":\"1\",\"end\":\"2026-11-29T01:02:03.000000000Z\"}}", t));
	assert_string_equal(t, "2026-11-29T01:02:03.000000000Z");
	assert_false(pn_line_time_json("{\"event\":{}}", t));
	assert_false(pn_line_time_json("{\"end\":\"x\"", t));
	assert_false(pn_line_time_json("{\"end\":\"2026-11-29T01:02:03.00000000000000000Z\"", t));
	assert_false(pn_line_time_json("{\"end\":\"", t));
	assert_true(pn_line_time_compact("01:02:03.456 a -> b", t, &begin, &end));
	assert_string_equal(t, "01:02:03.456");
	assert_true(begin == 0 && end == 12);
	assert_true(pn_line_time_compact("\033[2m01:02:03.456\033[0m a -> b", t, &begin, &end));
	assert_string_equal(t, "01:02:03.456");
	assert_true(begin == 4 && end == 16);
	assert_false(pn_line_time_compact("", t, &begin, &end));
	assert_false(pn_line_time_compact("\033", t, &begin, &end));
	assert_false(pn_line_time_compact("words", t, &begin, &end));
}

static void time_is_shown_as_that_of_this_place(void **state)
{
	char t[PN_LINE_TIME_LEN];

	(void)state;
	(void)setenv("TZ", "UTC-2", 1);
	pn_line_time_clock("2026-11-29T23:02:03.456789012Z", t);
	assert_string_equal(t, "01:02:03.456");
	pn_line_time_clock("15:04:05.000", t);
	assert_string_equal(t, "15:04:05.000");
	pn_line_time_clock("", t);
	assert_string_equal(t, "");
}

/* --- what is asked --------------------------------------------------------------------------------- */

static void assert_query(const char *request, const char *query)
{
	struct pn_buf b = PN_BUF_INIT(4096);

	assert_int_equal(pn_cluster_query(request, &b), 0);
	assert_string_equal(b.data, query);
	pn_buf_done(&b);
}

static void request_becomes_a_query(void **state)
{
	(void)state;
	assert_query("{\"command\":\"flows\",\"format\":\"json\",\"follow\":false,\"last\":20}",
		     "format=json&follow=0&last=20");
	assert_query("{\"command\":\"flows\",\"since\":1700000000000000001}",
		     "since=1700000000000000001&follow=1");
	assert_query("{\"filters\":[{\"pod\":\"shop/web&x=1 #\"},{\"port\":\"53\",\"not\":true}]}",
		     "follow=1&pod=shop%2Fweb%26x%3D1%20%23&not-port=53");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_lines_come_in_the_order_of_time),
		cmocka_unit_test(line_waits_for_older_ones_and_no_longer),
		cmocka_unit_test(late_ones_hold_up_nobody),
		cmocka_unit_test(memory_has_a_bound_and_nothing_is_lost),
		cmocka_unit_test(times_are_found_in_lines),
		cmocka_unit_test(time_is_shown_as_that_of_this_place),
		cmocka_unit_test(request_becomes_a_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
