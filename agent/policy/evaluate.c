/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts. All matching of labels has been done when objects came; what is left are bits, address
 * prefixes and port ranges, in arrays. Readings other than ours are asked in the same way, so that
 * what a plugin would make of a flow differs from our verdict in nothing but the reading.
 */
#include <netinet/in.h>

#include "base/cidr.h"
#include "policy/private.h"

/* --- peers and ports --- */

/* By the containers of the destination, whichever end is asked. */
static bool name_matches(const struct pn_question *q, const struct pn_compiled_port *port)
{
	const struct pn_policy_member *dst = q->flow->dst->pod;
	const struct pn_pod *pod = dst ? pn_object_pod(dst->object) : NULL;

	for (uint32_t i = 0; pod && i < pod->n_named_ports; i++) {
		const struct pn_named_port *n = &pod->named_ports[i];

		if (n->port == q->flow->port && n->proto == q->flow->proto &&
		    strcmp(n->name, port->name) == 0 &&
		    !(n->is_init && pn_reads(q, PN_READING_MAIN_CONTAINERS)))
			return true;
	}
	return false;
}

bool pn_port_matches(const struct pn_question *q, const struct pn_compiled_port *port)
{
	if (port->proto && port->proto != q->flow->proto)
		return false;
	if (port->name)
		return name_matches(q, port);
	return port->first <= q->flow->port && q->flow->port <= port->last;
}

bool pn_ports_match(const struct pn_question *q, const struct pn_compiled_rule *r)
{
	if (r->any_port)
		return true;
	if (q->flow->proto == IPPROTO_SCTP && pn_reads(q, PN_READING_NO_SCTP))
		return false;
	for (uint32_t i = 0; i < r->n_ports; i++)
		if (pn_port_matches(q, &r->ports[i]))
			return true;
	return false;
}

/* --- peers --- */

/* May selectors pick it? */
bool pn_is_selectable(const struct pn_question *q, const struct pn_policy_end *end)
{
	return end->pod && (end->pod->is_subject || pn_reads(q, PN_READING_HOST_PODS));
}

static bool pods_match(const struct pn_question *q, const struct pn_compiled_peer *peer,
		       const struct pn_policy_end *end)
{
	if (!pn_is_selectable(q, end) || (peer->only && peer->only != end->pod->ns))
		return false;
	return pn_match_has(&peer->pods, end->pod->labels) &&
	       pn_match_has(&peer->namespaces, end->pod->ns->labels);
}

static bool is_outside(const struct pn_policy_end *end)
{
	return !end->pod && !end->node;
}

static bool block_matches(const struct pn_question *q, const struct pn_compiled_peer *peer,
			  const struct pn_policy_end *end)
{
	if (!end->has_addr || !pn_cidr_has(&peer->block, &end->addr))
		return false;
	if (!peer->is_network && end->pod && end->pod->is_subject &&
	    pn_reads(q, PN_READING_BLOCKS_SPARE_PODS))
		return false;
	if (end == q->flow->src && is_outside(end) && pn_reads(q, PN_READING_SOURCE_NAT))
		return false;
	for (uint32_t i = 0; i < peer->n_except; i++)
		if (pn_cidr_has(&peer->except[i], &end->addr))
			return false;
	return true;
}

/* Under the other reading: by the node below a pod, of which perhaps only the name is known. */
static bool node_below_matches(const struct pn_question *q, const struct pn_match *nodes,
			       const struct pn_policy_end *end)
{
	const char *name = end->pod ? pn_object_pod(end->pod->object)->node_name : "";
	const struct pn_policy_member *node =
		pn_policy_find(q->set, PN_KIND_NODE, name, strlen(name));

	return node ? pn_match_has(nodes, node->labels) : *name && nodes->id == PN_MATCH_ALL;
}

static bool node_matches(const struct pn_question *q, const struct pn_compiled_peer *peer,
			 const struct pn_policy_end *end)
{
	if (end->node)
		return pn_match_has(&peer->nodes, end->node->labels);
	return pn_reads(q, PN_READING_NODES_MEAN_PODS) && node_below_matches(q, &peer->nodes, end);
}

bool pn_peer_matches(const struct pn_question *q, const struct pn_compiled_peer *peer,
		     const struct pn_policy_end *end)
{
	switch (peer->kind) {
	case PN_PEER_PODS:
		return pods_match(q, peer, end);
	case PN_PEER_BLOCK:
		return block_matches(q, peer, end);
	case PN_PEER_NODES:
		return node_matches(q, peer, end);
	case PN_PEER_DOMAINS:
		return is_outside(end) && pn_reads(q, PN_READING_DOMAIN_NAMES);
	}
	return false;
}

bool pn_peers_match(const struct pn_question *q, const struct pn_compiled_rule *r,
		    const struct pn_policy_end *end)
{
	if (r->any_peer)
		return true;
	for (uint32_t i = 0; i < r->n_peers; i++)
		if (pn_peer_matches(q, &r->peers[i], end))
			return true;
	return false;
}

static bool rule_matches(const struct pn_question *q, const struct pn_compiled_rule *r,
			 const struct pn_policy_end *peer)
{
	return pn_ports_match(q, r) && pn_peers_match(q, r, peer);
}

/* Return: behind the last one if none does */
static uint32_t first_match(const struct pn_question *q, const struct pn_compiled_rules *rules,
			    const struct pn_policy_end *peer, uint32_t from)
{
	while (from < rules->n && !rule_matches(q, &rules->v[from], peer))
		from++;
	return from;
}

/* --- tiers --- */

bool pn_is_subject_of(const struct pn_policy *p, const struct pn_policy_member *pod)
{
	return pn_match_has(&p->pods, pod->labels) &&
	       (p->kind == PN_POLICY_NETWORK ? p->ns == pod->ns
					     : pn_match_has(&p->namespaces, pod->ns->labels));
}

/* The @i-th to be asked: with equal priorities, the other way round if that is the question. */
static const struct pn_policy *tier_at(const struct pn_question *q, const struct pn_policy_tier *t,
				       uint32_t i)
{
	uint32_t first = i, last = i;

	if (!pn_reads(q, PN_READING_EQUAL_PRIORITY))
		return t->v[i];
	while (first && t->v[first - 1]->priority == t->v[i]->priority)
		first--;
	while (last + 1 < t->n && t->v[last + 1]->priority == t->v[i]->priority)
		last++;
	return t->v[first + last - i];
}

/* Return: does a rule of the tier decide? To pass on from the baseline is to allow. */
static bool ask_tier(const struct pn_question *q, const struct pn_policy_tier *t,
		     enum pn_policy_direction d, struct pn_policy_side *ret)
{
	const struct pn_policy_member *pod = pn_subject_of(q->flow, d)->pod;
	const struct pn_policy_end *peer = pn_peer_of(q->flow, d);

	for (uint32_t i = 0; i < t->n; i++) {
		const struct pn_policy *p = tier_at(q, t, i);
		const struct pn_compiled_rules *rules = &p->rules[d];
		uint32_t rule;

		if (!rules->n || !pn_is_subject_of(p, pod))
			continue;
		rule = first_match(q, rules, peer, 0);
		if (rule == rules->n)
			continue;
		if (rules->v[rule].action == PN_POLICY_PASS && !p->is_baseline) {
			ret->passed_by = p;
			ret->passed_rule = rule;
			return false;
		}
		ret->allow = rules->v[rule].action != PN_POLICY_DENY;
		ret->reason = PN_POLICY_TIER_RULE;
		ret->policy = p;
		ret->rule = rule;
		return true;
	}
	return false;
}

/* --- NetworkPolicies --- */

static bool ask_networkpolicies(const struct pn_question *q, enum pn_policy_direction d,
				struct pn_policy_side *ret)
{
	const struct pn_policy_member *pod = pn_subject_of(q->flow, d)->pod;
	const struct pn_policy_end *peer = pn_peer_of(q->flow, d);
	const struct pn_policy_subjects *all = &pod->ns->subjects[d];
	const struct pn_policy *isolating = NULL;

	for (uint32_t i = 0; i < all->n; i++) {
		const struct pn_policy *p = all->v[i].policy;
		uint32_t rule;

		if (!pn_id_matches(all->v[i].pods, pod->labels))
			continue;
		isolating = isolating ? isolating : p;
		rule = first_match(q, &p->rules[d], peer, 0);
		if (rule < p->rules[d].n) {
			*ret = (struct pn_policy_side) { true, PN_POLICY_RULE,	p, ret->passed_by,
							 rule, ret->passed_rule };
			return true;
		}
	}
	if (!isolating)
		return false;
	ret->allow = false;
	ret->reason = PN_POLICY_ISOLATED;
	ret->policy = isolating;
	return true;
}

static bool is_selected_at_all(const struct pn_policy_member *pod)
{
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++) {
		const struct pn_policy_subjects *all = &pod->ns->subjects[d];

		for (uint32_t i = 0; i < all->n; i++)
			if (pn_id_matches(all->v[i].pods, pod->labels))
				return true;
	}
	return false;
}

/* --- one end, both ends --- */

static bool is_own_node(const struct pn_policy_end *subject, const struct pn_policy_end *peer)
{
	return peer->node &&
	       strcmp(peer->node->key, pn_object_pod(subject->pod->object)->node_name) == 0;
}

/* Return: is it settled before any policy is asked? */
static bool is_exempt(const struct pn_question *q, enum pn_policy_direction d,
		      enum pn_policy_reason *ret)
{
	const struct pn_policy_end *subject = pn_subject_of(q->flow, d);
	const struct pn_policy_end *peer = pn_peer_of(q->flow, d);

	if (subject->pod && subject->pod == peer->pod && !pn_reads(q, PN_READING_SAME_POD))
		*ret = PN_POLICY_SAME_POD;
	else if (!pn_is_selectable(q, subject))
		*ret = PN_POLICY_NO_SUBJECT;
	else if (is_own_node(subject, peer) &&
		 !(d == PN_POLICY_EGRESS && pn_reads(q, PN_READING_OWN_NODE)))
		*ret = PN_POLICY_OWN_NODE;
	else
		return false;
	return true;
}

static void ask(const struct pn_question *q, enum pn_policy_direction d, struct pn_policy_side *ret)
{
	const struct pn_policy_set *set = q->set;

	*ret = (struct pn_policy_side) { .allow = true };
	if (is_exempt(q, d, &ret->reason))
		return;
	if (!(q->readings & PN_WITHOUT_ADMIN) && ask_tier(q, &set->tiers[PN_TIER_ADMIN], d, ret))
		return;
	if (ask_networkpolicies(q, d, ret))
		return;
	if (!pn_reads(q, PN_READING_BASELINE_SKIPPED) ||
	    !is_selected_at_all(pn_subject_of(q->flow, d)->pod))
		if (ask_tier(q, &set->tiers[PN_TIER_BASELINE], d, ret))
			return;
	ret->reason = PN_POLICY_NOTHING;
}

void pn_judge(const struct pn_question *q, struct pn_policy_verdict *ret)
{
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++)
		ask(q, (enum pn_policy_direction)d, &ret->side[d]);
	ret->allow = ret->side[PN_POLICY_EGRESS].allow && ret->side[PN_POLICY_INGRESS].allow;
}

void pn_policy_evaluate(const struct pn_policy_set *set, const struct pn_policy_end *src,
			const struct pn_policy_end *dst, uint8_t proto, uint16_t port,
			struct pn_policy_verdict *ret)
{
	const struct pn_policy_flow flow = { src, dst, proto, port };
	const struct pn_question q = { .set = set, .flow = &flow };

	pn_judge(&q, ret);
}

/* --- all that decided --- */

static void each_networkpolicy(const struct pn_question *q, enum pn_policy_direction d,
			       bool isolates,
			       void (*fn)(void *data, const struct pn_policy *policy, int64_t rule),
			       void *data)
{
	const struct pn_policy_member *pod = pn_subject_of(q->flow, d)->pod;
	const struct pn_policy_end *peer = pn_peer_of(q->flow, d);
	const struct pn_policy_subjects *all = &pod->ns->subjects[d];

	for (uint32_t i = 0; i < all->n; i++) {
		const struct pn_policy *p = all->v[i].policy;
		const struct pn_compiled_rules *rules = &p->rules[d];

		if (!pn_id_matches(all->v[i].pods, pod->labels))
			continue;
		if (isolates)
			fn(data, p, -1);
		for (uint32_t r = first_match(q, rules, peer, 0); !isolates && r < rules->n;
		     r = first_match(q, rules, peer, r + 1))
			fn(data, p, r);
	}
}

void pn_policy_each(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
		    enum pn_policy_direction direction, const struct pn_policy_side *side,
		    void (*fn)(void *data, const struct pn_policy *policy, int64_t rule),
		    void *data)
{
	const struct pn_question q = { .set = set, .flow = flow };

	if (side->passed_by)
		fn(data, side->passed_by, side->passed_rule);
	if (side->reason == PN_POLICY_TIER_RULE)
		fn(data, side->policy, side->rule);
	else if (side->reason == PN_POLICY_RULE || side->reason == PN_POLICY_ISOLATED)
		each_networkpolicy(&q, direction, side->reason == PN_POLICY_ISOLATED, fn, data);
}

static const char *const reason_names[] = {
	[PN_POLICY_NO_SUBJECT] = "not-on-pod-network",
	[PN_POLICY_SAME_POD] = "same-pod",
	[PN_POLICY_OWN_NODE] = "own-node",
	[PN_POLICY_TIER_RULE] = "tier-rule",
	[PN_POLICY_RULE] = "rule",
	[PN_POLICY_ISOLATED] = "isolated",
	[PN_POLICY_NOTHING] = "no-policy",
};
_Static_assert(PN_ARRAY_SIZE(reason_names) == PN_POLICY_REASON_MAX, "a name for each reason");

const char *pn_policy_reason_name(enum pn_policy_reason reason)
{
	return reason_names[reason];
}
