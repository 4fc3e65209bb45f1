/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of kinds, and those that are about what stands below and around IP: tags, options,
 * extension headers, tunnels, protocols without ports, padding, and frames that are not IP at all.
 */
#include "tests/tools/packet_kinds_private.h"

#include "base/util.h"

void packet_begin(const struct packet_sender *s, struct packet *p)
{
	put_ethernet(p);
	(void)memcpy(p->b, s->ends.dst_mac, 6);
	(void)memcpy(p->b + 6, s->ends.src_mac, 6);
}

void packet_put_ip(struct packet_sender *s, struct packet *p, int family, size_t options_len)
{
	if (family == PACKET_V6) {
		put_ipv6(p, s->ends.src[family], s->ends.dst[family]);
		return;
	}
	put_ipv4(p, s->ends.src[family], s->ends.dst[family], options_len);
	put16(p->b + p->ip_at + 4, s->id++);
}

void packet_begin_ip(struct packet_sender *s, struct packet *p, int family)
{
	packet_begin(s, p);
	packet_put_ip(s, p, family, 0);
}

void packet_finish(const struct packet_sender *s, struct packet *p, size_t payload_len)
{
	packet_end(p, payload_len);
	if (p->ip_at)
		packet_seal(p->b, p->len, p->ip_at);
	s->send(s->data, p, NULL);
}

static void send_ipv4_options(struct packet_sender *s)
{
	for (size_t len = 4; len <= 40; len += 4) {
		struct packet p;

		packet_begin(s, &p);
		packet_put_ip(s, &p, PACKET_V4, len);
		put_udp(&p, s->port++, PACKET_DPORT);
		packet_finish(s, &p, 9);
		packet_begin(s, &p);
		packet_put_ip(s, &p, PACKET_V4, len);
		put_tcp(&p, s->port++, PACKET_DPORT, 0x10);
		packet_finish(s, &p, 9);
	}
}

/* @n extension headers of @kinds, then a transport header. */
static void send_extensions(struct packet_sender *s, const uint8_t *kinds, size_t n, uint8_t proto)
{
	struct packet p;

	packet_begin_ip(s, &p, PACKET_V6);
	for (size_t i = 0; i < n; i++) {
		if (kinds[i] == IPPROTO_FRAGMENT)
			put_ipv6_fragment(&p, 0, false);
		else
			put_extension(&p, kinds[i], kinds[i] == IPPROTO_AH ? 24 : 8);
	}
	if (proto == IPPROTO_TCP)
		put_tcp(&p, s->port++, PACKET_DPORT, 0x18);
	else if (proto == IPPROTO_UDP)
		put_udp(&p, s->port++, PACKET_DPORT);
	else if (proto == IPPROTO_ICMPV6)
		put_icmp(&p, proto, 128, 0, s->port++);
	else
		(void)put_transport(&p, proto, 0);
	packet_finish(s, &p, 11);
}

static void send_ipv6_extensions(struct packet_sender *s)
{
	static const uint8_t kinds[] = { IPPROTO_HOPOPTS,  IPPROTO_DSTOPTS, IPPROTO_ROUTING,
					 IPPROTO_FRAGMENT, IPPROTO_AH,	    IPPROTO_DSTOPTS };
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_NONE };
	static const uint8_t many[12] = {
		IPPROTO_HOPOPTS, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60
	};

	for (size_t k = 0; k < PN_ARRAY_SIZE(protos); k++) {
		for (size_t i = 0; i < PN_ARRAY_SIZE(kinds) - 1; i++)
			send_extensions(s, &kinds[i], 1, protos[k]);
		for (size_t n = 2; n <= PN_ARRAY_SIZE(kinds); n++)
			send_extensions(s, kinds, n, protos[k]);
		for (size_t n = 7; n <= PN_ARRAY_SIZE(many); n++)
			send_extensions(s, many, n, protos[k]);
	}
}

/* Longer extension headers, and what looks like one and is a protocol. */
static void send_long_extensions(struct packet_sender *s)
{
	static const uint8_t protocols[] = { 135, 139, 140, 253, 254 };
	struct packet p;

	for (size_t len = 8; len <= 256; len *= 2) {
		packet_begin_ip(s, &p, PACKET_V6);
		put_extension(&p, IPPROTO_DSTOPTS, len);
		put_udp(&p, s->port++, PACKET_DPORT);
		packet_finish(s, &p, 3);
	}
	for (size_t i = 0; i < PN_ARRAY_SIZE(protocols); i++) {
		packet_begin_ip(s, &p, PACKET_V6);
		put_extension(&p, protocols[i], 8);
		put_udp(&p, s->port++, PACKET_DPORT);
		packet_finish(s, &p, 3);
	}
}

/* Up to two tags, the first of which the receiving side takes out of the frame; id 0 is only a priority. */
static void send_tagged(struct packet_sender *s)
{
	static const unsigned int tpid[][2] = {
		{ 0x8100, 0 }, { 0x88a8, 0 }, { 0x88a8, 0x8100 }, { 0x8100, 0x8100 }, { 0x9100, 0 }
	};

	for (size_t i = 0; i < PN_ARRAY_SIZE(tpid) * 2 * PACKET_FAMILIES; i++) {
		const unsigned int *tags = tpid[i / 4];
		struct packet p;

		packet_begin(s, &p);
		put_vlan(&p, tags[0], i / 2 % 2 ? 0 : 5);
		if (tags[1])
			put_vlan(&p, tags[1], 7);
		packet_put_ip(s, &p, (int)(i % 2), 0);
		put_udp(&p, s->port++, PACKET_DPORT);
		packet_finish(s, &p, 13);
	}
}

static void send_other_protocols(struct packet_sender *s)
{
	static const uint8_t protos[] = { 2,   3,   8,	 27,  33,  46,	47,  50,  51,
					  89,  94,  97,	 98,  103, 108, 112, 115, 136,
					  137, 142, 143, 200, 253, 254, 255 };

	for (size_t i = 0; i < PN_ARRAY_SIZE(protos) * PACKET_FAMILIES; i++) {
		uint8_t proto = protos[i / PACKET_FAMILIES];
		int family = (int)(i % PACKET_FAMILIES);
		struct packet p;

		packet_begin_ip(s, &p, family);
		if (family == PACKET_V6 && proto == IPPROTO_AH)
			put_extension(&p, proto, 24);
		else
			(void)put_transport(&p, proto, 16);
		packet_finish(s, &p, 20);
	}
}

/* The inner packet: IP and TCP with ports that nothing else has. */
static void put_inner(struct packet_sender *s, struct packet *p, int family)
{
	struct packet inner;

	packet_begin_ip(s, &inner, family);
	put_tcp(&inner, 61000, 61001, 0x02);
	packet_end(&inner, 10);
	packet_seal(inner.b, inner.len, inner.ip_at);
	(void)memcpy(put(p, inner.len - inner.ip_at), inner.b + inner.ip_at,
		     inner.len - inner.ip_at);
}

static void put_ethernet_inside(struct packet *p, int family)
{
	uint8_t *at = put(p, 14);

	put16(at + 12, family == PACKET_V4 ? 0x0800 : 0x86dd);
}

static void put_udp_tunnel(struct packet_sender *s, struct packet *p, unsigned int port, int inner)
{
	uint8_t *at;

	put_udp(p, s->port++, port);
	at = put(p, 8);
	if (port == 4789)
		at[0] = 0x08; /* VXLAN: the number is valid */
	else
		put16(at + 2, 0x6558); /* Geneve: Ethernet inside */
	put_ethernet_inside(p, inner);
}

static void send_tunnel(struct packet_sender *s, int outer, int inner, unsigned int port)
{
	struct packet p;

	packet_begin_ip(s, &p, outer);
	if (port)
		put_udp_tunnel(s, &p, port, inner);
	else
		(void)put_transport(&p, inner == PACKET_V4 ? IPPROTO_IPIP : IPPROTO_IPV6, 0);
	put_inner(s, &p, inner);
	packet_finish(s, &p, 0);
}

/* A packet in a packet is one, the outer. */
static void send_tunnels(struct packet_sender *s)
{
	static const unsigned int ports[] = { 0, 4789, 6081 };

	for (size_t i = 0; i < PN_ARRAY_SIZE(ports); i++) {
		for (int n = 0; n < 4; n++)
			send_tunnel(s, n / 2, n % 2, ports[i]);
	}
}

static void send_gre_tunnel(struct packet_sender *s)
{
	for (int n = 0; n < 4; n++) {
		struct packet p;

		packet_begin_ip(s, &p, n / 2);
		put16(put_transport(&p, IPPROTO_GRE, 4) + 2, n % 2 ? 0x86dd : 0x0800);
		put_inner(s, &p, n % 2);
		packet_finish(s, &p, 0);
	}
}

/* The wire's shortest frame is 60 bytes; what a short packet is filled up with is not its own. */
static void send_padded(struct packet_sender *s)
{
	for (int n = 0; n < 4; n++) {
		struct packet p;

		packet_begin_ip(s, &p, PACKET_V4);
		if (n / 2)
			put_tcp(&p, s->port++, PACKET_DPORT, 0x10);
		else
			put_udp(&p, s->port++, PACKET_DPORT);
		packet_end(&p, (size_t)(n % 2));
		packet_seal(p.b, p.len, p.ip_at);
		(void)put(&p, 60 - p.len);
		s->send(s->data, &p, NULL);
	}
}

/* From an end to itself: a router finds that strange, but it was sent. */
static void send_to_itself(struct packet_sender *s)
{
	struct packet_sender itself = *s;

	for (int family = 0; family < PACKET_FAMILIES; family++) {
		struct packet p;

		itself.ends.dst[family] = s->ends.src[family];
		packet_begin_ip(&itself, &p, family);
		put_udp(&p, itself.port, itself.port);
		itself.port++;
		packet_finish(&itself, &p, 8);
	}
	s->port = itself.port;
	s->id = itself.id;
}

/* @operation: 1 asks, 2 answers */
static void send_arp(struct packet_sender *s, unsigned int operation, const char *target)
{
	struct packet p;
	uint8_t *at;

	packet_begin(s, &p);
	put_ethertype(&p, 0x0806);
	at = put(&p, 46); /* padded */
	(void)memcpy(at, "\0\1\x08\0\6\4", 6);
	put16(at + 6, operation);
	(void)memcpy(at + 8, s->ends.src_mac, 6);
	(void)inet_pton(AF_INET, s->ends.src[PACKET_V4], at + 14);
	(void)inet_pton(AF_INET, target, at + 24);
	s->send(s->data, &p, NULL);
}

static void send_not_ip(struct packet_sender *s)
{
	/* what is below 0x0600 is a length: 802.3 with LLC, as spanning tree does it */
	static const unsigned int types[] = { 0x0000, 0x0026, 0x0600, 0x0801, 0x0842, 0x22f0,
					      0x6558, 0x8035, 0x8137, 0x8809, 0x8847, 0x8848,
					      0x8863, 0x8864, 0x888e, 0x88cc, 0x88e5, 0x88f7,
					      0x8902, 0x9000, 0xffff, 0x0003, 0x002e, 0x05dc };

	send_arp(s, 1, s->ends.dst[PACKET_V4]);
	send_arp(s, 2, s->ends.dst[PACKET_V4]);
	send_arp(s, 1, s->ends.src[PACKET_V4]);
	for (size_t i = 0; i < PN_ARRAY_SIZE(types); i++) {
		struct packet p;

		packet_begin(s, &p);
		put_ethertype(&p, types[i]);
		(void)put(&p, 46);
		s->send(s->data, &p, NULL);
	}
}

const struct packet_kind packet_kinds[] = {
	{ "tcp", packet_send_tcp },
	{ "udp", packet_send_udp },
	{ "sctp", packet_send_sctp },
	{ "icmp", packet_send_icmp },
	{ "icmp-errors", packet_send_icmp_errors },
	{ "ipv4-options", send_ipv4_options },
	{ "ipv6-extensions", send_ipv6_extensions },
	{ "ipv6-long-extensions", send_long_extensions },
	{ "fragments", packet_send_fragments },
	{ "tagged", send_tagged },
	{ "other-protocols", send_other_protocols },
	{ "tunnels", send_tunnels },
	{ "gre", send_gre_tunnel },
	{ "gso", packet_send_gso },
	{ "padded", send_padded },
	{ "to-itself", send_to_itself },
	{ "not-ip", send_not_ip },
	{ "cut", packet_send_cut },
	{ "contradicting", packet_send_contradicting },
	{ NULL, NULL },
};
