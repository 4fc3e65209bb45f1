/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_CLOCK_H
#define PN_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/**
 * pn_nsec - nanoseconds. Points in time are CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns(), so
 * that times from the kernel programs and from here compare directly.
 */
typedef uint64_t pn_nsec;

#define PN_NSEC_PER_USEC ((pn_nsec)1000)
#define PN_NSEC_PER_MSEC ((pn_nsec)1000000)
#define PN_NSEC_PER_SEC ((pn_nsec)1000000000)
#define PN_NSEC_NEVER UINT64_MAX

/**
 * struct pn_clock - where time and chance come from, so that a test can own both
 * @now:      CLOCK_MONOTONIC in ns
 * @realtime: CLOCK_REALTIME in ns since 1970
 * @random:   32 uniformly drawn bits
 */
struct pn_clock {
	pn_nsec (*now)(void *data);
	pn_nsec (*realtime)(void *data);
	uint32_t (*random)(void *data);
	void *data;
};

/** pn_clock_system - the kernel's clocks and its random source; any thread */
extern const struct pn_clock pn_clock_system;

static inline pn_nsec pn_clock_now(const struct pn_clock *c)
{
	return c->now(c->data);
}

static inline pn_nsec pn_clock_realtime(const struct pn_clock *c)
{
	return c->realtime(c->data);
}

/** pn_clock_to_monotonic() - a wall clock time as a monotonic one; 0 if it lies before the boot */
pn_nsec pn_clock_to_monotonic(const struct pn_clock *c, pn_nsec realtime_ns);

/** pn_clock_to_realtime() - the other way round */
pn_nsec pn_clock_to_realtime(const struct pn_clock *c, pn_nsec monotonic_ns);

/**
 * struct pn_backoff - growing pauses between attempts (client-go's reflector: 800 ms, 2, 30 s, 2 min)
 * @initial, @cap: first and longest base delay; each delay is drawn from [base, 2 * base)
 * @reset_after:   when the last delay was asked for longer ago than this, start from @initial again
 * @factor:        each base delay is so many times the one before; 0 and 1: all are @initial
 * @no_jitter:     a delay is its base
 */
struct pn_backoff {
	pn_nsec initial, cap, reset_after;
	unsigned int factor;
	bool no_jitter;
	pn_nsec base, last_use; /* private; zero is right */
};

#define PN_BACKOFF_DEFAULT                                           \
	((struct pn_backoff) { .initial = 800 * PN_NSEC_PER_MSEC,    \
			       .cap = 30 * PN_NSEC_PER_SEC,          \
			       .reset_after = 120 * PN_NSEC_PER_SEC, \
			       .factor = 2 })

/** pn_backoff_next() - how long to wait now, in ns */
pn_nsec pn_backoff_next(struct pn_backoff *b, const struct pn_clock *c);

#endif
