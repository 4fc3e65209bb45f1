/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetworkPolicies, from either encoding; what they mean is in policy_draft.c.
 */
#include "kube/json_fields.h"
#include "kube/kind.h"
#include "kube/pb_fields.h"
#include "kube/pb_numbers.h"
#include "kube/policy_draft.h"

struct pn_label_selector pn_policy_selector_json(struct pn_draft *d, const json_t *tree)
{
	const json_t *list = pn_json_array(d, tree, "matchExpressions");
	struct pn_selector_draft s = { 0 };

	pn_json_labels(d, tree, "matchLabels", &s.labels, pn_label_list_add);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = pn_json_item(d, list, i, "matchExpressions");
		struct pn_texts values = { 0 };

		pn_json_texts(d, entry, "values", PN_LABEL_VALUE_LEN, &values);
		pn_policy_add_requirement(d, &s, pn_json_string(d, entry, "key", PN_LABEL_KEY_LEN),
					  pn_json_string(d, entry, "operator", PN_SHORT_TEXT_LEN),
					  &values);
	}
	return pn_policy_selector(&s);
}

static const struct pn_label_selector *keep(struct pn_draft *d, struct pn_label_selector s)
{
	struct pn_label_selector *to = pn_draft_alloc(d, sizeof(*to));

	if (to)
		*to = s;
	return to;
}

static const struct pn_label_selector *read_optional_json(struct pn_draft *d, const json_t *parent,
							  const char *field)
{
	const json_t *tree = pn_json_object(d, parent, field);

	return tree ? keep(d, pn_policy_selector_json(d, tree)) : NULL;
}

static void read_port_json(struct pn_draft *d, const json_t *tree, struct pn_rule_draft *rule)
{
	const json_t *v = json_object_get(tree, "port");
	struct pn_port_draft port = {
		.proto = pn_json_string(d, tree, "protocol", PN_SHORT_TEXT_LEN),
		.has_port = v && !json_is_null(v),
		.is_name = json_is_string(v),
		.end_port = pn_json_int(d, tree, "endPort"),
		.name = "",
	};

	if (port.is_name)
		port.name = pn_json_name(d, tree, "port", PN_SHORT_TEXT_LEN);
	else
		port.port = pn_json_int(d, tree, "port");
	pn_policy_add_port(d, rule, &port);
}

static void read_peer_json(struct pn_draft *d, const json_t *tree, struct pn_rule_draft *rule)
{
	const json_t *block = pn_json_object(d, tree, "ipBlock");
	struct pn_peer_draft peer = {
		.pods = read_optional_json(d, tree, "podSelector"),
		.namespaces = read_optional_json(d, tree, "namespaceSelector"),
		.has_block = block,
		.cidr = pn_json_string(d, block, "cidr", PN_ADDR_TEXT_LEN),
	};

	pn_json_texts(d, block, "except", PN_ADDR_TEXT_LEN, &peer.except);
	pn_policy_add_peer(d, rule, &peer);
}

static void read_rules_json(struct pn_draft *d, const json_t *spec, const char *field,
			    const char *peers_field, struct pn_policy_rule **rules, uint32_t *n)
{
	const json_t *list = pn_json_array(d, spec, field);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *tree = pn_json_item(d, list, i, field);
		const json_t *ports = pn_json_array(d, tree, "ports");
		const json_t *peers = pn_json_array(d, tree, peers_field);
		struct pn_rule_draft rule = { 0 };

		for (size_t k = 0; k < json_array_size(ports); k++)
			read_port_json(d, pn_json_item(d, ports, k, "ports"), &rule);
		for (size_t k = 0; k < json_array_size(peers); k++)
			read_peer_json(d, pn_json_item(d, peers, k, peers_field), &rule);
		pn_policy_add_rule(d, rules, n, &rule);
	}
}

int pn_decode_networkpolicy_json(const struct pn_decoding *decoding, const json_t *tree,
				 struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_policy_draft p = { 0 };
	struct pn_draft *d = &p.common;
	const json_t *spec;

	pn_policy_begin(&p, decoding, reterr);
	pn_json_meta(d, tree, &p.policy.meta);
	p.n_meta_refused = d->n_refused;
	spec = pn_json_object(d, tree, "spec");
	p.policy.pods = pn_policy_selector_json(d, pn_json_object(d, spec, "podSelector"));
	read_rules_json(d, spec, "ingress", "from", &p.ingress, &p.policy.n_ingress);
	read_rules_json(d, spec, "egress", "to", &p.egress, &p.policy.n_egress);
	pn_json_texts(d, spec, "policyTypes", PN_SHORT_TEXT_LEN, &p.types);
	return pn_policy_finish(&p, ret);
}

static void read_requirement_pb(struct pn_draft *d, const struct pn_pb_field *f,
				struct pn_selector_draft *s)
{
	struct pn_pb m = pn_pb_message(d, f, "matchExpressions");
	const char *key = "", *op = "";
	struct pn_texts values = { 0 };
	struct pn_pb_field part;

	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_REQUIREMENT_KEY)
			key = pn_pb_string(d, &part, "key", PN_LABEL_KEY_LEN);
		else if (part.number == PB_REQUIREMENT_OPERATOR)
			op = pn_pb_string(d, &part, "operator", PN_SHORT_TEXT_LEN);
		else if (part.number == PB_REQUIREMENT_VALUES)
			pn_texts_add(d, &values,
				     pn_pb_string(d, &part, "values", PN_LABEL_VALUE_LEN));
	}
	pn_policy_add_requirement(d, s, key, op, &values);
}

static struct pn_label_selector read_selector_pb(struct pn_draft *d, const struct pn_pb_field *f,
						 const char *name)
{
	struct pn_pb m = pn_pb_message(d, f, name);
	struct pn_selector_draft s = { 0 };
	const char *key, *value;
	struct pn_pb_field part;

	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_SELECTOR_MATCH_EXPRESSIONS) {
			read_requirement_pb(d, &part, &s);
		} else if (part.number == PB_SELECTOR_MATCH_LABELS) {
			pn_pb_entry(d, &part, "matchLabels", &key, &value);
			pn_label_list_add(d, &s.labels, key, value);
		}
	}
	return pn_policy_selector(&s);
}

static void read_int_or_string_pb(struct pn_draft *d, const struct pn_pb_field *f,
				  struct pn_port_draft *port)
{
	struct pn_pb m = pn_pb_message(d, f, "port");
	struct pn_pb_field part;

	port->has_port = true;
	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_INT_OR_STRING_TYPE)
			port->is_name = pn_pb_int(d, &part, "port") == PB_INT_OR_STRING_IS_STRING;
		else if (part.number == PB_INT_OR_STRING_INT)
			port->port = pn_pb_int(d, &part, "port");
		else if (part.number == PB_INT_OR_STRING_STRING)
			port->name = pn_pb_name(d, &part, "port", PN_SHORT_TEXT_LEN);
	}
}

static void read_port_pb(struct pn_draft *d, const struct pn_pb_field *f,
			 struct pn_rule_draft *rule)
{
	struct pn_pb m = pn_pb_message(d, f, "ports");
	struct pn_port_draft port = { .proto = "", .name = "" };
	struct pn_pb_field part;

	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_POLICY_PORT_PROTOCOL)
			port.proto = pn_pb_string(d, &part, "protocol", PN_SHORT_TEXT_LEN);
		else if (part.number == PB_POLICY_PORT_PORT)
			read_int_or_string_pb(d, &part, &port);
		else if (part.number == PB_POLICY_PORT_END_PORT)
			port.end_port = pn_pb_int(d, &part, "endPort");
	}
	pn_policy_add_port(d, rule, &port);
}

static void read_block_pb(struct pn_draft *d, const struct pn_pb_field *f,
			  struct pn_peer_draft *peer)
{
	struct pn_pb m = pn_pb_message(d, f, "ipBlock");
	struct pn_pb_field part;

	peer->has_block = true;
	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_IP_BLOCK_CIDR)
			peer->cidr = pn_pb_string(d, &part, "cidr", PN_ADDR_TEXT_LEN);
		else if (part.number == PB_IP_BLOCK_EXCEPT)
			pn_texts_add(d, &peer->except,
				     pn_pb_string(d, &part, "except", PN_ADDR_TEXT_LEN));
	}
}

static void read_peer_pb(struct pn_draft *d, const struct pn_pb_field *f,
			 struct pn_rule_draft *rule)
{
	struct pn_pb m = pn_pb_message(d, f, "from, to");
	struct pn_peer_draft peer = { .cidr = "" };
	struct pn_pb_field part;

	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_POLICY_PEER_POD_SELECTOR)
			peer.pods = keep(d, read_selector_pb(d, &part, "podSelector"));
		else if (part.number == PB_POLICY_PEER_NAMESPACE_SELECTOR)
			peer.namespaces = keep(d, read_selector_pb(d, &part, "namespaceSelector"));
		else if (part.number == PB_POLICY_PEER_IP_BLOCK)
			read_block_pb(d, &part, &peer);
	}
	pn_policy_add_peer(d, rule, &peer);
}

static void read_rule_pb(struct pn_draft *d, const struct pn_pb_field *f,
			 struct pn_policy_rule **rules, uint32_t *n)
{
	struct pn_pb m = pn_pb_message(d, f, "ingress, egress");
	struct pn_rule_draft rule = { 0 };
	struct pn_pb_field part;

	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_POLICY_RULE_PORTS)
			read_port_pb(d, &part, &rule);
		else if (part.number == PB_POLICY_RULE_PEERS)
			read_peer_pb(d, &part, &rule);
	}
	pn_policy_add_rule(d, rules, n, &rule);
}

static void read_spec_pb(struct pn_policy_draft *p, const struct pn_pb_field *f)
{
	struct pn_draft *d = &p->common;
	struct pn_pb m = pn_pb_message(d, f, "spec");
	struct pn_pb_field part;

	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_POLICY_SPEC_POD_SELECTOR)
			p->policy.pods = read_selector_pb(d, &part, "podSelector");
		else if (part.number == PB_POLICY_SPEC_INGRESS)
			read_rule_pb(d, &part, &p->ingress, &p->policy.n_ingress);
		else if (part.number == PB_POLICY_SPEC_EGRESS)
			read_rule_pb(d, &part, &p->egress, &p->policy.n_egress);
		else if (part.number == PB_POLICY_SPEC_POLICY_TYPES)
			pn_texts_add(d, &p->types,
				     pn_pb_string(d, &part, "policyTypes", PN_SHORT_TEXT_LEN));
	}
}

int pn_decode_networkpolicy_pb(const struct pn_decoding *decoding, const uint8_t *bytes, size_t len,
			       struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_pb m = pn_pb_from(bytes, len);
	struct pn_policy_draft p = { 0 };
	struct pn_draft *d = &p.common;
	struct pn_pb_field f;
	uint32_t before;

	pn_policy_begin(&p, decoding, reterr);
	while (pn_pb_next(d, &m, &f)) {
		if (f.number == PB_OBJECT_METADATA) {
			before = d->n_refused;
			pn_pb_meta(d, &f, &p.policy.meta);
			p.n_meta_refused += d->n_refused - before;
		} else if (f.number == PB_OBJECT_SPEC) {
			read_spec_pb(&p, &f);
		}
	}
	return pn_policy_finish(&p, ret);
}
