/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash of text. Sixteen bytes at a time meet two secrets and the state in a 64 by 64 bit
 * product, whose halves are folded: without the secrets nobody knows which inputs collide.
 */
#include "base/hash.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

uint64_t pn_hash_secret[3];

/* A kernel that has no randomness yet is not waited for: then time and place have to do. */
__attribute__((constructor)) static void draw_secrets(void)
{
	struct timespec ts = { 0 };

	if (getrandom(pn_hash_secret, sizeof(pn_hash_secret), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(pn_hash_secret)) {
		(void)clock_gettime(CLOCK_MONOTONIC, &ts);
		pn_hash_secret[0] ^= (uint64_t)ts.tv_nsec * 0x9e3779b97f4a7c15u;
		pn_hash_secret[1] ^= (uint64_t)(uintptr_t)&ts * 0xc2b2ae3d27d4eb4fu;
		pn_hash_secret[2] ^= (uint64_t)getpid() * 0x165667b19e3779f9u;
	}
	for (int i = 0; i < 3; i++)
		pn_hash_secret[i] |= 1;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The last 0 to 16 bytes as two words; short ones overlap. */
static void load_rest(const uint8_t *p, size_t len, uint64_t *a, uint64_t *b)
{
	*a = *b = 0;
	if (len >= 8) {
		*a = load64(p);
		*b = load64(p + len - 8);
	} else if (len >= 4) {
		*a = load32(p) << 32 | load32(p + len - 4);
	} else if (len > 0) {
		*a = (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1];
	}
}

uint64_t pn_hash_bytes(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0, a, b;
	size_t left;

	for (left = len; left > 16; left -= 16, p += 16)
		h = pn_hash_mix(load64(p) ^ pn_hash_secret[2],
				load64(p + 8) ^ h ^ pn_hash_secret[1]);
	load_rest(p, left, &a, &b);
	return pn_hash_pair(a, b ^ h, len);
}
