/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose sockets a cgroup's are: the rules at the head of cgroup.c, in either order of arrival, and
 * what the maps are told of it.
 */
#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/metric.h"
#include "tests/unit/kube/failing_malloc.h"

#define HASH "0123456789abcdef0123456789abcdef"

static void add_cgroup(struct world *w, uint64_t id, const char *pod_uid, const char *name)
{
	const struct pn_cgroup g = { .id = id, .pod_uid = pod_uid, .name = name };

	assert_int_equal(pn_index_cgroup_add(w->idx, &g), 0);
}

static void check(const struct world *w, uint64_t id, enum pn_cgroup_answer want, const char *name)
{
	const struct pn_owner *o = NULL;

	assert_int_equal(pn_index_cgroup(w->idx, id, &o), want);
	if (name)
		assert_string_equal(o->name, name);
	else
		assert_null(o);
}

/* The memory of what has gone is over, and the maps know. */
static void forget_the_past(struct world *w)
{
	go_to(w, w->fake.t / PN_NSEC_PER_MSEC + 400000);
	for (int i = 0; i < 3; i++) {
		pn_index_prune(w->idx);
		(void)pn_index_take_changes(w->idx, NULL, NULL);
	}
}

static size_t n_cgroups(const struct world *w)
{
	struct pn_index_counts counts;

	pn_index_counts(w->idx, &counts);
	return counts.n_cgroups;
}

static size_t n_owners(const struct world *w)
{
	struct pn_index_counts counts;

	pn_index_counts(w->idx, &counts);
	return counts.n_owners;
}

static struct pn_label hash_annotation[] = { { "kubernetes.io/config.hash", HASH } };

static void mirror_init(struct pod *p, const char *name, const char *uid)
{
	pod_init(p, name, uid, NULL, 1);
	p->p.host_network = true;
	p->p.meta.labels = hash_annotation;
	p->p.meta.n_annotations = 1;
}

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

/* --- what the maps are told --------------------------------------------------------------------- */

#define N_IDS 256

/* struct maps - plays the pinned maps; the test's cgroup ids are small */
struct maps {
	bool fail_owners, fail_cgroups;
	bool has_owner[N_IDS];
	uint32_t cgroup[N_IDS]; /* 0: no entry */
	unsigned int n_wrong, n_cgroup_changes;
};

static void take_cgroup(struct maps *m, struct pn_index_change *c)
{
	m->n_cgroup_changes++;
	c->failed = m->fail_cgroups;
	if (c->failed)
		return;
	m->n_wrong += !c->gone && !m->has_owner[c->owner_id];
	m->cgroup[c->cgroup] = c->gone ? 0 : c->owner_id;
}

static void take_owner(struct maps *m, struct pn_index_change *c)
{
	c->failed = m->fail_owners && !c->gone;
	for (int i = 0; c->gone && i < N_IDS; i++)
		m->n_wrong += m->cgroup[i] == c->owner_id;
	if (!c->failed)
		m->has_owner[c->owner_id] = !c->gone;
}

static void take(void *data, struct pn_index_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (changes[i].kind == PN_CHANGE_OWNER)
			take_owner(data, &changes[i]);
		else if (changes[i].kind == PN_CHANGE_CGROUP)
			take_cgroup(data, &changes[i]);
	}
}

static void take_all(struct world *w, struct maps *m)
{
	m->n_cgroup_changes = 0;
	(void)pn_index_take_changes(w->idx, take, m);
	assert_int_equal(m->n_wrong, 0);
}

static void owners_come_before_cgroups_and_go_after_them(void **state)
{
	struct world *w = *state;
	struct maps m = { .n_wrong = 0 };
	struct pod a;

	add_cgroup(w, 5, "", "sh");
	add_cgroup(w, 7, "uid-a", "");
	take_all(w, &m);
	assert_int_not_equal(m.cgroup[5], 0);
	assert_int_equal(m.cgroup[7], 0);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	add(w, &a.p.meta);
	take_all(w, &m);
	assert_int_not_equal(m.cgroup[7], 0);
	assert_int_equal(m.n_cgroup_changes, 1);
	take_all(w, &m);
	assert_int_equal(m.n_cgroup_changes, 0);

	pn_index_cgroup_remove(w->idx, 5);
	pn_index_cgroup_remove(w->idx, 7);
	del(w, &a.p.meta);
	take_all(w, &m);
	assert_int_not_equal(m.cgroup[5], 0); /* remembered */
	go_to(w, 400000);
	for (int i = 0; i < 3; i++) {
		pn_index_prune(w->idx);
		take_all(w, &m);
	}
	for (int i = 0; i < N_IDS; i++)
		assert_true(m.cgroup[i] == 0 && !m.has_owner[i]);
}

static void what_failed_comes_again(void **state)
{
	struct world *w = *state;
	struct maps m = { .fail_owners = true };

	add_cgroup(w, 5, "", "sh");
	take_all(w, &m);
	assert_int_equal(m.cgroup[5], 0); /* not without its owner */
	m.fail_owners = false;
	m.fail_cgroups = true;
	take_all(w, &m);
	assert_int_equal(m.cgroup[5], 0);
	m.fail_cgroups = false;
	take_all(w, &m);
	assert_int_not_equal(m.cgroup[5], 0);
}

static void an_owner_stays_while_the_end_of_its_cgroup_fails(void **state)
{
	struct world *w = *state;
	struct maps m = { .n_wrong = 0 };
	uint32_t id;

	add_cgroup(w, 5, "", "sh");
	take_all(w, &m);
	id = m.cgroup[5];
	pn_index_cgroup_remove(w->idx, 5);
	go_to(w, 400000);
	m.fail_cgroups = true;
	for (int i = 0; i < 3; i++) {
		pn_index_prune(w->idx);
		take_all(w, &m);
	}
	assert_true(m.has_owner[id]);
	m.fail_cgroups = false;
	for (int i = 0; i < 3; i++) {
		pn_index_prune(w->idx);
		take_all(w, &m);
	}
	assert_false(m.has_owner[id]);
}

static void an_awaited_cgroup_that_was_a_mirrors_leaves_the_map(void **state)
{
	struct world *w = *state;
	struct maps m = { .n_wrong = 0 };
	struct pod one, other;

	mirror_init(&one, "one", "uid-1");
	mirror_init(&other, "other", "uid-2");
	add_cgroup(w, 1, HASH, "");
	add(w, &one.p.meta);
	take_all(w, &m);
	assert_int_not_equal(m.cgroup[1], 0);
	add(w, &other.p.meta);
	take_all(w, &m);
	assert_int_equal(m.cgroup[1], 0);
	del(w, &one.p.meta);
	take_all(w, &m);
	assert_int_not_equal(m.cgroup[1], 0);
}

/* --- any order ---------------------------------------------------------------------------------- */

/*
 * Pods 0 to 3 and a static one, 4; cgroup i is of pod i % 5, or of none where i is above 5. What
 * happens is drawn; after it the index has to say what the state says, and the maps the same.
 */
struct drawn {
	unsigned int seed;
	struct pod pods[5];
	bool has_pod[5], had_pod[5], has_cgroup[N_IDS];
	struct maps maps;
};

static unsigned int draw(struct drawn *d, unsigned int n)
{
	d->seed = d->seed * 1103515245u + 12345u;
	return (d->seed >> 16) % n;
}

static void drawn_init(struct drawn *d, unsigned int seed)
{
	static const char *const names[] = { "a", "b", "c", "d", "proxy-n1" };
	static const char *const uids[] = { "uid-a", "uid-b", "uid-c", "uid-d", "uid-m" };

	memset(d, 0, sizeof(*d));
	d->seed = seed;
	for (int i = 0; i < 4; i++)
		pod_init(&d->pods[i], names[i], uids[i], i % 2 ? "10.0.0.1" : NULL, 1);
	mirror_init(&d->pods[4], names[4], uids[4]);
}

static void draw_pod(struct world *w, struct drawn *d)
{
	unsigned int i = draw(d, 5);

	if (draw(d, 2)) {
		add(w, &d->pods[i].p.meta);
		d->has_pod[i] = d->had_pod[i] = true;
	} else {
		del(w, &d->pods[i].p.meta);
		d->has_pod[i] = false;
	}
}

static void draw_cgroup(struct world *w, struct drawn *d)
{
	unsigned int id = 1 + draw(d, 10), pod = id % 5;
	const char *uid = pod == 4 ? HASH : d->pods[pod].p.meta.uid;

	d->has_cgroup[id] = draw(d, 2);
	if (d->has_cgroup[id])
		add_cgroup(w, id, id > 5 ? "" : uid, "sh");
	else
		pn_index_cgroup_remove(w->idx, id);
}

static void draw_step(struct world *w, struct drawn *d)
{
	switch (draw(d, 5)) {
	case 0:
	case 1:
		draw_pod(w, d);
		break;
	case 2:
	case 3:
		draw_cgroup(w, d);
		break;
	default:
		go_to(w, w->fake.t / PN_NSEC_PER_MSEC + draw(d, 400000));
		pn_index_prune(w->idx);
		d->maps.fail_owners = draw(d, 4) == 0;
		d->maps.fail_cgroups = draw(d, 4) == 0;
		take_all(w, &d->maps);
		break;
	}
}

static void check_cgroup(const struct world *w, const struct drawn *d, uint64_t id)
{
	const struct pn_owner *o = NULL;
	enum pn_cgroup_answer answer = pn_index_cgroup(w->idx, id, &o);

	assert_int_equal(d->maps.cgroup[id], o ? o->id : 0);
	if (!d->has_cgroup[id])
		assert_int_equal(answer, PN_CGROUP_UNKNOWN);
	else if (id > 5)
		assert_int_equal(answer, PN_CGROUP_PROCESS);
	else if (d->has_pod[id % 5])
		assert_string_equal(o->uid, d->pods[id % 5].p.meta.uid);
	else if (!d->had_pod[id % 5])
		assert_int_equal(answer, PN_CGROUP_AWAITED);
}

static void any_order_ends_in_the_same_names(void **state)
{
	struct world *w = *state;
	struct drawn d;

	for (unsigned int seed = 1; seed <= 300; seed++) {
		pn_index_free(w->idx);
		assert_int_equal(pn_index_new(&w->clock, "n1", &w->idx), 0);
		drawn_init(&d, seed);
		for (int i = 0; i < 60; i++)
			draw_step(w, &d);
		d.maps.fail_owners = d.maps.fail_cgroups = false;
		for (int i = 0; i < 4; i++) {
			go_to(w, w->fake.t / PN_NSEC_PER_MSEC + 400000);
			pn_index_prune(w->idx);
			take_all(w, &d.maps);
		}
		for (uint64_t id = 1; id <= 10; id++)
			check_cgroup(w, &d, id);
	}
}

/* --- memory, readers ---------------------------------------------------------------------------- */

/* Each allocation fails once; what is applied again is as if nothing had failed. */
static void without_memory_nothing_is_lost_for_good(void **state)
{
	struct world *w = *state;
	const struct pn_cgroup process = { .id = 5, .pod_uid = "", .name = "sh" };
	const struct pn_cgroup static_pod = { .id = 6, .pod_uid = HASH, .name = "" };
	unsigned long n = 0;
	struct pod m;
	int r;

	if (!CAN_FAIL)
		skip();
	mirror_init(&m, "proxy-n1", "uid-m");
	add_cgroup(w, 4, "", "first"); /* liburcu has its thread now */
	add_cgroup(w, 4, "", "again");
	do {
		has_failed = false;
		n_until_failure = ++n;
		r = pn_index_cgroup_add(w->idx, &process);
		r = r < 0 ? r : pn_index_cgroup_add(w->idx, &static_pod);
		r = r < 0 ? r : pn_index_apply(w->idx, NULL, &m.p.meta);
		n_until_failure = 0;
		assert_int_equal(r, has_failed ? -ENOMEM : 0);
		assert_int_equal(pn_index_cgroup_add(w->idx, &process), 0);
		assert_int_equal(pn_index_cgroup_add(w->idx, &static_pod), 0);
		add(w, &m.p.meta);
		check(w, 5, PN_CGROUP_PROCESS, "sh");
		check(w, 6, PN_CGROUP_POD, "proxy-n1");
		pn_index_cgroup_remove(w->idx, 5);
		pn_index_cgroup_remove(w->idx, 6);
		del(w, &m.p.meta);
		forget_the_past(w);
		assert_int_equal(n_owners(w), 1);
	} while (has_failed);
	assert_true(n > 5);
}

#define N_READ 8
#define N_ROUNDS 300

struct reader {
	const struct pn_index *idx;
	atomic_bool *stop;
	unsigned int n_named, n_wrong;
};

/* Cgroup i belongs to pod "pod-i" or, where i is odd, to a process "sh-i" or "curl-i". */
static void look_up(struct reader *r, uint64_t id)
{
	const struct pn_owner *o = NULL;
	enum pn_cgroup_answer answer = pn_index_cgroup(r->idx, id, &o);
	char end[8];

	if (id % 2)
		r->n_wrong += answer != PN_CGROUP_UNKNOWN && answer != PN_CGROUP_PROCESS;
	else
		r->n_wrong += answer == PN_CGROUP_PROCESS;
	if (!o)
		return;
	(void)snprintf(end, sizeof(end), "-%u", (unsigned int)id);
	r->n_named++;
	r->n_wrong += !strstr(o->name, end);
}

static void *read_all(void *data)
{
	struct reader *r = data;

	pn_index_reader_begin();
	while (!atomic_load_explicit(r->stop, memory_order_acquire)) {
		for (uint64_t id = 0; id < N_READ; id++)
			look_up(r, id);
		pn_index_reader_quiescent();
	}
	pn_index_reader_end();
	return NULL;
}

static void change_one(struct world *w, unsigned int id, unsigned int round)
{
	char uid[32], name[32];
	struct pod p;

	(void)snprintf(uid, sizeof(uid), "uid-%u", id);
	(void)snprintf(name, sizeof(name), "pod-%u", id);
	pod_init(&p, name, uid, NULL, 1);
	p.p.host_network = true;
	if (id % 2)
		(void)snprintf(name, sizeof(name), "%s-%u", round % 2 ? "sh" : "curl", id);
	add_cgroup(w, id, id % 2 ? "" : uid, name);
	if (id % 2 == 0)
		add(w, &p.p.meta);
	if ((round + id) % 3 == 0) {
		pn_index_cgroup_remove(w->idx, id);
		if (id % 2 == 0)
			del(w, &p.p.meta);
	}
}

static void a_reader_sees_right_owners_while_cgroups_come_and_go(void **state)
{
	struct world *w = *state;
	atomic_bool stop = false;
	struct reader reader = { .idx = w->idx, .stop = &stop };
	pthread_t thread;

	pn_index_reader_offline(); /* this thread only writes */
	assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
	for (unsigned int round = 0; round < N_ROUNDS; round++) {
		go_to(w, round * 150000u);
		for (unsigned int id = 0; id < N_READ; id++)
			change_one(w, id, round);
		pn_index_prune(w->idx);
		(void)pn_index_take_changes(w->idx, NULL, NULL);
	}
	atomic_store_explicit(&stop, true, memory_order_release);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(reader.n_wrong, 0);
	pn_index_reader_online();
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
		TEST(owners_come_before_cgroups_and_go_after_them),
		TEST(what_failed_comes_again),
		TEST(an_owner_stays_while_the_end_of_its_cgroup_fails),
		TEST(an_awaited_cgroup_that_was_a_mirrors_leaves_the_map),
		TEST(any_order_ends_in_the_same_names),
		TEST(without_memory_nothing_is_lost_for_good),
		TEST(a_reader_sees_right_owners_while_cgroups_come_and_go),
	};

	return cmocka_run_group_tests_name("index cgroups", tests, NULL, NULL);
}
