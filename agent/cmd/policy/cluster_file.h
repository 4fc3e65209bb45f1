/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_CLUSTER_FILE_H
#define PN_CMD_POLICY_CLUSTER_FILE_H

#include <stdio.h>

#include "policy/policy.h"

struct json_t;
struct pn_kind;

/**
 * pn_cluster_read() - the objects of a file, as `kubectl get -o json` or `-o yaml` prints them
 * @path: "-": standard input
 *
 * JSON: one object or one List. YAML: any number of documents, each an object or a List. In any
 * order; what policies have no use for is skipped. Objects are read one at a time.
 *
 * Return: 0, or a negative errno with @reterr, which names the file and the place in it
 */
int pn_cluster_read(const char *path, struct pn_policy_set *set, struct pn_err *reterr);

/**
 * pn_cluster_read_policies() - only the policies of a file, which replace those of the same name
 * @ret_n: how many there were
 *
 * Return: as above; those before the one that is wrong are in the set
 */
int pn_cluster_read_policies(const char *path, struct pn_policy_set *set, size_t *ret_n,
			     struct pn_err *reterr);

/** pn_cluster_read_stream() - the same; @name is for messages */
int pn_cluster_read_stream(FILE *in, const char *name, struct pn_policy_set *set,
			   struct pn_err *reterr);

/**
 * pn_cluster_apply() - one object
 * @kind:  how it is decoded
 * @group, @kind_name: what it is, where it does not say so itself
 * @tree:  borrowed; what is missing in it is put in
 *
 * Return: 0, or a negative errno with @reterr, which names the object
 */
int pn_cluster_apply(struct pn_policy_set *set, const struct pn_kind *kind, const char *group,
		     const char *kind_name, struct json_t *tree, struct pn_err *reterr);

#endif
