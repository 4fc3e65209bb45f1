/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records somebody wants: the words of `podonym flows` compiled into terms. Made by the command
 * to check them and by the agent from a request; matched on the flow thread, before a record is
 * encoded for whoever asked.
 *
 * A filter is a row of the table below: what it compares (filter_terms.c), on which ends. Terms stand in
 * the order of the rows, so those of one row are neighbours (one of them is enough), and what is compared
 * quickly comes before names.
 */
#include "flow/filter_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

enum { SOURCE = 1, DESTINATION = 2, EITHER = 3 };

struct row {
	const char *name;
	unsigned int ends;
	const struct pn_filter_sort *sort;
};

#define EACH_END(name, sort)                                    \
	{ name, EITHER, sort }, { "from-" name, SOURCE, sort }, \
	{                                                       \
		"to-" name, DESTINATION, sort                   \
	}

static const struct row rows[] = {
	{ "id", SOURCE, &pn_filter_id },
	{ "protocol", SOURCE, &pn_filter_protocol },
	{ "verdict", SOURCE, &pn_filter_verdict },
	{ "drop-reason", SOURCE, &pn_filter_drop_reason },
	{ "attribution", EITHER, &pn_filter_attribution },
	EACH_END("port", &pn_filter_port),
	EACH_END("ip", &pn_filter_ip),
	EACH_END("cidr", &pn_filter_cidr),
	EACH_END("namespace", &pn_filter_namespace),
	EACH_END("pod", &pn_filter_pod),
	EACH_END("workload", &pn_filter_workload),
	{ "service", EITHER, &pn_filter_service },
	{ "node", EITHER, &pn_filter_node },
	EACH_END("label", &pn_filter_label),
};

int pn_filter_new(struct pn_filter **ret)
{
	struct pn_filter *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*ret = f;
	return 0;
}

static void free_term(struct pn_filter_term *t)
{
	if (rows[t->row].sort->done)
		rows[t->row].sort->done(t);
}

void pn_filter_free(struct pn_filter *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++)
		free_term(&f->terms[i]);
	free(f);
}

void pn_filter_freep(struct pn_filter **f)
{
	pn_filter_free(*f);
}

static int find_row(const char *name, unsigned int *ret, struct pn_err *reterr)
{
	const char *names[PN_ARRAY_SIZE(rows)], *near;

	for (unsigned int i = 0; i < PN_ARRAY_SIZE(rows); i++) {
		names[i] = rows[i].name;
		if (strcmp(name, names[i]) != 0)
			continue;
		*ret = i;
		return 0;
	}
	near = pn_nearest(name, names, PN_ARRAY_SIZE(rows));
	return pn_err_set(reterr, -ENOENT, "there is no filter \"%.64s\"%s", name,
			  pn_meant(near, "\"", "\"").text);
}

/* Terms of one row and sign are a group. */
static bool is_same_group(const struct pn_filter_term *a, const struct pn_filter_term *b)
{
	return a->row == b->row && a->negate == b->negate;
}

static void insert(struct pn_filter *f, const struct pn_filter_term *t)
{
	size_t i = f->n++;

	for (; i && (f->terms[i - 1].row > t->row ||
		     (f->terms[i - 1].row == t->row && f->terms[i - 1].negate > t->negate));
	     i--)
		f->terms[i] = f->terms[i - 1];
	f->terms[i] = *t;
}

static void find_namespaces(struct pn_filter *f)
{
	f->n_name_spaces = 0;
	for (size_t i = f->n; i-- > 0;) {
		const struct pn_filter_term *t = &f->terms[i];

		if (rows[t->row].sort != &pn_filter_namespace || rows[t->row].ends != EITHER ||
		    t->negate)
			continue;
		f->name_spaces = t;
		f->n_name_spaces++;
	}
}

int pn_filter_add(struct pn_filter *f, const char *name, bool negate, const char *value,
		  struct pn_err *reterr)
{
	struct pn_filter_term t = { .negate = negate };
	int r = find_row(name, &t.row, reterr);

	if (r < 0)
		return r;
	if (f->n == PN_FILTER_MAX)
		return pn_err_set(reterr, -E2BIG, "there can be %d filters at most", PN_FILTER_MAX);
	if (strlen(value) > PN_FILTER_VALUE_MAX)
		return pn_err_set(reterr, -EINVAL, "\"%.64s...\" is longer than %d bytes", value,
				  PN_FILTER_VALUE_MAX);
	r = rows[t.row].sort->parse(value, &t, reterr);
	if (r < 0) {
		free_term(&t);
		return r == -ENOMEM ? pn_err_set(reterr, r, "out of memory") : r;
	}
	insert(f, &t);
	find_namespaces(f);
	return 0;
}

int pn_filter_owner_sets(const struct pn_filter *f, int (*fn)(void *data, struct pn_owner_set *set),
			 void *data)
{
	int r = 0;

	for (size_t i = 0; f && r >= 0 && i < f->n; i++) {
		if (rows[f->terms[i].row].sort == &pn_filter_label)
			r = fn(data, f->terms[i].owners);
	}
	return r;
}

static bool match_term(const struct pn_filter *f, const struct pn_filter_term *t,
		       const struct pn_flow_record *r)
{
	const struct row *row = &rows[t->row];

	return (row->ends & SOURCE && row->sort->match(f, t, r, &r->source)) ||
	       (row->ends & DESTINATION && row->sort->match(f, t, r, &r->destination));
}

bool pn_filter_match(const struct pn_filter *f, const struct pn_flow_record *r)
{
	const struct pn_filter_term *t = f ? f->terms : NULL, *end = f ? t + f->n : NULL;

	while (t < end) {
		const struct pn_filter_term *group = t;
		bool any = false;

		for (; t < end && is_same_group(t, group); t++)
			any = any || match_term(f, t, r);
		if (any == group->negate)
			return false;
	}
	return true;
}
