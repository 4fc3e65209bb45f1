/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing over slots of an address and its members. The address in a slot is never changed,
 * for a reader might take the members of one for those of the other; so a slot whose members are
 * gone waits for the same address, or until the slots are copied. At most four of five are used.
 */
#include "kube/store_addrs.h"

#include <errno.h>

#include "base/addr.h"

enum { MIN_TRIM_SLOTS = 64 };

static size_t max_used(size_t n_slots)
{
	return n_slots - n_slots / 5 - 1;
}

static size_t slots_for(size_t n)
{
	return n + n / 4 + 2;
}

static uint32_t place_of(const struct pn_addrs *a, const struct pn_addr *addr)
{
	return pn_hash_place((uint32_t)pn_hash_addr(addr), a->n_slots);
}

static uintptr_t mine(const struct pn_addrs_slot *slot)
{
	return pn_members_mine(&slot->members);
}

/* The slot of @addr, or the free one where it would be. */
static struct pn_addrs_slot *find(struct pn_addrs *a, const struct pn_addr *addr)
{
	uint32_t i = place_of(a, addr);

	while (mine(&a->slots[i]) && !pn_addr_eq(&a->slots[i].addr, addr))
		i = i + 1 == a->n_slots ? 0 : i + 1;
	return &a->slots[i];
}

static void occupy(struct pn_addrs *a, struct pn_addrs_slot *slot, const struct pn_addr *addr,
		   uintptr_t members)
{
	slot->addr = *addr;
	/* pairs with the acquire in pn_addrs_look_up(): the address is there */
	atomic_store_explicit(&slot->members, members, memory_order_release);
	a->n_used++;
}

size_t pn_addrs_count(const struct pn_addrs *a)
{
	size_t n = 0;

	for (uint32_t i = 0; a && i < a->n_slots; i++)
		n += pn_members_any(mine(&a->slots[i]));
	return n;
}

static int rebuild(pn_addrs_ref *ref, size_t n, struct pn_bin *bin)
{
	struct pn_addrs *old = pn_addrs_mine(ref), *a;
	size_t n_slots = slots_for(n);

	a = n_slots > UINT32_MAX / 2 ?
		    NULL :
		    pn_scrap_new(sizeof(*a) + n_slots * sizeof(struct pn_addrs_slot));
	if (!a)
		return -ENOMEM;
	a->n_slots = (uint32_t)n_slots;
	for (uint32_t i = 0; old && i < old->n_slots; i++) {
		const struct pn_addr *addr = &old->slots[i].addr;

		if (pn_members_any(mine(&old->slots[i])))
			occupy(a, find(a, addr), addr, mine(&old->slots[i]));
	}
	/* pairs with the acquire in pn_addrs_get() */
	atomic_store_explicit(ref, a, memory_order_release);
	pn_bin_scrap(bin, old);
	return 0;
}

/* It is copied when it is full, so an eighth of what it holds has been claimed since the last time. */
int pn_addrs_reserve(pn_addrs_ref *ref, size_t n, struct pn_bin *bin)
{
	const struct pn_addrs *a = pn_addrs_mine(ref);

	if (a && a->n_used + n <= max_used(a->n_slots))
		return 0;
	n += pn_addrs_count(a);
	return rebuild(ref, n + n / 8, bin);
}

pn_members *pn_addrs_claim(struct pn_addrs *a, const struct pn_addr *addr)
{
	struct pn_addrs_slot *slot = find(a, addr);

	if (!mine(slot))
		occupy(a, slot, addr, PN_MEMBERS_NONE);
	return &slot->members;
}

pn_members *pn_addrs_find(struct pn_addrs *a, const struct pn_addr *addr)
{
	struct pn_addrs_slot *slot = a ? find(a, addr) : NULL;

	return slot && mine(slot) ? &slot->members : NULL;
}

/* Counting takes as long as the emptying of half of the slots before it. */
void pn_addrs_drop_if_empty(pn_addrs_ref *ref, const struct pn_addr *addr, struct pn_bin *bin)
{
	struct pn_addrs *a = pn_addrs_mine(ref);
	size_t n;

	if (pn_members_any(mine(find(a, addr))) || ++a->n_emptied < a->n_slots / 2 + MIN_TRIM_SLOTS)
		return;
	a->n_emptied = 0;
	n = pn_addrs_count(a);
	if (n < a->n_slots / 8)
		(void)rebuild(ref, 2 * n, bin);
}

void pn_addrs_purge(struct pn_addrs *a, uint32_t hash, const struct pn_object *old,
		    struct pn_bin *bin)
{
	for (uint32_t i = 0; a && i < a->n_slots; i++)
		if (pn_members_any(mine(&a->slots[i])))
			(void)pn_members_remove(&a->slots[i].members, hash, old, bin);
}

void pn_addrs_free(struct pn_addrs *a)
{
	for (uint32_t i = 0; a && i < a->n_slots; i++)
		pn_members_done(mine(&a->slots[i]));
	pn_scrap_free(a);
}

uintptr_t pn_addrs_look_up(const struct pn_addrs *a, const struct pn_addr *addr)
{
	uint32_t i;
	uintptr_t m;

	if (!a)
		return PN_MEMBERS_NONE;
	for (i = place_of(a, addr);; i = i + 1 == a->n_slots ? 0 : i + 1) {
		/* pairs with the release in occupy() and in store_members.c */
		m = atomic_load_explicit(&a->slots[i].members, memory_order_acquire);
		if (!m)
			return PN_MEMBERS_NONE;
		if (pn_addr_eq(&a->slots[i].addr, addr))
			return m;
	}
}

void pn_addrs_each(const struct pn_addrs *a, pn_text_fn visit, void *data)
{
	char text[PN_ADDR_STRLEN];

	for (uint32_t i = 0; a && i < a->n_slots; i++) {
		/* pairs with the release in occupy(): the address is there */
		uintptr_t m = atomic_load_explicit(&a->slots[i].members, memory_order_acquire);

		if (pn_members_any(m) && !visit(data, pn_addr_format(&a->slots[i].addr, text)))
			return;
	}
}
