/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects as text: one row and one JSON document a kind. Only what podonym keeps of an object can
 * be shown, which is what its decisions rest on.
 */
#include "cmd/object_print.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/buf.h"
#include "kube/kind.h"

enum { MAX_CELL = 64 * 1024 };

static const char *const pod_headings[] = { "NAMESPACE", "NAME",  "PHASE", "ADDRESSES",
					    "NODE",	 "OWNER", "AGE" };
static const char *const service_headings[] = { "NAMESPACE", "NAME",  "TYPE",
						"ADDRESSES", "PORTS", "AGE" };
static const char *const node_headings[] = { "NAME", "ADDRESSES", "AGE" };
static const char *const namespace_headings[] = { "NAME", "AGE" };
static const char *const replicaset_headings[] = { "NAMESPACE", "NAME", "OWNER", "AGE" };

static const struct {
	const char *const *names;
	size_t n;
} headings[] = {
	[PN_KIND_POD] = { pod_headings, PN_ARRAY_SIZE(pod_headings) },
	[PN_KIND_SERVICE] = { service_headings, PN_ARRAY_SIZE(service_headings) },
	[PN_KIND_NODE] = { node_headings, PN_ARRAY_SIZE(node_headings) },
	[PN_KIND_NAMESPACE] = { namespace_headings, PN_ARRAY_SIZE(namespace_headings) },
	[PN_KIND_REPLICASET] = { replicaset_headings, PN_ARRAY_SIZE(replicaset_headings) },
};
_Static_assert(PN_ARRAY_SIZE(headings) == PN_KIND_MAX, "headings for each kind");

struct pn_table *pn_print_table_new(enum pn_kind_id kind)
{
	return pn_table_new(headings[kind].names, headings[kind].n);
}

static const char *proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	default:
		return "?";
	}
}

static int age_cell(struct pn_table *t, const struct pn_object *obj, int64_t now_s)
{
	long long s = obj->created_s && now_s > obj->created_s ? now_s - obj->created_s : 0;

	if (!obj->created_s)
		return pn_table_cell(t, "%s", "");
	if (s < 120)
		return pn_table_cell(t, "%llds", s);
	if (s < 2 * 3600)
		return pn_table_cell(t, "%lldm", s / 60);
	if (s < 2 * 86400)
		return pn_table_cell(t, "%lldh", s / 3600);
	return pn_table_cell(t, "%lldd", s / 86400);
}

static int addrs_cell(struct pn_table *t, const struct pn_addr *addrs, size_t n)
{
	struct pn_buf text = PN_BUF_INIT(MAX_CELL);
	char buf[PN_ADDR_STRLEN];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = pn_buf_printf(&text, "%s%s", i ? "," : "", pn_addr_format(&addrs[i], buf));
	if (r == 0)
		r = pn_table_cell(t, "%s", text.data ? text.data : "");
	pn_buf_done(&text);
	return r;
}

static int ports_cell(struct pn_table *t, const struct pn_service *s)
{
	struct pn_buf text = PN_BUF_INIT(MAX_CELL);
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_ports; i++) {
		const struct pn_service_port *p = &s->ports[i];

		r = pn_buf_printf(&text, "%s%u", i ? "," : "", p->port);
		if (r == 0 && p->node_port)
			r = pn_buf_printf(&text, ":%u", p->node_port);
		if (r == 0)
			r = pn_buf_printf(&text, "/%s", proto_name(p->proto));
	}
	if (r == 0)
		r = pn_table_cell(t, "%s", text.data ? text.data : "");
	pn_buf_done(&text);
	return r;
}

static int owner_cell(struct pn_table *t, const struct pn_object *obj)
{
	const struct pn_controller *c = &obj->controller;

	return pn_table_cell(t, "%s%s%s", c->kind, *c->kind ? "/" : "", c->name);
}

static int pod_cells(struct pn_table *t, const struct pn_pod *pod)
{
	int r = pn_table_cell(t, "%s",
			      pod->terminating ? "Terminating" : pn_pod_phase_name(pod->phase));

	r = r ? r : addrs_cell(t, pod->addrs, pod->n_addrs);
	r = r ? r : pn_table_cell(t, "%s", pod->node_name);
	return r ? r : owner_cell(t, &pod->meta);
}

static int service_cells(struct pn_table *t, const struct pn_service *service)
{
	int r = pn_table_cell(t, "%s", service->type);

	r = r ? r : addrs_cell(t, service->addrs, service->n_addrs);
	return r ? r : ports_cell(t, service);
}

static int kind_cells(struct pn_table *t, const struct pn_object *obj)
{
	switch (obj->kind) {
	case PN_KIND_POD:
		return pod_cells(t, pn_object_pod(obj));
	case PN_KIND_SERVICE:
		return service_cells(t, pn_object_service(obj));
	case PN_KIND_NODE:
		return addrs_cell(t, pn_object_node(obj)->addrs, pn_object_node(obj)->n_addrs);
	case PN_KIND_REPLICASET:
		return owner_cell(t, obj);
	case PN_KIND_NAMESPACE:
	case PN_KIND_MAX:
		break;
	}
	return 0;
}

int pn_print_row(struct pn_table *t, const struct pn_object *obj, int64_t now_s)
{
	int r = 0;

	if (obj->kind != PN_KIND_NODE && obj->kind != PN_KIND_NAMESPACE)
		r = pn_table_cell(t, "%s", obj->name_space);
	r = r ? r : pn_table_cell(t, "%s", obj->name);
	r = r ? r : kind_cells(t, obj);
	return r ? r : age_cell(t, obj, now_s);
}

static json_t *addrs_json(const struct pn_addr *addrs, size_t n)
{
	json_t *list = json_array();
	char buf[PN_ADDR_STRLEN];

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, json_string(pn_addr_format(&addrs[i], buf)));
	return list;
}

static json_t *metadata_json(const struct pn_object *obj)
{
	json_t *doc = json_pack("{s:s, s:s, s:s}", "name", obj->name, "uid", obj->uid,
				"resourceVersion", obj->resource_version);
	const struct pn_controller *c = &obj->controller;

	if (*obj->name_space)
		(void)json_object_set_new(doc, "namespace", json_string(obj->name_space));
	if (*c->kind)
		(void)json_object_set_new(doc, "ownerReferences",
					  json_pack("[{s:s, s:s, s:s, s:b}]", "kind", c->kind,
						    "name", c->name, "uid", c->uid, "controller",
						    1));
	return doc;
}

static json_t *pod_ips_json(const struct pn_pod *pod)
{
	json_t *list = json_array();
	char buf[PN_ADDR_STRLEN];

	for (size_t i = 0; i < pod->n_addrs; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s}", "ip", pn_addr_format(&pod->addrs[i], buf)));
	return list;
}

static void add_pod_json(json_t *doc, const struct pn_pod *pod)
{
	(void)json_object_set_new(doc, "spec",
				  json_pack("{s:s, s:b}", "nodeName", pod->node_name, "hostNetwork",
					    pod->host_network));
	(void)json_object_set_new(doc, "status",
				  json_pack("{s:s, s:o}", "phase", pn_pod_phase_name(pod->phase),
					    "podIPs", pod_ips_json(pod)));
}

static void add_service_json(json_t *doc, const struct pn_service *s)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < s->n_ports; i++)
		(void)json_array_append_new(
			ports, json_pack("{s:s, s:i, s:i, s:s}", "name", s->ports[i].name, "port",
					 s->ports[i].port, "nodePort", s->ports[i].node_port,
					 "protocol", proto_name(s->ports[i].proto)));
	(void)json_object_set_new(doc, "spec",
				  json_pack("{s:s, s:o, s:o}", "type", s->type, "addresses",
					    addrs_json(s->addrs, s->n_addrs), "ports", ports));
}

json_t *pn_print_json(const struct pn_object *obj)
{
	json_t *doc = json_pack("{s:s, s:o}", "kind", pn_kind_get(obj->kind)->kind, "metadata",
				metadata_json(obj));

	if (obj->kind == PN_KIND_POD)
		add_pod_json(doc, pn_object_pod(obj));
	else if (obj->kind == PN_KIND_SERVICE)
		add_service_json(doc, pn_object_service(obj));
	else if (obj->kind == PN_KIND_NODE)
		(void)json_object_set_new(
			doc, "addresses",
			addrs_json(pn_object_node(obj)->addrs, pn_object_node(obj)->n_addrs));
	return doc;
}
