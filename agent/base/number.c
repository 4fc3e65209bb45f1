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

/* strtoull() alone takes white space and signs, too. Return: 0, or -EINVAL; @ret_end: what follows */
static int parse_digits(const char *text, uint64_t *ret, const char **ret_end)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	*ret_end = end;
	return errno ? -EINVAL : 0;
}

int pn_number_parse(const char *text, uint64_t max, uint64_t *ret)
{
	const char *end;
	uint64_t n;

	if (parse_digits(text, &n, &end) < 0 || *end || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

/* What a number counts. */
struct unit {
	const char *name;
	uint64_t scale;
};

static int parse_with_unit(const char *text, const struct unit *units, size_t n_units,
			   uint64_t *ret)
{
	const char *end;
	uint64_t n;

	if (parse_digits(text, &n, &end) < 0)
		return -EINVAL;
	for (size_t i = 0; i < n_units; i++) {
		uint64_t scaled;

		if (strcmp(end, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(n, units[i].scale, &scaled))
			return -EINVAL;
		*ret = scaled;
		return 0;
	}
	return -EINVAL;
}

int pn_size_parse(const char *text, uint64_t *ret)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "K", (uint64_t)1 << 10 },
		{ "M", (uint64_t)1 << 20 },
		{ "G", (uint64_t)1 << 30 },
	};

	return parse_with_unit(text, units, PN_ARRAY_SIZE(units), ret);
}

int pn_duration_parse(const char *text, pn_nsec *ret)
{
	static const struct unit units[] = {
		{ "ms", PN_NSEC_PER_MSEC },
		{ "s", PN_NSEC_PER_SEC },
		{ "m", 60 * PN_NSEC_PER_SEC },
		{ "h", 3600 * PN_NSEC_PER_SEC },
	};

	return parse_with_unit(text, units, PN_ARRAY_SIZE(units), ret);
}
