/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claimants: the pods, Services, nodes, networks and processes that own something, with their ids and
 * published names. Called by whoever makes one of them, and by changes.c when the maps have taken a
 * deletion.
 *
 * A claimant lives as long as something may still refer to it: until it asks for nothing, no claim of
 * it is remembered, its memory is over and the maps have been told. Only then its id is forgotten;
 * no other claimant ever gets it.
 */
#include "index/private.h"

#include <errno.h>
#include <string.h>

static struct pn_claimant *of_node(struct cds_lfht_node *node)
{
	return PN_CONTAINER_OF(node, struct pn_claimant, node);
}

static unsigned long hash_id(uint32_t id)
{
	return (unsigned long)(id * 0x9e3779b97f4a7c15u >> 16);
}

static int match(struct cds_lfht_node *node, const void *id)
{
	const struct pn_claimant *c = of_node(node);

	/* pairs with the release in pn_claimant_rename(): the id is there */
	(void)atomic_load_explicit(&c->named, memory_order_acquire);
	return c->id == *(const uint32_t *)id;
}

struct pn_claimant *pn_claimant_by_id(const struct pn_index *idx, uint32_t id)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *node;

	cds_lfht_lookup(idx->owners, hash_id(id), match, &id, &it);
	node = cds_lfht_iter_get_node(&it);
	return node ? of_node(node) : NULL;
}

struct pn_claimant *pn_claimant_find(const struct pn_index *idx, const char *uid)
{
	struct pn_claimant *c;

	HASH_FIND_STR(idx->by_uid, uid, c);
	return c;
}

void pn_claimant_mark(struct pn_index *idx, struct pn_claimant *c)
{
	if (cds_list_empty(&c->dirty))
		cds_list_add_tail(&c->dirty, &idx->dirty_claimants);
}

const struct pn_owner *pn_claimant_named(const struct pn_claimant *c)
{
	return &atomic_load_explicit(&c->named, memory_order_relaxed)->owner;
}

/* --- names -------------------------------------------------------------------------------------- */

static size_t text_len(const struct pn_owner *o)
{
	return strlen(o->uid) + strlen(o->name_space) + strlen(o->name) + strlen(o->workload_kind) +
	       strlen(o->workload_name) + strlen(o->node) + strlen(o->zone) + strlen(o->region) + 8;
}

static const char *put(char **at, const char *s)
{
	char *start = *at;

	*at = stpcpy(start, s) + 1;
	return start;
}

static struct pn_named *copy_named(const struct pn_owner *o, uint32_t id)
{
	struct pn_named *n = malloc(sizeof(*n) + text_len(o));
	char *at;

	if (!n)
		return NULL;
	at = n->text;
	n->owner = (struct pn_owner) {
		.id = id,
		.kind = o->kind,
		.flags = o->flags,
		.uid = put(&at, o->uid),
		.name_space = put(&at, o->name_space),
		.name = put(&at, o->name),
		.workload_kind = put(&at, o->workload_kind),
		.workload_name = put(&at, o->workload_name),
		.node = put(&at, o->node),
		.zone = put(&at, o->zone),
		.region = put(&at, o->region),
	};
	return n;
}

static bool same_names(const struct pn_owner *a, const struct pn_owner *b)
{
	return a->flags == b->flags && strcmp(a->name_space, b->name_space) == 0 &&
	       strcmp(a->name, b->name) == 0 && strcmp(a->workload_kind, b->workload_kind) == 0 &&
	       strcmp(a->workload_name, b->workload_name) == 0 && strcmp(a->node, b->node) == 0 &&
	       strcmp(a->zone, b->zone) == 0 && strcmp(a->region, b->region) == 0;
}

int pn_claimant_rename(struct pn_index *idx, struct pn_claimant *c, const struct pn_owner *owner)
{
	struct pn_named *old = atomic_load_explicit(&c->named, memory_order_relaxed), *new;

	if (old && same_names(&old->owner, owner))
		return 0;
	new = copy_named(owner, c->id);
	if (!new)
		return -ENOMEM;
	/* pairs with the acquires in match() and owner_of() */
	atomic_store_explicit(&c->named, new, memory_order_release);
	if (old)
		pn_rcu_free(&old->rcu);
	pn_claimant_mark(idx, c);
	return 0;
}

/* --- life --------------------------------------------------------------------------------------- */

static struct pn_claimant *alloc(const struct pn_owner *owner, uint32_t id)
{
	size_t len = strlen(owner->uid);
	struct pn_claimant *c = calloc(1, sizeof(*c) + len + 1);

	if (!c)
		return NULL;
	c->id = id;
	c->kind = owner->kind;
	memcpy(c->uid, owner->uid, len);
	CDS_INIT_LIST_HEAD(&c->rivals);
	CDS_INIT_LIST_HEAD(&c->dirty);
	CDS_INIT_LIST_HEAD(&c->past);
	return c;
}

int pn_claimant_new(struct pn_index *idx, const struct pn_owner *owner, struct pn_claimant **ret)
{
	uint32_t id = owner->id ? owner->id : idx->next_id;
	struct pn_claimant *c;

	if (id == UINT32_MAX)
		return -EOVERFLOW; /* next_id must stay above every id */
	c = alloc(owner, id);
	if (!c)
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh, idx->by_uid, c->uid, strlen(c->uid), c);
	if (!c->hh.tbl) {
		free(c);
		return -ENOMEM;
	}
	if (pn_claimant_rename(idx, c, owner) < 0) {
		HASH_DEL(idx->by_uid, c);
		free(c);
		return -ENOMEM;
	}
	cds_lfht_add(idx->owners, hash_id(id), &c->node);
	idx->next_id = PN_MAX(idx->next_id, id + 1);
	idx->counts.n_owners++;
	*ret = c;
	return 0;
}

void pn_claimant_revive(struct pn_index *idx, struct pn_claimant *c)
{
	if (!c->gone)
		return;
	c->gone = false;
	cds_list_del_init(&c->past);
	pn_claimant_mark(idx, c); /* its deletion may be on the way */
}

void pn_claimant_hold(struct pn_index *idx, struct pn_claimant *c)
{
	if (!pn_claimant_is_over(c))
		return;
	cds_list_add_tail(&c->past, &idx->past_claimants);
	pn_claimant_mark(idx, c);
}

pn_nsec pn_claimant_start(const struct pn_index *idx, const struct pn_claimant *c, pn_nsec now)
{
	pn_nsec t;

	if (!c->first_s)
		return PN_NSEC_NEVER;
	t = pn_clock_to_monotonic(idx->clock, (pn_nsec)c->first_s * PN_NSEC_PER_SEC);
	return PN_MIN(t, now);
}

int pn_claimant_keep(struct pn_index *idx, struct pn_claimant *c, bool endpoints, uint64_t round,
		     pn_nsec now)
{
	struct pn_rival *r, *next;
	int ret = 0;

	PN_EACH_SAFE (r, next, &c->rivals, of_claimant) {
		if (r->round == round || (r->place->key.sort == PN_PLACE_ENDPOINT) != endpoints)
			continue;
		if (pn_place_withdraw(idx, r, now) < 0)
			ret = -ENOMEM;
	}
	return ret;
}

int pn_claimant_release(struct pn_index *idx, struct pn_claimant *c, pn_nsec now)
{
	uint64_t round = ++idx->round;
	int r, r2;

	pn_endpoints_forget(idx, c);
	r = pn_claimant_keep(idx, c, false, round, now);
	r2 = pn_claimant_keep(idx, c, true, round, now);

	if (!c->gone) {
		c->gone = true;
		c->gone_ns = now;
		cds_list_add_tail(&c->past, &idx->past_claimants);
		pn_cgroups_settle(idx, c);
	}
	return r < 0 ? r : r2;
}

static bool memory_is_over(const struct pn_claimant *c, pn_nsec now)
{
	return c->n_claims == 0 && c->gone_ns + PN_INDEX_MEMORY <= now;
}

void pn_claimant_prune(struct pn_index *idx, pn_nsec now)
{
	struct pn_claimant *c, *next;

	PN_EACH_SAFE (c, next, &idx->past_claimants, past) {
		if (!memory_is_over(c, now))
			continue;
		cds_list_del_init(&c->past);
		pn_claimant_mark(idx, c);
	}
}

bool pn_claimant_is_over(struct pn_claimant *c)
{
	return c->gone && cds_list_empty(&c->past);
}

void pn_claimant_drop(struct pn_index *idx, struct pn_claimant *c)
{
	(void)pn_workload_link(idx, c, "");
	(void)pn_topology_link(idx, c, "");
	pn_endpoints_forget(idx, c);
	pn_cgroups_forget(idx, c);
	(void)cds_lfht_del(idx->owners, &c->node);
	HASH_DEL(idx->by_uid, c);
	idx->counts.n_owners--;
	pn_rcu_free(&atomic_load_explicit(&c->named, memory_order_relaxed)->rcu);
	pn_rcu_free(&c->rcu);
}

void pn_claimant_drop_all(struct pn_index *idx)
{
	struct pn_claimant *c, *next;

	HASH_ITER (hh, idx->by_uid, c, next)
		pn_claimant_drop(idx, c);
}

const struct pn_owner *pn_index_owner(const struct pn_index *idx, uint32_t id)
{
	const struct pn_claimant *c = pn_claimant_by_id(idx, id);

	/* pairs with the release in pn_claimant_rename() */
	return c ? &atomic_load_explicit(&c->named, memory_order_acquire)->owner : NULL;
}
