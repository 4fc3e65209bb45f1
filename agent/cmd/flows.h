/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_FLOWS_H
#define PN_CMD_FLOWS_H

#include "base/err.h"
#include "cmd/options.h"

/*
 * The parts of `podonym flows` and `podonym drops`: flows_request.c asks, flows_print.c shows the
 * answer, flows_run.c does one after the other; cmd_flows.c and cmd_drops.c have the options.
 */

struct pn_flows_options {
	bool follow, all, all_namespaces, numeric, no_headers;
	uint32_t first, last;
	const char *since, *until;
	struct pn_option_items filters; /* and "not" before those that must not be met */
	const char *output, *time_format, *color, *socket;
};

/** What --time-format may be. */
extern const char *const pn_flows_times[];

/**
 * pn_flows_request() - the request to the agent
 * @command: "flows" or "drops"
 * @now: CLOCK_REALTIME
 *
 * Return: 0 with @ret from malloc(); -EINVAL with @reterr: what was asked makes no sense; -ENOMEM
 */
int pn_flows_request(const char *command, const struct pn_flows_options *o, pn_nsec now, char **ret,
		     struct pn_err *reterr);

/** pn_flows_format() - the name of the form that the agent is asked for */
const char *pn_flows_format(const struct pn_flows_options *o);

/**
 * pn_flows_print() - the agent's answer in the form wanted, until it ends or nobody reads ours
 * @command: which one this is, for messages
 *
 * What the agent says beside records goes to standard error.
 *
 * Return: 0; -EBADMSG: the agent has refused; another negative errno with @reterr
 */
int pn_flows_print(const char *command, const struct pn_flows_options *o, int fd,
		   struct pn_err *reterr);

/** pn_flows_run() - all of it; says what goes wrong. Return: the exit status */
int pn_flows_run(const char *command, const struct pn_flows_options *o);

#endif
