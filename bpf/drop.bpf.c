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
 * Per drop: the headers in one copy, one look-up, two atomic additions. A flood is of few flows: what
 * a CPU drops again right away is added to its own memory and goes to the table together, when
 * something else is dropped there or the agent looks.
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

/* Set by the agent: it asks each CPU for what waits there; another number when it has removed entries. */
volatile __u32 may_wait = 0;
volatile __u32 epoch = 0;

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

/* By CPU. Its size is set before load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pn_drop_last);
} last SEC(".maps");

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
} __attribute__((aligned(8)));

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

/* @skb: NULL: its interface is not known any more */
static __always_inline struct pn_drop_value *add_entry(struct sk_buff *skb, __u64 location,
						       __u64 now_ns, const struct pn_drop_key *key)
{
	struct pn_drop_value v = {};

	v.first_ns = v.last_ns = now_ns;
	v.tick = bpf_jiffies64();
	v.location = location;
	if (skb) {
		v.ifindex = skb->dev ? skb->dev->ifindex : 0;
		v.netns = netns_of(skb);
	}
	bpf_map_update_elem(&drops, key, &v, BPF_NOEXIST);
	return bpf_map_lookup_elem(&drops, key);
}

static __always_inline void note_time(__u32 *tick_noted, __u64 *last_ns)
{
	__u32 tick = bpf_jiffies64();

	if (*tick_noted == tick)
		return;
	*tick_noted = tick;
	*last_ns = bpf_ktime_get_ns();
}

static __always_inline void add(struct pn_drop_value *v, __u64 packets, __u64 bytes, __u8 tcp_flags,
				bool is_answered)
{
	__sync_fetch_and_add(&v->packets, packets);
	__sync_fetch_and_add(&v->bytes, bytes);
	if ((v->tcp_flags & tcp_flags) != tcp_flags)
		v->tcp_flags |= tcp_flags;
	if (is_answered)
		v->is_answered = 1;
}

/* Return: is there an entry for it? */
static __always_inline bool count_in_table(struct sk_buff *skb, __u64 location,
					   const struct packet *p, __u32 packets)
{
	struct pn_drop_value *v = bpf_map_lookup_elem(&drops, &p->k);

	if (!v)
		v = add_entry(skb, location, bpf_ktime_get_ns(), &p->k);
	if (!v) {
		__sync_fetch_and_add(&losses.table_full, packets);
		return false;
	}
	add(v, packets, p->bytes, p->tcp_flags, p->is_answered);
	note_time(&v->tick, &v->last_ns);
	return true;
}

/* What waits goes to the table. Its time may be from before the entry: another drop's, in the same tick. */
static __always_inline void settle(struct pn_drop_last *l)
{
	struct pn_drop_value *v;

	if (!l->packets)
		return;
	v = bpf_map_lookup_elem(&drops, &l->key);
	if (!v)
		v = add_entry(NULL, l->location, l->last_ns, &l->key);
	if (v) {
		add(v, l->packets, l->bytes, l->tcp_flags, l->is_answered);
		if (l->last_ns > v->last_ns) {
			v->tick = l->tick;
			v->last_ns = l->last_ns;
		}
	} else {
		__sync_fetch_and_add(&losses.table_full, l->packets);
	}
	l->packets = l->bytes = 0;
	l->tcp_flags = l->is_answered = 0;
}

static __always_inline bool is_same(const struct pn_drop_last *l, const struct packet *p)
{
	const __u64 *a = (const __u64 *)&l->key, *b = (const __u64 *)&p->k;

	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] &&
	       a[5] == b[5] && l->epoch == epoch;
}

static __always_inline void count_again(struct pn_drop_last *l, const struct packet *p,
					__u32 packets)
{
	l->packets += packets;
	l->bytes += p->bytes;
	l->tcp_flags |= p->tcp_flags;
	l->is_answered |= p->is_answered;
	note_time(&l->tick, &l->last_ns);
}

/* The one that waited goes first; what has found its entry may wait the next time. */
static __always_inline void count_another(struct pn_drop_last *l, struct sk_buff *skb,
					  __u64 location, const struct packet *p, __u32 packets)
{
	__u32 now = epoch;

	settle(l);
	if (!count_in_table(skb, location, p, packets))
		return;
	l->key = p->k;
	l->location = location;
	l->epoch = now;
}

static __always_inline void count(struct sk_buff *skb, __u64 location, const struct packet *p)
{
	__u32 cpu = bpf_get_smp_processor_id(), packets = count_segments(skb, p->bytes);
	struct pn_drop_last *l = may_wait ? bpf_map_lookup_elem(&last, &cpu) : NULL;

	if (l && !l->is_busy) {
		l->is_busy = 1;
		barrier();
		if (is_same(l, p))
			count_again(l, p, packets);
		else
			count_another(l, skb, location, p, packets);
		barrier();
		l->is_busy = 0;
	} else {
		(void)count_in_table(skb, location, p, packets);
	}
	if (!news)
		news = 1;
}

/*
 * Run by the agent on the CPU of its argument, or, where that is off, on any. Return: 1: it was in the
 * middle of a drop, which is to be looked at again
 */
SEC("raw_tp")
int pn_drop_settle(__u64 *ctx)
{
	__u32 cpu = ctx[0];
	struct pn_drop_last *l = bpf_map_lookup_elem(&last, &cpu);

	if (!l)
		return 0;
	if (l->is_busy)
		return 1;
	l->is_busy = 1;
	barrier();
	settle(l);
	barrier();
	l->is_busy = 0;
	return 0;
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
