/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lack of memory at every point of the table of `podonym top`: it is told, the sums of all have everything,
 * and nothing stays behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/top/top_table.h"
#include "tests/unit/kube/failing_malloc.h"

static int put(struct pn_top *t, int pair, int id)
{
	struct pn_recorded_flow f;
	char text[512];

	(void)snprintf(
		text, sizeof(text),
		"{\"source\":{\"address\":\"10.0.0.%d\",\"bytes\":10},\"destination\":"
		"{\"address\":\"10.0.0.9\",\"port\":80},\"network\":{\"transport\":\"tcp\"},"
		"\"podonym\":{\"flow_id\":\"%d\",\"state\":\"active\",\"drop\":{\"count\":1}}}",
		pair, id);
	assert_null(pn_record_line_read(text, strlen(text), &f));
	return pn_top_flow(t, &f, 1) < 0 || pn_top_drop(t, &f, 1) < 0 ? -ENOMEM : 0;
}

static int use(struct pn_top *t)
{
	const struct pn_top_connection *connections;
	const struct pn_top_row *rows;
	int r = 0;
	size_t n;

	for (int i = 1; i <= 40 && r == 0; i++)
		r = put(t, i % 20, i);
	if (r == 0)
		r = pn_top_rows(t, PN_TOP_BY_BYTES, false, 1, &rows, &n);
	if (r == 0)
		r = pn_top_connections(t, rows[0].id, &connections, &n);
	return r;
}

static void every_lack_of_memory_is_told(void **state)
{
	const struct pn_top_limits limits = { PN_NSEC_PER_SEC, 100, 100 };
	struct pn_top_row all;
	bool is_done = false;

	(void)state;
	need_malloc();
	for (unsigned long i = 1; !is_done; i++) {
		struct pn_top *t = NULL;
		int r;

		has_failed = false;
		n_until_failure = i;
		r = pn_top_new(&limits, 0, &t);
		if (r == 0)
			r = use(t);
		n_until_failure = 0;
		assert_int_equal(r < 0 ? r : 0, has_failed && r < 0 ? -ENOMEM : 0);
		is_done = !has_failed;
		if (t && r == 0) {
			pn_top_all(t, 1, &all);
			assert_int_equal(all.sums[PN_TOP_BYTES], 400);
		}
		pn_top_free(t);
		assert_true(i < 1000);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_lack_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
