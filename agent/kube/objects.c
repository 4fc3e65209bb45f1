/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, sharing and freeing the objects that podonym keeps. The decoders make them, everybody
 * reads them. An object is one piece of memory, its own strings at the end of it; what repeats
 * across objects is interned. It never changes, so a reference is all that a reader needs.
 */
#include "kube/decode.h"

#include <stdio.h>
#include <string.h>

#include "base/intern.h"
#include "kube/controller.h"

/* Writing to an object is the privilege of this file and of the decoder that fills a new one. */
static struct pn_object *writable(const struct pn_object *o)
{
	return (struct pn_object *)(uintptr_t)o;
}

static const char *tail_string(char **tail, const char *text)
{
	size_t size = strlen(text) + 1;
	char *s = memcpy(*tail, text, size);

	*tail += size;
	return s;
}

static const char *intern(const char *text)
{
	return pn_intern(text, strlen(text));
}

struct pn_object *pn_object_new(enum pn_kind_id kind, size_t size, const struct pn_meta *meta)
{
	size_t n_tail = strlen(meta->name) + strlen(meta->uid) + strlen(meta->resource_version) + 3;
	struct pn_object *o = calloc(1, size + n_tail);
	char *tail;

	if (!o)
		return NULL;
	tail = (char *)o + size;
	o->n_refs = 1;
	o->kind = (uint8_t)kind;
	o->terminating = meta->terminating;
	o->created_s = meta->created_s;
	o->name = tail_string(&tail, meta->name);
	o->uid = tail_string(&tail, meta->uid);
	o->resource_version = tail_string(&tail, meta->resource_version);
	o->name_space = intern(meta->name_space);
	o->controller = pn_controller_get(&meta->controller);
	if (!o->name_space || !o->controller) {
		pn_object_unref(o);
		return NULL;
	}
	return o;
}

static void release_service(const struct pn_service *s)
{
	pn_intern_unref(s->type);
	for (uint32_t i = 0; i < s->n_ports; i++)
		pn_intern_unref(s->ports[i].name);
}

static void release_strings(const struct pn_object *o)
{
	pn_intern_unref(o->name_space);
	pn_controller_unref(o->controller);
	if (o->kind == PN_KIND_POD)
		pn_intern_unref(pn_object_pod(o)->node_name);
	else if (o->kind == PN_KIND_SERVICE)
		release_service(pn_object_service(o));
}

const struct pn_object *pn_object_ref(const struct pn_object *o)
{
	(void)__atomic_fetch_add(&writable(o)->n_refs, 1, __ATOMIC_RELAXED);
	return o;
}

void pn_object_unref(const struct pn_object *o)
{
	/* acq_rel: whoever frees has seen every other holder's last read */
	if (!o || __atomic_fetch_sub(&writable(o)->n_refs, 1, __ATOMIC_ACQ_REL) > 1)
		return;
	release_strings(o);
	free(writable(o));
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
