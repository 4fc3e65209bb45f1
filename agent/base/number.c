// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers as users write them, taken whole or not at all.
 */
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

int pn_number_parse(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end || errno || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

int pn_duration_parse(const char *text, pn_nsec *ret)
{
	static const struct {
		const char *unit;
		pn_nsec ns;
	} units[] = {
		{ "ms", PN_NSEC_PER_MSEC },
		{ "s", PN_NSEC_PER_SEC },
		{ "m", 60 * PN_NSEC_PER_SEC },
		{ "h", 3600 * PN_NSEC_PER_SEC },
	};
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	for (size_t i = 0; i < PN_ARRAY_SIZE(units); i++) {
		pn_nsec ns;

		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (__builtin_mul_overflow(n, units[i].ns, &ns))
			return -EINVAL;
		*ret = ns;
		return 0;
	}
	return -EINVAL;
}

int pn_size_parse(const char *text, uint64_t *ret)
{
	static const char units[] = "KMG";
	unsigned long long n;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1]))
		return -EINVAL;
	if (unit && __builtin_mul_overflow(n, 1ULL << (10 * (unit - units + 1)), &n))
		return -EINVAL;
	*ret = n;
	return 0;
}
