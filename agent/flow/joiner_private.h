/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_JOINER_PRIVATE_H
#define PN_FLOW_JOINER_PRIVATE_H

#include "flow/conn.h"
#include "flow/joiner.h"
#include "flow/resolve.h"
#include "flow/slots.h"

/*
 * The joiner's parts: joiner.c makes connections of entries, tell.c records of connections, sweep.c
 * takes out what is over.
 */

struct pn_joiner_left {
	struct pn_addr addr;
	bool is_unseen;
};

/**
 * struct pn_joiner
 * @ticks:	 of this round
 * @known_since: from then on events come that name what is new
 * @sampling:	 in force; UINT32_MAX: nobody has said
 * @missed:    an entry of this round found no memory
 * @over:      name of a connection that is over, the first of a list; those are in it that went on after all
 * @left:      addresses whose interface went before this round, and how
 * @all_left:  there were more than have room: all connections end, because of some nobody knows any more
 * @came:      when an interface came last; 0: none has
 * @has_come:  one came after some of them, or shortly before: what has left waits no more
 * @n_waiting, @n_untold: of this round, see the metrics FLOW_WAITING and FLOW_UNTOLD
 * @n_lingering: connections of this round that have left and wait
 */
struct pn_joiner {
	struct pn_joiner_config config;
	struct pn_conn_table table;
	struct pn_resolver resolver;
	struct pn_ticks ticks;
	pn_nsec now, known_since;
	uint32_t sampling;
	bool missed;
	uint32_t over;
	struct pn_joiner_left left[PN_JOINER_MAX_LEFT];
	size_t n_left;
	pn_nsec came;
	bool all_left, has_come;
	uint64_t n_waiting, n_untold, n_lingering;
};

/* Where what is found goes. */
struct pn_joiner_out {
	const struct pn_joiner_ops *ops;
	void *data;
	bool shutdown;
};

/** pn_joiner_take_in() - what one look at an entry tells about its connection. Return: 0, or -ENOMEM: nothing */
int pn_joiner_take_in(struct pn_joiner *j, struct pn_leg *leg, const struct pn_flow_value *v);

/**
 * pn_tell_apart() - what has been told is remembered beside the slot, which will say something else
 *
 * Return: 0 or -ENOMEM
 */
int pn_tell_apart(const struct pn_joiner *j, struct pn_conn *c);

/** pn_tell() - a record of what is new, if anything is. Return: was there one? */
bool pn_tell(struct pn_joiner *j, struct pn_conn *c, enum pn_flow_end state,
	     const struct pn_joiner_out *out);

/** pn_tell_drops() - add what has been dropped of its packets and is in no record yet; then it is */
void pn_tell_drops(const struct pn_conn *c, const struct pn_joiner_out *out,
		   struct pn_record_drop *drop);

/** pn_tell_in_time() - what this round has to do with the connection of that name */
void pn_tell_in_time(struct pn_joiner *j, uint32_t name, const struct pn_joiner_out *out);

#endif
