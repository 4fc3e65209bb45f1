/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TOP_TABLE_H
#define PN_CMD_TOP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "cmd/policy/record_line.h"

/*
 * What `podonym top` shows: records and drops summed up by pair, a pair being who opens, who answers, the
 * protocol and the port of who answers. Rates are those of a window that slides; times are
 * CLOCK_MONOTONIC, given by the caller. No I/O; one thread. All text that comes out of here is
 * printable ASCII.
 */
struct pn_top;

enum pn_top_figure {
	PN_TOP_BYTES, /* of who has opened */
	PN_TOP_BYTES_BACK,
	PN_TOP_PACKETS,
	PN_TOP_PACKETS_BACK,
	PN_TOP_DROPS,	/* packets, either way */
	PN_TOP_FIGURES, /* sentinel */
};

/**
 * struct pn_top_limits
 * @window: what rates are of, ns; pairs and connections that are silent for three of them are forgotten
 * @pairs, @connections: most at a time
 */
struct pn_top_limits {
	pn_nsec window;
	size_t pairs, connections;
};

/** struct pn_top_reason - what a pair's drops were, the kernel's word */
struct pn_top_reason {
	char name[48];
	uint64_t packets;
};

enum { PN_TOP_REASONS = 4 };

/**
 * struct pn_top_row - a pair as it is now; strings are the table's, until something is put in or forgotten
 * @id:	     never 0, never used again; 0: all together, or those that there was no room for
 * @rates:    a second
 * @sums:     since the pair is known
 * @n_connections: that have not ended, of those known
 * @rtt_us:   the last one told; 0: not known
 * @last:     when something was told of it; 0: never
 * @reasons:  the most frequent one first; packets 0: no more
 */
struct pn_top_row {
	uint64_t id;
	const char *source, *destination, *protocol;
	uint16_t port;
	double rates[PN_TOP_FIGURES];
	uint64_t sums[PN_TOP_FIGURES];
	size_t n_connections;
	uint64_t rtt_us;
	pn_nsec last;
	struct pn_top_reason reasons[PN_TOP_REASONS];
};

/**
 * struct pn_top_connection - one of a pair
 * @source, @destination: pod or other name, address and port
 * @state: of TCP its state; why it has ended; else "active"
 * @sums:  of its records since it is known; no drops
 */
struct pn_top_connection {
	uint64_t id;
	const char *source, *destination, *state;
	uint64_t sums[PN_TOP_FIGURES];
	uint64_t rtt_us;
	pn_nsec last;
};

enum pn_top_sort {
	PN_TOP_BY_BYTES, /* both ways, the most first */
	PN_TOP_BY_PACKETS,
	PN_TOP_BY_DROPS,
	PN_TOP_BY_RTT,
	PN_TOP_BY_NAME, /* from a to z */
	PN_TOP_SORTS,	/* sentinel */
};

/** pn_top_new() - @now: rates are of the time since, until a window is over. Return: 0 or -ENOMEM */
int pn_top_new(const struct pn_top_limits *limits, pn_nsec now, struct pn_top **ret);
void pn_top_free(struct pn_top *t);

/** pn_top_flow() - a record of a connection. Return: 0 or -ENOMEM; then it is in the row of all alone */
int pn_top_flow(struct pn_top *t, const struct pn_recorded_flow *f, pn_nsec now);

/** pn_top_drop() - a line of drops, which the records' own drops are among; else as pn_top_flow() */
int pn_top_drop(struct pn_top *t, const struct pn_recorded_flow *f, pn_nsec now);

/** pn_top_forget() - pairs and connections that have been silent for too long */
void pn_top_forget(struct pn_top *t, pn_nsec now);

/**
 * pn_top_rows() - all pairs, sorted; equal ones by name
 * @ret: the table's, until it is called again. Return: 0 or -ENOMEM
 */
int pn_top_rows(struct pn_top *t, enum pn_top_sort by, bool reverse, pn_nsec now,
		const struct pn_top_row **ret, size_t *ret_n);

/** pn_top_all() - everything that was put in, also what is forgotten; its reasons are not filled in */
void pn_top_all(const struct pn_top *t, pn_nsec now, struct pn_top_row *ret);

/** pn_top_others() - what there was no room for, once there were too many pairs. Return: is there any? */
bool pn_top_others(const struct pn_top *t, pn_nsec now, struct pn_top_row *ret);

/** pn_top_find() - Return: is the pair still known? */
bool pn_top_find(const struct pn_top *t, uint64_t id, pn_nsec now, struct pn_top_row *ret);

/** pn_top_connections() - those of pair @id, the last one told first; else as pn_top_rows() */
int pn_top_connections(struct pn_top *t, uint64_t id, const struct pn_top_connection **ret,
		       size_t *ret_n);

/** pn_top_untracked() - Return: records of connections that there was no room for */
uint64_t pn_top_untracked(const struct pn_top *t);

#endif
