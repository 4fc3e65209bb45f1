/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_BLOCKS_H
#define PN_POLICY_BLOCKS_H

#include <podonym/objects.h>

/** pn_blocks_normalize() - sort, and drop what lies in another one. Return: how many are left */
uint32_t pn_blocks_normalize(struct pn_cidr *blocks, uint32_t n);

/**
 * pn_blocks_cover() - few networks with all of the addresses in them
 * @blocks: in: addresses as networks of full length; out: sorted, none in another
 * @most:   so many are fine; only if there were more, others lie in them as well
 * @avoid:  normalized: no network grows over any of these, even if there are more than @most then
 *
 * Addresses that make up a whole network become that one in any case.
 *
 * Return: how many
 */
uint32_t pn_blocks_cover(struct pn_cidr *blocks, uint32_t n, uint32_t most,
			 const struct pn_cidr *avoid, uint32_t n_avoid);

#endif
