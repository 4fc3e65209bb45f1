/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods: the addresses, the node and its addresses, the declared host ports and those with a name, the
 * phase. Called through the table of kinds for each pod in a list or watch event.
 */
#include <string.h>

#include "kube/json_fields.h"
#include "kube/kind.h"
#include "kube/pb_fields.h"
#include "kube/pb_numbers.h"

/* A pod as it is collected; both encodings end in the functions that follow. */
struct draft {
	struct pn_draft common;
	struct pn_pod pod;
	const char *pod_ip, *host_ip;
	struct pn_texts pod_ips, host_ips;
};

static void begin(struct draft *d, const struct pn_decoding *decoding, struct pn_err *err)
{
	pn_draft_begin(&d->common, decoding, err, &d->pod.meta, PN_KIND_POD);
	d->pod.node_name = d->pod_ip = d->host_ip = "";
}

/* A container's port as it is written. */
struct port {
	int64_t host, container;
	const char *name, *proto;
};

/* What a container is to its ports' names. */
enum container { CONTAINER_MAIN, CONTAINER_RESTARTED, CONTAINER_PASSING };

static void add_named_port(struct draft *d, const struct port *port, enum container container)
{
	uint8_t proto = pn_proto_parse(port->proto);
	struct pn_named_port *v;

	if (!port->name[0] || container == CONTAINER_PASSING)
		return;
	if (port->container < 1 || port->container > UINT16_MAX || !proto) {
		d->common.n_refused++;
		return;
	}
	v = pn_draft_more(&d->common, d->pod.named_ports, d->pod.n_named_ports, sizeof(*v),
			  PN_MAX_PORTS);
	if (!v)
		return;
	v[d->pod.n_named_ports++] =
		(struct pn_named_port) { port->name, (uint16_t)port->container, proto,
					 container == CONTAINER_RESTARTED };
	d->pod.named_ports = v;
}

static void add_host_port(struct draft *d, const struct port *port)
{
	int64_t host = port->host, container = port->container;
	uint8_t proto = pn_proto_parse(port->proto);
	struct pn_host_port *v;

	if (host == 0)
		return;
	if (host < 0 || host > UINT16_MAX || container < 0 || container > UINT16_MAX || !proto) {
		d->common.n_refused++;
		return;
	}
	v = pn_draft_more(&d->common, d->pod.host_ports, d->pod.n_host_ports, sizeof(*v),
			  PN_MAX_PORTS);
	if (!v)
		return;
	v[d->pod.n_host_ports++] =
		(struct pn_host_port) { (uint16_t)host, (uint16_t)container, proto };
	d->pod.host_ports = v;
}

/* The list, or the single address that older servers have in its place. */
static struct pn_addr_list addrs_of(struct draft *d, const struct pn_texts *all, const char *only)
{
	struct pn_addr_list addrs = { 0 };

	for (uint32_t i = 0; i < all->n; i++)
		pn_addr_list_add(&d->common, &addrs, all->v[i]);
	if (!all->n)
		pn_addr_list_add(&d->common, &addrs, only);
	return addrs;
}

static int finish(struct draft *d, struct pn_object **ret)
{
	struct pn_addr_list addrs = addrs_of(d, &d->pod_ips, d->pod_ip);
	struct pn_addr_list host_addrs = addrs_of(d, &d->host_ips, d->host_ip);

	d->pod.addrs = addrs.v;
	d->pod.n_addrs = (uint16_t)addrs.n;
	d->pod.host_addrs = host_addrs.v;
	d->pod.n_host_addrs = (uint16_t)host_addrs.n;
	return pn_draft_finish(&d->common, &d->pod.meta, ret);
}

static void read_ports_json(struct draft *d, const json_t *tree, enum container container)
{
	struct pn_draft *c = &d->common;
	const json_t *ports = pn_json_array(c, tree, "ports");

	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *entry = pn_json_item(c, ports, i, "ports");
		struct port port = {
			.host = pn_json_int(c, entry, "hostPort"),
			.container = pn_json_int(c, entry, "containerPort"),
			.name = pn_json_name(c, entry, "name", PN_SHORT_TEXT_LEN),
			.proto = pn_json_string(c, entry, "protocol", PN_SHORT_TEXT_LEN),
		};

		add_host_port(d, &port);
		add_named_port(d, &port, container);
	}
}

static enum container init_container(const char *restart_policy)
{
	return strcmp(restart_policy, "Always") == 0 ? CONTAINER_RESTARTED : CONTAINER_PASSING;
}

static void read_containers_json(struct draft *d, const json_t *spec)
{
	struct pn_draft *c = &d->common;
	const json_t *main = pn_json_array(c, spec, "containers");
	const json_t *init = pn_json_array(c, spec, "initContainers");

	for (size_t i = 0; i < json_array_size(main); i++)
		read_ports_json(d, pn_json_item(c, main, i, "containers"), CONTAINER_MAIN);
	for (size_t i = 0; i < json_array_size(init); i++) {
		const json_t *tree = pn_json_item(c, init, i, "initContainers");

		read_ports_json(d, tree,
				init_container(pn_json_string(c, tree, "restartPolicy",
							      PN_SHORT_TEXT_LEN)));
	}
}

static void read_ips_json(struct pn_draft *c, const json_t *status, const char *field,
			  struct pn_texts *ret)
{
	const json_t *ips = pn_json_array(c, status, field);

	for (size_t i = 0; i < json_array_size(ips); i++)
		pn_texts_add(
			c, ret,
			pn_json_string(c, pn_json_item(c, ips, i, field), "ip", PN_ADDR_TEXT_LEN));
}

static void read_status_json(struct draft *d, const json_t *status)
{
	struct pn_draft *c = &d->common;

	d->pod.phase =
		(uint8_t)pn_pod_phase_parse(pn_json_string(c, status, "phase", PN_SHORT_TEXT_LEN));
	d->pod.start_time_s = pn_json_time(c, status, "startTime");
	d->pod_ip = pn_json_string(c, status, "podIP", PN_ADDR_TEXT_LEN);
	d->host_ip = pn_json_string(c, status, "hostIP", PN_ADDR_TEXT_LEN);
	read_ips_json(c, status, "podIPs", &d->pod_ips);
	read_ips_json(c, status, "hostIPs", &d->host_ips);
}

int pn_decode_pod_json(const struct pn_decoding *decoding, const json_t *tree,
		       struct pn_object **ret, struct pn_err *reterr)
{
	struct draft d = { 0 };
	const json_t *spec;

	begin(&d, decoding, reterr);
	pn_json_meta(&d.common, tree, &d.pod.meta);
	spec = pn_json_object(&d.common, tree, "spec");
	d.pod.node_name = pn_json_name(&d.common, spec, "nodeName", PN_OBJECT_NAME_LEN);
	d.pod.host_network = pn_json_bool(&d.common, spec, "hostNetwork", false);
	read_containers_json(&d, spec);
	read_status_json(&d, pn_json_object(&d.common, tree, "status"));
	return finish(&d, ret);
}

static void read_port_pb(struct draft *d, const struct pn_pb_field *f, enum container container)
{
	struct pn_draft *c = &d->common;
	struct pn_pb m = pn_pb_message(c, f, "ports");
	struct port port = { .name = "" };
	struct pn_pb_field part, proto = { .type = PN_PB_BYTES };

	while (pn_pb_next(c, &m, &part)) {
		if (part.number == PB_CONTAINER_PORT_NAME)
			port.name = pn_pb_name(c, &part, "name", PN_SHORT_TEXT_LEN);
		else if (part.number == PB_CONTAINER_PORT_HOST)
			port.host = pn_pb_int(c, &part, "hostPort");
		else if (part.number == PB_CONTAINER_PORT_CONTAINER)
			port.container = pn_pb_int(c, &part, "containerPort");
		else if (part.number == PB_CONTAINER_PORT_PROTOCOL)
			proto = part;
	}
	port.proto = pn_pb_string(c, &proto, "protocol", PN_SHORT_TEXT_LEN);
	add_host_port(d, &port);
	add_named_port(d, &port, container);
}

/* The policy stands behind the ports. */
static enum container init_container_pb(struct pn_draft *c, struct pn_pb m)
{
	struct pn_pb_field part;
	const char *policy = "";

	while (pn_pb_next(c, &m, &part))
		if (part.number == PB_CONTAINER_RESTART_POLICY)
			policy = pn_pb_string(c, &part, "restartPolicy", PN_SHORT_TEXT_LEN);
	return init_container(policy);
}

static void read_container_pb(struct draft *d, const struct pn_pb_field *f)
{
	bool is_init = f->number == PB_POD_SPEC_INIT_CONTAINERS;
	struct pn_pb m = pn_pb_message(&d->common, f, "containers");
	enum container container = is_init ? init_container_pb(&d->common, m) : CONTAINER_MAIN;
	struct pn_pb_field part;

	while (pn_pb_next(&d->common, &m, &part))
		if (part.number == PB_CONTAINER_PORTS)
			read_port_pb(d, &part, container);
}

static void read_spec_pb(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_draft *c = &d->common;
	struct pn_pb m = pn_pb_message(c, f, "spec");
	struct pn_pb_field part;

	while (pn_pb_next(c, &m, &part)) {
		if (part.number == PB_POD_SPEC_CONTAINERS ||
		    part.number == PB_POD_SPEC_INIT_CONTAINERS)
			read_container_pb(d, &part);
		else if (part.number == PB_POD_SPEC_NODE_NAME)
			d->pod.node_name = pn_pb_name(c, &part, "nodeName", PN_OBJECT_NAME_LEN);
		else if (part.number == PB_POD_SPEC_HOST_NETWORK)
			d->pod.host_network = pn_pb_bool(c, &part, "hostNetwork");
	}
}

static void read_ip_pb(struct pn_draft *c, const struct pn_pb_field *f, const char *field,
		       uint32_t number, struct pn_texts *ret)
{
	struct pn_pb m = pn_pb_message(c, f, field);
	struct pn_pb_field part;
	const char *ip = "";

	while (pn_pb_next(c, &m, &part))
		if (part.number == number)
			ip = pn_pb_string(c, &part, "ip", PN_ADDR_TEXT_LEN);
	pn_texts_add(c, ret, ip);
}

static void read_status_pb(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_draft *c = &d->common;
	struct pn_pb m = pn_pb_message(c, f, "status");
	struct pn_pb_field part;

	while (pn_pb_next(c, &m, &part)) {
		if (part.number == PB_POD_STATUS_PHASE)
			d->pod.phase = (uint8_t)pn_pod_phase_parse(
				pn_pb_string(c, &part, "phase", PN_SHORT_TEXT_LEN));
		else if (part.number == PB_POD_STATUS_POD_IP)
			d->pod_ip = pn_pb_string(c, &part, "podIP", PN_ADDR_TEXT_LEN);
		else if (part.number == PB_POD_STATUS_START_TIME)
			d->pod.start_time_s = pn_pb_time(c, &part, "startTime");
		else if (part.number == PB_POD_STATUS_POD_IPS)
			read_ip_pb(c, &part, "podIPs", PB_POD_IP_IP, &d->pod_ips);
		else if (part.number == PB_POD_STATUS_HOST_IP)
			d->host_ip = pn_pb_string(c, &part, "hostIP", PN_ADDR_TEXT_LEN);
		else if (part.number == PB_POD_STATUS_HOST_IPS)
			read_ip_pb(c, &part, "hostIPs", PB_HOST_IP_IP, &d->host_ips);
	}
}

int pn_decode_pod_pb(const struct pn_decoding *decoding, const uint8_t *bytes, size_t len,
		     struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_pb m = pn_pb_from(bytes, len);
	struct draft d = { 0 };
	struct pn_pb_field f;

	begin(&d, decoding, reterr);
	while (pn_pb_next(&d.common, &m, &f)) {
		if (f.number == PB_OBJECT_METADATA)
			pn_pb_meta(&d.common, &f, &d.pod.meta);
		else if (f.number == PB_OBJECT_SPEC)
			read_spec_pb(&d, &f);
		else if (f.number == PB_OBJECT_STATUS)
			read_status_pb(&d, &f);
	}
	return finish(&d, ret);
}
