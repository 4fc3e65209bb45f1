// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The least that counting connections takes: IPv4 with TCP or UDP, one look-up in a hash table and two
 * additions. No names, no sorting of ends, nothing of TCP, nothing right about packets that are not plain.
 * tests/bench/traffic has it beside podonym's programs.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* As large as the key of a connection of either family. */
struct key {
	__be32 addr[2][4];
	__be16 port[2];
	__u32 proto;
};

struct count {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, struct key);
	__type(value, struct count);
} counts SEC(".maps");

static __always_inline bool read_key(struct __sk_buff *skb, struct key *ret)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	const struct ethhdr *eth = data;
	const struct iphdr *ip = data + sizeof(*eth);
	const __be16 *ports = data + sizeof(*eth) + sizeof(*ip);

	if ((void *)(ports + 2) > data_end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP))
		return false;
	ret->addr[0][3] = ip->saddr;
	ret->addr[1][3] = ip->daddr;
	ret->port[0] = ports[0];
	ret->port[1] = ports[1];
	ret->proto = ip->protocol;
	return true;
}

static __always_inline int count(struct __sk_buff *skb)
{
	struct count first = {}, *c;
	struct key key = {};

	if (!read_key(skb, &key))
		return TC_ACT_UNSPEC;
	c = bpf_map_lookup_elem(&counts, &key);
	if (!c) {
		bpf_map_update_elem(&counts, &key, &first, BPF_NOEXIST);
		c = bpf_map_lookup_elem(&counts, &key);
	}
	if (c) {
		__sync_fetch_and_add(&c->packets, 1);
		__sync_fetch_and_add(&c->bytes, skb->len);
	}
	return TC_ACT_UNSPEC;
}

SEC("tc")
int count_from_pod(struct __sk_buff *skb)
{
	return count(skb);
}

SEC("tc")
int count_to_pod(struct __sk_buff *skb)
{
	return count(skb);
}
