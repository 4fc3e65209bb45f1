/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming lists: what is collected, when it counts, and the way back to plain lists.
 */
#include "reflector_play.h"

/* The beginning of most scripts: a streaming list of one pod at version 5. */
#define SYNC_STREAM                                                                     \
	{ ASK, 0, STREAM_ANY }, { OPEN, 0, EVENT("ADDED", "a", "3") INITIAL_END("5") }, \
	{                                                                               \
		SEEN, 0, "begin a@3 end "                                               \
	}

static void one_request_gives_the_list_and_the_changes(void **state)
{
	(void)state;
	PLAY_STREAM({ ASK, 0, STREAM_ANY },
		    { OPEN, 0, EVENT("ADDED", "a", "3") EVENT("ADDED", "b", "9") },
		    { SEEN, 0, "begin a@3 b@9 " }, { VERSION, 0, "" },
		    { MORE, 0, INITIAL_END("5") }, { SEEN, 0, "end " }, { VERSION, 0, "5" },
		    { WRONG, 0, "" },
		    { MORE, 0, EVENT("MODIFIED", "a", "6") EVENT("ADDED", "c", "7") },
		    { SEEN, 0, "~a@6 +c@7 " }, { VERSION, 0, "7" }, { END, 0, "" },
		    { ASK, 0, WATCH("7") });
}

static void only_the_end_mark_ends_the_list(void **state)
{
	(void)state;
	PLAY_STREAM({ ASK, 0, STREAM_ANY }, { OPEN, 0, EVENT("ADDED", "a", "3") BOOKMARK("4") },
		    { MORE, 0,
		      "{'type':'BOOKMARK','object':{'kind':'Pod','metadata':{'resourceVersion':'4',"
		      "'annotations':{'k8s.io/initial-events-end':'false'}}}}" },
		    { SEEN, 0, "begin a@3 " }, { VERSION, 0, "" }, { MORE, 0, INITIAL_END("5") },
		    { SEEN, 0, "end " }, { VERSION, 0, "5" });
}

static void changes_before_the_end_mark_are_part_of_the_list(void **state)
{
	(void)state;
	PLAY_STREAM({ ASK, 0, STREAM_ANY },
		    { OPEN, 0,
		      EVENT("ADDED", "a", "3") EVENT("ADDED", "b", "4") EVENT("MODIFIED", "a", "5")
			      EVENT("DELETED", "b", "6") },
		    { SEEN, 0, "begin a@3 b@4 a@5 not:b " }, { MORE, 0, INITIAL_END("7") },
		    { SEEN, 0, "end " }, { MORE, 0, EVENT("DELETED", "a", "8") },
		    { SEEN, 0, "-a@8 " });
}

static void empty_stream_with_an_end_mark_is_a_list(void **state)
{
	(void)state;
	PLAY_STREAM({ ASK, 0, STREAM_ANY }, { OPEN, 0, INITIAL_END("5") },
		    { SEEN, 0, "begin end " }, { VERSION, 0, "5" });
}

static void next_cycle_streams_from_the_last_version(void **state)
{
	(void)state;
	PLAY_STREAM(SYNC_STREAM, { MORE, 0, EVENT("ADDED", "b", "6") },
		    { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
		    { WAIT, 800, "" }, { ASK, 0, STREAM("6") },
		    { OPEN, 0, EVENT("ADDED", "a", "3") INITIAL_END("8") }, { VERSION, 0, "8" });
}

static void stream_that_ends_right_after_the_end_mark_was_a_short_watch(void **state)
{
	(void)state;
	PLAY_STREAM(SYNC_STREAM, { END, 0, "" }, { WAIT, 800, "" }, { ASK, 0, STREAM("5") });
	PLAY_STREAM(SYNC_STREAM, { PASS, 1000, "" }, { END, 0, "" }, { ASK, 0, WATCH("5") });
	PLAY_STREAM(SYNC_STREAM, { MORE, 0, BOOKMARK("6") }, { CUT, -ECONNRESET, "" },
		    { ASK, 0, WATCH("6") });
}

static void overload_and_absence_lead_to_a_pause_and_the_same_stream(void **state)
{
	(void)state;
	PLAY_STREAM({ ASK, 0, STREAM_ANY }, { CUT, -ECONNREFUSED, "refused" },
		    { WRONG, 0, "cannot list pods: refused" }, { WAIT, 800, "" },
		    { ASK, 0, STREAM_ANY }, { ANSWER, 429, "Too many requests" },
		    { WAIT, 1600, "" }, { ASK, 0, STREAM_ANY }, { CUT, -ECONNRESET, "" },
		    { WAIT, 3200, "" }, { ASK, 0, STREAM_ANY },
		    { OPEN, -ECANCELED, EVENT("ADDED", "a", "3") ERROR("429", "TooManyRequests") },
		    { CUT, -ECANCELED, "" },
		    { SEEN, 0, "begin drop begin drop begin drop begin a@3 drop " },
		    { WAIT, 6400, "" }, SYNC_STREAM);
}

static void unusable_version_is_left_out_at_once(void **state)
{
	(void)state;
	PLAY_STREAM(SYNC_STREAM, { END, 0, "" }, { WAIT, 800, "" }, { ASK, 0, STREAM("5") },
		    { ANSWER, 410, STATUS("410", "Expired", "x") }, { ASK, 0, STREAM_ANY },
		    { OPEN, 0, INITIAL_END("9") }, { VERSION, 0, "9" }, { END, 0, "" },
		    { WAIT, 1600, "" }, { ASK, 0, STREAM("9") },
		    { OPEN, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
		    { ASK, 0, STREAM_ANY }, { OPEN, 0, INITIAL_END("10") }, { END, 0, "" },
		    { WAIT, 3200, "" }, { ASK, 0, STREAM("10") },
		    { ANSWER, 504, STATUS("504", "Timeout", "Too large resource version: 10") },
		    { ASK, 0, STREAM_ANY }, { OPEN, 0, INITIAL_END("2") }, { VERSION, 0, "2" });
}

static void expiry_of_every_version_leads_to_a_list(void **state)
{
	(void)state;
	PLAY_STREAM({ ASK, 0, STREAM_ANY }, { ANSWER, 410, STATUS("410", "Expired", "x") },
		    { ASK, 0, STREAM_ANY }, { ANSWER, 410, STATUS("410", "Expired", "x") },
		    { ASK, 0, LIST_ANY }, { ANSWER, 200, LIST_OF("5", "") },
		    { ASK, 0, WATCH("5") });
}

static void stream_that_ends_early_begins_clean_and_at_once(void **state)
{
	(void)state;
	PLAY_STREAM({ ASK, 0, STREAM_ANY }, { OPEN, 0, EVENT("ADDED", "a", "3") },
		    { CUT, -ECONNRESET, "" }, { SEEN, 0, "begin a@3 drop " },
		    { ASK, 0, STREAM_ANY }, { OPEN, 0, "" }, { PASS, 1000, "" }, { END, 0, "" },
		    { SEEN, 0, "begin drop " }, { ASK, 0, STREAM_ANY },
		    { OPEN, 0, EVENT("ADDED", "b", "4") INITIAL_END("5") },
		    { SEEN, 0, "begin b@4 end " }, { WRONG, 0, "" });
}

static void streams_that_keep_ending_early_lead_to_a_list(void **state)
{
	static const char event[] = EVENT("ADDED", "a", "3");

	(void)state;
	PLAY_STREAM({ ASK, 0, STREAM_ANY }, { ANSWER, 200, event }, { ASK, 0, STREAM_ANY },
		    { ANSWER, 200, event }, { ASK, 0, STREAM_ANY }, { ANSWER, 200, event },
		    { ASK, 0, STREAM_ANY }, { ANSWER, 200, event }, { ASK, 0, STREAM_ANY },
		    { ANSWER, 200, event }, { ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("5", "") },
		    { ASK, 0, WATCH("5") }, { ANSWER, 200, ERROR("410", "Expired") },
		    { WAIT, 800, "" }, { ASK, 0, STREAM("5") }, { ANSWER, 200, event },
		    { ASK, 0, STREAM("5") });
}

static void any_other_end_leads_to_a_list_for_this_cycle(void **state)
{
	static const struct {
		int code;
		const char *body;
	} answers[] = {
		{ 422, STATUS("422", "Invalid", "sendInitialEvents is forbidden") },
		{ 400, STATUS("400", "BadRequest", "x") },
		{ 403, STATUS("403", "Forbidden", "x") },
		{ 404, "404 page not found" },
		{ 500, STATUS("500", "InternalError", "x") },
		{ 503, "" },
		{ 200, "" },
		{ 200, "x" },
		{ 200, ERROR("500", "InternalError") },
		{ 200, "{'type':'PATCHED','object':{}}" },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(answers); i++)
		PLAY_STREAM({ ASK, 0, STREAM_ANY }, { ANSWER, answers[i].code, answers[i].body },
			    { SEEN, 0, "begin drop " }, { WRONG, 0, "" }, { ASK, 0, LIST_0 },
			    { ANSWER, 200, LIST_OF("5", "") }, { ASK, 0, WATCH("5") },
			    { OPEN, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
			    { WAIT, 800, "" }, { ASK, 0, STREAM("5") });
}

static void failed_list_after_a_stream_is_told_and_the_next_cycle_streams(void **state)
{
	(void)state;
	PLAY_STREAM({ ASK, 0, STREAM_ANY }, { ANSWER, 403, STATUS("403", "Forbidden", "x") },
		    { ASK, 0, LIST_0 }, { ANSWER, 403, STATUS("403", "Forbidden", "x") },
		    { HOOK, 403, "Forbidden" }, { WAIT, 800, "" }, { ASK, 0, STREAM_ANY },
		    { CUT, -EHOSTUNREACH, "no route" }, { ASK, 0, LIST_0 },
		    { CUT, -EHOSTUNREACH, "no route" }, { HOOK, 0, "" }, { WAIT, 1600, "" },
		    { ASK, 0, STREAM_ANY });
}

static void missing_end_mark_is_told_once_after_ten_seconds(void **state)
{
	(void)state;
	PLAY_STREAM({ LATE, -1, "" }, { ASK, 0, STREAM_ANY }, { PASS, 1000, "" },
		    { OPEN, 0, EVENT("ADDED", "a", "3") }, { SEEN, 0, "begin a@3 " },
		    { LATE, 9000, "" }, { SEEN, 0, "late " }, { LATE, -1, "" }, { SEEN, 0, "" },
		    { CUT, -ECONNRESET, "" }, { LATE, -1, "" }, { ASK, 0, STREAM_ANY },
		    { LATE, 10000, "" }, { SEEN, 0, "drop begin late " },
		    { OPEN, 0, INITIAL_END("5") }, { LATE, -1, "" });
	PLAY_STREAM(SYNC_STREAM, { LATE, -1, "" }, { SEEN, 0, "" });
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { LATE, -1, "" });
}

static void stream_cut_at_any_byte_shows_nothing(void **state)
{
	static const char stream[] = EVENT("ADDED", "a", "3") INITIAL_END("5");
	char part[sizeof(stream)];

	(void)state;
	for (size_t n = strlen(EVENT("ADDED", "a", "3")); n < strlen(stream) - 1; n++) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, stream);
		PLAY_STREAM({ ASK, 0, STREAM_ANY }, { OPEN, 0, part }, { CUT, -ECONNRESET, "" },
			    { SEEN, 0, "begin a@3 drop " }, { VERSION, 0, "" },
			    { ASK, 0, STREAM_ANY }, { OPEN, 0, stream }, { VERSION, 0, "5" });
	}
}

static void lack_of_memory_leads_to_another_stream(void **state)
{
	(void)state;
	PLAY_STREAM({ FAIL, 1, "" }, { WAIT, 800, "" }, { HOOK, 0, "" }, { ASK, 0, STREAM_ANY },
		    { FAIL, 1, "" }, { OPEN, -ENOMEM, EVENT("ADDED", "a", "3") },
		    { CUT, -ENOMEM, "" }, { HOOK, 0, "" }, { SEEN, 0, "begin drop " },
		    { WAIT, 1600, "" }, SYNC_STREAM);
}

static void stream_is_behind_until_its_list_is_complete(void **state)
{
	(void)state;
	PLAY_STREAM({ PASS, 1000, "" }, { ASK, 0, STREAM_ANY }, { PASS, 300, "" },
		    { OPEN, 0, EVENT("ADDED", "a", "3") }, { PASS, 5000, "" }, { BEHIND, -1, "" },
		    { MORE, 0, INITIAL_END("5") }, { BEHIND, 5300, "" }, { PASS, 1000, "" },
		    { BEHIND, 0, "" });
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_request_gives_the_list_and_the_changes),
		cmocka_unit_test(only_the_end_mark_ends_the_list),
		cmocka_unit_test(changes_before_the_end_mark_are_part_of_the_list),
		cmocka_unit_test(empty_stream_with_an_end_mark_is_a_list),
		cmocka_unit_test(next_cycle_streams_from_the_last_version),
		cmocka_unit_test(stream_that_ends_right_after_the_end_mark_was_a_short_watch),
		cmocka_unit_test(overload_and_absence_lead_to_a_pause_and_the_same_stream),
		cmocka_unit_test(unusable_version_is_left_out_at_once),
		cmocka_unit_test(expiry_of_every_version_leads_to_a_list),
		cmocka_unit_test(stream_that_ends_early_begins_clean_and_at_once),
		cmocka_unit_test(streams_that_keep_ending_early_lead_to_a_list),
		cmocka_unit_test(any_other_end_leads_to_a_list_for_this_cycle),
		cmocka_unit_test(failed_list_after_a_stream_is_told_and_the_next_cycle_streams),
		cmocka_unit_test(missing_end_mark_is_told_once_after_ten_seconds),
		cmocka_unit_test(stream_cut_at_any_byte_shows_nothing),
		cmocka_unit_test(lack_of_memory_leads_to_another_stream),
		cmocka_unit_test(stream_is_behind_until_its_list_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
