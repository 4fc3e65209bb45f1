/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The informer's copy of the cluster's objects of one kind.
 *
 * A `table` is a hash of entries by key, in the order of arrival, and a list of indexes; an index
 * is a hash of values, and each value has a ring of the entries that carry it. Each entry also has
 * the list of its places in such rings, so leaving them costs no search, whatever the function
 * that computed the values would say now. The store has one table in use and, while a list is
 * being collected, a second one; both share objects whose version is the same. Taking over the new
 * list is an exchange of two pointers, and what can fail has happened before.
 */
#include "kube/store.h"

#include <errno.h>
#include <string.h>

/* Without memory an element that could not be added has no table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct entry;
struct value;

/* One entry's place under one value. */
struct place {
	struct place *prev, *next; /* of the value */
	struct place *more;	   /* of the entry */
	struct entry *entry;
	struct value *value;
};

struct value {
	UT_hash_handle hh;
	struct index *index;
	struct place *places;
	char text[];
};

struct index {
	struct index *next;
	pn_index_fn fn;
	struct value *values;
	char name[];
};

struct entry {
	UT_hash_handle hh;
	const struct pn_object *obj;
	struct place *places;
	char key[];
};

struct table {
	struct entry *entries;
	struct index *indexes;
};

struct pn_store {
	struct table *current;
	struct table *staged; /* NULL while no list is being collected */
};

/* --- values and places --- */

static struct value *value_get(struct index *index, const char *text)
{
	size_t len = strlen(text);
	struct value *v;

	HASH_FIND(hh, index->values, text, len, v);
	if (v)
		return v;
	v = calloc(1, sizeof(*v) + len + 1);
	if (!v)
		return NULL;
	memcpy(v->text, text, len);
	v->index = index;
	HASH_ADD_KEYPTR(hh, index->values, v->text, len, v);
	if (!v->hh.tbl) {
		free(v);
		return NULL;
	}
	return v;
}

static void value_drop_if_empty(struct value *v)
{
	if (v->places)
		return;
	HASH_DEL(v->index->values, v);
	free(v);
}

static void free_places(struct place *p)
{
	while (p) {
		struct place *more = p->more;

		DL_DELETE(p->value->places, p);
		value_drop_if_empty(p->value);
		free(p);
		p = more;
	}
}

/* What the index function of one object emits ends up here. */
struct placing {
	struct entry *entry;
	struct index *index;
	struct place *places;
	int error;
};

static void place_under(void *ctx, const char *text)
{
	struct placing *pl = ctx;
	struct place *p;
	struct value *v;

	if (pl->error)
		return;
	v = value_get(pl->index, text);
	for (p = pl->places; v && p; p = p->more)
		if (p->value == v)
			return;
	p = v ? calloc(1, sizeof(*p)) : NULL;
	if (!p) {
		pl->error = -ENOMEM;
		if (v)
			value_drop_if_empty(v);
		return;
	}
	*p = (struct place) { .more = pl->places, .entry = pl->entry, .value = v };
	DL_APPEND(v->places, p);
	pl->places = p;
}

/* Puts @entry under the values that @obj has in the indexes from @index on. */
static int place_entry(struct entry *entry, const struct pn_object *obj, struct index *index,
		       struct place **ret)
{
	struct placing pl = { .entry = entry };

	for (; index && !pl.error; index = index->next) {
		pl.index = index;
		index->fn(obj, place_under, &pl);
	}
	if (pl.error)
		free_places(pl.places);
	else
		*ret = pl.places;
	return pl.error;
}

/* --- tables --- */

static void free_entry(struct entry *e)
{
	free_places(e->places);
	pn_object_unref(e->obj);
	free(e);
}

static struct entry *find(const struct table *t, const char *key)
{
	struct entry *e;

	HASH_FIND(hh, t->entries, key, strlen(key), e);
	return e;
}

static int insert(struct table *t, const char *key, const struct pn_object *obj)
{
	size_t len = strlen(key);
	struct entry *e = calloc(1, sizeof(*e) + len + 1);
	int r;

	if (!e)
		return -ENOMEM;
	memcpy(e->key, key, len);
	r = place_entry(e, obj, t->indexes, &e->places);
	if (r == 0) {
		HASH_ADD_KEYPTR(hh, t->entries, e->key, len, e);
		r = e->hh.tbl ? 0 : -ENOMEM;
	}
	if (r < 0) {
		free_entry(e);
		return r;
	}
	e->obj = pn_object_ref(obj);
	return 0;
}

static int replace(struct table *t, struct entry *e, const struct pn_object *obj,
		   const struct pn_object **ret_old)
{
	struct place *places;
	int r;

	r = place_entry(e, obj, t->indexes, &places);
	if (r < 0)
		return r;
	free_places(e->places);
	e->places = places;
	*ret_old = e->obj;
	e->obj = pn_object_ref(obj);
	return 0;
}

static int table_put(struct table *t, const struct pn_object *obj, const struct pn_object **ret_old)
{
	char key[PN_KEY_LEN];
	struct entry *e = find(t, pn_object_key(obj, key));

	if (e)
		return replace(t, e, obj, ret_old);
	*ret_old = NULL;
	return insert(t, key, obj);
}

static struct index *find_index(const struct table *t, const char *name)
{
	struct index *index;

	LL_FOREACH (t->indexes, index)
		if (strcmp(index->name, name) == 0)
			return index;
	return NULL;
}

/* The places in the newest index are the first ones of each entry. */
static void remove_newest_index(struct table *t, struct index *index)
{
	struct entry *e;

	for (e = t->entries; e; e = e->hh.next) {
		while (e->places && e->places->value->index == index) {
			struct place *p = e->places;

			e->places = p->more;
			p->more = NULL;
			free_places(p);
		}
	}
	LL_DELETE(t->indexes, index);
	free(index);
}

static int place_in_newest_index(struct entry *e, struct index *index)
{
	struct place *places = NULL, *last;
	int r = place_entry(e, e->obj, index, &places);

	if (r < 0 || !places)
		return r;
	for (last = places; last->more; last = last->more)
		;
	last->more = e->places;
	e->places = places;
	return 0;
}

static int add_index(struct table *t, const char *name, pn_index_fn fn)
{
	size_t len = strlen(name);
	struct index *index = calloc(1, sizeof(*index) + len + 1);
	struct entry *e;
	int r = 0;

	if (!index)
		return -ENOMEM;
	index->fn = fn;
	memcpy(index->name, name, len);
	LL_APPEND(t->indexes, index);
	for (e = t->entries; e && r == 0; e = e->hh.next)
		r = place_in_newest_index(e, index);
	if (r < 0)
		remove_newest_index(t, index);
	return r;
}

static void table_free(struct table *t)
{
	struct index *index, *next_index;
	struct entry *e, *next;

	if (!t)
		return;
	HASH_ITER (hh, t->entries, e, next) {
		HASH_DEL(t->entries, e);
		free_entry(e);
	}
	LL_FOREACH_SAFE (t->indexes, index, next_index)
		free(index);
	free(t);
}

/* An empty table with the indexes of @like. */
static struct table *table_new(const struct table *like)
{
	struct table *t = calloc(1, sizeof(*t));
	const struct index *index;

	for (index = like && t ? like->indexes : NULL; index; index = index->next) {
		if (add_index(t, index->name, index->fn) < 0) {
			table_free(t);
			return NULL;
		}
	}
	return t;
}

/* --- the store --- */

int pn_store_new(struct pn_store **ret)
{
	struct pn_store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->current = table_new(NULL);
	if (!s->current) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void pn_store_free(struct pn_store *s)
{
	if (!s)
		return;
	table_free(s->staged);
	table_free(s->current);
	free(s);
}

int pn_store_add_index(struct pn_store *s, const char *name, pn_index_fn fn)
{
	int r;

	if (find_index(s->current, name))
		return -EEXIST;
	r = add_index(s->current, name, fn);
	if (r < 0 || !s->staged)
		return r;
	r = add_index(s->staged, name, fn);
	if (r < 0)
		remove_newest_index(s->current, find_index(s->current, name));
	return r;
}

int pn_store_put(struct pn_store *s, const struct pn_object *obj, const struct pn_object **ret_old)
{
	return table_put(s->current, obj, ret_old);
}

const struct pn_object *pn_store_remove(struct pn_store *s, const char *key)
{
	struct entry *e = find(s->current, key);
	const struct pn_object *obj;

	if (!e)
		return NULL;
	obj = pn_object_ref(e->obj);
	HASH_DEL(s->current->entries, e);
	free_entry(e);
	return obj;
}

bool pn_store_same_version(const struct pn_object *a, const struct pn_object *b)
{
	return a->resource_version[0] && strcmp(a->resource_version, b->resource_version) == 0 &&
	       strcmp(a->uid, b->uid) == 0;
}

int pn_store_stage_begin(struct pn_store *s)
{
	pn_store_unstage(s);
	s->staged = table_new(s->current);
	return s->staged ? 0 : -ENOMEM;
}

int pn_store_stage(struct pn_store *s, const struct pn_object *obj)
{
	const struct pn_object *stored, *old;
	char key[PN_KEY_LEN];
	int r;

	stored = pn_store_get(s, pn_object_key(obj, key));
	if (stored && pn_store_same_version(stored, obj))
		obj = stored;
	r = table_put(s->staged, obj, &old);
	if (r == 0)
		pn_object_unref(old);
	return r;
}

void pn_store_unstage(struct pn_store *s)
{
	table_free(s->staged);
	s->staged = NULL;
}

static void tell_removed(const struct table *old, const struct table *current,
			 const struct pn_store_diff *diff, void *data, bool *go_on)
{
	const struct entry *e;

	for (e = old->entries; e && *go_on; e = e->hh.next)
		if (!find(current, e->key))
			*go_on = diff->remove(data, e->obj);
}

static void tell_put(const struct table *old, const struct table *current,
		     const struct pn_store_diff *diff, void *data, bool *go_on)
{
	const struct entry *e, *before;

	for (e = current->entries; e && *go_on; e = e->hh.next) {
		before = find(old, e->key);
		if (!before || before->obj != e->obj)
			*go_on = diff->put(data, before ? before->obj : NULL, e->obj);
	}
}

void pn_store_commit(struct pn_store *s, const struct pn_store_diff *diff, void *data)
{
	struct table *old = s->current;
	bool go_on = true;

	s->current = PN_TAKE_PTR(s->staged);
	tell_removed(old, s->current, diff, data, &go_on);
	tell_put(old, s->current, diff, data, &go_on);
	table_free(old);
}

const struct pn_object *pn_store_get(const struct pn_store *s, const char *key)
{
	const struct entry *e = find(s->current, key);

	return e ? e->obj : NULL;
}

void pn_store_each(const struct pn_store *s, pn_visit_fn visit, void *data)
{
	const struct entry *e;

	for (e = s->current->entries; e; e = e->hh.next)
		if (!visit(e->obj, data))
			return;
}

int pn_store_by_index(const struct pn_store *s, const char *index, const char *value,
		      pn_visit_fn visit, void *data)
{
	const struct index *in = find_index(s->current, index);
	const struct place *p;
	struct value *v;

	if (!in)
		return -ENOENT;
	HASH_FIND(hh, in->values, value, strlen(value), v);
	for (p = v ? v->places : NULL; p; p = p->next)
		if (!visit(p->entry->obj, data))
			break;
	return 0;
}

size_t pn_store_count(const struct pn_store *s)
{
	return HASH_COUNT(s->current->entries);
}
