// SPDX-License-Identifier: Apache-2.0
/*
 * Who has the labels that clients ask for, for agent.c. A filter that asks for labels brings a set of owners,
 * which is filled here from the stores before the filter is used, and changed with each object that comes,
 * changes or goes. The filter's end is not told: a set that nobody else holds any more is forgotten with the
 * next object or the next client.
 *
 * As in selecting.c a Service counts by its own labels and by those of each pod behind it.
 */
#include "daemon/labelled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/label_selector.h"
#include "base/log.h"
#include "daemon/behind.h"
#include "index/index.h"

struct pn_labelled {
	const struct pn_clock *clock;
	const struct pn_names *names;
	struct pn_owner_set *sets[PN_LABELLED_MAX];
	size_t n;
	struct pn_log_limit limit;
};

int pn_labelled_new(const struct pn_clock *clock, const struct pn_names *names,
		    struct pn_labelled **ret)
{
	struct pn_labelled *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->clock = clock;
	l->names = names;
	*ret = l;
	return 0;
}

void pn_labelled_free(struct pn_labelled *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		pn_owner_set_unref(l->sets[i]);
	free(l);
}

static void forget_unused(struct pn_labelled *l)
{
	for (size_t i = l->n; i-- > 0;) {
		if (pn_owner_set_is_shared(l->sets[i]))
			continue;
		pn_owner_set_unref(l->sets[i]);
		l->sets[i] = l->sets[--l->n];
	}
}

/* --- one owner and one set ------------------------------------------------------------------------ */

static bool has_labels(const struct pn_owner_set *set, const struct pn_object *o)
{
	return o && pn_label_selector_matches(pn_owner_set_selector(set), o->labels, o->n_labels);
}

/* Return: 0 or -ENOMEM */
static int put(struct pn_owner_set *set, enum pn_owner_kind kind, const struct pn_object *o,
	       bool has)
{
	if (has)
		return pn_owner_set_put(set, kind, o->name_space, o->name);
	pn_owner_set_remove(set, kind, o->name_space, o->name);
	return 0;
}

/* @hint: a pod that is newer than what the store may have; NULL: none */
struct asking {
	const struct pn_owner_set *set;
	const struct pn_object *hint;
	bool any;
};

static void ask_pod(void *data, const struct pn_object *pod)
{
	struct asking *a = data;
	bool is_hint = a->hint && strcmp(a->hint->uid, pod->uid) == 0;

	a->any = a->any || has_labels(a->set, is_hint ? a->hint : pod);
}

static int put_service(const struct pn_labelled *l, struct pn_owner_set *set,
		       const struct pn_object *service, const struct pn_object *hint)
{
	struct asking a = { set, hint, has_labels(set, service) };

	if (!a.any)
		pn_behind_pods(l->names, service->name_space, service->name, ask_pod, &a);
	return put(set, PN_OWNER_SERVICE, service, a.any);
}

static int put_service_of(const struct pn_labelled *l, struct pn_owner_set *set,
			  const struct pn_endpointslice *slice, const struct pn_object *hint)
{
	const struct pn_object *service = pn_behind_service(l->names, slice);

	return service ? put_service(l, set, service, hint) : 0;
}

/* --- all of them ---------------------------------------------------------------------------------- */

struct filling {
	const struct pn_labelled *l;
	struct pn_owner_set *set;
	int result;
};

static void fill_with(void *data, const struct pn_object *o)
{
	struct filling *f = data;

	if (f->result < 0)
		return;
	if (pn_object_pod(o))
		f->result = put(f->set, PN_OWNER_POD, o, has_labels(f->set, o));
	else if (pn_object_service(o))
		f->result = put_service(f->l, f->set, o, NULL);
}

static int fill(const struct pn_labelled *l, struct pn_owner_set *set)
{
	struct filling f = { l, set, 0 };

	pn_read_begin();
	pn_index_reader_online();
	pn_names_each(l->names, fill_with, &f);
	pn_index_reader_offline();
	pn_read_end();
	return f.result;
}

static int add_set(void *data, struct pn_owner_set *set)
{
	struct pn_labelled *l = data;

	if (l->n == PN_LABELLED_MAX)
		return -EBUSY;
	l->sets[l->n++] = pn_owner_set_ref(set);
	return fill(l, set);
}

int pn_labelled_add(struct pn_labelled *l, const struct pn_filter *f, struct pn_err *reterr)
{
	int r;

	forget_unused(l);
	r = pn_filter_owner_sets(f, add_set, l);
	if (r == -EBUSY)
		return pn_err_set(reterr, r,
				  "there are %d selectors of labels in use, which is the most at a "
				  "time: try again later",
				  PN_LABELLED_MAX);
	return r < 0 ? pn_err_set(reterr, r, "the agent is out of memory") : 0;
}

/* --- changes -------------------------------------------------------------------------------------- */

static void complain(struct pn_labelled *l)
{
	unsigned int n_held;

	if (pn_log_allow(&l->limit, pn_clock_now(l->clock), 60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("labels",
			"no memory: records of some pods are missing for who asks for their "
			"labels held=%u",
			n_held);
}

void pn_labelled_synced(struct pn_labelled *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (fill(l, l->sets[i]) < 0)
			complain(l);
	}
}

struct behind {
	struct pn_labelled *l;
	struct pn_owner_set *set;
	const struct pn_object *pod;
};

static void on_slice_of(void *data, const struct pn_endpointslice *slice)
{
	const struct behind *b = data;

	if (put_service_of(b->l, b->set, slice, b->pod) < 0)
		complain(b->l);
}

/* Its Services are looked at only when it has come to have the labels, or to have them no more. */
static int change_pod(struct pn_labelled *l, struct pn_owner_set *set, const struct pn_object *old,
		      const struct pn_object *new)
{
	struct behind b = { l, set, new ? new : old };
	bool has = has_labels(set, new);
	int r = 0;

	if (new)
		r = put(set, PN_OWNER_POD, new, has);
	else
		pn_owner_set_leave(set, PN_OWNER_POD, old->name_space, old->name,
				   pn_clock_now(l->clock));
	if (pn_names_are_synced(l->names) && has != has_labels(set, old))
		pn_index_services_of(pn_names_index(l->names), pn_object_pod(b.pod), on_slice_of,
				     &b);
	return r;
}

static int change_service(struct pn_labelled *l, struct pn_owner_set *set,
			  const struct pn_object *old, const struct pn_object *new)
{
	if (new)
		return put_service(l, set, new, NULL);
	pn_owner_set_leave(set, PN_OWNER_SERVICE, old->name_space, old->name,
			   pn_clock_now(l->clock));
	return 0;
}

static int change(struct pn_labelled *l, struct pn_owner_set *set, const struct pn_object *old,
		  const struct pn_object *new)
{
	const struct pn_object *o = new ? new : old;
	int r;

	if (pn_object_pod(o))
		return change_pod(l, set, old, new);
	if (pn_object_service(o))
		return change_service(l, set, old, new);
	r = put_service_of(l, set, pn_object_endpointslice(old), NULL);
	return r < 0 ? r : put_service_of(l, set, pn_object_endpointslice(new), NULL);
}

void pn_labelled_object(struct pn_labelled *l, const struct pn_object *old,
			const struct pn_object *new)
{
	if (!l || !l->n || (!old && !new))
		return;
	forget_unused(l);
	pn_read_begin();
	pn_index_reader_online();
	for (size_t i = 0; i < l->n; i++) {
		if (change(l, l->sets[i], old, new) < 0)
			complain(l);
	}
	pn_index_reader_offline();
	pn_read_end();
}
