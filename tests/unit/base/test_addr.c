/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/addr.h"

static void both_families_round_trip(void **state)
{
	static const char *const texts[] = { "10.244.1.7", "0.0.0.0",	     "255.255.255.255",
					     "::",	   "fd00:10:244::7", "2001:db8::1:0:0:1" };
	char buf[PN_ADDR_STRLEN];
	struct pn_addr a;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(texts); i++) {
		assert_int_equal(pn_addr_parse(texts[i], &a), 0);
		assert_string_equal(pn_addr_format(&a, buf), texts[i]);
	}
}

static void mapped_ipv4_is_ipv4(void **state)
{
	struct pn_addr plain, mapped;

	(void)state;
	assert_int_equal(pn_addr_parse("192.0.2.1", &plain), 0);
	assert_int_equal(pn_addr_parse("::ffff:192.0.2.1", &mapped), 0);
	assert_true(pn_addr_eq(&plain, &mapped));
	assert_true(pn_addr_is_v4(&mapped));
	assert_int_equal(pn_addr_hash(&plain), pn_addr_hash(&mapped));
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = { "",      "10.0.0",	      "10.0.0.256", "10.0.0.1/24",
					     "[::1]", "fe80::1%eth0", "1.2.3.4 ",   "::g" };
	struct pn_addr a = { .b = { 42 } };

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(texts); i++)
		assert_int_equal(pn_addr_parse(texts[i], &a), -EINVAL);
	assert_int_equal(a.b[0], 42);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_round_trip),
		cmocka_unit_test(mapped_ipv4_is_ipv4),
		cmocka_unit_test(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
