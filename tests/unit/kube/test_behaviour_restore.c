/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviour, part 7: informers that begin with objects from before instead of a list. The objects come
 * from an informer of an earlier factory, as after a restart. Where something has to follow at once the
 * back-off is so long that the test would fail by waiting.
 */
#include "tests/unit/kube/behaviour.h"

/* What a program may keep when it stops. */
struct kept {
	const struct pn_object *objects[8];
	size_t n;
	char version[128];
};

static struct kept keep(struct behaviour *b)
{
	const struct pn_object *obj;
	struct pn_iter it;
	struct kept k = { .n = 0 };

	pn_read_begin();
	pn_informer_each(b->inf, &it);
	while ((obj = pn_iter_next(&it)))
		k.objects[k.n++] = pn_object_ref(obj);
	pn_read_end();
	strcpy(k.version, status_of(b).watch_version);
	return k;
}

static void let_kept_go(struct kept *k)
{
	for (size_t i = 0; i < k->n; i++)
		pn_object_unref(k->objects[i]);
}

/* The first life: pods a@3 and b@4 at version 5. */
static struct kept first_life(struct behaviour *b)
{
	struct kept k;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "a@3, b@4");
	log_is(b->h, "add default/a@3 init, add default/b@4 init, synced");
	k = keep(b);
	pn_registration_free(b->h->registration);
	b->h->registration = NULL;
	pn_factory_free(b->factory);
	b->factory = NULL;
	b->inf = NULL;
	return k;
}

/* The second one. */
#define begin_again(b, ...)                                                                       \
	do {                                                                                      \
		struct kept kept_ = first_life(b);                                                \
		prepare((b), __VA_ARGS__);                                                        \
		assert_int_equal(                                                                 \
			pn_informer_restore((b)->inf, kept_.objects, kept_.n, kept_.version), 0); \
		let_kept_go(&kept_);                                                              \
		assert_true(pn_informer_has_synced((b)->inf));                                    \
		start(b);                                                                         \
		log_is_any_order((b)->h, "add default/a@3 init, add default/b@4 init, synced");   \
	} while (0)

static void restored_informer_watches_and_does_not_list(void **state)
{
	struct behaviour *b = *state;

	begin_again(b, .list_mode = PN_LIST_STREAMING, .backoff = NEVER);
	assert_int_equal(pn_factory_wait_for_sync(b->factory, 0), 0);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	store_is(b, "default/a@3, default/b@4");
	api_send(&b->api, "MODIFIED a@6, DELETED b@7, ADDED c@8");
	log_is(b->h, "update default/a@3->6, delete default/b@7, add default/c@8");
	store_is(b, "default/a@6, default/c@8");
	assert_int_equal(status_of(b).n_lists, 0);
	assert_int_equal(status_of(b).n_watches, 1);
}

static void bookmark_moves_the_restored_version(void **state)
{
	struct behaviour *b = *state;

	begin_again(b, .list_mode = PN_LIST_STREAMING, .backoff = NEVER);
	assert_string_equal(status_of(b).watch_version, "5");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "BOOKMARK @9");
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=9");
	api_stream(&b->api);
}

/* What the list changes is told as after any later list: a is as it was, b is gone, c is new. */
static void list_replaces(struct behaviour *b)
{
	api_list(&b->api, "20", "a@3, c@18");
	log_is(b->h, "delete default/b@4 tomb, add default/c@18");
	api_expect(&b->api, "WATCH resourceVersion=20");
	api_stream(&b->api);
	store_is(b, "default/a@3, default/c@18");
}

static void forgotten_version_is_listed_at_once(void **state)
{
	struct behaviour *b = *state;

	begin_again(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ERROR 410 Expired");
	api_expect(&b->api, "LIST resourceVersion=5");
	list_replaces(b);
	assert_int_equal(status_of(b).n_failures, 0);
}

static void gone_as_an_answer_is_listed_at_once(void **state)
{
	struct behaviour *b = *state;

	begin_again(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_status(&b->api, 410, "Gone", "too old", NULL, NULL);
	api_expect(&b->api, "LIST resourceVersion=5");
	list_replaces(b);
}

static void forgotten_version_leads_to_a_streaming_list(void **state)
{
	struct behaviour *b = *state;

	begin_again(b, .list_mode = PN_LIST_STREAMING, .backoff = NEVER);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ERROR 410 Expired");
	api_expect(&b->api, "WATCHLIST resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ADDED a@17, BOOKMARK @20 end=true, ADDED c@21");
	log_is(b->h, "delete default/b@4 tomb, update default/a@3->17, add default/c@21");
}

static void version_that_is_none_is_listed_from_nothing(void **state)
{
	struct behaviour *b = *state;

	begin_again(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_status(&b->api, 400, "BadRequest", "invalid resource version", NULL, NULL);
	api_expect(&b->api, "LIST resourceVersion=0");
	list_replaces(b);
}

static void server_in_trouble_is_asked_for_the_same_again(void **state)
{
	struct behaviour *b = *state;

	begin_again(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_status(&b->api, 500, "InternalError", "etcd is slow", NULL, NULL);
	errors_are(b, "500 InternalError");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_end(&b->api, API_EOF); /* at once, without an event */
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ERROR 500 InternalError");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "MODIFIED a@6");
	log_is(b->h, "update default/a@3->6");
	assert_int_equal(status_of(b).n_lists, 0);
}

static void server_that_goes_on_refusing_is_listed(void **state)
{
	struct behaviour *b = *state;
	unsigned int n = 0;

	begin_again(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	for (api_take(&b->api); api_is(&b->api, "WATCH resourceVersion=5"); api_take(&b->api)) {
		api_status(&b->api, 503, "ServiceUnavailable", "not now", NULL, NULL);
		assert_true(++n < 10);
	}
	assert_true(n > 1);
	assert_true(api_is(&b->api, "LIST resourceVersion=5"));
	list_replaces(b);
	errors_skip(b);
}

/* The version holds once something was heard from there: what comes later follows the usual rules. */
static void later_refusals_are_as_any_other(void **state)
{
	struct behaviour *b = *state;

	begin_again(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "BOOKMARK @9");
	api_end(&b->api, API_EOF);
	api_expect(&b->api, "WATCH resourceVersion=9");
	api_status(&b->api, 500, "InternalError", "etcd is slow", NULL, NULL);
	api_expect(&b->api, "LIST resourceVersion=9");
	list_replaces(b);
	errors_are(b, "500 InternalError");
}

/* With an older version the server says again what is known already. */
static void repeated_events_end_in_the_right_state(void **state)
{
	struct behaviour *b = *state;
	struct kept k = first_life(b);

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_restore(b->inf, k.objects, k.n, "2"), 0);
	let_kept_go(&k);
	start(b);
	api_expect(&b->api, "WATCH resourceVersion=2");
	api_stream(&b->api);
	api_send(&b->api, "ADDED a@3, ADDED gone@3, DELETED gone@4, ADDED b@4, ADDED c@6");
	log_is_any_order(b->h, "add default/a@3 init, add default/b@4 init, synced");
	log_is(b->h, "add default/gone@3, delete default/gone@4, add default/c@6");
	store_is(b, "default/a@3, default/b@4, default/c@6");
}

static void handler_that_comes_later_is_told_as_well(void **state)
{
	struct behaviour *b = *state;
	struct recorder *late;

	begin_again(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	late = record(b, b->inf, NULL);
	log_is_any_order(late, "add default/a@3 init, add default/b@4 init, synced");
}

static void nothing_can_be_restored_too(void **state)
{
	struct behaviour *b = *state;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_restore(b->inf, NULL, 0, "5"), 0);
	start(b);
	log_is(b->h, "synced");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
}

static void restoring_is_refused_where_it_makes_no_sense(void **state)
{
	struct behaviour *b = *state;
	struct kept k = first_life(b);
	struct pn_informer *services;
	char text[200];

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(pn_informer_restore(b->inf, k.objects, k.n, ""), -EINVAL);
	assert_int_equal(pn_informer_restore(b->inf, k.objects, k.n, "0"), -EINVAL);
	assert_int_equal(pn_informer_restore(b->inf, k.objects, k.n, text), -EINVAL);
	services = pn_factory_informer(b->factory, PN_KIND_SERVICE, NULL, NULL);
	assert_int_equal(pn_informer_restore(services, k.objects, k.n, "5"), -EINVAL);
	assert_false(pn_informer_has_synced(b->inf));
	assert_int_equal(pn_informer_restore(b->inf, k.objects, k.n, "5"), 0);
	assert_int_equal(pn_informer_restore(b->inf, k.objects, k.n, "5"), -EBUSY);
	assert_int_equal(pn_informer_start(services), 0);
	assert_int_equal(pn_informer_restore(services, NULL, 0, "5"), -EBUSY);
	pn_factory_stop(b->factory);
	assert_int_equal(pn_informer_restore(services, NULL, 0, "5"), -ECANCELED);
	let_kept_go(&k);
	b->ignores_rest = b->h->ignores_rest = true;
}

/* A store that is never used. */
static void store_of_ones_own_is_not_restored(void **state)
{
	static const struct pn_store_ops ops = { .put = NULL };
	const struct pn_informer_options options = { .size = sizeof(options), .store = &ops };
	struct behaviour *b = *state;
	const struct pn_factory_options to_api = { .size = sizeof(to_api), .server = b->api.url };
	struct pn_informer *inf;

	assert_int_equal(pn_factory_new(&to_api, &b->factory, NULL), 0);
	inf = pn_factory_informer(b->factory, PN_KIND_POD, &options, NULL);
	assert_int_equal(pn_informer_restore(inf, NULL, 0, "5"), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(restored_informer_watches_and_does_not_list),
		scenario(bookmark_moves_the_restored_version),
		scenario(forgotten_version_is_listed_at_once),
		scenario(gone_as_an_answer_is_listed_at_once),
		scenario(forgotten_version_leads_to_a_streaming_list),
		scenario(version_that_is_none_is_listed_from_nothing),
		scenario(server_in_trouble_is_asked_for_the_same_again),
		scenario(server_that_goes_on_refusing_is_listed),
		scenario(later_refusals_are_as_any_other),
		scenario(repeated_events_end_in_the_right_state),
		scenario(handler_that_comes_later_is_told_as_well),
		scenario(nothing_can_be_restored_too),
		scenario(restoring_is_refused_where_it_makes_no_sense),
		scenario(store_of_ones_own_is_not_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
