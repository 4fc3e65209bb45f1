/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_ADDR_H
#define PN_BASE_ADDR_H

#include <stdbool.h>
#include <string.h>

#include <podonym/types.h>

#include "base/util.h"

/* The type, its text and back: podonym/types.h, because the library's users need them too. */

bool pn_addr_is_v4(const struct pn_addr *a);

/** pn_addr_is_loopback() - 127.0.0.0/8 or ::1 */
bool pn_addr_is_loopback(const struct pn_addr *a);

static inline bool pn_addr_eq(const struct pn_addr *a, const struct pn_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/** pn_addr_hash() - well mixed 64 bits for hash tables; not keyed, so only for data from the API server and the kernel */
uint64_t pn_addr_hash(const struct pn_addr *a);

#endif
