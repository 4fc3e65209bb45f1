/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_DOCTOR_TRUTH_H
#define PN_CMD_DOCTOR_TRUTH_H

#include <podonym/maps.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/err.h"

/*
 * What a node says of its pods by itself, without Kubernetes: the paths of cgroups name pods, processes
 * are in cgroups and in network namespaces, namespaces have addresses, and descriptors lead to sockets.
 */

/** struct pn_addrs - no address is in it twice */
struct pn_addrs {
	struct pn_addr *items;
	size_t n, cap;
};

/** struct pn_truth_cgroup - one of a pod, with processes in it or below; @path from the root of the tree on */
struct pn_truth_cgroup {
	uint64_t id;
	char uid[PN_UID_LEN];
	char *path;
};

/**
 * struct pn_truth_pod - one that has a process outside of the node's network namespace
 * @pid: of such a process, for the words
 * @addrs: in all network namespaces of its processes
 */
struct pn_truth_pod {
	char uid[PN_UID_LEN];
	pid_t pid;
	struct pn_addrs addrs;
	uint64_t *namespaces;
	size_t n_namespaces, cap_namespaces;
};

/**
 * struct pn_truth_socket - one in the node's network namespace that takes what comes to a port
 * @pid: of who has it open; 0: nobody that could be found
 * @uid: of that process's pod; "" if it is in none
 */
struct pn_truth_socket {
	struct pn_addr addr;
	uint8_t proto;
	uint16_t port;
	uint64_t inode;
	pid_t pid;
	char uid[PN_UID_LEN];
};

struct pn_truth {
	struct pn_truth_cgroup *cgroups;
	struct pn_truth_pod *pods;
	struct pn_truth_socket *sockets; /* by inode */
	size_t n_cgroups, cap_cgroups, n_pods, cap_pods, n_sockets, cap_sockets;
	size_t n_hidden;     /* processes of no pod that may not be looked into */
	struct pn_addrs own; /* of the network namespace that this process is in: the node's */
};

/**
 * pn_truth_read() - as it is now; what goes away meanwhile is left out
 * @proc:	 where procfs is mounted
 * @cgroup_root: of the unified hierarchy; NULL: no cgroups are read
 * @ret:	 zeroed; to be given to pn_truth_done(), also after a failure
 *
 * Return: 0; -EPERM: may not look into processes of pods; or another negative errno, with @reterr
 */
int pn_truth_read(const char *proc, const char *cgroup_root, struct pn_truth *ret,
		  struct pn_err *reterr);
void pn_truth_done(struct pn_truth *t);

bool pn_addrs_has(const struct pn_addrs *a, const struct pn_addr *addr);

/** pn_truth_pod() - Return: NULL if there is none of this uid */
const struct pn_truth_pod *pn_truth_pod(const struct pn_truth *t, const char *uid);

#endif
