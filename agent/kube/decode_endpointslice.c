/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EndpointSlices: who stands behind a service, and on which ports.
 */
#include <string.h>

#include "kube/json_fields.h"
#include "kube/kind.h"
#include "kube/pb_fields.h"
#include "kube/pb_numbers.h"

/* As many as the API allows in a slice. */
enum { MAX_ENDPOINTS = 1000 };

/* An endpoint whose addresses are still text: what they are the slice may say only later. */
struct endpoint {
	struct pn_endpoint e;
	struct pn_texts addresses;
};

struct draft {
	struct pn_draft common;
	struct pn_endpointslice slice;
	struct endpoint *endpoints;
	uint32_t n_endpoints;
};

static void begin(struct draft *d, const struct pn_decoding *decoding, struct pn_err *err)
{
	pn_draft_begin(&d->common, decoding, err, &d->slice.meta, PN_KIND_ENDPOINTSLICE);
	d->common.watch_label = "kubernetes.io/service-name";
	d->slice.address_type = "";
}

static struct endpoint new_endpoint(void)
{
	return (struct endpoint) { .e = {
					   .ready = true,
					   .serving = true,
					   .node_name = "",
					   .zone = "",
					   .target_kind = "",
					   .target_namespace = "",
					   .target_name = "",
				   } };
}

static void add_endpoint(struct draft *d, const struct endpoint *e)
{
	struct endpoint *v =
		pn_draft_more(&d->common, d->endpoints, d->n_endpoints, sizeof(*v), MAX_ENDPOINTS);

	if (!v)
		return;
	v[d->n_endpoints++] = *e;
	d->endpoints = v;
}

static void add_port(struct draft *d, const char *name, int64_t port, const char *proto_name)
{
	uint8_t proto = pn_proto_parse(proto_name);
	struct pn_endpoint_port *v;

	if (port < 0 || port > UINT16_MAX || !proto) {
		d->common.n_refused++;
		return;
	}
	v = pn_draft_more(&d->common, d->slice.ports, d->slice.n_ports, sizeof(*v), PN_MAX_PORTS);
	if (!v)
		return;
	v[d->slice.n_ports++] = (struct pn_endpoint_port) { name, (uint16_t)port, proto };
	d->slice.ports = v;
}

static struct pn_endpoint finish_endpoint(struct draft *d, const struct endpoint *from,
					  bool has_ips)
{
	struct pn_addr_list addrs = { 0 };
	struct pn_endpoint e = from->e;

	for (uint32_t i = 0; has_ips && i < from->addresses.n; i++)
		pn_addr_list_add(&d->common, &addrs, from->addresses.v[i]);
	e.addrs = addrs.v;
	e.n_addrs = addrs.n;
	return e;
}

static int finish(struct draft *d, struct pn_object **ret)
{
	bool has_ips = strcmp(d->slice.address_type, "FQDN") != 0;
	struct pn_endpoint *v =
		d->n_endpoints ? pn_draft_alloc(&d->common, d->n_endpoints * sizeof(*v)) : NULL;

	for (uint32_t i = 0; v && i < d->n_endpoints; i++)
		v[i] = finish_endpoint(d, &d->endpoints[i], has_ips);
	d->slice.endpoints = v;
	d->slice.n_endpoints = v ? d->n_endpoints : 0;
	d->slice.service = d->common.label_value;
	return pn_draft_finish(&d->common, &d->slice.meta, ret);
}

static void read_endpoint_json(struct draft *d, const json_t *tree)
{
	struct pn_draft *c = &d->common;
	const json_t *conditions = pn_json_object(c, tree, "conditions");
	const json_t *target = pn_json_object(c, tree, "targetRef");
	struct endpoint
		e = { .e = {
			      .ready = pn_json_bool(c, conditions, "ready", true),
			      .serving = pn_json_bool(c, conditions, "serving", true),
			      .terminating = pn_json_bool(c, conditions, "terminating", false),
			      .node_name = pn_json_name(c, tree, "nodeName", PN_OBJECT_NAME_LEN),
			      .zone = pn_json_name(c, tree, "zone", PN_OBJECT_NAME_LEN),
			      .target_kind = pn_json_name(c, target, "kind", PN_OBJECT_KIND_LEN),
			      .target_namespace =
				      pn_json_name(c, target, "namespace", PN_OBJECT_NAMESPACE_LEN),
			      .target_name = pn_json_name(c, target, "name", PN_OBJECT_NAME_LEN),
		      } };

	pn_json_texts(c, tree, "addresses", PN_ADDR_TEXT_LEN, &e.addresses);
	add_endpoint(d, &e);
}

int pn_decode_endpointslice_json(const struct pn_decoding *decoding, const json_t *tree,
				 struct pn_object **ret, struct pn_err *reterr)
{
	struct draft d = { 0 };
	struct pn_draft *c = &d.common;
	const json_t *list;

	begin(&d, decoding, reterr);
	pn_json_meta(c, tree, &d.slice.meta);
	d.slice.address_type = pn_json_name(c, tree, "addressType", PN_SHORT_TEXT_LEN);
	list = pn_json_array(c, tree, "endpoints");
	for (size_t i = 0; i < json_array_size(list); i++)
		read_endpoint_json(&d, pn_json_item(c, list, i, "endpoints"));
	list = pn_json_array(c, tree, "ports");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *port = pn_json_item(c, list, i, "ports");

		add_port(&d, pn_json_name(c, port, "name", PN_SHORT_TEXT_LEN),
			 pn_json_int(c, port, "port"),
			 pn_json_string(c, port, "protocol", PN_SHORT_TEXT_LEN));
	}
	return finish(&d, ret);
}

static void read_conditions_pb(struct pn_draft *c, const struct pn_pb_field *f,
			       struct pn_endpoint *e)
{
	struct pn_pb m = pn_pb_message(c, f, "conditions");
	struct pn_pb_field part;

	while (pn_pb_next(c, &m, &part)) {
		if (part.number == PB_CONDITIONS_READY)
			e->ready = pn_pb_bool(c, &part, "ready");
		else if (part.number == PB_CONDITIONS_SERVING)
			e->serving = pn_pb_bool(c, &part, "serving");
		else if (part.number == PB_CONDITIONS_TERMINATING)
			e->terminating = pn_pb_bool(c, &part, "terminating");
	}
}

static void read_target_pb(struct pn_draft *c, const struct pn_pb_field *f, struct pn_endpoint *e)
{
	struct pn_pb m = pn_pb_message(c, f, "targetRef");
	struct pn_pb_field part;

	while (pn_pb_next(c, &m, &part)) {
		if (part.number == PB_REFERENCE_KIND)
			e->target_kind = pn_pb_name(c, &part, "kind", PN_OBJECT_KIND_LEN);
		else if (part.number == PB_REFERENCE_NAMESPACE)
			e->target_namespace =
				pn_pb_name(c, &part, "namespace", PN_OBJECT_NAMESPACE_LEN);
		else if (part.number == PB_REFERENCE_NAME)
			e->target_name = pn_pb_name(c, &part, "name", PN_OBJECT_NAME_LEN);
	}
}

static void read_endpoint_pb(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_draft *c = &d->common;
	struct pn_pb m = pn_pb_message(c, f, "endpoints");
	struct endpoint e = new_endpoint();
	struct pn_pb_field part;

	while (pn_pb_next(c, &m, &part)) {
		switch (part.number) {
		case PB_ENDPOINT_ADDRESSES:
			pn_texts_add(c, &e.addresses,
				     pn_pb_string(c, &part, "addresses", PN_ADDR_TEXT_LEN));
			break;
		case PB_ENDPOINT_CONDITIONS:
			read_conditions_pb(c, &part, &e.e);
			break;
		case PB_ENDPOINT_TARGET_REF:
			read_target_pb(c, &part, &e.e);
			break;
		case PB_ENDPOINT_NODE_NAME:
			e.e.node_name = pn_pb_name(c, &part, "nodeName", PN_OBJECT_NAME_LEN);
			break;
		case PB_ENDPOINT_ZONE:
			e.e.zone = pn_pb_name(c, &part, "zone", PN_OBJECT_NAME_LEN);
			break;
		default:
			break;
		}
	}
	add_endpoint(d, &e);
}

static void read_port_pb(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_draft *c = &d->common;
	struct pn_pb m = pn_pb_message(c, f, "ports");
	const char *name = "", *proto = "";
	struct pn_pb_field part;
	int64_t port = 0;

	while (pn_pb_next(c, &m, &part)) {
		if (part.number == PB_ENDPOINT_PORT_NAME)
			name = pn_pb_name(c, &part, "name", PN_SHORT_TEXT_LEN);
		else if (part.number == PB_ENDPOINT_PORT_PROTOCOL)
			proto = pn_pb_string(c, &part, "protocol", PN_SHORT_TEXT_LEN);
		else if (part.number == PB_ENDPOINT_PORT_PORT)
			port = pn_pb_int(c, &part, "port");
	}
	add_port(d, name, port, proto);
}

int pn_decode_endpointslice_pb(const struct pn_decoding *decoding, const uint8_t *bytes, size_t len,
			       struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_pb m = pn_pb_from(bytes, len);
	struct draft d = { 0 };
	struct pn_pb_field f;

	begin(&d, decoding, reterr);
	while (pn_pb_next(&d.common, &m, &f)) {
		if (f.number == PB_OBJECT_METADATA)
			pn_pb_meta(&d.common, &f, &d.slice.meta);
		else if (f.number == PB_SLICE_ENDPOINTS)
			read_endpoint_pb(&d, &f);
		else if (f.number == PB_SLICE_PORTS)
			read_port_pb(&d, &f);
		else if (f.number == PB_SLICE_ADDRESS_TYPE)
			d.slice.address_type =
				pn_pb_name(&d.common, &f, "addressType", PN_SHORT_TEXT_LEN);
	}
	return finish(&d, ret);
}
