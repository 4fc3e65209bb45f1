/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_UTIL_H
#define PN_BASE_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * The few macros that every file may use. Cleanup attributes release locals; PN_TAKE_PTR and
 * PN_TAKE_FD hand the value over to the caller, so that one place owns it at any time.
 */

#define PN_CLEANUP(fn) __attribute__((cleanup(fn)))
#define PN_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define PN_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PN_MIN(a, b) ((a) < (b) ? (a) : (b))
#define PN_MAX(a, b) ((a) > (b) ? (a) : (b))

#define PN_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define PN_TAKE_PTR(p)                    \
	({                                \
		__auto_type taken_ = (p); \
		(p) = NULL;               \
		taken_;                   \
	})

#define PN_TAKE_FD(fd)             \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

static inline void pn_freep(void *p)
{
	free(*(void **)p);
}

static inline void pn_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#endif
