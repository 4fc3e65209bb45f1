/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_HISTORY_H
#define PN_EXPORT_HISTORY_H

#include "base/clock.h"
#include "base/err.h"
#include "export/sink.h"
#include "export/view.h"

/*
 * What has been told in the last hours, in a file of bounded size, for `podonym flows --since 2h`. Records
 * are added up by minute and pair: both ends with all their names and addresses, protocol, the port
 * and the Service that were called, how names were found, what was dropped and why. The opener's
 * port is left out. Such a row comes back as a record with an `aggregate`.
 *
 * The flow thread adds records in memory and hands them over every two seconds; a thread of the
 * history's own writes and reads. So a process that is killed loses the records of the last two seconds,
 * or of the last drain if that is longer ago. Whatever happens to the file, the agent goes on: what is
 * not written is counted (pn_history_records_lost_total).
 */
struct pn_history;

#define PN_HISTORY_PATH "/var/lib/podonym/history.db"

/** From the smallest size of the file that makes sense up to what SQLite can count in pages. */
#define PN_HISTORY_MIN_BYTES ((uint64_t)8 << 20)
#define PN_HISTORY_MAX_BYTES ((uint64_t)64 << 30)

/**
 * struct pn_history_config
 * @path: of the file; borrowed until the end
 * @max_bytes: of the file and the log beside it: from PN_HISTORY_MIN_BYTES to PN_HISTORY_MAX_BYTES
 * @max_age: older minutes are deleted, ns
 */
struct pn_history_config {
	const struct pn_clock *clock;
	const char *path;
	uint64_t max_bytes;
	pn_nsec max_age;
};

/** pn_history_start() - what is wrong with the file is said and tried again, it is no failure. Return: 0 or a negative errno */
int pn_history_start(const struct pn_history_config *config, struct pn_history **ret);

/** pn_history_stop() - writes what is left; no other function may be running; NULL is allowed */
void pn_history_stop(struct pn_history *h);

/** struct pn_history_state - @why: it is not written now; "": it is. @aside: where a file was put that could not be used */
struct pn_history_state {
	char why[256], aside[256];
};

/** pn_history_state() - any thread */
void pn_history_state(struct pn_history *h, struct pn_history_state *ret);

/* The rest is the flow thread's. */

/** pn_history_record() - owners are borrowed, and do not change, until pn_history_settle() */
void pn_history_record(struct pn_history *h, const struct pn_flow_record *r);

/** pn_history_settle() - after a round of records: what was borrowed is given back */
void pn_history_settle(struct pn_history *h);

/** A question to the history that is being answered. */
struct pn_history_query;

/**
 * pn_history_ask() - write what a client wants to see of the history
 * @view: borrowed until the answer is complete; how many rows at most it says in n, first or last ones
 * @own_before: CLOCK_REALTIME: of what this process has recorded, only minutes that begin before
 * @sink: on 0 lent until the answer is complete
 *
 * All records that were given before the call are considered.
 *
 * Return: 0; -EAGAIN: records wait to be written, ask again; -ENOMEM
 */
int pn_history_ask(struct pn_history *h, const struct pn_view *view, pn_nsec own_before,
		   struct pn_sink *sink, struct pn_history_query **ret);

/**
 * pn_history_answered() - is an answer complete? Then @q is no more
 * @ret_n: rows written. @ret_begin: the first minute there is, 0: none
 */
bool pn_history_answered(struct pn_history *h, struct pn_history_query *q, uint64_t *ret_n,
			 pn_nsec *ret_begin);

/** pn_history_cancel() - gives the sink back; takes as long as a few hundred rows at most */
void pn_history_cancel(struct pn_history *h, struct pn_history_query *q);

#endif
