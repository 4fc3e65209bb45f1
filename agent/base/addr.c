/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses in the one form that the whole program and the BPF maps use.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

int pn_addr_parse(const char *text, struct pn_addr *ret)
{
	struct pn_addr a;

	if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, a.b) != 1)
			return -EINVAL;
		*ret = a;
		return 0;
	}
	memcpy(a.b, v4_prefix, sizeof(v4_prefix));
	if (inet_pton(AF_INET, text, a.b + sizeof(v4_prefix)) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

bool pn_addr_is_v4(const struct pn_addr *a)
{
	return memcmp(a->b, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool pn_addr_is_loopback(const struct pn_addr *a)
{
	static const struct pn_addr v6 = { { [15] = 1 } };

	return pn_addr_is_v4(a) ? a->b[12] == 127 : pn_addr_eq(a, &v6);
}

const char *pn_addr_format(const struct pn_addr *a, char *buf)
{
	if (pn_addr_is_v4(a))
		(void)inet_ntop(AF_INET, a->b + sizeof(v4_prefix), buf, PN_ADDR_STRLEN);
	else
		(void)inet_ntop(AF_INET6, a->b, buf, PN_ADDR_STRLEN);
	return buf;
}

uint64_t pn_addr_hash(const struct pn_addr *a)
{
	uint64_t hi, lo, h;

	memcpy(&hi, a->b, sizeof(hi));
	memcpy(&lo, a->b + sizeof(hi), sizeof(lo));
	h = (hi ^ 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	h ^= lo;
	h ^= h >> 32;
	h *= 0xc4ceb9fe1a85ec53u;
	h ^= h >> 29;
	return h;
}
