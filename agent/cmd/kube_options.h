/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_KUBE_OPTIONS_H
#define PN_CMD_KUBE_OPTIONS_H

#include "cmd/options.h"
#include "kube/config.h"

/**
 * PN_KUBE_OPTIONS() - rows for the commands that talk to the API server
 * @values: the command's struct; @source: its struct pn_kube_config_source
 */
#define PN_KUBE_OPTIONS(values, source)                                                      \
	{                                                                                    \
		.name = "server",                                                            \
		.type = PN_OPT_STRING,                                                       \
		.arg = "URL",                                                                \
		.offset = offsetof(values, source.server),                                   \
		.has_env = true,                                                             \
		.help = "API server to use without any credentials",                         \
	},                                                                                   \
		{                                                                            \
			.name = "kubeconfig",                                                \
			.type = PN_OPT_STRING,                                               \
			.arg = "FILE",                                                       \
			.offset = offsetof(values, source.kubeconfig),                       \
			.has_env = true,                                                     \
			.help = "settings of the API server; else in-cluster, $KUBECONFIG, " \
				"~/.kube/config",                                            \
		},                                                                           \
	{                                                                                    \
		.name = "context", .type = PN_OPT_STRING, .arg = "NAME",                     \
		.offset = offsetof(values, source.context), .has_env = true,                 \
		.help = "instead of the kubeconfig's current context",                       \
	}

#endif
