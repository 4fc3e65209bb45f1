/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose an address is, who is subject to policies at all, and where plugins differ.
 */
#include "tests/unit/policy/fixture.h"

#define NODE                                                                                     \
	"{'kind':'Node','metadata':{'name':'n1','labels':{'zone':'z'}},'status':{'addresses':[{" \
	"'type':'InternalIP','address':'192.0.2.1'}]}}"
#define HOST_POD                                                                                   \
	"{'kind':'Pod','metadata':{'namespace':'a','name':'host','labels':{'app':'host'}},'spec':" \
	"{"                                                                                        \
	"'hostNetwork':true,'nodeName':'n1'},'status':{'phase':'Running','podIP':'192.0.2.1'}}"

/* x and y on node n1, y isolated for ingress. */
static struct world *small_node(void **state)
{
	struct world *w = *state;

	apply(w, NODE);
	pod(w, "a", "x", "'app':'x'", "10.0.0.1");
	pod(w, "a", "y", "'app':'y'", "10.0.0.2");
	policy(w, "a", "deny", "'podSelector':{'matchLabels':{'app':'y'}}");
	return w;
}

static bool depends_on(const struct world *w, const char *words, enum pn_policy_reading r)
{
	return depends_of(w, words) >> r & 1;
}

static const char *owner(const struct world *w, const char *addr, char *buf)
{
	struct pn_policy_end e;
	const struct pn_policy_member *m;

	end_of(w, addr, &e);
	m = e.pod ? e.pod : e.node ? e.node : e.service;
	return m ? pn_object_key(pn_policy_member_object(m), buf) : "";
}

static void an_address_is_a_pods_then_a_nodes_then_a_services(void **state)
{
	const struct world *w = small_node(state);
	char key[PN_KEY_LEN];

	apply(w, "{'kind':'Service','metadata':{'namespace':'a','name':'s'},'spec':{'type':"
		 "'ClusterIP','clusterIPs':['10.96.0.1','10.0.0.1','192.0.2.1']}}");
	assert_string_equal(owner(w, "10.0.0.1", key), "a/x");
	assert_string_equal(owner(w, "::ffff:10.0.0.1", key), "a/x");
	assert_string_equal(owner(w, "192.0.2.1", key), "n1");
	assert_string_equal(owner(w, "10.96.0.1", key), "a/s");
	assert_string_equal(owner(w, "198.51.100.1", key), "");
	drop(w, "{'kind':'Node','metadata':{'name':'n1'}}");
	assert_string_equal(owner(w, "192.0.2.1", key), "a/s");
}

static void finished_and_host_network_pods_have_no_address_of_their_own(void **state)
{
	const struct world *w = small_node(state);
	char key[PN_KEY_LEN];

	apply(w, HOST_POD);
	assert_string_equal(owner(w, "192.0.2.1", key), "n1");
	apply(w, "{'kind':'Pod','metadata':{'namespace':'a','name':'done'},'status':{'phase':"
		 "'Succeeded','podIP':'10.0.0.1'}}");
	assert_string_equal(owner(w, "10.0.0.1", key), "a/x");
	apply(w, "{'kind':'Pod','metadata':{'namespace':'a','name':'x'},'status':{'phase':"
		 "'Failed','podIP':'10.0.0.1'}}");
	assert_string_equal(owner(w, "10.0.0.1", key), "");
}

static void of_two_pods_the_newer_one_has_the_address_whichever_came_first(void **state)
{
	static const char *const pods[] = {
		"{'kind':'Pod','metadata':{'namespace':'a','name':'old','creationTimestamp':"
		"'2026-01-01T00:00:00Z'},'status':{'podIP':'10.0.0.7'}}",
		"{'kind':'Pod','metadata':{'namespace':'a','name':'new','creationTimestamp':"
		"'2026-01-02T00:00:00Z'},'status':{'podIP':'10.0.0.7'}}",
	};
	const struct world *w = *state;
	char key[PN_KEY_LEN];

	for (unsigned int first = 0; first < 2; first++) {
		apply(w, pods[first]);
		apply(w, pods[1 - first]);
		assert_string_equal(owner(w, "10.0.0.7", key), "a/new");
		drop(w, pods[1]);
		assert_string_equal(owner(w, "10.0.0.7", key), "a/old");
		drop(w, pods[0]);
	}
}

static void a_pods_address_follows_its_changes(void **state)
{
	const struct world *w = small_node(state);
	char key[PN_KEY_LEN];

	pod(w, "a", "x", "", "10.0.0.9");
	assert_string_equal(owner(w, "10.0.0.1", key), "");
	assert_string_equal(owner(w, "10.0.0.9", key), "a/x");
	pod(w, "a", "x", "", "");
	assert_string_equal(owner(w, "10.0.0.9", key), "");
	check_denies(w, "a/x a/y TCP/80");
}

static void host_network_pods_are_not_subject_and_not_selected(void **state)
{
	const struct world *w = small_node(state);

	apply(w, HOST_POD);
	policy(w, "a", "all", "'podSelector':{'matchLabels':{'app':'host'}}");
	check_allows(w, "a/x a/host TCP/80");
	assert_true(depends_on(w, "a/x a/host TCP/80", PN_READING_HOST_PODS));
	policy(w, "a", "deny",
	       "'podSelector':{'matchLabels':{'app':'y'}},'ingress':[{'from':[{'podSelector':{}}]}"
	       "]");
	apply(w, "{'kind':'Pod','metadata':{'namespace':'a','name':'y','labels':{'app':'y'}},"
		 "'spec':{'nodeName':'n2'},'status':{'podIP':'10.0.0.2'}}");
	check_denies(w, "a/host a/y TCP/80");
	assert_true(depends_on(w, "a/host a/y TCP/80", PN_READING_HOST_PODS));
}

static void a_pod_and_its_own_node_reach_each_other(void **state)
{
	const struct world *w = small_node(state);

	check_allows(w, "192.0.2.1 a/y TCP/80");
	assert_int_equal(verdict_of(w, "192.0.2.1 a/y TCP/80").side[PN_POLICY_INGRESS].reason,
			 PN_POLICY_OWN_NODE);
	assert_int_equal(depends_of(w, "192.0.2.1 a/y TCP/80"), 0);
	policy(w, "a", "out", "'podSelector':{},'policyTypes':['Egress']");
	check_allows(w, "a/x 192.0.2.1 TCP/80");
	assert_true(depends_on(w, "a/x 192.0.2.1 TCP/80", PN_READING_OWN_NODE));
	apply(w, "{'kind':'Node','metadata':{'name':'n2'},'status':{'addresses':[{'type':"
		 "'InternalIP','address':'192.0.2.2'}]}}");
	check_denies(w, "192.0.2.2 a/y TCP/80");
}

static void a_pod_reaches_itself(void **state)
{
	const struct world *w = small_node(state);

	check_allows(w, "a/y a/y TCP/80");
	check_allows(w, "a/y 10.0.0.2 TCP/80");
	assert_true(depends_on(w, "a/y a/y TCP/80", PN_READING_SAME_POD));
	assert_false(depends_on(w, "a/x a/x TCP/80", PN_READING_SAME_POD));
}

static void an_ip_block_that_meets_a_pod_depends_on_the_plugin(void **state)
{
	const struct world *w = small_node(state);

	policy(w, "a", "block",
	       "'podSelector':{},'ingress':[{'from':[{'ipBlock':{'cidr':'0.0.0.0/0'}}]}]");
	check_allows(w, "a/x a/y TCP/80");
	assert_int_equal(depends_of(w, "a/x a/y TCP/80"), 1 << PN_READING_BLOCKS_SPARE_PODS);
	assert_int_equal(depends_of(w, "198.51.100.1 a/y TCP/80"), 1 << PN_READING_SOURCE_NAT);
	policy(w, "a", "pods", "'podSelector':{},'ingress':[{'from':[{'podSelector':{}}]}]");
	assert_int_equal(depends_of(w, "a/x a/y TCP/80"), 0);
}

static void sctp_depends_on_its_support(void **state)
{
	const struct world *w = small_node(state);

	policy(w, "a", "sctp", "'podSelector':{},'ingress':[{'ports':[{'protocol':'SCTP'}]}]");
	check_allows(w, "a/x a/y SCTP/80");
	assert_int_equal(depends_of(w, "a/x a/y SCTP/80"), 1 << PN_READING_NO_SCTP);
	check_denies(w, "a/x a/y TCP/80");
	assert_int_equal(depends_of(w, "a/x a/y TCP/80"), 0);
}

static void names_of_init_containers_depend_on_the_plugin(void **state)
{
	const struct world *w = *state;

	pod(w, "a", "x", "", "10.0.0.1");
	apply(w, "{'kind':'Pod','metadata':{'namespace':'a','name':'y'},'spec':{'initContainers':["
		 "{'restartPolicy':'Always','ports':[{'name':'side','containerPort':9}]},"
		 "{'ports':[{'name':'once','containerPort':8}]}]},'status':{'podIP':'10.0.0.2'}}");
	policy(w, "a", "p",
	       "'podSelector':{},'ingress':[{'ports':[{'port':'side'},{'port':'once'}]}]");
	check_allows(w, "a/x a/y TCP/9");
	check_denies(w, "a/x a/y TCP/8");
	assert_int_equal(depends_of(w, "a/x a/y TCP/9"), 1 << PN_READING_MAIN_CONTAINERS);
}

static void equal_priorities_that_disagree_are_undefined(void **state)
{
	static const char *const actions[] = { "Accept", "Deny" };
	const struct world *w = small_node(state);
	char text[512];

	for (int i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text),
			       "{'apiVersion':'policy.networking.k8s.io/v1alpha2','kind':"
			       "'ClusterNetworkPolicy','metadata':{'name':'p%d'},'spec':{'tier':"
			       "'Admin','priority':3,'subject':{'namespaces':{}},'ingress':[{"
			       "'action':'%s','from':[{'namespaces':{}}]}]}}",
			       i, actions[i]);
		apply(w, text);
	}
	check_allows(w, "a/x a/y TCP/80");
	assert_true(depends_on(w, "a/x a/y TCP/80", PN_READING_EQUAL_PRIORITY));
}

static void domain_names_may_mean_an_outside_address(void **state)
{
	const struct world *w = small_node(state);

	apply(w, "{'apiVersion':'policy.networking.k8s.io/v1alpha2','kind':'ClusterNetworkPolicy',"
		 "'metadata':{'name':'p'},'spec':{'tier':'Admin','priority':3,'subject':{"
		 "'namespaces':{}},'egress':[{'action':'Accept','to':[{'domainNames':["
		 "'example.com']}]},{'action':'Deny','to':[{'networks':['0.0.0.0/0']}]}]}}");
	check_denies(w, "a/x 198.51.100.1 TCP/443");
	assert_true(depends_on(w, "a/x 198.51.100.1 TCP/443", PN_READING_DOMAIN_NAMES));
	assert_false(depends_on(w, "a/x a/y TCP/443", PN_READING_DOMAIN_NAMES));
}

static void a_nodes_peer_may_mean_pods_to_some(void **state)
{
	const struct world *w = *state;

	apply(w, NODE);
	pod(w, "a", "x", "", "10.0.0.1");
	pod(w, "a", "y", "", "10.0.0.2");
	apply(w, "{'apiVersion':'policy.networking.k8s.io/v1alpha2','kind':'ClusterNetworkPolicy',"
		 "'metadata':{'name':'p'},'spec':{'tier':'Admin','priority':3,'subject':{"
		 "'namespaces':{}},'egress':[{'action':'Deny','to':[{'nodes':{'matchLabels':{"
		 "'zone':'z'}}}]}]}}");
	check_allows(w, "a/x a/y TCP/1");
	assert_int_equal(depends_of(w, "a/x a/y TCP/1"), 1 << PN_READING_NODES_MEAN_PODS);
}

static void a_baseline_may_be_skipped_after_any_isolation(void **state)
{
	const struct world *w = small_node(state);

	policy(w, "a", "deny",
	       "'podSelector':{'matchLabels':{'app':'y'}},'policyTypes':['Egress'],'egress':[{}]");
	apply(w, "{'apiVersion':'policy.networking.k8s.io/v1alpha1','kind':"
		 "'BaselineAdminNetworkPolicy','metadata':{'name':'default'},'spec':{'subject':{"
		 "'namespaces':{}},'ingress':[{'action':'Deny','from':[{'namespaces':{}}]}]}}");
	check_denies(w, "a/x a/y TCP/1");
	assert_int_equal(depends_of(w, "a/x a/y TCP/1"), 1 << PN_READING_BASELINE_SKIPPED);
}

static void the_nearest_pod_is_the_one_with_the_longest_common_beginning(void **state)
{
	const struct world *w = *state;

	pod(w, "shop", "web-7d9-abc", "", "");
	pod(w, "shop", "db-0", "", "");
	pod(w, "other", "web-7d9-abc", "", "");
	assert_string_equal(pn_policy_nearest_pod(w->set, "shop/web"), "shop/web-7d9-abc");
	assert_string_equal(pn_policy_nearest_pod(w->set, "shop/db-1"), "shop/db-0");
	assert_null(pn_policy_nearest_pod(w->set, "shop/xyz"));
	assert_null(pn_policy_nearest_pod(w->set, "nowhere/web"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_is_a_pods_then_a_nodes_then_a_services),
		TEST(finished_and_host_network_pods_have_no_address_of_their_own),
		TEST(of_two_pods_the_newer_one_has_the_address_whichever_came_first),
		TEST(a_pods_address_follows_its_changes),
		TEST(host_network_pods_are_not_subject_and_not_selected),
		TEST(a_pod_and_its_own_node_reach_each_other),
		TEST(a_pod_reaches_itself),
		TEST(an_ip_block_that_meets_a_pod_depends_on_the_plugin),
		TEST(sctp_depends_on_its_support),
		TEST(names_of_init_containers_depend_on_the_plugin),
		TEST(equal_priorities_that_disagree_are_undefined),
		TEST(domain_names_may_mean_an_outside_address),
		TEST(a_nodes_peer_may_mean_pods_to_some),
		TEST(a_baseline_may_be_skipped_after_any_isolation),
		TEST(the_nearest_pod_is_the_one_with_the_longest_common_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
