/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both halves of a translated connection in one record, in whatever order its parts become known.
 */
#include "tests/unit/flow/joiner_fixture.h"

/* Through a Service each end's socket is known to another entry; the opener's time is the one. */
static void what_sockets_tell_is_joined(void **state)
{
	struct rig *r = *state;
	const struct pn_flow_record *rec;
	struct entry *e;
	struct cluster c;

	populate(r, &c);
	e = leave(r, web_to_vip, 1);
	tell_nat(e, web_to_vip, web_to_db);
	e->value.state |= PN_FLOW_RTT_OPENER;
	e->value.tcp = (struct pn_flow_tcp) { 500, 400, { 3, 0 } };
	e = enter(r, web_to_db, 1);
	tell_behind(e, web_to_db, web_to_vip);
	e->value.tcp = (struct pn_flow_tcp) { 90, 80, { 0, 7 } };
	rec = only_record(r, 1000);
	assert_int_equal(rec->rtt_us, 500);
	assert_int_equal(rec->min_rtt_us, 80);
	assert_int_equal(rec->source.retransmits, 3);
	assert_int_equal(rec->destination.retransmits, 7);
}

static void two_halves_of_a_translation_are_one_record(void **state)
{
	struct rig *r = *state;
	const struct pn_flow_record *rec;
	struct cluster c;
	struct pn_addr vip = addr("10.96.0.1");

	populate(r, &c);
	make_translated(r, 5, 4);
	rec = only_record(r, 1000);
	assert_counts(rec, 5, 4);
	assert_int_equal(rec->source.delivered, 5);
	assert_int_equal(rec->destination.delivered, 4);
	assert_end(&rec->source, "web", "10.0.0.1", 4000);
	assert_end(&rec->destination, "db", "10.0.0.2", 80);
	assert_int_equal(rec->destination.attribution, PN_ATTR_IP);
	assert_string_equal(rec->service->name, "db");
	assert_int_equal(rec->service->kind, PN_OWNER_SERVICE);
	assert_memory_equal(&rec->service_addr, &vip, sizeof(vip));
	assert_int_equal(rec->service_port, 80);
	assert_int_equal(pn_joiner_count(r->joiner), 1);
}

/* Packets between one's end and the other's would be counted in one of them only. */
static void both_halves_go_or_none(void **state)
{
	struct rig *r = *state;
	struct entry *front, *behind;
	struct cluster c;
	int sender;

	populate(r, &c);
	make_translated(r, 5, 4);
	front = entry_of(r, web_to_vip, &sender);
	behind = entry_of(r, web_to_db, &sender);
	(void)only_record(r, 1000);
	behind->has_lines = true;
	no_record(r, 62000);
	assert_int_equal(entries_left(r), 2);
	behind->has_lines = false;
	front->has_lines = true;
	no_record(r, 63000);
	assert_int_equal(entries_left(r), 2);
	front->has_lines = false;
	no_record(r, 64000);
	assert_int_equal(entries_left(r), 0);
	assert_int_equal(pn_joiner_count(r->joiner), 0);
}

static void halves_join_before_the_first_reply(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	make_translated(r, 2, 0);
	assert_counts(only_record(r, 1000), 2, 0);
	assert_end(&r->records[0].destination, "db", "10.0.0.2", 80);
	make_translated(r, 0, 2);
	assert_counts(only_record(r, 2000), 0, 2);
	assert_end(&r->records[0].destination, "db", "10.0.0.2", 80);
}

static void late_backend_half_counts_nothing_twice(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_vip, 3);
	assert_counts(only_record(r, 1000), 3, 0);
	make_translated(r, 1, 2);
	assert_counts(only_record(r, 2000), 1, 2);
	assert_int_equal(r->records[0].source.delivered, 1);
}

static void backend_elsewhere_is_named_by_conntrack(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_vip, 3);
	tell_nat(enter(r, back(web_to_vip), 2), web_to_vip, web_to_db);
	assert_counts(only_record(r, 1000), 3, 2);
	assert_end(&r->records[0].destination, "db", "10.0.0.2", 80);
	assert_string_equal(r->records[0].service->name, "db");
}

static const struct way udp_to_vip = { "10.0.0.1", 4000, "10.96.0.1", 80, IPPROTO_UDP };
static const struct way udp_to_db = { "10.0.0.1", 4000, "10.0.0.2", 80, IPPROTO_UDP };
static const struct way udp_to_other = { "10.0.0.1", 4000, "10.0.0.3", 80, IPPROTO_UDP };

/* Conntrack forgets UDP before we do, and then sends it to any backend; and to the first again. */
static void packets_for_several_backends_are_nobodys(void **state)
{
	struct rig *r = *state;
	struct cluster c;
	struct pod other;

	populate(r, &c);
	pod_init(&other, "other", "uid-other", "10.0.0.3", 0);
	add(r->w, &other.p.meta);
	leave(r, udp_to_vip, 1);
	tell_behind(enter(r, udp_to_db, 1), udp_to_db, udp_to_vip);
	assert_string_equal(only_record(r, 1000)->destination.owner->name, "db");
	leave(r, udp_to_vip, 4);
	tell_behind(enter(r, udp_to_other, 1), udp_to_other, udp_to_vip);
	enter(r, udp_to_db, 3);
	assert_counts(only_record(r, 2000), 4, 0);
	assert_int_equal(r->records[0].destination.attribution, PN_ATTR_AMBIGUOUS);
	assert_true(!r->records[0].destination.owner);
	assert_int_equal(r->records[0].state, PN_FLOW_REASSIGNED);
	assert_int_equal(entries_left(r), 0);
	leave(r, udp_to_vip, 1);
	tell_behind(enter(r, udp_to_db, 1), udp_to_db, udp_to_vip);
	assert_counts(only_record(r, 3000), 1, 0);
	assert_string_equal(r->records[0].destination.owner->name, "db");
}

/* The entry in front of the translation would say for ever what conntrack said first. */
static void backend_elsewhere_that_has_gone_is_asked_for_anew(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, udp_to_vip, 1);
	tell_nat(enter(r, back(udp_to_vip), 1), udp_to_vip, udp_to_db);
	assert_string_equal(only_record(r, 1000)->destination.owner->name, "db");
	go_to(r->w, 2000);
	del(r->w, &c.db.p.meta);
	go_to(r->w, 3000);
	leave(r, udp_to_vip, 1);
	assert_int_equal(only_record(r, 4000)->destination.attribution, PN_ATTR_STALE);
	assert_int_equal(r->records[0].state, PN_FLOW_REASSIGNED);
	assert_int_equal(entries_left(r), 0);
}

static void unanswered_service_is_the_destination_itself(void **state)
{
	struct rig *r = *state;
	const struct pn_flow_record *rec;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_vip, 1);
	rec = only_record(r, 1000);
	assert_end(&rec->destination, "db", "10.96.0.1", 80);
	assert_int_equal(rec->destination.attribution, PN_ATTR_SERVICE);
	assert_int_equal(rec->destination.owner->kind, PN_OWNER_SERVICE);
}

static void client_before_a_node_port_is_the_source(void **state)
{
	struct rig *r = *state;
	const struct pn_flow_record *rec;
	const struct way masqueraded = { "172.16.0.1", 6000, "10.0.0.2", 80, IPPROTO_TCP };
	const struct way original = { "192.0.2.9", 5000, "172.16.0.1", 30080, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	tell_behind(enter(r, masqueraded, 2), masqueraded, original);
	leave(r, back(masqueraded), 3);
	rec = only_record(r, 1000);
	assert_counts(rec, 2, 3);
	assert_end(&rec->source, "-", "192.0.2.9", 5000);
	assert_end(&rec->destination, "db", "10.0.0.2", 80);
}

static void masquerade_alone_changes_nothing(void **state)
{
	struct rig *r = *state;
	const struct way masqueraded = { "172.16.0.1", 6000, "192.0.2.9", 443, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_outside, 2);
	tell_nat(enter(r, back(web_to_outside), 1), web_to_outside, masqueraded);
	assert_counts(only_record(r, 1000), 2, 1);
	assert_end(&r->records[0].source, "web", "10.0.0.1", 4000);
	assert_end(&r->records[0].destination, "-", "192.0.2.9", 443);
	assert_null(r->records[0].service);
}

static void second_backend_of_one_tuple_joins_too(void **state)
{
	struct rig *r = *state;
	const struct way web_to_other = { "10.0.0.1", 4000, "10.0.0.3", 80, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	make_translated(r, 2, 2);
	assert_counts(only_record(r, 1000), 2, 2);
	leave(r, web_to_vip, 3);
	tell_behind(enter(r, web_to_other, 3), web_to_other, web_to_vip);
	leave(r, back(web_to_other), 1);
	assert_counts(only_record(r, 2000), 3, 1);
	assert_end(&r->records[0].destination, "-", "10.0.0.3", 80);
}

static void translation_that_is_learned_before_the_first_record_joins(void **state)
{
	struct rig *r = *state;
	struct entry *behind;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_vip, 2);
	behind = enter(r, web_to_db, 2);
	no_record(r, 50);
	assert_int_equal(pn_joiner_count(r->joiner), 2);
	tell_behind(behind, web_to_db, web_to_vip);
	assert_counts(only_record(r, 1000), 2, 0);
	assert_end(&r->records[0].destination, "db", "10.0.0.2", 80);
	assert_string_equal(r->records[0].service->name, "db");
	assert_int_equal(pn_joiner_count(r->joiner), 1);
}

static void translation_that_is_learned_later_changes_no_end(void **state)
{
	struct rig *r = *state;
	struct entry *behind;
	struct cluster c;

	populate(r, &c);
	behind = enter(r, web_to_db, 2);
	assert_counts(only_record(r, 1000), 2, 0);
	tell_behind(behind, web_to_db, web_to_vip);
	enter(r, web_to_db, 1);
	assert_counts(only_record(r, 2000), 1, 0);
	assert_end(&r->records[0].destination, "db", "10.0.0.2", 80);
}

static void nat_corrects_who_opened(void **state)
{
	struct rig *r = *state;
	struct entry *front;
	struct cluster c;

	populate(r, &c);
	front = enter(r, back(web_to_vip), 1); /* the first packet seen was a reply */
	leave(r, web_to_vip, 1);
	assert_end(&only_record(r, 1000)->destination, "web", "10.0.0.1", 4000);
	tell_nat(front, web_to_vip, web_to_db);
	leave(r, web_to_vip, 2);
	assert_counts(only_record(r, 2000), 2, 0);
	assert_end(&r->records[0].source, "web", "10.0.0.1", 4000);
	assert_end(&r->records[0].destination, "db", "10.0.0.2", 80);
}

static void entry_whose_nat_is_itself_does_no_harm(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	tell_behind(enter(r, outside_to_db, 3), outside_to_db, outside_to_db);
	assert_counts(only_record(r, 1000), 3, 0);
	no_record(r, 61000);
	assert_int_equal(pn_joiner_count(r->joiner), 0);
	assert_int_equal(entries_left(r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(what_sockets_tell_is_joined),
		RIG_TEST(two_halves_of_a_translation_are_one_record),
		RIG_TEST(both_halves_go_or_none),
		RIG_TEST(halves_join_before_the_first_reply),
		RIG_TEST(late_backend_half_counts_nothing_twice),
		RIG_TEST(backend_elsewhere_is_named_by_conntrack),
		RIG_TEST(packets_for_several_backends_are_nobodys),
		RIG_TEST(backend_elsewhere_that_has_gone_is_asked_for_anew),
		RIG_TEST(unanswered_service_is_the_destination_itself),
		RIG_TEST(client_before_a_node_port_is_the_source),
		RIG_TEST(masquerade_alone_changes_nothing),
		RIG_TEST(second_backend_of_one_tuple_joins_too),
		RIG_TEST(translation_that_is_learned_before_the_first_record_joins),
		RIG_TEST(translation_that_is_learned_later_changes_no_end),
		RIG_TEST(nat_corrects_who_opened),
		RIG_TEST(entry_whose_nat_is_itself_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
