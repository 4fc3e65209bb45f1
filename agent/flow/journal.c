/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's head: numbers of records, and up to which of them everything is written. The flow
 * thread commits after each flush.
 *
 * A commit is several words and must be one step, so there are two of them, and a single store says
 * which one counts.
 */
#include "flow/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/metric.h"
#include "base/util.h"
#include "flow/journal_private.h"

static const struct pn_commit *committed(const struct pn_journal *j)
{
	return &j->head->commits[j->head->current & 1];
}

static void publish(struct pn_journal *j, const struct pn_commit *c)
{
	uint64_t next = !(j->head->current & 1);
	struct pn_commit *to = &j->head->commits[next];

	pn_journal_put(&to->seq, c->seq);
	pn_journal_put(&to->place.dev, c->place.dev);
	pn_journal_put(&to->place.ino, c->place.ino);
	pn_journal_put(&to->place.offset, c->place.offset);
	pn_journal_put(&to->n_told, c->n_told);
	pn_journal_put(&to->n_in_doubt, c->n_in_doubt);
	pn_journal_put(&to->n_noted, c->n_noted);
	pn_journal_put(&j->head->current, next);
	j->done = c->seq;
	pn_metric_set(PN_METRIC_FLOW_TOLD, c->n_told);
	pn_metric_set(PN_METRIC_FLOW_IN_DOUBT, c->n_in_doubt);
}

/* Of another layout, or not ours: begin anew. The number comes last, so that being killed here does no harm. */
static void begin_anew(struct pn_journal *j)
{
	pn_journal_put(&j->head->magic, 0);
	memset(j->head, 0, sizeof(*j->head));
	memset(j->steps, 0, PN_JOURNAL_N_STEPS * sizeof(*j->steps));
	pn_journal_put(&j->head->magic, PN_JOURNAL_MAGIC);
}

/* What an earlier agent has used becomes accessible. */
static int look_back(struct pn_journal *j)
{
	int r = pn_slots_reach(j, 0);

	if (r < 0)
		return r;
	if (j->head->magic != PN_JOURNAL_MAGIC)
		begin_anew(j);
	j->n_used = (uint32_t)PN_MIN(j->head->high, (uint64_t)j->n_slots);
	j->seq = j->done = committed(j)->seq;
	j->n_told = committed(j)->n_told;
	j->n_noted = committed(j)->n_noted;
	return pn_slots_reach(j, j->n_used);
}

int pn_journal_open(const struct pn_notes *notes, struct pn_journal **ret)
{
	struct pn_journal_layout *layout = notes->at;
	struct pn_journal *j;
	size_t n_slots;
	int r;

	if (!notes->at || notes->len < PN_JOURNAL_HEAD_BYTES)
		return -EINVAL;
	n_slots = (notes->len - PN_JOURNAL_HEAD_BYTES) / PN_JOURNAL_SLOT_BYTES;
	j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	j->notes = *notes;
	j->head = &layout->head;
	j->steps = layout->steps;
	j->slots = layout->slots;
	j->n_slots = (uint32_t)PN_MIN(n_slots, (size_t)PN_NO_SLOT);
	r = look_back(j);
	if (r < 0) {
		free(j);
		return r;
	}
	*ret = j;
	return 0;
}

void pn_journal_free(struct pn_journal *j)
{
	if (!j)
		return;
	free(j->refs);
	free(j->adopted);
	free(j);
}

struct pn_place pn_journal_place(const struct pn_journal *j)
{
	return committed(j)->place;
}

int pn_journal_settle(struct pn_journal *j, struct pn_written written, const struct pn_place *place)
{
	struct pn_commit c = *committed(j);
	int r = pn_slots_open(j);

	if (r < 0)
		return r;
	if (j->head->doubt > c.seq)
		written.is_known = false;
	pn_steps_settle(j, written, &c);
	c.place = *place;
	publish(j, &c);
	j->seq = c.seq;
	j->n_told = c.n_told;
	return 0;
}

void pn_journal_commit(struct pn_journal *j, const struct pn_place *place)
{
	struct pn_commit c = *committed(j);

	c.seq = j->seq;
	c.place = *place;
	c.n_told = j->n_told;
	c.n_noted = j->n_noted;
	publish(j, &c);
}

void pn_journal_doubt(struct pn_journal *j)
{
	pn_journal_put(&j->head->doubt, j->seq);
}

struct pn_journal_totals pn_journal_totals(const struct pn_journal *j)
{
	return (struct pn_journal_totals) {
		.n_records = j->seq,
		.n_told = j->n_told,
		.n_in_doubt = committed(j)->n_in_doubt,
	};
}
