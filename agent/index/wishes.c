/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an object asks for: from its fields to places. Called by index.c with every object that came
 * or changed, which then withdraws what the object no longer asks for.
 *
 *   pod       its addresses; in its node's network instead of them its declared ports on each of them;
 *             host ports on each address of its node
 *   Service   its addresses, its ports on each of them, its node ports on every node
 *   node      its addresses, and the networks that its pods live in
 */
#include "index/private.h"

#include <string.h>

#include "base/metric.h"

/* struct asker - one pass over an object; the first failure ends it */
struct asker {
	struct pn_index *idx;
	struct pn_claimant *c;
	pn_nsec now;
	int r;
};

static void ask(struct asker *a, struct pn_place_key key)
{
	if (a->r == 0)
		a->r = pn_place_ask(a->idx, a->c, &key, a->now);
}

/* Unspecified, loopback and multicast addresses are nobody's. */
static bool is_ownable(const struct pn_addr *a)
{
	static const uint8_t zero[15];

	if (pn_addr_is_v4(a))
		return a->b[12] != 0 && a->b[12] != 127 && a->b[12] < 224;
	return a->b[0] != 0xff && (memcmp(a->b, zero, sizeof(zero)) != 0 || a->b[15] > 1);
}

static bool refuse(const struct pn_addr *a)
{
	if (is_ownable(a))
		return false;
	pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
	return true;
}

static void ask_host_ports(struct asker *a, const struct pn_pod *pod, const struct pn_addr *addr)
{
	for (uint32_t i = 0; i < pod->n_host_ports; i++) {
		const struct pn_host_port *p = &pod->host_ports[i];

		if (p->proto && p->host_port)
			ask(a, pn_place_port(PN_PLACE_HOSTPORT, addr, p->proto, p->host_port));
	}
}

static void ask_pod(struct asker *a, const struct pn_pod *pod)
{
	for (uint32_t i = 0; i < pod->n_addrs; i++) {
		if (refuse(&pod->addrs[i]))
			continue;
		if (pod->host_network)
			ask_host_ports(a, pod, &pod->addrs[i]);
		else
			ask(a, pn_place_address(pod->addrs[i].b));
	}
	if (pod->host_network || !pod->n_host_ports)
		return;
	for (uint32_t i = 0; i < pod->n_host_addrs; i++) {
		if (!refuse(&pod->host_addrs[i]))
			ask_host_ports(a, pod, &pod->host_addrs[i]);
	}
}

static void ask_service(struct asker *a, const struct pn_service *svc)
{
	for (uint32_t i = 0; i < svc->n_addrs; i++) {
		const struct pn_addr *addr = &svc->addrs[i];

		if (refuse(addr))
			continue;
		ask(a, pn_place_address(addr->b));
		for (uint32_t k = 0; k < svc->n_ports; k++) {
			const struct pn_service_port *p = &svc->ports[k];

			if (p->proto)
				ask(a, pn_place_port(PN_PLACE_SERVICE, addr, p->proto, p->port));
		}
	}
	for (uint32_t k = 0; k < svc->n_ports; k++) {
		const struct pn_service_port *p = &svc->ports[k];

		if (p->proto && p->node_port)
			ask(a, pn_place_port(PN_PLACE_SERVICE, NULL, p->proto, p->node_port));
	}
}

static void ask_node(struct asker *a, const struct pn_node *node)
{
	for (uint32_t i = 0; i < node->n_addrs; i++) {
		if (!refuse(&node->addrs[i]))
			ask(a, pn_place_address(node->addrs[i].b));
	}
	for (uint32_t i = 0; i < node->n_pod_cidrs; i++) {
		const struct pn_cidr *cidr = &node->pod_cidrs[i];

		if (cidr->prefix_len <= PN_ADDR_BITS)
			ask(a, pn_place_network(cidr->addr.b, cidr->prefix_len));
		else
			pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
	}
}

int pn_wishes_ask(struct pn_index *idx, struct pn_claimant *c, const struct pn_object *o,
		  pn_nsec now)
{
	struct asker a = { .idx = idx, .c = c, .now = now };

	switch (o->kind) {
	case PN_KIND_POD:
		ask_pod(&a, pn_object_pod(o));
		break;
	case PN_KIND_SERVICE:
		ask_service(&a, pn_object_service(o));
		break;
	case PN_KIND_NODE:
		ask_node(&a, pn_object_node(o));
		break;
	default:
		break;
	}
	return a.r;
}

static bool is_over(const struct pn_pod *pod)
{
	return pod->phase == PN_POD_SUCCEEDED || pod->phase == PN_POD_FAILED;
}

uint32_t pn_wishes_count(const struct pn_object *o)
{
	const struct pn_pod *pod;
	const struct pn_node *node;

	switch (o->kind) {
	case PN_KIND_POD:
		pod = pn_object_pod(o);
		if (is_over(pod))
			return 0;
		return pod->host_network ? pod->n_addrs * pod->n_host_ports
					 : pod->n_addrs + pod->n_host_addrs * pod->n_host_ports;
	case PN_KIND_SERVICE:
		return pn_object_service(o)->n_addrs;
	case PN_KIND_NODE:
		node = pn_object_node(o);
		return node->n_addrs + node->n_pod_cidrs;
	default:
		return 0;
	}
}

/*
 * The cgroups of a pod of this node lead to its name, whatever its addresses; and a Service may have
 * endpoints or node ports without having an address.
 */
bool pn_wishes_any(const struct pn_object *o, bool is_here)
{
	if (o->kind == PN_KIND_POD)
		return pn_wishes_count(o) > 0 || (is_here && !is_over(pn_object_pod(o)));
	if (o->kind == PN_KIND_SERVICE)
		return strcmp(pn_object_service(o)->type, "ExternalName") != 0 ||
		       pn_wishes_count(o) > 0;
	return pn_wishes_count(o) > 0;
}
