// SPDX-License-Identifier: Apache-2.0
/* Sets of owners with certain labels: who is in there, and for how long after its end; as filters ask them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/label_selector.h"
#include "flow/filter.h"
#include "tests/unit/export/record_fixture.h"

static struct pn_owner_set *make(void)
{
	struct pn_owner_set *s;

	assert_int_equal(pn_owner_set_new("app=web", &s, NULL), 0);
	return s;
}

static bool has(struct pn_owner_set *s, enum pn_owner_kind kind, const char *name_space,
		const char *name)
{
	struct pn_owner o = { .kind = kind, .name_space = name_space, .name = name };

	return pn_owner_set_has(s, &o);
}

static void owners_are_told_apart_by_kind_namespace_and_name(void **state)
{
	struct pn_owner_set *s = make();

	(void)state;
	assert_int_equal(pn_owner_set_selector(s)->n_requirements, 1);
	assert_int_equal(pn_owner_set_put(s, PN_OWNER_POD, "shop", "web"), 0);
	assert_int_equal(pn_owner_set_put(s, PN_OWNER_POD, "shop", "web"), 0);
	assert_true(has(s, PN_OWNER_POD, "shop", "web"));
	assert_false(has(s, PN_OWNER_SERVICE, "shop", "web"));
	assert_false(has(s, PN_OWNER_POD, "shop", "we"));
	assert_false(has(s, PN_OWNER_POD, "sho", "pweb"));
	pn_owner_set_remove(s, PN_OWNER_POD, "shop", "other");
	pn_owner_set_remove(s, PN_OWNER_POD, "shop", "web");
	assert_false(has(s, PN_OWNER_POD, "shop", "web"));
	pn_owner_set_unref(s);
}

static void who_is_gone_stays_for_as_long_as_addresses_are_remembered(void **state)
{
	struct pn_owner_set *s = make();
	pn_nsec t = 1000 * PN_NSEC_PER_SEC;

	(void)state;
	assert_int_equal(pn_owner_set_put(s, PN_OWNER_POD, "shop", "a"), 0);
	assert_int_equal(pn_owner_set_put(s, PN_OWNER_POD, "shop", "b"), 0);
	pn_owner_set_leave(s, PN_OWNER_POD, "shop", "a", t);
	pn_owner_set_leave(s, PN_OWNER_POD, "shop", "a", t);
	pn_owner_set_leave(s, PN_OWNER_POD, "shop", "b", t);
	assert_true(has(s, PN_OWNER_POD, "shop", "a"));
	assert_int_equal(pn_owner_set_put(s, PN_OWNER_POD, "shop", "b"), 0); /* it is back */
	pn_owner_set_leave(s, PN_OWNER_POD, "shop", "c", t + PN_INDEX_MEMORY);
	assert_true(has(s, PN_OWNER_POD, "shop", "a"));
	pn_owner_set_leave(s, PN_OWNER_POD, "shop", "c", t + PN_INDEX_MEMORY + 1);
	assert_false(has(s, PN_OWNER_POD, "shop", "a"));
	assert_true(has(s, PN_OWNER_POD, "shop", "b"));
	assert_false(has(s, PN_OWNER_POD, "shop", "c"));
	pn_owner_set_unref(s);
}

static void the_last_of_those_who_hold_it_frees_it(void **state)
{
	struct pn_owner_set *s = make(), *other = pn_owner_set_ref(s);

	(void)state;
	assert_ptr_equal(other, s);
	assert_true(pn_owner_set_is_shared(s));
	pn_owner_set_unref(other);
	assert_false(pn_owner_set_is_shared(s));
	assert_int_equal(pn_owner_set_put(s, PN_OWNER_POD, "shop", "a"), 0);
	pn_owner_set_unref(s);
	pn_owner_set_unref(NULL);
}

/* --- filters -------------------------------------------------------------------------------------- */

static int put_web(void *data, struct pn_owner_set *set)
{
	(*(int *)data)++;
	return pn_owner_set_put(set, PN_OWNER_POD, owner_web.name_space, owner_web.name);
}

/* What a filter of this name and sign says of web -> db, when web alone has the labels. */
static bool passes(const char *name, bool negate)
{
	struct pn_flow_record r = sample_record();
	struct pn_filter *f;
	bool passes;
	int n = 0;

	assert_int_equal(pn_filter_new(&f), 0);
	assert_int_equal(pn_filter_add(f, "port", false, "5432", NULL), 0);
	assert_int_equal(pn_filter_add(f, name, negate, "app in (web,api)", NULL), 0);
	assert_int_equal(pn_filter_match(f, &r), negate); /* nobody has them yet */
	assert_int_equal(pn_filter_owner_sets(f, put_web, &n), 0);
	assert_int_equal(n, 1);
	passes = pn_filter_match(f, &r);
	pn_filter_free(f);
	return passes;
}

static void filters_ask_for_the_ends_that_they_name(void **state)
{
	(void)state;
	assert_true(passes("label", false));
	assert_true(passes("from-label", false));
	assert_false(passes("to-label", false));
	assert_false(passes("label", true));
	assert_false(passes("from-label", true));
	assert_true(passes("to-label", true));
}

static void an_end_without_a_name_has_no_labels(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_filter *f;
	int n = 0;

	(void)state;
	assert_int_equal(pn_filter_new(&f), 0);
	assert_int_equal(pn_filter_add(f, "label", false, "!app", NULL), 0);
	assert_int_equal(pn_filter_owner_sets(f, put_web, &n), 0);
	r.source.owner = r.destination.owner = NULL;
	assert_false(pn_filter_match(f, &r));
	pn_filter_free(f);
}

static int refuse(void *data, struct pn_owner_set *set)
{
	(void)set;
	return --*(int *)data ? 0 : -EBUSY;
}

static void a_filter_has_a_set_for_each_selector(void **state)
{
	struct pn_err err = { "" };
	struct pn_filter *f;
	int n = 0;

	(void)state;
	assert_int_equal(pn_filter_owner_sets(NULL, put_web, &n), 0);
	assert_int_equal(pn_filter_new(&f), 0);
	assert_int_equal(pn_filter_add(f, "label", false, "app=a", &err), 0);
	assert_int_equal(pn_filter_add(f, "label", true, "app=b", &err), 0);
	assert_int_equal(pn_filter_add(f, "to-label", false, "app=b", &err), 0);
	assert_int_equal(pn_filter_add(f, "to-label", false, "app in", &err), -EINVAL);
	assert_non_null(strstr(err.text, "values in brackets"));
	assert_int_equal(pn_filter_owner_sets(f, put_web, &n), 0);
	assert_int_equal(n, 3);
	n = 2;
	assert_int_equal(pn_filter_owner_sets(f, refuse, &n), -EBUSY);
	assert_int_equal(n, 0);
	pn_filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners_are_told_apart_by_kind_namespace_and_name),
		cmocka_unit_test(who_is_gone_stays_for_as_long_as_addresses_are_remembered),
		cmocka_unit_test(the_last_of_those_who_hold_it_frees_it),
		cmocka_unit_test(filters_ask_for_the_ends_that_they_name),
		cmocka_unit_test(an_end_without_a_name_has_no_labels),
		cmocka_unit_test(a_filter_has_a_set_for_each_selector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
