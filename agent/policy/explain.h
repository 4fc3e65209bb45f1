/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_EXPLAIN_H
#define PN_POLICY_EXPLAIN_H

#include <jansson.h>

#include "policy/policy.h"

/*
 * A verdict with its reasons: all that decided, how each rule that did not match came near it, and
 * the smallest change that would allow the flow. For one flow at a time; pn_policy_evaluate() is for
 * many.
 */

enum pn_condition_kind {
	PN_CONDITION_PORT,
	PN_CONDITION_END, /* that it is a pod, or a node, at all */
	PN_CONDITION_NAMESPACE,
	PN_CONDITION_NAMESPACE_LABEL,
	PN_CONDITION_POD_LABEL,
	PN_CONDITION_NODE_LABEL,
	PN_CONDITION_ADDRESS,
	PN_CONDITION_MAX, /* sentinel */
};

/**
 * struct pn_condition - one thing that a rule wants, and what there is
 * @key, @op, @values: of the conditions on labels
 * @wanted: of the others: words for a person, "10.0.0.0/8 except 10.1.0.0/16"
 * @has:    the label's value, or words; NULL: there is no such label
 */
struct pn_condition {
	enum pn_condition_kind kind;
	bool holds;
	const char *key;
	enum pn_selector_op op;
	uint32_t n_values;
	const char *const *values;
	const char *wanted, *has;
};

/**
 * struct pn_missed_rule - a rule that did not match
 * @port, @peer:   whether its ports and its peers do
 * @n_failing:     how many of the conditions do not hold
 * @conditions:    its ports', if it names any; then those of the peer that came nearest
 */
struct pn_missed_rule {
	uint32_t rule;
	bool port, peer;
	uint32_t n_failing, n_conditions;
	const struct pn_condition *conditions;
};

/**
 * struct pn_deciding_policy - one that decided a side
 * @rule:   counted from 0; -1: it isolates, and none of its rules matches
 * @missed: of one that isolates: each of its rules
 */
struct pn_deciding_policy {
	const struct pn_policy *policy;
	int64_t rule;
	uint32_t n_missed;
	const struct pn_missed_rule *missed;
};

/**
 * struct pn_explained_side
 * @nearest: NULL, or of all rules that missed the one with the fewest conditions failing
 * @nearest_policy: whose it is
 */
struct pn_explained_side {
	struct pn_policy_side verdict;
	uint32_t n_policies;
	const struct pn_deciding_policy *policies;
	const struct pn_missed_rule *nearest;
	const struct pn_policy *nearest_policy;
};

struct pn_explanation;

/** pn_policy_explain() - Return: 0 or -ENOMEM; it borrows from the set, until that changes */
int pn_policy_explain(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
		      struct pn_explanation **ret);
void pn_explanation_free(struct pn_explanation *e);

bool pn_explanation_allows(const struct pn_explanation *e);
const struct pn_explained_side *pn_explanation_side(const struct pn_explanation *e,
						    enum pn_policy_direction direction);

/** pn_explanation_depends() - bits (1 << reading), see pn_policy_depends() */
uint32_t pn_explanation_depends(const struct pn_explanation *e);

enum pn_fix_change {
	PN_FIX_ADD_PEER,   /* to the peers of a rule */
	PN_FIX_ADD_PORT,   /* to the ports of a rule */
	PN_FIX_ADD_RULE,   /* in a tier in front of the one that denies */
	PN_FIX_NEW_POLICY, /* a NetworkPolicy beside those that isolate the pod */
};

/**
 * struct pn_policy_fix - what would allow one side of a flow
 * @policy:   that is changed; of a new one NULL
 * @key:      its name, also of a new one
 * @rule:     that is changed; of an added one, where it will stand
 * @entry:    borrowed from @document: the peer, the port, or the whole rule
 * @document: a JSON patch (RFC 6902) of the policy's object; the object of a new one
 */
struct pn_policy_fix {
	const struct pn_policy *policy;
	enum pn_policy_kind kind;
	char key[PN_KEY_LEN];
	enum pn_policy_direction direction;
	enum pn_fix_change change;
	uint32_t rule;
	const json_t *entry;
	json_t *document;
};

/**
 * pn_policy_fix() - the smallest change that makes @direction allow the flow
 *
 * Return: 1, with @ret for pn_policy_fix_done(); 0 if nothing needs to be or can be changed (an end
 * without an address); -ENOMEM
 */
int pn_policy_fix(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
		  const struct pn_explanation *e, enum pn_policy_direction direction,
		  struct pn_policy_fix *ret);
void pn_policy_fix_done(struct pn_policy_fix *fix);

#endif
