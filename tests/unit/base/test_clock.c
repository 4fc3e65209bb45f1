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

static void pauses_are_as_configured(void **state)
{
	static const pn_nsec bases_ms[] = { 40, 120, 360, 400, 400 };
	struct hands h = { .now = PN_NSEC_PER_SEC, .chance = UINT32_MAX };
	struct pn_clock c = clock_of(&h);
	struct pn_backoff b = { .initial = 40 * PN_NSEC_PER_MSEC,
				.cap = 400 * PN_NSEC_PER_MSEC,
				.reset_after = PN_NSEC_PER_SEC,
				.factor = 3,
				.no_jitter = true };

	(void)state;
	for (size_t i = 0; i < sizeof(bases_ms) / sizeof(bases_ms[0]); i++)
		assert_int_equal(pn_backoff_next(&b, &c), bases_ms[i] * PN_NSEC_PER_MSEC);
	h.now += PN_NSEC_PER_SEC + 1;
	assert_int_equal(pn_backoff_next(&b, &c), 40 * PN_NSEC_PER_MSEC);
}

static void pauses_of_any_configuration_stay_between_the_first_and_the_cap(void **state)
{
	static const unsigned int factors[] = { 0, 1, 2, 1000, UINT32_MAX };
	struct hands h = { .now = PN_NSEC_PER_SEC };
	struct pn_clock c = clock_of(&h);

	(void)state;
	for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
		struct pn_backoff b = { .initial = 7,
					.cap = UINT64_MAX / 2,
					.reset_after = PN_NSEC_PER_SEC,
					.factor = factors[i],
					.no_jitter = true };
		pn_nsec last = 0;

		for (int n = 0; n < 100; n++) {
			pn_nsec pause = pn_backoff_next(&b, &c);

			assert_true(pause >= last && pause >= 7 && pause <= UINT64_MAX / 2);
			last = pause;
		}
		assert_int_equal(last, factors[i] < 2 ? 7 : UINT64_MAX / 2);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wall_clock_times_become_monotonic_and_back),
		cmocka_unit_test(pauses_double_up_to_the_cap),
		cmocka_unit_test(each_pause_is_drawn_below_twice_its_base),
		cmocka_unit_test(two_quiet_minutes_start_anew),
		cmocka_unit_test(pauses_are_as_configured),
		cmocka_unit_test(pauses_of_any_configuration_stay_between_the_first_and_the_cap),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
