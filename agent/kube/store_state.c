// SPDX-License-Identifier: Apache-2.0
/*
 * A state of the store: a table of the objects by key, which holds the references, and the indexes, kept right
 * by every change. For store.c, which has one that is published and at times a second one.
 *
 * A put or remove first makes room everywhere, which readers do not notice, and then cannot fail.
 */
#include "kube/store_private.h"

#include <errno.h>
#include <string.h>

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

struct pn_object *pn_state_find(struct pn_state *st, uint32_t hash, const struct pn_object *like,
				uint32_t *ret_slot)
{
	const struct pn_table *t = pn_state_objects(st);
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

const struct pn_object *pn_state_get(const struct pn_state *st, const char *key)
{
	const struct pn_table *t = pn_table_get(&st->objects);
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

/* --- states --- */

void pn_state_free(struct pn_state *st)
{
	struct pn_catalog *c, *next;
	struct pn_iter it;

	if (!st)
		return;
	for (c = pn_catalog_first(&st->catalogs); c; c = next) {
		next = pn_catalog_next(c);
		pn_catalog_free(c);
	}
	pn_table_each(pn_state_objects(st), &it);
	for (const struct pn_object *o; (o = pn_iter_next(&it));)
		pn_object_unref(o);
	pn_scrap_free(pn_state_objects(st));
	if (st->bin)
		pn_bin_close(st->bin);
	free(st);
}

static int copy_catalogs(struct pn_state *st, const struct pn_state *like)
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

struct pn_state *pn_state_new(const struct pn_state *like)
{
	struct pn_state *st = calloc(1, sizeof(*st));
	size_t n = like ? pn_table_count(pn_table_get(&like->objects)) : 0;

	if (!st)
		return NULL;
	st->bin = pn_bin_new();
	if (!st->bin || (n > 0 && pn_table_reserve(&st->objects, n, true, NULL) < 0) ||
	    (like && copy_catalogs(st, like) < 0)) {
		pn_state_free(st);
		return NULL;
	}
	return st;
}

/* Forgets what the first catalogs have prepared, up to @end. */
static void cancel(struct pn_state *st, const struct pn_catalog *end, struct pn_bin *bin)
{
	struct pn_catalog *c;

	for (c = pn_catalog_first(&st->catalogs); c != end; c = pn_catalog_next(c))
		pn_catalog_cancel(c, bin);
}

static int prepare(struct pn_state *st, uint32_t hash, const struct pn_object *old,
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
static uint16_t apply(struct pn_state *st, uint32_t hash, const struct pn_object *old,
		      uint16_t note, const struct pn_object *obj, struct pn_bin *bin)
{
	size_t n_gained = 0, n_lost = 0;
	struct pn_catalog *c;

	for (c = pn_catalog_first(&st->catalogs); c; c = pn_catalog_next(c))
		pn_catalog_apply(c, hash, old, obj, bin, &n_gained, &n_lost);
	if (old && (n_lost != note || note == PN_NOTE_MAX))
		for (c = pn_catalog_first(&st->catalogs); c; c = pn_catalog_next(c))
			pn_catalog_purge(c, hash, old, bin);
	return (uint16_t)PN_MIN(n_gained, PN_NOTE_MAX);
}

int pn_state_put(struct pn_state *st, uint32_t hash, const struct pn_object *obj,
		 struct pn_bin *bin, const struct pn_object **ret_old)
{
	uint32_t slot;
	const struct pn_object *old = pn_state_find(st, hash, obj, &slot);
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
		pn_table_put(pn_state_objects(st), slot, obj);
	else
		slot = pn_table_add(pn_state_objects(st), hash, obj);
	note = old ? pn_state_objects(st)->notes[slot] : 0;
	pn_state_objects(st)->notes[slot] = apply(st, hash, old, note, obj, bin);
	return 0;
}

int pn_state_remove(struct pn_state *st, const struct pn_object *like, struct pn_bin *bin,
		    const struct pn_object **ret_old)
{
	uint32_t hash = pn_store_hash(like), slot;
	const struct pn_object *old = pn_state_find(st, hash, like, &slot);
	int r;

	*ret_old = old;
	if (!old)
		return 0;
	r = prepare(st, hash, old, NULL, bin);
	if (r < 0)
		return r;
	pn_table_drop(pn_state_objects(st), slot);
	(void)apply(st, hash, old, pn_state_objects(st)->notes[slot], NULL, bin);
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

int pn_state_index(struct pn_state *st, const struct pn_indexer *indexer, struct pn_catalog **ret,
		   size_t **ret_n_values)
{
	const struct pn_table *t = st ? pn_state_objects(st) : NULL;
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

void pn_state_adopt(struct pn_state *st, struct pn_catalog *c, const size_t *n_values)
{
	struct pn_table *t = pn_state_objects(st);

	for (uint32_t i = 0; t && i < t->n_slots; i++)
		t->notes[i] = (uint16_t)PN_MIN(t->notes[i] + n_values[i], PN_NOTE_MAX);
	pn_catalog_push(&st->catalogs, c);
}
