/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The informer's copy of the cluster's objects of one kind.
 *
 * A `state` is a table of the objects by key, which holds the references, and the store's indexes.
 * The store publishes one state, and while a list is being collected it has a second one; both
 * share objects whose version is the same. Taking over the new list is the exchange of one pointer,
 * and all that can fail has happened before. Nobody else sees the second state, so what it gives
 * up is freed at once.
 *
 * A put or remove first makes room everywhere, which readers do not notice, and then cannot fail.
 */
#include "kube/store_private.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

/* From so many objects on, what a list has replaced is given back to the system. */
enum { TRIM_FROM = 4096 };

/**
 * struct state
 * @objects:  by key; a note says under how many values of all indexes an object is (NOTE_MAX: so
 *            many or more), so that it is noticed when some are not found again
 * @bin:      for the state itself, so that giving it up needs no memory
 */
struct state {
	pn_table_ref objects;
	pn_catalog_ref catalogs;
	struct pn_bin *bin;
};

/* Besides the number, a note has a mark for pn_store_commit(). */
enum { NOTE_MAX = 0x7fff, NOTE_TOLD = 0x8000 };

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
	_Atomic(struct state *) current;
	struct state *staged; /* NULL while no list is being collected */
	struct order order;
};

/* --- keys --- */

static uint32_t key_hash(const char *key, size_t len)
{
	uint32_t hash = (uint32_t)pn_hash_bytes(key, len);

	return hash ? hash : 1;
}

static size_t add_text(char key[static PN_KEY_LEN], size_t at, const char *text)
{
	size_t len = strnlen(text, PN_KEY_LEN - at);

	memcpy(key + at, text, len);
	return at + len;
}

/* Of what pn_object_key() gives, many times a second. */
uint32_t pn_store_hash(const struct pn_object *obj)
{
	char key[PN_KEY_LEN];
	size_t len = add_text(key, 0, obj->name_space);

	if (len > 0)
		len = add_text(key, len, "/");
	return key_hash(key, add_text(key, len, obj->name));
}

static bool same_key(const struct pn_object *a, const struct pn_object *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->name_space, b->name_space) == 0;
}

static bool has_key(const struct pn_object *o, const char *key)
{
	size_t len = strlen(o->name_space);

	if (len > 0) {
		if (strncmp(key, o->name_space, len) != 0 || key[len] != '/')
			return false;
		key += len + 1;
	}
	return strcmp(key, o->name) == 0;
}

bool pn_store_same_version(const struct pn_object *a, const struct pn_object *b)
{
	return a->resource_version[0] && strcmp(a->resource_version, b->resource_version) == 0 &&
	       strcmp(a->uid, b->uid) == 0;
}

/* What is stored under the key of @like. */
static struct pn_object *find(const struct pn_table *t, uint32_t hash, const struct pn_object *like,
			      uint32_t *ret_slot)
{
	struct pn_object *obj;

	if (!t)
		return NULL;
	PN_TABLE_SCAN(t, hash, *ret_slot, obj)
	{
		if (obj == like || same_key(obj, like))
			return obj;
	}
	return NULL;
}

/* --- states --- */

static struct pn_table *objects_of(struct state *st)
{
	return pn_table_mine(&st->objects);
}

static void state_free(void *data)
{
	struct state *st = data;
	struct pn_catalog *c, *next;
	struct pn_iter it;

	if (!st)
		return;
	for (c = pn_catalog_first(&st->catalogs); c; c = next) {
		next = pn_catalog_next(c);
		pn_catalog_free(c);
	}
	pn_table_each(objects_of(st), &it);
	for (const struct pn_object *o; (o = pn_iter_next(&it));)
		pn_object_unref(o);
	pn_scrap_free(objects_of(st));
	if (st->bin)
		pn_bin_close(st->bin);
	free(st);
}

/* On liburcu's thread: many objects leave the heap with many holes. */
static void give_up(void *data)
{
	struct state *st = data;
	bool is_large = pn_table_count(objects_of(st)) >= TRIM_FROM;

	state_free(st);
	if (is_large)
		(void)malloc_trim(0);
}

static int copy_catalogs(struct state *st, const struct state *like)
{
	const struct pn_catalog *c;
	struct pn_catalog *copy;

	for (c = pn_catalog_first(&like->catalogs); c; c = pn_catalog_next(c)) {
		if (pn_catalog_new(pn_catalog_indexer(c), c, &copy) < 0)
			return -ENOMEM;
		pn_catalog_push(&st->catalogs, copy);
	}
	return 0;
}

/* An empty state with the indexes of @like, and room for as much. */
static struct state *state_new(const struct state *like)
{
	struct state *st = calloc(1, sizeof(*st));
	size_t n = like ? pn_table_count(pn_table_get(&like->objects)) : 0;

	if (!st)
		return NULL;
	st->bin = pn_bin_new();
	if (!st->bin || (n > 0 && pn_table_reserve(&st->objects, n, true, NULL) < 0) ||
	    (like && copy_catalogs(st, like) < 0)) {
		state_free(st);
		return NULL;
	}
	return st;
}

/* Forgets what the first catalogs have prepared, up to @end. */
static void cancel(struct state *st, const struct pn_catalog *end, struct pn_bin *bin)
{
	struct pn_catalog *c;

	for (c = pn_catalog_first(&st->catalogs); c != end; c = pn_catalog_next(c))
		pn_catalog_cancel(c, bin);
}

static int prepare(struct state *st, uint32_t hash, const struct pn_object *old,
		   const struct pn_object *obj, struct pn_bin *bin)
{
	struct pn_catalog *c;
	int r;

	for (c = pn_catalog_first(&st->catalogs); c; c = pn_catalog_next(c)) {
		r = pn_catalog_prepare(c, hash, old, obj, bin);
		if (r < 0) {
			cancel(st, c, bin);
			return r;
		}
	}
	return 0;
}

/* @note: of @old. Return: the note for @obj */
static uint16_t apply(struct state *st, uint32_t hash, const struct pn_object *old, uint16_t note,
		      const struct pn_object *obj, struct pn_bin *bin)
{
	size_t n_gained = 0, n_lost = 0;
	struct pn_catalog *c;

	for (c = pn_catalog_first(&st->catalogs); c; c = pn_catalog_next(c))
		pn_catalog_apply(c, hash, old, obj, bin, &n_gained, &n_lost);
	if (old && (n_lost != note || note == NOTE_MAX))
		for (c = pn_catalog_first(&st->catalogs); c; c = pn_catalog_next(c))
			pn_catalog_purge(c, hash, old, bin);
	return (uint16_t)PN_MIN(n_gained, NOTE_MAX);
}

/* @ret_old: what was there, and its reference; not if it is @obj itself */
static int state_put(struct state *st, uint32_t hash, const struct pn_object *obj,
		     struct pn_bin *bin, const struct pn_object **ret_old)
{
	uint32_t slot;
	const struct pn_object *old = find(objects_of(st), hash, obj, &slot);
	uint16_t note;
	int r = 0;

	*ret_old = old;
	if (old == obj)
		return 0;
	if (!old)
		r = pn_table_reserve(&st->objects, 1, true, bin);
	if (r == 0)
		r = prepare(st, hash, old, obj, bin);
	if (r < 0)
		return r;
	(void)pn_object_ref(obj);
	if (old)
		pn_table_put(objects_of(st), slot, obj);
	else
		slot = pn_table_add(objects_of(st), hash, obj);
	note = old ? objects_of(st)->notes[slot] : 0;
	objects_of(st)->notes[slot] = apply(st, hash, old, note, obj, bin);
	return 0;
}

/* @ret_old: with its reference; NULL if there is none */
static int state_remove(struct state *st, const struct pn_object *like, struct pn_bin *bin,
			const struct pn_object **ret_old)
{
	uint32_t hash = pn_store_hash(like), slot;
	const struct pn_object *old = find(objects_of(st), hash, like, &slot);
	int r;

	*ret_old = old;
	if (!old)
		return 0;
	r = prepare(st, hash, old, NULL, bin);
	if (r < 0)
		return r;
	pn_table_drop(objects_of(st), slot);
	(void)apply(st, hash, old, objects_of(st)->notes[slot], NULL, bin);
	pn_table_trim(&st->objects, bin);
	return 0;
}

/* --- one more index --- */

/* Fills @c with what is stored; @n_values: for each slot, under how many values its object is. */
static int index_objects(struct pn_catalog *c, const struct pn_table *t, size_t *n_values)
{
	size_t n_lost = 0;
	int r = 0;

	for (uint32_t i = 0; t && i < t->n_slots && r == 0; i++) {
		const struct pn_object *obj = pn_table_at(t, i);
		uint32_t hash = atomic_load_explicit(&t->hashes[i], memory_order_relaxed);

		if (!obj)
			continue;
		r = pn_catalog_prepare(c, hash, NULL, obj, NULL);
		if (r == 0)
			pn_catalog_apply(c, hash, NULL, obj, NULL, &n_values[i], &n_lost);
	}
	return r;
}

/* @st may be NULL: no index is needed. */
static int catalog_of(struct state *st, const struct pn_indexer *indexer, struct pn_catalog **ret,
		      size_t **ret_n_values)
{
	const struct pn_table *t = st ? objects_of(st) : NULL;
	struct pn_catalog *c;
	size_t *n_values;

	if (!st)
		return 0;
	n_values = calloc(t ? t->n_slots : 1, sizeof(*n_values));
	if (!n_values || pn_catalog_new(indexer, NULL, &c) < 0) {
		free(n_values);
		return -ENOMEM;
	}
	if (index_objects(c, t, n_values) < 0) {
		pn_catalog_free(c);
		free(n_values);
		return -ENOMEM;
	}
	*ret = c;
	*ret_n_values = n_values;
	return 0;
}

static void adopt(struct state *st, struct pn_catalog *c, const size_t *n_values)
{
	struct pn_table *t = objects_of(st);

	for (uint32_t i = 0; t && i < t->n_slots; i++)
		t->notes[i] = (uint16_t)PN_MIN(t->notes[i] + n_values[i], NOTE_MAX);
	pn_catalog_push(&st->catalogs, c);
}

/* Names of indexes are short: for these a call of strcmp() takes longer. */
static bool is_name(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static const struct pn_catalog *find_catalog(const struct state *st, const char *name)
{
	const struct pn_catalog *c;

	for (c = pn_catalog_first(&st->catalogs); c; c = pn_catalog_next(c))
		if (is_name(pn_catalog_indexer(c)->name, name))
			return c;
	return NULL;
}

static struct state *current(const struct pn_store *s)
{
	/* pairs with the release in pn_store_commit() */
	return atomic_load_explicit(&s->current, memory_order_acquire);
}

int pn_store_add_index(struct pn_store *s, const struct pn_indexer *indexer)
{
	PN_CLEANUP(pn_freep) size_t *n_current = NULL;
	PN_CLEANUP(pn_freep) size_t *n_staged = NULL;
	struct pn_catalog *c = NULL, *staged = NULL;

	if (find_catalog(current(s), indexer->name))
		return -EEXIST;
	if (catalog_of(current(s), indexer, &c, &n_current) < 0 ||
	    catalog_of(s->staged, indexer, &staged, &n_staged) < 0) {
		pn_catalog_free(c);
		return -ENOMEM;
	}
	if (staged)
		adopt(s->staged, staged, n_staged);
	adopt(current(s), c, n_current);
	return 0;
}

/* --- the store --- */

int pn_store_new(struct pn_store **ret)
{
	struct pn_store *s = calloc(1, sizeof(*s));
	struct state *st = s ? state_new(NULL) : NULL;

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
	state_free(current(s));
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
	r = state_put(current(s), pn_store_hash(obj), obj, bin, &old);
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
	r = state_remove(current(s), like, bin, &old);
	if (r == 0) {
		*ret_old = old ? pn_object_ref(old) : NULL;
		if (old)
			pn_bin_object(bin, old);
	}
	pn_bin_close(bin);
	return r;
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
	state_free(PN_TAKE_PTR(s->staged));
}

int pn_store_stage_begin(struct pn_store *s)
{
	pn_store_unstage(s);
	s->staged = state_new(current(s));
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
	const struct pn_object *stored = find(objects_of(current(s)), hash, obj, &slot);

	return stored && pn_store_same_version(stored, obj) ? stored : NULL;
}

int pn_store_stage(struct pn_store *s, const struct pn_object *obj)
{
	uint32_t hash = pn_store_hash(obj);
	const struct pn_object *stored = stored_copy(s, hash, obj), *old = NULL;
	int r;

	r = order_reserve(&s->order, 2);
	if (r == 0)
		r = state_put(s->staged, hash, stored ? stored : obj, NULL, &old);
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
		r = state_remove(s->staged, like, NULL, &old);
	if (r == 0 && old)
		s->order.at[s->order.n++] = (uintptr_t)old | ORDER_REPLACED;
	return r;
}

static void tell_removed(struct state *old, struct state *now, const struct pn_store_diff *diff,
			 void *data, bool *go_on)
{
	const struct pn_table *t = objects_of(old);
	uint32_t slot;

	for (uint32_t i = 0; t && i < t->n_slots && *go_on; i++) {
		const struct pn_object *obj = pn_table_at(t, i);
		uint32_t hash = atomic_load_explicit(&t->hashes[i], memory_order_relaxed);

		if (obj && !find(objects_of(now), hash, obj, &slot))
			*go_on = diff->remove(data, obj);
	}
}

/* An object can be in the order twice, if something else has had its key in between. */
static bool is_to_be_told(struct state *now, uint32_t hash, const struct pn_object *obj)
{
	uint32_t slot;
	uint16_t *note;

	if (find(objects_of(now), hash, obj, &slot) != obj)
		return false;
	note = &objects_of(now)->notes[slot];
	if (*note & NOTE_TOLD)
		return false;
	*note |= NOTE_TOLD;
	return true;
}

static void tell_put(const struct order *order, struct state *old, struct state *now,
		     const struct pn_store_diff *diff, void *data, bool *go_on)
{
	for (size_t i = 0; i < order->n && *go_on; i++) {
		const struct pn_object *obj = (const void *)order->at[i];
		uint32_t hash, slot;

		if (order->at[i] & ORDER_REPLACED)
			continue;
		hash = pn_store_hash(obj);
		if (is_to_be_told(now, hash, obj))
			*go_on = diff->put(data, find(objects_of(old), hash, obj, &slot), obj);
	}
}

static void unmark(struct state *st)
{
	struct pn_table *t = objects_of(st);

	for (uint32_t i = 0; t && i < t->n_slots; i++)
		t->notes[i] &= NOTE_MAX;
}

void pn_store_commit(struct pn_store *s, const struct pn_store_diff *diff, void *data)
{
	struct state *old = current(s), *now = PN_TAKE_PTR(s->staged);
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
	const struct pn_table *t = pn_table_get(&current(s)->objects);
	const struct pn_object *obj;
	uint32_t hash = key_hash(key, strnlen(key, PN_KEY_LEN)), slot;

	if (!t)
		return NULL;
	PN_TABLE_SCAN(t, hash, slot, obj)
	{
		if (has_key(obj, key))
			return obj;
	}
	return NULL;
}

void pn_store_each(const struct pn_store *s, struct pn_iter *ret)
{
	pn_table_each(pn_table_get(&current(s)->objects), ret);
}

int pn_store_by_index(const struct pn_store *s, const char *index, const char *value,
		      struct pn_iter *ret)
{
	const struct pn_catalog *c = find_catalog(current(s), index);

	*ret = (struct pn_iter) { .only = NULL };
	if (!c)
		return -ENOENT;
	pn_catalog_by_text(c, value, ret);
	return 0;
}

int pn_store_by_addr(const struct pn_store *s, const char *index, const struct pn_addr *addr,
		     struct pn_iter *ret)
{
	const struct pn_catalog *c = find_catalog(current(s), index);

	*ret = (struct pn_iter) { .only = NULL };
	if (!c || !pn_catalog_indexer(c)->of_addrs)
		return -ENOENT;
	pn_catalog_by_addr(c, addr, ret);
	return 0;
}

int pn_store_index_values(const struct pn_store *s, const char *index, pn_text_fn visit, void *data)
{
	const struct pn_catalog *c = find_catalog(current(s), index);

	if (!c)
		return -ENOENT;
	pn_catalog_each_value(c, visit, data);
	return 0;
}

int pn_store_index_like(const struct pn_store *s, const char *index, const struct pn_object *obj,
			pn_object_fn visit, void *data)
{
	const struct pn_catalog *c = find_catalog(current(s), index);

	return c ? pn_catalog_like(c, obj, visit, data) : -ENOENT;
}

size_t pn_store_count(const struct pn_store *s)
{
	return pn_table_count(pn_table_get(&current(s)->objects));
}
