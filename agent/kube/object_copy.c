/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a struct filled with borrowed pointers to an object: one piece of memory, the struct in
 * front, then its lists, then its own strings. What repeats across objects is shared: names of
 * namespaces and nodes, labels, controllers. The decoders are the callers, and pn_object_unref().
 *
 * Each kind is walked by one function, in three ways: to measure what the copy needs, to copy, and
 * to give back what is shared. So what was counted, what was copied and what is released cannot
 * differ.
 */
#include "kube/object_copy.h"

#include <errno.h>
#include <string.h>

#include "base/intern.h"
#include "kube/controller.h"

enum mode { MEASURE, COPY, RELEASE };

/* The lists stand in front of the strings, so that they are aligned. */
struct walk {
	enum mode mode;
	size_t lists_size, text_size;
	char *lists, *text;
	bool is_out_of_memory;
};

/* @p is this file's own copy while it is being made, and the caller's while it is only looked at. */
static void *writable(const void *p)
{
	return (void *)(uintptr_t)p;
}

static const char *own_bytes(struct walk *w, const char *s, size_t len)
{
	if (w->mode == MEASURE)
		w->text_size += len + 1;
	if (w->mode != COPY)
		return s;
	s = memcpy(w->text, s, len);
	w->text[len] = '\0';
	w->text += len + 1;
	return s;
}

static const char *own(struct walk *w, const char *s)
{
	return w->mode == RELEASE ? s : own_bytes(w, s, strlen(s));
}

/* Without memory the copy gets NULL here and from then on, so that it can be released. */
static const char *shared(struct walk *w, const char *s)
{
	if (w->mode == RELEASE)
		pn_intern_unref(s);
	if (w->mode != COPY)
		return s;
	s = w->is_out_of_memory ? NULL : pn_intern(s, strlen(s));
	w->is_out_of_memory = !s;
	return s;
}

static const struct pn_controller *controller(struct walk *w, const struct pn_controller *c)
{
	if (w->mode == RELEASE)
		pn_controller_unref(c);
	if (w->mode != COPY)
		return c;
	c = w->is_out_of_memory ? NULL : pn_controller_get(c);
	w->is_out_of_memory = !c;
	return c;
}

static const void *list(struct walk *w, const void *v, size_t n, size_t size)
{
	size_t padded = (n * size + 7) & ~(size_t)7;

	if (!n || !v)
		return NULL;
	if (w->mode == MEASURE)
		w->lists_size += padded;
	if (w->mode != COPY)
		return v;
	v = memcpy(w->lists, v, n * size);
	w->lists += padded;
	return v;
}

#define LIST(w, field, n) ((field) = list(w, field, n, sizeof(*(field))))

/* Labels repeat across objects; annotations only in their names. */
static void walk_labels(struct walk *w, const struct pn_label *labels, uint32_t n,
			uint32_t n_annotations)
{
	struct pn_label *l = writable(labels);

	for (uint32_t i = 0; i < n + n_annotations; i++) {
		l[i].key = shared(w, l[i].key);
		l[i].value = i < n ? shared(w, l[i].value) : own(w, l[i].value);
	}
}

static void walk_meta(struct walk *w, struct pn_object *o)
{
	o->name_space = shared(w, o->name_space);
	o->name = own(w, o->name);
	o->uid = own(w, o->uid);
	o->resource_version = own(w, o->resource_version);
	o->controller = controller(w, o->controller);
	walk_labels(w, LIST(w, o->labels, o->n_labels + o->n_annotations), o->n_labels,
		    o->n_annotations);
}

static void walk_pod(struct walk *w, struct pn_object *o)
{
	struct pn_pod *p = (struct pn_pod *)o;
	struct pn_named_port *named;

	p->node_name = shared(w, p->node_name);
	LIST(w, p->addrs, p->n_addrs);
	LIST(w, p->host_ports, p->n_host_ports);
	LIST(w, p->host_addrs, p->n_host_addrs);
	named = writable(LIST(w, p->named_ports, p->n_named_ports));
	for (uint32_t i = 0; i < p->n_named_ports; i++)
		named[i].name = shared(w, named[i].name);
}

static void walk_service(struct walk *w, struct pn_object *o)
{
	struct pn_service *s = (struct pn_service *)o;
	struct pn_service_port *ports;

	s->type = shared(w, s->type);
	LIST(w, s->addrs, s->n_addrs);
	ports = writable(LIST(w, s->ports, s->n_ports));
	for (uint32_t i = 0; i < s->n_ports; i++)
		ports[i].name = shared(w, ports[i].name);
}

static void walk_node(struct walk *w, struct pn_object *o)
{
	struct pn_node *n = (struct pn_node *)o;

	LIST(w, n->addrs, n->n_addrs);
	LIST(w, n->pod_cidrs, n->n_pod_cidrs);
}

static void walk_endpoint(struct walk *w, struct pn_endpoint *e)
{
	LIST(w, e->addrs, e->n_addrs);
	e->node_name = shared(w, e->node_name);
	e->zone = shared(w, e->zone);
	e->target_kind = shared(w, e->target_kind);
	e->target_namespace = shared(w, e->target_namespace);
	e->target_name = own(w, e->target_name);
}

static void walk_endpointslice(struct walk *w, struct pn_object *o)
{
	struct pn_endpointslice *s = (struct pn_endpointslice *)o;
	struct pn_endpoint *endpoints = writable(LIST(w, s->endpoints, s->n_endpoints));
	struct pn_endpoint_port *ports = writable(LIST(w, s->ports, s->n_ports));

	s->address_type = shared(w, s->address_type);
	s->service = shared(w, s->service);
	for (uint32_t i = 0; i < s->n_endpoints; i++)
		walk_endpoint(w, &endpoints[i]);
	for (uint32_t i = 0; i < s->n_ports; i++)
		ports[i].name = shared(w, ports[i].name);
}

static void walk_selector(struct walk *w, struct pn_label_selector *s)
{
	struct pn_label_requirement *q;

	walk_labels(w, LIST(w, s->labels, s->n_labels), s->n_labels, 0);
	q = writable(LIST(w, s->requirements, s->n_requirements));
	for (uint32_t i = 0; i < s->n_requirements; i++) {
		const char **values = writable(LIST(w, q[i].values, q[i].n_values));

		q[i].key = shared(w, q[i].key);
		for (uint32_t k = 0; k < q[i].n_values; k++)
			values[k] = shared(w, values[k]);
	}
}

static void walk_peer(struct walk *w, struct pn_policy_peer *p)
{
	LIST(w, p->pods, 1);
	LIST(w, p->namespaces, 1);
	LIST(w, p->block, 1);
	LIST(w, p->except, p->n_except);
	if (p->pods)
		walk_selector(w, writable(p->pods));
	if (p->namespaces)
		walk_selector(w, writable(p->namespaces));
}

static void walk_rule(struct walk *w, struct pn_policy_rule *r)
{
	struct pn_policy_port *ports = writable(LIST(w, r->ports, r->n_ports));
	struct pn_policy_peer *peers = writable(LIST(w, r->peers, r->n_peers));

	for (uint32_t i = 0; i < r->n_ports; i++)
		ports[i].port_name = shared(w, ports[i].port_name);
	for (uint32_t i = 0; i < r->n_peers; i++)
		walk_peer(w, &peers[i]);
}

static void walk_networkpolicy(struct walk *w, struct pn_object *o)
{
	struct pn_networkpolicy *p = (struct pn_networkpolicy *)o;
	struct pn_policy_rule *ingress = writable(LIST(w, p->ingress, p->n_ingress));
	struct pn_policy_rule *egress = writable(LIST(w, p->egress, p->n_egress));

	walk_selector(w, &p->pods);
	for (uint32_t i = 0; i < p->n_ingress; i++)
		walk_rule(w, &ingress[i]);
	for (uint32_t i = 0; i < p->n_egress; i++)
		walk_rule(w, &egress[i]);
}

static void walk_generic(struct walk *w, struct pn_object *o)
{
	struct pn_generic *g = (struct pn_generic *)o;

	g->json = own_bytes(w, g->json, g->len);
}

static void walk_nothing(struct walk *w, struct pn_object *o)
{
	(void)w;
	(void)o;
}

static const struct {
	size_t size;
	void (*walk)(struct walk *w, struct pn_object *o);
} kinds[] = {
	[PN_KIND_POD] = { sizeof(struct pn_pod), walk_pod },
	[PN_KIND_SERVICE] = { sizeof(struct pn_service), walk_service },
	[PN_KIND_NODE] = { sizeof(struct pn_node), walk_node },
	[PN_KIND_NAMESPACE] = { sizeof(struct pn_namespace), walk_nothing },
	[PN_KIND_REPLICASET] = { sizeof(struct pn_replicaset), walk_nothing },
	[PN_KIND_JOB] = { sizeof(struct pn_job), walk_nothing },
	[PN_KIND_ENDPOINTSLICE] = { sizeof(struct pn_endpointslice), walk_endpointslice },
	[PN_KIND_NETWORKPOLICY] = { sizeof(struct pn_networkpolicy), walk_networkpolicy },
	[PN_KIND_GENERIC] = { sizeof(struct pn_generic), walk_generic },
};
_Static_assert(PN_ARRAY_SIZE(kinds) == PN_KIND_MAX, "a row for each kind");

static void walk(struct walk *w, struct pn_object *o)
{
	walk_meta(w, o);
	kinds[o->kind].walk(w, o);
}

int pn_object_copy(const struct pn_object *like, struct pn_object **ret)
{
	size_t size = kinds[like->kind].size;
	struct walk w = { .mode = MEASURE };
	struct pn_object *o;

	walk(&w, writable(like));
	o = malloc(size + w.lists_size + w.text_size);
	if (!o)
		return -ENOMEM;
	memcpy(o, like, size);
	o->n_refs = 1;
	w.mode = COPY;
	w.lists = (char *)o + size;
	w.text = w.lists + w.lists_size;
	walk(&w, o);
	if (w.is_out_of_memory) {
		pn_object_free(o);
		return -ENOMEM;
	}
	*ret = o;
	return 0;
}

void pn_object_free(struct pn_object *o)
{
	struct walk w = { .mode = RELEASE };

	walk(&w, o);
	free(o);
}
