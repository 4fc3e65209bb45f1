/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that are over go: first they are told, then, when that is written, their entries are
 * taken out of the flow table leg by leg, then their slots are free. In this order nothing is lost
 * when the agent is killed in between: the next one finds the entry, or the slot says that it is told.
 */
#include <errno.h>

#include "flow/joiner_private.h"

static bool has_other_entry(const struct pn_conn *c, const struct pn_leg *leg)
{
	const struct pn_leg *other = c->legs;

	while (other && (other == leg || !other->alive))
		other = pn_leg_older(other);
	return other != NULL;
}

/* The journal follows: where one of several entries has gone, less is told of those that are left. */
static bool remove_entry(struct pn_joiner *j, struct pn_leg *leg, const struct pn_joiner_out *out)
{
	struct pn_conn *c = pn_leg_conn(leg);
	bool is_last = !has_other_entry(c, leg), is_gone;
	struct pn_flow_value last;
	struct pn_flow_key key;
	int r;

	if (pn_conn_table_reserve(&j->table) < 0)
		return false;
	if (!is_last) {
		struct pn_note rest = { .n_sights = 0 };

		rest.by_delivered = pn_conn_rest(c, leg, rest.totals);
		pn_slot_removing(j->config.journal, c->slot, leg->id, &rest);
	}
	pn_leg_key(leg, &key);
	r = out->ops->remove(out->data, &key, &last);
	is_gone = r == 0 || r == -ENOENT;
	if (!is_last)
		pn_slot_removed(j->config.journal, c->slot, is_gone);
	if (r == 0)
		(void)pn_joiner_take_in(j, leg, &last); /* there is memory for it */
	if (is_gone) {
		leg->alive = false;
		leg->removed = true;
	}
	return is_gone;
}

/* Return: are all those gone that have the flow's id (@with_id), or all the others? */
static bool remove_some(struct pn_joiner *j, struct pn_conn *c, bool with_id,
			const struct pn_joiner_out *out)
{
	bool is_gone = true;

	for (struct pn_leg *leg = c->legs; leg; leg = pn_leg_older(leg)) {
		if (leg->alive && (leg->id == c->id) == with_id)
			is_gone = remove_entry(j, leg, out) && is_gone;
	}
	return is_gone;
}

/* One of them alone would leave packets between its end and the others' to be counted in these. */
static bool all_can_go(struct pn_conn *c, const struct pn_joiner_out *out)
{
	struct pn_flow_key key;
	bool can_go = true;

	for (struct pn_leg *leg = c->legs; leg; leg = pn_leg_older(leg)) {
		if (!leg->alive)
			continue;
		pn_leg_key(leg, &key);
		can_go = out->ops->leave(out->data, &key) == 0 && can_go;
	}
	return can_go;
}

/* The entry whose id is the flow's goes last: by it the journal finds the others that are left. */
static bool remove_entries(struct pn_joiner *j, struct pn_conn *c, const struct pn_joiner_out *out)
{
	return (c->legs == &c->own || all_can_go(c, out)) && remove_some(j, c, false, out) &&
	       remove_some(j, c, true, out);
}

/* What to do with a connection of the list. */
enum fate {
	STAYS,	    /* not written yet, or not removed */
	STAYS_TOLD, /* the same, and one more record has been made */
	GOES_ON,    /* not over after all */
	GOES,
};

static enum fate decide(struct pn_joiner *j, struct pn_conn *c, const struct pn_joiner_out *out)
{
	if (c->over == PN_FLOW_ACTIVE)
		return GOES_ON;
	if (c->is_told && !pn_slot_is_written(j->config.journal, c->seq))
		return STAYS;
	if (c->is_gone)
		return GOES;
	if (c->legs != &c->own && pn_tell_apart(j, c) < 0)
		return STAYS;
	if (!remove_entries(j, c, out))
		return STAYS;
	c->is_gone = true;
	return pn_tell(j, c, (enum pn_flow_end)c->over, out) ? STAYS_TOLD : GOES;
}

/* The next one with these addresses and ports is somebody else, and has lost none of its packets. */
static void forget_drops(const struct pn_conn *c, const struct pn_joiner_out *out)
{
	struct pn_record_drop untold = { .packets = 0 };

	if (c->has_left || c->over == PN_FLOW_REASSIGNED)
		pn_tell_drops(c, out, &untold);
}

bool pn_joiner_sweep(struct pn_joiner *j, const struct pn_joiner_ops *ops, void *data)
{
	const struct pn_joiner_out out = { .ops = ops, .data = data };
	uint32_t *at = &j->over;
	bool has_told = false;

	pn_resolver_begin(&j->resolver);
	while (*at != PN_NO_LEG) {
		struct pn_conn *c = pn_conn_at(&j->table, *at);
		enum fate fate = decide(j, c, &out);

		has_told = has_told || fate == STAYS_TOLD;
		if (fate == STAYS || fate == STAYS_TOLD) {
			at = &c->next_over;
			continue;
		}
		*at = c->next_over;
		c->is_listed = false;
		if (fate == GOES) {
			forget_drops(c, &out);
			pn_slot_release(j->config.journal, c->slot);
			pn_conn_free(&j->table, c);
		}
	}
	return has_told;
}
