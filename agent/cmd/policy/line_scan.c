/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a line of JSON in place, for lines of flows as they are asked about (flow_line.c) and as they
 * were recorded (record_line.c).
 */
#include "cmd/policy/line_scan.h"

#include <string.h>

#include "base/util.h"
#include "kube/json_scan.h"

void pn_line_space(struct pn_line *l)
{
	while (l->at < l->end && pn_json_is_space(*l->at))
		l->at++;
}

bool pn_line_take(struct pn_line *l, char want)
{
	pn_line_space(l);
	if (l->at == l->end || *l->at != want)
		return false;
	l->at++;
	return true;
}

/* --- strings --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Names and addresses are ASCII: of other characters it only matters that they are none of these. */
static char *put_unicode(const char *digits, char *to)
{
	int code = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(digits[i]);

		if (digit < 0)
			return NULL;
		code = code * 16 + digit;
	}
	*to = code > 0 && code < 0x80 ? (char)code : '?';
	return to + 1;
}

/* @l stands behind the backslash. Return: behind what was written at @to; NULL for no escape of JSON */
static char *put_escaped(struct pn_line *l, char *to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *known;

	if (l->at == l->end)
		return NULL;
	if (*l->at == 'u') {
		if (l->end - l->at < 5)
			return NULL;
		l->at += 5;
		return put_unicode(l->at - 4, to);
	}
	known = *l->at ? strchr(from, *l->at) : NULL;
	if (!known)
		return NULL;
	l->at++;
	*to = into[known - from];
	return to + 1;
}

/* The text never gets longer, so it is written where it stood; its NUL where the quote was. */
char *pn_line_string(struct pn_line *l)
{
	char *start, *to;

	if (!pn_line_take(l, '"'))
		return NULL;
	start = to = l->at;
	while (l->at < l->end && *l->at != '"') {
		if (*l->at != '\\') {
			if ((unsigned char)*l->at < ' ')
				return NULL;
			*to++ = *l->at++;
			continue;
		}
		l->at++;
		to = put_escaped(l, to);
		if (!to)
			return NULL;
	}
	if (l->at == l->end)
		return NULL;
	l->at++;
	*to = '\0';
	return start;
}

/* --- other values --- */

bool pn_line_number(struct pn_line *l, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;
	const char *start;

	pn_line_space(l);
	for (start = l->at; l->at < l->end && *l->at >= '0' && *l->at <= '9'; l->at++) {
		uint64_t digit = (uint64_t)(*l->at - '0');

		if (n > (max - PN_MIN(digit, max)) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return l->at > start && n <= max;
}

bool pn_line_skip(struct pn_line *l)
{
	struct pn_json_scan scan = { 0 };
	const char *stop;

	pn_line_space(l);
	if (l->at == l->end)
		return false;
	if (*l->at == '"')
		return pn_line_string(l);
	if (*l->at == '{' || *l->at == '[')
		stop = pn_json_scan(&scan, l->at, l->end);
	else
		stop = pn_json_scan_scalar(l->at, l->end);
	if (!stop || stop == l->at)
		return false;
	l->at += stop - l->at;
	return true;
}

bool pn_line_is_blank(const char *line, size_t len)
{
	while (len && pn_json_is_space(line[len - 1]))
		len--;
	return !len;
}
