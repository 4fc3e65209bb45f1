/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_CLUSTER_LIVE_H
#define PN_CMD_POLICY_CLUSTER_LIVE_H

#include "cmd/kube_options.h"
#include "policy/policy.h"

/**
 * struct pn_cluster_source - where a command has its cluster from
 * @file:    NULL: the API server
 * @command: for messages
 */
struct pn_cluster_source {
	const char *file, *command;
	struct pn_kube_config_source kube;
	pn_nsec timeout;
};

/** PN_CLUSTER_OPTIONS() - rows for the commands that need one; @source: their struct pn_cluster_source */
#define PN_CLUSTER_OPTIONS(values, source)                                                     \
	{                                                                                      \
		.name = "cluster",                                                             \
		.type = PN_OPT_STRING,                                                         \
		.arg = "FILE",                                                                 \
		.offset = offsetof(values, source.file),                                       \
		.has_env = true,                                                               \
		.help = "the cluster's objects, JSON or YAML, instead of the API server's; - " \
			"is standard input",                                                   \
	},                                                                                     \
		PN_KUBE_OPTIONS(values, source.kube),                                          \
	{                                                                                      \
		.name = "timeout", .type = PN_OPT_DURATION, .arg = "TIME",                     \
		.offset = offsetof(values, source.timeout), .preset = "60s",                   \
		.min = 100 * PN_NSEC_PER_MSEC, .max = 3600 * PN_NSEC_PER_SEC,                  \
		.help = "give up on the API server after so long",                             \
	}

/** pn_cluster_is_stdin() - is the cluster read from there? */
bool pn_cluster_is_stdin(const struct pn_cluster_source *source);

/**
 * pn_cluster_load() - all that policies have a use for, from the file or the API server
 *
 * Of a server, policies of tiers are asked for as well and need not be known to it; nodes, Services
 * and tiers that it does not show are gone without, which is said on standard error.
 *
 * Return: 0, or a negative errno with @reterr, never -EINVAL
 */
int pn_cluster_load(const struct pn_cluster_source *source, struct pn_policy_set *set,
		    struct pn_err *reterr);

#endif
