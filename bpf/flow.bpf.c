// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Flow tracing: two tc programs for the host end of a pod's veth, one for each direction, and two
 * for the sockets of the node itself, loaded and attached by agent/datapath/tracer.c. They look at
 * each packet, count it in its connection's entry of the flow table, and hand it on unchanged,
 * whatever happens.
 *
 * Per packet: parse, one look-up, two atomic additions. Everything that costs more (names,
 * conntrack, sockets) is done once per entry, or with its first packets. Every packet ends in one
 * cell of the ledger beside SEEN, so that what was not recorded is known by number.
 *
 * Counters are shared by all CPUs and exact. The other fields are written plainly: two CPUs that
 * write `tcp_flags` or `state` of one entry at the same instant may lose one of two new bits until
 * a packet brings it again; a lost NAT_DONE makes the entry ask again.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <podonym/maps.h>

#include "bpf/compat.bpf.h"
#include "bpf/flow.h"
#include "bpf/fragment.bpf.h"
#include "bpf/nat.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/quote.bpf.h"
#include "bpf/socket.bpf.h"
#include "bpf/tcp.bpf.h"

#define PN_TCP_ACK 0x10
#define PN_PASS 1 /* of the programs at sockets */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before load. */
const volatile bool nat_enabled = true, cgroup_enabled = true, tcp_enabled = true;
/* The node's network namespace: its cookie where programs may ask for it, else its inode. */
const volatile __u64 host_netns_cookie = 0;
const volatile __u32 host_netns_inode = 0;

/* Where a packet is seen. */
enum place {
	FROM_POD,
	TO_POD,
	FROM_SOCKET,
	TO_SOCKET,
};

/* Not preallocated: memory follows the flows that there are. Its size is set before load. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct pn_flow_key);
	__type(value, struct pn_flow_value);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PN_CELL_MAX);
	__type(key, __u32);
	__type(value, struct pn_flow_cpu);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pn_flow_ids);
} ids SEC(".maps");

/* The public map of that name takes its place before load; without names it stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct pn_ip_key);
	__type(value, struct pn_ip_value);
} ip SEC(".maps");

/* The key in aligned words: that is how it is compared and hashed. */
union flow_key {
	struct pn_flow_key k;
	struct {
		__be32 addr[2][4];
		__be16 port[2];
		__u32 proto;
	} w;
};

/*
 * A packet on the wire is a segment. A GSO packet from an untrusted source (a virtual machine)
 * may not say how many it stands for; then it is reckoned from its length, as the kernel does.
 */
static __always_inline __u32 count_segments(const struct __sk_buff *skb)
{
	if (!skb->gso_size)
		return 1;
	if (skb->gso_segs)
		return skb->gso_segs;
	return (skb->len + skb->gso_size - 1) / skb->gso_size;
}

/* Compares (address, port) of source and destination as bytes. True if the source is greater. */
static __always_inline bool is_source_greater(const struct pn_packet *p)
{
	int i;

	for (i = 0; i < 4; i++)
		if (p->src[i] != p->dst[i])
			return bpf_ntohl(p->src[i]) > bpf_ntohl(p->dst[i]);
	return bpf_ntohs(p->sport) > bpf_ntohs(p->dport);
}

/* Returns which end of the key the packet comes from. */
static __always_inline __u32 make_key(const struct pn_packet *p, union flow_key *ret)
{
	__u32 from = is_source_greater(p);
	int i;

	for (i = 0; i < 4; i++) {
		ret->w.addr[0][i] = from ? p->dst[i] : p->src[i];
		ret->w.addr[1][i] = from ? p->src[i] : p->dst[i];
	}
	ret->w.port[0] = from ? p->dport : p->sport;
	ret->w.port[1] = from ? p->sport : p->dport;
	ret->w.proto = 0;
	ret->k.proto = p->proto;
	return from;
}

static __always_inline __u32 owner_of(const __u8 addr[16])
{
	const struct pn_ip_value *v = bpf_map_lookup_elem(&ip, addr);

	return v ? v->owner : 0;
}

static __always_inline bool is_at_socket(enum place at)
{
	return at == FROM_SOCKET || at == TO_SOCKET;
}

static __always_inline bool is_delivery(enum place at)
{
	return at == TO_POD || at == TO_SOCKET;
}

static __always_inline __u64 next_id_at_socket(void)
{
	struct pn_flow_ids *source;
	__u32 zero = 0;
	__u64 n;

	source = bpf_map_lookup_elem(&ids, &zero);
	if (!source)
		return 0;
	bpf_spin_lock(&source->lock);
	n = ++source->n_ids;
	bpf_spin_unlock(&source->lock);
	return n << 17 | 1 << 16;
}

static __always_inline __u64 next_id(struct pn_flow_cpu *cpu)
{
	return ++cpu->n_ids << 17 | (bpf_get_smp_processor_id() & 0xffff);
}

/*
 * Another CPU may be first; then its entry is the one. NULL if there is no room. The entry may be
 * read before its first packet is counted, so it has a time already.
 */
static __noinline struct pn_flow_value *add_flow(const struct pn_flow_key *key, __u64 id,
						 __u32 from)
{
	struct pn_flow_value v = {};

	v.id = id;
	v.start_ns = pn_now_ns();
	v.tick = bpf_jiffies64();
	v.owner[0] = owner_of(key->addr[0]);
	v.owner[1] = owner_of(key->addr[1]);
	v.initiator = from;
	bpf_map_update_elem(&flows, key, &v, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flows, key);
}

/* Finds the connection's entry or makes it; NULL if there is no room. */
static __always_inline struct pn_flow_value *
entry_of(const union flow_key *key, struct pn_flow_cpu *cpu, enum place at, __u32 from)
{
	struct pn_flow_value *v = bpf_map_lookup_elem(&flows, key);

	if (v)
		return v;
	return add_flow(&key->k, is_at_socket(at) ? next_id_at_socket() : next_id(cpu), from);
}

static __always_inline void note_tcp_flags(struct pn_flow_value *v, __u32 from, __u8 flags)
{
	__u8 *seen = &v->tcp_flags[from];

	if ((*seen & flags) == flags)
		return;
	*seen |= flags;
	if (!(flags & PN_TCP_SYN) || (v->state & PN_FLOW_INITIATOR))
		return;
	v->initiator = flags & PN_TCP_ACK ? !from : from;
	v->state |= PN_FLOW_INITIATOR;
}

static __always_inline void count(struct pn_flow_value *v, struct pn_flow_count *c, __u64 packets,
				  __u64 bytes, __u32 tick)
{
	__sync_fetch_and_add(&c->packets, packets);
	__sync_fetch_and_add(&c->bytes, bytes);
	if (v->tick != tick)
		v->tick = tick;
}

static __always_inline void read_tuple(const struct pn_flow_tuple *t, __u8 proto,
				       struct pn_packet *ret)
{
	__builtin_memcpy(ret->src, t->addr[0], sizeof(ret->src));
	__builtin_memcpy(ret->dst, t->addr[1], sizeof(ret->dst));
	ret->sport = t->port[0];
	ret->dport = t->port[1];
	ret->proto = proto;
}

/* As the tuple of the connection, of which this packet came from the opener or not. */
static __always_inline void write_tuple(struct pn_flow_tuple *t, const struct pn_packet *p,
					bool is_from_opener)
{
	__builtin_memcpy(t->addr[0], is_from_opener ? p->src : p->dst, sizeof(p->src));
	__builtin_memcpy(t->addr[1], is_from_opener ? p->dst : p->src, sizeof(p->dst));
	t->port[0] = is_from_opener ? p->sport : p->dport;
	t->port[1] = is_from_opener ? p->dport : p->sport;
}

/*
 * A packet that has arrived at a socket is without its conntrack entry. So the one that leaves the
 * socket tells the entry on the other side of the translation, under which those arrive; it makes
 * that entry if it is the first.
 */
static __always_inline void tell_other_side(struct pn_flow_cpu *cpu, const struct pn_packet *p,
					    const struct pn_flow_value *v, __u32 from)
{
	struct pn_packet other_way = {};
	struct pn_flow_value *other;
	union flow_key key;
	__u32 opener;

	read_tuple(&v->nat, p->proto, &other_way);
	opener = make_key(&other_way, &key);
	other = entry_of(&key, cpu, FROM_SOCKET, opener);
	if (!other)
		return;
	write_tuple(&other->nat, p, from == v->initiator);
	other->initiator = opener;
	other->state |= PN_FLOW_NAT | PN_FLOW_NAT_DONE | PN_FLOW_INITIATOR |
			(v->state & PN_FLOW_BEHIND_NAT ? 0 : PN_FLOW_BEHIND_NAT);
}

/* Looks for the sockets of the ends; once they are known, that is one comparison or two. */
static __always_inline void stamp(struct __sk_buff *skb, const struct pn_flow_key *key,
				  struct pn_flow_value *v, __u32 from, enum place at)
{
	__u32 end = at == TO_SOCKET ? !from : from;

	if (at == TO_POD) {
		if (~v->state & (PN_FLOW_LOOKED << 0 | PN_FLOW_LOOKED << 1))
			pn_look_to_pod(skb, key, v, from);
	} else if (~v->state & PN_FLOW_LOOKED << end) {
		if (at == FROM_POD)
			pn_look_from_pod(skb, key, v, end);
		else
			pn_stamp_socket(skb, v, end);
	}
}

/* Returns the stat of the ledger in which the packet ends. */
static __always_inline int record(struct __sk_buff *skb, struct pn_flow_cpu *cpu, enum place at,
				  __u32 packets)
{
	struct pn_packet p = {};
	struct pn_flow_value *v;
	union flow_key key;
	__u32 from;
	int err;

	err = pn_parse(skb, !is_at_socket(at), &p);
	if (err)
		return err;
	if (p.more_fragments || p.later_fragment)
		pn_fragment_join(&p);
	from = make_key(&p, &key);
	v = entry_of(&key, cpu, at, from);
	if (!v)
		return PN_STAT_TABLE_FULL;

	count(v, is_delivery(at) ? &v->delivered[from] : &v->sent[from], packets,
	      p.total_len + (__u64)(packets - 1) * p.headers_len, cpu->tick);
	note_tcp_flags(v, from, p.tcp_flags);
	if (p.later_fragment && !(v->state & PN_FLOW_FRAGMENT))
		v->state |= PN_FLOW_FRAGMENT;
	if (tcp_enabled && !is_delivery(at) && p.proto == IPPROTO_TCP)
		pn_tcp_look(skb, v, from, p.tcp_flags, cpu->tick);
	if (p.quote_off)
		pn_quote_note(skb, &p, v);
	if (cgroup_enabled)
		stamp(skb, &key.k, v, from, at);
	if (nat_enabled && (at == TO_POD || at == FROM_SOCKET) && !(v->state & PN_FLOW_NAT_DONE)) {
		v->state |= pn_nat_ask(skb, &key.k, v);
		if (at == FROM_SOCKET && (v->state & PN_FLOW_NAT))
			tell_other_side(cpu, &p, v, from);
	}
	return PN_STAT_RECORDED;
}

/* The clock is read by the first packet of a tick on each CPU only; entries note the tick. */
static __always_inline void note_tick(struct pn_flow_cpu *cpu)
{
	__u32 tick = bpf_jiffies64();

	if (cpu->tick == tick)
		return;
	cpu->tick = tick;
	cpu->tick_ns = pn_now_ns();
}

static __always_inline void tally(struct pn_flow_cpu *cpu, enum place at, int stat, __u32 packets)
{
	if (is_at_socket(at))
		__sync_fetch_and_add(&cpu->stat[stat], packets);
	else
		cpu->stat[stat] += packets;
}

static __always_inline void trace(struct __sk_buff *skb, enum place at)
{
	__u32 cell = is_at_socket(at) ? PN_CELL_SOCKETS : PN_CELL_INTERFACES;
	__u32 packets = count_segments(skb);
	struct pn_flow_cpu *cpu = bpf_map_lookup_elem(&cpus, &cell);
	int end;

	if (!cpu)
		return;
	note_tick(cpu);
	tally(cpu, at, PN_STAT_SEEN, packets);
	end = record(skb, cpu, at, packets);
	if (end > PN_STAT_SEEN && end < PN_STAT_MAX)
		tally(cpu, at, end, packets);
}

/* At the ingress of the host end: what leaves the pod. */
SEC("tc")
int pn_from_pod(struct __sk_buff *skb)
{
	trace(skb, FROM_POD);
	return TC_ACT_UNSPEC;
}

/* At its egress: what enters the pod. */
SEC("tc")
int pn_to_pod(struct __sk_buff *skb)
{
	trace(skb, TO_POD);
	return TC_ACT_UNSPEC;
}

/* Costs each packet of each pod's sockets: 1 ns by the cookie, 15 ns by the inode. */
static __always_inline bool is_the_node_s(struct __sk_buff *skb)
{
	if (host_netns_cookie)
		return bpf_get_netns_cookie(skb) == host_netns_cookie;
	return pn_is_in_netns(skb, host_netns_inode);
}

/* At every socket of the machine; those of pods are traced at their interfaces. */
SEC("cgroup_skb/egress")
int pn_from_socket(struct __sk_buff *skb)
{
	if (is_the_node_s(skb))
		trace(skb, FROM_SOCKET);
	return PN_PASS;
}

SEC("cgroup_skb/ingress")
int pn_to_socket(struct __sk_buff *skb)
{
	if (is_the_node_s(skb))
		trace(skb, TO_SOCKET);
	return PN_PASS;
}
