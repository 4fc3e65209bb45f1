/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_POD_NETWORK_H
#define PN_TESTS_POD_NETWORK_H

#include <sys/types.h>

/*
 * The two ends of a pod's wire, by netlink, as deploy/demo/cluster.bash makes them with ip(8): routed,
 * with neighbours written down. Two hundred pods a minute are too many for a shell. Each function
 * works in the network namespace that the caller is in, and ends the program if it fails.
 */

/** pn_pod_end_make() - in the pod: eth0 with its addresses and routes; the other end, @peer, goes to the namespace of @pid */
void pn_pod_end_make(const char *v4, const char *v6, const char *peer, pid_t pid);

/** pn_host_end_make() - on the node: @peer is up, and leads to both addresses */
void pn_host_end_make(const char *v4, const char *v6, const char *peer);

/** pn_pod_end_remove() - in the pod: both ends are gone when it returns */
void pn_pod_end_remove(void);

#endif
