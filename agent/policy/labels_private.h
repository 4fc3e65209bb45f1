/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_LABELS_PRIVATE_H
#define PN_POLICY_LABELS_PRIVATE_H

#include "policy/labels.h"

/*
 * Between the two files of a world of labels: labels.c has labels and sets, selectors.c the selectors and
 * how sets and selectors find each other.
 */

/* Only the links of a list; the head is one too. */
struct pn_link {
	struct pn_link *next, *prev;
};

static inline void pn_link_init(struct pn_link *head)
{
	head->next = head->prev = head;
}

static inline void pn_link_add(struct pn_link *head, struct pn_link *l)
{
	l->next = head;
	l->prev = head->prev;
	head->prev->next = l;
	head->prev = l;
}

static inline void pn_link_remove(struct pn_link *l)
{
	l->next->prev = l->prev;
	l->prev->next = l->next;
}

/**
 * struct pn_shared_label - one that a set has or a selector is anchored to
 * @name:    the key, as pointers to interned strings
 * @members: of struct pn_label_member; @anchors: of struct pn_selector_anchor
 */
struct pn_shared_label {
	UT_hash_handle hh;
	struct pn_label name;
	uint32_t n_members, n_anchors;
	struct pn_link members, anchors;
};

/** struct pn_label_member - a label of one set */
struct pn_label_member {
	struct pn_link link;
	struct pn_shared_label *label;
	struct pn_label_set *set;
};

/** struct pn_selector - found by its words, all of them together; @loose: in the list of those without an anchor */
struct pn_selector {
	UT_hash_handle hh;
	uint32_t id, n_refs;
	uint32_t n_anchors;
	struct pn_selector_anchor *anchors;
	struct pn_link loose;
	struct pn_selector_words *words;
};

/*
 * A table grows all at once, with every entry that it has, so there are many of them: which one is in
 * the hash's highest bits. Selectors come with policies, which are few.
 */
enum { PN_LABELS_TABLE_BITS = 5, PN_LABELS_N_TABLES = 1 << PN_LABELS_TABLE_BITS };

/** struct pn_labels - @n_words: of the bits of each set, and of @used_ids */
struct pn_labels {
	struct pn_label_set *sets[PN_LABELS_N_TABLES];
	struct pn_selector *selectors;
	struct pn_shared_label *labels[PN_LABELS_N_TABLES];
	struct pn_link loose;
	uint64_t *used_ids;
	size_t n_words;
};

/** pn_shared_label_find() - @name: interned. Return: NULL if nobody has it */
struct pn_shared_label *pn_shared_label_find(const struct pn_labels *w,
					     const struct pn_label *name);

/** pn_shared_label_get() - @name: interned. Return: one that has to be put when nobody has it after all; NULL without memory */
struct pn_shared_label *pn_shared_label_get(struct pn_labels *w, const struct pn_label *name);

/** pn_shared_label_put() - frees it if no set and no selector has it */
void pn_shared_label_put(struct pn_labels *w, struct pn_shared_label *l);

/** pn_selectors_match() - sets the bits of a new set */
void pn_selectors_match(const struct pn_labels *w, struct pn_label_set *set);

#endif
