/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_RUN_H
#define PN_CMD_POLICY_RUN_H

#include "base/err.h"
#include "policy/policy.h"

/**
 * pn_policy_run() - a command that works on one set of policies
 * @command: "policy check", for what is said on standard error
 * @wrong:   NULL, or what is wrong with the options
 * @work:    fills the empty @set and uses it; Return: the exit status, or a negative errno with @reterr,
 *	     of which -EINVAL is wrong usage
 *
 * Return: the exit status.
 */
int pn_policy_run(const char *command, const char *wrong,
		  int (*work)(const void *values, struct pn_policy_set *set, struct pn_err *reterr),
		  const void *values);

#endif
