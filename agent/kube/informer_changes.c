// SPDX-License-Identifier: Apache-2.0
/*
 * From what the reflector has read to the store and the queues of handlers; informer.c gives these functions to
 * it. All of it happens under the factory's lock, and handlers run later, without it (factory.c).
 *
 * Room for notices is reserved before the store is changed, so that a change is either in the store and in every
 * queue or in none of them.
 */
#include "kube/informer_private.h"

int pn_informer_on_list_begin(void *data)
{
	struct pn_informer *inf = data;
	int r;

	inf->n_staged = 0;
	inf->is_staging = true;
	r = pn_informer_reserve(inf, pn_informer_most_notices(inf));
	return r < 0 ? r : inf->store_ops->stage_begin(inf->store);
}

int pn_informer_on_list_item(void *data, const struct pn_object *obj)
{
	struct pn_informer *inf = data;
	int r;

	inf->n_staged++;
	r = pn_informer_reserve(inf, pn_informer_most_notices(inf));
	return r < 0 ? r : inf->store_ops->stage(inf->store, obj);
}

int pn_informer_on_list_remove(void *data, const struct pn_object *like)
{
	struct pn_informer *inf = data;

	return inf->store_ops->stage_remove(inf->store, like);
}

void pn_informer_on_list_drop(void *data)
{
	struct pn_informer *inf = data;

	inf->store_ops->unstage(inf->store);
	inf->n_staged = 0;
	inf->is_staging = false;
	pn_informer_settle(inf);
}

static bool on_diff_remove(void *data, const struct pn_object *last)
{
	pn_informer_push(data, &(struct pn_notice) {
				       .type = PN_NOTICE_REMOVE,
				       .is_stale = true,
				       .obj = last,
			       });
	return true;
}

static bool on_diff_put(void *data, const struct pn_object *old, const struct pn_object *obj)
{
	struct pn_informer *inf = data;

	pn_informer_push(inf, &(struct pn_notice) {
				      .type = old ? PN_NOTICE_UPDATE : PN_NOTICE_ADD,
				      .is_initial = !old && !pn_informer_has_synced(inf),
				      .old = old,
				      .obj = obj,
			      });
	return true;
}

static void tell_synced(struct pn_informer *inf)
{
	pn_informer_push(inf, &(struct pn_notice) { .type = PN_NOTICE_SYNCED });
	atomic_store_explicit(&inf->is_synced, true, memory_order_release);
	(void)pthread_cond_broadcast(&inf->factory->changed);
}

void pn_informer_on_list_end(void *data)
{
	static const struct pn_store_diff diff = { on_diff_remove, on_diff_put };
	struct pn_informer *inf = data;

	inf->store_ops->commit(inf->store, &diff, inf);
	inf->n_staged = 0;
	inf->is_staging = false;
	if (!pn_informer_has_synced(inf))
		tell_synced(inf);
	pn_informer_settle(inf);
}

int pn_informer_fill(struct pn_informer *inf, const struct pn_object *const *objects, size_t n)
{
	int r = pn_informer_on_list_begin(inf);

	if (r == 0)
		r = pn_store_stage_reserve(inf->built_in, n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = pn_informer_on_list_item(inf, objects[i]);
	if (r == 0)
		pn_informer_on_list_end(inf);
	else
		pn_informer_on_list_drop(inf);
	return r;
}

static int apply_delete(struct pn_informer *inf, const struct pn_object *obj)
{
	const struct pn_object *old = NULL;
	int r = inf->store_ops->remove(inf->store, obj, &old);

	if (r < 0)
		return r;
	pn_object_unref(old);
	pn_informer_push(inf, &(struct pn_notice) { .type = PN_NOTICE_REMOVE, .obj = obj });
	return 0;
}

static int apply_put(struct pn_informer *inf, const struct pn_object *obj)
{
	const struct pn_object *old = NULL;
	int r = inf->store_ops->put(inf->store, obj, &old);

	if (r < 0)
		return r;
	if (!old || !pn_store_same_version(old, obj))
		pn_informer_push(inf, &(struct pn_notice) {
					      .type = old ? PN_NOTICE_UPDATE : PN_NOTICE_ADD,
					      .old = old,
					      .obj = obj,
				      });
	pn_object_unref(old);
	return 0;
}

int pn_informer_on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	struct pn_informer *inf = data;
	int r = pn_informer_reserve(inf, 1);

	if (r < 0)
		return r;
	return event == PN_EVENT_DELETED ? apply_delete(inf, obj) : apply_put(inf, obj);
}
