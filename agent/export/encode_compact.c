/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as a line for a person:
 *
 *   12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB 18/14 packets (service shop/db)
 *
 * The time is the local one of the last packet; counts are what the opener sent, then what it got. An
 * end that is no pod says first what it is: node/NODE, node/NODE/PROCESS, service/NAMESPACE/SERVICE,
 * network/NAME. An address stands where there is no name, and behind the name of a network. A state
 * is said only when the connection is over; an ICMP error says what it is about; what the full table
 * had no room for stands together, without ports, as "several connections". Packets that the node
 * has thrown away are said last; in a line of drops alone they stand in the place of the counts:
 *
 *   12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 3x dropped by netfilter (policy-like): NETFILTER_DROP in nft_do_chain
 */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <time.h>

#include "export/encode_line.h"

#define DIM "\033[2m"
#define CYAN "\033[36m"
#define GREEN "\033[32m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define RESET "\033[0m"

struct line {
	struct pn_text text;
	bool color;
};

static void put(struct line *l, const char *s)
{
	pn_text_string(&l->text, s);
}

static void put_color(struct line *l, const char *escape)
{
	if (l->color)
		pn_text_string(&l->text, escape);
}

/* Names go to a terminal: nothing of them may act on it. */
static void put_name(struct line *l, const char *name)
{
	for (; *name && !l->text.full; name++)
		pn_text_char(&l->text, *name >= 0x20 && *name < 0x7f ? *name : '?');
}

static void put_time(struct line *l, pn_nsec realtime)
{
	time_t s = (time_t)(realtime / PN_NSEC_PER_SEC);
	struct tm tm = { 0 };

	(void)localtime_r(&s, &tm);
	put_color(l, DIM);
	pn_text_padded(&l->text, (uint32_t)tm.tm_hour, 2);
	pn_text_char(&l->text, ':');
	pn_text_padded(&l->text, (uint32_t)tm.tm_min, 2);
	pn_text_char(&l->text, ':');
	pn_text_padded(&l->text, (uint32_t)tm.tm_sec, 2);
	pn_text_char(&l->text, '.');
	pn_text_padded(&l->text, (uint32_t)(realtime / PN_NSEC_PER_MSEC % 1000), 3);
	put_color(l, RESET);
}

static const char *what_it_is(const struct pn_owner *o)
{
	switch (o->kind) {
	case PN_OWNER_NODE:
	case PN_OWNER_PROCESS:
		return "node/";
	case PN_OWNER_SERVICE:
		return "service/";
	case PN_OWNER_RANGE:
		return "network/";
	case PN_OWNER_POD:
	case PN_OWNER_NONE:
	case PN_OWNER_KIND_MAX:
		break;
	}
	return "";
}

static void put_owner(struct line *l, const struct pn_owner *o)
{
	const char *within = o->kind == PN_OWNER_PROCESS ? o->node : o->name_space;

	put(l, what_it_is(o));
	if (*within) {
		put_name(l, within);
		pn_text_char(&l->text, '/');
	}
	put_name(l, o->name);
}

static void put_addr(struct line *l, const struct pn_addr *addr, uint16_t port)
{
	bool brackets = port && !pn_addr_is_v4(addr);

	if (brackets)
		pn_text_char(&l->text, '[');
	pn_text_addr(&l->text, addr);
	if (brackets)
		pn_text_char(&l->text, ']');
}

static void put_port(struct line *l, uint16_t port)
{
	if (!port)
		return;
	pn_text_char(&l->text, ':');
	pn_text_u64(&l->text, port);
}

static void put_stranger(struct line *l, const struct pn_record_end *e)
{
	put_color(l, DIM);
	put_addr(l, &e->addr, e->port);
	put_port(l, e->port);
	put_color(l, RESET);
}

static void put_end(struct line *l, const struct pn_record_end *e, const char *color)
{
	if (!e->owner) {
		put_stranger(l, e);
		return;
	}
	put_color(l, color);
	put_owner(l, e->owner);
	if (e->attribution == PN_ATTR_CIDR) {
		pn_text_char(&l->text, '/');
		put_addr(l, &e->addr, e->port);
	}
	put_color(l, RESET);
	put_port(l, e->port);
}

static const char *icmp_name(uint8_t type)
{
	switch (type) {
	case ICMP_ECHOREPLY:
		return "echo reply";
	case ICMP_DEST_UNREACH:
		return "unreachable";
	case ICMP_REDIRECT:
		return "redirect";
	case ICMP_ECHO:
		return "echo";
	case ICMP_TIME_EXCEEDED:
		return "time exceeded";
	case ICMP_PARAMETERPROB:
		return "parameter problem";
	default:
		return NULL;
	}
}

static const char *icmpv6_name(uint8_t type)
{
	switch (type) {
	case ICMP6_DST_UNREACH:
		return "unreachable";
	case ICMP6_PACKET_TOO_BIG:
		return "packet too big";
	case ICMP6_TIME_EXCEEDED:
		return "time exceeded";
	case ICMP6_PARAM_PROB:
		return "parameter problem";
	case ICMP6_ECHO_REQUEST:
		return "echo";
	case ICMP6_ECHO_REPLY:
		return "echo reply";
	case ND_ROUTER_SOLICIT:
		return "router solicitation";
	case ND_ROUTER_ADVERT:
		return "router advertisement";
	case ND_NEIGHBOR_SOLICIT:
		return "neighbor solicitation";
	case ND_NEIGHBOR_ADVERT:
		return "neighbor advertisement";
	case ND_REDIRECT:
		return "redirect";
	default:
		return NULL;
	}
}

/* NULL: only its number is known here. */
static const char *transport_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	default:
		return NULL;
	}
}

static void put_transport(struct line *l, uint8_t proto)
{
	const char *name = transport_name(proto);

	put(l, name ? name : "protocol ");
	if (!name)
		pn_text_u64(&l->text, proto);
}

static void put_icmp(struct line *l, const char *name, uint8_t type)
{
	put(l, name ? " " : " type ");
	if (name)
		put(l, name);
	else
		pn_text_u64(&l->text, type);
}

static void put_protocol(struct line *l, const struct pn_flow_record *r)
{
	put_transport(l, r->proto);
	if (r->is_collapsed)
		return;
	if (r->proto == IPPROTO_ICMP)
		put_icmp(l, icmp_name(r->icmp_type), r->icmp_type);
	else if (r->proto == IPPROTO_ICMPV6)
		put_icmp(l, icmpv6_name(r->icmp_type), r->icmp_type);
}

static void put_quote(struct line *l, const struct pn_record_quote *q)
{
	put(l, " (about ");
	put_transport(l, q->proto);
	pn_text_char(&l->text, ' ');
	put_addr(l, &q->source, q->source_port);
	put_port(l, q->source_port);
	put(l, " -> ");
	put_addr(l, &q->destination, q->destination_port);
	put_port(l, q->destination_port);
	pn_text_char(&l->text, ')');
}

/* At most three significant digits, without zeros at the end: 999 B, 1.02 kB, 12 kB, 123 MB */
static void put_bytes(struct line *l, uint64_t bytes)
{
	static const char *const units[] = { " B", " kB", " MB", " GB", " TB", " PB", " EB" };
	unsigned int i = 0, scale = 1, fraction, n_digits;
	uint64_t unit = 1, step, n;

	for (; bytes / unit >= 1000; unit *= 1000)
		i++;
	if (i > 0 && bytes / unit < 100)
		scale = bytes / unit < 10 ? 100 : 10;
	step = unit / scale;
	n = bytes / step + (step > 1 && bytes % step >= step / 2); /* of the last digit shown */
	if (scale == 1 && n == 1000) {
		n = 1;
		i++;
	}
	pn_text_u64(&l->text, n / scale);
	fraction = (unsigned int)(n % scale);
	n_digits = scale == 100 ? 2 : 1;
	if (fraction && fraction % 10 == 0) {
		fraction /= 10;
		n_digits--;
	}
	if (fraction) {
		pn_text_char(&l->text, '.');
		pn_text_padded(&l->text, fraction, n_digits);
	}
	put(l, units[i]);
}

static void put_counts(struct line *l, const struct pn_flow_record *r)
{
	put_bytes(l, r->source.bytes);
	pn_text_char(&l->text, '/');
	put_bytes(l, r->destination.bytes);
	pn_text_char(&l->text, ' ');
	pn_text_u64(&l->text, r->source.packets);
	pn_text_char(&l->text, '/');
	pn_text_u64(&l->text, r->destination.packets);
	put(l, " packets");
}

/* Where the destination is the Service itself, it has been named already. */
static void put_service(struct line *l, const struct pn_flow_record *r)
{
	if (r->no_endpoints)
		put(l, " (no endpoints)");
	if (!r->service || r->service == r->destination.owner)
		return;
	put(l, r->is_headless ? " (headless service " : " (service ");
	put_color(l, YELLOW);
	put_name(l, r->service->name_space);
	pn_text_char(&l->text, '/');
	put_name(l, r->service->name);
	put_color(l, RESET);
	pn_text_char(&l->text, ')');
}

/* Why it is over; of TCP, whether that was as it should be. */
static void put_state(struct line *l, const struct pn_flow_record *r)
{
	if (r->state == PN_FLOW_ACTIVE)
		return;
	pn_text_char(&l->text, ' ');
	if (r->is_collapsed)
		put(l, pn_flow_end_name(r->state));
	else if (r->proto == IPPROTO_TCP &&
		 (r->tcp_state == PN_TCP_REFUSED || r->tcp_state == PN_TCP_RESET))
		put(l, pn_tcp_state_name(r->tcp_state));
	else if (r->proto == IPPROTO_TCP && r->tcp_state == PN_TCP_OPENING)
		put(l, "unanswered");
	else
		put(l, pn_flow_end_name(r->state));
}

/* "3x dropped by netfilter (policy-like): NETFILTER_DROP in nft_do_chain" */
static void put_drop(struct line *l, const struct pn_record_drop *d)
{
	pn_text_u64(&l->text, d->packets);
	put(l, "x ");
	put_color(l, RED);
	put(l, pn_drop_kind_words(d->kind));
	put_color(l, RESET);
	put(l, ": ");
	put_name(l, d->reason);
	put(l, *d->reason ? " in " : "in ");
	put_name(l, d->location);
}

static void put_all_counts(struct line *l, const struct pn_flow_record *r)
{
	put_counts(l, r);
	put_service(l, r);
	if (r->is_collapsed)
		put(l, " (several connections)");
	if (r->quote)
		put_quote(l, r->quote);
	put_state(l, r);
	if (!r->drop.packets)
		return;
	put(l, ", ");
	put_drop(l, &r->drop);
}

void pn_encode_compact(const struct pn_flow_record *r, bool color, struct pn_text *t)
{
	struct line l = { .text = *t, .color = color };

	put_time(&l, r->end);
	pn_text_char(&l.text, ' ');
	put_end(&l, &r->source, CYAN);
	put(&l, " -> ");
	put_end(&l, &r->destination, GREEN);
	pn_text_char(&l.text, ' ');
	put_protocol(&l, r);
	pn_text_char(&l.text, ' ');
	if (r->is_drop)
		put_drop(&l, &r->drop);
	else
		put_all_counts(&l, r);
	pn_text_char(&l.text, '\n');
	*t = l.text;
}
