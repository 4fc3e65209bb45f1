/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where plugins read the same policies in another way. Each reading is asked for its own verdict
 * where it could matter at all, and is worth mentioning where that verdict is another one.
 */
#include <netinet/in.h>

#include "policy/private.h"

static const struct {
	const char *name, *words;
} readings[] = {
	[PN_READING_BLOCKS_SPARE_PODS] = { "ipblock-and-pods",
					   "an ipBlock that never matches a pod's address, as with "
					   "Cilium" },
	[PN_READING_HOST_PODS] = { "host-network-pods",
				   "host-network pods that policies apply to and select like any "
				   "other, as host policies of Calico and Cilium can do" },
	[PN_READING_OWN_NODE] = { "own-node",
				  "policies that hold from a pod to its own node, as with Calico "
				  "and Cilium" },
	[PN_READING_SAME_POD] = { "same-pod",
				  "policies that hold from a pod to itself, as through a Service "
				  "with some plugins" },
	[PN_READING_BASELINE_SKIPPED] = { "baseline-after-isolation",
					  "a baseline that is skipped for a pod isolated in the "
					  "other direction, as with kube-network-policies" },
	[PN_READING_NODES_MEAN_PODS] = { "nodes-peer",
					 "a nodes peer that means the pods on these nodes, too, as "
					 "with kube-network-policies" },
	[PN_READING_MAIN_CONTAINERS] = { "init-container-ports",
					 "a port name of a restartable init container that is not "
					 "known, as with older plugins" },
	[PN_READING_NO_SCTP] = { "sctp", "no support for SCTP: its rules then match nothing" },
	[PN_READING_SOURCE_NAT] = { "source-nat",
				    "a client that comes through a Service with a node's address "
				    "in place of its own, as without externalTrafficPolicy: "
				    "Local" },
	[PN_READING_DOMAIN_NAMES] = { "domain-names",
				      "the address being one that a rule's domainNames stand for" },
	[PN_READING_EQUAL_PRIORITY] = { "equal-priority",
					"policies of one priority that are asked in another order: "
					"the API leaves it open" },
};
_Static_assert(PN_ARRAY_SIZE(readings) == PN_READING_MAX, "a row for each reading");

const char *pn_policy_reading_name(enum pn_policy_reading r)
{
	return readings[r].name;
}

const char *pn_policy_reading_words(enum pn_policy_reading r)
{
	return readings[r].words;
}

static bool is_pod(const struct pn_policy_end *end, bool on_host_network)
{
	return end->pod && end->pod->is_subject != on_host_network;
}

static bool is_outside(const struct pn_policy_end *end)
{
	return !end->pod && !end->node;
}

static bool has_reason(const struct pn_policy_verdict *v, enum pn_policy_reason reason)
{
	return v->side[PN_POLICY_EGRESS].reason == reason ||
	       v->side[PN_POLICY_INGRESS].reason == reason;
}

static bool is_by_baseline(const struct pn_policy_verdict *v)
{
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++)
		if (v->side[d].reason == PN_POLICY_TIER_RULE && v->side[d].policy->is_baseline)
			return true;
	return false;
}

static bool has_init_ports(const struct pn_policy_end *end)
{
	const struct pn_pod *pod = end->pod ? pn_object_pod(end->pod->object) : NULL;

	for (uint32_t i = 0; pod && i < pod->n_named_ports; i++)
		if (pod->named_ports[i].is_init)
			return true;
	return false;
}

static bool has_equal_priorities(const struct pn_policy_tier *t)
{
	for (uint32_t i = 1; i < t->n; i++)
		if (t->v[i]->priority == t->v[i - 1]->priority)
			return true;
	return false;
}

/* Could it make a difference? A look that costs less than to ask. */
static bool may_matter(const struct pn_policy_set *set, const struct pn_policy_flow *f,
		       const struct pn_policy_verdict *v, enum pn_policy_reading r)
{
	switch (r) {
	case PN_READING_BLOCKS_SPARE_PODS:
		return set->n_blocks && (is_pod(f->src, false) || is_pod(f->dst, false));
	case PN_READING_HOST_PODS:
		return is_pod(f->src, true) || is_pod(f->dst, true);
	case PN_READING_OWN_NODE:
		return has_reason(v, PN_POLICY_OWN_NODE);
	case PN_READING_SAME_POD:
		return has_reason(v, PN_POLICY_SAME_POD);
	case PN_READING_BASELINE_SKIPPED:
		return is_by_baseline(v);
	case PN_READING_NODES_MEAN_PODS:
		return set->n_nodes_peers && f->dst->pod;
	case PN_READING_MAIN_CONTAINERS:
		return set->n_named_ports && has_init_ports(f->dst);
	case PN_READING_NO_SCTP:
		return f->proto == IPPROTO_SCTP;
	case PN_READING_SOURCE_NAT:
		return set->n_blocks && is_outside(f->src);
	case PN_READING_DOMAIN_NAMES:
		return set->n_domains_peers && is_outside(f->dst);
	case PN_READING_EQUAL_PRIORITY:
		return has_equal_priorities(&set->tiers[PN_TIER_ADMIN]) ||
		       has_equal_priorities(&set->tiers[PN_TIER_BASELINE]);
	default:
		return false;
	}
}

uint32_t pn_policy_depends(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			   const struct pn_policy_verdict *verdict)
{
	uint32_t found = 0;

	for (unsigned int r = 0; r < PN_READING_MAX; r++) {
		const struct pn_question q = { set, flow, (uint32_t)1 << r };
		struct pn_policy_verdict other;

		if (!may_matter(set, flow, verdict, (enum pn_policy_reading)r))
			continue;
		pn_judge(&q, &other);
		if (other.allow != verdict->allow)
			found |= q.readings;
	}
	return found;
}
