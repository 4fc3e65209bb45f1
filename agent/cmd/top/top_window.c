/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates of a window that slides, for the table of `podonym top`: a ring of slots, each the sum of one
 * sixteenth of the window. What is older than the ring is overwritten when its slot is used again.
 */
#include "cmd/top/top_window.h"

#include <string.h>

#include "base/util.h"

static pn_nsec slot_length(const struct pn_top_span *span)
{
	return PN_MAX(span->window / PN_TOP_SLOTS, (pn_nsec)1);
}

/* Slots between the newest one and @slot have seen nothing. */
static void advance(struct pn_top_window *w, uint64_t slot)
{
	if (slot <= w->newest)
		return;
	if (slot - w->newest >= PN_TOP_SLOTS)
		memset(w->slots, 0, sizeof(w->slots));
	else
		for (uint64_t i = w->newest + 1; i <= slot; i++)
			memset(w->slots[i % PN_TOP_SLOTS], 0, sizeof(w->slots[0]));
	w->newest = slot;
}

void pn_top_window_add(struct pn_top_window *w, const struct pn_top_span *span, pn_nsec now,
		       const uint64_t *figures)
{
	advance(w, now / slot_length(span));
	for (int i = 0; i < PN_TOP_FIGURES; i++)
		w->slots[w->newest % PN_TOP_SLOTS][i] += figures[i];
}

void pn_top_window_rates(const struct pn_top_window *w, const struct pn_top_span *span, pn_nsec now,
			 double *ret)
{
	pn_nsec length = slot_length(span), since = now > span->began ? now - span->began : 0;
	pn_nsec covered = PN_MIN((PN_TOP_SLOTS - 1) * length + now % length, since);
	uint64_t slot = now / length, first = slot < PN_TOP_SLOTS ? 0 : slot - PN_TOP_SLOTS + 1;
	uint64_t sums[PN_TOP_FIGURES] = { 0 };

	covered = PN_MAX(covered, length);
	for (uint64_t i = first; i <= w->newest; i++)
		for (int f = 0; f < PN_TOP_FIGURES; f++)
			sums[f] += w->slots[i % PN_TOP_SLOTS][f];
	for (int f = 0; f < PN_TOP_FIGURES; f++)
		ret[f] = (double)sums[f] * (double)PN_NSEC_PER_SEC / (double)covered;
}
