/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_POOL_H
#define PN_FLOW_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Many objects of one size, each known by a number of 32 bits and found again in the order of these
 * numbers. Private to agent/flow; one thread.
 */

enum { PN_POOL_CHUNK = 64 }; /* objects allocated at a time */

/* struct pn_pool_chunk - @used: one bit an object */
struct pn_pool_chunk {
	uint64_t used;
	_Alignas(8) char objects[];
};

/**
 * struct pn_pool
 * @chunks: @n_chunks of them; NULL: none of its objects is in use
 * @roomy:  chunks before this one are full
 */
struct pn_pool {
	struct pn_pool_chunk **chunks;
	uint32_t n_chunks, roomy;
	size_t size;
};

#define PN_POOL_NONE UINT32_MAX

/** pn_pool_init() - @size: of an object; a multiple of 8 */
void pn_pool_init(struct pn_pool *p, size_t size);

/** pn_pool_done() - with all objects */
void pn_pool_done(struct pn_pool *p);

/** pn_pool_take() - an object of zeros; it stays where it is. Return: its number, the lowest free one; PN_POOL_NONE: no memory */
uint32_t pn_pool_take(struct pn_pool *p);

void pn_pool_put(struct pn_pool *p, uint32_t number);

/** pn_pool_search() - as pn_pool_next(), which sees at once what is near */
uint32_t pn_pool_search(const struct pn_pool *p, uint32_t number);

/** pn_pool_has() - is it in use? Any number may be asked for */
static inline bool pn_pool_has(const struct pn_pool *p, uint32_t number)
{
	uint32_t chunk = number / PN_POOL_CHUNK;

	return chunk < p->n_chunks && p->chunks[chunk] &&
	       p->chunks[chunk]->used & 1ull << number % PN_POOL_CHUNK;
}

/** pn_pool_next() - Return: the first one in use from @number on, or PN_POOL_NONE */
static inline uint32_t pn_pool_next(const struct pn_pool *p, uint32_t number)
{
	return pn_pool_has(p, number) ? number : pn_pool_search(p, number);
}

/** pn_pool_at() - of one in use */
static inline void *pn_pool_at(const struct pn_pool *p, uint32_t number)
{
	return p->chunks[number / PN_POOL_CHUNK]->objects + number % PN_POOL_CHUNK * p->size;
}

/** pn_pool_fetch() - it will be wanted soon, to be written to. Any number may be */
static inline void pn_pool_fetch(const struct pn_pool *p, uint32_t number)
{
	enum { CACHE_LINE = 64 };
	const struct pn_pool_chunk *c =
		number / PN_POOL_CHUNK < p->n_chunks ? p->chunks[number / PN_POOL_CHUNK] : NULL;

	if (!c)
		return;
	__builtin_prefetch(c);
	for (size_t i = 0; i < p->size; i += CACHE_LINE)
		__builtin_prefetch(c->objects + number % PN_POOL_CHUNK * p->size + i, 1);
}

#endif
