/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of packets, for `podonym status` and /metrics: the kernel's side from its cells, the flow
 * thread's from the metrics.
 */
#include "daemon/ledger.h"

#include "base/metric.h"
#include "base/util.h"

const char *pn_ledger_name(enum pn_flow_stat stat)
{
	static const char *const names[] = { "seen",	     "recorded",   "collapsed",
					     "not_ip",	     "malformed",  "table_full",
					     "not_selected", "not_sampled" };
	_Static_assert(PN_ARRAY_SIZE(names) == PN_STAT_MAX, "a name for each line of the ledger");

	return names[stat];
}

int pn_ledger_read(const struct pn_tracer *tracer, struct pn_ledger *ret)
{
	struct pn_ledger l;
	uint64_t in_records;
	int r = pn_tracer_stats(tracer, l.stats);

	if (r < 0)
		return r;
	l.told = pn_metric_get(PN_METRIC_FLOW_TOLD);
	l.in_doubt = pn_metric_get(PN_METRIC_FLOW_IN_DOUBT);
	in_records = l.stats[PN_STAT_RECORDED] + l.stats[PN_STAT_COLLAPSED];
	l.untold = in_records - PN_MIN(l.told + l.in_doubt, in_records);
	*ret = l;
	return 0;
}
