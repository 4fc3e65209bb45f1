/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's last steps. The slots write one for each record; at start they say what of the slots
 * has to be taken back.
 *
 * A record is a step: it is noted what the slot said before, then the step gets its number, then the slot
 * says what the record says, and the step is marked as done; then the record is written. Until it has its
 * number it has not been. From then on, as long as no commit has reached it, it depends on what has been
 * written: a step of a record that was not is taken back, the newest first. Steps lie in a ring. One that
 * another has overwritten cannot be taken back.
 */
#include "flow/journal_private.h"

static struct pn_step *step_at(const struct pn_journal *j, uint64_t seq)
{
	return &j->steps[seq % PN_JOURNAL_N_STEPS];
}

struct pn_step *pn_step_begin(struct pn_journal *j, uint32_t slot, uint64_t n_sights,
			      const struct pn_conn_total told[static 2], uint32_t flags)
{
	struct pn_step *s = step_at(j, ++j->seq);

	j->n_told += n_sights;
	j->n_noted += n_sights;
	pn_journal_put(&s->seq, 0);
	pn_journal_put_32(&s->slot, slot);
	pn_journal_put_32(&s->flags, flags);
	pn_journal_put(&s->n_sights, n_sights);
	pn_journal_put(&s->n_noted, j->n_noted);
	pn_journal_put_totals(s->told, told);
	pn_journal_put(&s->seq, j->seq);
	return s;
}

void pn_step_end(struct pn_step *s)
{
	pn_journal_put_32(&s->flags, s->flags | PN_STEP_DONE);
}

/* --- after a restart ------------------------------------------------------------------------------ */

/* The step with that number, if it is there and about a slot. */
static const struct pn_step *find_step(const struct pn_journal *j, uint64_t seq)
{
	const struct pn_step *s = step_at(j, seq);

	return s->seq == seq && s->slot < j->n_used ? s : NULL;
}

/* Return: the number of the newest step, or @done if none comes after that */
static uint64_t newest(const struct pn_journal *j, uint64_t done)
{
	uint64_t seq = done;

	for (uint32_t i = 0; i < PN_JOURNAL_N_STEPS; i++) {
		if (find_step(j, j->steps[i].seq))
			seq = PN_MAX(seq, j->steps[i].seq);
	}
	return seq;
}

/* @reach: the last record that counts as written */
static bool is_written(const struct pn_step *s, uint64_t reach)
{
	return s->flags & PN_STEP_DONE && s->seq <= reach;
}

/*
 * Being killed in here changes nothing: what has been taken back is so once more, and the sums count
 * only with the commit that the caller makes of them.
 */
void pn_steps_settle(struct pn_journal *j, struct pn_written written, struct pn_commit *ret)
{
	uint64_t done = ret->seq, last = newest(j, done), noted = ret->n_noted;
	uint64_t reach = written.is_known ? done + written.n_lines : last;
	uint64_t oldest = last - PN_MIN(last, PN_JOURNAL_N_STEPS - 2ull);

	oldest = PN_MAX(oldest, done + 1); /* the one before was perhaps just being overwritten */
	for (uint64_t seq = last; seq >= oldest; seq--) {
		const struct pn_step *s = find_step(j, seq);

		if (!s)
			continue;
		noted = is_written(s, reach) ? s->n_noted : s->n_noted - s->n_sights;
		if (is_written(s, reach))
			break;
		if (s->flags & PN_STEP_GONE)
			ret->n_in_doubt += s->n_sights;
		else
			pn_slot_take_back(j, s);
	}
	noted -= PN_MIN(noted, ret->n_noted);
	if (written.is_known && reach >= oldest - 1)
		ret->n_told += noted;
	else
		ret->n_in_doubt += noted;
	ret->seq = last;
}
