/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches: what moves the version, and what follows when one ends.
 */
#include "reflector_play.h"

static void lists_then_watches(void **state)
{
	(void)state;
	PLAY({ VERSION, 0, "" }, { ASK, 0, LIST_0 },
	     { OPEN, 0, LIST_OF("5", POD("a", "3") "," POD("b", "4")) },
	     { SEEN, 0, "begin a@3 b@4 " }, { VERSION, 0, "" }, { END, 0, "" }, { SEEN, 0, "end " },
	     { VERSION, 0, "5" }, { ASK, 0, WATCH("5") },
	     { OPEN, 0, EVENT("ADDED", "c", "6") EVENT("MODIFIED", "a", "8") },
	     { SEEN, 0, "+c@6 ~a@8 " }, { VERSION, 0, "8" },
	     { MORE, 0, EVENT("DELETED", "b", "9") }, { SEEN, 0, "-b@9 " }, { VERSION, 0, "9" },
	     { MORE, 0, BOOKMARK("12") }, { SEEN, 0, "" }, { VERSION, 0, "12" }, { END, 0, "" },
	     { ASK, 0, WATCH("12") });
}

static void versions_are_taken_as_they_come(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") },
	     { OPEN, 0, EVENT("MODIFIED", "a", "9") EVENT("MODIFIED", "b", "7") },
	     { VERSION, 0, "7" });
}

static void deletions_and_bookmarks_move_the_version(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, EVENT("DELETED", "a", "7") },
	     { VERSION, 0, "7" }, { MORE, 0, BOOKMARK("9") BOOKMARK("9") }, { VERSION, 0, "9" },
	     { SEEN, 0, "-a@7 " }, { CUT, -ECONNRESET, "" }, { ASK, 0, WATCH("9") });
}

static void end_mark_in_a_plain_watch_is_a_bookmark(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, INITIAL_END("7") }, { VERSION, 0, "7" },
	     { SEEN, 0, "" }, { END, 0, "" }, { ASK, 0, WATCH("7") });
}

static void odd_watch_events_do_not_move_the_version(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") },
	     { OPEN, 0,
	       "{'type':'ADDED','object':{'kind':'Node','metadata':{'name':'x',"
	       "'resourceVersion':'9'}}}" },
	     { SEEN, 0, "refused:x: kind: not a Pod " }, { VERSION, 0, "5" },
	     { MORE, 0, "{'type':'BOOKMARK','object':{'kind':'Pod','metadata':{}}}" },
	     { SEEN, 0, "refused:bookmark: wrong kind, or no resourceVersion " },
	     { VERSION, 0, "5" });
}

static void watch_from_zero_waits_for_a_version(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("0", "") }, { ASK, 0, WATCH("0") },
	     { OPEN, 0, EVENT("ADDED", "a", "7") EVENT("ADDED", "b", "3") }, { VERSION, 0, "0" },
	     { END, 0, "" }, { ASK, 0, WATCH("0") }, { OPEN, 0, EVENT("MODIFIED", "a", "8") },
	     { VERSION, 0, "8" }, { MORE, 0, EVENT("ADDED", "c", "9") }, { VERSION, 0, "9" });
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("0", "") }, { ASK, 0, WATCH("0") },
	     { OPEN, 0, EVENT("ADDED", "a", "7") BOOKMARK("8") }, { VERSION, 0, "8" });
}

/* As some aggregated APIs have it. */
static void list_without_a_version_is_watched_from_none(void **state)
{
	static const char watch[] = PODS "?watch=true&allowWatchBookmarks=true&timeoutSeconds=300";

	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("", POD("a", "3")) }, { ASK, 0, watch },
	     { OPEN, 0, EVENT("ADDED", "a", "7") EVENT("ADDED", "b", "3") }, { VERSION, 0, "" },
	     { END, 0, "" }, { ASK, 0, watch }, { OPEN, 0, EVENT("MODIFIED", "a", "8") },
	     { VERSION, 0, "8" });
}

static void watch_that_ends_after_an_event_or_a_second_is_resumed_at_once(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { PASS, 1000, "" }, { END, 0, "" },
	     { WRONG, 0, "" }, { ASK, 0, WATCH("5") }, { OPEN, 0, BOOKMARK("6") }, { END, 0, "" },
	     { ASK, 0, WATCH("6") }, { OPEN, 0, "" }, { PASS, 1000, "" }, { CUT, -ECONNRESET, "" },
	     { WRONG, 0, "" }, { ASK, 0, WATCH("6") }, { OPEN, 0, "" }, { PASS, 330000, "" },
	     { CUT, -ETIMEDOUT, "silent" }, { WRONG, 0, "" }, { ASK, 0, WATCH("6") });
}

static void second_counts_from_the_request(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { PASS, 1000, "" }, { OPEN, 0, "" }, { END, 0, "" },
	     { ASK, 0, WATCH("5") });
}

static void watch_that_ends_too_soon_leads_to_a_pause_and_a_list(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { PASS, 999, "" }, { END, 0, "" },
	     { WRONG, 0, "cannot watch pods: the server ended the watch at once" },
	     { WAIT, 800, "" }, { ASK, 0, LIST("5") });
}

static void dropped_event_does_not_make_a_watch_a_long_one(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") },
	     { OPEN, 0,
	       "{'type':'ADDED','object':{'kind':'Node','metadata':{'name':'x',"
	       "'resourceVersion':'9'}}}" },
	     { END, 0, "" }, { WAIT, 800, "" }, { ASK, 0, LIST("5") });
}

static void object_cut_off_is_never_delivered(void **state)
{
	static const char event[] = EVENT("ADDED", "b", "6");
	char part[sizeof(event)];

	(void)state;
	for (size_t n = 1; n < strlen(event) - 1; n++) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, event);
		PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, BOOKMARK("5") }, { MORE, 0, part },
		     { CUT, -ECONNRESET, "" }, { SEEN, 0, "" }, { ASK, 0, WATCH("5") },
		     { ANSWER, 200, event }, { SEEN, 0, "+b@6 " });
	}
}

static void expired_watch_leads_to_a_list_at_the_last_version(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, EVENT("ADDED", "b", "6") },
	     { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
	     { WRONG, 0, "cannot watch pods: 410 Expired: because" }, { WAIT, 800, "" },
	     { ASK, 0, LIST("6") });
}

static void error_event_leads_to_a_list_and_is_not_told(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, EVENT("ADDED", "b", "6") },
	     { MORE, -ECANCELED, ERROR("500", "InternalError") }, { CUT, -ECANCELED, "" },
	     { WRONG, 0, "cannot watch pods: 500 InternalError: because" }, { WAIT, 800, "" },
	     { ASK, 0, LIST("6") }, { ANSWER, 200, LIST_OF("7", "") }, { ASK, 0, WATCH("7") },
	     { OPEN, -ECANCELED, ERROR("403", "Forbidden") }, { CUT, -ECANCELED, "" },
	     { WAIT, 1600, "" }, { ASK, 0, LIST("7") });
}

static void overload_event_leads_to_a_pause_and_the_same_watch(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, EVENT("ADDED", "b", "6") },
	     { MORE, -ECANCELED, ERROR("429", "TooManyRequests") }, { CUT, -ECANCELED, "" },
	     { WAIT, 800, "" }, { ASK, 0, WATCH("6") });
}

static void overload_at_the_opening_never_leads_to_a_list(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { ANSWER, 429, STATUS("429", "TooManyRequests", "x") },
	     { WAIT, 800, "" }, { ASK, 0, WATCH("5") }, { TYPE, 0, "text/plain" },
	     { ANSWER, 429, "Too many requests, please try again later." },
	     { WRONG, 0, "cannot watch pods: 429: Too many requests" }, { WAIT, 1600, "" },
	     { ASK, 0, WATCH("5") }, { ANSWER, 429, "" }, { WAIT, 3200, "" },
	     { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { WRONG, 0, "" });
}

static void refused_watch_is_told_and_leads_to_a_list(void **state)
{
	static const struct {
		int code;
		const char *body, *reason;
	} answers[] = {
		{ 400, STATUS("400", "BadRequest", "x"), "BadRequest" },
		{ 401, STATUS("401", "Unauthorized", "x"), "Unauthorized" },
		{ 403, STATUS("403", "Forbidden", "x"), "Forbidden" },
		{ 404, "404 page not found", "" },
		{ 410, STATUS("410", "Expired", "x"), "Expired" },
		{ 500, STATUS("500", "InternalError", "x"), "InternalError" },
		{ 503, "", "" },
		{ 504, STATUS("504", "Timeout", "Too large resource version"), "Timeout" },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(answers); i++)
		PLAY(SYNC, { ASK, 0, WATCH("5") }, { ANSWER, answers[i].code, answers[i].body },
		     { HOOK, answers[i].code, answers[i].reason }, { WAIT, 800, "" },
		     { ASK, 0, LIST("5") });
}

static void streams_that_are_no_watch_lead_to_a_list(void **state)
{
	static const char *const events[] = {
		"x",
		"[]",
		"{}",
		"{]}",
		"{'type':7,'object':{}}",
		"{'type':'ADDED'}",
		"{'type':'ADDED','object':null}",
		"{'type':'added','object':{}}",
		"{'type':'PATCHED','object':{}}",
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(events); i++)
		PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, -EBADMSG, events[i] },
		     { CUT, -EBADMSG, "" }, { WRONG, 0, "cannot watch pods: " }, { WAIT, 800, "" },
		     { ASK, 0, LIST("5") });
}

static void watch_in_a_foreign_encoding_is_told(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { TYPE, 0, "text/html" }, { ANSWER, 200, "<html>" },
	     { HOOK, 0, "" }, { WRONG, 0, "text/html" }, { WAIT, 800, "" }, { ASK, 0, LIST("5") });
}

static void absent_server_is_waited_for_without_a_list(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { CUT, -ECONNREFUSED, "127.0.0.1: refused" },
	     { WRONG, 0, "cannot watch pods: 127.0.0.1: refused" }, { WAIT, 800, "" },
	     { ASK, 0, WATCH("5") }, { CUT, -ECONNRESET, "" }, { WAIT, 1600, "" },
	     { ASK, 0, WATCH("5") }, { CUT, -ETIMEDOUT, "" }, { WAIT, 3200, "" },
	     { ASK, 0, WATCH("5") }, { CUT, -EHOSTUNREACH, "no route" }, { HOOK, 0, "" },
	     { WAIT, 6400, "" }, { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { WRONG, 0, "" });
}

static void internal_errors_are_retried_without_a_list_for_a_while(void **state)
{
	(void)state;
	play_with((struct pn_reflector_config) { .internal_error_retry = 2 * PN_NSEC_PER_SEC },
		  ROWS(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { PASS, 200, "" },
		       { MORE, -ECANCELED, ERROR("500", "InternalError") }, { CUT, -ECANCELED, "" },
		       { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { PASS, 1000, "" },
		       { MORE, -EBADMSG, "x" }, { CUT, -EBADMSG, "" }, { ASK, 0, WATCH("5") },
		       { OPEN, -ECANCELED, ERROR("500", "InternalError") }, { CUT, -ECANCELED, "" },
		       { WAIT, 100, "" }, { ASK, 0, WATCH("5") }, { OPEN, 0, "" },
		       { PASS, 901, "" }, { MORE, -ECANCELED, ERROR("500", "InternalError") },
		       { CUT, -ECANCELED, "" }, { WAIT, 800, "" }, { ASK, 0, LIST("5") },
		       { ANSWER, 200, LIST_OF("6", "") }, { ASK, 0, WATCH("6") }, { OPEN, 0, "" },
		       { PASS, 200, "" }, { MORE, -ECANCELED, ERROR("500", "InternalError") },
		       { CUT, -ECANCELED, "" }, { ASK, 0, WATCH("6") }));
}

static void internal_error_after_a_quiet_minute_is_the_first_one_again(void **state)
{
	(void)state;
	play_with((struct pn_reflector_config) { .internal_error_retry = 2 * PN_NSEC_PER_SEC },
		  ROWS(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { PASS, 200, "" },
		       { MORE, -ECANCELED, ERROR("500", "InternalError") }, { CUT, -ECANCELED, "" },
		       { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { PASS, 60000, "" },
		       { MORE, -ECANCELED, ERROR("500", "InternalError") }, { CUT, -ECANCELED, "" },
		       { ASK, 0, WATCH("5") }));
}

static void refusal_with_500_is_not_retried_as_an_internal_error(void **state)
{
	(void)state;
	play_with((struct pn_reflector_config) { .internal_error_retry = 2 * PN_NSEC_PER_SEC },
		  ROWS(SYNC, { ASK, 0, WATCH("5") },
		       { ANSWER, 500, STATUS("500", "InternalError", "x") },
		       { HOOK, 500, "InternalError" }, { WAIT, 800, "" }, { ASK, 0, LIST("5") }));
}

static void lack_of_memory_loses_no_change(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { FAIL, 2, "" },
	     { OPEN, -ENOMEM, EVENT("ADDED", "b", "6") EVENT("ADDED", "c", "7") },
	     { CUT, -ENOMEM, "" }, { SEEN, 0, "+b@6 " }, { VERSION, 0, "6" }, { WAIT, 800, "" },
	     { ASK, 0, WATCH("6") }, { BREAK, -EIO, "" }, { OPEN, -EIO, EVENT("ADDED", "c", "7") },
	     { CUT, -EIO, "" }, { VERSION, 0, "6" }, { WAIT, 1600, "" }, { ASK, 0, WATCH("6") });
}

static void what_may_have_changed_is_known_again_when_a_watch_has_caught_up(void **state)
{
	(void)state;
	PLAY({ PASS, 1000, "" }, { BEHIND, -1, "" }, SYNC, { BEHIND, 0, "" }, { PASS, 500, "" },
	     { ASK, 0, WATCH("5") }, { PASS, 500, "" }, { OPEN, 0, "" }, { PASS, 999, "" },
	     { BEHIND, 1999, "" }, { PASS, 1, "" }, { BEHIND, 0, "" }, { PASS, 60000, "" },
	     { BEHIND, 0, "" }, { END, 0, "" }, { BEHIND, 0, "" }, { ASK, 0, WATCH("5") },
	     { PASS, 300, "" }, { BEHIND, 300, "" }, { CUT, -ECONNREFUSED, "" }, { WAIT, 800, "" },
	     { BEHIND, 1100, "" }, { ASK, 0, WATCH("5") }, { OPEN, 0, EVENT("ADDED", "b", "6") },
	     { BEHIND, 1100, "" }, { PASS, 1000, "" }, { BEHIND, 0, "" }, { PASS, 2000, "" },
	     { CUT, -ECONNRESET, "" }, { BEHIND, 0, "" });
}

/* It may have gone right after its last word. */
static void silent_server_is_behind_since_its_last_word(void **state)
{
	(void)state;
	PLAY({ PASS, 1000, "" }, SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { PASS, 5000, "" },
	     { MORE, 0, BOOKMARK("6") }, { PASS, 330000, "" }, { CUT, -ETIMEDOUT, "silent" },
	     { BEHIND, 330000, "" });
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_then_watches),
		cmocka_unit_test(versions_are_taken_as_they_come),
		cmocka_unit_test(deletions_and_bookmarks_move_the_version),
		cmocka_unit_test(end_mark_in_a_plain_watch_is_a_bookmark),
		cmocka_unit_test(odd_watch_events_do_not_move_the_version),
		cmocka_unit_test(watch_from_zero_waits_for_a_version),
		cmocka_unit_test(list_without_a_version_is_watched_from_none),
		cmocka_unit_test(watch_that_ends_after_an_event_or_a_second_is_resumed_at_once),
		cmocka_unit_test(second_counts_from_the_request),
		cmocka_unit_test(watch_that_ends_too_soon_leads_to_a_pause_and_a_list),
		cmocka_unit_test(dropped_event_does_not_make_a_watch_a_long_one),
		cmocka_unit_test(object_cut_off_is_never_delivered),
		cmocka_unit_test(expired_watch_leads_to_a_list_at_the_last_version),
		cmocka_unit_test(error_event_leads_to_a_list_and_is_not_told),
		cmocka_unit_test(overload_event_leads_to_a_pause_and_the_same_watch),
		cmocka_unit_test(overload_at_the_opening_never_leads_to_a_list),
		cmocka_unit_test(refused_watch_is_told_and_leads_to_a_list),
		cmocka_unit_test(streams_that_are_no_watch_lead_to_a_list),
		cmocka_unit_test(watch_in_a_foreign_encoding_is_told),
		cmocka_unit_test(absent_server_is_waited_for_without_a_list),
		cmocka_unit_test(internal_errors_are_retried_without_a_list_for_a_while),
		cmocka_unit_test(internal_error_after_a_quiet_minute_is_the_first_one_again),
		cmocka_unit_test(refusal_with_500_is_not_retried_as_an_internal_error),
		cmocka_unit_test(lack_of_memory_loses_no_change),
		cmocka_unit_test(what_may_have_changed_is_known_again_when_a_watch_has_caught_up),
		cmocka_unit_test(silent_server_is_behind_since_its_last_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
