/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TOP_WINDOW_H
#define PN_CMD_TOP_WINDOW_H

#include "cmd/top/top_table.h"

enum { PN_TOP_SLOTS = 16 };

/** struct pn_top_span - the window's length, and since when there is anything; CLOCK_MONOTONIC */
struct pn_top_span {
	pn_nsec window, began;
};

/** struct pn_top_window - sums of the last while, in slots of a sixteenth of it; zero is right at first */
struct pn_top_window {
	uint64_t newest; /* the number of a slot: time by its length */
	uint64_t slots[PN_TOP_SLOTS][PN_TOP_FIGURES];
};

void pn_top_window_add(struct pn_top_window *w, const struct pn_top_span *span, pn_nsec now,
		       const uint64_t *figures);

/** pn_top_window_rates() - a second, over what of the window has been */
void pn_top_window_rates(const struct pn_top_window *w, const struct pn_top_span *span, pn_nsec now,
			 double *ret);

#endif
