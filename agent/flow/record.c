/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for the enumerations of a flow record, as encoders write them; what follows from its fields.
 */
#include "flow/record.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

static const char *const attributions[] = {
	"cgroup", "ip", "port", "service", "node", "cidr", "ambiguous", "none", "stale",
};
_Static_assert(PN_ARRAY_SIZE(attributions) == PN_ATTR_MAX, "a name for each attribution");

static const char *const ends[] = { "active", "closed", "idle", "reassigned", "left", "shutdown" };
_Static_assert(PN_ARRAY_SIZE(ends) == PN_FLOW_END_MAX, "a name for each state");

static const char *const tcp_states[] = { "opening", "refused", "established",
					  "closing", "closed",	"reset" };
_Static_assert(PN_ARRAY_SIZE(tcp_states) == PN_TCP_STATE_MAX, "a name for each state");

static const char *const expectations[] = { "unknown", "none", "allowed", "denied" };
_Static_assert(PN_ARRAY_SIZE(expectations) == PN_EXPECTED_MAX, "a name for each verdict");

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

const char *pn_expected_name(enum pn_expected e)
{
	return expectations[e];
}

/* Has the other end shown that the first packet reached it? A reset may be a rule's. */
static bool is_answered(const struct pn_flow_record *r)
{
	if (r->proto != IPPROTO_TCP)
		return r->destination.packets;
	if (r->source.tcp_flags & TH_SYN)
		return r->destination.tcp_flags & TH_SYN;
	return r->destination.tcp_flags && !(r->destination.tcp_flags & TH_RST);
}

static bool went_through(const struct pn_flow_record *r)
{
	return is_answered(r) || (r->source.delivered && !r->drop.packets);
}

bool pn_record_disagrees(const struct pn_flow_record *r)
{
	if (r->policy.is_late)
		return false;
	if (r->policy.expected == PN_EXPECTED_DENIED)
		return went_through(r);
	return r->policy.expected == PN_EXPECTED_ALLOWED && r->drop.packets &&
	       r->drop.kind <= PN_DROP_OVS && !(r->proto == IPPROTO_TCP && is_answered(r));
}
