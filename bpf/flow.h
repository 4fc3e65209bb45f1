/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_BPF_FLOW_H
#define PN_BPF_FLOW_H

/*
 * The flow table: what flow.bpf.c writes and agent/datapath reads. Private to podonym; programs
 * and agent are always of the same build.
 *
 * One entry is one connection as seen at the host ends of the pods' interfaces, both directions in
 * it. Counters only grow while the entry lives, so a reader takes differences and never resets. A
 * connection that is translated on its way (a Service) has an entry on each side of the translation;
 * `nat` lets the reader join the two.
 */

#include <linux/types.h>

/*
 * Ends are sorted: (addr, port) of end 0 is not greater than that of end 1, compared as bytes. So
 * both directions of a connection meet in one entry. Direction d is "sent by end d".
 * ICMP echo: both ports are the identifier. Other ICMP: the sender's is type << 8 | code, the other
 * 0; no such type is 0. No ports in the packet (other protocols, fragments after the first): both 0.
 */
struct pn_flow_key {
	__u8 addr[2][16];
	__be16 port[2];
	__u8 proto; /* IPPROTO_* */
	__u8 reserved[3];
};

struct pn_flow_dir {
	/* leaving a local pod: this node's first sight of the packet */
	__u64 sent_packets, sent_bytes;
	/* entering a local pod: this node's last sight of it */
	__u64 delivered_packets, delivered_bytes;
};

enum pn_flow_state {
	PN_FLOW_NAT = 1 << 0,	    /* nat holds the connection's tuple on the other side */
	PN_FLOW_NAT_DONE = 1 << 1,  /* conntrack has been asked, do not ask again */
	PN_FLOW_INITIATOR = 1 << 2, /* initiator is certain: from SYN or conntrack */
	PN_FLOW_FRAGMENT = 1 << 3,  /* fragments without ports are in here */
};

/* A tuple in its own orientation: end 0 opened the connection. */
struct pn_flow_tuple {
	__u8 addr[2][16];
	__be16 port[2];
};

/* What each packet touches comes first: it lies in the cache lines that the look-up has brought. */
struct pn_flow_value {
	__u64 last_ns;	    /* CLOCK_MONOTONIC: last packet */
	__u32 tick;	    /* low bits of jiffies when last_ns was written */
	__u32 state;	    /* enum pn_flow_state */
	__u16 tcp_flags[2]; /* all flags that direction has shown */
	__u8 initiator;	    /* index of the end that opened the connection */
	__u8 reserved[3];
	struct pn_flow_dir dir[2];

	__u64 id;	/* unique while the programs are loaded */
	__u64 start_ns; /* CLOCK_MONOTONIC: first packet */
	__u32 owner[2]; /* owner ids of the ends when the entry was made, from the map `ip` */
	__u32 ifindex;	/* where the first packet was seen */
	struct pn_flow_tuple nat;
};

/* The ledger: packets (as on the wire, GSO counted by its segments), cells in each CPU. */
enum pn_flow_stat {
	PN_STAT_SEEN,	    /* came to a hook */
	PN_STAT_RECORDED,   /* counted in an entry */
	PN_STAT_NOT_IP,	    /* neither IPv4 nor IPv6: ARP and others */
	PN_STAT_MALFORMED,  /* headers cut short or contradicting themselves */
	PN_STAT_TABLE_FULL, /* no room for a new entry */
	PN_STAT_MAX,	    /* sentinel */
};

/* The value of the per-CPU array `cpus`. */
struct pn_flow_cpu {
	__u64 stat[PN_STAT_MAX];
	__u64 n_ids; /* given to new entries on this CPU */
};

_Static_assert(sizeof(struct pn_flow_key) == 40, "no hidden padding");
_Static_assert(sizeof(struct pn_flow_value) == 152, "no hidden padding");

#endif
