/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_COMMANDS_H
#define PN_CMD_COMMANDS_H

#include "cmd/options.h"

/* One file a subcommand: cmd_NAME.c defines its row. A name may be two words. */
extern const struct pn_command pn_cmd_agent, pn_cmd_flows, pn_cmd_drops, pn_cmd_top, pn_cmd_whois,
	pn_cmd_get, pn_cmd_status, pn_cmd_select, pn_cmd_doctor, pn_cmd_cleanup, pn_cmd_completion,
	pn_cmd_man, pn_cmd_version, pn_cmd_policy_explain, pn_cmd_policy_check,
	pn_cmd_policy_advise, pn_cmd_config_check, pn_cmd_config_show, pn_cmd_config_example,
	pn_cmd_cluster_flows, pn_cmd_cluster_drops, pn_cmd_cluster_status;

/** pn_commands() - all of them, in the order of --help; main.c. Return: how many */
size_t pn_commands(const struct pn_command *const **ret);

#endif
