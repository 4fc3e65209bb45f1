/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for what a decoder collects of one object before it knows the object's size.
 */
#include "kube/scratch.h"

#include <stdint.h>

#include "base/util.h"

enum { CHUNK_SIZE = 16 << 10 };

struct pn_scratch_chunk {
	struct pn_scratch_chunk *next;
	size_t used, size;
	_Alignas(8) char data[];
};

static struct pn_scratch_chunk *add_chunk(struct pn_scratch *s, size_t at_least)
{
	size_t size = PN_MAX(at_least, (size_t)CHUNK_SIZE);
	struct pn_scratch_chunk *c;

	if (size > PN_SCRATCH_MAX - s->total) {
		s->is_full = true;
		return NULL;
	}
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	c->next = s->chunks;
	c->used = 0;
	c->size = size;
	s->chunks = c;
	s->total += size;
	return c;
}

void *pn_scratch_alloc(struct pn_scratch *s, size_t size)
{
	struct pn_scratch_chunk *c = s->chunks;
	char *p;

	size = (PN_MIN(size, (size_t)PN_SCRATCH_MAX + 1) + 7) & ~(size_t)7;
	if (size <= PN_SCRATCH_FIRST - s->n_first) {
		p = s->first + s->n_first;
		s->n_first += size;
		return p;
	}
	if (!c || size > c->size - c->used)
		c = add_chunk(s, size);
	if (!c)
		return NULL;
	p = c->data + c->used;
	c->used += size;
	return p;
}

void pn_scratch_done(struct pn_scratch *s)
{
	struct pn_scratch_chunk *next;

	for (struct pn_scratch_chunk *c = s->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	s->chunks = NULL;
}
