/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer of `podonym policy check` for a person: a table of what would change, with the policies
 * that make it so, and what could not be judged.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"
#include "cmd/policy/policy_check.h"
#include "cmd/table.h"

enum { CELL_LEN = 512 };

static const char *proto_name(uint16_t proto)
{
	return proto == IPPROTO_TCP ? "TCP" : proto == IPPROTO_UDP ? "UDP" : "SCTP";
}

/* Names may hold anything, and this may be a terminal. */
static int put_cell(struct pn_table *t, char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return pn_table_cell(t, "%s", text);
}

/* @n: how many different ones there are */
static void name_end(const struct pn_observed_end *e, uint32_t n, char *buf, size_t size)
{
	char addr[PN_ADDR_STRLEN];

	if (e->workload)
		(void)snprintf(buf, size, "%s %s/%s", e->workload->kind, e->workload->name_space,
			       e->workload->name);
	else if (e->end.node)
		(void)snprintf(buf, size, "Node %s", pn_policy_member_object(e->end.node)->name);
	else if (n > 1)
		(void)snprintf(buf, size, "%s and %u more addresses",
			       pn_addr_format(&e->end.addr, addr), n - 1);
	else
		(void)snprintf(buf, size, "%s", pn_addr_format(&e->end.addr, addr));
}

struct deciders {
	char text[CELL_LEN];
	const char *direction;
};

static void put_decider(void *data, const struct pn_policy *p, int64_t rule)
{
	struct deciders *d = data;
	size_t len = strlen(d->text);

	(void)rule;
	(void)snprintf(d->text + len, sizeof(d->text) - len, "%s%s: %s %s", len ? ", " : "",
		       d->direction, pn_policy_kind_name(pn_policy_kind(p)), pn_policy_key(p));
}

/* Of the group's first flow; of an allowed one nothing decides but that nobody denies. */
static void name_deciders(const struct pn_policy_set *set, const struct pn_whatif_group *g,
			  struct deciders *d)
{
	static const char *const directions[] = { "egress", "ingress" };
	const struct pn_policy_flow flow = pn_observed_flow(g->flows[0]);
	struct pn_policy_verdict v;

	pn_policy_evaluate(set, flow.src, flow.dst, flow.proto, flow.port, &v);
	for (unsigned int i = 0; i < PN_POLICY_DIRECTION_MAX; i++) {
		if (v.side[i].allow != v.allow)
			continue;
		d->direction = directions[i];
		pn_policy_each(set, &flow, (enum pn_policy_direction)i, &v.side[i], put_decider, d);
	}
}

static int put_row(struct pn_table *t, const struct pn_policy_set *set,
		   const struct pn_whatif_group *g)
{
	static const char *const changes[] = {
		[PN_WHATIF_DENIED] = "newly denied",
		[PN_WHATIF_ALLOWED] = "newly allowed",
	};
	const struct pn_observed_flow *f = g->flows[0];
	char src[CELL_LEN], dst[CELL_LEN], last_seen[PN_OBSERVED_TIME_LEN];
	struct deciders by = { "", "" };
	int r = pn_table_cell(t, "%s", changes[g->change]);

	name_end(f->key.src, g->n_src, src, sizeof(src));
	name_end(f->key.dst, g->n_dst, dst, sizeof(dst));
	name_deciders(set, g, &by);
	/* to the second */
	(void)snprintf(last_seen, sizeof(last_seen), "%.19s%s", g->last_seen,
		       strlen(g->last_seen) > 19 ? "Z" : "");
	r = r < 0 ? r : put_cell(t, src);
	r = r < 0 ? r : put_cell(t, dst);
	r = r < 0 ? r : pn_table_cell(t, "%s/%u", proto_name(f->key.proto), f->key.port);
	r = r < 0 ? r
		  : pn_table_cell(t, "%llu",
				  (unsigned long long)(g->n_connections ? g->n_connections
									: g->n_attempts));
	r = r < 0 ? r : put_cell(t, last_seen);
	return r < 0 ? r : put_cell(t, by.text);
}

static int print_changes(const struct pn_policy_set *set, const struct pn_whatif *w, FILE *out)
{
	static const char *const headings[] = { "CHANGE",      "SOURCE",    "DESTINATION", "PORT",
						"CONNECTIONS", "LAST SEEN", "BY" };
	PN_CLEANUP(pn_table_freep)
	struct pn_table *t = pn_table_new(headings, PN_ARRAY_SIZE(headings));
	struct pn_whatif_group g;
	int r = t ? 0 : -ENOMEM;

	for (uint32_t at = 0; r == 0 && pn_whatif_next(w, at, &g); at += g.n_flows)
		r = put_row(t, set, &g);
	if (r == 0 && w->n_changed)
		pn_table_print(t, out);
	return r;
}

static void print_line(FILE *out, const char *text)
{
	for (; *text; text++)
		(void)fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
	(void)fputc('\n', out);
}

static void print_fates(const struct pn_recorded *recorded, FILE *out)
{
	bool is_first = true;

	for (unsigned int i = PN_RECORD_UNREADABLE; i < PN_RECORD_FATE_MAX; i++) {
		char line[PN_RECORD_EXAMPLE_LEN + 256];

		if (!recorded->fates[i].n)
			continue;
		if (is_first)
			(void)fputs("could not be judged:\n", out);
		is_first = false;
		(void)snprintf(line, sizeof(line), "  records %s: %llu (first: %s)",
			       pn_record_fate_words((enum pn_record_fate)i),
			       (unsigned long long)recorded->fates[i].n,
			       recorded->fates[i].example);
		print_line(out, line);
	}
}

bool pn_check_is_broken(const struct pn_whatif *w)
{
	struct pn_whatif_group g;

	return pn_whatif_next(w, 0, &g) && g.change == PN_WHATIF_DENIED;
}

static void print_sum(const struct pn_recorded *recorded, const struct pn_whatif *w, FILE *out)
{
	unsigned long long n[PN_WHATIF_CHANGE_MAX] = { 0 };
	struct pn_whatif_group g;

	for (uint32_t at = 0; pn_whatif_next(w, at, &g); at += g.n_flows)
		n[g.change] += g.n_flows;
	(void)fprintf(out,
		      "flows newly denied: %llu, newly allowed: %llu; still allowed: %llu, still "
		      "denied: %llu\n",
		      n[PN_WHATIF_DENIED], n[PN_WHATIF_ALLOWED], (unsigned long long)w->n_allowed,
		      (unsigned long long)w->n_denied);
	if (w->n_left_out)
		(void)fprintf(out,
			      "flows left out that were only tried (no answer, or refused): %llu; "
			      "see --attempts\n",
			      (unsigned long long)w->n_left_out);
	if (recorded->fates[PN_RECORD_OWN_NODE].n)
		(void)fprintf(out, "records %s: %llu\n", pn_record_fate_words(PN_RECORD_OWN_NODE),
			      (unsigned long long)recorded->fates[PN_RECORD_OWN_NODE].n);
}

int pn_check_print_text(const struct pn_policy_set *set, const struct pn_recorded *recorded,
			const struct pn_whatif *w, FILE *out)
{
	int r = print_changes(set, w, out);

	if (r < 0)
		return r;
	print_sum(recorded, w, out);
	print_fates(recorded, out);
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
