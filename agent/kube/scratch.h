/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_SCRATCH_H
#define PN_KUBE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct pn_scratch - memory for one short task, given back as a whole; zeroed is a valid start
 *
 * A little lies within, so that a common object needs no malloc(); the rest comes in chunks, up to
 * PN_SCRATCH_MAX, because what fills it comes from the network.
 */
enum { PN_SCRATCH_FIRST = 1024, PN_SCRATCH_MAX = 64 << 20 };

struct pn_scratch_chunk;
struct pn_scratch {
	size_t n_first, total;
	bool is_full; /* something was refused for the maximum's sake */
	struct pn_scratch_chunk *chunks;
	_Alignas(8) char first[PN_SCRATCH_FIRST];
};

/** pn_scratch_alloc() - aligned to 8 bytes, not zeroed. Return: NULL without memory or beyond the maximum */
void *pn_scratch_alloc(struct pn_scratch *s, size_t size);

void pn_scratch_done(struct pn_scratch *s);

#endif
