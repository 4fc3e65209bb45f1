/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned strings: equal texts are one pointer, for as long as somebody has it, on any thread.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/intern.h"

static const char *intern(const char *text)
{
	const char *s = pn_intern(text, strlen(text));

	assert_string_equal(s, text);
	return s;
}

static void equal_texts_are_one_pointer(void **state)
{
	const char *a = intern("node-1"), *b = intern("node-1"), *c = intern("node-2"),
		   *d = pn_intern("node-12", 6);

	(void)state;
	assert_ptr_equal(a, b);
	assert_ptr_equal(a, d);
	assert_ptr_not_equal(a, c);
	assert_int_equal(pn_intern_count(), 2);
	pn_intern_unref(a);
	pn_intern_unref(b);
	assert_string_equal(d, "node-1");
	assert_ptr_equal(pn_intern_ref(d), d);
	pn_intern_unref(d);
	pn_intern_unref(d);
	pn_intern_unref(c);
	assert_int_equal(pn_intern_count(), 0);
	assert_null(pn_intern_ref(NULL));
	pn_intern_unref(NULL);
}

static void empty_text_is_a_text(void **state)
{
	const char *a = intern(""), *b = pn_intern("x", 0);

	(void)state;
	assert_ptr_equal(a, b);
	pn_intern_unref(a);
	pn_intern_unref(b);
	assert_int_equal(pn_intern_count(), 0);
}

/* The table grows, loses every other string, and finds the rest. */
static void thousands_come_and_go(void **state)
{
	enum { N = 20000 };
	static const char *s[N];
	char text[32];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++) {
			(void)snprintf(text, sizeof(text), "text-%d-%d", i, round);
			s[i] = intern(text);
		}
		assert_int_equal(pn_intern_count(), N);
		for (int i = 0; i < N; i += 2)
			pn_intern_unref(s[i]);
		for (int i = 1; i < N; i += 2) {
			(void)snprintf(text, sizeof(text), "text-%d-%d", i, round);
			assert_ptr_equal(intern(text), s[i]);
			pn_intern_unref(s[i]);
			pn_intern_unref(s[i]);
		}
		assert_int_equal(pn_intern_count(), 0);
	}
}

static void *intern_always(void *data)
{
	char text[16];

	(void)data;
	for (int i = 0; i < 20000; i++) {
		const char *s, *again;

		(void)snprintf(text, sizeof(text), "node-%d", i % 7);
		s = pn_intern(text, strlen(text));
		again = pn_intern_ref(s);
		pn_intern_unref(s);
		if (strcmp(again, text) != 0)
			return data;
		pn_intern_unref(again);
	}
	return NULL;
}

static void threads_share_strings(void **state)
{
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, intern_always, threads), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(pn_intern_count(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_texts_are_one_pointer),
		cmocka_unit_test(empty_text_is_a_text),
		cmocka_unit_test(thousands_come_and_go),
		cmocka_unit_test(threads_share_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
