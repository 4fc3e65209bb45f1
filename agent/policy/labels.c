/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selectors against sets of labels, worked out when either comes, so that a verdict only looks at
 * bits. So that neither needs to be held against all of the other, a selector that wants a label has
 * it as its anchor: it is found from the label, and so are the sets that carry it. What wants no
 * label (NotIn, Exists, an empty selector) is held against every set; of those there are few.
 */
#include "policy/labels.h"

#include <errno.h>

#include "base/intern.h"
#include "base/util.h"

/* Only the links of a list; the head is one too. */
struct link {
	struct link *next, *prev;
};

/* A label that a set has or a selector is anchored to. */
struct label {
	UT_hash_handle hh;
	struct pn_label name; /* the key, as pointers to interned strings */
	uint32_t n_members, n_anchors;
	struct link members, anchors;
};

/* A label of one set. */
struct pn_label_member {
	struct link link;
	struct label *label;
	struct pn_label_set *set;
};

/* A selector's place at a label. */
struct anchor {
	struct link link;
	struct label *label;
	struct pn_selector *selector;
};

/* Found by its words, all of them together. */
struct pn_selector {
	UT_hash_handle hh;
	uint32_t id, n_refs;
	uint32_t n_anchors;
	struct anchor *anchors;
	struct link loose; /* in the list of those without an anchor */
	struct pn_selector_words *words;
};

/*
 * A table grows all at once, with every entry that it has, so there are many of them: which one is in
 * the hash's highest bits. Selectors come with policies, which are few.
 */
enum { TABLE_BITS = 5, N_TABLES = 1 << TABLE_BITS };

struct pn_labels {
	struct pn_label_set *sets[N_TABLES];
	struct pn_selector *selectors;
	struct label *labels[N_TABLES];
	struct link loose;
	uint64_t *used_ids;
	size_t n_words; /* of the bits of each set, and of used_ids */
};

static unsigned int hash_of(const void *key, size_t len)
{
	unsigned int hash;

	HASH_VALUE(key, len, hash);
	return hash;
}

static unsigned int table_of(unsigned int hash)
{
	return hash >> (32 - TABLE_BITS);
}

static void list_init(struct link *head)
{
	head->next = head->prev = head;
}

static void list_add(struct link *head, struct link *l)
{
	l->next = head;
	l->prev = head->prev;
	head->prev->next = l;
	head->prev = l;
}

static void list_remove(struct link *l)
{
	l->next->prev = l->prev;
	l->prev->next = l->next;
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
	list_init(&w->loose);
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
	for (unsigned int i = 0; i < N_TABLES; i++)
		*ret_sets += HASH_COUNT(w->sets[i]);
	*ret_selectors = HASH_COUNT(w->selectors);
}

/* --- labels --- */

static struct label *label_find(const struct pn_labels *w, const struct pn_label *name,
				unsigned int hash)
{
	struct label *l;

	HASH_FIND_BYHASHVALUE(hh, w->labels[table_of(hash)], name, sizeof(*name), hash, l);
	return l;
}

/* Return: NULL without memory */
static struct label *label_get(struct pn_labels *w, const char *key, const char *value)
{
	struct pn_label name = { key, value };
	unsigned int hash = hash_of(&name, sizeof(name));
	struct label *l = label_find(w, &name, hash);

	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->name = (struct pn_label) { pn_intern_ref(key), pn_intern_ref(value) };
	list_init(&l->members);
	list_init(&l->anchors);
	HASH_ADD_BYHASHVALUE(hh, w->labels[table_of(hash)], name, sizeof(l->name), hash, l);
	if (l->hh.tbl)
		return l;
	pn_intern_unref(key);
	pn_intern_unref(value);
	free(l);
	return NULL;
}

static void label_put(struct pn_labels *w, struct label *l)
{
	if (l->n_members || l->n_anchors)
		return;
	HASH_DEL(w->labels[table_of(l->hh.hashv)], l);
	pn_intern_unref(l->name.key);
	pn_intern_unref(l->name.value);
	free(l);
}

static void set_bit(uint64_t *bits, uint32_t id, bool value)
{
	uint64_t bit = (uint64_t)1 << id % 64;

	bits[id / 64] = value ? bits[id / 64] | bit : bits[id / 64] & ~bit;
}

/* --- sets --- */

static void set_free(struct pn_labels *w, struct pn_label_set *set)
{
	for (uint32_t i = 0; i < set->n_labels; i++) {
		struct label *l = set->members[i].label;

		if (l) {
			list_remove(&set->members[i].link);
			l->n_members--;
			label_put(w, l);
		}
		pn_intern_unref(set->labels[i].key);
		pn_intern_unref(set->labels[i].value);
	}
	free(set->bits);
	free(set->members);
	free(set);
}

/* @labels are interned, and their references become the set's, also without memory. */
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
		m->label = label_get(w, labels[i].key, labels[i].value);
		if (!m->label) {
			set_free(w, set);
			return NULL;
		}
		list_add(&m->label->members, &m->link);
		m->label->n_members++;
	}
	return set;
}

static void find_selectors(struct pn_labels *w, struct pn_label_set *set)
{
	struct link *l;

	for (uint32_t i = 0; i < set->n_labels; i++) {
		struct link *head = &set->members[i].label->anchors;

		for (l = head->next; l != head; l = l->next) {
			const struct pn_selector *s =
				PN_CONTAINER_OF(l, struct anchor, link)->selector;

			if (pn_selector_words_match(s->words, set))
				set_bit(set->bits, s->id, true);
		}
	}
	for (l = w->loose.next; l != &w->loose; l = l->next) {
		const struct pn_selector *s = PN_CONTAINER_OF(l, struct pn_selector, loose);

		if (pn_selector_words_match(s->words, set))
			set_bit(set->bits, s->id, true);
	}
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
	find_selectors(w, set);
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

/* --- selectors --- */

static int grow_bits(uint64_t **bits, size_t from, size_t to)
{
	uint64_t *more = reallocarray(*bits, to, sizeof(*more));

	if (!more)
		return -ENOMEM;
	memset(more + from, 0, (to - from) * sizeof(*more));
	*bits = more;
	return 0;
}

/* Half as many again; what has grown when memory ends is merely larger than it needs to be. */
static int more_ids(struct pn_labels *w)
{
	size_t n = w->n_words + w->n_words / 2 + 1;
	struct pn_label_set *set, *next;

	for (unsigned int i = 0; i < N_TABLES; i++)
		HASH_ITER (hh, w->sets[i], set, next)
			if (grow_bits(&set->bits, w->n_words, n) < 0)
				return -ENOMEM;
	if (grow_bits(&w->used_ids, w->n_words, n) < 0)
		return -ENOMEM;
	w->n_words = n;
	return 0;
}

static int take_id(struct pn_labels *w, uint32_t *ret)
{
	for (;;) {
		for (size_t i = 0; i < w->n_words; i++) {
			if (w->used_ids[i] == UINT64_MAX)
				continue;
			*ret = (uint32_t)(i * 64 + (size_t)__builtin_ctzll(~w->used_ids[i]));
			set_bit(w->used_ids, *ret, true);
			return 0;
		}
		if (more_ids(w) < 0)
			return -ENOMEM;
	}
}

static size_t count_members(const struct pn_labels *w, const struct pn_requirement *q)
{
	size_t n = 0;

	for (uint32_t i = 0; i < q->n_values; i++) {
		struct pn_label name = { q->key, q->values[i] };
		const struct label *l = label_find(w, &name, hash_of(&name, sizeof(name)));

		n += l ? l->n_members : 0;
	}
	return n;
}

/* The requirement whose labels the fewest sets have. Return: false if none wants a label */
static bool best_anchor(const struct pn_labels *w, const struct pn_selector *s,
			struct pn_requirement *ret)
{
	size_t fewest = SIZE_MAX;
	struct pn_requirement q;

	for (uint32_t i = 0; pn_selector_part(s, i, &q); i++) {
		size_t n = q.op == PN_SELECTOR_IN ? count_members(w, &q) : SIZE_MAX;

		if (n < fewest) {
			fewest = n;
			*ret = q;
		}
	}
	return fewest != SIZE_MAX;
}

static void lift_anchors(struct pn_labels *w, struct pn_selector *s)
{
	for (uint32_t i = 0; i < s->n_anchors; i++) {
		struct anchor *a = &s->anchors[i];

		list_remove(&a->link);
		a->label->n_anchors--;
		label_put(w, a->label);
	}
	if (!s->anchors)
		list_remove(&s->loose);
	free(s->anchors);
}

/* A value that is written twice must not be an anchor twice. */
static bool is_first(const struct pn_requirement *q, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (q->values[k] == q->values[i])
			return false;
	return true;
}

static int drop_anchor(struct pn_labels *w, struct pn_selector *s)
{
	struct pn_requirement q;

	if (!best_anchor(w, s, &q)) {
		list_add(&w->loose, &s->loose);
		return 0;
	}
	s->anchors = calloc(q.n_values + 1, sizeof(*s->anchors));
	if (!s->anchors)
		return -ENOMEM;
	for (uint32_t i = 0; i < q.n_values; i++) {
		struct anchor *a = &s->anchors[s->n_anchors];

		if (!is_first(&q, i))
			continue;
		a->selector = s;
		a->label = label_get(w, q.key, q.values[i]);
		if (!a->label) {
			lift_anchors(w, s);
			return -ENOMEM;
		}
		list_add(&a->label->anchors, &a->link);
		a->label->n_anchors++;
		s->n_anchors++;
	}
	return 0;
}

/* Sets that may match: those with a label it is anchored to, or all. */
static void for_each_candidate(struct pn_labels *w, const struct pn_selector *s,
			       void (*fn)(const struct pn_selector *s, struct pn_label_set *set))
{
	struct pn_label_set *set, *next;

	for (uint32_t i = 0; i < s->n_anchors; i++) {
		struct link *head = &s->anchors[i].label->members;

		for (struct link *l = head->next; l != head; l = l->next)
			fn(s, PN_CONTAINER_OF(l, struct pn_label_member, link)->set);
	}
	if (s->anchors)
		return;
	for (unsigned int i = 0; i < N_TABLES; i++)
		HASH_ITER (hh, w->sets[i], set, next)
			fn(s, set);
}

static void mark(const struct pn_selector *s, struct pn_label_set *set)
{
	if (pn_selector_words_match(s->words, set))
		set_bit(set->bits, s->id, true);
}

static void unmark(const struct pn_selector *s, struct pn_label_set *set)
{
	set_bit(set->bits, s->id, false);
}

static size_t key_bytes(const struct pn_selector_words *words)
{
	return words->n * sizeof(words->words[0]);
}

/* Its number, its place in the table and its anchors, or nothing of it. */
static int admit(struct pn_labels *w, struct pn_selector *s)
{
	if (take_id(w, &s->id) < 0)
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh, w->selectors, s->words->words, key_bytes(s->words), s);
	if (s->hh.tbl) {
		if (drop_anchor(w, s) == 0)
			return 0;
		HASH_DEL(w->selectors, s);
	}
	set_bit(w->used_ids, s->id, false);
	return -ENOMEM;
}

/* Takes @words over on success. */
static int add_selector(struct pn_labels *w, struct pn_selector_words *words,
			struct pn_selector **ret)
{
	struct pn_selector *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->words = words;
	s->n_refs = 1;
	if (admit(w, s) < 0) {
		free(s);
		return -ENOMEM;
	}
	for_each_candidate(w, s, mark);
	*ret = s;
	return 0;
}

int pn_selector_get(struct pn_labels *w, const struct pn_label_selector *like,
		    struct pn_selector **ret)
{
	struct pn_selector_words *words = pn_selector_words_new(like);
	struct pn_selector *known;
	int r;

	if (!words)
		return -ENOMEM;
	HASH_FIND(hh, w->selectors, words->words, key_bytes(words), known);
	if (known) {
		pn_selector_words_free(words);
		known->n_refs++;
		*ret = known;
		return 0;
	}
	r = add_selector(w, words, ret);
	if (r < 0)
		pn_selector_words_free(words);
	return r;
}

void pn_selector_put(struct pn_labels *w, struct pn_selector *s)
{
	if (!s || --s->n_refs)
		return;
	for_each_candidate(w, s, unmark);
	lift_anchors(w, s);
	HASH_DEL(w->selectors, s);
	set_bit(w->used_ids, s->id, false);
	pn_selector_words_free(s->words);
	free(s);
}

uint32_t pn_selector_id(const struct pn_selector *s)
{
	return s->id;
}

bool pn_selector_part(const struct pn_selector *s, uint32_t i, struct pn_requirement *ret)
{
	return pn_selector_words_part(s->words, i, ret);
}
