/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviour, part 1: how the first state is fetched, and fetched again. Each test has the name of
 * what client-go's informers do, and of what must be so for every user of the library.
 *
 *	streaming list: parameters          streaming_list_asks_for_initial_events
 *	- nothing visible before its end    streaming_list_shows_nothing_before_its_end
 *	- reads on in the same stream       streaming_list_goes_on_as_the_watch
 *	- a bookmark without the mark       streaming_list_is_not_ended_by_a_plain_bookmark
 *	- the last version seen             streaming_list_asks_for_the_last_version_seen
 *	- 429                               streaming_list_backs_off_at_429_and_repeats
 *	- connection refused                streaming_list_waits_for_a_server_that_is_not_there
 *	- expired                           streaming_list_of_an_expired_version_repeats_without
 *	- too large                         streaming_list_of_a_too_large_version_repeats_without
 *	- ends early                        streaming_list_that_ends_early_starts_over_clean
 *	- and that is bounded               streaming_list_that_keeps_ending_early_leads_to_a_list
 *	- any other error                   streaming_list_refused_lists_for_this_cycle_only
 *	list: version 0, then the last      list_asks_for_zero_then_for_the_last_version
 *	- 410                               list_of_an_expired_version_repeats_without
 *	- too large, three ways             list_of_a_too_large_version_repeats_without
 *	pages: 500                          list_pages_by_500
 *	- only limit and continue           list_continues_with_token_and_limit_alone
 *	- not with a version                list_of_a_version_is_not_paged
 *	- unless the first one was          list_of_a_version_is_paged_after_a_paged_list
 *	- or a size is configured           list_of_a_version_is_paged_by_a_configured_size
 *	- 410 on a later page               list_with_an_expired_token_starts_over_in_full
 *	error hook                          failed_list_is_told_and_repeated
 *	- but not of a reset                reset_before_the_answer_is_repeated_silently
 *	Retry-After                         retry_after_of_a_list_is_honoured
 *	back-off: growth, cap, reset        pauses_grow_to_the_cap, pauses_start_again_after_the_reset
 *	- jitter                            pauses_are_drawn_from_d_to_2d
 *	stop interrupts                     stop_interrupts_a_pause, stop_interrupts_a_list
 */
#include <stdio.h>

#include "tests/unit/kube/behaviour.h"

#define TOO_LARGE "{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]}"

/* --- streaming lists --- */

static void streaming_list_asks_for_initial_events(void **state)
{
	struct behaviour *b = *state;
	char buf[API_TEXT];

	begin(b, .backoff = NEVER);
	api_expect(&b->api, "WATCHLIST resourceVersion= fieldSelector= labelSelector=");
	assert_string_equal(api_param(b->api.current, "watch", buf), "true");
	assert_string_equal(api_param(b->api.current, "resourceVersionMatch", buf), "NotOlderThan");
	api_stream(&b->api);
	api_send(&b->api, "BOOKMARK @5 end=true");
	log_is(b->h, "synced");
}

static void streaming_list_shows_nothing_before_its_end(void **state)
{
	struct behaviour *b = *state;

	begin(b, .backoff = NEVER);
	fetch_stream(b, "ADDED a@1, ADDED b@2");
	until(status_of(b).n_events == 2);
	store_is(b, "");
	log_is(b->h, "");
	assert_false(pn_informer_has_synced(b->inf));
	assert_int_equal(pn_informer_wait_for_sync(b->inf, 0), -ETIMEDOUT);
	assert_string_equal(status_of(b).watch_version, "");
	api_send(&b->api, "BOOKMARK @7 end=true");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced");
	store_is(b, "default/a@1, default/b@2");
	assert_string_equal(status_of(b).watch_version, "7");
}

static void streaming_list_goes_on_as_the_watch(void **state)
{
	struct behaviour *b = *state;

	begin(b, .backoff = NEVER);
	fetch_stream(b, "ADDED a@1, BOOKMARK @2 end=true");
	log_is(b->h, "add default/a@1 init, synced");
	api_send(&b->api, "MODIFIED a@3, ADDED b@4, DELETED a@5");
	log_is(b->h, "update default/a@1->3, add default/b@4, delete default/a@5");
	assert_int_equal(b->api.n_requests, 1);
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
}

static void streaming_list_is_not_ended_by_a_plain_bookmark(void **state)
{
	struct behaviour *b = *state;

	begin(b, .backoff = NEVER);
	fetch_stream(b, "ADDED a@1, BOOKMARK @2");
	until(status_of(b).n_events == 2);
	assert_false(pn_informer_has_synced(b->inf));
	api_send(&b->api, "BOOKMARK @2 end=true");
	log_is(b->h, "add default/a@1 init, synced");
}

/* A streaming list, a watch that has to be given up, and so a second cycle. */
static void begin_second_cycle(struct behaviour *b)
{
	begin(b, .backoff = SOON);
	fetch_stream(b, "ADDED a@1, BOOKMARK @5 end=true");
	log_is(b->h, "add default/a@1 init, synced");
	api_send(&b->api, "ERROR 410 Expired");
}

static void streaming_list_asks_for_the_last_version_seen(void **state)
{
	struct behaviour *b = *state;

	begin_second_cycle(b);
	api_expect(&b->api, "WATCHLIST resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ADDED b@6, BOOKMARK @7 end=true");
	log_is(b->h, "delete default/a@1 tomb, add default/b@6");
}

static void streaming_list_backs_off_at_429_and_repeats(void **state)
{
	struct behaviour *b = *state;

	begin(b, .backoff = { .initial_ms = 100, .no_jitter = true });
	api_expect(&b->api, "WATCHLIST resourceVersion=");
	api_status(&b->api, 429, "TooManyRequests", "busy", NULL, NULL);
	api_expect(&b->api, "WATCHLIST resourceVersion=");
	assert_true(b->api.gap_ms >= 95);
	api_stream(&b->api);
	api_send(&b->api, "BOOKMARK @5 end=true");
	log_is(b->h, "synced");
}

static void streaming_list_waits_for_a_server_that_is_not_there(void **state)
{
	struct behaviour *b = *state;

	api_listen(&b->api, false);
	begin(b, .backoff = SOON);
	until(status_of(b).n_failures >= 3);
	api_listen(&b->api, true);
	fetch_stream(b, "BOOKMARK @5 end=true");
	log_is(b->h, "synced");
	errors_skip(b); /* nobody may mind that these are told */
}

static void streaming_list_of_an_expired_version_repeats_without(void **state)
{
	struct behaviour *b = *state;

	begin_second_cycle(b);
	api_expect(&b->api, "WATCHLIST resourceVersion=5");
	api_status(&b->api, 410, "Expired", "too old", NULL, NULL);
	api_expect(&b->api, "WATCHLIST resourceVersion=");
	api_stream(&b->api);
	api_send(&b->api, "ADDED a@1, BOOKMARK @9 end=true, ADDED b@10");
	log_is(b->h, "add default/b@10");
}

static void streaming_list_of_a_too_large_version_repeats_without(void **state)
{
	struct behaviour *b = *state;

	begin_second_cycle(b);
	api_expect(&b->api, "WATCHLIST resourceVersion=5");
	api_status(&b->api, 504, "Timeout", "later", TOO_LARGE, NULL);
	api_expect(&b->api, "WATCHLIST resourceVersion=");
	api_stream(&b->api);
	api_send(&b->api, "ADDED a@1, BOOKMARK @3 end=true, ADDED b@4");
	log_is(b->h, "add default/b@4");
	assert_string_equal(status_of(b).watch_version, "4");
}

static void streaming_list_that_ends_early_starts_over_clean(void **state)
{
	static const enum api_end ways[] = { API_EOF, API_TRUNCATE };
	struct behaviour *b = *state;

	begin(b, .backoff = SOON);
	for (size_t i = 0; i < 2; i++) {
		fetch_stream(b, "ADDED gone@1");
		api_end(&b->api, ways[i]);
	}
	fetch_stream(b, "ADDED a@2, BOOKMARK @5 end=true");
	log_is(b->h, "add default/a@2 init, synced");
	store_is(b, "default/a@2");
}

static void streaming_list_that_keeps_ending_early_leads_to_a_list(void **state)
{
	struct behaviour *b = *state;
	unsigned int n = 0;

	begin(b, .backoff = SOON);
	for (api_take(&b->api); n < 64 && api_is(&b->api, "WATCHLIST resourceVersion="); n++) {
		api_stream(&b->api);
		api_send(&b->api, "ADDED gone@1");
		api_end(&b->api, API_EOF);
		api_take(&b->api);
	}
	assert_in_range(n, 2, 63);
	assert_true(api_is(&b->api, "LIST resourceVersion=0"));
	api_list(&b->api, "5", "a@2");
	log_is(b->h, "add default/a@2 init, synced");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
}

static void streaming_list_refused_lists_for_this_cycle_only(void **state)
{
	struct behaviour *b = *state;

	begin(b, .backoff = SOON);
	api_expect(&b->api, "WATCHLIST resourceVersion=");
	api_status(&b->api, 422, "Invalid", "sendInitialEvents is forbidden", NULL, NULL);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	api_send(&b->api, "ERROR 410 Expired");
	api_expect(&b->api, "WATCHLIST resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ADDED a@2, BOOKMARK @9 end=true");
	log_is(b->h, "update default/a@1->2");
}

/* --- lists --- */

static void list_asks_for_zero_then_for_the_last_version(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	api_expect(&b->api, "LIST resourceVersion=0 resourceVersionMatch= continue=");
	api_list(&b->api, "5", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ADDED b@6, ERROR 410 Expired");
	api_expect(&b->api, "LIST resourceVersion=6 resourceVersionMatch= continue=");
	api_list(&b->api, "7", "a@1, b@6");
	api_expect(&b->api, "WATCH resourceVersion=7");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, synced, add default/b@6");
}

static void list_of_an_expired_version_repeats_without(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "LIST resourceVersion=0");
	api_status(&b->api, 410, "Expired", "too old", NULL, NULL);
	api_expect(&b->api, "LIST resourceVersion=");
	api_list(&b->api, "5", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, synced");
}

static void list_of_a_too_large_version_repeats_without(void **state)
{
	static const struct {
		const char *message, *details;
	} ways[] = {
		{ "later", TOO_LARGE },
		{ "Too large resource version: 6, current: 5", NULL },
	};
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	for (size_t i = 0; i < 2; i++) {
		api_send(&b->api, "ERROR 500 InternalError");
		api_expect(&b->api, "LIST resourceVersion=5");
		api_status(&b->api, 504, "Timeout", ways[i].message, ways[i].details, NULL);
		api_expect(&b->api, "LIST resourceVersion=");
		api_list(&b->api, "5", "a@1");
		api_expect(&b->api, "WATCH resourceVersion=5");
		api_stream(&b->api);
	}
}

/* --- pages --- */

static void list_pages_by_500(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "LIST resourceVersion=0 limit=500");
	api_list(&b->api, "5", "");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "synced");
}

static void list_continues_with_token_and_limit_alone(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .page_size = 2);
	api_expect(&b->api, "LIST resourceVersion=0 limit=2");
	api_page(&b->api, "5", "to/the+next=", "a@1, b@2");
	api_expect(&b->api, "LIST limit=2 continue=to/the+next= resourceVersion= "
			    "resourceVersionMatch=");
	store_is(b, "");
	log_is(b->h, "");
	api_page(&b->api, "6", "C2", "c@3, d@4");
	api_expect(&b->api, "LIST limit=2 continue=C2 resourceVersion=");
	api_list(&b->api, "7", "e@4");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, add default/b@2 init, add default/c@3 init, "
		     "add default/d@4 init, add default/e@4 init, synced");
}

static void list_of_a_version_is_not_paged(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	fetch_list(b, "5", "a@1");
	api_send(&b->api, "ERROR 410 Expired");
	api_expect(&b->api, "LIST resourceVersion=5 limit=");
	api_list(&b->api, "6", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, synced");
}

static void list_of_a_version_is_paged_after_a_paged_list(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	api_expect(&b->api, "LIST resourceVersion=0 limit=500");
	api_page(&b->api, "5", "C1", "a@1");
	api_expect(&b->api, "LIST limit=500 continue=C1");
	api_list(&b->api, "5", "b@2");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ERROR 410 Expired");
	api_expect(&b->api, "LIST resourceVersion=5 limit=500");
	api_list(&b->api, "6", "a@1, b@2");
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced");
}

static void list_of_a_version_is_paged_by_a_configured_size(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON, .page_size = 7);
	fetch_list(b, "5", "a@1");
	api_send(&b->api, "ERROR 410 Expired");
	api_expect(&b->api, "LIST resourceVersion=5 limit=7");
	api_list(&b->api, "6", "a@1");
	api_expect(&b->api, "WATCH resourceVersion=6");
	api_stream(&b->api);
	log_is(b->h, "add default/a@1 init, synced");
}

static void list_with_an_expired_token_starts_over_in_full(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER, .page_size = 2);
	api_expect(&b->api, "LIST resourceVersion=0 limit=2");
	api_page(&b->api, "5", "C1", "gone@1, b@2");
	api_expect(&b->api, "LIST limit=2 continue=C1");
	api_status(&b->api, 410, "Expired", "the token is too old", NULL, NULL);
	api_expect(&b->api, "LIST resourceVersion=0 limit= continue=");
	api_list(&b->api, "8", "b@2, c@3");
	api_expect(&b->api, "WATCH resourceVersion=8");
	api_stream(&b->api);
	log_is(b->h, "add default/b@2 init, add default/c@3 init, synced");
	store_is(b, "default/b@2, default/c@3");
}

/* --- failures --- */

static void failed_list_is_told_and_repeated(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	api_expect(&b->api, "LIST resourceVersion=0");
	api_status(&b->api, 403, "Forbidden", "pods is forbidden", NULL, NULL);
	errors_are(b, "403 Forbidden");
	api_expect(&b->api, "LIST resourceVersion=0");
	assert_non_null(strstr(status_of(b).last_error.text, "pods is forbidden"));
	api_answer(&b->api, 200, NULL, "application/json", "{\"kind\":\"PodList\",", 18);
	errors_are(b, "0 -");
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	until(status_of(b).n_failures == 0 && !*status_of(b).last_error.text);
}

/* As one that is being replaced does it: the next server behind the address may do. */
static void reset_before_the_answer_is_repeated_silently(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "LIST resourceVersion=0");
	api_reset(&b->api);
	fetch_list(b, "5", "");
	log_is(b->h, "synced");
}

static void retry_after_of_a_list_is_honoured(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	api_expect(&b->api, "LIST resourceVersion=0");
	api_answer(&b->api, 429, "Retry-After: 1\r\n", "text/plain", "Too many requests.\n", 19);
	api_expect(&b->api, "LIST resourceVersion=0");
	assert_true(b->api.gap_ms >= 995);
	api_status(&b->api, 503, "ServiceUnavailable", "starting", NULL, "Retry-After: 1\r\n");
	api_expect(&b->api, "LIST resourceVersion=0");
	assert_true(b->api.gap_ms >= 995);
	api_list(&b->api, "5", "");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "synced");
}

/* --- back-off --- */

/* @n lists that fail; the pause before each next one goes to @gaps. */
static void fail_lists(struct behaviour *b, unsigned int n, int64_t *gaps)
{
	for (unsigned int i = 0; i < n; i++) {
		api_expect(&b->api, "LIST resourceVersion=0");
		if (i)
			gaps[i - 1] = b->api.gap_ms;
		api_status(&b->api, 500, "InternalError", "no", NULL, NULL);
	}
	api_expect(&b->api, "LIST resourceVersion=0");
	gaps[n - 1] = b->api.gap_ms;
	api_list(&b->api, "5", "");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	log_is(b->h, "synced");
	errors_skip(b);
}

static void pauses_grow_to_the_cap(void **state)
{
	struct behaviour *b = *state;
	int64_t gaps[4];

	begin(b, .list_mode = PN_LIST_PLAIN,
	      .backoff = { .initial_ms = 50, .factor = 3, .cap_ms = 200, .no_jitter = true });
	fail_lists(b, 4, gaps);
	assert_true(gaps[0] >= 45 && gaps[1] >= 145 && gaps[2] >= 195 && gaps[3] >= 195);
}

static void pauses_start_again_after_the_reset(void **state)
{
	struct behaviour *b = *state;
	int64_t gaps[3];

	/* Without the reset the second pause would be 2 days. */
	begin(b, .list_mode = PN_LIST_PLAIN,
	      .backoff = { .initial_ms = 20,
			   .factor = 10000000,
			   .cap_ms = 200000000,
			   .reset_ms = 1,
			   .no_jitter = true });
	fail_lists(b, 3, gaps);
	assert_true(gaps[0] >= 15 && gaps[1] >= 15 && gaps[2] >= 15);
}

static void pauses_are_drawn_from_d_to_2d(void **state)
{
	struct behaviour *b = *state;
	int64_t gaps[5], least = INT64_MAX, most = 0;

	begin(b, .list_mode = PN_LIST_PLAIN,
	      .backoff = { .initial_ms = 100, .factor = 1, .cap_ms = 100 });
	fail_lists(b, 5, gaps);
	for (size_t i = 0; i < 5; i++) {
		least = gaps[i] < least ? gaps[i] : least;
		most = gaps[i] > most ? gaps[i] : most;
	}
	assert_true(least >= 95 && most > least);
}

/* --- stop --- */

static void stop_interrupts_a_pause(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "LIST resourceVersion=0");
	api_status(&b->api, 500, "InternalError", "no", NULL, NULL);
	errors_are(b, "500 InternalError");
	pn_informer_stop(b->inf);
	until(status_of(b).is_stopped);
	assert_int_equal(pn_informer_wait_for_sync(b->inf, -1), -ECANCELED);
}

static void stop_interrupts_a_list(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "LIST resourceVersion=0");
	b->api.stream = NULL;
	pn_factory_stop(b->factory);
	until(status_of(b).is_stopped);
	until(api_n_open(&b->api) == 0);
	assert_int_equal(pn_factory_wait_for_sync(b->factory, -1), -ECANCELED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		scenario(streaming_list_asks_for_initial_events),
		scenario(streaming_list_shows_nothing_before_its_end),
		scenario(streaming_list_goes_on_as_the_watch),
		scenario(streaming_list_is_not_ended_by_a_plain_bookmark),
		scenario(streaming_list_asks_for_the_last_version_seen),
		scenario(streaming_list_backs_off_at_429_and_repeats),
		scenario(streaming_list_waits_for_a_server_that_is_not_there),
		scenario(streaming_list_of_an_expired_version_repeats_without),
		scenario(streaming_list_of_a_too_large_version_repeats_without),
		scenario(streaming_list_that_ends_early_starts_over_clean),
		scenario(streaming_list_that_keeps_ending_early_leads_to_a_list),
		scenario(streaming_list_refused_lists_for_this_cycle_only),
		scenario(list_asks_for_zero_then_for_the_last_version),
		scenario(list_of_an_expired_version_repeats_without),
		scenario(list_of_a_too_large_version_repeats_without),
		scenario(list_pages_by_500),
		scenario(list_continues_with_token_and_limit_alone),
		scenario(list_of_a_version_is_not_paged),
		scenario(list_of_a_version_is_paged_after_a_paged_list),
		scenario(list_of_a_version_is_paged_by_a_configured_size),
		scenario(list_with_an_expired_token_starts_over_in_full),
		scenario(failed_list_is_told_and_repeated),
		scenario(reset_before_the_answer_is_repeated_silently),
		scenario(retry_after_of_a_list_is_honoured),
		scenario(pauses_grow_to_the_cap),
		scenario(pauses_start_again_after_the_reset),
		scenario(pauses_are_drawn_from_d_to_2d),
		scenario(stop_interrupts_a_pause),
		scenario(stop_interrupts_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
