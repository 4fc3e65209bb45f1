/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_TABLE_BPF_H
#define PN_TABLE_BPF_H

/*
 * The flow table and the table of pairs: keys, finding and making entries, counting in them.
 */

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <podonym/maps.h>

#include "bpf/compat.bpf.h"
#include "bpf/flow.h"
#include "bpf/parse.bpf.h"

/* Where a packet is seen. */
enum pn_place {
	PN_FROM_POD,
	PN_TO_POD,
	PN_FROM_SOCKET,
	PN_TO_SOCKET,
};

/* Not preallocated: memory follows the flows that there are. Sizes are set before load. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct pn_flow_key);
	__type(value, struct pn_flow_value);
} flows SEC(".maps"), pairs SEC(".maps");

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

/* enum pn_flow_room, see there. */
volatile __u32 room = PN_ROOM_FREE;

/* See struct pn_select_rules. */
volatile __u32 selecting = 0;
struct pn_select_rules selection[2] = {};

/* The key in aligned words, of four and of eight bytes: that is how it is compared and hashed. */
union pn_table_key {
	struct pn_flow_key k;
	struct {
		__be32 addr[2][4];
		__be16 port[2];
		__u32 proto;
	} w;
	struct {
		__u64 addr[4];
		__u32 ports;
	} q;
};

/* What is counted of a packet. */
struct pn_seen {
	__u32 from;	 /* which end of the key it comes from */
	__u32 packets;	 /* on the wire, of a GSO packet */
	__u32 total_len; /* both as in struct pn_packet */
	__u32 headers_len;
	__u8 tcp_flags;
	bool is_plain; /* all else is in the key */
};

static __always_inline bool pn_is_at_socket(enum pn_place at)
{
	return at == PN_FROM_SOCKET || at == PN_TO_SOCKET;
}

static __always_inline bool pn_is_delivery(enum pn_place at)
{
	return at == PN_TO_POD || at == PN_TO_SOCKET;
}

/* Compares (address, port) of source and destination as bytes. True if the source is greater. */
static __always_inline bool pn_is_source_greater(const __be32 src[4], const __be32 dst[4],
						 __be16 sport, __be16 dport)
{
	int i;

	for (i = 0; i < 4; i++)
		if (src[i] != dst[i])
			return bpf_ntohl(src[i]) > bpf_ntohl(dst[i]);
	return bpf_ntohs(sport) > bpf_ntohs(dport);
}

/* Fills in all but the protocol. Returns which end of the key the source is. */
static __always_inline __u32 pn_table_sort(const __be32 src[4], const __be32 dst[4], __be16 sport,
					   __be16 dport, union pn_table_key *ret)
{
	if (pn_is_source_greater(src, dst, sport, dport)) {
		__builtin_memcpy(ret->w.addr[0], dst, sizeof(ret->w.addr[0]));
		__builtin_memcpy(ret->w.addr[1], src, sizeof(ret->w.addr[1]));
		ret->w.port[0] = dport;
		ret->w.port[1] = sport;
		return 1;
	}
	__builtin_memcpy(ret->w.addr[0], src, sizeof(ret->w.addr[0]));
	__builtin_memcpy(ret->w.addr[1], dst, sizeof(ret->w.addr[1]));
	ret->w.port[0] = sport;
	ret->w.port[1] = dport;
	return 0;
}

/* Returns which end of the key the packet comes from. */
static __always_inline __u32 pn_table_key_of(const struct pn_packet *p, union pn_table_key *ret)
{
	ret->w.proto = 0;
	ret->k.proto = p->proto;
	return pn_table_sort(p->src, p->dst, p->sport, p->dport, ret);
}

/* The way back. */
static __always_inline void pn_table_packet_of(const union pn_table_key *key, __u32 from,
					       struct pn_packet *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
	__builtin_memcpy(ret->src, from ? key->w.addr[1] : key->w.addr[0], sizeof(ret->src));
	__builtin_memcpy(ret->dst, from ? key->w.addr[0] : key->w.addr[1], sizeof(ret->dst));
	ret->sport = from ? key->w.port[1] : key->w.port[0];
	ret->dport = from ? key->w.port[0] : key->w.port[1];
	ret->proto = key->k.proto;
}

/* For certain: in one write, so that of two CPUs one may lose it but not half of it. */
static __always_inline void pn_table_set_opener(struct pn_flow_value *v, __u32 end)
{
	v->state = (v->state & ~PN_FLOW_OPENER) | end * PN_FLOW_OPENER | PN_FLOW_INITIATOR;
}

static __always_inline __u32 pn_owner_of(const __u8 addr[16])
{
	const struct pn_ip_value *v = bpf_map_lookup_elem(&ip, addr);

	return v ? v->owner : 0;
}

/* Linux has at most 8192 CPUs: 13 bits. One bit says where, and 42 of the 56 are left to count. */
static __always_inline __u64 pn_next_id_at_socket(void)
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
	return n << 14 | 1 << 13;
}

static __always_inline __u64 pn_next_id(struct pn_flow_cpu *cpu, enum pn_place at)
{
	if (pn_is_at_socket(at))
		return pn_next_id_at_socket();
	return ++cpu->n_ids << 14 | (bpf_get_smp_processor_id() & 0x1fff);
}

/* In force now; for new entries. */
static __always_inline __u32 pn_sampling(void)
{
	__u32 word = selecting;

	return word ? selection[word & 1].sampling : 0;
}

/*
 * Another CPU may be first; then its entry is the one. NULL if there is no room. The entry may be
 * read before its first packet is counted, so it has a time already.
 */
static __always_inline struct pn_flow_value *
pn_table_add(void *table, const struct pn_flow_key *key, __u64 id, __u32 from)
{
	struct pn_flow_value v = {};

	v.id = id;
	v.start_us = pn_now_ns() / 1000;
	v.sampling = pn_sampling();
	v.tick = bpf_jiffies64();
	v.owner[0] = pn_owner_of(key->addr[0]);
	v.owner[1] = pn_owner_of(key->addr[1]);
	v.state = from * PN_FLOW_OPENER;
	bpf_map_update_elem(table, key, &v, BPF_NOEXIST);
	return bpf_map_lookup_elem(table, key);
}

/* NULL, and the word goes round, if there is no room. */
static __noinline struct pn_flow_value *pn_flows_add(const struct pn_flow_key *key, __u64 id,
						     __u32 from)
{
	struct pn_flow_value *v = pn_table_add(&flows, key, id, from);

	if (!v)
		room = PN_ROOM_FULL;
	return v;
}

static __noinline struct pn_flow_value *pn_pairs_add(const struct pn_flow_key *key, __u64 id,
						     __u32 from)
{
	return pn_table_add(&pairs, key, id, from);
}

/* Returns how many packets of that way had been counted at such a place before. */
static __always_inline __u64 pn_count(struct pn_flow_value *v, enum pn_place at,
				      const struct pn_seen *s, __u32 tick)
{
	struct pn_flow_way *way = pn_flow_way(v, s->from);
	struct pn_flow_count *c = pn_is_delivery(at) ? &way->delivered : &way->sent;
	__u64 before = c->packets;

	__sync_fetch_and_add(&c->packets, s->packets);
	__sync_fetch_and_add(&c->bytes, s->total_len + (__u64)(s->packets - 1) * s->headers_len);
	if (v->tick != tick)
		v->tick = tick;
	return before;
}

#endif
