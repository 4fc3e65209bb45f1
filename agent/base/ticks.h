/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_TICKS_H
#define PN_BASE_TICKS_H

#include <stdint.h>

#include "base/clock.h"
#include "base/util.h"

/**
 * struct pn_ticks - what the kernel's ticks mean, in which packets note their time
 * @tick: low bits of jiffies, at
 * @at:   CLOCK_MONOTONIC
 * @len:  of a tick, ns
 */
struct pn_ticks {
	uint32_t tick;
	pn_nsec at, len;
};

/**
 * pn_ticks_time() - CLOCK_MONOTONIC: when a tick began
 *
 * Right for 49 days at 1,000 ticks a second; @tick may be somewhat newer than @t.
 */
static inline pn_nsec pn_ticks_time(const struct pn_ticks *t, uint32_t tick)
{
	enum { NEWER = 1 << 20 };
	uint32_t age = t->tick - tick, lead = tick - t->tick;

	return lead < NEWER ? t->at + lead * t->len : t->at - PN_MIN(age * t->len, t->at);
}

#endif
