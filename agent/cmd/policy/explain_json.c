/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer of `podonym policy explain -o json` to one flow. The same facts as in the text; rules are
 * counted from 0 here, as lists are.
 */
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>

#include "base/addr.h"
#include "cmd/policy/policy_explain.h"
#include "policy/explain.h"

static const char *const direction_names[] = { "egress", "ingress" };

static const char *word_of(bool allow)
{
	return allow ? "allow" : "deny";
}

/* What is not UTF-8 is shown empty. */
static json_t *text(const char *s)
{
	json_t *t = json_string(s);

	return t ? t : json_string("");
}

static void set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

/* --- missed rules --- */

static json_t *values_of(const struct pn_condition *c)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < c->n_values; i++)
		(void)json_array_append_new(list, text(c->values[i]));
	return list;
}

/* A value where just one will do, else as in a matchExpression. */
static json_t *wanted_label(const struct pn_condition *c)
{
	static const char *const ops[] = {
		[PN_SELECTOR_IN] = "In",
		[PN_SELECTOR_NOT_IN] = "NotIn",
		[PN_SELECTOR_EXISTS] = "Exists",
		[PN_SELECTOR_DOES_NOT_EXIST] = "DoesNotExist",
	};

	if (c->op == PN_SELECTOR_IN && c->n_values == 1)
		return text(c->values[0]);
	return json_pack("{s:s, s:o}", "operator", ops[c->op], "values", values_of(c));
}

/* Into the object under @key, which may be there already. */
static void set_in(json_t *parent, const char *key, const char *label, json_t *value)
{
	json_t *object = json_object_get(parent, key);

	if (!object) {
		object = json_object();
		set(parent, key, object);
	}
	set(object, label, value);
}

static const struct {
	const char *wanted, *has;
} condition_keys[] = {
	[PN_CONDITION_PORT] = { "wanted_port", "has_port" },
	[PN_CONDITION_END] = { "wanted_end", "has_end" },
	[PN_CONDITION_NAMESPACE] = { "wanted_namespace", "has_namespace" },
	[PN_CONDITION_NAMESPACE_LABEL] = { "wanted_namespace_labels", "has_namespace_labels" },
	[PN_CONDITION_POD_LABEL] = { "wanted", "has" },
	[PN_CONDITION_NODE_LABEL] = { "wanted_node_labels", "has_node_labels" },
	[PN_CONDITION_ADDRESS] = { "wanted_address", "has_address" },
};
_Static_assert(PN_ARRAY_SIZE(condition_keys) == PN_CONDITION_MAX, "keys for each condition");

static void set_condition(json_t *missed, const struct pn_condition *c)
{
	const char *wanted = condition_keys[c->kind].wanted, *has = condition_keys[c->kind].has;

	if (*c->key) {
		set_in(missed, wanted, c->key, wanted_label(c));
		set_in(missed, has, c->key, c->has ? text(c->has) : json_null());
	} else {
		set(missed, wanted, text(c->wanted));
		set(missed, has, text(c->has));
	}
}

static json_t *missed_json(const struct pn_policy *p, enum pn_policy_direction d,
			   const struct pn_missed_rule *m)
{
	json_t *missed = json_pack("{s:I, s:b, s:b}", "rule", (json_int_t)m->rule, "port", m->port,
				   "peer", m->peer);
	const char *name = pn_policy_rule_name(p, d, m->rule);

	if (*name)
		set(missed, "rule_name", text(name));
	for (uint32_t i = 0; i < m->n_conditions; i++)
		if (!m->conditions[i].holds)
			set_condition(missed, &m->conditions[i]);
	return missed;
}

/* --- why --- */

static json_t *policy_json(const struct pn_deciding_policy *p, enum pn_policy_direction d)
{
	json_t *why =
		json_pack("{s:s, s:s}", "kind", pn_policy_kind_name(pn_policy_kind(p->policy)),
			  "policy", pn_policy_key(p->policy));
	json_t *missed;

	if (p->rule >= 0) {
		const char *name = pn_policy_rule_name(p->policy, d, (uint32_t)p->rule);

		set(why, "rule", json_integer(p->rule));
		if (*name)
			set(why, "rule_name", text(name));
		set(why, "effect",
		    json_string(pn_policy_rule_action(p->policy, d, (uint32_t)p->rule)));
		return why;
	}
	missed = json_array();
	for (uint32_t i = 0; i < p->n_missed; i++)
		(void)json_array_append_new(missed, missed_json(p->policy, d, &p->missed[i]));
	set(why, "effect", json_string("isolates"));
	set(why, "missed", missed);
	return why;
}

static void set_side(json_t *doc, const struct pn_explained_side *side, enum pn_policy_direction d)
{
	static const char *const why_keys[] = { "egress_why", "ingress_why" };
	static const char *const reason_keys[] = { "egress_reason", "ingress_reason" };
	json_t *why = json_array();

	for (uint32_t i = 0; i < side->n_policies; i++)
		(void)json_array_append_new(why, policy_json(&side->policies[i], d));
	set(doc, direction_names[d], json_string(word_of(side->verdict.allow)));
	set(doc, reason_keys[d], json_string(pn_policy_reason_name(side->verdict.reason)));
	set(doc, why_keys[d], why);
}

/* --- ends, plugins, fixes --- */

static json_t *end_json(const struct pn_policy_end *end)
{
	json_t *doc = json_object();
	char key[PN_KEY_LEN], addr[PN_ADDR_STRLEN];
	const struct pn_pod *pod;

	if (end->has_addr)
		set(doc, "ip", json_string(pn_addr_format(&end->addr, addr)));
	if (end->pod) {
		pod = pn_object_pod(pn_policy_member_object(end->pod));
		set(doc, "pod", json_string(pn_object_key(&pod->meta, key)));
		set(doc, "node", json_string(pod->node_name));
		set(doc, "host_network", json_boolean(pod->host_network));
	} else if (end->node) {
		set(doc, "node",
		    json_string(pn_object_key(pn_policy_member_object(end->node), key)));
	} else if (end->service) {
		set(doc, "service",
		    json_string(pn_object_key(pn_policy_member_object(end->service), key)));
	}
	return doc;
}

static json_t *depends_json(uint32_t depends)
{
	json_t *list = json_array();

	for (unsigned int r = 0; r < PN_READING_MAX; r++)
		if (depends >> r & 1)
			(void)json_array_append_new(list, json_string(pn_policy_reading_name(
								  (enum pn_policy_reading)r)));
	return list;
}

static json_t *fix_json(const struct pn_policy_fix *fix)
{
	static const char *const changes[] = {
		[PN_FIX_ADD_PEER] = "add-peer",
		[PN_FIX_ADD_PORT] = "add-port",
		[PN_FIX_ADD_RULE] = "add-rule",
		[PN_FIX_NEW_POLICY] = "new-policy",
	};
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s}", "kind", pn_policy_kind_name(fix->kind),
				"policy", fix->key, "direction", direction_names[fix->direction],
				"change", changes[fix->change]);

	if (fix->policy)
		set(doc, "rule", json_integer(fix->rule));
	set(doc, fix->policy ? "patch" : "object", json_incref(fix->document));
	return doc;
}

json_t *pn_policy_fixes_json(const struct pn_policy_set *policies,
			     const struct pn_policy_flow *flow, const struct pn_explanation *e)
{
	json_t *list = json_array();

	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++) {
		struct pn_policy_fix fix;

		if (pn_policy_fix(policies, flow, e, (enum pn_policy_direction)d, &fix) != 1)
			continue;
		(void)json_array_append_new(list, fix_json(&fix));
		pn_policy_fix_done(&fix);
	}
	return list;
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
}

/* `agrees` is null where what was seen proves neither. */
static void set_seen(json_t *doc, const struct pn_seen *seen, bool allow)
{
	enum pn_agreement agreement;
	const char *words;

	if (!seen)
		return;
	agreement = pn_seen_agreement(seen, allow, &words);
	set(doc, "seen", pn_seen_json(seen));
	set(doc, "agrees",
	    agreement == PN_UNDECIDED ? json_null() : json_boolean(agreement == PN_AGREES));
	set(doc, "agreement", json_string(words));
}

int pn_policy_print_json(const struct pn_policy_set *policies, const struct pn_policy_flow *flow,
			 const struct pn_seen *seen, FILE *out)
{
	struct pn_explanation *e;
	json_t *doc;
	int r = pn_policy_explain(policies, flow, &e);

	if (r < 0)
		return r;
	doc = json_pack("{s:s}", "verdict", word_of(pn_explanation_allows(e)));
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++)
		set_side(doc, pn_explanation_side(e, (enum pn_policy_direction)d),
			 (enum pn_policy_direction)d);
	set(doc, "src", end_json(flow->src));
	set(doc, "dst", end_json(flow->dst));
	set(doc, "protocol", json_string(proto_name(flow->proto)));
	set(doc, "port", json_integer(flow->port));
	set(doc, "depends_on_plugin", depends_json(pn_explanation_depends(e)));
	set(doc, "fix", pn_policy_fixes_json(policies, flow, e));
	set_seen(doc, seen, pn_explanation_allows(e));
	r = json_dumpf(doc, out, JSON_INDENT(2)) < 0 || fputc('\n', out) < 0 || fflush(out) != 0;
	json_decref(doc);
	pn_explanation_free(e);
	return r ? -EIO : 0;
}
