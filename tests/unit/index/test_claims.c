/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may have had an address when: the rules at the head of place.c, one by one. "?" is what
 * a look-up answers when two are possible.
 */
#include "fixture.h"

#include <stdio.h>

static void check(const struct world *w, const char *address, uint64_t ms, const char *name)
{
	assert_string_equal(name_at(w, address, at_ms(ms)), name);
}

/* @before until the first time, "?" until the second one, then @after */
static void check_overlap(const struct world *w, const char *before, uint64_t from_ms,
			  uint64_t until_ms, const char *after)
{
	check(w, "10.0.0.1", from_ms - 1, before);
	check(w, "10.0.0.1", from_ms, from_ms < until_ms ? "?" : after);
	check(w, "10.0.0.1", until_ms - 1, from_ms < until_ms ? "?" : before);
	check(w, "10.0.0.1", until_ms, after);
}

/* --- since when --------------------------------------------------------------------------------- */

static void a_pod_owns_its_address_from_its_start_time(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 10);
	go_to(w, 14500);
	add(w, &a.p.meta);
	assert_string_equal(name_at(w, "10.0.0.1", at_ms(9999)), "-");
	assert_string_equal(name_at(w, "10.0.0.1", at(10)), "a");
	assert_string_equal(name_at(w, "10.0.0.1", at(1000)), "a");
}

static void without_a_start_time_creation_counts_and_without_both_the_arrival(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 10);
	a.p.start_time_s = 0;
	pod_init(&b, "b", "uid-b", "10.0.0.2", 10);
	b.p.start_time_s = 0;
	b.p.meta.created_s = 0;
	go_to(w, 14500);
	add(w, &a.p.meta);
	add(w, &b.p.meta);
	assert_string_equal(name_at(w, "10.0.0.1", at(9)), "a");
	assert_string_equal(name_at(w, "10.0.0.1", at_ms(8999)), "-");
	assert_string_equal(name_at(w, "10.0.0.2", at_ms(14499)), "-");
	assert_string_equal(name_at(w, "10.0.0.2", at_ms(14500)), "b");
}

static void a_start_before_the_boot_is_since_ever(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", -50000);
	go_to(w, 5000);
	add(w, &a.p.meta);
	assert_string_equal(name_at(w, "10.0.0.1", 0), "a");
}

static void a_start_in_the_current_second_is_the_begin_of_that_second(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 5);
	go_to(w, 5800);
	add(w, &a.p.meta);
	check(w, "10.0.0.1", 4999, "-");
	check(w, "10.0.0.1", 5000, "a");
}

static void with_the_clock_of_a_node_ahead_the_creation_counts(void **state)
{
	struct world *w = *state;
	struct pod a, b, c;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 3600);
	b.p.meta.created_s = WALL_S + 20;
	pod_init(&c, "c", "uid-c", "10.0.0.1", 40);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	check_overlap(w, "a", 20000, 22000, "b");
	/* the one after it is not held up until the clock has come to that hour */
	go_to(w, 41000);
	add(w, &c.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "c");
	check_overlap(w, "b", 40000, 41000, "c");
}

static void when_nothing_says_since_when_it_is_since_its_arrival(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	a.p.start_time_s = INT64_MAX;
	a.p.meta.created_s = INT64_MAX;
	go_to(w, 5000);
	add(w, &a.p.meta);
	check(w, "10.0.0.1", 4999, "-");
	check(w, "10.0.0.1", 5000, "a");
}

static void when_nothing_says_since_when_any_time_remembered_is_possible(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 3600);
	b.p.meta.created_s = 0;
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	check(w, "10.0.0.1", 999, "-");
	check(w, "10.0.0.1", 1000, "?");
	check(w, "10.0.0.1", 21999, "?");
	check(w, "10.0.0.1", 22000, "b");
}

/* --- from one to the other ---------------------------------------------------------------------- */

/* struct hand_over - a has the address from second 1; b started in second 20 */
struct hand_over {
	uint64_t released_ms, arrived_ms; /* 0: a is released after b arrived */
	uint64_t until_ms;		  /* a is possible until then */
};

static void check_hand_over(struct world *w, const struct hand_over *h)
{
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 2000);
	add(w, &a.p.meta);
	if (h->released_ms) {
		go_to(w, h->released_ms);
		del(w, &a.p.meta);
	}
	go_to(w, h->arrived_ms);
	add(w, &b.p.meta);
	if (!h->released_ms) {
		go_to(w, h->arrived_ms + 5000);
		del(w, &a.p.meta);
	}
	check_overlap(w, "a", 20000, h->until_ms, "b");
	assert_string_equal(name_now(w, "10.0.0.1"), "b");
}

static void released_long_before_nobody_has_it_in_between(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 15000);
	del(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	check(w, "10.0.0.1", 14999, "a");
	check(w, "10.0.0.1", 15000, "-");
	check(w, "10.0.0.1", 19999, "-");
	check(w, "10.0.0.1", 20000, "b");
}

static void both_are_possible_from_the_start_of_the_next_to_the_release(void **state)
{
	check_hand_over(*state, &(struct hand_over) { 20400, 22000, 20400 });
}

static void a_release_in_the_millisecond_of_the_start_leaves_no_doubt(void **state)
{
	check_hand_over(*state, &(struct hand_over) { 20000, 22000, 20000 });
}

static void a_late_release_leaves_both_possible_for_longer(void **state)
{
	check_hand_over(*state, &(struct hand_over) { 21800, 22000, 21800 });
}

static void out_of_order_delivery_of_old_delete_and_new_add_ends_with_the_add(void **state)
{
	check_hand_over(*state, &(struct hand_over) { 0, 22000, 22000 });
}

static void out_of_order_delivery_with_an_add_at_once(void **state)
{
	check_hand_over(*state, &(struct hand_over) { 0, 20500, 20500 });
}

static void both_families_pass_on_alike(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_add_addr(&a, "2001:db8::1");
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	pod_add_addr(&b, "2001:db8::1");
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	del(w, &a.p.meta);
	for (int i = 0; i < 2; i++) {
		const char *address = i ? "10.0.0.1" : "2001:db8::1";

		check(w, address, 19999, "a");
		check(w, address, 20000, "?");
		check(w, address, 21999, "?");
		check(w, address, 22000, "b");
	}
}

static void terminated_pods_release(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 20700);
	a.p.phase = PN_POD_SUCCEEDED;
	update(w, &a.p.meta, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	go_to(w, 30000);
	del(w, &a.p.meta); /* the object's end is not that of the address */
	check_overlap(w, "a", 20000, 20700, "b");
}

static void a_relist_that_replaces_under_the_same_name(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "db-0", "uid-1", "10.0.0.1", 1);
	pod_init(&b, "db-0", "uid-2", "10.0.0.1", 20);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 60000);
	update(w, &a.p.meta, &b.p.meta);
	check(w, "10.0.0.1", 19999, "db-0");
	check(w, "10.0.0.1", 20000, "?");
	check(w, "10.0.0.1", 59999, "?");
	assert_string_equal(owner_now(w, "10.0.0.1")->uid, "uid-2");
}

static void a_release_only_counts_for_the_uid_that_holds_the_claim(void **state)
{
	struct world *w = *state;
	struct pod a, other;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&other, "a", "uid-b", "10.0.0.1", 1);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 3000);
	del(w, &other.p.meta);
	check(w, "10.0.0.1", 4000, "a");
}

static void repeated_events_move_no_time(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	go_to(w, 23000);
	update(w, &a.p.meta, &a.p.meta);
	update(w, &b.p.meta, &b.p.meta);
	go_to(w, 24000);
	del(w, &a.p.meta);
	del(w, &a.p.meta);
	check_overlap(w, "a", 20000, 22000, "b");
}

/* --- who was first? ----------------------------------------------------------------------------- */

static void a_late_event_of_an_earlier_owner_is_remembered(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 22000);
	add(w, &b.p.meta);
	go_to(w, 25000);
	add(w, &a.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "b");
	check_overlap(w, "a", 20000, 22000, "b");
	/* that a was first is likely, not proven: its end is what is heard of it */
	go_to(w, 26000);
	del(w, &a.p.meta);
	check_overlap(w, "a", 20000, 26000, "b");
}

static void a_late_event_of_an_owner_that_is_over_names_nobody_now(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 22000);
	add(w, &b.p.meta);
	go_to(w, 23000);
	del(w, &b.p.meta);
	go_to(w, 25000);
	add(w, &a.p.meta);
	go_to(w, 26000);
	del(w, &a.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "-");
	check_overlap(w, "a", 20000, 23000, "a");
	check(w, "10.0.0.1", 26000, "-");
}

static void newer_claims_win_for_good_where_they_are_proven_newer(void **state)
{
	struct world *w = *state;
	struct pod a, b, c;

	/* a, whose node is dead, was seen long before b began */
	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	pod_init(&c, "c", "uid-c", "10.0.0.1", 40);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	go_to(w, 30000);
	del(w, &b.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "-");
	update(w, &a.p.meta, &a.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "-");
	go_to(w, 42000);
	add(w, &c.p.meta);
	go_to(w, 43000);
	del(w, &a.p.meta);
	check_overlap(w, "a", 20000, 22000, "b");
	check(w, "10.0.0.1", 29999, "b");
	check(w, "10.0.0.1", 39999, "-");
	check(w, "10.0.0.1", 40000, "c");
}

static void a_pod_that_was_displaced_may_get_the_address_anew(void **state)
{
	struct world *w = *state;
	struct pod a, moved, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&moved, "a", "uid-a", "10.0.0.2", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	update(w, &a.p.meta, &moved.p.meta);
	go_to(w, 30000);
	del(w, &b.p.meta);
	update(w, &moved.p.meta, &a.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "a");
}

static void a_pod_that_waited_for_an_address_may_have_had_it_before(void **state)
{
	struct world *w = *state;
	struct pod waiting, quick;

	/* `waiting` started first and got the address only when `quick` gave it back */
	pod_init(&waiting, "waiting", "uid-w", "10.0.0.1", 1);
	pod_init(&quick, "quick", "uid-q", "10.0.0.1", 5);
	go_to(w, 6000);
	add(w, &quick.p.meta);
	go_to(w, 20000);
	del(w, &quick.p.meta);
	go_to(w, 21000);
	add(w, &waiting.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "waiting");
	check_overlap(w, "waiting", 5000, 20000, "waiting");
}

static void what_falls_to_a_rival_on_release_may_have_been_its_own_before(void **state)
{
	struct world *w = *state;
	struct pod waiting, quick;

	/* the same, and the release of `quick` comes late */
	pod_init(&waiting, "waiting", "uid-w", "10.0.0.1", 1);
	pod_init(&quick, "quick", "uid-q", "10.0.0.1", 5);
	go_to(w, 6000);
	add(w, &quick.p.meta);
	go_to(w, 21000);
	add(w, &waiting.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "quick");
	go_to(w, 22000);
	del(w, &quick.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "waiting");
	check_overlap(w, "waiting", 5000, 22000, "waiting");
}

static void of_two_that_started_in_one_second_the_order_is_open(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	/* a had it first, and its event comes last */
	pod_init(&a, "a", "uid-a", "10.0.0.1", 20);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 22000);
	add(w, &b.p.meta);
	go_to(w, 23000);
	add(w, &a.p.meta);
	go_to(w, 24000);
	del(w, &a.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "b");
	check(w, "10.0.0.1", 20000, "?");
	check(w, "10.0.0.1", 23999, "?");
	check(w, "10.0.0.1", 24000, "b");
}

static void two_pods_of_one_list_after_a_restart(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	for (int b_first = 0; b_first < 2; b_first++) {
		pod_init(&a, "a", b_first ? "a1" : "a0", b_first ? "10.0.0.2" : "10.0.0.1", 1);
		pod_init(&b, "b", b_first ? "b1" : "b0", b_first ? "10.0.0.2" : "10.0.0.1", 20);
		go_to(w, 100000);
		add(w, b_first ? &b.p.meta : &a.p.meta);
		add(w, b_first ? &a.p.meta : &b.p.meta);
	}
	for (int i = 0; i < 2; i++) {
		const char *address = i ? "10.0.0.2" : "10.0.0.1";

		check(w, address, 19999, "a");
		check(w, address, 20000, "?");
		check(w, address, 99999, "?");
		check(w, address, 100000, "b");
		assert_string_equal(name_now(w, address), "b");
	}
}

static void a_service_that_an_address_falls_to_may_have_had_it_before(void **state)
{
	struct world *w = *state;
	struct service old, new;

	service_init(&old, "old", "uid-o", "10.0.0.1", 443, 1);
	service_init(&new, "new", "uid-n", "10.0.0.1", 443, 20);
	go_to(w, 2000);
	add(w, &old.s.meta);
	go_to(w, 21000);
	add(w, &new.s.meta);
	check(w, "10.0.0.1", 20500, "old");
	go_to(w, 22000);
	del(w, &old.s.meta);
	check_overlap(w, "old", 20000, 22000, "new");
	assert_string_equal(port_at(w, pn_index_service, "10.0.0.1", 443, at(21)), "?");
	assert_string_equal(port_now(w, pn_index_service, "10.0.0.1", 443), "new");
}

static void a_node_has_its_address_for_as_long_as_it_asks(void **state)
{
	struct world *w = *state;
	struct node n;
	struct pod a;

	node_init(&n, "n2", "uid-n", "10.0.0.1");
	pod_init(&a, "a", "uid-a", "10.0.0.1", 20);
	go_to(w, 2000);
	add(w, &n.n.meta);
	go_to(w, 22000);
	add(w, &a.p.meta);
	check(w, "10.0.0.1", 21000, "n2");
	go_to(w, 30000);
	del(w, &n.n.meta);
	check_overlap(w, "n2", 20000, 30000, "a");
}

/* --- memory ------------------------------------------------------------------------------------- */

static void five_minutes_of_memory_for_each_claim(void **state)
{
	struct world *w = *state;
	struct pod a, b, c;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	pod_init(&c, "c", "uid-c", "10.0.0.1", 200);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	go_to(w, 202000);
	add(w, &c.p.meta);
	go_to(w, 322000 - 1);
	pn_index_prune(w->idx);
	check(w, "10.0.0.1", 19000, "a");
	go_to(w, 322000);
	pn_index_prune(w->idx);
	check(w, "10.0.0.1", 19000, "-");
	check(w, "10.0.0.1", 21000, "b");
	go_to(w, 502000);
	pn_index_prune(w->idx);
	check(w, "10.0.0.1", 21000, "-");
	check(w, "10.0.0.1", 201000, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pod_owns_its_address_from_its_start_time),
		TEST(without_a_start_time_creation_counts_and_without_both_the_arrival),
		TEST(a_start_before_the_boot_is_since_ever),
		TEST(a_start_in_the_current_second_is_the_begin_of_that_second),
		TEST(with_the_clock_of_a_node_ahead_the_creation_counts),
		TEST(when_nothing_says_since_when_it_is_since_its_arrival),
		TEST(when_nothing_says_since_when_any_time_remembered_is_possible),
		TEST(released_long_before_nobody_has_it_in_between),
		TEST(both_are_possible_from_the_start_of_the_next_to_the_release),
		TEST(a_release_in_the_millisecond_of_the_start_leaves_no_doubt),
		TEST(a_late_release_leaves_both_possible_for_longer),
		TEST(out_of_order_delivery_of_old_delete_and_new_add_ends_with_the_add),
		TEST(out_of_order_delivery_with_an_add_at_once),
		TEST(both_families_pass_on_alike),
		TEST(terminated_pods_release),
		TEST(a_relist_that_replaces_under_the_same_name),
		TEST(a_release_only_counts_for_the_uid_that_holds_the_claim),
		TEST(repeated_events_move_no_time),
		TEST(a_late_event_of_an_earlier_owner_is_remembered),
		TEST(a_late_event_of_an_owner_that_is_over_names_nobody_now),
		TEST(newer_claims_win_for_good_where_they_are_proven_newer),
		TEST(a_pod_that_was_displaced_may_get_the_address_anew),
		TEST(a_pod_that_waited_for_an_address_may_have_had_it_before),
		TEST(what_falls_to_a_rival_on_release_may_have_been_its_own_before),
		TEST(of_two_that_started_in_one_second_the_order_is_open),
		TEST(two_pods_of_one_list_after_a_restart),
		TEST(a_service_that_an_address_falls_to_may_have_had_it_before),
		TEST(a_node_has_its_address_for_as_long_as_it_asks),
		TEST(five_minutes_of_memory_for_each_claim),
	};

	return cmocka_run_group_tests_name("index claims", tests, NULL, NULL);
}
