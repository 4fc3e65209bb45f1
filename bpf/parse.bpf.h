/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_PARSE_BPF_H
#define PN_PARSE_BPF_H

/*
 * From a frame to addresses, ports and lengths. A parser takes the cursor, moves it behind what it
 * has read, and returns 0, or the cell of the ledger in which the packet ends.
 *
 * Headers mostly lie in the linear part of the packet and are read in place; where they do not,
 * a helper copies them. Nothing is pulled, so the packet stays as it is. A VLAN tag that the
 * device or the stack has taken out of the frame is not in the way.
 *
 * A length in a header is believed only within the length around it.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow.h"

#define PN_MAX_VLANS 2
#define PN_MAX_EXTENSIONS 8
/* Further in than this no header is looked for. A power of two. */
#define PN_MAX_OFFSET 4096

/* linux/icmp.h pulls in libc's headers */
#define PN_ICMP_ECHO_REPLY 0
#define PN_ICMP_ECHO 8
#define PN_ICMP_UNREACHABLE 3
#define PN_ICMP_REDIRECT 5
#define PN_ICMP_TIME_EXCEEDED 11
#define PN_ICMP_PARAMETER_PROBLEM 12
#define PN_ICMPV6_UNREACHABLE 1
#define PN_ICMPV6_PARAMETER_PROBLEM 4
#define PN_ICMPV6_ECHO 128
#define PN_ICMPV6_ECHO_REPLY 129

#define PN_IPV4_MORE_FRAGMENTS 0x2000
#define PN_IPV4_FRAGMENT_OFFSET 0x1fff
#define PN_IPV6_MORE_FRAGMENTS 0x0001
#define PN_IPV6_FRAGMENT_OFFSET 0xfff8

struct pn_cursor {
	struct __sk_buff *skb;
	void *data, *data_end; /* the linear part */
	__u64 off;	       /* of the next header, from the start of the frame */
	__u64 end;	       /* of the IP packet, likewise; what follows is padding */
};

struct pn_packet {
	__be32 src[4], dst[4];
	__be16 sport, dport;
	__u8 proto;
	__u8 tcp_flags;
	bool is_ipv6;
	bool more_fragments; /* follow: in the first, lengths beyond this packet are right */
	bool later_fragment; /* of which the ports are not known */
	__be32 fragment_id;
	__u32 headers_len; /* IP and transport, what each segment of a GSO packet repeats */
	__u32 total_len;   /* from the IP header to the end of the payload */
	__u32 quote_off; /* where an ICMP error quotes a packet, from the start of the frame; 0: none */
	__u32 end;	 /* of the IP packet, likewise; only with a quote */
};

struct pn_vlan_header {
	__be16 tci;
	__be16 next;
};

struct pn_ipv6_extension {
	__u8 next;
	__u8 len; /* in 8 bytes without the first; in 4 bytes less 2 for AH */
	__be16 fragment;
	__be32 id;
};

struct pn_sctp_header {
	__be16 source, dest;
	__be32 vtag, checksum;
};

struct pn_icmp_header {
	__u8 type, code;
	__be16 checksum;
	__be16 id, sequence; /* of an echo */
};

/*
 * Copies the header at the cursor to *dst without moving on. 0, or negative if it is cut short.
 * The mask changes nothing; it shows the bound to verifiers that lose it with a copy (before 5.16).
 */
#define PN_PEEK(c, dst)                                                                     \
	({                                                                                  \
		__u64 peek_off = (c)->off;                                                  \
		long peek_err = -1;                                                         \
		if (peek_off < PN_MAX_OFFSET) {                                             \
			__typeof__(dst) peek_at;                                            \
			asm volatile("%0 &= %1" : "+r"(peek_off) : "i"(PN_MAX_OFFSET - 1)); \
			peek_at = (c)->data + peek_off;                                     \
			if ((void *)(peek_at + 1) <= (c)->data_end) {                       \
				*(dst) = *peek_at;                                          \
				peek_err = 0;                                               \
			} else {                                                            \
				peek_err = bpf_skb_load_bytes((c)->skb, peek_off, (dst),    \
							      sizeof(*(dst)));              \
			}                                                                   \
		}                                                                           \
		peek_err;                                                                   \
	})

/* As PN_PEEK, but the header must also lie within the IP packet. */
#define PN_PEEK_WITHIN(c, dst) ((c)->off + sizeof(*(dst)) > (c)->end ? -1 : PN_PEEK(c, dst))

/*
 * Moves on. The verifier knows which offset each way through the headers leads to and would check
 * all that follows once for each of them, 900,000 steps. Adding and taking away a number that it
 * does not know makes it forget, and the ways join: 30,000.
 */
static __always_inline void pn_skip(struct pn_cursor *c, __u64 n)
{
	__u64 off = c->off + n, unknown = c->skb->len;

	asm volatile("%0 += %1\n%0 -= %1" : "+r"(off) : "r"(unknown));
	c->off = off;
}

static __always_inline int pn_parse_ethernet(struct pn_cursor *c, __be16 *ret_type)
{
	struct pn_vlan_header vlan;
	int i;

	/* the type comes behind the two addresses, and so it does in a VLAN tag behind its tci */
	c->off = ETH_HLEN - sizeof(*ret_type);
	if (PN_PEEK(c, ret_type))
		return PN_STAT_MALFORMED;
	pn_skip(c, sizeof(*ret_type));

	for (i = 0; i < PN_MAX_VLANS; i++) {
		if (*ret_type != bpf_htons(ETH_P_8021Q) && *ret_type != bpf_htons(ETH_P_8021AD))
			break;
		if (PN_PEEK(c, &vlan))
			return PN_STAT_MALFORMED;
		pn_skip(c, sizeof(vlan));
		*ret_type = vlan.next;
	}
	return 0;
}

static __always_inline void pn_set_ipv4(struct pn_packet *p, const struct iphdr *ip)
{
	__u16 frag = bpf_ntohs(ip->frag_off);

	p->src[2] = p->dst[2] = bpf_htonl(0xffff);
	p->src[3] = ip->saddr;
	p->dst[3] = ip->daddr;
	p->proto = ip->protocol;
	p->later_fragment = frag & PN_IPV4_FRAGMENT_OFFSET;
	p->more_fragments = frag & PN_IPV4_MORE_FRAGMENTS;
	p->fragment_id = ip->id;
}

static __always_inline int pn_parse_ipv4(struct pn_cursor *c, struct pn_packet *p)
{
	__u32 room = c->skb->len - c->off, header_len, total_len;
	struct iphdr ip;

	if (PN_PEEK(c, &ip))
		return PN_STAT_MALFORMED;
	header_len = ip.ihl * 4;
	total_len = bpf_ntohs(ip.tot_len);
	if (!total_len && c->skb->gso_size)
		total_len = room; /* more than the field can say: BIG TCP, Linux 6.3 */
	if (ip.version != 4 || header_len < sizeof(ip) || total_len < header_len ||
	    total_len > room)
		return PN_STAT_MALFORMED;

	pn_set_ipv4(p, &ip);
	p->total_len = total_len;
	c->end = c->off + total_len;
	pn_skip(c, header_len);
	return 0;
}

/* One extension header. Returns as the parsers do; *ret_last is set where the walk ends. */
static __always_inline int pn_parse_extension(struct pn_cursor *c, struct pn_packet *p,
					      bool *ret_last)
{
	struct pn_ipv6_extension ext;
	__u16 frag;

	switch (p->proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
		break;
	default:
		*ret_last = true;
		return 0;
	}
	if (PN_PEEK_WITHIN(c, &ext))
		return PN_STAT_MALFORMED;

	if (p->proto == IPPROTO_FRAGMENT) {
		frag = bpf_ntohs(ext.fragment);
		p->later_fragment = frag & PN_IPV6_FRAGMENT_OFFSET;
		p->more_fragments = frag & PN_IPV6_MORE_FRAGMENTS;
		p->fragment_id = ext.id;
		*ret_last = p->later_fragment;
		pn_skip(c, sizeof(ext));
	} else if (p->proto == IPPROTO_AH) {
		pn_skip(c, (ext.len + 2) * 4);
	} else {
		pn_skip(c, (ext.len + 1) * 8);
	}
	p->proto = ext.next;
	return c->off > c->end ? PN_STAT_MALFORMED : 0;
}

static __always_inline void pn_set_ipv6(struct pn_packet *p, const struct ipv6hdr *ip)
{
	int i;

	for (i = 0; i < 4; i++) {
		p->src[i] = ip->saddr.in6_u.u6_addr32[i];
		p->dst[i] = ip->daddr.in6_u.u6_addr32[i];
	}
	p->is_ipv6 = true;
	p->proto = ip->nexthdr;
}

/* A chain longer than PN_MAX_EXTENSIONS is recorded under the protocol where the walk stopped. */
static __always_inline int pn_parse_ipv6(struct pn_cursor *c, struct pn_packet *p)
{
	__u32 room = c->skb->len - c->off, total_len;
	struct ipv6hdr ip;
	bool last = false;
	int err, i;

	if (PN_PEEK(c, &ip))
		return PN_STAT_MALFORMED;
	total_len = bpf_ntohs(ip.payload_len) + sizeof(ip);
	if (!ip.payload_len && c->skb->gso_size)
		total_len = room; /* BIG TCP, Linux 5.19 */
	if (ip.version != 6 || total_len > room)
		return PN_STAT_MALFORMED;

	pn_set_ipv6(p, &ip);
	p->total_len = total_len;
	c->end = c->off + total_len;
	pn_skip(c, sizeof(ip));
	for (i = 0; i < PN_MAX_EXTENSIONS && !last; i++) {
		err = pn_parse_extension(c, p, &last);
		if (err)
			return err;
	}
	return 0;
}

static __always_inline int pn_parse_tcp(struct pn_cursor *c, struct pn_packet *p)
{
	struct tcphdr tcp;

	if (PN_PEEK_WITHIN(c, &tcp))
		return PN_STAT_MALFORMED;
	if (tcp.doff * 4 < sizeof(tcp) || c->off + tcp.doff * 4 > c->end)
		return PN_STAT_MALFORMED;
	p->sport = tcp.source;
	p->dport = tcp.dest;
	p->tcp_flags = ((__u8 *)&tcp)[13];
	pn_skip(c, tcp.doff * 4);
	return 0;
}

static __always_inline int pn_parse_udp(struct pn_cursor *c, struct pn_packet *p)
{
	struct udphdr udp;
	__u16 len;

	if (PN_PEEK_WITHIN(c, &udp))
		return PN_STAT_MALFORMED;
	len = bpf_ntohs(udp.len);
	if (len < sizeof(udp) || (c->off + len > c->end && !p->more_fragments))
		return PN_STAT_MALFORMED;
	p->sport = udp.source;
	p->dport = udp.dest;
	pn_skip(c, sizeof(udp));
	return 0;
}

static __always_inline int pn_parse_sctp(struct pn_cursor *c, struct pn_packet *p)
{
	struct pn_sctp_header sctp;

	if (PN_PEEK_WITHIN(c, &sctp))
		return PN_STAT_MALFORMED;
	p->sport = sctp.source;
	p->dport = sctp.dest;
	pn_skip(c, sizeof(sctp));
	return 0;
}

static __always_inline bool pn_is_icmp_echo(__u8 type, bool is_v6)
{
	return is_v6 ? type == PN_ICMPV6_ECHO || type == PN_ICMPV6_ECHO_REPLY
		     : type == PN_ICMP_ECHO || type == PN_ICMP_ECHO_REPLY;
}

static __always_inline bool pn_is_icmp_error(__u8 type, bool is_v6)
{
	if (is_v6)
		return type >= PN_ICMPV6_UNREACHABLE && type <= PN_ICMPV6_PARAMETER_PROBLEM;
	return (type >= PN_ICMP_UNREACHABLE && type <= PN_ICMP_REDIRECT) ||
	       type == PN_ICMP_TIME_EXCEEDED || type == PN_ICMP_PARAMETER_PROBLEM;
}

/* Both versions begin alike: type, code, checksum, and for echo the identifier. */
static __always_inline int pn_parse_icmp(struct pn_cursor *c, struct pn_packet *p)
{
	bool is_v6 = p->proto == IPPROTO_ICMPV6;
	struct pn_icmp_header icmp;

	if (PN_PEEK_WITHIN(c, &icmp))
		return PN_STAT_MALFORMED;
	if (pn_is_icmp_echo(icmp.type, is_v6))
		p->sport = p->dport = icmp.id;
	else
		p->sport = bpf_htons(icmp.type << 8 | icmp.code);
	pn_skip(c, sizeof(icmp));
	if (pn_is_icmp_error(icmp.type, is_v6)) {
		p->quote_off = c->off;
		p->end = c->end;
	}
	return 0;
}

static __always_inline int pn_parse_transport(struct pn_cursor *c, struct pn_packet *p)
{
	if (p->later_fragment)
		return 0;
	switch (p->proto) {
	case IPPROTO_TCP:
		return pn_parse_tcp(c, p);
	case IPPROTO_UDP:
		return pn_parse_udp(c, p);
	case IPPROTO_SCTP:
		return pn_parse_sctp(c, p);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return pn_parse_icmp(c, p);
	default:
		return 0;
	}
}

/* From the IP header on, which the cursor is at. */
static __always_inline int pn_parse_ip(struct pn_cursor *c, struct pn_packet *p, __be16 type)
{
	int err;

	if (type == bpf_htons(ETH_P_IP))
		err = pn_parse_ipv4(c, p);
	else if (type == bpf_htons(ETH_P_IPV6))
		err = pn_parse_ipv6(c, p);
	else
		err = PN_STAT_NOT_IP;
	if (err)
		return err;

	err = pn_parse_transport(c, p);
	p->headers_len = p->total_len - (c->end - c->off);
	return err;
}

/*
 * The whole packet, which begins with an Ethernet header or, at sockets, with that of IP. *p must be
 * zero. Returns 0, PN_STAT_NOT_IP or PN_STAT_MALFORMED.
 */
static __noinline int pn_parse(struct __sk_buff *skb, bool has_ethernet, struct pn_packet *p)
{
	struct pn_cursor c = {
		.skb = skb,
		.data = (void *)(long)skb->data,
		.data_end = (void *)(long)skb->data_end,
	};
	__be16 type = skb->protocol;
	int err;

	err = has_ethernet ? pn_parse_ethernet(&c, &type) : 0;
	return err ? err : pn_parse_ip(&c, p, type);
}

#endif
