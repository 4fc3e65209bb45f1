/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One agent after the other on the same pinned maps, and a reader that must not notice. Needs root.
 */
#include "maps_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/metric.h"

static void ids_and_generations_survive_a_restart(void **state)
{
	struct maps *t = *state;
	struct pn_ip_value before, after;
	struct pn_meta_value meta;
	uint64_t writes;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 50, false);
	flush(t);
	assert_int_equal(read_ip(t, "10.1.0.8", &before), 0);
	stop_agent(t);
	read_meta(t, &meta);
	assert_int_equal(meta.agent_pid, 0);

	go_to(&t->w, 60000);
	start_agent(t, MAX_ADDRS);
	writes = pn_metric_get(PN_METRIC_MAPS_WRITES);
	apply_pods(t, 7, 43, false);
	flush(t);
	apply_pods(t, 0, 7, false);
	apply_pods(t, 50, 1, false);
	flush(t);
	assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
	assert_int_equal(read_ip(t, "10.1.0.8", &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(read_ip(t, "10.1.0.51", &after), 0);
	assert_int_equal(after.owner, meta.next_owner);
	assert_int_equal(pn_metric_get(PN_METRIC_MAPS_WRITES) - writes, 2);
}

static void ids_are_not_given_again_after_their_owner_is_forgotten(void **state)
{
	struct maps *t = *state;
	struct pn_ip_value ip;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 10, false);
	flush(t);
	apply_pods(t, 0, 10, true);
	go_to(&t->w, 310000);
	pn_index_prune(t->w.idx);
	flush(t);
	stop_agent(t);

	start_agent(t, MAX_ADDRS);
	apply_pods(t, 20, 1, false);
	flush(t);
	assert_int_equal(read_ip(t, "10.1.0.21", &ip), 0);
	assert_int_equal(ip.owner, 11);
}

static void what_went_while_no_agent_ran_is_swept(void **state)
{
	struct maps *t = *state;
	struct pn_meta_value meta;
	struct pn_ip_value ip;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 600, false);
	flush(t);
	stop_agent(t);

	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 100, false);
	flush(t);
	assert_int_equal(count_ips(t), 600);
	assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
	read_meta(t, &meta);
	assert_int_equal(meta.synced, 1);
	assert_int_equal(meta.n_ip, 100);
	assert_int_equal(read_ip(t, "10.1.0.200", &ip), 0); /* remembered, like any release */
	assert_int_equal(ip.owner, 0);
	assert_int_not_equal(ip.prev_owner, 0);
	go_to(&t->w, 400000);
	pn_index_prune(t->w.idx);
	flush(t);
	assert_int_equal(count_ips(t), 100);
}

static void an_address_that_changed_hands_while_no_agent_ran_has_both_names(void **state)
{
	struct maps *t = *state;
	struct pn_ip_value before, after;
	struct pod a, b;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 4);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 40);
	add(&t->w, &a.p.meta);
	flush(t);
	assert_int_equal(read_ip(t, "10.0.0.1", &before), 0);
	stop_agent(t);

	go_to(&t->w, 60000);
	start_agent(t, MAX_ADDRS);
	add(&t->w, &b.p.meta);
	flush(t);
	assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
	assert_int_equal(read_ip(t, "10.0.0.1", &after), 0);
	assert_int_equal(after.prev_owner, before.owner);
	assert_true(after.since_ns <= at(41));	       /* b started in second 40 */
	assert_int_equal(after.prev_until_ns, at(60)); /* nobody has seen a go */
	assert_int_equal(after.generation, before.generation + 1);
	pn_index_reader_begin();
	assert_string_equal(name_at(&t->w, "10.0.0.1", at(20)), "a");
	assert_string_equal(name_at(&t->w, "10.0.0.1", at(50)), "?");
	assert_string_equal(name_now(&t->w, "10.0.0.1"), "b");
	pn_index_reader_end();
}

/* struct watcher - another process's view: reads all the time, counts what is missing */
struct watcher {
	const struct maps *t;
	atomic_bool stop;
	atomic_uint n_rounds;
	unsigned int n_missing;
};

static void watch_round(struct watcher *w, struct pn_maps_reader *r)
{
	char text[2][32];
	struct pn_owner_value owner;
	struct pn_ip_value ip;
	struct pn_addr in_range = addr("172.16.9.9");
	struct pn_cidr net;
	struct pod p;
	uint32_t id;

	if (pn_maps_reader_cidr(r, &in_range, &net, &id) < 0 ||
	    pn_maps_reader_owner(r, id, &owner) < 0 || strcmp(owner.name, "office") != 0)
		w->n_missing++;

	for (unsigned int i = 0; i < 300; i++) {
		nth_pod(&p, i, text);
		if (pn_maps_reader_ip(r, &p.addrs[0], &ip) < 0 || !ip.owner ||
		    pn_maps_reader_owner(r, ip.owner, &owner) < 0 ||
		    strcmp(owner.uid, text[0]) != 0)
			w->n_missing++;
	}
}

static void *watch(void *data)
{
	struct watcher *w = data;
	struct pn_maps_reader *r;

	if (pn_maps_reader_open(w->t->dir, &r, NULL) < 0) {
		w->n_missing = 1;
		return NULL;
	}
	while (!atomic_load_explicit(&w->stop, memory_order_acquire)) {
		watch_round(w, r);
		(void)atomic_fetch_add_explicit(&w->n_rounds, 1, memory_order_release);
	}
	pn_maps_reader_close(r);
	return NULL;
}

static void wait_for_round(struct watcher *w)
{
	unsigned int n = atomic_load_explicit(&w->n_rounds, memory_order_acquire);

	while (atomic_load_explicit(&w->n_rounds, memory_order_acquire) < n + 2 && !w->n_missing)
		(void)sched_yield();
}

static void set_range(struct maps *t)
{
	const struct pn_range range = { { addr("172.16.0.0"), 96 + 12 }, "office" };

	assert_int_equal(pn_index_set_ranges(t->w.idx, &range, 1), 0);
}

static void readers_see_no_hole_during_restarts(void **state)
{
	struct maps *t = *state;
	struct watcher w = { .t = t };
	pthread_t thread;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 600, false);
	set_range(t);
	flush(t);
	assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
	for (int i = 0; i < 5; i++) {
		stop_agent(t);
		wait_for_round(&w);
		start_agent(t, MAX_ADDRS);
		flush(t);
		apply_pods(t, 150, 150, false);
		flush(t);
		apply_pods(t, 0, 150, false);
		set_range(t);
		assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
		wait_for_round(&w);
	}
	atomic_store_explicit(&w.stop, true, memory_order_release);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(w.n_missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAPS_TEST(ids_and_generations_survive_a_restart),
		MAPS_TEST(ids_are_not_given_again_after_their_owner_is_forgotten),
		MAPS_TEST(what_went_while_no_agent_ran_is_swept),
		MAPS_TEST(an_address_that_changed_hands_while_no_agent_ran_has_both_names),
		MAPS_TEST(readers_see_no_hole_during_restarts),
	};

	return cmocka_run_group_tests_name("pinned_maps_restart", tests, mount_bpffs, umount_bpffs);
}
