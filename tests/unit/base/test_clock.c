/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

/* A clock that the test moves. */
struct hands {
	pn_nsec now, wall;
	uint32_t chance;
};

static pn_nsec read_now(void *data)
{
	return ((struct hands *)data)->now;
}

static pn_nsec read_wall(void *data)
{
	return ((struct hands *)data)->wall;
}

static uint32_t read_chance(void *data)
{
	return ((struct hands *)data)->chance;
}

static struct pn_clock clock_of(struct hands *h)
{
	return (struct pn_clock) {
		.now = read_now, .realtime = read_wall, .random = read_chance, .data = h
	};
}

static void wall_clock_times_become_monotonic_and_back(void **state)
{
	struct hands h = { .now = 1000, .wall = 5000 };
	struct pn_clock c = clock_of(&h);

	(void)state;
	assert_int_equal(pn_clock_to_monotonic(&c, 4600), 600);
	assert_int_equal(pn_clock_to_monotonic(&c, 5400), 1400);
	assert_int_equal(pn_clock_to_monotonic(&c, 3000), 0);
	assert_int_equal(pn_clock_to_realtime(&c, 600), 4600);
}

static void pauses_double_up_to_the_cap(void **state)
{
	static const pn_nsec bases_ms[] = { 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000 };
	struct hands h = { .now = PN_NSEC_PER_SEC };
	struct pn_clock c = clock_of(&h);
	struct pn_backoff b = PN_BACKOFF_DEFAULT;

	(void)state;
	for (size_t i = 0; i < sizeof(bases_ms) / sizeof(bases_ms[0]); i++) {
		pn_nsec pause = pn_backoff_next(&b, &c);

		assert_int_equal(pause, bases_ms[i] * PN_NSEC_PER_MSEC);
		h.now += pause;
	}
}

static void each_pause_is_drawn_below_twice_its_base(void **state)
{
	struct hands h = { .now = PN_NSEC_PER_SEC, .chance = UINT32_MAX };
	struct pn_clock c = clock_of(&h);
	struct pn_backoff b = PN_BACKOFF_DEFAULT;
	pn_nsec pause = pn_backoff_next(&b, &c);

	(void)state;
	assert_true(pause > 1599 * PN_NSEC_PER_MSEC);
	assert_true(pause < 1600 * PN_NSEC_PER_MSEC);
}

static void two_quiet_minutes_start_anew(void **state)
{
	struct hands h = { .now = PN_NSEC_PER_SEC };
	struct pn_clock c = clock_of(&h);
	struct pn_backoff b = PN_BACKOFF_DEFAULT;

	(void)state;
	for (int i = 0; i < 5; i++)
		(void)pn_backoff_next(&b, &c);
	h.now += 121 * PN_NSEC_PER_SEC;
	assert_int_equal(pn_backoff_next(&b, &c), 800 * PN_NSEC_PER_MSEC);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wall_clock_times_become_monotonic_and_back),
		cmocka_unit_test(pauses_double_up_to_the_cap),
		cmocka_unit_test(each_pause_is_drawn_below_twice_its_base),
		cmocka_unit_test(two_quiet_minutes_start_anew),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
