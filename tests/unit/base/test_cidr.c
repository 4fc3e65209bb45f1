/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: what is one, how it is written, and what lies in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cidr.h"

static struct pn_cidr of(const char *text)
{
	struct pn_cidr c = { .prefix_len = 0 };

	if (pn_cidr_parse_any(text, &c) < 0)
		fail_msg("%s is refused", text);
	return c;
}

static void is_written_as_it_is_meant(void **state)
{
	static const char *const cases[][2] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.1.2.3/8", "10.0.0.0/8" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "10.1.2.3", "10.1.2.3/32" },
		{ "fd00::5/63", "fd00::/63" },
		{ "::/0", "::/0" },
		{ "::1", "::1/128" },
		{ "255.255.255.255/31", "255.255.255.254/31" },
		{ "::ffff:0:0/96", "0.0.0.0/0" },
		{ "ffff::/1", "8000::/1" },
	};
	char text[PN_CIDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		struct pn_cidr c = of(cases[i][0]);

		assert_string_equal(pn_cidr_format(&c, text), cases[i][1]);
	}
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const texts[] = {
		"",	      "/",	     "/8",	    "10.0.0.0/",   "10.0.0.0/33",
		"fd00::/129", "10.0.0/8",    "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8/8",
		"web/8",      "10.0.0.0/8x", "[fd00::]/8",  "fd00::/-1",
	};
	struct pn_cidr c = { .prefix_len = 7 };

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(texts); i++) {
		if (pn_cidr_parse_any(texts[i], &c) == 0)
			fail_msg("\"%s\" is taken", texts[i]);
	}
	assert_true(pn_cidr_parse("10.0.0.0", &c) < 0);
	assert_int_equal(c.prefix_len, 7);
}

static void has_what_lies_in_it_and_is_of_its_family(void **state)
{
	static const struct {
		const char *network, *inner;
		bool want;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/9", "10.127.0.0/16", true },
		{ "10.0.0.0/9", "10.128.0.0/16", false },
		{ "10.0.0.0/16", "10.0.0.0/8", false },
		{ "10.0.0.0/8", "10.0.0.0/8", true },
		{ "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "fd00::1", false },
		{ "::/0", "fd00::1", true },
		{ "::/0", "1.2.3.4", false },
		{ "::/64", "10.0.0.0/8", false },
		{ "0.0.0.0/0", "::/0", false },
		{ "fd00::/8", "fdff::/16", true },
		{ "::1", "::1", true },
		{ "::1", "::2", false },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		struct pn_cidr c = of(cases[i].network), inner = of(cases[i].inner);

		if (pn_cidr_covers(&c, &inner) != cases[i].want ||
		    (inner.prefix_len == 128 && pn_cidr_has(&c, &inner.addr) != cases[i].want))
			fail_msg("%s in %s: %d", cases[i].inner, cases[i].network, !cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_written_as_it_is_meant),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(has_what_lies_in_it_and_is_of_its_family),
	};

	return cmocka_run_group_tests_name("cidr", tests, NULL, NULL);
}
