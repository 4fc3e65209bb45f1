/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer of `podonym policy check -o json`: the same facts as in the text, with an example of a
 * flow for each change.
 */
#include <errno.h>
#include <netinet/in.h>

#include "base/addr.h"
#include "cmd/get/json_print.h"
#include "cmd/policy/policy_check.h"

/* What is not UTF-8 is shown empty. */
static json_t *text(const char *s)
{
	json_t *t = json_string(s);

	return t ? t : json_string("");
}

static void set_new(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static json_t *addr_text(const struct pn_policy_end *e)
{
	char addr[PN_ADDR_STRLEN];

	return text(e->has_addr ? pn_addr_format(&e->addr, addr) : "");
}

/* Who it is for people; @n of them. */
static json_t *end_of(const struct pn_observed_end *e, uint32_t n)
{
	if (e->workload)
		return json_pack("{s:o, s:o, s:o, s:i}", "kind", text(e->workload->kind),
				 "namespace", text(e->workload->name_space), "name",
				 text(e->workload->name), "pods", n);
	if (e->end.node)
		return json_pack("{s:s, s:o}", "kind", "Node", "name",
				 text(pn_policy_member_object(e->end.node)->name));
	return json_pack("{s:s, s:i}", "kind", "Address", "addresses", n);
}

static json_t *example_end(const struct pn_policy_end *e)
{
	json_t *end = json_pack("{s:o}", "ip", addr_text(e));
	char key[PN_KEY_LEN];

	if (e->pod)
		set_new(end, "pod", text(pn_object_key(pn_policy_member_object(e->pod), key)));
	return end;
}

struct why {
	json_t *list;
	enum pn_policy_direction direction;
};

static void put_why(void *data, const struct pn_policy *p, int64_t rule)
{
	static const char *const directions[] = { "egress", "ingress" };
	const struct why *w = data;
	json_t *one =
		json_pack("{s:s, s:s, s:o}", "direction", directions[w->direction], "kind",
			  pn_policy_kind_name(pn_policy_kind(p)), "policy", text(pn_policy_key(p)));

	if (rule >= 0)
		set_new(one, "rule", json_integer(rule));
	set_new(one, "effect",
		json_string(rule < 0 ? "isolates"
				     : pn_policy_rule_action(p, w->direction, (uint32_t)rule)));
	(void)json_array_append_new(w->list, one);
}

static json_t *why_of(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
		      const struct pn_policy_verdict *v)
{
	struct why w = { .list = json_array() };

	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++) {
		if (v->side[d].allow != v->allow)
			continue;
		w.direction = (enum pn_policy_direction)d;
		pn_policy_each(set, flow, w.direction, &v->side[d], put_why, &w);
	}
	return w.list;
}

static json_t *readings_of(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			   const struct pn_policy_verdict *v)
{
	uint32_t depends = pn_policy_depends(set, flow, v);
	json_t *list = json_array();

	for (unsigned int r = 0; r < PN_READING_MAX; r++)
		if (depends >> r & 1)
			(void)json_array_append_new(list, json_string(pn_policy_reading_name(
								  (enum pn_policy_reading)r)));
	return list;
}

static json_t *change_of(const struct pn_policy_set *set, const struct pn_whatif_group *g)
{
	static const char *const changes[] = {
		[PN_WHATIF_DENIED] = "newly-denied",
		[PN_WHATIF_ALLOWED] = "newly-allowed",
	};
	const struct pn_observed_flow *f = g->flows[0];
	const struct pn_policy_flow flow = pn_observed_flow(f);
	struct pn_policy_verdict v;
	json_t *change;

	pn_policy_evaluate(set, flow.src, flow.dst, flow.proto, flow.port, &v);
	change = json_pack("{s:s, s:o, s:o, s:s, s:i}", "change", changes[g->change], "source",
			   end_of(f->key.src, g->n_src), "destination",
			   end_of(f->key.dst, g->n_dst), "protocol",
			   flow.proto == IPPROTO_TCP   ? "TCP"
			   : flow.proto == IPPROTO_UDP ? "UDP"
						       : "SCTP",
			   "port", flow.port);
	set_new(change, "connections", json_integer((json_int_t)g->n_connections));
	set_new(change, "attempts", json_integer((json_int_t)g->n_attempts));
	set_new(change, "flows", json_integer(g->n_flows));
	set_new(change, "last_seen", text(g->last_seen));
	set_new(change, "example",
		json_pack("{s:o, s:o}", "src", example_end(flow.src), "dst",
			  example_end(flow.dst)));
	set_new(change, "why", why_of(set, &flow, &v));
	set_new(change, "depends_on_plugin", readings_of(set, &flow, &v));
	return change;
}

static json_t *fates_of(const struct pn_recorded *recorded)
{
	json_t *list = json_array();

	for (unsigned int i = PN_RECORD_UNREADABLE; i < PN_RECORD_FATE_MAX; i++) {
		if (!recorded->fates[i].n)
			continue;
		(void)json_array_append_new(list,
					    json_pack("{s:s, s:I, s:o}", "reason",
						      pn_record_fate_name((enum pn_record_fate)i),
						      "records", (json_int_t)recorded->fates[i].n,
						      "first", text(recorded->fates[i].example)));
	}
	return list;
}

int pn_check_print_json(const struct pn_policy_set *set, const struct pn_recorded *recorded,
			const struct pn_whatif *w, FILE *out)
{
	json_t *changes = json_array(), *all;
	struct pn_whatif_group g;
	int r;

	for (uint32_t at = 0; pn_whatif_next(w, at, &g); at += g.n_flows)
		(void)json_array_append_new(changes, change_of(set, &g));
	all = json_pack("{s:b, s:o, s:{s:I, s:I}, s:I, s:o, s:I, s:I}", "broken",
			pn_check_is_broken(w), "changes", changes, "unchanged", "allowed",
			(json_int_t)w->n_allowed, "denied", (json_int_t)w->n_denied,
			"attempts_left_out", (json_int_t)w->n_left_out, "not_judged",
			fates_of(recorded), "own_node",
			(json_int_t)recorded->fates[PN_RECORD_OWN_NODE].n, "records",
			(json_int_t)recorded->n_lines);
	if (!all)
		return -ENOMEM;
	r = pn_json_print(out, all, 0);
	json_decref(all);
	if (r < 0)
		return r;
	return fputc('\n', out) == EOF || fflush(out) != 0 ? -EIO : 0;
}
