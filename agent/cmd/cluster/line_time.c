/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of a line that an agent has written, by which lines of several nodes are ordered. Agents are asked
 * for times of one form and one zone, so they are compared as text.
 */
#include "cmd/cluster/line_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool take(const char *from, size_t len, char ret[static PN_LINE_TIME_LEN])
{
	if (!len || len >= PN_LINE_TIME_LEN || from[0] < '0' || from[0] > '9')
		return false;
	memcpy(ret, from, len);
	ret[len] = '\0';
	return true;
}

bool pn_line_time_json(const char *line, char ret[static PN_LINE_TIME_LEN])
{
	static const char before[] = "\"end\":\"";
	const char *at = strstr(line, before);

	if (!at)
		return false;
	at += sizeof(before) - 1;
	return take(at, strcspn(at, "\""), ret);
}

bool pn_line_time_compact(const char *line, char ret[static PN_LINE_TIME_LEN], size_t *ret_begin,
			  size_t *ret_end)
{
	size_t begin = 0, len;

	if (line[0] == '\033') {
		begin = strcspn(line, "m");
		begin += line[begin] == 'm';
	}
	len = strcspn(line + begin, " \033");
	if (!take(line + begin, len, ret))
		return false;
	*ret_begin = begin;
	*ret_end = begin + len;
	return true;
}

void pn_line_time_clock(const char *text, char ret[static PN_LINE_TIME_LEN])
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t t = rest ? timegm(&tm) : -1;

	if (!rest || *rest != '.' || strlen(rest) < 4 || !localtime_r(&t, &tm)) {
		(void)snprintf(ret, PN_LINE_TIME_LEN, "%s", text);
		return;
	}
	(void)snprintf(ret, PN_LINE_TIME_LEN, "%02d:%02d:%02d.%.3s", tm.tm_hour % 100,
		       tm.tm_min % 100, tm.tm_sec % 100, rest + 1);
}
