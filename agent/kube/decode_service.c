/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services from JSON: the virtual addresses and the ports. A headless service has no address, as
 * for kube-proxy, which leaves such a service alone even if it names external addresses.
 */
#include "kube/json_fields.h"

#include <errno.h>
#include <string.h>

#include "base/intern.h"

enum { ADDR_TEXT_LEN = 256, SHORT_TEXT_LEN = 64 };

/* A port whose name still belongs to the tree. */
struct port_draft {
	const char *name;
	uint16_t port, node_port;
	uint8_t proto;
};

struct draft {
	struct pn_meta meta;
	const char *type;
	struct pn_addr_list addrs;
	struct port_draft ports[PN_MAX_PORTS];
	uint32_t n_ports, n_refused_ports;
};

static void read_port(struct pn_json_reader *rd, const json_t *entry, struct draft *d)
{
	int64_t port = pn_json_int(rd, entry, "port");
	int64_t node_port = pn_json_int(rd, entry, "nodePort");
	uint8_t proto = pn_proto_parse(pn_json_string(rd, entry, "protocol", SHORT_TEXT_LEN));

	if (port < 1 || port > UINT16_MAX || node_port < 0 || node_port > UINT16_MAX || !proto ||
	    d->n_ports == PN_MAX_PORTS) {
		d->n_refused_ports++;
		return;
	}
	d->ports[d->n_ports++] = (struct port_draft) {
		.name = pn_json_name(rd, entry, "name", SHORT_TEXT_LEN),
		.port = (uint16_t)port,
		.node_port = (uint16_t)node_port,
		.proto = proto,
	};
}

static void read_address_texts(struct pn_json_reader *rd, const json_t *spec, const char *field,
			       struct draft *d)
{
	const json_t *texts = pn_json_array(rd, spec, field);

	for (size_t i = 0; i < json_array_size(texts); i++)
		pn_addr_list_add(&d->addrs,
				 pn_json_text(rd, json_array_get(texts, i), field, ADDR_TEXT_LEN));
}

static void read_ingress(struct pn_json_reader *rd, const json_t *status, struct draft *d)
{
	const json_t *balancer = pn_json_object(rd, status, "loadBalancer");
	const json_t *ingress = pn_json_array(rd, balancer, "ingress");

	for (size_t i = 0; i < json_array_size(ingress); i++)
		pn_addr_list_add(&d->addrs,
				 pn_json_string(rd, pn_json_item(rd, ingress, i, "ingress"), "ip",
						ADDR_TEXT_LEN));
}

static void read_addresses(struct pn_json_reader *rd, const json_t *tree, const json_t *spec,
			   struct draft *d)
{
	const char *cluster_ip = pn_json_string(rd, spec, "clusterIP", ADDR_TEXT_LEN);

	if (strcmp(cluster_ip, "None") == 0)
		return;
	pn_addr_list_add(&d->addrs, cluster_ip);
	read_address_texts(rd, spec, "clusterIPs", d);
	read_address_texts(rd, spec, "externalIPs", d);
	read_ingress(rd, pn_json_object(rd, tree, "status"), d);
}

static void read_service(struct pn_json_reader *rd, const json_t *tree, struct draft *d)
{
	const json_t *spec = pn_json_object(rd, tree, "spec");
	const json_t *ports = pn_json_array(rd, spec, "ports");

	pn_json_meta(rd, tree, &d->meta);
	d->type = pn_json_name(rd, spec, "type", SHORT_TEXT_LEN);
	read_addresses(rd, tree, spec, d);
	for (size_t i = 0; i < json_array_size(ports); i++)
		read_port(rd, pn_json_item(rd, ports, i, "ports"), d);
}

/* The names are interned last and counted as they come, so a half-filled service can be freed. */
static int fill_ports(struct pn_service *svc, struct pn_service_port *ports, const struct draft *d)
{
	svc->ports = ports;
	for (uint32_t i = 0; i < d->n_ports; i++) {
		const struct port_draft *from = &d->ports[i];
		const char *name = pn_intern(from->name, strlen(from->name));

		if (!name)
			return -ENOMEM;
		ports[i] =
			(struct pn_service_port) { name, from->port, from->node_port, from->proto };
		svc->n_ports++;
	}
	return 0;
}

/* The ports stand in front of the addresses because they hold pointers. */
static int make_service(const struct draft *d, struct pn_object **ret)
{
	size_t addrs_size = d->addrs.n * sizeof(d->addrs.addrs[0]);
	size_t ports_size = d->n_ports * sizeof(struct pn_service_port);
	struct pn_service *svc = (struct pn_service *)pn_object_new(
		PN_KIND_SERVICE, sizeof(*svc) + ports_size + addrs_size, &d->meta);

	if (!svc)
		return -ENOMEM;
	svc->meta.n_refused = (uint16_t)(d->addrs.n_refused + d->n_refused_ports);
	svc->n_addrs = d->addrs.n;
	svc->addrs = memcpy((char *)(svc + 1) + ports_size, d->addrs.addrs, addrs_size);
	svc->type = pn_intern(d->type, strlen(d->type));
	if (!svc->type || fill_ports(svc, (struct pn_service_port *)(svc + 1), d) < 0) {
		pn_object_unref(&svc->meta);
		return -ENOMEM;
	}
	*ret = &svc->meta;
	return 0;
}

int pn_decode_service_json(const struct pn_decoding *decoding, const json_t *tree,
			   struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_json_reader rd = { .err = reterr };
	struct draft d = { 0 };

	(void)decoding;
	read_service(&rd, tree, &d);
	return rd.error ? rd.error : make_service(&d, ret);
}
