/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods from JSON: the addresses, the node, the declared host ports, the phase. Called through the
 * table of kinds for each pod in a list or watch event.
 */
#include "kube/json_fields.h"

#include <errno.h>
#include <string.h>

#include "base/intern.h"

enum { ADDR_TEXT_LEN = 256, SHORT_TEXT_LEN = 64 };

/* All that is kept of a pod, collected before the size of the object is known. */
struct draft {
	struct pn_meta meta;
	const char *node_name;
	enum pn_pod_phase phase;
	bool host_network;
	int64_t start_time_s;
	struct pn_addr_list addrs;
	struct pn_host_port host_ports[PN_MAX_PORTS];
	uint32_t n_host_ports, n_refused_ports;
};

static void read_port(struct pn_json_reader *rd, const json_t *port, struct draft *d)
{
	int64_t host = pn_json_int(rd, port, "hostPort");
	int64_t container = pn_json_int(rd, port, "containerPort");
	uint8_t proto = pn_proto_parse(pn_json_string(rd, port, "protocol", SHORT_TEXT_LEN));

	if (host == 0)
		return;
	if (host < 0 || host > UINT16_MAX || container < 0 || container > UINT16_MAX || !proto ||
	    d->n_host_ports == PN_MAX_PORTS) {
		d->n_refused_ports++;
		return;
	}
	d->host_ports[d->n_host_ports++] = (struct pn_host_port) {
		.host_port = (uint16_t)host,
		.container_port = (uint16_t)container,
		.proto = proto,
	};
}

static void read_containers(struct pn_json_reader *rd, const json_t *spec, const char *field,
			    struct draft *d)
{
	const json_t *containers = pn_json_array(rd, spec, field);

	for (size_t i = 0; i < json_array_size(containers); i++) {
		const json_t *c = pn_json_item(rd, containers, i, field);
		const json_t *ports = pn_json_array(rd, c, "ports");

		for (size_t k = 0; k < json_array_size(ports); k++)
			read_port(rd, pn_json_item(rd, ports, k, "ports"), d);
	}
}

static void read_addresses(struct pn_json_reader *rd, const json_t *status, struct draft *d)
{
	const json_t *ips = pn_json_array(rd, status, "podIPs");
	const char *ip = pn_json_string(rd, status, "podIP", ADDR_TEXT_LEN);

	for (size_t i = 0; i < json_array_size(ips); i++)
		pn_addr_list_add(&d->addrs, pn_json_string(rd, pn_json_item(rd, ips, i, "podIPs"),
							   "ip", ADDR_TEXT_LEN));
	if (json_array_size(ips) == 0)
		pn_addr_list_add(&d->addrs, ip);
}

static void read_pod(struct pn_json_reader *rd, const json_t *tree, struct draft *d)
{
	const json_t *spec = pn_json_object(rd, tree, "spec");
	const json_t *status = pn_json_object(rd, tree, "status");

	pn_json_meta(rd, tree, &d->meta);
	d->node_name = pn_json_name(rd, spec, "nodeName", PN_OBJECT_NAME_LEN);
	d->host_network = pn_json_bool(rd, spec, "hostNetwork");
	read_containers(rd, spec, "containers", d);
	read_containers(rd, spec, "initContainers", d);
	d->phase = pn_pod_phase_parse(pn_json_string(rd, status, "phase", SHORT_TEXT_LEN));
	d->start_time_s = pn_json_time(rd, status, "startTime");
	read_addresses(rd, status, d);
}

static int make_pod(const struct draft *d, struct pn_object **ret)
{
	size_t addrs_size = d->addrs.n * sizeof(d->addrs.addrs[0]);
	size_t ports_size = d->n_host_ports * sizeof(d->host_ports[0]);
	struct pn_pod *pod = (struct pn_pod *)pn_object_new(
		PN_KIND_POD, sizeof(*pod) + addrs_size + ports_size, &d->meta);

	if (!pod)
		return -ENOMEM;
	pod->meta.n_refused = (uint16_t)(d->addrs.n_refused + d->n_refused_ports);
	pod->phase = (uint8_t)d->phase;
	pod->host_network = d->host_network;
	pod->start_time_s = d->start_time_s;
	pod->n_addrs = (uint16_t)d->addrs.n;
	pod->addrs = memcpy(pod + 1, d->addrs.addrs, addrs_size);
	pod->n_host_ports = (uint16_t)d->n_host_ports;
	pod->host_ports = memcpy((char *)(pod + 1) + addrs_size, d->host_ports, ports_size);
	pod->node_name = pn_intern(d->node_name, strlen(d->node_name));
	if (!pod->node_name) {
		pn_object_unref(&pod->meta);
		return -ENOMEM;
	}
	*ret = &pod->meta;
	return 0;
}

int pn_decode_pod_json(const struct pn_decoding *decoding, const json_t *tree,
		       struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_json_reader rd = { .err = reterr };
	struct draft d = { 0 };

	(void)decoding;
	read_pod(&rd, tree, &d);
	return rd.error ? rd.error : make_pod(&d, ret);
}
