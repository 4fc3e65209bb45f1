/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as one line of JSON. The joined path of a value is an OpenTelemetry attribute name below
 * `source.` or `destination.` (source.k8s.pod.name); what is ours is below `podonym.`. Absent is
 * what is not known; 64-bit identifiers are strings, because readers keep numbers as doubles.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "export/encode_line.h"
#include "export/owner_json.h"

/* The protocol's name in lower case, or its number. */
static void put_transport(struct pn_json *j, uint8_t proto)
{
	static const char *const names[256] = {
		[IPPROTO_ICMP] = "icmp", [IPPROTO_IGMP] = "igmp",   [IPPROTO_TCP] = "tcp",
		[IPPROTO_UDP] = "udp",	 [IPPROTO_GRE] = "gre",	    [IPPROTO_ESP] = "esp",
		[IPPROTO_AH] = "ah",	 [IPPROTO_ICMPV6] = "icmp", [IPPROTO_SCTP] = "sctp",
	};

	pn_json_put_begin(j, "transport");
	if (names[proto])
		pn_text_string(&j->text, names[proto]);
	else
		pn_text_u64(&j->text, proto);
	pn_json_put_done(j);
}

PN_JSON_INLINE void put_addr(struct pn_json *j, const struct pn_addr *a)
{
	pn_json_put_begin(j, "address");
	pn_text_addr(&j->text, a);
	pn_json_put_done(j);
}

PN_JSON_INLINE void put_time(struct pn_json *j, const char *key, pn_nsec realtime)
{
	pn_json_put_begin(j, key);
	pn_text_rfc3339(&j->text, realtime);
	pn_json_put_done(j);
}

static void put_service(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_open(j, "service");
	pn_json_put_string(j, "name", r->service->name);
	pn_json_put_string(j, "namespace", r->service->name_space);
	if (!r->is_headless)
		put_addr(j, &r->service_addr);
	if (!r->is_headless && r->service_port)
		pn_json_put_u64(j, "port", r->service_port);
	pn_json_put_close(j);
}

/* @is_called: the Service of the record stands before this end */
PN_JSON_INLINE void put_end(struct pn_json *j, const char *key, const struct pn_record_end *e,
			    const struct pn_flow_record *r, bool is_called,
			    struct pn_owner_texts *texts)
{
	bool has_kubernetes = e->owner && e->owner->kind != PN_OWNER_RANGE;
	bool has_service = is_called && r->service;

	pn_json_put_open(j, key);
	put_addr(j, &e->addr);
	if (e->port)
		pn_json_put_u64(j, "port", e->port);
	if (!r->is_drop) {
		pn_json_put_u64(j, "bytes", e->bytes);
		pn_json_put_u64(j, "packets", e->packets);
	}
	if (has_kubernetes || has_service) {
		pn_json_put_open(j, "k8s");
		if (has_kubernetes)
			pn_owner_json_put_kubernetes(j, texts, e->owner);
		if (has_service)
			put_service(j, r);
		pn_json_put_close(j);
	}
	if (e->owner)
		pn_owner_json_put_rest(j, texts, e->owner);
	pn_json_put_close(j);
}

/* "SYN|ACK", in the order in which a connection shows them */
PN_JSON_INLINE void put_tcp_flags(struct pn_json *j, const char *key, unsigned int flags)
{
	static const struct {
		uint8_t bit;
		char name[4];
	} names[] = { { TH_SYN, "SYN" }, { TH_ACK, "ACK" }, { TH_PUSH, "PSH" }, { TH_URG, "URG" },
		      { 0x40, "ECE" },	 { 0x80, "CWR" },   { TH_FIN, "FIN" },	{ TH_RST, "RST" } };
	bool first = true;

	pn_json_put_begin(j, key);
	for (size_t i = 0; i < PN_ARRAY_SIZE(names); i++) {
		if (!(flags & names[i].bit))
			continue;
		if (!first)
			pn_text_char(&j->text, '|');
		pn_text_put(&j->text, names[i].name, 3);
		first = false;
	}
	pn_json_put_done(j);
}

static void put_network(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_open(j, "network");
	put_transport(j, r->proto);
	pn_json_put_word(j, "type", r->is_v4 ? "ipv4" : "ipv6");
	pn_json_put_close(j);
}

static void put_retransmits(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_open(j, "retransmits");
	pn_json_put_u64(j, "source", r->source.retransmits);
	pn_json_put_u64(j, "destination", r->destination.retransmits);
	pn_json_put_close(j);
}

static void put_tcp(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_open(j, "tcp");
	if (!r->is_drop && !r->aggregate)
		pn_json_put_word(j, "state", pn_tcp_state_name(r->tcp_state));
	pn_json_put_open(j, "flags");
	put_tcp_flags(j, "source", r->source.tcp_flags);
	if (!r->is_drop)
		put_tcp_flags(j, "destination", r->destination.tcp_flags);
	pn_json_put_close(j);
	if (r->rtt_us)
		pn_json_put_u64(j, "rtt_us", r->rtt_us);
	if (r->min_rtt_us)
		pn_json_put_u64(j, "min_rtt_us", r->min_rtt_us);
	if (r->rtt_us || r->source.retransmits || r->destination.retransmits)
		put_retransmits(j, r);
	pn_json_put_close(j);
}

static void put_quoted_end(struct pn_json *j, const char *key, const struct pn_addr *addr,
			   uint16_t port)
{
	pn_json_put_open(j, key);
	put_addr(j, addr);
	if (port)
		pn_json_put_u64(j, "port", port);
	pn_json_put_close(j);
}

static void put_icmp(struct pn_json *j, const struct pn_flow_record *r)
{
	const struct pn_record_quote *q = r->quote;

	pn_json_put_open(j, "icmp");
	pn_json_put_u64(j, "type", r->icmp_type);
	pn_json_put_u64(j, "code", r->icmp_code);
	if (q) {
		pn_json_put_open(j, "quoted");
		put_transport(j, q->proto);
		put_quoted_end(j, "source", &q->source, q->source_port);
		put_quoted_end(j, "destination", &q->destination, q->destination_port);
		pn_json_put_close(j);
	}
	pn_json_put_close(j);
}

static void put_protocol(struct pn_json *j, const struct pn_flow_record *r)
{
	if (r->is_collapsed)
		pn_json_put_true(j, "collapsed");
	else if (r->proto == IPPROTO_TCP)
		put_tcp(j, r);
	else if (r->proto == IPPROTO_ICMP || r->proto == IPPROTO_ICMPV6)
		put_icmp(j, r);
}

static void put_service_state(struct pn_json *j, const struct pn_flow_record *r)
{
	if (!r->is_headless && !r->no_endpoints)
		return;
	pn_json_put_open(j, "service");
	if (r->is_headless)
		pn_json_put_true(j, "headless");
	if (r->no_endpoints)
		pn_json_put_true(j, "no_endpoints");
	pn_json_put_close(j);
}

static void put_drop(struct pn_json *j, const struct pn_flow_record *r)
{
	const struct pn_record_drop *d = &r->drop;

	if (!d->packets)
		return;
	if (pn_drop_kind_is_verdict(d->kind))
		pn_json_put_word(j, "verdict",
				 d->kind == PN_DROP_REJECTED ? "rejected" : "dropped");
	pn_json_put_open(j, "drop");
	if (*d->reason)
		pn_json_put_string(j, "reason", d->reason);
	pn_json_put_string(j, "location", d->location);
	pn_json_put_word(j, "kind", pn_drop_kind_name(d->kind));
	pn_json_put_u64(j, "count", d->packets);
	pn_json_put_u64(j, "bytes", d->bytes);
	if (r->is_drop)
		pn_json_put_u64(j, "total", d->total);
	if (r->is_drop && d->netns)
		pn_json_put_u64(j, "netns", d->netns);
	if (r->is_drop && d->ifindex)
		pn_json_put_u64(j, "ifindex", d->ifindex);
	pn_json_put_close(j);
}

static void put_sampling(struct pn_json *j, const struct pn_flow_record *r)
{
	if (r->sampling > 1)
		pn_json_put_u64(j, "sampling", r->sampling);
}

/* Of a minute of a pair, instead of what only one connection has. */
static void put_aggregate(struct pn_json *j, const struct pn_flow_record *r)
{
	const struct pn_record_aggregate *a = r->aggregate;

	pn_json_put_open(j, "aggregate");
	put_time(j, "minute", a->minute);
	pn_json_put_u64(j, "records", a->n_records);
	pn_json_put_u64(j, "connections", a->n_connections);
	pn_json_put_u64(j, "ended", a->n_ended);
	if (a->many_addresses)
		pn_json_put_true(j, "many_addresses");
	pn_json_put_close(j);
	put_sampling(j, r);
}

/* @by: KIND/NAMESPACE/NAME or KIND/NAME */
static void put_decider(struct pn_json *j, const char *by)
{
	const char *slash = strchr(by, '/'), *name = strrchr(by, '/') + 1;
	char name_space[256] = "";

	pn_json_put_begin(j, "kind");
	pn_text_put(&j->text, by, (size_t)(slash - by));
	pn_json_put_done(j);
	if (name > slash + 1) {
		memcpy(name_space, slash + 1,
		       PN_MIN((size_t)(name - slash) - 2, sizeof(name_space) - 1));
		pn_json_put_string(j, "namespace", name_space);
	}
	pn_json_put_string(j, "name", name);
}

static void put_policy(struct pn_json *j, const struct pn_flow_record *r)
{
	const struct pn_record_policy *p = &r->policy;

	if (p->expected < PN_EXPECTED_ALLOWED)
		return;
	pn_json_put_open(j, "policy");
	pn_json_put_word(j, "expected", pn_expected_name(p->expected));
	if (p->by) {
		put_decider(j, p->by);
		pn_json_put_word(j, "direction", p->is_ingress ? "ingress" : "egress");
	}
	if (p->is_late)
		pn_json_put_true(j, "late");
	if (r->disagrees)
		pn_json_put_true(j, "disagrees");
	pn_json_put_close(j);
}

static void put_id_and_state(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_begin(j, "flow_id");
	pn_text_u64(&j->text, r->id);
	pn_json_put_done(j);
	put_sampling(j, r);
	pn_json_put_word(j, "state", pn_flow_end_name(r->state));
}

static void put_delivered(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_open(j, "delivered");
	pn_json_put_u64(j, "source", r->source.delivered);
	pn_json_put_u64(j, "destination", r->destination.delivered);
	pn_json_put_close(j);
}

static void put_podonym(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_open(j, "podonym");
	pn_json_put_u64(j, "schema_version", PN_SCHEMA_VERSION);
	if (r->aggregate)
		put_aggregate(j, r);
	else if (!r->is_drop)
		put_id_and_state(j, r);
	pn_json_put_open(j, "attribution");
	pn_json_put_word(j, "source", pn_attribution_name(r->source.attribution));
	pn_json_put_word(j, "destination", pn_attribution_name(r->destination.attribution));
	pn_json_put_close(j);
	put_protocol(j, r);
	put_service_state(j, r);
	put_drop(j, r);
	put_policy(j, r);
	if (!r->is_drop)
		put_delivered(j, r);
	pn_json_put_close(j);
}

void pn_encode_json(const struct pn_style *style, const struct pn_flow_record *r, struct pn_text *t)
{
	struct pn_json j = { .text = *t };

	pn_json_put_open(&j, NULL);
	pn_json_put_open(&j, "event");
	put_time(&j, "start", r->start);
	put_time(&j, "end", r->end);
	pn_json_put_close(&j);
	put_end(&j, "source", &r->source, r, false, style->texts);
	put_end(&j, "destination", &r->destination, r, true, style->texts);
	put_network(&j, r);
	put_podonym(&j, r);
	pn_json_put_end(&j);
	*t = j.text;
}
