/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lack of memory in the reflector and what is below it, at every point: a life is played again and
 * again, and each time another allocation fails. It recovers, and no change is lost or told twice.
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

#define POD(name, rv) \
	"{\"kind\":\"Pod\",\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" rv "\"}}"
#define LIST(token, items)                                                                    \
	"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"" token \
	"\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}"
#define INITIAL_END                                                                        \
	EVENT("BOOKMARK",                                                                  \
	      "{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"5\",\"annotations\":" \
	      "{\"k8s.io/initial-events-end\":\"true\"}}}")
#define CHANGE_6 EVENT("MODIFIED", POD("a", "6"))
#define CHANGE_7 EVENT("DELETED", POD("b", "7"))
#define CHANGE_8 EVENT("ADDED", POD("e", "8"))

/* The server: what it says depends on what it is asked for. */
static const char *reply_to(const char *path)
{
	if (strstr(path, "sendInitialEvents"))
		return EVENT("ADDED", POD("a", "3")) EVENT("ADDED", POD("x", "3"))
			EVENT("ADDED", POD("b", "3")) EVENT("DELETED", POD("x", "4"))
				INITIAL_END CHANGE_6;
	if (strstr(path, "continue=t"))
		return LIST("", POD("b", "3"));
	if (!strstr(path, "watch=true"))
		return LIST("t", POD("a", "3"));
	if (strstr(path, "resourceVersion=5"))
		return CHANGE_6 CHANGE_7 CHANGE_8;
	if (strstr(path, "resourceVersion=6"))
		return CHANGE_7 CHANGE_8;
	assert_non_null(strstr(path, "resourceVersion=7"));
	return CHANGE_8;
}

struct world {
	pn_nsec now;
	char staged[64], told[64]; /* names in the order they came */
};

static pn_nsec world_now(void *data)
{
	return ((struct world *)data)->now;
}

static uint32_t world_random(void *data)
{
	(void)data;
	return 0;
}

static int on_list_begin(void *data)
{
	((struct world *)data)->staged[0] = '\0';
	return 0;
}

static int on_list_item(void *data, const struct pn_object *obj)
{
	(void)strcat(((struct world *)data)->staged, obj->name);
	return 0;
}

static int on_list_remove(void *data, const struct pn_object *like)
{
	char *at = strchr(((struct world *)data)->staged, like->name[0]);

	memmove(at, at + 1, strlen(at));
	return 0;
}

/* A list is never seen in part. */
static void on_list_end(void *data)
{
	struct world *w = data;

	assert_string_equal(w->staged, "ab");
	(void)strcat(w->told, "|");
}

static void on_list_drop(void *data)
{
	((struct world *)data)->staged[0] = '\0';
}

static int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	(void)event;
	(void)strcat(((struct world *)data)->told, obj->resource_version);
	return 0;
}

static void on_refused(void *data, const struct pn_err *why)
{
	(void)data;
	fail_msg("lack of memory was taken for a bad object: %s", why->text);
}

static void on_failed(void *data, int code, const char *reason, const char *message)
{
	(void)data;
	(void)message;
	assert_int_equal(code, 0);
	assert_string_equal(reason, "");
}

static void on_late_end(void *data)
{
	(void)data;
}

static const struct pn_reflector_ops ops = {
	.list_begin = on_list_begin,
	.list_item = on_list_item,
	.list_remove = on_list_remove,
	.list_end = on_list_end,
	.list_drop = on_list_drop,
	.event = on_event,
	.refused = on_refused,
	.failed = on_failed,
	.late_end = on_late_end,
};

/* One request or one pause. Return: true when the watch has seen everything */
static bool play_step(struct world *w, struct pn_reflector *r)
{
	struct pn_reflector_step s;
	const char *body;
	size_t half;
	int e;

	pn_reflector_next(r, &s);
	w->now += s.wait_ns;
	if (!s.path)
		return false;
	if (strstr(s.path, "resourceVersion=8"))
		return true;
	body = reply_to(s.path);
	half = strlen(body) / 2;
	pn_reflector_headers(r, 200, "application/json", -1);
	e = pn_reflector_data(r, body, half);
	if (e == 0)
		e = pn_reflector_data(r, body + half, strlen(body) - half);
	pn_reflector_done(r, e, NULL);
	return false;
}

/* A whole life in which the @nth allocation fails. Return: has it come to that? */
static bool play(bool streaming, unsigned long nth)
{
	struct world w = { 0 };
	struct pn_clock clock = { .now = world_now, .random = world_random, .data = &w };
	struct pn_reflector_config config = { .wire.kind = pn_kind_get(PN_KIND_POD),
					      .streaming = streaming,
					      .label_selector = "a=b",
					      .clock = &clock,
					      .ops = &ops,
					      .data = &w };
	struct pn_reflector *r;
	int n_steps = 0;

	has_failed = false;
	n_until_failure = nth;
	if (pn_reflector_new(&config, &r) < 0) {
		assert_true(has_failed);
		n_until_failure = 0;
		return true;
	}
	while (!play_step(&w, r))
		assert_true(++n_steps < 20);
	n_until_failure = 0;
	assert_string_equal(w.told, "|678");
	pn_reflector_free(r);
	assert_int_equal(pn_intern_count(), 0);
	return has_failed;
}

static void play_all(bool streaming)
{
	unsigned long nth = 1;

	if (!CAN_FAIL) {
		print_message(
			"# the sanitizers bring their own malloc(); the release build runs this\n");
		skip();
	}
	while (play(streaming, nth))
		nth++;
	assert_true(nth > 100);
}

static void list_and_watch_survive_the_failure_of_any_allocation(void **state)
{
	(void)state;
	play_all(false);
}

static void stream_survives_the_failure_of_any_allocation(void **state)
{
	(void)state;
	play_all(true);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_and_watch_survive_the_failure_of_any_allocation),
		cmocka_unit_test(stream_survives_the_failure_of_any_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
