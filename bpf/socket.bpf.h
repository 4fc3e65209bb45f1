/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_SOCKET_BPF_H
#define PN_SOCKET_BPF_H

/*
 * Whose packet it is: the cgroup of its socket. A packet keeps its sender's socket through a veth, so
 * at the host end it still tells which container sent it. What comes without one (an answer of the
 * kernel itself, a packet on its way to a pod) is the pod's by the interface, which remembers the last
 * cgroup that was seen sending through it.
 *
 * Fields of the socket are read from the kernel's structures by probe_read, as in nat.bpf.h.
 */

#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow.h"

/* Everything that is in no cgroup is in this one; on a node with version 1 only, all sockets are. */
#define PN_ROOT_CGROUP 1
/* A socket that stands for a connection not yet accepted: the head of a socket and no more. */
#define PN_TCP_NEW_SYN_RECV 12

/* Set before load. */
const volatile bool cgroup_enabled = true;

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
	unsigned char skc_net_refcnt : 1;
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

/* the same struct as sk_buff; nat.bpf.h wants another part of it */
struct sk_buff___owned {
	struct sock *sk;
};
#pragma clang attribute pop

/* What interfaces remember; room for as many as a node can have. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct pn_flow_link);
} links SEC(".maps");

static __always_inline const struct sock *pn_socket_of(struct __sk_buff *skb)
{
	const struct sk_buff___owned *kernel_skb = (const void *)skb;
	const struct sock *sk;

	return bpf_core_read(&sk, sizeof(sk), &kernel_skb->sk) ? NULL : sk;
}

/* By the inode of the namespace's file in /proc. */
static __always_inline bool pn_is_in_netns(struct __sk_buff *skb, __u32 inode)
{
	const struct sock *sk = pn_socket_of(skb);
	const struct net *net;
	__u32 inum;

	return sk && !bpf_core_read(&net, sizeof(net), &sk->__sk_common.skc_net.net) &&
	       !bpf_core_read(&inum, sizeof(inum), &net->ns.inum) && inum == inode;
}

/*
 * Some of the kernel's own sockets (for resets, ICMP, neighbour discovery) are in the cgroup of the
 * process that made the network namespace, which says nothing. Only users' sockets hold a reference
 * to their namespace.
 */
static __always_inline bool pn_is_users_socket(struct __sk_buff *skb)
{
	const struct bpf_sock *seen = skb->sk;
	const struct sock *sk;

	if (!seen)
		return false;
	if (seen->state == PN_TCP_NEW_SYN_RECV)
		return true;
	sk = pn_socket_of(skb);
	return sk && BPF_CORE_READ_BITFIELD_PROBED(&sk->__sk_common, skc_net_refcnt);
}

/* 0: there is no socket of a user; PN_ROOT_CGROUP: there is one, and it tells nothing. */
static __always_inline __u64 pn_socket_cgroup(struct __sk_buff *skb)
{
	__u64 id = bpf_skb_cgroup_id(skb);

	return id && pn_is_users_socket(skb) ? id : 0;
}

static __always_inline int pn_family_slot(const __be32 addr[4])
{
	return !addr[0] && !addr[1] && addr[2] == bpf_htonl(0xffff);
}

static __always_inline bool pn_is_same_addr(const __be32 a[4], const __be32 b[4])
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline __be32 *pn_link_addr(struct pn_flow_link *link, const __be32 addr[4])
{
	return pn_family_slot(addr) ? link->addr[1] : link->addr[0];
}

/*
 * The address is compared because not every veth is a pod's: that of a whole node in a container
 * brings packets of the world outside.
 */
static __always_inline __u64 pn_link_cgroup(__u32 ifindex, const __be32 addr[4])
{
	struct pn_flow_link *link = bpf_map_lookup_elem(&links, &ifindex);

	return link && pn_is_same_addr(pn_link_addr(link, addr), addr) ? link->cgroup : 0;
}

static __always_inline void pn_link_note(__u32 ifindex, const __be32 addr[4], __u64 cgroup)
{
	struct pn_flow_link fresh = {}, *link = bpf_map_lookup_elem(&links, &ifindex);
	__be32 *slot;

	if (!link) {
		fresh.cgroup = cgroup;
		__builtin_memcpy(pn_link_addr(&fresh, addr), addr, sizeof(fresh.addr[0]));
		bpf_map_update_elem(&links, &ifindex, &fresh, BPF_ANY);
		return;
	}
	if (link->cgroup != cgroup)
		link->cgroup = cgroup;
	slot = pn_link_addr(link, addr);
	if (!pn_is_same_addr(slot, addr))
		__builtin_memcpy(slot, addr, sizeof(link->addr[0]));
}

/* High first: who sees a low half sees the whole id. */
static __always_inline void pn_set_cgroup(struct pn_flow_value *v, __u32 end, __u64 cgroup)
{
	volatile struct pn_flow_cgroups *c = &v->cgroups;

	c->high[end] = cgroup >> 32;
	c->low[end] = cgroup;
}

/* Returns the cgroup if it is known now. Its own socket is the last word, the interface's memory is not. */
static __always_inline __u64 pn_stamp_socket(struct __sk_buff *skb, struct pn_flow_value *v,
					     __u32 end)
{
	__u64 cgroup = pn_socket_cgroup(skb);

	if (cgroup)
		v->state |= PN_FLOW_LOOKED << end;
	if (cgroup <= PN_ROOT_CGROUP)
		return 0;
	pn_set_cgroup(v, end, cgroup);
	return cgroup;
}

/*
 * A port of the node is one process's now and another's later, within the life of an entry: a server is replaced
 * while its client goes on, a client gets a port that was just free. A pod's interface is that pod's alone. What
 * is for many is delivered to several sockets at once.
 */
static __always_inline void pn_compare_socket(struct __sk_buff *skb, struct pn_flow_value *v,
					      __u32 end)
{
	__u64 cgroup = bpf_skb_cgroup_id(skb);

	if (skb->pkt_type != PACKET_HOST || cgroup <= PN_ROOT_CGROUP || !v->cgroups.low[end] ||
	    ((__u32)cgroup == v->cgroups.low[end] && (__u16)(cgroup >> 32) == v->cgroups.high[end]))
		return;
	if (!(v->state & PN_FLOW_SHARED << end) && pn_is_users_socket(skb))
		v->state |= PN_FLOW_SHARED << end;
}

static __always_inline void pn_stamp_link(struct __sk_buff *skb, const struct pn_flow_key *key,
					  struct pn_flow_value *v, __u32 end)
{
	if (!v->cgroups.low[end])
		pn_set_cgroup(v, end, pn_link_cgroup(skb->ifindex, (const __be32 *)key->addr[end]));
}

/* A packet that a pod sent. */
static __noinline void pn_look_from_pod(struct __sk_buff *skb, const struct pn_flow_key *key,
					struct pn_flow_value *v, __u32 from)
{
	__u64 cgroup = pn_stamp_socket(skb, v, from);

	if (cgroup)
		pn_link_note(skb->ifindex, (const __be32 *)key->addr[from], cgroup);
	else
		pn_stamp_link(skb, key, v, from);
}

/* A packet that is about to enter a pod; it has a socket if the node itself sent it. */
static __noinline void pn_look_to_pod(struct __sk_buff *skb, const struct pn_flow_key *key,
				      struct pn_flow_value *v, __u32 from)
{
	__u32 to = !from;

	if (~v->state & PN_FLOW_LOOKED << from)
		pn_stamp_socket(skb, v, from);
	if (~v->state & PN_FLOW_LOOKED << to)
		pn_stamp_link(skb, key, v, to);
}

#endif
