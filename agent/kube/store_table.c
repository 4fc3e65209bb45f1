/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with one writer and readers who take no lock. Pointers and hashes stand in arrays
 * of their own: a search runs along the hashes, sixteen to a cache line, and mostly comes to one
 * pointer. A pointer never moves within a table. One that grows is copied, and the old one stays as
 * it is for those who still walk over it: they see each pointer once.
 *
 * At most seven slots of eight are used. A new table has room for a quarter more than it holds, so
 * the copying costs each addition about four moves, whatever comes and goes.
 */
#include "kube/store_private.h"

#include <errno.h>

enum { MIN_TRIM_SLOTS = 64 };

static size_t max_used(size_t n_slots)
{
	return n_slots - n_slots / 8 - 1;
}

/* The smallest table that may hold so many. */
static size_t slots_for(size_t n)
{
	return n + n / 7 + 2;
}

static struct pn_table *table_new(size_t n_slots, bool with_notes)
{
	size_t slot_size = sizeof(((struct pn_table *)0)->at[0]) + sizeof(uint32_t) +
			   (with_notes ? sizeof(uint16_t) : 0);
	struct pn_table *t;

	if (n_slots > UINT32_MAX / 2)
		return NULL;
	t = pn_scrap_new(sizeof(*t) + n_slots * slot_size);
	if (!t)
		return NULL;
	t->n_slots = (uint32_t)n_slots;
	t->hashes = (_Atomic(uint32_t) *)(uintptr_t)(t->at + n_slots);
	t->notes = with_notes ? (uint16_t *)(uintptr_t)(t->hashes + n_slots) : NULL;
	return t;
}

static void copy_slots(struct pn_table *to, const struct pn_table *from)
{
	for (uint32_t i = 0; from && i < from->n_slots; i++) {
		void *p = atomic_load_explicit(&from->at[i], memory_order_relaxed);
		uint32_t slot;

		if (!p)
			continue;
		slot = pn_table_add(
			to, atomic_load_explicit(&from->hashes[i], memory_order_relaxed), p);
		if (to->notes)
			to->notes[slot] = from->notes[i];
	}
}

static int rebuild(pn_table_ref *ref, size_t n, bool with_notes, struct pn_bin *bin)
{
	struct pn_table *old = pn_table_mine(ref), *t = table_new(slots_for(n), with_notes);

	if (!t)
		return -ENOMEM;
	copy_slots(t, old);
	/* pairs with the acquire in pn_table_get() */
	atomic_store_explicit(ref, t, memory_order_release);
	pn_bin_scrap(bin, old);
	return 0;
}

int pn_table_reserve(pn_table_ref *ref, size_t n, bool with_notes, struct pn_bin *bin)
{
	const struct pn_table *t = pn_table_mine(ref);

	if (t && t->n_used + n <= max_used(t->n_slots))
		return 0;
	n += pn_table_count(t);
	return rebuild(ref, n + n / 4, with_notes, bin);
}

uint32_t pn_table_add(struct pn_table *t, uint32_t hash, const void *p)
{
	uint32_t slot = pn_hash_place(hash, t->n_slots);

	while (atomic_load_explicit(&t->at[slot], memory_order_relaxed))
		slot = pn_table_next(t, slot);
	if (atomic_load_explicit(&t->hashes[slot], memory_order_relaxed) == 0)
		t->n_used++;
	atomic_store_explicit(&t->hashes[slot], hash, memory_order_relaxed);
	pn_table_put(t, slot, p);
	atomic_store_explicit(&t->n_live, (uint32_t)pn_table_count(t) + 1, memory_order_relaxed);
	return slot;
}

void pn_table_drop(struct pn_table *t, uint32_t slot)
{
	atomic_store_explicit(&t->at[slot], NULL, memory_order_relaxed);
	atomic_store_explicit(&t->n_live, (uint32_t)pn_table_count(t) - 1, memory_order_relaxed);
}

void pn_table_trim(pn_table_ref *ref, struct pn_bin *bin)
{
	const struct pn_table *t = pn_table_mine(ref);

	if (t && t->n_slots >= MIN_TRIM_SLOTS && pn_table_count(t) < t->n_slots / 8)
		(void)rebuild(ref, 2 * pn_table_count(t), t->notes, bin);
}

void pn_table_each(const struct pn_table *t, struct pn_iter *ret)
{
	*ret = (struct pn_iter) { .at = t ? t->at : NULL, .n = t ? t->n_slots : 0 };
}

const struct pn_object *pn_iter_next(struct pn_iter *it)
{
	const _Atomic(void *) *at = it->at;
	const struct pn_object *obj = it->only;

	it->only = NULL;
	while (!obj && it->next < it->n)
		/* pairs with the release in pn_table_put() */
		obj = atomic_load_explicit(&at[it->next++], memory_order_acquire);
	return obj;
}
