/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_AGENT_H
#define PN_CMD_AGENT_H

#include "base/err.h"
#include "datapath/pinned_maps.h"
#include "datapath/tracer.h"
#include "export/sink.h"
#include "kube/config.h"

/**
 * struct pn_agent_config - all strings are borrowed and outlive the agent
 * @kube: where to find the settings of the API server; read again and again until they make sense
 * @sink: where records go, or NULL; taken over, also on failure
 * @ranges_path, @state_path: see struct pn_names_config
 * @cgroup_root: where cgroup v2 is mounted; NULL: where the mounts say
 * @name_wait:	 how long a new connection's first record waits for late news of its names
 */
struct pn_agent_config {
	struct pn_kube_config_source kube;
	struct pn_sink *sink;
	const char *node_name, *socket_path, *pin_path, *ranges_path, *state_path, *cgroup_root;
	uint32_t max_addrs, max_flows;
	pn_nsec interval, name_wait;
	bool no_tcx, no_nat, no_cgroup, no_tcp, no_drops;
};

/**
 * pn_agent_run() - until SIGINT or SIGTERM
 *
 * Return: 0 after a clean stop, or a negative errno with @reterr when it could not start.
 */
int pn_agent_run(const struct pn_agent_config *config, struct pn_err *reterr);

#endif
