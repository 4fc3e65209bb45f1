/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_JOURNAL_PRIVATE_H
#define PN_FLOW_JOURNAL_PRIVATE_H

#include "flow/slots.h"

/*
 * How the journal lies in memory; journal.c writes its head, slots.c its slots.
 *
 * A process that is killed has done all stores before some instruction and none after it. So what
 * counts is the order of stores, and that each one leaves a state with a meaning.
 */
#define PN_JOURNAL_MAGIC 0x31306c6e72756a70u /* another layout, another number */

/**
 * struct pn_commit - what holds for all records up to @seq
 */
struct pn_commit {
	uint64_t seq;
	struct pn_place place;
	uint64_t n_told, n_in_doubt;
};

/**
 * struct pn_journal_head
 * @current: which commit counts; the other one is being written
 * @high:    slots from this one on are not used, whatever they contain
 * @doubt:   up to this record, as far as it is not committed, lines do not count
 */
struct pn_journal_head {
	uint64_t magic, current, high, doubt;
	struct pn_commit commits[2];
};

/**
 * struct pn_slot
 * @id:	    of two entries; the first is the flow's id in records
 * @told:   what the committed records have told, while later ones are on their way
 * @newest: the same with all records
 * @first:  number of the first record that was on its way when @last was written; of a free slot the
 *	    next free one and 1
 * @last:   number of the newest record << PN_SLOT_FLAG_BITS | enum pn_slot_flags; 0: free
 *
 * Which of @told and @newest counts: while a record of it is not committed, it depends on what has
 * been written; else by the flags: @newest, or with PN_SLOT_TOLD @told, or with PN_SLOT_REMOVING
 * @told while the entry in question is in the flow table and @newest when it is not.
 */
struct pn_slot {
	uint64_t id[2];
	struct pn_conn_total told[2], newest[2];
	uint64_t first, last;
};

enum pn_slot_flags {
	PN_SLOT_DELIVERED = 3 << 0, /* by_delivered */
	PN_SLOT_USED = 1 << 2,
	PN_SLOT_TOLD = 1 << 3,
	PN_SLOT_REMOVING = 1 << 4,
	PN_SLOT_SECOND = 1 << 5, /* REMOVING: entry id[1] */
	PN_SLOT_GONE = 1 << 6,	 /* no entry is left that could tell again what was not written */
	PN_SLOT_OPEN = 1 << 7,	 /* the record is not begun: @newest is not complete */
	PN_SLOT_REST_SHIFT = 8,	 /* REMOVING: by_delivered that goes with @newest */
	PN_SLOT_FLAG_BITS = 16,
};

_Static_assert(sizeof(struct pn_journal_head) <= PN_JOURNAL_HEAD_BYTES, "fits");
_Static_assert(sizeof(struct pn_slot) == PN_JOURNAL_SLOT_BYTES, "fits");

/* Which slot has an entry's id, for the time of adoption. */
struct pn_slot_ref {
	uint64_t id;
	uint32_t slot;
};

struct pn_journal {
	struct pn_notes notes;
	struct pn_journal_head *head;
	struct pn_slot *slots;
	uint32_t n_slots, n_used; /* n_used: as head->high */
	uint64_t next_free;	  /* and 1; 0: none below n_used */
	uint64_t seq, done;	  /* numbers: given, committed */
	uint64_t n_told;
	struct pn_slot_ref *refs; /* NULL: adoption is over */
	size_t n_refs;		  /* a power of two */
	uint8_t *adopted;	  /* by slot */
};

/* A test looks at what each store leaves behind. */
#ifndef PN_JOURNAL_STORED
#define PN_JOURNAL_STORED() ((void)0)
#endif

/* Stores in the order in which they are written. Pairs with the next agent's pn_journal_settle(). */
static inline void pn_journal_put(uint64_t *at, uint64_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
	PN_JOURNAL_STORED();
}

static inline void pn_journal_put_totals(struct pn_conn_total to[static 2],
					 const struct pn_conn_total from[static 2])
{
	for (int end = 0; end < 2; end++) {
		pn_journal_put(&to[end].packets, from[end].packets);
		pn_journal_put(&to[end].bytes, from[end].bytes);
		pn_journal_put(&to[end].delivered, from[end].delivered);
	}
}

/** pn_slots_reach() - let the first @n be used. Return: as pn_notes_reach() */
int pn_slots_reach(const struct pn_journal *j, uint32_t n);

/** pn_slots_open() - list the slots in use and the free ones. Return: 0 or -ENOMEM */
int pn_slots_open(struct pn_journal *j);

/** pn_slots_settle() - decide what is in doubt for each slot. @ret: what the commit has to say */
void pn_slots_settle(struct pn_journal *j, struct pn_written written, struct pn_commit *ret);

#endif
