/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of `podonym policy explain --flows`: a small JSON object. Read by hand, in place, since
 * hundreds of thousands of them are to be answered each second.
 */
#include "cmd/flow_line.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "kube/json_scan.h"

struct cursor {
	char *at, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->at < c->end && pn_json_is_space(*c->at))
		c->at++;
}

static bool take(struct cursor *c, char want)
{
	skip_space(c);
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
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

/* @c stands behind the backslash. Return: behind what was written at @to; NULL for no escape of JSON */
static char *put_escaped(struct cursor *c, char *to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *known;

	if (c->at == c->end)
		return NULL;
	if (*c->at == 'u') {
		if (c->end - c->at < 5)
			return NULL;
		c->at += 5;
		return put_unicode(c->at - 4, to);
	}
	known = *c->at ? strchr(from, *c->at) : NULL;
	if (!known)
		return NULL;
	c->at++;
	*to = into[known - from];
	return to + 1;
}

/* The text never gets longer, so it is written where it stood; its NUL where the quote was. */
static char *take_string(struct cursor *c)
{
	char *start, *to;

	if (!take(c, '"'))
		return NULL;
	start = to = c->at;
	while (c->at < c->end && *c->at != '"') {
		if (*c->at != '\\') {
			if ((unsigned char)*c->at < ' ')
				return NULL;
			*to++ = *c->at++;
			continue;
		}
		c->at++;
		to = put_escaped(c, to);
		if (!to)
			return NULL;
	}
	if (c->at == c->end)
		return NULL;
	c->at++;
	*to = '\0';
	return start;
}

/* --- values --- */

static bool take_port(struct cursor *c, int64_t *ret)
{
	const char *start;

	skip_space(c);
	*ret = 0;
	start = c->at;
	while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - start < 6)
		*ret = *ret * 10 + (*c->at++ - '0');
	return c->at > start && *ret <= UINT16_MAX;
}

static bool skip_value(struct cursor *c)
{
	struct pn_json_scan scan = { 0 };
	const char *stop;

	skip_space(c);
	if (c->at == c->end)
		return false;
	if (*c->at == '"')
		return take_string(c);
	if (*c->at == '{' || *c->at == '[')
		stop = pn_json_scan(&scan, c->at, c->end);
	else
		stop = pn_json_scan_scalar(c->at, c->end);
	if (!stop || stop == c->at)
		return false;
	c->at += stop - c->at;
	return true;
}

uint8_t pn_flow_proto(const char *name)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} all[] = { { "TCP", IPPROTO_TCP }, { "UDP", IPPROTO_UDP }, { "SCTP", IPPROTO_SCTP } };

	for (size_t i = 0; i < PN_ARRAY_SIZE(all); i++)
		if (strcasecmp(name, all[i].name) == 0)
			return all[i].proto;
	return 0;
}

struct members {
	const char *src, *dst, *proto;
	int64_t port;
};

/* Return: NULL, or what is wrong */
static const char *take_member(struct cursor *c, struct members *m)
{
	const char *key = take_string(c), **text = NULL;

	if (!key || !take(c, ':'))
		return "not a JSON object";
	if (strcmp(key, "src") == 0)
		text = &m->src;
	else if (strcmp(key, "dst") == 0)
		text = &m->dst;
	else if (strcmp(key, "protocol") == 0)
		text = &m->proto;
	else if (strcmp(key, "port") == 0)
		return take_port(c, &m->port) ? NULL : "port: not a number from 0 to 65535";
	else
		return skip_value(c) ? NULL : "not a JSON object";
	*text = take_string(c);
	return *text ? NULL : "src, dst and protocol must be strings";
}

static const char *take_object(struct cursor *c, struct members *m)
{
	const char *wrong;

	if (!take(c, '{'))
		return "not a JSON object";
	do {
		wrong = take_member(c, m);
		if (wrong)
			return wrong;
	} while (take(c, ','));
	if (!take(c, '}'))
		return "not a JSON object";
	skip_space(c);
	return c->at == c->end ? NULL : "something behind the JSON object";
}

const char *pn_flow_line_read(char *line, size_t len, struct pn_flow_line *ret)
{
	struct cursor c = { line, line + len };
	struct members m = { .port = -1 };
	const char *wrong = take_object(&c, &m);

	if (wrong)
		return wrong;
	if (!m.src || !m.dst || !m.proto || m.port < 0)
		return "needs src, dst, protocol and port";
	*ret = (struct pn_flow_line) { m.src, m.dst, pn_flow_proto(m.proto), (uint16_t)m.port };
	return ret->proto ? NULL : "protocol: not TCP, UDP or SCTP";
}
