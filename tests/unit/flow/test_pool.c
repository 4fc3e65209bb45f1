/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers, order and memory of the objects that connections live in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "flow/pool.h"

enum { N = 3 * PN_POOL_CHUNK + 7, SIZE = 24 };

static uint32_t count(const struct pn_pool *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; (i = pn_pool_next(p, i)) != PN_POOL_NONE; i++)
		n++;
	return n;
}

static void fill(struct pn_pool *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(pn_pool_take(p), i);
		memset(pn_pool_at(p, i), (int)(i % 251), SIZE);
	}
}

static void assert_filled(const struct pn_pool *p, uint32_t i)
{
	const unsigned char *at = pn_pool_at(p, i);

	for (size_t k = 0; k < SIZE; k++)
		assert_int_equal(at[k], i % 251);
}

static void objects_are_met_in_order_and_stay(void **state)
{
	struct pn_pool p;
	uint32_t next = 0;

	(void)state;
	pn_pool_init(&p, SIZE);
	assert_int_equal(pn_pool_next(&p, 0), PN_POOL_NONE);
	fill(&p, N);
	for (uint32_t i = 0; (i = pn_pool_next(&p, i)) != PN_POOL_NONE; i++) {
		assert_int_equal(i, next++);
		assert_filled(&p, i);
	}
	assert_int_equal(next, N);
	pn_pool_done(&p);
}

static void what_was_put_back_is_taken_again_as_zeros(void **state)
{
	static const unsigned char zeros[SIZE];
	struct pn_pool p;

	(void)state;
	pn_pool_init(&p, SIZE);
	fill(&p, N);
	for (uint32_t i = 5; i < N; i += 100)
		pn_pool_put(&p, i);
	for (uint32_t i = 0; (i = pn_pool_next(&p, i)) != PN_POOL_NONE; i++)
		assert_int_not_equal(i % 100, 5);
	for (uint32_t i = 5; i < N; i += 100) {
		assert_int_equal(pn_pool_take(&p), i);
		assert_memory_equal(pn_pool_at(&p, i), zeros, SIZE);
	}
	assert_int_equal(pn_pool_take(&p), N);
	pn_pool_done(&p);
}

static void empty_chunk_is_given_back_and_skipped(void **state)
{
	struct pn_pool p;

	(void)state;
	pn_pool_init(&p, SIZE);
	fill(&p, N);
	for (uint32_t i = PN_POOL_CHUNK; i < 2 * PN_POOL_CHUNK; i++)
		pn_pool_put(&p, i);
	assert_null(p.chunks[1]);
	assert_int_equal(pn_pool_next(&p, PN_POOL_CHUNK - 1), PN_POOL_CHUNK - 1);
	assert_int_equal(pn_pool_next(&p, PN_POOL_CHUNK), 2 * PN_POOL_CHUNK);
	assert_int_equal(pn_pool_next(&p, PN_POOL_CHUNK + 40), 2 * PN_POOL_CHUNK);
	assert_int_equal(count(&p), N - PN_POOL_CHUNK);
	assert_int_equal(pn_pool_take(&p), PN_POOL_CHUNK);
	assert_filled(&p, 0);
	assert_filled(&p, N - 1);
	for (uint32_t i = 0; (i = pn_pool_next(&p, i)) != PN_POOL_NONE; i++)
		pn_pool_put(&p, i);
	assert_int_equal(count(&p), 0);
	assert_int_equal(pn_pool_take(&p), 0);
	pn_pool_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_met_in_order_and_stay),
		cmocka_unit_test(what_was_put_back_is_taken_again_as_zeros),
		cmocka_unit_test(empty_chunk_is_given_back_and_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
