/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zone and region of whoever runs on a node: from its labels, whichever of the two comes first.
 */
#include "fixture.h"

#include <errno.h>

#include "tests/unit/kube/failing_malloc.h"

#define REGION "topology.kubernetes.io/region"
#define ZONE "topology.kubernetes.io/zone"
#define OLD_REGION "failure-domain.beta.kubernetes.io/region"
#define OLD_ZONE "failure-domain.beta.kubernetes.io/zone"

/* In the order of their keys, as the decoders have them. */
static void set_labels(struct node *n, struct pn_label *labels, uint32_t n_labels)
{
	n->n.meta.labels = labels;
	n->n.meta.n_labels = n_labels;
}

static void node_in(struct node *n, const char *name, const char *uid, const char *zone)
{
	struct pn_label *labels = calloc(2, sizeof(*labels));

	assert_non_null(labels);
	labels[0] = (struct pn_label) { REGION, "eu" };
	labels[1] = (struct pn_label) { ZONE, zone };
	node_init(n, name, uid, "192.0.2.1");
	set_labels(n, labels, 2);
}

static void node_done(struct node *n)
{
	free((void *)(uintptr_t)n->n.meta.labels);
}

static void check(const struct world *w, const char *address, const char *zone, const char *region)
{
	assert_string_equal(owner_now(w, address)->zone, zone);
	assert_string_equal(owner_now(w, address)->region, region);
}

static void a_node_is_in_its_zone_and_region(void **state)
{
	struct world *w = *state;
	struct node n;

	node_in(&n, "n1", "uid-n", "eu-1");
	add(w, &n.n.meta);
	check(w, "192.0.2.1", "eu-1", "eu");
	node_done(&n);
}

static void a_pod_is_where_its_node_is_whichever_comes_first(void **state)
{
	struct world *w = *state;
	struct node n;
	struct pod early, late, elsewhere;

	node_in(&n, "n1", "uid-n", "eu-1");
	pod_init(&early, "early", "uid-e", "10.0.0.1", 0);
	pod_init(&late, "late", "uid-l", "10.0.0.2", 0);
	pod_init(&elsewhere, "elsewhere", "uid-x", "10.0.0.3", 0);
	elsewhere.p.node_name = "n2";
	add(w, &early.p.meta);
	add(w, &elsewhere.p.meta);
	check(w, "10.0.0.1", "", "");
	add(w, &n.n.meta);
	add(w, &late.p.meta);
	check(w, "10.0.0.1", "eu-1", "eu");
	check(w, "10.0.0.2", "eu-1", "eu");
	check(w, "10.0.0.3", "", "");
	node_done(&n);
}

static void a_process_is_where_this_node_is(void **state)
{
	struct world *w = *state;
	const struct pn_cgroup g = { .id = 5, .pod_uid = "", .name = "sh" };
	const struct pn_owner *o = NULL;
	struct node n;

	node_in(&n, "n1", "uid-n", "eu-1");
	assert_int_equal(pn_index_cgroup_add(w->idx, &g), 0);
	add(w, &n.n.meta);
	assert_int_equal(pn_index_cgroup(w->idx, 5, &o), PN_CGROUP_PROCESS);
	assert_string_equal(o->zone, "eu-1");
	node_done(&n);
}

static void owners_are_published_again_when_labels_change(void **state)
{
	struct world *w = *state;
	struct node n, moved, bare;
	struct pod a;
	uint32_t id;

	node_in(&n, "n1", "uid-n", "eu-1");
	node_in(&moved, "n1", "uid-n", "eu-2");
	node_init(&bare, "n1", "uid-n", "192.0.2.1");
	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	add(w, &n.n.meta);
	add(w, &a.p.meta);
	id = owner_now(w, "10.0.0.1")->id;
	update(w, &n.n.meta, &moved.n.meta);
	check(w, "10.0.0.1", "eu-2", "eu");
	check(w, "192.0.2.1", "eu-2", "eu");
	update(w, &moved.n.meta, &bare.n.meta);
	check(w, "10.0.0.1", "", "");
	assert_int_equal(owner_now(w, "10.0.0.1")->id, id);
	node_done(&n);
	node_done(&moved);
}

static void labels_of_older_servers_count_where_there_are_no_others(void **state)
{
	static struct pn_label old[] = { { OLD_REGION, "us" }, { OLD_ZONE, "us-1" } };
	static struct pn_label both[] = { { OLD_REGION, "us" },
					  { OLD_ZONE, "us-1" },
					  { ZONE, "us-9" } };
	struct world *w = *state;
	struct node n;

	node_init(&n, "n1", "uid-n", "192.0.2.1");
	set_labels(&n, old, 2);
	add(w, &n.n.meta);
	check(w, "192.0.2.1", "us-1", "us");
	set_labels(&n, both, 3);
	add(w, &n.n.meta);
	check(w, "192.0.2.1", "us-9", "us");
}

static void pods_keep_their_zone_when_the_node_goes(void **state)
{
	struct world *w = *state;
	struct node n;
	struct pod a, b;

	node_in(&n, "n1", "uid-n", "eu-1");
	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	pod_init(&b, "b", "uid-b", "10.0.0.2", 0);
	add(w, &n.n.meta);
	add(w, &a.p.meta);
	del(w, &n.n.meta);
	add(w, &b.p.meta);
	check(w, "10.0.0.1", "eu-1", "eu");
	check(w, "10.0.0.2", "eu-1", "eu");
	node_done(&n);
}

static void a_late_delete_of_a_node_harms_no_new_one(void **state)
{
	struct world *w = *state;
	struct node old, new;
	struct pod a;

	node_in(&old, "n1", "uid-old", "eu-1");
	node_in(&new, "n1", "uid-new", "eu-2");
	add(w, &old.n.meta);
	add(w, &new.n.meta);
	del(w, &old.n.meta);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	add(w, &a.p.meta);
	check(w, "10.0.0.1", "eu-2", "eu");
	node_done(&old);
	node_done(&new);
}

static void without_memory_nothing_is_lost_for_good(void **state)
{
	struct world *w = *state;
	unsigned long n = 0;
	struct node there;
	struct pod a;
	int r;

	if (!CAN_FAIL)
		skip();
	node_in(&there, "n1", "uid-n", "eu-1");
	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	add(w, &there.n.meta); /* liburcu has its thread now */
	do {
		del(w, &there.n.meta);
		del(w, &a.p.meta);
		go_to(w, n * 400000);
		for (int i = 0; i < 3; i++) {
			pn_index_prune(w->idx);
			(void)pn_index_take_changes(w->idx, NULL, NULL);
		}
		has_failed = false;
		n_until_failure = ++n;
		r = pn_index_apply(w->idx, NULL, &a.p.meta);
		r = r < 0 ? r : pn_index_apply(w->idx, NULL, &there.n.meta);
		n_until_failure = 0;
		assert_int_equal(r, has_failed ? -ENOMEM : 0);
		add(w, &a.p.meta);
		add(w, &there.n.meta);
		check(w, "10.0.0.1", "eu-1", "eu");
		check(w, "192.0.2.1", "eu-1", "eu");
	} while (has_failed);
	assert_true(n > 10);
	node_done(&there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_node_is_in_its_zone_and_region),
		TEST(a_pod_is_where_its_node_is_whichever_comes_first),
		TEST(a_process_is_where_this_node_is),
		TEST(owners_are_published_again_when_labels_change),
		TEST(labels_of_older_servers_count_where_there_are_no_others),
		TEST(pods_keep_their_zone_when_the_node_goes),
		TEST(a_late_delete_of_a_node_harms_no_new_one),
		TEST(without_memory_nothing_is_lost_for_good),
	};

	return cmocka_run_group_tests_name("index topology", tests, NULL, NULL);
}
