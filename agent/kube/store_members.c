/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects under one value of an index. Mostly it is one, and then it stands in the value's own
 * place; pods that share their node's address, or a namespace, make a table. Objects that are
 * updated keep their slot, so a reader who walks over them meets each once.
 */
#include <errno.h>

#include "kube/store_private.h"

static const struct pn_object *object_of(uintptr_t m)
{
	return (const struct pn_object *)m;
}

static struct pn_table *table_of(uintptr_t m)
{
	return m & PN_MEMBERS_NONE ? (struct pn_table *)(m & ~PN_MEMBERS_NONE) : NULL;
}

/* pairs with the acquire of the readers in store_catalog.c */
static void publish(pn_members *m, uintptr_t value)
{
	atomic_store_explicit(m, value, memory_order_release);
}

static bool find(const struct pn_table *t, uint32_t hash, const struct pn_object *obj,
		 uint32_t *ret_slot)
{
	const void *p;

	PN_TABLE_SCAN(t, hash, *ret_slot, p)
	{
		if (p == obj)
			return true;
	}
	return false;
}

static int make_table(pn_members *m, const struct pn_object *only)
{
	pn_table_ref ref = NULL;
	struct pn_table *t;

	if (pn_table_reserve(&ref, 2, false, NULL) < 0)
		return -ENOMEM;
	t = pn_table_mine(&ref);
	(void)pn_table_add(t, pn_store_hash(only), only);
	publish(m, (uintptr_t)t | PN_MEMBERS_NONE);
	return 0;
}

int pn_members_room(pn_members *m, struct pn_bin *bin)
{
	uintptr_t was = pn_members_mine(m);
	struct pn_table *t = table_of(was);
	pn_table_ref ref = t;

	if (!pn_members_any(was))
		return 0;
	if (!t)
		return make_table(m, object_of(was));
	if (pn_table_reserve(&ref, 1, false, bin) < 0)
		return -ENOMEM;
	if (pn_table_mine(&ref) != t)
		publish(m, (uintptr_t)pn_table_mine(&ref) | PN_MEMBERS_NONE);
	return 0;
}

bool pn_members_has(const pn_members *m, uint32_t hash, const struct pn_object *obj)
{
	const struct pn_table *t = table_of(pn_members_mine(m));
	uint32_t slot;

	return t ? find(t, hash, obj, &slot) : object_of(pn_members_mine(m)) == obj;
}

bool pn_members_add(pn_members *m, uint32_t hash, const struct pn_object *obj)
{
	struct pn_table *t = table_of(pn_members_mine(m));

	if (pn_members_has(m, hash, obj))
		return false;
	if (t)
		(void)pn_table_add(t, hash, obj);
	else
		publish(m, (uintptr_t)obj);
	return true;
}

bool pn_members_replace(pn_members *m, uint32_t hash, const struct pn_object *old,
			const struct pn_object *obj)
{
	struct pn_table *t = table_of(pn_members_mine(m));
	uint32_t slot;

	if (t) {
		if (!find(t, hash, old, &slot))
			return false;
		pn_table_put(t, slot, obj);
		return true;
	}
	if (object_of(pn_members_mine(m)) != old)
		return false;
	publish(m, (uintptr_t)obj);
	return true;
}

/* A table whose last but one object has gone makes way for the last one. */
static void settle(pn_members *m, struct pn_table *t, struct pn_bin *bin)
{
	pn_table_ref ref = t;
	struct pn_iter it;

	if (pn_table_count(t) > 1) {
		pn_table_trim(&ref, bin);
		if (pn_table_mine(&ref) != t)
			publish(m, (uintptr_t)pn_table_mine(&ref) | PN_MEMBERS_NONE);
		return;
	}
	pn_table_each(t, &it);
	publish(m, pn_table_count(t) == 1 ? (uintptr_t)pn_iter_next(&it) : PN_MEMBERS_NONE);
	pn_bin_scrap(bin, t);
}

bool pn_members_remove(pn_members *m, uint32_t hash, const struct pn_object *old,
		       struct pn_bin *bin)
{
	struct pn_table *t = table_of(pn_members_mine(m));
	uint32_t slot;

	if (t) {
		if (!find(t, hash, old, &slot))
			return false;
		pn_table_drop(t, slot);
		settle(m, t, bin);
		return true;
	}
	if (object_of(pn_members_mine(m)) != old)
		return false;
	publish(m, PN_MEMBERS_NONE);
	return true;
}

void pn_members_each(uintptr_t m, struct pn_iter *ret)
{
	const struct pn_table *t = table_of(m);

	if (t)
		pn_table_each(t, ret);
	else
		*ret = (struct pn_iter) { .only = pn_members_any(m) ? object_of(m) : NULL };
}

void pn_members_done(uintptr_t m)
{
	pn_scrap_free(table_of(m));
}
