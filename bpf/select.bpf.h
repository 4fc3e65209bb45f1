/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_SELECT_BPF_H
#define PN_SELECT_BPF_H

/*
 * Which connections get an entry. A connection without one is judged with its first packet, and a
 * refusal is noted, so that its other packets cost a look-up more and no judgement. What is in force is
 * in flow.h, struct pn_select_rules.
 *
 * A translated connection has a tuple on each side of the translation. Where conntrack knows the packet,
 * either may match, and whether a connection is one of those that stand for all depends on the one that its
 * opener used and on nothing else: all hooks come to the same result, on all nodes. The answer of a pod
 * behind a Service has no conntrack entry yet, and finds the entry or the refusal of the request.
 */

#include <linux/bpf.h>
#include <linux/in.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include <podonym/maps.h>

#include "bpf/flow.h"
#include "bpf/nat.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/table.bpf.h"

#define PN_MAX_REFUSALS 16384
#define PN_MAX_LOST 16384

/* Bits of rules: whose terms for an owner the owner of the address meets, ... */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct pn_select_addr);
	__type(value, __u32);
} select_owners SEC(".maps");

/* ... which have a network that this one lies in, ... */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2048);
	__type(key, struct pn_select_cidr);
	__type(value, __u32);
} select_cidrs SEC(".maps");

/* ... which have this port. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 8192);
	__type(key, struct pn_select_port);
	__type(value, __u32);
} select_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PN_MAX_REFUSALS);
	__type(key, struct pn_flow_key);
	__type(value, struct pn_select_refusal);
} refused SEC(".maps");

/* Connections that have lost packets: when, by CLOCK_MONOTONIC. Written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PN_MAX_LOST);
	__type(key, struct pn_flow_key);
	__type(value, __u64);
} select_lost SEC(".maps");

static __always_inline __u32 pn_select_owners_of(const union pn_table_key *key, int end, __u32 bank)
{
	struct pn_select_addr at = { .bank = bank };
	const __u32 *bits;

	__builtin_memcpy(at.addr, key->k.addr[end], sizeof(at.addr));
	bits = bpf_map_lookup_elem(&select_owners, &at);
	return bits ? *bits : 0;
}

static __always_inline __u32 pn_select_cidrs_of(const union pn_table_key *key, int end, __u32 bank)
{
	struct pn_select_cidr at = { .prefix_len = 32 + 128, .in.bank = bank };
	const __u32 *bits;

	__builtin_memcpy(at.in.addr, key->k.addr[end], sizeof(at.in.addr));
	bits = bpf_map_lookup_elem(&select_cidrs, &at);
	return bits ? *bits : 0;
}

/* What stands for ports in other protocols is none. */
static __always_inline __u32 pn_select_ports_of(const union pn_table_key *key, int end, __u32 bank)
{
	struct pn_select_port at = { .bank = bank, .port = key->k.port[end] };
	const __u32 *bits;

	if (key->k.proto != IPPROTO_TCP && key->k.proto != IPPROTO_UDP &&
	    key->k.proto != IPPROTO_SCTP)
		return 0;
	bits = bpf_map_lookup_elem(&select_ports, &at);
	return bits ? *bits : 0;
}

static __always_inline bool pn_select_has_lost(const union pn_table_key *key)
{
	const __u64 *lost_ns = bpf_map_lookup_elem(&select_lost, key);

	return lost_ns && (__s64)(pn_now_ns() - *lost_ns) < (__s64)PN_SELECT_LOST_NS;
}

/* The rules that match; nothing is looked up for a sort of term that no rule left needs. */
static __noinline __u32 pn_select_rules_of(const union pn_table_key *key, __u32 bank)
{
	const struct pn_select_rules *s = &selection[bank & 1];
	__u32 rules = s->proto[key->k.proto];

	if (rules & ~s->without_port)
		rules &= s->without_port | pn_select_ports_of(key, 0, bank) |
			 pn_select_ports_of(key, 1, bank);
	if (rules & ~s->without_owner)
		rules &= s->without_owner | pn_select_owners_of(key, 0, bank) |
			 pn_select_owners_of(key, 1, bank);
	if (rules & ~s->without_cidr)
		rules &= s->without_cidr | pn_select_cidrs_of(key, 0, bank) |
			 pn_select_cidrs_of(key, 1, bank);
	if (rules & ~s->without_drops && !pn_select_has_lost(key))
		rules &= s->without_drops;
	return rules;
}

/*
 * The tuple on the other side of a translation and the one that the opener used, as keys; the packet's own
 * where conntrack does not know. Either is copied, because the verifier follows two pointers apart.
 */
static __noinline void pn_select_ask(struct __sk_buff *skb, const union pn_table_key *key,
				     union pn_table_key *ret_other, union pn_table_key *ret_opened)
{
	struct pn_ct_tuple t = {};
	const struct nf_conn *ct;
	__u32 how = 0;
	long err;

	*ret_other = *ret_opened = *key;
	ct = pn_ct_of(skb, &how);
	if (!ct)
		return;
	err = how == PN_CT_REPLY ? pn_ct_read(&ct->tuplehash[1].tuple, &t)
				 : pn_ct_read(&ct->tuplehash[0].tuple, &t);
	if (err || t.proto != key->k.proto)
		return;
	(void)pn_table_sort(t.src, t.dst, t.sport, t.dport, ret_other);
	if (how != PN_CT_REPLY)
		*ret_opened = *ret_other;
}

/* Is the connection one of those that stand for all? One of @sampling is; with a lower one, these too. */
static __always_inline bool pn_select_is_sample(const union pn_table_key *key, __u32 sampling)
{
	const __u32 *words = (const __u32 *)key;
	__u64 h = 0x9e3779b97f4a7c15;
	int i;

#pragma unroll
	for (i = 0; i < (int)(sizeof(*key) / sizeof(*words)); i++) {
		h = (h ^ words[i]) * 0xff51afd7ed558ccd;
		h ^= h >> 32;
	}
	return ((h & 0xffffffff) * sampling) >> 32 == 0;
}

/*
 * What a pod of this node sends has been judged where it left the pod. What arrives without an entry
 * was not wanted there, or has been translated since, which nobody knows here.
 */
static __always_inline bool pn_select_was_judged(const struct pn_packet *p, enum pn_place at)
{
	const struct pn_ip_value *v;

	if (at != PN_TO_SOCKET)
		return false;
	v = bpf_map_lookup_elem(&ip, p->src);
	return v && v->flags & PN_IP_LOCAL && !(v->flags & PN_IP_HOST);
}

static __always_inline bool pn_select_is_known(const union pn_table_key *key,
					       const struct pn_select_refusal *now,
					       bool *ret_sampled)
{
	const struct pn_select_refusal *known = bpf_map_lookup_elem(&refused, key);

	if (!known || known->has_asked < now->has_asked)
		return false;
	*ret_sampled = known->is_selected;
	return known->is_selected ? known->sampling == now->sampling : known->word == now->word;
}

/* Constants are returned, because a verifier does not know what comes from memory. */
static __noinline int pn_select_judge_anew(struct __sk_buff *skb, const struct pn_packet *p,
					   const union pn_table_key *key, enum pn_place at)
{
	bool asks = nat_enabled && (at == PN_TO_POD || at == PN_FROM_SOCKET), is_selected = false;
	struct pn_select_refusal no = { .word = selecting, .has_asked = asks };
	union pn_table_key other, opened = *key;

	no.sampling = selection[no.word & 1].sampling;
	if (pn_select_is_known(key, &no, &is_selected))
		return is_selected ? PN_STAT_NOT_SAMPLED : PN_STAT_NOT_SELECTED;
	if (asks)
		pn_select_ask(skb, key, &other, &opened);
	no.is_selected = pn_select_rules_of(key, no.word & 1) ||
			 (asks && pn_select_rules_of(&other, no.word & 1));
	if (no.is_selected && !no.sampling)
		return 0;
	if (no.is_selected && pn_select_was_judged(p, at))
		return PN_STAT_NOT_SAMPLED;
	if (no.is_selected && pn_select_is_sample(&opened, no.sampling))
		return 0;
	bpf_map_update_elem(&refused, key, &no, BPF_ANY);
	return no.is_selected ? PN_STAT_NOT_SAMPLED : PN_STAT_NOT_SELECTED;
}

/* Of a packet without an entry: 0 if it is to get one, or the cell of the ledger in which it ends. */
static __always_inline int pn_select_judge(struct __sk_buff *skb, const struct pn_packet *p,
					   const union pn_table_key *key, enum pn_place at)
{
	return selecting ? pn_select_judge_anew(skb, p, key, at) : 0;
}

#endif
