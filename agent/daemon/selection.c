// SPDX-License-Identifier: Apache-2.0
/*
 * Selections as users write them, from the command line and the socket: parsed as a whole or refused
 * as a whole. The words of a copy of the text become the strings of the terms. Labels are read by
 * base/label_selector.h, as those of `podonym flows --label` are.
 */
#include "base/cidr.h"
#include "base/label_selector.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/protocol.h"
#include "daemon/selection.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"

enum { MAX_SHOWN = 60 }; /* of a term in a message */

struct parser {
	struct pn_expression *e;
	char term[MAX_SHOWN + 4]; /* the word as it was written, for messages */
	size_t n_ports;
	struct pn_err *err;
};

static const char *const sorts[] = {
	[PN_SELECT_NAMESPACE] = "namespace", [PN_SELECT_LABEL] = "label",
	[PN_SELECT_CIDR] = "cidr",	     [PN_SELECT_PORT] = "port",
	[PN_SELECT_PROTOCOL] = "protocol",   [PN_SELECT_DROPS] = "drops",
};
_Static_assert(PN_ARRAY_SIZE(sorts) == PN_SELECT_SORT_MAX, "a name for each sort");

static int add(struct parser *p, const struct pn_select_term *t)
{
	struct pn_selection *s = &p->e->selection;

	if (s->n_terms == PN_SELECT_MAX_TERMS)
		return pn_err_set(p->err, -EINVAL, "%s: more than %d values in one selection",
				  p->term, PN_SELECT_MAX_TERMS);
	p->e->terms[s->n_terms] = *t;
	p->e->terms[s->n_terms++].rule = (uint8_t)(s->n_rules - 1);
	return 0;
}

/* --- one value of each sort --------------------------------------------------------------------- */

static bool consists_of(const char *text, size_t max, const char *others)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i]))
			return false;
	return len <= max;
}

static int parse_namespace(struct parser *p, char *value, struct pn_select_term *t)
{
	if (!consists_of(value, 63, "-"))
		return pn_err_set(
			p->err, -EINVAL,
			"%s: \"%.60s\" is not the name of a namespace, such as namespace=shop",
			p->term, value);
	t->name = value;
	return add(p, t);
}

static int parse_labels(struct parser *p, char *selector, struct pn_select_term *t)
{
	int r = pn_label_selector_parse(selector, &t->labels, p->err);

	if (r < 0)
		return pn_err_wrap(p->err, r, "%s", p->term);
	r = add(p, t);
	if (r < 0)
		free(t->labels);
	return r;
}

static int parse_cidr(struct parser *p, char *value, struct pn_select_term *t)
{
	if (pn_cidr_parse_any(value, &t->cidr) < 0)
		return pn_err_set(
			p->err, -EINVAL,
			"%s: \"%.60s\" is not a network, such as cidr=10.0.0.0/8, cidr=fd00::/8 "
			"or cidr=10.1.2.3",
			p->term, value);
	return add(p, t);
}

static int parse_port_number(const char *text, uint16_t *ret)
{
	uint64_t n;

	if (pn_number_parse(text, UINT16_MAX, &n) < 0 || !n)
		return -EINVAL;
	*ret = (uint16_t)n;
	return 0;
}

static int parse_port(struct parser *p, char *value, struct pn_select_term *t)
{
	char *dash = strchr(value, '-');
	int r;

	if (dash)
		*dash = '\0';
	r = parse_port_number(value, &t->first);
	if (r == 0)
		r = parse_port_number(dash ? dash + 1 : value, &t->last);
	if (dash)
		*dash = '-';
	if (r < 0 || t->first > t->last)
		return pn_err_set(
			p->err, -EINVAL,
			"%s: \"%.60s\" is not a port from 1 to 65535, nor a range of them, such as "
			"port=443 or port=8000-8100",
			p->term, value);
	p->n_ports += (size_t)t->last - t->first + 1;
	if (p->n_ports > PN_SELECT_MAX_PORTS)
		return pn_err_set(p->err, -EINVAL, "%s: more than %d ports in one selection",
				  p->term, PN_SELECT_MAX_PORTS);
	return add(p, t);
}

static int parse_protocol(struct parser *p, char *value, struct pn_select_term *t)
{
	uint8_t numbers[2];
	int r = pn_protocol_parse(value, numbers, p->err);

	if (r < 0)
		return pn_err_wrap(p->err, r, "%s", p->term);
	t->proto = numbers[0];
	r = add(p, t);
	t->proto = numbers[1];
	return r == 0 && numbers[1] != numbers[0] ? add(p, t) : r;
}

static int refuse_value(struct parser *p, char *value, struct pn_select_term *t)
{
	(void)value;
	(void)t;
	return pn_err_set(p->err, -EINVAL, "%s: write drops alone: it has no value", p->term);
}

/* --- terms and rules ---------------------------------------------------------------------------- */

/* A selector of labels may have blanks in it. Does it go on behind those that @word of it ends at? */
static bool goes_on(const char *word, const char *blanks)
{
	const char *next = blanks + strspn(blanks, BLANKS);
	size_t len = strcspn(next, BLANKS "(");

	return (blanks > word && strchr(",!", blanks[-1])) ||
	       (blanks > word && strspn(word, "!=") == (size_t)(blanks - word)) ||
	       (*next && strchr(",=(", *next)) || strncmp(next, "!=", 2) == 0 ||
	       (len == 2 && strncmp(next, "in", 2) == 0) ||
	       (len == 5 && strncmp(next, "notin", 5) == 0);
}

static bool is_in_brackets(const char *from, const char *at)
{
	while (at > from && *at != '(' && *at != ')')
		at--;
	return *at == '(';
}

static char *end_of(char *term)
{
	static const char label[] = "label=";
	char *end = term + strcspn(term, BLANKS), *word = term + strlen(label);

	if (strncmp(term, label, strlen(label)) != 0)
		return end;
	while (*end && (is_in_brackets(term, end) || goes_on(word, end))) {
		word = end + strspn(end, BLANKS);
		end = word + strcspn(word, BLANKS);
	}
	return end;
}

/* Return: the next term, or the word between rules; NULL: there is none */
static char *take_term(char **rest)
{
	char *term = *rest + strspn(*rest, BLANKS), *end = end_of(term);

	if (!*term)
		return NULL;
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return term;
}

static int parse_values(struct parser *p, enum pn_select_sort sort, char *values)
{
	static int (*const parse[])(struct parser *, char *, struct pn_select_term *) = {
		[PN_SELECT_NAMESPACE] = parse_namespace, [PN_SELECT_LABEL] = parse_labels,
		[PN_SELECT_CIDR] = parse_cidr,		 [PN_SELECT_PORT] = parse_port,
		[PN_SELECT_PROTOCOL] = parse_protocol,	 [PN_SELECT_DROPS] = refuse_value,
	};
	int r = 0;

	while (r == 0 && values) {
		struct pn_select_term t = { .sort = sort };
		/* a selector has commas of its own */
		char *value = sort == PN_SELECT_LABEL ? PN_TAKE_PTR(values) : strsep(&values, ",");

		if (!*value)
			return pn_err_set(p->err, -EINVAL,
					  "%s: a value is missing: write %s=VALUE, or "
					  "%s=VALUE,VALUE",
					  p->term, sorts[sort], sorts[sort]);
		r = parse[sort](p, value, &t);
	}
	return r;
}

static int parse_term(struct parser *p, char *word)
{
	char *equals = strchr(word, '=');
	const char *near;

	if (!equals && strcmp(word, sorts[PN_SELECT_DROPS]) == 0)
		return add(p, &(const struct pn_select_term) { .sort = PN_SELECT_DROPS });
	if (equals)
		*equals = '\0';
	for (int sort = 0; sort < PN_SELECT_SORT_MAX; sort++)
		if (equals && strcmp(word, sorts[sort]) == 0)
			return parse_values(p, (enum pn_select_sort)sort, equals + 1);
	near = equals ? pn_nearest(word, sorts, PN_SELECT_DROPS) : NULL;
	return pn_err_set(
		p->err, -EINVAL,
		"%s: not a term%s; there are namespace=, label=, cidr=, port=, protocol=, "
		"drops, and \"or\" between rules",
		p->term, pn_meant(near, "", "=").text);
}

static int begin_rule(struct parser *p)
{
	if (++p->e->selection.n_rules <= PN_SELECT_MAX_RULES)
		return 0;
	return pn_err_set(p->err, -EINVAL, "more than %d rules in one selection",
			  PN_SELECT_MAX_RULES);
}

static int parse_words(struct parser *p, char *rest)
{
	bool is_rule = false;
	char *word;
	int r = 0;

	while (r == 0 && (word = take_term(&rest))) {
		(void)snprintf(p->term, sizeof(p->term), "%.*s%s", MAX_SHOWN, word,
			       strlen(word) > MAX_SHOWN ? "..." : "");
		if (strcmp(word, "or") != 0) {
			if (!is_rule)
				r = begin_rule(p);
			is_rule = true;
			if (r == 0)
				r = parse_term(p, word);
		} else if (is_rule) {
			is_rule = false;
		} else {
			break;
		}
	}
	if (r == 0 && !is_rule && p->e->selection.n_rules)
		return pn_err_set(p->err, -EINVAL,
				  "\"or\" stands between two rules, as in port=80 or port=443");
	if (r == 0 && !is_rule && word)
		return pn_err_set(p->err, -EINVAL, "\"or\" has no rule before it");
	return r;
}

int pn_expression_parse(const char *text, struct pn_expression **ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_expression_freep) struct pn_expression *e = NULL;
	struct parser p = { .err = reterr };
	int r;

	if (strlen(text) >= PN_EXPRESSION_SIZE)
		return pn_err_set(reterr, -EINVAL, "the selection is longer than %d bytes",
				  PN_EXPRESSION_SIZE - 1);
	e = calloc(1, sizeof(*e));
	if (!e)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	(void)stpcpy(e->text, text);
	(void)stpcpy(e->words, text);
	e->selection.terms = e->terms;
	p.e = e;
	r = parse_words(&p, e->words);
	if (r < 0)
		return r;
	*ret = PN_TAKE_PTR(e);
	return 0;
}

void pn_expression_free(struct pn_expression *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->selection.n_terms; i++)
		free(e->terms[i].labels);
	free(e);
}

void pn_expression_freep(struct pn_expression **e)
{
	pn_expression_free(*e);
}

/* --- owners ------------------------------------------------------------------------------------- */

static bool has_labels(const struct pn_object *o, const struct pn_select_term *t)
{
	return o && pn_label_selector_matches(t->labels, o->labels, o->n_labels);
}

uint32_t pn_expression_owner(const struct pn_selection *s, const char *name_space,
			     const struct pn_object *o)
{
	uint32_t wants_namespace = pn_selection_rules(s, PN_SELECT_NAMESPACE);
	uint32_t rules = wants_namespace | pn_selection_rules(s, PN_SELECT_LABEL);
	uint32_t in_namespace = 0;

	for (size_t i = 0; i < s->n_terms; i++) {
		const struct pn_select_term *t = &s->terms[i];
		uint32_t bit = 1u << t->rule;

		if (t->sort == PN_SELECT_NAMESPACE && strcmp(t->name, name_space) == 0)
			in_namespace |= bit;
		else if (t->sort == PN_SELECT_LABEL && !has_labels(o, t))
			rules &= ~bit;
	}
	return rules & (~wants_namespace | in_namespace);
}
