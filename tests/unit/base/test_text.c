/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "base/intern.h"
#include "base/log.h"

static void equal_texts_are_one_string(void **state)
{
	size_t before = pn_intern_count();
	const char *a = pn_intern("shop", 4), *b = pn_intern("shopping", 4), *c = pn_intern("", 0);

	(void)state;
	assert_ptr_equal(a, b);
	assert_string_equal(a, "shop");
	assert_string_equal(c, "");
	assert_int_equal(pn_intern_count(), before + 2);
	pn_intern_unref(pn_intern_ref(a));
	pn_intern_unref(a);
	assert_string_equal(b, "shop");
	pn_intern_unref(b);
	pn_intern_unref(c);
	pn_intern_unref(NULL);
	assert_int_equal(pn_intern_count(), before);
}

static void errors_gain_context_on_their_way_up(void **state)
{
	struct pn_err err;

	(void)state;
	assert_int_equal(pn_err_set(&err, -5, "line %d", 7), -5);
	assert_int_equal(pn_err_wrap(&err, -5, "file %s", "x"), -5);
	assert_string_equal(err.text, "file x: line 7");
	assert_int_equal(pn_err_set(NULL, -5, "nobody reads it"), -5);
}

static void endless_error_text_is_cut(void **state)
{
	struct pn_err err = { "" };

	(void)state;
	for (int i = 0; i < 1000; i++)
		(void)pn_err_wrap(&err, -1, "%d", i);
	assert_true(strlen(err.text) < sizeof(err.text));
}

static void repeated_messages_are_held_and_counted(void **state)
{
	struct pn_log_limit limit = { 0 };
	unsigned int n_held = 99;

	(void)state;
	assert_true(pn_log_allow(&limit, 10, 100, &n_held));
	assert_int_equal(n_held, 0);
	assert_false(pn_log_allow(&limit, 50, 100, &n_held));
	assert_false(pn_log_allow(&limit, 109, 100, &n_held));
	assert_true(pn_log_allow(&limit, 110, 100, &n_held));
	assert_int_equal(n_held, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_texts_are_one_string),
		cmocka_unit_test(errors_gain_context_on_their_way_up),
		cmocka_unit_test(endless_error_text_is_cut),
		cmocka_unit_test(repeated_messages_are_held_and_counted),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
