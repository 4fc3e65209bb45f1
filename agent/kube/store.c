/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The informer's copy of the cluster's objects of one kind.
 *
 * The store publishes one state (store_state.c), and while a list is being collected it has a second one;
 * both share objects whose version is the same. Taking over the new list is the exchange of one pointer,
 * and all that can fail has happened before. Nobody else sees the second state, so what it gives up is
 * freed at once.
 */
#include "kube/store_private.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

/* From so many objects on, what a list has replaced is given back to the system. */
enum { TRIM_FROM = 4096 };

/**
 * struct order - the list that is being collected, as it came, without what is unchanged
 * @at: a staged object, or with the lowest bit set a reference to one that has been replaced, so
 *      that the former stays comparable
 */
struct order {
	uintptr_t *at;
	size_t n, size;
};

#define ORDER_REPLACED ((uintptr_t)1)

struct pn_store {
	_Atomic(struct pn_state *) current;
	struct pn_state *staged; /* NULL while no list is being collected */
	struct order order;
};

bool pn_store_same_version(const struct pn_object *a, const struct pn_object *b)
{
	return a->resource_version[0] && strcmp(a->resource_version, b->resource_version) == 0 &&
	       strcmp(a->uid, b->uid) == 0;
}

/* On liburcu's thread: many objects leave the heap with many holes. */
static void give_up(void *data)
{
	struct pn_state *st = data;
	bool is_large = pn_table_count(pn_state_objects(st)) >= TRIM_FROM;

	pn_state_free(st);
	if (is_large)
		(void)malloc_trim(0);
}

static struct pn_state *current(const struct pn_store *s)
{
	/* pairs with the release in pn_store_commit() */
	return atomic_load_explicit(&s->current, memory_order_acquire);
}

/* --- the store --- */

int pn_store_new(struct pn_store **ret)
{
	struct pn_store *s = calloc(1, sizeof(*s));
	struct pn_state *st = s ? pn_state_new(NULL) : NULL;

	if (!st) {
		free(s);
		return -ENOMEM;
	}
	pn_bin_start();
	atomic_init(&s->current, st);
	*ret = s;
	return 0;
}

void pn_store_free(struct pn_store *s)
{
	if (!s)
		return;
	pn_store_unstage(s);
	pn_state_free(current(s));
	pn_bin_flush();
	free(s);
}

int pn_store_put(struct pn_store *s, const struct pn_object *obj, const struct pn_object **ret_old)
{
	struct pn_bin *bin = pn_bin_open();
	const struct pn_object *old = NULL;
	int r;

	if (!bin)
		return -ENOMEM;
	r = pn_state_put(current(s), pn_store_hash(obj), obj, bin, &old);
	if (r == 0) {
		*ret_old = old ? pn_object_ref(old) : NULL;
		if (old && old != obj)
			pn_bin_object(bin, old);
	}
	pn_bin_close(bin);
	return r;
}

int pn_store_remove(struct pn_store *s, const struct pn_object *like,
		    const struct pn_object **ret_old)
{
	struct pn_bin *bin = pn_bin_open();
	const struct pn_object *old = NULL;
	int r;

	if (!bin)
		return -ENOMEM;
	r = pn_state_remove(current(s), like, bin, &old);
	if (r == 0) {
		*ret_old = old ? pn_object_ref(old) : NULL;
		if (old)
			pn_bin_object(bin, old);
	}
	pn_bin_close(bin);
	return r;
}

/* --- indexes --- */

/* Names of indexes are short: for these a call of strcmp() takes longer. */
static bool is_name(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static const struct pn_catalog *find_catalog(const struct pn_store *s, const char *name)
{
	const struct pn_catalog *c;

	for (c = pn_catalog_first(&current(s)->catalogs); c; c = pn_catalog_next(c))
		if (is_name(pn_catalog_indexer(c)->name, name))
			return c;
	return NULL;
}

int pn_store_add_index(struct pn_store *s, const struct pn_indexer *indexer)
{
	PN_CLEANUP(pn_freep) size_t *n_current = NULL;
	PN_CLEANUP(pn_freep) size_t *n_staged = NULL;
	struct pn_catalog *c = NULL, *staged = NULL;

	if (find_catalog(s, indexer->name))
		return -EEXIST;
	if (pn_state_index(current(s), indexer, &c, &n_current) < 0 ||
	    pn_state_index(s->staged, indexer, &staged, &n_staged) < 0) {
		pn_catalog_free(c);
		return -ENOMEM;
	}
	if (staged)
		pn_state_adopt(s->staged, staged, n_staged);
	pn_state_adopt(current(s), c, n_current);
	return 0;
}

/* --- lists --- */

static void order_done(struct order *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->at[i] & ORDER_REPLACED)
			pn_object_unref((const void *)(o->at[i] & ~ORDER_REPLACED));
	free(o->at);
	*o = (struct order) { .at = NULL };
}

static int order_reserve(struct order *o, size_t n)
{
	size_t size = o->size + o->size / 2 + 64;
	uintptr_t *at;

	if (o->n + n <= o->size)
		return 0;
	at = realloc(o->at, size * sizeof(*at));
	if (!at)
		return -ENOMEM;
	o->at = at;
	o->size = size;
	return 0;
}

void pn_store_unstage(struct pn_store *s)
{
	order_done(&s->order);
	pn_state_free(PN_TAKE_PTR(s->staged));
}

int pn_store_stage_begin(struct pn_store *s)
{
	pn_store_unstage(s);
	s->staged = pn_state_new(current(s));
	return s->staged ? 0 : -ENOMEM;
}

int pn_store_stage_reserve(struct pn_store *s, size_t n)
{
	return n ? pn_table_reserve(&s->staged->objects, n, true, NULL) : 0;
}

/* What is stored already stays, rather than a second copy of it. */
static const struct pn_object *stored_copy(struct pn_store *s, uint32_t hash,
					   const struct pn_object *obj)
{
	uint32_t slot;
	const struct pn_object *stored = pn_state_find(current(s), hash, obj, &slot);

	return stored && pn_store_same_version(stored, obj) ? stored : NULL;
}

int pn_store_stage(struct pn_store *s, const struct pn_object *obj)
{
	uint32_t hash = pn_store_hash(obj);
	const struct pn_object *stored = stored_copy(s, hash, obj), *old = NULL;
	int r;

	r = order_reserve(&s->order, 2);
	if (r == 0)
		r = pn_state_put(s->staged, hash, stored ? stored : obj, NULL, &old);
	if (r < 0 || old == obj || (old && old == stored))
		return r;
	if (old)
		s->order.at[s->order.n++] = (uintptr_t)old | ORDER_REPLACED;
	if (!stored)
		s->order.at[s->order.n++] = (uintptr_t)obj;
	return 0;
}

/* The table's reference goes to the order, which may name the object. */
int pn_store_stage_remove(struct pn_store *s, const struct pn_object *like)
{
	const struct pn_object *old = NULL;
	int r = order_reserve(&s->order, 1);

	if (r == 0)
		r = pn_state_remove(s->staged, like, NULL, &old);
	if (r == 0 && old)
		s->order.at[s->order.n++] = (uintptr_t)old | ORDER_REPLACED;
	return r;
}

static void tell_removed(struct pn_state *old, struct pn_state *now,
			 const struct pn_store_diff *diff, void *data, bool *go_on)
{
	const struct pn_table *t = pn_state_objects(old);
	uint32_t slot;

	for (uint32_t i = 0; t && i < t->n_slots && *go_on; i++) {
		const struct pn_object *obj = pn_table_at(t, i);
		uint32_t hash = atomic_load_explicit(&t->hashes[i], memory_order_relaxed);

		if (obj && !pn_state_find(now, hash, obj, &slot))
			*go_on = diff->remove(data, obj);
	}
}

/* An object can be in the order twice, if something else has had its key in between. */
static bool is_to_be_told(struct pn_state *now, uint32_t hash, const struct pn_object *obj)
{
	uint32_t slot;
	uint16_t *note;

	if (pn_state_find(now, hash, obj, &slot) != obj)
		return false;
	note = &pn_state_objects(now)->notes[slot];
	if (*note & PN_NOTE_TOLD)
		return false;
	*note |= PN_NOTE_TOLD;
	return true;
}

static void tell_put(const struct order *order, struct pn_state *old, struct pn_state *now,
		     const struct pn_store_diff *diff, void *data, bool *go_on)
{
	for (size_t i = 0; i < order->n && *go_on; i++) {
		const struct pn_object *obj = (const void *)order->at[i];
		uint32_t hash, slot;

		if (order->at[i] & ORDER_REPLACED)
			continue;
		hash = pn_store_hash(obj);
		if (is_to_be_told(now, hash, obj))
			*go_on = diff->put(data, pn_state_find(old, hash, obj, &slot), obj);
	}
}

static void unmark(struct pn_state *st)
{
	struct pn_table *t = pn_state_objects(st);

	for (uint32_t i = 0; t && i < t->n_slots; i++)
		t->notes[i] &= PN_NOTE_MAX;
}

void pn_store_commit(struct pn_store *s, const struct pn_store_diff *diff, void *data)
{
	struct pn_state *old = current(s), *now = PN_TAKE_PTR(s->staged);
	bool go_on = true;

	assert(now);
	/* pairs with the acquire in current() */
	atomic_store_explicit(&s->current, now, memory_order_release);
	tell_removed(old, now, diff, data, &go_on);
	tell_put(&s->order, old, now, diff, data, &go_on);
	unmark(now);
	order_done(&s->order);
	pn_bin_close_with(PN_TAKE_PTR(old->bin), give_up, old);
}

/* --- readers --- */

const struct pn_object *pn_store_get(const struct pn_store *s, const char *key)
{
	return pn_state_get(current(s), key);
}

void pn_store_each(const struct pn_store *s, struct pn_iter *ret)
{
	pn_table_each(pn_table_get(&current(s)->objects), ret);
}

int pn_store_by_index(const struct pn_store *s, const char *index, const char *value,
		      struct pn_iter *ret)
{
	const struct pn_catalog *c = find_catalog(s, index);

	*ret = (struct pn_iter) { .only = NULL };
	if (!c)
		return -ENOENT;
	pn_catalog_by_text(c, value, ret);
	return 0;
}

int pn_store_by_addr(const struct pn_store *s, const char *index, const struct pn_addr *addr,
		     struct pn_iter *ret)
{
	const struct pn_catalog *c = find_catalog(s, index);

	*ret = (struct pn_iter) { .only = NULL };
	if (!c || !pn_catalog_indexer(c)->of_addrs)
		return -ENOENT;
	pn_catalog_by_addr(c, addr, ret);
	return 0;
}

int pn_store_index_values(const struct pn_store *s, const char *index, pn_text_fn visit, void *data)
{
	const struct pn_catalog *c = find_catalog(s, index);

	if (!c)
		return -ENOENT;
	pn_catalog_each_value(c, visit, data);
	return 0;
}

int pn_store_index_like(const struct pn_store *s, const char *index, const struct pn_object *obj,
			pn_object_fn visit, void *data)
{
	const struct pn_catalog *c = find_catalog(s, index);

	return c ? pn_catalog_like(c, obj, visit, data) : -ENOENT;
}

size_t pn_store_count(const struct pn_store *s)
{
	return pn_table_count(pn_table_get(&current(s)->objects));
}
