// SPDX-License-Identifier: Apache-2.0
/*
 * Selectors of labels as users write them, for flow/filter_terms.c, which checks them, for daemon/labelled.c,
 * which holds them against pods and Services, and for daemon/selection.c, which does both. Parsed as a whole or
 * refused as a whole, by the rules of
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 *
 * A requirement has one key and at most one value more than it has commas, so what a text needs at most is
 * known before it is read: all of it is one block.
 */
#include "base/label_selector.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define WORD_MARKS "-_./"

enum {
	KEY_MAX = 253 + 1 + 63, /* a domain, a slash, a name */
	VALUE_MAX = 63,
};

/* @pool: room for the words that are still to come, each with its NUL */
struct parser {
	const char *text, *at;
	char *pool;
	const char **values; /* the next free one */
	struct pn_err *err;
};

/* --- words --- */

static void skip_blanks(struct parser *p)
{
	p->at += strspn(p->at, " \t\r\n");
}

static int bad(const struct parser *p, const char *why)
{
	return pn_err_set(p->err, -EINVAL,
			  "\"%.64s\": %s; write app=web, app!=web, app in (web,api), app notin "
			  "(web), app or !app, with commas between them",
			  p->text, why);
}

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr(WORD_MARKS, c));
}

/* Return: in the pool; "" where there is none; NULL: too long */
static const char *take_word(struct parser *p, size_t max)
{
	char *word = p->pool;
	size_t len = 0;

	skip_blanks(p);
	while (is_of_word(p->at[len]))
		len++;
	if (len > max)
		return NULL;
	memcpy(word, p->at, len);
	word[len] = '\0';
	p->pool += len + 1;
	p->at += len;
	skip_blanks(p);
	return word;
}

static bool take(struct parser *p, const char *symbol)
{
	size_t len = strlen(symbol);

	if (strncmp(p->at, symbol, len) != 0)
		return false;
	p->at += len;
	return true;
}

/* --- requirements --- */

static int take_value(struct parser *p, struct pn_label_requirement *q)
{
	const char *value = take_word(p, VALUE_MAX);

	if (!value || strchr(value, '/'))
		return bad(p, "a value has at most 63 letters, digits, -, _ and .");
	*p->values++ = value;
	q->n_values++;
	return 0;
}

static int take_set(struct parser *p, struct pn_label_requirement *q)
{
	int r;

	if (!take(p, "("))
		return bad(p, "\"in\" and \"notin\" stand before values in brackets");
	do {
		r = take_value(p, q);
	} while (r == 0 && take(p, ","));
	if (r == 0 && !take(p, ")"))
		return bad(p, "a bracket is missing behind the values");
	skip_blanks(p);
	return r;
}

/* What stands behind the key. */
static int take_rest(struct parser *p, struct pn_label_requirement *q)
{
	if (take(p, "!=")) {
		q->op = PN_SELECTOR_NOT_IN;
		return take_value(p, q);
	}
	if (take(p, "==") || take(p, "=")) {
		q->op = PN_SELECTOR_IN;
		return take_value(p, q);
	}
	q->op = PN_SELECTOR_EXISTS;
	if (!*p->at || *p->at == ',')
		return 0;
	if (take(p, "notin"))
		q->op = PN_SELECTOR_NOT_IN;
	else if (take(p, "in"))
		q->op = PN_SELECTOR_IN;
	else
		return bad(p, "that is no selector of labels");
	skip_blanks(p);
	return take_set(p, q);
}

static int take_requirement(struct parser *p, struct pn_label_requirement *q)
{
	bool is_absent;
	int r;

	skip_blanks(p);
	is_absent = take(p, "!");
	q->values = p->values;
	q->key = take_word(p, KEY_MAX);
	if (!q->key || !*q->key)
		return bad(p, q->key ? "a key is missing" : "a key is too long");
	r = take_rest(p, q);
	if (r < 0 || !is_absent)
		return r;
	if (q->op != PN_SELECTOR_EXISTS)
		return bad(p, "\"!\" stands before a key alone");
	q->op = PN_SELECTOR_DOES_NOT_EXIST;
	return 0;
}

static size_t count_parts(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == ',';
	return n;
}

int pn_label_selector_parse(const char *text, struct pn_label_selector **ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) struct pn_label_selector *s = NULL;
	size_t max = count_parts(text), len = strlen(text);
	struct parser p = { .text = text, .at = text, .err = reterr };
	struct pn_label_requirement *q;

	if (len > PN_LABEL_SELECTOR_MAX)
		return pn_err_set(reterr, -EINVAL, "\"%.64s...\" is longer than %d bytes", text,
				  PN_LABEL_SELECTOR_MAX);
	/* There are as many keys at most as there may be values, and each word has a NUL. */
	s = calloc(1, sizeof(*s) + max * (sizeof(*q) + sizeof(*p.values) + 2) + len);
	if (!s)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	q = (struct pn_label_requirement *)(s + 1);
	p.values = (const char **)(q + max);
	p.pool = (char *)(p.values + max);
	s->requirements = q;
	do {
		int r = take_requirement(&p, &q[s->n_requirements++]);

		if (r < 0)
			return r;
	} while (take(&p, ","));
	if (*p.at)
		return bad(&p, "that is no selector of labels");
	*ret = PN_TAKE_PTR(s);
	return 0;
}

/* --- matching --- */

static const char *value_of(const struct pn_label *labels, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(labels[i].key, key) == 0)
			return labels[i].value;
	return NULL;
}

static bool holds(const struct pn_label_requirement *q, const char *value)
{
	bool is_among = q->op == PN_SELECTOR_EXISTS || q->op == PN_SELECTOR_DOES_NOT_EXIST;
	bool is_wanted = q->op == PN_SELECTOR_EXISTS || q->op == PN_SELECTOR_IN;

	for (uint32_t i = 0; value && i < q->n_values; i++)
		is_among = is_among || strcmp(value, q->values[i]) == 0;
	return (value && is_among) == is_wanted;
}

bool pn_label_selector_matches(const struct pn_label_selector *s, const struct pn_label *labels,
			       size_t n_labels)
{
	for (uint32_t i = 0; i < s->n_requirements; i++) {
		const struct pn_label_requirement *q = &s->requirements[i];

		if (!holds(q, value_of(labels, n_labels, q->key)))
			return false;
	}
	return true;
}
