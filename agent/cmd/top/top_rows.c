/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of `podonym top` as it is shown: rates of this moment, sorted. The arrays are the table's and
 * made anew each time, once or twice a second.
 */
#include <errno.h>
#include <string.h>

#include "cmd/top/top_private.h"

static void fill_row(const struct pn_top *t, const struct top_pair *p, pn_nsec now,
		     struct pn_top_row *ret)
{
	*ret = (struct pn_top_row) {
		.id = p->id,
		.source = p->source,
		.destination = p->destination,
		.protocol = p->protocol,
		.port = p->port,
		.n_connections = p->n_open,
		.rtt_us = p->rtt_us,
		.last = p->last,
	};
	memcpy(ret->sums, p->sums, sizeof(ret->sums));
	memcpy(ret->reasons, p->reasons, sizeof(ret->reasons));
	pn_top_window_rates(&p->window, &t->span, now, ret->rates);
}

static void fill_lot(const struct pn_top *t, const struct top_lot *l, pn_nsec now,
		     struct pn_top_row *ret)
{
	*ret = (struct pn_top_row) {
		.source = "",
		.destination = "",
		.protocol = "",
		.last = l->last,
	};
	memcpy(ret->sums, l->sums, sizeof(ret->sums));
	pn_top_window_rates(&l->window, &t->span, now, ret->rates);
}

/* --- sorting -------------------------------------------------------------------------------------- */

struct order {
	enum pn_top_sort by;
	bool reverse;
};

static double weight(const struct pn_top_row *r, enum pn_top_sort by)
{
	switch (by) {
	case PN_TOP_BY_BYTES:
		return r->rates[PN_TOP_BYTES] + r->rates[PN_TOP_BYTES_BACK];
	case PN_TOP_BY_PACKETS:
		return r->rates[PN_TOP_PACKETS] + r->rates[PN_TOP_PACKETS_BACK];
	case PN_TOP_BY_DROPS:
		return r->rates[PN_TOP_DROPS];
	case PN_TOP_BY_RTT:
		return (double)r->rtt_us;
	case PN_TOP_BY_NAME:
	case PN_TOP_SORTS:
		break;
	}
	return 0;
}

static int compare_names(const struct pn_top_row *a, const struct pn_top_row *b)
{
	int c = strcmp(a->source, b->source);

	if (c == 0)
		c = strcmp(a->destination, b->destination);
	if (c == 0)
		c = strcmp(a->protocol, b->protocol);
	if (c == 0)
		c = (a->port > b->port) - (a->port < b->port);
	return c == 0 ? (a->id > b->id) - (a->id < b->id) : c;
}

static int compare_rows(const void *a, const void *b, void *order)
{
	const struct order *o = order;
	double wa = weight(a, o->by), wb = weight(b, o->by);
	int c = o->by == PN_TOP_BY_NAME ? compare_names(a, b) : (wa < wb) - (wa > wb);

	if (c == 0)
		return compare_names(a, b);
	return o->reverse ? -c : c;
}

int pn_top_rows(struct pn_top *t, enum pn_top_sort by, bool reverse, pn_nsec now,
		const struct pn_top_row **ret, size_t *ret_n)
{
	struct order order = { by, reverse };
	struct pn_top_row *rows = calloc(HASH_COUNT(t->pairs) + 1, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (const struct top_pair *p = t->pairs; p; p = p->hh.next)
		fill_row(t, p, now, &rows[n++]);
	qsort_r(rows, n, sizeof(*rows), compare_rows, &order);
	free(t->rows);
	*ret = t->rows = rows;
	*ret_n = n;
	return 0;
}

/* --- several in one, and one alone ---------------------------------------------------------------- */

void pn_top_all(const struct pn_top *t, pn_nsec now, struct pn_top_row *ret)
{
	fill_lot(t, &t->all, now, ret);
	ret->n_connections = t->n_open;
}

bool pn_top_others(const struct pn_top *t, pn_nsec now, struct pn_top_row *ret)
{
	fill_lot(t, &t->others, now, ret);
	return t->others.last;
}

static const struct top_pair *pair_of(const struct pn_top *t, uint64_t id)
{
	const struct top_pair *p = t->pairs;

	while (p && p->id != id)
		p = p->hh.next;
	return p;
}

bool pn_top_find(const struct pn_top *t, uint64_t id, pn_nsec now, struct pn_top_row *ret)
{
	const struct top_pair *p = pair_of(t, id);

	if (p)
		fill_row(t, p, now, ret);
	return p;
}

/* --- connections ---------------------------------------------------------------------------------- */

static int compare_connections(const void *a, const void *b)
{
	const struct pn_top_connection *ca = a, *cb = b;

	if (ca->last != cb->last)
		return ca->last < cb->last ? 1 : -1;
	return (ca->id > cb->id) - (ca->id < cb->id);
}

static void fill_connection(const struct top_connection *c, struct pn_top_connection *ret)
{
	*ret = (struct pn_top_connection) {
		.id = c->id,
		.source = c->source,
		.destination = c->destination,
		.state = c->state,
		.rtt_us = c->rtt_us,
		.last = c->last,
	};
	memcpy(ret->sums, c->sums, sizeof(ret->sums));
}

int pn_top_connections(struct pn_top *t, uint64_t id, const struct pn_top_connection **ret,
		       size_t *ret_n)
{
	const struct top_pair *p = pair_of(t, id);
	struct pn_top_connection *given = calloc(p ? p->n_known + 1 : 1, sizeof(*given));
	size_t n = 0;

	if (!given)
		return -ENOMEM;
	for (const struct top_connection *c = p ? t->connections : NULL; c; c = c->hh.next)
		if (c->pair == p)
			fill_connection(c, &given[n++]);
	qsort(given, n, sizeof(*given), compare_connections);
	free(t->given);
	*ret = t->given = given;
	*ret_n = n;
	return 0;
}

uint64_t pn_top_untracked(const struct pn_top *t)
{
	return t->untracked;
}
