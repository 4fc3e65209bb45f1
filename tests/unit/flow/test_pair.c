/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the full flow table had no room for: told by pairs of addresses, under the names of both, and
 * no packet twice. Pod "web" has 10.0.0.1, pod "db" has 10.0.0.2, Service "db" has 10.96.0.1:80.
 */
#include "tests/unit/flow/fixture.h"

static const struct way web_to_vip = { "10.0.0.1", 4000, "10.96.0.1", 80, IPPROTO_TCP };
static const struct way web_with_db = { "10.0.0.1", 0, "10.0.0.2", 0, IPPROTO_TCP };

struct cluster {
	struct pod web, db;
	struct service service;
};

static void populate(struct rig *r, struct cluster *c)
{
	pod_init(&c->web, "web", "uid-web", "10.0.0.1", 0);
	pod_init(&c->db, "db", "uid-db", "10.0.0.2", 0);
	service_init(&c->service, "db", "uid-svc", "10.96.0.1", 80, 0);
	add(r->w, &c->web.p.meta);
	add(r->w, &c->db.p.meta);
	add(r->w, &c->service.s.meta);
}

static struct entry *pair(struct rig *r, struct way w)
{
	int sender;
	struct pn_flow_key key;
	struct entry *e;

	sender = key_of(w, &key);
	key.kind = PN_FLOW_PAIR;
	e = new_entry(r, &key, sender);
	e->value.tick = rig_ticks(r).tick;
	return e;
}

static void send_in(struct entry *e, int end, uint64_t sent, uint64_t delivered)
{
	pn_flow_way(&e->value, end)->sent.packets += sent;
	pn_flow_way(&e->value, end)->sent.bytes += sent * 100;
	pn_flow_way(&e->value, end)->delivered.packets += delivered;
	pn_flow_way(&e->value, end)->delivered.bytes += delivered * 100;
}

static void a_pair_has_names_and_no_ports(void **state)
{
	struct rig *r = *state;
	const struct pn_flow_record *rec;
	struct cluster c;

	populate(r, &c);
	send_in(pair(r, web_with_db), 0, 5, 4);
	rec = only_record(r, 1000);
	assert_true(rec->is_collapsed);
	assert_counts(rec, 5, 0);
	assert_int_equal(rec->source.delivered, 4);
	assert_end(&rec->source, "web", "10.0.0.1", 0);
	assert_end(&rec->destination, "db", "10.0.0.2", 0);
	no_record(r, 62000);
	assert_int_equal(entries_left(r), 0);
}

/* Another rate has another pair, so it keeps what it stands for. */
static void a_pair_stands_for_as_many_as_at_first(void **state)
{
	struct rig *r = *state;
	struct cluster c;
	struct entry *e;

	populate(r, &c);
	e = pair(r, web_with_db);
	e->value.sampling = 16;
	send_in(e, 0, 5, 5);
	pn_joiner_set_sampling(r->joiner, 4);
	assert_int_equal(only_record(r, 1000)->sampling, 16);
}

/* Connections that had been left out have joined it, and stay when the rate is high again. */
static void a_sample_stands_for_fewer_when_others_join_it(void **state)
{
	static const uint32_t rates[][2] = {
		{ 16, 16 }, { 64, 16 }, { 4, 4 }, { 64, 4 }, { 1, 1 }
	};
	struct rig *r = *state;
	struct cluster c;
	struct entry *e;

	populate(r, &c);
	for (size_t i = 0; i < PN_ARRAY_SIZE(rates); i++) {
		pn_joiner_set_sampling(r->joiner, rates[i][0]);
		e = leave(r, web_to_vip, 1);
		if (i == 0)
			e->value.sampling = 16;
		assert_int_equal(only_record(r, 1000 * ((int)i + 1))->sampling, rates[i][1]);
	}
}

/* Fragments whose first was not seen have ports 0 as well, and are another thing. */
static void a_pair_is_not_a_connection_without_ports(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	send_in(pair(r, web_with_db), 0, 5, 0);
	leave(r, web_with_db, 3);
	go_to(r->w, 1000);
	run_round(r, false);
	assert_int_equal(r->n_records, 2);
	assert_int_equal(r->records[0].source.packets + r->records[1].source.packets, 8);
	assert_true(r->records[0].is_collapsed != r->records[1].is_collapsed);
}

/* The opener's entry had room, the one behind the Service had none. */
static void tell_half(struct rig *r)
{
	struct entry *half = leave(r, web_to_vip, 6);

	send_in(half, 0, 0, 6);
	send_in(half, 1, 0, 5);
	half->value.state |= PN_FLOW_ELSEWHERE << 1;
	send_in(pair(r, web_with_db), 1, 5, 0);
	go_to(r->w, 1000);
	run_round(r, false);
}

static void what_another_entry_counts_as_sent_is_told_once(void **state)
{
	struct rig *r = *state;
	uint64_t forth = 0, back = 0, arrived = 0;
	struct cluster c;

	populate(r, &c);
	tell_half(r);
	assert_int_equal(r->n_records, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct pn_flow_record *rec = &r->records[i];

		if (rec->is_collapsed) {
			back += rec->source.packets + rec->destination.packets;
			continue;
		}
		forth += rec->source.packets;
		back += rec->destination.packets;
		arrived += rec->destination.delivered;
	}
	assert_int_equal(forth, 6);
	assert_int_equal(back, 5);
	assert_int_equal(arrived, 5);
}

/* All that hooks have seen is told: 6 + 6 + 5 here, 5 there. */
static void the_journal_counts_what_was_seen_elsewhere(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	tell_half(r);
	assert_int_equal(pn_journal_totals(r->journal).n_told, 22);
	restart(r);
	no_record(r, 2000);
	no_record(r, 62000);
	assert_int_equal(pn_journal_totals(r->journal).n_told, 22);
	assert_int_equal(entries_left(r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_pair_has_names_and_no_ports),
		RIG_TEST(a_pair_stands_for_as_many_as_at_first),
		RIG_TEST(a_sample_stands_for_fewer_when_others_join_it),
		RIG_TEST(a_pair_is_not_a_connection_without_ports),
		RIG_TEST(what_another_entry_counts_as_sent_is_told_once),
		RIG_TEST(the_journal_counts_what_was_seen_elsewhere),
	};

	return cmocka_run_group_tests_name("pair", tests, NULL, NULL);
}
