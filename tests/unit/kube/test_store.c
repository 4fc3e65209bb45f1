/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: keys, indexes that follow their objects, and new lists that take the place of old ones.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/intern.h"
#include "kube/decode.h"
#include "kube/store.h"

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
	pn_buf_done(&f->told);
	free(f);
	assert_int_equal(pn_intern_count(), 0);
	return 0;
}

/* @spec: "namespace/name uid version owner-uid" */
static struct pn_object *object(const char *spec)
{
	char ns[64], name[64], uid[40], rv[32], owner[40] = "";
	struct pn_meta meta = { ns, name, uid, rv, "", "", owner, 0, false };
	struct pn_object *obj;

	assert_true(sscanf(spec, "%63[^/]/%63s %39s %31s %39s", ns, name, uid, rv, owner) >= 4);
	obj = pn_object_new(PN_KIND_REPLICASET, sizeof(*obj), &meta);
	assert_non_null(obj);
	return obj;
}

static void put(struct fixture *f, const char *spec)
{
	struct pn_object *obj = object(spec);
	const struct pn_object *old;

	assert_int_equal(pn_store_put(f->store, obj, &old), 0);
	pn_object_unref(old);
	pn_object_unref(obj);
}

static void stage(struct fixture *f, const char *spec)
{
	struct pn_object *obj = object(spec);

	assert_int_equal(pn_store_stage(f->store, obj), 0);
	pn_object_unref(obj);
}

static bool tell_remove(void *data, const struct pn_object *last)
{
	struct fixture *f = data;

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

static void check_commit(struct fixture *f, const char *want)
{
	static const struct pn_store_diff diff = { tell_remove, tell_put };

	pn_buf_reset(&f->told);
	pn_store_commit(f->store, &diff, f);
	assert_string_equal(f->told.data, want);
}

static bool collect(const struct pn_object *obj, void *data)
{
	struct fixture *f = data;

	assert_int_equal(pn_buf_printf(&f->told, "%s ", obj->name), 0);
	return f->n_until_stop == 0 || --f->n_until_stop;
}

static void check_index(struct fixture *f, const char *index, const char *value, const char *want)
{
	pn_buf_reset(&f->told);
	assert_int_equal(pn_store_by_index(f->store, index, value, collect, f), 0);
	assert_string_equal(f->told.data, want);
}

static void put_get_remove(void **state)
{
	struct fixture *f = *state;
	const struct pn_object *old;
	struct pn_object *obj = object("ns/a u 2");

	put(f, "ns/a u 1");
	put(f, "ns/b u 1");
	assert_int_equal(pn_store_put(f->store, obj, &old), 0);
	assert_string_equal(old->resource_version, "1");
	pn_object_unref(old);
	pn_object_unref(obj);
	assert_int_equal(pn_store_count(f->store), 2);
	assert_string_equal(pn_store_get(f->store, "ns/a")->resource_version, "2");
	assert_null(pn_store_get(f->store, "a"));
	old = pn_store_remove(f->store, "ns/a");
	assert_string_equal(old->resource_version, "2");
	pn_object_unref(old);
	assert_null(pn_store_remove(f->store, "ns/a"));
	assert_null(pn_store_get(f->store, "ns/a"));
	assert_int_equal(pn_store_count(f->store), 1);
}

static void index_follows_its_objects(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pn_store_add_index(f->store, "owner", pn_index_by_owner), 0);
	put(f, "ns/a u 1 x");
	put(f, "ns/b u 1 x");
	put(f, "ns/c u 1");
	check_index(f, "owner", "x", "a b ");
	check_index(f, "owner", "", "");
	put(f, "ns/a u 2 y");
	check_index(f, "owner", "x", "b ");
	check_index(f, "owner", "y", "a ");
	pn_object_unref(pn_store_remove(f->store, "ns/b"));
	check_index(f, "owner", "x", "");
	assert_int_equal(pn_store_by_index(f->store, "other", "x", collect, f), -ENOENT);
}

static void index_added_late_knows_what_is_stored(void **state)
{
	struct fixture *f = *state;

	put(f, "ns/a u 1 x");
	put(f, "ns/b u 1 x");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f, "ns/a u 1 x");
	assert_int_equal(pn_store_add_index(f->store, "owner", pn_index_by_owner), 0);
	assert_int_equal(pn_store_add_index(f->store, "owner", pn_index_by_owner), -EEXIST);
	check_index(f, "owner", "x", "a b ");
	check_commit(f, "-b@1 ");
	check_index(f, "owner", "x", "a ");
}

static void twice_the_same(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
			   void *ctx)
{
	emit(ctx, obj->name_space);
	emit(ctx, "all");
	emit(ctx, obj->name_space);
}

static void value_emitted_twice_lists_the_object_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pn_store_add_index(f->store, "twice", twice_the_same), 0);
	put(f, "ns/a u 1");
	put(f, "other/b u 1");
	check_index(f, "twice", "ns", "a ");
	check_index(f, "twice", "all", "a b ");
	f->n_until_stop = 1;
	check_index(f, "twice", "all", "a ");
}

static void commit_tells_removes_first_then_the_list_in_its_order(void **state)
{
	struct fixture *f = *state;

	put(f, "ns/a u 1");
	put(f, "ns/b u 1");
	put(f, "ns/c u 1");
	put(f, "ns/d u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f, "ns/z u 9");
	stage(f, "ns/c u 2");
	stage(f, "ns/a u 1");
	stage(f, "ns/y u 9");
	assert_int_equal(pn_store_count(f->store), 4);
	check_commit(f, "-b@1 -d@1 +z@9 ~c@2 +y@9 ");
	assert_int_equal(pn_store_count(f->store), 4);
}

static void new_uid_with_the_old_version_is_an_update(void **state)
{
	struct fixture *f = *state;

	put(f, "ns/a u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f, "ns/a other 1");
	check_commit(f, "~a@1 ");
}

static void list_of_unchanged_objects_is_quiet_and_shares_them(void **state)
{
	struct fixture *f = *state;
	const struct pn_object *before;

	assert_int_equal(pn_store_add_index(f->store, "owner", pn_index_by_owner), 0);
	put(f, "ns/a u 1 x");
	before = pn_store_get(f->store, "ns/a");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f, "ns/a u 1 x");
	check_commit(f, "");
	assert_ptr_equal(pn_store_get(f->store, "ns/a"), before);
	check_index(f, "owner", "x", "a ");
}

static void dropped_and_restarted_lists_leave_no_trace(void **state)
{
	struct fixture *f = *state;

	put(f, "ns/a u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f, "ns/b u 1");
	pn_store_unstage(f->store);
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f, "ns/c u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f, "ns/a u 1");
	stage(f, "ns/d u 1");
	stage(f, "ns/d u 2");
	check_commit(f, "+d@2 ");
}

static void empty_list_removes_everything(void **state)
{
	struct fixture *f = *state;

	put(f, "ns/a u 1");
	put(f, "ns/b u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	check_commit(f, "-a@1 -b@1 ");
	assert_int_equal(pn_store_count(f->store), 0);
}

static void who_has_heard_enough_hears_no_more(void **state)
{
	struct fixture *f = *state;

	put(f, "ns/a u 1");
	put(f, "ns/b u 1");
	assert_int_equal(pn_store_stage_begin(f->store), 0);
	stage(f, "ns/c u 1");
	f->n_until_stop = 1;
	check_commit(f, "-a@1 ");
	assert_int_equal(pn_store_count(f->store), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(put_get_remove),
		TEST(index_follows_its_objects),
		TEST(index_added_late_knows_what_is_stored),
		TEST(value_emitted_twice_lists_the_object_once),
		TEST(commit_tells_removes_first_then_the_list_in_its_order),
		TEST(new_uid_with_the_old_version_is_an_update),
		TEST(list_of_unchanged_objects_is_quiet_and_shares_them),
		TEST(dropped_and_restarted_lists_leave_no_trace),
		TEST(empty_list_removes_everything),
		TEST(who_has_heard_enough_hears_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
