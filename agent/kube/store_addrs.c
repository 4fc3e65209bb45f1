/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing over groups of eight slots, each an address and its members. A search compares
 * eight tags at a time and ends at a group that was never full. So which slot it is, and that there
 * is none, is known from the tags alone, and the processor can go on to the next look-up while this
 * one's slot is still on its way from memory.
 *
 * The address in a slot is never changed, for a reader might take the members of one for those of
 * the other; so a slot whose members are gone waits for the same address, or until the slots are
 * copied. At most seven of eight are used.
 */
#include "kube/store_addrs.h"

#include <errno.h>

#include "base/addr.h"

enum { GROUP = 8, MIN_TRIM_SLOTS = 64 };

#define EACH_BYTE UINT64_C(0x0101010101010101)

static size_t max_used(size_t n_slots)
{
	return n_slots - n_slots / 8 - 1;
}

static size_t slots_for(size_t n)
{
	return (n + n / 7 + 2 + GROUP - 1) / GROUP * GROUP;
}

static uint32_t group_of(const struct pn_addrs *a, uint64_t hash)
{
	return pn_hash_place((uint32_t)hash, a->n_slots / GROUP);
}

static uint8_t tag_of(uint64_t hash)
{
	return (uint8_t)(hash >> 57) + 1;
}

static uint32_t next_group(const struct pn_addrs *a, uint32_t group)
{
	return group + 1 == a->n_slots / GROUP ? 0 : group + 1;
}

static uint64_t tags(const struct pn_addrs *a, uint32_t group)
{
	return atomic_load_explicit(&a->tags[group], memory_order_relaxed);
}

/* The highest bit of each byte that is @tag. A byte above such a one may be wrong by its lowest bit. */
static uint64_t match(uint64_t word, uint8_t tag)
{
	uint64_t x = word ^ EACH_BYTE * tag;

	return (x - EACH_BYTE) & ~x & EACH_BYTE << 7;
}

/* The slot that the lowest bit of @matches stands for. */
static uint32_t slot_of(uint32_t group, uint64_t matches)
{
	return group * GROUP + (uint32_t)__builtin_ctzll(matches) / 8;
}

static uintptr_t mine(const struct pn_addrs_slot *slot)
{
	return pn_members_mine(&slot->members);
}

/* The slot of @addr. Return: NULL if it has none; then @ret_group has room for it */
static struct pn_addrs_slot *find(struct pn_addrs *a, const struct pn_addr *addr,
				  uint32_t *ret_group)
{
	uint64_t hash = pn_hash_addr(addr), m;

	for (*ret_group = group_of(a, hash);; *ret_group = next_group(a, *ret_group)) {
		for (m = match(tags(a, *ret_group), tag_of(hash)); m; m &= m - 1) {
			struct pn_addrs_slot *slot = &a->slots[slot_of(*ret_group, m)];

			if (mine(slot) && pn_addr_eq(&slot->addr, addr))
				return slot;
		}
		if (match(tags(a, *ret_group), 0))
			return NULL;
	}
}

static struct pn_addrs_slot *occupy(struct pn_addrs *a, uint32_t group, const struct pn_addr *addr,
				    uintptr_t members)
{
	uint64_t word = tags(a, group), tag = tag_of(pn_hash_addr(addr));
	uint32_t i = slot_of(group, match(word, 0));

	a->slots[i].addr = *addr;
	/* pairs with the acquire in pn_addrs_look_up(): the address is there */
	atomic_store_explicit(&a->slots[i].members, members, memory_order_release);
	atomic_store_explicit(&a->tags[group], word | tag << i % GROUP * 8, memory_order_relaxed);
	a->n_used++;
	return &a->slots[i];
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

	uint32_t group;

	a = n_slots > UINT32_MAX / 2
		    ? NULL
		    : pn_scrap_new(sizeof(*a) + n_slots * (sizeof(struct pn_addrs_slot) + 1));
	if (!a)
		return -ENOMEM;
	a->n_slots = (uint32_t)n_slots;
	a->tags = (_Atomic(uint64_t) *)(uintptr_t)(a->slots + n_slots);
	for (uint32_t i = 0; old && i < old->n_slots; i++) {
		const struct pn_addr *addr = &old->slots[i].addr;

		if (!pn_members_any(mine(&old->slots[i])))
			continue;
		(void)find(a, addr, &group);
		(void)occupy(a, group, addr, mine(&old->slots[i]));
	}
	/* pairs with the acquire in pn_addrs_get() */
	atomic_store_explicit(ref, a, memory_order_release);
	pn_bin_scrap(bin, old);
	return 0;
}

/* It is copied when it is full, so a quarter of what it holds has been claimed since the last time. */
int pn_addrs_reserve(pn_addrs_ref *ref, size_t n, struct pn_bin *bin)
{
	const struct pn_addrs *a = pn_addrs_mine(ref);

	if (a && a->n_used + n <= max_used(a->n_slots))
		return 0;
	n += pn_addrs_count(a);
	return rebuild(ref, n + n / 4, bin);
}

pn_members *pn_addrs_claim(struct pn_addrs *a, const struct pn_addr *addr)
{
	uint32_t group;
	struct pn_addrs_slot *slot = find(a, addr, &group);

	if (!slot)
		slot = occupy(a, group, addr, PN_MEMBERS_NONE);
	return &slot->members;
}

pn_members *pn_addrs_find(struct pn_addrs *a, const struct pn_addr *addr)
{
	uint32_t group;
	struct pn_addrs_slot *slot = a ? find(a, addr, &group) : NULL;

	return slot ? &slot->members : NULL;
}

/* Counting takes as long as the emptying of half of the slots before it. */
void pn_addrs_drop_if_empty(pn_addrs_ref *ref, const struct pn_addr *addr, struct pn_bin *bin)
{
	struct pn_addrs *a = pn_addrs_mine(ref);
	const pn_members *m = pn_addrs_find(a, addr);
	size_t n;

	if (!m || pn_members_any(pn_members_mine(m)) ||
	    ++a->n_emptied < a->n_slots / 2 + MIN_TRIM_SLOTS)
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
	uint64_t hash = pn_hash_addr(addr), matches, word;
	uintptr_t m;

	if (!a)
		return PN_MEMBERS_NONE;
	for (uint32_t group = group_of(a, hash);; group = next_group(a, group)) {
		word = tags(a, group);
		for (matches = match(word, tag_of(hash)); matches; matches &= matches - 1) {
			const struct pn_addrs_slot *slot = &a->slots[slot_of(group, matches)];

			/* pairs with the release in occupy() and in store_members.c */
			m = atomic_load_explicit(&slot->members, memory_order_acquire);
			if (m && pn_addr_eq(&slot->addr, addr))
				return m;
		}
		if (match(word, 0))
			return PN_MEMBERS_NONE;
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
