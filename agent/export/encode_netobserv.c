/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as one line of JSON with the fields of NetObserv's flows ("Network Flows format
 * reference" of its operator), for what reads its Kafka topic or its Loki streams.
 *
 * NetObserv has records of one direction, and records of connections with both: ours are of the
 * second kind, where _AB is what the opener sent and _BA what it got. Numbers are since the last line.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "export/encode_line.h"
#include "export/json_writer.h"

/* The values of FlowDirection, from the node's point of view. */
enum { INGRESS, EGRESS, INNER, UNKNOWN };

static int direction_of(const struct pn_flow_record *r)
{
	const struct pn_owner *s = r->source.owner, *d = r->destination.owner;
	bool from_here = s && s->flags & PN_OWNER_LOCAL, to_here = d && d->flags & PN_OWNER_LOCAL;

	if (from_here && to_here)
		return INNER;
	if (from_here)
		return EGRESS;
	return to_here ? INGRESS : UNKNOWN;
}

/* Has it an interface of its own here, whose other end is watched? */
static bool is_behind_interface(const struct pn_record_end *e)
{
	const struct pn_owner *o = e->owner;

	return o && o->kind == PN_OWNER_POD &&
	       (o->flags & (PN_OWNER_LOCAL | PN_OWNER_HOST_NETWORK)) == PN_OWNER_LOCAL;
}

/* What a pod sends comes in at the node's end of its interface. */
static void put_directions(struct pn_json *j, const struct pn_flow_record *r)
{
	bool in = is_behind_interface(&r->source), out = is_behind_interface(&r->destination);
	int direction = direction_of(r);

	if (direction != UNKNOWN)
		pn_json_put_u64(j, "FlowDirection", (uint64_t)direction);
	if (!in && !out)
		return;
	pn_json_put_key(j, "IfDirections");
	pn_text_string(&j->text, in && out ? "[0,1]," : in ? "[0]," : "[1],");
}

static const char *kind_of(const struct pn_owner *o)
{
	switch (o->kind) {
	case PN_OWNER_POD:
		return "Pod";
	case PN_OWNER_SERVICE:
		return "Service";
	case PN_OWNER_NODE:
		return "Node";
	default:
		return "";
	}
}

/* A string that is known. The key is made of two literals. */
#define PUT_KNOWN(j, key, value)                            \
	do {                                                \
		const char *known_ = (value);               \
		if (*known_)                                \
			pn_json_put_string(j, key, known_); \
	} while (0)

/* The same fields for both ends; @p is a literal. Without a controller a pod is its own owner. */
#define PUT_NAMES(j, p, o)                                                                        \
	do {                                                                                      \
		bool has_workload_ = *(o)->workload_name != '\0';                                 \
		PUT_KNOWN(j, p "K8S_Name", (o)->name);                                            \
		PUT_KNOWN(j, p "K8S_Type", kind_of(o));                                           \
		PUT_KNOWN(j, p "K8S_Namespace", (o)->name_space);                                 \
		PUT_KNOWN(j, p "K8S_OwnerName", has_workload_ ? (o)->workload_name : (o)->name);  \
		PUT_KNOWN(j, p "K8S_OwnerType", has_workload_ ? (o)->workload_kind : kind_of(o)); \
		PUT_KNOWN(j, p "K8S_HostName",                                                    \
			  (o)->kind == PN_OWNER_NODE ? (o)->name : (o)->node);                    \
		PUT_KNOWN(j, p "K8S_Zone", (o)->zone);                                            \
	} while (0)

static void put_addr(struct pn_json *j, const char *key, const struct pn_addr *a)
{
	pn_json_put_begin(j, key);
	pn_text_addr(&j->text, a);
	pn_json_put_done(j);
}

static void put_source(struct pn_json *j, const struct pn_record_end *e)
{
	put_addr(j, "SrcAddr", &e->addr);
	if (e->port)
		pn_json_put_u64(j, "SrcPort", e->port);
	if (!e->owner)
		return;
	if (e->owner->kind == PN_OWNER_RANGE)
		pn_json_put_string(j, "SrcSubnetLabel", e->owner->name);
	else if (*kind_of(e->owner))
		PUT_NAMES(j, "Src", e->owner);
}

static void put_destination(struct pn_json *j, const struct pn_record_end *e)
{
	put_addr(j, "DstAddr", &e->addr);
	if (e->port)
		pn_json_put_u64(j, "DstPort", e->port);
	if (!e->owner)
		return;
	if (e->owner->kind == PN_OWNER_RANGE)
		pn_json_put_string(j, "DstSubnetLabel", e->owner->name);
	else if (*kind_of(e->owner))
		PUT_NAMES(j, "Dst", e->owner);
}

/* A list of names, of all flags that the connection has shown. */
static void put_flags(struct pn_json *j, unsigned int flags)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} names[] = { { TH_FIN, "FIN" }, { TH_SYN, "SYN" }, { TH_RST, "RST" }, { TH_PUSH, "PSH" },
		      { TH_ACK, "ACK" }, { TH_URG, "URG" }, { 0x40, "ECE" },   { 0x80, "CWR" } };
	bool first = true;

	pn_json_put_key(j, "Flags");
	pn_text_char(&j->text, '[');
	for (size_t i = 0; i < PN_ARRAY_SIZE(names); i++) {
		if (!(flags & names[i].bit))
			continue;
		pn_text_string(&j->text, first ? "\"" : ",\"");
		pn_text_string(&j->text, names[i].name);
		pn_text_char(&j->text, '"');
		first = false;
	}
	pn_text_put(&j->text, "],", 2);
}

static void put_protocol(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_u64(j, "Proto", r->proto);
	if (r->proto == IPPROTO_TCP)
		put_flags(j, r->source.tcp_flags | r->destination.tcp_flags);
	if (r->rtt_us)
		pn_json_put_u64(j, "TimeFlowRttNs", r->rtt_us * PN_NSEC_PER_USEC);
	if (r->proto != IPPROTO_ICMP && r->proto != IPPROTO_ICMPV6)
		return;
	pn_json_put_u64(j, "IcmpType", r->icmp_type);
	pn_json_put_u64(j, "IcmpCode", r->icmp_code);
}

static void put_counts(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_u64(j, "Bytes", r->source.bytes + r->destination.bytes);
	pn_json_put_u64(j, "Packets", r->source.packets + r->destination.packets);
	pn_json_put_u64(j, "Bytes_AB", r->source.bytes);
	pn_json_put_u64(j, "Bytes_BA", r->destination.bytes);
	pn_json_put_u64(j, "Packets_AB", r->source.packets);
	pn_json_put_u64(j, "Packets_BA", r->destination.packets);
}

static void put_drop(struct pn_json *j, const struct pn_record_drop *d)
{
	if (!d->packets)
		return;
	pn_json_put_u64(j, "PktDropPackets", d->packets);
	pn_json_put_u64(j, "PktDropBytes", d->bytes);
	if (!*d->reason)
		return;
	pn_json_put_begin(j, "PktDropLatestDropCause");
	pn_text_string(&j->text, "SKB_DROP_REASON_");
	pn_json_put_escaped(j, d->reason);
	pn_json_put_done(j);
}

static void put_conversation(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_begin(j, "_HashId");
	pn_text_u64(&j->text, r->id);
	pn_json_put_done(j);
	pn_json_put_word(j, "_RecordType",
			 r->state == PN_FLOW_ACTIVE ? "heartbeat" : "endConnection");
}

void pn_encode_netobserv(const struct pn_style *style, const struct pn_flow_record *r,
			 struct pn_text *t)
{
	struct pn_json j = { .text = *t };

	pn_json_put_open(&j, NULL);
	pn_json_put_u64(&j, "TimeFlowStartMs", r->start / PN_NSEC_PER_MSEC);
	pn_json_put_u64(&j, "TimeFlowEndMs", r->end / PN_NSEC_PER_MSEC);
	if (style->node && *style->node)
		pn_json_put_string(&j, "AgentHostName", style->node);
	put_source(&j, &r->source);
	put_destination(&j, &r->destination);
	put_protocol(&j, r);
	put_directions(&j, r);
	if (!r->is_drop)
		put_counts(&j, r);
	put_drop(&j, &r->drop);
	if (r->sampling)
		pn_json_put_u64(&j, "Sampling", r->sampling);
	if (!r->is_drop)
		put_conversation(&j, r);
	pn_json_put_end(&j);
	*t = j.text;
}
