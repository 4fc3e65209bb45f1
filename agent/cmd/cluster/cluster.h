/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_CLUSTER_CLUSTER_H
#define PN_CMD_CLUSTER_CLUSTER_H

#include "base/buf.h"
#include "cmd/flows.h"
#include "cmd/kube_options.h"

/*
 * The parts of `kubectl podonym`: agents.c finds the agents' pods and keeps a request to each of them going
 * through the API server's pod proxy, merge.c orders what they say, query.c is what they are asked;
 * cmd_cluster_flows.c (flows, drops) and cmd_cluster_status.c show it.
 */

/** struct pn_cluster_options - @flows is the first member: its rows are shared with `podonym flows` */
struct pn_cluster_options {
	struct pn_flows_options flows;
	struct pn_kube_config_source kube;
	const char *name_space, *selector, *token_file; /* of the agents */
	uint32_t port;
	pn_nsec timeout, delay;
};

/** Exit status: some nodes did not answer, others did. */
enum { PN_EXIT_SOME = 4 };

/**
 * struct pn_node_agent - one node's agent
 * @pod, @node: its name, and where it runs ("" if that is not known yet)
 */
struct pn_node_agent {
	const char *pod, *node;
	size_t len; /* of @node */
};

/**
 * struct pn_cluster_ops
 * @line:     what an agent says, without its newline; a NUL stands behind it
 * @tick:     now and then, 20 times a second, with the loop's time, while following; may be NULL
 * @end:      once, when all has been said; may be NULL
 * @failed:   an agent did not answer, or no longer; may be NULL: it is said on standard error in any case
 *
 * A negative errno ends pn_cluster_run() with that result.
 */
struct pn_cluster_ops {
	int (*line)(void *data, const struct pn_node_agent *from, char *line, size_t len,
		    uint64_t now_ms);
	int (*tick)(void *data, uint64_t now_ms);
	int (*end)(void *data);
	void (*failed)(void *data, const struct pn_node_agent *from, const char *why);
};

/**
 * pn_cluster_run() - ask each agent, until all have said everything, or, following, until interrupted
 * @command: for messages
 * @path:    of the agents' HTTP, with its query
 *
 * Who does not answer is named on standard error at once; following, it is asked again and again, and
 * agents that come later are asked too. An agent lives as long as pn_cluster_run().
 *
 * Return: the exit status: PN_EXIT_DONE, PN_EXIT_SOME, PN_EXIT_FAILED; or a negative errno with @reterr
 */
int pn_cluster_run(const char *command, const struct pn_cluster_options *o, const char *path,
		   bool follow, const struct pn_cluster_ops *ops, void *data,
		   struct pn_err *reterr);

/** pn_cluster_query() - @request: see pn_flows_request(). Return: 0 or -ENOMEM */
int pn_cluster_query(const char *request, struct pn_buf *out);

/** PN_CLUSTER_OPTIONS() - rows that say where the agents are */
#define PN_CLUSTER_OPTIONS                                                               \
	PN_KUBE_OPTIONS(struct pn_cluster_options, kube),                                \
		{                                                                        \
			.name = "agents-namespace",                                      \
			.type = PN_OPT_STRING,                                           \
			.arg = "NAME",                                                   \
			.offset = offsetof(struct pn_cluster_options, name_space),       \
			.preset = "podonym-system",                                      \
			.has_env = true,                                                 \
			.help = "where the agents' pods are",                            \
		},                                                                       \
		{                                                                        \
			.name = "agents-selector",                                       \
			.type = PN_OPT_STRING,                                           \
			.arg = "LABELS",                                                 \
			.offset = offsetof(struct pn_cluster_options, selector),         \
			.preset = "app.kubernetes.io/name=podonym",                      \
			.has_env = true,                                                 \
			.help = "the labels of the agents' pods",                        \
		},                                                                       \
		{                                                                        \
			.name = "agents-port",                                           \
			.type = PN_OPT_UINT,                                             \
			.arg = "PORT",                                                   \
			.offset = offsetof(struct pn_cluster_options, port),             \
			.preset = "9960",                                                \
			.min = 1,                                                        \
			.max = 65535,                                                    \
			.has_env = true,                                                 \
			.help = "where the agents serve HTTP",                           \
		},                                                                       \
		{                                                                        \
			.name = "http-token-file",                                       \
			.type = PN_OPT_STRING,                                           \
			.arg = "FILE",                                                   \
			.offset = offsetof(struct pn_cluster_options, token_file),       \
			.has_env = true,                                                 \
			.help = "show the agents the token in this file",                \
		},                                                                       \
	{                                                                                \
		.name = "timeout", .type = PN_OPT_DURATION, .arg = "TIME",               \
		.offset = offsetof(struct pn_cluster_options, timeout), .preset = "20s", \
		.min = 100 * PN_NSEC_PER_MSEC, .max = 3600 * PN_NSEC_PER_SEC,            \
		.help = "how long an agent may be silent before it has answered",        \
	}

#endif
