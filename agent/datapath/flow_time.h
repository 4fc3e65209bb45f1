/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_FLOW_TIME_H
#define PN_DATAPATH_FLOW_TIME_H

#include "base/clock.h"
#include "base/util.h"
#include "bpf/flow.h"

/**
 * struct pn_flow_time - what the kernel's ticks mean
 * @tick: low bits of jiffies, at
 * @at:   CLOCK_MONOTONIC
 * @len:  of a tick, ns
 *
 * Packets note the tick, which costs them less than the time.
 */
struct pn_flow_time {
	uint32_t tick;
	pn_nsec at, len;
};

/**
 * pn_flow_last() - CLOCK_MONOTONIC: when an entry saw its last packet, as of the beginning of the tick
 *
 * Right for 49 days at 1,000 ticks a second. A packet may be newer than @t.
 */
static inline pn_nsec pn_flow_last(const struct pn_flow_time *t, const struct pn_flow_value *v)
{
	enum { NEWER = 1 << 20 };
	uint32_t age = t->tick - v->tick, lead = v->tick - t->tick;
	pn_nsec last;

	if (lead < NEWER)
		last = t->at + lead * t->len;
	else
		last = t->at - PN_MIN(age * t->len, t->at);
	return PN_MAX(last, (pn_nsec)v->start_ns);
}

#endif
