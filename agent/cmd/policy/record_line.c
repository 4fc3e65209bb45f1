/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of flows as export/encode_json.c writes it, back into what `podonym policy check`,
 * `podonym policy advise` and `podonym top` want of it. Tables say which members those are, one for each object.
 */
#include "cmd/policy/record_line.h"

#include <string.h>

#include "cmd/policy/line_scan.h"

enum field_type {
	STRING,
	NUMBER,
	FLAG,
	OBJECT,
};

/* A member; of an object its members, with their places counted from @offset. */
struct field {
	const char *key;
	enum field_type type;
	size_t offset;
	const struct field *in;
};

/* clang-format off */
#define END_FIELD(member) offsetof(struct pn_recorded_end, member)
#define FLOW_FIELD(member) offsetof(struct pn_recorded_flow, member)
#define NAME_OF(table, member) \
	static const struct field table[] = { { "name", STRING, END_FIELD(member), NULL }, { 0 } }

NAME_OF(namespace_fields, name_space);
NAME_OF(pod_fields, pod);
NAME_OF(node_fields, node);
NAME_OF(process_fields, process);
NAME_OF(named_network_fields, network);

static const struct field service_fields[] = {
	{ "name", STRING, END_FIELD(service), NULL },
	{ "namespace", STRING, END_FIELD(service_space), NULL },
	{ 0 },
};

static const struct field workload_fields[] = {
	{ "kind", STRING, END_FIELD(workload_kind), NULL },
	{ "name", STRING, END_FIELD(workload_name), NULL },
	{ 0 },
};

static const struct field k8s_fields[] = {
	{ "namespace", OBJECT, 0, namespace_fields },
	{ "pod", OBJECT, 0, pod_fields },
	{ "workload", OBJECT, 0, workload_fields },
	{ "node", OBJECT, 0, node_fields },
	{ "service", OBJECT, 0, service_fields },
	{ 0 },
};

static const struct field end_fields[] = {
	{ "address", STRING, END_FIELD(address), NULL },
	{ "port", NUMBER, END_FIELD(port), NULL },
	{ "packets", NUMBER, END_FIELD(packets), NULL },
	{ "bytes", NUMBER, END_FIELD(bytes), NULL },
	{ "k8s", OBJECT, 0, k8s_fields },
	{ "process", OBJECT, 0, process_fields },
	{ "network", OBJECT, 0, named_network_fields },
	{ 0 },
};

static const struct field event_fields[] = {
	{ "start", STRING, FLOW_FIELD(start), NULL },
	{ "end", STRING, FLOW_FIELD(end), NULL },
	{ 0 },
};
static const struct field network_fields[] = {
	{ "transport", STRING, FLOW_FIELD(transport), NULL },
	{ 0 },
};
static const struct field attribution_fields[] = {
	{ "source", STRING, FLOW_FIELD(source.attribution), NULL },
	{ "destination", STRING, FLOW_FIELD(destination.attribution), NULL },
	{ 0 },
};
static const struct field flags_fields[] = {
	{ "source", STRING, FLOW_FIELD(source.tcp_flags), NULL },
	{ "destination", STRING, FLOW_FIELD(destination.tcp_flags), NULL },
	{ 0 },
};
static const struct field tcp_fields[] = {
	{ "state", STRING, FLOW_FIELD(state), NULL },
	{ "flags", OBJECT, 0, flags_fields },
	{ "rtt_us", NUMBER, FLOW_FIELD(rtt_us), NULL },
	{ 0 },
};
static const struct field drop_fields[] = {
	{ "reason", STRING, FLOW_FIELD(drop.reason), NULL },
	{ "location", STRING, FLOW_FIELD(drop.location), NULL },
	{ "kind", STRING, FLOW_FIELD(drop.kind), NULL },
	{ "count", NUMBER, FLOW_FIELD(drop.count), NULL },
	{ 0 },
};
static const struct field delivered_fields[] = {
	{ "source", NUMBER, FLOW_FIELD(source.delivered), NULL },
	{ "destination", NUMBER, FLOW_FIELD(destination.delivered), NULL },
	{ 0 },
};
static const struct field policy_fields[] = { { "late", FLAG, FLOW_FIELD(is_late), NULL }, { 0 } };

static const struct field podonym_fields[] = {
	{ "flow_id", STRING, FLOW_FIELD(id), NULL },
	{ "state", STRING, FLOW_FIELD(told_as), NULL },
	{ "attribution", OBJECT, 0, attribution_fields },
	{ "tcp", OBJECT, 0, tcp_fields },
	{ "drop", OBJECT, 0, drop_fields },
	{ "delivered", OBJECT, 0, delivered_fields },
	{ "policy", OBJECT, 0, policy_fields },
	{ "collapsed", FLAG, FLOW_FIELD(is_collapsed), NULL },
	{ 0 },
};

static const struct field flow_fields[] = {
	{ "event", OBJECT, 0, event_fields },
	{ "source", OBJECT, FLOW_FIELD(source), end_fields },
	{ "destination", OBJECT, FLOW_FIELD(destination), end_fields },
	{ "network", OBJECT, 0, network_fields },
	{ "podonym", OBJECT, 0, podonym_fields },
	{ 0 },
};
/* clang-format on */

static const char not_json[] = "not a JSON object";

static const struct field *find(const struct field *fields, const char *key)
{
	while (fields->key && strcmp(fields->key, key) != 0)
		fields++;
	return fields;
}

static const char *take_flag(struct pn_line *l, bool *ret)
{
	pn_line_space(l);
	*ret = l->at < l->end && *l->at == 't';
	return pn_line_skip(l) ? NULL : not_json;
}

static const char *take_text(struct pn_line *l, char *into)
{
	const char *text = pn_line_string(l);

	memcpy(into, &text, sizeof(text));
	return text ? NULL : "a name, an address or a time is not a string";
}

static const char *take_number(struct pn_line *l, char *into)
{
	uint64_t n;

	if (!pn_line_number(l, UINT64_MAX, &n))
		return "a port or a count is not a number";
	memcpy(into, &n, sizeof(n));
	return NULL;
}

static const char *take_object(struct pn_line *l, const struct field *fields, char *base);

/* Return: NULL, or what is wrong */
static const char *take_value(struct pn_line *l, const struct field *f, char *base)
{
	pn_line_space(l);
	if (!f->key || (l->at < l->end && *l->at == 'n')) /* null: as if it were not there */
		return pn_line_skip(l) ? NULL : not_json;
	base += f->offset;
	switch (f->type) {
	case STRING:
		return take_text(l, base);
	case NUMBER:
		return take_number(l, base);
	case FLAG:
		return take_flag(l, (bool *)base);
	case OBJECT:
		return take_object(l, f->in, base);
	}
	return not_json;
}

/* As deep as the tables are. */
static const char *take_object(struct pn_line *l, const struct field *fields, char *base)
{
	if (!pn_line_take(l, '{'))
		return not_json;
	if (pn_line_take(l, '}'))
		return NULL;
	do {
		const char *key = pn_line_string(l), *wrong;

		if (!key || !pn_line_take(l, ':'))
			return not_json;
		wrong = take_value(l, find(fields, key), base);
		if (wrong)
			return wrong;
	} while (pn_line_take(l, ','));
	return pn_line_take(l, '}') ? NULL : not_json;
}

/* clang-format off */
#define NO_END                                                                                    \
	{                                                                                         \
		.address = "", .attribution = "", .name_space = "", .pod = "", .node = "",        \
		.workload_kind = "", .workload_name = "", .service = "", .service_space = "",     \
		.process = "", .network = "", .tcp_flags = "",                                    \
	}
/* clang-format on */

static const struct pn_recorded_flow nothing = {
	.source = NO_END,
	.destination = NO_END,
	.id = "",
	.start = "",
	.end = "",
	.transport = "",
	.state = "",
	.told_as = "",
	.drop = { .reason = "", .location = "", .kind = "" },
};

const char *pn_record_line_read(char *line, size_t len, struct pn_recorded_flow *ret)
{
	struct pn_line l = { line, line + len };
	const char *wrong;

	*ret = nothing;
	wrong = take_object(&l, flow_fields, (char *)ret);
	if (wrong)
		return wrong;
	pn_line_space(&l);
	if (l.at != l.end)
		return "something behind the JSON object";
	if (!*ret->source.address || !*ret->destination.address || !*ret->transport)
		return "not a flow record: needs source.address, destination.address and "
		       "network.transport";
	return NULL;
}
