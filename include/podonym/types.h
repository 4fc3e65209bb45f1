/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PODONYM_TYPES_H
#define PODONYM_TYPES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the rest of the library's interface speaks in: addresses and errors.
 */

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

/** pn_addr_format() - shortest text; IPv4 as a.b.c.d. Return: @buf, of PN_ADDR_STRLEN bytes */
const char *pn_addr_format(const struct pn_addr *a, char *buf);

/**
 * struct pn_err - words for a person, beside the negative errno that is returned
 * @text: NUL-terminated, no newline at the end; cut at the size of the array
 *
 * Owned by whoever declared it; nothing to free. Functions that take one call it `reterr`, accept
 * NULL and write to it only when they fail.
 */
struct pn_err {
	char text[512];
};

#ifdef __cplusplus
}
#endif

#endif
