/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A selector as words, which selectors.c finds it by and holds against sets: for each requirement its
 * key, operator, number of values and values. Strings are interned, so equal selectors are equal
 * words, and a label is compared by its pointer.
 */
#include "policy/selector_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "policy/labels.h"

enum { WORD_KEY, WORD_OP, WORD_N_VALUES, WORD_VALUES };

static size_t count_words(const struct pn_label_selector *s)
{
	size_t n = (size_t)s->n_labels * (WORD_VALUES + 1);

	for (uint32_t i = 0; i < s->n_requirements; i++)
		n += WORD_VALUES + (size_t)s->requirements[i].n_values;
	return n;
}

/* A word that is a string; without memory the selector gets 0 there. */
static uintptr_t word(const char *text)
{
	return (uintptr_t)pn_intern(text, strlen(text));
}

static uintptr_t *put_requirement(uintptr_t *q, const char *key, enum pn_selector_op op,
				  const char *const *values, uint32_t n_values)
{
	q[WORD_KEY] = word(key);
	q[WORD_OP] = op;
	q[WORD_N_VALUES] = n_values;
	for (uint32_t i = 0; i < n_values; i++)
		q[WORD_VALUES + i] = word(values[i]);
	return q + WORD_VALUES + n_values;
}

static void for_each_string(const struct pn_selector_words *s,
			    void (*fn)(const char *text, void *data), void *data)
{
	const uintptr_t *q = s->words, *end = q + s->n;

	for (; q < end; q += WORD_VALUES + q[WORD_N_VALUES]) {
		fn((const char *)q[WORD_KEY], data);
		for (size_t i = 0; i < q[WORD_N_VALUES]; i++)
			fn((const char *)q[WORD_VALUES + i], data);
	}
}

static void note_missing(const char *text, void *data)
{
	bool *is_missing = data;

	*is_missing |= !text;
}

static void unref_string(const char *text, void *data)
{
	(void)data;
	pn_intern_unref(text);
}

void pn_selector_words_free(struct pn_selector_words *s)
{
	for_each_string(s, unref_string, NULL);
	free(s);
}

struct pn_selector_words *pn_selector_words_new(const struct pn_label_selector *like)
{
	size_t n = count_words(like);
	struct pn_selector_words *s = calloc(1, sizeof(*s) + (n + 1) * sizeof(s->words[0]));
	bool is_missing = false;
	uintptr_t *q;

	if (!s)
		return NULL;
	q = s->words;
	s->n = n;
	for (uint32_t i = 0; i < like->n_labels; i++)
		q = put_requirement(q, like->labels[i].key, PN_SELECTOR_IN, &like->labels[i].value,
				    1);
	for (uint32_t i = 0; i < like->n_requirements; i++) {
		const struct pn_label_requirement *from = &like->requirements[i];

		q = put_requirement(q, from->key, from->op, from->values, from->n_values);
	}
	for_each_string(s, note_missing, &is_missing);
	if (!is_missing)
		return s;
	pn_selector_words_free(s);
	return NULL;
}

/* --- what they say --- */

static const char *value_of(const struct pn_label_set *set, const char *interned_key)
{
	for (uint32_t i = 0; i < set->n_labels; i++)
		if (set->labels[i].key == interned_key)
			return set->labels[i].value;
	return NULL;
}

static bool is_among(const char *value, const char *const *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (value == values[i])
			return true;
	return false;
}

static struct pn_requirement read_words(const uintptr_t *q)
{
	return (struct pn_requirement) {
		.key = (const char *)q[WORD_KEY],
		.op = (enum pn_selector_op)q[WORD_OP],
		.n_values = (uint32_t)q[WORD_N_VALUES],
		.values = (const char *const *)(q + WORD_VALUES),
	};
}

bool pn_requirement_holds(const struct pn_requirement *q, const struct pn_label_set *set)
{
	const char *value = value_of(set, q->key);

	switch (q->op) {
	case PN_SELECTOR_IN:
		return value && is_among(value, q->values, q->n_values);
	case PN_SELECTOR_NOT_IN:
		return !value || !is_among(value, q->values, q->n_values);
	case PN_SELECTOR_EXISTS:
		return value;
	case PN_SELECTOR_DOES_NOT_EXIST:
		return !value;
	default:
		return false;
	}
}

bool pn_selector_words_match(const struct pn_selector_words *s, const struct pn_label_set *set)
{
	const uintptr_t *q = s->words, *end = q + s->n;

	for (; q < end; q += WORD_VALUES + q[WORD_N_VALUES]) {
		struct pn_requirement part = read_words(q);

		if (!pn_requirement_holds(&part, set))
			return false;
	}
	return true;
}

bool pn_selector_words_part(const struct pn_selector_words *s, uint32_t i,
			    struct pn_requirement *ret)
{
	const uintptr_t *q = s->words, *end = q + s->n;

	for (; i && q < end; i--)
		q += WORD_VALUES + q[WORD_N_VALUES];
	if (q >= end)
		return false;
	*ret = read_words(q);
	return true;
}
