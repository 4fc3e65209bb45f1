/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest change that allows a flow. NetworkPolicies only add: the rule that came nearest gets
 * one more peer or one more port, as a JSON patch; where no rule has either, a policy for this pod
 * alone stands beside the others, since a rule in one of them would hold for all that it selects. In
 * a tier the first match decides, so a rule goes in front of the one that denies; it passes on where
 * that is enough.
 *
 * A hint for a person: whether the flow should be allowed is not known here.
 */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/addr.h"
#include "policy/explain.h"
#include "policy/private.h"
#include "policy/workloads.h"

/* One side of a flow that is to be allowed. */
struct work {
	const struct pn_policy_set *set;
	const struct pn_policy_flow *flow;
	enum pn_policy_direction direction;
	const struct pn_policy_end *peer;
	const struct pn_explained_side *side;
	struct pn_policy_fix *fix;
};

static const char *rules_field(const struct work *w)
{
	return w->direction == PN_POLICY_EGRESS ? "egress" : "ingress";
}

static const char *peers_field(const struct work *w)
{
	return w->direction == PN_POLICY_EGRESS ? "to" : "from";
}

/* --- which labels mean a pod --- */

static bool is_identity(const char *key)
{
	static const char *const keys[] = { "app.kubernetes.io/name", "app", "k8s-app" };

	for (size_t i = 0; i < PN_ARRAY_SIZE(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static bool is_any(const char *key)
{
	(void)key;
	return true;
}

static bool is_lasting(const char *key)
{
	return !pn_label_is_passing(key);
}

static json_t *pick(const struct pn_label_set *set, bool (*is_wanted)(const char *key))
{
	json_t *labels = json_object();

	for (uint32_t i = 0; i < set->n_labels; i++)
		if (is_wanted(set->labels[i].key))
			(void)json_object_set_new(labels, set->labels[i].key,
						  json_string(set->labels[i].value));
	return labels;
}

/* The labels that the nearest rule looked at, as far as the pod has them. */
static json_t *pick_asked_for(const struct work *w)
{
	const struct pn_missed_rule *m = w->side->nearest;
	json_t *labels = json_object();

	for (uint32_t i = 0; m && i < m->n_conditions; i++) {
		const struct pn_condition *c = &m->conditions[i];

		if (c->kind == PN_CONDITION_POD_LABEL && c->has)
			(void)json_object_set_new(labels, c->key, json_string(c->has));
	}
	return labels;
}

/* The first way to choose that finds any; a pod without labels has none. */
static json_t *pick_first(const struct pn_policy_member *pod, json_t *labels)
{
	static bool (*const ways[])(const char *key) = { is_identity, is_lasting, is_any };

	for (size_t i = 0; i < PN_ARRAY_SIZE(ways) && json_object_size(labels) == 0; i++) {
		json_decref(labels);
		labels = pick(pod->labels, ways[i]);
	}
	return labels;
}

static json_t *labels_of_peer(const struct work *w)
{
	return pick_first(w->peer->pod, pick_asked_for(w));
}

/* --- peers and ports as they are written --- */

static json_t *match_labels(json_t *labels)
{
	if (json_object_size(labels))
		return json_pack("{s:o}", "matchLabels", labels);
	json_decref(labels);
	return json_object();
}

static json_t *namespace_selector(const struct pn_policy_namespace *ns)
{
	static const char key[] = "kubernetes.io/metadata.name";

	return json_pack("{s:{s:s}}", "matchLabels", key, pn_label_set_value(ns->labels, key));
}

static json_t *network(const struct pn_policy_end *end)
{
	char addr[PN_ADDR_STRLEN];

	return json_sprintf("%s/%d", pn_addr_format(&end->addr, addr),
			    pn_addr_is_v4(&end->addr) ? 32 : 128);
}

static json_t *np_peer(const struct work *w)
{
	json_t *peer;

	if (!w->peer->pod || !w->peer->pod->is_subject)
		return json_pack("{s:{s:o}}", "ipBlock", "cidr", network(w->peer));
	peer = json_pack("{s:o}", "podSelector", match_labels(labels_of_peer(w)));
	if (w->fix->policy->ns != w->peer->pod->ns)
		(void)json_object_set_new(peer, "namespaceSelector",
					  namespace_selector(w->peer->pod->ns));
	return peer;
}

static json_t *tier_peer(const struct work *w)
{
	if (!w->peer->pod || !w->peer->pod->is_subject)
		return json_pack("{s:[o]}", "networks", network(w->peer));
	return json_pack("{s:{s:o, s:o}}", "pods", "namespaceSelector",
			 namespace_selector(w->peer->pod->ns), "podSelector",
			 match_labels(labels_of_peer(w)));
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
}

static const char *lower_proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : proto == IPPROTO_SCTP ? "sctp" : "tcp";
}

static json_t *port_of(const struct work *w)
{
	const char *proto = proto_name(w->flow->proto);

	switch (w->fix->policy->kind) {
	case PN_POLICY_NETWORK:
		return json_pack("{s:s, s:i}", "protocol", proto, "port", w->flow->port);
	case PN_POLICY_CLUSTER_NETWORK:
		return json_pack("{s:{s:{s:i}}}", lower_proto_name(w->flow->proto),
				 "destinationPort", "number", w->flow->port);
	default:
		return json_pack("{s:{s:s, s:i}}", "portNumber", "protocol", proto, "port",
				 w->flow->port);
	}
}

/* --- patches --- */

/* Takes @value. Return: 1 or -ENOMEM */
static int add_at(struct work *w, json_t *path, json_t *value, const json_t *entry)
{
	w->fix->entry = entry;
	w->fix->kind = w->fix->policy->kind;
	(void)snprintf(w->fix->key, sizeof(w->fix->key), "%s", pn_policy_key(w->fix->policy));
	w->fix->document =
		json_pack("[{s:s, s:o, s:o}]", "op", "add", "path", path, "value", value);
	return w->fix->document ? 1 : -ENOMEM;
}

static int change_rule(struct work *w, const char *list, json_t *entry)
{
	return add_at(w, json_sprintf("/spec/%s/%u/%s/-", rules_field(w), w->fix->rule, list),
		      entry, entry);
}

static json_t *np_rule(const struct work *w)
{
	return json_pack("{s:[o], s:[o]}", peers_field(w), np_peer(w), "ports", port_of(w));
}

/* A list that is empty may as well be missing, where nothing can be put behind its last entry. */
static int add_np_rule(struct work *w)
{
	json_t *rule = np_rule(w);

	w->fix->change = PN_FIX_ADD_RULE;
	w->fix->rule = w->fix->policy->rules[w->direction].n;
	if (w->fix->rule)
		return add_at(w, json_sprintf("/spec/%s/-", rules_field(w)), rule, rule);
	return add_at(w, json_sprintf("/spec/%s", rules_field(w)), json_pack("[o]", rule), rule);
}

/* --- a policy of its own --- */

/* Lower case letters, digits and hyphens, as a name may hold. */
static void append_name(char *name, size_t size, const char *text)
{
	size_t n = strlen(name);

	for (; *text && n + 1 < size; text++)
		name[n++] =
			isalnum((unsigned char)*text) ? (char)tolower((unsigned char)*text) : '-';
	name[n] = '\0';
}

/* What people call it: by its workload rather than by the pod's name. */
static void append_end(char *name, size_t size, const struct pn_policy_end *end)
{
	char addr[PN_ADDR_STRLEN];
	json_t *labels, *first;

	if (!end->pod) {
		append_name(name, size, pn_addr_format(&end->addr, addr));
		return;
	}
	labels = pick(end->pod->labels, is_identity);
	first = json_object_iter_value(json_object_iter(labels));
	append_name(name, size,
		    first && *json_string_value(first) ? json_string_value(first)
						       : pn_policy_member_object(end->pod)->name);
	json_decref(labels);
}

static void name_policy(struct work *w, const struct pn_policy_end *subject)
{
	enum { HALF = 80, WHOLE = 160 };
	struct pn_policy_fix *fix = w->fix;
	char name[WHOLE] = "allow-";

	append_end(name, HALF, subject);
	append_name(name, sizeof(name), w->direction == PN_POLICY_EGRESS ? "-to-" : "-from-");
	append_end(name, sizeof(name), w->peer);
	append_name(name, sizeof(name), "-");
	append_name(name, sizeof(name), lower_proto_name(w->flow->proto));
	(void)snprintf(fix->key, sizeof(fix->key), "%s/%s-%u", subject->pod->ns->name, name,
		       w->flow->port);
	for (unsigned int n = 2; pn_policy_has(w->set, PN_POLICY_NETWORK, fix->key); n++)
		(void)snprintf(fix->key, sizeof(fix->key), "%s/%s-%u-%u", subject->pod->ns->name,
			       name, w->flow->port, n);
}

/* It selects no pod that is not isolated already: by all labels that last, and there are some. */
static int new_policy(struct work *w, json_t *labels)
{
	const struct pn_policy_end *subject = pn_subject_of(w->flow, w->direction);
	struct pn_policy_fix *fix = w->fix;
	json_t *rule = np_rule(w);

	name_policy(w, subject);
	fix->policy = NULL;
	fix->change = PN_FIX_NEW_POLICY;
	fix->entry = rule;
	fix->document = json_pack(
		"{s:s, s:s, s:{s:s, s:s}, s:{s:{s:o}, s:[s], s:[o]}}", "apiVersion",
		"networking.k8s.io/v1", "kind", "NetworkPolicy", "metadata", "namespace",
		subject->pod->ns->name, "name", strchr(fix->key, '/') + 1, "spec", "podSelector",
		"matchLabels", labels, "policyTypes",
		w->direction == PN_POLICY_EGRESS ? "Egress" : "Ingress", rules_field(w), rule);
	return fix->document ? 1 : -ENOMEM;
}

static int allow_by_new_rule(struct work *w)
{
	const struct pn_policy_member *pod = pn_subject_of(w->flow, w->direction)->pod;
	json_t *labels = pick(pod->labels, is_lasting);

	if (json_object_size(labels))
		return new_policy(w, labels);
	json_decref(labels);
	return add_np_rule(w);
}

static int fix_isolation(struct work *w)
{
	const struct pn_missed_rule *m = w->side->nearest;

	w->fix->policy = m ? w->side->nearest_policy : w->side->verdict.policy;
	if (!m || (!m->port && !m->peer))
		return allow_by_new_rule(w);
	w->fix->rule = m->rule;
	if (m->port) {
		w->fix->change = PN_FIX_ADD_PEER;
		return change_rule(w, peers_field(w), np_peer(w));
	}
	w->fix->change = PN_FIX_ADD_PORT;
	return change_rule(w, "ports", port_of(w));
}

/* Would it be allowed if the admin tier only passed on? */
static bool is_pass_enough(const struct work *w)
{
	const struct pn_question q = { w->set, w->flow, PN_WITHOUT_ADMIN };
	struct pn_policy_verdict v;

	if (w->fix->policy->is_baseline)
		return false;
	pn_judge(&q, &v);
	return v.side[w->direction].allow;
}

static int fix_tier(struct work *w)
{
	const struct pn_policy *p = w->side->verdict.policy;
	bool is_cluster = p->kind == PN_POLICY_CLUSTER_NETWORK;
	json_t *rule;

	w->fix->policy = p;
	w->fix->change = PN_FIX_ADD_RULE;
	w->fix->rule = w->side->verdict.rule;
	rule = json_pack("{s:s, s:[o], s:[o]}", "action",
			 is_pass_enough(w) ? "Pass"
			 : is_cluster	   ? "Accept"
					   : "Allow",
			 peers_field(w), tier_peer(w), is_cluster ? "protocols" : "ports",
			 port_of(w));
	return add_at(w, json_sprintf("/spec/%s/%u", rules_field(w), w->fix->rule), rule, rule);
}

int pn_policy_fix(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
		  const struct pn_explanation *e, enum pn_policy_direction direction,
		  struct pn_policy_fix *ret)
{
	struct work w = {
		.set = set,
		.flow = flow,
		.direction = direction,
		.peer = pn_peer_of(flow, direction),
		.side = pn_explanation_side(e, direction),
		.fix = ret,
	};
	bool is_selectable = w.peer->pod && w.peer->pod->is_subject;

	*ret = (struct pn_policy_fix) { .direction = direction };
	if (w.side->verdict.allow || !flow->port || (!is_selectable && !w.peer->has_addr))
		return 0;
	return w.side->verdict.reason == PN_POLICY_ISOLATED ? fix_isolation(&w) : fix_tier(&w);
}

void pn_policy_fix_done(struct pn_policy_fix *fix)
{
	json_decref(fix->document);
	fix->document = NULL;
}
