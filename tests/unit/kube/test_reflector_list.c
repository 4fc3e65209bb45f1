/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists: versions, pages, and what is asked for when the server refuses.
 */
#include "reflector_play.h"

static void empty_list_is_complete(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("5", "") }, { SEEN, 0, "begin end " },
	     { ASK, 0, WATCH("5") });
	PLAY({ ASK, 0, LIST_0 },
	     { ANSWER, 200, "{'kind':'PodList','metadata':{'resourceVersion':'5'},'items':null}" },
	     { SEEN, 0, "begin end " }, { ASK, 0, WATCH("5") });
}

static void pages_are_one_list(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "x/+=", POD("a", "3")) },
	     { ASK, 0, PAGE("x%2F%2B%3D") }, { ANSWER, 200, PAGE_OF("6", "t2", POD("b", "4")) },
	     { ASK, 0, PAGE("t2") }, { SEEN, 0, "begin a@3 b@4 " },
	     { ANSWER, 200, PAGE_OF("7", "", POD("c", "4")) }, { SEEN, 0, "c@4 end " },
	     { VERSION, 0, "5" }, { ASK, 0, WATCH("5") });
}

static void page_that_leads_to_itself_is_refused(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "t", POD("a", "3")) },
	     { ASK, 0, PAGE("t") }, { ANSWER, 200, PAGE_OF("5", "t", POD("b", "3")) },
	     { HOOK, 0, "" }, { WRONG, 0, "a page of the list that leads to itself" },
	     { WAIT, 800, "" }, { ASK, 0, LIST_0 });
}

static void server_that_pages_at_zero_is_asked_for_pages(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "t", "") }, { ASK, 0, PAGE("t") },
	     { ANSWER, 200, PAGE_OF("5", "", "") }, { ASK, 0, WATCH("5") }, { OPEN, 0, "" },
	     { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
	     { WAIT, 800, "" }, { ASK, 0, PODS "?limit=500&resourceVersion=5" });
}

static void paged_list_that_fails_is_not_remembered(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "t", "") }, { ASK, 0, PAGE("t") },
	     { ANSWER, 500, "" }, { HOOK, 500, "" }, { WAIT, 800, "" }, { ASK, 0, LIST_0 },
	     { ANSWER, 200, LIST_OF("5", "") }, { ASK, 0, WATCH("5") }, { OPEN, 0, "" },
	     { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
	     { WAIT, 1600, "" }, { ASK, 0, LIST("5") });
}

static void pages_without_a_version_say_nothing_about_zero(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" },
	     { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
	     { WAIT, 800, "" }, { ASK, 0, LIST("5") },
	     { ANSWER, 410, STATUS("410", "Expired", "x") }, { ASK, 0, PODS },
	     { ANSWER, 200, PAGE_OF("7", "t", "") }, { ASK, 0, PODS "?continue=t" },
	     { ANSWER, 200, LIST_OF("7", "") }, { ASK, 0, WATCH("7") }, { OPEN, 0, "" },
	     { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
	     { WAIT, 1600, "" }, { ASK, 0, LIST("7") });
}

static void expired_page_leads_to_one_whole_list_at_the_version_first_asked_for(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "t", POD("a", "3")) },
	     { ASK, 0, PAGE("t") }, { ANSWER, 410, STATUS("410", "Expired", "too old") },
	     { SEEN, 0, "begin a@3 drop " }, { ASK, 0, LIST("0") },
	     { ANSWER, 200, LIST_OF("8", POD("a", "3")) }, { SEEN, 0, "begin a@3 end " },
	     { VERSION, 0, "8" }, { ASK, 0, WATCH("8") });
	play_with((struct pn_reflector_config) { .page_size = 2 },
		  ROWS({ ASK, 0, PODS "?limit=2&resourceVersion=0" },
		       { ANSWER, 200, LIST_OF("5", "") }, { ASK, 0, WATCH("5") }, { OPEN, 0, "" },
		       { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
		       { WAIT, 800, "" }, { ASK, 0, PODS "?limit=2&resourceVersion=5" },
		       { ANSWER, 200, PAGE_OF("6", "t", POD("a", "3")) },
		       { ASK, 0, PODS "?limit=2&continue=t" }, { ANSWER, 410, "" },
		       { ASK, 0, LIST("5") }));
}

static void expired_list_is_asked_for_without_a_version(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" },
	     { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
	     { WAIT, 800, "" }, { ASK, 0, LIST("5") },
	     { ANSWER, 410, STATUS("410", "Expired", "too old") }, { ASK, 0, PODS },
	     { ANSWER, 200, LIST_OF("9", POD("a", "3")) }, { SEEN, 0, "begin drop begin a@3 end " },
	     { VERSION, 0, "9" }, { ASK, 0, WATCH("9") });
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 410, STATUS("410", "Gone", "x") }, { ASK, 0, LIST_ANY });
}

static void version_from_the_future_is_forgotten(void **state)
{
	static const char causes[] = "{'kind':'Status','code':504,'reason':'Timeout','message':'x',"
				     "'details':{'causes':[{'reason':'ResourceVersionTooLarge'}]}}";

	static const char messages[] =
		"{'kind':'Status','code':504,'reason':'Timeout','message':'x',"
		"'details':{'causes':[{'message':'Too large resource version'}]}}";

	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 504, causes }, { ASK, 0, LIST_ANY });
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 504, messages }, { ASK, 0, LIST_ANY });
	PLAY({ ASK, 0, LIST_0 },
	     { ANSWER, 504, STATUS("504", "Timeout", "Too large resource version: 9, current: 3") },
	     { ASK, 0, LIST_ANY });
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 504, STATUS("504", "Timeout", "slow") },
	     { HOOK, 504, "Timeout" }, { WAIT, 800, "" }, { ASK, 0, LIST_0 });
}

static void version_from_the_future_is_forgotten_even_if_a_pause_is_asked_for(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { RETRY, 1, "" },
	     { ANSWER, 504, STATUS("504", "Timeout", "Too large resource version: 9") },
	     { ASK, 0, LIST_ANY });
}

static void refusal_of_every_version_is_a_failure(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 410, STATUS("410", "Expired", "x") },
	     { ASK, 0, LIST_ANY }, { ANSWER, 410, STATUS("410", "Expired", "x") },
	     { HOOK, 410, "Expired" }, { WRONG, 0, "cannot list pods: 410 Expired: x" },
	     { WAIT, 800, "" }, { ASK, 0, LIST_ANY }, { ANSWER, 200, PAGE_OF("5", "t", "") },
	     { ASK, 0, PAGE("t") }, { ANSWER, 410, "" }, { ASK, 0, PODS }, { ANSWER, 410, "" },
	     { HOOK, 410, "" }, { WAIT, 1600, "" }, { ASK, 0, LIST_ANY });
}

static void every_way_back_from_expiry_ends(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "t", "") }, { ASK, 0, PAGE("t") },
	     { ANSWER, 410, "" }, { ASK, 0, LIST("0") }, { ANSWER, 410, "" }, { ASK, 0, LIST_ANY },
	     { ANSWER, 200, PAGE_OF("5", "t", "") }, { ASK, 0, PAGE("t") }, { ANSWER, 410, "" },
	     { ASK, 0, PODS }, { ANSWER, 410, "" }, { HOOK, 410, "" }, { WAIT, 800, "" });
}

static void list_cut_off_is_never_delivered(void **state)
{
	static const char list[] = LIST_OF("5", POD("a", "3"));
	char part[sizeof(list)];

	(void)state;
	for (size_t n = 0; n < strlen(list); n++) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, list);
		PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, part }, { HOOK, 0, "" },
		     { WRONG, 0, "cannot list pods: invalid JSON" }, { VERSION, 0, "" },
		     { WAIT, 800, "" }, { ASK, 0, LIST_0 }, { ANSWER, 200, list },
		     { VERSION, 0, "5" });
		PLAY({ ASK, 0, LIST_0 }, { OPEN, 0, part }, { CUT, -ECONNRESET, "cut" },
		     { HOOK, 0, "" }, { WRONG, 0, "cannot list pods: cut" }, { VERSION, 0, "" },
		     { WAIT, 800, "" }, { ASK, 0, LIST_0 });
	}
}

static void answers_that_are_no_list_are_refused(void **state)
{
	static const char *const bodies[] = {
		"",
		"null",
		"[]",
		"{}",
		"{'kind':'PodList','metadata':{'resourceVersion':5},'items':[]}",
		"{'kind':'PodList','metadata':7,'items':[]}",
		"{'kind':'PodList','metadata':{'resourceVersion':'5'},'items':{}}",
		"{'kind':'NodeList','metadata':{'resourceVersion':'5'},'items':[]}",
		"{'metadata':{'resourceVersion':'5'},'items':[]}",
		"{'kind':'PodList','metadata':{'resourceVersion':'5'},'items':[]}{}",
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(bodies); i++)
		PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, bodies[i] }, { HOOK, 0, "" },
		     { WRONG, 0, "cannot list pods: " }, { WAIT, 800, "" }, { ASK, 0, LIST_0 });
	PLAY({ ASK, 0, LIST_0 }, { TYPE, 0, "text/html" }, { ANSWER, 200, "<html>" },
	     { HOOK, 0, "" }, { WRONG, 0, "an answer in text/html instead of JSON" },
	     { WAIT, 800, "" });
	PLAY({ ASK, 0, LIST_0 }, { TYPE, 0, "" }, { ANSWER, 200, "" }, { HOOK, 0, "" },
	     { WRONG, 0, "no content type" }, { WAIT, 800, "" });
}

static void objects_that_make_no_sense_are_left_out(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 },
	     { ANSWER, 200,
	       LIST_OF("5", POD("a", "3") ",{'metadata':{'namespace':'n','name':'b'},'spec':7},"
					  "{'kind':'Node','metadata':{'name':'c'}},{x},"
					  "{'metadata':{}}," POD("d", "4")) },
	     { SEEN, 0,
	       "begin a@3 refused:n/b: spec: not an object refused:c: kind: not a Pod "
	       "refused:invalid JSON at byte 2 of an object: string or '}' expected near 'x' "
	       "refused:(no name): name: missing d@4 end " },
	     { ASK, 0, WATCH("5") });
}

static void lack_of_memory_in_a_list_leads_to_another(void **state)
{
	(void)state;
	PLAY({ FAIL, 1, "" }, { WAIT, 800, "" }, { HOOK, 0, "" }, { ASK, 0, LIST_0 },
	     { FAIL, 1, "" }, { ANSWER, 200, LIST_OF("5", POD("a", "3")) }, { HOOK, 0, "" },
	     { WRONG, 0, "cannot list pods: Cannot allocate memory" }, { SEEN, 0, "begin drop " },
	     { WAIT, 1600, "" }, SYNC);
}

static void stop_in_the_middle_of_a_list_is_no_failure_to_tell(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { BREAK, -ECANCELED, "" },
	     { ANSWER, 200, LIST_OF("5", POD("a", "3")) }, { SEEN, 0, "begin drop " });
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_list_is_complete),
		cmocka_unit_test(pages_are_one_list),
		cmocka_unit_test(page_that_leads_to_itself_is_refused),
		cmocka_unit_test(server_that_pages_at_zero_is_asked_for_pages),
		cmocka_unit_test(paged_list_that_fails_is_not_remembered),
		cmocka_unit_test(pages_without_a_version_say_nothing_about_zero),
		cmocka_unit_test(
			expired_page_leads_to_one_whole_list_at_the_version_first_asked_for),
		cmocka_unit_test(expired_list_is_asked_for_without_a_version),
		cmocka_unit_test(version_from_the_future_is_forgotten),
		cmocka_unit_test(version_from_the_future_is_forgotten_even_if_a_pause_is_asked_for),
		cmocka_unit_test(refusal_of_every_version_is_a_failure),
		cmocka_unit_test(every_way_back_from_expiry_ends),
		cmocka_unit_test(list_cut_off_is_never_delivered),
		cmocka_unit_test(answers_that_are_no_list_are_refused),
		cmocka_unit_test(objects_that_make_no_sense_are_left_out),
		cmocka_unit_test(lack_of_memory_in_a_list_leads_to_another),
		cmocka_unit_test(stop_in_the_middle_of_a_list_is_no_failure_to_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
