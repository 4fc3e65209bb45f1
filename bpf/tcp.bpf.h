/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_TCP_BPF_H
#define PN_TCP_BPF_H

/*
 * Round-trip times and retransmissions. The kernel's TCP measures them anyway, and a packet that
 * leaves a pod or a socket of the node still has its sender's socket: so they are read there, with
 * SYN, FIN and RST and else once in 32 ticks, and no packet pays for a measurement.
 *
 * Sockets in TIME_WAIT and those of connections not yet accepted have no such figures.
 */

#include <linux/bpf.h>
#include <linux/in.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow.h"
#include "bpf/socket.bpf.h"

#define PN_TCP_FIN 0x01
#define PN_TCP_SYN 0x02
#define PN_TCP_RST 0x04

#define PN_SOCK_STREAM 1
#define PN_TCP_LOOK_SHIFT 5 /* in ticks, as a power of two */

/* Set before load. */
const volatile bool tcp_enabled = true;

/* Both ends measure the same way; where both are here, the opener's figure stands. */
static __always_inline void pn_tcp_note_srtt(struct pn_flow_value *v, __u32 from, __u32 srtt_us)
{
	bool is_opener = from == pn_flow_opener(v);

	if (!srtt_us || (!is_opener && (v->state & PN_FLOW_RTT_OPENER)))
		return;
	v->tcp.srtt_us = srtt_us;
	if (is_opener && !(v->state & PN_FLOW_RTT_OPENER))
		v->state |= PN_FLOW_RTT_OPENER;
}

/* The kernel's minimum is ~0 before the first measurement, and forgets what is older than minutes. */
static __always_inline void pn_tcp_note_min(struct pn_flow_value *v, __u32 min_us)
{
	if (min_us && min_us != ~0U && (!v->tcp.min_rtt_us || min_us < v->tcp.min_rtt_us))
		v->tcp.min_rtt_us = min_us;
}

static __noinline void pn_tcp_read(struct __sk_buff *skb, struct pn_flow_value *v, __u32 from)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tp;

	if (from > 1 || !sk)
		return;
	sk = bpf_sk_fullsock(sk);
	if (!sk || sk->type != PN_SOCK_STREAM) /* a raw socket may send TCP as well */
		return;
	tp = bpf_tcp_sock(sk);
	if (!tp)
		return;
	pn_tcp_note_srtt(v, from, tp->srtt_us >> 3);
	pn_tcp_note_min(v, tp->rtt_min);
	v->tcp.retransmits[from] = tp->total_retrans;
}

/* When an end's socket was asked last: four bits of the time for each end. */
static __always_inline bool pn_tcp_is_looked(const struct pn_flow_value *v, __u32 from, __u32 now)
{
	return (v->tcp_looked >> from * 4 & 0xf) == now;
}

static __always_inline void pn_tcp_note_look(struct pn_flow_value *v, __u32 from, __u32 now)
{
	v->tcp_looked = (v->tcp_looked & 0xf0 >> from * 4) | now << from * 4;
}

/* Of a packet on its way out of its socket. A first SYN comes before anything has been measured. */
static __always_inline void pn_tcp_look(struct __sk_buff *skb, struct pn_flow_value *v, __u32 from,
					__u8 flags, __u32 tick, bool is_first)
{
	__u32 now = tick >> PN_TCP_LOOK_SHIFT & 0xf;

	if (pn_tcp_is_looked(v, from, now) && !(flags & (PN_TCP_SYN | PN_TCP_FIN | PN_TCP_RST)))
		return;
	pn_tcp_note_look(v, from, now);
	if (tcp_enabled && !(is_first && flags & PN_TCP_SYN))
		pn_tcp_read(skb, v, from);
}

#endif
