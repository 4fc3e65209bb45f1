/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From entries of the kernel's table of drops to lines and to what a connection has lost: how often,
 * how exact, by which names. The kernel's table is made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/drop_log.h"
#include "tests/unit/flow/fixture.h"

enum { MAX_LINES = 4096 };

struct log_rig {
	struct world *w;
	struct pn_clock clock;
	struct pn_drop_log *log;
	struct pn_flow_record lines[MAX_LINES];
	size_t n_lines;
	/* the kernel's entry */
	struct pn_drop_key key;
	struct pn_drop_value value;
	bool is_there;
	/* the flow table's */
	struct pn_flow_value flow;
	bool has_flow;
};

static void on_line(void *data, const struct pn_flow_record *r)
{
	struct log_rig *rig = data;

	assert_true(rig->n_lines < MAX_LINES);
	rig->lines[rig->n_lines++] = *r;
}

static int on_remove(void *data, const struct pn_drop_key *key, struct pn_drop_value *ret)
{
	struct log_rig *rig = data;

	assert_memory_equal(key, &rig->key, sizeof(*key));
	if (!rig->is_there)
		return -ENOENT;
	*ret = rig->value;
	rig->is_there = false;
	return 0;
}

static bool on_find(void *data, const struct pn_flow_key *key, struct pn_flow_value *ret)
{
	struct log_rig *rig = data;

	(void)key;
	if (rig->has_flow)
		*ret = rig->flow;
	return rig->has_flow;
}

static const struct pn_drop_log_ops ops = {
	.record = on_line,
	.remove = on_remove,
	.find = on_find,
};

static const struct way web_to_db = { "10.0.0.1", 40000, "10.0.0.2", 5432, IPPROTO_TCP };

static int set_up(void **state)
{
	struct log_rig *rig = calloc(1, sizeof(*rig));
	struct pn_drop_log_config config;
	struct pod p;

	if (!rig || world_setup((void **)&rig->w) != 0)
		return -1;
	rig->clock = rig->w->clock;
	config = (struct pn_drop_log_config) {
		.clock = &rig->clock,
		.index = rig->w->idx,
		.node_name = "n1",
		.pause = PN_NSEC_PER_SEC,
		.idle = 10 * PN_NSEC_PER_SEC,
		.hold = 60 * PN_NSEC_PER_SEC,
		.max = 8,
	};
	go_to(rig->w, 100000);
	pod_init(&p, "web", "uid-web", "10.0.0.1", 1);
	add(rig->w, &p.p.meta);
	pod_init(&p, "db", "uid-db", "10.0.0.2", 1);
	add(rig->w, &p.p.meta);
	*state = rig;
	return pn_drop_log_new(&config, &ops, rig, &rig->log);
}

static int tear_down(void **state)
{
	struct log_rig *rig = *state;
	void *w = rig->w;

	pn_drop_log_free(rig->log);
	free(rig);
	return world_teardown(&w);
}

/* --- the kernel's side -------------------------------------------------------------------------- */

static void key_it(struct pn_drop_key *key, struct way w)
{
	struct pn_addr from = addr(w.from), to = addr(w.to);

	*key = (struct pn_drop_key) { .reason = 12, .location = 1, .proto = w.proto };
	memcpy(key->addr[0], &from, sizeof(from));
	memcpy(key->addr[1], &to, sizeof(to));
	key->port[0] = htons(w.from_port);
	key->port[1] = htons(w.to_port);
}

/* So many packets of 100 bytes, now. */
static void drop_way(struct log_rig *rig, struct way w, uint64_t n)
{
	pn_nsec now = fake_now(&rig->w->fake);

	key_it(&rig->key, w);
	if (!rig->is_there)
		rig->value = (struct pn_drop_value) { .first_ns = now, .ifindex = 7, .netns = 99 };
	rig->is_there = true;
	rig->value.packets += n;
	rig->value.bytes += n * 100;
	rig->value.last_ns = now;
	rig->value.tcp_flags |= TH_SYN;
}

static void look_as(struct log_rig *rig, const char *reason, const char *location)
{
	assert_int_equal(pn_drop_log_entry(rig->log, &rig->key, &rig->value, reason, location), 0);
}

static void look(struct log_rig *rig)
{
	look_as(rig, "NETFILTER_DROP", "nft_do_chain");
}

static bool tell(struct log_rig *rig)
{
	rig->n_lines = 0;
	return pn_drop_log_tell(rig->log, false);
}

/* Looks, and returns what it says of a line there must be one of. */
static const struct pn_flow_record *one_line(struct log_rig *rig)
{
	look(rig);
	assert_false(tell(rig));
	assert_int_equal(rig->n_lines, 1);
	return &rig->lines[0];
}

/* --- lines --------------------------------------------------------------------------------------- */

static void a_drop_is_told_with_both_names(void **state)
{
	struct log_rig *rig = *state;
	const struct pn_flow_record *r;

	drop_way(rig, web_to_db, 3);
	r = one_line(rig);
	assert_true(r->is_drop);
	assert_string_equal(r->source.owner->name, "web");
	assert_string_equal(r->destination.owner->name, "db");
	assert_int_equal(r->source.port, 40000);
	assert_int_equal(r->destination.port, 5432);
	assert_int_equal(r->source.tcp_flags, TH_SYN);
	assert_int_equal(r->drop.packets, 3);
	assert_int_equal(r->drop.bytes, 300);
	assert_int_equal(r->drop.total, 3);
	assert_int_equal(r->drop.ifindex, 7);
	assert_int_equal(r->drop.netns, 99);
	assert_string_equal(r->drop.reason, "NETFILTER_DROP");
	assert_string_equal(r->drop.location, "nft_do_chain");
	assert_int_equal(r->drop.kind, PN_DROP_NETFILTER);
	assert_int_equal(r->start, fake_realtime(&rig->w->fake));
	assert_int_equal(r->end, fake_realtime(&rig->w->fake));
}

/* A packet of the answer is the server's. */
static void the_source_is_who_sent_the_packet(void **state)
{
	struct log_rig *rig = *state;
	const struct pn_flow_record *r;

	drop_way(rig, back(web_to_db), 1);
	r = one_line(rig);
	assert_string_equal(r->source.owner->name, "db");
	assert_string_equal(r->destination.owner->name, "web");
}

static void a_flood_is_a_line_a_second_and_no_packet_is_lost(void **state)
{
	struct log_rig *rig = *state;
	uint64_t told = 0, lines = 0;

	for (unsigned int ms = 0; ms < 5000; ms += 100) {
		go_to(rig->w, 100000 + ms);
		drop_way(rig, web_to_db, 50000);
		look(rig);
		(void)tell(rig);
		lines += rig->n_lines;
		if (rig->n_lines)
			told += rig->lines[0].drop.packets;
	}
	assert_int_equal(lines, 5);
	assert_int_equal(rig->lines[0].drop.total, 41 * 50000);
	/* the rest follows when its second is over, though nothing new comes */
	go_to(rig->w, 104999);
	assert_true(tell(rig));
	go_to(rig->w, 105000);
	assert_false(tell(rig));
	assert_int_equal(rig->n_lines, 1);
	assert_int_equal(told + rig->lines[0].drop.packets, 50 * 50000);
}

static void the_end_does_not_wait(void **state)
{
	struct log_rig *rig = *state;

	drop_way(rig, web_to_db, 1);
	(void)one_line(rig);
	drop_way(rig, web_to_db, 4);
	look(rig);
	assert_true(tell(rig));
	assert_int_equal(rig->n_lines, 0);
	assert_false(pn_drop_log_tell(rig->log, true));
	assert_int_equal(rig->n_lines, 1);
	assert_int_equal(rig->lines[0].drop.packets, 4);
}

static void another_reason_is_another_line(void **state)
{
	struct log_rig *rig = *state;

	drop_way(rig, web_to_db, 1);
	look(rig);
	rig->key.reason = 13;
	look_as(rig, "NO_SOCKET", "tcp_v4_rcv");
	assert_false(tell(rig));
	assert_int_equal(rig->n_lines, 2);
}

/* --- what is rejected ---------------------------------------------------------------------------- */

static void a_reset_without_a_handshake_is_a_reject(void **state)
{
	struct log_rig *rig = *state;
	struct pn_flow_key key;
	int sender = key_of(web_to_db, &key);

	rig->has_flow = true;
	rig->flow.tcp_flags[!sender] = TH_RST | TH_ACK;
	drop_way(rig, web_to_db, 1);
	assert_int_equal(one_line(rig)->drop.kind, PN_DROP_REJECTED);
}

/* Somebody else may have reset a connection that had been made. */
static void a_reset_of_a_connection_is_none(void **state)
{
	struct log_rig *rig = *state;
	struct pn_flow_key key;
	int sender = key_of(web_to_db, &key);

	rig->has_flow = true;
	rig->flow.tcp_flags[!sender] = TH_SYN | TH_ACK | TH_RST;
	drop_way(rig, web_to_db, 1);
	assert_int_equal(one_line(rig)->drop.kind, PN_DROP_NETFILTER);
}

static void the_kernel_knows_of_icmp(void **state)
{
	struct log_rig *rig = *state;

	drop_way(rig, web_to_db, 1);
	rig->value.is_answered = 1;
	assert_int_equal(one_line(rig)->drop.kind, PN_DROP_REJECTED);
}

static void a_quoted_packet_was_answered(void **state)
{
	struct log_rig *rig = *state;
	struct pn_flow_tuple quoted;

	drop_way(rig, web_to_db, 1);
	look(rig);
	memcpy(quoted.addr, rig->key.addr, sizeof(quoted.addr));
	memcpy(quoted.port, rig->key.port, sizeof(quoted.port));
	pn_drop_log_answered(rig->log, &quoted, IPPROTO_UDP); /* another connection */
	pn_drop_log_answered(rig->log, &quoted, IPPROTO_TCP);
	assert_false(tell(rig));
	assert_int_equal(rig->lines[0].drop.kind, PN_DROP_REJECTED);
}

/* --- what is held -------------------------------------------------------------------------------- */

static void list(struct log_rig *rig)
{
	rig->n_lines = 0;
	assert_int_equal(pn_drop_log_list(rig->log, on_line, rig), 0);
}

static void what_was_told_is_held_with_its_sum(void **state)
{
	struct log_rig *rig = *state;

	for (int i = 0; i < 3; i++) {
		go_to(rig->w, 100000 + 2000 * (uint64_t)i);
		drop_way(rig, web_to_db, 10);
		(void)one_line(rig);
	}
	list(rig);
	assert_int_equal(rig->n_lines, 1);
	assert_int_equal(rig->lines[0].drop.packets, 30);
	assert_int_equal(rig->lines[0].start, WALL_S * PN_NSEC_PER_SEC + 100 * PN_NSEC_PER_SEC);
	assert_int_equal(rig->lines[0].end, WALL_S * PN_NSEC_PER_SEC + 104 * PN_NSEC_PER_SEC);
}

static void an_idle_entry_leaves_the_kernel_and_is_held_a_while(void **state)
{
	struct log_rig *rig = *state;

	drop_way(rig, web_to_db, 10);
	(void)one_line(rig);
	go_to(rig->w, 109000);
	pn_drop_log_sweep(rig->log);
	assert_true(rig->is_there);
	rig->value.packets += 2; /* seen by nobody before it is taken out */
	go_to(rig->w, 110000);
	pn_drop_log_sweep(rig->log);
	assert_false(rig->is_there);
	assert_false(tell(rig));
	assert_int_equal(rig->n_lines, 1);
	assert_int_equal(rig->lines[0].drop.packets, 2);
	/* it comes again, in an entry that counts from 0 */
	go_to(rig->w, 111000);
	drop_way(rig, web_to_db, 5);
	assert_int_equal(one_line(rig)->drop.packets, 5);
	list(rig);
	assert_int_equal(rig->lines[0].drop.packets, 17);

	go_to(rig->w, 125000);
	pn_drop_log_sweep(rig->log);
	go_to(rig->w, 185000);
	pn_drop_log_sweep(rig->log);
	list(rig);
	assert_int_equal(rig->n_lines, 0);
}

/* With room for 8, those go whose entries have gone. */
static void there_is_an_end_to_what_is_held(void **state)
{
	struct log_rig *rig = *state;

	for (uint16_t i = 0; i < 100; i++) {
		struct way w = web_to_db;

		w.from_port = (uint16_t)(1000 + i);
		go_to(rig->w, 100000 + 20000 * (uint64_t)i);
		rig->value.packets = 0;
		drop_way(rig, w, 1);
		(void)one_line(rig);
		go_to(rig->w, 110000 + 20000 * (uint64_t)i);
		pn_drop_log_sweep(rig->log);
		list(rig);
		assert_in_range(rig->n_lines, 1, 8);
	}
}

/* --- what a connection has lost ------------------------------------------------------------------ */

static struct pn_record_drop take(struct log_rig *rig)
{
	struct pn_record_drop drop = { .packets = 0 };
	struct pn_flow_key key;

	(void)key_of(web_to_db, &key);
	pn_drop_log_take(rig->log, &key, &drop);
	return drop;
}

static void a_record_has_each_drop_once(void **state)
{
	struct log_rig *rig = *state;
	struct pn_record_drop drop;

	assert_int_equal(take(rig).packets, 0);
	drop_way(rig, web_to_db, 3);
	look(rig);
	drop = take(rig);
	assert_int_equal(drop.packets, 3);
	assert_int_equal(drop.bytes, 300);
	assert_string_equal(drop.reason, "NETFILTER_DROP");
	assert_int_equal(take(rig).packets, 0);
	drop_way(rig, web_to_db, 2);
	look(rig);
	assert_int_equal(take(rig).packets, 2);
}

static void a_record_has_both_directions_and_the_newest_reason(void **state)
{
	struct log_rig *rig = *state;
	struct pn_record_drop drop;

	drop_way(rig, web_to_db, 3);
	look(rig);
	rig->is_there = false;
	go_to(rig->w, 100001);
	drop_way(rig, back(web_to_db), 1);
	look_as(rig, "TC_INGRESS", "__netif_receive_skb_core");
	drop = take(rig);
	assert_int_equal(drop.packets, 4);
	assert_string_equal(drop.reason, "TC_INGRESS");
	assert_int_equal(drop.kind, PN_DROP_TC_INGRESS);
}

/* --- words --------------------------------------------------------------------------------------- */

static void reason_and_place_say_what_it_means(void **state)
{
	static const struct {
		const char *reason, *location, *kind;
	} cases[] = {
		{ "NETFILTER_DROP", "nft_do_chain", "netfilter" },
		{ "NETFILTER_DROP", "nf_hook_slow", "netfilter" },
		{ "NOT_SPECIFIED", "nfqnl_reinject", "nfqueue" },
		{ "NOT_SPECIFIED", "nf_reinject", "nfqueue" },
		{ "NOT_SPECIFIED", "netkit_xmit", "netkit" },
		{ "NOT_SPECIFIED", "ovs_dp_process_packet", "openvswitch" },
		{ "NOT_SPECIFIED", "something", "other" },
		{ "TC_INGRESS", "__netif_receive_skb_core", "tc_ingress" },
		{ "TC_EGRESS", "__dev_queue_xmit", "tc_egress" },
		{ "BPF_CGROUP_EGRESS", "ip_finish_output", "cgroup" },
		{ "OVS_DROP_LAST_ACTION", "do_execute_actions", "openvswitch" },
		{ "NO_SOCKET", "tcp_v4_rcv", "no_listener" },
		{ "NEIGH_FAILED", "neigh_invalidate", "neighbor" },
		{ "QDISC_DROP", "__dev_queue_xmit", "queue" },
		{ "XDP", "do_xdp_generic", "xdp" },
		{ "", "nf_hook_slow", "netfilter" },
		{ "", "tcp_v4_rcv", "no_listener" },
		{ "SOMETHING_NEW", "nft_do_chain", "other" },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++)
		assert_string_equal(pn_drop_kind_name(pn_drop_kind_of(cases[i].reason,
								      cases[i].location, false)),
				    cases[i].kind);
	/* only who answers for others rejects: a socket's own answer is no rule's */
	assert_int_equal(pn_drop_kind_of("NO_SOCKET", "tcp_v4_rcv", true), PN_DROP_NO_LISTENER);
	assert_int_equal(pn_drop_kind_of("", "nf_hook_slow", true), PN_DROP_REJECTED);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(a_drop_is_told_with_both_names),
		LOG_TEST(the_source_is_who_sent_the_packet),
		LOG_TEST(a_flood_is_a_line_a_second_and_no_packet_is_lost),
		LOG_TEST(the_end_does_not_wait),
		LOG_TEST(another_reason_is_another_line),
		LOG_TEST(a_reset_without_a_handshake_is_a_reject),
		LOG_TEST(a_reset_of_a_connection_is_none),
		LOG_TEST(the_kernel_knows_of_icmp),
		LOG_TEST(a_quoted_packet_was_answered),
		LOG_TEST(what_was_told_is_held_with_its_sum),
		LOG_TEST(an_idle_entry_leaves_the_kernel_and_is_held_a_while),
		LOG_TEST(there_is_an_end_to_what_is_held),
		LOG_TEST(a_record_has_each_drop_once),
		LOG_TEST(a_record_has_both_directions_and_the_newest_reason),
		cmocka_unit_test(reason_and_place_say_what_it_means),
	};

	return cmocka_run_group_tests_name("drop_log", tests, NULL, NULL);
}
