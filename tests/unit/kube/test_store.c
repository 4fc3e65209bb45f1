/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: keys, indexes that follow their objects, and new lists that take the place of old ones.
 */
#include "store_fixture.h"

struct fixture {
	struct pn_store *store;
	struct pn_buf told; /* what commits told, as text */
	unsigned int n_until_stop;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->told = PN_BUF_INIT(1 << 20);
	assert_int_equal(pn_buf_put(&f->told, "", 0), 0);
	assert_int_equal(pn_store_new(&f->store), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pn_store_free(f->store);
	pn_store_barrier();
	pn_buf_done(&f->told);
	free(f);
	assert_int_equal(pn_intern_count(), 0);
	return 0;
}

static bool tell_remove(void *data, const struct pn_object *last)
{
	struct fixture *f = data;
	char key[PN_KEY_LEN];

	assert_null(pn_store_get(f->store, pn_object_key(last, key)));
	assert_int_equal(pn_buf_printf(&f->told, "-%s@%s ", last->name, last->resource_version), 0);
	return f->n_until_stop == 0 || --f->n_until_stop;
}

static bool tell_put(void *data, const struct pn_object *old, const struct pn_object *obj)
{
	struct fixture *f = data;
	char key[PN_KEY_LEN];

	assert_ptr_equal(pn_store_get(f->store, pn_object_key(obj, key)), obj);
	assert_int_equal(pn_buf_printf(&f->told, "%s%s@%s ", old ? "~" : "+", obj->name,
				       obj->resource_version),
			 0);
	return f->n_until_stop == 0 || --f->n_until_stop;
}

static void commit(struct fixture *f)
{
	static const struct pn_store_diff diff = { tell_remove, tell_put };

	pn_buf_reset(&f->told);
	pn_store_commit(f->store, &diff, f);
}

static void check_commit(struct fixture *f, const char *want)
{
	commit(f);
	assert_string_equal(f->told.data, want);
}

static void add_index(struct fixture *f, const struct pn_indexer *indexer)
{
	assert_int_equal(pn_store_add_index(f->store, indexer), 0);
}

static void put_get_remove(void **state)
{
	struct fixture *f = *state;
	const struct pn_object *old;
	struct pn_object *obj = object("ns/a u 2");

	assert_null(pn_store_get(f->store, "ns/a"));
	check_all(f->store, "");
	put(f->store, "ns/a u 1");
	put(f->store, "ns/b u 1");
	assert_int_equal(pn_store_put(f->store, obj, &old), 0);
	assert_string_equal(old->resource_version, "1");
	pn_object_unref(old);
	assert_int_equal(pn_store_count(f->store), 2);
	assert_ptr_equal(pn_store_get(f->store, "ns/a"), obj);
	assert_null(pn_store_get(f->store, "a"));
	assert_null(pn_store_get(f->store, "ns/"));
	assert_null(pn_store_get(f->store, ""));
	check_all(f->store, "a b ");
	assert_int_equal(pn_store_remove(f->store, obj, &old), 0);
	assert_ptr_equal(old, obj);
	pn_object_unref(old);
	assert_int_equal(pn_store_remove(f->store, obj, &old), 0);
	assert_null(old);
	assert_null(pn_store_get(f->store, "ns/a"));
	assert_int_equal(pn_store_count(f->store), 1);
	pn_object_unref(obj);
}

static void same_object_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct pn_object *obj = object("ns/a u 1 x 10.0.0.1");
	const struct pn_object *old;

	add_index(f, &pn_indexer_ip);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pn_store_put(f->store, obj, &old), 0);
		assert_ptr_equal(old, i ? obj : NULL);
		pn_object_unref(old);
		check_index(f->store, "ip", "10.0.0.1", "a ");
	}
	pn_object_unref(obj);
}

static void keys_of_cluster_scope_are_names(void **state)
{
	struct fixture *f = *state;
	struct pn_object *obj = pod_or_null("", "node-1", "u", "1", "", "");
	const struct pn_object *old;

	assert_int_equal(pn_store_put(f->store, obj, &old), 0);
	put(f->store, "node-1/x u 1");
	assert_ptr_equal(pn_store_get(f->store, "node-1"), obj);
	assert_null(pn_store_get(f->store, "/node-1"));
	pn_object_unref(obj);
}

static void index_follows_its_objects(void **state)
{
	struct fixture *f = *state;
	struct pn_iter it;

	add_index(f, &pn_indexer_controller);
	put(f->store, "ns/a u 1 x");
	put(f->store, "ns/b u 1 x");
	put(f->store, "ns/c u 1");
	check_index(f->store, "controller", "x", "a b ");
	check_index(f->store, "controller", "", "");
	put(f->store, "ns/a u 2 y");
	check_index(f->store, "controller", "x", "b ");
	check_index(f->store, "controller", "y", "a ");
	drop(f->store, "ns/b u 1");
	check_index(f->store, "controller", "x", "");
	assert_int_equal(pn_store_by_index(f->store, "other", "x", &it), -ENOENT);
	assert_null(pn_iter_next(&it));
}

static void addresses_are_found_as_text_and_as_they_are(void **state)
{
	struct fixture *f = *state;
	struct pn_addr addr;
	struct pn_iter it;

	add_index(f, &pn_indexer_ip);
	add_index(f, &pn_indexer_node);
	put(f->store, "ns/a u 1 - 10.0.0.1 fd00::1");
	put(f->store, "ns/b u 1 - 10.0.0.1");
	put(f->store, "ns/c u 1 - ::");
	check_index(f->store, "ip", "10.0.0.1", "a b ");
	check_index(f->store, "ip", "fd00:0::1", "a ");
	check_index(f->store, "ip", "0:0::0", "c ");
	check_index(f->store, "ip", "10.0.0.2", "");
	check_index(f->store, "ip", "no address", "");
	assert_int_equal(pn_addr_parse("fd00::1", &addr), 0);
	assert_int_equal(pn_store_by_addr(f->store, "ip", &addr, &it), 0);
	assert_string_equal(names(&it), "a ");
	assert_int_equal(pn_store_by_addr(f->store, "node", &addr, &it), -ENOENT);
	assert_null(pn_iter_next(&it));
	put(f->store, "ns/a u 2 - fd00::1 10.0.0.2");
	check_index(f->store, "ip", "10.0.0.1", "b ");
	check_index(f->store, "ip", "10.0.0.2", "a ");
	drop(f->store, "ns/b u 1");
	check_index(f->store, "ip", "10.0.0.1", "");
	put(f->store, "ns/d u 2 - 10.0.0.1");
	check_index(f->store, "ip", "10.0.0.1", "d ");
}

static bool append_value(void *data, const char *text)
{
	struct fixture *f = data;

	assert_int_equal(pn_buf_printf(&f->told, "%s ", text), 0);
	return f->n_until_stop == 0 || --f->n_until_stop;
}

static void values_without_objects_are_dropped(void **state)
{
	struct fixture *f = *state;

	add_index(f, &pn_indexer_ip);
	add_index(f, &pn_indexer_controller);
	put(f->store, "ns/a u 1 x 10.0.0.1");
	put(f->store, "ns/b u 1 y 10.0.0.2");
	drop(f->store, "ns/a u 1");
	assert_int_equal(pn_store_index_values(f->store, "controller", append_value, f), 0);
	assert_int_equal(pn_store_index_values(f->store, "ip", append_value, f), 0);
	assert_string_equal(f->told.data, "y 10.0.0.2 ");
	assert_int_equal(pn_store_index_values(f->store, "other", append_value, f), -ENOENT);
	put(f->store, "ns/c u 1 z 10.0.0.3");
	pn_buf_reset(&f->told);
	f->n_until_stop = 1;
	assert_int_equal(pn_store_index_values(f->store, "controller", append_value, f), 0);
	assert_int_equal(strlen(f->told.data), 2);
}

static void index_added_late_knows_what_is_stored(void **state)
{
	struct fixture *f = *state;

	put(f->store, "ns/a u 1 x");
	put(f->store, "ns/b u 1 x");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/a u 1 x");
	add_index(f, &pn_indexer_controller);
	assert_int_equal(pn_store_add_index(f->store, &pn_indexer_controller), -EEXIST);
	check_index(f->store, "controller", "x", "a b ");
	check_commit(f, "-b@1 ");
	check_index(f->store, "controller", "x", "a ");
	drop(f->store, "ns/a u 1");
	check_index(f->store, "controller", "x", "");
}

static void twice_the_same(const void *fn_data, const struct pn_object *obj,
			   struct pn_values *values)
{
	assert_string_equal(fn_data, "data");
	pn_values_add(values, obj->name_space);
	pn_values_add(values, "all");
	pn_values_add(values, obj->name_space);
}

static void value_given_twice_lists_the_object_once(void **state)
{
	static const struct pn_indexer twice = { "twice", false, twice_the_same, "data" };
	struct fixture *f = *state;

	add_index(f, &twice);
	put(f->store, "ns/a u 1");
	put(f->store, "other/b u 1");
	check_index(f->store, "twice", "ns", "a ");
	check_index(f->store, "twice", "all", "a b ");
	put(f->store, "ns/a u 2");
	check_index(f->store, "twice", "all", "a b ");
	drop(f->store, "ns/a u 1");
	check_index(f->store, "twice", "ns", "");
	check_index(f->store, "twice", "all", "b ");
}

static const char *fickle_value;

static void fickle(const void *fn_data, const struct pn_object *obj, struct pn_values *values)
{
	(void)fn_data;
	(void)obj;
	if (fickle_value)
		pn_values_add(values, fickle_value);
}

/* No reader may find an object that has been freed. */
static void function_that_changes_its_mind_leaves_nothing_behind(void **state)
{
	static const struct pn_indexer text = { "text", false, fickle, NULL };
	static const struct pn_indexer addrs = { "addrs", true, fickle, NULL };
	struct fixture *f = *state;

	add_index(f, &text);
	add_index(f, &addrs);
	fickle_value = "10.0.0.1";
	put(f->store, "ns/a u 1");
	put(f->store, "ns/b u 1");
	put(f->store, "ns/c u 1");
	fickle_value = NULL;
	drop(f->store, "ns/a u 1");
	check_index(f->store, "text", "10.0.0.1", "b c ");
	check_index(f->store, "addrs", "10.0.0.1", "b c ");
	fickle_value = "10.0.0.2";
	put(f->store, "ns/b u 2");
	drop(f->store, "ns/c u 1");
	check_index(f->store, "text", "10.0.0.1", "");
	check_index(f->store, "addrs", "10.0.0.1", "");
	check_index(f->store, "text", "10.0.0.2", "b ");
	check_index(f->store, "addrs", "10.0.0.2", "b ");
	pn_store_barrier();
}

static void many_under_one_value_come_and_go(void **state)
{
	struct fixture *f = *state;
	size_t n = 0;
	struct pn_iter it;
	char spec[64];

	add_index(f, &pn_indexer_namespace);
	add_index(f, &pn_indexer_ip);
	for (int i = 0; i < 2000; i++) {
		(void)snprintf(spec, sizeof(spec), "ns/pod-%d u 1 - 10.0.0.1", i);
		put(f->store, spec);
	}
	(void)pn_store_by_index(f->store, "namespace", "ns", &it);
	while (pn_iter_next(&it))
		n++;
	assert_int_equal(n, 2000);
	for (int i = 0; i < 1998; i++) {
		(void)snprintf(spec, sizeof(spec), "ns/pod-%d u 1", i);
		drop(f->store, spec);
	}
	check_index(f->store, "namespace", "ns", "pod-1998 pod-1999 ");
	check_index(f->store, "ip", "10.0.0.1", "pod-1998 pod-1999 ");
	check_all(f->store, "pod-1998 pod-1999 ");
	drop(f->store, "ns/pod-1998 u 1");
	check_index(f->store, "ip", "10.0.0.1", "pod-1999 ");
	put(f->store, "ns/pod-3 u 1 - 10.0.0.1");
	check_index(f->store, "ip", "10.0.0.1", "pod-1999 pod-3 ");
}

/* Tables are made anew as names and addresses pass through; nothing piles up or gets lost. */
static void endless_change_of_names_and_addresses(void **state)
{
	struct fixture *f = *state;
	char spec[64];

	add_index(f, &pn_indexer_ip);
	add_index(f, &pn_indexer_controller);
	put(f->store, "ns/stays u 1 x 10.255.0.1");
	for (int i = 0; i < 20000; i++) {
		(void)snprintf(spec, sizeof(spec), "ns/pod-%d u 1 owner-%d 10.0.%d.%d", i, i / 3,
			       i / 250, i % 250);
		put(f->store, spec);
		(void)snprintf(spec, sizeof(spec), "ns/pod-%d u 1", i - 10);
		drop(f->store, spec);
		if (i % 1000 == 0)
			check_index(f->store, "ip", "10.255.0.1", "stays ");
	}
	assert_int_equal(pn_store_count(f->store), 11);
	check_index(f->store, "controller", "owner-6666", "pod-19998 pod-19999 ");
}

static void commit_tells_removes_first_then_the_list_in_its_order(void **state)
{
	struct fixture *f = *state;

	put(f->store, "ns/a u 1");
	put(f->store, "ns/b u 1");
	put(f->store, "ns/c u 1");
	put(f->store, "ns/d u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/z u 9");
	stage(f->store, "ns/c u 2");
	stage(f->store, "ns/a u 1");
	stage(f->store, "ns/y u 9");
	assert_int_equal(pn_store_count(f->store), 4);
	check_all(f->store, "a b c d ");
	commit(f);
	assert_true(strcmp(f->told.data, "-b@1 -d@1 +z@9 ~c@2 +y@9 ") == 0 ||
		    strcmp(f->told.data, "-d@1 -b@1 +z@9 ~c@2 +y@9 ") == 0);
	check_all(f->store, "a c y z ");
}

static void of_two_under_one_key_the_last_counts(void **state)
{
	struct fixture *f = *state;
	struct pn_object *obj = object("ns/e u 1");

	put(f->store, "ns/a u 1");
	put(f->store, "ns/b u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/c u 1");
	stage(f->store, "ns/d u 1");
	stage(f->store, "ns/c u 2");
	stage(f->store, "ns/a u 2");
	stage(f->store, "ns/a u 1"); /* as it is stored */
	stage(f->store, "ns/b u 1");
	stage(f->store, "ns/b u 3");
	assert_int_equal(pn_store_stage(f->store, obj), 0);
	assert_int_equal(pn_store_stage(f->store, obj), 0);
	stage(f->store, "ns/e u 2");
	assert_int_equal(pn_store_stage(f->store, obj), 0);
	pn_object_unref(obj);
	check_commit(f, "+d@1 +c@2 ~b@3 +e@1 ");
	assert_string_equal(pn_store_get(f->store, "ns/a")->resource_version, "1");
}

static void what_is_taken_back_is_not_in_the_list(void **state)
{
	struct fixture *f = *state;

	add_index(f, &pn_indexer_controller);
	put(f->store, "ns/a u 1 x");
	put(f->store, "ns/b u 1 x");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/a u 1 x");
	stage(f->store, "ns/b u 2 y");
	stage(f->store, "ns/c u 3 y");
	stage(f->store, "ns/d u 4 y");
	take_back(f->store, "ns/a u 5");
	take_back(f->store, "ns/b u 5");
	take_back(f->store, "ns/c u 5");
	take_back(f->store, "ns/c u 5");
	take_back(f->store, "ns/never u 5");
	stage(f->store, "ns/b u 6 z");
	check_commit(f, "-a@1 +d@4 ~b@6 ");
	check_index(f->store, "controller", "x", "");
	check_index(f->store, "controller", "y", "d ");
	check_index(f->store, "controller", "z", "b ");
}

static void new_uid_with_the_old_version_is_an_update(void **state)
{
	struct fixture *f = *state;

	put(f->store, "ns/a u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/a other 1");
	check_commit(f, "~a@1 ");
}

static void list_of_unchanged_objects_is_quiet_and_shares_them(void **state)
{
	struct fixture *f = *state;
	const struct pn_object *before;

	add_index(f, &pn_indexer_controller);
	put(f->store, "ns/a u 1 x");
	before = pn_store_get(f->store, "ns/a");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/a u 1 x");
	check_commit(f, "");
	assert_ptr_equal(pn_store_get(f->store, "ns/a"), before);
	check_index(f->store, "controller", "x", "a ");
}

static void dropped_and_restarted_lists_leave_no_trace(void **state)
{
	struct fixture *f = *state;

	put(f->store, "ns/a u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/b u 1");
	pn_store_unstage(f->store);
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/c u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/a u 1");
	stage(f->store, "ns/d u 1");
	stage(f->store, "ns/d u 2");
	check_commit(f, "+d@2 ");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/f u 1");
}

static void empty_list_removes_everything(void **state)
{
	struct fixture *f = *state;

	put(f->store, "ns/a u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	check_commit(f, "-a@1 ");
	assert_int_equal(pn_store_count(f->store), 0);
}

static void who_has_heard_enough_hears_no_more(void **state)
{
	struct fixture *f = *state;

	put(f->store, "ns/a u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f->store, "ns/b u 1");
	stage(f->store, "ns/c u 1");
	f->n_until_stop = 2;
	check_commit(f, "-a@1 +b@1 ");
	assert_int_equal(pn_store_count(f->store), 2);
	put(f->store, "ns/c u 2");
	check_all(f->store, "b c ");
}

static void what_is_found_stays_whole_until_the_section_ends(void **state)
{
	struct fixture *f = *state;
	const struct pn_object *obj;
	struct pn_iter it;

	add_index(f, &pn_indexer_controller);
	put(f->store, "ns/a u 1 x");
	put(f->store, "ns/b u 1 x");
	pn_read_begin();
	pn_read_begin();
	(void)pn_store_by_index(f->store, "controller", "x", &it);
	obj = pn_store_get(f->store, "ns/a");
	drop(f->store, "ns/a u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	check_commit(f, "-b@1 ");
	pn_read_end();
	assert_string_equal(obj->resource_version, "1");
	assert_string_equal(names(&it), "b ");
	pn_read_end();
	pn_store_barrier();
}

static bool count_to_two(void *data, const struct pn_object *obj)
{
	assert_non_null(obj);
	return ++*(int *)data < 2;
}

static void ops_are_the_same_store(void **state)
{
	const struct pn_store_ops *ops = &pn_store_ops;
	struct fixture *f = *state;
	struct pn_object *obj = object("ns/a u 1");
	const struct pn_object *old;
	int n = 0;

	assert_int_equal(ops->put(f->store, obj, &old), 0);
	put(f->store, "ns/b u 1");
	put(f->store, "ns/c u 1");
	assert_int_equal(ops->count(f->store), 3);
	ops->each(f->store, count_to_two, &n);
	assert_int_equal(n, 2);
	assert_int_equal(ops->remove(f->store, obj, &old), 0);
	assert_ptr_equal(old, obj);
	pn_object_unref(old);
	pn_object_unref(obj);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(put_get_remove),
		TEST(same_object_again_changes_nothing),
		TEST(keys_of_cluster_scope_are_names),
		TEST(index_follows_its_objects),
		TEST(addresses_are_found_as_text_and_as_they_are),
		TEST(values_without_objects_are_dropped),
		TEST(index_added_late_knows_what_is_stored),
		TEST(value_given_twice_lists_the_object_once),
		TEST(function_that_changes_its_mind_leaves_nothing_behind),
		TEST(many_under_one_value_come_and_go),
		TEST(endless_change_of_names_and_addresses),
		TEST(commit_tells_removes_first_then_the_list_in_its_order),
		TEST(of_two_under_one_key_the_last_counts),
		TEST(new_uid_with_the_old_version_is_an_update),
		TEST(list_of_unchanged_objects_is_quiet_and_shares_them),
		TEST(dropped_and_restarted_lists_leave_no_trace),
		TEST(empty_list_removes_everything),
		TEST(what_is_taken_back_is_not_in_the_list),
		TEST(who_has_heard_enough_hears_no_more),
		TEST(what_is_found_stays_whole_until_the_section_ends),
		TEST(ops_are_the_same_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
