/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_PINS_H
#define PN_DATAPATH_PINS_H

#include <limits.h>

#include "base/err.h"

/*
 * The tracer's pin directory: the maps that outlive an agent, and the attachments, which attach.c
 * names. A map `layout` is pinned last and holds PN_FLOW_LAYOUT; only with it the other maps count.
 * So a start that was cut off anywhere leaves a directory that the next one makes anew.
 *
 * One agent at a time, which the caller sees to.
 */
enum pn_pin {
	PN_PIN_FLOWS,
	PN_PIN_LINES,
	PN_PIN_PAIRS,
	PN_PIN_CPUS,
	PN_PIN_IDS,
	PN_PIN_LINKS,
	PN_PIN_NOTES,
	PN_PIN_MAX, /* sentinel */
};

/* Of `notes`: an array that is mapped into memory, in elements of this size. */
#define PN_NOTES_PAGE 4096

/**
 * pn_pins_open() - the maps of an earlier agent, if this build can go on with them; changes nothing
 * @ret: descriptors of all of them, or all -1
 * @ret_n_lost: connections in a table that it cannot go on with
 *
 * Return: 1 if it can, 0 if there are none or not such, or a negative errno with @reterr
 */
int pn_pins_open(const char *dir, int ret[static PN_PIN_MAX], uint64_t *ret_n_lost,
		 struct pn_err *reterr);

/** pn_pins_replace() - new maps in the place of whatever is there. Return: 0 or a negative errno with @reterr */
int pn_pins_replace(const char *dir, const int fds[static PN_PIN_MAX], struct pn_err *reterr);

/** pn_pins_max_pairs() - room for pairs beside a table with so much room */
uint32_t pn_pins_max_pairs(uint32_t max_flows);

/** pn_pins_line_sets() - sets of lines in front of such a table, a power of two */
uint32_t pn_pins_line_sets(uint32_t max_flows);

/** pn_pins_notes_pages() - elements of `notes` beside these two tables */
uint32_t pn_pins_notes_pages(uint32_t max_flows);

/**
 * pn_pins_each() - call @visit with the name of each pin, which it may remove
 *
 * Return: 0; -ENOTSUP: not on a BPF file system; or another negative errno
 */
int pn_pins_each(const char *dir, void (*visit)(void *data, const char *name), void *data);

/** pn_pins_remove_maps() - of this or another layout. Return: 0 or a negative errno with @reterr */
int pn_pins_remove_maps(const char *dir, struct pn_err *reterr);

#endif
