/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_BPF_DROP_H
#define PN_BPF_DROP_H

/*
 * The table of drops: what drop.bpf.c writes and agent/datapath/drops.c reads. Private to podonym;
 * program and agent are always of the same build. It lives as long as the agent.
 *
 * Counters only grow while an entry lives, so a reader takes differences and never resets.
 */

#include <linux/types.h>

/* Reasons below 64 times this can be left out by number. */
#define PN_REASON_WORDS 4

/*
 * struct pn_drop_key - one entry: packets of one sort, dropped for one reason at one place
 * @addr, @port: source, destination; IPv4 as ::ffff:a.b.c.d. ICMP and no ports: as in struct
 *	      pn_flow_key; fragments after the first: 0
 * @reason:   as the kernel gives it; 0: it gives none (before Linux 5.17)
 * @location: the low bits of the address in the kernel of who dropped it, which are enough to tell
 *	      functions apart, and short
 */
struct pn_drop_key {
	__u8 addr[2][16];
	__be16 port[2];
	__u32 reason;
	__u32 location;
	__u8 proto; /* IPPROTO_* */
	__u8 reserved[3];
};

/*
 * struct pn_drop_value
 * @packets: as on the wire: a GSO packet by its segments
 * @bytes:   from the IP header on
 * @first_ns, @last_ns: CLOCK_MONOTONIC; the last within a tick of the kernel
 * @location: the whole address
 * @tick:    low bits of jiffies, of @last_ns
 * @ifindex, @netns: the interface of the first packet and the inode of its network namespace; 0: none
 * @tcp_flags: all that were seen
 * @is_answered: 0 or 1: the kernel has sent an ICMP error about one of the packets
 */
struct pn_drop_value {
	__u64 packets, bytes;
	__u64 first_ns, last_ns;
	__u64 location;
	__u32 tick, ifindex, netns;
	__u8 tcp_flags, is_answered;
	__u8 reserved[2];
};

/*
 * struct pn_drop_last - what one CPU has dropped last: more of the same waits here for the table
 * @packets, @bytes, @tcp_flags, @is_answered: that the table does not have yet
 * @last_ns, @tick, @location: as in struct pn_drop_value
 * @epoch:   of `epoch`, when the table had the entry
 * @is_busy: a program is at it; another one on the same CPU keeps off
 */
struct pn_drop_last {
	struct pn_drop_key key;
	__u64 packets, bytes;
	__u64 last_ns, location;
	__u32 tick, epoch;
	__u8 tcp_flags, is_answered, is_busy;
	__u8 reserved[37]; /* two cache lines */
};

/* What is in no entry. */
struct pn_drop_losses {
	__u64 table_full; /* packets that found no room */
	__u64 unparsed;	  /* whose headers could not be read */
};

_Static_assert(sizeof(struct pn_drop_key) == 48, "no hidden padding");
_Static_assert(sizeof(struct pn_drop_value) == 56, "no hidden padding");
_Static_assert(sizeof(struct pn_drop_last) == 128, "no hidden padding");

#endif
