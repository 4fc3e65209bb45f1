/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_JUDGE_H
#define PN_DAEMON_JUDGE_H

#include "base/clock.h"
#include "flow/record.h"
#include "policy/policy.h"

/** pn_judge_is_subject() - is it a connection that policies can name, between two ends that are known? */
bool pn_judge_is_subject(const struct pn_flow_record *r);

/**
 * pn_judge_record() - what policies make of such a connection
 * @set:   whose time (pn_policy_set_time()) is that of @start
 * @start: the first packet, CLOCK_MONOTONIC
 * @ret:   untouched if a pod is not in the set: it is gone, or has not come; `by` is a reference for
 *	   the caller
 */
void pn_judge_record(const struct pn_policy_set *set, const struct pn_flow_record *r, pn_nsec start,
		     struct pn_record_policy *ret);

#endif
