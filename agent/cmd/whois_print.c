/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym whois: answers for a person, as a table, and for programs, as JSON. Called by cmd_whois.c.
 */
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cidr.h"
#include "base/clock.h"
#include "cmd/maps_words.h"
#include "cmd/table.h"
#include "cmd/whois.h"

struct pn_whois_report {
	struct pn_table *table; /* one of the two */
	json_t *list;
};

static const char *by_name(enum pn_whois_by by)
{
	static const char *const names[] = { "none",	"cgroup", "ip",	 "port",
					     "service", "node",	  "cidr" };
	_Static_assert(PN_ARRAY_SIZE(names) == PN_WHOIS_MAX, "a name for each way");

	return names[by];
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "sctp";
}

static void format_time(uint64_t monotonic_ns, char *buf, size_t size)
{
	pn_nsec wall = pn_clock_to_realtime(&pn_clock_system, monotonic_ns);
	time_t s = (time_t)(wall / PN_NSEC_PER_SEC);
	struct tm tm;

	buf[0] = '\0';
	if (monotonic_ns && gmtime_r(&s, &tm))
		(void)strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* For how long both the owner and the one before are possible; 0: it is known when it changed. */
static uint64_t overlap_ns(const struct pn_whois_answer *a)
{
	bool both = a->ip.owner && a->has_previous && a->ip.since_ns < a->ip.prev_until_ns;

	return both ? a->ip.prev_until_ns - a->ip.since_ns : 0;
}

/* The answer is who has the address, and not only one of its ports. */
static bool is_of_addr(const struct pn_whois_answer *a)
{
	return a->has_owner && a->owner_id == a->ip.owner;
}

/* --- for a person ------------------------------------------------------------------------------- */

static void full_name(const struct pn_owner_value *o, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s%s", o->name_space, *o->name_space ? "/" : "", o->name);
}

static void format_question(const struct pn_whois_question *q, char *buf, size_t size)
{
	char addr[PN_ADDR_STRLEN];
	bool is_v4 = pn_addr_is_v4(&q->addr);

	(void)pn_addr_format(&q->addr, addr);
	if (q->cgroup)
		(void)snprintf(buf, size, "cgroup %llu", (unsigned long long)q->cgroup);
	else if (q->port)
		(void)snprintf(buf, size, "%s%s%s:%u/%s", is_v4 ? "" : "[", addr, is_v4 ? "" : "]",
			       q->port, proto_name(q->proto));
	else
		(void)snprintf(buf, size, "%s", addr);
}

static int put_note(struct pn_buf *out, bool applies, const char *text)
{
	return applies ? pn_buf_printf(out, "%s%s", out->len ? ", " : "", text) : 0;
}

/* What else there is to say, in words. Return: 0 or -ENOMEM */
static int put_notes(struct pn_buf *out, const struct pn_whois_answer *a)
{
	uint64_t both = overlap_ns(a);
	char net[PN_CIDR_STRLEN], text[128];
	int r;

	(void)snprintf(text, sizeof(text), "nobody's, but in %s", pn_cidr_format(&a->network, net));
	r = put_note(out, a->has_owner && a->by == PN_WHOIS_CIDR, text);
	r = r ? r : put_note(out, a->by == PN_WHOIS_PORT, "by its port on the node");
	r = r ? r
	      : put_note(out, a->by == PN_WHOIS_SERVICE && a->ip.flags & PN_IP_HOST, "node port");
	r = r ? r : put_note(out, a->owner.flags & PN_OWNER_HOST_NETWORK, "host network");
	r = r ? r : put_note(out, a->owner.flags & PN_OWNER_NO_ENDPOINTS, "no endpoints");
	r = r ? r : put_note(out, is_of_addr(a) && a->ip.flags & PN_IP_TERMINATING, "terminating");
	(void)snprintf(text, sizeof(text), "both possible for the first %.3f s",
		       (double)both / 1e9);
	return r ? r : put_note(out, both != 0, text);
}

/* What has the address. A network has not, it only tells where the address lies. */
static const char *what(const struct pn_whois_answer *a)
{
	if (!a->has_owner)
		return "unknown";
	return a->by == PN_WHOIS_CIDR ? "network" : pn_owner_kind_name(a->owner.kind);
}

static int add_row(struct pn_table *t, const struct pn_whois_answer *a, const char *notes)
{
	char name[PN_NAMESPACE_LEN + PN_NAME_LEN] = "", before[sizeof(name)] = "", since[32] = "";
	char workload[PN_KIND_LEN + PN_NAME_LEN] = "", asked[PN_ADDR_STRLEN + 32];
	int r;

	format_question(&a->question, asked, sizeof(asked));
	if (a->has_owner) {
		full_name(&a->owner, name, sizeof(name));
		(void)snprintf(workload, sizeof(workload), "%s%s%s", a->owner.workload_kind,
			       *a->owner.workload_kind ? "/" : "", a->owner.workload_name);
	}
	if (is_of_addr(a))
		format_time(a->ip.since_ns, since, sizeof(since));
	if (a->has_previous)
		full_name(&a->previous, before, sizeof(before));
	r = pn_table_cell(t, "%s", asked);
	r = r ? r : pn_table_cell(t, "%s", what(a));
	r = r ? r : pn_table_cell(t, "%s", name);
	r = r ? r : pn_table_cell(t, "%s", workload);
	r = r ? r : pn_table_cell(t, "%s", a->owner.node);
	r = r ? r : pn_table_cell(t, "%s", since);
	r = r ? r : pn_table_cell(t, "%s", before);
	return r ? r : pn_table_cell(t, "%s", notes);
}

static int add_to_table(struct pn_table *t, const struct pn_whois_answer *a)
{
	struct pn_buf notes = PN_BUF_INIT(4096);
	int r = put_notes(&notes, a);

	r = r ? r : add_row(t, a, notes.len ? notes.data : "");
	pn_buf_done(&notes);
	return r;
}

/* --- for programs ------------------------------------------------------------------------------- */

/* Names come from a map that others may have written: what is not UTF-8 is shown empty. */
static json_t *text_json(const char *text)
{
	json_t *s = json_string(text);

	return s ? s : json_string("");
}

static json_t *owner_json(const struct pn_owner_value *o)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "kind",
			 pn_owner_kind_name(o->kind), "namespace", text_json(o->name_space), "name",
			 text_json(o->name), "uid", text_json(o->uid), "workload_kind",
			 text_json(o->workload_kind), "workload_name", text_json(o->workload_name),
			 "node", text_json(o->node), "local", !!(o->flags & PN_OWNER_LOCAL),
			 "host_network", !!(o->flags & PN_OWNER_HOST_NETWORK), "no_endpoints",
			 !!(o->flags & PN_OWNER_NO_ENDPOINTS));
}

static json_t *question_json(const struct pn_whois_question *q)
{
	char addr[PN_ADDR_STRLEN];

	(void)pn_addr_format(&q->addr, addr);
	if (q->cgroup)
		return json_pack("{s:I}", "cgroup", (json_int_t)q->cgroup);
	if (q->port)
		return json_pack("{s:s, s:i, s:s}", "address", addr, "port", q->port, "protocol",
				 proto_name(q->proto));
	return json_pack("{s:s}", "address", addr);
}

/* Whose the network is stands there and not as the owner of the address, which has none. */
static json_t *network_json(const struct pn_whois_answer *a)
{
	char net[PN_CIDR_STRLEN];

	return json_pack("{s:s, s:s, s:o}", "cidr", pn_cidr_format(&a->network, net), "kind",
			 pn_owner_kind_name(a->owner.kind), "name", text_json(a->owner.name));
}

static void set_time(json_t *doc, const char *key, uint64_t monotonic_ns)
{
	char text[32];

	format_time(monotonic_ns, text, sizeof(text));
	(void)json_object_set_new(doc, key, json_string(text));
}

static json_t *answer_json(const struct pn_whois_answer *a)
{
	json_t *doc = question_json(&a->question);

	(void)json_object_set_new(doc, "attribution",
				  json_string(by_name(a->has_owner ? a->by : PN_WHOIS_NONE)));
	if (a->has_owner && a->by == PN_WHOIS_CIDR)
		(void)json_object_set_new(doc, "network", network_json(a));
	else if (a->has_owner)
		(void)json_object_set_new(doc, "owner", owner_json(&a->owner));
	if (is_of_addr(a)) {
		set_time(doc, "since", a->ip.since_ns);
		(void)json_object_set_new(doc, "generation", json_integer(a->ip.generation));
		(void)json_object_set_new(doc, "local", json_boolean(a->ip.flags & PN_IP_LOCAL));
		(void)json_object_set_new(doc, "terminating",
					  json_boolean(a->ip.flags & PN_IP_TERMINATING));
	}
	if (a->has_previous) {
		(void)json_object_set_new(doc, "previous_owner", owner_json(&a->previous));
		set_time(doc, "previous_until", a->ip.prev_until_ns);
		(void)json_object_set_new(doc, "both_possible_ms",
					  json_integer((json_int_t)(overlap_ns(a) / 1000000)));
	}
	return doc;
}

/* --- reports ------------------------------------------------------------------------------------ */

int pn_whois_report_new(bool as_json, struct pn_whois_report **ret)
{
	static const char *const headings[] = { "ADDRESS", "KIND",  "NAME",   "WORKLOAD",
						"NODE",	   "SINCE", "BEFORE", "NOTES" };
	struct pn_whois_report *r = calloc(1, sizeof(*r));

	if (r && as_json)
		r->list = json_array();
	else if (r)
		r->table = pn_table_new(headings, PN_ARRAY_SIZE(headings));
	if (!r || (!r->list && !r->table)) {
		free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void pn_whois_report_free(struct pn_whois_report *r)
{
	if (!r)
		return;
	if (r->table)
		pn_table_free(r->table);
	json_decref(r->list);
	free(r);
}

int pn_whois_report_add(struct pn_whois_report *r, const struct pn_whois_answer *a)
{
	if (r->table)
		return add_to_table(r->table, a);
	return json_array_append_new(r->list, answer_json(a)) < 0 ? -ENOMEM : 0;
}

int pn_whois_report_print(const struct pn_whois_report *r, FILE *out)
{
	int err = 0;

	if (r->table)
		pn_table_print(r->table, out);
	else
		err = json_dumpf(r->list, out, JSON_INDENT(2)) < 0 || fputc('\n', out) < 0;
	return err || fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
