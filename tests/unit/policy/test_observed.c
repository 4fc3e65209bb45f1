/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows that were seen: workloads by their pods, what counts as one flow, and what a change of
 * policies means for them.
 */
#include "policy/observed.h"
#include "tests/unit/policy/fixture.h"

/* @by: "ReplicaSet web-7d9"; "" for none */
static void pod_of(const struct world *w, const char *name, const char *by, const char *labels,
		   const char *addr)
{
	char text[1024], kind[64] = "", owner[64] = "";

	(void)sscanf(by, "%63s %63s", kind, owner);
	(void)snprintf(text, sizeof(text),
		       "{'kind':'Pod','metadata':{'namespace':'shop','name':'%s','labels':{%s},"
		       "'ownerReferences':[{'controller':%s,'kind':'%s','name':'%s','uid':'u'}]},"
		       "'spec':{'nodeName':'n1'},'status':{'podIP':'%s'}}",
		       name, labels, *kind ? "true" : "false", kind, owner, addr);
	apply(w, text);
}

static void assert_workload(const struct world *w, const struct pn_policy_workloads *all,
			    const char *pod_name, const char *kind, const char *name)
{
	const struct pn_policy_workload *x;
	char key[128];

	(void)snprintf(key, sizeof(key), "shop/%s", pod_name);
	x = pn_policy_workload_of(all, pn_policy_find(w->set, PN_KIND_POD, key, strlen(key)));
	assert_string_equal(x->kind, kind);
	assert_string_equal(x->name, name);
	assert_string_equal(x->name_space, "shop");
	assert_ptr_equal(pn_policy_workload_find(all, "shop", kind, name), x);
}

static void pods_tell_their_workload(void **state)
{
	const struct world *w = *state;
	struct pn_policy_workloads *all;

	pod_of(w, "web-7d9-a", "ReplicaSet web-7d9", "'pod-template-hash':'7d9'", "10.0.0.1");
	pod_of(w, "web-5f5-b", "ReplicaSet web-5f5", "'pod-template-hash':'5f5'", "10.0.0.2");
	pod_of(w, "rs-1", "ReplicaSet bare", "'app':'x'", "10.0.0.3");
	pod_of(w, "odd-1", "ReplicaSet odd-1", "'pod-template-hash':'odd-1'", "10.0.0.4");
	pod_of(w, "db-0", "StatefulSet db", "", "10.0.0.5");
	pod_of(w, "back-29384720-x", "Job back-29384720", "", "10.0.0.6");
	pod_of(w, "once-1-x", "Job once-1", "", "10.0.0.7");
	pod_of(w, "etcd-n1", "Node n1", "", "10.0.0.8");
	pod_of(w, "bare", "", "", "10.0.0.9");
	assert_int_equal(pn_policy_workloads_new(w->set, &all), 0);
	assert_workload(w, all, "web-7d9-a", "Deployment", "web");
	assert_workload(w, all, "web-5f5-b", "Deployment", "web");
	assert_workload(w, all, "rs-1", "ReplicaSet", "bare");
	assert_workload(w, all, "odd-1", "ReplicaSet", "odd-1");
	assert_workload(w, all, "db-0", "StatefulSet", "db");
	assert_workload(w, all, "back-29384720-x", "CronJob", "back");
	assert_workload(w, all, "once-1-x", "Job", "once-1");
	assert_workload(w, all, "etcd-n1", "Pod", "etcd-n1");
	assert_workload(w, all, "bare", "Pod", "bare");
	assert_int_equal(pn_policy_workload_find(all, "shop", "Deployment", "web")->n_pods, 2);
	assert_ptr_equal(pn_policy_workload_find(all, "shop", "ReplicaSet", "web-old"),
			 pn_policy_workload_find(all, "shop", "Deployment", "web"));
	assert_ptr_equal(pn_policy_workload_find(all, "shop", "Job", "back-29384999"),
			 pn_policy_workload_find(all, "shop", "CronJob", "back"));
	assert_null(pn_policy_workload_find(all, "shop", "Deployment", "we"));
	assert_null(pn_policy_workload_find(all, "other", "Deployment", "web"));
	pn_policy_workloads_free(all);
}

/* @words: "shop/a shop/b TCP/80" */
static void see(const struct world *w, struct pn_observed *o, const char *words,
		uint64_t connection, bool is_attempt, const char *end)
{
	struct pn_sighting s = sighting(w, words);

	s.connection = connection;
	s.is_attempt = is_attempt;
	s.end = end;
	assert_int_equal(pn_observed_add(o, &s), 0);
}

static int sum_up(void *data, struct pn_observed_flow *f)
{
	char *text = data;
	size_t len = strlen(text);

	(void)snprintf(text + len, 256 - len, "%u:%u+%u@%s ", f->key.port,
		       (unsigned int)f->n_connections, (unsigned int)f->n_attempts, f->last_seen);
	return 0;
}

static void records_of_one_connection_count_once(void **state)
{
	const struct world *w = *state;
	struct pn_observed *o;
	char text[256] = "";

	pod(w, "shop", "a", "'app':'a'", "10.0.0.1");
	pod(w, "shop", "b", "'app':'b'", "10.0.0.2");
	assert_int_equal(pn_observed_new(w->set, &o), 0);
	see(w, o, "shop/a shop/b TCP/80", 1, true, "3");
	see(w, o, "shop/a shop/b TCP/80", 1, false, "5");
	see(w, o, "10.0.0.1 10.0.0.2 TCP/80", 1, false, "4");
	see(w, o, "shop/a shop/b TCP/80", 2, false, "2");
	see(w, o, "shop/a shop/b TCP/81", 3, true, "1");
	see(w, o, "shop/b shop/a UDP/80", 4, false, "1");
	assert_int_equal(pn_observed_each(o, sum_up, text), 0);
	assert_string_equal(text, "80:2+1@5 81:0+1@1 80:1+0@1 ");
	pn_observed_free(o);
}

static void many_connections_are_told_apart(void **state)
{
	enum { N = 20000 };
	const struct world *w = *state;
	struct pn_observed *o;
	char text[256] = "";

	pod(w, "shop", "a", "'app':'a'", "10.0.0.1");
	pod(w, "shop", "b", "'app':'b'", "10.0.0.2");
	assert_int_equal(pn_observed_new(w->set, &o), 0);
	for (unsigned int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < N; i++)
			see(w, o, "shop/a shop/b TCP/80", i, false, "1");
	assert_int_equal(pn_observed_each(o, sum_up, text), 0);
	assert_string_equal(text, "80:20000+0@1 ");
	pn_observed_free(o);
}

static void a_change_of_policies_shows_in_groups(void **state)
{
	const struct world *w = *state;
	struct pn_whatif_group g;
	struct pn_observed *o;
	struct pn_whatif r;

	pod_of(w, "web-7d9-a", "ReplicaSet web-7d9", "'app':'web','pod-template-hash':'7d9'",
	       "10.0.0.1");
	pod_of(w, "web-7d9-b", "ReplicaSet web-7d9", "'app':'web','pod-template-hash':'7d9'",
	       "10.0.0.2");
	pod_of(w, "db-0", "StatefulSet db", "'app':'db'", "10.0.0.3");
	policy(w, "shop", "open-later", "'podSelector':{'matchLabels':{'app':'web'}}");
	assert_int_equal(pn_observed_new(w->set, &o), 0);
	see(w, o, "shop/web-7d9-a shop/db-0 TCP/5432", 1, false, "1");
	see(w, o, "shop/web-7d9-b shop/db-0 TCP/5432", 2, false, "3");
	see(w, o, "shop/web-7d9-b shop/db-0 TCP/5432", 3, false, "2");
	see(w, o, "192.0.2.1 shop/db-0 TCP/5432", 4, false, "1");
	see(w, o, "192.0.2.2 shop/db-0 TCP/5432", 5, false, "1");
	see(w, o, "shop/db-0 shop/web-7d9-a TCP/80", 6, false, "1");
	see(w, o, "shop/web-7d9-a 192.0.2.1 TCP/443", 7, false, "1");
	see(w, o, "shop/web-7d9-a shop/db-0 TCP/1", 8, true, "1");
	pn_observed_judge(o);
	assert_true(pn_policy_delete(w->set, PN_POLICY_NETWORK, "shop/open-later"));
	assert_false(pn_policy_delete(w->set, PN_POLICY_NETWORK, "shop/open-later"));
	policy(w, "shop", "deny",
	       "'podSelector':{'matchLabels':{'app':'db'}},'policyTypes':['Ingress']");
	assert_int_equal(pn_whatif(o, false, &r), 0);
	assert_int_equal(r.n_changed, 5);
	assert_int_equal(r.n_allowed, 1);
	assert_int_equal(r.n_denied, 0);
	assert_int_equal(r.n_left_out, 1);
	assert_true(pn_whatif_next(&r, 0, &g));
	assert_int_equal(g.change, PN_WHATIF_DENIED);
	assert_int_equal(g.n_flows, 2);
	assert_int_equal(g.n_src, 2);
	assert_int_equal(g.n_dst, 1);
	assert_int_equal(g.n_connections, 3);
	assert_string_equal(g.last_seen, "3");
	assert_string_equal(g.flows[0]->key.src->workload->name, "web");
	assert_true(pn_whatif_next(&r, 2, &g));
	assert_int_equal(g.n_flows, 2);
	assert_null(g.flows[0]->key.src->workload);
	assert_true(pn_whatif_next(&r, 4, &g));
	assert_int_equal(g.change, PN_WHATIF_ALLOWED);
	assert_int_equal(g.flows[0]->key.port, 80);
	assert_false(pn_whatif_next(&r, 5, &g));
	pn_whatif_done(&r);
	assert_int_equal(pn_whatif(o, true, &r), 0);
	assert_int_equal(r.n_changed, 6);
	pn_whatif_done(&r);
	pn_observed_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pods_tell_their_workload),
		TEST(records_of_one_connection_count_once),
		TEST(many_connections_are_told_apart),
		TEST(a_change_of_policies_shows_in_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
