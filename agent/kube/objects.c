/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharing and reading the objects that podonym keeps: what include/podonym/objects.h promises. The
 * decoders make them (object_copy.c), everybody reads them. An object never changes, so a reference
 * is all that a reader needs.
 */
#include "kube/decode.h"

#include <stdio.h>
#include <string.h>

#include "kube/object_copy.h"

const struct pn_object *pn_object_ref(const struct pn_object *o)
{
	(void)__atomic_fetch_add(&((struct pn_object *)(uintptr_t)o)->n_refs, 1, __ATOMIC_RELAXED);
	return o;
}

void pn_object_unref(const struct pn_object *o)
{
	struct pn_object *mine = (struct pn_object *)(uintptr_t)o;

	/* acq_rel: whoever frees has seen every other holder's last read */
	if (mine && __atomic_fetch_sub(&mine->n_refs, 1, __ATOMIC_ACQ_REL) == 1)
		pn_object_free(mine);
}

static const void *of_kind(const struct pn_object *o, enum pn_kind_id kind)
{
	return o && o->kind == kind ? o : NULL;
}

const struct pn_pod *pn_object_pod(const struct pn_object *o)
{
	return of_kind(o, PN_KIND_POD);
}

const struct pn_service *pn_object_service(const struct pn_object *o)
{
	return of_kind(o, PN_KIND_SERVICE);
}

const struct pn_node *pn_object_node(const struct pn_object *o)
{
	return of_kind(o, PN_KIND_NODE);
}

const struct pn_namespace *pn_object_namespace(const struct pn_object *o)
{
	return of_kind(o, PN_KIND_NAMESPACE);
}

const struct pn_replicaset *pn_object_replicaset(const struct pn_object *o)
{
	return of_kind(o, PN_KIND_REPLICASET);
}

const struct pn_job *pn_object_job(const struct pn_object *o)
{
	return of_kind(o, PN_KIND_JOB);
}

const struct pn_endpointslice *pn_object_endpointslice(const struct pn_object *o)
{
	return of_kind(o, PN_KIND_ENDPOINTSLICE);
}

const struct pn_networkpolicy *pn_object_networkpolicy(const struct pn_object *o)
{
	return of_kind(o, PN_KIND_NETWORKPOLICY);
}

const struct pn_generic *pn_object_generic(const struct pn_object *o)
{
	return of_kind(o, PN_KIND_GENERIC);
}

/* The labels are in the order of their keys. */
static int compare_key(const void *key, const void *label)
{
	return strcmp(key, ((const struct pn_label *)label)->key);
}

const char *pn_object_label(const struct pn_object *o, const char *key)
{
	const struct pn_label *l =
		o->n_labels ? bsearch(key, o->labels, o->n_labels, sizeof(*l), compare_key) : NULL;

	return l ? l->value : NULL;
}

const char *pn_object_annotation(const struct pn_object *o, const char *key)
{
	const struct pn_label *all = o->n_annotations ? o->labels + o->n_labels : NULL, *l = NULL;

	if (all)
		l = bsearch(key, all, o->n_annotations, sizeof(*l), compare_key);
	return l ? l->value : NULL;
}

static const char *const phase_names[] = {
	[PN_POD_PHASE_UNKNOWN] = "Unknown", [PN_POD_PENDING] = "Pending",
	[PN_POD_RUNNING] = "Running",	    [PN_POD_SUCCEEDED] = "Succeeded",
	[PN_POD_FAILED] = "Failed",
};
_Static_assert(PN_ARRAY_SIZE(phase_names) == PN_POD_PHASE_MAX, "a name for each phase");

const char *pn_pod_phase_name(enum pn_pod_phase phase)
{
	return phase_names[phase];
}

enum pn_pod_phase pn_pod_phase_parse(const char *name)
{
	for (unsigned int i = 0; i < PN_POD_PHASE_MAX; i++)
		if (strcmp(phase_names[i], name) == 0)
			return (enum pn_pod_phase)i;
	return PN_POD_PHASE_UNKNOWN;
}

const char *pn_object_key(const struct pn_object *o, char *buf)
{
	(void)snprintf(buf, PN_KEY_LEN, "%s%s%s", o->name_space, o->name_space[0] ? "/" : "",
		       o->name);
	return buf;
}
