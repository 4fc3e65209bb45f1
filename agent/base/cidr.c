// SPDX-License-Identifier: Apache-2.0
/*
 * Networks as users and API servers write them, and what lies in them.
 */
#include "base/cidr.h"

#include <errno.h>
#include <stdio.h>

#include "base/number.h"

enum { BITS = 128, V4_FIRST_BIT = 96 };

static void clear_bits_behind(struct pn_addr *addr, unsigned int prefix_len)
{
	for (unsigned int bit = prefix_len; bit < BITS; bit++)
		addr->b[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

int pn_cidr_parse(const char *text, struct pn_cidr *ret)
{
	const char *slash = strchr(text, '/');
	char addr_text[PN_ADDR_STRLEN];
	struct pn_addr addr;
	unsigned int skipped;
	uint64_t len;

	if (!slash || (size_t)(slash - text) >= sizeof(addr_text))
		return -EINVAL;
	memcpy(addr_text, text, (size_t)(slash - text));
	addr_text[slash - text] = '\0';
	skipped = strchr(addr_text, ':') ? 0 : V4_FIRST_BIT;
	if (pn_addr_parse(addr_text, &addr) < 0 ||
	    pn_number_parse(slash + 1, BITS - skipped, &len) < 0)
		return -EINVAL;
	ret->prefix_len = (uint8_t)(skipped + len);
	clear_bits_behind(&addr, ret->prefix_len);
	ret->addr = addr;
	return 0;
}

int pn_cidr_parse_any(const char *text, struct pn_cidr *ret)
{
	struct pn_addr addr;

	if (strchr(text, '/'))
		return pn_cidr_parse(text, ret);
	if (pn_addr_parse(text, &addr) < 0)
		return -EINVAL;
	*ret = (struct pn_cidr) { .addr = addr, .prefix_len = BITS };
	return 0;
}

const char *pn_cidr_format(const struct pn_cidr *c, char *buf)
{
	char addr[PN_ADDR_STRLEN];

	(void)snprintf(buf, PN_CIDR_STRLEN, "%s/%u", pn_addr_format(&c->addr, addr),
		       c->prefix_len - (pn_cidr_is_v4(c) ? V4_FIRST_BIT : 0u));
	return buf;
}

bool pn_cidr_is_v4(const struct pn_cidr *c)
{
	return c->prefix_len >= V4_FIRST_BIT && pn_addr_is_v4(&c->addr);
}

bool pn_cidr_has(const struct pn_cidr *c, const struct pn_addr *a)
{
	unsigned int whole = c->prefix_len / 8, rest = c->prefix_len % 8;

	if (pn_addr_is_v4(a) != pn_cidr_is_v4(c) || memcmp(c->addr.b, a->b, whole) != 0)
		return false;
	return !rest || (c->addr.b[whole] ^ a->b[whole]) >> (8 - rest) == 0;
}

bool pn_cidr_covers(const struct pn_cidr *c, const struct pn_cidr *inner)
{
	return inner->prefix_len >= c->prefix_len && pn_cidr_has(c, &inner->addr);
}
