/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_ADVISE_H
#define PN_POLICY_ADVISE_H

#include "policy/observed.h"

/* jansson's */
struct json_t;

/*
 * NetworkPolicies that allow the flows that were seen and nothing else: in each namespace one that
 * denies everything in both directions, and one for each workload that took part in any flow, or for
 * several whose pods have the same labels.
 *
 * Exact for pods, by their labels as they are. Addresses outside are named one by one as long as a
 * rule does not have too many of them; then by networks with others in them, but with no pod or node.
 */

/**
 * struct pn_advise_options
 * @namespaces:    comma-separated; NULL: each that has a pod in any flow
 * @with_attempts: also flows of which only attempts were seen
 * @max_blocks:    so many networks a rule
 */
struct pn_advise_options {
	const char *namespaces;
	bool with_attempts;
	uint32_t max_blocks;
};

/**
 * struct pn_advised - a policy
 * @comment:  for a person, lines that each end in a newline
 * @document: the object
 */
struct pn_advised {
	char key[PN_KEY_LEN];
	char *comment;
	struct json_t *document;
};

/**
 * pn_policy_advise() - by namespace; of each first the one that denies, then by name
 * @fn: is shown one policy after the other, which are gone when it returns; returns 0 or what ends it
 *
 * The same flows and cluster always lead to the same policies.
 *
 * Return: 0; what @fn returned; -ENOENT with @reterr for a namespace that is not there; -ENOMEM
 */
int pn_policy_advise(const struct pn_policy_set *set, const struct pn_observed *o,
		     const struct pn_advise_options *options,
		     int (*fn)(void *data, const struct pn_advised *a), void *data,
		     struct pn_err *reterr);

#endif
