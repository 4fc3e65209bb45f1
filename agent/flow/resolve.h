/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_RESOLVE_H
#define PN_FLOW_RESOLVE_H

#include "flow/conn.h"
#include "flow/record.h"

/*
 * From a connection to the record that describes it: which address is which end, and who is behind
 * it. Private to agent/flow.
 */

/*
 * What the index has said of an address, in a round; it holds until the round is over. @sole: or NULL. @has_ports:
 * a Service may be known by it
 */
struct pn_resolver_answer {
	struct pn_addr addr;
	const struct pn_index_addr *known;
	const struct pn_owner *sole;
	pn_nsec since;
	uint32_t round;
	bool has_ports;
};

/* A watch that ends is opened again, which takes a moment. */
#define PN_RESOLVER_GRACE (2 * PN_NSEC_PER_SEC)

enum { PN_RESOLVER_ANSWER_BITS = 12, PN_RESOLVER_ANSWERS = 1 << PN_RESOLVER_ANSWER_BITS };

/**
 * struct pn_resolver
 * @node:	     this node, as owner of loopback addresses; its name may be ""
 * @realtime_offset: CLOCK_REALTIME minus CLOCK_MONOTONIC
 * @round:	     counts pn_resolver_begin()
 * @heard_until:	     see pn_index_heard_until(), in this round
 * @name_wait:	     so late may news be, so what began less before @heard_until may have another name; 0: nobody
 *		     has waited for them, and names are doubted only PN_RESOLVER_GRACE after @heard_until
 * @has_node_ports:  a Service may be known by any address of a node, in this round
 * @answers:	     by the address: a connection asks several times, and many ask for the same
 */
struct pn_resolver {
	const struct pn_index *index;
	struct pn_owner node;
	pn_nsec realtime_offset, heard_until, name_wait;
	uint32_t round;
	bool has_node_ports;
	struct pn_resolver_answer answers[PN_RESOLVER_ANSWERS];
};

/** pn_resolver_init() - of memory with zeros in it. @node_name: outlives it; NULL: not known */
void pn_resolver_init(struct pn_resolver *v, const struct pn_index *index, const char *node_name);

/**
 * pn_resolver_look_at_clock() - for times of records from now on
 *
 * Two readings of the clocks are never of the same instant, so the offset is only taken over when it
 * has moved by more than that: somebody has set the clock. Return: CLOCK_MONOTONIC
 */
pn_nsec pn_resolver_look_at_clock(struct pn_resolver *v, const struct pn_clock *clock);

/** pn_resolver_begin() - from now on until the thread's next quiescent state the calls below may be made */
void pn_resolver_begin(struct pn_resolver *v);

/**
 * struct pn_end - an end of a connection
 * @cgroup: of its socket; 0: not known
 * @when, @last: the connection's first packet, and its last one
 * @is_shared: sockets of several owners have been it, or several backends
 * @is_hasty: named before news of that time can have come
 * @is_late:  its interface has gone, and packets that came later are among those that are told
 * @known, @sole, @since: what the index says of the address, as in struct pn_resolver_answer
 * @has_ports: likewise, or because it may be a node's
 */
struct pn_end {
	struct pn_addr addr;
	uint16_t port;
	uint8_t proto;
	bool has_ports, is_shared, is_hasty, is_late;
	uint64_t cgroup;
	pn_nsec when, last;
	const struct pn_index_addr *known;
	const struct pn_owner *sole;
	pn_nsec since;
};

/** struct pn_ends - who opened it and who answers */
struct pn_ends {
	struct pn_end source, reached;
};

/** pn_resolve_ends() - look both up, once for all that is asked of them; valid as long as @c does not change */
void pn_resolve_ends(struct pn_resolver *v, const struct pn_conn *c, struct pn_ends *ret);

/** pn_resolve() - describe @c, all but the counters and the state */
void pn_resolve(struct pn_resolver *v, const struct pn_conn *c, const struct pn_ends *ends,
		struct pn_flow_record *ret);

/**
 * pn_resolve_reassigned() - has an end's address, or its port, gone from one owner to another since the first packet?
 *
 * Or the backend of a Service has gone: what is not TCP goes on with another one.
 */
bool pn_resolve_reassigned(const struct pn_resolver *v, const struct pn_conn *c,
			   const struct pn_ends *ends);

/** How far the names of a connection's ends may still change with what the API server says next. */
enum pn_certainty {
	PN_NAMES_EXACT,	  /* both ends are known by their sockets */
	PN_NAMES_OPEN,	  /* a late event may bring another owner */
	PN_NAMES_AWAITED, /* an end is a pod whose object has not come */
};

enum pn_certainty pn_resolve_certainty(struct pn_resolver *v, const struct pn_ends *ends);

#endif
