/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BENCH_BENCH_H
#define PN_BENCH_BENCH_H

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

/* What the measuring programs share. */

/* Of this thread alone: what else runs on the machine counts little. */
static inline pn_nsec cpu_time(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (pn_nsec)ts.tv_sec * PN_NSEC_PER_SEC + (pn_nsec)ts.tv_nsec;
}

static inline void row(const char *what, double value, const char *unit)
{
	printf("%-54s %10.1f %s\n", what, value, unit);
}

#endif
