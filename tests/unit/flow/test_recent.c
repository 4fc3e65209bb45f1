/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last records told: which are there, under which names, when those who gave them have gone, and
 * when there is no memory for a name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/metric.h"
#include "flow/recent.h"
#include "tests/unit/export/record_fixture.h"
#include "tests/unit/kube/failing_malloc.h"

static struct pn_recent *recent_of(uint32_t n)
{
	struct pn_recent *rec;

	assert_int_equal(pn_recent_new(n, &rec), 0);
	return rec;
}

static void add(struct pn_recent *rec, uint64_t id)
{
	struct pn_flow_record r = sample_record();

	r.id = id;
	r.end = id * 100;
	pn_recent_add(rec, &r);
}

static void assert_ids(const struct pn_recent *rec, uint64_t first, uint64_t last)
{
	assert_int_equal(pn_recent_end(rec) - pn_recent_begin(rec), last - first + 1);
	for (uint64_t i = first; i <= last; i++)
		assert_int_equal(pn_recent_at(rec, pn_recent_begin(rec) + i - first)->id, i);
}

static void the_last_ones_are_there(void **state)
{
	struct pn_recent *rec = recent_of(4);
	uint64_t n_gone = pn_metric_get(PN_METRIC_FLOW_OVERWRITTEN);

	(void)state;
	assert_int_equal(pn_recent_begin(rec), pn_recent_end(rec));
	for (uint64_t i = 1; i <= 4; i++)
		add(rec, i);
	pn_recent_settle(rec);
	assert_ids(rec, 1, 4);
	assert_int_equal(pn_recent_gone_until(rec), 0);
	add(rec, 5);
	pn_recent_settle(rec);
	assert_ids(rec, 2, 5);
	assert_int_equal(pn_recent_gone_until(rec), 100);
	for (uint64_t i = 6; i <= 30; i++) /* more than there is room for, in one round */
		add(rec, i);
	pn_recent_settle(rec);
	assert_ids(rec, 27, 30);
	assert_int_equal(pn_recent_gone_until(rec), 2600);
	assert_int_equal(pn_metric_get(PN_METRIC_FLOW_OVERWRITTEN), n_gone + 26);
	pn_recent_free(rec);
}

static void names_of_policies_are_kept_as_long_as_records(void **state)
{
	struct pn_recent *rec = recent_of(2);
	size_t n_strings = pn_intern_count();
	struct pn_flow_record r = sample_record();

	(void)state;
	r.policy.by = pn_intern("NetworkPolicy/a/b", 17);
	for (int i = 0; i < 3; i++)
		pn_recent_add(rec, &r);
	pn_recent_settle(rec);
	pn_recent_add(rec, &r);
	pn_intern_unref(r.policy.by);
	assert_string_equal(pn_recent_at(rec, 3)->policy.by, "NetworkPolicy/a/b");
	assert_int_equal(pn_intern_count(), n_strings + 1);
	pn_recent_free(rec);
	assert_int_equal(pn_intern_count(), n_strings);
}

static void nothing_is_kept_without_room(void **state)
{
	struct pn_recent *rec = recent_of(0);

	(void)state;
	add(rec, 1);
	pn_recent_settle(rec);
	assert_int_equal(pn_recent_begin(rec), pn_recent_end(rec));
	pn_recent_free(rec);
}

/* An owner in memory of its own, as the index publishes one. */
static struct pn_owner *new_owner(uint32_t id, const char *name)
{
	struct pn_owner *o = malloc(sizeof(*o));

	assert_non_null(o);
	*o = owner_web;
	o->id = id;
	o->name = strdup(name);
	return o;
}

static void free_owner(struct pn_owner *o)
{
	free((char *)(uintptr_t)o->name);
	memset(o, 0x5a, sizeof(*o));
	free(o);
}

static void names_outlive_those_who_gave_them(void **state)
{
	struct pn_recent *rec = recent_of(100);
	const struct pn_flow_record *kept;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct pn_flow_record r = sample_record();
		struct pn_owner *o;
		char name[32];

		(void)snprintf(name, sizeof(name), "pod-%u", i / 3);
		o = new_owner(i / 3 + 10, name);
		r.id = i;
		r.source.owner = o;
		pn_recent_add(rec, &r);
		pn_recent_settle(rec);
		free_owner(o);
	}
	for (uint64_t i = pn_recent_begin(rec); i < pn_recent_end(rec); i++) {
		char name[32];

		kept = pn_recent_at(rec, i);
		(void)snprintf(name, sizeof(name), "pod-%u", (unsigned int)kept->id / 3);
		assert_string_equal(kept->source.owner->name, name);
		assert_string_equal(kept->source.owner->workload_name, "web");
		assert_string_equal(kept->service->name, "db");
	}
	pn_recent_free(rec);
}

static void equal_names_are_one_copy_and_changed_ones_another(void **state)
{
	struct pn_recent *rec = recent_of(10);
	struct pn_flow_record r = sample_record();
	struct pn_owner renamed = owner_web;
	const struct pn_flow_record *kept[3];

	(void)state;
	r.service = r.destination.owner;
	pn_recent_add(rec, &r);
	pn_recent_settle(rec);
	pn_recent_add(rec, &r);
	pn_recent_settle(rec);
	renamed.workload_name = "shop-web";
	r.source.owner = &renamed;
	pn_recent_add(rec, &r);
	pn_recent_settle(rec);
	for (uint64_t i = 0; i < 3; i++)
		kept[i] = pn_recent_at(rec, i);
	assert_ptr_equal(kept[0]->service, kept[0]->destination.owner); /* as it was given */
	assert_ptr_equal(kept[0]->source.owner, kept[1]->source.owner);
	assert_ptr_not_equal(kept[0]->source.owner, &owner_web);
	assert_string_equal(kept[1]->source.owner->workload_name, "web");
	assert_string_equal(kept[2]->source.owner->workload_name, "shop-web");
	pn_recent_free(rec);
}

static void what_an_icmp_error_is_about_is_kept(void **state)
{
	struct pn_recent *rec = recent_of(2);
	struct pn_record_quote q = { .source_port = 77 };
	struct pn_flow_record r = sample_record();

	(void)state;
	r.quote = &q;
	pn_recent_add(rec, &r);
	q.source_port = 78;
	pn_recent_add(rec, &r);
	q.source_port = 0;
	pn_recent_settle(rec);
	assert_int_equal(pn_recent_at(rec, 0)->quote->source_port, 77);
	assert_int_equal(pn_recent_at(rec, 1)->quote->source_port, 78);
	r.quote = NULL;
	pn_recent_add(rec, &r);
	pn_recent_settle(rec);
	assert_null(pn_recent_at(rec, 2)->quote);
	pn_recent_free(rec);
}

static void a_record_whose_names_find_no_memory_is_counted(void **state)
{
	uint64_t n_gone = pn_metric_get(PN_METRIC_FLOW_OVERWRITTEN);

	(void)state;
	need_malloc();
	for (unsigned long n = 1; n <= 3; n++) { /* the source, the destination, the Service */
		struct pn_recent *rec = recent_of(4);

		add(rec, 1);
		n_until_failure = n;
		pn_recent_settle(rec);
		assert_int_equal(n_until_failure, 0);
		assert_null(pn_recent_at(rec, 0));
		assert_int_equal(pn_recent_gone_until(rec), 100);
		assert_int_equal(pn_metric_get(PN_METRIC_FLOW_OVERWRITTEN), n_gone + 1);
		for (uint64_t i = 2; i <= 6; i++)
			add(rec, i);
		pn_recent_settle(rec);
		assert_ids(rec, 3, 6);
		n_gone += 2; /* this one, and the second for want of room */
		assert_int_equal(pn_metric_get(PN_METRIC_FLOW_OVERWRITTEN), n_gone);
		pn_recent_free(rec);
	}
	for (unsigned long n = 1; n <= 4; n++) {
		struct pn_recent *rec;

		n_until_failure = n;
		assert_true(pn_recent_new(4, &rec) < 0);
		assert_int_equal(n_until_failure, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_ones_are_there),
		cmocka_unit_test(names_of_policies_are_kept_as_long_as_records),
		cmocka_unit_test(nothing_is_kept_without_room),
		cmocka_unit_test(names_outlive_those_who_gave_them),
		cmocka_unit_test(equal_names_are_one_copy_and_changed_ones_another),
		cmocka_unit_test(what_an_icmp_error_is_about_is_kept),
		cmocka_unit_test(a_record_whose_names_find_no_memory_is_counted),
	};

	return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
