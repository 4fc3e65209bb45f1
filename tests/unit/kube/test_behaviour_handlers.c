/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviour, part 4: handlers, their queues, and the resync.
 *
 *	late registration                late_handler_gets_the_store_as_initial_adds
 *	- in order with live events      late_handler_misses_nothing_and_gets_nothing_twice
 *	- before the first list          handlers_added_before_and_after_the_start_are_told_the_same
 *	a queue each                     blocked_handler_holds_up_no_other
 *	- that loses nothing             blocked_handler_gets_everything_in_the_end
 *	has-synced of a handler          handler_has_synced_when_its_first_calls_have_returned
 *	removal                          removal_is_idempotent_and_ends_the_calls
 *	- of a call under way            removal_does_not_wait_but_shutdown_does
 *	- from within                    handler_removes_itself
 *	- with what is queued            removed_handler_loses_what_is_queued
 *	stopped                          handler_for_a_stopped_informer_is_refused
 *	- calls under way                freeing_the_factory_waits_for_calls_under_way
 *	adding from within               handler_adds_a_handler
 *	resync                           resync_tells_every_object_as_an_update
 *	- of a second at least           resync_is_a_second_at_least
 *	- for those who asked            resync_is_only_for_handlers_that_asked
 *	- equal versions                 equal_versions_go_only_to_a_handler_in_a_turn
 *	- makes no request               resync_asks_nothing_of_the_server
 *	filters                          filter_makes_adds_and_removals_of_updates
 *	slow handlers                    slow_handler_is_reported
 *	figures                          queue_is_counted
 */
#include <stdio.h>

#include "tests/unit/kube/behaviour.h"

static const struct pn_handler_options own_thread = { .size = sizeof(own_thread),
						      .own_thread = true };

/* A handler whose calls do not return until it is let go. */
static struct recorder *record_held(struct behaviour *b)
{
	struct recorder *r = &b->recorders[b->n_recorders];

	r->is_held = true;
	return record(b, b->inf, &own_thread);
}

/* --- late handlers --- */

static void late_handler_gets_the_store_as_initial_adds(void **state)
{
	struct behaviour *b = *state;
	struct recorder *late;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "a@1");
	api_send(&b->api, "ADDED b@6, MODIFIED a@7, ADDED c@8, DELETED c@9");
	log_is(b->h, "add default/a@1 init, synced, add default/b@6, update default/a@1->7, "
		     "add default/c@8, delete default/c@9");
	late = record(b, b->inf, NULL);
	log_is_any_order(late, "add default/a@7 init, add default/b@6 init, synced");
	assert_string_equal(late->log.text[2], "synced");
	until(pn_registration_has_synced(late->registration));
	api_send(&b->api, "ADDED d@10");
	log_is(late, "add default/d@10");
	log_is(b->h, "add default/d@10");
}

/* Each change is seen once by each: as part of what was stored, or as an event. */
static void late_handler_misses_nothing_and_gets_nothing_twice(void **state)
{
	enum { N = 600 };
	struct behaviour *b = *state;
	char event[64];
	int seen[MAX_RECORDERS][N] = { 0 };

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "");
	for (int i = 0; i < N; i++) {
		(void)snprintf(event, sizeof(event), "ADDED p-%d@%d", i, 10 + i);
		api_send(&b->api, event);
		if (i % 100 == 50)
			(void)record(b, b->inf, i % 200 == 50 ? &own_thread : NULL);
	}
	for (unsigned int i = 0; i < b->n_recorders; i++) {
		struct recorder *r = &b->recorders[i];

		log_skip(r, N + 1);
		for (size_t j = 0; j < N + 1; j++)
			if (strcmp(r->log.text[j], "synced") != 0)
				seen[i][atoi(strchr(r->log.text[j], '-') + 1)]++;
		for (size_t j = 0; j < N; j++)
			assert_int_equal(seen[i][j], 1);
	}
}

static void handlers_added_before_and_after_the_start_are_told_the_same(void **state)
{
	struct behaviour *b = *state;
	struct recorder *other;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	other = record(b, b->inf, NULL);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	log_is(other, "add default/a@1 init, synced");
}

/* --- queues --- */

static void blocked_handler_holds_up_no_other(void **state)
{
	struct behaviour *b = *state;
	struct recorder *held, *own;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	held = record_held(b);
	own = record(b, b->inf, &own_thread);
	start(b);
	fetch_list(b, "5", "a@1");
	wait_inside(held, 1);
	api_send(&b->api, "ADDED b@6");
	log_is(b->h, "add default/a@1 init, synced, add default/b@6");
	log_is(own, "add default/a@1 init, synced, add default/b@6");
	store_is(b, "default/a@1, default/b@6");
	log_is(held, "");
	assert_int_equal(pn_informer_wait_for_sync(b->inf, 0), 0);
	let_go(held);
	log_is(held, "add default/a@1 init, synced, add default/b@6");
}

static void blocked_handler_gets_everything_in_the_end(void **state)
{
	enum { N = 3000 };
	struct behaviour *b = *state;
	struct recorder *held;
	char *text = NULL, want[64];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	held = record_held(b);
	start(b);
	fetch_list(b, "5", "a@5");
	wait_inside(held, 1);
	for (int i = 6; i < 6 + N; i++)
		(void)fprintf(out, "MODIFIED a@%d,", i);
	(void)fclose(out);
	api_send(&b->api, text);
	free(text);
	log_skip(b->h, 2 + N);
	until(status_of(b).n_queued >= N);
	let_go(held);
	log_skip(held, 2 + N);
	for (int i = 0; i < N; i++) {
		(void)snprintf(want, sizeof(want), "update default/a@%d->%d", 5 + i, 6 + i);
		assert_string_equal(held->log.text[2 + i], want);
	}
	until(status_of(b).n_queued == 0);
}

static void handler_has_synced_when_its_first_calls_have_returned(void **state)
{
	struct behaviour *b = *state;
	struct recorder *held;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	held = record_held(b);
	start(b);
	assert_false(pn_registration_has_synced(b->h->registration));
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	until(pn_registration_has_synced(b->h->registration));
	wait_inside(held, 1);
	assert_false(pn_registration_has_synced(held->registration));
	let_go(held);
	until(pn_registration_has_synced(held->registration));
	log_is(held, "add default/a@1 init, synced");
}

/* --- removal --- */

static void removal_is_idempotent_and_ends_the_calls(void **state)
{
	struct behaviour *b = *state;
	struct recorder *gone;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	gone = record(b, b->inf, NULL);
	fetch_list(b, "5", "a@1");
	log_is(gone, "add default/a@1 init, synced");
	pn_registration_shutdown(gone->registration);
	pn_registration_remove(gone->registration);
	pn_registration_shutdown(gone->registration);
	api_send(&b->api, "ADDED b@6");
	log_is(b->h, "add default/a@1 init, synced, add default/b@6");
	pn_factory_stop(b->factory);
	pn_registration_remove(gone->registration);
}

struct shutdown {
	struct recorder *r;
	bool is_done; /* under the lock of the test */
};

static void *shut_down(void *data)
{
	struct shutdown *s = data;

	pn_registration_shutdown(s->r->registration);
	(void)pthread_mutex_lock(&s->r->b->lock);
	s->is_done = true;
	(void)pthread_mutex_unlock(&s->r->b->lock);
	return NULL;
}

static void removal_does_not_wait_but_shutdown_does(void **state)
{
	struct behaviour *b = *state;
	struct shutdown s = { .is_done = false };
	struct recorder *removed;
	pthread_t thread;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	removed = record_held(b);
	s.r = record_held(b);
	start(b);
	fetch_list(b, "5", "a@1");
	wait_inside(removed, 1);
	wait_inside(s.r, 1);
	pn_registration_remove(removed->registration);
	assert_int_equal(pthread_create(&thread, NULL, shut_down, &s), 0);
	api_send(&b->api, "ADDED b@6");
	log_is(b->h, "add default/a@1 init, synced, add default/b@6");
	(void)pthread_mutex_lock(&b->lock);
	assert_false(s.is_done);
	(void)pthread_mutex_unlock(&b->lock);
	until(status_of(b).n_queued ==
	      0); /* the other thread has begun, and what waited is dropped */
	let_go(s.r);
	(void)pthread_join(thread, NULL);
	let_go(removed);
	log_is(s.r, "add default/a@1 init");
	log_is(removed, "add default/a@1 init");
}

static void remove_oneself(const void *handler, void *data, const struct pn_notice *n)
{
	struct recorder *r = data;

	record_call(handler, data, n);
	pn_registration_remove(r->registration);
}

static void handler_removes_itself(void **state)
{
	struct behaviour *b = *state;
	struct recorder *r = &b->recorders[1];

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	b->n_recorders = 2;
	r->b = b;
	assert_int_equal(
		pn_informer_add_handler(b->inf, remove_oneself, NULL, r, NULL, &r->registration),
		0);
	start(b);
	fetch_list(b, "5", "a@1, b@2");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced");
	log_is(r, "add default/a@1 init");
}

static void removed_handler_loses_what_is_queued(void **state)
{
	struct behaviour *b = *state;
	struct recorder *held;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	held = record_held(b);
	start(b);
	fetch_list(b, "5", "a@1, b@2, c@3");
	wait_inside(held, 1);
	log_is(b->h, "add default/a@1 init, add default/b@2 init, add default/c@3 init, synced");
	pn_registration_remove(held->registration);
	let_go(held);
	pn_registration_shutdown(held->registration);
	log_is(held, "add default/a@1 init");
}

static void handler_for_a_stopped_informer_is_refused(void **state)
{
	struct behaviour *b = *state;
	struct pn_registration *registration = NULL;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "");
	log_is(b->h, "synced");
	pn_informer_stop(b->inf);
	assert_int_equal(
		pn_informer_add_handler(b->inf, record_call, NULL, b->h, NULL, &registration),
		-ECANCELED);
	assert_null(registration);
	assert_int_equal(pn_informer_start(b->inf), -ECANCELED);
}

static void *free_factory(void *data)
{
	struct behaviour *b = data;

	pn_factory_free(b->factory);
	return NULL;
}

static void freeing_the_factory_waits_for_calls_under_way(void **state)
{
	struct behaviour *b = *state;
	struct recorder *held;
	pthread_t thread;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	held = record_held(b);
	start(b);
	fetch_list(b, "5", "a@1, b@2");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced");
	wait_inside(held, 1);
	for (unsigned int i = 0; i < b->n_recorders; i++) {
		pn_registration_free(b->recorders[i].registration);
		b->recorders[i].registration = NULL;
	}
	assert_int_equal(pthread_create(&thread, NULL, free_factory, b), 0);
	api_wait_closed(&b->api);
	let_go(held);
	(void)pthread_join(thread, NULL);
	b->factory = NULL;
	b->inf = NULL;
	log_is(held, "add default/a@1 init");
}

static void add_another(const void *handler, void *data, const struct pn_notice *n)
{
	struct recorder *r = data;

	(void)handler;
	if (n->type == PN_NOTICE_SYNCED)
		(void)pn_informer_add_handler(r->b->inf, record_call, NULL, r, NULL,
					      &r->registration);
}

static void handler_adds_a_handler(void **state)
{
	struct behaviour *b = *state;
	struct recorder *r = &b->recorders[1];

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	b->n_recorders = 2;
	r->b = b;
	assert_int_equal(pn_informer_add_handler(b->inf, add_another, NULL, r, NULL, NULL), 0);
	start(b);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	log_is(r, "add default/a@1 init, synced");
	api_send(&b->api, "ADDED b@6");
	log_is(b->h, "add default/b@6");
	log_is(r, "add default/b@6");
}

/* --- resync: the seconds are real, nothing else tells of the turns --- */

static void resync_tells_every_object_as_an_update(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .resync_ms = 1000);
	fetch_list(b, "5", "a@1, b@2");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced");
	log_is_any_order(b->h, "update default/a@1->1, update default/b@2->2");
	log_is_any_order(b->h, "update default/a@1->1, update default/b@2->2");
	b->h->ignores_rest = true;
}

static void resync_is_a_second_at_least(void **state)
{
	const struct pn_handler_options hasty = { .size = sizeof(hasty), .resync_ms = 20 };
	struct behaviour *b = *state;
	struct recorder *r;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .resync_ms = 10);
	r = record(b, b->inf, &hasty);
	assert_int_equal(pn_registration_resync_ms(b->h->registration), 1000);
	assert_int_equal(pn_registration_resync_ms(r->registration), 1000);
	assert_int_equal(status_of(b).resync_ms, 1000);
}

static void resync_is_only_for_handlers_that_asked(void **state)
{
	const struct pn_handler_options never = { .size = sizeof(never),
						  .resync_ms = PN_NO_RESYNC };
	struct behaviour *b = *state;
	struct recorder *without;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .resync_ms = 1000);
	without = record(b, b->inf, &never);
	assert_int_equal(pn_registration_resync_ms(without->registration), 0);
	start(b);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced, update default/a@1->1, update default/a@1->1");
	log_is(without, "add default/a@1 init, synced");
	b->h->ignores_rest = true;
}

/* An event with the version that is stored already is told to nobody outside a turn. */
static void equal_versions_go_only_to_a_handler_in_a_turn(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	fetch_list(b, "5", "a@1");
	api_send(&b->api, "ERROR 410 Expired");
	api_expect(&b->api, "LIST resourceVersion=5");
	api_list(&b->api, "6", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	api_send(&b->api, "ADDED b@7");
	log_is(b->h, "add default/a@1 init, synced, add default/b@7");
}

static bool is_wanted(void *data, const struct pn_object *obj)
{
	(void)data;
	return pn_object_pod(obj)->host_network;
}

static void filter_makes_adds_and_removals_of_updates(void **state)
{
	const struct pn_handler_options picky = { .size = sizeof(picky), .filter = is_wanted };
	struct behaviour *b = *state;
	struct recorder *r;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	b->h->ignores_rest = true;
	r = record(b, b->inf, &picky);
	start(b);
	fetch_list(b, "5", "a@1 host=true, b@2");
	api_send(&b->api, "MODIFIED b@6 host=true, MODIFIED a@7 host=true, MODIFIED a@8, "
			  "MODIFIED a@9, DELETED a@10, DELETED b@11 host=true");
	log_is(r, "add default/a@1 init, synced, add default/b@6, update default/a@1->7, "
		  "delete default/a@7, delete default/b@11");
}

static void resync_asks_nothing_of_the_server(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .resync_ms = 1000);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced, update default/a@1->1");
	assert_int_equal(b->api.n_requests, 2);
	api_send(&b->api, "DELETED a@6");
	b->h->ignores_rest = true;
	store_is(b, "");
}

/* --- reports --- */

static void dawdle(const void *handler, void *data, const struct pn_notice *n)
{
	int64_t begun = api_now_ms();

	(void)handler;
	(void)data;
	if (n->type == PN_NOTICE_ADD)
		until(api_now_ms() > begun + 150);
}

static void slow_handler_is_reported(void **state)
{
	struct behaviour *b = *state;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_add_handler(b->inf, dawdle, NULL, NULL, NULL, NULL), 0);
	start(b);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	warnings_are(b, "slow_handler");
}

static void queue_is_counted(void **state)
{
	struct behaviour *b = *state;
	struct recorder *held;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	held = record_held(b);
	start(b);
	fetch_list(b, "5", "a@1, b@2, c@3");
	wait_inside(held, 1);
	log_is(b->h, "add default/a@1 init, add default/b@2 init, add default/c@3 init, synced");
	until(status_of(b).n_queued >= 2);
	let_go(held);
	until(status_of(b).n_queued == 0);
	log_skip(held, 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		scenario(late_handler_gets_the_store_as_initial_adds),
		scenario(late_handler_misses_nothing_and_gets_nothing_twice),
		scenario(handlers_added_before_and_after_the_start_are_told_the_same),
		scenario(blocked_handler_holds_up_no_other),
		scenario(blocked_handler_gets_everything_in_the_end),
		scenario(handler_has_synced_when_its_first_calls_have_returned),
		scenario(removal_is_idempotent_and_ends_the_calls),
		scenario(removal_does_not_wait_but_shutdown_does),
		scenario(handler_removes_itself),
		scenario(removed_handler_loses_what_is_queued),
		scenario(handler_for_a_stopped_informer_is_refused),
		scenario(freeing_the_factory_waits_for_calls_under_way),
		scenario(handler_adds_a_handler),
		scenario(resync_tells_every_object_as_an_update),
		scenario(resync_is_a_second_at_least),
		scenario(resync_is_only_for_handlers_that_asked),
		scenario(equal_versions_go_only_to_a_handler_in_a_turn),
		scenario(filter_makes_adds_and_removals_of_updates),
		scenario(resync_asks_nothing_of_the_server),
		scenario(slow_handler_is_reported),
		scenario(queue_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
