/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "cmd/table.h"

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	static const char *const headings[] = { "NAME", "ADDRESS", "AGE" };
	PN_CLEANUP(pn_table_freep) struct pn_table *t = pn_table_new(headings, 3);
	PN_CLEANUP(pn_freep) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(t);
	assert_int_equal(pn_table_cell(t, "%s", "a-long-name"), 0);
	assert_int_equal(pn_table_cell(t, "%s", ""), 0);
	assert_int_equal(pn_table_cell(t, "%ds", 5), 0);
	assert_int_equal(pn_table_cell(t, "%s", "b"), 0);
	assert_int_equal(pn_table_cell(t, "%s", "10.0.0.1"), 0);
	assert_int_equal(pn_table_cell(t, "%s", "1d"), 0);
	pn_table_print(t, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "NAME         ADDRESS   AGE\n"
				  "a-long-name  -         5s\n"
				  "b            10.0.0.1  1d\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
