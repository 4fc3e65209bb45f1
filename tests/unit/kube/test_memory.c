/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lack of memory, at every point: a list in pages and a watch are played again and again, and each
 * time another allocation fails. The reflector has to recover, and in the end the store holds what
 * the server has, with nothing half done in between.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/intern.h"
#include "failing_malloc.h"
#include "kube/reflector.h"
#include "kube/store.h"

#define META(name, owner, rv)                                                               \
	"{\"metadata\":{\"namespace\":\"ns-" name "\",\"name\":\"" name "\",\"uid\":\"u\"," \
	"\"resourceVersion\":\"" rv "\",\"ownerReferences\":[{\"controller\":true,"         \
	"\"uid\":\"" owner "\"}]},\"kind\":\"Pod\",\"status\":{\"podIP\":\"10.0.0.1\"}}"
#define LIST(token, items)                                                                    \
	"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"" token \
	"\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}"

/* The server: what it says depends on what it is asked for. */
static const char *reply_to(const char *path)
{
	if (strstr(path, "continue=t"))
		return LIST("", META("c", "y", "4") "," META("d", "y", "4"));
	if (strstr(path, "watch=true") && strstr(path, "resourceVersion=5"))
		return EVENT("MODIFIED", META("a", "y", "6")) EVENT("DELETED", META("b", "x", "7"))
			EVENT("ADDED", META("e", "z", "8"));
	if (strstr(path, "watch=true") && strstr(path, "resourceVersion=6"))
		return EVENT("DELETED", META("b", "x", "7")) EVENT("ADDED", META("e", "z", "8"));
	if (strstr(path, "watch=true") && strstr(path, "resourceVersion=7"))
		return EVENT("ADDED", META("e", "z", "8"));
	if (strstr(path, "watch=true"))
		return "";
	return LIST("t", META("a", "x", "3") "," META("b", "x", "3"));
}

static pn_nsec now;

static pn_nsec fake_now(void *data)
{
	(void)data;
	return now;
}

static uint32_t fake_random(void *data)
{
	(void)data;
	return 0;
}

static int on_list_begin(void *data)
{
	return pn_store_stage_begin(data);
}

static int on_list_item(void *data, const struct pn_object *obj)
{
	return pn_store_stage(data, obj);
}

static bool ignore_remove(void *data, const struct pn_object *last)
{
	(void)data;
	(void)last;
	return true;
}

static bool ignore_put(void *data, const struct pn_object *old, const struct pn_object *obj)
{
	(void)data;
	(void)old;
	(void)obj;
	return true;
}

/* A list is never seen in part. */
static void on_list_end(void *data)
{
	static const struct pn_store_diff diff = { ignore_remove, ignore_put };

	pn_store_commit(data, &diff, data);
	assert_int_equal(pn_store_count(data), 4);
}

static void on_list_drop(void *data)
{
	pn_store_unstage(data);
}

static int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	const struct pn_object *old = NULL;
	int r;

	if (event == PN_EVENT_DELETED)
		r = pn_store_remove(data, obj, &old);
	else
		r = pn_store_put(data, obj, &old);
	pn_object_unref(old);
	return r;
}

static void on_refused(void *data, const struct pn_err *why)
{
	(void)data;
	fail_msg("lack of memory was taken for a bad object: %s", why->text);
}

static void on_failed(void *data, int code, const char *reason, const char *message)
{
	(void)data, (void)code, (void)reason, (void)message;
}

static const struct pn_reflector_ops ops = {
	.list_begin = on_list_begin,
	.list_item = on_list_item,
	.list_end = on_list_end,
	.list_drop = on_list_drop,
	.event = on_event,
	.refused = on_refused,
	.failed = on_failed,
};

/* One request or one pause. Return: true when the watch has seen everything */
static bool play_step(struct pn_reflector *r)
{
	struct pn_reflector_step s;
	const char *body;
	int e;

	pn_reflector_next(r, &s);
	if (!s.path) {
		now += s.wait_ns;
		return false;
	}
	if (strstr(s.path, "resourceVersion=8"))
		return true;
	body = reply_to(s.path);
	pn_reflector_headers(r, 200, "application/json", -1);
	e = pn_reflector_data(r, body, strlen(body) / 2);
	if (e == 0)
		e = pn_reflector_data(r, body + strlen(body) / 2, strlen(body) - strlen(body) / 2);
	pn_reflector_done(r, e, NULL);
	return false;
}

static void check_by_controller(struct pn_store *store, const char *uid, int want)
{
	struct pn_iter it;
	int n = 0;

	assert_int_equal(pn_store_by_index(store, pn_indexer_controller.name, uid, &it), 0);
	while (pn_iter_next(&it))
		n++;
	assert_int_equal(n, want);
}

/* A whole life in which the @nth allocation fails. Return: has it come to that? */
static bool play(unsigned long nth)
{
	struct pn_clock clock = { .now = fake_now, .random = fake_random };
	struct pn_reflector_config config = {
		.wire.kind = pn_kind_get(PN_KIND_POD),
		.clock = &clock,
		.ops = &ops,
	};
	struct pn_reflector *r;
	struct pn_store *store;
	int n_steps = 0;

	assert_int_equal(pn_store_new(&store), 0);
	assert_int_equal(pn_store_add_index(store, &pn_indexer_controller), 0);
	config.data = store;
	assert_int_equal(pn_reflector_new(&config, &r), 0);
	has_failed = false;
	n_until_failure = nth;
	while (!play_step(r))
		assert_true(++n_steps < 20);
	n_until_failure = 0;
	pn_read_begin();
	assert_int_equal(pn_store_count(store), 4);
	assert_string_equal(pn_store_get(store, "ns-a/a")->resource_version, "6");
	check_by_controller(store, "x", 0);
	check_by_controller(store, "y", 3);
	check_by_controller(store, "z", 1);
	pn_read_end();
	pn_reflector_free(r);
	pn_store_free(store);
	pn_store_barrier();
	assert_int_equal(pn_intern_count(), 0);
	return has_failed;
}

static void sync_survives_the_failure_of_any_allocation(void **state)
{
	unsigned long nth = 1;

	(void)state;
	need_malloc();
	while (play(nth))
		nth++;
	assert_true(nth > 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sync_survives_the_failure_of_any_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
