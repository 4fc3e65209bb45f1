/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow programs, given one packet after the other with BPF_PROG_TEST_RUN: what each sort of packet
 * becomes in the flow table and in the ledger. Nothing is attached; test_traffic does that with real
 * traffic, and test_tracer looks at the table as a whole.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tracer_fixture.h"

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
	assert_int_equal(only_flow(t).value.way_0.sent.bytes, 29);
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
	assert_int_equal(pn_flow_way(&f.value, 1)->delivered.packets, 1);
	assert_int_equal(pn_flow_opener(&f.value), 0);
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

static void assert_quote(const struct flow *f, uint8_t proto, const char *src, unsigned int sport,
			 const char *dst, unsigned int dport)
{
	struct pn_addr addr;

	assert_true(f->value.state & PN_FLOW_QUOTE);
	assert_int_equal(f->value.quoted_proto, proto);
	assert_int_equal(pn_addr_parse(src, &addr), 0);
	assert_memory_equal(f->value.nat.addr[0], addr.b, sizeof(addr.b));
	assert_int_equal(pn_addr_parse(dst, &addr), 0);
	assert_memory_equal(f->value.nat.addr[1], addr.b, sizeof(addr.b));
	assert_int_equal(ntohs(f->value.nat.port[0]), sport);
	assert_int_equal(ntohs(f->value.nat.port[1]), dport);
}

/* A prohibition that quotes so much of a packet. */
static void make_icmp_error(struct packet *p, const struct packet *quoted, size_t len)
{
	put_ethernet(p);
	put_ipv4(p, POD, PEER, 0);
	put_icmp(p, IPPROTO_ICMP, 3, 13, 0);
	memcpy(put(p, len), quoted->b + quoted->ip_at, len);
	packet_end(p, 0);
}

/* The quoted packet is cut behind the eight bytes that RFC 792 asks for. */
static void icmp_errors_say_what_they_are_about(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p, quoted;
	struct flow f;

	make_tcp(&quoted, PEER, 50000, POD, 80, SYN);
	make_icmp_error(&p, &quoted, 28);
	assert_recorded(t, &p, IPPROTO_ICMP, 0x030d, 0);
	f = only_flow(t);
	assert_quote(&f, IPPROTO_TCP, PEER, 50000, POD, 80);

	make_udp(&quoted, PEER, 53, POD, 4000, 0);
	memcpy(p.b + p.len - 28, quoted.b + 14, 28);
	send_packet(t, PN_HOOK_INGRESS, &p);
	f = only_flow(t);
	assert_quote(&f, IPPROTO_UDP, PEER, 53, POD, 4000);
}

static void icmpv6_errors_quote_behind_extensions(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p, quoted;
	struct flow f;

	put_ethernet(&quoted);
	put_ipv6(&quoted, PEER6, POD6);
	put_extension(&quoted, IPPROTO_DSTOPTS, 8);
	put_udp(&quoted, 4000, 53);
	packet_end(&quoted, 100);
	put_ethernet(&p);
	put_ipv6(&p, POD6, PEER6);
	put_icmp(&p, IPPROTO_ICMPV6, 1, 4, 0);
	memcpy(put(&p, quoted.len - 14), quoted.b + 14, quoted.len - 14);
	packet_end(&p, 0);
	assert_recorded(t, &p, IPPROTO_ICMPV6, 0x0104, 0);
	f = only_flow(t);
	assert_quote(&f, IPPROTO_UDP, PEER6, 4000, POD6, 53);
}

/* No more than the outer packet says it holds. */
static void a_quote_cut_short_is_none(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p, quoted;
	struct flow f;

	make_tcp(&quoted, PEER, 50000, POD, 80, SYN);
	make_icmp_error(&p, &quoted, 19);
	memcpy(put(&p, 20), quoted.b + 33, 20);
	send_packet(t, PN_HOOK_INGRESS, &p);
	f = only_flow(t);
	assert_false(f.value.state & PN_FLOW_QUOTE);
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
	assert_int_equal(pn_flow_way(&f.value, 1)->delivered.packets, 2);
	assert_int_equal(pn_flow_way(&f.value, 1)->delivered.bytes, 256);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, 1);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.bytes, 38);
	assert_int_equal(pn_flow_opener(&f.value), 1);
	assert_false(f.value.state & PN_FLOW_INITIATOR);
}

/* A packet notes the tick; that is the time of the tick's beginning, and never before the first one. */
static void the_last_packet_has_a_time(void **state)
{
	struct pn_tracer *t = *state;
	pn_nsec before = pn_clock_now(&pn_clock_system), last;
	struct pn_ticks ticks;
	struct packet p;
	struct flow f;

	make_udp(&p, POD, 4000, PEER, 53, 10);
	send_packet(t, PN_HOOK_INGRESS, &p);
	f = only_flow(t);
	assert_int_equal(pn_tracer_ticks(t, &ticks), 0);
	last = PN_MAX(pn_ticks_time(&ticks, f.value.tick), (pn_nsec)f.value.start_us * 1000);
	assert_true(f.value.start_us > 0 && last / 1000 >= f.value.start_us);
	assert_true(last + 2 * ticks.len >= before);
	assert_true(last <= pn_clock_now(&pn_clock_system));
}

struct clock_reader {
	const struct pn_tracer *t;
	_Atomic(bool) is_over;
	_Atomic(unsigned int) n;
};

static void *read_ticks(void *data)
{
	struct clock_reader *c = data;
	struct pn_ticks ticks;

	for (; !c->is_over; c->n++)
		(void)pn_tracer_ticks(c->t, &ticks);
	return NULL;
}

/* The control thread asks for the ledger while the flow thread looks into the same cells. */
static void the_ledger_closes_while_another_thread_reads_the_ticks(void **state)
{
	struct pn_tracer *t = *state;
	struct clock_reader c = { .t = t };
	pthread_t thread;
	struct packet p;
	uint64_t n;

	make_udp(&p, POD, 4000, PEER, 53, 10);
	send_packet(t, PN_HOOK_INGRESS, &p);
	n = ledger(t, PN_STAT_SEEN);
	assert_true(n > 0);
	assert_int_equal(pthread_create(&thread, NULL, read_ticks, &c), 0);
	for (int i = 0; i < 50000 || c.n < 1000; i++)
		assert_int_equal(ledger(t, PN_STAT_SEEN), n);
	c.is_over = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
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
	assert_int_equal(pn_flow_way(&f.value, 1)->sent.packets, 1);
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
	assert_int_equal(pn_flow_opener(&f.value), 1);
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
	f = only_flow(t);
	assert_int_equal(pn_flow_opener(&f.value), 0);
	make_tcp(&p, POD, 80, PEER, 50000, SYN | ACK);
	send_packet(t, PN_HOOK_INGRESS, &p);
	f = only_flow(t);
	assert_int_equal(pn_flow_opener(&f.value), 1);
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
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, 3);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.bytes, 1400 + 3 * 40);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 3);
}

static void gso_without_a_count_is_reckoned_from_its_payload(void **state)
{
	const struct __sk_buff ctx = { .gso_size = 500 };
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	put_tcp(&p, 4000, 80, ACK);
	packet_end(&p, 1480); /* with its headers more than three times 500 */
	send_gso(t, PN_HOOK_INGRESS, &p, &ctx);
	assert_int_equal(only_flow(t).value.way_0.sent.packets, 3);
}

/* The IP header says less than the frame holds: nothing is left to cut. */
static void gso_without_payload_is_one_packet(void **state)
{
	const struct __sk_buff ctx = { .gso_size = 500 };
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	put_ethernet(&p);
	put_ipv4(&p, POD, PEER, 0);
	put_tcp(&p, 4000, 80, ACK);
	packet_end(&p, 0);
	(void)put(&p, 1000);
	send_gso(t, PN_HOOK_INGRESS, &p, &ctx);
	f = only_flow(t);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, 1);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.bytes, 40);
	assert_int_equal(ledger(t, PN_STAT_SEEN), 1);
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
	assert_int_equal(only_flow(t).value.way_0.sent.bytes, 1400 + 2 * 40);
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
		ON_TRACER(icmp_errors_say_what_they_are_about),
		ON_TRACER(icmpv6_errors_quote_behind_extensions),
		ON_TRACER(a_quote_cut_short_is_none),
		ON_TRACER(both_directions_are_one_flow),
		ON_TRACER(the_last_packet_has_a_time),
		ON_TRACER(the_ledger_closes_while_another_thread_reads_the_ticks),
		ON_TRACER(ends_are_sorted_as_bytes),
		ON_TRACER(syn_names_the_initiator),
		ON_TRACER(syn_ack_corrects_the_first_guess),
		ON_TRACER(gso_counts_segments_and_their_headers),
		ON_TRACER(gso_without_a_count_is_reckoned_from_its_payload),
		ON_TRACER(gso_without_payload_is_one_packet),
		ON_TRACER(big_tcp_is_counted_with_all_its_bytes),
		ON_TRACER(arp_and_others_are_not_ip),
		ON_TRACER(a_packet_cut_anywhere_is_malformed),
		ON_TRACER(a_transport_header_cut_short_is_malformed),
		ON_TRACER(lengths_that_contradict_are_malformed),
	};

	return cmocka_run_group_tests_name("packets", tests, NULL, free_shared);
}
