/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_EXPLAIN_AGENT_H
#define PN_CMD_POLICY_EXPLAIN_AGENT_H

#include "daemon/explaining.h"

/** pn_policy_explain_ops - what `podonym policy explain -o json` says, of the agent's own objects */
extern const struct pn_explain_ops pn_policy_explain_ops;

#endif
