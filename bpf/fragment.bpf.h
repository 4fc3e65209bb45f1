/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_FRAGMENT_BPF_H
#define PN_FRAGMENT_BPF_H

/*
 * Only the first fragment of a packet has the ports. It leaves them in a table, under what all
 * fragments of the packet have in common, and the later ones take them from there. One whose first
 * was not seen before it (reordered, lost, pushed out of the table) stays without.
 *
 * The interface is not in the key: two interfaces that see the same packet see the same ports, and
 * where two networks have the same addresses, the flow table does not tell them apart either.
 */

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "bpf/compat.bpf.h"
#include "bpf/parse.bpf.h"

#define PN_MAX_FRAGMENTED 4096
/* Ids come back: a note counts as long as Linux waits for the rest of an IPv4 packet. */
#define PN_FRAGMENT_AGE_NS (30 * 1000000000ULL)

/* What makes fragments one packet: RFC 791; RFC 8200 leaves the protocol out. */
struct pn_fragment_key {
	__be32 src[4], dst[4];
	__be32 id;
	__u32 proto; /* 0 with IPv6 */
};

struct pn_fragment_value {
	__u64 noted_ns;
	__be16 sport, dport;
	__u32 proto; /* behind the extension headers, which later fragments may lack */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PN_MAX_FRAGMENTED);
	__type(key, struct pn_fragment_key);
	__type(value, struct pn_fragment_value);
} fragments SEC(".maps");

/* A first fragment without ports is noted as well: another packet may have had its id before. */
static __always_inline void pn_fragment_note(const struct pn_fragment_key *key,
					     const struct pn_packet *p)
{
	struct pn_fragment_value v = {
		.noted_ns = pn_now_ns(),
		.sport = p->sport,
		.dport = p->dport,
		.proto = p->proto,
	};

	bpf_map_update_elem(&fragments, key, &v, BPF_ANY);
}

static __always_inline void pn_fragment_find(const struct pn_fragment_key *key, struct pn_packet *p)
{
	const struct pn_fragment_value *v = bpf_map_lookup_elem(&fragments, key);

	if (!v || v->noted_ns + PN_FRAGMENT_AGE_NS < pn_now_ns())
		return;
	p->sport = v->sport;
	p->dport = v->dport;
	p->proto = v->proto;
	p->later_fragment = false;
}

/* Of a packet that was parsed: gives a later fragment the ports and the protocol of its first. */
static __noinline void pn_fragment_join(struct pn_packet *p)
{
	struct pn_fragment_key key = { .id = p->fragment_id };

	__builtin_memcpy(key.src, p->src, sizeof(key.src));
	__builtin_memcpy(key.dst, p->dst, sizeof(key.dst));
	key.proto = p->is_ipv6 ? 0 : p->proto;
	if (p->later_fragment)
		pn_fragment_find(&key, p);
	else
		pn_fragment_note(&key, p);
}

#endif
