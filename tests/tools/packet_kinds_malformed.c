/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of which the ledger says "malformed": frames that end within a header, and headers that
 * contradict each other. Beside them stand some that look strange and are well-formed.
 */
#include "base/util.h"
#include "tests/tools/packet_kinds_private.h"

/* Sends the frame as it is but for its end; each length that has all before it, and not all. */
static void send_each_cut(struct packet_sender *s, const struct packet *p, size_t from)
{
	for (size_t len = from; len < p->len; len++) {
		struct packet cut = *p;

		cut.len = len;
		s->send(s->data, &cut, NULL);
	}
}

/* Sends the packet cut short as a whole: the IP header says so, and the transport header lacks its end. */
static void send_each_end(struct packet_sender *s, const struct packet *p, size_t from)
{
	for (size_t len = from; len < p->len; len++) {
		struct packet cut = *p;

		cut.len = len;
		cut.udp_at = 0;
		packet_end(&cut, 0);
		packet_seal(cut.b, cut.len, cut.ip_at);
		s->send(s->data, &cut, NULL);
	}
}

static void put_some_transport(struct packet_sender *s, struct packet *p, uint8_t proto)
{
	if (proto == IPPROTO_TCP)
		put_tcp(p, s->port, PACKET_DPORT, 0x12);
	else if (proto == IPPROTO_UDP)
		put_udp(p, s->port, PACKET_DPORT);
	else if (proto == IPPROTO_SCTP)
		(void)put_ports(p, proto, 12, s->port, PACKET_DPORT);
	else
		put_icmp(p, proto, proto == IPPROTO_ICMP ? 8 : 128, 0, s->port);
	s->port++;
}

static void send_cut_transport(struct packet_sender *s, int family, uint8_t proto)
{
	struct packet p;
	size_t at;

	packet_begin_ip(s, &p, family);
	at = p.len;
	put_some_transport(s, &p, proto);
	packet_end(&p, 4);
	packet_seal(p.b, p.len, p.ip_at);
	send_each_cut(s, &p, at);
	send_each_end(s, &p, at);
}

static void send_cut_extension(struct packet_sender *s, uint8_t proto)
{
	struct packet p;
	size_t at;

	packet_begin_ip(s, &p, PACKET_V6);
	at = p.len;
	if (proto == IPPROTO_FRAGMENT)
		put_ipv6_fragment(&p, 0, false);
	else
		put_extension(&p, proto, proto == IPPROTO_AH ? 24 : 16);
	put_udp(&p, s->port++, PACKET_DPORT);
	packet_end(&p, 0);
	send_each_cut(s, &p, at);
	send_each_end(s, &p, at);
}

void packet_send_cut(struct packet_sender *s)
{
	static const uint8_t protos[][PACKET_FAMILIES] = {
		{ IPPROTO_TCP, IPPROTO_TCP },
		{ IPPROTO_UDP, IPPROTO_UDP },
		{ IPPROTO_SCTP, IPPROTO_SCTP },
		{ IPPROTO_ICMP, IPPROTO_ICMPV6 },
	};
	static const uint8_t extensions[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
					      IPPROTO_FRAGMENT, IPPROTO_AH };
	struct packet p;

	for (size_t n = 0; n < PN_ARRAY_SIZE(protos) * PACKET_FAMILIES; n++)
		send_cut_transport(s, (int)n % 2, protos[n / 2][n % 2]);
	for (size_t i = 0; i < PN_ARRAY_SIZE(extensions); i++)
		send_cut_extension(s, extensions[i]);

	/* within the IP header and its options, and within a tag */
	packet_begin(s, &p);
	packet_put_ip(s, &p, PACKET_V4, 8);
	packet_finish(s, &p, 0);
	send_each_cut(s, &p, p.ip_at);
	packet_begin_ip(s, &p, PACKET_V6);
	packet_end(&p, 0);
	send_each_cut(s, &p, p.ip_at);
	packet_begin(s, &p);
	put_vlan(&p, 0x8100, 5);
	put_vlan(&p, 0x8100, 6);
	packet_put_ip(s, &p, PACKET_V4, 0);
	packet_end(&p, 0);
	send_each_cut(s, &p, 14);
}

/* One byte of the IP header is something else. */
static void send_with_byte(struct packet_sender *s, int family, size_t at, unsigned int byte)
{
	struct packet p;

	packet_begin_ip(s, &p, family);
	put_udp(&p, s->port++, PACKET_DPORT);
	packet_end(&p, 12);
	p.b[p.ip_at + at] = (uint8_t)byte;
	packet_seal(p.b, p.len, p.ip_at);
	s->send(s->data, &p, NULL);
}

static void send_strange_ip(struct packet_sender *s)
{
	for (unsigned int nibble = 0; nibble < 16; nibble++) {
		send_with_byte(s, PACKET_V4, 0, 0x40 | nibble); /* header length */
		send_with_byte(s, PACKET_V4, 0, nibble << 4 | 5);
		send_with_byte(s, PACKET_V6, 0, nibble << 4);
	}
	for (unsigned int len = 0; len < 48;
	     len++) { /* of the packet; 40 is right, 20 and above fit */
		send_with_byte(s, PACKET_V4, 3, len);
		send_with_byte(s, PACKET_V6, 5, len);
	}
	send_with_byte(s, PACKET_V4, 2, 0xff);
	send_with_byte(s, PACKET_V6, 4, 0xff);
}

static void send_strange_tcp(struct packet_sender *s)
{
	for (int n = 0; n < 16 * PACKET_FAMILIES; n++) {
		struct packet p;

		packet_begin_ip(s, &p, n % PACKET_FAMILIES);
		put_tcp(&p, s->port++, PACKET_DPORT, 0x10);
		p.b[p.len - 8] = (uint8_t)(n / PACKET_FAMILIES << 4); /* header length */
		packet_finish(s, &p, 20);
	}
}

static void send_strange_udp(struct packet_sender *s)
{
	static const unsigned int lens[] = { 0, 1, 7, 8, 9, 19, 20, 21, 28, 0x7fff, 0xffff };

	for (size_t n = 0; n < PN_ARRAY_SIZE(lens) * PACKET_FAMILIES; n++) {
		struct packet p;

		packet_begin_ip(s, &p, (int)n % PACKET_FAMILIES);
		put_udp(&p, s->port++, PACKET_DPORT);
		packet_end(&p, 12);
		put16(p.b + p.udp_at + 4, lens[n / PACKET_FAMILIES]);
		packet_seal(p.b, p.len, p.ip_at);
		s->send(s->data, &p, NULL);
	}
}

/* An extension header says that it is longer than what is there. */
static void send_strange_extensions(struct packet_sender *s)
{
	static const uint8_t kinds[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
					 IPPROTO_AH };
	static const uint8_t lens[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 200, 255 };

	for (size_t n = 0; n < PN_ARRAY_SIZE(kinds) * PN_ARRAY_SIZE(lens); n++) {
		struct packet p;
		size_t at;

		packet_begin_ip(s, &p, PACKET_V6);
		at = p.len;
		put_extension(&p, kinds[n / PN_ARRAY_SIZE(lens)], 8);
		put_udp(&p, s->port++, PACKET_DPORT);
		packet_end(&p, 24);
		p.b[at + 1] = lens[n % PN_ARRAY_SIZE(lens)];
		s->send(s->data, &p, NULL);
	}
}

void packet_send_contradicting(struct packet_sender *s)
{
	send_strange_ip(s);
	send_strange_tcp(s);
	send_strange_udp(s);
	send_strange_extensions(s);
}
