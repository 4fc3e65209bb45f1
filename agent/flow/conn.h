/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_CONN_H
#define PN_FLOW_CONN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "bpf/flow.h"
#include "flow/pool.h"
#include "flow/record.h"

/*
 * Connections and the table that finds them; private to agent/flow. A connection without address
 * translation has one leg, which lies inside it. A translated one has a leg for each tuple that it
 * is known by, and all of them are in the table.
 *
 * A node has many of them, so what only few need is allocated apart, and IPv4 has no room for IPv6.
 */
struct pn_conn;

/** struct pn_seen - what the flow table has counted of one end's packets */
struct pn_seen {
	struct pn_flow_count sent, delivered;
};

/** struct pn_few - the same as long as it is not much */
struct pn_few {
	uint32_t sent_packets, sent_bytes, delivered_packets, delivered_bytes;
};

/**
 * struct pn_leg - one tuple of a connection: what the flow table has for it
 *
 * The addresses of the entry's key lie behind it: twice 4 bytes, or 16 if @is_v6.
 *
 * @id:	      of the entry; 0: none has been met
 * @is_extra: part of a struct pn_extra_leg; else it is a connection's own
 * @is_many:  the counters do not fit @few
 * @flip:     end e of the connection is end e ^ flip of the key
 * @alive:    the flow table had this entry when it was last looked at
 * @removed:  we took the entry out; the counters are final
 * @few, @many: the entry's counters at the last look, by the end of the *connection's* key; @many is owned
 * @cgroups:  of the ends' sockets as the kernel has seen them, by the same ends
 * @chain:    next in the table's bucket, see struct pn_conn_table
 * @port, @proto, @kind, @key_sampling: the rest of the key
 */
struct pn_leg {
	uint64_t id : 56;
	uint64_t is_extra : 1, is_v6 : 1, is_many : 1, flip : 1, alive : 1, removed : 1;
	union {
		struct pn_few few[2];
		struct pn_seen *many; /* two */
	};
	struct pn_flow_cgroups cgroups;
	uint32_t chain;
	union {
		struct {
			__be16 port[2];
			uint8_t proto, kind;
			uint16_t key_sampling;
		};
		uint64_t rest;
	};
};

/** struct pn_extra_leg - a leg of @conn that is not its own */
struct pn_extra_leg {
	struct pn_leg *older;
	struct pn_conn *conn;
	struct pn_leg leg;
};

/**
 * struct pn_conn_tcp - as struct pn_flow_tcp, and
 * @closed_since:  when a round first found it closed, in ms, which go round; 0: it is open
 * @flags:	   that each end has shown
 * @rtt_of_opener: @srtt_us is what the opener's socket says
 */
struct pn_conn_tcp {
	uint32_t srtt_us, min_rtt_us, retransmits[2];
	uint32_t closed_since;
	uint8_t flags[2];
	bool rtt_of_opener;
};

/** struct pn_conn_total - what one end has sent, each packet once; and how much of it arrived */
struct pn_conn_total {
	uint64_t packets, bytes, delivered;
};

/**
 * struct pn_conn - one connection, in the terms of the tuple that its opener used
 * @id:           the same in all records, those of earlier agents included
 * @opener:       end that opened the connection
 * @over:         enum pn_flow_end: why it is over; PN_FLOW_ACTIVE: it is not
 * @by_delivered: bit e: end e is counted where its packets arrive, for good
 * @elsewhere:    bit e: what end e sends is counted in another entry's connection
 * @shared:       bit e: end e has been several sockets, not all of one owner, or several backends
 * @start_us, @last_us: its first and its last packet, CLOCK_MONOTONIC
 * @sampling:     it is one of so many
 * @is_told:      in a record of this agent
 * @is_listed:    among those that are over, or were
 * @is_gone:      its entries are out of the flow table
 * @has_left:     the interface of an end has gone: what comes later is another connection
 * @has_left_unseen: it went while nobody looked: some of what was counted since may be another connection's
 * @expected, @by_ingress, @is_late: enum pn_expected, and the rest of struct pn_record_policy
 * @legs:         the newest one of all, see pn_leg_older(); the own one is the oldest
 * @reported:     in records so far, by end, where its slot does not say it; owned, NULL: it does
 * @policy:       what policies say of it: pn_record_policy.by; a reference
 * @tcp, @quote:  by the protocol: of TCP, of an ICMP error (owned; NULL: none)
 * @seq:          low bits of the number of its newest record, if @is_told
 * @slot:         in the journal, or PN_NO_SLOT
 * @met_next:     the leg whose entry came after one of its own when the table was last read
 * @next_over:    next of the connections that are over
 * @own:          the leg of the opener's tuple; its key is the connection's. Last, see there
 */
struct pn_conn {
	uint64_t id : 56;
	uint64_t opener : 1, over : 3, by_delivered : 2, elsewhere : 2;
	uint64_t start_us : 48, sampling : 16;
	uint64_t last_us : 48;
	uint64_t is_told : 1, is_listed : 1, is_gone : 1, has_left : 1;
	uint64_t expected : 2, by_ingress : 1, is_late : 1;
	uint64_t shared : 2, has_left_unseen : 1;
	struct pn_leg *legs;
	struct pn_conn_total *reported;
	const char *policy;
	union {
		struct pn_conn_tcp tcp;
		struct pn_record_quote *quote;
	};
	uint32_t seq, slot, met_next, next_over;
	struct pn_leg own;
};

_Static_assert(sizeof(struct pn_flow_key) - offsetof(struct pn_flow_key, port) == sizeof(uint64_t),
	       "fits the rest");
_Static_assert(sizeof(struct pn_leg) == 64, "no padding: a node has as many as connections");
_Static_assert(sizeof(struct pn_conn) == 152, "the same");

#define PN_NO_SLOT UINT32_MAX
#define PN_NO_LEG UINT32_MAX

/* Connections of IPv4, of IPv6, each by one of their addresses; then extra legs of IPv4, of IPv6. */
enum {
	PN_CONN_GROUPS = 32,
	PN_CONN_POOLS = 2 * PN_CONN_GROUPS,
	PN_LEG_POOLS = PN_CONN_POOLS + 2,
};

/**
 * struct pn_conn_table
 * @buckets: the first leg of each chain, PN_NO_LEG: none. A leg is named by the number of its connection,
 *	     or of an extra leg, in its pool, and by the number of the pool above that
 * @key:     of the hash; tuples are chosen by strangers
 * @met:     the leg of the last entry, likewise; it may have gone
 * @spare:   see pn_conn_table_reserve()
 */
struct pn_conn_table {
	struct pn_pool pools[PN_LEG_POOLS];
	uint32_t *buckets;
	size_t n_buckets; /* a power of two */
	size_t n_legs, n_conns;
	uint64_t key[2];
	uint32_t met;
	struct pn_seen *spare;
};

/** pn_leg_conn() - whose leg it is */
static inline struct pn_conn *pn_leg_conn(struct pn_leg *leg)
{
	return leg->is_extra ? PN_CONTAINER_OF(leg, struct pn_extra_leg, leg)->conn
			     : PN_CONTAINER_OF(leg, struct pn_conn, own);
}

/** pn_leg_older() - the next one of the connection's legs; NULL behind its own */
static inline struct pn_leg *pn_leg_older(const struct pn_leg *leg)
{
	const void *extra = (const char *)leg - offsetof(struct pn_extra_leg, leg);

	return leg->is_extra ? ((const struct pn_extra_leg *)extra)->older : NULL;
}

/** pn_leg_addr() - of end @i of its key */
static inline struct pn_addr pn_leg_addr(const struct pn_leg *leg, unsigned int i)
{
	struct pn_addr a = { { [10] = 0xff, [11] = 0xff } };
	const char *addrs = (const char *)(leg + 1);

	if (leg->is_v6)
		memcpy(a.b, addrs + i * sizeof(a.b), sizeof(a.b));
	else
		memcpy(a.b + 12, addrs + i * 4ul, 4);
	return a;
}

/** pn_leg_key() - of its entry */
void pn_leg_key(const struct pn_leg *leg, struct pn_flow_key *ret);

/** pn_leg_see() - these are the entry's counters now, by the end of the connection's key. Return: 0; -ENOMEM: they are as before */
int pn_leg_see(struct pn_conn_table *t, struct pn_leg *leg, const struct pn_seen seen[static 2]);

/** pn_conn_table_reserve() - the next pn_leg_see() will not fail. Return: 0 or -ENOMEM */
int pn_conn_table_reserve(struct pn_conn_table *t);

static inline pn_nsec pn_conn_start(const struct pn_conn *c)
{
	return c->start_us * PN_NSEC_PER_USEC;
}

static inline pn_nsec pn_conn_last(const struct pn_conn *c)
{
	return c->last_us * PN_NSEC_PER_USEC;
}

/** pn_conn_table_init() - Return: 0 or -ENOMEM */
int pn_conn_table_init(struct pn_conn_table *t, const struct pn_clock *clock);
void pn_conn_table_done(struct pn_conn_table *t);

/** pn_conn_key() - the key of a tuple. Return: which end of it the tuple's first is */
uint8_t pn_conn_key(const struct pn_flow_tuple *t, uint8_t proto, struct pn_flow_key *ret);

struct pn_leg *pn_conn_table_find(const struct pn_conn_table *t, const struct pn_flow_key *key);

/** pn_conn_table_meet() - the same, for the entries of the flow table as it is read, one after the other */
struct pn_leg *pn_conn_table_meet(struct pn_conn_table *t, const struct pn_flow_key *key);

/** pn_conn_new() - a connection with its own leg, @key must not be in the table. Return: NULL without memory */
struct pn_conn *pn_conn_new(struct pn_conn_table *t, const struct pn_flow_key *key);

/** pn_conn_add_leg() - one more tuple of @c, not in the table yet. Return: NULL without memory */
struct pn_leg *pn_conn_add_leg(struct pn_conn_table *t, struct pn_conn *c,
			       const struct pn_flow_key *key);

/** pn_conn_each() - the first one from name @from on; for all of them begin with 0. Return: NULL if there is none, and its name */
struct pn_conn *pn_conn_each(const struct pn_conn_table *t, uint32_t from, uint32_t *ret_name);

/** pn_conn_at() - the connection of that name */
struct pn_conn *pn_conn_at(const struct pn_conn_table *t, uint32_t name);

/** pn_conn_is_tcp(), pn_conn_is_icmp() - which of the union counts */
static inline bool pn_conn_is_tcp(const struct pn_conn *c)
{
	return c->own.proto == IPPROTO_TCP;
}

static inline bool pn_conn_is_icmp(const struct pn_conn *c)
{
	return c->own.proto == IPPROTO_ICMP || c->own.proto == IPPROTO_ICMPV6;
}

/** pn_conn_free() - out of the table, with all legs */
void pn_conn_free(struct pn_conn_table *t, struct pn_conn *c);

/** pn_conn_is_pair() - not one connection, but all that the full table had no room for */
static inline bool pn_conn_is_pair(const struct pn_conn *c)
{
	return c->own.kind == PN_FLOW_PAIR;
}

/**
 * pn_conn_totals() - everything that both ends have sent until now, by end
 *
 * Return: bit e: what end e has sent is counted where it arrives
 */
uint8_t pn_conn_totals(const struct pn_conn *c, struct pn_conn_total ret[static 2]);

/**
 * pn_conn_rest() - the same of entries that are in the flow table
 * @except: but not of this one; NULL: of all
 *
 * Return: by_delivered of a connection with these entries
 */
uint8_t pn_conn_rest(const struct pn_conn *c, const struct pn_leg *except,
		     struct pn_conn_total ret[static 2]);

/** pn_conn_sights() - how often hooks have seen the packets; @by_delivered: they were counted where they arrive */
static inline uint64_t pn_conn_sights(const struct pn_conn_total *t, bool by_delivered)
{
	return by_delivered ? t->delivered : t->packets + t->delivered;
}

#endif
