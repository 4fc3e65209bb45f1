/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/buf.h"

static void grows_and_stays_terminated(void **state)
{
	struct pn_buf b = PN_BUF_INIT(1 << 20);

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_int_equal(pn_buf_printf(&b, "%d,", i % 10), 0);
	assert_int_equal(b.len, 20000);
	assert_int_equal(strlen(b.data), b.len);
	pn_buf_done(&b);
	assert_null(b.data);
}

static void refuses_beyond_its_maximum_and_stays_as_it_was(void **state)
{
	struct pn_buf b = PN_BUF_INIT(8);

	(void)state;
	assert_int_equal(pn_buf_put(&b, "12345678", 8), 0);
	assert_int_equal(pn_buf_put(&b, "9", 1), -EMSGSIZE);
	assert_int_equal(pn_buf_printf(&b, "%d", 9), -EMSGSIZE);
	assert_int_equal(pn_buf_reserve(&b, SIZE_MAX), -EMSGSIZE);
	assert_string_equal(b.data, "12345678");
	pn_buf_done(&b);
}

static void consumes_from_the_front(void **state)
{
	struct pn_buf b = PN_BUF_INIT(64);

	(void)state;
	assert_int_equal(pn_buf_put(&b, "one two", 7), 0);
	pn_buf_consume(&b, 4);
	assert_string_equal(b.data, "two");
	pn_buf_consume(&b, 3);
	assert_int_equal(b.len, 0);
	pn_buf_reset(&b);
	assert_string_equal(b.data, "");
	pn_buf_done(&b);
}

static void escapes_what_a_url_reserves(void **state)
{
	struct pn_buf b = PN_BUF_INIT(64);

	(void)state;
	assert_int_equal(pn_buf_put_escaped(&b, "a-Z_0.~ b/=&?%\xc3"), 0);
	assert_string_equal(b.data, "a-Z_0.~%20b%2F%3D%26%3F%25%C3");
	assert_int_equal(pn_buf_put_escaped(&b, ""), 0);
	pn_buf_done(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(refuses_beyond_its_maximum_and_stays_as_it_was),
		cmocka_unit_test(consumes_from_the_front),
		cmocka_unit_test(escapes_what_a_url_reserves),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
