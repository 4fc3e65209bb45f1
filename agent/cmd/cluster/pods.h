/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_CLUSTER_PODS_H
#define PN_CMD_CLUSTER_PODS_H

#include "cmd/cluster/cluster.h"
#include "kube/client.h"

/* One list of the agents' pods, page by page, in the loop of a client. */
struct pn_pods;

/**
 * struct pn_pods_ops
 * @pod:  of each that is not at its end
 * @done: once, last; @result: 0, or a negative errno with @err. The list may be freed from within
 */
struct pn_pods_ops {
	int (*pod)(void *data, const char *name, const char *node);
	void (*done)(void *data, int result, const struct pn_err *err);
};

/** pn_pods_list() - Return: 0 or -ENOMEM; never calls back before it returns */
int pn_pods_list(struct pn_client *client, const struct pn_cluster_options *o,
		 const struct pn_pods_ops *ops, void *data, struct pn_pods **ret);

/** pn_pods_free() - also while it is under way; NULL is allowed */
void pn_pods_free(struct pn_pods *p);

#endif
