/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pauses, requests that are made again, and who hears of failures.
 */
#include "base/metric.h"
#include "reflector_play.h"

static void pauses_grow_to_30_s_and_start_anew_after_two_quiet_minutes(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" }, { WAIT, 800, "" },
	     { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" }, { WAIT, 1600, "" },
	     { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" }, { WAIT, 3200, "" },
	     { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" }, { WAIT, 6400, "" },
	     { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" }, { WAIT, 12800, "" },
	     { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" }, { WAIT, 25600, "" },
	     { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" }, { WAIT, 30000, "" },
	     { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" }, { WAIT, 30000, "" },
	     { ASK, 0, LIST_0 }, { PASS, 121000, "" }, { CUT, -EIO, "" }, { HOOK, 0, "" },
	     { WAIT, 800, "" });
}

static void pauses_are_drawn_from_d_to_twice_d(void **state)
{
	(void)state;
	PLAY({ CHANCE, INT32_MIN, "" }, { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" },
	     { WAIT, 1200, "" }, { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { HOOK, 0, "" },
	     { WAIT, 2400, "" }, { CHANCE, -1, "" }, { ASK, 0, LIST_0 }, { CUT, -EIO, "" },
	     { HOOK, 0, "" }, { WAIT, 6399, "" });
}

static void configured_pauses_are_kept_to(void **state)
{
	(void)state;
	play_with((struct pn_reflector_config) { .backoff = { .initial = 40 * PN_NSEC_PER_MSEC,
							      .cap = 400 * PN_NSEC_PER_MSEC,
							      .reset_after = PN_NSEC_PER_SEC,
							      .factor = 3,
							      .no_jitter = true } },
		  ROWS({ CHANCE, -1, "" }, { ASK, 0, LIST_0 }, { ANSWER, 500, "" },
		       { HOOK, 500, "" }, { WAIT, 40, "" }, { ASK, 0, LIST_0 }, { ANSWER, 500, "" },
		       { HOOK, 500, "" }, { WAIT, 120, "" }, { ASK, 0, LIST_0 },
		       { ANSWER, 500, "" }, { HOOK, 500, "" }, { WAIT, 360, "" },
		       { ASK, 0, LIST_0 }, { ANSWER, 500, "" }, { HOOK, 500, "" },
		       { WAIT, 400, "" }, { ASK, 0, LIST_0 }, { PASS, 1001, "" },
		       { ANSWER, 500, "" }, { HOOK, 500, "" }, { WAIT, 40, "" }));
}

static void request_is_made_again_when_the_server_asks_for_it(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "t", POD("a", "3")) },
	     { ASK, 0, PAGE("t") }, { RETRY, 3, "" }, { ANSWER, 429, "Too many requests\n" },
	     { WRONG, 0, "cannot list pods: 429: Too many requests" }, { WAIT, 3000, "" },
	     { ASK, 0, PAGE("t") }, { RETRY, 1, "" }, { ANSWER, 503, "" }, { WAIT, 1000, "" },
	     { ASK, 0, PAGE("t") }, { ANSWER, 200, PAGE_OF("5", "", POD("b", "3")) },
	     { SEEN, 0, "begin a@3 b@3 end " }, { ASK, 0, WATCH("5") }, { RETRY, 3600, "" },
	     { ANSWER, 429, "" }, { WAIT, 30000, "" }, { ASK, 0, WATCH("5") }, { RETRY, 2, "" },
	     { ANSWER, 500, STATUS("500", "InternalError", "x") }, { WAIT, 2000, "" },
	     { ASK, 0, WATCH("5") }, { RETRY, 0, "" }, { ANSWER, 429, "" }, { WAIT, 800, "" },
	     { ASK, 0, WATCH("5") }, { OPEN, 0, "" });
	PLAY_STREAM({ ASK, 0, STREAM_ANY }, { RETRY, 1, "" }, { ANSWER, 503, "" },
		    { WAIT, 1000, "" }, { ASK, 0, STREAM_ANY });
}

static void only_overload_and_server_errors_may_ask_for_a_pause(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { RETRY, 5, "" }, { ANSWER, 403, "" }, { HOOK, 403, "" },
	     { WAIT, 5000, "" });
}

static void request_is_not_made_again_for_ever(void **state)
{
	(void)state;
#define AGAIN { ASK, 0, LIST_0 }, { RETRY, 1, "" }, { ANSWER, 503, "" }, { WAIT, 1000, "" }
	PLAY(AGAIN, AGAIN, AGAIN, AGAIN, AGAIN, AGAIN, AGAIN, AGAIN, AGAIN, AGAIN,
	     { ASK, 0, LIST_0 }, { RETRY, 1, "" }, { ANSWER, 503, "" }, { HOOK, 503, "" },
	     { WAIT, 1000, "" }, AGAIN);
#undef AGAIN
}

static void list_is_asked_for_again_when_the_connection_is_reset_before_the_answer(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { CUT, -ECONNRESET, "reset" },
	     { WRONG, 0, "cannot list pods: reset" }, { WAIT, 1000, "" }, SYNC);
}

static void failed_lists_are_told(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { CUT, -ECONNREFUSED, "refused" }, { HOOK, 0, "" },
	     { WAIT, 800, "" }, { ASK, 0, LIST_0 }, { ANSWER, 429, "" }, { HOOK, 429, "" },
	     { WAIT, 1600, "" }, { ASK, 0, LIST_0 }, { OPEN, 0, "" },
	     { CUT, -ETIMEDOUT, "silent for 60 s" }, { HOOK, 0, "" }, { WAIT, 3200, "" },
	     { ASK, 0, LIST_0 });
}

static void refusals_say_what_to_do(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 401, STATUS("401", "Unauthorized", "Unauthorized") },
	     { HOOK, 401, "Unauthorized" },
	     { WRONG, 0, "401 Unauthorized: Unauthorized; the token is expired or not accepted" },
	     { WAIT, 800, "" }, { ASK, 0, LIST_0 },
	     { ANSWER, 403, STATUS("403", "Forbidden", "User x may not") },
	     { HOOK, 403, "Forbidden" }, { WRONG, 0, "ClusterRole must allow list and watch" },
	     { WAIT, 1600, "" }, { ASK, 0, LIST_0 }, { ANSWER, 404, "<html>\x1b[31m\nno\n" },
	     { HOOK, 404, "" },
	     { WRONG, 0, "404: <html> [31m no; is this the address of an API server" },
	     { WAIT, 3200, "" }, { ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("5", "") },
	     { ASK, 0, WATCH("5") }, { ANSWER, 403, STATUS("403", "Forbidden", "cannot watch") },
	     { HOOK, 403, "Forbidden" },
	     { WRONG, 0, "cannot watch pods: 403 Forbidden: cannot watch" }, { WAIT, 6400, "" },
	     { ASK, 0, LIST("5") });
}

static void an_optional_kind_may_be_absent(void **state)
{
	const struct pn_reflector_config optional = { .is_optional = true };
	uint64_t n_failures = pn_metric_get(PN_METRIC_KUBE_FAILURES);

	(void)state;
	play_with(optional,
		  ROWS({ ASK, 0, LIST_0 }, { ANSWER, 404, "404 page not found" }, { HOOK, 404, "" },
		       { WRONG, 0, "cannot list pods: the server has none" }, { WAIT, 800, "" },
		       { ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("5", "") },
		       { ASK, 0, WATCH("5") }));
	assert_int_equal(pn_metric_get(PN_METRIC_KUBE_FAILURES), n_failures);
	play_with(optional, ROWS({ ASK, 0, LIST_0 }, { ANSWER, 403, "" }, { HOOK, 403, "" },
				 { WAIT, 800, "" }));
	assert_int_equal(pn_metric_get(PN_METRIC_KUBE_FAILURES), n_failures + 1);
}

static void endless_error_text_is_cut(void **state)
{
	static char text[70 << 10];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 500, text }, { HOOK, 500, "" }, { WRONG, 0, "500: xxx" },
	     { WAIT, 800, "" });
}

static void server_that_is_back_is_asked_within_a_second(void **state)
{
	(void)state;
	PLAY(SYNC, { BACK, false, "" }, { ASK, 0, WATCH("5") }, { CUT, -ECONNREFUSED, "" },
	     { WAIT, 800, "" }, { ASK, 0, WATCH("5") }, { CUT, -ECONNREFUSED, "" },
	     { CHANCE, INT32_MIN, "" }, { BACK, true, "" }, { CHANCE, 0, "" }, { BACK, false, "" },
	     { WAIT, 500, "" }, { ASK, 0, WATCH("5") }, { ANSWER, 503, "" }, { HOOK, 503, "" },
	     { CHANCE, INT32_MIN, "" }, { BACK, true, "" }, { WAIT, 500, "" },
	     { ASK, 0, LIST("5") }, { CUT, -ECONNREFUSED, "" }, { HOOK, 0, "" }, { WAIT, 1200, "" },
	     { ASK, 0, LIST("5") });
}

static void server_that_is_back_changes_nothing_about_other_pauses(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { ANSWER, 429, "" }, { BACK, false, "" },
	     { WAIT, 800, "" }, { ASK, 0, WATCH("5") }, { RETRY, 5, "" }, { ANSWER, 503, "" },
	     { BACK, false, "" }, { WAIT, 5000, "" }, { ASK, 0, WATCH("5") }, { ANSWER, 403, "" },
	     { HOOK, 403, "" }, { BACK, false, "" }, { WAIT, 1600, "" }, { ASK, 0, LIST("5") },
	     { CUT, -ECONNREFUSED, "" }, { HOOK, 0, "" }, { PASS, 3100, "" },
	     { CHANCE, INT32_MIN, "" }, { BACK, false, "" }, { WAIT, 100, "" });
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_grow_to_30_s_and_start_anew_after_two_quiet_minutes),
		cmocka_unit_test(pauses_are_drawn_from_d_to_twice_d),
		cmocka_unit_test(configured_pauses_are_kept_to),
		cmocka_unit_test(request_is_made_again_when_the_server_asks_for_it),
		cmocka_unit_test(only_overload_and_server_errors_may_ask_for_a_pause),
		cmocka_unit_test(request_is_not_made_again_for_ever),
		cmocka_unit_test(
			list_is_asked_for_again_when_the_connection_is_reset_before_the_answer),
		cmocka_unit_test(failed_lists_are_told),
		cmocka_unit_test(refusals_say_what_to_do),
		cmocka_unit_test(an_optional_kind_may_be_absent),
		cmocka_unit_test(endless_error_text_is_cut),
		cmocka_unit_test(server_that_is_back_is_asked_within_a_second),
		cmocka_unit_test(server_that_is_back_changes_nothing_about_other_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
