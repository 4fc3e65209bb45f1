// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Every look-up of lookup.bpf.h, asked and answered through globals, for
 * tests/unit/datapath/test_lookup.c.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include <podonym/lookup.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__u8 addr[16];
	__u64 cgroup, when_ns;
	__be32 addr4;
	__be16 port;
	__u8 proto;
} question;

struct {
	__u32 ok, by;
	__u32 end, addr, addr4, at, hostport, service, nodeport, cidr, cgroup, skb_cgroup;
	char name[PN_NAME_LEN]; /* of end */
} answer;

SEC("tc")
int ask(struct __sk_buff *skb)
{
	const struct pn_ip_value *ip;
	const struct pn_owner_value *owner;
	enum pn_lookup_by by;
	__u8 addr[16];

	__builtin_memset(&answer, 0, sizeof(answer));
	__builtin_memcpy(addr, question.addr, sizeof(addr));
	answer.ok = pn_maps_ok();
	answer.end = pn_lookup_end(addr, question.proto, question.port, &by);
	answer.by = by;
	ip = pn_lookup_addr(addr);
	answer.addr = ip ? ip->owner : 0;
	answer.at = ip ? pn_ip_owner_at(ip, question.when_ns) : 0;
	ip = pn_lookup_addr4(question.addr4);
	answer.addr4 = ip ? ip->owner : 0;
	answer.hostport = pn_lookup_hostport(addr, question.proto, question.port);
	answer.service = pn_lookup_service(addr, question.proto, question.port);
	answer.nodeport = pn_lookup_nodeport(question.proto, question.port);
	answer.cidr = pn_lookup_cidr(addr);
	answer.cgroup = pn_lookup_cgroup(question.cgroup);
	answer.skb_cgroup = pn_lookup_skb_cgroup(skb);
	owner = pn_lookup_owner(answer.end);
	if (owner)
		__builtin_memcpy(answer.name, owner->name, sizeof(answer.name));
	return TC_ACT_UNSPEC;
}
