/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policies make of a record: by whom its ends are named, which policy decides, and when nobody
 * can tell.
 */
#include "tests/unit/policy/fixture.h"

#include "base/addr.h"
#include "daemon/judge.h"

static const pn_nsec second = PN_NSEC_PER_SEC;

static struct pn_owner owner(enum pn_owner_kind kind, const char *ns, const char *name)
{
	return (struct pn_owner) {
		.kind = kind,
		.uid = "",
		.name_space = ns,
		.name = name,
		.workload_kind = "",
		.workload_name = "",
		.node = "n1",
		.zone = "",
		.region = "",
	};
}

static struct pn_owner web, db;

/* web -> db TCP 5432 */
static struct pn_flow_record sample(void)
{
	struct pn_flow_record r = { .proto = IPPROTO_TCP, .destination.port = 5432 };

	web = owner(PN_OWNER_POD, "shop", "web");
	db = owner(PN_OWNER_POD, "shop", "db");
	r.source.owner = &web;
	r.destination.owner = &db;
	assert_int_equal(pn_addr_parse("10.0.0.1", &r.source.addr), 0);
	assert_int_equal(pn_addr_parse("10.0.0.2", &r.destination.addr), 0);
	return r;
}

static void populate(const struct world *w)
{
	pod(w, "shop", "web", "'app':'web'", "10.0.0.1");
	pod(w, "shop", "db", "'app':'db'", "10.0.0.2");
	apply(w, "{'kind':'Node','metadata':{'name':'n1'},'status':{'addresses':[{'type':"
		 "'InternalIP','address':'192.0.2.1'}]}}");
	policy(w, "shop", "db-closed",
	       "'podSelector':{'matchLabels':{'app':'db'}},'policyTypes':['Ingress'],'ingress':[{"
	       "'ports':[{'port':80}]}]");
}

static void assert_judged(const struct world *w, const struct pn_flow_record *r, pn_nsec start,
			  enum pn_expected expected, const char *by, bool is_ingress)
{
	struct pn_record_policy p = { .expected = PN_EXPECTED_UNKNOWN };

	pn_judge_record(w->set, r, start, &p);
	assert_string_equal(pn_expected_name(p.expected), pn_expected_name(expected));
	assert_string_equal(p.by ? p.by : "-", by);
	assert_int_equal(p.is_ingress, is_ingress);
	pn_intern_unref(p.by);
}

static void the_policy_that_decides_is_named(void **state)
{
	struct world *w = *state;
	struct pn_flow_record r = sample();
	pn_nsec start = 100 * second;

	populate(w);
	assert_judged(w, &r, start, PN_EXPECTED_DENIED, "NetworkPolicy/shop/db-closed", true);
	r.destination.port = 80;
	assert_judged(w, &r, start, PN_EXPECTED_ALLOWED, "NetworkPolicy/shop/db-closed", true);
	policy(w, "shop", "web-silent",
	       "'podSelector':{'matchLabels':{'app':'web'}},'policyTypes':['Egress']");
	assert_judged(w, &r, start, PN_EXPECTED_DENIED, "NetworkPolicy/shop/web-silent", false);
	r.source.owner = &db;
	r.destination.owner = &web;
	assert_judged(w, &r, start, PN_EXPECTED_ALLOWED, "-", false);
}

static void ends_are_who_they_were_at_the_first_packet(void **state)
{
	struct world *w = *state;
	struct pn_flow_record r = sample();
	struct pn_owner node = owner(PN_OWNER_NODE, "", "n1"), gone, process;
	pn_nsec start = 100 * second;

	populate(w);
	pod(w, "shop", "db", "'app':'db'", "10.0.0.9"); /* it has got another address since */
	pod(w, "shop", "api", "'app':'api'", "10.0.0.2");
	assert_judged(w, &r, start, PN_EXPECTED_DENIED, "NetworkPolicy/shop/db-closed", true);
	gone = owner(PN_OWNER_POD, "shop", "gone");
	r.source.owner = &gone;
	assert_judged(w, &r, start, PN_EXPECTED_UNKNOWN, "-", false);
	r.source.owner = &node;
	assert_judged(w, &r, start, PN_EXPECTED_ALLOWED, "-", false); /* db's own node */
	process = owner(PN_OWNER_PROCESS, "", "kubelet");
	r.source.owner = &process;
	assert_judged(w, &r, start, PN_EXPECTED_ALLOWED, "-", false);
	r.source.owner = NULL;
	assert_int_equal(pn_addr_parse("198.51.100.1", &r.source.addr), 0);
	assert_judged(w, &r, start, PN_EXPECTED_DENIED, "NetworkPolicy/shop/db-closed", true);
	r.destination.owner = &node;
	assert_judged(w, &r, start, PN_EXPECTED_NONE, "-", false); /* no pod at all */
}

static void what_policies_cannot_name_is_not_judged(void **state)
{
	struct pn_flow_record r = sample(), other = r;

	(void)state;
	assert_true(pn_judge_is_subject(&r));
	other.proto = IPPROTO_ICMP;
	assert_false(pn_judge_is_subject(&other));
	other = r;
	other.destination.port = 0;
	assert_false(pn_judge_is_subject(&other));
	other = r;
	other.is_collapsed = true;
	assert_false(pn_judge_is_subject(&other));
	other = r;
	other.destination.attribution = PN_ATTR_SERVICE;
	assert_false(pn_judge_is_subject(&other));
	other = r;
	other.source.attribution = PN_ATTR_AMBIGUOUS;
	assert_false(pn_judge_is_subject(&other));
	other = r;
	other.destination.attribution = PN_ATTR_STALE;
	assert_false(pn_judge_is_subject(&other));
	other = r;
	assert_int_equal(pn_addr_parse("224.0.0.251", &other.destination.addr), 0);
	assert_false(pn_judge_is_subject(&other));
	assert_int_equal(pn_addr_parse("ff02::1", &other.destination.addr), 0);
	assert_false(pn_judge_is_subject(&other));
	assert_int_equal(pn_addr_parse("127.0.0.1", &other.destination.addr), 0);
	assert_false(pn_judge_is_subject(&other));
}

static bool is_late(const struct world *w, pn_nsec start)
{
	const struct pn_flow_record r = sample();
	struct pn_record_policy p = { .expected = PN_EXPECTED_UNKNOWN };

	pn_judge_record(w->set, &r, start, &p);
	pn_intern_unref(p.by);
	return p.is_late;
}

static void what_began_near_a_change_is_late(void **state)
{
	struct world *w = *state;

	pn_policy_set_time(w->set, 100 * second);
	populate(w);
	assert_true(is_late(w, 99 * second));
	assert_true(is_late(w, 102 * second));
	assert_false(is_late(w, 104 * second));
	pn_policy_set_time(w->set, 200 * second);
	policy(w, "other", "closed", "'podSelector':{}"); /* of another namespace */
	pod(w, "shop", "api", "'app':'api'", "10.0.0.3");
	assert_false(is_late(w, 199 * second));
	pod(w, "shop", "web", "'app':'web'", "10.0.0.1"); /* as it was */
	assert_false(is_late(w, 199 * second));
	pod(w, "shop", "web", "'app':'web','tier':'a'", "10.0.0.1");
	assert_true(is_late(w, 202 * second));
	pn_policy_set_time(w->set, 300 * second);
	name_space(w, "shop", "'team':'a'");
	assert_true(is_late(w, 302 * second));
	pn_policy_set_time(w->set, 400 * second);
	drop(w, "{'kind':'NetworkPolicy','metadata':{'namespace':'shop','name':'db-closed'},"
		"'spec':{'podSelector':{}}}");
	assert_true(is_late(w, 402 * second));
	pn_policy_set_time(w->set, 500 * second);
	apply(w, "{'kind':'ClusterNetworkPolicy','apiVersion':'policy.networking.k8s.io/v1alpha2',"
		 "'metadata':{'name':'a'},'spec':{'tier':'Admin','priority':1,'subject':{"
		 "'namespaces':{}}}}");
	assert_true(is_late(w, 502 * second));
	assert_false(is_late(w, 503 * second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_policy_that_decides_is_named),
		TEST(ends_are_who_they_were_at_the_first_packet),
		cmocka_unit_test(what_policies_cannot_name_is_not_judged),
		TEST(what_began_near_a_change_is_late),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
