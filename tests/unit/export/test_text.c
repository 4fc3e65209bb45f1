/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own conversions against the C library's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "export/text.h"

static uint64_t seed = 3;

static uint64_t next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 32 | seed << 32;
}

static struct pn_text text_in(char *buf, size_t size)
{
	return (struct pn_text) { .at = buf, .end = buf + size };
}

static void addresses_are_as_inet_ntop_writes_them(void **state)
{
	char got[64], want[PN_ADDR_STRLEN];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct pn_text t = text_in(got, sizeof(got) - 1);
		struct pn_addr a = { { [10] = 0xff, [11] = 0xff } };
		uint64_t mask = next_random();

		for (int k = i % 4 ? 0 : 12; k < 16; k++)
			a.b[k] = mask >> (k / 2 * 4) & 3 ? 0 : (uint8_t)next_random();
		a.b[0] |= i % 4 ? 0x20 : 0; /* inet_ntop() still writes ::1.2.3.4 (RFC 4291) */
		pn_text_addr(&t, &a);
		*t.at = '\0';
		assert_string_equal(got, pn_addr_format(&a, want));
	}
}

static void addresses_of_zeros(void **state)
{
	static const struct pn_addr any, loopback = { { [15] = 1 } };
	char got[64];
	struct pn_text t = text_in(got, sizeof(got) - 1);

	(void)state;
	pn_text_addr(&t, &any);
	pn_text_char(&t, ' ');
	pn_text_addr(&t, &loopback);
	*t.at = '\0';
	assert_string_equal(got, ":: ::1");
}

static void dates_are_as_gmtime_has_them(void **state)
{
	char got[64], want[64];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct pn_text t = text_in(got, sizeof(got) - 1);
		pn_nsec when = next_random();
		time_t s = (time_t)(when / PN_NSEC_PER_SEC);
		struct tm tm;
		size_t n;

		(void)gmtime_r(&s, &tm);
		n = strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
		(void)snprintf(want + n, sizeof(want) - n, ".%09" PRIu64 "Z",
			       when % PN_NSEC_PER_SEC);
		pn_text_rfc3339(&t, when);
		*t.at = '\0';
		assert_string_equal(got, want);
	}
}

static void numbers_are_as_printf_writes_them(void **state)
{
	char got[64], want[64];

	(void)state;
	for (int i = 0; i < 65; i++) {
		struct pn_text t = text_in(got, sizeof(got) - 1);
		uint64_t v = i == 64 ? 0 : UINT64_MAX >> i;

		pn_text_u64(&t, v);
		*t.at = '\0';
		(void)snprintf(want, sizeof(want), "%" PRIu64, v);
		assert_string_equal(got, want);
	}
}

static void nothing_is_written_beyond_the_end(void **state)
{
	static const struct pn_addr a = { { 0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
					    15 } };

	(void)state;
	for (size_t room = 0; room < 80; room++) {
		char *got = malloc(room + 1);
		struct pn_text t;

		assert_non_null(got);
		got[room] = '#';
		t = text_in(got, room);
		pn_text_addr(&t, &a);
		pn_text_rfc3339(&t, 0);
		pn_text_u64(&t, UINT64_MAX);
		assert_true(t.full);
		assert_int_equal(got[room], '#');
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_as_inet_ntop_writes_them),
		cmocka_unit_test(addresses_of_zeros),
		cmocka_unit_test(dates_are_as_gmtime_has_them),
		cmocka_unit_test(numbers_are_as_printf_writes_them),
		cmocka_unit_test(nothing_is_written_beyond_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
