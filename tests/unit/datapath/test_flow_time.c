/* SPDX-License-Identifier: Apache-2.0 */
/* From a tick to the time of an entry's last packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/flow_time.h"

#define TICK (4 * PN_NSEC_PER_MSEC)
#define NOW (1000 * PN_NSEC_PER_SEC)

static pn_nsec last_of(uint32_t tick_now, uint32_t tick, uint64_t start)
{
	const struct pn_flow_time time = { .tick = tick_now, .at = NOW, .len = TICK };
	const struct pn_flow_value value = { .tick = tick, .start_ns = start };

	return pn_flow_last(&time, &value);
}

static void an_older_tick_is_so_many_ticks_ago(void **state)
{
	(void)state;
	assert_int_equal(last_of(5000, 5000, 0), NOW);
	assert_int_equal(last_of(5000, 4750, 0), NOW - 250 * TICK);
}

static void a_packet_may_be_newer_than_the_time(void **state)
{
	(void)state;
	assert_int_equal(last_of(5000, 5002, 0), NOW + 2 * TICK);
}

static void ticks_wrap(void **state)
{
	(void)state;
	assert_int_equal(last_of(10, UINT32_MAX - 9, 0), NOW - 20 * TICK);
	assert_int_equal(last_of(UINT32_MAX, 1, 0), NOW + 2 * TICK);
}

static void no_packet_is_before_the_first(void **state)
{
	(void)state;
	assert_int_equal(last_of(5000, 4999, NOW - TICK / 2), NOW - TICK / 2);
	assert_int_equal(last_of(4000000000, 0, NOW - TICK), NOW - TICK); /* none counted yet */
	assert_int_equal(last_of(4000000000, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_tick_is_so_many_ticks_ago),
		cmocka_unit_test(a_packet_may_be_newer_than_the_time),
		cmocka_unit_test(ticks_wrap),
		cmocka_unit_test(no_packet_is_before_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
