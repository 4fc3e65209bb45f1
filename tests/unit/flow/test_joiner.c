/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries in, records out: what is counted where, when it is told, and under which name. Translated
 * connections are in test_joiner_nat, the ends of connections in test_joiner_end.
 */
#include "tests/unit/flow/joiner_fixture.h"

static void both_ends_local_counts_each_packet_where_it_left(void **state)
{
	struct rig *r = *state;
	const struct pn_flow_record *rec;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_db, 5);
	enter(r, web_to_db, 4);
	leave(r, back(web_to_db), 3);
	enter(r, back(web_to_db), 3);
	rec = only_record(r, 1000);
	assert_counts(rec, 5, 3);
	assert_int_equal(rec->source.delivered, 4);
	assert_int_equal(rec->destination.delivered, 3);
	assert_end(&rec->source, "web", "10.0.0.1", 4000);
	assert_end(&rec->destination, "db", "10.0.0.2", 80);
	assert_int_equal(rec->source.attribution, PN_ATTR_IP);
	assert_int_equal(rec->state, PN_FLOW_ACTIVE);
	assert_true(rec->is_v4);
	assert_null(rec->service);
}

static void remote_source_counts_where_packets_arrive(void **state)
{
	struct rig *r = *state;
	const struct pn_flow_record *rec;
	struct cluster c;

	populate(r, &c);
	enter(r, outside_to_db, 7);
	leave(r, back(outside_to_db), 6);
	rec = only_record(r, 1000);
	assert_counts(rec, 7, 6);
	assert_int_equal(rec->source.delivered, 7);
	assert_int_equal(rec->destination.delivered, 0);
	assert_end(&rec->source, "-", "192.0.2.9", 5000);
	assert_int_equal(rec->source.attribution, PN_ATTR_NONE);
}

static void records_hold_differences(void **state)
{
	struct rig *r = *state;
	uint64_t id, start;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 5);
	assert_counts(only_record(r, 1000), 5, 0);
	id = r->records[0].id;
	start = r->records[0].start;
	no_record(r, 2000);
	go_to(r->w, 2500);
	leave(r, web_to_outside, 2);
	enter(r, back(web_to_outside), 1);
	assert_counts(only_record(r, 3000), 2, 1);
	assert_int_equal(r->records[0].id, id);
	assert_int_equal(r->records[0].start, start);
	assert_int_equal(r->records[0].end, WALL_S * PN_NSEC_PER_SEC + 2500 * PN_NSEC_PER_MSEC);
}

static void young_entry_waits_for_its_other_half(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 1);
	no_record(r, 99);
	assert_counts(only_record(r, 100), 1, 0);
}

static void name_is_the_one_at_the_first_packet(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	go_to(r->w, 5000);
	leave(r, web_to_outside, 1);
	go_to(r->w, 5500);
	del(r->w, &c.web.p.meta);
	assert_string_equal(only_record(r, 6000)->source.owner->name, "web");
}

static void late_names_are_used(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	go_to(r->w, 1000);
	leave(r, web_to_outside, 1);
	assert_null(only_record(r, 2000)->source.owner);
	populate(r, &c); /* the pods have been there since second 0 */
	leave(r, web_to_outside, 1);
	assert_string_equal(only_record(r, 3000)->source.owner->name, "web");
}

static void node_is_attributed_as_node(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	enter(r, (struct way) { "172.16.0.1", 1, "10.0.0.2", 80, IPPROTO_TCP }, 1);
	assert_int_equal(only_record(r, 1000)->source.attribution, PN_ATTR_NODE);
	assert_string_equal(r->records[0].source.owner->name, "n1");
}

static void echo_has_no_ports(void **state)
{
	struct rig *r = *state;
	const struct pn_flow_record *rec;
	struct cluster c;

	populate(r, &c);
	leave(r, (struct way) { "10.0.0.1", 0x0303, "10.0.0.2", 0x0303, IPPROTO_ICMP }, 1);
	rec = only_record(r, 1000);
	assert_int_equal(rec->source.port, 0);
	assert_int_equal(rec->destination.port, 0);
	assert_int_equal(rec->icmp_type, 8);
	assert_int_equal(rec->icmp_code, 0);
}

static void icmp_error_has_type_and_code(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, (struct way) { "10.0.0.1", 0x0303, "10.0.0.2", 0, IPPROTO_ICMP }, 1);
	assert_int_equal(only_record(r, 1000)->icmp_type, 3);
	assert_int_equal(r->records[0].icmp_code, 3);
}

static void ipv6_works_the_same(void **state)
{
	struct rig *r = *state;
	const struct way six = { "fd00::2", 4000, "fd00::1", 80, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	leave(r, six, 2);
	enter(r, back(six), 1);
	assert_counts(only_record(r, 1000), 2, 1);
	assert_end(&r->records[0].source, "-", "fd00::2", 4000);
	assert_false(r->records[0].is_v4);
}

static pn_nsec realtime_read_later(void *data)
{
	return fake_realtime(data) + 700;
}

static pn_nsec realtime_set_back(void *data)
{
	return fake_realtime(data) - 500 * PN_NSEC_PER_SEC;
}

static void start_only_moves_when_the_clock_is_set(void **state)
{
	struct rig *r = *state;
	uint64_t start;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 1);
	start = only_record(r, 1000)->start;
	assert_int_equal(start, WALL_S * PN_NSEC_PER_SEC);
	r->clock.realtime = realtime_read_later;
	leave(r, web_to_outside, 1);
	assert_int_equal(only_record(r, 2000)->start, start);
	r->clock.realtime = realtime_set_back;
	leave(r, web_to_outside, 1);
	assert_int_equal(only_record(r, 3000)->start, start - 500 * PN_NSEC_PER_SEC);
}

static void policies_are_asked_once_for_a_connection(void **state)
{
	struct way web_db = { "10.0.0.1", 40000, "10.0.0.2", 5432, IPPROTO_TCP };
	struct rig *r = *state;
	size_t n_strings = pn_intern_count();
	const struct pn_flow_record *rec;

	(void)leave(r, web_db, 1);
	rec = only_record(r, 1000);
	assert_int_equal(rec->policy.expected, PN_EXPECTED_UNKNOWN);
	assert_int_equal(r->n_judged, 1);
	r->verdict = (struct pn_record_policy) { pn_intern("NetworkPolicy/a/b", 17),
						 PN_EXPECTED_DENIED, true, false };
	(void)leave(r, web_db, 1);
	rec = only_record(r, 2000);
	assert_int_equal(rec->policy.expected, PN_EXPECTED_DENIED);
	pn_intern_unref(r->verdict.by);
	r->verdict = (struct pn_record_policy) { NULL, PN_EXPECTED_ALLOWED, false, false };
	(void)leave(r, web_db, 1);
	rec = only_record(r, 3000);
	assert_int_equal(r->n_judged, 2);
	assert_int_equal(rec->policy.expected, PN_EXPECTED_DENIED);
	assert_true(rec->policy.is_ingress);
	assert_string_equal(rec->policy.by, "NetworkPolicy/a/b");
	assert_false(rec->disagrees);
	(void)leave(r, back(web_db), 1);
	show_flags(r, web_db, TH_SYN | TH_ACK);
	show_flags(r, back(web_db), TH_SYN | TH_ACK);
	rec = only_record(r, 4000);
	assert_true(rec->disagrees);
	assert_int_equal(pn_intern_count(), n_strings + 1);
	no_record(r, 4000 + 61000);
	assert_int_equal(pn_intern_count(), n_strings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(both_ends_local_counts_each_packet_where_it_left),
		RIG_TEST(remote_source_counts_where_packets_arrive),
		RIG_TEST(records_hold_differences),
		RIG_TEST(young_entry_waits_for_its_other_half),
		RIG_TEST(name_is_the_one_at_the_first_packet),
		RIG_TEST(late_names_are_used),
		RIG_TEST(node_is_attributed_as_node),
		RIG_TEST(echo_has_no_ports),
		RIG_TEST(icmp_error_has_type_and_code),
		RIG_TEST(ipv6_works_the_same),
		RIG_TEST(start_only_moves_when_the_clock_is_set),
		RIG_TEST(policies_are_asked_once_for_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
