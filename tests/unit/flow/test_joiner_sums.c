/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise of the whole program in one number: whatever happens to connections, the packets in
 * all records of one are the packets that passed. Random traffic, rounds at any moment, entries that
 * grow while they are removed, outputs that take nothing for a while, agents that are killed.
 */
#include <stdio.h>

#include "tests/unit/flow/fixture.h"

enum { N_CONNS = 48, N_STEPS = 20000 };

/* What passed, and what records said, by end: 0 opened the connection. */
struct sim_conn {
	struct way front, behind; /* the same without a translation */
	bool translated, client_here, server_here;
	uint64_t scale; /* so many packets at a time */
	uint64_t passed[2], recorded[2], arrived[2], recorded_arrived[2];
};

struct traffic {
	struct rig *rig;
	struct sim_conn conns[N_CONNS];
	char backends[N_CONNS][24], clients[N_CONNS][24];
};

static struct traffic *traffic; /* for the hook, which knows only the rig */

static bool chance(struct rig *r, unsigned int percent)
{
	return rig_random(r) % 100 < percent;
}

static void make_conn(struct traffic *t, unsigned int i)
{
	struct rig *r = t->rig;
	struct sim_conn *c = &t->conns[i];
	uint16_t port = (uint16_t)(1024 + i);
	uint8_t proto = i % 2 ? IPPROTO_UDP : IPPROTO_TCP;
	bool is_v6 = i % 3 == 2;

	(void)snprintf(t->clients[i], sizeof(t->clients[i]), is_v6 ? "fd00::%u:1" : "10.0.%u.1",
		       i % 7);
	(void)snprintf(t->backends[i], sizeof(t->backends[i]), is_v6 ? "fd00::%u:2" : "10.0.%u.2",
		       i % 5);
	c->scale = i % 5 == 4 ? 1u << 29 : 1; /* more than 32 bits hold, soon or late */
	c->translated = chance(r, 60);
	c->client_here = chance(r, 70);
	c->server_here = !c->client_here || chance(r, 60);
	c->behind = (struct way) { t->clients[i], port, t->backends[i], 80, proto };
	c->front = c->behind;
	if (c->translated)
		c->front.to = is_v6 ? "fd00:96::1" : "10.96.0.1";
}

/* Packets of the opener: seen where they leave and, unless they are lost on the way, arrive. */
static void send_there(struct traffic *t, struct sim_conn *c, uint64_t n, uint64_t n_lost)
{
	struct rig *r = t->rig;

	if (c->client_here)
		(void)leave(r, c->front, n);
	if (c->server_here && n > n_lost) {
		struct entry *e = enter(r, c->behind, n - n_lost);

		if (c->translated)
			tell_behind(e, c->behind, c->front);
		c->arrived[0] += n - n_lost;
	}
	c->passed[0] += c->client_here ? n : n - n_lost;
}

static void send_back(struct traffic *t, struct sim_conn *c, uint64_t n, uint64_t n_lost)
{
	struct rig *r = t->rig;

	if (c->server_here)
		(void)leave(r, back(c->behind), n);
	if (c->client_here && n > n_lost) {
		struct entry *e = enter(r, back(c->front), n - n_lost);

		if (c->translated)
			tell_nat(e, c->front, c->behind);
		c->arrived[1] += n - n_lost;
	}
	c->passed[1] += c->server_here ? n : n - n_lost;
}

static void send_something(struct traffic *t)
{
	struct rig *r = t->rig;
	struct sim_conn *c = &t->conns[rig_random(r) % N_CONNS];
	uint64_t n = 1 + rig_random(r) % 9, n_lost = chance(r, 20) ? rig_random(r) % (n + 1) : 0;

	send_there(t, c, n * c->scale, n_lost * c->scale);
	if (n > n_lost && chance(r, 70))
		send_back(t, c, (1 + rig_random(r) % 5) * c->scale, 0);
	if (c->front.proto == IPPROTO_TCP && c->client_here && chance(r, 2))
		show_flags(r, c->front, TH_RST);
}

static bool is_front(const struct sim_conn *c, const struct pn_flow_record *rec)
{
	struct pn_addr from = addr(c->front.from);

	return pn_addr_eq(&rec->source.addr, &from) && rec->source.port == c->front.from_port &&
	       rec->proto == c->front.proto;
}

static void account(struct rig *r, const struct pn_flow_record *rec)
{
	struct traffic *t = traffic;
	size_t k = 0;

	(void)r;
	while (k < N_CONNS && !is_front(&t->conns[k], rec))
		k++;
	assert_true(k < N_CONNS);
	assert_int_equal(rec->source.bytes, rec->source.packets * 100);
	assert_int_equal(rec->destination.bytes, rec->destination.packets * 100);
	t->conns[k].recorded[0] += rec->source.packets;
	t->conns[k].recorded[1] += rec->destination.packets;
	t->conns[k].recorded_arrived[0] += rec->source.delivered;
	t->conns[k].recorded_arrived[1] += rec->destination.delivered;
}

static void assert_all_recorded(const struct traffic *t)
{
	for (size_t i = 0; i < N_CONNS; i++) {
		for (int end = 0; end < 2; end++) {
			assert_int_equal(t->conns[i].recorded[end], t->conns[i].passed[end]);
			assert_int_equal(t->conns[i].recorded_arrived[end],
					 t->conns[i].arrived[end]);
		}
	}
}

/* A last packet of an untranslated opener, between the drain and the removal. */
static void grow_on_removal(struct rig *r, struct entry *e)
{
	struct pn_flow_key key;

	for (size_t i = 0; i < N_CONNS && chance(r, 50); i++) {
		struct sim_conn *c = &traffic->conns[i];
		int sender = key_of(c->front, &key);

		if (c->client_here && memcmp(&key, &e->key, sizeof(key)) == 0) {
			pn_flow_way(&e->value, sender)->sent.packets += c->scale;
			pn_flow_way(&e->value, sender)->sent.bytes += c->scale * 100;
			c->passed[0] += c->scale;
			return;
		}
	}
}

static void run(struct rig *r, bool killed)
{
	uint64_t ms = 0;

	go_to(r->w, ms);
	for (int step = 0; step < N_STEPS; step++) {
		send_something(traffic);
		ms += rig_random(r) % 50;
		if (chance(r, 1))
			ms += rig_random(r) % 90000; /* long enough to go idle */
		go_to(r->w, ms);
		if (!chance(r, 10))
			continue;
		r->is_stuck = killed && chance(r, 20);
		run_round(r, false);
		if (killed && chance(r, 10))
			restart(r);
	}
	r->is_stuck = false;
	run_round(r, true);
	restart(r);
	go_to(r->w, ms + 100000);
	run_round(r, false); /* the next agent takes out what is idle */
}

static void run_with_seeds(struct rig *r, bool killed)
{
	r->on_line = account;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		traffic = calloc(1, sizeof(*traffic));
		assert_non_null(traffic);
		r->seed = seed;
		traffic->rig = r;
		r->before_remove = killed ? NULL : grow_on_removal;
		for (unsigned int i = 0; i < N_CONNS; i++)
			make_conn(traffic, i);
		run(r, killed);
		assert_all_recorded(traffic);
		assert_int_equal(entries_left(r), 0);
		assert_int_equal(pn_joiner_count(r->joiner), 0);
		free(traffic);
	}
}

static void all_packets_are_in_records_exactly_once(void **state)
{
	run_with_seeds(*state, false);
}

static void all_packets_are_in_records_exactly_once_though_agents_are_killed(void **state)
{
	run_with_seeds(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(all_packets_are_in_records_exactly_once),
		RIG_TEST(all_packets_are_in_records_exactly_once_though_agents_are_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
