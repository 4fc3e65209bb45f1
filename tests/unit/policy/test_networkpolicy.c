/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What NetworkPolicies mean: who is isolated, which peers and ports rules match, and that rules only
 * add.
 */
#include <errno.h>

#include "base/buf.h"
#include "tests/unit/policy/fixture.h"

/* web and db in shop, ops in admin; all reach all until a policy comes. */
static struct world *three_pods(void **state)
{
	struct world *w = *state;

	name_space(w, "shop", "'team':'a'");
	name_space(w, "admin", "'team':'b','tier':''");
	pod(w, "shop", "web", "'app':'web'", "10.0.0.1");
	pod(w, "shop", "db", "'app':'db','role':''", "10.0.0.2");
	pod(w, "admin", "ops", "'app':'ops'", "10.0.0.3");
	return w;
}

#define WEB_DB "shop/web shop/db TCP/80"
#define OPS_DB "admin/ops shop/db TCP/80"

/* A policy of shop that selects db and has this one ingress rule. */
static void rule(const struct world *w, const char *text)
{
	char spec[2048];

	(void)snprintf(spec, sizeof(spec),
		       "'podSelector':{'matchLabels':{'app':'db'}},'ingress':[{%s}]", text);
	policy(w, "shop", "p", spec);
}

static void without_policies_all_is_allowed(void **state)
{
	const struct world *w = three_pods(state);

	check_allows(w, WEB_DB);
	check_allows(w, "shop/web 192.0.2.1 UDP/53");
	check_allows(w, "192.0.2.1 shop/web SCTP/1");
	assert_int_equal(verdict_of(w, WEB_DB).side[PN_POLICY_INGRESS].reason, PN_POLICY_NOTHING);
}

static void isolation_is_per_direction_and_namespace(void **state)
{
	const struct world *w = three_pods(state);

	policy(w, "shop", "in", "'podSelector':{},'policyTypes':['Ingress']");
	check_denies(w, WEB_DB);
	check_denies(w, "192.0.2.1 shop/web TCP/80");
	check_allows(w, "shop/web 192.0.2.1 TCP/80");
	check_allows(w, "shop/web admin/ops TCP/80");
	policy(w, "shop", "out", "'podSelector':{},'policyTypes':['Egress']");
	check_denies(w, "shop/web admin/ops TCP/80");
	check_allows(w, "admin/ops 192.0.2.1 TCP/80");
}

static void types_default_to_ingress_and_to_egress_with_rules(void **state)
{
	static const struct {
		const char *spec;
		bool in, out; /* allowed */
	} table[] = {
		{ "'podSelector':{}", false, true },
		{ "'podSelector':{},'policyTypes':[]", false, true },
		{ "'podSelector':{},'egress':[]", false, true },
		{ "'podSelector':{},'egress':[{'ports':[{'port':1}]}]", false, false },
		{ "'podSelector':{},'policyTypes':['Egress'],'egress':[{}]", true, true },
		{ "'podSelector':{},'policyTypes':['Egress'],'ingress':[]", true, false },
		{ "'podSelector':{},'policyTypes':['Ingress'],'egress':[{}]", false, true },
		{ "'podSelector':{},'policyTypes':['Egress','Ingress']", false, false },
	};
	const struct world *w = three_pods(state);

	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		policy(w, "shop", "p", table[i].spec);
		if (verdict_of(w, OPS_DB).allow != table[i].in ||
		    verdict_of(w, "shop/db admin/ops TCP/80").allow != table[i].out)
			fail_msg("%s", table[i].spec);
	}
}

static void no_rule_allows_nothing_and_an_empty_rule_everything(void **state)
{
	const struct world *w = three_pods(state);

	policy(w, "shop", "p", "'podSelector':{},'ingress':[]");
	check_denies(w, WEB_DB);
	policy(w, "shop", "p", "'podSelector':{},'ingress':[{}]");
	check_allows(w, WEB_DB);
	check_allows(w, "192.0.2.1 shop/db UDP/1");
	policy(w, "shop", "p", "'podSelector':{},'ingress':[{'from':[],'ports':[]}]");
	check_allows(w, WEB_DB);
}

static void policies_only_add(void **state)
{
	const struct world *w = three_pods(state);

	policy(w, "shop", "deny", "'podSelector':{}");
	check_denies(w, WEB_DB);
	rule(w, "'from':[{'podSelector':{'matchLabels':{'app':'web'}}}]");
	check_allows(w, WEB_DB);
	check_denies(w, OPS_DB);
	policy(w, "shop", "q",
	       "'podSelector':{'matchLabels':{'app':'db'}},'ingress':[{'from':["
	       "{'namespaceSelector':{}}]}]");
	check_allows(w, OPS_DB);
	drop(w, "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'q'}}");
	check_denies(w, OPS_DB);
	drop(w, "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'p'}}");
	drop(w, "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'deny'}}");
	check_allows(w, OPS_DB);
}

static void both_ends_must_allow(void **state)
{
	const struct world *w = three_pods(state);
	struct pn_policy_verdict v;

	policy(w, "shop", "out",
	       "'podSelector':{'matchLabels':{'app':'web'}},'policyTypes':['Egress'],'egress':[{"
	       "'to':[{'podSelector':{'matchLabels':{'app':'db'}}}]}]");
	check_allows(w, WEB_DB);
	rule(w, "'from':[{'namespaceSelector':{'matchLabels':{'team':'b'}}}]");
	v = verdict_of(w, WEB_DB);
	assert_false(v.allow);
	assert_true(v.side[PN_POLICY_EGRESS].allow);
	assert_false(v.side[PN_POLICY_INGRESS].allow);
	assert_int_equal(v.side[PN_POLICY_EGRESS].reason, PN_POLICY_RULE);
	assert_int_equal(v.side[PN_POLICY_INGRESS].reason, PN_POLICY_ISOLATED);
	assert_string_equal(pn_policy_key(v.side[PN_POLICY_INGRESS].policy), "shop/p");
}

static void peers_select_namespaces_and_pods(void **state)
{
	static const struct {
		const char *from;
		bool web, ops;
	} table[] = {
		{ "{'podSelector':{}}", true, false },
		{ "{'podSelector':{'matchLabels':{'app':'ops'}}}", false, false },
		{ "{'namespaceSelector':{}}", true, true },
		{ "{'namespaceSelector':{'matchLabels':{'team':'b'}}}", false, true },
		{ "{'namespaceSelector':{},'podSelector':{'matchLabels':{'app':'web'}}}", true,
		  false },
		{ "{'namespaceSelector':{'matchLabels':{'team':'b'}},'podSelector':{'matchLabels':"
		  "{'app':'web'}}}",
		  false, false },
		{ "{'namespaceSelector':{'matchLabels':{'team':'b'}}},{'podSelector':{'matchLabels'"
		  ":{'app':'web'}}}",
		  true, true },
		{ "{'namespaceSelector':{'matchLabels':{'kubernetes.io/metadata.name':'admin'}}}",
		  false, true },
	};
	const struct world *w = three_pods(state);
	char text[512];

	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		(void)snprintf(text, sizeof(text), "'from':[%s]", table[i].from);
		rule(w, text);
		if (verdict_of(w, WEB_DB).allow != table[i].web ||
		    verdict_of(w, OPS_DB).allow != table[i].ops)
			fail_msg("%s", table[i].from);
		check_denies(w, "192.0.2.1 shop/db TCP/80");
	}
}

static void expressions_mean_what_they_say_of_absent_keys(void **state)
{
	static const struct {
		const char *expression;
		bool web, ops; /* of admin, which has tier with an empty value */
	} table[] = {
		{ "{'key':'tier','operator':'Exists'}", false, true },
		{ "{'key':'tier','operator':'DoesNotExist'}", true, false },
		{ "{'key':'tier','operator':'In','values':['x','']}", false, true },
		{ "{'key':'tier','operator':'NotIn','values':['x']}", true, true },
		{ "{'key':'tier','operator':'NotIn','values':['','x']}", true, false },
		{ "{'key':'team','operator':'In','values':['a','b']},{'key':'tier','operator':"
		  "'Exists'}",
		  false, true },
	};
	const struct world *w = three_pods(state);
	char text[512];

	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		(void)snprintf(text, sizeof(text),
			       "'from':[{'namespaceSelector':{'matchExpressions':[%s]}}]",
			       table[i].expression);
		rule(w, text);
		if (verdict_of(w, WEB_DB).allow != table[i].web ||
		    verdict_of(w, OPS_DB).allow != table[i].ops)
			fail_msg("%s", table[i].expression);
	}
}

static void blocks_match_addresses_of_their_family(void **state)
{
	static const struct {
		const char *from, *addr;
		bool allow;
	} table[] = {
		{ "{'ipBlock':{'cidr':'192.0.2.0/24'}}", "192.0.2.255", true },
		{ "{'ipBlock':{'cidr':'192.0.2.77/24'}}", "192.0.2.1", true },
		{ "{'ipBlock':{'cidr':'192.0.2.0/24'}}", "192.0.3.0", false },
		{ "{'ipBlock':{'cidr':'192.0.2.0/25'}}", "192.0.2.128", false },
		{ "{'ipBlock':{'cidr':'0.0.0.0/0'}}", "192.0.2.1", true },
		{ "{'ipBlock':{'cidr':'0.0.0.0/0'}}", "2001:db8::1", false },
		{ "{'ipBlock':{'cidr':'::/0'}}", "192.0.2.1", false },
		{ "{'ipBlock':{'cidr':'::/0'}}", "2001:db8::1", true },
		{ "{'ipBlock':{'cidr':'2001:db8::/33'}}", "2001:db8:7fff::1", true },
		{ "{'ipBlock':{'cidr':'2001:db8::/33'}}", "2001:db8:8000::1", false },
		{ "{'ipBlock':{'cidr':'192.0.2.0/24','except':['192.0.2.0/28']}}", "192.0.2.15",
		  false },
		{ "{'ipBlock':{'cidr':'192.0.2.0/24','except':['192.0.2.0/28']}}", "192.0.2.16",
		  true },
		{ "{'ipBlock':{'cidr':'192.0.2.0/24','except':['192.0.2.0/28']}},{'ipBlock':"
		  "{'cidr':'192.0.2.3/32'}}",
		  "192.0.2.3", true },
		{ "{'ipBlock':{'cidr':'10.0.0.0/24'}}", "10.0.0.1", true }, /* web's */
		{ "{'ipBlock':{'cidr':'192.0.2.0/24'}}", "::ffff:192.0.2.1", true },
	};
	const struct world *w = three_pods(state);
	char text[512], words[128];

	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		(void)snprintf(text, sizeof(text), "'from':[%s]", table[i].from);
		(void)snprintf(words, sizeof(words), "%s shop/db TCP/80", table[i].addr);
		rule(w, text);
		if (verdict_of(w, words).allow != table[i].allow)
			fail_msg("%s %s", table[i].from, table[i].addr);
	}
}

static void a_flow_has_the_family_of_its_address(void **state)
{
	const struct world *w = three_pods(state);

	apply(w, "{'kind':'Pod','metadata':{'namespace':'shop','name':'two'},'status':{"
		 "'phase':'Running','podIPs':[{'ip':'10.0.0.9'},{'ip':'fd00::9'}]}}");
	policy(w, "admin", "out",
	       "'podSelector':{},'policyTypes':['Egress'],'egress':[{'to':[{'ipBlock':{'cidr':"
	       "'fd00::/64'}}]}]");
	check_denies(w, "admin/ops shop/two TCP/80");
	check_denies(w, "admin/ops 10.0.0.9 TCP/80");
	check_allows(w, "admin/ops fd00::9 TCP/80");
}

static void ports_match_by_number_range_and_protocol(void **state)
{
	static const struct {
		const char *port, *flow;
		bool allow;
	} table[] = {
		{ "{'port':80}", "TCP/80", true },
		{ "{'port':80}", "TCP/81", false },
		{ "{'port':80}", "UDP/80", false },
		{ "{'protocol':'UDP','port':80}", "UDP/80", true },
		{ "{'protocol':'SCTP','port':80}", "SCTP/80", true },
		{ "{'protocol':'SCTP','port':80}", "TCP/80", false },
		{ "{'protocol':'UDP'}", "UDP/65535", true },
		{ "{'protocol':'UDP'}", "TCP/80", false },
		{ "{}", "TCP/1", true },
		{ "{}", "UDP/1", false },
		{ "{'port':100,'endPort':200}", "TCP/99", false },
		{ "{'port':100,'endPort':200}", "TCP/100", true },
		{ "{'port':100,'endPort':200}", "TCP/200", true },
		{ "{'port':100,'endPort':200}", "TCP/201", false },
		{ "{'port':1},{'port':2}", "TCP/2", true },
		{ "{'port':'http'}", "TCP/8080", true },
		{ "{'port':'http'}", "TCP/80", false },
		{ "{'protocol':'UDP','port':'http'}", "UDP/8080", false },
		{ "{'protocol':'UDP','port':'dns'}", "UDP/53", true },
		{ "{'port':'nosuch'}", "TCP/8080", false },
	};
	const struct world *w = three_pods(state);
	char text[512], words[128];

	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		(void)snprintf(text, sizeof(text), "'ports':[%s]", table[i].port);
		(void)snprintf(words, sizeof(words), "shop/web shop/db %s", table[i].flow);
		rule(w, text);
		if (verdict_of(w, words).allow != table[i].allow)
			fail_msg("%s %s", table[i].port, table[i].flow);
	}
}

static void a_named_port_is_the_destinations_for_egress_too(void **state)
{
	const struct world *w = three_pods(state);

	apply(w, "{'kind':'Pod','metadata':{'namespace':'shop','name':'old'},'spec':{'containers':["
		 "{'ports':[{'name':'http','containerPort':8000}]}]},'status':{'podIP':'10.0.0.7'}"
		 "}");
	policy(w, "shop", "out",
	       "'podSelector':{'matchLabels':{'app':'web'}},'policyTypes':['Egress'],'egress':[{"
	       "'ports':[{'port':'http'}]}]");
	check_allows(w, "shop/web shop/db TCP/8080");
	check_denies(w, "shop/web shop/old TCP/8080");
	check_allows(w, "shop/web shop/old TCP/8000");
	check_denies(w, "shop/web 192.0.2.1 TCP/8080");
}

static void peer_and_port_must_match_in_one_rule(void **state)
{
	const struct world *w = three_pods(state);

	policy(w, "shop", "p",
	       "'podSelector':{},'ingress':[{'from':[{'podSelector':{}}],'ports':[{'port':1}]},"
	       "{'from':[{'namespaceSelector':{}}],'ports':[{'port':2}]}]");
	check_allows(w, "shop/web shop/db TCP/1");
	check_allows(w, "shop/web shop/db TCP/2");
	check_denies(w, "admin/ops shop/db TCP/1");
	check_allows(w, "admin/ops shop/db TCP/2");
	assert_int_equal(verdict_of(w, "admin/ops shop/db TCP/2").side[PN_POLICY_INGRESS].rule, 1);
}

static void a_changed_label_changes_who_is_meant(void **state)
{
	const struct world *w = three_pods(state);

	rule(w, "'from':[{'namespaceSelector':{'matchLabels':{'team':'a'}},'podSelector':{"
		"'matchLabels':{'app':'web'}}}]");
	check_allows(w, WEB_DB);
	pod(w, "shop", "web", "'app':'other'", "10.0.0.1");
	check_denies(w, WEB_DB);
	pod(w, "shop", "web", "'app':'web'", "10.0.0.1");
	name_space(w, "shop", "'team':'z'");
	check_denies(w, WEB_DB);
	name_space(w, "shop", "'team':'a'");
	check_allows(w, WEB_DB);
	pod(w, "shop", "db", "'app':'other'", "10.0.0.2");
	check_allows(w, OPS_DB);
}

static void a_namespace_without_its_object_has_its_name(void **state)
{
	struct world *w = *state;

	pod(w, "a", "x", "", "10.0.0.1");
	pod(w, "b", "y", "", "10.0.0.2");
	policy(w, "a", "p",
	       "'podSelector':{},'ingress':[{'from':[{'namespaceSelector':{'matchLabels':{"
	       "'kubernetes.io/metadata.name':'b'}}}]}]");
	check_allows(w, "b/y a/x TCP/80");
	name_space(w, "b", "'q':'r'");
	check_allows(w, "b/y a/x TCP/80");
	drop(w, "{'kind':'Namespace','metadata':{'name':'b'}}");
	check_allows(w, "b/y a/x TCP/80");
	check_denies(w, "192.0.2.1 a/x TCP/80");
}

static void note(void *data, const struct pn_policy *p, int64_t r)
{
	struct pn_buf *b = data;

	assert_int_equal(pn_buf_printf(b, "%s:%d ", pn_policy_key(p), (int)r), 0);
}

static void all_that_decided_are_named_in_order(void **state)
{
	const struct world *w = three_pods(state);
	struct pn_buf got = PN_BUF_INIT(1024);
	struct pn_policy_verdict v;
	struct asked a;

	policy(w, "shop", "b", "'podSelector':{},'ingress':[{'ports':[{'port':9}]},{},{}]");
	policy(w, "shop", "a", "'podSelector':{},'ingress':[{}]");
	policy(w, "shop", "c", "'podSelector':{}");
	ask(w, WEB_DB, &a);
	v = verdict_of(w, WEB_DB);
	pn_policy_each(w->set, &a.flow, PN_POLICY_INGRESS, &v.side[PN_POLICY_INGRESS], note, &got);
	assert_string_equal(got.data, "shop/a:0 shop/b:1 shop/b:2 ");
	pn_buf_done(&got);
}

static void an_invalid_policy_is_refused_in_words_and_leaves_none(void **state)
{
	static const struct {
		const char *spec, *says;
	} table[] = {
		{ "'podSelector':{},'ingress':[{'from':[{}]}]", "a peer" },
		{ "'podSelector':{},'ingress':[{'from':[{'ipBlock':{'cidr':'10.0.0.0/33'}}]}]",
		  "a peer" },
		{ "'podSelector':{},'ingress':[{'from':[{'ipBlock':{'cidr':'10.0.0.0/8','except':["
		  "'x']}}]}]",
		  "except" },
		{ "'podSelector':{},'ingress':[{'ports':[{'port':9,'endPort':8}]}]", "a port" },
		{ "'podSelector':{'matchExpressions':[{'key':'a','operator':'Like'}]}",
		  "a selector" },
		{ "'podSelector':{'matchLabels':{'a b':'c'}}", "a label" },
		{ "'podSelector':{},'policyTypes':['Both']", "policyTypes" },
	};
	const struct world *w = three_pods(state);
	char text[1024];

	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		struct pn_err err = { "" };

		policy(w, "shop", "p", "'podSelector':{}");
		check_denies(w, WEB_DB);
		(void)snprintf(text, sizeof(text),
			       "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'p'},"
			       "'spec':{%s}}",
			       table[i].spec);
		assert_int_equal(try_apply(w, text, &err), -EINVAL);
		if (!strstr(err.text, table[i].says))
			fail_msg("%s: %s", text, err.text);
		check_allows(w, WEB_DB);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_policies_all_is_allowed),
		TEST(isolation_is_per_direction_and_namespace),
		TEST(types_default_to_ingress_and_to_egress_with_rules),
		TEST(no_rule_allows_nothing_and_an_empty_rule_everything),
		TEST(policies_only_add),
		TEST(both_ends_must_allow),
		TEST(peers_select_namespaces_and_pods),
		TEST(expressions_mean_what_they_say_of_absent_keys),
		TEST(blocks_match_addresses_of_their_family),
		TEST(a_flow_has_the_family_of_its_address),
		TEST(ports_match_by_number_range_and_protocol),
		TEST(a_named_port_is_the_destinations_for_egress_too),
		TEST(peer_and_port_must_match_in_one_rule),
		TEST(a_changed_label_changes_who_is_meant),
		TEST(a_namespace_without_its_object_has_its_name),
		TEST(all_that_decided_are_named_in_order),
		TEST(an_invalid_policy_is_refused_in_words_and_leaves_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
