/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_ADDR_H
#define PN_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/util.h"

/**
 * struct pn_addr - an IP address of either family
 * @b: 16 bytes in network order; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), as in the BPF maps
 */
struct pn_addr {
	uint8_t b[16];
};

/** Bytes that pn_addr_format() may write, the NUL included. */
#define PN_ADDR_STRLEN 46

/** pn_addr_parse() - text of either family, no brackets, no prefix length. Return: 0 or -EINVAL */
int pn_addr_parse(const char *text, struct pn_addr *ret);

/** pn_addr_format() - shortest text; IPv4 as a.b.c.d. Return: @buf */
const char *pn_addr_format(const struct pn_addr *a, char buf[static PN_ADDR_STRLEN]);

bool pn_addr_is_v4(const struct pn_addr *a);

static inline bool pn_addr_eq(const struct pn_addr *a, const struct pn_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/** pn_addr_hash() - well mixed 64 bits for hash tables; not keyed, so only for data from the API server and the kernel */
uint64_t pn_addr_hash(const struct pn_addr *a);

#endif
