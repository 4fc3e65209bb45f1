/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reason and a place mean. The reason decides where there is one that says something; else
 * the place does.
 */
#include "flow/drop_kind.h"

#include <string.h>

#include "base/util.h"

static const struct {
	const char *name, *words;
} kinds[] = {
	[PN_DROP_NETFILTER] = { "netfilter", "dropped by netfilter (policy-like)" },
	[PN_DROP_REJECTED] = { "rejected", "rejected by a netfilter rule (policy-like)" },
	[PN_DROP_NFQUEUE] = { "nfqueue", "dropped by a program behind NFQUEUE (policy-like)" },
	[PN_DROP_TC_INGRESS] = { "tc_ingress",
				 "dropped by a BPF program at tc ingress (policy-like)" },
	[PN_DROP_TC_EGRESS] = { "tc_egress",
				"dropped by a BPF program at tc egress (policy-like)" },
	[PN_DROP_NETKIT] = { "netkit", "dropped by a BPF program at netkit (policy-like)" },
	[PN_DROP_CGROUP] = { "cgroup", "dropped by a BPF program of a cgroup (policy-like)" },
	[PN_DROP_OVS] = { "openvswitch", "dropped by Open vSwitch (policy-like)" },
	[PN_DROP_NO_LISTENER] = { "no_listener", "no listener" },
	[PN_DROP_NO_ROUTE] = { "no_route", "no route" },
	[PN_DROP_NEIGHBOR] = { "neighbor", "the next hop does not answer" },
	[PN_DROP_RPFILTER] = { "rpfilter",
			       "came by another way than answers would go (rp_filter)" },
	[PN_DROP_QUEUE] = { "queue", "a queue was full" },
	[PN_DROP_RECEIVER] = { "receiver", "the receiver does not keep up" },
	[PN_DROP_XDP] = { "xdp", "dropped by a BPF program at XDP" },
	[PN_DROP_XFRM] = { "xfrm", "dropped by an IPsec policy" },
	[PN_DROP_CHECKSUM] = { "checksum", "a checksum is wrong" },
	[PN_DROP_OTHER] = { "other", "dropped" },
};
_Static_assert(PN_ARRAY_SIZE(kinds) == PN_DROP_KIND_MAX, "words for each kind");

struct rule {
	const char *text; /* a '_' at the end: so it begins */
	enum pn_drop_kind kind;
};

static const struct rule by_reason[] = {
	{ "NETFILTER_DROP", PN_DROP_NETFILTER },
	{ "TC_INGRESS", PN_DROP_TC_INGRESS },
	{ "TC_EGRESS", PN_DROP_TC_EGRESS },
	{ "BPF_CGROUP_EGRESS", PN_DROP_CGROUP },
	{ "OVS_", PN_DROP_OVS },
	{ "NO_SOCKET", PN_DROP_NO_LISTENER },
	{ "IP_OUTNOROUTES", PN_DROP_NO_ROUTE },
	{ "IP_INNOROUTES", PN_DROP_NO_ROUTE },
	{ "NEIGH_", PN_DROP_NEIGHBOR },
	{ "IP_RPFILTER", PN_DROP_RPFILTER },
	{ "QDISC_", PN_DROP_QUEUE },
	{ "CPU_BACKLOG", PN_DROP_QUEUE },
	{ "FULL_RING", PN_DROP_QUEUE },
	{ "SOCKET_RCVBUFF", PN_DROP_RECEIVER },
	{ "SOCKET_BACKLOG", PN_DROP_RECEIVER },
	{ "PROTO_MEM", PN_DROP_RECEIVER },
	{ "TCP_LISTEN_OVERFLOW", PN_DROP_RECEIVER },
	{ "XDP", PN_DROP_XDP },
	{ "XFRM_", PN_DROP_XFRM },
	{ "TCP_CSUM", PN_DROP_CHECKSUM },
	{ "UDP_CSUM", PN_DROP_CHECKSUM },
	{ "ICMP_CSUM", PN_DROP_CHECKSUM },
	{ "IP_CSUM", PN_DROP_CHECKSUM },
	{ "SKB_CSUM", PN_DROP_CHECKSUM },
};

/* Where there is no reason, or none that says anything. */
static const struct rule by_location[] = {
	{ "nfqnl_reinject", PN_DROP_NFQUEUE },
	{ "nf_reinject", PN_DROP_NFQUEUE },
	{ "netkit_xmit", PN_DROP_NETKIT },
	{ "ovs_", PN_DROP_OVS },
	{ "do_execute_actions", PN_DROP_OVS },
	{ "nf_hook_slow", PN_DROP_NETFILTER },
	{ "nft_do_chain", PN_DROP_NETFILTER },
	{ "__netif_receive_skb_core", PN_DROP_TC_INGRESS },
	{ "__dev_queue_xmit", PN_DROP_TC_EGRESS },
	{ "ip_finish_output", PN_DROP_CGROUP },
	{ "ip6_finish_output", PN_DROP_CGROUP },
	{ "tcp_v4_rcv", PN_DROP_NO_LISTENER },
	{ "tcp_v6_rcv", PN_DROP_NO_LISTENER },
	{ "__udp4_lib_rcv", PN_DROP_NO_LISTENER },
	{ "__udp6_lib_rcv", PN_DROP_NO_LISTENER },
	{ "ip_error", PN_DROP_NO_ROUTE },
};

static bool matches(const char *pattern, const char *text)
{
	size_t len = strlen(pattern);

	return pattern[len - 1] == '_' ? strncmp(text, pattern, len) == 0
				       : strcmp(text, pattern) == 0;
}

static enum pn_drop_kind look_up(const struct rule *rules, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (matches(rules[i].text, text))
			return rules[i].kind;
	return PN_DROP_OTHER;
}

enum pn_drop_kind pn_drop_kind_of(const char *reason, const char *location, bool is_answered)
{
	enum pn_drop_kind k;

	if (!*reason || strcmp(reason, "NOT_SPECIFIED") == 0)
		k = look_up(by_location, PN_ARRAY_SIZE(by_location), location);
	else
		k = look_up(by_reason, PN_ARRAY_SIZE(by_reason), reason);
	return k == PN_DROP_NETFILTER && is_answered ? PN_DROP_REJECTED : k;
}

const char *pn_drop_kind_name(enum pn_drop_kind k)
{
	return kinds[k].name;
}

const char *pn_drop_kind_words(enum pn_drop_kind k)
{
	return kinds[k].words;
}
