/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_COMPAT_BPF_H
#define PN_COMPAT_BPF_H

/* What differs between kernels, each with the version that changed it. The floor is 5.10. */

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* CLOCK_MONOTONIC as of the last tick: half the price of the exact clock. Linux 5.11. */
static __always_inline __u64 pn_now_ns(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_coarse_ns))
		return bpf_ktime_get_coarse_ns();
	return bpf_ktime_get_ns();
}

#endif
