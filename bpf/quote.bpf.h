/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_QUOTE_BPF_H
#define PN_QUOTE_BPF_H

/*
 * An ICMP error quotes the packet that it complains about: its IP header and at least eight bytes
 * more. Its addresses and ports say which connection failed. The quoted packet went the other way,
 * through translations in between; the quote is as the receiver of the error is to know it.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow.h"
#include "bpf/parse.bpf.h"

struct pn_quoted_ports {
	__be16 source, dest;
	__be16 unused, echo_id;
};

static __always_inline int pn_quote_ip(struct pn_cursor *c, struct pn_packet *q, bool is_ipv6)
{
	struct iphdr ip4;
	struct ipv6hdr ip6;
	bool last = false;
	int i;

	if (!is_ipv6) {
		if (PN_PEEK_WITHIN(c, &ip4) || ip4.version != 4 || ip4.ihl * 4 < sizeof(ip4))
			return -1;
		pn_set_ipv4(q, &ip4);
		pn_skip(c, ip4.ihl * 4);
		return 0;
	}
	if (PN_PEEK_WITHIN(c, &ip6) || ip6.version != 6)
		return -1;
	pn_set_ipv6(q, &ip6);
	pn_skip(c, sizeof(ip6));
	for (i = 0; i < PN_MAX_EXTENSIONS && !last; i++)
		if (pn_parse_extension(c, q, &last))
			return -1;
	return 0;
}

/* Of a later fragment, and of a protocol without them, ports stay 0. */
static __always_inline void pn_quote_ports(struct pn_cursor *c, struct pn_packet *q)
{
	struct pn_quoted_ports ports;

	if (q->later_fragment || PN_PEEK_WITHIN(c, &ports))
		return;
	switch (q->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		q->sport = ports.source;
		q->dport = ports.dest;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		q->sport = q->dport = ports.echo_id;
		break;
	}
}

/* Connections that the same sender complains about in the same words share an entry: the last is kept. */
static __noinline void pn_quote_note(struct __sk_buff *skb, const struct pn_packet *p,
				     struct pn_flow_value *v)
{
	struct pn_cursor c = {
		.skb = skb,
		.data = (void *)(long)skb->data,
		.data_end = (void *)(long)skb->data_end,
		.off = p->quote_off,
		.end = p->end,
	};
	struct pn_packet q = {};

	if (pn_quote_ip(&c, &q, p->is_ipv6))
		return;
	pn_quote_ports(&c, &q);
	__builtin_memcpy(v->nat.addr[0], q.src, sizeof(q.src));
	__builtin_memcpy(v->nat.addr[1], q.dst, sizeof(q.dst));
	v->nat.port[0] = q.sport;
	v->nat.port[1] = q.dport;
	v->quoted_proto = q.proto;
	if (!(v->state & PN_FLOW_QUOTE))
		v->state |= PN_FLOW_QUOTE;
}

#endif
