/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects side by side, for the table of connections: half a pointer names one, malloc() adds nothing to
 * each, and a walk over all of them is a walk through memory. What is taken first lies first, and a
 * chunk without any is given back.
 */
#include "flow/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

void pn_pool_init(struct pn_pool *p, size_t size)
{
	*p = (struct pn_pool) { .size = size };
}

void pn_pool_done(struct pn_pool *p)
{
	for (uint32_t i = 0; i < p->n_chunks; i++)
		free(p->chunks[i]);
	free(p->chunks);
	pn_pool_init(p, p->size);
}

/* Room for the pointer to one more. */
static int reserve(struct pn_pool *p)
{
	uint32_t n = p->n_chunks ? p->n_chunks * 2 : 8;
	struct pn_pool_chunk **chunks;

	if (p->roomy < p->n_chunks)
		return 0;
	if (n > PN_POOL_NONE / PN_POOL_CHUNK)
		return -1;
	chunks = realloc(p->chunks, n * sizeof(struct pn_pool_chunk *));
	if (!chunks)
		return -1;
	for (uint32_t i = p->n_chunks; i < n; i++)
		chunks[i] = NULL;
	p->chunks = chunks;
	p->n_chunks = n;
	return 0;
}

static struct pn_pool_chunk *find_room(struct pn_pool *p)
{
	struct pn_pool_chunk **at;

	while (p->roomy < p->n_chunks && p->chunks[p->roomy] &&
	       p->chunks[p->roomy]->used == UINT64_MAX)
		p->roomy++;
	if (reserve(p) < 0)
		return NULL;
	at = &p->chunks[p->roomy];
	if (!*at)
		*at = calloc(1, sizeof(**at) + PN_POOL_CHUNK * p->size);
	return *at;
}

uint32_t pn_pool_take(struct pn_pool *p)
{
	struct pn_pool_chunk *c = find_room(p);
	uint32_t in_chunk;

	if (!c)
		return PN_POOL_NONE;
	in_chunk = (uint32_t)__builtin_ctzll(~c->used);
	c->used |= 1ull << in_chunk;
	memset(c->objects + in_chunk * p->size, 0, p->size);
	return p->roomy * PN_POOL_CHUNK + in_chunk;
}

void pn_pool_put(struct pn_pool *p, uint32_t number)
{
	uint32_t chunk = number / PN_POOL_CHUNK;
	struct pn_pool_chunk *c = p->chunks[chunk];

	c->used &= ~(1ull << number % PN_POOL_CHUNK);
	p->roomy = PN_MIN(p->roomy, chunk);
	if (c->used)
		return;
	free(c);
	p->chunks[chunk] = NULL;
}

uint32_t pn_pool_search(const struct pn_pool *p, uint32_t number)
{
	uint64_t mask = UINT64_MAX << number % PN_POOL_CHUNK;

	for (uint32_t i = number / PN_POOL_CHUNK; i < p->n_chunks; i++, mask = UINT64_MAX) {
		uint64_t used = p->chunks[i] ? p->chunks[i]->used & mask : 0;

		if (used)
			return i * PN_POOL_CHUNK + (uint32_t)__builtin_ctzll(used);
	}
	return PN_POOL_NONE;
}
