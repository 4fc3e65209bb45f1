/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_AGENT_CONFIG_H
#define PN_CMD_AGENT_CONFIG_H

#include "cmd/options.h"
#include "daemon/agent.h"

/** struct pn_agent_values - of the options of `podonym agent`, whose table is in cmd_agent.c */
struct pn_agent_values {
	struct pn_kube_config_source kube;
	const char *node, *output, *format, *socket, *pin_path, *ranges, *state, *cgroup_root,
		*config, *log_level, *disable, *policy, *select, *http, *http_token_file,
		*metrics_labels, *history, *history_size, *http_cert, *http_key, *confine;
	pn_nsec interval, name_wait, metrics_idle, history_age;
	uint32_t max_addrs, max_flows, sampling, recent, metrics_pairs;
	struct pn_option_items sinks, http_hosts;
};

enum { PN_HOST_NAME_LEN = 256 };

/**
 * struct pn_agent_setup - what an agent is started with, and what that borrows
 * @config: its @selection, @exporters and @http_tls are the setup's; its @sink is nobody's yet
 */
struct pn_agent_setup {
	struct pn_agent_config config;
	char *token, host[PN_HOST_NAME_LEN];
	const char *http_hosts[PN_OPTION_ITEMS_MAX + 2];
};

/**
 * pn_agent_setup_init() - from the values of options; reads the files with the token, certificate and key
 * @v: outlives @s
 *
 * Return: 0; or a negative errno with @reterr, which names the option. Then, too, pn_agent_setup_done().
 */
int pn_agent_setup_init(struct pn_agent_setup *s, const struct pn_agent_values *v,
			struct pn_err *reterr);
void pn_agent_setup_done(struct pn_agent_setup *s);

/**
 * pn_agent_disable() - switches features off
 * @list: their names, commas between them
 *
 * Return: 0, or -EINVAL with @reterr.
 */
int pn_agent_disable(const char *list, struct pn_agent_config *config, struct pn_err *reterr);

#endif
