/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers while the index is rewritten: what they find is always one of the right owners, whole, and
 * memory is given back under them. Meant for ASan and TSan as much as for the assertions.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define N_ADDRS 64
#define N_ROUNDS 200
#define N_READERS 2

struct reader {
	const struct pn_index *idx;
	atomic_bool *stop;
	atomic_uint n_found;
	unsigned int n_wrong;
};

static void nth_addr(unsigned int i, char text[static 16])
{
	(void)snprintf(text, 16, "10.0.0.%u", i + 1);
}

/* Pod names end in the address they own. */
static void look_up(struct reader *r, unsigned int i, pn_nsec when)
{
	char text[16];
	struct pn_addr a;
	const struct pn_owner *o = NULL, *by_id;

	nth_addr(i, text);
	(void)pn_addr_parse(text, &a);
	if (pn_index_at(r->idx, &a, when, &o) != 1)
		return;
	atomic_fetch_add_explicit(&r->n_found, 1, memory_order_relaxed);
	by_id = pn_index_owner(r->idx, o->id);
	if (!strstr(o->name, text) || strcmp(o->workload_name, "web") != 0 ||
	    (by_id && strcmp(by_id->uid, o->uid) != 0))
		r->n_wrong++;
}

static void *read_all(void *data)
{
	struct reader *r = data;

	pn_index_reader_begin();
	for (unsigned int round = 0; !atomic_load_explicit(r->stop, memory_order_acquire);
	     round++) {
		for (unsigned int i = 0; i < N_ADDRS; i++)
			look_up(r, i, round % 2 ? PN_NSEC_NEVER : at(round % 500));
		pn_index_reader_quiescent();
		if (round % 16 == 0) {
			pn_index_reader_offline();
			pn_index_reader_online();
		}
	}
	pn_index_reader_end();
	return NULL;
}

/* Address i passes from the pod of one round to that of the next. */
static void pass_on(struct world *w, unsigned int i, unsigned int round)
{
	char text[16], uid[2][32], name[2][40];
	struct pn_object rs;
	struct pod p[2];

	nth_addr(i, text);
	for (unsigned int k = 0; k < 2; k++) {
		(void)snprintf(uid[k], sizeof(uid[k]), "%u-%u", i, round + k);
		(void)snprintf(name[k], sizeof(name[k]), "pod-%u-%s", round + k, text);
		pod_init(&p[k], name[k], uid[k], text, round + k);
		p[k].p.meta.controller = controller_of("ReplicaSet", "web", "rs-uid");
	}
	add(w, &p[1].p.meta);
	del(w, &p[0].p.meta);
	if (i == 0) {
		replicaset_init(&rs, "web", "rs-uid", "web");
		rs.controller = controller_of(round % 2 ? "Deployment" : "Rollout", "web", "d-uid");
		add(w, &rs); /* every pod's owner is published again */
	}
}

static bool all_have_found(const struct reader readers[N_READERS])
{
	for (int i = 0; i < N_READERS; i++)
		if (!atomic_load_explicit(&readers[i].n_found, memory_order_relaxed))
			return false;
	return true;
}

static void readers_see_right_owners_while_everything_changes(void **state)
{
	struct world *w = *state;
	struct reader readers[N_READERS] = {};
	pthread_t threads[N_READERS];
	atomic_bool stop = false;

	pn_index_reader_offline(); /* this thread only writes */
	for (int i = 0; i < N_READERS; i++) {
		readers[i].idx = w->idx;
		readers[i].stop = &stop;
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
	}
	for (unsigned int round = 1; round <= N_ROUNDS || !all_have_found(readers); round++) {
		go_to(w, round * 1500);
		for (unsigned int i = 0; i < N_ADDRS; i++)
			pass_on(w, i, round);
		pn_index_prune(w->idx);
		(void)pn_index_take_changes(w->idx, NULL, NULL);
	}
	atomic_store_explicit(&stop, true, memory_order_release);
	for (int i = 0; i < N_READERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(readers[i].n_wrong, 0);
	}
	pn_index_reader_online();
}

static void what_a_reader_borrowed_stays_until_it_is_quiescent(void **state)
{
	struct world *w = *state;
	const struct pn_owner *borrowed;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	go_to(w, 2000);
	add(w, &a.p.meta);
	borrowed = owner_now(w, "10.0.0.1");
	del(w, &a.p.meta);
	go_to(w, 400000);
	pn_index_prune(w->idx);
	(void)pn_index_take_changes(w->idx, NULL, NULL);
	assert_null(pn_index_owner(w->idx, borrowed->id));
	assert_string_equal(borrowed->name, "a");
	pn_index_reader_quiescent();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(readers_see_right_owners_while_everything_changes),
		TEST(what_a_reader_borrowed_stays_until_it_is_quiescent),
	};

	return cmocka_run_group_tests_name("index readers", tests, NULL, NULL);
}
