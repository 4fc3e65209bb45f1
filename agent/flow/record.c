/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for the enumerations of a flow record, as encoders write them.
 */
#include "flow/record.h"

static const char *const attributions[] = {
	"cgroup", "ip", "port", "service", "node", "cidr", "ambiguous", "none",
};
_Static_assert(PN_ARRAY_SIZE(attributions) == PN_ATTR_MAX, "a name for each attribution");

static const char *const ends[] = { "active", "closed", "idle", "reassigned", "left", "shutdown" };
_Static_assert(PN_ARRAY_SIZE(ends) == PN_FLOW_END_MAX, "a name for each state");

const char *pn_attribution_name(enum pn_attribution a)
{
	return attributions[a];
}

const char *pn_flow_end_name(enum pn_flow_end e)
{
	return ends[e];
}
