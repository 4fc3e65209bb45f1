/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pinned maps must be told. Called by the map writer; index.c and its helpers only put
 * places, claimants and cgroups on the dirty lists.
 *
 * A change is made from the state at the moment it is handed out, so the lists hold each thing at
 * most once and a burst costs what is different at its end. What could not be written goes back on
 * its list. A deletion is one of these changes: what is to be deleted stays in the tables until the
 * maps have taken it, so that an address which comes back meanwhile is the same place again.
 */
#include "index/private.h"

#include <string.h>

/* struct round - one call of pn_index_take_changes() */
struct round {
	struct pn_index *idx;
	pn_index_take_fn take;
	void *data;
	size_t n_taken, n_failed;
	void *of[PN_INDEX_BATCH]; /* the claimant, place or cgroup behind each change of the batch */
	size_t n;
};

typedef void (*settle_fn)(struct round *r, void *thing, bool failed);

/* Hand the batch out, then tell @settle of each what became of it. */
static void flush(struct round *r, settle_fn settle)
{
	struct pn_index_change *batch = r->idx->batch;

	if (r->take && r->n)
		r->take(r->data, batch, r->n);
	for (size_t i = 0; i < r->n; i++) {
		if (batch[i].failed)
			r->n_failed++;
		else
			r->n_taken++;
		settle(r, r->of[i], batch[i].failed);
	}
	r->n = 0;
}

static struct pn_index_change *next_change(struct round *r, void *thing, settle_fn settle)
{
	struct pn_index_change *c;

	if (r->n == PN_INDEX_BATCH)
		flush(r, settle);
	r->of[r->n] = thing;
	c = &r->idx->batch[r->n++];
	memset(c, 0, sizeof(*c));
	return c;
}

/* --- owners ------------------------------------------------------------------------------------- */

static void settle_owner(struct round *r, void *thing, bool failed)
{
	struct pn_claimant *c = thing;

	if (failed)
		pn_claimant_mark(r->idx, c);
	else if (pn_claimant_is_over(c))
		pn_claimant_drop(r->idx, c);
}

/* New and changed owners, or those that went; the others stay on the list. */
static void take_owners(struct round *r, bool gone)
{
	struct pn_claimant *c, *next;
	struct cds_list_head todo;

	CDS_INIT_LIST_HEAD(&todo);
	cds_list_splice(&r->idx->dirty_claimants, &todo);
	CDS_INIT_LIST_HEAD(&r->idx->dirty_claimants);
	PN_EACH_SAFE (c, next, &todo, dirty) {
		struct pn_index_change *change;

		cds_list_del_init(&c->dirty);
		if (pn_claimant_is_over(c) != gone) {
			pn_claimant_mark(r->idx, c);
			continue;
		}
		change = next_change(r, c, settle_owner);
		change->kind = PN_CHANGE_OWNER;
		change->gone = gone;
		change->owner_id = c->id;
		change->owner = pn_claimant_named(c);
	}
	flush(r, settle_owner);
}

/* --- places ------------------------------------------------------------------------------------- */

/* A claim as the maps may tell it: not at all, as long as they do not have its owner. */
static const struct pn_claim *written(const struct pn_claim *c)
{
	return c && cds_list_empty(&c->by->dirty) ? c : NULL;
}

static bool is_complete(const struct pn_place *p)
{
	const struct pn_claim *now = pn_place_current(p), *prev = pn_place_previous(p);

	return now == written(now) && prev == written(prev);
}

static void settle_place(struct round *r, void *thing, bool failed)
{
	struct pn_place *p = thing;

	if (failed || !is_complete(p))
		pn_place_mark(r->idx, p);
	else
		pn_place_drop(r->idx, p);
}

static bool is_gone(const struct pn_place *p)
{
	return !written(pn_place_current(p)) &&
	       (p->key.sort != PN_PLACE_ADDRESS || !written(pn_place_previous(p)));
}

static void describe_ip(const struct pn_place *p, struct pn_index_change *change)
{
	const struct pn_claim *now = written(pn_place_current(p));
	const struct pn_claim *prev = written(pn_place_previous(p));

	change->kind = PN_CHANGE_IP;
	memcpy(change->addr.addr, p->key.addr, sizeof(change->addr.addr));
	change->ip.generation = p->generation;
	if (now) {
		change->ip.owner = now->by->id;
		change->ip.since_ns = now->from;
		change->ip.flags = now->by->flags;
	}
	if (prev) {
		change->ip.prev_owner = prev->by->id;
		change->ip.prev_until_ns = atomic_load_explicit(&prev->until, memory_order_relaxed);
	}
}

static void describe_place(const struct pn_place *p, struct pn_index_change *change)
{
	const struct pn_claim *now = written(pn_place_current(p));

	change->owner_id = now ? now->by->id : 0;
	switch ((enum pn_place_sort)p->key.sort) {
	case PN_PLACE_ADDRESS:
		describe_ip(p, change);
		break;
	case PN_PLACE_NETWORK:
		change->kind = PN_CHANGE_CIDR;
		change->cidr.prefix_len = p->key.prefix_len;
		memcpy(change->cidr.addr, p->key.addr, sizeof(change->cidr.addr));
		break;
	default:
		change->kind =
			p->key.sort == PN_PLACE_SERVICE ? PN_CHANGE_SERVICE : PN_CHANGE_HOSTPORT;
		memcpy(change->port.addr, p->key.addr, sizeof(change->port.addr));
		change->port.port = p->key.port_be;
		change->port.proto = p->key.proto;
		break;
	}
}

static void take_place(struct round *r, struct pn_place *p)
{
	struct pn_index_change *change;

	if (p->key.sort == PN_PLACE_ENDPOINT) {
		pn_place_drop(r->idx, p); /* in no map */
		return;
	}
	change = next_change(r, p, settle_place);
	describe_place(p, change);
	change->gone = is_gone(p);
}

/* One pass for each sort, updates before deletions: batches are of one sort. */
static void take_places(struct round *r, enum pn_place_sort sort, bool gone)
{
	struct pn_place *p, *next;
	struct cds_list_head todo;

	CDS_INIT_LIST_HEAD(&todo);
	cds_list_splice(&r->idx->dirty_places, &todo);
	CDS_INIT_LIST_HEAD(&r->idx->dirty_places);
	PN_EACH_SAFE (p, next, &todo, dirty) {
		cds_list_del_init(&p->dirty);
		if (p->key.sort == sort && is_gone(p) == gone)
			take_place(r, p);
		else
			pn_place_mark(r->idx, p);
	}
	flush(r, settle_place);
}

static void take_all_places(struct round *r, bool gone)
{
	for (int sort = 0; sort < PN_PLACE_SORT_MAX; sort++)
		take_places(r, (enum pn_place_sort)sort, gone);
}

/* --- cgroups ------------------------------------------------------------------------------------ */

/* As with written(): NULL as long as the maps do not have the owner. */
static const struct pn_claimant *cgroup_owner(const struct pn_cgroup_entry *e)
{
	struct pn_claimant *by = atomic_load_explicit(&e->by, memory_order_relaxed);

	return by && !e->gone && cds_list_empty(&by->dirty) ? by : NULL;
}

static void settle_cgroup(struct round *r, void *thing, bool failed)
{
	struct pn_cgroup_entry *e = thing;
	const struct pn_claimant *by = atomic_load_explicit(&e->by, memory_order_relaxed);

	if (failed || (!e->gone && by != cgroup_owner(e)))
		pn_cgroup_mark(r->idx, e);
	else
		pn_cgroup_settled(r->idx, e);
}

static void take_cgroups(struct round *r, bool gone)
{
	struct pn_cgroup_entry *e, *next;
	struct cds_list_head todo;

	CDS_INIT_LIST_HEAD(&todo);
	cds_list_splice(&r->idx->dirty_cgroups, &todo);
	CDS_INIT_LIST_HEAD(&r->idx->dirty_cgroups);
	PN_EACH_SAFE (e, next, &todo, dirty) {
		const struct pn_claimant *by = cgroup_owner(e);
		struct pn_index_change *change;

		cds_list_del_init(&e->dirty);
		if (!by != gone) {
			pn_cgroup_mark(r->idx, e);
			continue;
		}
		change = next_change(r, e, settle_cgroup);
		change->kind = PN_CHANGE_CGROUP;
		change->gone = gone;
		change->cgroup = e->id;
		change->owner_id = by ? by->id : 0;
	}
	flush(r, settle_cgroup);
}

size_t pn_index_take_changes(struct pn_index *idx, pn_index_take_fn take, void *data)
{
	struct round r = { .idx = idx, .take = take, .data = data };
	PN_RCU_WRITING();

	take_owners(&r, false);
	r.n_failed = 0; /* what follows does not refer to those that failed */
	take_all_places(&r, false);
	take_cgroups(&r, false);
	take_all_places(&r, true);
	take_cgroups(&r, true);
	if (r.n_failed == 0)
		take_owners(&r, true);
	return r.n_taken;
}
