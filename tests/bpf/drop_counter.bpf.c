// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * An example of a program that is not podonym's and uses its names: counts the packets that the kernel
 * drops by the workloads that sent them and that they were for. drop_counter.c loads it. Of podonym it
 * includes the public headers alone.
 *
 * `probe` looks one address up again and again, so that a test can say that it was never missing.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <podonym/lookup.bpf.h>
#include <podonym/maps.h>

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* What this program reads of the kernel's struct; where it lies is found out when it is loaded. */
struct sk_buff {
	unsigned char *head;
	__u16 network_header;
	__be16 protocol;
} __attribute__((preserve_access_index));

struct ipv4_header {
	__u8 version_and_len, tos;
	__be16 total_len, id, fragment;
	__u8 ttl, proto;
	__be16 checksum;
	__be32 source, destination;
};

struct ipv6_header {
	__be32 version_and_label;
	__be16 payload_len;
	__u8 proto, hops;
	__u8 source[16], destination[16];
};

struct ends {
	__u32 source, destination; /* owner ids */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct ends);
	__type(value, __u64);
} drops SEC(".maps");

__u64 n_not_counted; /* `drops` was full */

/* Set before load. */
const volatile __u8 expected[16];
__u64 n_looked_up, n_missed, n_changed;
__u32 expected_owner; /* the first one found */

struct packet {
	__u8 source[16], destination[16];
	__be16 ports[2];
	__u8 proto;
};

static __always_inline bool read_ipv4(const unsigned char *at, struct packet *p)
{
	struct ipv4_header ip;

	if (bpf_probe_read_kernel(&ip, sizeof(ip), at) < 0)
		return false;
	pn_addr_from_v4(ip.source, p->source);
	pn_addr_from_v4(ip.destination, p->destination);
	p->proto = ip.proto;
	at += (ip.version_and_len & 0xf) * 4;
	if (!(ip.fragment & bpf_htons(0x1fff)))
		(void)bpf_probe_read_kernel(p->ports, sizeof(p->ports), at);
	return true;
}

static __always_inline bool read_ipv6(const unsigned char *at, struct packet *p)
{
	struct ipv6_header ip;

	if (bpf_probe_read_kernel(&ip, sizeof(ip), at) < 0)
		return false;
	__builtin_memcpy(p->source, ip.source, sizeof(p->source));
	__builtin_memcpy(p->destination, ip.destination, sizeof(p->destination));
	p->proto = ip.proto;
	(void)bpf_probe_read_kernel(p->ports, sizeof(p->ports), at + sizeof(ip));
	return true;
}

static __always_inline void count(const struct ends *ends)
{
	__u64 *n, one = 1;

	n = bpf_map_lookup_elem(&drops, ends);
	if (!n && bpf_map_update_elem(&drops, ends, &one, BPF_NOEXIST) == 0)
		return;
	if (!n) /* full, or another CPU was first */
		n = bpf_map_lookup_elem(&drops, ends);
	__sync_fetch_and_add(n ? n : &n_not_counted, 1);
}

SEC("tp_btf/kfree_skb")
int on_drop(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];
	const unsigned char *at = skb->head + skb->network_header;
	struct packet p = {};
	struct ends ends;
	bool is_ip = false;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		is_ip = read_ipv4(at, &p);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		is_ip = read_ipv6(at, &p);
	if (!is_ip)
		return 0;
	if (p.proto != IPPROTO_TCP && p.proto != IPPROTO_UDP && p.proto != IPPROTO_SCTP)
		p.ports[0] = p.ports[1] = 0;
	ends.source = pn_lookup_end(p.source, p.proto, p.ports[0], NULL);
	ends.destination = pn_lookup_end(p.destination, p.proto, p.ports[1], NULL);
	count(&ends);
	return 0;
}

/* Run from user space. A hit is an address with an owner that has a name. */
SEC("tc")
int probe(struct __sk_buff *skb)
{
	const struct pn_ip_value *ip;
	__u8 addr[16];
	__u32 owner;

	(void)skb;
	for (int i = 0; i < 16; i++)
		addr[i] = expected[i];
	n_looked_up++;
	ip = pn_maps_ok() ? pn_lookup_addr(addr) : NULL;
	owner = ip ? ip->owner : 0;
	if (!owner || !pn_lookup_owner(owner)) {
		n_missed++;
		return TC_ACT_UNSPEC;
	}
	if (!expected_owner)
		expected_owner = owner;
	n_changed += owner != expected_owner;
	return TC_ACT_UNSPEC;
}
