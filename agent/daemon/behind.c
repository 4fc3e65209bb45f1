// SPDX-License-Identifier: Apache-2.0
/*
 * Which pods stand behind a Service, for selecting.c and labelled.c: what leaves a client has the address of
 * a Service only, so a Service counts also by the labels of its pods.
 */
#include "daemon/behind.h"

#include <string.h>

struct looking {
	const struct pn_names *names;
	void (*fn)(void *data, const struct pn_object *pod);
	void *data;
};

static void found(const struct looking *l, const char *name_space, const char *name)
{
	const struct pn_object *pod = pn_names_pod(l->names, name_space, name);

	if (pod)
		l->fn(l->data, pod);
}

/* Not every slice says which pod has the address. */
static void on_backend(void *data, const struct pn_endpoint *e)
{
	const struct looking *l = data;
	const struct pn_owner *owner;

	if (strcmp(e->target_kind, "Pod") == 0 && *e->target_namespace)
		found(l, e->target_namespace, e->target_name);
	else if (e->n_addrs &&
		 pn_index_at(pn_names_index(l->names), &e->addrs[0], PN_NSEC_NEVER, &owner) == 1 &&
		 owner->kind == PN_OWNER_POD)
		found(l, owner->name_space, owner->name);
}

void pn_behind_pods(const struct pn_names *n, const char *name_space, const char *service,
		    void (*fn)(void *data, const struct pn_object *pod), void *data)
{
	struct looking l = { n, fn, data };

	pn_index_backends(pn_names_index(n), name_space, service, on_backend, &l);
}

const struct pn_object *pn_behind_service(const struct pn_names *n,
					  const struct pn_endpointslice *slice)
{
	return slice ? pn_names_service(n, slice->meta.name_space, slice->service) : NULL;
}
