/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header Accept of who asks for metrics (RFC 9110, 12.5.1): a list of media ranges, each with
 * parameters, of which q says how much it is liked. Fuzzed, since anybody may send anything.
 */
#include <string.h>
#include <strings.h>

#include "export/exposition.h"

/* Up to @stop, which no quoted text hides here: no parameter that matters is quoted. */
static size_t token_len(const char *s, const char *stop)
{
	return strcspn(s, stop);
}

static bool is_range(const char *s, size_t len, const char *range)
{
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return len == strlen(range) && strncasecmp(s, range, len) == 0;
}

/* "0", "1", "0.75": Return: thousandths; what makes no sense is 0 */
static unsigned int parse_q(const char *s, size_t len)
{
	unsigned int q, digit = 100;

	if (!len || (s[0] != '0' && s[0] != '1'))
		return 0;
	q = (unsigned int)(s[0] - '0') * 1000;
	for (size_t i = 2; i < len && s[1] == '.' && s[i] >= '0' && s[i] <= '9'; i++) {
		q += (unsigned int)(s[i] - '0') * digit;
		digit /= 10;
	}
	return PN_MIN(q, 1000u);
}

/* @s: behind the range of an element of the list. Return: thousandths; 1000 if nothing is said */
static unsigned int find_q(const char *s, size_t len)
{
	const char *end = s + len;

	while (s < end) {
		s++; /* the semicolon */
		s += strspn(s, " \t");
		if ((*s == 'q' || *s == 'Q') && s[1] == '=')
			return parse_q(s + 2, token_len(s + 2, "; \t,"));
		s += token_len(s, ";,");
	}
	return 1000;
}

enum pn_expo_form pn_exposition_choose(const char *accept)
{
	unsigned int openmetrics = 0, text = 0;

	while (*accept) {
		size_t element, range, q;

		accept += strspn(accept, ", \t");
		element = token_len(accept, ",");
		range = token_len(accept, ";,");
		q = find_q(accept + range, element - range);
		if (is_range(accept, range, "application/openmetrics-text"))
			openmetrics = PN_MAX(openmetrics, (unsigned int)q);
		else if (is_range(accept, range, "text/plain"))
			text = PN_MAX(text, (unsigned int)q);
		accept += element;
	}
	return openmetrics && openmetrics >= text ? PN_EXPO_OPENMETRICS : PN_EXPO_TEXT;
}
