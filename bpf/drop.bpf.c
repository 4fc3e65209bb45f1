// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Drops: a program at the tracepoint kfree_skb, through which every packet goes that the kernel
 * throws away, loaded by agent/datapath/drops.c. It counts each in the table of drops, by what it
 * was, why and where.
 *
 * The tracepoint also sees much that is no loss. What is told by its reason is left out by a bitmap
 * that the agent fills in before load; where the reason says nothing, the place decides: the first
 * packet from an unknown place is counted, and the agent, which knows the name of the place, writes
 * into `quiet` whether more are wanted.
 *
 * A rule that rejects a packet answers it and then drops it as any other rule does. Answers by ICMP
 * are seen by other programs, which note the packet that the answer is about.
 *
 * Per drop: the headers in one copy, one look-up, two atomic additions.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/drop.h"

#define PN_UNSET_HEADER 0xffff /* of an offset in struct sk_buff */
#define PN_MAX_EXTENSIONS 6
#define PN_IPV4_FRAGMENT_OFFSET 0x1fff
#define PN_IPV6_FRAGMENT_OFFSET 0xfff8
/* linux/icmp.h pulls in libc's headers */
#define PN_ICMP_ECHO_REPLY 0
#define PN_ICMP_UNREACHABLE 3
#define PN_ICMP_ECHO 8
#define PN_ICMPV6_UNREACHABLE 1
#define PN_ICMPV6_ECHO 128
#define PN_ICMPV6_ECHO_REPLY 129

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before load. */
const volatile bool has_reason = true;
const volatile bool has_answers = true;
const volatile __u32 unspecified_reason = 0;		    /* the one that says nothing */
const volatile __u64 ignored_reasons[PN_REASON_WORDS] = {}; /* by bit */

/* Set by the program when it has counted anything, cleared by the agent when it looks. */
volatile __u32 news = 0;
struct pn_drop_losses losses = {};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct net_device {
	int ifindex;
	possible_net_t nd_net;
};

struct skb_shared_info {
	unsigned short gso_segs;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len, data_len;
	__be16 protocol;
	__u16 network_header, mac_header;
	unsigned int tail, end;
	unsigned char *head;
};
#pragma clang attribute pop

/* Beforehand, because a drop may happen where memory cannot be had. Its size is set before load. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct pn_drop_key);
	__type(value, struct pn_drop_value);
} drops SEC(".maps");

/* Places whose unspecified drops are not wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
} quiet SEC(".maps");

/* The address of the packet that this CPU has sent an ICMP error about last, and not dropped yet. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} answered SEC(".maps");

/* The key in aligned words, and what else is known of a packet. */
struct packet {
	union {
		struct pn_drop_key k;
		struct {
			__be32 addr[2][4];
			__be16 port[2];
			__u32 reason, location, proto;
		} w;
	};
	__u32 bytes;
	__u8 tcp_flags;
	bool is_answered;
};

/* Headers, from the IP header on: that of IPv6 and a TCP header. */
struct headers {
	__be32 w[15];
};

static __always_inline bool is_ignored(__u32 reason)
{
	__u32 word = reason / 64;

	if (reason >= 64 * PN_REASON_WORDS)
		return false;
	barrier_var(word); /* the verifier does not see that it follows from the reason */
	return ignored_reasons[word % PN_REASON_WORDS] >> reason % 64 & 1;
}

static __always_inline bool is_wanted(__u32 reason, __u64 location)
{
	if (is_ignored(reason))
		return false;
	return reason != unspecified_reason || !bpf_map_lookup_elem(&quiet, &location);
}

/* --- what it was --------------------------------------------------------------------------------- */

/* From @w on, the first 16 bytes behind the IP headers. */
static __always_inline void read_transport(struct packet *p, const __be32 *w)
{
	const __u8 *b = (const __u8 *)w;
	bool is_echo;

	switch (p->k.proto) {
	case IPPROTO_TCP:
		p->tcp_flags = b[13];
		/* fall through */
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		*(__be32 *)p->w.port = w[0];
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		is_echo = p->k.proto == IPPROTO_ICMP
				  ? b[0] == PN_ICMP_ECHO || b[0] == PN_ICMP_ECHO_REPLY
				  : b[0] == PN_ICMPV6_ECHO || b[0] == PN_ICMPV6_ECHO_REPLY;
		p->w.port[0] = is_echo ? *(const __be16 *)(b + 4) : *(const __be16 *)b;
		p->w.port[1] = is_echo ? p->w.port[0] : 0;
		break;
	default:
		break;
	}
}

/* The transport's header is not where it mostly is. */
static __noinline int read_transport_at(struct packet *p, const void *at)
{
	__be32 w[4];

	if (!p || bpf_probe_read_kernel(w, sizeof(w), at))
		return -1;
	read_transport(p, w);
	return 0;
}

static __always_inline bool is_extension(__u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_FRAGMENT || proto == IPPROTO_AH;
}

/* Behind the extension headers of IPv6. */
static __noinline int skip_extensions(struct packet *p, const void *at, const void *end)
{
	__u8 ext[8];
	int i;

	if (!p)
		return -1;
	for (i = 0; i < PN_MAX_EXTENSIONS && is_extension(p->k.proto); i++) {
		__u8 proto = p->k.proto;

		if (at + sizeof(ext) > end || bpf_probe_read_kernel(ext, sizeof(ext), at))
			return -1;
		p->k.proto = ext[0];
		if (proto == IPPROTO_FRAGMENT) {
			if ((ext[2] << 8 | ext[3]) & PN_IPV6_FRAGMENT_OFFSET)
				return 0;
			at += 8;
		} else {
			at += proto == IPPROTO_AH ? (ext[1] + 2) * 4 : (ext[1] + 1) * 8;
		}
	}
	return at + 16 <= end ? read_transport_at(p, at) : 0;
}

static __always_inline int read_ipv4(struct packet *p, const struct headers *h, const void *at,
				     const void *end)
{
	__u32 first = bpf_ntohl(h->w[0]), ihl = first >> 24 & 0xf;

	if (first >> 28 != 4 || ihl < 5)
		return -1;
	p->w.addr[0][2] = p->w.addr[1][2] = bpf_htonl(0xffff);
	p->w.addr[0][3] = h->w[3];
	p->w.addr[1][3] = h->w[4];
	p->w.proto = 0;
	p->k.proto = bpf_ntohl(h->w[2]) >> 16;
	if (bpf_ntohl(h->w[1]) & PN_IPV4_FRAGMENT_OFFSET)
		return 0;
	at += ihl * 4;
	if (at + 8 > end)
		return 0;
	if (ihl != 5)
		return read_transport_at(p, at);
	read_transport(p, &h->w[5]);
	return 0;
}

static __always_inline int read_ipv6(struct packet *p, const struct headers *h, const void *at,
				     const void *end)
{
	if (bpf_ntohl(h->w[0]) >> 28 != 6)
		return -1;
	__builtin_memcpy(p->w.addr, &h->w[2], sizeof(p->w.addr));
	p->k.proto = bpf_ntohl(h->w[1]) >> 8;
	at += 40;
	if (at + 8 > end)
		return 0;
	if (is_extension(p->k.proto))
		return skip_extensions(p, at, end);
	read_transport(p, &h->w[10]);
	return 0;
}

/* Where the IP header is: before the IP layer has had a packet, behind the frame's header. */
static __always_inline __u32 ip_offset(struct sk_buff *skb)
{
	__u32 network = skb->network_header, mac = skb->mac_header;

	if (mac != PN_UNSET_HEADER && network < mac + ETH_HLEN)
		return mac + ETH_HLEN;
	return network;
}

static __always_inline int read_packet(struct sk_buff *skb, struct packet *p)
{
	__u32 offset = ip_offset(skb), tail = skb->tail;
	const void *at = skb->head + offset, *end = skb->head + tail;
	bool is_v4 = skb->protocol == bpf_htons(ETH_P_IP);
	struct headers h;

	if (!offset || offset + (is_v4 ? 20 : 40) > tail)
		return -1;
	if (bpf_probe_read_kernel(&h, is_v4 ? 40 : sizeof(h), at))
		return -1;
	p->bytes = tail - offset + skb->data_len;
	return is_v4 ? read_ipv4(p, &h, at, end) : read_ipv6(p, &h, at, end);
}

/* --- counting it --------------------------------------------------------------------------------- */

static __always_inline __u32 count_segments(struct sk_buff *skb, __u32 bytes)
{
	const struct skb_shared_info *shared = (const void *)(skb->head + skb->end);
	__u16 n = 0;

	if (bytes > 576 && bpf_core_read(&n, sizeof(n), &shared->gso_segs) == 0 && n > 1)
		return n;
	return 1;
}

/* A device that is a stale pointer reads as zeros. */
static __always_inline __u32 netns_of(struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	struct sock *sk;
	__u32 inode = dev ? dev->nd_net.net->ns.inum : 0;

	if (inode)
		return inode;
	sk = skb->sk;
	return sk ? sk->__sk_common.skc_net.net->ns.inum : 0;
}

static __always_inline struct pn_drop_value *add_entry(struct sk_buff *skb, __u64 location,
						       const struct pn_drop_key *key)
{
	struct pn_drop_value v = {};

	v.first_ns = v.last_ns = bpf_ktime_get_ns();
	v.tick = bpf_jiffies64();
	v.location = location;
	v.ifindex = skb->dev ? skb->dev->ifindex : 0;
	v.netns = netns_of(skb);
	bpf_map_update_elem(&drops, key, &v, BPF_NOEXIST);
	return bpf_map_lookup_elem(&drops, key);
}

static __always_inline void note_time(struct pn_drop_value *v)
{
	__u32 tick = bpf_jiffies64();

	if (v->tick == tick)
		return;
	v->tick = tick;
	v->last_ns = bpf_ktime_get_ns();
}

static __always_inline void count(struct sk_buff *skb, __u64 location, const struct packet *p)
{
	struct pn_drop_value *v = bpf_map_lookup_elem(&drops, &p->k);
	__u32 packets = count_segments(skb, p->bytes);

	if (!v)
		v = add_entry(skb, location, &p->k);
	if (!v) {
		__sync_fetch_and_add(&losses.table_full, packets);
		return;
	}
	__sync_fetch_and_add(&v->packets, packets);
	__sync_fetch_and_add(&v->bytes, p->bytes);
	if ((v->tcp_flags & p->tcp_flags) != p->tcp_flags)
		v->tcp_flags |= p->tcp_flags;
	if (p->is_answered)
		v->is_answered = 1;
	note_time(v);
	if (!news)
		news = 1;
}

/* A packet's memory may soon be another's, so what was noted counts once. */
static __always_inline bool was_answered(const struct sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *noted = has_answers ? bpf_map_lookup_elem(&answered, &zero) : NULL;

	if (!noted || *noted != (__u64)skb)
		return false;
	*noted = 0;
	return true;
}

static __always_inline void note_answer(__u64 skb)
{
	__u32 zero = 0;
	__u64 *noted = bpf_map_lookup_elem(&answered, &zero);

	if (noted)
		*noted = skb;
}

/* Arguments of all three: the packet that it is about, type, ... The tracepoint came with 6.11. */
SEC("tp_btf/icmp_send")
int pn_icmp_traced(__u64 *ctx)
{
	if ((__u8)ctx[1] == PN_ICMP_UNREACHABLE)
		note_answer(ctx[0]);
	return 0;
}

SEC("fentry/__icmp_send")
int pn_icmp_send(__u64 *ctx)
{
	if ((__u8)ctx[1] == PN_ICMP_UNREACHABLE)
		note_answer(ctx[0]);
	return 0;
}

SEC("fentry/icmp6_send")
int pn_icmp6_send(__u64 *ctx)
{
	if ((__u8)ctx[1] == PN_ICMPV6_UNREACHABLE)
		note_answer(ctx[0]);
	return 0;
}

/* Its arguments: the packet, the place, since 5.17 the reason; since 6.11 a socket. */
SEC("tp_btf/kfree_skb")
int pn_drop(__u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	__u32 reason = has_reason ? ctx[2] : 0;
	struct packet p = {};
	__be16 protocol;

	protocol = skb->protocol;
	if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
		return 0;
	if (!is_wanted(reason, ctx[1]))
		return 0;
	if (read_packet(skb, &p) < 0) {
		__sync_fetch_and_add(&losses.unparsed, 1);
		return 0;
	}
	p.w.location = ctx[1];
	p.w.reason = reason;
	p.is_answered = was_answered(skb);
	count(skb, ctx[1], &p);
	return 0;
}
