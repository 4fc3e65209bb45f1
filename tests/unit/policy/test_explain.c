/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explanations: how near each rule came and what it wanted; and fixes, of which it is checked that
 * they do allow the flow once they are applied.
 */
#include "policy/explain.h"
#include "tests/unit/policy/random_world.h"

static struct pn_explanation *explain(const struct world *w, const char *words, struct asked *a)
{
	struct pn_explanation *e = NULL;

	ask(w, words, a);
	assert_int_equal(pn_policy_explain(w->set, &a->flow, &e), 0);
	return e;
}

static struct world *shop(void **state)
{
	struct world *w = *state;

	name_space(w, "shop", "'team':'a'");
	name_space(w, "admin", "'team':'b'");
	pod(w, "shop", "web-1", "'app':'web','pod-template-hash':'x'", "10.0.0.1");
	pod(w, "shop", "db-0", "'app':'db'", "10.0.0.2");
	pod(w, "admin", "ops", "'role':'ops'", "10.0.0.3");
	return w;
}

static void say_condition(struct pn_buf *b, const struct pn_condition *c)
{
	PUT("[%d%s %s", c->kind, c->holds ? " holds" : "", *c->key ? c->key : c->wanted);
	for (uint32_t i = 0; i < c->n_values; i++)
		PUT(",%s", c->values[i]);
	PUT(" has %s]", c->has ? c->has : "none");
}

/* The missed rules of the ingress side. */
static void check_missed(const struct world *w, const char *words, const char *want)
{
	struct pn_buf text = PN_BUF_INIT(64 << 10), *b = &text;
	const struct pn_explained_side *side;
	struct pn_explanation *e;
	struct asked a;

	e = explain(w, words, &a);
	side = pn_explanation_side(e, PN_POLICY_INGRESS);
	for (uint32_t i = 0; i < side->n_policies; i++) {
		PUT("%s\n", pn_policy_key(side->policies[i].policy));
		for (uint32_t k = 0; k < side->policies[i].n_missed; k++) {
			const struct pn_missed_rule *m = &side->policies[i].missed[k];

			PUT("%u%s%s ", m->rule, m->port ? " port" : "", m->peer ? " peer" : "");
			for (uint32_t n = 0; n < m->n_conditions; n++)
				say_condition(b, &m->conditions[n]);
			PUT("%s\n", m == side->nearest ? " nearest" : "");
		}
	}
	assert_string_equal(text.data ? text.data : "", want);
	pn_buf_done(&text);
	pn_explanation_free(e);
}

static void a_missed_rule_says_what_it_wanted_and_what_there_was(void **state)
{
	const struct world *w = shop(state);

	policy(w, "shop", "deny", "'podSelector':{}");
	policy(w, "shop", "p",
	       "'podSelector':{'matchLabels':{'app':'db'}},'ingress':["
	       "{'from':[{'podSelector':{'matchLabels':{'app':'api'}}}],'ports':[{'port':80},"
	       "{'port':'dns','protocol':'UDP'},{'port':1,'endPort':2},{'protocol':'SCTP'}]},"
	       "{'from':[{'podSelector':{}}],'ports':[{'port':81}]},"
	       "{'from':[{'ipBlock':{'cidr':'10.0.0.0/24','except':['10.0.0.0/31',"
	       "'fd00::/8']}}]},"
	       "{'from':[{'namespaceSelector':{'matchLabels':{'team':'b'}},'podSelector':{"
	       "'matchExpressions':[{'key':'tier','operator':'NotIn','values':['x','y']},"
	       "{'key':'no','operator':'Exists'}]}}]}]");
	check_missed(w, "shop/web-1 shop/db-0 TCP/80",
		     "shop/deny\n"
		     "shop/p\n"
		     "0 port [0 holds TCP 80, UDP dns, TCP 1-2, SCTP has TCP 80]"
		     "[2 holds shop has shop][4 app,api has web] nearest\n"
		     "1 peer [0 TCP 81 has TCP 80][2 holds shop has shop]\n"
		     "2 port [6 10.0.0.0/24 except 10.0.0.0/31, fd00::/8 has 10.0.0.1]\n"
		     "3 port [3 team,b has a][4 holds tier,x,y has none][4 no has none]\n");
	check_missed(w, "192.0.2.1 shop/db-0 TCP/80",
		     "shop/deny\n"
		     "shop/p\n"
		     "0 port [0 holds TCP 80, UDP dns, TCP 1-2, SCTP has TCP 80]"
		     "[1 a pod has an address outside the cluster] nearest\n"
		     "1 [0 TCP 81 has TCP 80][1 a pod has an address outside the cluster]\n"
		     "2 port [6 10.0.0.0/24 except 10.0.0.0/31, fd00::/8 has 192.0.2.1]\n"
		     "3 port [1 a pod has an address outside the cluster]\n");
}

static void of_several_peers_the_nearest_one_is_shown(void **state)
{
	const struct world *w = shop(state);

	policy(w, "shop", "p",
	       "'podSelector':{'matchLabels':{'app':'db'}},'ingress':[{'from':["
	       "{'namespaceSelector':{'matchLabels':{'team':'b','x':'y'}}},"
	       "{'podSelector':{'matchLabels':{'app':'api'}}},"
	       "{'ipBlock':{'cidr':'192.0.2.0/24'}}]}]");
	check_missed(w, "shop/web-1 shop/db-0 TCP/80",
		     "shop/p\n0 port [2 holds shop has shop][4 app,api has web] nearest\n");
}

/* --- fixes --- */

/* What a JSON patch does to an object; only what fixes are made of. */
static void patch(json_t *object, const json_t *ops)
{
	size_t i;
	json_t *op;

	json_array_foreach (ops, i, op) {
		char *path = strdup(json_string_value(json_object_get(op, "path")) + 1);
		json_t *at = object, *value = json_object_get(op, "value");
		char *part = path, *slash;

		assert_string_equal(json_string_value(json_object_get(op, "op")), "add");
		for (; (slash = strchr(part, '/')); part = slash + 1) {
			*slash = '\0';
			at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part))
					       : json_object_get(at, part);
			assert_non_null(at);
		}
		if (json_is_object(at))
			assert_int_equal(json_object_set(at, part, value), 0);
		else if (strcmp(part, "-") == 0)
			assert_int_equal(json_array_append(at, value), 0);
		else
			assert_int_equal(json_array_insert(at, (size_t)atoi(part), value), 0);
		free(path);
	}
}

static void apply_tree(const struct world *w, const json_t *tree)
{
	struct pn_object *o = decode(w, tree);
	struct pn_err err = { "" };

	if (pn_policy_apply(w->set, NULL, o, &err) < 0)
		fail_msg("%s", err.text);
	pn_object_unref(o);
}

/* @object: the policy as it is, NULL for a new one. */
static void apply_fix(const struct world *w, const struct pn_policy_fix *fix, json_t *object)
{
	if (fix->change != PN_FIX_NEW_POLICY)
		patch(object, fix->document);
	apply_tree(w, fix->change == PN_FIX_NEW_POLICY ? fix->document : object);
}

static void check_fix(const struct world *w, const char *words, const char *policy_text,
		      const char *want)
{
	json_t *object = tree_of(policy_text);
	struct pn_explanation *e;
	struct pn_policy_fix fix;
	struct asked a;
	char *got;

	apply_tree(w, object);
	e = explain(w, words, &a);
	assert_int_equal(pn_policy_fix(w->set, &a.flow, e, PN_POLICY_INGRESS, &fix), 1);
	got = json_dumps(fix.document, JSON_COMPACT | JSON_SORT_KEYS);
	for (char *c = got; *c; c++)
		if (*c == '"')
			*c = '\'';
	assert_string_equal(got, want);
	free(got);
	apply_fix(w, &fix, object);
	pn_policy_fix_done(&fix);
	pn_explanation_free(e);
	check_allows(w, words);
	json_decref(object);
}

static void the_nearest_rule_gets_a_peer_or_a_port(void **state)
{
	const struct world *w = shop(state);

	check_fix(w, "shop/web-1 shop/db-0 TCP/80",
		  "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'p'},'spec':{"
		  "'podSelector':{},'ingress':[{'from':[{'podSelector':{'matchLabels':{'app':"
		  "'api'}}}],'ports':[{'port':80}]}]}}",
		  "[{'op':'add','path':'/spec/ingress/0/from/-','value':{'podSelector':{"
		  "'matchLabels':{'app':'web'}}}}]");
	check_fix(w, "admin/ops shop/db-0 TCP/80",
		  "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'p'},'spec':{"
		  "'podSelector':{},'ingress':[{'from':[{'podSelector':{'matchLabels':{'app':"
		  "'api'}}}]}]}}",
		  "[{'op':'add','path':'/spec/ingress/0/from/-','value':{'namespaceSelector':{"
		  "'matchLabels':{'kubernetes.io/metadata.name':'admin'}},'podSelector':{"
		  "'matchLabels':{'role':'ops'}}}}]");
	check_fix(w, "shop/web-1 shop/db-0 UDP/53",
		  "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'p'},'spec':{"
		  "'podSelector':{},'ingress':[{'ports':[{'port':1}]}]}}",
		  "[{'op':'add','path':'/spec/ingress/0/ports/-','value':{'port':53,'protocol':"
		  "'UDP'}}]");
	check_fix(w, "192.0.2.1 shop/db-0 TCP/80",
		  "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'p'},'spec':{"
		  "'podSelector':{},'ingress':[{'from':[{'ipBlock':{'cidr':'198.51.100.0/24'}}]}]}"
		  "}",
		  "[{'op':'add','path':'/spec/ingress/0/from/-','value':{'ipBlock':{'cidr':"
		  "'192.0.2.1/32'}}}]");
}

static void where_no_rule_is_near_there_is_a_new_policy(void **state)
{
	const struct world *w = shop(state);

	check_fix(w, "shop/web-1 shop/db-0 TCP/80",
		  "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'p'},'spec':{"
		  "'podSelector':{}}}",
		  "{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','metadata':{'name':"
		  "'allow-db-from-web-tcp-80','namespace':'shop'},'spec':{'ingress':[{'from':[{"
		  "'podSelector':{'matchLabels':{'app':'web'}}}],'ports':[{'port':80,'protocol':"
		  "'TCP'}]}],'podSelector':{'matchLabels':{'app':'db'}},'policyTypes':['Ingress']}"
		  "}");
}

static void a_new_policy_takes_no_name_that_is_taken(void **state)
{
	const struct world *w = shop(state);
	struct pn_policy_fix fix;
	struct pn_explanation *e;
	struct asked a;

	policy(w, "shop", "allow-db-from-web-tcp-80", "'podSelector':{}");
	e = explain(w, "shop/web-1 shop/db-0 TCP/80", &a);
	assert_int_equal(pn_policy_fix(w->set, &a.flow, e, PN_POLICY_INGRESS, &fix), 1);
	assert_string_equal(fix.key, "shop/allow-db-from-web-tcp-80-2");
	pn_policy_fix_done(&fix);
	pn_explanation_free(e);
}

static void a_tier_gets_a_rule_in_front_that_passes_where_that_is_enough(void **state)
{
	const struct world *w = shop(state);

	check_fix(w, "shop/web-1 shop/db-0 TCP/80",
		  "{'apiVersion':'policy.networking.k8s.io/v1alpha2','kind':"
		  "'ClusterNetworkPolicy','metadata':{'name':'p'},'spec':{'tier':'Admin',"
		  "'priority':1,'subject':{'namespaces':{}},'ingress':[{'action':'Deny','from':[{"
		  "'namespaces':{}}]}]}}",
		  "[{'op':'add','path':'/spec/ingress/0','value':{'action':'Pass','from':[{'pods':{"
		  "'namespaceSelector':{'matchLabels':{'kubernetes.io/metadata.name':'shop'}},"
		  "'podSelector':{'matchLabels':{'app':'web'}}}}],'protocols':[{'tcp':{"
		  "'destinationPort':{'number':80}}}]}}]");
	policy(w, "shop", "deny", "'podSelector':{}");
	check_fix(w, "admin/ops shop/db-0 TCP/80",
		  "{'apiVersion':'policy.networking.k8s.io/v1alpha1','kind':'AdminNetworkPolicy',"
		  "'metadata':{'name':'q'},'spec':{'priority':0,'subject':{'namespaces':{}},"
		  "'ingress':[{'action':'Deny','from':[{'namespaces':{}}]}]}}",
		  "[{'op':'add','path':'/spec/ingress/0','value':{'action':'Allow','from':[{'pods':"
		  "{'namespaceSelector':{'matchLabels':{'kubernetes.io/metadata.name':'admin'}},"
		  "'podSelector':{'matchLabels':{'role':'ops'}}}}],'ports':[{'portNumber':{'port':"
		  "80,'protocol':'TCP'}}]}}]");
}

static void what_is_allowed_needs_no_fix(void **state)
{
	const struct world *w = shop(state);
	struct pn_explanation *e;
	struct pn_policy_fix fix;
	struct asked a;

	e = explain(w, "shop/web-1 shop/db-0 TCP/80", &a);
	assert_true(pn_explanation_allows(e));
	assert_int_equal(pn_policy_fix(w->set, &a.flow, e, PN_POLICY_INGRESS, &fix), 0);
	pn_explanation_free(e);
}

/* --- by chance --- */

enum { MAX_OBJECTS = 60, N_WORLDS = 40, N_FLOWS = 60 };

/* The objects of a world as trees, to patch. */
static json_t *tree_named(json_t *const trees[], const struct pn_policy_fix *fix)
{
	const char *slash = strchr(fix->key, '/'), *name = slash ? slash + 1 : fix->key;

	for (size_t i = MAX_OBJECTS; i > 0; i--) { /* the last of a name is the one that counts */
		const json_t *meta = json_object_get(trees[i - 1], "metadata");
		const char *ns = json_string_value(json_object_get(meta, "namespace"));
		const char *kind = json_string_value(json_object_get(trees[i - 1], "kind"));

		if (strcmp(kind, pn_policy_kind_name(fix->kind)) == 0 &&
		    strcmp(json_string_value(json_object_get(meta, "name")), name) == 0 &&
		    (!ns || strncmp(ns, fix->key, strlen(ns)) == 0))
			return trees[i - 1];
	}
	fail_msg("no policy %s", fix->key);
	return NULL;
}

static void drop_tree(const struct world *w, const json_t *tree)
{
	struct pn_object *o = decode(w, tree);

	assert_int_equal(pn_policy_apply(w->set, o, NULL, NULL), 0);
	pn_object_unref(o);
}

static void check_random_fix(const struct world *w, json_t *const trees[],
			     enum pn_policy_direction d, const char *words)
{
	struct pn_explanation *e;
	struct pn_policy_fix fix;
	struct asked a;
	json_t *before, *after;

	e = explain(w, words, &a);
	if (pn_policy_fix(w->set, &a.flow, e, d, &fix) != 1) {
		assert_true(pn_explanation_side(e, d)->verdict.allow);
		pn_explanation_free(e);
		return;
	}
	before = fix.policy ? tree_named(trees, &fix) : NULL;
	after = json_deep_copy(before);
	apply_fix(w, &fix, after);
	if (!verdict_of(w, words).side[d].allow)
		fail_msg("still denied: %s, by %s", words, fix.key);
	if (before)
		apply_tree(w, before);
	else
		drop_tree(w, fix.document);
	json_decref(after);
	pn_policy_fix_done(&fix);
	pn_explanation_free(e);
}

static void a_fix_allows_whatever_the_world(void **state)
{
	struct pn_buf text = PN_BUF_INIT(64 << 10);
	json_t *trees[MAX_OBJECTS];
	char words[160];

	(void)state;
	for (seed = 1; seed <= N_WORLDS; seed++) {
		uint32_t number = seed;
		struct world w;

		world_begin(&w);
		for (unsigned int i = 0; i < MAX_OBJECTS; i++) {
			put_object(&text);
			trees[i] = tree_of(text.data);
			apply_tree(&w, trees[i]);
		}
		for (unsigned int i = 0; i < N_FLOWS; i++) {
			draw_flow(&w, words, sizeof(words));
			check_random_fix(&w, trees, (enum pn_policy_direction)draw(2), words);
		}
		for (unsigned int i = 0; i < MAX_OBJECTS; i++)
			json_decref(trees[i]);
		world_end(&w);
		seed = number;
	}
	pn_buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_missed_rule_says_what_it_wanted_and_what_there_was),
		TEST(of_several_peers_the_nearest_one_is_shown),
		TEST(the_nearest_rule_gets_a_peer_or_a_port),
		TEST(where_no_rule_is_near_there_is_a_new_policy),
		TEST(a_new_policy_takes_no_name_that_is_taken),
		TEST(a_tier_gets_a_rule_in_front_that_passes_where_that_is_enough),
		TEST(what_is_allowed_needs_no_fix),
		cmocka_unit_test(a_fix_allows_whatever_the_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
