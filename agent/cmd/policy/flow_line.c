/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of `podonym policy explain --flows`: a small JSON object, of which hundreds of thousands
 * are to be answered each second.
 */
#include "cmd/policy/flow_line.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "cmd/policy/line_scan.h"

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

const char *pn_flow_transport(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : proto == IPPROTO_SCTP ? "sctp" : "tcp";
}

struct members {
	const char *src, *dst, *proto;
	bool has_port;
	uint64_t port;
};

static const char *take_port(struct pn_line *l, struct members *m)
{
	m->has_port = pn_line_number(l, UINT16_MAX, &m->port);
	return m->has_port ? NULL : "port: not a number from 0 to 65535";
}

static const char *take_text(struct pn_line *l, const char **ret)
{
	bool is_string;

	pn_line_space(l);
	is_string = l->at < l->end && *l->at == '"';
	*ret = pn_line_string(l);
	if (*ret)
		return NULL;
	return is_string || !pn_line_skip(l) ? "not a JSON object"
					     : "src, dst and protocol must be strings";
}

/* Return: NULL, or what is wrong */
static const char *take_member(struct pn_line *l, struct members *m)
{
	const char *key = pn_line_string(l);

	if (!key || !pn_line_take(l, ':'))
		return "not a JSON object";
	if (strcmp(key, "src") == 0)
		return take_text(l, &m->src);
	if (strcmp(key, "dst") == 0)
		return take_text(l, &m->dst);
	if (strcmp(key, "protocol") == 0)
		return take_text(l, &m->proto);
	if (strcmp(key, "port") == 0)
		return take_port(l, m);
	return pn_line_skip(l) ? NULL : "not a JSON object";
}

static const char *take_object(struct pn_line *l, struct members *m)
{
	const char *wrong;

	if (!pn_line_take(l, '{'))
		return "not a JSON object";
	do {
		wrong = take_member(l, m);
		if (wrong)
			return wrong;
	} while (pn_line_take(l, ','));
	if (!pn_line_take(l, '}'))
		return "not a JSON object";
	pn_line_space(l);
	return l->at == l->end ? NULL : "something behind the JSON object";
}

const char *pn_flow_line_read(char *line, size_t len, struct pn_flow_line *ret)
{
	struct pn_line l = { line, line + len };
	struct members m = { 0 };
	const char *wrong = take_object(&l, &m);

	if (wrong)
		return wrong;
	if (!m.src || !m.dst || !m.proto || !m.has_port)
		return "needs src, dst, protocol and port";
	*ret = (struct pn_flow_line) { m.src, m.dst, pn_flow_proto(m.proto), (uint16_t)m.port };
	return ret->proto ? NULL : "protocol: not TCP, UDP or SCTP";
}
