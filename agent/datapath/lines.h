/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_LINES_H
#define PN_DATAPATH_LINES_H

#include <stdbool.h>

#include "base/ticks.h"
#include "bpf/flow.h"

/*
 * The lines of bpf/flow.h, in front of the flow table: given to connections that go on, taken from those that
 * do not, and added to what the table has counted. Whoever reads the table through here finds all that has been
 * counted, and need not know of lines.
 *
 * A line is changed in two steps, with a grace period of the kernel between them, so no program meets half of
 * a change. Its entry stays in the table as long as there is a line; so the counts of both together are right
 * at any moment, and an agent that was killed at any moment has lost none.
 *
 * One thread, that which reads the table.
 */
struct pn_lines;

/* So few sets are in use at least, if any are. */
#define PN_LINES_MIN_SETS 64

/**
 * struct pn_lines_config
 * @map_fd:	of the lines, borrowed
 * @settle_fd:	the program pn_settle_lines, borrowed
 * @max_sets:	in the map, a power of two; with fewer than PN_LINES_MIN_SETS nobody gets a line
 * @mask:	the word line_mask of the programs, borrowed
 * @gives:	else nobody does
 * @asks_nat:	an entry is not ready before conntrack has been asked
 */
struct pn_lines_config {
	int map_fd, settle_fd;
	uint32_t max_sets;
	volatile uint32_t *mask;
	bool gives, asks_nat;
};

/** pn_lines_new() - an earlier agent's lines are closed. Return: 0 or a negative errno */
int pn_lines_new(const struct pn_lines_config *config, struct pn_lines **ret);

/** pn_lines_free() - the map stays as it is; NULL is allowed */
void pn_lines_free(struct pn_lines *l);

/** pn_lines_settle() - the second step of what was begun; waits for pn_grace() if anything was. Return: 0 or a negative errno */
int pn_lines_settle(struct pn_lines *l);

/**
 * pn_lines_begin() - before the table is read
 * @ticks: now
 *
 * Settles. The map is memory of the process from here to pn_lines_end(), which
 * has to follow if this has not failed. Return: 0 or a negative errno
 */
int pn_lines_begin(struct pn_lines *l, const struct pn_ticks *ticks);

/** pn_lines_expect() - an entry will soon be added to */
void pn_lines_expect(const struct pn_lines *l, const struct pn_flow_key *key);

/** pn_lines_add() - to an entry as it was read from the table what its lines have counted */
void pn_lines_add(struct pn_lines *l, const struct pn_flow_key *key, struct pn_flow_value *v);

/** pn_lines_end() - @is_whole: all entries of the table have been added to; those that were not have gone */
void pn_lines_end(struct pn_lines *l, bool is_whole);

/**
 * pn_lines_leave() - an entry is to go out of the table
 *
 * Return: 0: it has no lines; -EAGAIN: it has until pn_lines_settle(); or another negative errno
 */
int pn_lines_leave(struct pn_lines *l, const struct pn_flow_key *key);

/** pn_lines_count() - that are not free */
uint32_t pn_lines_count(const struct pn_lines *l);

#endif
