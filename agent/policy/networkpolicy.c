/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetworkPolicies, from the object that kube decodes to compiled rules. What absent fields mean is
 * settled there; here an absent selector becomes a fixed namespace or no condition at all.
 */
#include <errno.h>

#include "base/intern.h"
#include "policy/private.h"

static int add_port(struct pn_compiled_rule *r, const struct pn_policy_port *from)
{
	struct pn_compiled_port *to = &r->ports[r->n_ports];

	to->proto = from->proto;
	to->first = from->port;
	to->last = from->port || from->port_name[0] ? from->end_port : UINT16_MAX;
	if (from->port_name[0]) {
		to->name = pn_intern(from->port_name, strlen(from->port_name));
		if (!to->name)
			return -ENOMEM;
	}
	r->n_ports++;
	return 0;
}

static int add_block(struct pn_compiled_peer *to, const struct pn_policy_peer *from)
{
	to->kind = PN_PEER_BLOCK;
	to->block = *from->block;
	to->except = calloc(from->n_except + 1, sizeof(*to->except));
	if (!to->except)
		return -ENOMEM;
	if (from->n_except)
		memcpy(to->except, from->except, from->n_except * sizeof(*to->except));
	to->n_except = from->n_except;
	return 0;
}

static int add_pods(struct pn_policy_set *set, const struct pn_policy *p,
		    struct pn_compiled_peer *to, const struct pn_policy_peer *from)
{
	int r;

	to->kind = PN_PEER_PODS;
	r = pn_match_get(set->namespace_labels, from->namespaces, &to->namespaces);
	if (r == 0)
		r = pn_match_get(set->pod_labels, from->pods, &to->pods);
	if (r == 0 && !from->namespaces) {
		to->only = p->ns;
		p->ns->n_users++;
	}
	return r;
}

static int add_peer(struct pn_policy_set *set, const struct pn_policy *p,
		    struct pn_compiled_rule *r, const struct pn_policy_peer *from)
{
	struct pn_compiled_peer *to = &r->peers[r->n_peers];

	r->n_peers++;
	return from->block ? add_block(to, from) : add_pods(set, p, to, from);
}

static int add_rule(struct pn_policy_set *set, const struct pn_policy *p,
		    struct pn_compiled_rule *to, const struct pn_policy_rule *from)
{
	int r = pn_rule_room(to, from->n_peers, from->n_ports);

	to->action = PN_POLICY_ALLOW;
	to->any_peer = !from->n_peers;
	to->any_port = !from->n_ports;
	for (uint32_t i = 0; i < from->n_peers && r == 0; i++)
		r = add_peer(set, p, to, &from->peers[i]);
	for (uint32_t i = 0; i < from->n_ports && r == 0; i++)
		r = add_port(to, &from->ports[i]);
	return r;
}

static int add_rules(struct pn_policy_set *set, struct pn_policy *p, enum pn_policy_direction d,
		     const struct pn_policy_rule *from, uint32_t n)
{
	int r = pn_rules_new(&p->rules[d], n);

	for (uint32_t i = 0; i < n && r == 0; i++)
		r = add_rule(set, p, &p->rules[d].v[i], &from[i]);
	return r;
}

static int fill(struct pn_policy_set *set, struct pn_policy *p, const struct pn_networkpolicy *np)
{
	int r = pn_namespace_get(set, np->meta.name_space, &p->ns);

	if (r == 0)
		r = pn_match_get(set->pod_labels, &np->pods, &p->pods);
	if (r == 0)
		r = add_rules(set, p, PN_POLICY_EGRESS, np->egress, np->n_egress);
	if (r == 0)
		r = add_rules(set, p, PN_POLICY_INGRESS, np->ingress, np->n_ingress);
	p->holds[PN_POLICY_EGRESS] = np->is_egress;
	p->holds[PN_POLICY_INGRESS] = np->is_ingress;
	return r;
}

int pn_compile_networkpolicy(struct pn_policy_set *set, const struct pn_object *o,
			     struct pn_policy **ret, struct pn_err *reterr)
{
	const struct pn_networkpolicy *np = pn_object_networkpolicy(o);
	struct pn_policy *p;
	int r;

	if (np->is_invalid)
		return pn_err_set(reterr, -EINVAL, "spec: not valid: %s", np->refusal);
	r = pn_policy_new(PN_POLICY_NETWORK, o, &p);
	if (r < 0)
		return r;
	r = fill(set, p, np);
	if (r < 0)
		pn_policy_free(set, p);
	else
		*ret = p;
	return r;
}
