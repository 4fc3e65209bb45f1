/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviour, part 3: what is stored, how lists change it, and in which order it is told. What is
 * found in it: test_behaviour_indexes.
 *
 *	keys                                 key_is_namespace_and_name, key_of_cluster_scope_is_the_name
 *	order, no compression                every_event_is_told_in_order
 *	a list is one step                   list_is_applied_as_one_step
 *	- deletions, then list order         list_tells_deletions_first_then_its_own_order
 *	- tombstones                         tombstone_carries_the_last_known_object
 *	- unchanged objects                  list_of_unchanged_objects_says_nothing
 *	- re-created between two lists       recreated_object_is_one_update_with_a_new_uid
 *	- the same by a streaming list       streaming_list_is_applied_as_one_step
 *	ADDED, MODIFIED by the key           type_of_the_event_does_not_matter_but_the_key_does
 *	- DELETED of an unknown key          deletion_of_an_unknown_object_is_told_all_the_same
 *	initial                              adds_of_the_first_list_are_initial_and_no_others
 *	- an empty list                      empty_list_is_in_sync
 *	transform                            transform_runs_once_an_object, transform_errors_are_counted
 */
#include <jansson.h>
#include <stdio.h>

#include "tests/unit/kube/behaviour.h"

/* --- keys and order --- */

static void key_is_namespace_and_name(void **state)
{
	struct behaviour *b = *state;
	char buf[PN_KEY_LEN];

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "shop/web@1, default/web@2");
	log_is(b->h, "add shop/web@1 init, add default/web@2 init, synced");
	pn_read_begin();
	assert_string_equal(pn_object_key(pn_informer_get(b->inf, "shop/web"), buf), "shop/web");
	assert_null(pn_informer_get(b->inf, "web"));
	assert_null(pn_informer_get(b->inf, "shop/"));
	assert_null(pn_informer_get(b->inf, ""));
	pn_read_end();
	assert_int_equal(pn_informer_count(b->inf), 2);
}

static void key_of_cluster_scope_is_the_name(void **state)
{
	struct behaviour *b = *state;
	const struct pn_factory_options to_api = { .size = sizeof(to_api), .server = b->api.url };
	struct recorder *r;

	b->api.plural = "nodes";
	b->api.kind = "Node";
	b->api.is_cluster_scoped = true;
	assert_int_equal(pn_factory_new(&to_api, &b->factory, NULL), 0);
	b->inf = pn_factory_informer(b->factory, PN_KIND_NODE, NULL, NULL);
	r = record(b, b->inf, NULL);
	start(b);
	fetch_stream(b, "ADDED n1@1, BOOKMARK @2 end=true");
	log_is(r, "add n1@1 init, synced");
	store_is(b, "n1@1");
}

static void every_event_is_told_in_order(void **state)
{
	enum { N = 2000 };
	struct behaviour *b = *state;
	char *text = NULL, *at;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "a@5");
	log_is(b->h, "add default/a@5 init, synced");
	for (int i = 6; i < 6 + N; i++)
		(void)fprintf(out, "MODIFIED a@%d,", i);
	(void)fclose(out);
	api_send(&b->api, text);
	free(text);
	log_skip(b->h, 2 + N);
	for (size_t i = 0; i < N; i++) {
		at = strchr(b->h->log.text[2 + i], '@');
		assert_int_equal(atoi(at + 1), 5 + i);
		assert_int_equal(atoi(strchr(at, '>') + 1), 6 + i);
	}
}

/* --- lists --- */

/* What a handler sees in the store from within a call. */
struct looker {
	struct behaviour *b;
	unsigned int n_calls, n_old;
	bool has_seen_old_uid;
};

static void look_into_store(const void *handler, void *data, const struct pn_notice *n)
{
	struct looker *l = data;
	struct behaviour *b = l->b;
	char key[PN_KEY_LEN];

	(void)handler;
	if (n->type == PN_NOTICE_SYNCED)
		return;
	pn_read_begin();
	(void)pn_object_key(n->obj, key);
	if (n->type == PN_NOTICE_REMOVE)
		l->n_old += pn_informer_get(b->inf, key) != NULL;
	else
		l->n_old += pn_informer_get(b->inf, key) != n->obj;
	/* Of one list: all of it is there in the first call already. */
	if (strcmp(n->obj->resource_version, "1") != 0)
		l->n_old += pn_informer_get(b->inf, "default/new") == NULL;
	pn_read_end();
	if (n->type == PN_NOTICE_UPDATE && strcmp(n->old->uid, n->obj->uid) != 0)
		l->has_seen_old_uid = true;
	l->n_calls++;
}

static void list_is_applied_as_one_step(void **state)
{
	struct behaviour *b = *state;
	struct looker l = { .b = b };

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	assert_int_equal(pn_informer_add_handler(b->inf, look_into_store, NULL, &l, NULL, NULL), 0);
	start(b);
	fetch_list(b, "5", "gone@1, a@1");
	relist(b, "5", "9", "a@7, b@8, new@9");
	log_is(b->h, "add default/gone@1 init, add default/a@1 init, synced, "
		     "delete default/gone@1 tomb, update default/a@1->7, add default/b@8, "
		     "add default/new@9");
	pn_factory_stop(b->factory);
	until(status_of(b).is_stopped);
	assert_int_equal(l.n_calls, 6);
	assert_int_equal(l.n_old, 0);
}

static void list_tells_deletions_first_then_its_own_order(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	fetch_list(b, "5", "x@1, b@2, c@3");
	log_is(b->h, "add default/x@1 init, add default/b@2 init, add default/c@3 init, synced");
	relist(b, "5", "9", "z@8, c@7, a@6, b@9");
	log_is(b->h, "delete default/x@1 tomb, add default/z@8, update default/c@3->7, "
		     "add default/a@6, update default/b@2->9");
	store_is(b, "default/a@6, default/b@9, default/c@7, default/z@8");
}

static void on_tombstone(void *data, const struct pn_pod *last, bool is_stale)
{
	struct behaviour *b = data;

	assert_true(is_stale);
	assert_string_equal(last->node_name, "n1");
	assert_int_equal(last->n_addrs, 1);
	(void)pthread_mutex_lock(&b->lock);
	b->h->n_inside = 1000;
	(void)pthread_cond_broadcast(&b->changed);
	(void)pthread_mutex_unlock(&b->lock);
}

static void tombstone_carries_the_last_known_object(void **state)
{
	static const struct pn_pods_handler handler = { .remove = on_tombstone };
	struct behaviour *b = *state;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	assert_int_equal(pn_informer_add_handler(b->inf, pn_pods_call, &handler, b, NULL, NULL), 0);
	start(b);
	fetch_list(b, "5", "a@1 ip=10.0.0.1 node=n1");
	relist(b, "5", "6", "");
	log_is(b->h, "add default/a@1 init, synced, delete default/a@1 tomb");
	wait_inside(b->h, 1000);
}

static void list_of_unchanged_objects_says_nothing(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	fetch_list(b, "5", "a@1, b@2");
	relist(b, "5", "6", "b@2, a@1");
	api_send(&b->api, "ADDED c@7");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced, add default/c@7");
}

static void recreated_object_is_one_update_with_a_new_uid(void **state)
{
	struct behaviour *b = *state;
	struct looker l = { .b = b };

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	assert_int_equal(pn_informer_add_handler(b->inf, look_into_store, NULL, &l, NULL, NULL), 0);
	start(b);
	fetch_list(b, "5", "new@1 uid=one");
	relist(b, "5", "9", "new@8 uid=two");
	log_is(b->h, "add default/new@1 init, synced, update default/new@1->8");
	pn_factory_stop(b->factory);
	until(status_of(b).is_stopped);
	assert_true(l.has_seen_old_uid);
}

static void streaming_list_is_applied_as_one_step(void **state)
{
	struct behaviour *b = *state;

	begin(b, .backoff = SOON);
	fetch_stream(b, "ADDED x@1, ADDED b@2, BOOKMARK @5 end=true, ERROR 410 Expired");
	api_expect(&b->api, "WATCHLIST resourceVersion=5");
	store_is(b, "default/b@2, default/x@1");
	api_stream(&b->api);
	api_send(&b->api, "ADDED z@8, ADDED b@9");
	until(status_of(b).n_events >= 5);
	store_is(b, "default/b@2, default/x@1");
	api_send(&b->api, "BOOKMARK @9 end=true");
	log_is(b->h, "add default/x@1 init, add default/b@2 init, synced, "
		     "delete default/x@1 tomb, add default/z@8, update default/b@2->9");
	store_is(b, "default/b@9, default/z@8");
}

/* --- events --- */

static void type_of_the_event_does_not_matter_but_the_key_does(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "a@1");
	api_send(&b->api, "ADDED a@6, MODIFIED b@7");
	log_is(b->h, "add default/a@1 init, synced, update default/a@1->6, add default/b@7");
}

static void deletion_of_an_unknown_object_is_told_all_the_same(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "");
	api_send(&b->api, "DELETED never@6, ADDED a@7");
	log_is(b->h, "synced, delete default/never@6, add default/a@7");
}

static void adds_of_the_first_list_are_initial_and_no_others(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	fetch_list(b, "5", "a@1");
	api_send(&b->api, "ADDED b@6");
	log_is(b->h, "add default/a@1 init, synced, add default/b@6");
	relist(b, "6", "8", "a@1, b@6, c@7");
	log_is(b->h, "add default/c@7");
}

static void empty_list_is_in_sync(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_false(pn_informer_has_synced(b->inf));
	fetch_list(b, "5", "");
	assert_int_equal(pn_informer_wait_for_sync(b->inf, -1), 0);
	assert_int_equal(pn_factory_wait_for_sync(b->factory, -1), 0);
	assert_true(pn_informer_has_synced(b->inf));
	log_is(b->h, "synced");
	until(pn_registration_has_synced(b->h->registration));
}

/* --- transforms --- */

static int transform_once(void *data, json_t *object)
{
	json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
	const char *t = json_string_value(json_object_get(labels, "t"));

	(void)data;
	if (t && strcmp(t, "false") == 0)
		return -EALREADY;
	return json_object_set_new(labels, "t", json_string("false"));
}

static void begin_generic(struct behaviour *b, const struct pn_informer_options *options)
{
	const struct pn_factory_options to_api = { .size = sizeof(to_api), .server = b->api.url };
	const struct pn_resource widgets = { "example.com", "v1", "Widget", "widgets", false };
	const struct pn_informer_options o = with_hooks(b, options);

	b->api.plural = "widgets";
	b->api.kind = "Widget";
	b->api.group_version = "example.com/v1";
	assert_int_equal(pn_factory_new(&to_api, &b->factory, NULL), 0);
	b->inf = pn_factory_generic_informer(b->factory, &widgets, &o, NULL);
	assert_non_null(b->inf);
	b->h = record(b, b->inf, NULL);
	start(b);
}

static void widget_a_has(struct behaviour *b, const char *text)
{
	const struct pn_generic *widget;

	pn_read_begin();
	widget = pn_object_generic(pn_informer_get(b->inf, "default/a"));
	assert_non_null(widget);
	assert_int_equal(strlen(widget->json), widget->len);
	assert_non_null(strstr(widget->json, text));
	pn_read_end();
}

static void transform_runs_once_an_object(void **state)
{
	struct behaviour *b = *state;
	const struct pn_informer_options options = { .size = sizeof(options),
						     .list_mode = PN_LIST_PLAIN,
						     .backoff = SOON,
						     .resync_ms = 1000,
						     .transform = transform_once };

	begin_generic(b, &options);
	fetch_list(b, "5", "a@1 label.t=true");
	log_is(b->h, "add default/a@1 init, synced");
	widget_a_has(b, "\"t\":\"false\"");
	api_send(&b->api, "MODIFIED a@6 label.t=true, DELETED a@7 label.t=true");
	log_is(b->h, "update default/a@1->6, delete default/a@7");
	api_send(&b->api, "ADDED a@8 label.t=true");
	log_is(b->h, "add default/a@8, update default/a@8->8"); /* of the resync */
	relist(b, "8", "9", "");
	b->h->ignores_rest = true; /* more turns of the resync */
	until(pn_informer_count(b->inf) == 0);
	assert_int_equal(status_of(b).n_transform_errors, 0);
}

static void transform_errors_are_counted(void **state)
{
	struct behaviour *b = *state;
	const struct pn_informer_options options = { .size = sizeof(options),
						     .list_mode = PN_LIST_PLAIN,
						     .backoff = NEVER,
						     .transform = transform_once };

	begin_generic(b, &options);
	fetch_list(b, "5", "a@1 label.t=false, b@2 label.t=true");
	log_is(b->h, "add default/b@2 init, synced");
	assert_int_equal(status_of(b).n_transform_errors, 1);
	api_send(&b->api, "ADDED c@6 label.t=false, ADDED d@7 label.t=true");
	log_is(b->h, "add default/d@7");
	assert_int_equal(status_of(b).n_transform_errors, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		scenario(key_is_namespace_and_name),
		scenario(key_of_cluster_scope_is_the_name),
		scenario(every_event_is_told_in_order),
		scenario(list_is_applied_as_one_step),
		scenario(list_tells_deletions_first_then_its_own_order),
		scenario(tombstone_carries_the_last_known_object),
		scenario(list_of_unchanged_objects_says_nothing),
		scenario(recreated_object_is_one_update_with_a_new_uid),
		scenario(streaming_list_is_applied_as_one_step),
		scenario(type_of_the_event_does_not_matter_but_the_key_does),
		scenario(deletion_of_an_unknown_object_is_told_all_the_same),
		scenario(adds_of_the_first_list_are_initial_and_no_others),
		scenario(empty_list_is_in_sync),
		scenario(transform_runs_once_an_object),
		scenario(transform_errors_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
