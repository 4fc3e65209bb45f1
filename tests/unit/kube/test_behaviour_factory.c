/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviour, part 5: the factory, whose thread does the work, what is asked for, and the figures.
 *
 *	one informer a kind              factory_shares_one_informer_a_kind
 *	- and a selection                other_namespace_or_selection_is_another_informer
 *	starting                         start_again_starts_what_is_new, second_start_changes_nothing
 *	one alone                        informer_is_started_and_stopped_by_itself
 *	wait for sync                    wait_for_sync_waits_for_all, wait_for_sync_ends_at_its_time,
 *	- false on stop                  wait_for_sync_is_cancelled_by_a_stop
 *	stores after a stop              stores_stay_readable_after_a_stop
 *	freeing at once                  factory_is_freed_in_every_state
 *	settings                         settings_that_make_no_sense_are_refused
 *	the caller's loop                callers_loop_does_all_the_work, callers_loop_waits_for_sync,
 *	                                 callers_loop_is_woken_by_other_threads
 *	namespaces, selectors            namespace_and_selectors_are_asked_for
 *	generic kinds                    generic_kind_keeps_its_json
 *	metadata only                    metadata_alone_is_asked_for, replicasets_are_metadata_alone
 *	labels                           labels_are_kept_where_asked
 *	who asks                         user_agent_is_sent, bearer_token_is_sent
 *	figures                          figures_tell_what_happened
 */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/kube/behaviour.h"

static const struct pn_informer_options plain = { .size = sizeof(plain),
						  .list_mode = PN_LIST_PLAIN,
						  .backoff = NEVER };

static void make_factory(struct behaviour *b, int loop)
{
	const struct pn_factory_options options = { .size = sizeof(options),
						    .server = b->api.url,
						    .loop = loop };
	struct pn_err err;

	if (pn_factory_new(&options, &b->factory, &err) != 0)
		fail_msg("%s", err.text);
}

static void serve_nodes(struct behaviour *b)
{
	b->api.plural = "nodes";
	b->api.kind = "Node";
	b->api.is_cluster_scoped = true;
}

/* --- sharing --- */

static void factory_shares_one_informer_a_kind(void **state)
{
	struct behaviour *b = *state;
	struct recorder *other;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_ptr_equal(pn_factory_informer(b->factory, PN_KIND_POD, NULL, NULL), b->inf);
	assert_ptr_not_equal(pn_factory_informer(b->factory, PN_KIND_NODE, &plain, NULL), b->inf);
	other = record(b, pn_factory_informer(b->factory, PN_KIND_POD, &plain, NULL), NULL);
	assert_int_equal(pn_informer_start(b->inf), 0);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	log_is(other, "add default/a@1 init, synced");
	assert_int_equal(b->api.n_requests, 2);
}

static void other_namespace_or_selection_is_another_informer(void **state)
{
	static const struct pn_informer_options others[] = {
		{ .size = sizeof(others[0]), .name_space = "shop" },
		{ .size = sizeof(others[0]), .name_space = "other" },
		{ .size = sizeof(others[0]), .field_selector = "spec.nodeName=n1" },
		{ .size = sizeof(others[0]), .label_selector = "spec.nodeName=n1" },
	};
	struct behaviour *b = *state;
	struct pn_informer *made[4];

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	for (size_t i = 0; i < 4; i++) {
		made[i] = pn_factory_informer(b->factory, PN_KIND_POD, &others[i], NULL);
		assert_non_null(made[i]);
		assert_ptr_not_equal(made[i], b->inf);
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(made[i], made[j]);
	}
	for (size_t i = 0; i < 4; i++)
		assert_ptr_equal(pn_factory_informer(b->factory, PN_KIND_POD, &others[i], NULL),
				 made[i]);
}

/* --- starting, waiting, stopping --- */

static void start_again_starts_what_is_new(void **state)
{
	struct behaviour *b = *state;
	struct pn_nodes *nodes;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	nodes = pn_factory_nodes(b->factory, &plain, NULL);
	assert_int_equal(pn_factory_wait_for_sync(b->factory, -1), 0); /* of those started */
	assert_int_equal(pn_factory_start(b->factory), 0);
	assert_int_equal(pn_factory_wait_for_sync(b->factory, 0), -ETIMEDOUT);
	serve_nodes(b);
	fetch_list(b, "6", "n1@1");
	assert_int_equal(pn_factory_wait_for_sync(b->factory, -1), 0);
	pn_read_begin();
	assert_string_equal(pn_nodes_get(nodes, "n1")->meta.name, "n1");
	pn_read_end();
}

static void second_start_changes_nothing(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	start(b);
	assert_int_equal(pn_informer_start(b->inf), 0);
	fetch_list(b, "5", "");
	start(b);
	log_is(b->h, "synced");
	assert_int_equal(b->api.n_requests, 2);
}

static void informer_is_started_and_stopped_by_itself(void **state)
{
	struct behaviour *b = *state;
	struct pn_informer *nodes;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	nodes = pn_factory_informer(b->factory, PN_KIND_NODE, &plain, NULL);
	assert_int_equal(pn_informer_start(b->inf), 0);
	until(status_of(b).is_started);
	fetch_list(b, "5", "");
	log_is(b->h, "synced");
	assert_int_equal(pn_informer_wait_for_sync(nodes, 0), -ETIMEDOUT);
	pn_informer_stop(b->inf);
	api_wait_closed(&b->api);
	until(status_of(b).is_stopped);
	assert_int_equal(pn_informer_start(nodes), 0);
	serve_nodes(b);
	fetch_list(b, "6", "");
	assert_int_equal(pn_informer_wait_for_sync(nodes, -1), 0);
}

static void wait_for_sync_waits_for_all(void **state)
{
	struct behaviour *b = *state;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_start(b->inf), 0);
	fetch_list(b, "5", "");
	assert_int_equal(pn_informer_wait_for_sync(b->inf, -1), 0);
	assert_non_null(pn_factory_informer(b->factory, PN_KIND_NODE, &plain, NULL));
	start(b);
	serve_nodes(b);
	api_expect(&b->api, "LIST resourceVersion=0");
	assert_int_equal(pn_factory_wait_for_sync(b->factory, 10), -ETIMEDOUT);
	assert_int_equal(pn_informer_wait_for_sync(b->inf, 0), 0);
	api_list(&b->api, "6", "");
	assert_int_equal(pn_factory_wait_for_sync(b->factory, -1), 0);
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	log_is(b->h, "synced");
}

static void wait_for_sync_ends_at_its_time(void **state)
{
	struct behaviour *b = *state;
	int64_t begun;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "LIST resourceVersion=0");
	begun = api_now_ms();
	assert_int_equal(pn_informer_wait_for_sync(b->inf, 100), -ETIMEDOUT);
	assert_true(api_now_ms() - begun >= 95);
}

static void *wait_for_ever(void *data)
{
	struct behaviour *b = data;

	return (void *)(intptr_t)pn_factory_wait_for_sync(b->factory, -1);
}

static void wait_for_sync_is_cancelled_by_a_stop(void **state)
{
	struct behaviour *b = *state;
	pthread_t thread;
	void *result;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, b), 0);
	api_expect(&b->api, "LIST resourceVersion=0");
	pn_factory_stop(b->factory);
	(void)pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, -ECANCELED);
}

static void stores_stay_readable_after_a_stop(void **state)
{
	struct behaviour *b = *state;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_add_index(b->inf, &pn_indexer_ip), 0);
	start(b);
	fetch_list(b, "5", "a@1 ip=10.0.0.1");
	log_is(b->h, "add default/a@1 init, synced");
	pn_factory_stop(b->factory);
	until(status_of(b).is_stopped);
	store_is(b, "default/a@1");
	index_is(b, pn_indexer_ip.name, "10.0.0.1", "default/a");
	pn_factory_stop(b->factory);
	assert_int_equal(pn_factory_start(b->factory), -ECANCELED);
}

static void factory_is_freed_in_every_state(void **state)
{
	struct behaviour *b = *state;

	for (unsigned int i = 0; i < 6; i++) {
		make_factory(b, i % 2 ? PN_LOOP_CALLER : PN_LOOP_THREAD);
		if (i >= 2)
			assert_non_null(pn_factory_informer(b->factory, PN_KIND_POD, NULL, NULL));
		if (i >= 4)
			assert_int_equal(pn_factory_start(b->factory), 0);
		pn_factory_free(b->factory);
		b->factory = NULL;
	}
	pn_factory_free(NULL);
	b->ignores_rest = true; /* a request may have been sent */
}

static void settings_that_make_no_sense_are_refused(void **state)
{
	static const struct pn_factory_options bad[] = {
		{ .size = sizeof(bad[0]), .server = "not a url" },
		{ .size = sizeof(bad[0]), .kubeconfig = "/does/not/exist" },
		{ .size = sizeof(bad[0]), .server = "http://127.0.0.1:1", .loop = 99 },
	};
	struct behaviour *b = *state;
	struct pn_factory *none = NULL;
	struct pn_err err = { "" };
	const struct pn_informer_options slash = { .size = sizeof(slash), .name_space = "a/b" };
	const struct pn_resource nameless = { "example.com", "v1", "Widget", "", false };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		assert_true(pn_factory_new(&bad[i], &none, &err) < 0);
		assert_null(none);
		assert_string_not_equal(err.text, "");
	}
	make_factory(b, PN_LOOP_THREAD);
	assert_string_equal(pn_factory_server(b->factory), b->api.url);
	err.text[0] = '\0';
	assert_null(pn_factory_informer(b->factory, PN_KIND_POD, &slash, &err));
	assert_string_not_equal(err.text, "");
	err.text[0] = '\0';
	assert_null(pn_factory_generic_informer(b->factory, &nameless, NULL, &err));
	assert_string_not_equal(err.text, "");
	assert_null(pn_factory_informer(b->factory, PN_KIND_GENERIC, NULL, &err));
	assert_null(pn_factory_informer(b->factory, (enum pn_kind_id)99, NULL, &err));
}

/* --- the caller's loop --- */

struct caller {
	struct behaviour *b;
	pthread_t thread;
	unsigned int n_calls, n_elsewhere;
	int end; /* of a pipe */
};

static void note_thread(const void *handler, void *data, const struct pn_notice *n)
{
	struct caller *c = data;

	(void)handler;
	(void)n;
	c->n_calls++;
	c->n_elsewhere += !pthread_equal(pthread_self(), c->thread);
}

static void *turn_loop(void *data)
{
	struct caller *c = data;
	struct pollfd fds[] = { { .fd = pn_factory_fd(c->b->factory), .events = POLLIN },
				{ .fd = c->end, .events = POLLIN } };

	c->thread = pthread_self();
	do {
		(void)poll(fds, 2, -1);
		if (fds[0].revents)
			pn_factory_dispatch(c->b->factory);
	} while (!fds[1].revents);
	return NULL;
}

static void callers_loop_does_all_the_work(void **state)
{
	struct behaviour *b = *state;
	struct caller c = { .b = b };
	pthread_t thread;
	int ends[2];

	make_factory(b, PN_LOOP_CALLER);
	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	assert_int_equal(pn_informer_add_handler(b->inf, note_thread, NULL, &c, NULL, NULL), 0);
	start(b);
	assert_int_equal(pipe(ends), 0);
	c.end = ends[0];
	assert_int_equal(pthread_create(&thread, NULL, turn_loop, &c), 0);
	api_expect(&b->api, "LIST resourceVersion=0");
	api_status(&b->api, 500, "InternalError", "no", NULL, NULL);
	errors_are(b, "500 InternalError");
	fetch_list(b, "5", "a@1");
	api_send(&b->api, "ADDED b@6");
	log_is(b->h, "add default/a@1 init, synced, add default/b@6");
	(void)close(ends[1]);
	(void)pthread_join(thread, NULL);
	(void)close(ends[0]);
	assert_int_equal(c.n_calls, 3);
	assert_int_equal(c.n_elsewhere, 0);
}

static bool serve_empty_list(struct api *api, const struct api_request *r)
{
	char buf[API_TEXT];

	if (strcmp(api_param(r, "watch", buf), "true") == 0)
		api_stream_to(api, r->conn);
	else
		api_list_to(api, r->conn, "5", NULL, "a@1");
	return true;
}

static void callers_loop_waits_for_sync(void **state)
{
	struct behaviour *b = *state;

	b->api.serve = serve_empty_list;
	make_factory(b, PN_LOOP_CALLER);
	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_factory_wait_for_sync(b->factory, 0), 0); /* nothing to wait for */
	start(b);
	assert_int_equal(pn_factory_wait_for_sync(b->factory, -1), 0);
	store_is(b, "default/a@1");
	until((pn_factory_dispatch(b->factory), b->h->log.n == 2));
	log_is(b->h, "add default/a@1 init, synced");
}

static void *stop_factory(void *data)
{
	struct behaviour *b = data;

	pn_factory_stop(b->factory);
	return NULL;
}

static void callers_loop_is_woken_by_other_threads(void **state)
{
	struct behaviour *b = *state;
	struct pollfd fd = { .events = POLLIN };
	pthread_t thread;

	b->api.serve = serve_empty_list;
	make_factory(b, PN_LOOP_CALLER);
	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	start(b);
	assert_int_equal(pn_factory_wait_for_sync(b->factory, -1), 0);
	fd.fd = pn_factory_fd(b->factory);
	until((pn_factory_dispatch(b->factory), b->h->log.n == 2 && poll(&fd, 1, 0) == 0));
	log_is(b->h, "add default/a@1 init, synced");
	assert_int_equal(pthread_create(&thread, NULL, stop_factory, b), 0);
	while (!status_of(b).is_stopped) {
		assert_int_equal(poll(&fd, 1, API_GUARD_S * 1000), 1);
		pn_factory_dispatch(b->factory);
	}
	(void)pthread_join(thread, NULL);
}

/* --- what is asked for --- */

static void namespace_and_selectors_are_asked_for(void **state)
{
	struct behaviour *b = *state;

	begin(b, .backoff = SOON, .name_space = "shop",
	      .field_selector = "spec.nodeName=n1,status.phase!=Failed",
	      .label_selector = "app in (web,api),tier");
	api_expect(&b->api, "WATCHLIST /api/v1/namespaces/shop/pods "
			    "fieldSelector=spec.nodeName=n1,status.phase!=Failed");
	api_status(&b->api, 422, "Invalid", "no", NULL, NULL);
	api_take(&b->api);
	assert_true(api_is(&b->api, "LIST /api/v1/namespaces/shop/pods resourceVersion=0 "
				    "fieldSelector=spec.nodeName=n1,status.phase!=Failed"));
	assert_string_equal(api_param(b->api.current, "labelSelector", (char[API_TEXT]) { 0 }),
			    "app in (web,api),tier");
	api_list(&b->api, "5", "shop/a@1");
	api_expect(&b->api, "WATCH /api/v1/namespaces/shop/pods resourceVersion=5 "
			    "fieldSelector=spec.nodeName=n1,status.phase!=Failed");
	api_stream(&b->api);
	log_is(b->h, "add shop/a@1 init, synced");
}

static void generic_kind_keeps_its_json(void **state)
{
	const struct pn_resource widgets = { "example.com", "v1beta1", "Widget", "widgets", true };
	struct behaviour *b = *state;
	struct pn_generics *generics;
	const struct pn_generic *widget;

	make_factory(b, PN_LOOP_THREAD);
	generics = pn_factory_generics(b->factory, &widgets, &plain, NULL);
	b->inf = pn_generics_informer(generics);
	b->h = record(b, b->inf, NULL);
	start(b);
	b->api.plural = "widgets";
	b->api.kind = "Widget";
	b->api.group_version = "example.com/v1beta1";
	b->api.is_cluster_scoped = true;
	api_expect(&b->api, "LIST /apis/example.com/v1beta1/widgets resourceVersion=0");
	api_list(&b->api, "5", "w@1 node=n7");
	api_expect(&b->api, "WATCH /apis/example.com/v1beta1/widgets resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ADDED v@6");
	log_is(b->h, "add w@1 init, synced, add v@6");
	pn_read_begin();
	widget = pn_generics_get(generics, "w");
	assert_non_null(strstr(widget->json, "\"nodeName\":\"n7\""));
	assert_int_equal(widget->meta.kind, PN_KIND_GENERIC);
	pn_read_end();
}

#define PARTIAL(kind)                                  \
	"application/vnd.kubernetes.protobuf;as=" kind \
	";g=meta.k8s.io;v=v1,application/json;as=" kind ";g=meta.k8s.io;v=v1,application/json"

static void metadata_is_asked_for(struct behaviour *b)
{
	api_expect(&b->api, "LIST resourceVersion=0");
	assert_true(api_header(b->api.current, "Accept", PARTIAL("PartialObjectMetadataList")));
	b->api.list_kind = "PartialObjectMetadataList";
	b->api.kind = "PartialObjectMetadata";
	api_list(&b->api, "5", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=5");
	assert_true(api_header(b->api.current, "Accept", PARTIAL("PartialObjectMetadata")));
	b->api.group_version = "meta.k8s.io/v1";
	api_stream(&b->api);
	api_send(&b->api, "ADDED b@6");
	log_is(b->h, "add default/a@1 init, synced, add default/b@6");
}

static void metadata_alone_is_asked_for(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .metadata_only = true);
	metadata_is_asked_for(b);
}

static void replicasets_are_metadata_alone(void **state)
{
	struct behaviour *b = *state;

	make_factory(b, PN_LOOP_THREAD);
	b->inf = pn_factory_informer(b->factory, PN_KIND_REPLICASET, &plain, NULL);
	b->h = record(b, b->inf, NULL);
	start(b);
	b->api.plural = "replicasets";
	b->api.group_version = "apps/v1";
	metadata_is_asked_for(b);
}

static void labels_are_kept_where_asked(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .keep_labels = true);
	fetch_list(b, "5", "a@1 label.tier=front label.app=web, b@2");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced");
	pn_read_begin();
	assert_string_equal(pn_object_label(pn_informer_get(b->inf, "default/a"), "app"), "web");
	assert_string_equal(pn_object_label(pn_informer_get(b->inf, "default/a"), "tier"), "front");
	assert_null(pn_object_label(pn_informer_get(b->inf, "default/a"), "none"));
	assert_null(pn_object_label(pn_informer_get(b->inf, "default/b"), "app"));
	pn_read_end();
}

static void user_agent_is_sent(void **state)
{
	struct behaviour *b = *state;
	const struct pn_factory_options options = { .size = sizeof(options),
						    .server = b->api.url,
						    .user_agent = "mine/1.0" };

	assert_int_equal(pn_factory_new(&options, &b->factory, NULL), 0);
	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "LIST resourceVersion=0");
	assert_true(api_header(b->api.current, "User-Agent", "mine/1.0"));
	api_list(&b->api, "5", "");
	api_expect(&b->api, "WATCH resourceVersion=5");
	assert_true(api_header(b->api.current, "User-Agent", "mine/1.0"));
	api_stream(&b->api);
	log_is(b->h, "synced");
}

static void bearer_token_is_sent(void **state)
{
	struct behaviour *b = *state;
	char path[] = "/tmp/podonym-token.XXXXXX";
	int fd = mkstemp(path);
	const struct pn_factory_options options = { .size = sizeof(options),
						    .server = b->api.url,
						    .token_file = path };

	assert_int_equal(write(fd, "secret", 6), 6);
	(void)close(fd);
	assert_int_equal(pn_factory_new(&options, &b->factory, NULL), 0);
	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "LIST resourceVersion=0");
	assert_true(api_header(b->api.current, "Authorization", "Bearer secret"));
	(void)unlink(path);
}

/* --- figures --- */

static void figures_tell_what_happened(void **state)
{
	struct behaviour *b = *state;
	struct pn_informer_status s;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	s = status_of(b);
	assert_string_equal(s.kind, "pods");
	assert_false(s.is_started || s.is_stopped || s.is_synced);
	assert_int_equal(s.last_contact_ms, -1);
	start(b);
	fetch_list(b, "5", "a@1, b@2");
	api_send(&b->api, "ADDED c@6, BOOKMARK @7");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced, add default/c@6");
	until(strcmp(status_of(b).store_version, "7") == 0);
	s = status_of(b);
	assert_true(s.is_started && s.is_synced && !s.is_stopped);
	assert_int_equal(s.n_objects, 3);
	assert_int_equal(s.n_lists, 1);
	assert_int_equal(s.n_watches, 1);
	assert_int_equal(s.n_events, 2);
	assert_int_equal(s.n_failures, 0);
	assert_string_equal(s.watch_version, "7");
	assert_true(s.last_contact_ms >= 0);
	assert_true(s.list_us > 0);
	api_send(&b->api, "ERROR 410 Expired");
	api_expect(&b->api, "LIST resourceVersion=7");
	api_status(&b->api, 403, "Forbidden", "no more", NULL, NULL);
	errors_are(b, "403 Forbidden");
	until(status_of(b).n_failures > 0);
	assert_non_null(strstr(status_of(b).last_error.text, "no more"));
	api_expect(&b->api, "LIST resourceVersion=7");
	api_list(&b->api, "8", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=8");
	api_stream(&b->api);
	log_is_any_order(b->h, "delete default/b@2 tomb, delete default/c@6 tomb");
	s = status_of(b);
	assert_int_equal(s.n_objects, 1);
	assert_int_equal(s.n_lists, 3);
	until(!*status_of(b).last_error.text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		scenario(factory_shares_one_informer_a_kind),
		scenario(other_namespace_or_selection_is_another_informer),
		scenario(start_again_starts_what_is_new),
		scenario(second_start_changes_nothing),
		scenario(informer_is_started_and_stopped_by_itself),
		scenario(wait_for_sync_waits_for_all),
		scenario(wait_for_sync_ends_at_its_time),
		scenario(wait_for_sync_is_cancelled_by_a_stop),
		scenario(stores_stay_readable_after_a_stop),
		scenario(factory_is_freed_in_every_state),
		scenario(settings_that_make_no_sense_are_refused),
		scenario(callers_loop_does_all_the_work),
		scenario(callers_loop_waits_for_sync),
		scenario(callers_loop_is_woken_by_other_threads),
		scenario(namespace_and_selectors_are_asked_for),
		scenario(generic_kind_keeps_its_json),
		scenario(metadata_alone_is_asked_for),
		scenario(replicasets_are_metadata_alone),
		scenario(labels_are_kept_where_asked),
		scenario(user_agent_is_sent),
		scenario(bearer_token_is_sent),
		scenario(figures_tell_what_happened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
