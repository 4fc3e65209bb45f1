/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_WORKLOADS_H
#define PN_POLICY_WORKLOADS_H

#include "policy/labels.h"
#include "policy/policy.h"

/*
 * The pods of a set by their workloads: what people call a Deployment, a StatefulSet, a CronJob, ...;
 * a pod without any is its own. Made once, and valid until a pod of the set changes.
 */
struct pn_policy_workloads;

/**
 * struct pn_policy_workload
 * @kind, @name_space, @name: "Deployment", "shop", "web"; of a pod that has none: "Pod" and its name
 * @pods: by their names
 */
struct pn_policy_workload {
	UT_hash_handle hh;
	const char *kind, *name_space, *name;
	uint32_t n_pods, cap;
	const struct pn_policy_member **pods;
	char key[]; /* "namespace/kind/name" */
};

/** pn_policy_workloads_new() - Return: 0 or -ENOMEM */
int pn_policy_workloads_new(const struct pn_policy_set *set, struct pn_policy_workloads **ret);
void pn_policy_workloads_free(struct pn_policy_workloads *all);

/**
 * pn_policy_workload_find() - also by a ReplicaSet of a Deployment or a Job of a CronJob
 *
 * Return: NULL if none of its pods is there
 */
const struct pn_policy_workload *pn_policy_workload_find(const struct pn_policy_workloads *all,
							 const char *name_space, const char *kind,
							 const char *name);

/** pn_policy_workload_of() - Return: NULL for a pod that was not in the set */
const struct pn_policy_workload *pn_policy_workload_of(const struct pn_policy_workloads *all,
						       const struct pn_policy_member *pod);

/** pn_policy_workloads_each() - by namespace, kind and name; @fn returns 0 or what ends it */
int pn_policy_workloads_each(const struct pn_policy_workloads *all,
			     int (*fn)(void *data, const struct pn_policy_workload *w), void *data);

/** pn_label_is_passing() - does it differ between the pods of a workload, or from version to version of it? */
bool pn_label_is_passing(const char *key);

#endif
