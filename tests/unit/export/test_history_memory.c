/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lack of memory at every point of a batch and of the history's start: nothing is left behind, and a
 * record that finds none is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/metric.h"
#include "export/history.h"
#include "export/history_pairs.h"
#include "tests/unit/export/record_fixture.h"

#include "tests/unit/kube/failing_malloc.h"

static const struct pn_history_config config = {
	.clock = &pn_clock_system,
	.path = "/proc/none", /* never a file */
	.max_bytes = PN_HISTORY_MIN_BYTES,
	.max_age = 1,
};

static void batch_is_made_whole_or_not_at_all(void **state)
{
	struct pn_history_batch *b;
	unsigned long n = 0;

	(void)state;
	need_malloc();
	do {
		n_until_failure = ++n;
		b = pn_history_batch_new(16);
		n_until_failure = 0;
	} while (!b);
	assert_int_equal(n, 6);
	pn_history_batch_free(b);
}

static void record_without_memory_leaves_the_batch_as_it_was(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_history_batch *b;
	bool is_stranger;

	(void)state;
	need_malloc();
	b = pn_history_batch_new(16);
	n_until_failure = 1;
	assert_int_equal(pn_history_batch_add(b, &r, false, &is_stranger), -ENOMEM);
	n_until_failure = 0;
	assert_int_equal(b->keys.n, 0);
	assert_int_equal(b->n_records, 0);
	assert_int_equal(pn_history_batch_add(b, &r, false, &is_stranger), 0);
	assert_int_equal(b->keys.n, 1);
	pn_history_batch_free(b);
}

static void batch_without_room_takes_no_pair_more(void **state)
{
	struct pn_history_batch *b = pn_history_batch_new(2);
	struct pn_flow_record r = sample_record();
	bool is_stranger;
	size_t len;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		r.destination.port++;
		assert_int_equal(pn_history_batch_add(b, &r, false, &is_stranger), 0);
	}
	len = b->text.len;
	assert_int_equal(pn_history_batch_add(b, &r, false, &is_stranger), 0); /* the same pair */
	r.destination.port++;
	assert_int_equal(pn_history_batch_add(b, &r, false, &is_stranger), -ENOSPC);
	assert_int_equal(b->keys.n, 2);
	assert_int_equal(b->n_records, 3);
	assert_int_equal(b->text.len, len);
	pn_history_batch_free(b);
}

static void start_without_memory_fails_and_leaves_nothing(void **state)
{
	struct pn_flow_record r = sample_record();
	uint64_t n_lost = pn_metric_get(PN_METRIC_HISTORY_LOST);
	struct pn_history *h = NULL;
	unsigned long n = 0;
	int ret;

	(void)state;
	need_malloc();
	do {
		errno = ENOMEM; /* which glibc expects of a calloc() that fails */
		n_until_failure = ++n;
		ret = pn_history_start(&config, &h);
		n_until_failure = 0;
		assert_true(ret == 0 || (ret < 0 && !h));
	} while (ret < 0);
	assert_true(n > 10);
	n_until_failure = 1;
	pn_history_record(h, &r);
	n_until_failure = 0;
	pn_history_record(h, &r);
	pn_history_stop(h);
	assert_int_equal(pn_metric_get(PN_METRIC_HISTORY_LOST),
			 n_lost + 2); /* the other has no file */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(batch_is_made_whole_or_not_at_all),
		cmocka_unit_test(record_without_memory_leaves_the_batch_as_it_was),
		cmocka_unit_test(batch_without_room_takes_no_pair_more),
		cmocka_unit_test(start_without_memory_fails_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
