/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services: the virtual addresses and the ports. A headless service has no address, as for
 * kube-proxy, which leaves such a service alone even if it names external addresses.
 */
#include <string.h>

#include "kube/json_fields.h"
#include "kube/kind.h"
#include "kube/pb_fields.h"
#include "kube/pb_numbers.h"

struct draft {
	struct pn_draft common;
	struct pn_service svc;
	const char *cluster_ip;
	struct pn_texts cluster_ips, external_ips, ingress;
};

static void begin(struct draft *d, const struct pn_decoding *decoding, struct pn_err *err)
{
	pn_draft_begin(&d->common, decoding, err, &d->svc.meta, PN_KIND_SERVICE);
	d->svc.type = d->cluster_ip = "";
}

static void add_port(struct draft *d, const char *name, int64_t port, int64_t node_port,
		     const char *proto_name)
{
	uint8_t proto = pn_proto_parse(proto_name);
	struct pn_service_port *v;

	if (port < 1 || port > UINT16_MAX || node_port < 0 || node_port > UINT16_MAX || !proto) {
		d->common.n_refused++;
		return;
	}
	v = pn_draft_more(&d->common, d->svc.ports, d->svc.n_ports, sizeof(*v), PN_MAX_PORTS);
	if (!v)
		return;
	v[d->svc.n_ports++] =
		(struct pn_service_port) { name, (uint16_t)port, (uint16_t)node_port, proto };
	d->svc.ports = v;
}

static void add_addresses(struct draft *d, struct pn_addr_list *addrs, const struct pn_texts *texts)
{
	for (uint32_t i = 0; i < texts->n; i++)
		pn_addr_list_add(&d->common, addrs, texts->v[i]);
}

static int finish(struct draft *d, struct pn_object **ret)
{
	struct pn_addr_list addrs = { 0 };

	if (strcmp(d->cluster_ip, "None") != 0) {
		pn_addr_list_add(&d->common, &addrs, d->cluster_ip);
		add_addresses(d, &addrs, &d->cluster_ips);
		add_addresses(d, &addrs, &d->external_ips);
		add_addresses(d, &addrs, &d->ingress);
	}
	d->svc.addrs = addrs.v;
	d->svc.n_addrs = addrs.n;
	return pn_draft_finish(&d->common, &d->svc.meta, ret);
}

static void read_ports_json(struct draft *d, const json_t *spec)
{
	struct pn_draft *c = &d->common;
	const json_t *ports = pn_json_array(c, spec, "ports");

	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *port = pn_json_item(c, ports, i, "ports");

		add_port(d, pn_json_name(c, port, "name", PN_SHORT_TEXT_LEN),
			 pn_json_int(c, port, "port"), pn_json_int(c, port, "nodePort"),
			 pn_json_string(c, port, "protocol", PN_SHORT_TEXT_LEN));
	}
}

static void read_ingress_json(struct draft *d, const json_t *status)
{
	struct pn_draft *c = &d->common;
	const json_t *list = pn_json_array(c, pn_json_object(c, status, "loadBalancer"), "ingress");

	for (size_t i = 0; i < json_array_size(list); i++)
		pn_texts_add(c, &d->ingress,
			     pn_json_string(c, pn_json_item(c, list, i, "ingress"), "ip",
					    PN_ADDR_TEXT_LEN));
}

int pn_decode_service_json(const struct pn_decoding *decoding, const json_t *tree,
			   struct pn_object **ret, struct pn_err *reterr)
{
	struct draft d = { 0 };
	struct pn_draft *c = &d.common;
	const json_t *spec;

	begin(&d, decoding, reterr);
	pn_json_meta(c, tree, &d.svc.meta);
	spec = pn_json_object(c, tree, "spec");
	d.svc.type = pn_json_name(c, spec, "type", PN_SHORT_TEXT_LEN);
	d.cluster_ip = pn_json_string(c, spec, "clusterIP", PN_ADDR_TEXT_LEN);
	pn_json_texts(c, spec, "clusterIPs", PN_ADDR_TEXT_LEN, &d.cluster_ips);
	pn_json_texts(c, spec, "externalIPs", PN_ADDR_TEXT_LEN, &d.external_ips);
	read_ports_json(&d, spec);
	read_ingress_json(&d, pn_json_object(c, tree, "status"));
	return finish(&d, ret);
}

static void read_port_pb(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_draft *c = &d->common;
	struct pn_pb m = pn_pb_message(c, f, "ports");
	const char *name = "", *proto = "";
	int64_t port = 0, node_port = 0;
	struct pn_pb_field part;

	while (pn_pb_next(c, &m, &part)) {
		if (part.number == PB_SERVICE_PORT_NAME)
			name = pn_pb_name(c, &part, "name", PN_SHORT_TEXT_LEN);
		else if (part.number == PB_SERVICE_PORT_PROTOCOL)
			proto = pn_pb_string(c, &part, "protocol", PN_SHORT_TEXT_LEN);
		else if (part.number == PB_SERVICE_PORT_PORT)
			port = pn_pb_int(c, &part, "port");
		else if (part.number == PB_SERVICE_PORT_NODE_PORT)
			node_port = pn_pb_int(c, &part, "nodePort");
	}
	add_port(d, name, port, node_port, proto);
}

static void read_spec_pb(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_draft *c = &d->common;
	struct pn_pb m = pn_pb_message(c, f, "spec");
	struct pn_pb_field part;

	while (pn_pb_next(c, &m, &part)) {
		switch (part.number) {
		case PB_SERVICE_SPEC_PORTS:
			read_port_pb(d, &part);
			break;
		case PB_SERVICE_SPEC_CLUSTER_IP:
			d->cluster_ip = pn_pb_string(c, &part, "clusterIP", PN_ADDR_TEXT_LEN);
			break;
		case PB_SERVICE_SPEC_TYPE:
			d->svc.type = pn_pb_name(c, &part, "type", PN_SHORT_TEXT_LEN);
			break;
		case PB_SERVICE_SPEC_EXTERNAL_IPS:
			pn_texts_add(c, &d->external_ips,
				     pn_pb_string(c, &part, "externalIPs", PN_ADDR_TEXT_LEN));
			break;
		case PB_SERVICE_SPEC_CLUSTER_IPS:
			pn_texts_add(c, &d->cluster_ips,
				     pn_pb_string(c, &part, "clusterIPs", PN_ADDR_TEXT_LEN));
			break;
		default:
			break;
		}
	}
}

static void read_ingress_pb(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_pb m = pn_pb_message(&d->common, f, "ingress");
	struct pn_pb_field part;

	while (pn_pb_next(&d->common, &m, &part))
		if (part.number == PB_INGRESS_IP)
			pn_texts_add(&d->common, &d->ingress,
				     pn_pb_string(&d->common, &part, "ip", PN_ADDR_TEXT_LEN));
}

static void read_balancer_pb(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_pb m = pn_pb_message(&d->common, f, "loadBalancer");
	struct pn_pb_field part;

	while (pn_pb_next(&d->common, &m, &part))
		if (part.number == PB_LOAD_BALANCER_INGRESS)
			read_ingress_pb(d, &part);
}

static void read_status_pb(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_pb m = pn_pb_message(&d->common, f, "status");
	struct pn_pb_field part;

	while (pn_pb_next(&d->common, &m, &part))
		if (part.number == PB_SERVICE_STATUS_LOAD_BALANCER)
			read_balancer_pb(d, &part);
}

int pn_decode_service_pb(const struct pn_decoding *decoding, const uint8_t *bytes, size_t len,
			 struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_pb m = pn_pb_from(bytes, len);
	struct draft d = { 0 };
	struct pn_pb_field f;

	begin(&d, decoding, reterr);
	while (pn_pb_next(&d.common, &m, &f)) {
		if (f.number == PB_OBJECT_METADATA)
			pn_pb_meta(&d.common, &f, &d.svc.meta);
		else if (f.number == PB_OBJECT_SPEC)
			read_spec_pb(&d, &f);
		else if (f.number == PB_OBJECT_STATUS)
			read_status_pb(&d, &f);
	}
	return finish(&d, ret);
}
