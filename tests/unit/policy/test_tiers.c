/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin and baseline tiers: order, actions, what they select, and how they stand to
 * NetworkPolicies; and what is refused.
 */
#include <errno.h>

#include "tests/unit/policy/fixture.h"

static struct world *two_teams(void **state)
{
	struct world *w = *state;

	name_space(w, "a", "'team':'a'");
	name_space(w, "b", "'team':'b'");
	pod(w, "a", "x", "'app':'x'", "10.0.0.1");
	pod(w, "b", "y", "'app':'y'", "10.0.0.2");
	apply(w, "{'kind':'Node','metadata':{'name':'n9','labels':{'edge':'yes'}},'status':{"
		 "'addresses':[{'type':'InternalIP','address':'192.0.2.9'}]}}");
	return w;
}

#define X_Y "a/x b/y TCP/80"

static void cnp(const struct world *w, const char *name, const char *tier, int priority,
		const char *rest)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "{'apiVersion':'policy.networking.k8s.io/v1alpha2','kind':"
		       "'ClusterNetworkPolicy','metadata':{'name':'%s'},'spec':{'tier':'%s',"
		       "'priority':%d,%s}}",
		       name, tier, priority, rest);
	apply(w, text);
}

static void anp(const struct world *w, const char *name, int priority, const char *rest)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "{'apiVersion':'policy.networking.k8s.io/v1alpha1','kind':"
		       "'AdminNetworkPolicy','metadata':{'name':'%s'},'spec':{'priority':%d,%s}}",
		       name, priority, rest);
	apply(w, text);
}

static void banp(const struct world *w, const char *rest)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "{'apiVersion':'policy.networking.k8s.io/v1alpha1','kind':"
		       "'BaselineAdminNetworkPolicy','metadata':{'name':'default'},'spec':{%s}}",
		       rest);
	apply(w, text);
}

#define ALL_PODS "'subject':{'namespaces':{}}"
#define FROM_ALL(action) "{'action':'" action "','from':[{'namespaces':{}}]}"
#define INGRESS(rules) ALL_PODS ",'ingress':[" rules "]"

static void the_lowest_priority_number_is_first(void **state)
{
	const struct world *w = two_teams(state);

	cnp(w, "late", "Admin", 20, INGRESS(FROM_ALL("Deny")));
	check_denies(w, X_Y);
	anp(w, "early", 10, INGRESS(FROM_ALL("Allow")));
	check_allows(w, X_Y);
	cnp(w, "first", "Admin", 0, INGRESS(FROM_ALL("Deny")));
	check_denies(w, X_Y);
	assert_string_equal(pn_policy_key(verdict_of(w, X_Y).side[PN_POLICY_INGRESS].policy),
			    "first");
	drop(w, "{'apiVersion':'policy.networking.k8s.io/v1alpha2','kind':'ClusterNetworkPolicy',"
		"'metadata':{'name':'first'}}");
	check_allows(w, X_Y);
}

static void the_first_rule_that_matches_decides(void **state)
{
	const struct world *w = two_teams(state);
	struct pn_policy_side side;

	cnp(w, "p", "Admin", 1,
	    INGRESS("{'name':'some','action':'Accept','from':[{'namespaces':{'matchLabels':{"
		    "'team':'a'}}}],'protocols':[{'tcp':{'destinationPort':{'number':80}}}]},"
		    "{'name':'rest','action':'Deny','from':[{'namespaces':{}}]}"));
	check_allows(w, X_Y);
	check_denies(w, "a/x b/y TCP/81");
	side = verdict_of(w, "a/x b/y TCP/81").side[PN_POLICY_INGRESS];
	assert_int_equal(side.reason, PN_POLICY_TIER_RULE);
	assert_int_equal(side.rule, 1);
	assert_string_equal(pn_policy_rule_name(side.policy, PN_POLICY_INGRESS, 1), "rest");
	assert_string_equal(pn_policy_rule_action(side.policy, PN_POLICY_INGRESS, 0), "Accept");
}

static void accept_ends_it_before_networkpolicies_in_its_direction_only(void **state)
{
	const struct world *w = two_teams(state);

	policy(w, "b", "deny", "'podSelector':{}");
	cnp(w, "p", "Admin", 1, INGRESS(FROM_ALL("Accept")));
	check_allows(w, X_Y);
	policy(w, "a", "deny", "'podSelector':{},'policyTypes':['Egress']");
	check_denies(w, X_Y);
}

static void pass_goes_on_with_networkpolicies_and_then_the_baseline(void **state)
{
	const struct world *w = two_teams(state);
	struct pn_policy_side side;

	cnp(w, "pass", "Admin", 1, INGRESS(FROM_ALL("Pass")));
	cnp(w, "never", "Admin", 2, INGRESS(FROM_ALL("Deny")));
	check_allows(w, X_Y);
	banp(w, INGRESS(FROM_ALL("Deny")));
	side = verdict_of(w, X_Y).side[PN_POLICY_INGRESS];
	assert_false(side.allow);
	assert_string_equal(pn_policy_key(side.passed_by), "pass");
	assert_int_equal(pn_policy_kind(side.policy), PN_POLICY_BASELINE_ADMIN_NETWORK);
	policy(w, "b", "p", "'podSelector':{},'ingress':[{}]");
	check_allows(w, X_Y);
	assert_int_equal(verdict_of(w, X_Y).side[PN_POLICY_INGRESS].reason, PN_POLICY_RULE);
}

static void the_baseline_is_for_pods_that_nothing_isolates(void **state)
{
	const struct world *w = two_teams(state);

	cnp(w, "base", "Baseline", 5, INGRESS(FROM_ALL("Deny")));
	check_denies(w, X_Y);
	policy(w, "b", "out", "'podSelector':{},'policyTypes':['Egress'],'egress':[{}]");
	check_denies(w, X_Y); /* isolated for egress only */
	cnp(w, "sooner", "Baseline", 4, INGRESS(FROM_ALL("Pass")));
	check_allows(w, X_Y);
	policy(w, "b", "in", "'podSelector':{}");
	check_denies(w, X_Y);
	assert_int_equal(verdict_of(w, X_Y).side[PN_POLICY_INGRESS].reason, PN_POLICY_ISOLATED);
}

static void subjects_are_namespaces_or_pods(void **state)
{
	const struct world *w = two_teams(state);

	cnp(w, "p", "Admin", 1,
	    "'subject':{'pods':{'namespaceSelector':{'matchLabels':{'team':'b'}},'podSelector':{"
	    "'matchLabels':{'app':'y'}}}},'ingress':[" FROM_ALL("Deny") "]");
	check_denies(w, X_Y);
	pod(w, "b", "y", "'app':'z'", "10.0.0.2");
	check_allows(w, X_Y);
	cnp(w, "p", "Admin", 1,
	    "'subject':{'namespaces':{'matchExpressions':[{'key':'team','operator':'NotIn',"
	    "'values':['a']}]}},'ingress':[" FROM_ALL("Deny") "]");
	check_denies(w, X_Y);
	check_allows(w, "b/y a/x TCP/80");
}

/* Egress of all pods, to this peer alone denied. */
static void deny_to(const struct world *w, const char *peer)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), ALL_PODS ",'egress':[{'action':'Deny','to':[%s]}]",
		       peer);
	cnp(w, "p", "Admin", 1, text);
}

static void egress_peers_can_be_nodes_and_networks(void **state)
{
	static const struct {
		const char *peer;
		bool pod, node, outside; /* denied */
	} table[] = {
		{ "{'namespaces':{}}", true, false, false },
		{ "{'pods':{'namespaceSelector':{},'podSelector':{'matchLabels':{'app':'y'}}}}",
		  true, false, false },
		{ "{'nodes':{}}", false, true, false },
		{ "{'nodes':{'matchLabels':{'edge':'yes'}}}", false, true, false },
		{ "{'nodes':{'matchLabels':{'edge':'no'}}}", false, false, false },
		{ "{'networks':['0.0.0.0/0']}", true, true, true },
		{ "{'networks':['198.51.100.0/24','10.0.0.0/24']}", true, false, true },
		{ "{'domainNames':['*.example.com']}", false, false, false },
	};
	const struct world *w = two_teams(state);

	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		deny_to(w, table[i].peer);
		if (verdict_of(w, X_Y).allow == table[i].pod ||
		    verdict_of(w, "a/x 192.0.2.9 TCP/80").allow == table[i].node ||
		    verdict_of(w, "a/x 198.51.100.1 TCP/80").allow == table[i].outside)
			fail_msg("%s", table[i].peer);
	}
}

static void ports_of_both_versions(void **state)
{
	static const struct {
		const char *protocols, *ports, *flow;
		bool matches;
	} table[] = {
		{ "{'tcp':{'destinationPort':{'number':80}}}",
		  "{'portNumber':{'protocol':'TCP','port':80}}", "TCP/80", true },
		{ "{'tcp':{'destinationPort':{'number':80}}}",
		  "{'portNumber':{'protocol':'TCP','port':80}}", "UDP/80", false },
		{ "{'udp':{'destinationPort':{'range':{'start':5,'end':7}}}}",
		  "{'portRange':{'protocol':'UDP','start':5,'end':7}}", "UDP/7", true },
		{ "{'udp':{'destinationPort':{'range':{'start':5,'end':7}}}}",
		  "{'portRange':{'protocol':'UDP','start':5,'end':7}}", "UDP/8", false },
		{ "{'destinationNamedPort':'dns'}", "{'namedPort':'dns'}", "UDP/53", true },
		{ "{'destinationNamedPort':'dns'}", "{'namedPort':'dns'}", "TCP/53", false },
		{ "{'sctp':{}}", "{'portRange':{'protocol':'SCTP','start':1,'end':65535}}",
		  "SCTP/9", true },
		{ "{'sctp':{}}", "{'portRange':{'protocol':'SCTP','start':1,'end':65535}}", "TCP/9",
		  false },
	};
	const struct world *w = two_teams(state);
	char text[1024], words[64];

	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		(void)snprintf(words, sizeof(words), "a/x b/y %s", table[i].flow);
		(void)snprintf(text, sizeof(text),
			       INGRESS("{'action':'Deny','from':[{'namespaces':{}}],"
				       "'protocols':[%s]}"),
			       table[i].protocols);
		cnp(w, "p", "Admin", 1, text);
		if (verdict_of(w, words).allow == table[i].matches)
			fail_msg("%s %s", table[i].protocols, table[i].flow);
		cnp(w, "p", "Admin", 1, ALL_PODS);
		(void)snprintf(text, sizeof(text),
			       INGRESS("{'action':'Deny','from':[{'namespaces':{}}],'ports':[%s]}"),
			       table[i].ports);
		anp(w, "q", 1, text);
		if (verdict_of(w, words).allow == table[i].matches)
			fail_msg("%s %s", table[i].ports, table[i].flow);
		anp(w, "q", 1, ALL_PODS);
	}
}

static void a_pass_of_pods_spares_them_a_network(void **state)
{
	const struct world *w = two_teams(state);

	cnp(w, "p", "Admin", 1,
	    ALL_PODS ",'egress':[{'action':'Pass','to':[{'namespaces':{}}]},{'action':'Deny','to':"
		     "[{'networks':['0.0.0.0/0']}]}]");
	check_allows(w, X_Y);
	check_denies(w, "a/x 198.51.100.1 TCP/80");
	check_allows(w, "a/x 2001:db8::1 TCP/80");
}

static void what_the_api_would_refuse_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *kind, *spec, *says;
	} table[] = {
		{ "ClusterNetworkPolicy", "'tier':'Top','priority':1," ALL_PODS, "tier" },
		{ "ClusterNetworkPolicy", "'tier':'Admin','priority':1001," ALL_PODS, "priority" },
		{ "AdminNetworkPolicy", "'priority':'1'," ALL_PODS, "priority" },
		{ "AdminNetworkPolicy", "'priority':1", "subject" },
		{ "AdminNetworkPolicy", "'priority':1,'subject':{'namespaces':{},'pods':{}}",
		  "subject" },
		{ "AdminNetworkPolicy", "'priority':1," INGRESS(FROM_ALL("Accept")), "action" },
		{ "ClusterNetworkPolicy",
		  "'tier':'Admin','priority':1," INGRESS(FROM_ALL("Deny") "," FROM_ALL("Allow")),
		  "spec.ingress[1]: action" },
		{ "BaselineAdminNetworkPolicy", INGRESS(FROM_ALL("Pass")), "action" },
		{ "BaselineAdminNetworkPolicy", INGRESS("{'action':'Deny'}"), "from" },
		{ "BaselineAdminNetworkPolicy", INGRESS("{'action':'Deny','from':[{}]}"), "from" },
		{ "BaselineAdminNetworkPolicy",
		  INGRESS("{'action':'Deny','from':[{'networks':['10.0.0.0/8']}]}"), "from" },
		{ "BaselineAdminNetworkPolicy",
		  ALL_PODS ",'egress':[{'action':'Deny','to':[{'networks':['10.0.0.0/33']}]}]",
		  "spec.egress[0]: networks" },
		{ "BaselineAdminNetworkPolicy",
		  INGRESS("{'action':'Deny','from':[{'namespaces':{'matchExpressions':[{'key':'a',"
			  "'operator':'Like'}]}}]}"),
		  "selector" },
		{ "BaselineAdminNetworkPolicy",
		  INGRESS("{'action':'Deny','from':[{'namespaces':{}}],'ports':[{'portRange':{"
			  "'start':9,'end':3}}]}"),
		  "ports" },
		{ "ClusterNetworkPolicy",
		  "'tier':'Admin','priority':1," INGRESS(
			  "{'action':'Deny','from':[{'namespaces':{}}],'protocols':[{}]}"),
		  "protocols" },
	};
	const struct world *w = two_teams(state);

	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		struct pn_err err = { "" };
		char text[1024];

		(void)snprintf(text, sizeof(text),
			       "{'apiVersion':'policy.networking.k8s.io/v1alpha1','kind':'%s',"
			       "'metadata':{'name':'p'},'spec':{%s}}",
			       table[i].kind, table[i].spec);
		if (try_apply(w, text, &err) != -EINVAL || !strstr(err.text, table[i].says))
			fail_msg("%s: %s", text, err.text);
	}
	check_allows(w, X_Y);
}

static void kinds_of_other_groups_are_something_else(void **state)
{
	const struct world *w = two_teams(state);
	struct pn_policy_counts counts;

	apply(w, "{'apiVersion':'policy.example.com/v1','kind':'AdminNetworkPolicy','metadata':{"
		 "'name':'p','annotations':{'x':'policy.networking.k8s.io/v1alpha1'}},'spec':7}");
	apply(w, "{'apiVersion':'policy.networking.k8s.io/v1','kind':'Other','metadata':{"
		 "'name':'p'}}");
	pn_policy_count(w->set, &counts);
	assert_int_equal(counts.n_policies, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_lowest_priority_number_is_first),
		TEST(the_first_rule_that_matches_decides),
		TEST(accept_ends_it_before_networkpolicies_in_its_direction_only),
		TEST(pass_goes_on_with_networkpolicies_and_then_the_baseline),
		TEST(the_baseline_is_for_pods_that_nothing_isolates),
		TEST(subjects_are_namespaces_or_pods),
		TEST(egress_peers_can_be_nodes_and_networks),
		TEST(ports_of_both_versions),
		TEST(a_pass_of_pods_spares_them_a_network),
		TEST(what_the_api_would_refuse_is_refused_with_its_place),
		TEST(kinds_of_other_groups_are_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
