/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked for, letter by letter, and the figures that are kept.
 */
#include "reflector_play.h"

static void page_size_and_selectors_are_asked_for(void **state)
{
	(void)state;
	play_with((struct pn_reflector_config) { .page_size = 20,
						 .field_selector = "spec.nodeName=a b",
						 .label_selector = "app in (x,y)" },
		  ROWS({ ASK, 0,
			 PODS
			 "?fieldSelector=spec.nodeName%3Da%20b&labelSelector=app%20in%20%28x%2Cy%29"
			 "&limit=20&resourceVersion=0" },
		       { ANSWER, 200, PAGE_OF("5", "t", "") },
		       { ASK, 0,
			 PODS
			 "?fieldSelector=spec.nodeName%3Da%20b&labelSelector=app%20in%20%28x%2Cy%29"
			 "&limit=20&continue=t" },
		       { ANSWER, 200, PAGE_OF("5", "", "") },
		       { ASK, 0,
			 PODS
			 "?fieldSelector=spec.nodeName%3Da%20b&labelSelector=app%20in%20%28x%2Cy%29"
			 "&watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds="
			 "300" }));
	play_with((struct pn_reflector_config) { .label_selector = "a=b", .streaming = true },
		  ROWS({ ASK, 0,
			 PODS "?labelSelector=a%3Db&watch=true&sendInitialEvents=true"
			      "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
			      "&timeoutSeconds=300" }));
}

static void namespace_is_part_of_the_path(void **state)
{
	(void)state;
	play_with((struct pn_reflector_config) { .name_space = "kube-system" },
		  ROWS({ ASK, 0,
			 "/api/v1/namespaces/kube-system/pods?limit=500&resourceVersion=0" }));
	play_with((struct pn_reflector_config) { .name_space = "a b?&#" },
		  ROWS({ ASK, 0,
			 "/api/v1/namespaces/a%20b%3F%26%23/pods?limit=500&resourceVersion=0" }));
	play_with((struct pn_reflector_config) { .name_space = "" }, ROWS({ ASK, 0, LIST_0 }));
	play_with((struct pn_reflector_config) { .name_space = "x",
						 .wire.kind = pn_kind_get(PN_KIND_NODE) },
		  ROWS({ ASK, 0, "/api/v1/nodes?limit=500&resourceVersion=0" }));
}

static void namespace_and_selectors_have_to_fit_into_a_path(void **state)
{
	static const char *const bad[] = { ".", "..", "a/b", "a%2Fb", "/" };
	static char longer[33 << 10];
	struct pn_reflector_config c = { .wire.kind = pn_kind_get(PN_KIND_POD),
					 .clock = &pn_clock_system,
					 .ops = &play_ops };
	struct pn_reflector *r;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(bad); i++) {
		c.name_space = bad[i];
		assert_int_equal(pn_reflector_new(&c, &r), -EINVAL);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	c.name_space = NULL;
	c.label_selector = longer;
	assert_int_equal(pn_reflector_new(&c, &r), -EINVAL);
}

static void group_and_version_are_part_of_the_path(void **state)
{
	static const struct pn_kind widget = { .id = PN_KIND_GENERIC,
					       .group = "example.org",
					       .version = "v1beta1",
					       .kind = "Widget",
					       .plural = "widgets",
					       .is_namespaced = true };

	(void)state;
	play_with((struct pn_reflector_config) { .wire.kind = &widget, .name_space = "n" },
		  ROWS({ ASK, 0,
			 "/apis/example.org/v1beta1/namespaces/n/widgets"
			 "?limit=500&resourceVersion=0" }));
}

static void watch_timeouts_are_drawn_from_the_minimum_to_its_double(void **state)
{
#define TIMEOUT(s) PODS "?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=" s
	(void)state;
	PLAY(SYNC, { CHANCE, 300, "" }, { ASK, 0, TIMEOUT("600") }, { ANSWER, 200, BOOKMARK("5") },
	     { CHANCE, 301, "" }, { ASK, 0, TIMEOUT("300") }, { ANSWER, 200, BOOKMARK("5") },
	     { CHANCE, 17, "" }, { ASK, 0, TIMEOUT("317") });
	play_with((struct pn_reflector_config) { .min_watch_timeout_s = 1 },
		  ROWS(SYNC, { ASK, 0, TIMEOUT("300") }));
	play_with((struct pn_reflector_config) { .min_watch_timeout_s = 1000 },
		  ROWS(SYNC, { CHANCE, 1000, "" }, { ASK, 0, TIMEOUT("2000") }));
	play_with((struct pn_reflector_config) { .min_watch_timeout_s = UINT32_MAX },
		  ROWS(SYNC, { ASK, 0, TIMEOUT("604800") }));
#undef TIMEOUT
}

static void metadata_is_asked_for_where_it_is_enough(void **state)
{
	static const char item[] =
		"{'kind':'PartialObjectMetadata','metadata':{'name':'a','resourceVersion':'3'}}";
	char list[512], event[512];

	(void)state;
	(void)snprintf(list, sizeof(list),
		       "{'kind':'PartialObjectMetadataList','metadata':{'resourceVersion':'5'},"
		       "'items':[%s]}",
		       item);
	(void)snprintf(event, sizeof(event), "{'type':'MODIFIED','object':%s}", item);
	play_with((struct pn_reflector_config) { .wire.kind = pn_kind_get(PN_KIND_REPLICASET) },
		  ROWS({ ASK, 0, "/apis/apps/v1/replicasets?limit=500&resourceVersion=0" },
		       { ANSWER, 200, list }, { SEEN, 0, "begin a@3 end " },
		       { ASK, 0,
			 "/apis/apps/v1/replicasets?watch=true&allowWatchBookmarks=true&"
			 "resourceVersion=5&timeoutSeconds=300" },
		       { OPEN, 0, event }, { SEEN, 0, "~a@3 " }));
}

static void figures_are_kept(void **state)
{
	struct pn_reflector_status st;
	struct world w = { .now = 1000,
			   .seen = PN_BUF_INIT(1 << 20),
			   .hooks = PN_BUF_INIT(1 << 20) };
	struct pn_clock clock = { .now = world_now, .random = world_random, .data = &w };
	struct pn_reflector_config c = {
		.wire.kind = pn_kind_get(PN_KIND_POD), .clock = &clock, .ops = &play_ops, .data = &w
	};

	(void)state;
	w.type = "application/json";
	w.retry_after_s = -1;
	assert_int_equal(pn_reflector_new(&c, &w.reflector), 0);
	check_ask(&w, LIST_0);
	w.now += 7;
	answer(&w, 200, LIST_OF("5", POD("a", "3")));
	check_ask(&w, WATCH("5"));
	answer(&w, 200,
	       EVENT("ADDED", "b", "6") BOOKMARK("7") "{'type':'ADDED','object':{'kind':'X'}}");
	check_ask(&w, WATCH("7"));
	answer(&w, 200, "");
	pn_reflector_status(w.reflector, &st);
	assert_int_equal(st.n_lists, 1);
	assert_int_equal(st.list_time, 7);
	assert_int_equal(st.n_watches, 2);
	assert_int_equal(st.n_short_watches, 1);
	assert_int_equal(st.n_events, 2);
	assert_int_equal(st.n_refused, 1);
	assert_int_equal(st.n_failures, 1);
	assert_int_equal(st.last_contact, 1007);
	pn_reflector_free(w.reflector);
	pn_buf_done(&w.seen);
	pn_buf_done(&w.hooks);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_size_and_selectors_are_asked_for),
		cmocka_unit_test(namespace_is_part_of_the_path),
		cmocka_unit_test(namespace_and_selectors_have_to_fit_into_a_path),
		cmocka_unit_test(group_and_version_are_part_of_the_path),
		cmocka_unit_test(watch_timeouts_are_drawn_from_the_minimum_to_its_double),
		cmocka_unit_test(metadata_is_asked_for_where_it_is_enough),
		cmocka_unit_test(figures_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
