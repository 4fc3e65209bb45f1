/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_PARTIES_H
#define PN_POLICY_PARTIES_H

#include "policy/workloads.h"

/*
 * Who can be told apart by labels: a workload, or several whose pods have the same labels. Each party
 * has a selector that, of all pods of its namespace as they are, matches its own alone.
 */
struct pn_parties;

/** struct pn_party_requirement - as in matchExpressions; @values: in order */
struct pn_party_requirement {
	const char *key;
	enum pn_selector_op op;
	uint32_t n_values;
	const char **values;
};

/**
 * struct pn_party - strings are of the set
 * @workloads: by kind and name; most often one
 * @labels, @requirements: the selector
 */
struct pn_party {
	const char *name_space;
	uint32_t n_workloads;
	const struct pn_policy_workload **workloads;
	uint32_t n_labels;
	const struct pn_label **labels;
	uint32_t n_requirements;
	struct pn_party_requirement *requirements;
};

/** pn_parties_new() - of pods on the pod network; others are known by their node. Return: 0 or -ENOMEM */
int pn_parties_new(const struct pn_policy_workloads *workloads, struct pn_parties **ret);
void pn_parties_free(struct pn_parties *all);

/** pn_party_of() - Return: NULL for a workload without a pod on the pod network */
const struct pn_party *pn_party_of(const struct pn_parties *all,
				   const struct pn_policy_workload *w);

#endif
