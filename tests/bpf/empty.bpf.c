// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Programs that do nothing, one for each hook of bpf/flow.bpf.c. What they cost is what the kernel
 * takes to call a program, and to measure it: the floor of tests/bench/bench_packets.c and
 * tests/bench/traffic.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int empty_from_pod(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int empty_to_pod(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_UNSPEC;
}

SEC("cgroup_skb/egress")
int empty_from_sock(struct __sk_buff *skb)
{
	(void)skb;
	return 1;
}

SEC("cgroup_skb/ingress")
int empty_to_sock(struct __sk_buff *skb)
{
	(void)skb;
	return 1;
}
