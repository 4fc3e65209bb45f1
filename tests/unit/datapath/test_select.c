/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connections get an entry: each sort of term, rules, changes while packets pass, samples. Every
 * packet that is not recorded is in a cell of the ledger, which ledger() sees to.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>

#include "tracer_fixture.h"

#define OTHER "10.1.0.7"

enum { N_CONNS = 20000, RATE = 16 };

static uint32_t select_terms(struct pn_tracer *t, const struct pn_select_term *terms, size_t n,
			     uint32_t sampling)
{
	struct pn_selection s = { .n_terms = n, .terms = terms };
	struct pn_err err = { "" };

	for (size_t i = 0; i < n; i++)
		s.n_rules = PN_MAX(s.n_rules, (size_t)terms[i].rule + 1);
	if (pn_select_prepare(pn_tracer_select(t), &s, sampling, &err) < 0)
		fail_msg("%s", err.text);
	pn_select_commit(pn_tracer_select(t));
	return pn_select_sampling(pn_tracer_select(t));
}

static void select_one(struct pn_tracer *t, struct pn_select_term term)
{
	(void)select_terms(t, &term, 1, 1);
}

static void select_sample(struct pn_tracer *t, uint32_t sampling)
{
	assert_int_equal(select_terms(t, NULL, 0, sampling), sampling);
}

static struct pn_select_term cidr(uint8_t rule, const char *addr, unsigned int prefix_len)
{
	struct pn_select_term t = { .sort = PN_SELECT_CIDR, .rule = rule };

	assert_int_equal(pn_addr_parse(addr, &t.cidr.addr), 0);
	t.cidr.prefix_len = (uint8_t)prefix_len;
	return t;
}

static struct pn_select_term port(uint8_t rule, uint16_t first, uint16_t last)
{
	return (struct pn_select_term) {
		.sort = PN_SELECT_PORT, .rule = rule, .first = first, .last = last
	};
}

static struct pn_select_term protocol(uint8_t rule, uint8_t proto)
{
	return (struct pn_select_term) { .sort = PN_SELECT_PROTOCOL, .rule = rule, .proto = proto };
}

static struct pn_select_term name_space(uint8_t rule)
{
	return (struct pn_select_term) { .sort = PN_SELECT_NAMESPACE,
					 .rule = rule,
					 .name = "shop" };
}

static void owns(struct pn_tracer *t, const char *addr, uint32_t rules)
{
	struct pn_addr a;

	assert_int_equal(pn_addr_parse(addr, &a), 0);
	assert_int_equal(pn_select_owner(pn_tracer_select(t), &a, rules), 0);
}

/* Is the packet recorded? If not, it is where this says. */
static bool is_recorded(struct pn_tracer *t, enum pn_hook hook, struct packet *p,
			enum pn_flow_stat else_in)
{
	uint64_t recorded = ledger(t, PN_STAT_RECORDED), refused = ledger(t, else_in);
	bool is;

	send_packet(t, hook, p);
	is = ledger(t, PN_STAT_RECORDED) > recorded;
	assert_int_equal(ledger(t, else_in), refused + !is);
	return is;
}

static bool takes_udp(struct pn_tracer *t, const char *src, unsigned int sport, const char *dst,
		      unsigned int dport)
{
	struct packet p;

	make_udp(&p, src, sport, dst, dport, 10);
	return is_recorded(t, PN_HOOK_INGRESS, &p, PN_STAT_NOT_SELECTED);
}

static bool takes_tcp(struct pn_tracer *t, const char *src, unsigned int sport, const char *dst,
		      unsigned int dport)
{
	struct packet p;

	make_tcp(&p, src, sport, dst, dport, SYN);
	return is_recorded(t, PN_HOOK_INGRESS, &p, PN_STAT_NOT_SELECTED);
}

static void a_port_of_either_end_is_enough(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	select_one(t, port(0, 443, 445));
	assert_true(takes_tcp(t, POD, 1000, PEER, 443));
	assert_true(takes_tcp(t, POD, 445, PEER, 1000));
	assert_true(takes_udp(t, PEER, 1, POD, 444));
	assert_false(takes_tcp(t, POD, 1000, PEER, 442));
	assert_false(takes_tcp(t, POD, 1000, PEER, 446));
	assert_false(takes_tcp(t, PEER, 446, POD, 1000));
}

static void a_protocol_selects_nothing_else(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	select_one(t, protocol(0, IPPROTO_UDP));
	assert_true(takes_udp(t, POD, 1, PEER, 2));
	assert_false(takes_tcp(t, POD, 1, PEER, 2));
}

static void a_network_has_addresses_of_both_families(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	const struct pn_select_term terms[] = { cidr(0, "10.1.0.8", 125), cidr(0, "fd00::", 64) };
	struct packet p;

	(void)select_terms(t, terms, 2, 1);
	assert_true(takes_udp(t, POD, 1, PEER, 2));
	assert_true(takes_udp(t, PEER, 3, POD, 4));
	assert_false(takes_udp(t, POD, 1, OTHER, 2));
	put_ethernet(&p);
	put_ipv6(&p, POD6, "2001:db8::1");
	put_udp(&p, 1, 2);
	packet_end(&p, 0);
	assert_true(is_recorded(t, PN_HOOK_INGRESS, &p, PN_STAT_NOT_SELECTED));
	put_ethernet(&p);
	put_ipv6(&p, "fd01::5", "2001:db8::1");
	put_udp(&p, 1, 2);
	packet_end(&p, 0);
	assert_false(is_recorded(t, PN_HOOK_INGRESS, &p, PN_STAT_NOT_SELECTED));
}

static bool takes_udp6(struct pn_tracer *t, unsigned int sport)
{
	struct packet p;

	put_ethernet(&p);
	put_ipv6(&p, "fd01::5", "2001:db8::1");
	put_udp(&p, sport, 53);
	packet_end(&p, 0);
	return is_recorded(t, PN_HOOK_INGRESS, &p, PN_STAT_NOT_SELECTED);
}

/* From another port each time, as what is recorded stays so. */
static void all_of_one_family_has_nothing_of_the_other(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	const struct pn_select_term both[] = { cidr(0, "::", 0), cidr(0, "0.0.0.0", 96) };
	const struct pn_select_term some[] = { cidr(0, "::", 0), cidr(1, "10.1.0.8", 125) };

	select_one(t, cidr(0, "::", 0));
	assert_true(takes_udp6(t, 1));
	assert_false(takes_udp(t, POD, 1, PEER, 53));
	select_one(t, cidr(0, "0.0.0.0", 96));
	assert_false(takes_udp6(t, 2));
	assert_true(takes_udp(t, POD, 2, PEER, 53));
	(void)select_terms(t, both, 2, 1);
	assert_true(takes_udp6(t, 3));
	assert_true(takes_udp(t, POD, 3, PEER, 53));
	(void)select_terms(t, some, 2, 1);
	assert_true(takes_udp6(t, 4));
	assert_true(takes_udp(t, POD, 4, PEER, 53));
	assert_false(takes_udp(t, POD, 4, OTHER, 53));
}

static struct pn_select_term drops(uint8_t rule)
{
	return (struct pn_select_term) { .sort = PN_SELECT_DROPS, .rule = rule };
}

/* A UDP connection of these ends, which has lost a packet. */
static void lose(struct pn_tracer *t, const char *src, unsigned int sport, const char *dst,
		 unsigned int dport)
{
	struct pn_flow_key key = { .proto = IPPROTO_UDP, .port = { htons(sport), htons(dport) } };
	struct pn_addr a;

	assert_int_equal(pn_addr_parse(src, &a), 0);
	memcpy(key.addr[0], a.b, sizeof(a.b));
	assert_int_equal(pn_addr_parse(dst, &a), 0);
	memcpy(key.addr[1], a.b, sizeof(a.b));
	assert_int_equal(pn_select_lost(pn_tracer_select(t), &key), 0);
}

/* Refused before, it is recorded from the packet on that follows the loss; so are its answers. */
static void what_has_lost_a_packet_is_recorded_from_then_on(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	select_one(t, drops(0));
	assert_false(takes_udp(t, POD, 1, PEER, 2));
	assert_false(takes_udp(t, POD, 1, PEER, 2));
	lose(t, POD, 1, PEER, 2);
	assert_true(takes_udp(t, POD, 1, PEER, 2));
	assert_true(takes_udp(t, PEER, 2, POD, 1));
	assert_false(takes_udp(t, POD, 1, PEER, 3));
	assert_false(takes_tcp(t, POD, 1, PEER, 2));
	assert_int_equal(count_flows(t), 1);
}

static void losses_and_other_terms_are_both_wanted(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	const struct pn_select_term terms[] = { drops(0), port(0, 53, 53), port(1, 80, 80) };

	lose(t, POD, 7, PEER, 53);
	lose(t, POD, 7, PEER, 54);
	(void)select_terms(t, terms, 3, 1);
	assert_true(takes_udp(t, POD, 7, PEER, 53));
	assert_false(takes_udp(t, POD, 7, PEER, 54));
	assert_false(takes_udp(t, POD, 8, PEER, 53));
	assert_true(takes_udp(t, POD, 8, PEER, 80));
}

/* The trie finds the smallest network; the rules of those around it hold as well. */
static void networks_within_each_other_have_each_their_rule(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	const struct pn_select_term terms[] = { cidr(0, "10.1.0.9", 128), protocol(0, IPPROTO_TCP),
						cidr(1, "10.1.0.0", 112),
						protocol(1, IPPROTO_UDP) };

	(void)select_terms(t, terms, 4, 1);
	assert_true(takes_udp(t, POD, 1, PEER, 2));
	assert_true(takes_tcp(t, POD, 1, PEER, 2));
	assert_true(takes_udp(t, POD, 1, OTHER, 2));
	assert_false(takes_tcp(t, POD, 1, OTHER, 2));
}

static void an_owner_is_known_by_its_address(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	select_one(t, name_space(0));
	assert_false(takes_udp(t, POD, 1, PEER, 2));
	owns(t, POD, 1);
	assert_true(takes_udp(t, POD, 1, PEER, 2));
	assert_true(takes_udp(t, PEER, 2, POD, 3));
	assert_false(takes_udp(t, OTHER, 1, PEER, 2));
	owns(t, POD, 0);
	assert_false(takes_udp(t, POD, 4, PEER, 2));
	assert_int_equal(pn_select_count(pn_tracer_select(t)), 0);
}

static void all_terms_of_a_rule_must_be_met(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	const struct pn_select_term terms[] = { name_space(0), port(0, 443, 443),
						protocol(0, IPPROTO_TCP),
						cidr(0, "10.1.0.9", 128) };

	(void)select_terms(t, terms, 4, 1);
	owns(t, POD, 1);
	assert_true(takes_tcp(t, POD, 1000, PEER, 443));
	assert_false(takes_tcp(t, POD, 1000, PEER, 80));
	assert_false(takes_udp(t, POD, 1000, PEER, 443));
	assert_false(takes_tcp(t, POD, 1000, OTHER, 443));
	assert_false(takes_tcp(t, OTHER, 1000, PEER, 443));
}

/* Terms of one rule do not make up for those of another. */
static void one_rule_is_enough(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	const struct pn_select_term terms[] = { name_space(0), port(0, 80, 80), port(1, 53, 53),
						protocol(1, IPPROTO_UDP),
						cidr(2, "10.1.0.7", 128) };

	(void)select_terms(t, terms, 5, 1);
	owns(t, POD, 1);
	assert_true(takes_tcp(t, POD, 1000, PEER, 80));
	assert_true(takes_udp(t, PEER, 1000, "10.9.9.9", 53));
	assert_true(takes_tcp(t, PEER, 1000, OTHER, 9));
	assert_false(takes_tcp(t, POD, 1000, PEER, 53));
	assert_false(takes_udp(t, PEER, 1000, "10.9.9.9", 80));
}

static void both_directions_and_hooks_are_judged_alike(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet there, back;

	make_tcp(&there, POD, 1000, PEER, 443, SYN);
	make_tcp(&back, PEER, 443, POD, 1000, SYN | ACK);
	select_one(t, port(0, 80, 80));
	for (enum pn_hook hook = PN_HOOK_INGRESS; hook <= PN_HOOK_EGRESS; hook++) {
		assert_false(is_recorded(t, hook, &there, PN_STAT_NOT_SELECTED));
		assert_false(is_recorded(t, hook, &back, PN_STAT_NOT_SELECTED));
	}
	assert_int_equal(count_flows(t), 0);
	select_one(t, port(0, 443, 443));
	for (enum pn_hook hook = PN_HOOK_INGRESS; hook <= PN_HOOK_EGRESS; hook++) {
		assert_true(is_recorded(t, hook, &back, PN_STAT_NOT_SELECTED));
		assert_true(is_recorded(t, hook, &there, PN_STAT_NOT_SELECTED));
	}
	assert_int_equal(count_flows(t), 1);
}

static void a_connection_is_recorded_to_its_end(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	assert_true(takes_udp(t, POD, 1, PEER, 2));
	select_one(t, port(0, 443, 443));
	assert_true(takes_udp(t, POD, 1, PEER, 2));
	assert_false(takes_udp(t, POD, 3, PEER, 2));
	select_one(t, port(0, 3, 3));
	assert_true(takes_udp(t, POD, 3, PEER, 2));
	assert_false(takes_tcp(t, POD, 1, PEER, 443));
	(void)select_terms(t, NULL, 0, 1);
	assert_true(takes_tcp(t, POD, 1, PEER, 443));
}

static void what_is_prepared_is_not_in_force(void **state)
{
	const struct pn_select_term wanted = port(0, 80, 80);
	const struct pn_selection s = { .n_rules = 1, .n_terms = 1, .terms = &wanted };
	struct pn_tracer *t = tracer_of(state);

	select_one(t, port(0, 443, 443));
	assert_int_equal(pn_select_prepare(pn_tracer_select(t), &s, 1, NULL), 0);
	assert_true(takes_tcp(t, POD, 1, PEER, 443));
	assert_false(takes_tcp(t, POD, 1, PEER, 80));
	pn_select_abort(pn_tracer_select(t));
	assert_false(takes_tcp(t, POD, 2, PEER, 80));
	select_one(t, port(0, 80, 80));
	assert_true(takes_tcp(t, POD, 2, PEER, 80));
	assert_false(takes_tcp(t, POD, 2, PEER, 443));
}

static void fragments_go_with_their_first(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	select_one(t, port(0, 443, 443));
	for (unsigned int dport = 442; dport <= 443; dport++) {
		put_ethernet(&p);
		put_ipv4(&p, POD, PEER, 0);
		put16(p.b + p.ip_at + 4, dport);
		put_ipv4_fragment(&p, 0, true);
		put_udp(&p, 1000, dport);
		packet_end(&p, 64);
		assert_int_equal(is_recorded(t, PN_HOOK_INGRESS, &p, PN_STAT_NOT_SELECTED),
				 dport == 443);
		put_ethernet(&p);
		put_ipv4(&p, POD, PEER, 0);
		put16(p.b + p.ip_at + 4, dport);
		put_ipv4_fragment(&p, 72, false);
		p.b[p.type_at] = IPPROTO_UDP;
		packet_end(&p, 64);
		assert_int_equal(is_recorded(t, PN_HOOK_INGRESS, &p, PN_STAT_NOT_SELECTED),
				 dport == 443);
	}
	assert_int_equal(count_flows(t), 1);
}

/* Type and code, which stand where ports are in the key, are none. */
static void an_icmp_error_goes_by_its_own_ends(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, PEER, POD, 0);
	put_icmp(&p, IPPROTO_ICMP, 3, 1, 0);
	packet_end(&p, 28);
	select_one(t, port(0, 3 << 8 | 1, 3 << 8 | 1));
	assert_false(is_recorded(t, PN_HOOK_EGRESS, &p, PN_STAT_NOT_SELECTED));
	select_one(t, protocol(0, IPPROTO_ICMP));
	assert_true(is_recorded(t, PN_HOOK_EGRESS, &p, PN_STAT_NOT_SELECTED));
}

/* --- samples ------------------------------------------------------------------------------------ */

struct estimate {
	uint64_t packets, stand_for;
	size_t n, n_other;
};

static void weigh(void *data, const struct pn_flow_key *key, const struct pn_flow_value *v)
{
	struct estimate *e = data;
	uint64_t packets = pn_flow_way(v, 0)->sent.packets + pn_flow_way(v, 1)->sent.packets;

	(void)key;
	e->n++;
	e->n_other += v->sampling != RATE;
	e->packets += packets;
	e->stand_for += packets * (v->sampling ? v->sampling : 1);
}

/* Of connection i there are 1 + i % 7 packets, alternately in both directions. */
static uint64_t send_many(struct pn_tracer *t)
{
	uint64_t sum = 0;
	struct packet p;

	for (unsigned int i = 0; i < N_CONNS; i++) {
		for (unsigned int n = 0; n <= i % 7; n++, sum++) {
			if (n % 2)
				make_udp(&p, PEER, 53, POD, 1000 + i, 0);
			else
				make_udp(&p, POD, 1000 + i, PEER, 53, 0);
			send_packet(t, PN_HOOK_INGRESS, &p);
		}
	}
	return sum;
}

/* Twenty thousand of which one in sixteen: the estimate's standard deviation is 3.1 %, this is four. */
static void samples_stand_for_all(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct estimate e = { 0 };
	uint64_t sum;

	select_sample(t, RATE);
	sum = send_many(t);
	assert_int_equal(pn_tracer_drain(t, weigh, &e), 0);
	assert_int_equal(e.n_other, 0);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), e.packets);
	assert_int_equal(ledger(t, PN_STAT_NOT_SAMPLED), sum - e.packets);
	assert_in_range(e.stand_for, sum - sum / 8, sum + sum / 8);
	assert_in_range(e.n, N_CONNS / RATE * 7 / 8, N_CONNS / RATE * 9 / 8);
}

/* Whole connections: sent again they add to the same entries, and to no others. */
static void a_sample_has_all_packets_of_its_connections(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct estimate before = { 0 }, after = { 0 };

	select_sample(t, RATE);
	(void)send_many(t);
	assert_int_equal(pn_tracer_drain(t, weigh, &before), 0);
	(void)send_many(t);
	assert_int_equal(pn_tracer_drain(t, weigh, &after), 0);
	assert_int_equal(after.n, before.n);
	assert_int_equal(after.packets, 2 * before.packets);
}

static bool is_sample(struct pn_tracer *t, unsigned int i)
{
	struct packet p;

	make_udp(&p, POD, 1000 + i, PEER, 53, 0);
	return is_recorded(t, PN_HOOK_INGRESS, &p, PN_STAT_NOT_SAMPLED);
}

static void a_lower_rate_adds_to_the_sample(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	unsigned int n_rare = 0, n_often = 0;
	bool was[500];

	select_sample(t, RATE);
	for (unsigned int i = 0; i < 500; i++)
		n_rare += was[i] = is_sample(t, i);
	select_sample(t, 2);
	for (unsigned int i = 0; i < 500; i++) {
		bool is = is_sample(t, i);

		assert_true(is || !was[i]);
		n_often += is;
	}
	assert_in_range(n_rare, 10, 60);
	assert_in_range(n_often, 200, 300);
}

static void only_what_is_selected_is_sampled(void **state)
{
	const struct pn_select_term wanted = protocol(0, IPPROTO_TCP);
	struct pn_tracer *t = tracer_of(state);

	(void)select_terms(t, &wanted, 1, PN_SELECT_MAX_SAMPLING);
	assert_false(takes_udp(t, POD, 1, PEER, 2));
	for (unsigned int i = 0; i < 10; i++) {
		struct packet p;

		make_tcp(&p, POD, 1000 + i, PEER, 443, SYN);
		(void)is_recorded(t, PN_HOOK_INGRESS, &p, PN_STAT_NOT_SAMPLED);
	}
	assert_int_equal(ledger(t, PN_STAT_NOT_SELECTED), 1);
	assert_true(ledger(t, PN_STAT_NOT_SAMPLED) >= 9);
}

/* --- a full table ------------------------------------------------------------------------------- */

static int set_up_full(void **state)
{
	return start(state, (struct pn_tracer_config) { .ip_map_fd = -1, .max_flows = 1 });
}

static void what_is_not_wanted_is_in_no_pair_either(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	assert_true(takes_udp(t, "10.9.9.1", 1, "10.9.9.2", 2));
	select_one(t, port(0, 443, 443));
	assert_false(takes_udp(t, POD, 1, PEER, 2));
	make_udp(&p, POD, 1, PEER, 443, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(ledger(t, PN_STAT_COLLAPSED), 1);
	assert_int_equal(count_flows(t), 2);
}

static void find_pair(void *data, const struct pn_flow_key *key, const struct pn_flow_value *v)
{
	struct flow *pair = data;

	if (key->kind == PN_FLOW_PAIR && v->sampling)
		*pair = (struct flow) { *key, *v };
}

/* Connections of another rate are a pair of their own. */
static void pairs_say_what_they_stand_for(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct flow pair = { .key = { .proto = 0 } };
	uint64_t collapsed;

	assert_true(takes_udp(t, "10.9.9.1", 1, "10.9.9.2", 2));
	for (unsigned int i = 0; i < 10; i++) {
		struct packet p;

		make_udp(&p, POD, 1000 + i, PEER, 53, 0);
		send_packet(t, PN_HOOK_INGRESS, &p);
	}
	collapsed = ledger(t, PN_STAT_COLLAPSED);
	assert_int_equal(collapsed, 10);
	select_sample(t, RATE);
	for (unsigned int i = 0; i < 500; i++) {
		struct packet p;

		make_udp(&p, POD, 1000 + i, PEER, 53, 0);
		send_packet(t, PN_HOOK_INGRESS, &p);
	}
	assert_int_equal(pn_tracer_drain(t, find_pair, &pair), 0);
	assert_int_equal(pair.key.sampling, RATE);
	assert_int_equal(pair.value.sampling, RATE);
	assert_int_equal(pn_flow_way(&pair.value, 0)->sent.packets,
			 ledger(t, PN_STAT_COLLAPSED) - collapsed);
	assert_in_range(pn_flow_way(&pair.value, 0)->sent.packets, 10, 60);
}

/* --- changes under load ------------------------------------------------------------------------- */

struct changer {
	struct pn_tracer *t;
	_Atomic bool is_over;
	_Atomic unsigned int n;
};

/* Each selection has both ports, in rules of their own or in one; half of one would have neither. */
static void *change(void *data)
{
	struct changer *c = data;

	while (!c->is_over) {
		const struct pn_select_term one[] = { port(0, 80, 80), port(0, 443, 443) };
		const struct pn_select_term two[] = { port(0, 443, 443), protocol(1, IPPROTO_SCTP),
						      port(2, 80, 80) };

		if (c->n++ % 2)
			(void)select_terms(c->t, one, 2, 1);
		else
			(void)select_terms(c->t, two, 3, 1);
	}
	return NULL;
}

static void no_packet_meets_half_of_a_selection(void **state)
{
	struct changer c = { .t = tracer_of(state) };
	pthread_t thread;
	unsigned int n = 0;

	select_one(c.t, port(0, 80, 80));
	assert_int_equal(pthread_create(&thread, NULL, change, &c), 0);
	while (c.n < 2)
		(void)sched_yield();
	for (; n < 30000 || c.n <= 10; n++) { /* a change takes as long as the kernel likes */
		struct packet p;

		make_tcp(&p, POD, 1024 + n % 60000, PEER, n % 2 ? 80 : 443, SYN);
		send_packet(c.t, PN_HOOK_INGRESS, &p);
	}
	c.is_over = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(ledger(c.t, PN_STAT_NOT_SELECTED), 0);
	assert_int_equal(ledger(c.t, PN_STAT_RECORDED), n);
}

int main(void)
{
#define ON_FULL_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up_full, tear_down)
	const struct CMUnitTest tests[] = {
		ON_TRACER(a_port_of_either_end_is_enough),
		ON_TRACER(a_protocol_selects_nothing_else),
		ON_TRACER(a_network_has_addresses_of_both_families),
		ON_TRACER(all_of_one_family_has_nothing_of_the_other),
		ON_TRACER(what_has_lost_a_packet_is_recorded_from_then_on),
		ON_TRACER(losses_and_other_terms_are_both_wanted),
		ON_TRACER(networks_within_each_other_have_each_their_rule),
		ON_TRACER(an_owner_is_known_by_its_address),
		ON_TRACER(all_terms_of_a_rule_must_be_met),
		ON_TRACER(one_rule_is_enough),
		ON_TRACER(both_directions_and_hooks_are_judged_alike),
		ON_TRACER(a_connection_is_recorded_to_its_end),
		ON_TRACER(what_is_prepared_is_not_in_force),
		ON_TRACER(fragments_go_with_their_first),
		ON_TRACER(an_icmp_error_goes_by_its_own_ends),
		ON_TRACER(samples_stand_for_all),
		ON_TRACER(a_sample_has_all_packets_of_its_connections),
		ON_TRACER(a_lower_rate_adds_to_the_sample),
		ON_TRACER(only_what_is_selected_is_sampled),
		ON_FULL_TABLE(what_is_not_wanted_is_in_no_pair_either),
		ON_FULL_TABLE(pairs_say_what_they_stand_for),
		ON_TRACER(no_packet_meets_half_of_a_selection),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, free_shared);
}
