/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_LABELS_H
#define PN_POLICY_LABELS_H

#include <stdbool.h>

#include <podonym/objects.h>

#include "policy/selector_words.h"
#include "policy/table.h"

/*
 * Which selectors match which sets of labels, known at any time without looking: each set has a bit
 * for each selector. Equal sets are one, and equal selectors are one, whoever has them: the pods of
 * a Deployment share a set, and policies that say app=web share a selector.
 *
 * Pods, namespaces and nodes have a world each. Strings are interned; two that are equal are the
 * same pointer.
 */
struct pn_labels;
struct pn_label_member;

/** struct pn_label_set - the labels of one or more objects, in the order of their keys; counted */
struct pn_label_set {
	UT_hash_handle hh;
	uint64_t *bits; /* by a selector's id */
	uint32_t n_refs, n_labels;
	struct pn_label_member *members;
	struct pn_label labels[];
};

/** struct pn_selector - one or more selectors that say the same; counted */
struct pn_selector;

int pn_labels_new(struct pn_labels **ret);

/** pn_labels_free() - every set and selector has been given back; NULL is allowed */
void pn_labels_free(struct pn_labels *w);

/**
 * pn_label_set_get() - the set of these labels, with one more reference
 * @labels: in the order of their keys, each key once; of any strings
 *
 * Return: 0 or -ENOMEM
 */
int pn_label_set_get(struct pn_labels *w, const struct pn_label *labels, uint32_t n,
		     struct pn_label_set **ret);
void pn_label_set_put(struct pn_labels *w, struct pn_label_set *set);

/** pn_selector_get() - Return: 0 or -ENOMEM */
int pn_selector_get(struct pn_labels *w, const struct pn_label_selector *like,
		    struct pn_selector **ret);
void pn_selector_put(struct pn_labels *w, struct pn_selector *s);

/** pn_selector_id() - the number of its bit */
uint32_t pn_selector_id(const struct pn_selector *s);

/** pn_label_set_has() - does the selector with this number match? */
static inline bool pn_label_set_has(const struct pn_label_set *set, uint32_t id)
{
	return set->bits[id / 64] >> (id % 64) & 1;
}

/** pn_selector_part() - the @i-th requirement; matchLabels are In with one value. Return: false behind the last */
bool pn_selector_part(const struct pn_selector *s, uint32_t i, struct pn_requirement *ret);

/** pn_label_set_value() - @key may be any string. Return: NULL if there is no such label */
const char *pn_label_set_value(const struct pn_label_set *set, const char *key);

/** pn_labels_count() - how many different sets and selectors there are */
void pn_labels_count(const struct pn_labels *w, size_t *ret_sets, size_t *ret_selectors);

#endif
