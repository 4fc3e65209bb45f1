/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds that are about what IP carries: TCP with all flags, UDP, SCTP, ICMP and its errors, packets
 * larger than the wire allows, and fragments.
 */
#include <linux/virtio_net.h>

#include "base/util.h"
#include "tests/tools/packet_kinds_private.h"

/* linux/virtio_net.h has it since 6.2 */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* @options_len: in bytes, a multiple of 4 */
static void put_tcp_options(struct packet *p, size_t options_len)
{
	size_t tcp_at = p->len - 20;

	memset(put(p, options_len), 1, options_len); /* "no operation" */
	p->b[tcp_at + 12] = (uint8_t)((5 + options_len / 4) << 4);
}

void packet_send_tcp(struct packet_sender *s)
{
	struct packet p;

	for (int n = 0; n < 256 * PACKET_FAMILIES; n++) {
		packet_begin_ip(s, &p, n % PACKET_FAMILIES);
		put_tcp(&p, s->port++, PACKET_DPORT, (uint8_t)(n / PACKET_FAMILIES));
		packet_finish(s, &p, (size_t)n % 5);
	}
	for (size_t n = 0; n < 11 * PACKET_FAMILIES; n++) {
		packet_begin_ip(s, &p, (int)n % PACKET_FAMILIES);
		put_tcp(&p, s->port++, PACKET_DPORT, 0x10);
		put_tcp_options(&p, n / PACKET_FAMILIES * 4);
		packet_finish(s, &p, 7);
	}
}

/* Several in one connection, and ports at their limits. */
void packet_send_udp(struct packet_sender *s)
{
	static const size_t sizes[] = { 0, 1, 2, 100, 399 };
	static const unsigned int ports[] = { 0, 1, 53, 0x7fff, 0x8000, 0xffff };
	struct packet p;

	for (int family = 0; family < PACKET_FAMILIES; family++) {
		for (size_t i = 0; i < PN_ARRAY_SIZE(sizes); i++) {
			packet_begin_ip(s, &p, family);
			put_udp(&p, s->port, PACKET_DPORT);
			packet_finish(s, &p, sizes[i]);
		}
		s->port++;
		for (size_t i = 0; i < PN_ARRAY_SIZE(ports) * PN_ARRAY_SIZE(ports); i++) {
			packet_begin_ip(s, &p, family);
			put_udp(&p, ports[i / PN_ARRAY_SIZE(ports)],
				ports[i % PN_ARRAY_SIZE(ports)]);
			packet_finish(s, &p, i);
		}
	}
}

void packet_send_sctp(struct packet_sender *s)
{
	for (size_t n = 0; n < 4; n++) {
		struct packet p;

		packet_begin_ip(s, &p, (int)n % PACKET_FAMILIES);
		(void)put_ports(&p, IPPROTO_SCTP, 12, s->port++, PACKET_DPORT);
		packet_finish(s, &p, n / PACKET_FAMILIES * 20);
	}
}

static uint8_t icmp_of(int family)
{
	return family == PACKET_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static void send_icmp(struct packet_sender *s, int family, uint8_t type, uint8_t code,
		      unsigned int id)
{
	struct packet p;

	packet_begin_ip(s, &p, family);
	put_icmp(&p, icmp_of(family), type, code, id);
	packet_finish(s, &p, 24);
}

/* Echoes of two identifiers and of none, answers that nobody asked for, and other types. */
void packet_send_icmp(struct packet_sender *s)
{
	static const uint8_t types[PACKET_FAMILIES][16] = {
		{ 5, 9, 10, 13, 14, 15, 16, 17, 18, 40, 42, 255 },
		{ 100, 130, 131, 132, 133, 134, 135, 136, 137, 143, 151, 160, 200, 255 },
	};

	for (int family = 0; family < PACKET_FAMILIES; family++) {
		uint8_t echo = family == PACKET_V4 ? 8 : 128, reply = family == PACKET_V4 ? 0 : 129;

		for (unsigned int i = 0; i < 4; i++)
			send_icmp(s, family, i % 2 ? reply : echo, 0, s->port + i / 2);
		s->port += 2;
		send_icmp(s, family, echo, 0, 0);
		for (const uint8_t *type = types[family]; *type; type++) {
			send_icmp(s, family, *type, 0, s->port);
			send_icmp(s, family, *type, 3, s->port);
		}
	}
}

/* An error quotes the packet that it is about, which went the other way and is not counted again. */
static void send_icmp_error(struct packet_sender *s, int family, uint8_t type, uint8_t code,
			    uint8_t quoted_proto)
{
	struct packet p, quoted;

	packet_begin(s, &quoted);
	if (family == PACKET_V4)
		put_ipv4(&quoted, s->ends.dst[family], s->ends.src[family], 0);
	else
		put_ipv6(&quoted, s->ends.dst[family], s->ends.src[family]);
	(void)put_ports(&quoted, quoted_proto, 8, PACKET_DPORT, 62000);
	packet_end(&quoted, 0);
	packet_seal(quoted.b, quoted.len, quoted.ip_at);

	packet_begin_ip(s, &p, family);
	put_icmp(&p, icmp_of(family), type, code, 0);
	(void)memcpy(put(&p, quoted.len - quoted.ip_at), quoted.b + quoted.ip_at,
		     quoted.len - quoted.ip_at);
	packet_finish(s, &p, 0);
}

void packet_send_icmp_errors(struct packet_sender *s)
{
	static const struct {
		uint8_t type, max_code;
	} errors[PACKET_FAMILIES][5] = {
		{ { 3, 15 }, { 4, 0 }, { 11, 1 }, { 12, 2 } },
		{ { 1, 7 }, { 2, 0 }, { 3, 1 }, { 4, 2 } },
	};

	for (int family = 0; family < PACKET_FAMILIES; family++) {
		for (size_t i = 0; errors[family][i].type; i++) {
			for (uint8_t code = 0; code <= errors[family][i].max_code; code++) {
				send_icmp_error(s, family, errors[family][i].type, code,
						IPPROTO_TCP);
				send_icmp_error(s, family, errors[family][i].type, code,
						IPPROTO_UDP);
			}
		}
	}
}

/*
 * A packet for the kernel to cut up, with @payload_len bytes in segments of @size. No capture shows
 * the size of the segments, so the destination port does: PACKET_GSO_PORT and the size.
 */
static void send_gso(struct packet_sender *s, int family, uint8_t proto, size_t size,
		     size_t payload_len)
{
	struct packet_gso gso = { .size = (uint16_t)size, .payload_len = payload_len };
	unsigned int dport = PACKET_GSO_PORT + (unsigned int)size;
	struct packet p;

	packet_begin_ip(s, &p, family);
	gso.csum_start = (uint16_t)p.len;
	if (proto == IPPROTO_TCP) {
		put_tcp(&p, s->port, dport, 0x18);
		gso.type =
			family == PACKET_V4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
		gso.csum_offset = 16;
	} else {
		put_udp(&p, s->port, dport);
		gso.type = VIRTIO_NET_HDR_GSO_UDP_L4;
		gso.csum_offset = 6;
	}
	gso.header_len = (uint16_t)p.len;
	packet_set_lengths(&p, p.len + payload_len);
	packet_seal(p.b, p.len, p.ip_at);
	s->send(s->data, &p, &gso);
}

/* Whole segments only, a last one that is short, and one byte more than the headers could hide. */
void packet_send_gso(struct packet_sender *s)
{
	static const size_t sizes[] = { PACKET_GSO_MIN, 1000, PACKET_GSO_MAX };

	for (size_t i = 0; i < PN_ARRAY_SIZE(sizes); i++) {
		for (int n = 0; n < 2 * PACKET_FAMILIES; n++) {
			uint8_t proto = n / 2 ? IPPROTO_UDP : IPPROTO_TCP;

			send_gso(s, n % 2, proto, sizes[i], sizes[i] + 1);
			send_gso(s, n % 2, proto, sizes[i], 3 * sizes[i]);
			send_gso(s, n % 2, proto, sizes[i], 7 * sizes[i] - 1);
			send_gso(s, n % 2, proto, sizes[i], 40 * sizes[i] + 60);
			s->port++;
		}
	}
}

static void begin_fragment(struct packet_sender *s, struct packet *p, int family, size_t at,
			   bool more)
{
	packet_begin(s, p);
	if (family == PACKET_V4) {
		put_ipv4(p, s->ends.src[family], s->ends.dst[family], 0);
		put_ipv4_fragment(p, (unsigned int)at, more);
		put16(p->b + p->ip_at + 4, s->id);
	} else {
		put_ipv6(p, s->ends.src[family], s->ends.dst[family]);
		put_ipv6_fragment(p, (unsigned int)at, more);
		put16(p->b + p->len - 2, s->id);
	}
}

static void put_head(struct packet_sender *s, struct packet *p, uint8_t proto)
{
	if (proto == IPPROTO_TCP)
		put_tcp(p, s->port, PACKET_DPORT, 0x10);
	else if (proto == IPPROTO_UDP)
		put_udp(p, s->port, PACKET_DPORT);
	else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		put_icmp(p, proto, proto == IPPROTO_ICMP ? 8 : 128, 0, s->port);
	else
		(void)put_transport(p, proto, 8);
}

/* Of a packet that was cut in three; @i: which. The first knows the length of the whole. */
static void send_fragment(struct packet_sender *s, int family, uint8_t proto, size_t i)
{
	enum { LEN = 256 };
	struct packet p;

	begin_fragment(s, &p, family, i * LEN, i < 2);
	if (i == 0)
		put_head(s, &p, proto);
	else
		(void)put_transport(&p, proto, 0);
	packet_end(&p, i == 2 ? 77 : LEN - (i ? 0 : p.len - p.type_at));
	if (p.udp_at)
		put16(p.b + p.udp_at + 4, 2 * LEN + 77);
	packet_seal(p.b, p.len, p.ip_at);
	s->send(s->data, &p, NULL);
}

void packet_send_fragments(struct packet_sender *s)
{
	/* which of the three, in what order; the last row is a digit too short: its end is missing */
	static const char *const orders[] = {
		"012", "021", "102", "210", "12", "02", "01", "0", "2"
	};
	static const uint8_t protos[][PACKET_FAMILIES] = {
		{ IPPROTO_UDP, IPPROTO_UDP },
		{ IPPROTO_TCP, IPPROTO_TCP },
		{ IPPROTO_ICMP, IPPROTO_ICMPV6 },
		{ IPPROTO_GRE, IPPROTO_GRE },
	};

	for (size_t n = 0; n < PN_ARRAY_SIZE(protos) * PN_ARRAY_SIZE(orders) * PACKET_FAMILIES;
	     n++) {
		int family = (int)(n % PACKET_FAMILIES);
		uint8_t proto = protos[n / PACKET_FAMILIES % PN_ARRAY_SIZE(protos)][family];

		for (const char *i = orders[n / PACKET_FAMILIES / PN_ARRAY_SIZE(protos)]; *i; i++)
			send_fragment(s, family, proto, (size_t)(*i - '0'));
		s->port++;
		s->id++;
	}
}
