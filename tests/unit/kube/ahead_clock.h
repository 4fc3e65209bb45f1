/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_AHEAD_CLOCK_H
#define PN_TESTS_AHEAD_CLOCK_H

/*
 * A loop's clock that can be put forward, so that what takes minutes need not be waited for. It
 * stands in for libuv's in everything that asks for the time; libuv's own timers do not ask.
 */
#include <dlfcn.h>
#include <uv.h>

static uint64_t ahead_ms; /* of the real clock */

uint64_t uv_now(const uv_loop_t *loop)
{
	static uint64_t (*real)(const uv_loop_t *loop);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "uv_now");
	return real(loop) + ahead_ms;
}

#endif
