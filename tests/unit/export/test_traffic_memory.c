/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lack of memory at every point of the series of traffic: nothing is lost, what cannot have a series is
 * counted under _other, and an answer that cannot be made says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "export/traffic.h"
#include "tests/unit/export/record_fixture.h"

#include "tests/unit/kube/failing_malloc.h"

static const struct pn_traffic_config config = { 4, PN_TRAFFIC_WORKLOAD, 1000 };

static void table_is_made_whole_or_not_at_all(void **state)
{
	struct pn_traffic *t = NULL;
	unsigned long n = 0;
	int r;

	(void)state;
	need_malloc();
	do {
		n_until_failure = ++n;
		r = pn_traffic_new(&config, &t);
		n_until_failure = 0;
		assert_true(r == 0 || (r == -ENOMEM && !t));
	} while (r < 0);
	assert_true(n > 3);
	pn_traffic_free(t);
}

static void record_without_memory_is_counted_as_other(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	struct pn_exposition e = { .out = &out };
	struct pn_traffic *t = NULL;

	(void)state;
	need_malloc();
	assert_int_equal(pn_traffic_new(&config, &t), 0);
	n_until_failure = 1;
	pn_traffic_record(t, &r, 1);
	n_until_failure = 0;
	pn_traffic_record(t, &r, 1);
	assert_int_equal(pn_traffic_write(t, 1, &e), 0);
	assert_non_null(strstr(out.data,
			       "records_total{source_kind=\"_other\",source_workload=\"_other\","
			       "destination_kind=\"_other\",destination_workload=\"_other\"} 1\n"));
	assert_non_null(strstr(out.data, "destination_workload=\"db\"} 1\n"));
	pn_buf_done(&out);
	pn_traffic_free(t);
}

static void answer_without_memory_is_an_error(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_traffic *t = NULL;
	unsigned long n = 0;
	bool whole = false;

	(void)state;
	need_malloc();
	assert_int_equal(pn_traffic_new(&config, &t), 0);
	pn_traffic_record(t, &r, 1);
	while (!whole) {
		struct pn_buf out = PN_BUF_INIT(1 << 20);
		struct pn_exposition e = { .out = &out };
		int done;

		n_until_failure = ++n;
		done = pn_traffic_write(t, 1, &e);
		n_until_failure = 0;
		whole = done == 0 && e.error == 0;
		assert_true(whole || done == -ENOMEM || e.error == -ENOMEM);
		pn_buf_done(&out);
	}
	assert_true(n > 2);
	pn_traffic_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_made_whole_or_not_at_all),
		cmocka_unit_test(record_without_memory_is_counted_as_other),
		cmocka_unit_test(answer_without_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
