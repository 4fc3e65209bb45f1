/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for both ends of a connection. The joiner asks whenever it makes a record.
 *
 * An end is named by the cgroup of its socket, which is exact; else by who had its address when the
 * connection's first packet passed. Where several may have had it, or another one had it when the last
 * one passed, nobody is named. The owner ids that the kernel program stamps are not asked: they say what the pinned map
 * held at the first packet, and when an event was late that was the owner before.
 */
#include "flow/resolve.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void pn_resolver_init(struct pn_resolver *v, const struct pn_index *index, const char *node_name)
{
	v->index = index;
	v->node = (struct pn_owner) {
		.kind = PN_OWNER_NODE,
		.flags = PN_OWNER_LOCAL,
		.uid = "",
		.name_space = "",
		.name = node_name ? node_name : "",
		.workload_kind = "",
		.workload_name = "",
		.node = "",
		.zone = "",
		.region = "",
	};
}

pn_nsec pn_resolver_look_at_clock(struct pn_resolver *v, const struct pn_clock *clock)
{
	pn_nsec now = pn_clock_now(clock), offset = pn_clock_realtime(clock) - now;

	if (llabs((long long)(offset - v->realtime_offset)) > (long long)PN_NSEC_PER_MSEC)
		v->realtime_offset = offset;
	return now;
}

/* @i: of the leg's key */
static struct pn_end end_of(const struct pn_conn *c, const struct pn_leg *leg, unsigned int i)
{
	return (struct pn_end) { .addr = pn_leg_addr(leg, i),
				 .port = ntohs(leg->port[i]),
				 .proto = leg->proto,
				 .when = pn_conn_start(c),
				 .last = pn_conn_last(c) };
}

static bool same_end(const struct pn_end *a, const struct pn_end *b)
{
	return a->port == b->port && pn_addr_eq(&a->addr, &b->addr);
}

/* The opener is the same socket on every leg, whichever has shown it. */
static struct pn_end source_of(const struct pn_conn *c)
{
	struct pn_end e = end_of(c, &c->own, c->opener);

	for (const struct pn_leg *leg = c->legs; leg && !e.cgroup; leg = pn_leg_older(leg))
		e.cgroup = pn_flow_cgroup(leg->cgroups, c->opener);
	e.is_shared = c->shared >> c->opener & 1;
	return e;
}

/*
 * The newest leg's end that did not open the connection: who was really reached. Only the opener's
 * own leg may know that socket too; other legs are of other backends.
 */
static struct pn_end reached_of(const struct pn_conn *c)
{
	struct pn_end e = end_of(c, c->legs, !c->opener ^ c->legs->flip);

	e.cgroup = pn_flow_cgroup(c->legs->cgroups, !c->opener);
	if (!e.cgroup)
		e.cgroup = pn_flow_cgroup(c->own.cgroups, !c->opener);
	e.is_shared = c->shared >> !c->opener & 1;
	return e;
}

void pn_resolver_begin(struct pn_resolver *v)
{
	v->has_node_ports = pn_index_may_have_ports(v->index, NULL);
	v->heard_until = pn_index_heard_until(v->index);
	v->round++;
	if (v->round)
		return;
	memset(v->answers, 0, sizeof(v->answers)); /* it has gone round */
	v->round = 1;
}

static void ask(const struct pn_resolver *v, const struct pn_addr *addr,
		struct pn_resolver_answer *ret)
{
	ret->addr = *addr;
	ret->round = v->round;
	ret->known = pn_index_addr_find(v->index, addr);
	ret->sole = pn_index_addr_sole(ret->known, &ret->since);
	ret->has_ports = pn_index_may_have_ports(v->index, addr);
}

/* A cluster's addresses follow each other; where others fall together, the index is asked once more. */
static struct pn_resolver_answer *answer_of(struct pn_resolver *v, const struct pn_addr *addr)
{
	uint32_t w[4];

	memcpy(w, addr->b, sizeof(w));
	return &v->answers[pn_hash_spread(ntohl(w[0]) + ntohl(w[1]) + ntohl(w[2]) + ntohl(w[3]),
					  PN_RESOLVER_ANSWER_BITS)];
}

static void look_up(struct pn_resolver *v, struct pn_end *e)
{
	struct pn_resolver_answer *a = answer_of(v, &e->addr);

	if (a->round != v->round || !pn_addr_eq(&a->addr, &e->addr))
		ask(v, &e->addr, a);
	e->known = a->known;
	e->sole = a->sole;
	e->since = a->since;
	e->has_ports = a->has_ports || v->has_node_ports;
}

void pn_resolve_ends(struct pn_resolver *v, const struct pn_conn *c, struct pn_ends *ret)
{
	ret->source = source_of(c);
	ret->reached = reached_of(c);
	look_up(v, &ret->source);
	look_up(v, &ret->reached);
}

/* Who has had its address at a time. Return: as pn_index_at() */
static int owners_at(const struct pn_end *e, pn_nsec when, const struct pn_owner **ret)
{
	if (!e->sole || when < e->since)
		return pn_index_addr_at(e->known, when, ret);
	*ret = e->sole;
	return 1;
}

/* The packets that are told may be of both. */
static bool changed_hands(const struct pn_end *e)
{
	const struct pn_owner *before = NULL, *after = NULL;

	return owners_at(e, e->when, &before) == 1 && owners_at(e, e->last, &after) == 1 &&
	       before->id != after->id;
}

/* Who an end is, as far as it is known. */
struct name {
	const struct pn_owner *owner;
	enum pn_attribution attribution;
	enum pn_certainty certainty;
};

static struct name named(const struct pn_owner *o, enum pn_attribution attribution)
{
	return (struct name) { o, attribution, PN_NAMES_OPEN };
}

/*
 * A process counts only with an address of this node (@is_here): somebody may enter a pod's network
 * from outside, and is then known by the pod's address. Return: is the end known by this?
 */
static bool name_by_cgroup(struct pn_resolver *v, const struct pn_end *e, bool is_here,
			   struct name *ret)
{
	const struct pn_owner *o = NULL;

	if (!e->cgroup)
		return false;
	switch (pn_index_cgroup(v->index, e->cgroup, &o)) {
	case PN_CGROUP_POD:
		break;
	case PN_CGROUP_PROCESS:
		if (!is_here)
			return false;
		break;
	case PN_CGROUP_AWAITED:
		*ret = (struct name) { NULL, PN_ATTR_NONE, PN_NAMES_AWAITED };
		return true;
	case PN_CGROUP_UNKNOWN:
		return false;
	}
	*ret = (struct name) { o, e->is_late ? PN_ATTR_STALE : PN_ATTR_CGROUP, PN_NAMES_EXACT };
	return true;
}

static bool is_news_due(const struct pn_resolver *v, pn_nsec when)
{
	if (v->name_wait)
		return when + v->name_wait > v->heard_until;
	return when > v->heard_until && when - v->heard_until > PN_RESOLVER_GRACE;
}

/* Somebody else may have it by then, of whom no news has come. */
static bool is_stale(const struct pn_resolver *v, const struct pn_end *e)
{
	return e->is_hasty || e->is_late || is_news_due(v, e->when);
}

static int port_owners_at(const struct pn_resolver *v, const struct pn_end *e, pn_nsec when,
			  const struct pn_owner **ret)
{
	return pn_index_host_port(v->index, &e->addr, e->proto, e->port, when, ret);
}

static struct name name_by_port(const struct pn_resolver *v, const struct pn_end *e,
				const struct pn_owner *node)
{
	const struct pn_owner *pod = NULL, *still = NULL;
	int n = port_owners_at(v, e, e->when, &pod), n_last;

	if (n > 1)
		return named(NULL, PN_ATTR_AMBIGUOUS);
	if (n == 0)
		return named(node, PN_ATTR_NODE);
	n_last = port_owners_at(v, e, e->last, &still);
	if (n_last > 1 || (n_last == 1 && still->id != pod->id))
		return named(NULL, PN_ATTR_AMBIGUOUS);
	return named(pod, n_last == 0 || is_stale(v, e) ? PN_ATTR_STALE : PN_ATTR_PORT);
}

/* @o had the address when the first packet passed. Until the last one? */
static struct name name_by_pod(const struct pn_resolver *v, const struct pn_end *e,
			       const struct pn_owner *o)
{
	const struct pn_owner *still = NULL;
	int n = owners_at(e, e->last, &still);

	if (n > 1)
		return named(NULL, PN_ATTR_AMBIGUOUS);
	return named(o, n == 0 || is_stale(v, e) ? PN_ATTR_STALE : PN_ATTR_IP);
}

/* No one is known to have had the address at that time. */
static struct name name_by_network(struct pn_resolver *v, const struct pn_end *e)
{
	const struct pn_owner *o = NULL;

	if (pn_addr_is_loopback(&e->addr) && *v->node.name)
		return (struct name) { &v->node, PN_ATTR_NODE, PN_NAMES_EXACT };
	if (pn_index_cidr(v->index, &e->addr, &o) == 1)
		return named(o, PN_ATTR_CIDR);
	return named(NULL, PN_ATTR_NONE);
}

static struct name name_end(struct pn_resolver *v, const struct pn_end *e)
{
	const struct pn_owner *o = NULL;
	int n = owners_at(e, e->when, &o);
	bool is_node = n == 1 && o->kind == PN_OWNER_NODE;
	bool is_here = is_node && o->flags & PN_OWNER_LOCAL;
	struct name ret;

	if (e->is_shared)
		return (struct name) { NULL, PN_ATTR_AMBIGUOUS, PN_NAMES_EXACT };
	if (changed_hands(e))
		return named(NULL, PN_ATTR_AMBIGUOUS);
	if (name_by_cgroup(v, e, is_here || pn_addr_is_loopback(&e->addr), &ret))
		return ret;
	if (n > 1)
		return named(NULL, PN_ATTR_AMBIGUOUS);
	if (n == 0)
		return name_by_network(v, e);
	if (is_node)
		return name_by_port(v, e, o);
	if (o->kind == PN_OWNER_SERVICE)
		return named(o, PN_ATTR_SERVICE);
	return name_by_pod(v, e, o);
}

static struct pn_record_end describe_end(const struct pn_end *e, const struct name *n)
{
	return (struct pn_record_end) {
		.addr = e->addr, .port = e->port, .attribution = n->attribution, .owner = n->owner
	};
}

/* Nothing better than the Service that was called is known of an end. */
static bool is_vague(const struct name *n)
{
	return n->certainty == PN_NAMES_OPEN && n->attribution >= PN_ATTR_SERVICE &&
	       n->attribution != PN_ATTR_AMBIGUOUS && n->attribution != PN_ATTR_STALE;
}

/* Who was called: the one that was reached, or the Service's own address, which is not looked up. */
static struct pn_end called_of(const struct pn_conn *c, const struct pn_end *reached)
{
	struct pn_end e;

	if (c->legs == &c->own)
		return *reached;
	e = end_of(c, &c->own, !c->opener);
	e.has_ports = true;
	return e;
}

/*
 * The Service behind the called address, or else the one that hands out the addresses of its
 * endpoints. Where no translation to a backend is known, the called Service itself is the end.
 */
static void add_service(struct pn_resolver *v, const struct pn_conn *c,
			const struct pn_end *reached, bool is_vague_end, struct pn_flow_record *r)
{
	const struct pn_end called = called_of(c, reached);
	const struct pn_owner *o = NULL;

	if (!called.has_ports && !reached->has_ports)
		return;
	if (pn_index_service(v->index, &called.addr, called.proto, called.port, called.when, &o) ==
	    1) {
		r->service = o;
		r->service_addr = called.addr;
		r->service_port = called.port;
		if (!same_end(&called, reached) || !is_vague_end)
			return;
		r->destination.owner = o;
		r->destination.attribution = PN_ATTR_SERVICE;
		r->no_endpoints = o->flags & PN_OWNER_NO_ENDPOINTS;
	} else if (pn_index_headless(v->index, &reached->addr, reached->proto, reached->port,
				     reached->when, &o) == 1) {
		r->service = o;
		r->is_headless = true;
	}
}

/* In the key of an ICMP entry the ports are an echo's identifier, or else the sender's type and code. */
static void describe_icmp(const struct pn_conn *c, struct pn_flow_record *r)
{
	uint16_t type_and_code = r->source.port | r->destination.port;

	if (r->source.port == r->destination.port)
		type_and_code = (r->proto == IPPROTO_ICMPV6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO) << 8;
	r->icmp_type = (uint8_t)(type_and_code >> 8);
	r->icmp_code = (uint8_t)type_and_code;
	r->source.port = r->destination.port = 0;
	r->quote = c->quote;
}

static void describe_tcp(const struct pn_conn *c, struct pn_flow_record *r)
{
	r->source.tcp_flags = c->tcp.flags[c->opener];
	r->destination.tcp_flags = c->tcp.flags[!c->opener];
	r->source.retransmits = c->tcp.retransmits[c->opener];
	r->destination.retransmits = c->tcp.retransmits[!c->opener];
	r->tcp_state = pn_tcp_state_of(r->source.tcp_flags, r->destination.tcp_flags);
	r->rtt_us = c->tcp.srtt_us;
	r->min_rtt_us = c->tcp.min_rtt_us;
}

void pn_resolve(struct pn_resolver *v, const struct pn_conn *c, const struct pn_ends *ends,
		struct pn_flow_record *ret)
{
	struct name from = name_end(v, &ends->source), to = name_end(v, &ends->reached);

	*ret = (struct pn_flow_record) {
		.id = c->id,
		.start = pn_conn_start(c) + v->realtime_offset,
		.end = pn_conn_last(c) + v->realtime_offset,
		.proto = c->own.proto,
		.is_collapsed = pn_conn_is_pair(c),
		.sampling = c->sampling,
		.is_v4 = pn_addr_is_v4(&ends->source.addr),
		.source = describe_end(&ends->source, &from),
		.destination = describe_end(&ends->reached, &to),
	};
	if (pn_conn_is_pair(c))
		return;
	if (pn_conn_is_tcp(c))
		describe_tcp(c, ret);
	if (pn_conn_is_icmp(c))
		describe_icmp(c, ret);
	else
		add_service(v, c, &ends->reached, is_vague(&to), ret);
}

enum pn_certainty pn_resolve_certainty(struct pn_resolver *v, const struct pn_ends *ends)
{
	struct name from = name_end(v, &ends->source), to = name_end(v, &ends->reached);

	return PN_MAX(from.certainty, to.certainty);
}

static bool has_gone(const struct pn_end *e)
{
	const struct pn_owner *o = NULL;

	return owners_at(e, e->when, &o) == 1 && owners_at(e, e->last, &o) == 0;
}

/* One pod of the host network after another. */
static bool port_changed_hands(const struct pn_resolver *v, const struct pn_end *e)
{
	const struct pn_owner *before = NULL, *after = NULL;

	return owners_at(e, e->when, &before) == 1 && before->kind == PN_OWNER_NODE &&
	       port_owners_at(v, e, e->when, &before) == 1 &&
	       port_owners_at(v, e, e->last, &after) == 1 && before->id != after->id;
}

static bool is_reassigned(const struct pn_resolver *v, const struct pn_end *e)
{
	return e->is_shared || changed_hands(e) || port_changed_hands(v, e);
}

bool pn_resolve_reassigned(const struct pn_resolver *v, const struct pn_conn *c,
			   const struct pn_ends *ends)
{
	const struct pn_end *reached = &ends->reached;

	if (is_reassigned(v, &ends->source) || is_reassigned(v, reached))
		return true;
	return c->legs != &c->own && !pn_conn_is_tcp(c) && has_gone(reached);
}
