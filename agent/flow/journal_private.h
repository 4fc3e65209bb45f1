/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_JOURNAL_PRIVATE_H
#define PN_FLOW_JOURNAL_PRIVATE_H

#include "flow/slots.h"

/*
 * How the journal lies in memory: its head and the last steps, which journal.c writes, and a slot for each
 * connection, which slots.c writes.
 *
 * A process that is killed has done all stores before some instruction and none after it. So what
 * counts is the order of stores, and that each one leaves a state with a meaning.
 */
#define PN_JOURNAL_MAGIC 0x32306c6e72756a70u /* another layout, another number */

/**
 * struct pn_commit - what holds for all records up to @seq
 * @n_noted: as in struct pn_step
 */
struct pn_commit {
	uint64_t seq;
	struct pn_place place;
	uint64_t n_told, n_in_doubt, n_noted;
};

/**
 * struct pn_step - what a record has changed, so that it can be taken back if the record was not written
 * @seq:      number of the record; another one: this is no step, or one that is being made
 * @slot:     that it is about
 * @flags:    enum pn_step_flags
 * @n_sights: packets in the record, see struct pn_journal_totals
 * @n_noted:  sum of @n_sights of all steps so far, this one included
 * @told:     of the slot before the record
 */
struct pn_step {
	uint64_t seq;
	uint32_t slot, flags;
	uint64_t n_sights, n_noted;
	struct pn_conn_total told[2];
};

enum pn_step_flags {
	PN_STEP_DELIVERED = 3 << 0, /* by_delivered of the slot before the record */
	PN_STEP_DONE = 1 << 2,	    /* the slot says what the record says */
	PN_STEP_GONE =
		1 << 3, /* no entry is left that could tell again; the slot does not matter */
};

/* So many records can be taken back: more than an agent has encoded and not yet handed to its output. */
enum { PN_JOURNAL_MAX_STEPS = 2048 };

/* A test has fewer. */
#ifndef PN_JOURNAL_N_STEPS
#define PN_JOURNAL_N_STEPS PN_JOURNAL_MAX_STEPS
#endif

/**
 * struct pn_removal - one of several entries of a connection is being taken out of the flow table
 * @rest: what is told of the connection without it; the slot says it when the entry has gone
 * @what: the slot and 1, and enum pn_removal_flags; 0: none is
 */
struct pn_removal {
	struct pn_conn_total rest[2];
	uint64_t what;
};

enum pn_removal_flags {
	PN_REMOVAL_SECOND = 1,	   /* << SHIFT: it is entry id[1] of the slot */
	PN_REMOVAL_REST_SHIFT = 1, /* by_delivered that goes with @rest */
	PN_REMOVAL_SHIFT = 32,
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
	struct pn_removal removal;
};

/**
 * struct pn_slot - what records have told of a connection, as far as nothing has to be taken back
 * @id:	  of two entries (0: none); the first is the flow's id in records, with by_delivered above its 56
 *	  bits, and 0 in a slot that is free; then the second is the next free one and 1
 * @told: by end
 */
struct pn_slot {
	uint64_t id[2];
	struct pn_conn_total told[2];
};

enum { PN_SLOT_ID_BITS = 56 };
#define PN_SLOT_ID_MASK ((1ull << PN_SLOT_ID_BITS) - 1)

struct pn_journal_layout {
	union {
		struct pn_journal_head head;
		char page[4096];
	};
	struct pn_step steps[PN_JOURNAL_MAX_STEPS];
	struct pn_slot slots[];
};

_Static_assert(sizeof(struct pn_journal_layout) == PN_JOURNAL_HEAD_BYTES, "fits");
_Static_assert(sizeof(struct pn_slot) == PN_JOURNAL_SLOT_BYTES, "fits");

/* Which slot has an entry's id, for the time of adoption. */
struct pn_slot_ref {
	uint64_t id;
	uint32_t slot;
};

struct pn_journal {
	struct pn_notes notes;
	struct pn_journal_head *head;
	struct pn_step *steps;
	struct pn_slot *slots;
	uint32_t n_slots, n_used; /* n_used: as head->high */
	uint64_t next_free;	  /* and 1; 0: none below n_used */
	uint64_t seq, done;	  /* numbers: given, committed */
	uint64_t n_told, n_noted; /* n_noted: as in struct pn_step */
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

static inline void pn_journal_put_32(uint32_t *at, uint32_t value)
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

/** pn_slot_take_back() - the slot of @s is again what it was before the record */
void pn_slot_take_back(struct pn_journal *j, const struct pn_step *s);

/**
 * pn_step_begin() - a record with a number of its own is about to change a slot, which can be taken back
 *
 * Return: to be finished by pn_step_end()
 */
struct pn_step *pn_step_begin(struct pn_journal *j, uint32_t slot, uint64_t n_sights,
			      const struct pn_conn_total told[static 2], uint32_t flags);
void pn_step_end(struct pn_step *s);

/** pn_steps_settle() - decide what is in doubt. @ret: what the commit has to say */
void pn_steps_settle(struct pn_journal *j, struct pn_written written, struct pn_commit *ret);

#endif
