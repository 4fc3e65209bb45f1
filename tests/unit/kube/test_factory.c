/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The factory between threads: who may come at the same time as whom. What an informer says of a
 * server is the business of test_behaviour_factory.c and its likes.
 */
#include <poll.h>

#include "tests/unit/kube/behaviour.h"

static struct behaviour *with_factory(void **state, int loop)
{
	struct behaviour *b = *state;
	const struct pn_factory_options options = { .size = sizeof(options),
						    .server = b->api.url,
						    .loop = loop };

	assert_int_equal(pn_factory_new(&options, &b->factory, NULL), 0);
	return b;
}

static bool serve_one_pod(struct api *api, const struct api_request *r)
{
	char buf[API_TEXT];

	if (strcmp(api_param(r, "watch", buf), "true") == 0)
		api_stream_to(api, r->conn);
	else
		api_list_to(api, r->conn, "5", NULL, "a@1");
	return true;
}

static struct behaviour *with_served_pods(void **state, int loop)
{
	struct behaviour *b = with_factory(state, loop);

	b->api.serve = serve_one_pod;
	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	b->ignores_rest = b->h->ignores_rest = true;
	return b;
}

/* --- waiting --- */

enum { N_WAITERS = 4 };

struct waiter {
	pthread_t thread;
	struct behaviour *b;
	int result;
};

static void *wait_for_factory(void *data)
{
	struct waiter *w = data;

	w->result = pn_factory_wait_for_sync(w->b->factory, -1);
	return NULL;
}

static void *wait_for_informer(void *data)
{
	struct waiter *w = data;

	w->result = pn_informer_wait_for_sync(w->b->inf, -1);
	return NULL;
}

static void begin_waiting(struct behaviour *b, struct waiter *w, void *(*wait)(void *data))
{
	for (int i = 0; i < N_WAITERS; i++) {
		w[i].b = b;
		assert_int_equal(pthread_create(&w[i].thread, NULL, wait, &w[i]), 0);
	}
}

static void all_are_told(struct waiter *w, int want)
{
	for (int i = 0; i < N_WAITERS; i++) {
		(void)pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].result, want);
	}
}

static void many_threads_wait_for_sync(void **state)
{
	struct waiter waiters[N_WAITERS];
	struct behaviour *b = with_served_pods(state, PN_LOOP_THREAD);

	start(b);
	begin_waiting(b, waiters, wait_for_factory);
	all_are_told(waiters, 0);
}

static void many_threads_wait_on_the_callers_loop(void **state)
{
	struct waiter waiters[N_WAITERS];
	struct behaviour *b = with_served_pods(state, PN_LOOP_CALLER);

	start(b);
	begin_waiting(b, waiters, wait_for_factory);
	all_are_told(waiters, 0);
}

static void stop_without_a_start_ends_the_waiting(void **state)
{
	static const int loops[] = { PN_LOOP_THREAD, PN_LOOP_CALLER };
	struct waiter waiters[N_WAITERS];
	struct behaviour *b;

	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
		b = with_factory(state, loops[i]);
		b->inf = pn_factory_informer(b->factory, PN_KIND_POD, NULL, NULL);
		assert_non_null(b->inf);
		assert_int_equal(pn_informer_wait_for_sync(b->inf, 0), -ETIMEDOUT);
		begin_waiting(b, waiters, wait_for_informer);
		behaviour_nap();
		pn_factory_stop(b->factory);
		all_are_told(waiters, -ECANCELED);
		assert_int_equal(pn_factory_start(b->factory), -ECANCELED);
		pn_factory_free(b->factory);
	}
	b->factory = NULL;
	b->inf = NULL;
}

/* --- the caller's loop --- */

static void dispatch_within(const void *handler, void *data, const struct pn_notice *n)
{
	(void)handler;
	(void)n;
	pn_factory_dispatch(((struct behaviour *)data)->factory);
}

static void dispatch_within_a_handler_does_nothing(void **state)
{
	struct behaviour *b = with_served_pods(state, PN_LOOP_CALLER);

	assert_int_equal(pn_informer_add_handler(b->inf, dispatch_within, NULL, b, NULL, NULL), 0);
	start(b);
	until((pn_factory_dispatch(b->factory), b->h->log.n == 2));
	log_is(b->h, "add default/a@1 init, synced");
}

/* The program sleeps in poll(2) alone: a timer's notices are told by the turn that it woke. */
static void callers_loop_wakes_for_a_resync(void **state)
{
	struct behaviour *b = with_factory(state, PN_LOOP_CALLER);
	struct pollfd fd = { .fd = pn_factory_fd(b->factory), .events = POLLIN };

	b->api.serve = serve_one_pod;
	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .resync_ms = 1000);
	b->ignores_rest = b->h->ignores_rest = true;
	start(b);
	while (b->h->log.n < 3) {
		assert_int_equal(poll(&fd, 1, API_GUARD_S * 1000), 1);
		pn_factory_dispatch(b->factory);
	}
	log_is(b->h, "add default/a@1 init, synced, update default/a@1->1");
}

/* --- the end --- */

struct neighbours {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int n_inside;
	bool is_stopped;
	struct pn_registration *registration[2];
};

/* Each waits for the stop, and then takes the other away. */
static void remove_the_other(const void *handler, void *data, const struct pn_notice *n)
{
	const size_t *other = handler;
	struct neighbours *both = data;

	(void)n;
	(void)pthread_mutex_lock(&both->lock);
	both->n_inside++;
	(void)pthread_cond_broadcast(&both->changed);
	while (!both->is_stopped)
		(void)pthread_cond_wait(&both->changed, &both->lock);
	(void)pthread_mutex_unlock(&both->lock);
	pn_registration_free(both->registration[*other]);
}

static void *free_factory(void *data)
{
	pn_factory_free(data);
	return NULL;
}

static void handlers_may_remove_each_other_while_the_factory_is_freed(void **state)
{
	static const size_t other[] = { 1, 0 };
	const struct pn_handler_options threaded = { .size = sizeof(threaded), .own_thread = true };
	struct neighbours both = { .lock = PTHREAD_MUTEX_INITIALIZER,
				   .changed = PTHREAD_COND_INITIALIZER };
	struct behaviour *b = with_served_pods(state, PN_LOOP_THREAD);
	pthread_t thread;

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pn_informer_add_handler(b->inf, remove_the_other, &other[i], &both,
							 &threaded, &both.registration[i]),
				 0);
	start(b);
	(void)pthread_mutex_lock(&both.lock);
	while (both.n_inside < 2)
		(void)pthread_cond_wait(&both.changed, &both.lock);
	(void)pthread_mutex_unlock(&both.lock);
	pn_registration_free(b->h->registration);
	b->h->registration = NULL;
	pn_factory_stop(b->factory); /* so that neither is called again */
	assert_int_equal(pthread_create(&thread, NULL, free_factory, b->factory), 0);
	behaviour_nap();
	(void)pthread_mutex_lock(&both.lock);
	both.is_stopped = true;
	(void)pthread_cond_broadcast(&both.changed);
	(void)pthread_mutex_unlock(&both.lock);
	(void)pthread_join(thread, NULL);
	b->factory = NULL;
	b->inf = NULL;
}

/* --- options --- */

static void options_without_a_size_are_refused(void **state)
{
	static const struct pn_informer_options for_informer = { .json = true };
	static const struct pn_handler_options for_handler = { .own_thread = true };
	static const struct pn_resource leases = { "coordination.k8s.io", "v1", "Lease", "leases",
						   false };
	struct behaviour *b = with_factory(state, PN_LOOP_THREAD);
	struct pn_informer *inf = pn_factory_informer(b->factory, PN_KIND_POD, NULL, NULL);
	struct pn_err err;

	assert_null(pn_factory_informer(b->factory, PN_KIND_POD, &for_informer, &err));
	assert_string_equal(err.text, "the options do not say their size");
	assert_null(pn_factory_generic_informer(b->factory, &leases, &for_informer, &err));
	assert_int_equal(pn_informer_add_handler(inf, record_call, NULL, b, &for_handler, NULL),
			 -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		scenario(many_threads_wait_for_sync),
		scenario(many_threads_wait_on_the_callers_loop),
		scenario(stop_without_a_start_ends_the_waiting),
		scenario(dispatch_within_a_handler_does_nothing),
		scenario(callers_loop_wakes_for_a_resync),
		scenario(handlers_may_remove_each_other_while_the_factory_is_freed),
		scenario(options_without_a_size_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
