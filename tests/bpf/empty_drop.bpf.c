// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/* A program that does nothing where bpf/drop.bpf.c counts drops: the floor of tests/bench/bench_drops.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/kfree_skb")
int empty_drop(__u64 *ctx)
{
	(void)ctx;
	return 0;
}
