/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for the enumerations of a flow record, as encoders write them.
 */
#include "flow/record.h"

#include <netinet/tcp.h>

static const char *const attributions[] = {
	"cgroup", "ip", "port", "service", "node", "cidr", "ambiguous", "none",
};
_Static_assert(PN_ARRAY_SIZE(attributions) == PN_ATTR_MAX, "a name for each attribution");

static const char *const ends[] = { "active", "closed", "idle", "reassigned", "left", "shutdown" };
_Static_assert(PN_ARRAY_SIZE(ends) == PN_FLOW_END_MAX, "a name for each state");

static const char *const tcp_states[] = { "opening", "refused", "established",
					  "closing", "closed",	"reset" };
_Static_assert(PN_ARRAY_SIZE(tcp_states) == PN_TCP_STATE_MAX, "a name for each state");

const char *pn_attribution_name(enum pn_attribution a)
{
	return attributions[a];
}

const char *pn_flow_end_name(enum pn_flow_end e)
{
	return ends[e];
}

const char *pn_tcp_state_name(enum pn_tcp_state s)
{
	return tcp_states[s];
}

enum pn_tcp_state pn_tcp_state_of(unsigned int opener, unsigned int answerer)
{
	bool has_syn = opener & TH_SYN, is_answered = answerer & TH_SYN;

	if ((opener | answerer) & TH_RST)
		return has_syn && !is_answered && answerer & TH_RST ? PN_TCP_REFUSED : PN_TCP_RESET;
	if (opener & answerer & TH_FIN)
		return PN_TCP_CLOSED;
	if ((opener | answerer) & TH_FIN)
		return PN_TCP_CLOSING;
	return has_syn && !(is_answered && opener & TH_ACK) ? PN_TCP_OPENING : PN_TCP_ESTABLISHED;
}
