/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as one line of JSON in the form of `hubble observe -o json`: the message GetFlowsResponse
 * of Cilium (api/v1/flow/flow.proto) as protobuf's JSON, where what is zero is left out.
 *
 * Hubble tells of packets and we of connections, so a line is the connection's state at its last
 * packet. Labels are those that follow from what is known: a pod's namespace, or what is no pod.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "export/encode_line.h"
#include "export/json_writer.h"

/* enum DropReason of flow.proto, as far as it has a word for what the kernel's drops mean. */
static const struct drop_reason {
	unsigned int number;
	const char *name;
} policy_denied = { 133, "POLICY_DENIED" }, unroutable = { 151, "STALE_OR_UNROUTABLE_IP" },
  unknown = { 0, "DROP_REASON_UNKNOWN" };

/* MessageType of Cilium's monitor. */
enum { EVENT_DROP = 1, EVENT_TRACE = 4 };

/* Lost packets of a connection that goes on are no verdict on it. */
static bool is_dropped(const struct pn_flow_record *r)
{
	return r->drop.packets && (r->is_drop || pn_drop_kind_is_verdict(r->drop.kind));
}

static const struct drop_reason *reason_of(const struct pn_record_drop *d)
{
	if (d->kind <= PN_DROP_OVS)
		return &policy_denied;
	return d->kind == PN_DROP_NO_ROUTE || d->kind == PN_DROP_NEIGHBOR ? &unroutable : &unknown;
}

static void put_time(struct pn_json *j, pn_nsec realtime)
{
	pn_json_put_begin(j, "time");
	pn_text_rfc3339(&j->text, realtime);
	pn_json_put_done(j);
}

static void put_addr(struct pn_json *j, const char *key, const struct pn_addr *a)
{
	pn_json_put_begin(j, key);
	pn_text_addr(&j->text, a);
	pn_json_put_done(j);
}

static void put_nonzero(struct pn_json *j, const char *key, uint64_t n)
{
	if (n)
		pn_json_put_u64(j, key, n);
}

static void put_nonempty(struct pn_json *j, const char *key, const char *s)
{
	if (*s)
		pn_json_put_string(j, key, s);
}

static void put_ip(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_open(j, "IP");
	put_addr(j, "source", &r->source.addr);
	put_addr(j, "destination", &r->destination.addr);
	pn_json_put_word(j, "ipVersion", r->is_v4 ? "IPv4" : "IPv6");
	pn_json_put_close(j);
}

/* --- layer 4 ------------------------------------------------------------------------------------- */

static const struct {
	uint8_t bit;
	const char *name;
} flag_names[] = {
	{ TH_SYN, "SYN" },  { TH_ACK, "ACK" }, { TH_FIN, "FIN" }, { TH_RST, "RST" },
	{ TH_PUSH, "PSH" }, { TH_URG, "URG" }, { 0x40, "ECE" },	  { 0x80, "CWR" },
};

static void put_flags(struct pn_json *j, unsigned int flags)
{
	pn_json_put_open(j, "flags");
	for (size_t i = 0; i < PN_ARRAY_SIZE(flag_names); i++) {
		if (flags & flag_names[i].bit)
			pn_json_put_true(j, flag_names[i].name);
	}
	pn_json_put_close(j);
}

static void put_ports(struct pn_json *j, const struct pn_flow_record *r)
{
	put_nonzero(j, "source_port", r->source.port);
	put_nonzero(j, "destination_port", r->destination.port);
}

static const char *protocol_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_ICMP:
		return "ICMPv4";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	default:
		return NULL;
	}
}

static void put_l4(struct pn_json *j, const struct pn_flow_record *r)
{
	const char *name = r->is_collapsed ? NULL : protocol_name(r->proto);

	if (!name)
		return;
	pn_json_put_open(j, "l4");
	pn_json_put_open(j, name);
	if (r->proto == IPPROTO_ICMP || r->proto == IPPROTO_ICMPV6) {
		put_nonzero(j, "type", r->icmp_type);
		put_nonzero(j, "code", r->icmp_code);
	} else {
		put_ports(j, r);
	}
	if (r->proto == IPPROTO_TCP)
		put_flags(j, r->source.tcp_flags | r->destination.tcp_flags);
	pn_json_put_close(j);
	pn_json_put_close(j);
}

/* "TCP Flags: SYN, ACK", "UDP" */
static void put_summary(struct pn_json *j, const struct pn_flow_record *r)
{
	unsigned int flags = r->source.tcp_flags | r->destination.tcp_flags;
	const char *name = protocol_name(r->proto), *before = " Flags: ";

	pn_json_put_begin(j, "Summary");
	pn_text_string(&j->text, name ? name : "IP protocol ");
	if (!name)
		pn_text_u64(&j->text, r->proto);
	for (size_t i = 0; r->proto == IPPROTO_TCP && i < PN_ARRAY_SIZE(flag_names); i++) {
		if (!(flags & flag_names[i].bit))
			continue;
		pn_text_string(&j->text, before);
		pn_text_string(&j->text, flag_names[i].name);
		before = ", ";
	}
	pn_json_put_done(j);
}

/* --- ends ---------------------------------------------------------------------------------------- */

static void put_label(struct pn_json *j, const char *text, const char *name_space)
{
	pn_json_put_key(j, "labels");
	pn_text_string(&j->text, "[\"");
	pn_text_string(&j->text, text);
	pn_json_put_escaped(j, name_space);
	pn_text_string(&j->text, "\"],");
}

static void put_labels(struct pn_json *j, const struct pn_owner *o)
{
	if (!o || o->kind == PN_OWNER_RANGE || o->kind == PN_OWNER_NONE)
		put_label(j, "reserved:world", "");
	else if (o->kind == PN_OWNER_POD)
		put_label(j, "k8s:io.kubernetes.pod.namespace=", o->name_space);
	else if (o->kind == PN_OWNER_PROCESS || o->kind == PN_OWNER_NODE)
		put_label(j, o->flags & PN_OWNER_LOCAL ? "reserved:host" : "reserved:remote-node",
			  "");
}

static void put_workload(struct pn_json *j, const struct pn_owner *o)
{
	if (!*o->workload_name)
		return;
	pn_json_put_key(j, "workloads");
	pn_text_char(&j->text, '[');
	pn_json_put_open(j, NULL);
	pn_json_put_string(j, "name", o->workload_name);
	put_nonempty(j, "kind", o->workload_kind);
	pn_json_put_close(j);
	if (!j->text.full)
		j->text.at[-1] = ']'; /* over the comma */
	pn_text_char(&j->text, ',');
}

static void put_end(struct pn_json *j, const char *key, const struct pn_owner *o)
{
	bool is_pod = o && o->kind == PN_OWNER_POD;

	pn_json_put_open(j, key);
	if (is_pod)
		put_nonempty(j, "namespace", o->name_space);
	put_labels(j, o);
	if (is_pod) {
		put_nonempty(j, "pod_name", o->name);
		put_workload(j, o);
	}
	pn_json_put_close(j);
}

static void put_service(struct pn_json *j, const struct pn_owner *o)
{
	if (!o)
		return;
	pn_json_put_open(j, "destination_service");
	put_nonempty(j, "name", o->name);
	put_nonempty(j, "namespace", o->name_space);
	pn_json_put_close(j);
}

static bool is_local(const struct pn_record_end *e)
{
	return e->owner && e->owner->flags & PN_OWNER_LOCAL;
}

/* --- the whole ----------------------------------------------------------------------------------- */

static void put_verdict(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_word(j, "verdict", is_dropped(r) ? "DROPPED" : "FORWARDED");
	if (is_dropped(r))
		put_nonzero(j, "drop_reason", reason_of(&r->drop)->number);
}

static void put_event(struct pn_json *j, const struct pn_flow_record *r)
{
	pn_json_put_open(j, "event_type");
	pn_json_put_u64(j, "type", is_dropped(r) ? EVENT_DROP : EVENT_TRACE);
	pn_json_put_close(j);
	put_service(j, r->service);
	if (is_local(&r->source) || is_local(&r->destination))
		pn_json_put_word(j, "traffic_direction",
				 is_local(&r->source) ? "EGRESS" : "INGRESS");
	if (is_dropped(r))
		pn_json_put_word(j, "drop_reason_desc", reason_of(&r->drop)->name);
	pn_json_put_key(j, "is_reply");
	pn_text_string(&j->text, "false,"); /* the source is who opened it */
}

void pn_encode_hubble(const struct pn_style *style, const struct pn_flow_record *r,
		      struct pn_text *t)
{
	struct pn_json j = { .text = *t };
	const char *node = style->node ? style->node : "";

	pn_json_put_open(&j, NULL);
	pn_json_put_open(&j, "flow");
	put_time(&j, r->end);
	put_verdict(&j, r);
	put_ip(&j, r);
	put_l4(&j, r);
	put_end(&j, "source", r->source.owner);
	put_end(&j, "destination", r->destination.owner);
	pn_json_put_word(&j, "Type", "L3_L4");
	put_nonempty(&j, "node_name", node);
	put_event(&j, r);
	put_summary(&j, r);
	pn_json_put_close(&j);
	put_nonempty(&j, "node_name", node);
	put_time(&j, r->end);
	pn_json_put_end(&j);
	*t = j.text;
}
