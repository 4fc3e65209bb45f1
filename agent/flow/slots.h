/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_SLOTS_H
#define PN_FLOW_SLOTS_H

#include "flow/conn.h"
#include "flow/journal.h"

/*
 * The journal's slots, one for each connection that a record has told of. Private to agent/flow.
 * Where @slot is PN_NO_SLOT, a connection is only remembered in this process.
 */

/**
 * struct pn_note - what is told of a connection with its newest record
 * @totals:	  by end, this record included
 * @by_delivered: as in struct pn_conn
 * @n_sights:	  packets in this record, see struct pn_journal_totals
 */
struct pn_note {
	struct pn_conn_total totals[2];
	uint8_t by_delivered;
	uint64_t n_sights;
};

/** pn_slot_take() - for a connection with entries of these ids (@other 0: one entry). Return: PN_NO_SLOT: full */
uint32_t pn_slot_take(struct pn_journal *j, uint64_t id, uint64_t other);

/** pn_slot_add_entry() - the connection has this entry too */
void pn_slot_add_entry(struct pn_journal *j, uint32_t slot, uint64_t id);

/** pn_slot_note() - about to write a record. Return: its number */
uint64_t pn_slot_note(struct pn_journal *j, uint32_t slot, const struct pn_note *note);

/** pn_slot_note_rest() - the same for what the removal of the last entry found; totals hold nothing else */
uint64_t pn_slot_note_rest(struct pn_journal *j, uint32_t slot, const struct pn_note *note);

/** pn_slot_is_written() - is everything up to record @seq committed? Its low bits, it is one of the last 2^31 */
bool pn_slot_is_written(const struct pn_journal *j, uint32_t seq);

/**
 * pn_slot_removing() - about to take one of several entries out of the flow table
 * @id:	    of that entry
 * @rest:   what is told of the connection without it
 *
 * All records of the connection are committed. pn_slot_removed() must follow.
 */
void pn_slot_removing(struct pn_journal *j, uint32_t slot, uint64_t id, const struct pn_note *rest);

/** pn_slot_removed() - @is_gone: false: it is still in the table */
void pn_slot_removed(struct pn_journal *j, uint32_t slot, bool is_gone);

/** pn_slot_release() - the connection has no entry any more, and all is committed */
void pn_slot_release(struct pn_journal *j, uint32_t slot);

/*
 * Adopting what an earlier agent has left: during the first round that sees all of the flow table.
 */
bool pn_slots_are_adopted(const struct pn_journal *j);

/** pn_slot_adopt() - of an entry's connection, if there is one that nobody has. Return: PN_NO_SLOT: none */
uint32_t pn_slot_adopt(struct pn_journal *j, uint64_t id);

/** pn_slot_flow_id() - the id in the earlier records */
uint64_t pn_slot_flow_id(const struct pn_journal *j, uint32_t slot);

/** pn_slot_in_removal() - the entry that was being taken out when the earlier agent ended; 0: none */
uint64_t pn_slot_in_removal(const struct pn_journal *j, uint32_t slot);

/** pn_slot_read() - what is told; pn_slot_removed() has been called if an entry was in removal */
void pn_slot_read(const struct pn_journal *j, uint32_t slot, struct pn_conn_total ret[static 2],
		  uint8_t *ret_by_delivered);

/** pn_slots_adopted() - slots that nobody has adopted are of entries that are gone */
void pn_slots_adopted(struct pn_journal *j);

#endif
