/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FUZZ_CHECK_OBJECT_H
#define PN_FUZZ_CHECK_OBJECT_H

#include <assert.h>
#include <string.h>

#include "base/addr.h"
#include <podonym/objects.h>

/*
 * What holds of every object, whatever it was made of: names are names, lists are within their
 * limits.
 */

static void check_name(const char *name, size_t longest)
{
	assert(strlen(name) <= longest);
	for (const char *c = name; *c; c++)
		assert(*c > ' ' && *c <= '~' && *c != '/');
}

/* Those that the fuzz targets ask for. */
static const char *const kept_annotations[] = { "app", "note", NULL };

static void check_annotations(const struct pn_label *annotations, uint32_t n)
{
	assert(n <= 2);
	for (uint32_t i = 0; i < n; i++) {
		assert(strcmp(annotations[i].key, "app") == 0 ||
		       strcmp(annotations[i].key, "note") == 0);
		assert(!i || strcmp(annotations[i - 1].key, annotations[i].key) < 0);
	}
}

static void check_labels(const struct pn_label *labels, uint32_t n)
{
	assert(n <= PN_MAX_LABELS && !labels == !n);
	for (uint32_t i = 0; i < n; i++) {
		assert(labels[i].key[0] && strlen(labels[i].value) <= 63);
		assert(!i || strcmp(labels[i - 1].key, labels[i].key) < 0);
	}
}

static void check_addrs(const struct pn_addr *addrs, uint32_t n)
{
	assert(n <= PN_MAX_ADDRS && !addrs == !n);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < i; k++)
			assert(!pn_addr_eq(&addrs[i], &addrs[k]));
}

static void check_cidrs(const struct pn_cidr *cidrs, uint32_t n)
{
	assert(!cidrs == !n);
	for (uint32_t i = 0; i < n; i++)
		assert(cidrs[i].prefix_len <= 128);
}

static void check_pod(const struct pn_pod *pod)
{
	assert(pod->n_host_ports <= PN_MAX_PORTS && pod->phase < PN_POD_PHASE_MAX);
	check_name(pod->node_name, 253);
	check_addrs(pod->addrs, pod->n_addrs);
	check_addrs(pod->host_addrs, pod->n_host_addrs);
	for (uint32_t i = 0; i < pod->n_host_ports; i++)
		assert(pod->host_ports[i].host_port && pod->host_ports[i].proto);
}

static void check_service(const struct pn_service *svc)
{
	assert(svc->n_ports <= PN_MAX_PORTS);
	check_addrs(svc->addrs, svc->n_addrs);
	for (uint32_t i = 0; i < svc->n_ports; i++) {
		check_name(svc->ports[i].name, 63);
		assert(svc->ports[i].port && svc->ports[i].proto);
	}
}

static void check_slice(const struct pn_endpointslice *s)
{
	assert(s->n_ports <= PN_MAX_PORTS && s->n_endpoints <= 1000);
	check_name(s->address_type, 63);
	assert(strlen(s->service) <= 63);
	for (uint32_t i = 0; i < s->n_endpoints; i++) {
		const struct pn_endpoint *e = &s->endpoints[i];

		check_addrs(e->addrs, e->n_addrs);
		check_name(e->node_name, 253);
		check_name(e->zone, 253);
		check_name(e->target_kind, 63);
		check_name(e->target_namespace, 63);
		check_name(e->target_name, 253);
	}
	for (uint32_t i = 0; i < s->n_ports; i++)
		assert(s->ports[i].proto);
}

static void check_selector(const struct pn_label_selector *s)
{
	check_labels(s->labels, s->n_labels);
	for (uint32_t i = 0; i < s->n_requirements; i++) {
		const struct pn_label_requirement *q = &s->requirements[i];

		assert(q->key[0] && q->op < PN_SELECTOR_OP_MAX);
		assert(!q->n_values == (q->op >= PN_SELECTOR_EXISTS));
		for (uint32_t k = 0; k < q->n_values; k++)
			assert(strlen(q->values[k]) <= 63);
	}
}

static void check_peer(const struct pn_policy_peer *p)
{
	assert(!p->block == (p->pods || p->namespaces));
	check_cidrs(p->block, p->block != NULL);
	check_cidrs(p->except, p->n_except);
	if (p->pods)
		check_selector(p->pods);
	if (p->namespaces)
		check_selector(p->namespaces);
}

static void check_rules(const struct pn_policy_rule *rules, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		assert(rules[i].n_ports <= PN_MAX_PORTS);
		for (uint32_t k = 0; k < rules[i].n_ports; k++) {
			const struct pn_policy_port *p = &rules[i].ports[k];

			assert(p->proto && p->end_port >= p->port);
			assert(!p->port_name[0] || !p->port);
		}
		for (uint32_t k = 0; k < rules[i].n_peers; k++)
			check_peer(&rules[i].peers[k]);
	}
}

static void check_policy(const struct pn_networkpolicy *p)
{
	check_selector(&p->pods);
	check_rules(p->ingress, p->n_ingress);
	check_rules(p->egress, p->n_egress);
	assert(!p->is_invalid || p->meta.n_refused);
}

static inline void check_object(const struct pn_object *obj)
{
	char key[PN_KEY_LEN];

	check_name(obj->name_space, 63);
	check_name(obj->name, 253);
	check_name(obj->uid, 39);
	check_name(obj->resource_version, 127);
	check_name(obj->controller->kind, 63);
	check_name(obj->controller->name, 253);
	check_name(obj->controller->uid, 39);
	check_labels(obj->n_labels ? obj->labels : NULL, obj->n_labels);
	if (obj->n_annotations)
		check_annotations(obj->labels + obj->n_labels, obj->n_annotations);
	assert(obj->name[0] && strlen(pn_object_key(obj, key)) < PN_KEY_LEN);
	if (obj->kind == PN_KIND_POD)
		check_pod(pn_object_pod(obj));
	else if (obj->kind == PN_KIND_SERVICE)
		check_service(pn_object_service(obj));
	else if (obj->kind == PN_KIND_ENDPOINTSLICE)
		check_slice(pn_object_endpointslice(obj));
	else if (obj->kind == PN_KIND_NETWORKPOLICY)
		check_policy(pn_object_networkpolicy(obj));
	else if (obj->kind == PN_KIND_GENERIC)
		assert(strlen(pn_object_generic(obj)->json) == pn_object_generic(obj)->len);
	if (obj->kind != PN_KIND_NODE)
		return;
	check_addrs(pn_object_node(obj)->addrs, pn_object_node(obj)->n_addrs);
	check_cidrs(pn_object_node(obj)->pod_cidrs, pn_object_node(obj)->n_pod_cidrs);
}

#endif
