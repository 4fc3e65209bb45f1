/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an informer knows, taken out and put into another one: objects and the version they are of.
 * Taking them out must not hold up the loop, and both must fit together. So under the factory's lock,
 * below which events are applied and the version moves, only pointers are copied; the read section
 * around it keeps the objects alive until each has one more reference.
 */
#include <errno.h>
#include <string.h>

#include "kube/informer_private.h"

/* Two versions that say nothing: none yet, and whatever there is. */
static bool is_version(const char *rv)
{
	size_t len = strlen(rv);

	return len && len < PN_OBJECT_RV_LEN && strcmp(rv, "0") != 0;
}

static bool are_of_kind(const struct pn_informer *inf, const struct pn_object *const *objects,
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (objects[i]->kind != inf->kind->id)
			return false;
	return true;
}

static int restore(struct pn_informer *inf, const struct pn_object *const *objects, size_t n,
		   const char *resource_version, pn_nsec as_of)
{
	int r;

	if (inf->is_stopped)
		return -ECANCELED;
	if (inf->wants_start || pn_informer_has_synced(inf))
		return -EBUSY;
	r = pn_informer_fill(inf, objects, n);
	if (r < 0)
		return r;
	pn_reflector_resume(inf->reflector, resource_version);
	inf->restored_as_of = as_of;
	return 0;
}

int pn_informer_restore_as_of(struct pn_informer *inf, const struct pn_object *const *objects,
			      size_t n, const char *resource_version, pn_nsec as_of)
{
	int r;

	if (!inf->built_in)
		return -ENOTSUP;
	if (!is_version(resource_version) || !are_of_kind(inf, objects, n))
		return -EINVAL;
	pn_factory_lock(inf->factory);
	r = restore(inf, objects, n, resource_version, as_of);
	pn_factory_unlock(inf->factory);
	pn_factory_wake(inf->factory);
	return r;
}

int pn_informer_restore(struct pn_informer *inf, const struct pn_object *const *objects, size_t n,
			const char *resource_version)
{
	return pn_informer_restore_as_of(inf, objects, n, resource_version,
					 pn_clock_realtime(inf->factory->clock));
}

/* --- the other way round --- */

/* Restored objects do not become younger by being saved again without a word of the server's. */
static pn_nsec as_of(const struct pn_informer *inf, const struct pn_reflector_status *st)
{
	const struct pn_clock *c = inf->factory->clock;

	return st->last_good ? pn_clock_realtime(c) - (pn_clock_now(c) - st->last_good)
			     : inf->restored_as_of;
}

/* Within a read section. Return: 0; -EAGAIN; -EOVERFLOW if there are more than @max */
static int copy_pointers(struct pn_informer *inf, size_t max, struct pn_informer_state *ret)
{
	struct pn_reflector_status st;
	const struct pn_object *obj;
	struct pn_iter it;
	int r = 0;

	ret->n = 0;
	pn_factory_lock(inf->factory);
	pn_reflector_status(inf->reflector, &st);
	if (!pn_informer_has_synced(inf) || !is_version(st.watch_version))
		r = -EAGAIN;
	else if (pn_store_count(inf->built_in) > max)
		r = -EOVERFLOW;
	else
		memcpy(ret->version, st.watch_version, strlen(st.watch_version) + 1);
	if (r == 0) {
		ret->as_of = as_of(inf, &st);
		pn_store_each(inf->built_in, &it);
		while ((obj = pn_iter_next(&it)))
			ret->objects[ret->n++] = obj;
	}
	pn_factory_unlock(inf->factory);
	return r;
}

static int take(struct pn_informer *inf, struct pn_informer_state *ret)
{
	size_t count = pn_informer_count(inf), max = count + count / 8 + 16;
	int r;

	ret->objects = calloc(max, sizeof(const struct pn_object *));
	if (!ret->objects)
		return -ENOMEM;
	pn_read_begin();
	r = copy_pointers(inf, max, ret);
	for (size_t i = 0; i < ret->n; i++)
		(void)pn_object_ref(ret->objects[i]);
	pn_read_end();
	if (r < 0)
		free(PN_TAKE_PTR(ret->objects));
	return r;
}

int pn_informer_state(struct pn_informer *inf, struct pn_informer_state *ret)
{
	struct pn_informer_state s = { .objects = NULL };
	int r;

	if (!inf->built_in)
		return -ENOTSUP;
	do {
		r = take(inf, &s);
	} while (r == -EOVERFLOW);
	if (r == 0)
		*ret = s;
	return r;
}

void pn_informer_state_done(struct pn_informer_state *s)
{
	for (size_t i = 0; i < s->n; i++)
		pn_object_unref(s->objects[i]);
	free(PN_TAKE_PTR(s->objects));
	s->n = 0;
}
