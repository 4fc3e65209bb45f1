/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_EXPLAIN_AGENT_H
#define PN_CMD_POLICY_EXPLAIN_AGENT_H

#include "daemon/explaining.h"

/** pn_policy_explain_for_agent() - what `podonym policy explain -o json` says, of the agent's own objects; see pn_explain_fn */
int pn_policy_explain_for_agent(const struct pn_explain_question *q, char **ret,
				struct pn_err *reterr);

#endif
