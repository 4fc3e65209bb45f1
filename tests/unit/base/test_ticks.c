/* SPDX-License-Identifier: Apache-2.0 */
/* From a tick to the time when it began. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/ticks.h"

#define TICK (4 * PN_NSEC_PER_MSEC)
#define NOW (1000 * PN_NSEC_PER_SEC)

static pn_nsec time_of(uint32_t tick_now, uint32_t tick)
{
	const struct pn_ticks ticks = { .tick = tick_now, .at = NOW, .len = TICK };

	return pn_ticks_time(&ticks, tick);
}

static void an_older_tick_is_so_many_ticks_ago(void **state)
{
	(void)state;
	assert_int_equal(time_of(5000, 5000), NOW);
	assert_int_equal(time_of(5000, 4750), NOW - 250 * TICK);
}

static void a_packet_may_be_newer_than_the_time(void **state)
{
	(void)state;
	assert_int_equal(time_of(5000, 5002), NOW + 2 * TICK);
}

static void ticks_wrap(void **state)
{
	(void)state;
	assert_int_equal(time_of(10, UINT32_MAX - 9), NOW - 20 * TICK);
	assert_int_equal(time_of(UINT32_MAX, 1), NOW + 2 * TICK);
}

static void before_the_clock_began_is_its_beginning(void **state)
{
	(void)state;
	assert_int_equal(time_of(4000000000, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_tick_is_so_many_ticks_ago),
		cmocka_unit_test(a_packet_may_be_newer_than_the_time),
		cmocka_unit_test(ticks_wrap),
		cmocka_unit_test(before_the_clock_began_is_its_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
