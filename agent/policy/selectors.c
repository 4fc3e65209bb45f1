/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selectors against sets of labels, worked out when either comes, so that a verdict only looks at
 * bits. So that neither needs to be held against all of the other, a selector that wants a label has
 * it as its anchor: it is found from the label, and so are the sets that carry it. What wants no
 * label (NotIn, Exists, an empty selector) is held against every set; of those there are few.
 */
#include <errno.h>

#include "base/util.h"
#include "policy/labels_private.h"

/* A selector's place at a label. */
struct pn_selector_anchor {
	struct pn_link link;
	struct pn_shared_label *label;
	struct pn_selector *selector;
};

static void set_bit(uint64_t *bits, uint32_t id, bool value)
{
	uint64_t bit = (uint64_t)1 << id % 64;

	bits[id / 64] = value ? bits[id / 64] | bit : bits[id / 64] & ~bit;
}

/* --- numbers --- */

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

	for (unsigned int i = 0; i < PN_LABELS_N_TABLES; i++)
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

/* --- anchors --- */

static size_t count_members(const struct pn_labels *w, const struct pn_requirement *q)
{
	size_t n = 0;

	for (uint32_t i = 0; i < q->n_values; i++) {
		struct pn_label name = { q->key, q->values[i] };
		const struct pn_shared_label *l = pn_shared_label_find(w, &name);

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
		struct pn_selector_anchor *a = &s->anchors[i];

		pn_link_remove(&a->link);
		a->label->n_anchors--;
		pn_shared_label_put(w, a->label);
	}
	if (!s->anchors)
		pn_link_remove(&s->loose);
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
		pn_link_add(&w->loose, &s->loose);
		return 0;
	}
	s->anchors = calloc(q.n_values + 1, sizeof(*s->anchors));
	if (!s->anchors)
		return -ENOMEM;
	for (uint32_t i = 0; i < q.n_values; i++) {
		struct pn_selector_anchor *a = &s->anchors[s->n_anchors];

		if (!is_first(&q, i))
			continue;
		a->selector = s;
		a->label = pn_shared_label_get(w, &(struct pn_label) { q.key, q.values[i] });
		if (!a->label) {
			lift_anchors(w, s);
			return -ENOMEM;
		}
		pn_link_add(&a->label->anchors, &a->link);
		a->label->n_anchors++;
		s->n_anchors++;
	}
	return 0;
}

/* --- who matches whom --- */

static void mark(const struct pn_selector *s, struct pn_label_set *set)
{
	if (pn_selector_words_match(s->words, set))
		set_bit(set->bits, s->id, true);
}

static void unmark(const struct pn_selector *s, struct pn_label_set *set)
{
	set_bit(set->bits, s->id, false);
}

void pn_selectors_match(const struct pn_labels *w, struct pn_label_set *set)
{
	struct pn_link *l;

	for (uint32_t i = 0; i < set->n_labels; i++) {
		struct pn_link *head = &set->members[i].label->anchors;

		for (l = head->next; l != head; l = l->next)
			mark(PN_CONTAINER_OF(l, struct pn_selector_anchor, link)->selector, set);
	}
	for (l = w->loose.next; l != &w->loose; l = l->next)
		mark(PN_CONTAINER_OF(l, struct pn_selector, loose), set);
}

/* Sets that may match: those with a label it is anchored to, or all. */
static void for_each_candidate(struct pn_labels *w, const struct pn_selector *s,
			       void (*fn)(const struct pn_selector *s, struct pn_label_set *set))
{
	struct pn_label_set *set, *next;

	for (uint32_t i = 0; i < s->n_anchors; i++) {
		struct pn_link *head = &s->anchors[i].label->members;

		for (struct pn_link *l = head->next; l != head; l = l->next)
			fn(s, PN_CONTAINER_OF(l, struct pn_label_member, link)->set);
	}
	if (s->anchors)
		return;
	for (unsigned int i = 0; i < PN_LABELS_N_TABLES; i++)
		HASH_ITER (hh, w->sets[i], set, next)
			fn(s, set);
}

/* --- selectors --- */

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
