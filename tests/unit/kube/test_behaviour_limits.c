/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviour, part 6: what hurts. Connections cut at every byte, bytes one by one, the largest
 * objects and the longest names, a stop at every moment, thousands of watches, and many threads at
 * once (which says most under ThreadSanitizer).
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>

#include "tests/unit/kube/behaviour.h"

/* --- cut at every byte --- */

static void send_cut(struct behaviour *b, const char *bytes, size_t len)
{
	api_send_raw(&b->api, bytes, len);
	api_end(&b->api, API_CLOSE);
}

/* Bytes up to the end of the n-th event, which needs no newline. */
static size_t end_of_events(const struct behaviour *b, const char *events)
{
	size_t len;

	free(api_render(&b->api, events, &len));
	return b->api.protobuf ? len : len - 1;
}

static void cut_a_watch_at_every_byte(struct behaviour *b)
{
	static const char events[] = "ADDED a@6, MODIFIED a@7 ip=10.0.0.1";
	const size_t first = end_of_events(b, "ADDED a@6"), second = end_of_events(b, events);
	size_t len;
	char *bytes = api_render(&b->api, events, &len);

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	for (size_t cut = 0; cut <= len; cut++) {
		api_take(&b->api);
		assert_true(api_is(&b->api, "LIST"));
		api_list(&b->api, "5", "");
		api_expect(&b->api, "WATCH resourceVersion=5");
		api_stream(&b->api);
		send_cut(b, bytes, cut);
		if (cut < first)
			continue; /* nothing has come: a new cycle */
		api_expect(&b->api,
			   cut < second ? "WATCH resourceVersion=6" : "WATCH resourceVersion=7");
		store_is(b, cut < second ? "default/a@6" : "default/a@7");
		api_stream(&b->api);
		api_send(&b->api, "ERROR 410 Expired");
	}
	free(bytes);
	api_take(&b->api);
	b->h->ignores_rest = true;
}

static void watch_cut_at_every_byte(void **state)
{
	cut_a_watch_at_every_byte(*state);
}

static void protobuf_watch_cut_at_every_byte(void **state)
{
	struct behaviour *b = *state;

	b->api.protobuf = true;
	cut_a_watch_at_every_byte(b);
}

static void streaming_list_cut_at_every_byte(void **state)
{
	static const char events[] = "ADDED a@1, ADDED b@2, BOOKMARK @5 end=true";
	struct behaviour *b = *state;
	size_t len, cut = 0, n;
	char *bytes = api_render(&b->api, events, &len);

	begin(b, .backoff = SOON);
	while (cut <= len) {
		api_take(&b->api);
		n = pn_informer_count(b->inf);
		assert_true(n == 0 || n == 2);
		if (api_is(&b->api, "LIST")) {
			api_list(&b->api, "5", "a@1, b@2");
		} else if (api_is(&b->api, "WATCH")) {
			api_stream(&b->api);
			api_send(&b->api, "ERROR 410 Expired");
		} else {
			assert_true(api_is(&b->api, "WATCHLIST"));
			api_stream(&b->api);
			send_cut(b, bytes, cut++);
		}
	}
	free(bytes);
	api_take(&b->api);
	store_is(b, "default/a@1, default/b@2");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced");
	errors_skip(b);
}

static void list_cut_at_every_byte(void **state)
{
	static const char body[] =
		"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
		"\"5\"},"
		"\"items\":[{\"metadata\":{\"name\":\"a\",\"namespace\":\"default\","
		"\"resourceVersion\":\"1\"}}]}";
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	for (size_t cut = 0; cut < sizeof(body) - 1; cut++) {
		api_expect(&b->api, "LIST resourceVersion=0");
		store_is(b, "");
		api_stream(&b->api);
		send_cut(b, body, cut);
	}
	api_expect(&b->api, "LIST resourceVersion=0");
	api_answer(&b->api, 200, NULL, "application/json", body, sizeof(body) - 1);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, synced");
	errors_skip(b);
}

static void streaming_list_of_single_bytes(void **state)
{
	struct behaviour *b = *state;

	b->api.chunk_bytes = 1;
	begin(b, .backoff = NEVER);
	fetch_stream(b, "ADDED a@1 ip=10.0.0.1 node=n1 label.app=web, ADDED b@2, "
			"BOOKMARK @5 end=true, MODIFIED a@6, DELETED b@7");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced, update default/a@1->6, "
		     "delete default/b@7");
}

/* --- sizes --- */

static void event_of_16_mib(void **state)
{
	struct behaviour *b = *state;
	char event[64];

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	fetch_list(b, "5", "");
	(void)snprintf(event, sizeof(event), "ADDED a@6 pad=%d", (16 << 20) - 4096);
	api_send(&b->api, event);
	log_is(b->h, "synced, add default/a@6");
	(void)snprintf(event, sizeof(event), "ADDED b@7 pad=%d", 17 << 20);
	api_send(&b->api, event);
	api_expect(&b->api, "LIST resourceVersion=6");
	api_list(&b->api, "8", "a@6");
	api_expect(&b->api, "WATCH resourceVersion=8");
	api_stream(&b->api);
	api_send(&b->api, "ADDED c@9");
	log_is(b->h, "add default/c@9");
}

static void longest_names(void **state)
{
	struct behaviour *b = *state;
	char name[254], space[64], text[1024], key[PN_KEY_LEN];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(space, 's', sizeof(space) - 1);
	space[sizeof(space) - 1] = '\0';
	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_add_index(b->inf, &pn_indexer_namespace), 0);
	start(b);
	(void)snprintf(text, sizeof(text), "%s/%s@1 uid=u", space, name);
	fetch_list(b, "5", text);
	(void)snprintf(key, sizeof(key), "%s/%s", space, name);
	assert_int_equal(strlen(key), PN_KEY_LEN - 1);
	(void)snprintf(text, sizeof(text), "add %s@1 init, synced", key);
	log_is(b->h, text);
	index_is(b, pn_indexer_namespace.name, space, key);
	(void)snprintf(text, sizeof(text), "DELETED %s@6 uid=u", key);
	api_send(&b->api, text);
	(void)snprintf(text, sizeof(text), "delete %s@6", key);
	log_is(b->h, text);
}

static bool has_pod_a(const struct behaviour *b)
{
	bool is_there;

	pn_read_begin();
	is_there = pn_informer_get(b->inf, "default/a");
	pn_read_end();
	return is_there;
}

/* No API server has such: whatever becomes of it, the next event is heard. */
static void names_beyond_the_longest(void **state)
{
	struct behaviour *b = *state;
	char long_text[3000], event[16384];

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	b->h->ignores_rest = true;
	b->ignores_rest = true;
	fetch_list(b, "5", "");
	(void)snprintf(event, sizeof(event), "ADDED %s@6", long_text);
	api_send(&b->api, event);
	(void)snprintf(event, sizeof(event), "ADDED %s/a@7 uid=%s node=%s", long_text, long_text,
		       long_text);
	api_send(&b->api, event);
	api_send(&b->api, "ADDED a@8 ip=10.0.0.1");
	until(has_pod_a(b));
	(void)snprintf(event, sizeof(event), "MODIFIED a@%s", long_text);
	api_send(&b->api, event);
	api_end(&b->api, API_EOF);
	api_take(&b->api);
	assert_non_null(b->api.current);
}

static void longest_selector(void **state)
{
	struct behaviour *b = *state;
	char selector[4000], buf[API_TEXT];
	size_t n = 0;

	while (n < sizeof(selector) - 64)
		n += (size_t)sprintf(selector + n, "%smetadata.name!=p-%zu", n ? "," : "", n);
	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .field_selector = selector);
	api_expect(&b->api, "LIST resourceVersion=0");
	assert_string_equal(api_param(b->api.current, "fieldSelector", buf), selector);
	api_list(&b->api, "5", "");
	api_expect(&b->api, "WATCH resourceVersion=5");
	assert_string_equal(api_param(b->api.current, "fieldSelector", buf), selector);
	api_stream(&b->api);
	log_is(b->h, "synced");
}

/* --- stop at every moment --- */

static bool serve_pods(struct api *api, const struct api_request *r)
{
	char buf[API_TEXT];

	if (strcmp(api_param(r, "sendInitialEvents", buf), "true") == 0) {
		api_stream_to(api, r->conn);
		api_send_to(api, r->conn, "ADDED a@1, ADDED b@2, BOOKMARK @5 end=true, ADDED c@6");
	} else if (strcmp(api_param(r, "watch", buf), "true") == 0) {
		api_stream_to(api, r->conn);
		api_send_to(api, r->conn, "ADDED c@6, DELETED c@7");
	} else {
		api_list_to(api, r->conn, "5", NULL, "a@1, b@2");
	}
	return true;
}

static void free_all(struct behaviour *b)
{
	for (unsigned int i = 0; i < b->n_recorders; i++) {
		let_go(&b->recorders[i]);
		pn_registration_free(b->recorders[i].registration);
		b->recorders[i].registration = NULL;
	}
	pn_factory_free(b->factory);
	for (unsigned int i = 0; i < b->n_recorders; i++)
		b->recorders[i].log.n_seen = b->recorders[i].log.n;
	b->factory = NULL;
	b->inf = NULL;
	b->n_recorders = 0;
}

/* Recorders are used again from the first one on; what they hold goes with the test. */
static void stop_between_any_two_steps(void **state)
{
	enum { N_STEPS = 9 };
	struct behaviour *b = *state;

	for (unsigned int last = 0; last <= N_STEPS; last++) {
		unsigned int step = 0;

		begin(b, .backoff = SOON, .page_size = 1);
		if (step++ < last)
			api_expect(&b->api, "WATCHLIST resourceVersion=");
		if (step++ < last)
			api_status(&b->api, 422, "Invalid", "no", NULL, NULL);
		if (step++ < last)
			api_expect(&b->api, "LIST resourceVersion=0");
		if (step++ < last)
			api_page(&b->api, "5", "C", "a@1");
		if (step++ < last)
			api_expect(&b->api, "LIST limit=1 continue=C");
		if (step++ < last)
			api_list(&b->api, "5", "b@2");
		if (step++ < last)
			api_expect(&b->api, "WATCH resourceVersion=5");
		if (step++ < last)
			api_stream(&b->api);
		if (step++ < last)
			api_send(&b->api, "ADDED c@6, ERROR 500 InternalError");
		if (last % 2)
			pn_factory_stop(b->factory);
		free_all(b);
		until(api_n_open(&b->api) == 0);
		api_drop(&b->api);
	}
}

static void stop_at_any_time(void **state)
{
	struct behaviour *b = *state;

	b->api.serve = serve_pods;
	for (int64_t us = 0; us < 6000; us += 40) {
		int64_t end;

		begin(b, .list_mode = us % 80 ? PN_LIST_PLAIN : PN_LIST_STREAMING, .backoff = SOON);
		(void)record(
			b, b->inf,
			&(struct pn_handler_options) { .size = sizeof(struct pn_handler_options),
						       .own_thread = true });
		end = api_now_us() + us;
		while (api_now_us() < end)
			(void)sched_yield();
		free_all(b);
	}
	errors_skip(b);
}

static void stop_from_within(const void *handler, void *data, const struct pn_notice *n)
{
	struct behaviour *b = data;

	(void)handler;
	if (n->type == PN_NOTICE_ADD)
		pn_factory_stop(b->factory);
}

static void stop_from_within_a_handler(void **state)
{
	struct behaviour *b = *state;

	b->api.serve = serve_pods;
	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	b->h->ignores_rest = true;
	assert_int_equal(pn_informer_add_handler(b->inf, stop_from_within, NULL, b, NULL, NULL), 0);
	start(b);
	until(status_of(b).is_stopped);
}

/* --- thousands --- */

static void two_thousand_watches(void **state)
{
	enum { N = 2000 };
	struct behaviour *b = *state;
	const struct pn_factory_options to_api = { .size = sizeof(to_api), .server = b->api.url };
	struct rlimit limit;
	char selector[64];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < 2 * N + 200) {
		print_message("needs %d open files, %ju are allowed\n", 2 * N + 200,
			      (uintmax_t)limit.rlim_cur);
		skip();
	}
	b->api.serve = serve_pods;
	assert_int_equal(pn_factory_new(&to_api, &b->factory, NULL), 0);
	for (int i = 0; i < N; i++) {
		const struct pn_informer_options o = { .size = sizeof(o),
						       .field_selector = selector,
						       .list_mode = i % 2 ? PN_LIST_PLAIN
									  : PN_LIST_STREAMING };

		(void)snprintf(selector, sizeof(selector), "metadata.name=p-%d", i);
		b->inf = pn_factory_informer(b->factory, PN_KIND_POD, &o, NULL);
		assert_non_null(b->inf);
	}
	start(b);
	assert_int_equal(pn_factory_wait_for_sync(b->factory, API_GUARD_S * 1000), 0);
	until(api_n_open(&b->api) >= N);
	pn_factory_stop(b->factory);
	until(api_n_open(&b->api) == 0);
	until(status_of(b).is_stopped);
}

/* --- threads --- */

struct crowd {
	struct behaviour *b;
	atomic_bool is_over;
	atomic_uint n_rounds, n_wrong;
};

/* All objects of a list have its version, and the index shows none but those. */
static void *read_and_compare(void *data)
{
	struct crowd *c = data;
	const struct pn_informer *inf = c->b->inf;

	while (!atomic_load(&c->is_over)) {
		const struct pn_object *o, *first = NULL;
		struct pn_iter it;
		unsigned int n = 0;

		pn_read_begin();
		for (pn_informer_each(inf, &it); (o = pn_iter_next(&it)); n++) {
			first = first ? first : o;
			if (strcmp(o->resource_version, first->resource_version) != 0)
				atomic_fetch_add(&c->n_wrong, 1);
		}
		if (n != 0 && n != 50)
			atomic_fetch_add(&c->n_wrong, 1);
		(void)pn_informer_by_index(inf, pn_indexer_ip.name, "10.0.0.7", &it);
		for (n = 0; (o = pn_iter_next(&it)); n++)
			if (strcmp(o->name, "p-7") != 0 && strcmp(o->name, "q-7") != 0)
				atomic_fetch_add(&c->n_wrong, 1);
		if (n > 1)
			atomic_fetch_add(&c->n_wrong, 1);
		if ((o = pn_informer_get(inf, "default/p-3")))
			o = pn_object_ref(o);
		pn_read_end();
		if (o && strcmp(o->name, "p-3") != 0)
			atomic_fetch_add(&c->n_wrong, 1);
		pn_object_unref(o);
		atomic_fetch_add(&c->n_rounds, 1);
	}
	return NULL;
}

static void readers_during_lists(void **state)
{
	enum { N_LISTS = 60, N_THREADS = 3 };
	struct behaviour *b = *state;
	static struct crowd c; /* calls may be under way when the test is over */
	pthread_t threads[N_THREADS];
	unsigned int seen;

	c.b = b;
	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	b->h->ignores_rest = true;
	assert_int_equal(pn_informer_add_index(b->inf, &pn_indexer_ip), 0);
	start(b);
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_and_compare, &c), 0);
	for (int list = 0; list < N_LISTS; list++) {
		char text[4096], version[16];
		size_t len = 0;

		for (int i = 0; i < 50; i++)
			len += (size_t)sprintf(text + len, "%s-%d@%d ip=10.0.0.%d,",
					       list % 3 ? "p" : "q", i, list, i);
		(void)snprintf(version, sizeof(version), "v%d", list);
		api_take(&b->api);
		assert_true(api_is(&b->api, "LIST"));
		api_list(&b->api, version, text);
		api_take(&b->api);
		assert_true(api_is(&b->api, "WATCH"));
		api_stream(&b->api);
		seen = atomic_load(&c.n_rounds);
		until(atomic_load(&c.n_rounds) >= seen + 2);
		api_send(&b->api, "ERROR 410 Expired");
	}
	api_take(&b->api);
	atomic_store(&c.is_over, true);
	for (size_t i = 0; i < N_THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&c.n_wrong), 0);
}

static void nothing(const void *handler, void *data, const struct pn_notice *n)
{
	(void)handler;
	(void)n;
	atomic_fetch_add((atomic_uint *)data, 1);
}

static void *come_and_go(void *data)
{
	struct crowd *c = data;
	struct pn_handler_options o = { .size = sizeof(o) };
	struct pn_registration *r;

	for (unsigned int i = 0; !atomic_load(&c->is_over); i++) {
		o.own_thread = i % 3 == 0;
		o.resync_ms = i % 2 ? 1000 : 0;
		if (pn_informer_add_handler(c->b->inf, nothing, NULL, &c->n_rounds, &o, &r) != 0) {
			atomic_fetch_add(&c->n_wrong, 1);
			break;
		}
		(void)pn_registration_has_synced(r);
		if (i % 4 == 1)
			pn_registration_remove(r);
		if (i % 4 == 2)
			pn_registration_shutdown(r);
		pn_registration_free(r);
	}
	return NULL;
}

static void handlers_come_and_go_on_many_threads(void **state)
{
	enum { N_THREADS = 4 };
	struct behaviour *b = *state;
	static struct crowd c; /* calls may be under way when the test is over */
	pthread_t threads[N_THREADS];
	int64_t end;
	int n = 0;

	c.b = b;
	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "a@1, b@2");
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &c), 0);
	end = api_now_ms() + 1000;
	while (api_now_ms() < end) {
		char event[64];

		(void)snprintf(event, sizeof(event), "MODIFIED a@%d", 10 + n++);
		api_send(&b->api, event);
		log_skip(b->h, 3 + (size_t)n);
	}
	atomic_store(&c.is_over, true);
	for (size_t i = 0; i < N_THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&c.n_wrong), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		scenario(watch_cut_at_every_byte),
		scenario(protobuf_watch_cut_at_every_byte),
		scenario(streaming_list_cut_at_every_byte),
		scenario(list_cut_at_every_byte),
		scenario(streaming_list_of_single_bytes),
		scenario(event_of_16_mib),
		scenario(longest_names),
		scenario(names_beyond_the_longest),
		scenario(longest_selector),
		scenario(stop_between_any_two_steps),
		scenario(stop_at_any_time),
		scenario(stop_from_within_a_handler),
		scenario(two_thousand_watches),
		scenario(readers_during_lists),
		scenario(handlers_come_and_go_on_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
