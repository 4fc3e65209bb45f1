/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups as the maps and the readers see them: owners in front of what refers to them, failures, any
 * order of events, no memory, and a reader while everything changes.
 */
#include "cgroup_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/unit/kube/failing_malloc.h"

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
	unsigned int i = draw_below(&d->seed, 5);

	if (draw_below(&d->seed, 2)) {
		add(w, &d->pods[i].p.meta);
		d->has_pod[i] = d->had_pod[i] = true;
	} else {
		del(w, &d->pods[i].p.meta);
		d->has_pod[i] = false;
	}
}

static void draw_cgroup(struct world *w, struct drawn *d)
{
	unsigned int id = 1 + draw_below(&d->seed, 10), pod = id % 5;
	const char *uid = pod == 4 ? HASH : d->pods[pod].p.meta.uid;

	d->has_cgroup[id] = draw_below(&d->seed, 2);
	if (d->has_cgroup[id])
		add_cgroup(w, id, id > 5 ? "" : uid, "sh");
	else
		pn_index_cgroup_remove(w->idx, id);
}

static void draw_step(struct world *w, struct drawn *d)
{
	switch (draw_below(&d->seed, 5)) {
	case 0:
	case 1:
		draw_pod(w, d);
		break;
	case 2:
	case 3:
		draw_cgroup(w, d);
		break;
	default:
		go_to(w, w->fake.t / PN_NSEC_PER_MSEC + draw_below(&d->seed, 400000));
		pn_index_prune(w->idx);
		d->maps.fail_owners = draw_below(&d->seed, 4) == 0;
		d->maps.fail_cgroups = draw_below(&d->seed, 4) == 0;
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
	atomic_uint n_named;
	unsigned int n_wrong;
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
	atomic_fetch_add_explicit(&r->n_named, 1, memory_order_relaxed);
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
	for (unsigned int round = 0;
	     round < N_ROUNDS || !atomic_load_explicit(&reader.n_named, memory_order_relaxed);
	     round++) {
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
		TEST(owners_come_before_cgroups_and_go_after_them),
		TEST(what_failed_comes_again),
		TEST(an_owner_stays_while_the_end_of_its_cgroup_fails),
		TEST(an_awaited_cgroup_that_was_a_mirrors_leaves_the_map),
		TEST(any_order_ends_in_the_same_names),
		TEST(without_memory_nothing_is_lost_for_good),
		TEST(a_reader_sees_right_owners_while_cgroups_come_and_go),
	};

	return cmocka_run_group_tests_name("index cgroups in maps", tests, NULL, NULL);
}
