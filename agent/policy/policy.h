/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_POLICY_H
#define PN_POLICY_POLICY_H

#include <podonym/objects.h>

#include "base/err.h"

/*
 * Network policies, compiled: which connections they allow. NetworkPolicy (networking.k8s.io/v1), and of
 * policy.networking.k8s.io ClusterNetworkPolicy (v1alpha2), AdminNetworkPolicy and
 * BaselineAdminNetworkPolicy (v1alpha1).
 *
 * A flow is source, destination, protocol and the destination's own port (behind a Service: the
 * pod's), as in the first packet of a connection. Each end decides for itself, and both must allow:
 *
 *   1. the admin tier: rules by priority, the first that matches allows, denies, or passes on
 *   2. NetworkPolicies: those that select the pod isolate it; then one of their rules must match
 *   3. the baseline tier, as the first, for pods that nothing isolates
 *   4. what nothing decides is allowed
 *
 * Ends that are not on the pod network, a pod to itself, and a pod and its own node are not subject
 * to any of it. Where plugins differ from this, pn_policy_depends() knows.
 *
 * Threads: a set is changed by one thread while no other uses it. As long as it is not changed, any
 * number of threads may ask.
 */
struct pn_policy_set;

/** struct pn_policy - one policy of any of the four kinds, as the set keeps it */
struct pn_policy;

enum pn_policy_direction {
	PN_POLICY_EGRESS,	 /* asks for the source */
	PN_POLICY_INGRESS,	 /* asks for the destination */
	PN_POLICY_DIRECTION_MAX, /* sentinel */
};

int pn_policy_set_new(struct pn_policy_set **ret);
void pn_policy_set_free(struct pn_policy_set *set);

static inline void pn_policy_set_freep(struct pn_policy_set **set)
{
	pn_policy_set_free(*set);
}

/**
 * pn_policy_apply() - an object came, changed or went
 * @old: NULL for a new one
 * @new: NULL for one that went
 *
 * Pods, Namespaces, Nodes, Services, NetworkPolicies, and the kinds of policy.networking.k8s.io as
 * generic objects; others are ignored. Their labels must have been kept. An object is known by its
 * kind and name: late and repeated calls are harmless. The set holds references.
 *
 * Costs what the change touches: of a pod whose labels others have too, a few look-ups; of new
 * labels, the selectors that want one of them; of a new selector, the labels that it wants.
 *
 * Return: 0; -ENOMEM: it is not in the set, or as it was before, until it is applied again; -EINVAL
 * with @reterr for a policy that no API server would take: then the set has none of that name.
 */
int pn_policy_apply(struct pn_policy_set *set, const struct pn_object *old,
		    const struct pn_object *new, struct pn_err *reterr);

/**
 * pn_policy_set_time() - when the changes to come are made, by any clock that does not go back
 *
 * Plugins follow a change with some delay, so whoever compares a verdict with what has happened
 * wants to know how old it can be.
 */
void pn_policy_set_time(struct pn_policy_set *set, uint64_t now);

/** struct pn_policy_member - a pod, a node or a Service, as the set keeps it */
struct pn_policy_member;

/** pn_policy_member_object() - Return: borrowed, until the object changes in the set */
const struct pn_object *pn_policy_member_object(const struct pn_policy_member *m);

/** pn_policy_find() - @key: "namespace/name", or "name" for nodes; @len bytes. Return: NULL if unknown */
const struct pn_policy_member *pn_policy_find(const struct pn_policy_set *set, enum pn_kind_id kind,
					      const char *key, size_t len);

/** pn_policy_nearest_pod() - for a name that is no pod's. Return: the key of the pod that was probably meant; NULL if none is near */
const char *pn_policy_nearest_pod(const struct pn_policy_set *set, const char *key);

/**
 * struct pn_policy_end - one end of a flow; valid until a pod, a node or a Service of the set changes
 * @pod:      NULL: an address that is no pod's
 * @node:     NULL, or the node that has the address, for a host-network pod its own
 * @service:  NULL, or the Service that has the address; policies know nothing of it
 * @addr:     not set for a pod that has none
 */
struct pn_policy_end {
	const struct pn_policy_member *pod, *node, *service;
	struct pn_addr addr;
	bool has_addr;
};

/** pn_policy_end_pod() - @pod, by its first address */
void pn_policy_end_pod(const struct pn_policy_set *set, const struct pn_policy_member *pod,
		       struct pn_policy_end *ret);

/** pn_policy_end_addr() - the pod that has it, else the node, else outside */
void pn_policy_end_addr(const struct pn_policy_set *set, const struct pn_addr *addr,
			struct pn_policy_end *ret);

/** pn_policy_end_family() - a pod that was named takes its address of the family of @other, if it has one */
void pn_policy_end_family(struct pn_policy_end *end, const struct pn_addr *other);

/** struct pn_policy_flow - @proto: IPPROTO_*; @port: of the destination, host byte order */
struct pn_policy_flow {
	const struct pn_policy_end *src, *dst;
	uint8_t proto;
	uint16_t port;
};

enum pn_policy_reason {
	PN_POLICY_NO_SUBJECT, /* this end is not on the pod network */
	PN_POLICY_SAME_POD,
	PN_POLICY_OWN_NODE,   /* a pod and the node it runs on */
	PN_POLICY_TIER_RULE,  /* a rule of the admin or the baseline tier */
	PN_POLICY_RULE,	      /* a NetworkPolicy's rule */
	PN_POLICY_ISOLATED,   /* by NetworkPolicies, of which no rule matches */
	PN_POLICY_NOTHING,    /* no policy has anything to say */
	PN_POLICY_REASON_MAX, /* sentinel */
};

/** pn_policy_reason_name() - for programs: "isolated" */
const char *pn_policy_reason_name(enum pn_policy_reason reason);

/**
 * struct pn_policy_verdict_side - what one end says
 * @policy, @rule:           TIER_RULE and RULE: the first that decides; ISOLATED: the first that isolates
 * @passed_by, @passed_rule: NULL, or the rule of the admin tier that passed on
 */
struct pn_policy_side {
	bool allow;
	enum pn_policy_reason reason;
	const struct pn_policy *policy, *passed_by;
	uint32_t rule, passed_rule;
};

struct pn_policy_verdict {
	bool allow;
	struct pn_policy_side side[PN_POLICY_DIRECTION_MAX];
};

/** pn_policy_evaluate() - never allocates */
void pn_policy_evaluate(const struct pn_policy_set *set, const struct pn_policy_end *src,
			const struct pn_policy_end *dst, uint8_t proto, uint16_t port,
			struct pn_policy_verdict *ret);

/**
 * pn_policy_changed() - what might have changed a verdict of these ends
 *
 * Return: when, by pn_policy_set_time(), a policy of the namespace of either or of a tier, the labels
 * of that namespace, or the pod itself came, changed or went; 0: before the time was set
 */
uint64_t pn_policy_changed(const struct pn_policy_set *set, const struct pn_policy_end *src,
			   const struct pn_policy_end *dst);

/**
 * pn_policy_each() - all policies that decided a side, by name; needs no memory
 * @side: of the verdict of this flow
 * @fn:   @rule is -1 for a policy that isolates. Of a tier only the rule that decided, before it one
 *        that passed on; of NetworkPolicies each rule that matches, or each that isolates.
 */
void pn_policy_each(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
		    enum pn_policy_direction direction, const struct pn_policy_side *side,
		    void (*fn)(void *data, const struct pn_policy *policy, int64_t rule),
		    void *data);

enum pn_policy_kind {
	PN_POLICY_NETWORK,
	PN_POLICY_CLUSTER_NETWORK,
	PN_POLICY_ADMIN_NETWORK,
	PN_POLICY_BASELINE_ADMIN_NETWORK,
	PN_POLICY_KIND_MAX, /* sentinel */
};

enum pn_policy_action {
	PN_POLICY_ALLOW, /* Allow, Accept; a NetworkPolicy's rules */
	PN_POLICY_DENY,
	PN_POLICY_PASS,
};

/** pn_policy_delete() - @key: "namespace/name", or "name". Return: was it there? */
bool pn_policy_delete(struct pn_policy_set *set, enum pn_policy_kind kind, const char *key);

enum pn_policy_kind pn_policy_kind(const struct pn_policy *p);

/** pn_policy_kind_name() - "NetworkPolicy" */
const char *pn_policy_kind_name(enum pn_policy_kind kind);

/** pn_policy_key() - "namespace/name", or "name" */
const char *pn_policy_key(const struct pn_policy *p);

/** pn_policy_name() - "NetworkPolicy/namespace/name", or "KIND/name"; interned: who keeps it refs it */
const char *pn_policy_name(const struct pn_policy *p);

/** pn_policy_rule_name() - "" if it has none */
const char *pn_policy_rule_name(const struct pn_policy *p, enum pn_policy_direction direction,
				uint32_t rule);

/** pn_policy_rule_action() - as the policy has it: "Accept", "Allow", "Deny", "Pass" */
const char *pn_policy_rule_action(const struct pn_policy *p, enum pn_policy_direction direction,
				  uint32_t rule);

/** What is read in another way by one plugin or another; a bit each. */
enum pn_policy_reading {
	PN_READING_BLOCKS_SPARE_PODS, /* ipBlock never matches a pod's address */
	PN_READING_HOST_PODS,	      /* host-network pods are like any pod */
	PN_READING_OWN_NODE,	      /* policies hold from a pod to its own node, too */
	PN_READING_SAME_POD,	      /* and from a pod to itself */
	PN_READING_BASELINE_SKIPPED,  /* a pod that any NetworkPolicy selects has no baseline */
	PN_READING_NODES_MEAN_PODS,   /* a nodes peer also matches the pods on these nodes */
	PN_READING_MAIN_CONTAINERS,   /* names of init containers' ports do not count */
	PN_READING_NO_SCTP,	      /* rules for SCTP match nothing */
	PN_READING_SOURCE_NAT,	      /* an outside client comes with a node's address */
	PN_READING_DOMAIN_NAMES,      /* the outside address belongs to a name that a rule allows */
	PN_READING_EQUAL_PRIORITY,    /* of two policies with one priority the other one first */
	PN_READING_MAX,		      /* sentinel */
};

/** pn_policy_reading_name() - for programs: "ipblock-and-pods" */
const char *pn_policy_reading_name(enum pn_policy_reading r);

/** pn_policy_reading_words() - who reads it so, for a person */
const char *pn_policy_reading_words(enum pn_policy_reading r);

/** pn_policy_depends() - Return: bits (1 << reading) whose verdict would be another one */
uint32_t pn_policy_depends(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			   const struct pn_policy_verdict *verdict);

/** struct pn_policy_counts - what a set holds, for figures and tests */
struct pn_policy_counts {
	size_t n_pods, n_namespaces, n_nodes, n_services, n_policies;
	size_t n_label_sets, n_selectors; /* of pods */
};

void pn_policy_count(const struct pn_policy_set *set, struct pn_policy_counts *ret);

#endif
