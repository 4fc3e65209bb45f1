/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, sharing and freeing the objects that podonym keeps. The decoders make them, everybody
 * reads them. An object is one piece of memory, its own strings at the end of it; what repeats
 * across objects is interned. It never changes, so a reference is all that a reader needs.
 */
#include "kube/decode.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/intern.h"

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
	size_t n_tail = strlen(meta->name) + strlen(meta->uid) + strlen(meta->resource_version) +
			strlen(meta->controller_uid) + 4;
	struct pn_object *o = calloc(1, size + n_tail);
	char *tail;

	if (!o)
		return NULL;
	tail = (char *)o + size;
	atomic_init(&o->n_refs, 1);
	o->kind = kind;
	o->created_s = meta->created_s;
	o->name = tail_string(&tail, meta->name);
	o->uid = tail_string(&tail, meta->uid);
	o->resource_version = tail_string(&tail, meta->resource_version);
	o->controller.uid = tail_string(&tail, meta->controller_uid);
	o->name_space = intern(meta->name_space);
	o->controller.kind = intern(meta->controller_kind);
	o->controller.name = intern(meta->controller_name);
	if (!o->name_space || !o->controller.kind || !o->controller.name) {
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
	pn_intern_unref(o->controller.kind);
	pn_intern_unref(o->controller.name);
	if (o->kind == PN_KIND_POD)
		pn_intern_unref(pn_object_pod(o)->node_name);
	else if (o->kind == PN_KIND_SERVICE)
		release_service(pn_object_service(o));
}

const struct pn_object *pn_object_ref(const struct pn_object *o)
{
	(void)atomic_fetch_add_explicit(&writable(o)->n_refs, 1, memory_order_relaxed);
	return o;
}

void pn_object_unref(const struct pn_object *o)
{
	/* acq_rel: whoever frees has seen every other holder's last read */
	if (!o || atomic_fetch_sub_explicit(&writable(o)->n_refs, 1, memory_order_acq_rel) > 1)
		return;
	release_strings(o);
	free(writable(o));
}

const struct pn_pod *pn_object_pod(const struct pn_object *o)
{
	assert(!o || o->kind == PN_KIND_POD);
	return (const struct pn_pod *)o;
}

const struct pn_service *pn_object_service(const struct pn_object *o)
{
	assert(!o || o->kind == PN_KIND_SERVICE);
	return (const struct pn_service *)o;
}

const struct pn_node *pn_object_node(const struct pn_object *o)
{
	assert(!o || o->kind == PN_KIND_NODE);
	return (const struct pn_node *)o;
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

const char *pn_object_key(const struct pn_object *o, char buf[static PN_KEY_LEN])
{
	(void)snprintf(buf, PN_KEY_LEN, "%s%s%s", o->name_space, o->name_space[0] ? "/" : "",
		       o->name);
	return buf;
}
