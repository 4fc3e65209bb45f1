/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_PLAIN_BPF_H
#define PN_PLAIN_BPF_H

/*
 * The straight way: nearly all packets are TCP or UDP behind plain headers in the linear part. These
 * go from the frame into a key of the flow table without a copy in between; under load even the
 * code of a program is cold, and every line of it counts. What is not as plain as that, or not right,
 * is left to pn_parse(): the functions here then return false.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/parse.bpf.h"
#include "bpf/table.bpf.h"

/* @room: in the IP packet behind its headers, of which *ret knows the length */
static __always_inline bool pn_plain_tcp(const struct tcphdr *tcp, __u32 room, struct pn_seen *ret)
{
	__u32 len = tcp->doff * 4;

	if (len < sizeof(*tcp) || len > room)
		return false;
	ret->tcp_flags = ((const __u8 *)tcp)[13];
	ret->headers_len += len;
	return true;
}

static __always_inline bool pn_plain_udp(const struct udphdr *udp, __u32 room, struct pn_seen *ret)
{
	__u32 len = bpf_ntohs(udp->len);

	if (len < sizeof(*udp) || len > room)
		return false;
	ret->tcp_flags = 0;
	ret->headers_len += sizeof(*udp);
	return true;
}

static __always_inline bool pn_plain_transport(void *at, void *data_end, __u8 proto, __u32 room,
					       struct pn_seen *ret)
{
	if (proto == IPPROTO_TCP && at + sizeof(struct tcphdr) <= data_end)
		return pn_plain_tcp(at, room, ret);
	if (proto == IPPROTO_UDP && at + sizeof(struct udphdr) <= data_end)
		return pn_plain_udp(at, room, ret);
	return false;
}

/* Both begin with the ports. */
struct pn_plain_ports {
	__be16 source, dest;
};

/*
 * Sorted as pn_table_sort() does it, without a branch: an address and its port are compared as one
 * number. The asm keeps the compiler from making branches of it again. Written in the words in which it
 * will be read: a load of what two stores have written waits for both.
 */
static __always_inline __u32 pn_plain_key_ipv4(const struct iphdr *ip,
					       const struct pn_plain_ports *ports,
					       union pn_table_key *ret)
{
	__u64 src = ip->saddr, dst = ip->daddr, sport = ports->source, dport = ports->dest;
	__u64 from = ((__u64)bpf_ntohl(dst) << 16 | bpf_ntohs(dport)) -
		     ((__u64)bpf_ntohl(src) << 16 | bpf_ntohs(sport));
	__u64 addrs = src ^ dst, differ = sport ^ dport, turn;

	asm volatile("%0 >>= 63" : "+r"(from));
	turn = -from;
	asm volatile("%0 &= %2\n%1 &= %2" : "+r"(addrs), "+r"(differ) : "r"(turn));
	ret->q.addr[0] = ret->q.addr[2] = 0;
	ret->q.addr[1] = (src ^ addrs) << 32 | bpf_htonl(0xffff);
	ret->q.addr[3] = (dst ^ addrs) << 32 | bpf_htonl(0xffff);
	ret->q.ports = (sport ^ differ) | (dport ^ differ) << 16;
	ret->w.proto = ip->protocol;
	return from;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "halves of words are in this order");

static __always_inline bool pn_plain_ipv4(struct __sk_buff *skb, void *at, void *data_end,
					  __u32 off, union pn_table_key *key, struct pn_seen *ret)
{
	const struct iphdr *ip = at;
	__u32 total_len;

	if ((void *)(ip + 1) > data_end)
		return false;
	total_len = bpf_ntohs(ip->tot_len);
	if (*(const __u8 *)at != 0x45 || total_len < sizeof(*ip) || off + total_len > skb->len ||
	    ip->frag_off & bpf_htons(PN_IPV4_MORE_FRAGMENTS | PN_IPV4_FRAGMENT_OFFSET))
		return false;
	ret->total_len = total_len;
	ret->headers_len = sizeof(*ip);
	if (!pn_plain_transport(at + sizeof(*ip), data_end, ip->protocol, total_len - sizeof(*ip),
				ret))
		return false;
	ret->from = pn_plain_key_ipv4(ip, at + sizeof(*ip), key);
	return true;
}

static __always_inline bool pn_plain_ipv6(struct __sk_buff *skb, void *at, void *data_end,
					  __u32 off, union pn_table_key *key, struct pn_seen *ret)
{
	const struct ipv6hdr *ip = at;
	const struct pn_plain_ports *ports = at + sizeof(*ip);
	__u32 payload_len;

	if ((void *)(ip + 1) > data_end)
		return false;
	payload_len = bpf_ntohs(ip->payload_len);
	if (*(const __u8 *)at >> 4 != 6 || off + sizeof(*ip) + payload_len > skb->len)
		return false;
	ret->total_len = sizeof(*ip) + payload_len;
	ret->headers_len = sizeof(*ip);
	if (!pn_plain_transport(at + sizeof(*ip), data_end, ip->nexthdr, payload_len, ret))
		return false;
	key->w.proto = 0;
	key->k.proto = ip->nexthdr;
	ret->from = pn_table_sort(ip->saddr.in6_u.u6_addr32, ip->daddr.in6_u.u6_addr32,
				  ports->source, ports->dest, key);
	return true;
}

static __always_inline bool pn_plain(struct __sk_buff *skb, bool has_ethernet,
				     union pn_table_key *key, struct pn_seen *ret)
{
	void *at = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	__be16 type = skb->protocol;
	__u32 off = 0;

	if (has_ethernet) {
		const struct ethhdr *eth = at;

		if ((void *)(eth + 1) > data_end)
			return false;
		type = eth->h_proto;
		off = sizeof(*eth);
		at += sizeof(*eth);
	}
	if (type == bpf_htons(ETH_P_IP))
		return pn_plain_ipv4(skb, at, data_end, off, key, ret);
	if (type == bpf_htons(ETH_P_IPV6))
		return pn_plain_ipv6(skb, at, data_end, off, key, ret);
	return false;
}

#endif
