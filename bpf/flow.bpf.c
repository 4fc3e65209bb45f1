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

#include "bpf/compat.bpf.h"
#include "bpf/flow.h"
#include "bpf/fragment.bpf.h"
#include "bpf/line.bpf.h"
#include "bpf/nat.bpf.h"
#include "bpf/pair.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/plain.bpf.h"
#include "bpf/quote.bpf.h"
#include "bpf/select.bpf.h"
#include "bpf/socket.bpf.h"
#include "bpf/table.bpf.h"
#include "bpf/tcp.bpf.h"

#define PN_TCP_ACK 0x10
#define PN_PASS 1 /* of the programs at sockets */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before load. The node's network namespace: its cookie where programs may ask for it, else its inode. */
const volatile __u64 host_netns_cookie = 0;
const volatile __u32 host_netns_inode = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PN_CELL_MAX);
	__type(key, __u32);
	__type(value, struct pn_flow_cpu);
} cpus SEC(".maps");

/*
 * A packet on the wire is a segment. A GSO packet from an untrusted source (a virtual machine)
 * may not say how many it stands for; then it is reckoned from its payload, as the kernel does.
 */
static __always_inline __u32 count_segments(const struct __sk_buff *skb, __u32 payload_len)
{
	if (skb->gso_size && skb->gso_segs)
		return skb->gso_segs;
	if (!skb->gso_size || payload_len <= skb->gso_size)
		return 1;
	return (payload_len + skb->gso_size - 1) / skb->gso_size;
}

/* An entry for a connection that has none; NULL if it gets none. */
static __always_inline struct pn_flow_value *add_entry(struct __sk_buff *skb,
						       struct pn_flow_cpu *cpu, enum pn_place at,
						       const struct pn_packet *p,
						       const union pn_table_key *key, __u32 from)
{
	if (room != PN_ROOM_FREE && !pn_pair_has_room(skb, p, at))
		return NULL;
	return pn_flows_add(&key->k, pn_next_id(cpu, at), from);
}

static __always_inline void note_tcp_flags(struct pn_flow_value *v, __u32 from, __u8 flags)
{
	__u8 *seen = &v->tcp_flags[from];

	if ((*seen & flags) == flags)
		return;
	*seen |= flags;
	if (!(flags & PN_TCP_SYN) || (v->state & PN_FLOW_INITIATOR))
		return;
	pn_table_set_opener(v, flags & PN_TCP_ACK ? !from : from);
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
static __always_inline void tell_other_side(struct __sk_buff *skb, struct pn_flow_cpu *cpu,
					    const struct pn_packet *p,
					    const struct pn_flow_value *v, __u32 from)
{
	struct pn_packet other_way = {};
	struct pn_flow_value *other;
	union pn_table_key key;
	__u32 opener;

	read_tuple(&v->nat, p->proto, &other_way);
	opener = pn_table_key_of(&other_way, &key);
	other = bpf_map_lookup_elem(&flows, &key);
	if (!other)
		other = add_entry(skb, cpu, PN_FROM_SOCKET, &other_way, &key, opener);
	if (!other)
		return;
	write_tuple(&other->nat, p, from == pn_flow_opener(v));
	pn_table_set_opener(other, opener);
	other->state |= PN_FLOW_NAT | PN_FLOW_NAT_DONE |
			(v->state & PN_FLOW_BEHIND_NAT ? 0 : PN_FLOW_BEHIND_NAT);
}

/* Looks for the sockets of the ends. */
static __always_inline void stamp(struct __sk_buff *skb, const struct pn_flow_key *key,
				  struct pn_flow_value *v, __u32 from, enum pn_place at)
{
	__u32 end = at == PN_TO_SOCKET ? !from : from;

	if (at == PN_TO_POD) {
		if (~v->state & (PN_FLOW_LOOKED << 0 | PN_FLOW_LOOKED << 1))
			pn_look_to_pod(skb, key, v, from);
	} else if (~v->state & PN_FLOW_LOOKED << end) {
		if (at == PN_FROM_POD)
			pn_look_from_pod(skb, key, v, end);
		else
			pn_stamp_socket(skb, v, end);
	}
}

/* What is not plain. Returns as pn_parse() does. */
static __always_inline int look_closely(struct __sk_buff *skb, bool has_ethernet,
					struct pn_packet *p, union pn_table_key *key,
					struct pn_seen *ret)
{
	int end;

	__builtin_memset(p, 0, sizeof(*p));
	end = pn_parse(skb, has_ethernet, p);
	if (end) {
		*ret = (struct pn_seen) { .total_len = skb->len };
		return end;
	}
	if (p->more_fragments || p->later_fragment)
		pn_fragment_join(p);
	ret->from = pn_table_key_of(p, key);
	ret->total_len = p->total_len;
	ret->headers_len = p->headers_len;
	ret->tcp_flags = p->tcp_flags;
	ret->is_plain = false;
	return 0;
}

/* What a packet that is not plain may bring beyond its counts. */
static __always_inline void note_rest(struct __sk_buff *skb, const struct pn_packet *p,
				      struct pn_flow_value *v)
{
	if (p->later_fragment && !(v->state & PN_FLOW_FRAGMENT))
		v->state |= PN_FLOW_FRAGMENT;
	if (p->quote_off)
		pn_quote_note(skb, p, v);
}

/* Returns the stat of the ledger in which the packet ends, or 0: there is an entry now, *ret. */
static __always_inline int record_first(struct __sk_buff *skb, struct pn_flow_cpu *cpu,
					enum pn_place at, struct pn_packet *p,
					union pn_table_key *key, struct pn_seen *s,
					struct pn_flow_value **ret)
{
	int refused;

	if (s->is_plain)
		pn_table_packet_of(key, s->from, p);
	refused = pn_select_judge(skb, p, key, at);
	if (refused)
		return refused;
	*ret = add_entry(skb, cpu, at, p, key, s->from);
	return *ret ? 0 : pn_pair_count(skb, cpu, p, key, at, s);
}

/* To one who has called a Service, and of whose answers all have come from one backend. */
static __always_inline bool is_udp_answer(const struct pn_flow_key *key,
					  const struct pn_flow_value *v, __u32 from)
{
	__u32 bits = PN_FLOW_NAT | PN_FLOW_BEHIND_NAT | PN_FLOW_SHARED << from;

	return (v->state & bits) == PN_FLOW_NAT && key->proto == IPPROTO_UDP &&
	       from != pn_flow_opener(v);
}

/*
 * Returns the stat of the ledger in which the packet ends. *p holds what is not plain. What is switched
 * by constants asks for these last: they are memory, too, which most packets need not touch.
 */
static __always_inline int record(struct __sk_buff *skb, struct pn_flow_cpu *cpu, enum pn_place at,
				  struct pn_packet *p, union pn_table_key *key, struct pn_seen *s)
{
	struct pn_flow_value *v = bpf_map_lookup_elem(&flows, key);
	__u64 before;
	int end;

	if (!v) {
		end = record_first(skb, cpu, at, p, key, s, &v);
		if (end || !v)
			return end;
	}

	before = pn_count(v, at, s, cpu->tick);
	note_tcp_flags(v, s->from, s->tcp_flags);
	if (!pn_is_delivery(at) && key->k.proto == IPPROTO_TCP)
		pn_tcp_look(skb, v, s->from, s->tcp_flags, cpu->tick, !before);
	if (!s->is_plain)
		note_rest(skb, p, v);
	if (before < PN_MAX_LOOKS && cgroup_enabled)
		stamp(skb, &key->k, v, s->from, at);
	if (pn_is_at_socket(at) && cgroup_enabled)
		pn_compare_socket(skb, v, at == PN_TO_SOCKET ? !s->from : s->from);
	if ((at == PN_TO_POD || at == PN_FROM_SOCKET) && !(v->state & PN_FLOW_NAT_DONE) &&
	    nat_enabled) {
		v->state |= pn_nat_ask(skb, &key->k, v);
		if (at == PN_FROM_SOCKET && (v->state & PN_FLOW_NAT)) {
			pn_table_packet_of(key, s->from, p);
			tell_other_side(skb, cpu, p, v, s->from);
		}
	} else if (at == PN_TO_POD && is_udp_answer(&key->k, v, s->from) && nat_enabled &&
		   pn_nat_has_moved(skb, v)) {
		v->state |= PN_FLOW_SHARED << s->from;
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

static __always_inline void tally(struct pn_flow_cpu *cpu, enum pn_place at, int stat,
				  __u32 packets)
{
	if (pn_is_at_socket(at))
		__sync_fetch_and_add(&cpu->stat[stat], packets);
	else
		cpu->stat[stat] += packets;
}

/*
 * A line is looked for as soon as it is known which: it is on its way while the rest is done. What has been seen
 * is not set beforehand, because each check of plain headers would bring that along.
 */
static __always_inline void trace(struct __sk_buff *skb, enum pn_place at)
{
	__u32 cell = pn_is_at_socket(at) ? PN_CELL_SOCKETS : PN_CELL_INTERFACES;
	struct pn_flow_line *line = NULL;
	struct pn_flow_cpu *cpu;
	union pn_table_key key;
	struct pn_packet p;
	struct pn_seen s;
	int end = 0;

	s.is_plain = pn_plain(skb, !pn_is_at_socket(at), &key, &s);
	if (s.is_plain && !pn_is_at_socket(at))
		line = pn_line_find(&key, s.from, at);
	cpu = bpf_map_lookup_elem(&cpus, &cell);
	if (!cpu)
		return;
	note_tick(cpu);
	if (!s.is_plain)
		end = look_closely(skb, !pn_is_at_socket(at), &p, &key, &s);
	s.packets = count_segments(skb, s.total_len - s.headers_len);
	tally(cpu, at, PN_STAT_SEEN, s.packets);
	if (line && pn_line_count(line, at, &s, cpu->tick))
		end = PN_STAT_RECORDED;
	else if (!end)
		end = record(skb, cpu, at, &p, &key, &s);
	if (end > PN_STAT_SEEN && end < PN_STAT_MAX)
		tally(cpu, at, end, s.packets);
}

/* At the ingress of the host end: what leaves the pod. */
SEC("tc")
int pn_from_pod(struct __sk_buff *skb)
{
	trace(skb, PN_FROM_POD);
	return TC_ACT_UNSPEC;
}

/* At its egress: what enters the pod. */
SEC("tc")
int pn_to_pod(struct __sk_buff *skb)
{
	trace(skb, PN_TO_POD);
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
		trace(skb, PN_FROM_SOCKET);
	return PN_PASS;
}

SEC("cgroup_skb/ingress")
int pn_to_socket(struct __sk_buff *skb)
{
	if (is_the_node_s(skb))
		trace(skb, PN_TO_SOCKET);
	return PN_PASS;
}

/* At no hook: the agent runs it with a list of lines for a packet, see PN_LINES_SETTLED. */
SEC("tc")
int pn_settle_lines(struct __sk_buff *skb)
{
	const __u32 *numbers = (void *)(long)skb->data;
	__u32 i;

	if ((void *)(numbers + PN_LINES_SETTLED) > (void *)(long)skb->data_end)
		return 1;
	for (i = 0; i < PN_LINES_SETTLED; i++)
		pn_line_settle(numbers[i]);
	return 0;
}
