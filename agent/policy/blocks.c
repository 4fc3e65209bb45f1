/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks for many addresses. Two halves of a network become it; where that leaves too many, those
 * that are nearest to each other are put together, one prefix length after the other, so that as
 * little as possible comes in that was not there.
 */
#include "policy/blocks.h"

#include <stdlib.h>

#include "base/cidr.h"
#include "policy/private.h"

static unsigned int bit_at(const struct pn_addr *a, unsigned int i)
{
	return a->b[i / 8] >> (7 - i % 8) & 1;
}

/* The first @len bits of @a, and zeros. */
static struct pn_cidr network_of(const struct pn_addr *a, unsigned int len)
{
	struct pn_cidr c = { .prefix_len = (uint8_t)len };

	memcpy(c.addr.b, a->b, len / 8);
	if (len % 8)
		c.addr.b[len / 8] = (uint8_t)(a->b[len / 8] & 0xff << (8 - len % 8));
	return c;
}

/* IPv4 first, then by address, the larger network first. */
static int order(const void *x, const void *y)
{
	const struct pn_cidr *a = x, *b = y;
	int r = pn_cidr_is_v4(b) - pn_cidr_is_v4(a);

	r = r ? r : memcmp(&a->addr, &b->addr, sizeof(a->addr));
	return r ? r : a->prefix_len - b->prefix_len;
}

uint32_t pn_blocks_normalize(struct pn_cidr *blocks, uint32_t n)
{
	uint32_t kept = 0;

	if (n)
		qsort(blocks, n, sizeof(*blocks), order);
	for (uint32_t i = 0; i < n; i++)
		if (!kept || !pn_cidr_covers(&blocks[kept - 1], &blocks[i]))
			blocks[kept++] = blocks[i];
	return kept;
}

static bool are_halves(const struct pn_cidr *a, const struct pn_cidr *b)
{
	struct pn_cidr whole;

	if (a->prefix_len != b->prefix_len || pn_cidr_is_v4(a) != pn_cidr_is_v4(b) ||
	    a->prefix_len <= (pn_cidr_is_v4(a) ? 96 : 0))
		return false;
	whole = network_of(&a->addr, a->prefix_len - 1U);
	return !bit_at(&a->addr, a->prefix_len - 1U) && bit_at(&b->addr, b->prefix_len - 1U) &&
	       pn_cidr_covers(&whole, b);
}

static uint32_t join_halves(struct pn_cidr *blocks, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		blocks[kept++] = blocks[i];
		while (kept > 1 && are_halves(&blocks[kept - 2], &blocks[kept - 1])) {
			kept--;
			blocks[kept - 1].prefix_len--;
		}
	}
	return kept;
}

/* Networks that none contains another of overlap only with their neighbours in order. */
static bool is_free(const struct pn_cidr *c, const struct pn_cidr *avoid, uint32_t n)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (order(&avoid[middle], c) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return !(low < n && pn_cidr_covers(c, &avoid[low])) &&
	       !(low > 0 && pn_cidr_covers(&avoid[low - 1], c));
}

/* All that lie in one network of this length become it, if it is free. */
static uint32_t widen(struct pn_cidr *blocks, uint32_t n, unsigned int len,
		      const struct pn_cidr *avoid, uint32_t n_avoid)
{
	uint32_t kept = 0, next;

	for (uint32_t i = 0; i < n; i = next) {
		struct pn_cidr whole = network_of(&blocks[i].addr, len);
		bool fits =
			blocks[i].prefix_len >= len && (!pn_cidr_is_v4(&blocks[i]) || len >= 96);

		next = i + 1;
		while (fits && next < n && pn_cidr_covers(&whole, &blocks[next]))
			next++;
		if (next > i + 1 && is_free(&whole, avoid, n_avoid)) {
			blocks[kept++] = whole;
			continue;
		}
		memmove(&blocks[kept], &blocks[i], (next - i) * sizeof(*blocks));
		kept += next - i;
	}
	return kept;
}

uint32_t pn_blocks_cover(struct pn_cidr *blocks, uint32_t n, uint32_t most,
			 const struct pn_cidr *avoid, uint32_t n_avoid)
{
	n = join_halves(blocks, pn_blocks_normalize(blocks, n));
	for (unsigned int len = 128; n > most && len-- > 0;)
		n = widen(blocks, n, len, avoid, n_avoid);
	return n;
}
