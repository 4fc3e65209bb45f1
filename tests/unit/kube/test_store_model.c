/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store against a model that anybody can see is right: an array with one place for each of a
 * few names. Random changes and lists are made to both, and they are compared by key, by all values
 * of all indexes, and as a whole. The seed is printed when they differ.
 */
#include "store_fixture.h"

enum { N_NAMES = 160, N_OWNERS = 12, N_ADDRS = 40, N_STEPS = 4000, N_SEEDS = 3 };

/* @version 0: not there. Everything else follows from the version and the name. */
struct model {
	struct pn_store *store;
	unsigned int seed, step, next_version;
	unsigned int version[N_NAMES];
};

static uint32_t draw(struct model *m, uint32_t n)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)m->seed * n >> 32);
}

static unsigned int owner_of(unsigned int name, unsigned int version)
{
	return (name + version * 7) % N_OWNERS;
}

/* Two addresses, or one if they are the same. The first is shared by many. */
static unsigned int addr_of(unsigned int name, unsigned int version, unsigned int k)
{
	return k == 0 ? version % 3 : (name * 5 + version) % N_ADDRS;
}

static void addr_text(unsigned int i, char text[static 32])
{
	(void)snprintf(text, 32, i % 2 ? "10.0.0.%u" : "fd00::%x", i + 1);
}

static struct pn_object *make(unsigned int name, unsigned int version)
{
	char ns[16], text[16], rv[16], owner[16], addrs[80], a[2][32];
	struct pn_object *obj;

	(void)snprintf(ns, sizeof(ns), "ns-%u", name % 3);
	(void)snprintf(text, sizeof(text), "pod-%u", name);
	(void)snprintf(rv, sizeof(rv), "%u", version);
	(void)snprintf(owner, sizeof(owner), "owner-%u", owner_of(name, version));
	addr_text(addr_of(name, version, 0), a[0]);
	addr_text(addr_of(name, version, 1), a[1]);
	(void)snprintf(addrs, sizeof(addrs), "%s %s", a[0], a[1]);
	obj = pod_or_null(ns, text, "uid", rv, owner, addrs);
	assert_non_null(obj);
	return obj;
}

static void check_is(struct model *m, unsigned int name, const struct pn_object *obj)
{
	unsigned int version = m->version[name];

	if (obj ? strtoul(obj->resource_version, NULL, 10) != version : version != 0)
		fail_msg("seed %u, step %u: pod-%u is %s, not %u", m->seed, m->step, name,
			 obj ? obj->resource_version : "absent", version);
}

static void change(struct model *m, unsigned int name)
{
	unsigned int version = draw(m, 3) ? m->next_version++ : 0;
	struct pn_object *obj = make(name, version);
	const struct pn_object *old;

	assert_int_equal(version ? pn_store_put(m->store, obj, &old)
				 : pn_store_remove(m->store, obj, &old),
			 0);
	check_is(m, name, old);
	m->version[name] = version;
	pn_object_unref(old);
	pn_object_unref(obj);
}

/* --- lists --- */

struct list {
	struct model *m;
	unsigned int version[N_NAMES];
};

static unsigned int name_of(const struct pn_object *obj)
{
	return (unsigned int)strtoul(obj->name + strlen("pod-"), NULL, 10);
}

static bool hear_remove(void *data, const struct pn_object *last)
{
	struct list *l = data;
	unsigned int name = name_of(last);

	check_is(l->m, name, last);
	assert_int_equal(l->version[name], 0);
	assert_int_not_equal(l->m->version[name], 0);
	l->m->version[name] = 0;
	return true;
}

static bool hear_put(void *data, const struct pn_object *old, const struct pn_object *obj)
{
	struct list *l = data;
	unsigned int name = name_of(obj);

	check_is(l->m, name, old);
	assert_int_not_equal(l->version[name], l->m->version[name]);
	l->m->version[name] = l->version[name];
	check_is(l->m, name, obj);
	return true;
}

static void stage_name(struct list *l, unsigned int name)
{
	struct model *m = l->m;
	unsigned int version =
		m->version[name] && draw(m, 4) ? m->version[name] : m->next_version++;
	struct pn_object *obj = make(name, version);

	assert_int_equal(pn_store_stage(m->store, obj), 0);
	pn_object_unref(obj);
	l->version[name] = version;
}

static void take_name_back(struct list *l, unsigned int name)
{
	struct pn_object *obj = make(name, 0);

	assert_int_equal(pn_store_stage_remove(l->m->store, obj), 0);
	pn_object_unref(obj);
	l->version[name] = 0;
}

/* What was told has to make the old state the new one. */
static void take_list(struct model *m)
{
	static const struct pn_store_diff diff = { hear_remove, hear_put };
	struct list l = { .m = m };

	assert_int_equal(pn_store_stage_begin(m->store), 0);
	for (unsigned int i = draw(m, 2 * N_NAMES); i > 0; i--) {
		stage_name(&l, draw(m, N_NAMES));
		if (draw(m, 4) == 0)
			take_name_back(&l, draw(m, N_NAMES));
	}
	if (draw(m, 4) == 0) {
		pn_store_unstage(m->store);
		return;
	}
	pn_store_commit(m->store, &diff, &l);
	assert_memory_equal(m->version, l.version, sizeof(l.version));
}

/* --- comparison --- */

static bool has_addr(unsigned int name, unsigned int version, unsigned int addr)
{
	return addr_of(name, version, 0) == addr || addr_of(name, version, 1) == addr;
}

static void check_found(struct model *m, struct pn_iter *it, unsigned int n_want)
{
	bool seen[N_NAMES] = { false };
	const struct pn_object *obj;
	unsigned int n = 0;

	for (; (obj = pn_iter_next(it)); n++) {
		check_is(m, name_of(obj), obj);
		assert_false(seen[name_of(obj)]);
		seen[name_of(obj)] = true;
	}
	if (n != n_want)
		fail_msg("seed %u, step %u: %u found, not %u", m->seed, m->step, n, n_want);
}

static void check_owner(struct model *m, unsigned int owner)
{
	unsigned int n = 0;
	struct pn_iter it;
	char text[16];

	(void)snprintf(text, sizeof(text), "owner-%u", owner);
	assert_int_equal(pn_store_by_index(m->store, "controller", text, &it), 0);
	for (unsigned int i = 0; i < N_NAMES; i++)
		n += m->version[i] && owner_of(i, m->version[i]) == owner;
	check_found(m, &it, n);
}

static void check_addr(struct model *m, unsigned int addr)
{
	unsigned int n = 0;
	struct pn_iter it;
	char text[32];

	addr_text(addr, text);
	assert_int_equal(pn_store_by_index(m->store, "ip", text, &it), 0);
	for (unsigned int i = 0; i < N_NAMES; i++)
		n += m->version[i] && has_addr(i, m->version[i], addr);
	check_found(m, &it, n);
}

static bool count_value(void *data, const char *text)
{
	assert_non_null(text);
	++*(unsigned int *)data;
	return true;
}

static void check_values(struct model *m)
{
	bool owners[N_OWNERS] = { false };
	unsigned int n = 0;

	for (unsigned int i = 0; i < N_NAMES; i++)
		if (m->version[i])
			owners[owner_of(i, m->version[i])] = true;
	assert_int_equal(pn_store_index_values(m->store, "controller", count_value, &n), 0);
	for (unsigned int i = 0; i < N_OWNERS; i++)
		n -= owners[i];
	assert_int_equal(n, 0);
}

static void compare(struct model *m)
{
	unsigned int n = 0;
	struct pn_iter it;
	char key[64];

	for (unsigned int i = 0; i < N_NAMES; i++) {
		(void)snprintf(key, sizeof(key), "ns-%u/pod-%u", i % 3, i);
		check_is(m, i, pn_store_get(m->store, key));
		n += m->version[i] != 0;
	}
	assert_int_equal(pn_store_count(m->store), n);
	pn_store_each(m->store, &it);
	check_found(m, &it, n);
	for (unsigned int i = 0; i < N_OWNERS; i++)
		check_owner(m, i);
	for (unsigned int i = 0; i < N_ADDRS; i++)
		check_addr(m, i);
	check_values(m);
}

static void store_is_as_the_model_after_each_change(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= N_SEEDS; seed++) {
		struct model m = { .seed = seed, .next_version = 1 };

		assert_int_equal(pn_store_new(&m.store), 0);
		assert_int_equal(pn_store_add_index(m.store, &pn_indexer_ip), 0);
		for (m.step = 0; m.step < N_STEPS; m.step++) {
			change(&m, draw(&m, N_NAMES));
			if (m.step == 100)
				assert_int_equal(
					pn_store_add_index(m.store, &pn_indexer_controller), 0);
			if (draw(&m, 100) == 0)
				take_list(&m);
			if (m.step > 100 && m.step % 10 == 0)
				compare(&m);
		}
		pn_store_free(m.store);
	}
	pn_store_barrier();
	assert_int_equal(pn_intern_count(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(store_is_as_the_model_after_each_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
