/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_STORE_ADDRS_H
#define PN_KUBE_STORE_ADDRS_H

#include "kube/store_private.h"

/*
 * The addresses of an index, each with its members right beside it: a look-up that finds one
 * object has read a few tags, which are small enough to be near, and one place in memory.
 */

/**
 * struct pn_addrs_slot - once @members is not 0, @addr stays
 * @members: 0: never used
 */
struct pn_addrs_slot {
	struct pn_addr addr;
	pn_members members;
};

/**
 * struct pn_addrs - slots in groups of eight
 * @n_used:    slots that are taken; at least one is not
 * @n_emptied: how often a slot has lost its last member
 * @tags:      for each group a word with a byte for each slot: some bits of the hash; 0: not taken
 */
struct pn_addrs {
	struct pn_scrap scrap;
	uint32_t n_slots, n_used, n_emptied;
	_Atomic(uint64_t) *tags;
	struct pn_addrs_slot slots[];
};

typedef _Atomic(struct pn_addrs *) pn_addrs_ref;

static inline const struct pn_addrs *pn_addrs_get(const pn_addrs_ref *ref)
{
	/* pairs with the release in store_addrs.c: the slots are there */
	return atomic_load_explicit(ref, memory_order_acquire);
}

/* For the writer. */
static inline struct pn_addrs *pn_addrs_mine(pn_addrs_ref *ref)
{
	return atomic_load_explicit(ref, memory_order_relaxed);
}

/** pn_addrs_reserve() - room to claim @n more. Return: 0 or -ENOMEM */
int pn_addrs_reserve(pn_addrs_ref *ref, size_t n, struct pn_bin *bin);

/** pn_addrs_claim() - the place of an address; nobody is there if it is new */
pn_members *pn_addrs_claim(struct pn_addrs *a, const struct pn_addr *addr);

/** pn_addrs_find() - Return: NULL if the address was never claimed */
pn_members *pn_addrs_find(struct pn_addrs *a, const struct pn_addr *addr);

/** pn_addrs_drop_if_empty() - after a removal; now and then a smaller table is the outcome, if there is memory */
void pn_addrs_drop_if_empty(pn_addrs_ref *ref, const struct pn_addr *addr, struct pn_bin *bin);

/** pn_addrs_count() - how many have members; the writer, and it takes a while */
size_t pn_addrs_count(const struct pn_addrs *a);

/** pn_addrs_purge() - @old is nowhere any more */
void pn_addrs_purge(struct pn_addrs *a, uint32_t hash, const struct pn_object *old,
		    struct pn_bin *bin);

/** pn_addrs_free() - nobody reads any more */
void pn_addrs_free(struct pn_addrs *a);

/** pn_addrs_look_up() - @a may be NULL. Return: the members, PN_MEMBERS_NONE if there are none */
uintptr_t pn_addrs_look_up(const struct pn_addrs *a, const struct pn_addr *addr);

/** pn_addrs_each() - the text of each that has members */
void pn_addrs_each(const struct pn_addrs *a, pn_text_fn visit, void *data);

#endif
