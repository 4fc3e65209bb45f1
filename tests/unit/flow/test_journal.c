/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agents one after the other on one flow table: what a successor tells, under which id, and what the
 * ledger says. test_kill.c has the instants in between.
 */
#include "base/metric.h"
#include "tests/unit/flow/fixture.h"

static const struct way out = { "10.0.0.1", 4000, "192.0.2.9", 443, IPPROTO_TCP };
static const struct way to_vip = { "10.0.0.1", 4000, "10.96.0.1", 80, IPPROTO_TCP };
static const struct way to_backend = { "10.0.0.1", 4000, "10.0.0.2", 80, IPPROTO_TCP };
static const struct way to_other = { "10.0.0.1", 4000, "10.0.0.3", 80, IPPROTO_TCP };

static struct way numbered(uint16_t i)
{
	return (struct way) { "10.0.0.1", i, "192.0.2.9", 53, IPPROTO_UDP };
}

static void successor_tells_only_what_is_new(void **state)
{
	struct rig *r = *state;
	uint64_t id, start;

	leave(r, out, 5);
	assert_counts(only_record(r, 1000), 5, 0);
	id = r->records[0].id;
	start = r->records[0].start;
	leave(r, out, 2);
	restart(r);
	assert_counts(only_record(r, 2000), 2, 0);
	assert_int_equal(r->records[0].id, id);
	assert_int_equal(r->records[0].start, start);
	restart(r);
	no_record(r, 3000);
}

static void what_a_stopping_agent_told_goes_on_with_the_next(void **state)
{
	struct rig *r = *state;
	uint64_t id;

	leave(r, out, 5);
	run_round(r, true);
	assert_int_equal(r->records[0].state, PN_FLOW_SHUTDOWN);
	id = r->records[0].id;
	restart(r);
	leave(r, out, 1); /* the programs have gone on counting */
	assert_counts(only_record(r, 1000), 1, 0);
	assert_int_equal(r->records[0].id, id);
	assert_int_equal(r->records[0].state, PN_FLOW_ACTIVE);
}

static void ask_service(struct rig *r, struct way backend, uint64_t n)
{
	struct entry *front = leave(r, to_vip, n);

	tell_behind(enter(r, backend, n), backend, to_vip);
	tell_nat(front, to_vip, backend);
}

static void translated_connection_is_known_by_any_of_its_entries(void **state)
{
	struct rig *r = *state;
	uint64_t id;

	ask_service(r, to_backend, 3);
	assert_counts(only_record(r, 1000), 3, 0);
	id = r->records[0].id;
	for (unsigned int i = 2; i < 20; i++) { /* the entries come in another order each time */
		restart(r);
		ask_service(r, to_backend, 1);
		assert_counts(only_record(r, i * 1000), 1, 0);
		assert_int_equal(r->records[0].source.delivered, 1);
		assert_int_equal(r->records[0].id, id);
	}
}

static void entry_that_comes_later_is_known_too(void **state)
{
	struct rig *r = *state;

	leave(r, to_vip, 3);
	assert_counts(only_record(r, 1000), 3, 0);
	ask_service(r, to_backend, 1);
	assert_counts(only_record(r, 2000), 1, 0);
	ask_service(r, to_other, 1);
	assert_counts(only_record(r, 3000), 1, 0);
	for (unsigned int i = 4; i < 10; i++) {
		restart(r);
		no_record(r, i * 1000);
	}
}

static void new_connection_of_a_known_tuple_is_told_from_its_start(void **state)
{
	struct rig *r = *state;

	leave(r, out, 5);
	assert_counts(only_record(r, 1000), 5, 0);
	die(r);
	r->entries[0].used = false; /* somebody has taken it out meanwhile */
	go_to(r->w, 2000);
	leave(r, out, 3);
	begin(r);
	assert_counts(only_record(r, 3000), 3, 0);
}

static void record_that_was_not_written_is_told_by_the_successor(void **state)
{
	struct rig *r = *state;

	leave(r, out, 5);
	assert_counts(only_record(r, 1000), 5, 0);
	r->is_stuck = true;
	leave(r, out, 2);
	assert_counts(only_record(r, 2000), 2, 0);
	r->is_stuck = false;
	restart(r);
	assert_counts(only_record(r, 3000), 2, 0);
	assert_int_equal(pn_journal_totals(r->journal).n_in_doubt, 0);
	assert_int_equal(pn_journal_totals(r->journal).n_told, 7);
}

/* As many lines as are there were written, in the order of the records. */
static void lines_behind_the_last_commit_are_counted(void **state)
{
	struct rig *r = *state;
	uint64_t n_told = 0;

	for (uint16_t i = 1; i <= 10; i++)
		leave(r, numbered(i), i);
	r->is_stuck = true;
	go_to(r->w, 1000);
	run_round(r, false);
	assert_int_equal(r->n_records, 10);
	for (size_t i = 0; i < 4; i++)
		n_told += r->records[i].source.packets;
	r->n_lines += 4;
	r->is_stuck = false;
	restart(r);
	assert_int_equal(pn_journal_totals(r->journal).n_told, n_told);
	go_to(r->w, 2000);
	run_round(r, false);
	assert_int_equal(r->n_records, 6);
	for (size_t i = 0; i < 6; i++)
		n_told += r->records[i].source.packets;
	assert_int_equal(n_told, 55);
	assert_int_equal(pn_journal_totals(r->journal).n_in_doubt, 0);
}

static void what_a_pipe_may_have_taken_is_in_doubt(void **state)
{
	struct rig *r = *state;

	r->is_pipe = true;
	restart(r);
	leave(r, out, 5);
	r->is_stuck = true;
	assert_counts(only_record(r, 1000), 5, 0);
	restart(r);
	no_record(r, 2000);
	assert_int_equal(pn_journal_totals(r->journal).n_in_doubt, 5);
	assert_int_equal(pn_journal_totals(r->journal).n_told, 0);
	assert_int_equal(pn_metric_get(PN_METRIC_FLOW_IN_DOUBT), 5);
}

static void other_output_than_before_leaves_it_in_doubt(void **state)
{
	struct rig *r = *state;

	leave(r, out, 5);
	r->is_stuck = true;
	assert_counts(only_record(r, 1000), 5, 0);
	r->is_pipe = true;
	restart(r);
	no_record(r, 2000);
	assert_int_equal(pn_journal_totals(r->journal).n_in_doubt, 5);
}

static void lost_line_leaves_all_in_doubt_until_the_next_commit(void **state)
{
	struct rig *r = *state;

	leave(r, out, 5);
	r->is_stuck = true;
	assert_counts(only_record(r, 1000), 5, 0);
	pn_journal_doubt(r->journal);
	restart(r);
	no_record(r, 2000);
	assert_int_equal(pn_journal_totals(r->journal).n_in_doubt, 5);
	r->is_stuck = true;
	leave(r, out, 2);
	assert_counts(only_record(r, 3000), 2, 0);
	restart(r); /* no line is missing this time */
	assert_counts(only_record(r, 4000), 2, 0);
	assert_int_equal(pn_journal_totals(r->journal).n_in_doubt, 5);
}

static void records_of_one_connection_that_are_written_in_part_are_told_from_there(void **state)
{
	struct rig *r = *state;

	r->is_stuck = true;
	leave(r, out, 5);
	assert_counts(only_record(r, 1000), 5, 0);
	leave(r, out, 2);
	go_to(r->w, 2000);
	run_round(r, false);
	assert_int_equal(r->n_records, 2);
	r->n_lines++;
	r->is_stuck = false;
	restart(r);
	assert_counts(only_record(r, 3000), 2, 0);
	assert_int_equal(pn_journal_totals(r->journal).n_told, 7);
	assert_int_equal(pn_journal_totals(r->journal).n_in_doubt, 0);
}

static void one_more_and_no_line(struct rig *r, struct entry *e)
{
	(void)e;
	(void)leave(r, out, 1);
	r->is_stuck = true;
}

static void rest_that_was_not_written_is_in_doubt(void **state)
{
	struct rig *r = *state;

	leave(r, out, 5);
	show_flags(r, out, TH_RST);
	r->before_remove = one_more_and_no_line;
	go_to(r->w, 3000);
	run_round(r, false);
	assert_int_equal(r->n_records, 2);
	assert_counts(&r->records[1], 1, 0);
	restart(r);
	no_record(r, 4000);
	assert_int_equal(pn_journal_totals(r->journal).n_told, 5);
	assert_int_equal(pn_journal_totals(r->journal).n_in_doubt, 1);
}

static void slots_are_used_again(void **state)
{
	struct rig *r = *state;
	uint64_t n_before = pn_metric_get(PN_METRIC_FLOW_UNJOURNALED);

	for (unsigned int i = 0; i < 20; i++) {
		for (uint16_t k = 0; k < 100; k++)
			leave(r, numbered((uint16_t)(1 + i * 100 + k)), 1);
		go_to(r->w, i * 200000 + 1000);
		run_round(r, false);
		assert_int_equal(r->n_records, 100);
		if (i % 3 == 0)
			restart(r);
		go_to(r->w, i * 200000 + 100000);
		run_round(r, false);
		assert_int_equal(entries_left(r), 0);
	}
	assert_int_equal(pn_metric_get(PN_METRIC_FLOW_UNJOURNALED), n_before);
}

static void connections_beyond_the_journal_are_told_and_counted(void **state)
{
	struct rig *r = *state;
	uint64_t n_before = pn_metric_get(PN_METRIC_FLOW_UNJOURNALED);

	die(r);
	r->notes_len = PN_JOURNAL_HEAD_BYTES + 10 * PN_JOURNAL_SLOT_BYTES;
	begin(r);
	for (uint16_t i = 1; i <= 12; i++)
		leave(r, numbered(i), 1);
	go_to(r->w, 1000);
	run_round(r, false);
	assert_int_equal(r->n_records, 12);
	no_record(r, 2000);
	assert_int_equal(pn_metric_get(PN_METRIC_FLOW_UNJOURNALED), n_before + 2);
	no_record(r, 100000);
	assert_int_equal(entries_left(r), 0);
	assert_int_equal(pn_joiner_count(r->joiner), 0);
}

static void notes_are_reached_as_far_as_they_are_used(void **state)
{
	struct rig *r = *state;
	uint64_t n_before = pn_metric_get(PN_METRIC_FLOW_UNJOURNALED);

	assert_int_equal(r->n_reached, PN_JOURNAL_HEAD_BYTES);
	r->n_reachable = PN_JOURNAL_HEAD_BYTES + 5 * PN_JOURNAL_SLOT_BYTES;
	for (uint16_t i = 1; i <= 7; i++)
		leave(r, numbered(i), 1);
	go_to(r->w, 1000);
	run_round(r, false);
	assert_int_equal(r->n_records, 7);
	assert_int_equal(r->n_reached, r->n_reachable);
	assert_int_equal(pn_metric_get(PN_METRIC_FLOW_UNJOURNALED), n_before + 2);
	die(r);
	r->n_reached = 0;
	begin(r);
	assert_int_equal(r->n_reached, r->n_reachable);
}

static void notes_out_of_reach_are_refused(void **state)
{
	struct rig *r = *state;
	const struct pn_notes notes = { r->notes, r->notes_len, rig_reach, r };
	struct pn_journal *j;

	r->n_reachable = 0;
	assert_int_equal(pn_journal_open(&notes, &j), -ENOMEM);
}

static void ledger_holds_what_was_seen(void **state)
{
	struct rig *r = *state;
	uint64_t n_seen = 0;

	for (unsigned int i = 0; i < 30; i++) {
		ask_service(r, to_backend, 2); /* seen where it leaves and where it arrives */
		leave(r, out, 3);
		n_seen += 2 * 2 + 3;
		go_to(r->w, 1000 + i * 40);
		leave(r, numbered((uint16_t)(i + 1)), 1); /* too young */
		n_seen++;
		run_round(r, false);
		assert_int_equal(pn_journal_totals(r->journal).n_told +
					 pn_metric_get(PN_METRIC_FLOW_UNTOLD),
				 n_seen);
		if (i % 7 == 0)
			restart(r);
	}
	assert_true(pn_metric_get(PN_METRIC_FLOW_UNTOLD) > 0);
}

static void notes_of_any_content_are_survived(void **state)
{
	struct rig *r = *state;

	for (unsigned int i = 0; i < 200; i++) {
		size_t n = 1 + rig_random(r) % 64;

		die(r);
		for (size_t k = 0; k < n; k++) {
			size_t ats[] = { 1 + rig_random(r) % 27, 4096 / 8 + rig_random(r) % 200,
					 PN_JOURNAL_HEAD_BYTES / 8 + rig_random(r) % 64 };
			size_t at = ats[rig_random(r) % 3]; /* head, steps, slots */

			r->notes[at] = rig_random(r) % 3 ? rig_random(r) % 300 : UINT64_MAX;
		}
		if (i % 5 == 0)
			r->notes[0] = i;
		begin(r);
		for (uint16_t k = 1; k < 10; k++)
			leave(r, numbered(k), 1);
		go_to(r->w, 1000 + i * 1000);
		run_round(r, false);
	}
}

static void too_small_a_block_is_refused(void **state)
{
	struct rig *r = *state;
	struct pn_notes notes = { .at = r->notes, .len = PN_JOURNAL_HEAD_BYTES - 1 };
	struct pn_journal *j;

	assert_int_equal(pn_journal_open(&notes, &j), -EINVAL);
	notes = (struct pn_notes) { .at = NULL };
	assert_int_equal(pn_journal_open(&notes, &j), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(successor_tells_only_what_is_new),
		RIG_TEST(what_a_stopping_agent_told_goes_on_with_the_next),
		RIG_TEST(translated_connection_is_known_by_any_of_its_entries),
		RIG_TEST(entry_that_comes_later_is_known_too),
		RIG_TEST(new_connection_of_a_known_tuple_is_told_from_its_start),
		RIG_TEST(record_that_was_not_written_is_told_by_the_successor),
		RIG_TEST(lines_behind_the_last_commit_are_counted),
		RIG_TEST(what_a_pipe_may_have_taken_is_in_doubt),
		RIG_TEST(other_output_than_before_leaves_it_in_doubt),
		RIG_TEST(lost_line_leaves_all_in_doubt_until_the_next_commit),
		RIG_TEST(records_of_one_connection_that_are_written_in_part_are_told_from_there),
		RIG_TEST(rest_that_was_not_written_is_in_doubt),
		RIG_TEST(slots_are_used_again),
		RIG_TEST(connections_beyond_the_journal_are_told_and_counted),
		RIG_TEST(notes_are_reached_as_far_as_they_are_used),
		RIG_TEST(notes_out_of_reach_are_refused),
		RIG_TEST(ledger_holds_what_was_seen),
		RIG_TEST(notes_of_any_content_are_survived),
		RIG_TEST(too_small_a_block_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
