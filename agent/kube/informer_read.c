/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an informer: look-ups, which go to the store without a lock, and how it is doing.
 */
#include <errno.h>
#include <stdio.h>

#include "kube/informer_private.h"

/* --- indexes and look-ups --- */

int pn_informer_add_index(struct pn_informer *inf, const struct pn_indexer *indexer)
{
	int r = -ENOTSUP;

	pn_factory_lock(inf->factory);
	if (inf->is_stopped)
		r = -ECANCELED;
	else if (inf->built_in)
		r = pn_store_add_index(inf->built_in, indexer);
	pn_factory_unlock(inf->factory);
	return r;
}

static const struct pn_iter nothing;

const struct pn_object *pn_informer_get(const struct pn_informer *inf, const char *key)
{
	return inf->built_in ? pn_store_get(inf->built_in, key) : NULL;
}

void pn_informer_each(const struct pn_informer *inf, struct pn_iter *ret)
{
	*ret = nothing;
	if (inf->built_in)
		pn_store_each(inf->built_in, ret);
}

int pn_informer_by_index(const struct pn_informer *inf, const char *index, const char *value,
			 struct pn_iter *ret)
{
	*ret = nothing;
	return inf->built_in ? pn_store_by_index(inf->built_in, index, value, ret) : -ENOENT;
}

int pn_informer_by_addr(const struct pn_informer *inf, const char *index,
			const struct pn_addr *addr, struct pn_iter *ret)
{
	*ret = nothing;
	return inf->built_in ? pn_store_by_addr(inf->built_in, index, addr, ret) : -ENOENT;
}

int pn_informer_index_values(const struct pn_informer *inf, const char *index, pn_text_fn visit,
			     void *data)
{
	return inf->built_in ? pn_store_index_values(inf->built_in, index, visit, data) : -ENOENT;
}

int pn_informer_index_like(const struct pn_informer *inf, const char *index,
			   const struct pn_object *obj, pn_object_fn visit, void *data)
{
	return inf->built_in ? pn_store_index_like(inf->built_in, index, obj, visit, data)
			     : -ENOENT;
}

size_t pn_informer_count(const struct pn_informer *inf)
{
	size_t n;

	pn_factory_lock(inf->factory);
	n = inf->store_ops->count(inf->store);
	pn_factory_unlock(inf->factory);
	return n;
}

/* --- how it is doing --- */

bool pn_informer_has_synced(const struct pn_informer *inf)
{
	/* pairs with the release in tell_synced() */
	return atomic_load_explicit(&inf->is_synced, memory_order_acquire);
}

static bool is_all_over(const struct pn_informer *inf)
{
	struct pn_registration *r;

	if (!inf->is_stopped || inf->is_running)
		return false;
	for (r = inf->registrations; r; r = r->next)
		if (!pn_registration_is_idle(r))
			return false;
	return true;
}

static void add_registrations(const struct pn_informer *inf, struct pn_informer_status *ret)
{
	struct pn_registration_stats stats;
	struct pn_registration *r;

	for (r = inf->registrations; r; r = r->next) {
		pn_registration_stats(r, &stats);
		ret->n_queued += stats.n_queued;
		ret->n_calls += stats.n_calls;
		ret->calls_us += stats.time / 1000;
	}
}

/* @when: 0: never */
static int64_t ms_since(pn_nsec when, pn_nsec now)
{
	return when ? (int64_t)((now - when) / PN_NSEC_PER_MSEC) : -1;
}

static void copy_status(const struct pn_informer *inf, struct pn_informer_status *ret)
{
	struct pn_reflector_status st;
	pn_nsec now;

	pn_reflector_status(inf->reflector, &st);
	now = pn_clock_now(inf->factory->clock);
	*ret = (struct pn_informer_status) {
		.kind = inf->kind->plural,
		.is_started = inf->is_started,
		.is_stopped = is_all_over(inf),
		.is_synced = pn_informer_has_synced(inf),
		.n_objects = inf->store_ops->count(inf->store),
		.last_contact_ms = ms_since(st.last_contact, now),
		.behind_ms = ms_since(st.current, now),
		.n_failures = st.n_failures,
		.n_lists = st.n_lists,
		.n_watches = st.n_watches,
		.n_short_watches = st.n_short_watches,
		.n_events = st.n_events,
		.n_refused = st.n_refused,
		.n_transform_errors =
			atomic_load_explicit(&inf->n_transform_errors, memory_order_relaxed),
		.list_us = st.list_time / 1000,
		.resync_ms = inf->resync_check_ms,
	};
	(void)snprintf(ret->watch_version, sizeof(ret->watch_version), "%s", st.watch_version);
	(void)snprintf(ret->store_version, sizeof(ret->store_version), "%s", st.store_version);
	(void)pn_err_set(&ret->last_error, 0, "%s", st.last_error);
	add_registrations(inf, ret);
}

void pn_informer_status(const struct pn_informer *inf, struct pn_informer_status *ret)
{
	pn_factory_lock(inf->factory);
	copy_status(inf, ret);
	pn_factory_unlock(inf->factory);
}
