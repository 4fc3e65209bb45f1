/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A first state that no list brought: the objects and the version were kept from before, and the
 * watch goes on from there. Until such a watch has said something, nobody knows whether the server
 * still can: it may have forgotten that version, or never have had it. Either leads to a list, which
 * is what there would have been without a state from before, so it is no failure and not waited for.
 *
 * A server that cannot answer now is another matter. Listing everything would not help it, so the
 * same watch is tried a few times more than usual.
 */
#include <string.h>

#include "kube/reflector_private.h"

/* Watches that may be refused before the version is suspected. */
enum { MAX_RESUMES = 5 };

void pn_reflector_resume(struct pn_reflector *r, const char *rv)
{
	memcpy(r->rv, rv, strlen(rv) + 1);
	r->phase = PN_PHASE_WATCH;
	r->n_resumes = MAX_RESUMES;
}

/* Nothing that a server has ever given out. */
static bool is_unknown_version(const struct pn_ending *end)
{
	return end->how == PN_END_REFUSED && (end->status.code == 400 || end->status.code == 422);
}

static void list_instead(struct pn_reflector *r)
{
	r->n_resumes = 0;
	r->phase = pn_reflector_cycle(r);
}

static void try_again(struct pn_reflector *r, const struct pn_ending *end, bool is_told)
{
	r->n_resumes--;
	pn_reflector_pause(r, end, PN_PHASE_WATCH);
	if (is_told)
		pn_reflector_tell(r, end);
}

bool pn_reflector_resume_ended(struct pn_reflector *r, const struct pn_ending *end)
{
	static const struct pn_ending too_soon = {
		.how = PN_END_COMPLETE,
		.words = "the server ended the watch at once and without an event",
	};

	if (end->how == PN_END_EXPIRED) {
		list_instead(r);
	} else if (is_unknown_version(end)) {
		r->rv[0] = '\0';
		list_instead(r);
	} else if (end->how == PN_END_INTERNAL || end->how == PN_END_REFUSED) {
		try_again(r, end, r->answer.http_status != 200);
	} else if ((end->how == PN_END_COMPLETE || end->how == PN_END_CUT) &&
		   pn_reflector_was_short(r)) {
		r->n_short_watches++;
		try_again(r, &too_soon, false);
	} else {
		return false;
	}
	return true;
}
