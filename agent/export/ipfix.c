/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as IPFIX messages; for the sink of that name. No I/O.
 *
 * One table of fields makes the template and the record, so that they cannot differ. Numbers of
 * elements: IANA's registry "IP Flow Information Export (IPFIX) Entities".
 */
#include "export/ipfix.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum {
	VERSION = 10,
	TEMPLATE_SET = 2,
	TEMPLATE_V4 = 256,
	TEMPLATE_V6,
	VARIABLE = 65535,
	REVERSE_PEN = 29305, /* RFC 5103, section 6.1 */
	ENTERPRISE_BIT = 0x8000,
	LONG_STRING = 255, /* from here on a length takes three bytes */
};

/* How many characters a name may have, from no limit on to none at all. */
static const size_t name_limits[] = { PN_IPFIX_MAX_LEN, 128, 64, 32, 16, 0 };

/* Whose number an element's is. */
enum space { IANA, REVERSE, OURS };

enum field {
	SOURCE_ADDRESS,
	DESTINATION_ADDRESS,
	SOURCE_PORT,
	DESTINATION_PORT,
	PROTOCOL,
	OCTETS,
	PACKETS,
	TCP_FLAGS,
	REVERSE_OCTETS,
	REVERSE_PACKETS,
	REVERSE_TCP_FLAGS,
	START,
	END,
	END_REASON,
	FLOW_ID,
	ICMP_TYPE,
	ICMP_CODE,
	BIFLOW_DIRECTION,
	DROPPED_OCTETS,
	DROPPED_PACKETS,
	RTT,
	SAMPLING,
	DROP_REASON,
	SOURCE_ATTRIBUTION,
	DESTINATION_ATTRIBUTION,
	SERVICE_NAMESPACE,
	SERVICE_NAME,
	SOURCE_KIND,
	SOURCE_NAMESPACE,
	SOURCE_NAME,
	SOURCE_WORKLOAD_KIND,
	SOURCE_WORKLOAD_NAME,
	SOURCE_NODE,
	SOURCE_ZONE,
	DESTINATION_KIND,
	DESTINATION_NAMESPACE,
	DESTINATION_NAME,
	DESTINATION_WORKLOAD_KIND,
	DESTINATION_WORKLOAD_NAME,
	DESTINATION_NODE,
	DESTINATION_ZONE,
	FIELD_MAX, /* sentinel */
};

/* @id_v6: where IPv6 has another number. @len: 0: an address, of the template's family. */
static const struct {
	enum space space;
	uint16_t id, id_v6, len;
} fields[] = {
	[SOURCE_ADDRESS] = { IANA, 8, 27, 0 },
	[DESTINATION_ADDRESS] = { IANA, 12, 28, 0 },
	[SOURCE_PORT] = { IANA, 7, 0, 2 },
	[DESTINATION_PORT] = { IANA, 11, 0, 2 },
	[PROTOCOL] = { IANA, 4, 0, 1 },
	[OCTETS] = { IANA, 1, 0, 8 },
	[PACKETS] = { IANA, 2, 0, 8 },
	[TCP_FLAGS] = { IANA, 6, 0, 2 },
	[REVERSE_OCTETS] = { REVERSE, 1, 0, 8 },
	[REVERSE_PACKETS] = { REVERSE, 2, 0, 8 },
	[REVERSE_TCP_FLAGS] = { REVERSE, 6, 0, 2 },
	[START] = { IANA, 152, 0, 8 },
	[END] = { IANA, 153, 0, 8 },
	[END_REASON] = { IANA, 136, 0, 1 },
	[FLOW_ID] = { IANA, 148, 0, 8 },
	[ICMP_TYPE] = { IANA, 176, 178, 1 },
	[ICMP_CODE] = { IANA, 177, 179, 1 },
	[BIFLOW_DIRECTION] = { IANA, 239, 0, 1 },
	[DROPPED_OCTETS] = { IANA, 132, 0, 8 },
	[DROPPED_PACKETS] = { IANA, 133, 0, 8 },
	[RTT] = { OURS, 1, 0, 4 },
	[SAMPLING] = { OURS, 2, 0, 4 },
	[DROP_REASON] = { OURS, 3, 0, VARIABLE },
	[SOURCE_ATTRIBUTION] = { OURS, 4, 0, VARIABLE },
	[DESTINATION_ATTRIBUTION] = { OURS, 5, 0, VARIABLE },
	[SERVICE_NAMESPACE] = { OURS, 6, 0, VARIABLE },
	[SERVICE_NAME] = { OURS, 7, 0, VARIABLE },
	[SOURCE_KIND] = { OURS, 11, 0, VARIABLE },
	[SOURCE_NAMESPACE] = { OURS, 12, 0, VARIABLE },
	[SOURCE_NAME] = { OURS, 13, 0, VARIABLE },
	[SOURCE_WORKLOAD_KIND] = { OURS, 14, 0, VARIABLE },
	[SOURCE_WORKLOAD_NAME] = { OURS, 15, 0, VARIABLE },
	[SOURCE_NODE] = { OURS, 16, 0, VARIABLE },
	[SOURCE_ZONE] = { OURS, 17, 0, VARIABLE },
	[DESTINATION_KIND] = { OURS, 21, 0, VARIABLE },
	[DESTINATION_NAMESPACE] = { OURS, 22, 0, VARIABLE },
	[DESTINATION_NAME] = { OURS, 23, 0, VARIABLE },
	[DESTINATION_WORKLOAD_KIND] = { OURS, 24, 0, VARIABLE },
	[DESTINATION_WORKLOAD_NAME] = { OURS, 25, 0, VARIABLE },
	[DESTINATION_NODE] = { OURS, 26, 0, VARIABLE },
	[DESTINATION_ZONE] = { OURS, 27, 0, VARIABLE },
};
_Static_assert(PN_ARRAY_SIZE(fields) == FIELD_MAX, "a row for each field");

/* --- bytes --------------------------------------------------------------------------------------- */

/* A place of fixed size; what does not fit is noticed at the end. */
struct writer {
	uint8_t *at, *end;
	bool full;
};

static void put_bytes(struct writer *w, const void *bytes, size_t len)
{
	if ((size_t)(w->end - w->at) < len) {
		w->full = true;
		return;
	}
	memcpy(w->at, bytes, len);
	w->at += len;
}

/* The lowest @len bytes, the highest first. */
static void put_number(struct writer *w, uint64_t v, size_t len)
{
	uint64_t be = htobe64(v);

	put_bytes(w, (const uint8_t *)&be + sizeof(be) - len, len);
}

static void set_16(char *at, size_t v)
{
	const uint8_t bytes[] = { (uint8_t)(v >> 8), (uint8_t)v };

	memcpy(at, bytes, sizeof(bytes));
}

static size_t get_16(const char *at)
{
	const uint8_t *b = (const uint8_t *)at;

	return (size_t)b[0] << 8 | b[1];
}

/* RFC 7011, section 7: a length of one byte, or of two behind one of 255. */
static void put_string(struct writer *w, const char *s, size_t limit)
{
	size_t len = PN_MIN(strlen(s), limit);

	if (len >= LONG_STRING)
		put_number(w, LONG_STRING, 1);
	put_number(w, len, len >= LONG_STRING ? 2 : 1);
	put_bytes(w, s, len);
}

static void put_header(struct writer *w, uint32_t domain, uint32_t sequence, uint32_t export_time)
{
	put_number(w, VERSION, 2);
	put_number(w, 0, 2); /* the length, see finish() */
	put_number(w, export_time, 4);
	put_number(w, sequence, 4);
	put_number(w, domain, 4);
}

/* --- templates ----------------------------------------------------------------------------------- */

static size_t field_len(enum field i, bool is_v4)
{
	size_t addr_len = is_v4 ? sizeof(struct in_addr) : sizeof(struct in6_addr);

	return fields[i].len ? fields[i].len : addr_len;
}

static void put_field(struct writer *w, enum field i, bool is_v4, uint32_t pen)
{
	uint16_t id = !is_v4 && fields[i].id_v6 ? fields[i].id_v6 : fields[i].id;
	bool is_foreign = fields[i].space != IANA;

	put_number(w, is_foreign ? id | ENTERPRISE_BIT : id, 2);
	put_number(w, field_len(i, is_v4), 2);
	if (is_foreign)
		put_number(w, fields[i].space == REVERSE ? REVERSE_PEN : pen, 4);
}

static int put_template(bool is_v4, uint32_t pen, uint32_t domain, uint32_t sequence,
			uint32_t export_time, struct pn_buf *out)
{
	enum { ROOM = PN_IPFIX_HEADER_LEN + PN_IPFIX_SET_HEADER_LEN + 4 + FIELD_MAX * 8 };
	struct writer w;
	char *message;
	size_t len;
	int r = pn_buf_reserve(out, ROOM);

	if (r < 0)
		return r;
	message = out->data + out->len;
	w = (struct writer) { .at = (uint8_t *)message, .end = (uint8_t *)message + ROOM };
	put_header(&w, domain, sequence, export_time);
	put_number(&w, TEMPLATE_SET, 2);
	put_number(&w, 0, 2);
	put_number(&w, is_v4 ? TEMPLATE_V4 : TEMPLATE_V6, 2);
	put_number(&w, FIELD_MAX, 2);
	for (enum field i = 0; i < FIELD_MAX; i++)
		put_field(&w, i, is_v4, pen);
	len = (size_t)((char *)w.at - message);
	set_16(message + 2, len);
	set_16(message + PN_IPFIX_HEADER_LEN + 2, len - PN_IPFIX_HEADER_LEN);
	out->len += len;
	return 0;
}

int pn_ipfix_templates(uint32_t pen, uint32_t domain, uint32_t sequence, uint32_t export_time,
		       struct pn_buf *out)
{
	size_t before = out->len;
	int r = put_template(true, pen, domain, sequence, export_time, out);

	if (r == 0)
		r = put_template(false, pen, domain, sequence, export_time, out);
	if (r < 0)
		out->len = before;
	return r;
}

/* --- records ------------------------------------------------------------------------------------- */

/* RFC 5102, 5.11.3 */
static unsigned int end_reason(enum pn_flow_end e)
{
	static const uint8_t reasons[] = {
		[PN_FLOW_ACTIVE] = 2,	  [PN_FLOW_CLOSED] = 3, [PN_FLOW_IDLE] = 1,
		[PN_FLOW_REASSIGNED] = 3, [PN_FLOW_LEFT] = 3,	[PN_FLOW_SHUTDOWN] = 4,
	};
	_Static_assert(PN_ARRAY_SIZE(reasons) == PN_FLOW_END_MAX, "a reason for each end");

	return reasons[e];
}

static uint64_t number_of(const struct pn_flow_record *r, enum field i)
{
	switch (i) {
	case SOURCE_PORT:
		return r->source.port;
	case DESTINATION_PORT:
		return r->destination.port;
	case PROTOCOL:
		return r->proto;
	case OCTETS:
		return r->source.bytes;
	case PACKETS:
		return r->source.packets;
	case TCP_FLAGS:
		return r->source.tcp_flags;
	case REVERSE_OCTETS:
		return r->destination.bytes;
	case REVERSE_PACKETS:
		return r->destination.packets;
	case REVERSE_TCP_FLAGS:
		return r->destination.tcp_flags;
	case START:
		return r->start / PN_NSEC_PER_MSEC;
	case END:
		return r->end / PN_NSEC_PER_MSEC;
	case END_REASON:
		return end_reason(r->state);
	case FLOW_ID:
		return r->id;
	case ICMP_TYPE:
		return r->icmp_type;
	case ICMP_CODE:
		return r->icmp_code;
	case BIFLOW_DIRECTION:
		return 1; /* the source is who opened it */
	case DROPPED_OCTETS:
		return r->drop.bytes;
	case DROPPED_PACKETS:
		return r->drop.packets;
	case RTT:
		return r->rtt_us;
	case SAMPLING:
		return PN_MAX(r->sampling, 1u);
	default:
		return 0;
	}
}

static const char *kind_name(const struct pn_owner *o)
{
	static const char *const names[] = { "", "Pod", "Service", "Node", "Process", "Network" };
	_Static_assert(PN_ARRAY_SIZE(names) == PN_OWNER_KIND_MAX, "a name for each kind");

	return names[o->kind];
}

/* @i: a field of an end as if it were the source's. "" where something is not known */
static const char *name_of_end(const struct pn_record_end *e, enum field i)
{
	const struct pn_owner *o = e->owner;

	if (!o)
		return "";
	switch (i) {
	case SOURCE_KIND:
		return kind_name(o);
	case SOURCE_NAMESPACE:
		return o->name_space;
	case SOURCE_NAME:
		return o->name;
	case SOURCE_WORKLOAD_KIND:
		return o->workload_kind;
	case SOURCE_WORKLOAD_NAME:
		return o->workload_name;
	case SOURCE_NODE:
		return o->kind == PN_OWNER_NODE ? o->name : o->node;
	case SOURCE_ZONE:
		return o->zone;
	default:
		return "";
	}
}

static const char *string_of(const struct pn_flow_record *r, enum field i)
{
	switch (i) {
	case DROP_REASON:
		return r->drop.packets ? r->drop.reason : "";
	case SOURCE_ATTRIBUTION:
		return pn_attribution_name(r->source.attribution);
	case DESTINATION_ATTRIBUTION:
		return pn_attribution_name(r->destination.attribution);
	case SERVICE_NAMESPACE:
		return r->service ? r->service->name_space : "";
	case SERVICE_NAME:
		return r->service ? r->service->name : "";
	default:
		break;
	}
	if (i >= DESTINATION_KIND)
		return name_of_end(&r->destination, SOURCE_KIND + (i - DESTINATION_KIND));
	return name_of_end(&r->source, i);
}

static void put_addr(struct writer *w, const struct pn_addr *a, bool is_v4)
{
	if (is_v4)
		put_bytes(w, a->b + 12, sizeof(struct in_addr));
	else
		put_bytes(w, a->b, sizeof(a->b));
}

static void put_record(struct writer *w, const struct pn_flow_record *r, size_t name_limit)
{
	for (enum field i = 0; i < FIELD_MAX; i++) {
		if (i == SOURCE_ADDRESS || i == DESTINATION_ADDRESS)
			put_addr(w, i == SOURCE_ADDRESS ? &r->source.addr : &r->destination.addr,
				 r->is_v4);
		else if (fields[i].len == VARIABLE)
			put_string(w, string_of(r, i), name_limit);
		else
			put_number(w, number_of(r, i), fields[i].len);
	}
}

int pn_ipfix_record(const struct pn_flow_record *r, size_t max_len, struct pn_buf *out)
{
	int ret = pn_buf_reserve(out, PN_IPFIX_SET_HEADER_LEN + max_len);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < PN_ARRAY_SIZE(name_limits); i++) {
		char *frame = out->data + out->len;
		uint8_t *record = (uint8_t *)frame + PN_IPFIX_SET_HEADER_LEN;
		struct writer w = { .at = record, .end = record + max_len };

		put_record(&w, r, name_limits[i]);
		if (w.full)
			continue;
		set_16(frame, r->is_v4 ? TEMPLATE_V4 : TEMPLATE_V6);
		set_16(frame + 2, (size_t)(w.at - record));
		out->len += PN_IPFIX_SET_HEADER_LEN + (size_t)(w.at - record);
		return 0;
	}
	return -EMSGSIZE;
}

/* --- messages ------------------------------------------------------------------------------------ */

/*
 * Records that follow each other and have the same template share a set. Return: how many fit
 */
static int put_sets(struct writer *w, const char *records, size_t len, size_t *ret_taken)
{
	size_t template = 0, taken = 0;
	uint8_t *set = NULL;
	int n = 0;

	while (taken < len) {
		const char *frame = records + taken;
		size_t record_len = get_16(frame + 2);
		bool is_new = get_16(frame) != template;

		if ((size_t)(w->end - w->at) < record_len + (is_new ? PN_IPFIX_SET_HEADER_LEN : 0))
			break;
		if (is_new) {
			template = get_16(frame);
			set = w->at;
			put_number(w, template, 2);
			put_number(w, 0, 2);
		}
		put_bytes(w, frame + PN_IPFIX_SET_HEADER_LEN, record_len);
		set_16((char *)set + 2, (size_t)(w->at - set));
		taken += PN_IPFIX_SET_HEADER_LEN + record_len;
		n++;
	}
	*ret_taken = taken;
	return n;
}

int pn_ipfix_message(const char *records, size_t len, size_t max_len, uint32_t domain,
		     uint32_t sequence, uint32_t export_time, struct pn_buf *out, size_t *ret_taken)
{
	struct writer w;
	char *message;
	int n, r = pn_buf_reserve(out, max_len);

	if (r < 0)
		return r;
	message = out->data + out->len;
	w = (struct writer) { .at = (uint8_t *)message, .end = (uint8_t *)message + max_len };
	put_header(&w, domain, sequence, export_time);
	n = put_sets(&w, records, len, ret_taken);
	set_16(message + 2, (size_t)((char *)w.at - message));
	out->len += (size_t)((char *)w.at - message);
	return n;
}

size_t pn_ipfix_message_len(const char *message)
{
	return get_16(message + 2);
}

uint32_t pn_ipfix_message_sequence(const char *message)
{
	uint32_t be;

	memcpy(&be, message + 8, sizeof(be));
	return ntohl(be);
}

void pn_ipfix_set_sequence(char *message, uint32_t sequence)
{
	uint32_t be = htonl(sequence);

	memcpy(message + 8, &be, sizeof(be));
}
