/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers on threads of their own while one writer changes and replaces everything. Some objects
 * are always stored, in one version or another: these have to be found by key and by address, and
 * once in the whole, whatever goes on. Meant for ASan and TSan as much as for the assertions.
 */
#include "store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { N_STEADY = 50, N_PASSING = 150, N_READERS = 3, N_ROUNDS = 60, N_FOREIGN = 500 };

struct reader {
	struct pn_store *store;
	atomic_bool *stop;
	pthread_t thread;
	atomic_uint n_rounds;
	unsigned int n_wrong;
};

static struct pn_object *make(unsigned int i, unsigned int version)
{
	char name[16], rv[16], addrs[64];
	struct pn_object *obj;

	(void)snprintf(name, sizeof(name), "pod-%u", i);
	(void)snprintf(rv, sizeof(rv), "%u", version);
	(void)snprintf(addrs, sizeof(addrs), "10.1.0.%u 10.0.0.1 10.2.%u.%u", i,
		       version / 250 % 250, version % 250);
	obj = pod_or_null("ns", name, name, rv, "owner", addrs);
	assert_non_null(obj);
	return obj;
}

/* --- readers --- */

/* A freed object has no such name any more. */
static bool is_pod(const struct pn_object *obj, unsigned int i)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "pod-%u", i);
	return obj && strcmp(obj->name, name) == 0 && strcmp(obj->uid, name) == 0 &&
	       obj->resource_version[0];
}

static bool is_found(const struct reader *r, unsigned int i)
{
	char key[32], text[32];
	const struct pn_object *obj, *by_addr;
	struct pn_addr addr;
	struct pn_iter it;
	bool is_right;

	(void)snprintf(key, sizeof(key), "ns/pod-%u", i);
	(void)snprintf(text, sizeof(text), "10.1.0.%u", i);
	(void)pn_addr_parse(text, &addr);
	pn_read_begin();
	obj = pn_store_get(r->store, key);
	is_right = pn_store_by_addr(r->store, "ip", &addr, &it) == 0;
	by_addr = pn_iter_next(&it);
	is_right = is_right && is_pod(obj, i) && is_pod(by_addr, i) && !pn_iter_next(&it);
	pn_read_end();
	return is_right;
}

/* Those that are always there, counted: each has to be found once. */
static bool are_all_found(struct pn_iter *it)
{
	unsigned int n[N_STEADY] = { 0 };
	const struct pn_object *obj;

	while ((obj = pn_iter_next(it))) {
		unsigned long i = strtoul(obj->name + strlen("pod-"), NULL, 10);

		if (!is_pod(obj, (unsigned int)i))
			return false;
		if (i < N_STEADY)
			n[i]++;
	}
	for (unsigned int i = 0; i < N_STEADY; i++)
		if (n[i] != 1)
			return false;
	return true;
}

static void read_whole(struct reader *r)
{
	struct pn_iter it;

	pn_read_begin();
	pn_store_each(r->store, &it);
	r->n_wrong += !are_all_found(&it);
	(void)pn_store_by_index(r->store, "ip", "10.0.0.1", &it);
	r->n_wrong += !are_all_found(&it);
	(void)pn_store_by_index(r->store, "namespace", "ns", &it);
	r->n_wrong += !are_all_found(&it);
	pn_read_end();
}

static bool is_text(void *data, const char *text)
{
	struct reader *r = data;

	r->n_wrong += strncmp(text, "10.", 3) != 0;
	return true;
}

static void *read_always(void *data)
{
	struct reader *r = data;

	while (!atomic_load_explicit(r->stop, memory_order_relaxed)) {
		for (unsigned int i = 0; i < N_STEADY; i++)
			r->n_wrong += !is_found(r, i);
		read_whole(r);
		pn_read_begin();
		(void)pn_store_index_values(r->store, "ip", is_text, r);
		r->n_wrong += pn_store_get(r->store, "ns/none") != NULL;
		pn_read_end();
		atomic_fetch_add_explicit(&r->n_rounds, 1, memory_order_relaxed);
	}
	return NULL;
}

/* --- the writer --- */

static void write_one(struct pn_store *s, unsigned int i, unsigned int version)
{
	struct pn_object *obj = make(i, version);
	const struct pn_object *old;

	assert_int_equal(pn_store_put(s, obj, &old), 0);
	pn_object_unref(old);
	if (i >= N_STEADY && version % 2) {
		assert_int_equal(pn_store_remove(s, obj, &old), 0);
		pn_object_unref(old);
	}
	pn_object_unref(obj);
}

static bool hear_remove(void *data, const struct pn_object *last)
{
	(void)data;
	assert_non_null(last->name);
	return true;
}

static bool hear_put(void *data, const struct pn_object *old, const struct pn_object *obj)
{
	(void)data;
	assert_true(!old || strcmp(old->name, obj->name) == 0);
	return true;
}

static void replace_all(struct pn_store *s, unsigned int version, unsigned int n)
{
	static const struct pn_store_diff diff = { hear_remove, hear_put };

	assert_int_equal(pn_store_stage_begin(s), 0);
	for (unsigned int i = 0; i < n; i++) {
		struct pn_object *obj = make(i, version);

		assert_int_equal(pn_store_stage(s, obj), 0);
		pn_object_unref(obj);
	}
	pn_store_commit(s, &diff, NULL);
}

static void write_round(struct pn_store *s, unsigned int round)
{
	for (unsigned int i = 0; i < N_STEADY + N_PASSING; i++)
		write_one(s, i, 4 * round + 1);
	for (unsigned int i = 0; i < N_STEADY + N_PASSING; i++)
		write_one(s, i, 4 * round + 2);
	replace_all(s, 4 * round + 3, round % 2 ? N_STEADY : N_STEADY + N_PASSING);
}

static struct pn_store *new_store(void)
{
	struct pn_store *s;

	assert_int_equal(pn_store_new(&s), 0);
	assert_int_equal(pn_store_add_index(s, &pn_indexer_ip), 0);
	assert_int_equal(pn_store_add_index(s, &pn_indexer_namespace), 0);
	return s;
}

static bool all_have_read(const struct reader readers[N_READERS])
{
	for (int i = 0; i < N_READERS; i++)
		if (!atomic_load_explicit(&readers[i].n_rounds, memory_order_relaxed))
			return false;
	return true;
}

static void what_is_always_stored_is_always_found(void **state)
{
	struct reader readers[N_READERS] = {};
	struct pn_store *s = new_store();
	unsigned int round;
	atomic_bool stop = false;

	(void)state;
	replace_all(s, 1, N_STEADY);
	for (int i = 0; i < N_READERS; i++) {
		readers[i].store = s;
		readers[i].stop = &stop;
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_always, &readers[i]),
				 0);
	}
	for (round = 1; round <= N_ROUNDS || !all_have_read(readers); round++)
		write_round(s, round);
	assert_int_equal(pn_store_add_index(s, &pn_indexer_controller), 0);
	write_round(s, round);
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (int i = 0; i < N_READERS; i++) {
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
		assert_int_equal(readers[i].n_wrong, 0);
	}
	pn_store_free(s);
	pn_store_barrier();
	assert_int_equal(pn_intern_count(), 0);
}

/* A thread that holds an object open while the store forgets it; then its reference keeps it. */
struct holder {
	struct pn_store *store;
	pthread_barrier_t step;
	bool is_whole;
};

static void *hold(void *data)
{
	struct holder *h = data;
	const struct pn_object *obj;

	pn_read_begin();
	obj = pn_store_get(h->store, "ns/pod-0");
	(void)pthread_barrier_wait(&h->step);
	(void)pthread_barrier_wait(&h->step); /* everything else has gone meanwhile */
	h->is_whole = is_pod(obj, 0);
	(void)pn_object_ref(obj);
	pn_read_end();
	(void)pthread_barrier_wait(&h->step);
	(void)pthread_barrier_wait(&h->step); /* and been freed */
	h->is_whole = h->is_whole && is_pod(obj, 0);
	pn_object_unref(obj);
	return NULL;
}

static void borrowed_object_is_whole_until_the_end_of_the_section(void **state)
{
	struct holder h = { .store = new_store() };
	pthread_t thread;

	(void)state;
	replace_all(h.store, 1, N_STEADY);
	assert_int_equal(pthread_barrier_init(&h.step, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
	(void)pthread_barrier_wait(&h.step);
	for (unsigned int i = 0; i < N_FOREIGN; i++)
		write_one(h.store, i % N_STEADY, i + 2);
	replace_all(h.store, 1, 0);
	(void)pthread_barrier_wait(&h.step);
	(void)pthread_barrier_wait(&h.step);
	pn_store_barrier();
	assert_int_not_equal(pn_intern_count(), 0);
	(void)pthread_barrier_wait(&h.step);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(h.is_whole);
	assert_int_equal(pthread_barrier_destroy(&h.step), 0);
	pn_store_free(h.store);
	pn_store_barrier();
	assert_int_equal(pn_intern_count(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_always_stored_is_always_found),
		cmocka_unit_test(borrowed_object_is_whole_until_the_end_of_the_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
