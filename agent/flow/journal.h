/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_JOURNAL_H
#define PN_FLOW_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/notes.h"
#include "flow/place.h"

/*
 * What records have told, connection by connection, in memory that outlives the agent. An agent that
 * is killed at any instruction leaves it so that the next one neither repeats nor loses a packet.
 *
 * Every record has a number. The journal is told of a record before anything of it is written, and
 * that all records so far are written by pn_journal_commit(). What lies between is in doubt after a
 * kill: where records are lines of a regular file, as many records were written as there are whole
 * lines behind the committed place; elsewhere nobody can know, so it counts as written and is listed
 * as in doubt. So does what lies further back than the last two thousand records and is not in the file,
 * where a file takes nothing for long.
 *
 * The flow thread's; also used before that thread starts. Slots: flow/slots.h.
 */
struct pn_journal;

enum {
	PN_JOURNAL_HEAD_BYTES = 41 * 4096,
	PN_JOURNAL_SLOT_BYTES = 64, /* for each connection */
};

/**
 * pn_journal_open() - look at what an earlier agent has left
 * @notes: zero when they are new; outlive the journal. Any content is survived
 *
 * Return: 0; -EINVAL: too small for the head; -ENOMEM, or what else pn_notes_reach() says
 */
int pn_journal_open(const struct pn_notes *notes, struct pn_journal **ret);
void pn_journal_free(struct pn_journal *j);

/** pn_journal_place() - where the committed records end */
struct pn_place pn_journal_place(const struct pn_journal *j);

/** struct pn_written - what an output shows of the records in doubt: how many whole lines, if it can tell */
struct pn_written {
	bool is_known;
	uint64_t n_lines;
};

/**
 * pn_journal_settle() - decide what is in doubt, once, before the first record
 * @place: of the output now
 *
 * Return: 0, or -ENOMEM: then earlier connections would be told twice; do not go on
 */
int pn_journal_settle(struct pn_journal *j, struct pn_written written,
		      const struct pn_place *place);

/** pn_journal_commit() - everything is written; @place: how far the output has come */
void pn_journal_commit(struct pn_journal *j, const struct pn_place *place);

/** pn_journal_doubt() - a line is missing: until the next commit lines and records do not correspond */
void pn_journal_doubt(struct pn_journal *j);

/**
 * struct pn_journal_totals - since the flow table is new, agents before this one included
 * @n_records:	numbers given to records
 * @n_told:	packets in them, each as often as hooks on this node saw it
 * @n_in_doubt: such that stand in records of which nobody knows whether they were written
 *
 * So the kernel's PN_STAT_RECORDED + PN_STAT_COLLAPSED = n_told + n_in_doubt + what waits in the flow table.
 */
struct pn_journal_totals {
	uint64_t n_records, n_told, n_in_doubt;
};

struct pn_journal_totals pn_journal_totals(const struct pn_journal *j);

#endif
