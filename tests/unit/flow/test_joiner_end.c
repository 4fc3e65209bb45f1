/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How connections end, what is still told of them, and when their entries leave the flow table.
 */
#include "tests/unit/flow/joiner_fixture.h"

static void closed_connection_is_one_record_and_goes(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 5);
	enter(r, back(web_to_outside), 4);
	show_flags(r, web_to_outside, TH_SYN | TH_ACK | TH_FIN);
	show_flags(r, back(web_to_outside), TH_SYN | TH_ACK | TH_FIN);
	no_record(r, 1000);
	assert_counts(only_record(r, 2000), 5, 4);
	assert_int_equal(r->records[0].state, PN_FLOW_CLOSED);
	assert_int_equal(r->records[0].source.tcp_flags, TH_SYN | TH_ACK | TH_FIN);
	assert_int_equal(entries_left(r), 0);
	assert_int_equal(pn_joiner_count(r->joiner), 0);
}

static void closed_connection_is_one_record_at_short_intervals_too(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 5);
	show_flags(r, web_to_outside, TH_RST);
	for (int ms = 100; ms < 2000; ms += 100)
		no_record(r, ms);
	assert_int_equal(only_record(r, 2000)->state, PN_FLOW_CLOSED);
}

static void half_closed_connection_goes_on(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 1);
	show_flags(r, web_to_outside, TH_FIN);
	assert_int_equal(only_record(r, 5000)->state, PN_FLOW_ACTIVE);
	assert_int_equal(entries_left(r), 1);
}

static void reset_from_one_end_closes(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 1);
	enter(r, back(web_to_outside), 1);
	show_flags(r, back(web_to_outside), TH_RST);
	assert_int_equal(only_record(r, 2000)->state, PN_FLOW_CLOSED);
}

static void closed_connection_with_endless_packets_is_told(void **state)
{
	struct rig *r = *state;
	uint64_t ms = 0, n_told = 0;
	struct cluster c;

	populate(r, &c);
	show_flags(r, web_to_outside, TH_RST);
	for (int i = 0; i < 20; i++) {
		go_to(r->w, ms += 1000);
		leave(r, web_to_outside, 1);
		run_round(r, false);
		if (r->n_records)
			n_told += r->records[0].source.packets;
	}
	assert_int_equal(n_told, 20);
}

static void idle_connection_goes_with_what_came_last(void **state)
{
	struct rig *r = *state;
	const struct way udp = { "10.0.0.1", 4000, "192.0.2.9", 53, IPPROTO_UDP };
	struct cluster c;

	populate(r, &c);
	leave(r, udp, 2);
	assert_counts(only_record(r, 1000), 2, 0);
	no_record(r, 59999);
	assert_int_equal(entries_left(r), 1);
	no_record(r, 60000);
	assert_int_equal(entries_left(r), 0);
	assert_int_equal(pn_joiner_count(r->joiner), 0);
}

static void add_one_packet(struct rig *r, struct entry *e)
{
	(void)r;
	pn_flow_way(&e->value, pn_flow_opener(&e->value))->sent.packets++;
	pn_flow_way(&e->value, pn_flow_opener(&e->value))->sent.bytes += 100;
}

static void packet_between_drain_and_removal_is_counted(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 2);
	assert_counts(only_record(r, 1000), 2, 0);
	r->before_remove = add_one_packet;
	assert_counts(only_record(r, 60000), 1, 0);
	assert_int_equal(r->records[0].state, PN_FLOW_IDLE);
}

static void failed_removal_is_tried_again(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 2);
	r->remove_error = -EAGAIN;
	assert_int_equal(only_record(r, 60000)->state, PN_FLOW_IDLE); /* told first */
	assert_int_equal(pn_joiner_count(r->joiner), 1);
	r->remove_error = 0;
	no_record(r, 61000);
	assert_int_equal(entries_left(r), 0);
	assert_int_equal(pn_joiner_count(r->joiner), 0);
}

static void entry_gone_without_us_is_forgotten(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 2);
	assert_counts(only_record(r, 1000), 2, 0);
	for (size_t i = 0; i < MAX_ENTRIES; i++)
		r->entries[i].used = false;
	no_record(r, 61000);
	assert_int_equal(pn_joiner_count(r->joiner), 0);
}

static void shutdown_tells_everything_and_leaves_the_entries(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	make_translated(r, 5, 4);
	run_round(r, true); /* at once: no settling */
	assert_int_equal(r->n_records, 1);
	assert_counts(&r->records[0], 5, 4);
	assert_int_equal(r->records[0].state, PN_FLOW_SHUTDOWN);
	assert_int_equal(entries_left(r), 2); /* the programs go on counting in them */
}

static void packets_after_the_end_are_told_before_the_entry_goes(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 2);
	r->is_stuck = true;
	run_round(r, false);
	assert_int_equal(only_record(r, 60000)->state, PN_FLOW_IDLE);
	assert_int_equal(entries_left(r), 1); /* until it is written */
	go_to(r->w, 61000);
	leave(r, web_to_outside, 1);
	go_to(r->w, 62000);
	r->is_stuck = false;
	run_round(r, false);
	assert_int_equal(r->n_records, 2); /* the one that waited, and one more: it goes on */
	assert_int_equal(r->records[1].state, PN_FLOW_ACTIVE);
	assert_counts(&r->records[1], 1, 0);
	assert_int_equal(entries_left(r), 1);
}

static void interface_that_goes_ends_its_connections(void **state)
{
	struct rig *r = *state;
	struct pn_addr web = addr("10.0.0.1"), other = addr("10.0.0.99");
	struct cluster c;
	uint64_t id;

	populate(r, &c);
	leave(r, web_to_outside, 2);
	id = only_record(r, 1000)->id;
	assert_true(pn_joiner_left(r->joiner, &other, false));
	no_record(r, 2000);
	assert_int_equal(entries_left(r), 1);
	leave(r, web_to_outside, 1);
	assert_true(pn_joiner_left(r->joiner, &web, false));
	assert_int_equal(only_record(r, 3000)->state, PN_FLOW_LEFT);
	assert_int_equal(r->records[0].id, id);
	assert_int_equal(entries_left(r), 0);
	leave(r, web_to_outside, 1); /* the same ports, whoever uses them */
	assert_int_not_equal(only_record(r, 4000)->id, id);
	assert_int_equal(r->records[0].state, PN_FLOW_ACTIVE);
}

static uint64_t n_dropped; /* and in no record yet */

static void take_drops(void *data, const struct pn_flow_key *key, struct pn_record_drop *drop)
{
	(void)data;
	(void)key;
	drop->packets += n_dropped;
	n_dropped = 0;
}

static void losses_of_who_has_left_are_not_the_next_ones(void **state)
{
	struct rig *r = *state;
	struct pn_addr web = addr("10.0.0.1");
	struct pn_joiner_ops ops = rig_ops;
	struct cluster c;

	populate(r, &c);
	ops.drops = take_drops;
	leave(r, web_to_outside, 2);
	(void)only_record(r, 1000);
	n_dropped = 3; /* nothing else is new of it, so no record tells of them */
	assert_true(pn_joiner_left(r->joiner, &web, false));
	go_to(r->w, 2000);
	give_entries(r);
	pn_joiner_finish(r->joiner, false, &ops, r);
	assert_false(pn_joiner_sweep(r->joiner, &ops, r));
	assert_int_equal(entries_left(r), 0);
	assert_int_equal(n_dropped, 0);
}

/* Reading the table fails while many leave: of those that are too many nobody knows whose they were. */
static void more_addresses_than_have_room_end_everything(void **state)
{
	struct rig *r = *state;
	struct pn_addr other = addr("10.0.0.99"), web = addr("10.0.0.1");
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 2);
	(void)only_record(r, 1000);
	for (int i = 1; i < PN_JOINER_MAX_LEFT; i++)
		assert_true(pn_joiner_left(r->joiner, &other, false));
	assert_false(pn_joiner_left(r->joiner, &other, false));
	assert_false(pn_joiner_left(r->joiner, &web, false));
	leave(r, web_to_outside, 1);
	assert_int_equal(only_record(r, 2000)->state, PN_FLOW_LEFT);
	assert_int_equal(r->records[0].source.attribution, PN_ATTR_STALE);
	assert_int_equal(entries_left(r), 0);
	leave(r, web_to_outside, 1);
	assert_int_equal(only_record(r, 3000)->state, PN_FLOW_ACTIVE);
}

static void address_given_to_another_pod_ends_the_connection(void **state)
{
	struct rig *r = *state;
	struct pod heir;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 2);
	assert_string_equal(only_record(r, 1000)->source.owner->name, "web");
	go_to(r->w, 10000);
	del(r->w, &c.web.p.meta);
	pod_init(&heir, "heir", "uid-heir", "10.0.0.1", 12);
	go_to(r->w, 12000);
	add(r->w, &heir.p.meta);
	go_to(r->w, 20000);
	leave(r, web_to_outside, 1);
	assert_int_equal(only_record(r, 20500)->state, PN_FLOW_REASSIGNED);
	assert_int_equal(r->records[0].source.attribution, PN_ATTR_AMBIGUOUS);
	assert_true(!r->records[0].source.owner);
	assert_int_equal(entries_left(r), 0);
	leave(r, web_to_outside, 1);
	assert_string_equal(only_record(r, 21000)->source.owner->name, "heir");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(closed_connection_is_one_record_and_goes),
		RIG_TEST(closed_connection_is_one_record_at_short_intervals_too),
		RIG_TEST(half_closed_connection_goes_on),
		RIG_TEST(reset_from_one_end_closes),
		RIG_TEST(closed_connection_with_endless_packets_is_told),
		RIG_TEST(idle_connection_goes_with_what_came_last),
		RIG_TEST(packet_between_drain_and_removal_is_counted),
		RIG_TEST(failed_removal_is_tried_again),
		RIG_TEST(entry_gone_without_us_is_forgotten),
		RIG_TEST(shutdown_tells_everything_and_leaves_the_entries),
		RIG_TEST(packets_after_the_end_are_told_before_the_entry_goes),
		RIG_TEST(interface_that_goes_ends_its_connections),
		RIG_TEST(losses_of_who_has_left_are_not_the_next_ones),
		RIG_TEST(more_addresses_than_have_room_end_everything),
		RIG_TEST(address_given_to_another_pod_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
