// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/number.h"

static void numbers_are_digits_up_to_a_limit(void **state)
{
	uint64_t n = 1;

	(void)state;
	assert_int_equal(pn_number_parse("0", 0, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(pn_number_parse("65535", UINT16_MAX, &n), 0);
	assert_int_equal(n, 65535);
	assert_true(pn_number_parse("65536", UINT16_MAX, &n) < 0);
	assert_true(pn_number_parse("18446744073709551616", UINT64_MAX, &n) < 0);
	assert_true(pn_number_parse("-1", UINT64_MAX, &n) < 0);
	assert_true(pn_number_parse("+1", UINT64_MAX, &n) < 0);
	assert_true(pn_number_parse(" 1", UINT64_MAX, &n) < 0);
	assert_true(pn_number_parse("1 ", UINT64_MAX, &n) < 0);
	assert_true(pn_number_parse("", UINT64_MAX, &n) < 0);
	assert_int_equal(n, 65535);
}

static void durations_need_a_unit(void **state)
{
	pn_nsec ns = 1;

	(void)state;
	assert_int_equal(pn_duration_parse("90s", &ns), 0);
	assert_int_equal(ns, 90 * PN_NSEC_PER_SEC);
	assert_int_equal(pn_duration_parse("2h", &ns), 0);
	assert_int_equal(ns, 7200 * PN_NSEC_PER_SEC);
	assert_true(pn_duration_parse("5", &ns) < 0);
	assert_true(pn_duration_parse("-5s", &ns) < 0);
	assert_true(pn_duration_parse("5s ", &ns) < 0);
	assert_true(pn_duration_parse("99999999999999999h", &ns) < 0);
	assert_true(pn_duration_parse("", &ns) < 0);
}

static void sizes_may_have_a_unit(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_int_equal(pn_size_parse("512", &n), 0);
	assert_int_equal(n, 512);
	assert_int_equal(pn_size_parse("64K", &n), 0);
	assert_int_equal(n, 64 << 10);
	assert_int_equal(pn_size_parse("3G", &n), 0);
	assert_int_equal(n, UINT64_C(3) << 30);
	assert_true(pn_size_parse("", &n) < 0);
	assert_true(pn_size_parse("M", &n) < 0);
	assert_true(pn_size_parse("-1", &n) < 0);
	assert_true(pn_size_parse("1MB", &n) < 0);
	assert_true(pn_size_parse("1k", &n) < 0);
	assert_true(pn_size_parse("99999999999999999G", &n) < 0);
	assert_true(pn_size_parse("99999999999999999999", &n) < 0);
	assert_int_equal(n, UINT64_C(3) << 30);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_digits_up_to_a_limit),
		cmocka_unit_test(durations_need_a_unit),
		cmocka_unit_test(sizes_may_have_a_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
