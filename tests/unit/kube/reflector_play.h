/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_REFLECTOR_PLAY_H
#define PN_TEST_REFLECTOR_PLAY_H

/*
 * The reflector's rules as scripts: what it asks for, what it is told, what it makes of that. The
 * test owns the clock, and its random numbers are all zero unless it says otherwise: pauses are
 * 800 ms, 1600 ms, ..., and watches ask for 300 s. Every call of the error hook has to be in the
 * script.
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

enum act {
	ASK = 1, /* the next request is for @text */
	WAIT,	 /* no request now; the pause is @n ms long, and over after this */
	ANSWER,	 /* status @n and the whole body @text */
	RETRY,	 /* Retry-After: @n, with the next answer */
	TYPE,	 /* content type of the next answer */
	OPEN,	 /* status 200 and the body's beginning; feeding it must return @n */
	MORE,	 /* more of the body; what is returned must be @n */
	PASS,	 /* @n ms go by */
	END,	 /* the body is complete */
	CUT,	 /* the request ends with the result @n */
	CHANCE,	 /* from now on this is drawn */
	FAIL,	 /* the next call of an op, the @n-th from here, has no memory */
	BREAK,	 /* the next call of an op returns @n */
	LATE,	 /* the deadline is @n ms away; it is reached; -1: there is none */
	BACK,	 /* the server is back: does that shorten the pause? */
	SEEN,	 /* what came out since the last SEEN is @text */
	HOOK,  /* the error hook was called with code @n and reason @text, and nothing else since */
	WRONG, /* the last error has @text in it; "": there is none */
	VERSION, /* the watch stands at @text */
	BEHIND, /* for @n ms there may have been changes that have not come; -1: nothing has come yet */
};

struct row {
	enum act act;
	int n;
	const char *text;
};

struct world {
	struct pn_reflector *reflector;
	pn_nsec now;
	uint32_t chance;
	struct pn_buf seen, hooks;
	const char *type;
	int retry_after_s;
	int n_until_failure, failure;
};

static inline pn_nsec world_now(void *data)
{
	const struct world *w = data;

	return w->now;
}

static inline uint32_t world_random(void *data)
{
	const struct world *w = data;

	return w->chance;
}

static inline int note(struct world *w, const char *what, const char *name, const char *rv)
{
	if (w->n_until_failure && --w->n_until_failure == 0)
		return w->failure;
	assert_int_equal(pn_buf_printf(&w->seen, "%s%s%s%s ", what, name, rv[0] ? "@" : "", rv), 0);
	return 0;
}

static inline int on_list_begin(void *data)
{
	return note(data, "begin", "", "");
}

static inline int on_list_item(void *data, const struct pn_object *obj)
{
	return note(data, "", obj->name, obj->resource_version);
}

static inline int on_list_remove(void *data, const struct pn_object *like)
{
	return note(data, "not:", like->name, "");
}

static inline void on_list_end(void *data)
{
	(void)note(data, "end", "", "");
}

static inline void on_list_drop(void *data)
{
	(void)note(data, "drop", "", "");
}

static inline int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	static const char *const signs[] = { "+", "~", "-" };

	return note(data, signs[event], obj->name, obj->resource_version);
}

static inline void on_refused(void *data, const struct pn_err *why)
{
	(void)note(data, "refused:", why->text, "");
}

static inline void on_failed(void *data, int code, const char *reason, const char *message)
{
	struct world *w = data;

	assert_non_null(strstr(message, "cannot "));
	assert_int_equal(pn_buf_printf(&w->hooks, "%d %s;", code, reason), 0);
}

static inline void on_late_end(void *data)
{
	(void)note(data, "late", "", "");
}

static const struct pn_reflector_ops play_ops = {
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

/* ' stands for " in bodies, so that they can be read. */
static inline char *body_of(const char *text)
{
	char *body = strdup(text ? text : "");

	for (char *c = body; *c; c++)
		if (*c == '\'')
			*c = '"';
	return body;
}

static inline void check_ask(struct world *w, const char *want)
{
	const char *timeout = strstr(want, "timeoutSeconds=");
	struct pn_reflector_step s;

	pn_reflector_next(w->reflector, &s);
	assert_non_null(s.path);
	assert_string_equal(s.path, want);
	assert_non_null(strstr(s.accept, "application/json"));
	assert_int_equal(s.idle_ms,
			 timeout ? (strtoul(timeout + strlen("timeoutSeconds="), NULL, 10) + 30) *
					   1000
				 : 60000);
}

static inline void check_wait(struct world *w, int ms)
{
	struct pn_reflector_step s;

	pn_reflector_next(w->reflector, &s);
	assert_null(s.path);
	assert_int_equal(s.wait_ns / PN_NSEC_PER_MSEC, ms);
	assert_true(pn_reflector_deadline(w->reflector) == PN_NSEC_NEVER);
	w->now += s.wait_ns - 1;
	pn_reflector_next(w->reflector, &s);
	assert_null(s.path);
	w->now += 1;
}

static inline void open_answer(struct world *w, int status)
{
	pn_reflector_headers(w->reflector, status, w->type, w->retry_after_s);
	w->type = "application/json";
	w->retry_after_s = -1;
}

/* In pieces of one byte, so that no test depends on how the network cuts. */
static inline int feed(struct world *w, const char *text)
{
	char *body = body_of(text);
	int r = 0;

	for (char *c = body; *c && r == 0; c++)
		r = pn_reflector_data(w->reflector, c, 1);
	free(body);
	return r;
}

static inline void answer(struct world *w, int status, const char *text)
{
	int r;

	open_answer(w, status);
	r = feed(w, text);
	pn_reflector_done(w->reflector, r, NULL);
}

static inline void check_late(struct world *w, int ms)
{
	pn_nsec deadline = pn_reflector_deadline(w->reflector);

	if (ms < 0) {
		assert_true(deadline == PN_NSEC_NEVER);
	} else {
		assert_int_equal((deadline - w->now) / PN_NSEC_PER_MSEC, ms);
		w->now = deadline - 1;
		pn_reflector_late(w->reflector);
		assert_true(pn_reflector_deadline(w->reflector) == deadline);
		w->now = deadline;
	}
	pn_reflector_late(w->reflector);
}

static inline void check_seen(struct world *w, const char *want)
{
	assert_string_equal(w->seen.data, want);
	pn_buf_reset(&w->seen);
}

static inline void check_hook(struct world *w, int code, const char *reason)
{
	char want[80];

	(void)snprintf(want, sizeof(want), "%d %s;", code, reason);
	assert_string_equal(w->hooks.data, want);
	pn_buf_reset(&w->hooks);
}

static inline void check_wrong(struct world *w, const char *want)
{
	struct pn_reflector_status st;

	pn_reflector_status(w->reflector, &st);
	assert_int_equal(st.n_failures > 0, want[0] != '\0');
	if (want[0] ? !strstr(st.last_error, want) : st.last_error[0])
		fail_msg("the error is \"%s\"", st.last_error);
}

static inline void check_version(struct world *w, const char *want)
{
	struct pn_reflector_status st;

	pn_reflector_status(w->reflector, &st);
	assert_string_equal(st.watch_version, want);
	assert_string_equal(st.store_version, want);
}

static inline void check_behind(struct world *w, int ms)
{
	struct pn_reflector_status st;

	pn_reflector_status(w->reflector, &st);
	if (ms < 0)
		assert_true(st.current == 0);
	else
		assert_int_equal((w->now - st.current) / PN_NSEC_PER_MSEC, ms);
}

static inline void cut(struct world *w, int result, const char *text)
{
	struct pn_err err;

	(void)pn_err_set(&err, 0, "%s", text ? text : "");
	pn_reflector_done(w->reflector, result, &err);
}

static inline void play_row(struct world *w, const struct row *row)
{
	switch (row->act) {
	case ASK:
		check_ask(w, row->text);
		break;
	case WAIT:
		check_wait(w, row->n);
		break;
	case ANSWER:
		answer(w, row->n, row->text);
		break;
	case RETRY:
		w->retry_after_s = row->n;
		break;
	case TYPE:
		w->type = row->text;
		break;
	case OPEN:
		open_answer(w, 200);
		assert_int_equal(feed(w, row->text), row->n);
		break;
	case MORE:
		assert_int_equal(feed(w, row->text), row->n);
		break;
	case PASS:
		w->now += (pn_nsec)row->n * PN_NSEC_PER_MSEC;
		break;
	case END:
		pn_reflector_done(w->reflector, 0, NULL);
		break;
	case CUT:
		cut(w, row->n, row->text);
		break;
	case CHANCE:
		w->chance = (uint32_t)row->n;
		break;
	case FAIL:
		w->n_until_failure = row->n;
		w->failure = -ENOMEM;
		break;
	case BREAK:
		w->n_until_failure = 1;
		w->failure = row->n;
		break;
	case LATE:
		check_late(w, row->n);
		break;
	case BACK:
		assert_int_equal(pn_reflector_server_is_back(w->reflector), row->n);
		break;
	case SEEN:
		check_seen(w, row->text);
		break;
	case HOOK:
		check_hook(w, row->n, row->text);
		break;
	case WRONG:
		check_wrong(w, row->text);
		break;
	case BEHIND:
		check_behind(w, row->n);
		break;
	case VERSION:
		check_version(w, row->text);
		break;
	}
}

/* @c: what is not about the test's own world; its .wire.kind may be NULL for pods */
static inline void play_with(struct pn_reflector_config c, const struct row *rows)
{
	struct world w = { .now = 1000 * PN_NSEC_PER_SEC,
			   .seen = PN_BUF_INIT(1 << 20),
			   .hooks = PN_BUF_INIT(1 << 20),
			   .type = "application/json",
			   .retry_after_s = -1 };
	struct pn_clock clock = { .now = world_now, .random = world_random, .data = &w };

	c.wire.kind = c.wire.kind ? c.wire.kind : pn_kind_get(PN_KIND_POD);
	c.clock = &clock;
	c.ops = &play_ops;
	c.data = &w;
	assert_int_equal(pn_buf_put(&w.seen, "", 0), 0);
	assert_int_equal(pn_buf_put(&w.hooks, "", 0), 0);
	assert_int_equal(pn_reflector_new(&c, &w.reflector), 0);
	for (; rows->act; rows++)
		play_row(&w, rows);
	assert_string_equal(w.hooks.data, "");
	pn_reflector_free(w.reflector);
	pn_buf_done(&w.seen);
	pn_buf_done(&w.hooks);
	assert_int_equal(pn_intern_count(), 0);
}

#define ROWS(...) ((const struct row[]) { __VA_ARGS__, { 0, 0, "" } })
/* Lists, then watches */
#define PLAY(...) play_with((struct pn_reflector_config) { 0 }, ROWS(__VA_ARGS__))
/* Begins with a streaming list */
#define PLAY_STREAM(...) \
	play_with((struct pn_reflector_config) { .streaming = true }, ROWS(__VA_ARGS__))

#define PODS "/api/v1/pods"
#define LIST_0 PODS "?limit=500&resourceVersion=0"
#define LIST(rv) PODS "?resourceVersion=" rv
#define LIST_ANY PODS "?limit=500"
#define PAGE(token) PODS "?limit=500&continue=" token
#define WATCH(rv) \
	PODS "?watch=true&allowWatchBookmarks=true&resourceVersion=" rv "&timeoutSeconds=300"
#define STREAM_BEGIN                                                            \
	"?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&" \
	"allowWatchBookmarks=true"
#define STREAM_ANY PODS STREAM_BEGIN "&timeoutSeconds=300"
#define STREAM(rv) PODS STREAM_BEGIN "&resourceVersion=" rv "&timeoutSeconds=300"

#define POD(name, rv) "{'metadata':{'namespace':'n','name':'" name "','resourceVersion':'" rv "'}}"
#define PAGE_OF(rv, token, items)                                                \
	"{'kind':'PodList','apiVersion':'v1','metadata':{'resourceVersion':'" rv \
	"','continue':'" token "'},'items':[" items "]}"
#define LIST_OF(rv, items) PAGE_OF(rv, "", items)
#define EVENT(type, name, rv)                                                                 \
	"{'type':'" type "','object':{'kind':'Pod','metadata':{'namespace':'n','name':'" name \
	"','resourceVersion':'" rv "'}}}\n"
#define BOOKMARK(rv)                                                                   \
	"{'type':'BOOKMARK','object':{'kind':'Pod','metadata':{'resourceVersion':'" rv \
	"','creationTimestamp':null},'spec':{'containers':null},'status':{}}}\n"
#define INITIAL_END(rv)                                                                \
	"{'type':'BOOKMARK','object':{'kind':'Pod','metadata':{'resourceVersion':'" rv \
	"','annotations':{'k8s.io/initial-events-end':'true'}}}}\n"
#define STATUS(code, reason, message) \
	"{'kind':'Status','message':'" message "','reason':'" reason "','code':" code "}"
#define ERROR(code, reason) "{'type':'ERROR','object':" STATUS(code, reason, "because") "}\n"
/* The beginning of most scripts: a list of one pod at version 5. */
#define SYNC                                                              \
	{ ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("5", POD("a", "3")) }, \
	{                                                                 \
		SEEN, 0, "begin a@3 end "                                 \
	}

#endif
