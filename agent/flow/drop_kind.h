/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_DROP_KIND_H
#define PN_FLOW_DROP_KIND_H

#include <stdbool.h>

/** What a drop means to a person; a network policy is enforced by those up to PN_DROP_OVS. */
enum pn_drop_kind {
	PN_DROP_NETFILTER,  /* a rule of nftables or iptables */
	PN_DROP_REJECTED,   /* the same, and it has answered */
	PN_DROP_NFQUEUE,    /* a program that netfilter asks */
	PN_DROP_TC_INGRESS, /* a program or action of tc */
	PN_DROP_TC_EGRESS,
	PN_DROP_NETKIT,
	PN_DROP_CGROUP, /* a BPF program of a cgroup */
	PN_DROP_OVS,	/* Open vSwitch */
	PN_DROP_NO_LISTENER,
	PN_DROP_NO_ROUTE,
	PN_DROP_NEIGHBOR, /* the next hop does not answer */
	PN_DROP_RPFILTER,
	PN_DROP_QUEUE,	  /* a queue was full */
	PN_DROP_RECEIVER, /* the receiver's buffer or backlog was */
	PN_DROP_XDP,
	PN_DROP_XFRM,
	PN_DROP_CHECKSUM,
	PN_DROP_OTHER,
	PN_DROP_KIND_MAX, /* sentinel */
};

/** pn_drop_kind_of() - @is_answered: the sender was told: by RST or ICMP */
enum pn_drop_kind pn_drop_kind_of(const char *reason, const char *location, bool is_answered);

/** pn_drop_kind_name() - one word for machines */
const char *pn_drop_kind_name(enum pn_drop_kind k);

/** pn_drop_kind_words() - for a person: "dropped by netfilter (policy-like)" */
const char *pn_drop_kind_words(enum pn_drop_kind k);

/** pn_drop_kind_is_verdict() - somebody has decided against the packet, rather than that it could not go on */
static inline bool pn_drop_kind_is_verdict(enum pn_drop_kind k)
{
	return k <= PN_DROP_OVS || k == PN_DROP_XDP || k == PN_DROP_XFRM;
}

#endif
