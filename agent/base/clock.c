/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time, chance, and the pauses between attempts. Everything that waits or measures takes a
 * struct pn_clock, so that its test can step through hours in no time.
 */
#include "base/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static pn_nsec read_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (pn_nsec)ts.tv_sec * PN_NSEC_PER_SEC + (pn_nsec)ts.tv_nsec;
}

static pn_nsec system_now(void *data)
{
	(void)data;
	return read_clock(CLOCK_MONOTONIC);
}

static pn_nsec system_realtime(void *data)
{
	(void)data;
	return read_clock(CLOCK_REALTIME);
}

static uint32_t system_random(void *data)
{
	uint32_t v = 0;

	(void)data;
	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != (ssize_t)sizeof(v))
		v = (uint32_t)read_clock(CLOCK_MONOTONIC) * 2654435761u;
	return v;
}

const struct pn_clock pn_clock_system = {
	.now = system_now,
	.realtime = system_realtime,
	.random = system_random,
};

pn_nsec pn_clock_to_monotonic(const struct pn_clock *c, pn_nsec realtime_ns)
{
	pn_nsec now = pn_clock_now(c), wall = pn_clock_realtime(c);

	if (realtime_ns >= wall)
		return now + (realtime_ns - wall);
	return now > wall - realtime_ns ? now - (wall - realtime_ns) : 0;
}

pn_nsec pn_clock_to_realtime(const struct pn_clock *c, pn_nsec monotonic_ns)
{
	return pn_clock_realtime(c) - pn_clock_now(c) + monotonic_ns;
}

/* The base delay after @b's last one. Compared by division, so that no configuration overflows. */
static pn_nsec grow(const struct pn_backoff *b)
{
	if (b->factor < 2 || b->base >= b->cap)
		return b->base;
	return b->base < b->cap / b->factor ? b->base * b->factor : b->cap;
}

pn_nsec pn_backoff_next(struct pn_backoff *b, const struct pn_clock *c)
{
	pn_nsec now = pn_clock_now(c);
	bool fresh = b->base == 0 || now - b->last_use > b->reset_after;

	b->base = fresh ? b->initial : grow(b);
	b->last_use = now;
	if (b->no_jitter)
		return b->base;
	return b->base + (pn_nsec)(((__uint128_t)b->base * c->random(c->data)) >> 32);
}
