/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose sockets a cgroup's are: the rules at the head of cgroup.c, in either order of arrival.
 */
#include "cgroup_fixture.h"

#include "base/metric.h"

/* --- pods --------------------------------------------------------------------------------------- */

static void a_cgroup_finds_the_pod_that_came_before_it(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	add(w, &a.p.meta);
	add_cgroup(w, 7, "uid-a", "");
	add_cgroup(w, 8, "uid-a", "");
	check(w, 7, PN_CGROUP_POD, "a");
	check(w, 8, PN_CGROUP_POD, "a");
	check(w, 9, PN_CGROUP_UNKNOWN, NULL);
	assert_int_equal(n_cgroups(w), 2);
}

static void a_cgroup_awaits_the_pod_that_comes_after_it(void **state)
{
	struct world *w = *state;
	struct pod a;

	add_cgroup(w, 7, "uid-a", "");
	check(w, 7, PN_CGROUP_AWAITED, NULL);
	assert_false(pn_index_has_cgroup(w->idx, 7));
	assert_int_equal(n_cgroups(w), 0);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	add(w, &a.p.meta);
	check(w, 7, PN_CGROUP_POD, "a");
	assert_true(pn_index_has_cgroup(w->idx, 7));
	assert_int_equal(n_cgroups(w), 1);
}

static void pods_without_an_address_are_told_apart(void **state)
{
	struct world *w = *state;
	struct pod a, b, pending;

	pod_init(&a, "a", "uid-a", NULL, 1);
	pod_init(&b, "b", "uid-b", NULL, 1);
	pod_init(&pending, "pending", "uid-p", NULL, 0);
	a.p.host_network = b.p.host_network = true;
	pending.p.phase = PN_POD_PENDING;
	add_cgroup(w, 1, "uid-a", "");
	add(w, &a.p.meta);
	add(w, &b.p.meta);
	add(w, &pending.p.meta);
	add_cgroup(w, 2, "uid-b", "");
	add_cgroup(w, 3, "uid-p", "");
	check(w, 1, PN_CGROUP_POD, "a");
	check(w, 2, PN_CGROUP_POD, "b");
	check(w, 3, PN_CGROUP_POD, "pending");
}

static void a_pod_of_another_node_has_its_cgroup_too(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", NULL, 1);
	a.p.host_network = true;
	a.p.node_name = "n2"; /* several nodes on one machine see each other's tree */
	add_cgroup(w, 1, "uid-a", "");
	add(w, &a.p.meta);
	check(w, 1, PN_CGROUP_POD, "a");
}

static void on_a_node_without_a_name_pods_have_their_cgroups_too(void **state)
{
	struct world *w = *state;
	struct pod a, m;

	pn_index_free(w->idx);
	assert_int_equal(pn_index_new(&w->clock, "", &w->idx), 0);
	pod_init(&a, "a", "uid-a", NULL, 1);
	a.p.host_network = true;
	mirror_init(&m, "proxy-n1", "uid-m");
	add(w, &a.p.meta);
	add(w, &m.p.meta);
	add_cgroup(w, 1, "uid-a", "");
	add_cgroup(w, 2, HASH, "");
	add_cgroup(w, 3, "", "sh");
	check(w, 1, PN_CGROUP_POD, "a");
	check(w, 2, PN_CGROUP_POD, "proxy-n1");
	check(w, 3, PN_CGROUP_PROCESS, "sh");
}

static void a_terminal_pod_keeps_the_name_of_its_cgroup(void **state)
{
	struct world *w = *state;
	const struct pn_owner *o = NULL;
	struct pod a, done;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	add(w, &a.p.meta);
	add_cgroup(w, 7, "uid-a", "");
	done = a;
	done.p.addrs = done.addrs;
	done.p.phase = PN_POD_SUCCEEDED;
	update(w, &a.p.meta, &done.p.meta);
	check(w, 7, PN_CGROUP_POD, "a");
	assert_int_equal(pn_index_at(w->idx, &done.addrs[0], PN_NSEC_NEVER, &o), 0);
	forget_the_past(w);
	check(w, 7, PN_CGROUP_POD, "a");
}

static void a_cgroup_is_remembered_after_the_pod_went(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	add(w, &a.p.meta);
	add_cgroup(w, 7, "uid-a", "");
	go_to(w, 5000);
	del(w, &a.p.meta);
	pn_index_cgroup_remove(w->idx, 7);
	go_to(w, 304000);
	pn_index_prune(w->idx);
	(void)pn_index_take_changes(w->idx, NULL, NULL);
	check(w, 7, PN_CGROUP_POD, "a");
	assert_true(pn_index_has_cgroup(w->idx, 7));
	forget_the_past(w);
	check(w, 7, PN_CGROUP_UNKNOWN, NULL);
	assert_false(pn_index_has_cgroup(w->idx, 7));
	assert_int_equal(n_cgroups(w), 0);
	assert_int_equal(n_owners(w), 0);
}

static void a_pod_that_comes_after_its_cgroup_went_names_it(void **state)
{
	struct world *w = *state;
	struct pod a;

	add_cgroup(w, 7, "uid-a", "");
	pn_index_cgroup_remove(w->idx, 7);
	check(w, 7, PN_CGROUP_AWAITED, NULL);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	add(w, &a.p.meta);
	check(w, 7, PN_CGROUP_POD, "a");
}

static void a_cgroup_whose_pod_never_comes_is_forgotten(void **state)
{
	struct world *w = *state;

	add_cgroup(w, 7, "uid-a", "");
	pn_index_cgroup_remove(w->idx, 7);
	pn_index_cgroup_remove(w->idx, 7);
	pn_index_cgroup_remove(w->idx, 8);
	forget_the_past(w);
	check(w, 7, PN_CGROUP_UNKNOWN, NULL);
}

static void a_pod_that_goes_and_comes_again_keeps_its_cgroups(void **state)
{
	struct world *w = *state;
	struct pod a;
	const struct pn_owner *o;
	uint32_t id;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	add(w, &a.p.meta);
	add_cgroup(w, 7, "uid-a", "");
	assert_int_equal(pn_index_cgroup(w->idx, 7, &o), PN_CGROUP_POD);
	id = o->id;
	del(w, &a.p.meta);
	forget_the_past(w);
	check(w, 7, PN_CGROUP_POD, "a"); /* the cgroup is still there */
	add(w, &a.p.meta);
	assert_int_equal(pn_index_cgroup(w->idx, 7, &o), PN_CGROUP_POD);
	assert_int_equal(o->id, id);
}

static void a_cgroup_that_comes_again_is_there_again(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	add(w, &a.p.meta);
	add_cgroup(w, 7, "uid-a", "");
	pn_index_cgroup_remove(w->idx, 7);
	add_cgroup(w, 7, "uid-a", "");
	forget_the_past(w);
	check(w, 7, PN_CGROUP_POD, "a");
	assert_int_equal(n_cgroups(w), 1);
}

/* --- static pods -------------------------------------------------------------------------------- */

static void a_static_pod_is_found_by_the_hash_of_its_mirror(void **state)
{
	struct world *w = *state;
	struct pod m;

	mirror_init(&m, "proxy-n1", "uid-m");
	add_cgroup(w, 1, HASH, "");
	check(w, 1, PN_CGROUP_AWAITED, NULL);
	add(w, &m.p.meta);
	check(w, 1, PN_CGROUP_POD, "proxy-n1");
	add_cgroup(w, 2, HASH, "");
	check(w, 2, PN_CGROUP_POD, "proxy-n1");
	del(w, &m.p.meta);
	check(w, 2, PN_CGROUP_POD, "proxy-n1");
}

static void a_mirror_made_anew_takes_the_cgroups_over(void **state)
{
	struct world *w = *state;
	struct pod first, second;

	mirror_init(&first, "proxy-n1", "uid-1");
	mirror_init(&second, "proxy-n1-again", "uid-2");
	add_cgroup(w, 1, HASH, "");
	add(w, &first.p.meta);
	del(w, &first.p.meta);
	add(w, &second.p.meta);
	check(w, 1, PN_CGROUP_POD, "proxy-n1-again");
}

static void between_two_mirrors_nobody_is_chosen(void **state)
{
	struct world *w = *state;
	struct pod one, other;

	mirror_init(&one, "proxy-n1", "uid-1");
	mirror_init(&other, "thief", "uid-2");
	add_cgroup(w, 1, HASH, "");
	add(w, &one.p.meta);
	add(w, &other.p.meta);
	check(w, 1, PN_CGROUP_AWAITED, NULL);
	assert_false(pn_index_has_cgroup(w->idx, 1));
	del(w, &other.p.meta);
	check(w, 1, PN_CGROUP_POD, "proxy-n1");
}

static void a_mirror_of_another_node_stands_for_no_pod_here(void **state)
{
	struct world *w = *state;
	struct pod m;

	mirror_init(&m, "proxy-n2", "uid-m");
	m.p.node_name = "n2";
	add_cgroup(w, 1, HASH, "");
	add(w, &m.p.meta);
	check(w, 1, PN_CGROUP_AWAITED, NULL);
}

static void an_annotation_never_stands_for_the_uid_of_another_pod(void **state)
{
	static struct pn_label forged[] = { { "kubernetes.io/config.hash",
					      "6f5b1c1e-0000-4000-8000-000000000001" } };
	struct world *w = *state;
	struct pod thief, victim;

	mirror_init(&thief, "thief", "uid-t");
	thief.p.meta.labels = forged;
	pod_init(&victim, "victim", forged[0].value, "10.0.0.1", 1);
	add_cgroup(w, 1, forged[0].value, "");
	add(w, &thief.p.meta);
	check(w, 1, PN_CGROUP_AWAITED, NULL);
	add(w, &victim.p.meta);
	check(w, 1, PN_CGROUP_POD, "victim");
	del(w, &victim.p.meta);
	check(w, 1, PN_CGROUP_POD, "victim");
}

/* --- processes ---------------------------------------------------------------------------------- */

static void a_cgroup_without_a_pod_is_a_process_of_this_node(void **state)
{
	struct world *w = *state;
	const struct pn_owner *o;

	add_cgroup(w, 5, "", "kubelet.service");
	check(w, 5, PN_CGROUP_PROCESS, "kubelet.service");
	assert_int_equal(pn_index_cgroup(w->idx, 5, &o), PN_CGROUP_PROCESS);
	assert_int_equal(o->kind, PN_OWNER_PROCESS);
	assert_int_equal(o->flags, PN_OWNER_LOCAL);
	assert_string_equal(o->uid, "cgroup:5");
	assert_string_equal(o->node, "n1");
	assert_string_equal(o->name_space, "");
	assert_ptr_equal(pn_index_owner(w->idx, o->id), o);
}

static void a_process_is_renamed_when_it_comes_again_with_another_name(void **state)
{
	struct world *w = *state;
	const struct pn_owner *o;
	uint32_t id;

	add_cgroup(w, 5, "", "sh");
	assert_int_equal(pn_index_cgroup(w->idx, 5, &o), PN_CGROUP_PROCESS);
	id = o->id;
	add_cgroup(w, 5, "", "curl");
	check(w, 5, PN_CGROUP_PROCESS, "curl");
	assert_int_equal(pn_index_cgroup(w->idx, 5, &o), PN_CGROUP_PROCESS);
	assert_int_equal(o->id, id);
}

static void a_process_without_a_name_has_its_cgroups_number(void **state)
{
	struct world *w = *state;

	add_cgroup(w, 18446744073709551615u, "", "");
	check(w, 18446744073709551615u, PN_CGROUP_PROCESS, "cgroup:18446744073709551615");
}

static void a_process_is_remembered_and_then_forgotten(void **state)
{
	struct world *w = *state;

	add_cgroup(w, 5, "", "sh");
	pn_index_cgroup_remove(w->idx, 5);
	go_to(w, 299000);
	pn_index_prune(w->idx);
	(void)pn_index_take_changes(w->idx, NULL, NULL);
	check(w, 5, PN_CGROUP_PROCESS, "sh");
	forget_the_past(w);
	check(w, 5, PN_CGROUP_UNKNOWN, NULL);
	assert_int_equal(n_owners(w), 0);
}

static void a_cgroup_may_turn_out_to_be_a_pods_or_a_process(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	add(w, &a.p.meta);
	add_cgroup(w, 7, "", "runc");
	add_cgroup(w, 7, "uid-a", "");
	check(w, 7, PN_CGROUP_POD, "a");
	forget_the_past(w);
	assert_int_equal(n_owners(w), 1);
	add_cgroup(w, 7, "", "runc");
	check(w, 7, PN_CGROUP_PROCESS, "runc");
}

static void a_process_keeps_its_id_over_a_restart(void **state)
{
	struct world *w = *state;
	struct pn_owner_value v = {
		.kind = PN_OWNER_PROCESS, .uid = "cgroup:5", .name = "kubelet.service", .node = "n1"
	};
	const struct pn_owner *o;

	assert_int_equal(pn_index_seed(w->idx, 42, &v), 0);
	add_cgroup(w, 5, "", "kubelet.service");
	pn_index_confirm(w->idx);
	forget_the_past(w);
	assert_int_equal(pn_index_cgroup(w->idx, 5, &o), PN_CGROUP_PROCESS);
	assert_int_equal(o->id, 42);
}

static void an_impossible_uid_is_refused(void **state)
{
	struct world *w = *state;
	uint64_t before = pn_metric_get(PN_METRIC_INDEX_REFUSED);

	add_cgroup(w, 5, "0123456789012345678901234567890123456789", "");
	check(w, 5, PN_CGROUP_UNKNOWN, NULL);
	assert_int_equal(pn_metric_get(PN_METRIC_INDEX_REFUSED) - before, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_cgroup_finds_the_pod_that_came_before_it),
		TEST(a_cgroup_awaits_the_pod_that_comes_after_it),
		TEST(pods_without_an_address_are_told_apart),
		TEST(a_pod_of_another_node_has_its_cgroup_too),
		TEST(on_a_node_without_a_name_pods_have_their_cgroups_too),
		TEST(a_terminal_pod_keeps_the_name_of_its_cgroup),
		TEST(a_cgroup_is_remembered_after_the_pod_went),
		TEST(a_pod_that_comes_after_its_cgroup_went_names_it),
		TEST(a_cgroup_whose_pod_never_comes_is_forgotten),
		TEST(a_pod_that_goes_and_comes_again_keeps_its_cgroups),
		TEST(a_cgroup_that_comes_again_is_there_again),
		TEST(a_static_pod_is_found_by_the_hash_of_its_mirror),
		TEST(a_mirror_made_anew_takes_the_cgroups_over),
		TEST(between_two_mirrors_nobody_is_chosen),
		TEST(a_mirror_of_another_node_stands_for_no_pod_here),
		TEST(an_annotation_never_stands_for_the_uid_of_another_pod),
		TEST(a_cgroup_without_a_pod_is_a_process_of_this_node),
		TEST(a_process_is_renamed_when_it_comes_again_with_another_name),
		TEST(a_process_without_a_name_has_its_cgroups_number),
		TEST(a_process_is_remembered_and_then_forgotten),
		TEST(a_cgroup_may_turn_out_to_be_a_pods_or_a_process),
		TEST(a_process_keeps_its_id_over_a_restart),
		TEST(an_impossible_uid_is_refused),
	};

	return cmocka_run_group_tests_name("index cgroups", tests, NULL, NULL);
}
