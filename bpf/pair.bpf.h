/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_PAIR_BPF_H
#define PN_PAIR_BPF_H

/*
 * When the flow table is full, packets without an entry are counted by the two addresses and the
 * protocol, in a table of pairs. Nothing is lost, and names can still be given; what collapses is
 * which connection it was.
 *
 * A packet must not be counted as sent in one entry and as delivered in another that knows of no
 * sender, or it would be told twice. So all hooks go by one word, `room`: while it says FULL, no hook
 * makes an entry, and when there is room again, entries begin where packets are sent. And
 * a packet that was translated on its way is counted under the tuple that it was sent with. Only at
 * a socket of the node that tuple is not known any more: what a pod answers to a process of the
 * node that has called a Service is counted by both addresses.
 */

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow.h"
#include "bpf/nat.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/table.bpf.h"

/* The entry under which a translated packet was counted where it was sent; then *p is as it was there. */
static __always_inline struct pn_flow_value *
pn_pair_sent_entry(struct __sk_buff *skb, struct pn_packet *p, enum pn_place at,
		   union pn_table_key *key, __u32 *ret_from)
{
	if (!nat_enabled || at != PN_TO_POD || !pn_nat_before(skb, p))
		return NULL;
	*ret_from = pn_table_key_of(p, key);
	return bpf_map_lookup_elem(&flows, key);
}

/* Is a packet that has no entry to get one, although not all are? */
static __noinline bool pn_pair_has_room(struct __sk_buff *skb, const struct pn_packet *p,
					enum pn_place at)
{
	struct pn_packet sent = *p;
	union pn_table_key key;
	__u32 from;

	if (room == PN_ROOM_FULL)
		return false;
	return !pn_is_delivery(at) || pn_pair_sent_entry(skb, &sent, at, &key, &from);
}

static __always_inline struct pn_flow_value *pn_pair_entry(struct pn_packet *p, __u64 id,
							   union pn_table_key *key, __u32 *ret_from)
{
	struct pn_flow_value *v;

	p->sport = p->dport = 0;
	*ret_from = pn_table_key_of(p, key);
	key->k.kind = PN_FLOW_PAIR;
	key->k.sampling = pn_sampling();
	v = bpf_map_lookup_elem(&pairs, key);
	return v ? v : pn_pairs_add(&key->k, id, *ret_from);
}

/*
 * Counts a packet that has no entry and gets none. Changes *p and *s and uses *key. Returns the cell of the
 * ledger in which it ends.
 */
static __always_inline int pn_pair_count(struct __sk_buff *skb, struct pn_flow_cpu *cpu,
					 struct pn_packet *p, union pn_table_key *key,
					 enum pn_place at, struct pn_seen *s)
{
	struct pn_flow_value *v;
	__u32 from = 0;

	v = pn_pair_sent_entry(skb, p, at, key, &from);
	if (v) {
		s->from = from;
		pn_count(v, at, s, cpu->tick);
		if (!(v->state & PN_FLOW_ELSEWHERE << !from))
			v->state |= PN_FLOW_ELSEWHERE << !from;
		return PN_STAT_RECORDED;
	}
	v = pn_pair_entry(p, pn_next_id(cpu, at), key, &from);
	if (!v)
		return PN_STAT_TABLE_FULL;
	s->from = from;
	pn_count(v, at, s, cpu->tick);
	return PN_STAT_COLLAPSED;
}

#endif
