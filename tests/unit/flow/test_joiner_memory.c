/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that have counted more than 32 bits hold, where there is no memory for it: they wait for
 * the next round, in the flow table.
 */
#include "tests/unit/flow/fixture.h"
#include "tests/unit/kube/failing_malloc.h"

static const uint64_t many = 5ull << 32;
static const struct way out = { "10.0.0.1", 4000, "192.0.2.9", 443, IPPROTO_TCP };

static void counters_that_found_no_memory_are_told_by_the_next_round(void **state)
{
	struct rig *r = *state;
	const struct entry *e = leave(r, out, 5);

	need_malloc();
	assert_counts(only_record(r, 1000), 5, 0);
	(void)leave(r, out, many);
	n_until_failure = 1;
	assert_int_equal(pn_joiner_entry(r->joiner, &e->key, &e->value), -ENOMEM);
	n_until_failure = 0;
	assert_counts(only_record(r, 2000), many, 0);
	(void)leave(r, out, 1);
	assert_counts(only_record(r, 3000), 1, 0);
}

static void many_packets_at_removal(struct rig *r, struct entry *e)
{
	(void)e;
	r->before_remove = NULL;
	(void)leave(r, out, many);
}

static void entry_stays_while_there_is_no_memory_for_its_last_counters(void **state)
{
	struct rig *r = *state;

	need_malloc();
	(void)leave(r, out, 7);
	show_flags(r, out, TH_RST);
	r->before_remove = many_packets_at_removal;
	r->is_stuck = true;
	assert_counts(only_record(r, 6000), 7, 0);
	r->is_stuck = false;
	assert_true(write_out(r));
	n_until_failure = 1;
	assert_false(pn_joiner_sweep(r->joiner, &rig_ops, r));
	n_until_failure = 0;
	assert_int_equal(entries_left(r), 1);
	assert_true(pn_joiner_sweep(r->joiner, &rig_ops, r));
	assert_int_equal(entries_left(r), 0);
	assert_int_equal(r->n_records, 2);
	assert_counts(&r->records[1], many, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(counters_that_found_no_memory_are_told_by_the_next_round),
		RIG_TEST(entry_stays_while_there_is_no_memory_for_its_last_counters),
	};

	return cmocka_run_group_tests_name("joiner_memory", tests, NULL, NULL);
}
