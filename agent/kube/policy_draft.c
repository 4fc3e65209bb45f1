/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a network policy means, between the decoders that read it and the object that is kept. The
 * rules are those of the API's validation: what it would not have let pass is not understood here.
 */
#include "kube/policy_draft.h"

#include <string.h>

#include "base/cidr.h"

/* Far beyond any real policy. */
enum { MAX_ENTRIES = 1024 };

void pn_policy_begin(struct pn_policy_draft *p, const struct pn_decoding *decoding,
		     struct pn_err *err)
{
	pn_draft_begin(&p->common, decoding, err, &p->policy.meta, PN_KIND_NETWORKPOLICY);
}

static bool is_port(int64_t n)
{
	return n >= 1 && n <= UINT16_MAX;
}

/* By name there is no range, and without a port there is no end. */
static bool is_sound(const struct pn_port_draft *port)
{
	if (!port->has_port)
		return port->end_port == 0;
	if (port->is_name)
		return port->name[0] && port->end_port == 0;
	return is_port(port->port) &&
	       (port->end_port == 0 || (is_port(port->end_port) && port->end_port >= port->port));
}

static void refuse(struct pn_draft *d, const char *what)
{
	d->n_refused++;
	if (!d->refusal)
		d->refusal = what;
}

void pn_policy_add_port(struct pn_draft *d, struct pn_rule_draft *rule,
			const struct pn_port_draft *port)
{
	uint8_t proto = pn_proto_parse(port->proto);
	struct pn_policy_port *v, to = { .proto = proto, .port_name = "" };

	if (!proto || !is_sound(port)) {
		refuse(d, "a port of a rule: not TCP, UDP or SCTP with a port, a range or a name");
		return;
	}
	if (port->has_port && port->is_name) {
		to.port_name = port->name;
	} else if (port->has_port) {
		to.port = (uint16_t)port->port;
		to.end_port = (uint16_t)(port->end_port ? port->end_port : port->port);
	}
	v = pn_draft_more(d, rule->ports, rule->n_ports, sizeof(*v), PN_MAX_PORTS);
	if (!v)
		return;
	v[rule->n_ports++] = to;
	rule->ports = v;
}

static void add_except(struct pn_draft *d, struct pn_policy_peer *to, const char *text)
{
	struct pn_cidr *v, cidr;

	if (pn_cidr_parse(text, &cidr) < 0) {
		refuse(d, "an ipBlock: except is not a network");
		return;
	}
	v = pn_draft_more(d, to->except, to->n_except, sizeof(*v), MAX_ENTRIES);
	if (!v)
		return;
	v[to->n_except++] = cidr;
	to->except = v;
}

static bool add_block(struct pn_draft *d, struct pn_policy_peer *to,
		      const struct pn_peer_draft *from)
{
	struct pn_cidr *block = pn_draft_alloc(d, sizeof(*block));

	if (!block || pn_cidr_parse(from->cidr, block) < 0)
		return false;
	to->block = block;
	for (uint32_t i = 0; i < from->except.n; i++)
		add_except(d, to, from->except.v[i]);
	return true;
}

void pn_policy_add_peer(struct pn_draft *d, struct pn_rule_draft *rule,
			const struct pn_peer_draft *peer)
{
	struct pn_policy_peer *v, to = { .pods = peer->pods, .namespaces = peer->namespaces };
	bool selects = peer->pods || peer->namespaces;

	if (selects == peer->has_block || (peer->has_block && !add_block(d, &to, peer))) {
		refuse(d, "a peer of a rule: needs selectors or an ipBlock with a network, and not "
			  "both");
		return;
	}
	v = pn_draft_more(d, rule->peers, rule->n_peers, sizeof(*v), MAX_ENTRIES);
	if (!v)
		return;
	v[rule->n_peers++] = to;
	rule->peers = v;
}

static const char *const operators[] = {
	[PN_SELECTOR_IN] = "In",
	[PN_SELECTOR_NOT_IN] = "NotIn",
	[PN_SELECTOR_EXISTS] = "Exists",
	[PN_SELECTOR_DOES_NOT_EXIST] = "DoesNotExist",
};
_Static_assert(PN_ARRAY_SIZE(operators) == PN_SELECTOR_OP_MAX, "a name for each operator");

/* Return: PN_SELECTOR_OP_MAX for any other text */
static enum pn_selector_op parse_operator(const char *text)
{
	unsigned int op = 0;

	while (op < PN_SELECTOR_OP_MAX && strcmp(text, operators[op]) != 0)
		op++;
	return (enum pn_selector_op)op;
}

static bool are_label_texts(const char *key, const struct pn_texts *values)
{
	bool ok = pn_is_label_text(key, PN_LABEL_KEY_LEN);

	for (uint32_t i = 0; ok && i < values->n; i++)
		ok = pn_is_label_text(values->v[i], PN_LABEL_VALUE_LEN);
	return ok;
}

void pn_policy_add_requirement(struct pn_draft *d, struct pn_selector_draft *s, const char *key,
			       const char *op_text, const struct pn_texts *values)
{
	enum pn_selector_op op = parse_operator(op_text);
	bool wants_values = op == PN_SELECTOR_IN || op == PN_SELECTOR_NOT_IN;
	struct pn_label_requirement *v;

	if (!key[0] || op == PN_SELECTOR_OP_MAX || wants_values != (values->n > 0) ||
	    !are_label_texts(key, values)) {
		refuse(d, "a selector: not a key with In, NotIn, Exists or DoesNotExist and its "
			  "values");
		return;
	}
	v = pn_draft_more(d, s->requirements, s->n_requirements, sizeof(*v), MAX_ENTRIES);
	if (!v)
		return;
	v[s->n_requirements++] = (struct pn_label_requirement) {
		.key = key, .op = op, .n_values = values->n, .values = values->v
	};
	s->requirements = v;
}

struct pn_label_selector pn_policy_selector(struct pn_selector_draft *s)
{
	pn_label_list_sort(&s->labels);
	return (struct pn_label_selector) {
		.n_labels = s->labels.n,
		.n_requirements = s->n_requirements,
		.labels = s->labels.v,
		.requirements = s->requirements,
	};
}

void pn_policy_add_rule(struct pn_draft *d, struct pn_policy_rule **rules, uint32_t *n,
			const struct pn_rule_draft *rule)
{
	struct pn_policy_rule *v = pn_draft_more(d, *rules, *n, sizeof(*v), MAX_ENTRIES);

	if (!v)
		return;
	v[(*n)++] =
		(struct pn_policy_rule) { rule->n_ports, rule->n_peers, rule->ports, rule->peers };
	*rules = v;
}

/* Without policyTypes: always ingress, and egress if there are rules for it. */
static void set_types(struct pn_policy_draft *p)
{
	struct pn_networkpolicy *np = &p->policy;

	np->is_ingress = !p->types.n;
	np->is_egress = !p->types.n && np->n_egress;
	for (uint32_t i = 0; i < p->types.n; i++) {
		if (strcmp(p->types.v[i], "Ingress") == 0)
			np->is_ingress = true;
		else if (strcmp(p->types.v[i], "Egress") == 0)
			np->is_egress = true;
		else
			refuse(&p->common, "policyTypes: not Ingress or Egress");
	}
}

int pn_policy_finish(struct pn_policy_draft *p, struct pn_object **ret)
{
	set_types(p);
	p->policy.ingress = p->ingress;
	p->policy.egress = p->egress;
	p->policy.is_invalid = p->common.n_refused > p->n_meta_refused;
	p->policy.refusal = p->common.refusal	   ? p->common.refusal
			    : p->policy.is_invalid ? "a label of a selector, or too much in it"
						   : "";
	return pn_draft_finish(&p->common, &p->policy.meta, ret);
}
