/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PN_BPF_FLOW_H
#define PN_BPF_FLOW_H

/*
 * The flow table: what flow.bpf.c writes and agent/datapath reads. Private to podonym; programs
 * and agent are always of the same build.
 *
 * One entry is one connection as seen at the host ends of the pods' interfaces and at the sockets of
 * the node itself, both directions in it. Counters only grow while the entry lives, so a reader takes
 * differences and never resets. A connection that is translated on its way (a Service) has an entry
 * on each side of the translation; `nat` lets the reader join the two.
 *
 * When the table is full, what has no entry is counted in the table `pairs`, one entry for each two
 * addresses and protocol; see pair.bpf.h.
 *
 * The table outlives the agent: it is pinned, and the next agent goes on with it if its build has the
 * same PN_FLOW_LAYOUT.
 */

#include <linux/bpf.h>
#include <linux/types.h>

/* Raise it with every change of a struct below, and of the journal that the agent keeps beside the tables. */
#define PN_FLOW_LAYOUT 9

/*
 * Ends are sorted: (addr, port) of end 0 is not greater than that of end 1, compared as bytes. So
 * both directions of a connection meet in one entry. Direction d is "sent by end d".
 * ICMP echo: both ports are the identifier. Other ICMP: the sender's is type << 8 | code, the other
 * 0; no such type is 0. Fragments after the first: those of the first, if it was seen before them.
 * No ports (other protocols, fragments whose first was not seen): both 0.
 */
struct pn_flow_key {
	__u8 addr[2][16];
	__be16 port[2];
	__u8 proto;	/* IPPROTO_* */
	__u8 kind;	/* enum pn_flow_kind */
	__u16 sampling; /* of a pair, as in struct pn_flow_value; else 0 */
};

enum pn_flow_kind {
	PN_FLOW_CONNECTION,
	PN_FLOW_PAIR, /* all that the full table had no room for between two addresses; ports 0 */
};

struct pn_flow_count {
	__u64 packets, bytes;
};

/* An end that has not shown its socket in so many packets of one way is not asked again. */
#define PN_MAX_LOOKS 8

enum pn_flow_state {
	PN_FLOW_NAT = 1 << 0,	    /* nat holds the connection's tuple on the other side */
	PN_FLOW_NAT_DONE = 1 << 1,  /* conntrack has been asked, do not ask again */
	PN_FLOW_INITIATOR = 1 << 2, /* who opened it is certain: from SYN or conntrack */
	PN_FLOW_FRAGMENT = 1 << 3,  /* fragments whose first was not seen are in here */
	PN_FLOW_BEHIND_NAT =
		1 << 4,		 /* with NAT: the key is the translated tuple, nat the opener's */
	PN_FLOW_LOOKED = 1 << 5, /* << end: its socket is known */
	PN_FLOW_RTT_OPENER = 1 << 7, /* tcp.srtt_us is the opener's, not its peer's */
	PN_FLOW_QUOTE = 1 << 8,	     /* nat and quoted_proto hold what an ICMP error quotes */
	PN_FLOW_ELSEWHERE = 1 << 9,  /* << end: what it sends is counted as sent in another entry */
	PN_FLOW_SHARED =
		1 << 11, /* << end: it has been sockets of several cgroups, or several backends */
	PN_FLOW_OPENER = 1 << 15, /* the end that opened it is 1, not 0; see pn_flow_opener() */
};

/* Whether new entries may be made. A program says FULL, and only the agent says more. */
enum pn_flow_room {
	PN_ROOM_FREE,
	PN_ROOM_FULL,
	PN_ROOM_SOON, /* where packets are sent; those on their way were counted under FULL */
};

/* A tuple in its own orientation: end 0 opened the connection, or sent the packet that is quoted. */
struct pn_flow_tuple {
	__u8 addr[2][16];
	__be16 port[2];
};

/* What the sockets of the ends say, as far as they are on this node; see tcp.bpf.h. 0: not known. */
struct pn_flow_tcp {
	__u32 srtt_us;	      /* smoothed round-trip time */
	__u32 min_rtt_us;     /* the lowest of late, of either end */
	__u32 retransmits[2]; /* segments sent again, by end, since its socket began */
};

/* What one end has sent. */
struct pn_flow_way {
	/* leaving a local pod or socket: this node's first sight of the packet */
	struct pn_flow_count sent;
	/* entering a local pod or socket: this node's last sight of it */
	struct pn_flow_count delivered;
};

/*
 * Ids of the cgroups whose sockets the ends are, exact; 0: not known (yet). From the socket of a packet
 * that the end sent or got, else from the one that the end's interface last showed. The kernel counts
 * ids up in the low half; the high half counts how often that was once round, so 16 bits of it do.
 */
struct pn_flow_cgroups {
	__u32 low[2];
	__u16 high[2];
};

static inline __u64 pn_flow_cgroup(struct pn_flow_cgroups c, unsigned int end)
{
	return (__u64)c.high[end] << 32 | c.low[end];
}

/*
 * Each of the two ways has a cache line of its own, as the two may be counted on two CPUs. In a hash
 * table's element, which is 256 bytes of memory, the value begins at byte 96 (since Linux 6.1; 88
 * before): what every packet reads ends the second line, the third has `way_0`, the fourth `way_1`.
 * With more than 160 bytes an element takes 512.
 */
struct pn_flow_value {
	__u32 tick;	      /* low bits of jiffies: last packet; see struct pn_flow_cpu */
	__u16 state;	      /* enum pn_flow_state */
	__u8 tcp_flags[2];    /* all flags that direction has shown */
	__u64 id : 56;	      /* unique as long as the table lives */
	__u64 tcp_looked : 8; /* when the ends' sockets were asked last, see tcp.bpf.h */
	__u64 start_us : 48;  /* CLOCK_MONOTONIC: first packet */
	__u64 sampling : 16;  /* of so many connections this one is recorded, 0: all are */
	__u32 owner[2];	      /* owner ids of the ends when the entry was made, from the map `ip` */
	union {
		struct pn_flow_tcp tcp;
		__u8 quoted_proto; /* with PN_FLOW_QUOTE */
	};
	struct pn_flow_way way_0; /* this and way_1: by pn_flow_way() */
	struct pn_flow_cgroups cgroups;
	struct pn_flow_tuple nat; /* the other side's, see PN_FLOW_BEHIND_NAT; or what is quoted */
	struct pn_flow_way way_1;
};

/* The index of the end that opened the connection. */
static inline unsigned int pn_flow_opener(const struct pn_flow_value *v)
{
	return v->state / PN_FLOW_OPENER;
}

/* What end `end` of the entry `v` has sent: struct pn_flow_way *, const if `v` is. */
#define pn_flow_way(v, end) ((end) ? &(v)->way_1 : &(v)->way_0)

/*
 * Lines in front of the table: what a packet of a long connection needs and nothing else, in one cache
 * line of its own; see line.bpf.h. One is for one way of an entry, whose counts are those of the table
 * and of its lines together. Programs count in lines; only the agent gives and takes them, while the
 * entry is in the table.
 *
 * Lines lie in sets of two, and the key says in which. Of the sets only as many are in use as there are
 * connections for them: what is close together costs fewer misses, of the pages' addresses as well.
 */
#define PN_LINES_IN_SET 2

/* A line is free if `state` is 0. */
enum pn_flow_line_state {
	PN_LINE_SENT = 1 << 0,	    /* packets that are sent are counted in it */
	PN_LINE_DELIVERED = 1 << 1, /* packets that are delivered */
	PN_LINE_PSH = 1 << 3,	    /* those with this flag, too; it has the flag's place */
	PN_LINE_ACK = 1 << 4,	    /* likewise */
	PN_LINE_WAY_0 = 1 << 6,	    /* << end: it is that end's */
};

struct pn_flow_line {
	__u8 addr[2][16]; /* these are the entry's key */
	__be16 port[2];
	__u8 proto;
	__u8 state;	  /* enum pn_flow_line_state */
	__u16 time;	  /* of the last packet, see pn_flow_line_time() */
	__u32 packets[2]; /* sent, delivered: since the line was given */
	__u64 bytes[2];
};

struct pn_flow_lines {
	struct pn_flow_line line[PN_LINES_IN_SET];
};

/* A line that has counted so many packets of a sort takes no more of them: the agent may be away. */
#define PN_LINE_MAX_PACKETS (1u << 31)
/* Times of lines are in 64 ticks and go round, after 70 minutes with 1,000 ticks a second. */
#define PN_LINE_TIME_SHIFT 6
#define PN_LINE_MAX_LEAD 256 /* so much newer than now may one be that was just noted */

static inline __u16 pn_flow_line_time(__u32 tick)
{
	return (__u16)(tick >> PN_LINE_TIME_SHIFT);
}

/* The tick at about which a line's time was noted; @now: of about now, not once round later. */
static inline __u32 pn_flow_line_tick(__u16 time, __u32 now)
{
	__u16 lead = time - pn_flow_line_time(now);
	__s32 from_now = lead < PN_LINE_MAX_LEAD ? lead : (__s32)lead - 0x10000;

	return (now >> PN_LINE_TIME_SHIFT << PN_LINE_TIME_SHIFT) +
	       from_now * (1 << PN_LINE_TIME_SHIFT);
}

/* What of an address makes a difference, at the low end: a multiplication carries upwards only. */
static inline __u64 pn_flow_line_fold(const __u64 addr[2])
{
	return addr[0] ^ (addr[1] >> 32 | addr[1] << 32);
}

/* Which set the line of a way is in: so many of the lowest bits, of 24, as there are sets. */
static inline __u32 pn_flow_line_hash(const __u64 addr[4], __u32 ports, __u8 proto, __u32 way)
{
	__u64 h = pn_flow_line_fold(addr) * 0x9e3779b97f4a7c15ull;

	h = (h ^ pn_flow_line_fold(addr + 2)) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ ports ^ (__u64)(proto << 1 | way) << 24) * 0x94d049bb133111ebull;
	return (__u32)(h >> 40);
}

/*
 * The program that gives the counts of lines back to the table gets a packet of so many numbers of lines, from
 * 1 on; 0 is none.
 */
#define PN_LINES_SETTLED 64

/* The ledger: packets (as on the wire, GSO counted by its segments), cells in each CPU. */
enum pn_flow_stat {
	PN_STAT_SEEN,	      /* came to a hook */
	PN_STAT_RECORDED,     /* counted in a connection's entry */
	PN_STAT_COLLAPSED,    /* counted in a pair's */
	PN_STAT_NOT_IP,	      /* neither IPv4 nor IPv6: ARP and others */
	PN_STAT_MALFORMED,    /* headers cut short or contradicting themselves */
	PN_STAT_TABLE_FULL,   /* no room for a pair either */
	PN_STAT_NOT_SELECTED, /* by the selection in force; see struct pn_select_rules */
	PN_STAT_NOT_SAMPLED,  /* selected, but not one of those that stand for all */
	PN_STAT_MAX,	      /* sentinel */
};

/*
 * Which cell of the per-CPU array `cpus` a program writes. On one CPU, programs at interfaces do not
 * interrupt each other; those at sockets are interrupted by both kinds.
 */
enum pn_flow_cell {
	PN_CELL_INTERFACES,
	PN_CELL_SOCKETS,
	PN_CELL_MAX, /* sentinel */
};

struct pn_flow_cpu {
	__u32 tick; /* low bits of jiffies */
	__u32 reserved;
	__u64 stat[PN_STAT_MAX];
	__u64 tick_ns; /* CLOCK_MONOTONIC when the first packet of `tick` came */
	__u64 n_ids;   /* given to new entries on this CPU; not used at sockets */
};

/*
 * The value of the array `ids`: ids for entries made at sockets, where the count of a CPU could be
 * interrupted. An atomic addition that returns the sum would do; Linux has it since 5.12.
 */
struct pn_flow_ids {
	struct bpf_spin_lock lock;
	__u32 reserved;
	__u64 n_ids;
};

/*
 * The value of the hash `links`, by interface: the last cgroup that was seen sending through it, and
 * from which addresses.
 */
struct pn_flow_link {
	__u64 cgroup;
	__be32 addr[2][4]; /* IPv6, IPv4 */
};

/*
 * Which connections are recorded: each of up to PN_SELECT_MAX_RULES rules has a bit. A rule matches if
 * each sort of term that it has is met by one end or the other, or by the connection; what they meet is
 * in maps, and here are the rules that have no term of that sort. A connection is selected if any rule
 * matches.
 *
 * There are two banks. The word `selecting` says which one is in force: 0 none, everything is recorded;
 * else its lowest bit is the bank, and it changes whenever a connection that was refused may be wanted.
 */
#define PN_SELECT_MAX_RULES 32
#define PN_SELECT_MAX_SAMPLING 65535
/* A connection that has lost a packet is one that loses packets for so long. */
#define PN_SELECT_LOST_NS (300ull * 1000 * 1000 * 1000)

struct pn_select_rules {
	__u32 without_owner, without_cidr, without_port, without_drops;
	__u32 sampling;	  /* one of so many is recorded; 0: all of them */
	__u32 proto[256]; /* rules that want this protocol, or any */
};

/* Keys of the maps with rules' bits; all begin with the bank. */
struct pn_select_addr {
	__u32 bank;
	__u8 addr[16];
};

struct pn_select_cidr {
	__u32 prefix_len; /* the 32 bits of the bank included */
	struct pn_select_addr in;
};

struct pn_select_port {
	__u32 bank;
	__be16 port;
	__u16 reserved;
};

/* Of a connection that is not recorded, so that it is judged once. */
struct pn_select_refusal {
	__u32 word;	  /* `selecting` at that time; a refusal by sampling outlasts it */
	__u16 sampling;	  /* likewise */
	__u8 is_selected; /* and not sampled */
	__u8 has_asked;	  /* conntrack */
};

_Static_assert(sizeof(struct pn_select_refusal) == 8, "no hidden padding");
_Static_assert(sizeof(struct pn_flow_line) == 64, "a cache line");
_Static_assert(sizeof(struct pn_flow_key) == 40, "no hidden padding");
_Static_assert(sizeof(struct pn_flow_value) == 160, "no hidden padding");
_Static_assert(__builtin_offsetof(struct pn_flow_value, way_0) == 48, "see there");
_Static_assert(__builtin_offsetof(struct pn_flow_value, way_1) == 128, "see there");

#endif
