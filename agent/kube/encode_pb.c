/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects back into the API's messages, for files that the decoders are to read later: so there is one
 * reader of objects, which is checked and fuzzed, whatever they come from. A field that a decoder
 * learns to read needs its line here; tests/unit/kube/test_encode.c compares both ways.
 */
#include "kube/encode.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cidr.h"
#include "kube/pb_numbers.h"

/* --- parts --- */

static void put_time(struct pn_pb_writer *w, uint32_t number, int64_t seconds)
{
	size_t m;

	if (!seconds)
		return;
	m = pn_pb_begin(w, number);
	pn_pb_put_int(w, PB_TIME_SECONDS, (uint64_t)seconds);
	pn_pb_end(w, m);
}

static void put_entry(struct pn_pb_writer *w, uint32_t number, const struct pn_label *l)
{
	size_t m = pn_pb_begin(w, number);

	pn_pb_put_text(w, PB_ENTRY_KEY, l->key);
	pn_pb_put_text(w, PB_ENTRY_VALUE, l->value);
	pn_pb_end(w, m);
}

static void put_addr(struct pn_pb_writer *w, uint32_t number, const struct pn_addr *addr)
{
	char text[PN_ADDR_STRLEN];

	pn_pb_put_text(w, number, pn_addr_format(addr, text));
}

static void put_addrs(struct pn_pb_writer *w, uint32_t number, const struct pn_addr *addrs,
		      uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put_addr(w, number, &addrs[i]);
}

static void put_cidrs(struct pn_pb_writer *w, uint32_t number, const struct pn_cidr *cidrs,
		      uint32_t n)
{
	char text[PN_CIDR_STRLEN];

	for (uint32_t i = 0; i < n; i++)
		pn_pb_put_text(w, number, pn_cidr_format(&cidrs[i], text));
}

/* One that is absent is read as TCP. */
static void put_proto(struct pn_pb_writer *w, uint32_t number, uint8_t proto)
{
	if (proto != IPPROTO_TCP)
		pn_pb_put_text(w, number, proto == IPPROTO_UDP ? "UDP" : "SCTP");
}

static void put_nonzero(struct pn_pb_writer *w, uint32_t number, uint64_t value)
{
	if (value)
		pn_pb_put_int(w, number, value);
}

static void put_controller(struct pn_pb_writer *w, const struct pn_controller *c)
{
	size_t m;

	if (!c->kind[0] && !c->name[0] && !c->uid[0])
		return;
	m = pn_pb_begin(w, PB_META_OWNER_REFERENCES);
	pn_pb_put_text(w, PB_OWNER_KIND, c->kind);
	pn_pb_put_text(w, PB_OWNER_NAME, c->name);
	pn_pb_put_text(w, PB_OWNER_UID, c->uid);
	pn_pb_put_int(w, PB_OWNER_CONTROLLER, true);
	pn_pb_end(w, m);
}

/* A slice's service is kept where no label is. */
static void put_service_label(struct pn_pb_writer *w, const struct pn_object *o)
{
	const struct pn_endpointslice *slice = pn_object_endpointslice(o);
	struct pn_label label = { "kubernetes.io/service-name", "" };

	if (!slice || !slice->service[0] || pn_object_label(o, label.key))
		return;
	label.value = slice->service;
	put_entry(w, PB_META_LABELS, &label);
}

static void put_meta(struct pn_pb_writer *w, const struct pn_object *o)
{
	size_t m = pn_pb_begin(w, PB_OBJECT_METADATA);

	pn_pb_put_text(w, PB_META_NAME, o->name);
	pn_pb_put_text(w, PB_META_NAMESPACE, o->name_space);
	pn_pb_put_text(w, PB_META_UID, o->uid);
	pn_pb_put_text(w, PB_META_RESOURCE_VERSION, o->resource_version);
	put_time(w, PB_META_CREATION_TIMESTAMP, o->created_s);
	if (o->terminating) /* when is not kept */
		put_time(w, PB_META_DELETION_TIMESTAMP, 1);
	for (uint32_t i = 0; i < o->n_labels; i++)
		put_entry(w, PB_META_LABELS, &o->labels[i]);
	put_service_label(w, o);
	for (uint32_t i = 0; i < o->n_annotations; i++)
		put_entry(w, PB_META_ANNOTATIONS, &o->labels[o->n_labels + i]);
	put_controller(w, o->controller);
	pn_pb_end(w, m);
}

/* --- pods --- */

static void put_host_ports(struct pn_pb_writer *w, const struct pn_pod *p)
{
	size_t container, m;

	if (!p->n_host_ports)
		return;
	container = pn_pb_begin(w, PB_POD_SPEC_CONTAINERS);
	for (uint32_t i = 0; i < p->n_host_ports; i++) {
		m = pn_pb_begin(w, PB_CONTAINER_PORTS);
		pn_pb_put_int(w, PB_CONTAINER_PORT_HOST, p->host_ports[i].host_port);
		put_nonzero(w, PB_CONTAINER_PORT_CONTAINER, p->host_ports[i].container_port);
		put_proto(w, PB_CONTAINER_PORT_PROTOCOL, p->host_ports[i].proto);
		pn_pb_end(w, m);
	}
	pn_pb_end(w, container);
}

static void put_named_port(struct pn_pb_writer *w, const struct pn_named_port *port)
{
	size_t m = pn_pb_begin(w, PB_CONTAINER_PORTS);

	pn_pb_put_text(w, PB_CONTAINER_PORT_NAME, port->name);
	pn_pb_put_int(w, PB_CONTAINER_PORT_CONTAINER, port->port);
	put_proto(w, PB_CONTAINER_PORT_PROTOCOL, port->proto);
	pn_pb_end(w, m);
}

/* A container for each: which of them were together is not kept. */
static void put_named_ports(struct pn_pb_writer *w, const struct pn_pod *p)
{
	for (uint32_t i = 0; i < p->n_named_ports; i++) {
		bool is_init = p->named_ports[i].is_init;
		size_t container = pn_pb_begin(w, is_init ? PB_POD_SPEC_INIT_CONTAINERS
							  : PB_POD_SPEC_CONTAINERS);

		put_named_port(w, &p->named_ports[i]);
		if (is_init)
			pn_pb_put_text(w, PB_CONTAINER_RESTART_POLICY, "Always");
		pn_pb_end(w, container);
	}
}

static void put_ips(struct pn_pb_writer *w, uint32_t number, uint32_t ip_number,
		    const struct pn_addr *addrs, uint32_t n)
{
	size_t m;

	for (uint32_t i = 0; i < n; i++) {
		m = pn_pb_begin(w, number);
		put_addr(w, ip_number, &addrs[i]);
		pn_pb_end(w, m);
	}
}

static void put_pod(struct pn_pb_writer *w, const struct pn_object *o)
{
	const struct pn_pod *p = pn_object_pod(o);
	size_t m = pn_pb_begin(w, PB_OBJECT_SPEC);

	pn_pb_put_text(w, PB_POD_SPEC_NODE_NAME, p->node_name);
	put_nonzero(w, PB_POD_SPEC_HOST_NETWORK, p->host_network);
	put_host_ports(w, p);
	put_named_ports(w, p);
	pn_pb_end(w, m);
	m = pn_pb_begin(w, PB_OBJECT_STATUS);
	pn_pb_put_text(w, PB_POD_STATUS_PHASE, pn_pod_phase_name((enum pn_pod_phase)p->phase));
	put_time(w, PB_POD_STATUS_START_TIME, p->start_time_s);
	put_ips(w, PB_POD_STATUS_POD_IPS, PB_POD_IP_IP, p->addrs, p->n_addrs);
	put_ips(w, PB_POD_STATUS_HOST_IPS, PB_HOST_IP_IP, p->host_addrs, p->n_host_addrs);
	pn_pb_end(w, m);
}

/* --- services and slices --- */

/* Which of its addresses is which is not kept: all are cluster addresses here. */
static void put_service(struct pn_pb_writer *w, const struct pn_object *o)
{
	const struct pn_service *s = pn_object_service(o);
	size_t spec = pn_pb_begin(w, PB_OBJECT_SPEC), m;

	pn_pb_put_text(w, PB_SERVICE_SPEC_TYPE, s->type);
	put_addrs(w, PB_SERVICE_SPEC_CLUSTER_IPS, s->addrs, s->n_addrs);
	for (uint32_t i = 0; i < s->n_ports; i++) {
		m = pn_pb_begin(w, PB_SERVICE_SPEC_PORTS);
		pn_pb_put_text(w, PB_SERVICE_PORT_NAME, s->ports[i].name);
		pn_pb_put_int(w, PB_SERVICE_PORT_PORT, s->ports[i].port);
		put_nonzero(w, PB_SERVICE_PORT_NODE_PORT, s->ports[i].node_port);
		put_proto(w, PB_SERVICE_PORT_PROTOCOL, s->ports[i].proto);
		pn_pb_end(w, m);
	}
	pn_pb_end(w, spec);
}

static void put_target(struct pn_pb_writer *w, const struct pn_endpoint *e)
{
	size_t m = pn_pb_begin(w, PB_ENDPOINT_TARGET_REF);

	pn_pb_put_text(w, PB_REFERENCE_KIND, e->target_kind);
	pn_pb_put_text(w, PB_REFERENCE_NAMESPACE, e->target_namespace);
	pn_pb_put_text(w, PB_REFERENCE_NAME, e->target_name);
	pn_pb_end(w, m);
}

static void put_endpoint(struct pn_pb_writer *w, const struct pn_endpoint *e)
{
	size_t endpoint = pn_pb_begin(w, PB_SLICE_ENDPOINTS), m;

	put_addrs(w, PB_ENDPOINT_ADDRESSES, e->addrs, e->n_addrs);
	m = pn_pb_begin(w, PB_ENDPOINT_CONDITIONS);
	pn_pb_put_int(w, PB_CONDITIONS_READY, e->ready);
	pn_pb_put_int(w, PB_CONDITIONS_SERVING, e->serving);
	put_nonzero(w, PB_CONDITIONS_TERMINATING, e->terminating);
	pn_pb_end(w, m);
	put_target(w, e);
	pn_pb_put_text(w, PB_ENDPOINT_NODE_NAME, e->node_name);
	pn_pb_put_text(w, PB_ENDPOINT_ZONE, e->zone);
	pn_pb_end(w, endpoint);
}

static void put_slice(struct pn_pb_writer *w, const struct pn_object *o)
{
	const struct pn_endpointslice *s = pn_object_endpointslice(o);
	size_t m;

	pn_pb_put_text(w, PB_SLICE_ADDRESS_TYPE, s->address_type);
	for (uint32_t i = 0; i < s->n_endpoints; i++)
		put_endpoint(w, &s->endpoints[i]);
	for (uint32_t i = 0; i < s->n_ports; i++) {
		m = pn_pb_begin(w, PB_SLICE_PORTS);
		pn_pb_put_text(w, PB_ENDPOINT_PORT_NAME, s->ports[i].name);
		put_nonzero(w, PB_ENDPOINT_PORT_PORT, s->ports[i].port);
		put_proto(w, PB_ENDPOINT_PORT_PROTOCOL, s->ports[i].proto);
		pn_pb_end(w, m);
	}
}

/* --- nodes --- */

static void put_node(struct pn_pb_writer *w, const struct pn_object *o)
{
	const struct pn_node *n = pn_object_node(o);
	size_t m = pn_pb_begin(w, PB_OBJECT_SPEC), address;

	put_cidrs(w, PB_NODE_SPEC_POD_CIDRS, n->pod_cidrs, n->n_pod_cidrs);
	pn_pb_end(w, m);
	m = pn_pb_begin(w, PB_OBJECT_STATUS);
	for (uint32_t i = 0; i < n->n_addrs; i++) {
		address = pn_pb_begin(w, PB_NODE_STATUS_ADDRESSES);
		pn_pb_put_text(w, PB_NODE_ADDRESS_TYPE, "InternalIP");
		put_addr(w, PB_NODE_ADDRESS_ADDRESS, &n->addrs[i]);
		pn_pb_end(w, address);
	}
	pn_pb_end(w, m);
}

/* --- policies --- */

static void put_requirement(struct pn_pb_writer *w, const struct pn_label_requirement *q)
{
	static const char *const operators[] = {
		[PN_SELECTOR_IN] = "In",
		[PN_SELECTOR_NOT_IN] = "NotIn",
		[PN_SELECTOR_EXISTS] = "Exists",
		[PN_SELECTOR_DOES_NOT_EXIST] = "DoesNotExist",
	};
	_Static_assert(PN_ARRAY_SIZE(operators) == PN_SELECTOR_OP_MAX, "a name for each operator");
	size_t m = pn_pb_begin(w, PB_SELECTOR_MATCH_EXPRESSIONS);

	pn_pb_put_text(w, PB_REQUIREMENT_KEY, q->key);
	pn_pb_put_text(w, PB_REQUIREMENT_OPERATOR, operators[q->op]);
	for (uint32_t i = 0; i < q->n_values; i++) /* "" is a value as any other */
		pn_pb_put_bytes(w, PB_REQUIREMENT_VALUES, q->values[i], strlen(q->values[i]));
	pn_pb_end(w, m);
}

/* An empty selector is not an absent one. */
static void put_selector(struct pn_pb_writer *w, uint32_t number, const struct pn_label_selector *s)
{
	size_t m;

	if (!s)
		return;
	m = pn_pb_begin(w, number);
	for (uint32_t i = 0; i < s->n_labels; i++)
		put_entry(w, PB_SELECTOR_MATCH_LABELS, &s->labels[i]);
	for (uint32_t i = 0; i < s->n_requirements; i++)
		put_requirement(w, &s->requirements[i]);
	pn_pb_end(w, m);
}

static void put_policy_port(struct pn_pb_writer *w, const struct pn_policy_port *p)
{
	size_t port = pn_pb_begin(w, PB_POLICY_RULE_PORTS), m;

	put_proto(w, PB_POLICY_PORT_PROTOCOL, p->proto);
	if (p->port || p->port_name[0]) {
		m = pn_pb_begin(w, PB_POLICY_PORT_PORT);
		if (p->port_name[0])
			pn_pb_put_int(w, PB_INT_OR_STRING_TYPE, PB_INT_OR_STRING_IS_STRING);
		put_nonzero(w, PB_INT_OR_STRING_INT, p->port);
		pn_pb_put_text(w, PB_INT_OR_STRING_STRING, p->port_name);
		pn_pb_end(w, m);
	}
	if (p->end_port != p->port)
		pn_pb_put_int(w, PB_POLICY_PORT_END_PORT, p->end_port);
	pn_pb_end(w, port);
}

static void put_peer(struct pn_pb_writer *w, const struct pn_policy_peer *p)
{
	size_t peer = pn_pb_begin(w, PB_POLICY_RULE_PEERS), m;

	put_selector(w, PB_POLICY_PEER_POD_SELECTOR, p->pods);
	put_selector(w, PB_POLICY_PEER_NAMESPACE_SELECTOR, p->namespaces);
	if (p->block) {
		m = pn_pb_begin(w, PB_POLICY_PEER_IP_BLOCK);
		put_cidrs(w, PB_IP_BLOCK_CIDR, p->block, 1);
		put_cidrs(w, PB_IP_BLOCK_EXCEPT, p->except, p->n_except);
		pn_pb_end(w, m);
	}
	pn_pb_end(w, peer);
}

static void put_rules(struct pn_pb_writer *w, uint32_t number, const struct pn_policy_rule *rules,
		      uint32_t n)
{
	size_t m;

	for (uint32_t i = 0; i < n; i++) {
		m = pn_pb_begin(w, number);
		for (uint32_t k = 0; k < rules[i].n_ports; k++)
			put_policy_port(w, &rules[i].ports[k]);
		for (uint32_t k = 0; k < rules[i].n_peers; k++)
			put_peer(w, &rules[i].peers[k]);
		pn_pb_end(w, m);
	}
}

static void put_policy(struct pn_pb_writer *w, const struct pn_object *o)
{
	const struct pn_networkpolicy *p = pn_object_networkpolicy(o);
	size_t m = pn_pb_begin(w, PB_OBJECT_SPEC);

	put_selector(w, PB_POLICY_SPEC_POD_SELECTOR, &p->pods);
	put_rules(w, PB_POLICY_SPEC_INGRESS, p->ingress, p->n_ingress);
	put_rules(w, PB_POLICY_SPEC_EGRESS, p->egress, p->n_egress);
	if (p->is_ingress)
		pn_pb_put_text(w, PB_POLICY_SPEC_POLICY_TYPES, "Ingress");
	if (p->is_egress)
		pn_pb_put_text(w, PB_POLICY_SPEC_POLICY_TYPES, "Egress");
	if (p->is_invalid) /* what was not understood is gone, that there was something is not */
		pn_pb_put_text(w, PB_POLICY_SPEC_POLICY_TYPES, "NotUnderstood");
	pn_pb_end(w, m);
}

/* --- all of them --- */

static void put_nothing(struct pn_pb_writer *w, const struct pn_object *o)
{
	(void)w;
	(void)o;
}

static void (*const encoders[])(struct pn_pb_writer *w, const struct pn_object *o) = {
	[PN_KIND_POD] = put_pod,
	[PN_KIND_SERVICE] = put_service,
	[PN_KIND_NODE] = put_node,
	[PN_KIND_NAMESPACE] = put_nothing,
	[PN_KIND_REPLICASET] = put_nothing,
	[PN_KIND_JOB] = put_nothing,
	[PN_KIND_ENDPOINTSLICE] = put_slice,
	[PN_KIND_NETWORKPOLICY] = put_policy,
};
_Static_assert(PN_ARRAY_SIZE(encoders) == PN_KIND_GENERIC, "an encoder for each kind");

bool pn_encode_pb(struct pn_pb_writer *w, const struct pn_object *obj)
{
	if (obj->kind >= PN_ARRAY_SIZE(encoders))
		return false;
	put_meta(w, obj);
	encoders[obj->kind](w, obj);
	return true;
}
