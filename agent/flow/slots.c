/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's slots: what has been told of each connection. The joiner writes them; at start they
 * give a connection back what earlier records have told of it.
 *
 * A record changes a slot in this order: `told` becomes what the committed records say, `last` gets
 * the new number, `newest` becomes what the new record says, and then the record is written. Until
 * the second of these steps the slot's last record is a committed one and `newest` counts; from then
 * on the new record is one that has not been written, and `told` counts.
 */
#include "flow/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/metric.h"
#include "base/util.h"
#include "flow/journal_private.h"

static const struct pn_conn_total nothing[2];

static uint64_t seq_of(const struct pn_slot *s)
{
	return s->last >> PN_SLOT_FLAG_BITS;
}

static uint64_t last_word(uint64_t seq, unsigned int flags)
{
	return seq << PN_SLOT_FLAG_BITS | PN_SLOT_USED | flags;
}

static struct pn_slot *slot_at(const struct pn_journal *j, uint32_t slot)
{
	return slot == PN_NO_SLOT ? NULL : &j->slots[slot];
}

/* The same number, with these flags and no others. */
static void set_flags(struct pn_slot *s, unsigned int flags)
{
	pn_journal_put(&s->last, last_word(seq_of(s), flags));
}

static uint64_t sights_between(const struct pn_slot *s)
{
	uint64_t n = 0;

	for (unsigned int end = 0; end < 2; end++) {
		bool by_delivered = s->last & 1u << end;
		uint64_t told = pn_conn_sights(&s->told[end], by_delivered);
		uint64_t newest = pn_conn_sights(&s->newest[end], by_delivered);

		n += newest - PN_MIN(newest, told);
	}
	return n;
}

/* --- at work ------------------------------------------------------------------------------------- */

static void put_free(struct pn_journal *j, uint32_t slot)
{
	struct pn_slot *s = &j->slots[slot];

	pn_journal_put(&s->last, 0);
	pn_journal_put(&s->first, j->next_free);
	j->next_free = (uint64_t)slot + 1;
}

int pn_slots_reach(const struct pn_journal *j, uint32_t n)
{
	return pn_notes_reach(&j->notes, PN_JOURNAL_HEAD_BYTES + (size_t)n * PN_JOURNAL_SLOT_BYTES);
}

/* One that no agent has used is told to be free before it counts, it may contain anything. */
static uint32_t take_new(struct pn_journal *j)
{
	uint32_t slot = j->n_used;

	if (slot >= j->n_slots || pn_slots_reach(j, slot + 1) < 0)
		return PN_NO_SLOT;
	pn_journal_put(&j->slots[slot].last, 0);
	pn_journal_put(&j->head->high, ++j->n_used);
	return slot;
}

static uint32_t take_free(struct pn_journal *j)
{
	uint32_t slot;

	if (!j->next_free)
		return take_new(j);
	slot = (uint32_t)(j->next_free - 1);
	j->next_free = j->slots[slot].first;
	return slot;
}

uint32_t pn_slot_take(struct pn_journal *j, uint64_t id, uint64_t other)
{
	uint32_t slot = take_free(j);
	struct pn_slot *s = slot_at(j, slot);

	if (!s) {
		pn_metric_add(PN_METRIC_FLOW_UNJOURNALED, 1);
		return PN_NO_SLOT;
	}
	pn_journal_put(&s->id[0], id);
	pn_journal_put(&s->id[1], other);
	pn_journal_put_totals(s->newest, nothing);
	return slot;
}

void pn_slot_add_entry(struct pn_journal *j, uint32_t slot, uint64_t id)
{
	struct pn_slot *s = slot_at(j, slot);

	if (s && !s->id[1] && s->id[0] != id)
		pn_journal_put(&s->id[1], id);
}

static uint64_t next_seq(struct pn_journal *j, const struct pn_note *note)
{
	j->n_told += note->n_sights;
	return ++j->seq;
}

uint64_t pn_slot_note(struct pn_journal *j, uint32_t slot, const struct pn_note *note)
{
	uint64_t seq = next_seq(j, note);
	struct pn_slot *s = slot_at(j, slot);

	if (!s)
		return seq;
	if (seq_of(s) <= j->done) {
		if (!(s->last & PN_SLOT_TOLD))
			pn_journal_put_totals(s->told, s->newest);
		pn_journal_put(&s->first, seq);
	}
	pn_journal_put(&s->last, last_word(seq, note->by_delivered | PN_SLOT_OPEN));
	pn_journal_put_totals(s->newest, note->totals);
	pn_journal_put(&s->last, last_word(seq, note->by_delivered));
	return seq;
}

uint64_t pn_slot_note_rest(struct pn_journal *j, uint32_t slot, const struct pn_note *note)
{
	uint64_t seq = next_seq(j, note);
	struct pn_slot *s = slot_at(j, slot);

	if (!s)
		return seq;
	/* Nobody will read this slot as long as its last record is a committed one. */
	pn_journal_put_totals(s->told, nothing);
	pn_journal_put_totals(s->newest, note->totals);
	pn_journal_put(&s->first, seq);
	pn_journal_put(&s->last, last_word(seq, note->by_delivered | PN_SLOT_GONE));
	return seq;
}

bool pn_slot_is_written(const struct pn_journal *j, uint32_t seq)
{
	return (uint32_t)j->done - seq < 1u << 31;
}

void pn_slot_removing(struct pn_journal *j, uint32_t slot, uint64_t id, const struct pn_note *rest)
{
	struct pn_slot *s = slot_at(j, slot);
	unsigned int flags;

	if (!s)
		return;
	flags = s->last & PN_SLOT_DELIVERED;
	if (!(s->last & PN_SLOT_TOLD)) {
		pn_journal_put_totals(s->told, s->newest);
		set_flags(s, flags | PN_SLOT_TOLD);
	}
	flags |= PN_SLOT_REMOVING | (unsigned int)rest->by_delivered << PN_SLOT_REST_SHIFT;
	if (id != s->id[0]) {
		pn_journal_put(&s->id[1], id);
		flags |= PN_SLOT_SECOND;
	}
	pn_journal_put_totals(s->newest, rest->totals);
	set_flags(s, flags);
}

void pn_slot_removed(struct pn_journal *j, uint32_t slot, bool is_gone)
{
	struct pn_slot *s = slot_at(j, slot);

	if (!s)
		return;
	if (is_gone)
		pn_journal_put_totals(s->told, s->newest);
	set_flags(s, PN_SLOT_TOLD |
			     (s->last >> (is_gone ? PN_SLOT_REST_SHIFT : 0) & PN_SLOT_DELIVERED));
}

void pn_slot_release(struct pn_journal *j, uint32_t slot)
{
	if (slot != PN_NO_SLOT)
		put_free(j, slot);
}

/* --- after a restart ------------------------------------------------------------------------------ */

static size_t place_of(const struct pn_journal *j, uint64_t id)
{
	return (size_t)pn_hash_pair(id, 0, sizeof(id)) & (j->n_refs - 1);
}

static void add_ref(struct pn_journal *j, uint64_t id, uint32_t slot)
{
	size_t i = place_of(j, id);

	if (!id)
		return;
	while (j->refs[i].id)
		i = (i + 1) & (j->n_refs - 1);
	j->refs[i] = (struct pn_slot_ref) { .id = id, .slot = slot };
}

int pn_slots_open(struct pn_journal *j)
{
	size_t n_refs = 4;

	while (n_refs < (size_t)j->n_used * 3)
		n_refs *= 2;
	j->refs = calloc(n_refs, sizeof(*j->refs));
	j->adopted = calloc((size_t)j->n_used + 1, sizeof(*j->adopted));
	if (!j->refs || !j->adopted)
		return -ENOMEM;
	j->n_refs = n_refs;
	for (uint32_t i = j->n_used; i-- > 0;) { /* so that the lowest is taken first */
		const struct pn_slot *s = &j->slots[i];

		if (!(s->last & PN_SLOT_USED)) {
			put_free(j, i);
			continue;
		}
		add_ref(j, s->id[0], i);
		add_ref(j, s->id[1], i);
	}
	return 0;
}

/* @reach: the last record that is known to be written. */
static void settle_slot(struct pn_slot *s, struct pn_written written, uint64_t reach,
			struct pn_commit *ret)
{
	bool is_alone = s->first == seq_of(s);
	uint64_t n = sights_between(s);

	if (s->last & PN_SLOT_OPEN && is_alone)
		pn_journal_put_totals(s->newest, s->told);
	else if (written.is_known && seq_of(s) <= reach)
		ret->n_told += n;
	else if (!written.is_known || s->first <= reach || s->last & PN_SLOT_GONE)
		ret->n_in_doubt += n;
	else
		pn_journal_put_totals(s->newest, s->told);
}

/*
 * Being killed in here changes nothing: a slot whose record was not written says afterwards that
 * nothing is new in it, and the sums count only with the commit that the caller makes of them.
 */
void pn_slots_settle(struct pn_journal *j, struct pn_written written, struct pn_commit *ret)
{
	uint64_t done = ret->seq, reach = done + written.n_lines;

	for (uint32_t i = 0; i < j->n_used; i++) {
		struct pn_slot *s = &j->slots[i];

		if (!(s->last & PN_SLOT_USED) || seq_of(s) <= done)
			continue;
		settle_slot(s, written, reach, ret);
		ret->seq = PN_MAX(ret->seq, seq_of(s));
	}
}

bool pn_slots_are_adopted(const struct pn_journal *j)
{
	return !j->refs;
}

uint32_t pn_slot_adopt(struct pn_journal *j, uint64_t id)
{
	size_t i = place_of(j, id);

	while (j->refs[i].id && j->refs[i].id != id)
		i = (i + 1) & (j->n_refs - 1);
	if (!j->refs[i].id || j->adopted[j->refs[i].slot])
		return PN_NO_SLOT;
	j->adopted[j->refs[i].slot] = 1;
	return j->refs[i].slot;
}

uint64_t pn_slot_flow_id(const struct pn_journal *j, uint32_t slot)
{
	return j->slots[slot].id[0];
}

uint64_t pn_slot_in_removal(const struct pn_journal *j, uint32_t slot)
{
	const struct pn_slot *s = &j->slots[slot];

	if (!(s->last & PN_SLOT_REMOVING))
		return 0;
	return s->id[s->last & PN_SLOT_SECOND ? 1 : 0];
}

void pn_slot_read(const struct pn_journal *j, uint32_t slot, struct pn_conn_total ret[static 2],
		  uint8_t *ret_by_delivered)
{
	const struct pn_slot *s = &j->slots[slot];

	memcpy(ret, s->last & PN_SLOT_TOLD ? s->told : s->newest, sizeof(s->told));
	*ret_by_delivered = s->last & PN_SLOT_DELIVERED;
}

void pn_slots_adopted(struct pn_journal *j)
{
	for (uint32_t i = 0; i < j->n_used; i++) {
		if (j->slots[i].last & PN_SLOT_USED && !j->adopted[i])
			put_free(j, i);
	}
	free(PN_TAKE_PTR(j->refs));
	free(PN_TAKE_PTR(j->adopted));
}
