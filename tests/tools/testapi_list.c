/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test server's lists and their pages. testapi_http.c asks for them.
 *
 * All pages of a list show the state at the time of the first: that page leaves a snapshot behind,
 * an array of references, and the `continue` token says which snapshot and how far. Only the
 * latest snapshots are kept; a token that comes later is answered as a real server answers after
 * compaction.
 */
#include "testapi_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SNAPSHOTS = 64 };

struct snapshot {
	uint64_t id; /* 0: empty */
	uint64_t rv;
	const struct pn_collection *collection;
	json_t *items;
};

struct pn_lists {
	uint64_t last_id;
	struct snapshot snapshots[MAX_SNAPSHOTS]; /* by id modulo their number */
};

struct pn_lists *pn_lists_new(void)
{
	return calloc(1, sizeof(struct pn_lists));
}

void pn_lists_expire(struct pn_lists *l)
{
	for (size_t i = 0; i < MAX_SNAPSHOTS; i++) {
		json_decref(l->snapshots[i].items);
		l->snapshots[i] = (struct snapshot) { 0 };
	}
}

void pn_lists_free(struct pn_lists *l)
{
	if (!l)
		return;
	pn_lists_expire(l);
	free(l);
}

static json_t *list_metadata(const struct snapshot *s, size_t end)
{
	size_t n_left = json_array_size(s->items) - end;
	char rv[24], token[48];

	(void)snprintf(rv, sizeof(rv), "%" PRIu64, s->rv);
	(void)snprintf(token, sizeof(token), "%" PRIx64 ".%zx", s->id, end);
	if (!n_left)
		return json_pack("{s:s}", "resourceVersion", rv);
	return json_pack("{s:s, s:s, s:I}", "resourceVersion", rv, "continue", token,
			 "remainingItemCount", (json_int_t)n_left);
}

static json_t *page(const struct snapshot *s, size_t begin, size_t limit, enum pn_shape shape)
{
	size_t n = json_array_size(s->items), end = limit ? PN_MIN(begin + limit, n) : n;

	return pn_shape_list(shape, s->collection, s->items, begin, end, list_metadata(s, end));
}

json_t *pn_lists_first(struct pn_lists *l, const struct pn_teststore *store,
		       const struct pn_selection *sel, enum pn_shape shape, size_t limit)
{
	struct snapshot s = {
		.id = l->last_id + 1,
		.rv = pn_teststore_rv(store),
		.collection = sel->collection,
		.items = pn_teststore_select(store, sel),
	};
	struct snapshot *slot = &l->snapshots[s.id % MAX_SNAPSHOTS];
	json_t *document;

	if (!s.items)
		return NULL;
	document = page(&s, 0, limit, shape);
	if (!limit || json_array_size(s.items) <= limit) {
		json_decref(s.items); /* it was the only page */
		return document;
	}
	json_decref(slot->items);
	*slot = s;
	l->last_id = s.id;
	return document;
}

int pn_lists_next(struct pn_lists *l, const char *token, const struct pn_selection *sel,
		  enum pn_shape shape, size_t limit, json_t **ret)
{
	const struct snapshot *s;
	uint64_t id;
	size_t begin;
	char end;

	if (sscanf(token, "%" SCNx64 ".%zx%c", &id, &begin, &end) != 2)
		return -EINVAL;
	s = &l->snapshots[id % MAX_SNAPSHOTS];
	if (!id || s->id != id)
		return -ESTALE;
	if (s->collection != sel->collection || begin > json_array_size(s->items))
		return -EINVAL;
	*ret = page(s, begin, limit, shape);
	return *ret ? 0 : -ENOMEM;
}
