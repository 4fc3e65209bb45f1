/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent has kept of a flow: asks for its records, then for the drops between its ends, over
 * the unix socket.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/util.h"
#include "cmd/lines.h"
#include "cmd/policy/seen.h"
#include "flow/drop_kind.h"
#include "serve/socket.h"

enum { REQUEST_LEN = 512 };

/* @take is called for each record or drop in the answer. */
struct asking {
	void (*take)(struct pn_seen *s, const struct pn_recorded_flow *f);
	struct pn_seen *seen;
	struct pn_err *reterr;
};

/* Beside records there are notes, and a refusal. */
static int take_line(void *data, char *line, size_t len)
{
	const struct asking *a = data;
	struct pn_recorded_flow f;

	if (strncmp(line, "{\"error\"", 8) == 0)
		return pn_err_set(a->reterr, -EBADMSG, "the agent refuses: %.*s", (int)len, line);
	if (!pn_record_line_read(line, len, &f) && !f.is_collapsed)
		a->take(a->seen, &f);
	return 0;
}

static int ask(const char *socket, const char *request, struct asking *a)
{
	static const struct pn_lines_ops ops = { .line = take_line };
	PN_CLEANUP(pn_closep) int fd = pn_socket_connect(socket, request, a->reterr);
	int r;

	if (fd < 0)
		return fd;
	r = pn_lines_read(fd, &ops, a);
	if (r < 0 && r != -EBADMSG)
		(void)pn_socket_explain(socket, r, a->reterr);
	return r;
}

static int ask_flows(const char *socket, const char *filters, struct pn_seen *ret,
		     struct pn_err *reterr)
{
	struct asking a = { pn_seen_take, ret, reterr };
	char request[REQUEST_LEN];

	(void)snprintf(request, sizeof(request),
		       "{\"command\": \"flows\", \"format\": \"json\", \"follow\": false, "
		       "\"all\": true, \"filters\": [%s]}",
		       filters);
	return ask(socket, request, &a);
}

static int ask_drops(const char *socket,
		     void (*take)(struct pn_seen *s, const struct pn_recorded_flow *f),
		     struct pn_seen *ret, struct pn_err *reterr)
{
	struct asking a = { take, ret, reterr };

	return ask(socket, "{\"command\": \"drops\", \"format\": \"json\", \"follow\": false}", &a);
}

/* Those of the last minutes, counted exactly; older ones stand in the records alone. */
static int add_drops(const char *socket, struct pn_seen *s)
{
	struct pn_seen with = *s;
	struct pn_err err = {
		""
	}; /* an agent that sees no drops refuses, which is no reason to fail */

	with.n_drops = 0;
	memset(with.drops, 0, sizeof(with.drops));
	if (ask_drops(socket, pn_seen_take_drop, &with, &err) == 0 && with.n_drops)
		*s = with;
	return 0;
}

int pn_seen_by_id(const char *socket, const char *id, struct pn_seen *ret, struct pn_err *reterr)
{
	char filters[REQUEST_LEN / 2];
	uint64_t number;
	int r;

	if (pn_number_parse(id, UINT64_MAX, &number) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "--flow: \"%.64s\" is not a flow_id, as records in JSON have it",
				  id);
	*ret = (struct pn_seen) { 0 };
	(void)snprintf(filters, sizeof(filters), "{\"id\": \"%" PRIu64 "\"}", number);
	r = ask_flows(socket, filters, ret, reterr);
	if (r < 0)
		return r;
	if (!*ret->start)
		return pn_err_set(reterr, -ENOENT,
				  "--flow: the agent keeps no record of %s; see podonym flows "
				  "--all -o json, and podonym agent --recent",
				  id);
	return add_drops(socket, ret);
}

/* @source_port: 0: any */
static int ask_between(const char *socket, const char *src, uint64_t source_port, const char *dst,
		       uint64_t port, const char *transport, struct pn_seen *ret,
		       struct pn_err *reterr)
{
	char filters[REQUEST_LEN / 2], from_port[64] = "";

	if (source_port)
		(void)snprintf(from_port, sizeof(from_port), "{\"from-port\": \"%" PRIu64 "\"}, ",
			       source_port);
	(void)snprintf(filters, sizeof(filters),
		       "{\"from-ip\": \"%s\"}, %s{\"to-ip\": \"%s\"}, {\"to-port\": \"%" PRIu64
		       "\"}, {\"protocol\": \"%s\"}",
		       src, from_port, dst, port, transport);
	return ask_flows(socket, filters, ret, reterr);
}

int pn_seen_between(const char *socket, const struct pn_addr *src, const struct pn_addr *dst,
		    const char *transport, uint16_t port, struct pn_seen *ret,
		    struct pn_err *reterr)
{
	char from[PN_ADDR_STRLEN], to[PN_ADDR_STRLEN];
	int r;

	*ret = (struct pn_seen) { 0 };
	r = ask_between(socket, pn_addr_format(src, from), 0, pn_addr_format(dst, to), port,
			transport, ret, reterr);
	return r == 0 && *ret->start ? add_drops(socket, ret) : r;
}

/* --- the last drop -------------------------------------------------------------------------------- */

static bool is_decided(const struct pn_recorded_drop *d)
{
	unsigned int k = 0;

	while (k <= PN_DROP_OVS && strcmp(d->kind, pn_drop_kind_name((enum pn_drop_kind)k)) != 0)
		k++;
	return k <= PN_DROP_OVS;
}

/* `others` says for the time being that the best one so far was somebody's decision. */
static void take_last(struct pn_seen *s, const struct pn_recorded_flow *f)
{
	bool decided = is_decided(&f->drop);

	if (!f->destination.port ||
	    (strcmp(f->transport, "tcp") != 0 && strcmp(f->transport, "udp") != 0 &&
	     strcmp(f->transport, "sctp") != 0))
		return;
	if (decided < s->others || (decided == s->others && strcmp(f->end, s->end) <= 0))
		return;
	*s = (struct pn_seen) { 0 };
	pn_seen_take(s, f);
	s->others = decided;
}

/* It may have been an answer that was dropped: then the connection is one the other way round. */
static int find_connection(const char *socket, struct pn_seen *s, struct pn_err *reterr)
{
	struct pn_seen found = { 0 };
	int r = ask_between(socket, s->src_addr, s->source_port, s->dst_addr, s->port, s->transport,
			    &found, reterr);

	if (r == 0 && !*found.start)
		r = ask_between(socket, s->dst_addr, s->port, s->src_addr, s->source_port,
				s->transport, &found, reterr);
	if (r < 0 || !*found.start)
		return r;
	*s = found;
	return add_drops(socket, s);
}

int pn_seen_last_drop(const char *socket, struct pn_seen *ret, struct pn_err *reterr)
{
	int r;

	*ret = (struct pn_seen) { 0 };
	r = ask_drops(socket, take_last, ret, reterr);
	if (r < 0)
		return r;
	if (!*ret->start)
		return pn_err_set(
			reterr, -ENOENT,
			"--last-drop: the agent has seen no drop of TCP, UDP or SCTP in the "
			"last five minutes");
	ret->others = false;
	return find_connection(socket, ret, reterr);
}
