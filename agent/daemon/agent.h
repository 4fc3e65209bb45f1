/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_AGENT_H
#define PN_DAEMON_AGENT_H

#include "base/err.h"
#include "daemon/explaining.h"
#include "daemon/selection.h"
#include "daemon/status_doc.h"
#include "datapath/pinned_maps.h"
#include "datapath/tracer.h"
#include "export/exporter.h"
#include "export/history.h"
#include "export/sink.h"
#include "export/traffic.h"
#include "kube/config.h"

/**
 * struct pn_agent_change - what a running agent is told to do otherwise; NULL, 0: as before
 * @ranges_path: "": none
 */
struct pn_agent_change {
	const char *selection, *ranges_path, *log_level;
	uint32_t sampling;
	pn_nsec interval;
};

/**
 * struct pn_agent_reload - settings that are read again at SIGHUP. Control thread
 * @read:     Return: 0, @ret holds until @done; or a negative errno: nothing is to change
 * @done:     after each @read that returned 0; @error: NULL, or why nothing has changed
 * @settings: those in force as JSON text, allocated with malloc(); NULL: no memory
 * @state:    the same in short
 */
struct pn_agent_reload {
	int (*read)(void *data, struct pn_agent_change *ret);
	void (*done)(void *data, const char *error);
	char *(*settings)(void *data);
	struct pn_status_config (*state)(void *data);
	void *data;
};

/**
 * struct pn_agent_config - all strings are borrowed and outlive the agent
 * @kube: where to find the settings of the API server; read again and again until they make sense
 * @sink: where records go, or NULL; taken over, also on failure
 * @exporters: where they go as well, or NULL; not started yet, and outlive the agent
 * @selection: which connections are recorded; taken over, also on failure. @sampling: of so many one is
 * @config_path: the config file, or NULL. @ranges_path, @state_path: see struct pn_names_config
 * @cgroup_root: where cgroup v2 is mounted; NULL: where the mounts say
 * @http_address: where HTTP is served, see pn_http_address(); NULL: nowhere. @http_token,
 *		 @http_tls, @http_hosts: see struct pn_http_config; @http_cert_path, @http_key_path: its files
 * @history: what is kept of the last hours for `podonym flows`; without a path: nothing. Its clock is not looked at
 * @name_wait:	 how long a new connection's first record waits for late news of its names
 * @no_policy:	 do not hold connections against network policies
 * @n_recent:	 how many of the last records are kept for `podonym flows`
 * @explain:	 answers /v1/explain
 * @no_confine:	 keep all privileges, see confine.h
 */
struct pn_agent_config {
	struct pn_kube_config_source kube;
	struct pn_sink *sink;
	struct pn_exporters *exporters;
	struct pn_expression *selection;
	const char *node_name, *socket_path, *pin_path, *config_path, *ranges_path, *state_path,
		*cgroup_root, *http_address, *http_token, *http_cert_path, *http_key_path;
	const char *const *http_hosts;
	struct pn_http_tls *http_tls;
	struct pn_history_config history;
	struct pn_traffic_config traffic; /* without room for a series: none are kept */
	uint32_t max_addrs, max_flows, sampling, n_recent;
	pn_nsec interval, name_wait;
	bool no_tcx, no_nat, no_cgroup, no_tcp, no_lines, no_drops, no_policy, no_confine;
	const struct pn_explain_ops *explain;
	struct pn_agent_reload reload;
};

/**
 * pn_agent_run() - until SIGINT or SIGTERM
 *
 * Return: 0 after a clean stop, or a negative errno with @reterr when it could not start.
 */
int pn_agent_run(const struct pn_agent_config *config, struct pn_err *reterr);

#endif
