/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_VIEWERS_H
#define PN_EXPORT_VIEWERS_H

#include "base/clock.h"
#include "export/history.h"
#include "export/sink.h"
#include "export/view.h"
#include "flow/recent.h"

/*
 * The clients of the unix socket that read records, each in its own view. Among the records
 * they read lines that are none, in every form: {"note": "..."} says what is missing and why,
 * {"error": "..."} why there is nothing. Flow thread.
 */
struct pn_viewers;

/** Most of them at a time; one more is refused, unless one of them has read nothing for ten seconds. */
enum { PN_VIEWERS_MAX = 32 };

/** pn_viewers_new() - @clock, @history (or NULL): outlive them. Return: 0 or -ENOMEM */
int pn_viewers_new(const struct pn_clock *clock, struct pn_history *history,
		   struct pn_viewers **ret);
void pn_viewers_free(struct pn_viewers *v);

/**
 * pn_viewers_add() - write what is kept, in the history and of the last records, and follow if that is wanted
 * @sink, @view->filter: taken over, also on failure
 * @recent: what is kept, its names settled; with a history it outlives the viewers, else it is of the
 *	    call. May be NULL where @view wants nothing of it
 *
 * Return: 0; -EBUSY: too many, and @sink was told so; -ENOMEM
 */
int pn_viewers_add(struct pn_viewers *v, struct pn_sink *sink, const struct pn_view *view,
		   const struct pn_recent *recent);

/** pn_viewers_record() - a record for those who follow and want it; buffered until pn_viewers_flush() */
void pn_viewers_record(struct pn_viewers *v, const struct pn_flow_record *r);

/**
 * pn_viewers_flush() - write what was buffered; who is gone, or has got all, is closed
 *
 * Return: in how many ms to call again, because a client has not read everything yet; longer and
 * longer while those who wait read nothing. 0: nobody waits
 */
unsigned int pn_viewers_flush(struct pn_viewers *v);

#endif
