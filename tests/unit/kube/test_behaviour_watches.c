/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviour, part 2: watches, the many ways in which they end, and what follows. Where something has
 * to follow at once the back-off is so long that the test would fail by waiting.
 *
 *	parameters                       watch_carries_bookmarks_and_a_drawn_timeout
 *	- a longer timeout               watch_timeout_can_be_longer_but_not_shorter
 *	versions are opaque              last_event_wins_whatever_its_version_looks_like
 *	- DELETED, BOOKMARK advance      deletions_and_bookmarks_advance_the_version
 *	- what is dropped does not       object_of_a_wrong_kind_is_dropped
 *	- from 0                         synthetic_adds_do_not_advance_the_version
 *	ended after an event             watch_with_an_event_goes_on_at_once
 *	- after a second                 watch_of_a_second_goes_on_at_once
 *	- sooner and without an event    short_silent_watch_backs_off_and_begins_a_new_cycle
 *	429 as an answer                 overload_at_opening_is_waited_for_and_never_listed
 *	- as an event                    overload_as_an_event_is_waited_for_and_never_listed
 *	- with Retry-After               retry_after_of_a_watch_is_honoured
 *	connection refused               absent_server_is_waited_for_and_never_listed
 *	ERROR 410                        expired_watch_lists_from_the_last_version
 *	ERROR 500                        internal_error_begins_a_new_cycle
 *	- with a window                  internal_error_is_retried_within_the_window
 *	other errors at opening          refused_watch_is_told_and_begins_a_new_cycle
 *	cut off                          cut_object_is_never_delivered
 *	undecodable                      nonsense_begins_a_new_cycle
 *	unknown type                     unknown_event_type_begins_a_new_cycle
 *	frames by syntax alone           events_are_found_whatever_the_chunks
 *	stop                             stop_closes_an_open_watch
 *	protobuf                         protobuf_list_and_watch, protobuf_streaming_list,
 *	                                 protobuf_one_byte_at_a_time
 */
#include <stdio.h>

#include "tests/unit/kube/behaviour.h"

/* --- parameters and versions --- */

static void watch_carries_bookmarks_and_a_drawn_timeout(void **state)
{
	struct behaviour *b = *state;
	char first[API_TEXT] = "", buf[API_TEXT];
	unsigned int n_same = 0;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .min_watch_timeout_s = 1);
	fetch_list(b, "5", "");
	log_is(b->h, "synced");
	(void)api_param(b->api.current, "timeoutSeconds", first);
	for (unsigned int i = 0; i < 12; i++) {
		api_send(&b->api, "BOOKMARK @5");
		api_end(&b->api, API_EOF);
		api_expect(&b->api, "WATCH resourceVersion=5 timeoutSeconds=*");
		n_same += strcmp(api_param(b->api.current, "timeoutSeconds", buf), first) == 0;
		api_stream(&b->api);
	}
	assert_true(n_same < 12);
}

static void watch_timeout_can_be_longer_but_not_shorter(void **state)
{
	struct behaviour *b = *state;
	char buf[API_TEXT];

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .min_watch_timeout_s = 1000);
	api_expect(&b->api, "LIST resourceVersion=0");
	api_list(&b->api, "5", "");
	api_take(&b->api);
	assert_in_range(strtoul(api_param(b->api.current, "timeoutSeconds", buf), NULL, 10), 1000,
			2000);
	api_stream(&b->api);
	log_is(b->h, "synced");
}

static void last_event_wins_whatever_its_version_looks_like(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "900", "a@9");
	api_send(&b->api, "MODIFIED a@100, ADDED b@7, MODIFIED a@x-1");
	log_is(b->h, "add default/a@9 init, synced, update default/a@9->100, add default/b@7, "
		     "update default/a@100->x-1");
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=x-1");
	api_stream(&b->api);
	store_is(b, "default/a@x-1, default/b@7");
}

static void deletions_and_bookmarks_advance_the_version(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "a@1, b@2");
	api_send(&b->api, "DELETED a@30");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced, delete default/a@30");
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=30");
	api_stream(&b->api);
	api_send(&b->api, "BOOKMARK @40");
	until(strcmp(status_of(b).store_version, "40") == 0);
	assert_string_equal(status_of(b).watch_version, "40");
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=40");
	api_stream(&b->api);
}

static void object_of_a_wrong_kind_is_dropped(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "");
	api_send(&b->api, "ADDED a@6, ADDED s@7 kind=Service");
	log_is(b->h, "synced, add default/a@6");
	until(status_of(b).n_refused == 1);
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	store_is(b, "default/a@6");
}

static void synthetic_adds_do_not_advance_the_version(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "0", "");
	api_send(&b->api, "ADDED a@9, ADDED b@3");
	log_is(b->h, "synced, add default/a@9, add default/b@3");
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=0");
	api_stream(&b->api);
	api_send(&b->api, "ADDED a@9, MODIFIED b@10");
	log_is(b->h, "update default/b@3->10");
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=10");
	api_stream(&b->api);
}

/* --- the many ends --- */

static void watch_with_an_event_goes_on_at_once(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "");
	for (unsigned int i = 0; i < 3; i++) {
		api_send(&b->api, "BOOKMARK @5");
		api_end(&b->api, API_EOF);
		api_expect(&b->api, "WATCH resourceVersion=5");
		api_stream(&b->api);
	}
	log_is(b->h, "synced");
}

/* The second is real: it is the library's own clock that has to pass it. */
static void watch_of_a_second_goes_on_at_once(void **state)
{
	struct behaviour *b = *state;
	int64_t begun;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "");
	begun = api_now_ms();
	until(api_now_ms() > begun + 1100);
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "synced");
	assert_int_equal(status_of(b).n_short_watches, 0);
}

static void short_silent_watch_backs_off_and_begins_a_new_cycle(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = { .initial_ms = 100, .no_jitter = true });
	fetch_list(b, "5", "");
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "LIST resourceVersion=5");
	assert_true(b->api.gap_ms >= 95);
	api_list(&b->api, "5", "");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "synced");
	assert_int_equal(status_of(b).n_short_watches, 1);
}

static void overload_at_opening_is_waited_for_and_never_listed(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN,
	      .backoff = { .initial_ms = 50, .factor = 1, .no_jitter = true });
	api_expect(&b->api, "LIST resourceVersion=0");
	api_list(&b->api, "5", "");
	for (unsigned int i = 0; i < 3; i++) {
		api_expect(&b->api, "WATCH resourceVersion=5");
		assert_true(i == 0 || b->api.gap_ms >= 45);
		api_status(&b->api, 429, "TooManyRequests", "busy", NULL, NULL);
	}
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "synced");
}

static void overload_as_an_event_is_waited_for_and_never_listed(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = { .initial_ms = 50, .no_jitter = true });
	fetch_list(b, "5", "");
	api_send(&b->api, "ADDED a@6, ERROR 429 TooManyRequests");
	api_expect(&b->api, "WATCH resourceVersion=6");
	assert_true(b->api.gap_ms >= 45);
	api_stream(&b->api);
	log_is(b->h, "synced, add default/a@6");
}

static void retry_after_of_a_watch_is_honoured(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	api_expect(&b->api, "LIST resourceVersion=0");
	api_list(&b->api, "5", "");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_answer(&b->api, 429, "Retry-After: 1\r\n", "text/plain", "Too many requests.\n", 19);
	api_expect(&b->api, "WATCH resourceVersion=5");
	assert_true(b->api.gap_ms >= 995);
	api_stream(&b->api);
	log_is(b->h, "synced");
}

static void absent_server_is_waited_for_and_never_listed(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	fetch_list(b, "5", "");
	api_send(&b->api, "ADDED a@6");
	log_is(b->h, "synced, add default/a@6");
	api_listen(&b->api, false);
	api_end(&b->api, API_RESET);
	until(status_of(b).n_failures >= 3);
	store_is(b, "default/a@6");
	api_listen(&b->api, true);
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	api_send(&b->api, "ADDED b@7");
	log_is(b->h, "add default/b@7");
	assert_int_equal(status_of(b).n_failures, 0);
}

static void expired_watch_lists_from_the_last_version(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = { .initial_ms = 100, .no_jitter = true });
	fetch_list(b, "5", "a@1");
	api_send(&b->api, "BOOKMARK @8, ERROR 410 Expired");
	api_expect(&b->api, "LIST resourceVersion=8");
	assert_true(b->api.gap_ms >= 95);
	api_list(&b->api, "9", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=9");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, synced");
}

static void internal_error_begins_a_new_cycle(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = { .initial_ms = 100, .no_jitter = true });
	fetch_list(b, "5", "");
	api_send(&b->api, "ERROR 500 InternalError");
	api_expect(&b->api, "LIST resourceVersion=5");
	assert_true(b->api.gap_ms >= 95);
	api_list(&b->api, "6", "");
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	log_is(b->h, "synced");
}

static void internal_error_is_retried_within_the_window(void **state)
{
	struct behaviour *b = *state;
	unsigned int n = 0;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON, .internal_error_retry_ms = 300);
	fetch_list(b, "5", "");
	do {
		api_send(&b->api, "ERROR 500 InternalError");
		api_take(&b->api);
		if (api_is(&b->api, "WATCH resourceVersion=5"))
			api_stream(&b->api);
		n++;
	} while (api_is(&b->api, "WATCH resourceVersion=5"));
	assert_true(n > 1);
	assert_true(api_is(&b->api, "LIST resourceVersion=5"));
	api_list(&b->api, "6", "");
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	log_is(b->h, "synced");
}

static void refused_watch_is_told_and_begins_a_new_cycle(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = { .initial_ms = 100, .no_jitter = true });
	api_expect(&b->api, "LIST resourceVersion=0");
	api_list(&b->api, "5", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_status(&b->api, 403, "Forbidden", "may not watch", NULL, NULL);
	errors_are(b, "403 Forbidden");
	api_expect(&b->api, "LIST resourceVersion=5");
	assert_true(b->api.gap_ms >= 95);
	api_list(&b->api, "6", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, synced");
}

static void cut_object_is_never_delivered(void **state)
{
	static const struct {
		enum api_end end;
		const char *event, *call, *next;
	} ways[] = {
		{ API_TRUNCATE, "ADDED a@6", "add default/a@6", "WATCH resourceVersion=6" },
		{ API_RESET, "MODIFIED a@7", "update default/a@6->7", "WATCH resourceVersion=7" },
		{ API_FRAGMENT, "MODIFIED a@8", "update default/a@7->8",
		  "WATCH resourceVersion=8" },
	};
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "");
	log_is(b->h, "synced");
	for (size_t i = 0; i < 3; i++) {
		api_send(&b->api, ways[i].event);
		log_is(b->h, ways[i].call);
		api_end(&b->api, ways[i].end);
		api_expect(&b->api, ways[i].next);
		api_stream(&b->api);
	}
	store_is(b, "default/a@8");
}

static void send_and_expect_a_new_cycle(struct behaviour *b, const char *text)
{
	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = { .initial_ms = 100, .no_jitter = true });
	fetch_list(b, "5", "");
	api_send(&b->api, "ADDED a@6");
	api_send_raw(&b->api, text, strlen(text));
	api_expect(&b->api, "LIST resourceVersion=6");
	assert_true(b->api.gap_ms >= 95);
	api_list(&b->api, "7", "a@6");
	api_expect(&b->api, "WATCH resourceVersion=7");
	api_stream(&b->api);
	log_is(b->h, "synced, add default/a@6");
}

static void nonsense_begins_a_new_cycle(void **state)
{
	send_and_expect_a_new_cycle(*state, "{\"type\": nonsense}\n");
}

static void unknown_event_type_begins_a_new_cycle(void **state)
{
	send_and_expect_a_new_cycle(
		*state, "{\"type\":\"RENAMED\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\","
			"\"metadata\":{\"name\":\"x\",\"namespace\":\"default\","
			"\"resourceVersion\":\"9\"}}}\n");
}

static void events_are_found_whatever_the_chunks(void **state)
{
	static const char odd[] = "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":"
				  "\"v1\",\"metadata\":{"
				  "\"name\":\"odd\",\"namespace\":\"default\",\"resourceVersion\":"
				  "\"7\",\"annotations\":"
				  "{\"t\":\"brace } quote \\\" newline \\n end\"}}}}";
	struct behaviour *b = *state;
	size_t len;
	char *events;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "");
	b->api.chunk_bytes = 1;
	api_send(&b->api, "ADDED a@6");
	api_send_raw(&b->api, odd, strlen(odd));
	api_send(&b->api, "MODIFIED odd@8");
	b->api.chunk_bytes = 0;
	events = api_render(&b->api, "MODIFIED a@9, ADDED b@10, DELETED odd@11", &len);
	for (char *newline = events; (newline = strchr(newline, '\n'));)
		memmove(newline, newline + 1, strlen(newline));
	api_send_raw(&b->api, events, strlen(events));
	free(events);
	log_is(b->h, "synced, add default/a@6, add default/odd@7, update default/odd@7->8, "
		     "update default/a@6->9, add default/b@10, delete default/odd@11");
}

static void stop_closes_an_open_watch(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	pn_informer_stop(b->inf);
	api_wait_closed(&b->api);
	until(status_of(b).is_stopped);
	store_is(b, "default/a@1");
}

/* --- protobuf --- */

static void pod_a_is(struct behaviour *b, const char *ip, const char *node)
{
	const struct pn_pod *pod;
	struct pn_addr addr;

	assert_int_equal(pn_addr_parse(ip, &addr), 0);
	pn_read_begin();
	pod = pn_object_pod(pn_informer_get(b->inf, "default/a"));
	assert_non_null(pod);
	assert_int_equal(pod->n_addrs, 1);
	assert_memory_equal(&pod->addrs[0], &addr, sizeof(addr));
	assert_string_equal(pod->node_name, node);
	pn_read_end();
}

static void protobuf_list_and_watch(void **state)
{
	struct behaviour *b = *state;

	b->api.protobuf = true;
	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	api_expect(&b->api, "LIST resourceVersion=0");
	assert_true(api_header(b->api.current, "Accept",
			       "application/vnd.kubernetes.protobuf,application/json"));
	api_list(&b->api, "5", "a@1 ip=10.0.0.1 node=n1, b@2 host=true");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced");
	pod_a_is(b, "10.0.0.1", "n1");
	api_send(&b->api, "MODIFIED a@6 ip=fd00::6 node=n2, BOOKMARK @7, DELETED b@8");
	log_is(b->h, "update default/a@1->6, delete default/b@8");
	pod_a_is(b, "fd00::6", "n2");
	api_send(&b->api, "ERROR 410 Expired");
	api_expect(&b->api, "LIST resourceVersion=8");
	api_list(&b->api, "9", "a@6 ip=fd00::6 node=n2");
	api_expect(&b->api, "WATCH resourceVersion=9");
	api_stream(&b->api);
}

static void protobuf_streaming_list(void **state)
{
	struct behaviour *b = *state;

	b->api.protobuf = true;
	begin(b, .backoff = NEVER);
	fetch_stream(b, "ADDED a@1 ip=10.0.0.1, BOOKMARK @2");
	until(status_of(b).n_events == 2);
	store_is(b, "");
	api_send(&b->api, "BOOKMARK @3 end=true, ADDED b@4");
	log_is(b->h, "add default/a@1 init, synced, add default/b@4");
	assert_string_equal(status_of(b).watch_version, "4");
}

static void protobuf_one_byte_at_a_time(void **state)
{
	struct behaviour *b = *state;

	b->api.protobuf = true;
	b->api.chunk_bytes = 1;
	begin(b, .backoff = NEVER);
	fetch_stream(b, "ADDED a@1 ip=10.0.0.1 node=n1, BOOKMARK @3 end=true, DELETED a@4");
	log_is(b->h, "add default/a@1 init, synced, delete default/a@4");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		scenario(watch_carries_bookmarks_and_a_drawn_timeout),
		scenario(watch_timeout_can_be_longer_but_not_shorter),
		scenario(last_event_wins_whatever_its_version_looks_like),
		scenario(deletions_and_bookmarks_advance_the_version),
		scenario(object_of_a_wrong_kind_is_dropped),
		scenario(synthetic_adds_do_not_advance_the_version),
		scenario(watch_with_an_event_goes_on_at_once),
		scenario(watch_of_a_second_goes_on_at_once),
		scenario(short_silent_watch_backs_off_and_begins_a_new_cycle),
		scenario(overload_at_opening_is_waited_for_and_never_listed),
		scenario(overload_as_an_event_is_waited_for_and_never_listed),
		scenario(retry_after_of_a_watch_is_honoured),
		scenario(absent_server_is_waited_for_and_never_listed),
		scenario(expired_watch_lists_from_the_last_version),
		scenario(internal_error_begins_a_new_cycle),
		scenario(internal_error_is_retried_within_the_window),
		scenario(refused_watch_is_told_and_begins_a_new_cycle),
		scenario(cut_object_is_never_delivered),
		scenario(nonsense_begins_a_new_cycle),
		scenario(unknown_event_type_begins_a_new_cycle),
		scenario(events_are_found_whatever_the_chunks),
		scenario(stop_closes_an_open_watch),
		scenario(protobuf_list_and_watch),
		scenario(protobuf_streaming_list),
		scenario(protobuf_one_byte_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
