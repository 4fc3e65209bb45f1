/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of all nodes in the order of their times, for streams.c. They stand in a heap by time and in a list by
 * arrival: as long as the first of the list has waited long enough, the oldest of the heap goes out.
 */
#include "cmd/cluster/merge.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/util.h"

enum { KEY_BYTES = 40, FIRST_ROOM = 256 };

struct waiting {
	struct waiting *prev, *next;
	char key[KEY_BYTES];
	uint64_t number; /* of lines with the same key the first one is the older one */
	uint64_t came_ms;
	void *from;
	size_t len;
	char line[];
};

struct pn_merge {
	struct pn_merge_config config;
	struct waiting *list;
	struct waiting **heap;
	size_t n, room, n_bytes;
	uint64_t n_added;
};

int pn_merge_new(const struct pn_merge_config *config, struct pn_merge **ret)
{
	struct pn_merge *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->config = *config;
	*ret = m;
	return 0;
}

void pn_merge_free(struct pn_merge *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		free(m->heap[i]);
	free(m->heap);
	free(m);
}

static bool is_older(const struct waiting *a, const struct waiting *b)
{
	int differs = strcmp(a->key, b->key);

	return differs ? differs < 0 : a->number < b->number;
}

static void swap(struct pn_merge *m, size_t i, size_t j)
{
	struct waiting *w = m->heap[i];

	m->heap[i] = m->heap[j];
	m->heap[j] = w;
}

static void rise(struct pn_merge *m, size_t i)
{
	for (; i && is_older(m->heap[i], m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(m, i, (i - 1) / 2);
}

static void sink(struct pn_merge *m, size_t i)
{
	for (;;) {
		size_t left = 2 * i + 1, right = left + 1, least = i;

		if (left < m->n && is_older(m->heap[left], m->heap[least]))
			least = left;
		if (right < m->n && is_older(m->heap[right], m->heap[least]))
			least = right;
		if (least == i)
			return;
		swap(m, i, least);
		i = least;
	}
}

/* The oldest one goes out. */
static int pop(struct pn_merge *m)
{
	struct waiting *w = m->heap[0];
	int r;

	m->heap[0] = m->heap[--m->n];
	sink(m, 0);
	DL_DELETE(m->list, w);
	m->n_bytes -= sizeof(*w) + w->len;
	r = m->config.line(m->config.data, w->from, w->line, w->len);
	free(w);
	return r;
}

static int make_room(struct pn_merge *m)
{
	size_t room = m->room ? 2 * m->room : (size_t)FIRST_ROOM;
	struct waiting **longer;

	if (m->n < m->room)
		return 0;
	longer = reallocarray(m->heap, room, sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	m->heap = longer;
	m->room = room;
	return 0;
}

int pn_merge_add(struct pn_merge *m, uint64_t now_ms, const char *key, void *from, const char *line,
		 size_t len)
{
	struct waiting *w;
	int r = make_room(m);

	if (r < 0)
		return r;
	w = malloc(sizeof(*w) + len);
	if (!w)
		return -ENOMEM;
	*w = (struct waiting) {
		.number = m->n_added++, .came_ms = now_ms, .from = from, .len = len
	};
	memcpy(w->key, key, strnlen(key, KEY_BYTES - 1));
	memcpy(w->line, line, len);
	DL_APPEND(m->list, w);
	m->n_bytes += sizeof(*w) + len;
	m->heap[m->n++] = w;
	rise(m, m->n - 1);
	while (r == 0 && m->n_bytes > m->config.max_bytes)
		r = pop(m);
	return r;
}

int pn_merge_due(struct pn_merge *m, uint64_t now_ms)
{
	int r = 0;

	while (r == 0 && m->list && now_ms - m->list->came_ms >= m->config.delay_ms)
		r = pop(m);
	return r;
}

int pn_merge_finish(struct pn_merge *m)
{
	int r = 0;

	while (r == 0 && m->n)
		r = pop(m);
	return r;
}

size_t pn_merge_waiting(const struct pn_merge *m)
{
	return m->n;
}
