/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_SELECTOR_WORDS_H
#define PN_POLICY_SELECTOR_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include <podonym/objects.h>

/* A selector of labels as words that can be compared, and what they say of a set of labels. */

struct pn_label_set;

/** struct pn_requirement - a part of a selector; Exists and DoesNotExist have no values */
struct pn_requirement {
	const char *key;
	enum pn_selector_op op;
	uint32_t n_values;
	const char *const *values;
};

/** pn_requirement_holds() - for these labels, looked at anew; its strings are interned */
bool pn_requirement_holds(const struct pn_requirement *q, const struct pn_label_set *set);

/** struct pn_selector_words - equal words: the selectors say the same in the same order */
struct pn_selector_words {
	size_t n;
	uintptr_t words[];
};

/** pn_selector_words_new() - Return: NULL without memory */
struct pn_selector_words *pn_selector_words_new(const struct pn_label_selector *like);
void pn_selector_words_free(struct pn_selector_words *s);

/** pn_selector_words_part() - the @i-th requirement; matchLabels are In with one value. Return: false behind the last */
bool pn_selector_words_part(const struct pn_selector_words *s, uint32_t i,
			    struct pn_requirement *ret);

/** pn_selector_words_match() - do all requirements hold? */
bool pn_selector_words_match(const struct pn_selector_words *s, const struct pn_label_set *set);

#endif
