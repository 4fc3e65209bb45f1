/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_PACKET_FIXTURE_H
#define PN_TEST_PACKET_FIXTURE_H

/*
 * Packets put together layer by layer. Each put_ function names itself in the layer before it;
 * packet_end() fills in the lengths.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct packet {
	uint8_t b[2048];
	size_t len;
	size_t type_at; /* where the next layer writes its type */
	size_t ip_at, udp_at;
	int family;
};

static inline uint8_t *put(struct packet *p, size_t n)
{
	uint8_t *at = p->b + p->len;

	memset(at, 0, n);
	p->len += n;
	return at;
}

static inline void put16(uint8_t *at, unsigned int v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline void put_ethernet(struct packet *p)
{
	memset(p, 0, sizeof(*p));
	(void)memcpy(put(p, 14), "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	p->type_at = 12;
}

static inline void put_ethertype(struct packet *p, unsigned int type)
{
	put16(p->b + p->type_at, type);
}

static inline void put_vlan(struct packet *p, unsigned int tpid, unsigned int id)
{
	uint8_t *at;

	put_ethertype(p, tpid);
	at = put(p, 4);
	put16(at, id);
	p->type_at = p->len - 2;
}

/* @options_len: in bytes, a multiple of 4 */
static inline void put_ipv4(struct packet *p, const char *src, const char *dst, size_t options_len)
{
	uint8_t *at;

	put_ethertype(p, 0x0800);
	p->ip_at = p->len;
	p->family = AF_INET;
	at = put(p, 20 + options_len);
	at[0] = (uint8_t)(0x45 + options_len / 4);
	at[8] = 64;
	(void)inet_pton(AF_INET, src, at + 12);
	(void)inet_pton(AF_INET, dst, at + 16);
	memset(at + 20, 1, options_len); /* "no operation" */
	p->type_at = p->ip_at + 9;
}

static inline void put_ipv4_fragment(struct packet *p, unsigned int offset, bool more)
{
	put16(p->b + p->ip_at + 6, (more ? 0x2000 : 0) | offset / 8);
}

static inline void put_ipv6(struct packet *p, const char *src, const char *dst)
{
	uint8_t *at;

	put_ethertype(p, 0x86dd);
	p->ip_at = p->len;
	p->family = AF_INET6;
	at = put(p, 40);
	at[0] = 0x60;
	at[7] = 64;
	(void)inet_pton(AF_INET6, src, at + 8);
	(void)inet_pton(AF_INET6, dst, at + 24);
	p->type_at = p->ip_at + 6;
}

/* @len: of the whole extension header in bytes; as its kind wants it */
static inline void put_extension(struct packet *p, uint8_t proto, size_t len)
{
	uint8_t *at;

	p->b[p->type_at] = proto;
	p->type_at = p->len;
	at = put(p, len);
	at[1] = (uint8_t)(proto == IPPROTO_AH ? len / 4 - 2 : len / 8 - 1);
}

static inline void put_ipv6_fragment(struct packet *p, unsigned int offset, bool more)
{
	put_extension(p, IPPROTO_FRAGMENT, 8);
	p->b[p->len - 7] = 0;
	put16(p->b + p->len - 6, offset | more);
}

static inline uint8_t *put_transport(struct packet *p, uint8_t proto, size_t header_len)
{
	p->b[p->type_at] = proto;
	return put(p, header_len);
}

static inline uint8_t *put_ports(struct packet *p, uint8_t proto, size_t header_len,
				 unsigned int sport, unsigned int dport)
{
	uint8_t *at = put_transport(p, proto, header_len);

	put16(at, sport);
	put16(at + 2, dport);
	return at;
}

static inline void put_tcp(struct packet *p, unsigned int sport, unsigned int dport, uint8_t flags)
{
	uint8_t *at = put_ports(p, IPPROTO_TCP, 20, sport, dport);

	at[12] = 0x50;
	at[13] = flags;
}

static inline void put_udp(struct packet *p, unsigned int sport, unsigned int dport)
{
	p->udp_at = p->len;
	(void)put_ports(p, IPPROTO_UDP, 8, sport, dport);
}

static inline void put_icmp(struct packet *p, uint8_t proto, uint8_t type, uint8_t code,
			    unsigned int id)
{
	uint8_t *at = put_transport(p, proto, 8);

	at[0] = type;
	at[1] = code;
	put16(at + 4, id);
}

/* @len: of the whole frame, which may go on behind p->b */
static inline void packet_set_lengths(struct packet *p, size_t len)
{
	if (p->udp_at)
		put16(p->b + p->udp_at + 4, (unsigned int)(len - p->udp_at));
	if (p->family == AF_INET)
		put16(p->b + p->ip_at + 2, (unsigned int)(len - p->ip_at));
	else if (p->family == AF_INET6)
		put16(p->b + p->ip_at + 4, (unsigned int)(len - p->ip_at - 40));
}

static inline void packet_end(struct packet *p, size_t payload_len)
{
	(void)put(p, payload_len);
	packet_set_lengths(p, p->len);
}

#endif
