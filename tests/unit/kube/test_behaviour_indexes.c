/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviour, part 8: what is found in a store by its indexes and the typed functions, and stores that
 * the user brings.
 *
 *	indexes                              index_has_no_one_or_many_values
 *	- any time                           index_added_late_indexes_what_is_stored
 *	- errors                             index_of_a_used_name_is_refused, unknown_index_is_an_error
 *	- emptied values                     emptied_values_are_dropped
 *	- the ready-made ones                ready_made_indexes_find
 *	- like an object                     index_like_finds_what_shares_a_value
 *	- shared addresses, moved ones       address_finds_all_that_have_it_now
 *	- by a list                          list_moves_index_entries
 *	typed access                         typed_functions_need_no_casts
 *	custom store                         custom_store_is_used_in_place_of_the_own
 *	- that fails                         custom_store_that_refuses_is_asked_again
 */
#include <stdio.h>

#include "tests/unit/kube/behaviour.h"

/* --- indexes --- */

static void add_letters(const void *data, const struct pn_object *obj, struct pn_values *values)
{
	char letter[2] = "";

	(void)data;
	for (const char *c = obj->name; *c; c++) {
		letter[0] = *c;
		if (*c != '-')
			pn_values_add(values, letter);
	}
}

static const struct pn_indexer letters = { .name = "letters", .fn = add_letters };

static bool count_value(void *data, const char *text)
{
	(void)text;
	++*(unsigned int *)data;
	return true;
}

static unsigned int n_values(struct behaviour *b, const char *index)
{
	unsigned int n = 0;

	pn_read_begin();
	assert_int_equal(pn_informer_index_values(b->inf, index, count_value, &n), 0);
	pn_read_end();
	return n;
}

static void index_has_no_one_or_many_values(void **state)
{
	struct behaviour *b = *state;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_add_index(b->inf, &letters), 0);
	start(b);
	fetch_list(b, "5", "ab@1, -@2, bb@3, c@4");
	store_is(b, "default/-@2, default/ab@1, default/bb@3, default/c@4");
	index_is(b, "letters", "a", "default/ab");
	index_is(b, "letters", "b", "default/ab, default/bb");
	index_is(b, "letters", "-", "");
	assert_int_equal(n_values(b, "letters"), 3);
	b->h->ignores_rest = true;
}

static void index_added_late_indexes_what_is_stored(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "ab@1, b@2");
	log_is(b->h, "add default/ab@1 init, add default/b@2 init, synced");
	assert_int_equal(pn_informer_add_index(b->inf, &letters), 0);
	index_is(b, "letters", "b", "default/ab, default/b");
	api_send(&b->api, "ADDED bc@6, DELETED ab@7");
	log_is(b->h, "add default/bc@6, delete default/ab@7");
	index_is(b, "letters", "b", "default/b, default/bc");
}

static void index_of_a_used_name_is_refused(void **state)
{
	struct behaviour *b = *state;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_add_index(b->inf, &letters), 0);
	assert_int_equal(pn_informer_add_index(b->inf, &letters), -EEXIST);
	fetch_list(b, "5", "a@1");
	log_is(b->h, "add default/a@1 init, synced");
	assert_int_equal(pn_informer_add_index(b->inf, &letters), -EEXIST);
	pn_informer_stop(b->inf);
	assert_int_equal(pn_informer_add_index(b->inf, &pn_indexer_ip), -ECANCELED);
}

static void unknown_index_is_an_error(void **state)
{
	struct behaviour *b = *state;
	struct pn_iter it;
	struct pn_addr addr = { { 0 } };
	unsigned int n = 0;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_add_index(b->inf, &letters), 0);
	pn_read_begin();
	assert_int_equal(pn_informer_by_index(b->inf, "none", "a", &it), -ENOENT);
	assert_null(pn_iter_next(&it));
	assert_int_equal(pn_informer_by_addr(b->inf, "none", &addr, &it), -ENOENT);
	assert_null(pn_iter_next(&it));
	assert_int_equal(pn_informer_by_addr(b->inf, "letters", &addr, &it), -ENOENT);
	assert_int_equal(pn_informer_index_values(b->inf, "none", count_value, &n), -ENOENT);
	assert_int_equal(n, 0);
	pn_read_end();
}

static void emptied_values_are_dropped(void **state)
{
	struct behaviour *b = *state;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	assert_int_equal(pn_informer_add_index(b->inf, &letters), 0);
	start(b);
	fetch_list(b, "5", "a@1, b@2, c@3");
	until(n_values(b, "letters") == 3);
	api_send(&b->api, "DELETED a@6");
	until(n_values(b, "letters") == 2);
	index_is(b, "letters", "a", "");
	relist(b, "6", "7", "c@3");
	until(n_values(b, "letters") == 1);
	b->h->ignores_rest = true;
}

static void ready_made_indexes_find(void **state)
{
	struct behaviour *b = *state;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_add_index(b->inf, &pn_indexer_ip), 0);
	assert_int_equal(pn_informer_add_index(b->inf, &pn_indexer_namespace), 0);
	assert_int_equal(pn_informer_add_index(b->inf, &pn_indexer_node), 0);
	start(b);
	fetch_list(b, "5", "a@1 ip=10.0.0.1 ip=fd00::1 node=n1, shop/b@2 ip=10.0.0.2 node=n1");
	index_is(b, pn_indexer_ip.name, "10.0.0.1", "default/a");
	index_is(b, pn_indexer_ip.name, "fd00:0::1", "default/a");
	index_is(b, pn_indexer_ip.name, "10.0.0.9", "");
	index_is(b, pn_indexer_ip.name, "no address", "");
	index_is(b, pn_indexer_namespace.name, "shop", "shop/b");
	index_is(b, pn_indexer_node.name, "n1", "default/a, shop/b");
	assert_int_equal(n_values(b, pn_indexer_ip.name), 3);
	b->h->ignores_rest = true;
}

static bool count_object(void *data, const struct pn_object *obj)
{
	(void)obj;
	return ++*(unsigned int *)data < 3;
}

static void index_like_finds_what_shares_a_value(void **state)
{
	struct behaviour *b = *state;
	unsigned int n = 0;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_add_index(b->inf, &letters), 0);
	start(b);
	fetch_list(b, "5", "ab@1, ba@2, c@3");
	log_is(b->h, "add default/ab@1 init, add default/ba@2 init, add default/c@3 init, synced");
	pn_read_begin();
	assert_int_equal(pn_informer_index_like(b->inf, "letters",
						pn_informer_get(b->inf, "default/ab"), count_object,
						&n),
			 0);
	assert_int_equal(n, 2); /* each once, although they share two values */
	assert_int_equal(pn_informer_index_like(b->inf, "none",
						pn_informer_get(b->inf, "default/ab"), count_object,
						&n),
			 -ENOENT);
	pn_read_end();
}

static void address_finds_all_that_have_it_now(void **state)
{
	struct behaviour *b = *state;
	const char *ip = pn_indexer_ip.name;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_informer_add_index(b->inf, &pn_indexer_ip), 0);
	start(b);
	fetch_list(b, "5", "late@1, h1@2 ip=192.0.2.10 host=true, h2@3 ip=192.0.2.10 host=true");
	index_is(b, ip, "192.0.2.10", "default/h1, default/h2");
	index_is(b, ip, "10.0.0.5", "");
	api_send(&b->api, "MODIFIED late@6 ip=10.0.0.5 ip=fd00::5");
	index_is(b, ip, "10.0.0.5", "default/late");
	index_is(b, ip, "fd00::5", "default/late");
	api_send(&b->api, "DELETED late@7 ip=10.0.0.5 ip=fd00::5, ADDED heir@8 ip=10.0.0.5, "
			  "DELETED h1@9 ip=192.0.2.10");
	index_is(b, ip, "10.0.0.5", "default/heir");
	index_is(b, ip, "fd00::5", "");
	index_is(b, ip, "192.0.2.10", "default/h2");
	b->h->ignores_rest = true;
}

static void list_moves_index_entries(void **state)
{
	struct behaviour *b = *state;
	const char *ip = pn_indexer_ip.name;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON);
	assert_int_equal(pn_informer_add_index(b->inf, &pn_indexer_ip), 0);
	start(b);
	fetch_list(b, "5", "a@1 ip=10.0.0.1, b@2 ip=10.0.0.2");
	relist(b, "5", "9", "b@8 ip=10.0.0.1, c@9 ip=10.0.0.3");
	index_is(b, ip, "10.0.0.1", "default/b");
	index_is(b, ip, "10.0.0.2", "");
	index_is(b, ip, "10.0.0.3", "default/c");
	assert_int_equal(n_values(b, ip), 2);
	b->h->ignores_rest = true;
}

/* --- typed --- */

static void index_names(const struct pn_pod *pod, struct pn_values *values)
{
	pn_values_add(values, pod->meta.name);
}

static void typed_functions_need_no_casts(void **state)
{
	static const struct pn_pods_indexer by_name = { "name", index_names };
	struct behaviour *b = *state;
	struct pn_pods_iter it;
	struct pn_pods *pods;
	const struct pn_pod *pod;
	struct pn_addr addr;

	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	pods = pn_factory_pods(b->factory, NULL, NULL);
	assert_ptr_equal(pn_pods_informer(pods), b->inf);
	assert_int_equal(pn_pods_add_ip_index(pods), 0);
	assert_int_equal(pn_pods_add_index(pods, &by_name), 0);
	start(b);
	fetch_list(b, "5", "a@1 ip=10.0.0.1 node=n1");
	log_is(b->h, "add default/a@1 init, synced");
	pn_read_begin();
	assert_string_equal(pn_pods_get(pods, "default/a")->node_name, "n1");
	assert_int_equal(pn_pods_by_ip(pods, "10.0.0.1", &it), 0);
	pod = pn_pods_next(&it);
	assert_string_equal(pod->meta.name, "a");
	assert_null(pn_pods_next(&it));
	assert_int_equal(pn_addr_parse("10.0.0.1", &addr), 0);
	assert_int_equal(pn_pods_by_addr(pods, &addr, &it), 0);
	assert_ptr_equal(pn_pods_next(&it), pod);
	assert_int_equal(pn_pods_by_index(pods, "name", "a", &it), 0);
	assert_ptr_equal(pn_pods_next(&it), pod);
	pn_pods_each(pods, &it);
	assert_ptr_equal(pn_pods_next(&it), pod);
	assert_null(pn_pods_next(&it));
	pn_read_end();
}

/* --- custom store: a few objects in the order of their arrival --- */

struct few {
	const struct pn_object *kept[16], *staged[16];
	size_t n_kept, n_staged;
	unsigned int n_refusals;
};

static size_t find(const struct pn_object *const *objs, size_t n, const struct pn_object *like)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(objs[i]->name, like->name) == 0)
			break;
	return i;
}

static int few_put(void *store, const struct pn_object *obj, const struct pn_object **ret_old)
{
	struct few *s = store;
	size_t i = find(s->kept, s->n_kept, obj);

	if (s->n_refusals) {
		s->n_refusals--;
		return -ENOMEM;
	}
	*ret_old = i < s->n_kept ? s->kept[i] : NULL;
	if (i == s->n_kept)
		s->n_kept++;
	s->kept[i] = pn_object_ref(obj);
	return 0;
}

static int few_remove(void *store, const struct pn_object *like, const struct pn_object **ret_old)
{
	struct few *s = store;
	size_t i = find(s->kept, s->n_kept, like);

	*ret_old = i < s->n_kept ? s->kept[i] : NULL;
	if (i < s->n_kept)
		s->kept[i] = s->kept[--s->n_kept];
	return 0;
}

static void few_unstage(void *store)
{
	struct few *s = store;

	while (s->n_staged)
		pn_object_unref(s->staged[--s->n_staged]);
}

static int few_stage_begin(void *store)
{
	few_unstage(store);
	return 0;
}

static int few_stage(void *store, const struct pn_object *obj)
{
	struct few *s = store;

	s->staged[s->n_staged++] = pn_object_ref(obj);
	return 0;
}

static int few_stage_remove(void *store, const struct pn_object *like)
{
	struct few *s = store;
	size_t i = find(s->staged, s->n_staged, like);

	if (i == s->n_staged)
		return 0;
	pn_object_unref(s->staged[i]);
	s->staged[i] = s->staged[--s->n_staged];
	return 0;
}

static void few_commit(void *store, const struct pn_store_diff *diff, void *data)
{
	struct few *s = store, old = *s;
	bool goes_on = true;

	memcpy(s->kept, s->staged, sizeof(s->kept));
	s->n_kept = s->n_staged;
	s->n_staged = 0;
	for (size_t i = 0; i < old.n_kept && goes_on; i++)
		if (find(s->kept, s->n_kept, old.kept[i]) == s->n_kept)
			goes_on = diff->remove(data, old.kept[i]);
	for (size_t i = 0; i < s->n_kept && goes_on; i++) {
		size_t at = find(old.kept, old.n_kept, s->kept[i]);

		if (at == old.n_kept)
			goes_on = diff->put(data, NULL, s->kept[i]);
		else if (strcmp(old.kept[at]->resource_version, s->kept[i]->resource_version) != 0)
			goes_on = diff->put(data, old.kept[at], s->kept[i]);
	}
	while (old.n_kept)
		pn_object_unref(old.kept[--old.n_kept]);
}

static void few_each(void *store, bool (*visit)(void *data, const struct pn_object *obj),
		     void *data)
{
	struct few *s = store;

	for (size_t i = 0; i < s->n_kept && visit(data, s->kept[i]);)
		i++;
}

static size_t few_count(void *store)
{
	return ((struct few *)store)->n_kept;
}

static const struct pn_store_ops few_ops = {
	few_put,     few_remove, few_stage_begin, few_stage, few_stage_remove,
	few_unstage, few_commit, few_each,	  few_count,
};

static void custom_store_is_used_in_place_of_the_own(void **state)
{
	struct behaviour *b = *state;
	static struct few few;
	struct recorder *late;

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON, .store = &few_ops,
	      .store_data = &few);
	assert_int_equal(pn_informer_add_index(b->inf, &letters), -ENOTSUP);
	fetch_list(b, "5", "a@1, b@2");
	log_is(b->h, "add default/a@1 init, add default/b@2 init, synced");
	api_send(&b->api, "MODIFIED a@6, DELETED b@7, ADDED c@8");
	log_is(b->h, "update default/a@1->6, delete default/b@7, add default/c@8");
	relist(b, "8", "9", "a@6, d@9");
	log_is(b->h, "delete default/c@8 tomb, add default/d@9");
	late = record(b, b->inf, NULL);
	log_is(late, "add default/a@6 init, add default/d@9 init, synced");
	assert_int_equal(pn_informer_count(b->inf), 2);
	pn_factory_stop(b->factory);
	until(status_of(b).is_stopped);
	while (few.n_kept)
		pn_object_unref(few.kept[--few.n_kept]);
	few_unstage(&few);
}

static void custom_store_that_refuses_is_asked_again(void **state)
{
	struct behaviour *b = *state;
	static struct few few = { .n_refusals = 1 };

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = SOON, .store = &few_ops,
	      .store_data = &few);
	fetch_list(b, "5", "");
	api_send(&b->api, "ADDED a@6");
	api_expect(&b->api, "WATCH resourceVersion=5");
	api_stream(&b->api);
	api_send(&b->api, "ADDED a@6");
	log_is(b->h, "synced, add default/a@6");
	pn_factory_stop(b->factory);
	until(status_of(b).is_stopped);
	while (few.n_kept)
		pn_object_unref(few.kept[--few.n_kept]);
	errors_skip(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		scenario(index_has_no_one_or_many_values),
		scenario(index_added_late_indexes_what_is_stored),
		scenario(index_of_a_used_name_is_refused),
		scenario(unknown_index_is_an_error),
		scenario(emptied_values_are_dropped),
		scenario(ready_made_indexes_find),
		scenario(index_like_finds_what_shares_a_value),
		scenario(address_finds_all_that_have_it_now),
		scenario(list_moves_index_entries),
		scenario(typed_functions_need_no_casts),
		scenario(custom_store_is_used_in_place_of_the_own),
		scenario(custom_store_that_refuses_is_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
