/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for both ends of a connection. The joiner asks whenever it makes a record.
 *
 * An end is named by who had its address when the connection's first packet passed, whatever
 * happened since. What the index knows now about that moment comes first; the owner that the kernel
 * program saw in its map is asked for only where the index has no answer.
 */
#include "flow/resolve.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

/* One end as it stands in a key. */
struct end {
	struct pn_addr addr;
	uint16_t port;
};

static struct end end_of(const struct pn_flow_key *key, unsigned int i)
{
	struct end e = { .port = ntohs(key->port[i]) };

	memcpy(e.addr.b, key->addr[i], sizeof(e.addr.b));
	return e;
}

static bool same_end(const struct end *a, const struct end *b)
{
	return a->port == b->port && pn_addr_eq(&a->addr, &b->addr);
}

static struct end source_of(const struct pn_conn *c)
{
	return end_of(&c->own.key, c->opener);
}

/* Who was called: a backend, or the Service's own address. */
static struct end called_of(const struct pn_conn *c)
{
	return end_of(&c->own.key, !c->opener);
}

/* The newest leg's end that did not open the connection: who was really reached. */
static struct end reached_of(const struct pn_conn *c)
{
	return end_of(&c->legs->key, !c->opener ^ c->legs->flip);
}

static enum pn_attribution attribution_of(const struct pn_owner *o)
{
	if (!o)
		return PN_ATTR_NONE;
	switch (o->kind) {
	case PN_OWNER_POD:
		return PN_ATTR_IP;
	case PN_OWNER_SERVICE:
		return PN_ATTR_SERVICE;
	case PN_OWNER_NODE:
		return PN_ATTR_NODE;
	case PN_OWNER_NONE:
	case PN_OWNER_KIND_MAX:
		break;
	}
	return PN_ATTR_NONE;
}

static void set_owner(struct pn_record_end *e, const struct pn_owner *o)
{
	e->owner = o;
	e->attribution = attribution_of(o);
}

static struct pn_record_end name_end(const struct pn_index *index, const struct end *e,
				     pn_nsec when, uint32_t stamp)
{
	struct pn_record_end ret = { .addr = e->addr, .port = e->port };
	const struct pn_owner *o = pn_index_at(index, &e->addr, when);

	if (!o && stamp)
		o = pn_index_owner(index, stamp);
	set_owner(&ret, o);
	return ret;
}

/* The Service behind the called address, unless that is where the packets really went. */
static void add_service(const struct pn_index *index, const struct end *called, bool translated,
			struct pn_flow_record *r)
{
	const struct pn_owner *o = pn_index_service(index, &called->addr, r->proto, called->port);

	if (!o)
		return;
	r->service = o;
	r->service_addr = called->addr;
	r->service_port = called->port;
	if (!translated)
		set_owner(&r->destination, o);
}

/* In the key of an ICMP entry the ports are an echo's identifier, or else the sender's type and code. */
static void describe_icmp(struct pn_flow_record *r)
{
	uint16_t type_and_code = r->source.port | r->destination.port;

	if (r->source.port == r->destination.port)
		type_and_code = (r->proto == IPPROTO_ICMPV6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO) << 8;
	r->icmp_type = (uint8_t)(type_and_code >> 8);
	r->icmp_code = (uint8_t)type_and_code;
	r->source.port = r->destination.port = 0;
}

void pn_resolve(const struct pn_index *index, const struct pn_conn *c, pn_nsec realtime_offset,
		struct pn_flow_record *ret)
{
	struct end source = source_of(c), called = called_of(c), reached = reached_of(c);

	*ret = (struct pn_flow_record) {
		.id = c->id,
		.start = c->start + realtime_offset,
		.end = c->last + realtime_offset,
		.proto = c->own.key.proto,
		.is_v4 = pn_addr_is_v4(&source.addr),
		.source = name_end(index, &source, c->start, c->owner),
		.destination = name_end(index, &reached, c->start, c->legs->owner),
	};
	ret->source.tcp_flags = c->tcp_flags[c->opener];
	ret->destination.tcp_flags = c->tcp_flags[!c->opener];
	if (ret->proto == IPPROTO_ICMP || ret->proto == IPPROTO_ICMPV6)
		describe_icmp(ret);
	else
		add_service(index, &called, !same_end(&called, &reached), ret);
}

static bool changed_hands(const struct pn_index *index, const struct end *e, pn_nsec from,
			  pn_nsec to)
{
	const struct pn_owner *before = pn_index_at(index, &e->addr, from);
	const struct pn_owner *after = pn_index_at(index, &e->addr, to);

	return before && after && before->id != after->id;
}

bool pn_resolve_reassigned(const struct pn_index *index, const struct pn_conn *c)
{
	struct end source = source_of(c), reached = reached_of(c);

	return changed_hands(index, &source, c->start, c->last) ||
	       changed_hands(index, &reached, c->start, c->last);
}
