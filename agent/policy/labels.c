/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels and sets of labels. A label knows the sets that have it, so that selectors.c finds them; equal sets are
 * one, found by the pointers of all their strings.
 */
#include "policy/labels.h"

#include <errno.h>

#include "base/intern.h"
#include "base/util.h"
#include "policy/labels_private.h"

static unsigned int hash_of(const void *key, size_t len)
{
	unsigned int hash;

	HASH_VALUE(key, len, hash);
	return hash;
}

static unsigned int table_of(unsigned int hash)
{
	return hash >> (32 - PN_LABELS_TABLE_BITS);
}

int pn_labels_new(struct pn_labels **ret)
{
	struct pn_labels *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->n_words = 1;
	w->used_ids = calloc(w->n_words, sizeof(*w->used_ids));
	if (!w->used_ids) {
		free(w);
		return -ENOMEM;
	}
	pn_link_init(&w->loose);
	*ret = w;
	return 0;
}

void pn_labels_free(struct pn_labels *w)
{
	if (!w)
		return;
	free(w->used_ids);
	free(w);
}

void pn_labels_count(const struct pn_labels *w, size_t *ret_sets, size_t *ret_selectors)
{
	*ret_sets = 0;
	for (unsigned int i = 0; i < PN_LABELS_N_TABLES; i++)
		*ret_sets += HASH_COUNT(w->sets[i]);
	*ret_selectors = HASH_COUNT(w->selectors);
}

/* --- labels --- */

static struct pn_shared_label *find(const struct pn_labels *w, const struct pn_label *name,
				    unsigned int hash)
{
	struct pn_shared_label *l;

	HASH_FIND_BYHASHVALUE(hh, w->labels[table_of(hash)], name, sizeof(*name), hash, l);
	return l;
}

struct pn_shared_label *pn_shared_label_find(const struct pn_labels *w, const struct pn_label *name)
{
	return find(w, name, hash_of(name, sizeof(*name)));
}

struct pn_shared_label *pn_shared_label_get(struct pn_labels *w, const struct pn_label *name)
{
	unsigned int hash = hash_of(name, sizeof(*name));
	struct pn_shared_label *l = find(w, name, hash);

	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->name = (struct pn_label) { pn_intern_ref(name->key), pn_intern_ref(name->value) };
	pn_link_init(&l->members);
	pn_link_init(&l->anchors);
	HASH_ADD_BYHASHVALUE(hh, w->labels[table_of(hash)], name, sizeof(l->name), hash, l);
	if (l->hh.tbl)
		return l;
	pn_intern_unref(name->key);
	pn_intern_unref(name->value);
	free(l);
	return NULL;
}

void pn_shared_label_put(struct pn_labels *w, struct pn_shared_label *l)
{
	if (l->n_members || l->n_anchors)
		return;
	HASH_DEL(w->labels[table_of(l->hh.hashv)], l);
	pn_intern_unref(l->name.key);
	pn_intern_unref(l->name.value);
	free(l);
}

/* --- sets --- */

static void set_free(struct pn_labels *w, struct pn_label_set *set)
{
	for (uint32_t i = 0; i < set->n_labels; i++) {
		struct pn_shared_label *l = set->members[i].label;

		if (l) {
			pn_link_remove(&set->members[i].link);
			l->n_members--;
			pn_shared_label_put(w, l);
		}
		pn_intern_unref(set->labels[i].key);
		pn_intern_unref(set->labels[i].value);
	}
	free(set->bits);
	free(set->members);
	free(set);
}

/* @labels are interned. */
static struct pn_label_set *set_new(struct pn_labels *w, const struct pn_label *labels, uint32_t n)
{
	struct pn_label_set *set = calloc(1, sizeof(*set) + n * sizeof(set->labels[0]));

	if (!set)
		return NULL;
	set->n_refs = 1;
	set->bits = calloc(w->n_words, sizeof(*set->bits));
	set->members = calloc(n + 1, sizeof(*set->members));
	if (!set->bits || !set->members) {
		set_free(w, set);
		return NULL;
	}
	set->n_labels = n;
	for (uint32_t i = 0; i < n; i++)
		set->labels[i] = (struct pn_label) { pn_intern_ref(labels[i].key),
						     pn_intern_ref(labels[i].value) };
	for (uint32_t i = 0; i < n; i++) {
		struct pn_label_member *m = &set->members[i];

		m->set = set;
		m->label = pn_shared_label_get(w, &labels[i]);
		if (!m->label) {
			set_free(w, set);
			return NULL;
		}
		pn_link_add(&m->label->members, &m->link);
		m->label->n_members++;
	}
	return set;
}

/* All of them, or none. */
static int intern_labels(const struct pn_label *labels, uint32_t n, struct pn_label *to)
{
	for (uint32_t i = 0; i < n; i++) {
		to[i].key = pn_intern(labels[i].key, strlen(labels[i].key));
		to[i].value = pn_intern(labels[i].value, strlen(labels[i].value));
		if (to[i].key && to[i].value)
			continue;
		for (uint32_t k = 0; k <= i; k++) {
			pn_intern_unref(to[k].key);
			pn_intern_unref(to[k].value);
		}
		return -ENOMEM;
	}
	return 0;
}

static void unref_labels(const struct pn_label *labels, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		pn_intern_unref(labels[i].key);
		pn_intern_unref(labels[i].value);
	}
}

static int find_or_add(struct pn_labels *w, const struct pn_label *interned, uint32_t n,
		       struct pn_label_set **ret)
{
	unsigned int hash = hash_of(interned, n * sizeof(*interned));
	struct pn_label_set **table = &w->sets[table_of(hash)], *set;

	HASH_FIND_BYHASHVALUE(hh, *table, interned, n * sizeof(*interned), hash, set);
	if (set) {
		set->n_refs++;
		*ret = set;
		return 0;
	}
	set = set_new(w, interned, n);
	if (!set)
		return -ENOMEM;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, *table, set->labels, n * sizeof(*interned), hash, set);
	if (!set->hh.tbl) {
		set_free(w, set);
		return -ENOMEM;
	}
	pn_selectors_match(w, set);
	*ret = set;
	return 0;
}

int pn_label_set_get(struct pn_labels *w, const struct pn_label *labels, uint32_t n,
		     struct pn_label_set **ret)
{
	enum { FEW = 32 };
	struct pn_label few[FEW], *interned = few;
	int r;

	if (n > FEW)
		interned = calloc(n, sizeof(*interned));
	if (!interned)
		return -ENOMEM;
	r = intern_labels(labels, n, interned);
	if (r == 0) {
		r = find_or_add(w, interned, n, ret);
		unref_labels(interned, n);
	}
	if (interned != few)
		free(interned);
	return r;
}

void pn_label_set_put(struct pn_labels *w, struct pn_label_set *set)
{
	if (!set || --set->n_refs)
		return;
	HASH_DEL(w->sets[table_of(set->hh.hashv)], set);
	set_free(w, set);
}

const char *pn_label_set_value(const struct pn_label_set *set, const char *key)
{
	for (uint32_t i = 0; i < set->n_labels; i++)
		if (strcmp(set->labels[i].key, key) == 0)
			return set->labels[i].value;
	return NULL;
}
