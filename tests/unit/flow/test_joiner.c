/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries in, records out: the joiner's rules one by one. Pod "web" has 10.0.0.1, pod "db" has
 * 10.0.0.2, Service "db" has 10.96.0.1:80; all else is outside the cluster.
 */
#include "tests/unit/flow/fixture.h"

static const struct way web_to_db = { "10.0.0.1", 4000, "10.0.0.2", 80, IPPROTO_TCP };
static const struct way web_to_vip = { "10.0.0.1", 4000, "10.96.0.1", 80, IPPROTO_TCP };
static const struct way web_to_outside = { "10.0.0.1", 4000, "192.0.2.9", 443, IPPROTO_TCP };
static const struct way outside_to_db = { "192.0.2.9", 5000, "10.0.0.2", 80, IPPROTO_TCP };

struct cluster {
	struct pod web, db;
	struct service service;
	struct node node;
};

static void populate(struct rig *r, struct cluster *c)
{
	pod_init(&c->web, "web", "uid-web", "10.0.0.1", 0);
	pod_init(&c->db, "db", "uid-db", "10.0.0.2", 0);
	service_init(&c->service, "db", "uid-svc", "10.96.0.1", 80, 0);
	node_init(&c->node, "n1", "uid-n1", "172.16.0.1");
	add(r->w, &c->web.p.meta);
	add(r->w, &c->db.p.meta);
	add(r->w, &c->service.s.meta);
	add(r->w, &c->node.n.meta);
}

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

/* Both halves of a connection through a Service, both pods here. */
static void make_translated(struct rig *r, uint64_t there, uint64_t here)
{
	struct entry *front, *behind;

	front = leave(r, web_to_vip, there);
	behind = enter(r, web_to_db, there);
	tell_behind(behind, web_to_db, web_to_vip);
	if (!here)
		return;
	leave(r, back(web_to_db), here);
	enter(r, back(web_to_vip), here);
	tell_nat(front, web_to_vip, web_to_db);
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
	pn_flow_way(&e->value, e->value.initiator)->sent.packets++;
	pn_flow_way(&e->value, e->value.initiator)->sent.bytes += 100;
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
	assert_true(pn_joiner_left(r->joiner, &other));
	no_record(r, 2000);
	assert_int_equal(entries_left(r), 1);
	leave(r, web_to_outside, 1);
	assert_true(pn_joiner_left(r->joiner, &web));
	assert_int_equal(only_record(r, 3000)->state, PN_FLOW_LEFT);
	assert_int_equal(r->records[0].id, id);
	assert_int_equal(entries_left(r), 0);
	leave(r, web_to_outside, 1); /* the same ports, whoever uses them */
	assert_int_not_equal(only_record(r, 4000)->id, id);
	assert_int_equal(r->records[0].state, PN_FLOW_ACTIVE);
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
	assert_string_equal(r->records[0].source.owner->name, "web");
	assert_int_equal(entries_left(r), 0);
	leave(r, web_to_outside, 1);
	assert_string_equal(only_record(r, 21000)->source.owner->name, "heir");
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
		RIG_TEST(what_sockets_tell_is_joined),
		RIG_TEST(remote_source_counts_where_packets_arrive),
		RIG_TEST(records_hold_differences),
		RIG_TEST(young_entry_waits_for_its_other_half),
		RIG_TEST(two_halves_of_a_translation_are_one_record),
		RIG_TEST(halves_join_before_the_first_reply),
		RIG_TEST(late_backend_half_counts_nothing_twice),
		RIG_TEST(backend_elsewhere_is_named_by_conntrack),
		RIG_TEST(unanswered_service_is_the_destination_itself),
		RIG_TEST(client_before_a_node_port_is_the_source),
		RIG_TEST(masquerade_alone_changes_nothing),
		RIG_TEST(second_backend_of_one_tuple_joins_too),
		RIG_TEST(translation_that_is_learned_before_the_first_record_joins),
		RIG_TEST(translation_that_is_learned_later_changes_no_end),
		RIG_TEST(nat_corrects_who_opened),
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
		RIG_TEST(address_given_to_another_pod_ends_the_connection),
		RIG_TEST(name_is_the_one_at_the_first_packet),
		RIG_TEST(late_names_are_used),
		RIG_TEST(node_is_attributed_as_node),
		RIG_TEST(echo_has_no_ports),
		RIG_TEST(icmp_error_has_type_and_code),
		RIG_TEST(ipv6_works_the_same),
		RIG_TEST(start_only_moves_when_the_clock_is_set),
		RIG_TEST(entry_whose_nat_is_itself_does_no_harm),
		RIG_TEST(policies_are_asked_once_for_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
