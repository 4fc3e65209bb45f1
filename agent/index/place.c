/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places and who owned them when. A place is an address, or an address with protocol and port of a
 * Service. Called by index.c with the wishes of objects, by the read side for its look-ups.
 *
 * Who owns a place now depends only on who asks for it at the moment, not on the order in which that
 * became known: a node before a pod before a Service; of pods (and nodes) the one that started last;
 * of Services the one created first, because a second one can only have been written there by hand
 * (externalIPs). What was only seeded from the maps loses against every object. So a late delete, a relist in any order or a repeated event ends in the same name.
 *
 * Since when is harder, for nothing says when a pod got its address. Known are: the pod's startTime S
 * (whole seconds, rounded down; set by the kubelet before the address is), the time an event arrives
 * here, and what is recorded of the owner before. An owner's time ends when its release arrives. When
 * the place passes from a to b at `now`, the border between them is:
 *
 *   nobody before      b.start. An earlier time is not covered: no name rather than a guess.
 *   b.start >= a.from  a's end, moved into [S, S + 1 s]: b cannot have sent before S. A release that
 *                      arrives after S + 1 s arrived late, since b had the address by then; without
 *                      any release, S + 1 s is the latest that rounding allows.
 *   b.start <  a.from  b was there before a got the address, so it waited for it: a's end, or now if
 *                      no end is known.
 *
 * Never later than `now`, and a's time ends there, also if its release came later. What a claimant
 * asks for after it had other places already (a pod whose sandbox was made anew, a load balancer's
 * address) starts when it arrives, as does what falls back to a rival when the owner is released.
 * The name at time t is that of the newest claim with from <= t, if t is before its end.
 */
#include "index/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/metric.h"

static unsigned long hash_key(const struct pn_service_key *key)
{
	struct pn_addr addr;
	uint64_t h;

	memcpy(addr.b, key->addr, sizeof(addr.b));
	h = pn_addr_hash(&addr);
	if (key->proto)
		h ^= ((uint64_t)key->port << 8 | key->proto) * 0x9e3779b97f4a7c15u;
	return (unsigned long)h;
}

static struct pn_place *of_node(struct cds_lfht_node *node)
{
	return PN_CONTAINER_OF(node, struct pn_place, node);
}

static int match(struct cds_lfht_node *node, const void *key)
{
	const struct pn_place *p = of_node(node);

	/* pairs with the release in add(): the key is complete */
	(void)atomic_load_explicit(&p->history, memory_order_acquire);
	return memcmp(&p->key, key, sizeof(p->key)) == 0;
}

struct pn_place *pn_place_find(const struct pn_index *idx, const struct pn_service_key *key)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *node;

	cds_lfht_lookup(idx->places, hash_key(key), match, key, &it);
	node = cds_lfht_iter_get_node(&it);
	return node ? of_node(node) : NULL;
}

static struct pn_place *add(struct pn_index *idx, const struct pn_service_key *key)
{
	struct pn_place *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->key = *key;
	CDS_INIT_LIST_HEAD(&p->rivals);
	CDS_INIT_LIST_HEAD(&p->dirty);
	CDS_INIT_LIST_HEAD(&p->past);
	/* pairs with the acquire in match() */
	atomic_store_explicit(&p->history, NULL, memory_order_release);
	cds_lfht_add(idx->places, hash_key(key), &p->node);
	return p;
}

void pn_place_mark(struct pn_index *idx, struct pn_place *p)
{
	if (cds_list_empty(&p->dirty))
		cds_list_add_tail(&p->dirty, &idx->dirty_places);
}

/* --- claims ------------------------------------------------------------------------------------- */

/* The writer's own view; it needs no order with itself. */
static struct pn_history *history(const struct pn_place *p)
{
	return atomic_load_explicit(&p->history, memory_order_relaxed);
}

static unsigned int n_claims(const struct pn_history *h)
{
	return h ? atomic_load_explicit(&h->n, memory_order_relaxed) : 0;
}

static pn_nsec until_of(const struct pn_claim *c)
{
	return atomic_load_explicit(&c->until, memory_order_relaxed);
}

static struct pn_claim *newest(const struct pn_place *p)
{
	struct pn_history *h = history(p);

	return n_claims(h) ? &h->claims[0] : NULL;
}

const struct pn_claim *pn_place_current(const struct pn_place *p)
{
	const struct pn_claim *c = newest(p);

	return c && until_of(c) == PN_NSEC_NEVER ? c : NULL;
}

const struct pn_claim *pn_place_previous(const struct pn_place *p)
{
	const struct pn_history *h = history(p);
	unsigned int i = pn_place_current(p) ? 1 : 0;

	return i < n_claims(h) ? &h->claims[i] : NULL;
}

/* The oldest claims go, until @n are left. A reader may still look at them: the memory stays. */
static void cut(struct pn_history *h, unsigned int n)
{
	for (unsigned int i = n; i < n_claims(h); i++)
		h->claims[i].by->n_claims--;
	atomic_store_explicit(&h->n, n, memory_order_relaxed);
}

static void set_claim(struct pn_claim *c, struct pn_claimant *by, pn_nsec from, pn_nsec until)
{
	c->by = by;
	c->from = from;
	atomic_init(&c->until, until);
}

/* A new first claim; the one before ends at @from at the latest. */
static int push(struct pn_place *p, struct pn_claimant *by, pn_nsec from)
{
	struct pn_history *old = history(p), *h;
	unsigned int n = n_claims(old);

	if (n == PN_INDEX_MAX_CLAIMS) {
		cut(old, --n);
		pn_metric_add(PN_METRIC_INDEX_FORGOTTEN, 1);
	}
	h = malloc(sizeof(*h) + (n + 1) * sizeof(h->claims[0]));
	if (!h)
		return -ENOMEM;
	atomic_init(&h->n, n + 1);
	set_claim(&h->claims[0], by, from, PN_NSEC_NEVER);
	for (unsigned int i = 0; i < n; i++) {
		const struct pn_claim *c = &old->claims[i];

		set_claim(&h->claims[i + 1], c->by, c->from, PN_MIN(until_of(c), from));
	}
	by->n_claims++;
	/* pairs with the acquire in pn_index_at() */
	atomic_store_explicit(&p->history, h, memory_order_release);
	if (old)
		pn_rcu_free(&old->rcu);
	return 0;
}

/* --- who owns a place --------------------------------------------------------------------------- */

static int rank(enum pn_owner_kind kind)
{
	return kind == PN_OWNER_NODE ? 2 : kind == PN_OWNER_POD ? 1 : 0;
}

/* @b arrived after @a: does it take the place from it? */
static bool beats(const struct pn_claimant *b, const struct pn_claimant *a)
{
	if (b->confirmed != a->confirmed)
		return b->confirmed;
	if (b->kind != a->kind)
		return rank(b->kind) > rank(a->kind);
	if (b->kind == PN_OWNER_SERVICE)
		return b->start_s < a->start_s;
	return b->start_s >= a->start_s;
}

static struct pn_claimant *winner(const struct pn_place *p)
{
	struct pn_claimant *best = NULL;
	struct pn_rival *r;

	PN_EACH (r, &p->rivals, of_place) {
		if (!best || beats(r->by, best))
			best = r->by;
	}
	return best;
}

/* The head of this file says why. */
static pn_nsec border(const struct pn_claim *before, pn_nsec start, pn_nsec now)
{
	pn_nsec t = start;

	if (before && start < before->from)
		t = until_of(before);
	else if (before)
		t = PN_MAX(start, PN_MIN(until_of(before), start + PN_NSEC_PER_SEC));
	return PN_MIN(t, now);
}

static void count(struct pn_index *idx, const struct pn_place *p, bool was_owned, bool is_owned)
{
	size_t *n = p->key.proto ? &idx->counts.n_services : &idx->counts.n_addrs;

	*n += (size_t)is_owned - (size_t)was_owned;
	pn_metric_set(PN_METRIC_INDEX_ADDRESSES, idx->counts.n_addrs);
}

/* Let the right rival own @p. @start: when the new one may have begun to. */
static int settle(struct pn_index *idx, struct pn_place *p, pn_nsec start, pn_nsec now)
{
	struct pn_claim *before = newest(p);
	bool was_owned = before && until_of(before) == PN_NSEC_NEVER;
	struct pn_claimant *next = winner(p);
	pn_nsec t = border(before, start, now);
	int r = 0;

	if (next == (was_owned ? before->by : NULL))
		return 0;
	if (next)
		r = push(p, next, t);
	if ((r < 0 || !next) && was_owned)
		atomic_store_explicit(&before->until, now, memory_order_relaxed);
	if (before && cds_list_empty(&p->past))
		cds_list_add_tail(&p->past, &idx->past_places);
	p->generation++;
	count(idx, p, was_owned, next && r == 0);
	pn_place_mark(idx, p);
	return r;
}

static struct pn_rival *find_rival(const struct pn_place *p, const struct pn_claimant *c,
				   unsigned int *ret_n)
{
	struct pn_rival *r;

	*ret_n = 0;
	PN_EACH (r, &p->rivals, of_place) {
		if (r->by == c)
			return r;
		++*ret_n;
	}
	return NULL;
}

static struct pn_rival *add_rival(struct pn_place *p, struct pn_claimant *c)
{
	struct pn_rival *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->by = c;
	r->place = p;
	cds_list_add_tail(&r->of_place, &p->rivals);
	cds_list_add_tail(&r->of_claimant, &c->rivals);
	return r;
}

int pn_place_ask(struct pn_index *idx, struct pn_claimant *c, const struct pn_service_key *key,
		 pn_nsec start, pn_nsec now)
{
	struct pn_place *p = pn_place_find(idx, key);
	struct pn_rival *r;
	unsigned int n;

	if (!p)
		p = add(idx, key);
	if (!p)
		return -ENOMEM;
	r = find_rival(p, c, &n);
	if (!r && n >= PN_INDEX_MAX_RIVALS) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
		return 0;
	}
	if (!r)
		r = add_rival(p, c);
	if (!r) {
		pn_place_drop(idx, p);
		return -ENOMEM;
	}
	r->round = idx->round;
	return settle(idx, p, start, now);
}

int pn_place_withdraw(struct pn_index *idx, struct pn_rival *r, pn_nsec now)
{
	struct pn_place *p = r->place;

	cds_list_del(&r->of_place);
	cds_list_del(&r->of_claimant);
	free(r);
	return settle(idx, p, now, now);
}

/* --- restart, memory, end ----------------------------------------------------------------------- */

int pn_place_restore(struct pn_index *idx, const struct pn_ip_key *key,
		     const struct pn_ip_value *value, struct pn_claimant *now_by,
		     struct pn_claimant *prev_by)
{
	struct pn_service_key k = { .proto = 0 };
	struct pn_place *p;
	int r;

	memcpy(k.addr, key->addr, sizeof(k.addr));
	if (pn_place_find(idx, &k))
		return -EINVAL;
	p = add(idx, &k);
	if (!p)
		return -ENOMEM;
	/* since when is not in the maps: remembered as the one before, but for no time */
	r = prev_by ? push(p, prev_by, value->prev_until_ns) : 0;
	if (r == 0 && prev_by) {
		atomic_store_explicit(&newest(p)->until, value->prev_until_ns,
				      memory_order_relaxed);
		cds_list_add_tail(&p->past, &idx->past_places);
	}
	if (r == 0 && now_by)
		r = add_rival(p, now_by) ? push(p, now_by, value->since_ns) : -ENOMEM;
	p->generation = value->generation;
	count(idx, p, false, pn_place_current(p));
	return r;
}

void pn_place_prune(struct pn_index *idx, pn_nsec now)
{
	struct pn_place *p, *next;

	PN_EACH_SAFE (p, next, &idx->past_places, past) {
		struct pn_history *h = history(p);
		unsigned int n = n_claims(h), keep = n;

		while (keep > 0 && until_of(&h->claims[keep - 1]) != PN_NSEC_NEVER &&
		       until_of(&h->claims[keep - 1]) + PN_INDEX_MEMORY <= now)
			keep--;
		if (keep == n)
			continue;
		cut(h, keep);
		if (!pn_place_previous(p))
			cds_list_del_init(&p->past);
		pn_place_mark(idx, p);
	}
}

void pn_place_drop(struct pn_index *idx, struct pn_place *p)
{
	struct pn_history *h = history(p);

	if (!cds_list_empty(&p->rivals) || n_claims(h) || !cds_list_empty(&p->dirty))
		return;
	(void)cds_lfht_del(idx->places, &p->node);
	if (h)
		pn_rcu_free(&h->rcu);
	pn_rcu_free(&p->rcu);
}

void pn_place_drop_all(struct pn_index *idx)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *node;

	cds_lfht_for_each (idx->places, &it, node) {
		struct pn_place *p = of_node(node);
		struct pn_rival *r, *next;

		PN_EACH_SAFE (r, next, &p->rivals, of_place) {
			cds_list_del(&r->of_place);
			cds_list_del(&r->of_claimant);
			free(r);
		}
		if (history(p))
			cut(history(p), 0);
		cds_list_del_init(&p->dirty);
		pn_place_drop(idx, p);
	}
}

/* --- the read side ------------------------------------------------------------------------------ */

static const struct pn_owner *owner_of(const struct pn_claim *c)
{
	/* pairs with the release in pn_claimant_rename() */
	return &atomic_load_explicit(&c->by->named, memory_order_acquire)->owner;
}

static const struct pn_owner *owner_at(const struct pn_place *p, pn_nsec when)
{
	/* pairs with the release in push() */
	const struct pn_history *h = atomic_load_explicit(&p->history, memory_order_acquire);
	unsigned int n = n_claims(h);

	for (unsigned int i = 0; i < n; i++) {
		const struct pn_claim *c = &h->claims[i];
		pn_nsec until = until_of(c);

		if (c->from <= when)
			return until == PN_NSEC_NEVER || when < until ? owner_of(c) : NULL;
	}
	return NULL;
}

const struct pn_owner *pn_index_at(const struct pn_index *idx, const struct pn_addr *addr,
				   pn_nsec when)
{
	struct pn_service_key key = { .proto = 0 };
	const struct pn_place *p;

	memcpy(key.addr, addr->b, sizeof(key.addr));
	p = pn_place_find(idx, &key);
	return p ? owner_at(p, when) : NULL;
}

const struct pn_owner *pn_index_service(const struct pn_index *idx, const struct pn_addr *addr,
					uint8_t proto, uint16_t port)
{
	struct pn_service_key key = { .port = htons(port), .proto = proto };
	const struct pn_place *p;

	if (!proto)
		return NULL;
	memcpy(key.addr, addr->b, sizeof(key.addr));
	p = pn_place_find(idx, &key);
	return p ? owner_at(p, PN_NSEC_NEVER) : NULL;
}
