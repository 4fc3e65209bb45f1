/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's slots: what has been told of each connection. The joiner writes them; at start they
 * give a connection back what earlier records have told of it.
 *
 * A slot has room for one state. Each change of it is several stores, which are either noted as a step
 * before (see steps.c), or as a removal: then they are done once more by whoever finds it unfinished.
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

static uint64_t first_id(const struct pn_slot *s)
{
	return s->id[0] & PN_SLOT_ID_MASK;
}

static uint8_t by_delivered_of(const struct pn_slot *s)
{
	return s->id[0] >> PN_SLOT_ID_BITS & PN_STEP_DELIVERED;
}

static struct pn_slot *slot_at(const struct pn_journal *j, uint32_t slot)
{
	return slot == PN_NO_SLOT ? NULL : &j->slots[slot];
}

static void put_told(struct pn_slot *s, const struct pn_conn_total told[static 2],
		     uint64_t by_delivered)
{
	pn_journal_put_totals(s->told, told);
	pn_journal_put(&s->id[0], first_id(s) | by_delivered << PN_SLOT_ID_BITS);
}

/* --- at work ------------------------------------------------------------------------------------- */

static void put_free(struct pn_journal *j, uint32_t slot)
{
	struct pn_slot *s = &j->slots[slot];

	pn_journal_put(&s->id[0], 0);
	pn_journal_put(&s->id[1], j->next_free);
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
	pn_journal_put(&j->slots[slot].id[0], 0);
	pn_journal_put(&j->head->high, ++j->n_used);
	return slot;
}

static uint32_t take_free(struct pn_journal *j)
{
	uint32_t slot;

	if (!j->next_free)
		return take_new(j);
	slot = (uint32_t)(j->next_free - 1);
	j->next_free = j->slots[slot].id[1];
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
	pn_journal_put_totals(s->told, nothing);
	pn_journal_put(&s->id[1], other);
	pn_journal_put(&s->id[0], id & PN_SLOT_ID_MASK);
	return slot;
}

void pn_slot_add_entry(struct pn_journal *j, uint32_t slot, uint64_t id)
{
	struct pn_slot *s = slot_at(j, slot);

	if (s && !s->id[1] && first_id(s) != id)
		pn_journal_put(&s->id[1], id);
}

uint64_t pn_slot_note(struct pn_journal *j, uint32_t slot, const struct pn_note *note)
{
	struct pn_slot *s = slot_at(j, slot);
	struct pn_step *step;

	if (!s) {
		j->n_told += note->n_sights;
		return ++j->seq;
	}
	step = pn_step_begin(j, slot, note->n_sights, s->told, by_delivered_of(s));
	put_told(s, note->totals, note->by_delivered);
	pn_step_end(step);
	return step->seq;
}

uint64_t pn_slot_note_rest(struct pn_journal *j, uint32_t slot, const struct pn_note *note)
{
	const uint32_t flags = PN_STEP_GONE | PN_STEP_DONE;

	if (slot == PN_NO_SLOT)
		return pn_slot_note(j, slot, note);
	return pn_step_begin(j, slot, note->n_sights, nothing, flags)->seq;
}

void pn_slot_take_back(struct pn_journal *j, const struct pn_step *s)
{
	put_told(&j->slots[s->slot], s->told, s->flags & PN_STEP_DELIVERED);
}

bool pn_slot_is_written(const struct pn_journal *j, uint32_t seq)
{
	return (uint32_t)j->done - seq < 1u << 31;
}

void pn_slot_removing(struct pn_journal *j, uint32_t slot, uint64_t id, const struct pn_note *rest)
{
	struct pn_removal *removal = &j->head->removal;
	struct pn_slot *s = slot_at(j, slot);
	uint64_t what;

	if (!s)
		return;
	what = ((uint64_t)slot + 1) << PN_REMOVAL_SHIFT | (uint64_t)rest->by_delivered
								  << PN_REMOVAL_REST_SHIFT;
	if (id != first_id(s)) {
		pn_journal_put(&s->id[1], id);
		what |= PN_REMOVAL_SECOND;
	}
	pn_journal_put_totals(removal->rest, rest->totals);
	pn_journal_put(&removal->what, what);
}

void pn_slot_removed(struct pn_journal *j, uint32_t slot, bool is_gone)
{
	struct pn_removal *removal = &j->head->removal;
	struct pn_slot *s = slot_at(j, slot);

	if (!s)
		return;
	if (is_gone)
		put_told(s, removal->rest,
			 removal->what >> PN_REMOVAL_REST_SHIFT & PN_STEP_DELIVERED);
	pn_journal_put(&removal->what, 0);
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

		if (!first_id(s)) {
			put_free(j, i);
			continue;
		}
		add_ref(j, first_id(s), i);
		add_ref(j, s->id[1], i);
	}
	return 0;
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
	return first_id(&j->slots[slot]);
}

uint64_t pn_slot_in_removal(const struct pn_journal *j, uint32_t slot)
{
	const struct pn_slot *s = &j->slots[slot];
	uint64_t what = j->head->removal.what;

	if (what >> PN_REMOVAL_SHIFT != (uint64_t)slot + 1)
		return 0;
	return what & PN_REMOVAL_SECOND ? s->id[1] : first_id(s);
}

void pn_slot_read(const struct pn_journal *j, uint32_t slot, struct pn_conn_total ret[static 2],
		  uint8_t *ret_by_delivered)
{
	const struct pn_slot *s = &j->slots[slot];

	memcpy(ret, s->told, sizeof(s->told));
	*ret_by_delivered = by_delivered_of(s);
}

void pn_slots_adopted(struct pn_journal *j)
{
	pn_journal_put(&j->head->removal.what, 0); /* of a connection that is gone altogether */
	for (uint32_t i = 0; i < j->n_used; i++) {
		if (first_id(&j->slots[i]) && !j->adopted[i])
			put_free(j, i);
	}
	free(PN_TAKE_PTR(j->refs));
	free(PN_TAKE_PTR(j->adopted));
}
