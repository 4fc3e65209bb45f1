/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym whois: from an operand to what the pinned maps say of it. Called by cmd_whois.c.
 *
 * The order is that of pn_lookup_end() in lookup.bpf.h and of flow records: the address's owner; on a
 * node's address the pod with that port, then the Service with that node port; at last the network.
 */
#include "cmd/whois.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/vfs.h>

#include "cmd/options.h"
#include "datapath/cgroups.h"

/* --- operands ----------------------------------------------------------------------------------- */

static int parse_proto(const char *text, uint8_t *ret)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} known[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

	for (size_t i = 0; i < PN_ARRAY_SIZE(known); i++) {
		if (strcasecmp(text, known[i].name) == 0) {
			*ret = known[i].proto;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_port(const char *text, char *port, struct pn_whois_question *q,
		      struct pn_err *reterr)
{
	char *proto = strchr(port, '/');
	uint64_t n;

	q->proto = IPPROTO_TCP;
	if (proto) {
		*proto++ = '\0';
		if (parse_proto(proto, &q->proto) < 0)
			return pn_err_set(
				reterr, -EINVAL,
				"\"%s\": the protocol behind '/' must be tcp, udp or sctp", text);
	}
	if (pn_number_parse(port, UINT16_MAX, &n) < 0 || n == 0)
		return pn_err_set(reterr, -EINVAL,
				  "\"%s\": the port must be a number from 1 to 65535", text);
	q->port = (uint16_t)n;
	return 0;
}

/* Splits "[ADDRESS]:PORT" and "ADDRESS:PORT", the latter for IPv4. Return: the port, NULL without one */
static char *split_port(char *operand, char **ret_addr)
{
	char *bracket = strchr(operand, ']'), *colon = strchr(operand, ':');

	*ret_addr = operand;
	if (operand[0] == '[' && bracket && bracket[1] == ':') {
		*ret_addr = operand + 1;
		*bracket = '\0';
		return bracket + 2;
	}
	if (!colon || strchr(colon + 1, ':'))
		return NULL; /* none, or the colons of IPv6 */
	*colon = '\0';
	return colon + 1;
}

int pn_whois_parse(const char *text, struct pn_whois_question *ret, struct pn_err *reterr)
{
	struct pn_whois_question q = { .port = 0 };
	char operand[PN_ADDR_STRLEN + 32], *addr = operand, *port = NULL;
	int r;

	if (strlen(text) < sizeof(operand)) {
		(void)stpcpy(operand, text);
		port = split_port(operand, &addr);
	} else {
		addr = operand;
		operand[0] = '\0';
	}
	if (pn_addr_parse(addr, &q.addr) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "\"%.80s\" is not an IP address; with a port it is 10.0.0.1:80 "
				  "or [fd00::1]:80/udp",
				  text);
	r = port ? parse_port(text, port, &q, reterr) : 0;
	if (r == 0)
		*ret = q;
	return r;
}

static bool is_cgroup(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* A directory, or a path from the root of the hierarchy on. */
static int find_cgroup(const char *text, char path[PATH_MAX], struct pn_err *reterr)
{
	const char *below = strncmp(text, "0::", 3) == 0 ? text + 3 : text;
	char root[PATH_MAX];
	int n, r;

	if (is_cgroup(below) && strlen(below) < PATH_MAX) {
		(void)stpcpy(path, below);
		return 0;
	}
	r = pn_cgroups_find_root(root, sizeof(root), reterr);
	if (r < 0)
		return r;
	n = snprintf(path, PATH_MAX, "%s/%s", root, below + (below[0] == '/'));
	if (n < 0 || n >= PATH_MAX)
		return pn_err_set(reterr, -EINVAL, "the cgroup's path is too long");
	if (!is_cgroup(path))
		return pn_err_set(reterr, -ENOENT,
				  "\"%s\" is neither the number of a cgroup nor one of version 2, "
				  "and there is no %s",
				  text, path);
	return 0;
}

static int id_of(const char *path, uint64_t *ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	int r;

	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : pn_cgroup_id(fd, ret);
	return r < 0 ? pn_err_set(reterr, r, "%s: asking for its number: %s", path, strerror(-r))
		     : 0;
}

int pn_whois_parse_cgroup(const char *text, struct pn_whois_question *ret, struct pn_err *reterr)
{
	struct pn_whois_question q = { .port = 0 };
	char path[PATH_MAX];
	int r;

	if (pn_number_parse(text, INT64_MAX, &q.cgroup) < 0) {
		r = find_cgroup(text, path, reterr);
		if (r == 0)
			r = id_of(path, &q.cgroup, reterr);
		if (r < 0)
			return r;
	}
	if (!q.cgroup)
		return pn_err_set(reterr, -EINVAL, "0 is the number of no cgroup");
	*ret = q;
	return 0;
}

/* --- the maps ----------------------------------------------------------------------------------- */

/* An id whose owner has gone meanwhile is no error. */
static int read_owner(const struct pn_maps_reader *maps, uint32_t id, struct pn_owner_value *ret,
		      bool *ret_found)
{
	int r;

	*ret_found = false;
	if (!id)
		return 0;
	r = pn_maps_reader_owner(maps, id, ret);
	if (r == -ENOENT)
		return 0;
	*ret_found = r == 0;
	return r;
}

/* An answer that is the case if the look-up has found something. Return: @r, 0 if it has not */
static int found(int r, uint32_t owner, enum pn_whois_by by, struct pn_whois_answer *a)
{
	if (r == 0 && owner) {
		a->by = by;
		a->owner_id = owner;
	}
	return r == -ENOENT ? 0 : r;
}

/* Who has the port asked about: on a node a pod or a node port, else a Service. */
static int ask_port(const struct pn_maps_reader *maps, struct pn_whois_answer *a)
{
	static const struct pn_addr any;
	const struct pn_whois_question *q = &a->question;
	enum pn_whois_by before = a->by;
	bool is_node = a->ip.flags & PN_IP_HOST;
	uint32_t owner = 0;
	int r = 0;

	if (is_node) {
		r = pn_maps_reader_hostport(maps, &q->addr, q->proto, q->port, &owner);
		r = found(r, owner, PN_WHOIS_PORT, a);
	}
	if (r == 0 && a->by == before) {
		r = pn_maps_reader_service(maps, &q->addr, q->proto, q->port, &owner);
		if (r == -ENOENT && is_node)
			r = pn_maps_reader_service(maps, &any, q->proto, q->port, &owner);
		r = found(r, owner, PN_WHOIS_SERVICE, a);
	}
	return r;
}

static int ask_addr(const struct pn_maps_reader *maps, struct pn_whois_answer *a)
{
	const struct pn_whois_question *q = &a->question;
	enum pn_whois_by by = PN_WHOIS_IP;
	uint32_t owner = 0;
	int r;

	r = pn_maps_reader_ip(maps, &q->addr, &a->ip);
	if (r == 0 && a->ip.flags & (PN_IP_HOST | PN_IP_SERVICE))
		by = a->ip.flags & PN_IP_HOST ? PN_WHOIS_NODE : PN_WHOIS_SERVICE;
	r = found(r, a->ip.owner, by, a);
	if (r == 0 && a->owner_id && q->port && by != PN_WHOIS_IP)
		r = ask_port(maps, a);
	if (r == 0 && !a->owner_id) {
		r = pn_maps_reader_cidr(maps, &q->addr, &a->network, &owner);
		r = found(r, owner, PN_WHOIS_CIDR, a);
	}
	return r;
}

static int ask_cgroup(const struct pn_maps_reader *maps, struct pn_whois_answer *a)
{
	uint32_t owner = 0;
	int r = pn_maps_reader_cgroup(maps, a->question.cgroup, &owner);

	return found(r, owner, PN_WHOIS_CGROUP, a);
}

int pn_whois_ask(const struct pn_maps_reader *maps, const struct pn_whois_question *question,
		 struct pn_whois_answer *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->question = *question;
	r = question->cgroup ? ask_cgroup(maps, ret) : ask_addr(maps, ret);
	if (r == 0)
		r = read_owner(maps, ret->owner_id, &ret->owner, &ret->has_owner);
	if (r == 0)
		r = read_owner(maps, ret->ip.prev_owner, &ret->previous, &ret->has_previous);
	return r;
}
