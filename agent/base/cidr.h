/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_CIDR_H
#define PN_BASE_CIDR_H

#include <podonym/objects.h>

#include "base/addr.h"

/*
 * Networks, in the form of struct pn_cidr. No bit is set behind the prefix. IPv4 is not a part of IPv6, although it
 * is written as one: ::/0 has no address of IPv4.
 */

/** Bytes that pn_cidr_format() may write, the NUL included. */
#define PN_CIDR_STRLEN (PN_ADDR_STRLEN + 4)

/** pn_cidr_parse() - "10.0.0.0/8"; bits behind the prefix are cleared. Return: 0 or -EINVAL */
int pn_cidr_parse(const char *text, struct pn_cidr *ret);

/** pn_cidr_parse_any() - a network, or one address. Return: 0 or -EINVAL */
int pn_cidr_parse_any(const char *text, struct pn_cidr *ret);

/** pn_cidr_format() - @buf: PN_CIDR_STRLEN bytes. Return: @buf */
const char *pn_cidr_format(const struct pn_cidr *c, char *buf);

bool pn_cidr_is_v4(const struct pn_cidr *c);

/** pn_cidr_has() - is @a in @c? */
bool pn_cidr_has(const struct pn_cidr *c, const struct pn_addr *a);

/** pn_cidr_covers() - is all of @inner in @c? */
bool pn_cidr_covers(const struct pn_cidr *c, const struct pn_cidr *inner);

#endif
