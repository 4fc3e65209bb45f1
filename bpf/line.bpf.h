/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_LINE_BPF_H
#define PN_LINE_BPF_H

/*
 * The short way of a plain packet between pods: if its connection has a line, it is counted there and that
 * is all. The table, its four cold cache lines and all code behind them are not touched.
 *
 * Lines are given and taken by the agent (agent/datapath/lines.c). What more a packet may bring than counts
 * goes the long way: flags that were not seen before, and of TCP once in 64 ticks one that is sent, which
 * may tell of its socket.
 */

#include <linux/bpf.h>
#include <linux/in.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow.h"
#include "bpf/table.bpf.h"

/* The number of sets in use, a power of two, less one; 0: none is. */
volatile __u32 line_mask = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pn_flow_lines);
} lines SEC(".maps");

/* @needed: bits of the state */
static __always_inline bool pn_line_takes(const struct pn_flow_line *l,
					  const union pn_table_key *key, __u32 needed)
{
	const __u64 *theirs = (const __u64 *)l->addr;

	return (l->state & needed) == needed && theirs[3] == key->q.addr[3] &&
	       *(const __u32 *)l->port == key->q.ports && theirs[1] == key->q.addr[1] &&
	       theirs[2] == key->q.addr[2] && theirs[0] == key->q.addr[0] &&
	       l->proto == key->k.proto;
}

/* NULL: there is none for such packets. */
static __always_inline struct pn_flow_line *pn_line_find(const union pn_table_key *key, __u32 from,
							 enum pn_place at)
{
	__u32 place = pn_is_delivery(at) ? PN_LINE_DELIVERED : PN_LINE_SENT;
	__u32 needed = place | PN_LINE_WAY_0 << from;
	struct pn_flow_lines *set;
	__u32 mask = line_mask, i;

	if (!mask)
		return NULL;
	i = pn_flow_line_hash(key->q.addr, key->q.ports, key->k.proto, from) & mask;
	set = bpf_map_lookup_elem(&lines, &i);
	if (!set)
		return NULL;
	if (pn_line_takes(&set->line[0], key, needed))
		return &set->line[0];
	return pn_line_takes(&set->line[1], key, needed) ? &set->line[1] : NULL;
}

/*
 * What is delivered and was sent here has been in the line before, a moment ago; if it said so again, it might
 * be the first in its 64 ticks, and no packet that is sent would tell of its socket in them.
 */
static __always_inline bool pn_line_notes_time(const struct pn_flow_line *l, bool is_delivery)
{
	return !is_delivery || !(l->state & PN_LINE_SENT);
}

/* Return: whether the packet is counted in its line; else it goes the long way. */
static __always_inline bool pn_line_count(struct pn_flow_line *l, enum pn_place at,
					  const struct pn_seen *s, __u32 tick)
{
	bool is_delivery = pn_is_delivery(at);
	__u16 now = pn_flow_line_time(tick);

	if (s->tcp_flags & ~(l->state & (PN_LINE_PSH | PN_LINE_ACK)) ||
	    l->packets[is_delivery] >= PN_LINE_MAX_PACKETS)
		return false;
	if (l->time != now && pn_line_notes_time(l, is_delivery)) {
		l->time = now;
		if (!is_delivery && l->proto == IPPROTO_TCP)
			return false;
	}
	__sync_fetch_and_add(&l->packets[is_delivery], s->packets);
	__sync_fetch_and_add(&l->bytes[is_delivery],
			     s->total_len + (__u64)(s->packets - 1) * s->headers_len);
	return true;
}

/* Into the table, and the line is free. Nobody counts in it any more. */
static __noinline void pn_line_settle(__u32 number)
{
	__u32 i = (number - 1) / PN_LINES_IN_SET, from;
	struct pn_flow_lines *set = bpf_map_lookup_elem(&lines, &i);
	union pn_table_key key = {};
	struct pn_flow_value *v;
	struct pn_flow_line *l;
	struct pn_flow_way *way;
	__u32 tick;

	if (!number || !set)
		return;
	l = &set->line[(number - 1) % PN_LINES_IN_SET];
	__builtin_memcpy(key.k.addr, l->addr, sizeof(l->addr));
	__builtin_memcpy(key.k.port, l->port, sizeof(l->port));
	key.k.proto = l->proto;
	v = bpf_map_lookup_elem(&flows, &key);
	if (v) {
		from = l->state / (PN_LINE_WAY_0 << 1);
		way = pn_flow_way(v, from);
		__sync_fetch_and_add(&way->sent.packets, l->packets[0]);
		__sync_fetch_and_add(&way->sent.bytes, l->bytes[0]);
		__sync_fetch_and_add(&way->delivered.packets, l->packets[1]);
		__sync_fetch_and_add(&way->delivered.bytes, l->bytes[1]);
		tick = pn_flow_line_tick(l->time, bpf_jiffies64());
		if ((__s32)(tick - v->tick) > 0)
			v->tick = tick;
	}
	l->packets[0] = l->packets[1] = 0;
	l->bytes[0] = l->bytes[1] = 0;
	l->state = 0;
}

#endif
