// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/nearest.h"
#include "base/util.h"

static const char *const names[] = { "agent", "flows", "drops", "policy explain", "top" };

static const char *meant_by(const char *word)
{
	return pn_nearest(word, names, PN_ARRAY_SIZE(names));
}

static void one_error_in_a_word_is_no_obstacle(void **state)
{
	(void)state;
	assert_string_equal(meant_by("agnet"), "agent"); /* two letters changed places */
	assert_string_equal(meant_by("flow"), "flows");
	assert_string_equal(meant_by("fflows"), "flows");
}

static void the_beginning_of_a_name_is_near_it(void **state)
{
	(void)state;
	assert_string_equal(meant_by("policy"), "policy explain");
	assert_null(meant_by("po"));
}

static void what_is_far_from_all_is_not_guessed(void **state)
{
	char longer[100];

	(void)state;
	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_null(meant_by("drabs"));
	assert_null(meant_by("kubectl"));
	assert_null(meant_by(""));
	assert_null(meant_by(longer));
	assert_null(pn_nearest("agent", names, 0));
}

static void a_message_ends_with_what_was_meant_or_as_it_was(void **state)
{
	char longest[318];

	(void)state;
	assert_string_equal(pn_meant(NULL, "--", "").text, "");
	assert_string_equal(pn_meant("top", "\"", "\"").text, ", did you mean \"top\"?");
	memset(longest, 'a', sizeof(longest)); /* the longest namespace/pod */
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(strlen(pn_meant(longest, "", "").text), strlen(", did you mean ?") + 317);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_error_in_a_word_is_no_obstacle),
		cmocka_unit_test(the_beginning_of_a_name_is_near_it),
		cmocka_unit_test(what_is_far_from_all_is_not_guessed),
		cmocka_unit_test(a_message_ends_with_what_was_meant_or_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
