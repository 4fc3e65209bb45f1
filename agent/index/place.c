/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places, who owns them now, and who may have had them when. A place is an address, a port of a
 * Service or of a node, an endpoint, or a network; all follow the same rules. Called by the files that
 * know what objects ask for; what follows from the rules is kept by history.c, and lookup.c reads it.
 *
 * Who owns a place now depends on who asks for it: a named network before a node before a pod before
 * a Service; of pods (and nodes) the one that started last; of Services the one created first, because
 * a second one can only have been written there by hand (externalIPs). What was only seeded from the
 * maps loses against every object. So a late delete, a relist in any order or a repeated event ends in
 * the same name.
 *
 * Who had it at an earlier time nothing says exactly. Known are: that an owner cannot have had it
 * before it started (S: a pod's startTime, of others the creation; whole seconds, rounded down); that
 * it had it some time before the event that says so arrived here (A); and that it no longer has it
 * when its release arrives (D). So a claim covers [S, D), which is never too short, and claims overlap.
 * A name is wrong only if the claim of the true owner does not cover a time and another one does.
 * Therefore a claim is cut short by nothing but proof:
 *
 *   b asks for what a has       b's claim begins at S of b, whatever was known of the time before: a
 *                               may have gone since then. If a's release came before S of b, nobody
 *                               was possible in between.
 *   A of a <= S of b            a had it before b can have begun, so a was first and is over when b is
 *                               seen: a's claim ends at A of b at the latest, for good. Should b go and
 *                               a still ask, a is not the owner again: it is an object whose end is
 *                               slow to be heard of.
 *   A of a >  S of b            either may have been first: events come out of order, and a pod may
 *                               have waited for an address long after its start. Now the owner is the
 *                               one that started last, and the claim of the other ends when that one
 *                               was seen to ask, if only until something proves otherwise:
 *                               if the other goes, that is its end; if the owner goes, the other owns
 *                               the place, and may have had it all the time.
 *   nothing says S              no time at all, or one in the future (the clock of a pod's node is
 *                               ahead; then the creation counts, by the API server's clock): b may have
 *                               had it as long as any claim that is remembered; without one, from its
 *                               arrival on: no name rather than a guess.
 *
 * Between kinds there is no doubt but order: a node has its address for as long as it asks, and a
 * Service never takes one from a pod. What thereby loses has no claim until it owns the place, and one
 * that is taken over ends there. An endpoint is shared: all headless Services that list it have it. Of
 * the owner before a restart the maps say only when it ended: it is possible since the one after it is.
 *
 * What a claimant asks for after other places is no exception: it may have it since its start. That is
 * wide for a pod that has run for days when its sandbox is made anew, but any later time would be
 * a guess; it matters only to flows that began before its event and are named after it.
 */
#include "index/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/metric.h"

/* --- keys and the table ------------------------------------------------------------------------- */

struct pn_place_key pn_place_address(const uint8_t addr[static 16])
{
	struct pn_place_key key = { .sort = PN_PLACE_ADDRESS };

	memcpy(key.addr, addr, sizeof(key.addr));
	return key;
}

struct pn_place_key pn_place_port(enum pn_place_sort sort, const struct pn_addr *addr,
				  uint8_t proto, uint16_t port)
{
	struct pn_place_key key = {
		.port_be = htons(port),
		.proto = proto,
		.sort = (uint8_t)sort,
	};

	if (addr)
		memcpy(key.addr, addr->b, sizeof(key.addr));
	return key;
}

static unsigned long hash_key(const struct pn_place_key *key)
{
	struct pn_addr addr;
	uint64_t h;

	memcpy(addr.b, key->addr, sizeof(addr.b));
	h = pn_addr_hash(&addr);
	if (key->sort != PN_PLACE_ADDRESS)
		h ^= ((uint64_t)key->port_be << 16 | (uint64_t)key->proto << 8 | key->sort) *
		     0x9e3779b97f4a7c15u;
	return (unsigned long)h;
}

/* A set of addresses that ports are counted in. */
static size_t port_set(const uint8_t addr[static 16])
{
	struct pn_addr a;

	memcpy(a.b, addr, sizeof(a.b));
	return pn_addr_hash(&a) % PN_PORT_SETS;
}

static bool is_port(const struct pn_place *p)
{
	return p->key.sort != PN_PLACE_ADDRESS && p->key.sort != PN_PLACE_NETWORK;
}

bool pn_place_may_have_ports(const struct pn_index *idx, const uint8_t addr[static 16])
{
	return atomic_load_explicit(&idx->n_ports[port_set(addr)], memory_order_relaxed);
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

struct pn_place *pn_place_find(const struct pn_index *idx, const struct pn_place_key *key)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *node;

	cds_lfht_lookup(idx->places, hash_key(key), match, key, &it);
	node = cds_lfht_iter_get_node(&it);
	return node ? of_node(node) : NULL;
}

static struct pn_place *add(struct pn_index *idx, const struct pn_place_key *key)
{
	struct pn_place *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->key = *key;
	CDS_INIT_LIST_HEAD(&p->rivals);
	CDS_INIT_LIST_HEAD(&p->dirty);
	CDS_INIT_LIST_HEAD(&p->past);
	if (is_port(p))
		atomic_fetch_add_explicit(&idx->n_ports[port_set(key->addr)], 1,
					  memory_order_relaxed);
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

/* --- who owns a place --------------------------------------------------------------------------- */

static int rank(enum pn_owner_kind kind)
{
	switch (kind) {
	case PN_OWNER_RANGE:
		return 3;
	case PN_OWNER_NODE:
		return 2;
	case PN_OWNER_POD:
		return 1;
	default:
		return 0;
	}
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

/* Of two pods or two nodes one was first, and time may tell which. */
static bool one_follows_the_other(const struct pn_claimant *a, const struct pn_claimant *b)
{
	return a->kind == b->kind && a->kind != PN_OWNER_SERVICE;
}

static struct pn_rival *winner(const struct pn_place *p)
{
	struct pn_rival *best = NULL, *r;

	PN_EACH (r, &p->rivals, of_place) {
		if (!r->displaced && (!best || beats(r->by, best->by)))
			best = r;
	}
	return best;
}

/* The first time at which @c may have had @p. */
static pn_nsec first_time(const struct pn_index *idx, const struct pn_place *p,
			  const struct pn_claimant *c, pn_nsec now)
{
	const struct pn_claim *was = pn_history_find(p, c);
	pn_nsec start = pn_claimant_start(idx, c, now);

	if (was)
		return was->from;
	return start != PN_NSEC_NEVER ? start : PN_MIN(pn_history_begin(p), now);
}

static void count(struct pn_index *idx, const struct pn_place *p, bool was_owned, bool is_owned)
{
	size_t *const n[PN_PLACE_SORT_MAX] = {
		[PN_PLACE_ADDRESS] = &idx->counts.n_addrs,
		[PN_PLACE_SERVICE] = &idx->counts.n_services,
		[PN_PLACE_HOSTPORT] = &idx->counts.n_hostports,
		[PN_PLACE_NETWORK] = &idx->counts.n_cidrs,
	};

	if (was_owned == is_owned)
		return;
	if (n[p->key.sort])
		*n[p->key.sort] += (size_t)is_owned - (size_t)was_owned;
	if (p->key.sort == PN_PLACE_NETWORK)
		pn_network_count(idx, p->key.prefix_len, is_owned);
	pn_metric_set(PN_METRIC_INDEX_ADDRESSES, idx->counts.n_addrs);
}

/* Let the right rival own @p. */
static int settle(struct pn_index *idx, struct pn_place *p, pn_nsec now)
{
	const struct pn_claim *before = pn_place_current(p);
	bool was_owned = before;
	struct pn_rival *next = winner(p);
	int r = 0;

	if ((next ? next->by : NULL) == (before ? before->by : NULL))
		return 0;
	if (next)
		r = pn_history_set(idx, p,
				   &(struct pn_claim) { .by = next->by,
							.from = first_time(idx, p, next->by, now),
							.until = PN_NSEC_NEVER },
				   now);
	if ((r < 0 || !next) && was_owned)
		pn_history_end(idx, p, before->by, now);
	p->generation++;
	count(idx, p, was_owned, next && r == 0);
	return r;
}

/* Let @by have @p, too. */
static int share(struct pn_index *idx, struct pn_place *p, struct pn_claimant *by, pn_nsec now)
{
	const struct pn_claim *c = pn_history_find(p, by);

	if (c && pn_claim_until(c) == PN_NSEC_NEVER)
		return 0;
	return pn_history_set(idx, p,
			      &(struct pn_claim) { .by = by,
						   .from = first_time(idx, p, by, now),
						   .until = PN_NSEC_NEVER },
			      now);
}

/* --- rivals ------------------------------------------------------------------------------------- */

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

static struct pn_rival *add_rival(struct pn_place *p, struct pn_claimant *c, pn_nsec now)
{
	struct pn_rival *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->by = c;
	r->place = p;
	r->asked = now;
	cds_list_add_tail(&r->of_place, &p->rivals);
	cds_list_add_tail(&r->of_claimant, &c->rivals);
	return r;
}

/* @by asks for @p for the first time: those that had it before @by can have begun are over. */
static void displace(struct pn_index *idx, struct pn_place *p, const struct pn_claimant *by,
		     pn_nsec now)
{
	pn_nsec start = pn_claimant_start(idx, by, now);
	struct pn_rival *r;

	if (start == PN_NSEC_NEVER)
		return;
	PN_EACH (r, &p->rivals, of_place) {
		if (r->by == by || r->displaced || !one_follows_the_other(r->by, by) ||
		    r->asked > start || !beats(by, r->by))
			continue;
		r->displaced = true;
		if (pn_place_current(p) != pn_history_find(p, r->by))
			pn_history_end(idx, p, r->by, now);
	}
}

/* @r asks for what another one owns that started later: it was the owner before, as it seems. */
static int claim_past(struct pn_index *idx, struct pn_rival *r, pn_nsec now)
{
	struct pn_place *p = r->place;
	const struct pn_claim *c = pn_place_current(p);
	const struct pn_rival *owner;
	unsigned int n;
	pn_nsec from, until;

	if (!c || c->by == r->by || r->displaced || !one_follows_the_other(c->by, r->by) ||
	    pn_history_find(p, r->by))
		return 0;
	owner = find_rival(p, c->by, &n);
	from = first_time(idx, p, r->by, now);
	until = owner ? PN_MAX(from, owner->asked) : from;
	if (pn_claim_is_over(until, now))
		return 0;
	return pn_history_set(
		idx, p, &(struct pn_claim) { .by = r->by, .from = from, .until = until }, now);
}

static int find_or_add_rival(struct pn_index *idx, struct pn_claimant *c,
			     const struct pn_place_key *key, pn_nsec now, struct pn_rival **ret)
{
	struct pn_place *p = pn_place_find(idx, key);
	unsigned int n;

	if (!p)
		p = add(idx, key);
	if (!p)
		return -ENOMEM;
	*ret = find_rival(p, c, &n);
	if (*ret)
		return 0;
	if (n >= PN_INDEX_MAX_RIVALS) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
		return 0;
	}
	*ret = add_rival(p, c, now);
	if (!*ret) {
		pn_place_drop(idx, p);
		return -ENOMEM;
	}
	displace(idx, p, c, now);
	return 0;
}

int pn_place_ask(struct pn_index *idx, struct pn_claimant *c, const struct pn_place_key *key,
		 pn_nsec now)
{
	struct pn_rival *rival = NULL;
	int r = find_or_add_rival(idx, c, key, now, &rival);

	if (!rival)
		return r;
	rival->round = idx->round;
	if (pn_place_is_shared(rival->place))
		return share(idx, rival->place, c, now);
	r = settle(idx, rival->place, now);
	return r < 0 ? r : claim_past(idx, rival, now);
}

int pn_place_withdraw(struct pn_index *idx, struct pn_rival *r, pn_nsec now)
{
	struct pn_place *p = r->place;
	const struct pn_claim *c = pn_place_current(p);
	int ret = 0;

	if (pn_place_is_shared(p) ||
	    (c && c->by != r->by && !r->displaced && one_follows_the_other(c->by, r->by)))
		pn_history_end(idx, p, r->by, now);
	cds_list_del(&r->of_place);
	cds_list_del(&r->of_claimant);
	free(r);
	if (!pn_place_is_shared(p))
		ret = settle(idx, p, now);
	pn_place_drop(idx, p);
	return ret;
}

/* --- restart, end ------------------------------------------------------------------------------- */

int pn_place_restore(struct pn_index *idx, const struct pn_ip_key *key,
		     const struct pn_ip_value *value, struct pn_claimant *now_by,
		     struct pn_claimant *prev_by, pn_nsec now)
{
	struct pn_place_key k = pn_place_address(key->addr);
	pn_nsec from = now_by ? value->since_ns : PN_NSEC_NEVER, until = value->prev_until_ns;
	struct pn_place *p;
	int r = 0;

	if (pn_place_find(idx, &k))
		return -EINVAL;
	p = add(idx, &k);
	if (!p)
		return -ENOMEM;
	if (prev_by && prev_by != now_by)
		r = pn_history_set(idx, p,
				   &(struct pn_claim) { .by = prev_by,
							.from = PN_MIN(from, until),
							.until = until },
				   now);
	if (r == 0 && now_by)
		r = add_rival(p, now_by, now) ? 0 : -ENOMEM;
	if (r == 0 && now_by)
		r = pn_history_set(
			idx, p,
			&(struct pn_claim) { .by = now_by, .from = from, .until = PN_NSEC_NEVER },
			now);
	cds_list_del_init(&p->dirty); /* the maps have it */
	p->generation = value->generation;
	count(idx, p, false, pn_place_current(p));
	return r;
}

void pn_place_drop(struct pn_index *idx, struct pn_place *p)
{
	if (!cds_list_empty(&p->rivals) || !cds_list_empty(&p->dirty) || !pn_history_is_empty(p))
		return;
	(void)cds_lfht_del(idx->places, &p->node);
	if (is_port(p))
		atomic_fetch_sub_explicit(&idx->n_ports[port_set(p->key.addr)], 1,
					  memory_order_relaxed);
	cds_list_del_init(&p->past);
	pn_history_clear(p);
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
		pn_history_clear(p);
		cds_list_del_init(&p->dirty);
		pn_place_drop(idx, p);
	}
}
