/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow programs, given one packet after the other with BPF_PROG_TEST_RUN: what ends up in the
 * flow table and in the ledger. Nothing is attached; test_traffic does that with real traffic.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <podonym/maps.h>

#include "base/addr.h"
#include "datapath/tracer.h"
#include "packet_fixture.h"

#define MAX_FLOWS 65536
#define TC_ACT_UNSPEC 0xffffffffU

#define SYN 0x02
#define ACK 0x10
#define FIN 0x01

#define POD "10.1.0.5"
#define PEER "10.1.0.9"
#define POD6 "fd00::5"
#define PEER6 "fd00::9"

struct flow {
	struct pn_flow_key key;
	struct pn_flow_value value;
};

struct table {
	struct flow flows[8];
	size_t n;
};

static int start(void **state, struct pn_tracer_config config)
{
	struct pn_tracer *t = NULL;
	struct pn_err err;

	if (geteuid() != 0) {
		print_message("needs root: loads BPF programs\n");
		*state = NULL;
		return 0;
	}
	if (pn_tracer_new(&config, &t, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = t;
	return 0;
}

static int set_up(void **state)
{
	return start(state, (struct pn_tracer_config) { .ip_map_fd = -1, .max_flows = MAX_FLOWS });
}

static int set_up_for_one_flow(void **state)
{
	return start(state, (struct pn_tracer_config) { .ip_map_fd = -1, .max_flows = 1 });
}

static int tear_down(void **state)
{
	pn_tracer_free(*state);
	return 0;
}

static struct pn_tracer *tracer_of(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void send_gso(struct pn_tracer *t, enum pn_hook hook, struct packet *p,
		     const struct __sk_buff *ctx)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->b, .data_size_in = (uint32_t)p->len,
		    .ctx_in = ctx, .ctx_size_in = ctx ? sizeof(*ctx) : 0);

	assert_int_equal(bpf_prog_test_run_opts(pn_tracer_prog_fd(t, hook), &opts), 0);
	assert_int_equal(opts.retval, TC_ACT_UNSPEC);
}

static void send_packet(struct pn_tracer *t, enum pn_hook hook, struct packet *p)
{
	send_gso(t, hook, p, NULL);
}

static void collect(void *data, const struct pn_flow_key *key, const struct pn_flow_value *value)
{
	struct table *all = data;

	if (all->n < PN_ARRAY_SIZE(all->flows))
		all->flows[all->n] = (struct flow) { *key, *value };
	all->n++;
}

static struct flow only_flow(struct pn_tracer *t)
{
	struct table all = {};

	assert_int_equal(pn_tracer_drain(t, collect, &all), 0);
	assert_int_equal(all.n, 1);
	return all.flows[0];
}

static size_t count_flows(struct pn_tracer *t)
{
	struct table all = {};

	assert_int_equal(pn_tracer_drain(t, collect, &all), 0);
	return all.n;
}

/* The ledger must close; returns one cell of it. */
static uint64_t ledger(struct pn_tracer *t, enum pn_flow_stat cell)
{
	uint64_t stats[PN_STAT_MAX], sum = 0;

	assert_int_equal(pn_tracer_stats(t, stats), 0);
	for (int s = PN_STAT_SEEN + 1; s < PN_STAT_MAX; s++)
		sum += stats[s];
	assert_int_equal(stats[PN_STAT_SEEN], sum);
	return stats[cell];
}

static void assert_end(const struct pn_flow_key *key, int end, const char *addr, unsigned int port)
{
	struct pn_addr expected;

	assert_int_equal(pn_addr_parse(addr, &expected), 0);
	assert_memory_equal(key->addr[end], expected.b, sizeof(expected.b));
	assert_int_equal(ntohs(key->port[end]), port);
}

/* A packet of POD to PEER is one entry, with these ports, counted with all bytes from the IP header. */
static void assert_recorded(struct pn_tracer *t, struct packet *p, uint8_t proto,
			    unsigned int sport, unsigned int dport)
{
	bool v4 = p->family == AF_INET;
	struct flow f;

	send_packet(t, PN_HOOK_INGRESS, p);
	f = only_flow(t);
	assert_int_equal(f.key.proto, proto);
	assert_end(&f.key, 0, v4 ? POD : POD6, sport);
	assert_end(&f.key, 1, v4 ? PEER : PEER6, dport);
	assert_int_equal(f.value.dir[0].sent_packets, 1);
	assert_int_equal(f.value.dir[0].sent_bytes, p->len - p->ip_at);
	assert_int_equal(f.value.dir[0].delivered_packets, 0);
	assert_int_equal(f.value.dir[1].sent_packets, 0);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 1);
}

static void assert_malformed(struct pn_tracer *t, struct packet *p)
{
	uint64_t before = ledger(t, PN_STAT_MALFORMED);

	send_packet(t, PN_HOOK_INGRESS, p);
	assert_int_equal(ledger(t, PN_STAT_MALFORMED), before + 1);
	assert_int_equal(count_flows(t), 0);
}

static void make_udp(struct packet *p, const char *src, unsigned int sport, const char *dst,
		     unsigned int dport, size_t payload_len)
{
	put_ethernet(p);
	put_ipv4(p, src, dst, 0);
	put_udp(p, sport, dport);
	packet_end(p, payload_len);
}

static void make_tcp(struct packet *p, const char *src, unsigned int sport, const char *dst,
		     unsigned int dport, uint8_t flags)
{
	put_ethernet(p);
	put_ipv4(p, src, dst, 0);
	put_tcp(p, sport, dport, flags);
	packet_end(p, 0);
}

static void udp_over_ipv4_is_recorded(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	make_udp(&p, POD, 4000, PEER, 53, 32);
	assert_recorded(t, &p, IPPROTO_UDP, 4000, 53);
}

static void ethernet_padding_is_not_counted(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	make_udp(&p, POD, 4000, PEER, 53, 1);
	(void)put(&p, 17);
	send_packet(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(only_flow(t).value.dir[0].sent_bytes, 29);
}

static void ipv4_options_are_skipped(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 40);
	put_tcp(&p, 4000, 80, ACK);
	packet_end(&p, 5);
	assert_recorded(t, &p, IPPROTO_TCP, 4000, 80);
}

static void udp_over_ipv6_is_recorded(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv6(&p, POD6, PEER6);
	put_udp(&p, 4000, 53);
	packet_end(&p, 7);
	assert_recorded(t, &p, IPPROTO_UDP, 4000, 53);
}

static void ipv6_extension_headers_are_skipped(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv6(&p, POD6, PEER6);
	put_extension(&p, IPPROTO_HOPOPTS, 8);
	put_extension(&p, IPPROTO_DSTOPTS, 264);
	put_extension(&p, IPPROTO_ROUTING, 24);
	put_ipv6_fragment(&p, 0, false);
	put_extension(&p, IPPROTO_AH, 24);
	put_extension(&p, IPPROTO_DSTOPTS, 16);
	put_tcp(&p, 4000, 80, ACK);
	packet_end(&p, 3);
	assert_recorded(t, &p, IPPROTO_TCP, 4000, 80);
}

static void endless_ipv6_extensions_are_recorded_without_ports(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv6(&p, POD6, PEER6);
	for (int i = 0; i < 30; i++)
		put_extension(&p, IPPROTO_DSTOPTS, 8);
	put_udp(&p, 4000, 53);
	packet_end(&p, 0);
	assert_recorded(t, &p, IPPROTO_DSTOPTS, 0, 0);
}

static void vlan_tags_are_skipped(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_vlan(&p, 0x8100, 5);
	put_ipv4(&p, POD, PEER, 0);
	put_udp(&p, 4000, 53);
	packet_end(&p, 0);
	assert_recorded(t, &p, IPPROTO_UDP, 4000, 53);
}

static void double_vlan_tags_are_skipped(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_vlan(&p, 0x88a8, 7);
	put_vlan(&p, 0x8100, 5);
	put_ipv6(&p, POD6, PEER6);
	put_udp(&p, 4000, 53);
	packet_end(&p, 0);
	assert_recorded(t, &p, IPPROTO_UDP, 4000, 53);
}

static void sctp_has_ports(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	(void)put_ports(&p, IPPROTO_SCTP, 12, 4000, 3868);
	packet_end(&p, 20);
	assert_recorded(t, &p, IPPROTO_SCTP, 4000, 3868);
}

static void other_protocols_have_no_ports(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	(void)put_transport(&p, IPPROTO_GRE, 4);
	packet_end(&p, 20);
	assert_recorded(t, &p, IPPROTO_GRE, 0, 0);
}

static void fragments_after_the_first_have_no_ports(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	put_ipv4_fragment(&p, 1480, false);
	p.b[p.type_at] = IPPROTO_UDP;
	packet_end(&p, 3);
	assert_recorded(t, &p, IPPROTO_UDP, 0, 0);
	assert_true(only_flow(t).value.state & PN_FLOW_FRAGMENT);
}

static void ipv6_fragments_after_the_first_have_no_ports(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv6(&p, POD6, PEER6);
	put_ipv6_fragment(&p, 1232, true);
	p.b[p.type_at] = IPPROTO_TCP;
	packet_end(&p, 8);
	assert_recorded(t, &p, IPPROTO_TCP, 0, 0);
	assert_true(only_flow(t).value.state & PN_FLOW_FRAGMENT);
}

/* The UDP length in a first fragment is that of the whole datagram. */
static void first_fragments_have_ports(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	put_ipv4_fragment(&p, 0, true);
	put_udp(&p, 4000, 53);
	packet_end(&p, 1000);
	put16(p.b + p.udp_at + 4, 9000);
	assert_recorded(t, &p, IPPROTO_UDP, 4000, 53);
	assert_false(only_flow(t).value.state & PN_FLOW_FRAGMENT);
}

static void icmp_echo_and_reply_are_one_flow(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	put_icmp(&p, IPPROTO_ICMP, 8, 0, 0x1234);
	packet_end(&p, 56);
	assert_recorded(t, &p, IPPROTO_ICMP, 0x1234, 0x1234);

	put_ethernet(&p);
	put_ipv4(&p, PEER, POD, 0);
	put_icmp(&p, IPPROTO_ICMP, 0, 0, 0x1234);
	packet_end(&p, 56);
	send_packet(t, PN_HOOK_EGRESS, &p);
	f = only_flow(t);
	assert_int_equal(f.value.dir[1].delivered_packets, 1);
	assert_int_equal(f.value.initiator, 0);
}

static void icmpv6_echo_is_keyed_by_its_identifier(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv6(&p, POD6, PEER6);
	put_icmp(&p, IPPROTO_ICMPV6, 128, 0, 0x4321);
	packet_end(&p, 8);
	assert_recorded(t, &p, IPPROTO_ICMPV6, 0x4321, 0x4321);
}

static void icmp_errors_are_keyed_by_type_and_code(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	put_icmp(&p, IPPROTO_ICMP, 3, 4, 0);
	packet_end(&p, 28);
	assert_recorded(t, &p, IPPROTO_ICMP, 0x0304, 0);
}

static void both_directions_are_one_flow(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_udp(&p, PEER, 53, POD, 4000, 100);
	send_packet(t, PN_HOOK_EGRESS, &p);
	send_packet(t, PN_HOOK_EGRESS, &p);
	make_udp(&p, POD, 4000, PEER, 53, 10);
	send_packet(t, PN_HOOK_INGRESS, &p);

	f = only_flow(t);
	assert_int_equal(f.value.dir[1].delivered_packets, 2);
	assert_int_equal(f.value.dir[1].delivered_bytes, 256);
	assert_int_equal(f.value.dir[0].sent_packets, 1);
	assert_int_equal(f.value.dir[0].sent_bytes, 38);
	assert_int_equal(f.value.initiator, 1);
	assert_false(f.value.state & PN_FLOW_INITIATOR);
	assert_true(f.value.start_ns > 0 && f.value.last_ns >= f.value.start_ns);
	assert_true(f.value.ifindex > 0);
}

/* Sorting is by address as bytes, and by port where the addresses are equal. */
static void ends_are_sorted_as_bytes(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_udp(&p, "10.0.0.200", 9, "10.0.1.1", 8, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	f = only_flow(t);
	assert_end(&f.key, 0, "10.0.0.200", 9);
	assert_int_equal(pn_tracer_remove(t, &f.key, &f.value), 0);

	make_udp(&p, POD, 0x0200, POD, 0x01ff, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	f = only_flow(t);
	assert_end(&f.key, 0, POD, 0x01ff);
	assert_int_equal(f.value.dir[1].sent_packets, 1);
}

static void syn_names_the_initiator(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_tcp(&p, PEER, 50000, POD, 80, SYN);
	send_packet(t, PN_HOOK_EGRESS, &p);
	make_tcp(&p, POD, 80, PEER, 50000, SYN | ACK);
	send_packet(t, PN_HOOK_INGRESS, &p);
	make_tcp(&p, PEER, 50000, POD, 80, FIN | ACK);
	send_packet(t, PN_HOOK_EGRESS, &p);
	f = only_flow(t);
	assert_int_equal(f.value.initiator, 1);
	assert_true(f.value.state & PN_FLOW_INITIATOR);
	assert_int_equal(f.value.tcp_flags[1], SYN | FIN | ACK);
	assert_int_equal(f.value.tcp_flags[0], SYN | ACK);
}

static void syn_ack_corrects_the_first_guess(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_tcp(&p, POD, 80, PEER, 50000, ACK);
	send_packet(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(only_flow(t).value.initiator, 0);
	make_tcp(&p, POD, 80, PEER, 50000, SYN | ACK);
	send_packet(t, PN_HOOK_INGRESS, &p);
	f = only_flow(t);
	assert_int_equal(f.value.initiator, 1);
	assert_true(f.value.state & PN_FLOW_INITIATOR);
}

static void gso_counts_segments_and_their_headers(void **state)
{
	const struct __sk_buff ctx = { .gso_segs = 3, .gso_size = 500 };
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	put_tcp(&p, 4000, 80, ACK);
	packet_end(&p, 1400);
	send_gso(t, PN_HOOK_INGRESS, &p, &ctx);
	f = only_flow(t);
	assert_int_equal(f.value.dir[0].sent_packets, 3);
	assert_int_equal(f.value.dir[0].sent_bytes, 1400 + 3 * 40);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 3);
}

static void gso_without_a_count_is_reckoned_from_its_length(void **state)
{
	const struct __sk_buff ctx = { .gso_size = 500 };
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	put_tcp(&p, 4000, 80, ACK);
	packet_end(&p, 1400);
	send_gso(t, PN_HOOK_INGRESS, &p, &ctx);
	assert_int_equal(only_flow(t).value.dir[0].sent_packets, 3);
}

static void big_tcp_is_counted_with_all_its_bytes(void **state)
{
	const struct __sk_buff ctx = { .gso_segs = 2, .gso_size = 700 };
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	put_tcp(&p, 4000, 80, ACK);
	packet_end(&p, 1400);
	put16(p.b + p.ip_at + 2, 0);
	send_gso(t, PN_HOOK_INGRESS, &p, &ctx);
	assert_int_equal(only_flow(t).value.dir[0].sent_bytes, 1400 + 2 * 40);
}

static void arp_and_others_are_not_ip(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ethertype(&p, 0x0806);
	(void)put(&p, 28);
	send_packet(t, PN_HOOK_INGRESS, &p);
	put_ethernet(&p);
	put_vlan(&p, 0x8100, 1);
	put_vlan(&p, 0x8100, 2);
	put_vlan(&p, 0x8100, 3);
	put_ipv4(&p, POD, PEER, 0);
	packet_end(&p, 0);
	send_packet(t, PN_HOOK_EGRESS, &p);
	assert_int_equal(ledger(t, PN_STAT_NOT_IP), 2);
	assert_int_equal(count_flows(t), 0);
}

static void assert_cut_at_every_byte_is_malformed(struct pn_tracer *t, const struct packet *whole)
{
	/*
	 * Test-run takes no frame without a byte behind the Ethernet header, and none with an IP
	 * header cut short that follows it directly; so the packets have a VLAN tag.
	 */
	for (size_t len = 15; len < whole->len; len++) {
		struct packet p = *whole;

		p.len = len;
		assert_malformed(t, &p);
	}
}

static void a_packet_cut_anywhere_is_malformed(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_vlan(&p, 0x88a8, 1);
	put_vlan(&p, 0x8100, 1);
	put_ipv4(&p, POD, PEER, 8);
	put_tcp(&p, 1, 2, ACK);
	packet_end(&p, 4);
	assert_cut_at_every_byte_is_malformed(t, &p);

	put_ethernet(&p);
	put_vlan(&p, 0x8100, 1);
	put_ipv6(&p, POD6, PEER6);
	put_extension(&p, IPPROTO_DSTOPTS, 16);
	put_ipv6_fragment(&p, 0, true);
	put_udp(&p, 1, 2);
	packet_end(&p, 4);
	assert_cut_at_every_byte_is_malformed(t, &p);
}

/* Here the IP length is right for what is left, and the transport header has no room in it. */
static void a_transport_header_cut_short_is_malformed(void **state)
{
	static const struct {
		uint8_t proto;
		size_t header_len;
	} kinds[] = { { IPPROTO_TCP, 20 },
		      { IPPROTO_UDP, 8 },
		      { IPPROTO_SCTP, 12 },
		      { IPPROTO_ICMP, 8 },
		      { IPPROTO_ICMPV6, 8 } };
	struct pn_tracer *t = tracer_of(state);

	for (size_t k = 0; k < PN_ARRAY_SIZE(kinds); k++) {
		for (size_t len = 0; len < kinds[k].header_len; len++) {
			struct packet p;

			put_ethernet(&p);
			put_ipv4(&p, POD, PEER, 0);
			(void)put_transport(&p, kinds[k].proto, len);
			packet_end(&p, 0);
			(void)put(&p, 40); /* padding must not be taken for it */
			assert_malformed(t, &p);
		}
	}
}

static void lengths_that_contradict_are_malformed(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet good, p;

	make_udp(&good, POD, 1, PEER, 2, 4);
	p = good;
	p.b[p.ip_at] = 0x44; /* header shorter than the shortest */
	assert_malformed(t, &p);
	p = good;
	p.b[p.ip_at] = 0x4f; /* header longer than the packet */
	assert_malformed(t, &p);
	p = good;
	p.b[p.ip_at] = 0x65; /* version 6 in a packet said to be version 4 */
	assert_malformed(t, &p);
	p = good;
	put16(p.b + p.ip_at + 2, (unsigned int)(p.len - p.ip_at + 1));
	assert_malformed(t, &p);
	p = good;
	put16(p.b + p.ip_at + 2, 19);
	assert_malformed(t, &p);
	p = good;
	put16(p.b + p.udp_at + 4, 13);
	assert_malformed(t, &p);
	p = good;
	put16(p.b + p.udp_at + 4, 7);
	assert_malformed(t, &p);

	make_tcp(&good, POD, 1, PEER, 2, ACK);
	p = good;
	p.b[p.len - 8] = 0x40; /* header shorter than the shortest */
	assert_malformed(t, &p);
	p = good;
	p.b[p.len - 8] = 0x60; /* options that are not there */
	assert_malformed(t, &p);
}

static void a_full_table_is_counted(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_udp(&p, POD, 1, PEER, 2, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	make_udp(&p, POD, 3, PEER, 4, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	send_packet(t, PN_HOOK_EGRESS, &p);
	assert_int_equal(ledger(t, PN_STAT_TABLE_FULL), 2);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 1);

	f = only_flow(t);
	assert_int_equal(pn_tracer_remove(t, &f.key, &f.value), 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(ledger(t, PN_STAT_TABLE_FULL), 2);
	assert_int_equal(count_flows(t), 1);
}

static void remove_returns_the_last_state_once(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f, again;

	make_udp(&p, POD, 1, PEER, 2, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	f = only_flow(t);
	memset(&again, 0, sizeof(again));
	assert_int_equal(pn_tracer_remove(t, &f.key, &again.value), 0);
	assert_memory_equal(&f.value, &again.value, sizeof(f.value));
	assert_int_equal(pn_tracer_remove(t, &f.key, &again.value), -ENOENT);
	assert_int_equal(count_flows(t), 0);
}

static void owners_are_stamped_when_a_flow_begins(void **state)
{
	struct pn_ip_value owner = { .owner = 7 };
	struct pn_tracer *t = NULL;
	struct pn_addr addr;
	struct packet p;
	int fd;

	if (geteuid() != 0)
		skip();
	(void)state;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "ip", sizeof(struct pn_ip_key), sizeof(owner), 8,
			    NULL);
	assert_true(fd >= 0);
	assert_int_equal(pn_addr_parse(PEER, &addr), 0);
	assert_int_equal(bpf_map_update_elem(fd, &addr, &owner, BPF_ANY), 0);
	assert_int_equal(
		pn_tracer_new(&(struct pn_tracer_config) { .ip_map_fd = fd, .max_flows = 8 }, &t,
			      NULL),
		0);

	make_udp(&p, POD, 1, PEER, 2, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	owner.owner = 8;
	assert_int_equal(bpf_map_update_elem(fd, &addr, &owner, BPF_ANY), 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(only_flow(t).value.owner[0], 0);
	assert_int_equal(only_flow(t).value.owner[1], 7);
	pn_tracer_free(t);
	(void)close(fd);
}

static void a_map_of_another_layout_is_refused(void **state)
{
	struct pn_tracer *t = NULL;
	struct pn_err err;
	int fd;

	if (geteuid() != 0)
		skip();
	(void)state;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "ip", 4, 4, 8, NULL);
	assert_true(fd >= 0);
	assert_int_equal(
		pn_tracer_new(&(struct pn_tracer_config) { .ip_map_fd = fd, .max_flows = 8 }, &t,
			      &err),
		-EPROTO);
	assert_non_null(strstr(err.text, "layout"));
	assert_null(t);
	(void)close(fd);
}

/* Whatever a bit flip does to a packet, it ends in exactly one cell of the ledger. */
static void random_mutations_keep_the_ledger_closed(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet seeds[3];
	unsigned int seed = 20240229;
	uint64_t recorded;

	put_ethernet(&seeds[0]);
	put_vlan(&seeds[0], 0x8100, 5);
	put_ipv4(&seeds[0], POD, PEER, 12);
	put_tcp(&seeds[0], 4000, 80, SYN);
	packet_end(&seeds[0], 30);
	put_ethernet(&seeds[1]);
	put_ipv6(&seeds[1], POD6, PEER6);
	put_extension(&seeds[1], IPPROTO_HOPOPTS, 16);
	put_ipv6_fragment(&seeds[1], 0, false);
	put_udp(&seeds[1], 4000, 53);
	packet_end(&seeds[1], 30);
	put_ethernet(&seeds[2]);
	put_ipv4(&seeds[2], POD, PEER, 0);
	put_icmp(&seeds[2], IPPROTO_ICMP, 3, 1, 0);
	packet_end(&seeds[2], 30);

	for (int i = 0; i < 2000; i++) {
		struct packet p = seeds[i % 3];

		for (int n = 1 + rand_r(&seed) % 4; n > 0; n--)
			p.b[12 + (size_t)rand_r(&seed) % (p.len - 12)] = (uint8_t)rand_r(&seed);
		send_packet(t, i % 2 ? PN_HOOK_INGRESS : PN_HOOK_EGRESS, &p);
	}
	assert_int_equal(ledger(t, PN_STAT_SEEN), 2000);
	recorded = ledger(t, PN_STAT_RECORDED);
	assert_true(recorded > 0 && recorded < 2000);
	assert_int_equal(ledger(t, PN_STAT_TABLE_FULL), 0);
}

struct sums {
	uint64_t packets, bytes;
	size_t n;
};

static void add_up(void *data, const struct pn_flow_key *key, const struct pn_flow_value *value)
{
	struct sums *s = data;

	(void)key;
	for (int d = 0; d < 2; d++) {
		s->packets += value->dir[d].sent_packets;
		s->bytes += value->dir[d].sent_bytes;
	}
	s->n++;
}

struct hammer {
	struct pn_tracer *t;
	int cpu, n_ports, repeat;
	bool turned; /* the other direction */
	bool failed;
};

static void *hammer(void *data)
{
	struct hammer *h = data;
	cpu_set_t set;
	struct packet p;

	CPU_ZERO(&set);
	CPU_SET(h->cpu, &set);
	h->failed = sched_setaffinity(0, sizeof(set), &set) < 0;
	for (int port = 1; port <= h->n_ports; port++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p.b, .repeat = h->repeat);

		if (h->turned)
			make_udp(&p, PEER, 53, POD, (unsigned int)port, 10);
		else
			make_udp(&p, POD, (unsigned int)port, PEER, 53, 10);
		opts.data_size_in = (uint32_t)p.len;
		if (bpf_prog_test_run_opts(pn_tracer_prog_fd(h->t, PN_HOOK_INGRESS), &opts) < 0)
			h->failed = true;
	}
	return NULL;
}

static struct sums hammer_from_two_cpus(struct pn_tracer *t, int n_ports, int repeat)
{
	struct hammer h[2] = {
		{ .t = t, .cpu = 0, .n_ports = n_ports, .repeat = repeat },
		{ .t = t, .cpu = 1, .n_ports = n_ports, .repeat = repeat, .turned = true }
	};
	struct sums sums = {};
	pthread_t threads[2];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("needs two CPUs\n");
		skip();
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &h[i]), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_false(h[i].failed);
	}
	assert_int_equal(pn_tracer_drain(t, add_up, &sums), 0);
	return sums;
}

static void two_cpus_in_one_flow_lose_nothing(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct sums sums = hammer_from_two_cpus(t, 1, 500000);

	assert_int_equal(sums.n, 1);
	assert_int_equal(sums.packets, 1000000);
	assert_int_equal(sums.bytes, 38000000);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 1000000);
}

static void two_cpus_that_make_the_same_flows_lose_nothing(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct sums sums = hammer_from_two_cpus(t, 20000, 1);

	assert_int_equal(sums.n, 20000);
	assert_int_equal(sums.packets, 40000);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 40000);
}

struct ids {
	uint64_t id[20000];
	size_t n;
};

static void collect_id(void *data, const struct pn_flow_key *key, const struct pn_flow_value *value)
{
	struct ids *ids = data;

	(void)key;
	if (ids->n < PN_ARRAY_SIZE(ids->id))
		ids->id[ids->n++] = value->id;
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void ids_are_unique(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	static struct ids ids;

	(void)hammer_from_two_cpus(t, 20000, 1);
	assert_int_equal(pn_tracer_drain(t, collect_id, &ids), 0);
	assert_int_equal(ids.n, 20000);
	qsort(ids.id, ids.n, sizeof(ids.id[0]), compare_ids);
	assert_true(ids.id[0] > 0);
	for (size_t i = 1; i < ids.n; i++)
		assert_true(ids.id[i - 1] < ids.id[i]);
}

static void features_name_what_runs_and_why_not_better(void **state)
{
	const struct pn_tracer_config config = {
		.ip_map_fd = -1, .max_flows = 8, .force_clsact = true, .no_nat = true
	};
	const struct pn_feature *f;
	struct pn_tracer *t = NULL;

	if (geteuid() != 0)
		skip();
	(void)state;
	assert_int_equal(pn_tracer_new(&config, &t, NULL), 0);
	assert_int_equal(pn_tracer_features(t, &f), 4);
	assert_string_equal(f[0].name, "hook");
	assert_string_equal(f[0].state, "clsact");
	assert_string_equal(f[0].reason, "switched off");
	assert_string_equal(f[1].name, "nat");
	assert_string_equal(f[1].state, "off");
	assert_string_equal(f[1].reason, "switched off");
	assert_string_equal(f[2].name, "cgroup");
	assert_string_equal(f[2].state, "off");
	assert_non_null(strstr(f[2].reason, "no cgroup v2 hierarchy"));
	assert_string_equal(f[3].name, "host");
	assert_string_equal(f[3].state, "off");
	assert_non_null(strstr(f[3].reason, "no cgroup v2 hierarchy"));
	pn_tracer_free(t);
}

static void a_table_without_room_is_refused(void **state)
{
	const struct pn_tracer_config config = { .ip_map_fd = -1 };
	struct pn_tracer *t = NULL;
	struct pn_err err;

	(void)state;
	assert_int_equal(pn_tracer_new(&config, &t, &err), -EINVAL);
	assert_null(t);
}

#define ON_TRACER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TRACER(udp_over_ipv4_is_recorded),
		ON_TRACER(ethernet_padding_is_not_counted),
		ON_TRACER(ipv4_options_are_skipped),
		ON_TRACER(udp_over_ipv6_is_recorded),
		ON_TRACER(ipv6_extension_headers_are_skipped),
		ON_TRACER(endless_ipv6_extensions_are_recorded_without_ports),
		ON_TRACER(vlan_tags_are_skipped),
		ON_TRACER(double_vlan_tags_are_skipped),
		ON_TRACER(sctp_has_ports),
		ON_TRACER(other_protocols_have_no_ports),
		ON_TRACER(fragments_after_the_first_have_no_ports),
		ON_TRACER(ipv6_fragments_after_the_first_have_no_ports),
		ON_TRACER(first_fragments_have_ports),
		ON_TRACER(icmp_echo_and_reply_are_one_flow),
		ON_TRACER(icmpv6_echo_is_keyed_by_its_identifier),
		ON_TRACER(icmp_errors_are_keyed_by_type_and_code),
		ON_TRACER(both_directions_are_one_flow),
		ON_TRACER(ends_are_sorted_as_bytes),
		ON_TRACER(syn_names_the_initiator),
		ON_TRACER(syn_ack_corrects_the_first_guess),
		ON_TRACER(gso_counts_segments_and_their_headers),
		ON_TRACER(gso_without_a_count_is_reckoned_from_its_length),
		ON_TRACER(big_tcp_is_counted_with_all_its_bytes),
		ON_TRACER(arp_and_others_are_not_ip),
		ON_TRACER(a_packet_cut_anywhere_is_malformed),
		ON_TRACER(a_transport_header_cut_short_is_malformed),
		ON_TRACER(lengths_that_contradict_are_malformed),
		cmocka_unit_test_setup_teardown(a_full_table_is_counted, set_up_for_one_flow,
						tear_down),
		ON_TRACER(remove_returns_the_last_state_once),
		cmocka_unit_test(owners_are_stamped_when_a_flow_begins),
		cmocka_unit_test(a_map_of_another_layout_is_refused),
		ON_TRACER(random_mutations_keep_the_ledger_closed),
		ON_TRACER(two_cpus_in_one_flow_lose_nothing),
		ON_TRACER(two_cpus_that_make_the_same_flows_lose_nothing),
		ON_TRACER(ids_are_unique),
		cmocka_unit_test(features_name_what_runs_and_why_not_better),
		cmocka_unit_test(a_table_without_room_is_refused),
	};

	return cmocka_run_group_tests_name("tracer", tests, NULL, NULL);
}
