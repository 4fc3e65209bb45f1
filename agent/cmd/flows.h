/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_FLOWS_H
#define PN_CMD_FLOWS_H

#include "base/err.h"
#include "cmd/options.h"

/*
 * The parts of `podonym flows`: flows_request.c asks, flows_print.c shows the answer; cmd_flows.c
 * has the options.
 */

struct pn_flows_options {
	bool follow, all, all_namespaces, numeric, no_headers;
	uint32_t first, last;
	const char *since, *until;
	struct pn_option_items filters; /* and "not" before those that must not be met */
	const char *output, *time_format, *color, *socket;
};

/**
 * pn_flows_request() - the request to the agent
 * @now: CLOCK_REALTIME
 *
 * Return: 0 with @ret from malloc(); -EINVAL with @reterr: what was asked makes no sense; -ENOMEM
 */
int pn_flows_request(const struct pn_flows_options *o, pn_nsec now, char **ret,
		     struct pn_err *reterr);

/**
 * pn_flows_print() - the agent's answer in the form wanted, until it ends or nobody reads ours
 *
 * What the agent says beside records goes to standard error.
 *
 * Return: 0; -EBADMSG: the agent has refused; another negative errno with @reterr
 */
int pn_flows_print(const struct pn_flows_options *o, int fd, struct pn_err *reterr);

#endif
