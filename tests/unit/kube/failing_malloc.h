/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_FAILING_MALLOC_H
#define PN_TEST_FAILING_MALLOC_H

/*
 * A program that includes this has a malloc() that can be told to fail: the allocation that
 * n_until_failure counts down to. For glibc; the sanitizers bring their own, and CAN_FAIL is 0.
 */
#include <stdbool.h>
#include <stddef.h>

/* 0: none fails. Of this thread alone: liburcu has one of its own, which cannot do without. */
static _Thread_local unsigned long n_until_failure;
static _Thread_local bool has_failed __attribute__((unused)); /* not read where none can fail */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_FAIL 1

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static bool fails_now(void)
{
	if (!n_until_failure || --n_until_failure)
		return false;
	has_failed = true;
	return true;
}

void *malloc(size_t size)
{
	return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __libc_realloc(p, size);
}
#else
#define CAN_FAIL 0
#endif

static inline void need_malloc(void)
{
	if (CAN_FAIL)
		return;
	print_message("# the sanitizers bring their own malloc(); the release build runs this\n");
	skip();
}

#endif
