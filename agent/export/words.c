/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records are made of, in words for a person: the forms that people read are put together from
 * these by encode_compact.c and encode_fields.c.
 */
#include "export/words.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <time.h>

#define DIM "\033[2m"
#define RESET "\033[0m"

void pn_words_put(struct pn_words *w, const char *s)
{
	pn_text_string(&w->text, s);
}

void pn_words_color(struct pn_words *w, const char *escape)
{
	if (w->color)
		pn_text_string(&w->text, escape);
}

void pn_words_uncolor(struct pn_words *w)
{
	pn_words_color(w, RESET);
}

void pn_words_name(struct pn_words *w, const char *name)
{
	for (; *name && !w->text.full; name++)
		pn_text_char(&w->text, *name >= 0x20 && *name < 0x7f ? *name : '?');
}

static void put_clock(struct pn_words *w, pn_nsec realtime)
{
	time_t s = (time_t)(realtime / PN_NSEC_PER_SEC);
	struct tm tm = { 0 };

	(void)localtime_r(&s, &tm);
	pn_text_padded(&w->text, (uint32_t)tm.tm_hour, 2);
	pn_text_char(&w->text, ':');
	pn_text_padded(&w->text, (uint32_t)tm.tm_min, 2);
	pn_text_char(&w->text, ':');
	pn_text_padded(&w->text, (uint32_t)tm.tm_sec, 2);
	pn_text_char(&w->text, '.');
	pn_text_padded(&w->text, (uint32_t)(realtime / PN_NSEC_PER_MSEC % 1000), 3);
}

/* Without the fraction: that is cut out of the longer form. */
static void put_rfc3339(struct pn_words *w, pn_nsec realtime)
{
	pn_text_rfc3339(&w->text, realtime);
	if (w->text.full)
		return;
	w->text.at -= sizeof(".000000000Z") - 1;
	pn_text_char(&w->text, 'Z');
}

/* Milliseconds, as seconds with three digits behind the point. */
static void put_seconds(struct pn_words *w, uint64_t ms)
{
	pn_text_u64(&w->text, ms / 1000);
	pn_text_char(&w->text, '.');
	pn_text_padded(&w->text, (uint32_t)(ms % 1000), 3);
}

/* "4.2s ago", "3m12s ago", "2h5m ago" */
static void put_age(struct pn_words *w, pn_nsec age)
{
	uint64_t s = age / PN_NSEC_PER_SEC;

	if (s < 60) {
		pn_text_u64(&w->text, s);
		pn_text_char(&w->text, '.');
		pn_text_padded(&w->text, (uint32_t)(age / (100 * PN_NSEC_PER_MSEC) % 10), 1);
		pn_words_put(w, "s ago");
		return;
	}
	pn_text_u64(&w->text, s < 3600 ? s / 60 : s / 3600);
	pn_text_char(&w->text, s < 3600 ? 'm' : 'h');
	pn_text_u64(&w->text, s < 3600 ? s % 60 : s / 60 % 60);
	pn_words_put(w, s < 3600 ? "s ago" : "m ago");
}

void pn_words_time(struct pn_words *w, pn_nsec realtime)
{
	pn_words_color(w, DIM);
	switch (w->style->time) {
	case PN_TIME_RFC3339:
		put_rfc3339(w, realtime);
		break;
	case PN_TIME_RFC3339NANO:
		pn_text_rfc3339(&w->text, realtime);
		break;
	case PN_TIME_UNIX:
		put_seconds(w, realtime / PN_NSEC_PER_MSEC);
		break;
	case PN_TIME_RELATIVE:
		put_age(w, w->style->now > realtime ? w->style->now - realtime : 0);
		break;
	case PN_TIME_CLOCK:
	case PN_TIME_FORM_MAX:
		put_clock(w, realtime);
		break;
	}
	pn_words_uncolor(w);
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

static void put_owner(struct pn_words *w, const struct pn_owner *o)
{
	const char *within = o->kind == PN_OWNER_PROCESS ? o->node : o->name_space;

	pn_words_put(w, what_it_is(o));
	if (*within) {
		pn_words_name(w, within);
		pn_text_char(&w->text, '/');
	}
	pn_words_name(w, o->name);
}

static void put_addr(struct pn_words *w, const struct pn_addr *addr, uint16_t port)
{
	bool brackets = port && !pn_addr_is_v4(addr);

	if (brackets)
		pn_text_char(&w->text, '[');
	pn_text_addr(&w->text, addr);
	if (brackets)
		pn_text_char(&w->text, ']');
}

static void put_port(struct pn_words *w, uint16_t port)
{
	if (!port)
		return;
	pn_text_char(&w->text, ':');
	pn_text_u64(&w->text, port);
}

void pn_words_address(struct pn_words *w, const struct pn_addr *addr, uint16_t port)
{
	put_addr(w, addr, port);
	put_port(w, port);
}

static void put_stranger(struct pn_words *w, const struct pn_record_end *e)
{
	pn_words_color(w, DIM);
	pn_words_address(w, &e->addr, e->port);
	pn_words_uncolor(w);
}

void pn_words_end(struct pn_words *w, const struct pn_record_end *e, const char *color)
{
	if (!e->owner || w->style->numeric) {
		put_stranger(w, e);
		return;
	}
	pn_words_color(w, color);
	put_owner(w, e->owner);
	if (e->attribution == PN_ATTR_STALE)
		pn_text_char(&w->text, '?');
	if (e->attribution == PN_ATTR_CIDR) {
		pn_text_char(&w->text, '/');
		put_addr(w, &e->addr, e->port);
	}
	pn_words_uncolor(w);
	put_port(w, e->port);
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

void pn_words_transport(struct pn_words *w, uint8_t proto)
{
	const char *name = transport_name(proto);

	pn_words_put(w, name ? name : "protocol ");
	if (!name)
		pn_text_u64(&w->text, proto);
}

static void put_icmp(struct pn_words *w, const char *name, uint8_t type)
{
	pn_words_put(w, name ? " " : " type ");
	if (name)
		pn_words_put(w, name);
	else
		pn_text_u64(&w->text, type);
}

void pn_words_protocol(struct pn_words *w, const struct pn_flow_record *r)
{
	pn_words_transport(w, r->proto);
	if (r->is_collapsed)
		return;
	if (r->proto == IPPROTO_ICMP)
		put_icmp(w, icmp_name(r->icmp_type), r->icmp_type);
	else if (r->proto == IPPROTO_ICMPV6)
		put_icmp(w, icmpv6_name(r->icmp_type), r->icmp_type);
}

/* At most three significant digits, without zeros at the end: 999 B, 1.02 kB, 12 kB, 123 MB */
static void put_bytes(struct pn_words *w, uint64_t bytes)
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
	pn_text_u64(&w->text, n / scale);
	fraction = (unsigned int)(n % scale);
	n_digits = scale == 100 ? 2 : 1;
	if (fraction && fraction % 10 == 0) {
		fraction /= 10;
		n_digits--;
	}
	if (fraction) {
		pn_text_char(&w->text, '.');
		pn_text_padded(&w->text, fraction, n_digits);
	}
	pn_words_put(w, units[i]);
}

void pn_words_bytes(struct pn_words *w, const struct pn_flow_record *r)
{
	put_bytes(w, r->source.bytes);
	pn_text_char(&w->text, '/');
	put_bytes(w, r->destination.bytes);
}

void pn_words_packets(struct pn_words *w, const struct pn_flow_record *r)
{
	pn_text_u64(&w->text, r->source.packets);
	pn_text_char(&w->text, '/');
	pn_text_u64(&w->text, r->destination.packets);
}

const char *pn_words_state(const struct pn_flow_record *r)
{
	if (r->state == PN_FLOW_ACTIVE)
		return "";
	if (r->is_collapsed || r->proto != IPPROTO_TCP)
		return pn_flow_end_name(r->state);
	if (r->tcp_state == PN_TCP_REFUSED || r->tcp_state == PN_TCP_RESET)
		return pn_tcp_state_name(r->tcp_state);
	return r->tcp_state == PN_TCP_OPENING ? "unanswered" : pn_flow_end_name(r->state);
}
