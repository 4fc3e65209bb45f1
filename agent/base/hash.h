/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_HASH_H
#define PN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <podonym/types.h>

/*
 * Hashes for tables whose keys come from others: each process has secrets of its own, so nobody
 * outside can choose keys that fall together. Not for anything that leaves the process.
 */

/** Drawn before main(); never zero. */
extern uint64_t pn_hash_secret[3];

static inline uint64_t pn_hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t pn_hash_pair(uint64_t a, uint64_t b, uint64_t len)
{
	uint64_t h = pn_hash_mix(a ^ pn_hash_secret[0], b ^ pn_hash_secret[1]);

	return pn_hash_mix(h ^ len, pn_hash_secret[2]);
}

/** pn_hash_bytes() - all 64 bits are good */
uint64_t pn_hash_bytes(const void *data, size_t len);

/** pn_hash_addr() - the same of an address, in a few instructions */
static inline uint64_t pn_hash_addr(const struct pn_addr *a)
{
	uint64_t w[2];

	memcpy(w, a->b, sizeof(w));
	return pn_hash_pair(w[0], w[1], sizeof(w));
}

/** pn_hash_place() - where among @n slots the search for a hash begins */
static inline uint32_t pn_hash_place(uint32_t hash, uint32_t n)
{
	return (uint32_t)((uint64_t)hash * n >> 32);
}

/**
 * pn_hash_spread() - a place among 1 << @bits, for tables in which a newcomer takes the place of another
 *
 * By the golden ratio: numbers that follow each other, as ids do, are kept apart as long as there are places.
 * No secret is in it: who can choose numbers can make them fall together.
 */
static inline uint32_t pn_hash_spread(uint32_t n, unsigned int bits)
{
	return n * 0x9e3779b1u >> (32 - bits);
}

#endif
