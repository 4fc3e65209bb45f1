/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_NAT_BPF_H
#define PN_NAT_BPF_H

/*
 * What conntrack knows about a packet: who opened the connection, and its tuple on the other side of
 * a translation. A packet has a conntrack entry on its way into a pod and on its way out of a socket of
 * the node, but not yet when it leaves a pod and no more when it arrives at a socket; so an entry of
 * the flow table asks with the first packet that has one.
 *
 * The context of a tc program is the kernel's sk_buff at run time, so its fields are read from the
 * context's address by probe_read; kfuncs would need 6.2 and the module's BTF. Everything here is
 * behind the switch nat_enabled, for kernels that refuse it.
 */

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow.h"
#include "bpf/parse.bpf.h"
#include "bpf/table.bpf.h"

#define PN_AF_INET 2
#define PN_CT_POINTER (~7UL) /* the low bits of _nfct say how the packet relates to the entry: */
#define PN_CT_NEW 2
#define PN_CT_REPLY 3

/* Set before load. */
const volatile bool nat_enabled = true;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sk_buff {
	unsigned long _nfct;
};

union nf_inet_addr {
	__be32 all[4];
};

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union {
		__be16 all;
	} u;
	__u16 l3num;
};

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
		} u;
		__u8 protonum;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2]; /* original, reply */
};
#pragma clang attribute pop

/* A tuple as conntrack has it, in our terms: IPv4 mapped, the echo identifier as both ports. */
struct pn_ct_tuple {
	__be32 src[4], dst[4];
	__be16 sport, dport;
	__u8 proto;
};

static __always_inline void pn_ct_map_ipv4(__be32 addr[4])
{
	addr[3] = addr[0];
	addr[2] = bpf_htonl(0xffff);
	addr[1] = addr[0] = 0;
}

static __always_inline int pn_ct_read(const struct nf_conntrack_tuple *t, struct pn_ct_tuple *ret)
{
	__u16 family;

	if (bpf_core_read(ret->src, sizeof(ret->src), &t->src.u3) ||
	    bpf_core_read(ret->dst, sizeof(ret->dst), &t->dst.u3) ||
	    bpf_core_read(&ret->sport, sizeof(ret->sport), &t->src.u.all) ||
	    bpf_core_read(&ret->dport, sizeof(ret->dport), &t->dst.u.all) ||
	    bpf_core_read(&ret->proto, sizeof(ret->proto), &t->dst.protonum) ||
	    bpf_core_read(&family, sizeof(family), &t->src.l3num))
		return -1;
	if (family == PN_AF_INET) {
		pn_ct_map_ipv4(ret->src);
		pn_ct_map_ipv4(ret->dst);
	}
	if (ret->proto == IPPROTO_ICMP || ret->proto == IPPROTO_ICMPV6)
		ret->dport = ret->sport;
	return 0;
}

static __always_inline bool pn_ct_is_end(const struct pn_flow_key *key, int end,
					 const __be32 addr[4], __be16 port)
{
	const __be32 *words = (const __be32 *)key->addr[end];

	return words[0] == addr[0] && words[1] == addr[1] && words[2] == addr[2] &&
	       words[3] == addr[3] && key->port[end] == port;
}

/* Which end of the entry opened the connection if this is its tuple; -1 if it is not. */
static __always_inline int pn_ct_opener(const struct pn_flow_key *key, const struct pn_ct_tuple *t)
{
	if (t->proto != key->proto)
		return -1;
	if (pn_ct_is_end(key, 0, t->src, t->sport) && pn_ct_is_end(key, 1, t->dst, t->dport))
		return 0;
	if (pn_ct_is_end(key, 1, t->src, t->sport) && pn_ct_is_end(key, 0, t->dst, t->dport))
		return 1;
	return -1;
}

/* A reply's tuple runs backwards: its source is where the opener's packets end up. */
static __always_inline void pn_ct_turn(struct pn_ct_tuple *t)
{
	struct pn_ct_tuple was = *t;

	__builtin_memcpy(t->src, was.dst, sizeof(t->src));
	__builtin_memcpy(t->dst, was.src, sizeof(t->dst));
	t->sport = was.dport;
	t->dport = was.sport;
}

static __always_inline void pn_nat_store(struct pn_flow_value *v, const struct pn_ct_tuple *t)
{
	__builtin_memcpy(v->nat.addr[0], t->src, sizeof(t->src));
	__builtin_memcpy(v->nat.addr[1], t->dst, sizeof(t->dst));
	v->nat.port[0] = t->sport;
	v->nat.port[1] = t->dport;
}

/*
 * Without a translation both tuples name the entry, and there is nothing to store. Neither names
 * it for an ICMP error, which conntrack hangs on the connection that it complains about.
 */
static __noinline __u32 pn_nat_ask(struct __sk_buff *skb, const struct pn_flow_key *key,
				   struct pn_flow_value *v)
{
	const struct sk_buff *kernel_skb = (const void *)skb;
	struct pn_ct_tuple opened = {}, answered = {};
	int by_opened, by_answered;
	const struct nf_conn *ct;
	unsigned long nfct;

	if (bpf_core_read(&nfct, sizeof(nfct), &kernel_skb->_nfct) || !(nfct & PN_CT_POINTER))
		return PN_FLOW_NAT_DONE;
	ct = (const void *)(nfct & PN_CT_POINTER);
	if (pn_ct_read(&ct->tuplehash[0].tuple, &opened) ||
	    pn_ct_read(&ct->tuplehash[1].tuple, &answered))
		return PN_FLOW_NAT_DONE;
	pn_ct_turn(&answered);

	by_opened = pn_ct_opener(key, &opened);
	by_answered = pn_ct_opener(key, &answered);
	if (by_opened < 0 && by_answered < 0)
		return PN_FLOW_NAT_DONE;
	if (!(v->state & PN_FLOW_INITIATOR))
		pn_table_set_opener(v, by_opened >= 0 ? by_opened : by_answered);
	if (by_opened >= 0 && by_answered >= 0)
		return PN_FLOW_NAT_DONE;
	pn_nat_store(v, by_opened >= 0 ? &answered : &opened);
	return PN_FLOW_NAT_DONE | PN_FLOW_NAT | (by_opened >= 0 ? 0 : PN_FLOW_BEHIND_NAT);
}

static __always_inline bool pn_is_same_tuple(const struct pn_packet *p, const struct pn_ct_tuple *t)
{
	int i;

	for (i = 0; i < 4; i++)
		if (p->src[i] != t->src[i] || p->dst[i] != t->dst[i])
			return false;
	return p->sport == t->sport && p->dport == t->dport;
}

/* Does the packet's conntrack entry describe it? That of an ICMP error is another's. NULL: no. */
static __always_inline const struct nf_conn *pn_ct_of(struct __sk_buff *skb, __u32 *ret_how)
{
	const struct sk_buff *kernel_skb = (const void *)skb;
	unsigned long nfct;

	if (bpf_core_read(&nfct, sizeof(nfct), &kernel_skb->_nfct) || !(nfct & PN_CT_POINTER))
		return NULL;
	*ret_how = nfct & ~PN_CT_POINTER;
	if (*ret_how != 0 && *ret_how != PN_CT_NEW && *ret_how != PN_CT_REPLY)
		return NULL;
	return (const void *)(nfct & PN_CT_POINTER);
}

/*
 * Has the opener's entry of UDP got an answer from another backend than the one it knows? Conntrack forgets such
 * connections before the agent does, and their next packet may go anywhere.
 */
static __noinline bool pn_nat_has_moved(struct __sk_buff *skb, const struct pn_flow_value *v)
{
	const __be32 *known = (const __be32 *)v->nat.addr[1];
	const struct nf_conn *ct;
	__be32 addr[4] = {};
	__be16 port = 0;
	__u32 how;

	ct = pn_ct_of(skb, &how);
	if (!ct || how != PN_CT_REPLY ||
	    bpf_core_read(addr, sizeof(addr), &ct->tuplehash[1].tuple.src.u3) ||
	    bpf_core_read(&port, sizeof(port), &ct->tuplehash[1].tuple.src.u.all))
		return false;
	if (known[0] == 0 && known[1] == 0 && known[2] == bpf_htonl(0xffff))
		pn_ct_map_ipv4(addr);
	return port != v->nat.port[1] || addr[3] != known[3] || addr[2] != known[2] ||
	       addr[1] != known[1] || addr[0] != known[0];
}

/*
 * Gives a packet the tuple that it had where it was sent, before it was translated on this node. False:
 * there is no such.
 */
static __noinline bool pn_nat_before(struct __sk_buff *skb, struct pn_packet *p)
{
	struct pn_ct_tuple t = {};
	const struct nf_conn *ct;
	__u32 how;

	ct = pn_ct_of(skb, &how);
	if (!ct)
		return false;
	/* two constant indexes, because CO-RE does not scale a variable one */
	if (how == PN_CT_REPLY ? pn_ct_read(&ct->tuplehash[1].tuple, &t)
			       : pn_ct_read(&ct->tuplehash[0].tuple, &t))
		return false;
	if (t.proto != p->proto)
		return false;
	if (pn_is_same_tuple(p, &t))
		return false;
	__builtin_memcpy(p->src, t.src, sizeof(p->src));
	__builtin_memcpy(p->dst, t.dst, sizeof(p->dst));
	p->sport = t.sport;
	p->dport = t.dport;
	return true;
}

#endif
