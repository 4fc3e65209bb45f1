/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's store behind the interface that a caller's own store has.
 */
#include "kube/store.h"

static int put(void *store, const struct pn_object *obj, const struct pn_object **ret_old)
{
	return pn_store_put(store, obj, ret_old);
}

static int remove_like(void *store, const struct pn_object *like, const struct pn_object **ret_old)
{
	return pn_store_remove(store, like, ret_old);
}

static int stage_begin(void *store)
{
	return pn_store_stage_begin(store);
}

static int stage(void *store, const struct pn_object *obj)
{
	return pn_store_stage(store, obj);
}

static int stage_remove(void *store, const struct pn_object *like)
{
	return pn_store_stage_remove(store, like);
}

static void unstage(void *store)
{
	pn_store_unstage(store);
}

static void commit(void *store, const struct pn_store_diff *diff, void *data)
{
	pn_store_commit(store, diff, data);
}

static void each(void *store, bool (*visit)(void *data, const struct pn_object *obj), void *data)
{
	const struct pn_object *obj;
	struct pn_iter it;

	pn_read_begin();
	pn_store_each(store, &it);
	while ((obj = pn_iter_next(&it)) && visit(data, obj))
		;
	pn_read_end();
}

static size_t count(void *store)
{
	size_t n;

	pn_read_begin();
	n = pn_store_count(store);
	pn_read_end();
	return n;
}

const struct pn_store_ops pn_store_ops = {
	.put = put,
	.remove = remove_like,
	.stage_begin = stage_begin,
	.stage = stage,
	.stage_remove = stage_remove,
	.unstage = unstage,
	.commit = commit,
	.each = each,
	.count = count,
};
