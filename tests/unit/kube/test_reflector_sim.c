/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reflector against a simulated server with a history, and a schedule of faults drawn from a seed:
 * connections refused and cut at any byte, overload, refusals, expired versions, compaction,
 * rubbish. Whatever happens, what the reflector has told is at each moment the state that the
 * server had at the version the reflector stands at; it never asks again and again without a pause;
 * and once the faults end it holds what the server holds.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/intern.h"
#include "kube/reflector.h"

enum {
	N_WORLDS = 1000,
	N_REQUESTS = 60, /* with faults, in each world */
	N_CALM = 30,	 /* without: enough to catch up */
	N_NAMES = 8,
	MAX_HISTORY = 2000,
	MAX_IDLE_REQUESTS = 12, /* without a pause and without anything learned */
};

/* Which objects there are, each at the version of its last change; 0: not there */
struct state {
	unsigned int rv[N_NAMES];
};

struct change {
	unsigned int name;
	enum pn_event event;
};

struct world {
	uint64_t seed;
	bool has_faults, has_streams, has_pages_at_zero;
	pn_nsec now;

	/* The server: change i has version i + 1. Versions up to @compacted are forgotten. */
	struct change history[MAX_HISTORY];
	unsigned int rv, compacted;
	struct state truth;

	/* What the reflector has told. */
	struct state told, staged;
	bool is_staging;
	unsigned int n_learned;

	struct pn_reflector *reflector;
	struct pn_buf body;
};

static uint32_t draw(struct world *w)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (uint32_t)(w->seed >> 32);
}

static bool one_in(struct world *w, unsigned int n)
{
	return draw(w) % n == 0;
}

static bool fault(struct world *w, unsigned int n)
{
	return w->has_faults && one_in(w, n);
}

static pn_nsec world_now(void *data)
{
	return ((struct world *)data)->now;
}

static uint32_t world_random(void *data)
{
	return draw(data);
}

/* --- what the reflector tells --- */

static unsigned int name_of(const struct pn_object *obj)
{
	assert_in_range(obj->name[0], 'a', 'a' + N_NAMES - 1);
	return (unsigned int)(obj->name[0] - 'a');
}

static unsigned int version_of(const struct pn_object *obj)
{
	return (unsigned int)strtoul(obj->resource_version, NULL, 10);
}

static int on_list_begin(void *data)
{
	struct world *w = data;

	w->staged = (struct state) { 0 };
	w->is_staging = true;
	return 0;
}

static int on_list_item(void *data, const struct pn_object *obj)
{
	struct world *w = data;

	assert_true(w->is_staging);
	w->staged.rv[name_of(obj)] = version_of(obj);
	return 0;
}

static int on_list_remove(void *data, const struct pn_object *like)
{
	struct world *w = data;

	assert_true(w->is_staging);
	w->staged.rv[name_of(like)] = 0;
	return 0;
}

static void on_list_end(void *data)
{
	struct world *w = data;

	assert_true(w->is_staging);
	w->is_staging = false;
	w->told = w->staged;
	w->n_learned++;
}

static void on_list_drop(void *data)
{
	struct world *w = data;

	assert_true(w->is_staging);
	w->is_staging = false;
}

static int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	struct world *w = data;
	unsigned int *told = &w->told.rv[name_of(obj)];

	assert_int_equal(event == PN_EVENT_ADDED, *told == 0);
	*told = event == PN_EVENT_DELETED ? 0 : version_of(obj);
	w->n_learned++;
	return 0;
}

static void on_refused(void *data, const struct pn_err *why)
{
	(void)data;
	fail_msg("refused: %s", why->text);
}

static void on_failed(void *data, int code, const char *reason, const char *message)
{
	(void)data;
	(void)reason;
	assert_true(code != 410 || strstr(message, "410"));
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

/* --- the server --- */

static void apply(struct state *s, const struct change *c, unsigned int rv)
{
	s->rv[c->name] = c->event == PN_EVENT_DELETED ? 0 : rv;
}

static struct state state_at(const struct world *w, unsigned int rv)
{
	struct state s = { 0 };

	for (unsigned int i = 0; i < rv; i++)
		apply(&s, &w->history[i], i + 1);
	return s;
}

static void change_something(struct world *w)
{
	struct change c = { .name = draw(w) % N_NAMES };

	assert_true(w->rv < MAX_HISTORY);
	if (!w->truth.rv[c.name])
		c.event = PN_EVENT_ADDED;
	else
		c.event = one_in(w, 2) ? PN_EVENT_DELETED : PN_EVENT_MODIFIED;
	w->history[w->rv++] = c;
	apply(&w->truth, &c, w->rv);
}

#define put(w, ...) assert_int_equal(pn_buf_printf(&(w)->body, __VA_ARGS__), 0)
#define OBJECT "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"%c\",\"resourceVersion\":\"%u\"}}"

static void put_event(struct world *w, enum pn_event event, unsigned int name, unsigned int rv)
{
	static const char *const types[] = { "ADDED", "MODIFIED", "DELETED" };

	put(w, "{\"type\":\"%s\",\"object\":" OBJECT "}\n", types[event], 'a' + name, rv);
}

static void put_bookmark(struct world *w, unsigned int rv, bool is_end)
{
	put(w,
	    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{%s"
	    "\"resourceVersion\":\"%u\"}}}\n",
	    is_end ? "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}," : "", rv);
}

static void put_error(struct world *w, unsigned int code)
{
	put(w, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":%u}}\n", code);
}

/* The changes after @from, some bookmarks, and perhaps a sudden end. */
static void put_changes(struct world *w, unsigned int from, unsigned int to)
{
	static const unsigned int errors[] = { 410, 429, 500, 403 };

	for (unsigned int i = from; i < to; i++) {
		if (fault(w, 30)) {
			put_error(w, errors[draw(w) % 4]);
			return;
		}
		put_event(w, w->history[i].event, w->history[i].name, i + 1);
		if (one_in(w, 4))
			put_bookmark(w, i + 1, false);
	}
	if (fault(w, 20))
		put(w, "rubbish");
}

static void serve_watch(struct world *w, unsigned int from)
{
	if (from < w->compacted)
		put_error(w, 410);
	else
		put_changes(w, from, w->rv);
}

/* Not older than @least, not much older than now, and not 0, which is no version. */
static unsigned int some_version(struct world *w, unsigned int least)
{
	unsigned int age = draw(w) % 6;

	least = PN_MAX(least, 1u);
	return w->rv - least < age ? least : w->rv - age;
}

/* The state at some version, what changed until another one, the end mark, and the rest. */
static void serve_stream(struct world *w, unsigned int not_older)
{
	unsigned int begin = some_version(w, PN_MAX(not_older, w->compacted));
	unsigned int middle = some_version(w, begin);
	struct state s = state_at(w, begin);
	unsigned int first = draw(w) % N_NAMES;

	for (unsigned int i = 0; i < N_NAMES; i++) {
		unsigned int name = (first + i) % N_NAMES;

		if (s.rv[name])
			put_event(w, PN_EVENT_ADDED, name, s.rv[name]);
	}
	for (unsigned int i = begin; i < middle; i++)
		put_event(w, w->history[i].event, w->history[i].name, i + 1);
	if (fault(w, 6))
		return;
	put_bookmark(w, middle, true);
	put_changes(w, middle, w->rv);
}

/* A page of the state at @rv; the token of the next one says where it begins. */
static void serve_list(struct world *w, unsigned int rv, unsigned int first, unsigned int limit)
{
	struct state s = state_at(w, rv);
	unsigned int n = 0, name;

	put(w, "{\"kind\":\"PodList\",\"items\":[");
	for (name = first; name < N_NAMES && (!limit || n < limit); name++)
		if (s.rv[name])
			put(w, "%s" OBJECT, n++ ? "," : "", 'a' + name, s.rv[name]);
	put(w, "],\"metadata\":{\"resourceVersion\":\"%u\"", rv);
	if (name < N_NAMES)
		put(w, ",\"continue\":\"%u.%u\"", rv, name);
	put(w, "}}");
}

static const char *value_of(const char *path, const char *key)
{
	const char *at = strstr(path, key);

	return at ? at + strlen(key) : NULL;
}

static int serve_page(struct world *w, const char *path)
{
	const char *rv = value_of(path, "resourceVersion=");
	const char *token = value_of(path, "continue=");
	const char *limit = value_of(path, "limit=");
	unsigned int at = w->rv, first = 0;

	if (token) {
		assert_int_equal(sscanf(token, "%u.%u", &at, &first), 2);
		if (at < w->compacted)
			return 410;
	} else if (rv && strcmp(rv, "0") == 0) {
		/* The cache may lag behind, and does not know pages unless it is switched off. */
		at = some_version(w, w->compacted);
		limit = w->has_pages_at_zero ? limit : NULL;
	}
	serve_list(w, at, first, limit ? (unsigned int)strtoul(limit, NULL, 10) : 0);
	return 200;
}

/* Return: the HTTP status; the body is in .body */
static int serve(struct world *w, const char *path)
{
	static const int errors[] = { 429, 500, 503, 410, 403, 404, 504 };
	const char *rv = value_of(path, "resourceVersion=");
	unsigned int from = rv ? (unsigned int)strtoul(rv, NULL, 10) : w->rv;

	pn_buf_reset(&w->body);
	if (fault(w, 6))
		return errors[draw(w) % PN_ARRAY_SIZE(errors)];
	if (!strstr(path, "watch=true"))
		return serve_page(w, path);
	if (!strstr(path, "sendInitialEvents"))
		serve_watch(w, from);
	else if (w->has_streams)
		serve_stream(w, rv ? from : 0);
	else
		return 422;
	return 200;
}

/* --- both together --- */

static int feed(struct world *w, size_t len)
{
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		int e;

		n = 1 + draw(w) % 200;
		n = PN_MIN(len - at, n);
		e = pn_reflector_data(w->reflector, w->body.data + at, n);
		if (e < 0)
			return e;
	}
	return 0;
}

static void answer(struct world *w, const char *path)
{
	static const int results[] = { -ECONNREFUSED, -ECONNRESET, -ETIMEDOUT, -EHOSTUNREACH,
				       -EPROTO };
	bool is_cut = fault(w, 5);
	int status, e;

	if (fault(w, 6)) {
		pn_reflector_done(w->reflector, results[draw(w) % PN_ARRAY_SIZE(results)], NULL);
		return;
	}
	status = serve(w, path);
	pn_reflector_headers(w->reflector, status, fault(w, 50) ? "text/html" : "application/json",
			     fault(w, 4) ? (int)(draw(w) % 40) : -1);
	if (one_in(w, 3))
		w->now += draw(w) % (2 * PN_NSEC_PER_SEC);
	e = feed(w, is_cut && w->body.len ? draw(w) % w->body.len : w->body.len);
	if (e == 0 && is_cut)
		e = one_in(w, 2) ? -ECONNRESET : -ETIMEDOUT;
	pn_reflector_done(w->reflector, e, NULL);
}

/* What was told is the server's state at the version that the reflector names. */
static void check_told(const struct world *w)
{
	struct pn_reflector_status st;
	struct state want;
	unsigned int rv;

	pn_reflector_status(w->reflector, &st);
	rv = (unsigned int)strtoul(st.watch_version, NULL, 10);
	assert_in_range(rv, 0, w->rv);
	want = state_at(w, rv);
	assert_memory_equal(&w->told, &want, sizeof(want));
}

static void live_on(struct world *w)
{
	for (unsigned int n = draw(w) % 4; n && w->rv + N_CALM < MAX_HISTORY; n--)
		change_something(w);
	if (fault(w, 10))
		w->compacted = w->rv - draw(w) % (w->rv - w->compacted + 1);
}

/* Until a request has been made. */
static void play_request(struct world *w, unsigned int *n_idle)
{
	struct pn_reflector_step s;
	unsigned int n_learned = w->n_learned;

	pn_reflector_next(w->reflector, &s);
	if (!s.path) {
		assert_in_range(s.wait_ns, 1, 60 * PN_NSEC_PER_SEC);
		*n_idle = 0;
		if (one_in(w, 5))
			(void)pn_reflector_server_is_back(w->reflector);
		pn_reflector_next(w->reflector, &s);
		w->now += s.wait_ns;
		pn_reflector_next(w->reflector, &s);
	}
	assert_non_null(s.path);
	answer(w, s.path);
	check_told(w);
	*n_idle = w->n_learned == n_learned ? *n_idle + 1 : 0;
	assert_true(*n_idle <= MAX_IDLE_REQUESTS);
}

static void play_world(uint64_t seed)
{
	struct world w = { .seed = seed * 0x9e3779b97f4a7c15u + 1,
			   .now = 1000 * PN_NSEC_PER_SEC,
			   .body = PN_BUF_INIT(1 << 20) };
	struct pn_clock clock = { .now = world_now, .random = world_random, .data = &w };
	struct pn_reflector_config config = {
		.wire.kind = pn_kind_get(PN_KIND_POD), .clock = &clock, .ops = &ops, .data = &w
	};
	unsigned int n_idle = 0;

	for (int i = 0; i < 8; i++)
		(void)draw(&w);
	w.has_faults = true;
	w.has_streams = !one_in(&w, 3);
	w.has_pages_at_zero = one_in(&w, 2);
	config.streaming = one_in(&w, 2);
	config.page_size = one_in(&w, 2) ? 1 + draw(&w) % 4 : 0;
	config.internal_error_retry = one_in(&w, 3) ? 5 * PN_NSEC_PER_SEC : 0;
	assert_int_equal(pn_buf_put(&w.body, "", 0), 0);
	change_something(&w);
	assert_int_equal(pn_reflector_new(&config, &w.reflector), 0);
	for (int i = 0; i < N_REQUESTS; i++) {
		live_on(&w);
		play_request(&w, &n_idle);
	}
	w.has_faults = false;
	for (int i = 0; i < N_CALM; i++) {
		change_something(&w);
		play_request(&w, &n_idle);
	}
	assert_memory_equal(&w.told, &w.truth, sizeof(w.truth));
	pn_reflector_free(w.reflector);
	pn_buf_done(&w.body);
	assert_int_equal(pn_intern_count(), 0);
}

static void what_is_told_is_what_the_server_had_whatever_fails(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= N_WORLDS; seed++)
		play_world(seed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_is_what_the_server_had_whatever_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
