/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClusterNetworkPolicy, AdminNetworkPolicy and BaselineAdminNetworkPolicy, from their JSON to compiled
 * rules. The server knows no protobuf for them, so they come as generic objects. The kinds differ in
 * the words for actions and in how ports are written; all else is one.
 *
 * What the API would not have let pass is refused, with the place where it stands.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cidr.h"
#include "base/intern.h"
#include "kube/json_fields.h"
#include "kube/json_load.h"
#include "kube/policy_draft.h"
#include "policy/private.h"

/* One policy being read. The draft gives memory, and remembers the first thing that is wrong. */
struct reading {
	struct pn_policy_set *set;
	struct pn_policy *policy;
	struct pn_draft draft;
	bool is_egress;
};

static const char *text_of(const json_t *tree, const char *field)
{
	const char *text = json_string_value(json_object_get(tree, field));

	return text ? text : "";
}

static enum pn_policy_kind kind_named(const char *name)
{
	unsigned int kind = PN_POLICY_CLUSTER_NETWORK;

	while (kind < PN_POLICY_KIND_MAX &&
	       strcmp(name, pn_policy_kind_name((enum pn_policy_kind)kind)) != 0)
		kind++;
	return (enum pn_policy_kind)kind;
}

int pn_tier_kind(const struct pn_generic *g, enum pn_policy_kind *ret)
{
	static const char group[] = "policy.networking.k8s.io/";
	json_t *tree;
	int r;

	*ret = PN_POLICY_KIND_MAX;
	if (!memmem(g->json, g->len, group, sizeof(group) - 1))
		return 0;
	r = pn_json_load(g->json, g->len, &tree, NULL);
	if (r < 0)
		return r;
	if (strncmp(text_of(tree, "apiVersion"), group, sizeof(group) - 1) == 0)
		*ret = kind_named(text_of(tree, "kind"));
	json_decref(tree);
	return 0;
}

/* --- parts --- */

static void out_of_memory(struct reading *r)
{
	if (!r->draft.error)
		r->draft.error = -ENOMEM;
}

static void wrong(struct reading *r, const char *field, const char *what)
{
	pn_draft_wrong(&r->draft, field, what);
}

static const char *intern(struct reading *r, const char *text)
{
	const char *s = pn_intern(text, strlen(text));

	if (!s)
		out_of_memory(r);
	return s;
}

/* @tree may be NULL: all. */
static void read_match(struct reading *r, struct pn_labels *world, const json_t *tree,
		       const char *field, struct pn_match *to)
{
	uint32_t before = r->draft.n_refused;
	struct pn_label_selector like = pn_policy_selector_json(&r->draft, tree);

	if (r->draft.n_refused != before)
		wrong(r, field, "not a valid label selector");
	if (!r->draft.error && pn_match_get(world, &like, to) < 0)
		out_of_memory(r);
}

/* namespaces, or pods: {namespaceSelector, podSelector} */
static void read_pods(struct reading *r, const json_t *namespaces, const json_t *pods,
		      struct pn_match *to_namespaces, struct pn_match *to_pods)
{
	struct pn_draft *d = &r->draft;
	const json_t *ns = namespaces ? namespaces : pn_json_object(d, pods, "namespaceSelector");

	to_namespaces->id = to_pods->id = PN_MATCH_ALL;
	read_match(r, r->set->namespace_labels, ns, "namespaceSelector", to_namespaces);
	read_match(r, r->set->pod_labels, pn_json_object(d, pods, "podSelector"), "podSelector",
		   to_pods);
}

static void read_subject(struct reading *r, const json_t *spec)
{
	const json_t *subject = pn_json_object(&r->draft, spec, "subject");
	const json_t *namespaces = pn_json_object(&r->draft, subject, "namespaces");
	const json_t *pods = pn_json_object(&r->draft, subject, "pods");

	if (!namespaces == !pods)
		wrong(r, "subject", "needs either namespaces or pods");
	read_pods(r, namespaces, pods, &r->policy->namespaces, &r->policy->pods);
}

/* --- peers --- */

static void add_network(struct reading *r, struct pn_compiled_rule *rule, const json_t *value)
{
	struct pn_compiled_peer *to = &rule->peers[rule->n_peers];
	const char *text = pn_json_text(&r->draft, value, "networks", PN_ADDR_TEXT_LEN);

	if (pn_cidr_parse(text, &to->block) < 0) {
		wrong(r, "networks", "not a network like 10.0.0.0/8");
		return;
	}
	to->kind = PN_PEER_BLOCK;
	to->is_network = true;
	rule->n_peers++;
}

static void add_domains(struct reading *r, struct pn_compiled_rule *rule, const json_t *names)
{
	struct pn_compiled_peer *to = &rule->peers[rule->n_peers];
	struct pn_buf text = PN_BUF_INIT(64 << 10);

	for (size_t i = 0; i < json_array_size(names); i++)
		if (pn_buf_printf(&text, "%s%s", i ? ", " : "",
				  pn_json_text(&r->draft, json_array_get(names, i), "domainNames",
					       PN_OBJECT_NAME_LEN + 2)) < 0)
			out_of_memory(r);
	to->kind = PN_PEER_DOMAINS;
	to->domains = intern(r, text.data ? text.data : "");
	rule->n_peers++;
	pn_buf_done(&text);
}

/* As many as it becomes: a peer a network, else one. */
static size_t count_peers(const json_t *peer)
{
	const json_t *networks = json_object_get(peer, "networks");

	return json_is_array(networks) ? json_array_size(networks) : 1;
}

static void read_peer(struct reading *r, struct pn_compiled_rule *rule, const json_t *peer)
{
	struct pn_draft *d = &r->draft;
	struct pn_compiled_peer *to = &rule->peers[rule->n_peers];
	const json_t *namespaces = pn_json_object(d, peer, "namespaces");
	const json_t *pods = pn_json_object(d, peer, "pods");
	const json_t *nodes = pn_json_object(d, peer, "nodes");
	const json_t *networks = pn_json_array(d, peer, "networks");
	const json_t *domains = pn_json_array(d, peer, "domainNames");

	if (!!namespaces + !!pods + !!nodes + !!networks + !!domains != 1) {
		wrong(r, r->is_egress ? "to" : "from",
		      "an entry needs one of namespaces, pods, nodes, networks and domainNames");
		return;
	}
	if (!r->is_egress && !namespaces && !pods) {
		wrong(r, "from", "an entry of ingress needs namespaces or pods");
		return;
	}
	if (namespaces || pods) {
		to->kind = PN_PEER_PODS;
		rule->n_peers++;
		read_pods(r, namespaces, pods, &to->namespaces, &to->pods);
	} else if (nodes) {
		to->kind = PN_PEER_NODES;
		to->nodes.id = PN_MATCH_ALL;
		rule->n_peers++;
		read_match(r, r->set->node_labels, nodes, "nodes", &to->nodes);
	} else if (domains) {
		add_domains(r, rule, domains);
	}
	for (size_t i = 0; i < json_array_size(networks); i++)
		add_network(r, rule, json_array_get(networks, i));
}

/* --- ports --- */

static void add_range(struct reading *r, struct pn_compiled_rule *rule, uint8_t proto,
		      int64_t first, int64_t last)
{
	if (first < 1 || last > UINT16_MAX || last < first || !proto) {
		wrong(r, "ports", "not a protocol with a port or a range of ports");
		return;
	}
	rule->ports[rule->n_ports++] =
		(struct pn_compiled_port) { .proto = proto, (uint16_t)first, (uint16_t)last, NULL };
}

static void add_name(struct reading *r, struct pn_compiled_rule *rule, const char *name)
{
	rule->ports[rule->n_ports++] = (struct pn_compiled_port) { .name = intern(r, name) };
}

static uint8_t read_proto(struct reading *r, const json_t *tree)
{
	return pn_proto_parse(pn_json_string(&r->draft, tree, "protocol", PN_SHORT_TEXT_LEN));
}

/* v1alpha1: portNumber, portRange, namedPort */
static void read_port(struct reading *r, struct pn_compiled_rule *rule, const json_t *tree)
{
	struct pn_draft *d = &r->draft;
	const json_t *number = pn_json_object(d, tree, "portNumber");
	const json_t *range = pn_json_object(d, tree, "portRange");
	const char *name = pn_json_name(d, tree, "namedPort", PN_SHORT_TEXT_LEN);
	int64_t port = pn_json_int(d, number, "port");

	if (!!number + !!range + !!name[0] != 1)
		wrong(r, "ports", "an entry needs one of portNumber, portRange and namedPort");
	else if (number)
		add_range(r, rule, read_proto(r, number), port, port);
	else if (range)
		add_range(r, rule, read_proto(r, range), pn_json_int(d, range, "start"),
			  pn_json_int(d, range, "end"));
	else
		add_name(r, rule, name);
}

/* v1alpha2, of tcp, udp or sctp: {destinationPort: {number} or {range}} */
static void read_transport(struct reading *r, struct pn_compiled_rule *rule, uint8_t proto,
			   const json_t *tree)
{
	struct pn_draft *d = &r->draft;
	const json_t *port = pn_json_object(d, tree, "destinationPort");
	const json_t *range = pn_json_object(d, port, "range");
	int64_t number = pn_json_int(d, port, "number");

	if (range)
		add_range(r, rule, proto, pn_json_int(d, range, "start"),
			  pn_json_int(d, range, "end"));
	else if (port)
		add_range(r, rule, proto, number, number);
	else
		rule->ports[rule->n_ports++] =
			(struct pn_compiled_port) { .proto = proto, 0, UINT16_MAX, NULL };
}

static void read_protocol(struct reading *r, struct pn_compiled_rule *rule, const json_t *tree)
{
	struct pn_draft *d = &r->draft;
	const json_t *tcp = pn_json_object(d, tree, "tcp");
	const json_t *udp = pn_json_object(d, tree, "udp");
	const json_t *sctp = pn_json_object(d, tree, "sctp");
	const char *name = pn_json_name(d, tree, "destinationNamedPort", PN_SHORT_TEXT_LEN);

	if (!!tcp + !!udp + !!sctp + !!name[0] != 1)
		wrong(r, "protocols",
		      "an entry needs one of tcp, udp, sctp and destinationNamedPort");
	else if (name[0])
		add_name(r, rule, name);
	else if (tcp)
		read_transport(r, rule, IPPROTO_TCP, tcp);
	else if (udp)
		read_transport(r, rule, IPPROTO_UDP, udp);
	else
		read_transport(r, rule, IPPROTO_SCTP, sctp);
}

/* --- rules --- */

static void read_action(struct reading *r, struct pn_compiled_rule *rule, const json_t *tree)
{
	const char *text = pn_json_string(&r->draft, tree, "action", PN_SHORT_TEXT_LEN);
	enum pn_policy_kind kind = r->policy->kind;
	const char *allow = kind == PN_POLICY_CLUSTER_NETWORK ? "Accept" : "Allow";

	if (strcmp(text, allow) == 0)
		rule->action = PN_POLICY_ALLOW;
	else if (strcmp(text, "Deny") == 0)
		rule->action = PN_POLICY_DENY;
	else if (strcmp(text, "Pass") == 0 && kind != PN_POLICY_BASELINE_ADMIN_NETWORK)
		rule->action = PN_POLICY_PASS;
	else
		wrong(r, "action",
		      kind == PN_POLICY_CLUSTER_NETWORK ? "not Accept, Deny or Pass"
		      : kind == PN_POLICY_ADMIN_NETWORK ? "not Allow, Deny or Pass"
							: "not Allow or Deny");
}

static void read_rule(struct reading *r, struct pn_compiled_rule *rule, const json_t *tree)
{
	struct pn_draft *d = &r->draft;
	bool is_cluster = r->policy->kind == PN_POLICY_CLUSTER_NETWORK;
	const char *peers_field = r->is_egress ? "to" : "from";
	const char *ports_field = is_cluster ? "protocols" : "ports";
	const json_t *peers = pn_json_array(d, tree, peers_field);
	const json_t *ports = pn_json_array(d, tree, ports_field);
	size_t n_peers = 0;

	for (size_t i = 0; i < json_array_size(peers); i++)
		n_peers += count_peers(json_array_get(peers, i));
	rule->name = intern(r, pn_json_string(d, tree, "name", PN_OBJECT_NAME_LEN));
	rule->any_port = json_array_size(ports) == 0;
	read_action(r, rule, tree);
	if (!json_array_size(peers))
		wrong(r, peers_field, "needs an entry");
	if (pn_rule_room(rule, (uint32_t)n_peers, (uint32_t)json_array_size(ports)) < 0)
		out_of_memory(r);
	for (size_t i = 0; i < json_array_size(peers) && !d->error; i++)
		read_peer(r, rule, pn_json_item(d, peers, i, peers_field));
	for (size_t i = 0; i < json_array_size(ports) && !d->error; i++) {
		const json_t *port = pn_json_item(d, ports, i, ports_field);

		if (is_cluster)
			read_protocol(r, rule, port);
		else
			read_port(r, rule, port);
	}
}

static void read_rules(struct reading *r, const json_t *spec, enum pn_policy_direction direction)
{
	const char *field = direction == PN_POLICY_EGRESS ? "egress" : "ingress";
	struct pn_draft *d = &r->draft;
	const json_t *list = pn_json_array(d, spec, field);
	struct pn_compiled_rules *rules = &r->policy->rules[direction];

	r->is_egress = direction == PN_POLICY_EGRESS;
	if (!d->error && pn_rules_new(rules, (uint32_t)json_array_size(list)) < 0)
		out_of_memory(r);
	for (size_t i = 0; i < json_array_size(list) && !d->error; i++) {
		read_rule(r, &rules->v[i], pn_json_item(d, list, i, field));
		if (d->error)
			(void)pn_err_wrap(d->err, d->error, "spec.%s[%zu]", field, i);
	}
	r->policy->holds[direction] = rules->n;
}

/* --- policies --- */

static void read_tier(struct reading *r, const json_t *spec)
{
	const char *text = pn_json_string(&r->draft, spec, "tier", PN_SHORT_TEXT_LEN);

	r->policy->is_baseline = r->policy->kind == PN_POLICY_BASELINE_ADMIN_NETWORK;
	if (r->policy->kind != PN_POLICY_CLUSTER_NETWORK)
		return;
	r->policy->is_baseline = strcmp(text, "Baseline") == 0;
	if (!r->policy->is_baseline && strcmp(text, "Admin") != 0)
		wrong(r, "tier", "not Admin or Baseline");
}

static void read_priority(struct reading *r, const json_t *spec)
{
	int64_t n = pn_json_int(&r->draft, spec, "priority");

	if (r->policy->kind == PN_POLICY_BASELINE_ADMIN_NETWORK)
		return;
	if (n < 0 || n > 1000)
		wrong(r, "priority", "not a number from 0 to 1000");
	r->policy->priority = (uint32_t)n;
}

static int read_spec(struct reading *r, const json_t *tree, struct pn_err *reterr)
{
	const json_t *spec = pn_json_object(&r->draft, tree, "spec");

	r->draft.err = reterr;
	if (!spec)
		wrong(r, "spec", "missing");
	read_tier(r, spec);
	read_priority(r, spec);
	read_subject(r, spec);
	read_rules(r, spec, PN_POLICY_EGRESS);
	read_rules(r, spec, PN_POLICY_INGRESS);
	pn_scratch_done(&r->draft.scratch);
	return r->draft.error;
}

int pn_compile_tier(struct pn_policy_set *set, enum pn_policy_kind kind, const struct pn_object *o,
		    struct pn_policy **ret, struct pn_err *reterr)
{
	const struct pn_generic *g = pn_object_generic(o);
	struct reading r = { .set = set };
	json_t *tree = NULL;
	int err;

	err = pn_policy_new(kind, o, &r.policy);
	if (err == 0)
		err = pn_json_load(g->json, g->len, &tree, reterr);
	if (err == 0)
		err = read_spec(&r, tree, reterr);
	json_decref(tree);
	if (err < 0)
		pn_policy_free(set, r.policy);
	else
		*ret = r.policy;
	return err;
}
