// SPDX-License-Identifier: Apache-2.0
/*
 * From when until when each claimant may have had a place: one claim of each, that of the owner now first,
 * then those that ended last. Written by what place.c finds out by its rules, read by lookup.c and changes.c.
 *
 * Readers take no lock, so a history is replaced as a whole; only the end of a claim is set in place, which
 * is one word. What has ended is remembered for PN_INDEX_MEMORY, as flows may be asked for that began then.
 */
#include "index/private.h"

#include <errno.h>

#include "base/metric.h"

/* The writer's own view; it needs no order with itself. */
static struct pn_history *history(const struct pn_place *p)
{
	return atomic_load_explicit(&p->history, memory_order_relaxed);
}

static unsigned int n_claims(const struct pn_history *h)
{
	return h ? h->n : 0;
}

bool pn_claim_is_over(pn_nsec until, pn_nsec now)
{
	return until != PN_NSEC_NEVER && until + PN_INDEX_MEMORY <= now;
}

static struct pn_claim *find(const struct pn_place *p, const struct pn_claimant *by)
{
	struct pn_history *h = history(p);

	for (unsigned int i = 0; i < n_claims(h); i++) {
		if (h->claims[i].by == by)
			return &h->claims[i];
	}
	return NULL;
}

const struct pn_claim *pn_history_find(const struct pn_place *p, const struct pn_claimant *by)
{
	return find(p, by);
}

pn_nsec pn_history_begin(const struct pn_place *p)
{
	const struct pn_history *h = history(p);
	pn_nsec begin = PN_NSEC_NEVER;

	for (unsigned int i = 0; i < n_claims(h); i++)
		begin = PN_MIN(begin, h->claims[i].from);
	return begin;
}

bool pn_history_is_empty(const struct pn_place *p)
{
	return n_claims(history(p)) == 0;
}

const struct pn_claim *pn_place_current(const struct pn_place *p)
{
	const struct pn_history *h = history(p);

	return n_claims(h) && pn_claim_until(&h->claims[0]) == PN_NSEC_NEVER ? &h->claims[0] : NULL;
}

const struct pn_claim *pn_place_previous(const struct pn_place *p)
{
	const struct pn_history *h = history(p);
	const struct pn_claim *best = NULL;

	for (unsigned int i = pn_place_current(p) ? 1 : 0; i < n_claims(h); i++) {
		if (!best || pn_claim_until(&h->claims[i]) > pn_claim_until(best))
			best = &h->claims[i];
	}
	return best;
}

/* Those that ended last come first. */
static void insert(struct pn_history *h, struct pn_claimant *by, pn_nsec from, pn_nsec until)
{
	unsigned int i = h->n++;

	for (; i > 0 && pn_claim_until(&h->claims[i - 1]) < until; i--) {
		h->claims[i].by = h->claims[i - 1].by;
		h->claims[i].from = h->claims[i - 1].from;
		atomic_init(&h->claims[i].until, pn_claim_until(&h->claims[i - 1]));
	}
	h->claims[i].by = by;
	h->claims[i].from = from;
	atomic_init(&h->claims[i].until, until);
	by->n_claims++;
}

/* @is_shared: one that has the place from now on takes it from nobody. */
static void copy(struct pn_history *h, const struct pn_history *old, const struct pn_claim *claim,
		 bool is_shared, pn_nsec now)
{
	bool takes_over = !is_shared && claim && pn_claim_until(claim) == PN_NSEC_NEVER;

	for (unsigned int i = 0; i < n_claims(old); i++) {
		const struct pn_claim *c = &old->claims[i];
		pn_nsec until = pn_claim_until(c);

		if (takes_over && until == PN_NSEC_NEVER)
			until = now;
		if ((!claim || c->by != claim->by) && !pn_claim_is_over(until, now))
			insert(h, c->by, c->from, until);
	}
}

static void publish(struct pn_place *p, struct pn_history *h)
{
	struct pn_history *old = history(p);

	for (unsigned int i = 0; i < n_claims(old); i++)
		old->claims[i].by->n_claims--;
	/* pairs with the acquire in pn_place_owners() and pn_index_addr_sole() */
	atomic_store_explicit(&p->history, h, memory_order_release);
	if (old)
		pn_rcu_free(&old->rcu);
}

int pn_history_set(struct pn_index *idx, struct pn_place *p, const struct pn_claim *claim,
		   pn_nsec now)
{
	struct pn_history *old = history(p), *h;

	h = malloc(sizeof(*h) + (n_claims(old) + 1) * sizeof(h->claims[0]));
	if (!h)
		return -ENOMEM;
	h->n = 0;
	if (claim)
		insert(h, claim->by, claim->from, pn_claim_until(claim));
	copy(h, old, claim, pn_place_is_shared(p), now);
	if (h->n > PN_INDEX_MAX_CLAIMS) {
		h->claims[--h->n].by->n_claims--;
		pn_metric_add(PN_METRIC_INDEX_FORGOTTEN, 1);
	}
	publish(p, h);
	if (pn_place_previous(p) && cds_list_empty(&p->past))
		cds_list_add_tail(&p->past, &idx->past_places);
	pn_place_mark(idx, p);
	return 0;
}

void pn_history_end(struct pn_index *idx, struct pn_place *p, const struct pn_claimant *by,
		    pn_nsec now)
{
	struct pn_claim *c = find(p, by);

	if (!c)
		return; /* its memory is over */
	atomic_store_explicit(&c->until, now, memory_order_relaxed);
	if (cds_list_empty(&p->past))
		cds_list_add_tail(&p->past, &idx->past_places);
	pn_place_mark(idx, p);
}

void pn_history_clear(struct pn_place *p)
{
	publish(p, NULL);
}

static bool has_old_claims(const struct pn_place *p, pn_nsec now)
{
	const struct pn_history *h = history(p);

	for (unsigned int i = 0; i < n_claims(h); i++) {
		if (pn_claim_is_over(pn_claim_until(&h->claims[i]), now))
			return true;
	}
	return false;
}

void pn_place_prune(struct pn_index *idx, pn_nsec now)
{
	struct pn_place *p, *next;

	PN_EACH_SAFE (p, next, &idx->past_places, past) {
		if (!has_old_claims(p, now) || pn_history_set(idx, p, NULL, now) < 0)
			continue; /* without memory, the next time */
		if (!pn_place_previous(p))
			cds_list_del_init(&p->past);
	}
}
