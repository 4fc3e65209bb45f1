/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_OBJECT_TEXT_H
#define PN_TEST_OBJECT_TEXT_H

#include "base/buf.h"
#include <podonym/objects.h>

/*
 * All that an object holds as text, so that two can be compared and a test can say what it expects.
 */

#define SAY(b, ...) assert_int_equal(pn_buf_printf(b, __VA_ARGS__), 0)

static void say_labels(struct pn_buf *b, const struct pn_label *labels, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		SAY(b, "%s%s=%s", i ? "," : "", labels[i].key, labels[i].value);
}

static void say_meta(struct pn_buf *b, const struct pn_object *o)
{
	SAY(b, "%d %s/%s uid=%s rv=%s created=%lld", o->kind, o->name_space, o->name, o->uid,
	    o->resource_version, (long long)o->created_s);
	SAY(b, " controller=%s:%s:%s refused=%u%s labels=[", o->controller->kind,
	    o->controller->name, o->controller->uid, o->n_refused,
	    o->terminating ? " terminating" : "");
	say_labels(b, o->labels, o->n_labels);
	SAY(b, "] annotations=[");
	if (o->n_annotations)
		say_labels(b, o->labels + o->n_labels, o->n_annotations);
	SAY(b, "]\n");
}

static void say_addrs(struct pn_buf *b, const struct pn_addr *addrs, uint32_t n)
{
	char text[PN_ADDR_STRLEN];

	for (uint32_t i = 0; i < n; i++)
		SAY(b, "%s%s", i ? " " : "", pn_addr_format(&addrs[i], text));
}

static void say_cidrs(struct pn_buf *b, const struct pn_cidr *c, uint32_t n)
{
	char text[PN_ADDR_STRLEN];

	for (uint32_t i = 0; i < n; i++)
		SAY(b, "%s%s/%u", i ? " " : "", pn_addr_format(&c[i].addr, text), c[i].prefix_len);
}

static void say_pod(struct pn_buf *b, const struct pn_pod *p)
{
	SAY(b, "%s node=%s start=%lld%s addrs=", pn_pod_phase_name((enum pn_pod_phase)p->phase),
	    p->node_name, (long long)p->start_time_s, p->host_network ? " host" : "");
	say_addrs(b, p->addrs, p->n_addrs);
	for (uint32_t i = 0; i < p->n_host_ports; i++)
		SAY(b, " port=%u:%u/%u", p->host_ports[i].host_port,
		    p->host_ports[i].container_port, p->host_ports[i].proto);
	for (uint32_t i = 0; i < p->n_named_ports; i++)
		SAY(b, " %sname=%s:%u/%u", p->named_ports[i].is_init ? "init-" : "",
		    p->named_ports[i].name, p->named_ports[i].port, p->named_ports[i].proto);
	if (p->n_host_addrs)
		SAY(b, " host-addrs=");
	say_addrs(b, p->host_addrs, p->n_host_addrs);
}

static void say_service(struct pn_buf *b, const struct pn_service *s)
{
	SAY(b, "%s addrs=", s->type);
	say_addrs(b, s->addrs, s->n_addrs);
	for (uint32_t i = 0; i < s->n_ports; i++)
		SAY(b, " port=%s:%u:%u/%u", s->ports[i].name, s->ports[i].port,
		    s->ports[i].node_port, s->ports[i].proto);
}

static void say_endpoint(struct pn_buf *b, const struct pn_endpoint *e)
{
	SAY(b, "\n");
	say_addrs(b, e->addrs, e->n_addrs);
	SAY(b, " %s%s%snode=%s zone=%s target=%s:%s/%s", e->ready ? "ready " : "",
	    e->serving ? "serving " : "", e->terminating ? "terminating " : "", e->node_name,
	    e->zone, e->target_kind, e->target_namespace, e->target_name);
}

static void say_slice(struct pn_buf *b, const struct pn_endpointslice *s)
{
	SAY(b, "%s service=%s", s->address_type, s->service);
	for (uint32_t i = 0; i < s->n_ports; i++)
		SAY(b, " port=%s:%u/%u", s->ports[i].name, s->ports[i].port, s->ports[i].proto);
	for (uint32_t i = 0; i < s->n_endpoints; i++)
		say_endpoint(b, &s->endpoints[i]);
}

static void say_selector(struct pn_buf *b, const struct pn_label_selector *s)
{
	static const char *const ops[] = { "in", "notin", "exists", "absent" };

	SAY(b, "{");
	say_labels(b, s->labels, s->n_labels);
	for (uint32_t i = 0; i < s->n_requirements; i++) {
		const struct pn_label_requirement *q = &s->requirements[i];

		SAY(b, " %s %s(", q->key, ops[q->op]);
		for (uint32_t k = 0; k < q->n_values; k++)
			SAY(b, "%s%s", k ? "," : "", q->values[k]);
		SAY(b, ")");
	}
	SAY(b, "}");
}

static void say_peer(struct pn_buf *b, const struct pn_policy_peer *p)
{
	if (p->pods) {
		SAY(b, " pods=");
		say_selector(b, p->pods);
	}
	if (p->namespaces) {
		SAY(b, " namespaces=");
		say_selector(b, p->namespaces);
	}
	if (p->block) {
		SAY(b, " block=");
		say_cidrs(b, p->block, 1);
		SAY(b, " except=");
		say_cidrs(b, p->except, p->n_except);
	}
	SAY(b, ";");
}

static void say_rules(struct pn_buf *b, const char *way, const struct pn_policy_rule *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		SAY(b, "\n%s", way);
		for (uint32_t k = 0; k < r[i].n_ports; k++)
			SAY(b, " %s%u-%u/%u", r[i].ports[k].port_name, r[i].ports[k].port,
			    r[i].ports[k].end_port, r[i].ports[k].proto);
		for (uint32_t k = 0; k < r[i].n_peers; k++)
			say_peer(b, &r[i].peers[k]);
	}
}

static void say_policy(struct pn_buf *b, const struct pn_networkpolicy *p)
{
	SAY(b, "%s%s%s", p->is_ingress ? "ingress " : "", p->is_egress ? "egress " : "",
	    p->is_invalid ? "invalid " : "");
	say_selector(b, &p->pods);
	say_rules(b, "in", p->ingress, p->n_ingress);
	say_rules(b, "out", p->egress, p->n_egress);
}

/** say_object() - appends to @b */
static inline void say_object(struct pn_buf *b, const struct pn_object *o)
{
	say_meta(b, o);
	if (o->kind == PN_KIND_POD)
		say_pod(b, pn_object_pod(o));
	else if (o->kind == PN_KIND_SERVICE)
		say_service(b, pn_object_service(o));
	else if (o->kind == PN_KIND_ENDPOINTSLICE)
		say_slice(b, pn_object_endpointslice(o));
	else if (o->kind == PN_KIND_NETWORKPOLICY)
		say_policy(b, pn_object_networkpolicy(o));
	else if (o->kind == PN_KIND_GENERIC)
		SAY(b, "%s", pn_object_generic(o)->json);
	if (o->kind != PN_KIND_NODE)
		return;
	say_addrs(b, pn_object_node(o)->addrs, pn_object_node(o)->n_addrs);
	SAY(b, " cidrs=");
	say_cidrs(b, pn_object_node(o)->pod_cidrs, pn_object_node(o)->n_pod_cidrs);
}

#endif
