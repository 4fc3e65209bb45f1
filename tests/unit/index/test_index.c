/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns an address now: the rules at the head of place.c and index.c, one by one.
 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>

#include "base/metric.h"

/* --- who ---------------------------------------------------------------------------------------- */

static void a_pod_owns_all_its_addresses(void **state)
{
	struct world *w = *state;
	struct pod a;

	go_to(w, 5000);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 4);
	pod_add_addr(&a, "2001:db8::1");
	add(w, &a.p.meta);

	assert_string_equal(name_now(w, "10.0.0.1"), "a");
	assert_string_equal(name_now(w, "2001:db8::1"), "a");
	assert_string_equal(name_now(w, "10.0.0.2"), "-");
	assert_string_equal(owner_now(w, "10.0.0.1")->name_space, "shop");
	assert_string_equal(owner_now(w, "10.0.0.1")->uid, "uid-a");
	assert_int_equal(owner_now(w, "10.0.0.1")->flags, PN_OWNER_LOCAL);
}

static void a_pod_that_succeeded_or_failed_owns_nothing(void **state)
{
	static const enum pn_pod_phase ends[] = { PN_POD_SUCCEEDED, PN_POD_FAILED };
	struct world *w = *state;
	struct pod a, done;

	for (size_t i = 0; i < PN_ARRAY_SIZE(ends); i++) {
		pod_init(&a, "a", i ? "uid-1" : "uid-0", i ? "10.0.0.1" : "10.0.0.2", 1);
		go_to(w, 2000 + i * 10000);
		add(w, &a.p.meta);
		done = a;
		done.p.addrs = done.addrs;
		done.p.phase = ends[i];
		go_to(w, 5000 + i * 10000);
		update(w, &a.p.meta, &done.p.meta);
		assert_string_equal(name_now(w, i ? "10.0.0.1" : "10.0.0.2"), "-");
	}
	assert_string_equal(name_at(w, "10.0.0.2", at_ms(4999)), "a");
	assert_string_equal(name_at(w, "10.0.0.2", at_ms(5000)), "-");
}

static void a_host_network_pod_owns_no_address(void **state)
{
	struct world *w = *state;
	struct node n;
	struct pod a;

	node_init(&n, "n1", "uid-n", "192.0.2.1");
	pod_init(&a, "a", "uid-a", "192.0.2.1", 1);
	a.p.host_network = true;
	go_to(w, 2000);
	add(w, &a.p.meta);
	assert_string_equal(name_now(w, "192.0.2.1"), "-");
	add(w, &n.n.meta);
	assert_string_equal(name_now(w, "192.0.2.1"), "n1");
	assert_int_equal(owner_now(w, "192.0.2.1")->kind, PN_OWNER_NODE);
}

static void a_pod_never_displaces_a_node(void **state)
{
	struct world *w = *state;
	struct node n;
	struct pod a;

	node_init(&n, "n2", "uid-n", "192.0.2.1");
	pod_init(&a, "a", "uid-a", "192.0.2.1", 1);
	go_to(w, 2000);
	add(w, &n.n.meta);
	add(w, &a.p.meta);
	assert_string_equal(name_now(w, "192.0.2.1"), "n2");
	del(w, &n.n.meta);
	assert_string_equal(name_now(w, "192.0.2.1"), "a");
	add(w, &n.n.meta);
	assert_string_equal(name_now(w, "192.0.2.1"), "n2");
	assert_int_equal(owner_now(w, "192.0.2.1")->flags, 0);
}

static void a_service_never_displaces_a_pod_or_an_older_service(void **state)
{
	struct world *w = *state;
	struct service old, thief;
	struct pod a;

	go_to(w, 9000);
	service_init(&old, "old", "uid-o", "10.96.0.1", 443, 1);
	service_init(&thief, "thief", "uid-t", "10.96.0.1", 443, 8);
	thief.addrs[1] = addr("10.0.0.1");
	thief.s.n_addrs = 2;
	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);

	add(w, &thief.s.meta);
	assert_string_equal(name_now(w, "10.96.0.1"), "thief");
	add(w, &old.s.meta);
	add(w, &a.p.meta);
	assert_string_equal(name_now(w, "10.96.0.1"), "old");
	assert_string_equal(name_now(w, "10.0.0.1"), "a");
	update(w, &thief.s.meta, &thief.s.meta);
	assert_string_equal(name_now(w, "10.96.0.1"), "old");
	assert_string_equal(name_now(w, "10.0.0.1"), "a");
	del(w, &old.s.meta);
	assert_string_equal(name_now(w, "10.96.0.1"), "thief");
}

static void a_service_owns_its_ports(void **state)
{
	struct world *w = *state;
	struct service s, changed;

	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	add(w, &s.s.meta);
	assert_string_equal(port_now(w, pn_index_service, "10.96.0.1", 80), "web");
	assert_string_equal(port_now(w, pn_index_service, "10.96.0.1", 81), "-");

	service_init(&changed, "web", "uid-s", "10.96.0.1", 81, 0);
	update(w, &s.s.meta, &changed.s.meta);
	assert_string_equal(port_now(w, pn_index_service, "10.96.0.1", 80), "-");
	assert_string_equal(port_now(w, pn_index_service, "10.96.0.1", 81), "web");
	del(w, &changed.s.meta);
	assert_string_equal(port_now(w, pn_index_service, "10.96.0.1", 81), "-");
	assert_string_equal(name_now(w, "10.96.0.1"), "-");
}

static void addresses_that_nobody_can_own_are_refused(void **state)
{
	static const char *const bad[] = { "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255",
					   "::",      "::1",	   "ff02::1" };
	struct world *w = *state;
	uint64_t before = pn_metric_get(PN_METRIC_INDEX_REFUSED);
	struct pod a;

	for (size_t i = 0; i < PN_ARRAY_SIZE(bad); i++) {
		pod_init(&a, "a", "uid-a", bad[i], 0);
		add(w, &a.p.meta);
		assert_string_equal(name_now(w, bad[i]), "-");
	}
	assert_int_equal(pn_metric_get(PN_METRIC_INDEX_REFUSED) - before, PN_ARRAY_SIZE(bad));
}

static void objects_with_impossible_names_are_refused(void **state)
{
	struct world *w = *state;
	char longest[300];
	struct pod a;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	pod_init(&a, "a", "", "10.0.0.1", 0);
	add(w, &a.p.meta);
	pod_init(&a, "a", longest, "10.0.0.1", 0);
	add(w, &a.p.meta);
	pod_init(&a, longest, "uid-a", "10.0.0.1", 0);
	add(w, &a.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "-");
}

static void a_slice_of_an_impossible_service_is_refused(void **state)
{
	struct pn_endpointslice slice = { .address_type = "IPv4" };
	struct world *w = *state;
	char longest[5000];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	fill_meta(&slice.meta, PN_KIND_ENDPOINTSLICE, "s", "uid-s", 0);
	slice.service = longest;
	add(w, &slice.meta);
	update(w, &slice.meta, &slice.meta);
	del(w, &slice.meta);
}

static void a_uid_stays_with_its_kind(void **state)
{
	struct world *w = *state;
	struct service s;
	struct pod a;

	pod_init(&a, "a", "uid-x", "10.0.0.1", 0);
	service_init(&s, "s", "uid-x", "10.96.0.1", 80, 0);
	add(w, &a.p.meta);
	add(w, &s.s.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "a");
	assert_string_equal(name_now(w, "10.96.0.1"), "-");
}

/* --- order of events ---------------------------------------------------------------------------- */

static void a_late_delete_does_nothing_to_the_next_owner(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	go_to(w, 30000);
	del(w, &a.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "b");
	del(w, &a.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "b");
}

static void the_owner_now_does_not_depend_on_the_order_of_events(void **state)
{
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct world *w = *state;
	struct pod p[3];
	uint64_t ms = 100000;

	for (size_t i = 0; i < PN_ARRAY_SIZE(orders); i++) {
		pod_init(&p[0], "a", "uid-a", "10.0.0.1", 1);
		pod_init(&p[1], "b", "uid-b", "10.0.0.1", 20);
		pod_init(&p[2], "c", "uid-c", "10.0.0.1", 30);
		for (int j = 0; j < 3; j++) {
			go_to(w, ms += 1000);
			add(w, &p[orders[i][j]].p.meta);
		}
		assert_string_equal(name_now(w, "10.0.0.1"), "c");
		del(w, &p[2].p.meta);
		assert_string_equal(name_now(w, "10.0.0.1"), "b");
		del(w, &p[0].p.meta);
		assert_string_equal(name_now(w, "10.0.0.1"), "b");
		del(w, &p[1].p.meta);
		assert_string_equal(name_now(w, "10.0.0.1"), "-");
	}
}

static void deleting_what_is_unknown_is_harmless(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "a", "uid-other", "10.0.0.1", 1);
	del(w, &b.p.meta);
	add(w, &a.p.meta);
	del(w, &b.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "a");
	assert_int_equal(pn_index_apply(w->idx, NULL, NULL), 0);
}

static void a_new_uid_under_the_same_name_is_a_new_owner(void **state)
{
	struct world *w = *state;
	struct pod a, b;
	uint32_t id;

	pod_init(&a, "db-0", "uid-1", "10.0.0.1", 1);
	pod_init(&b, "db-0", "uid-2", "10.0.0.2", 9);
	go_to(w, 2000);
	add(w, &a.p.meta);
	id = owner_now(w, "10.0.0.1")->id;
	go_to(w, 10000);
	update(w, &a.p.meta, &b.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "-");
	assert_string_equal(name_now(w, "10.0.0.2"), "db-0");
	assert_int_not_equal(owner_now(w, "10.0.0.2")->id, id);
	assert_string_equal(pn_index_owner(w->idx, id)->uid, "uid-1");
}

static void repeated_events_change_nothing(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	go_to(w, 2000);
	add(w, &a.p.meta);
	(void)pn_index_take_changes(w->idx, NULL, NULL);
	go_to(w, 9000);
	add(w, &a.p.meta);
	update(w, &a.p.meta, &a.p.meta);
	assert_int_equal(pn_index_take_changes(w->idx, NULL, NULL), 0);
	assert_string_equal(name_at(w, "10.0.0.1", at(1)), "a");
}

static void an_address_that_a_pod_loses_is_released(void **state)
{
	struct world *w = *state;
	struct pod a, moved;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&moved, "a", "uid-a", "10.0.0.2", 1);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 60000);
	update(w, &a.p.meta, &moved.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "-");
	assert_string_equal(name_now(w, "10.0.0.2"), "a");
	/* when it got the other one before the event that says so nobody knows */
	assert_string_equal(name_at(w, "10.0.0.2", at(59)), "a");
	assert_string_equal(name_at(w, "10.0.0.1", at(59)), "a");
}

static void rivals_for_one_address_are_bounded(void **state)
{
	struct world *w = *state;
	uint64_t before = pn_metric_get(PN_METRIC_INDEX_REFUSED);
	char uid[16];
	struct pod a;

	for (int i = 0; i < PN_INDEX_MAX_RIVALS + 10; i++) {
		(void)snprintf(uid, sizeof(uid), "uid-%d", i);
		pod_init(&a, "a", uid, "10.0.0.1", 1);
		add(w, &a.p.meta);
	}
	assert_int_equal(pn_metric_get(PN_METRIC_INDEX_REFUSED) - before, 10);
	assert_string_equal(owner_now(w, "10.0.0.1")->uid, "uid-63");
}

/* --- memory ------------------------------------------------------------------------------------- */

static void claims_and_owners_are_forgotten_after_five_minutes(void **state)
{
	struct world *w = *state;
	struct pn_index_counts n;
	struct pod a;
	uint32_t id;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	go_to(w, 2000);
	add(w, &a.p.meta);
	id = owner_now(w, "10.0.0.1")->id;
	go_to(w, 10000);
	del(w, &a.p.meta);

	go_to(w, 309999);
	pn_index_prune(w->idx);
	(void)pn_index_take_changes(w->idx, NULL, NULL);
	assert_string_equal(name_at(w, "10.0.0.1", at(9)), "a");
	assert_non_null(pn_index_owner(w->idx, id));

	go_to(w, 310000);
	pn_index_prune(w->idx);
	assert_int_equal(pn_index_take_changes(w->idx, NULL, NULL), 2);
	assert_string_equal(name_at(w, "10.0.0.1", at(9)), "-");
	assert_null(pn_index_owner(w->idx, id));
	pn_index_counts(w->idx, &n);
	assert_int_equal(n.n_addrs + n.n_services + n.n_owners, 0);
}

static void an_owner_that_comes_back_keeps_its_id(void **state)
{
	struct world *w = *state;
	struct pod a;
	uint32_t id;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	go_to(w, 2000);
	add(w, &a.p.meta);
	id = owner_now(w, "10.0.0.1")->id;
	del(w, &a.p.meta);
	go_to(w, 400000);
	pn_index_prune(w->idx);
	add(w, &a.p.meta); /* before the maps took its deletion */
	(void)pn_index_take_changes(w->idx, NULL, NULL);
	assert_int_equal(owner_now(w, "10.0.0.1")->id, id);
	assert_ptr_equal(pn_index_owner(w->idx, id), owner_now(w, "10.0.0.1"));
}

static void claims_of_one_address_are_bounded_and_the_loss_is_counted(void **state)
{
	struct world *w = *state;
	uint64_t before = pn_metric_get(PN_METRIC_INDEX_FORGOTTEN);
	char uid[16];
	struct pod a;

	for (int i = 0; i < PN_INDEX_MAX_CLAIMS + 5; i++) {
		(void)snprintf(uid, sizeof(uid), "uid-%d", i);
		pod_init(&a, "a", uid, "10.0.0.1", 10 + i / 10);
		go_to(w, 10000 + (uint64_t)i * 100);
		add(w, &a.p.meta);
		del(w, &a.p.meta);
	}
	assert_int_equal(pn_metric_get(PN_METRIC_INDEX_FORGOTTEN) - before, 5);
}

static void ids_begin_where_they_are_told(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pn_index_set_next_id(w->idx, 700);
	pn_index_set_next_id(w->idx, 3);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	add(w, &a.p.meta);
	assert_int_equal(owner_now(w, "10.0.0.1")->id, 700);
	assert_int_equal(pn_index_next_id(w->idx), 701);

	pn_index_set_next_id(w->idx, UINT32_MAX);
	pod_init(&b, "b", "uid-b", "10.0.0.2", 0);
	assert_int_equal(pn_index_apply(w->idx, NULL, &b.p.meta), -EOVERFLOW);
	assert_string_equal(name_now(w, "10.0.0.2"), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pod_owns_all_its_addresses),
		TEST(a_pod_that_succeeded_or_failed_owns_nothing),
		TEST(a_host_network_pod_owns_no_address),
		TEST(a_pod_never_displaces_a_node),
		TEST(a_service_never_displaces_a_pod_or_an_older_service),
		TEST(a_service_owns_its_ports),
		TEST(addresses_that_nobody_can_own_are_refused),
		TEST(objects_with_impossible_names_are_refused),
		TEST(a_slice_of_an_impossible_service_is_refused),
		TEST(a_uid_stays_with_its_kind),
		TEST(a_late_delete_does_nothing_to_the_next_owner),
		TEST(the_owner_now_does_not_depend_on_the_order_of_events),
		TEST(deleting_what_is_unknown_is_harmless),
		TEST(a_new_uid_under_the_same_name_is_a_new_owner),
		TEST(repeated_events_change_nothing),
		TEST(an_address_that_a_pod_loses_is_released),
		TEST(rivals_for_one_address_are_bounded),
		TEST(claims_and_owners_are_forgotten_after_five_minutes),
		TEST(an_owner_that_comes_back_keeps_its_id),
		TEST(claims_of_one_address_are_bounded_and_the_loss_is_counted),
		TEST(ids_begin_where_they_are_told),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
