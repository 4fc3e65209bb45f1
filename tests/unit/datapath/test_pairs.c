/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow table with room for one connection: what finds none is counted by pairs of addresses, each
 * packet where it was sent and where it arrived, and never under two names at once.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "tracer_fixture.h"
#include "world_fixture.h"

static int set_up_table(void **state)
{
	return start(state, (struct pn_tracer_config) { .ip_map_fd = -1, .max_flows = 1 });
}

/* Neighbour discovery would take the only place there is. */
static bool without_ipv6(const struct world *w)
{
	const char *off = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6";

	return run("%s", off) == 0 &&
	       run("nsenter -t %d -n sh -c '%s'", (int)w->client.pid, off) == 0 &&
	       run("nsenter -t %d -n sh -c '%s'", (int)w->server.pid, off) == 0;
}

static int set_up_world(void **state)
{
	const struct pn_tracer_config config = { .ip_map_fd = -1, .max_flows = 1 };
	static struct world w;

	*state = &w;
	w = (struct world) { .allowed = geteuid() == 0 };
	if (!w.allowed) {
		print_message("needs root and ip(8): makes network namespaces\n");
		return 0;
	}
	if (!world_make(&w) || !without_ipv6(&w) || pn_tracer_new(&config, &w.tracer, NULL) < 0)
		return -1;
	return world_attach(&w) ? 0 : -1;
}

static int tear_down_world(void **state)
{
	world_stop(*state);
	return 0;
}

/* Takes the only place there is. */
static struct flow fill(struct pn_tracer *t)
{
	struct packet p;

	make_udp(&p, "10.9.9.1", 1, "10.9.9.2", 2, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	return only_flow(t);
}

static const struct flow *find(const struct table *all, enum pn_flow_kind kind)
{
	size_t i = 0;

	while (i < all->n && all->flows[i].key.kind != kind)
		i++;
	assert_true(i < all->n);
	return &all->flows[i];
}

static void connections_without_room_are_counted_together(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	const struct flow *pair;
	struct table all = {};
	struct packet p;

	(void)fill(t);
	for (unsigned int port = 1; port <= 3; port++) {
		make_tcp(&p, POD, 1000 + port, PEER, 80, SYN);
		send_packet(t, PN_HOOK_INGRESS, &p);
		send_packet(t, PN_HOOK_EGRESS, &p);
		make_tcp(&p, PEER, 80, POD, 1000 + port, SYN | ACK);
		send_packet(t, PN_HOOK_INGRESS, &p);
	}
	assert_int_equal(pn_tracer_drain(t, collect, &all), 0);
	assert_int_equal(all.n, 2);
	pair = find(&all, PN_FLOW_PAIR);
	assert_end(&pair->key, 0, POD, 0);
	assert_end(&pair->key, 1, PEER, 0);
	assert_int_equal(pair->key.proto, IPPROTO_TCP);
	assert_int_equal(pn_flow_way(&pair->value, 0)->sent.packets, 3);
	assert_int_equal(pn_flow_way(&pair->value, 0)->sent.bytes, 120);
	assert_int_equal(pn_flow_way(&pair->value, 0)->delivered.packets, 3);
	assert_int_equal(pn_flow_way(&pair->value, 1)->sent.packets, 3);
	assert_int_equal(pair->value.tcp_flags[0] | pair->value.tcp_flags[1], 0);
	assert_int_equal(ledger(t, PN_STAT_COLLAPSED), 9);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 1);
}

static void protocols_are_pairs_of_their_own(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	(void)fill(t);
	make_tcp(&p, POD, 1, PEER, 80, SYN);
	send_packet(t, PN_HOOK_INGRESS, &p);
	make_udp(&p, POD, 1, PEER, 80, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(count_flows(t), 3);
}

/* The least room for pairs is 4096, see pins.c. */
static void without_room_for_pairs_packets_are_counted_as_not_recorded(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	char peer[16];

	(void)fill(t);
	for (unsigned int i = 0; i < 4100; i++) {
		(void)snprintf(peer, sizeof(peer), "10.2.%u.%u", i / 256, i % 256);
		make_udp(&p, POD, 1, peer, 2, 0);
		send_packet(t, PN_HOOK_INGRESS, &p);
	}
	assert_int_equal(ledger(t, PN_STAT_COLLAPSED), 4096);
	assert_int_equal(ledger(t, PN_STAT_TABLE_FULL), 4);
}

static struct flow pair_of(struct pn_tracer *t)
{
	struct table all = {};

	assert_int_equal(pn_tracer_drain(t, collect, &all), 0);
	return *find(&all, PN_FLOW_PAIR);
}

static void a_pair_is_taken_out_like_a_connection(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct flow pair;
	struct packet p;

	(void)fill(t);
	make_udp(&p, POD, 1, PEER, 2, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	pair = pair_of(t);
	assert_int_equal(pn_tracer_remove(t, &pair.key, &pair.value), 0);
	assert_int_equal(pn_flow_way(&pair.value, 0)->sent.packets, 1);
	assert_int_equal(pn_tracer_remove(t, &pair.key, &pair.value), -ENOENT);
	assert_int_equal(count_flows(t), 1);
}

/*
 * There is room again: first where packets are sent, for those on their way were counted without;
 * after a while where they arrive as well.
 */
static void with_room_again_connections_get_entries_where_they_are_sent_first(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct flow full = fill(t);
	struct packet p;

	make_udp(&p, POD, 1, PEER, 2, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(ledger(t, PN_STAT_COLLAPSED), 1);
	assert_int_equal(pn_tracer_remove(t, &full.key, &full.value), 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(ledger(t, PN_STAT_COLLAPSED), 2);

	assert_int_equal(count_flows(t), 1);
	send_packet(t, PN_HOOK_EGRESS, &p);
	assert_int_equal(ledger(t, PN_STAT_COLLAPSED), 3);
	send_packet(t, PN_HOOK_INGRESS, &p);
	send_packet(t, PN_HOOK_EGRESS, &p);
	assert_int_equal(ledger(t, PN_STAT_COLLAPSED), 3);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 3);
}

static void in_the_end_all_connections_get_entries(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct flow full = fill(t);
	struct packet p;

	make_udp(&p, POD, 1, PEER, 2, 0);
	send_packet(t, PN_HOOK_EGRESS, &p);
	assert_int_equal(pn_tracer_remove(t, &full.key, &full.value), 0);
	for (int i = 0; i < N_POLLS && ledger(t, PN_STAT_RECORDED) < 2; i++) {
		(void)count_flows(t);
		send_packet(t, PN_HOOK_EGRESS, &p);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 2);
}

/* --- real packets through a Service -------------------------------------------------------------- */

static void make_service(void)
{
	if (run("nft 'add table ip t; add chain ip t pre { type nat hook prerouting priority "
		"dstnat; }; add rule ip t pre ip daddr " SERVICE " udp dport 53 dnat to " SERVER
		":5353' 2>/dev/null") != 0) {
		print_message("needs nft(8) and nf_tables\n");
		skip();
	}
}

static void require_nat(struct world *w)
{
	const struct pn_feature *f;

	(void)pn_tracer_features(w->tracer, &f);
	if (strcmp(f[1].state, "on") != 0) {
		print_message("needs the feature nat: %s\n", f[1].reason);
		skip();
	}
	make_service();
}

/* Both ways under the tuple that they were sent with: sent and delivered meet. */
static void translated_packets_are_counted_as_they_were_sent(void **state)
{
	struct world *w = world_of(state);
	struct search to_service, to_server;

	require_nat(w);
	(void)fill(w->tracer);
	exchange(w, SERVICE, 53, 5353, 5);

	to_service = udp_flow(w, CLIENT, SERVICE);
	assert_int_equal(to_service.key.kind, PN_FLOW_PAIR);
	assert_int_equal(pn_flow_way(&to_service.value, 0)->sent.packets, 5);
	assert_int_equal(pn_flow_way(&to_service.value, 0)->delivered.packets, 5);
	assert_int_equal(pn_flow_way(&to_service.value, 1)->delivered.packets, 0);

	to_server = udp_flow(w, CLIENT, SERVER);
	assert_int_equal(to_server.key.kind, PN_FLOW_PAIR);
	assert_int_equal(pn_flow_way(&to_server.value, 1)->sent.packets, 5);
	assert_int_equal(pn_flow_way(&to_server.value, 1)->delivered.packets, 5);
	assert_int_equal(pn_flow_way(&to_server.value, 0)->delivered.packets, 0);
}

/* One entry finds room, its other side does not: what answers is counted there, and here it says so. */
static void half_a_connection_knows_that_it_is(void **state)
{
	struct world *w = world_of(state);
	struct search half, pair;

	require_nat(w);
	exchange(w, SERVICE, 53, 5353, 5);
	half = udp_flow(w, CLIENT, SERVICE);
	assert_int_equal(half.key.kind, PN_FLOW_CONNECTION);
	assert_int_equal(pn_flow_way(&half.value, 0)->sent.packets, 5);
	assert_int_equal(pn_flow_way(&half.value, 0)->delivered.packets, 5);
	assert_int_equal(pn_flow_way(&half.value, 1)->delivered.packets, 5);
	assert_true(half.value.state & PN_FLOW_ELSEWHERE << 1);
	assert_false(half.value.state & PN_FLOW_ELSEWHERE << 0);

	pair = udp_flow(w, CLIENT, SERVER);
	assert_int_equal(pair.key.kind, PN_FLOW_PAIR);
	assert_int_equal(pn_flow_way(&pair.value, 1)->sent.packets, 5);
	assert_int_equal(pn_flow_way(&pair.value, 1)->delivered.packets, 0);
}

int main(void)
{
#define ON_FULL_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up_table, tear_down)
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up_world, tear_down_world)
	const struct CMUnitTest tests[] = {
		ON_FULL_TABLE(connections_without_room_are_counted_together),
		ON_FULL_TABLE(protocols_are_pairs_of_their_own),
		ON_FULL_TABLE(without_room_for_pairs_packets_are_counted_as_not_recorded),
		ON_FULL_TABLE(a_pair_is_taken_out_like_a_connection),
		ON_FULL_TABLE(with_room_again_connections_get_entries_where_they_are_sent_first),
		ON_FULL_TABLE(in_the_end_all_connections_get_entries),
		IN_WORLD(translated_packets_are_counted_as_they_were_sent),
		IN_WORLD(half_a_connection_knows_that_it_is),
	};

	return cmocka_run_group_tests_name("pairs", tests, NULL, NULL);
}
