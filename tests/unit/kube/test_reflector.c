/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reflector's rules as scripts: what it asks for, what it is told, what it makes of that. The
 * test owns the clock, and its random numbers are all zero: pauses are 800 ms, 1600 ms, ..., and
 * watches ask for 300 s.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/intern.h"
#include "base/metric.h"
#include "kube/reflector.h"

enum act {
	ASK = 1, /* the next request is for @text */
	WAIT,	 /* no request now; the pause is @n ms long, and over after this */
	ANSWER,	 /* status @n and the whole body @text */
	RETRY,	 /* Retry-After: @n, with the next ANSWER */
	TYPE,	 /* content type of the next ANSWER */
	OPEN,	 /* status 200 and the body's beginning */
	MORE,	 /* more of the body; what is returned must be @n */
	PASS,	 /* @n ms go by */
	END,	 /* the body is complete */
	CUT,	 /* the request ends with the result @n */
	FAIL,	 /* the next call of an op, the @n-th from here, has no memory */
	SEEN,	 /* what came out since the last SEEN is @text */
	WRONG,	 /* the last error has @text in it; "": there is none */
	VERSION, /* the watch stands at @text */
};

struct row {
	enum act act;
	int n;
	const char *text;
};

struct world {
	struct pn_reflector *reflector;
	pn_nsec now;
	struct pn_buf seen;
	const char *type;
	int retry_after_s;
	int n_until_failure;
};

static pn_nsec world_now(void *data)
{
	const struct world *w = data;

	return w->now;
}

static uint32_t world_random(void *data)
{
	(void)data;
	return 0;
}

static int note(struct world *w, const char *what, const char *name, const char *rv)
{
	if (w->n_until_failure && --w->n_until_failure == 0)
		return -ENOMEM;
	assert_int_equal(pn_buf_printf(&w->seen, "%s%s%s%s ", what, name, rv[0] ? "@" : "", rv), 0);
	return 0;
}

static int on_list_begin(void *data)
{
	return note(data, "begin", "", "");
}

static int on_list_item(void *data, const struct pn_object *obj)
{
	return note(data, "", obj->name, obj->resource_version);
}

static void on_list_end(void *data)
{
	(void)note(data, "end", "", "");
}

static void on_list_drop(void *data)
{
	(void)note(data, "drop", "", "");
}

static int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	static const char *const signs[] = { "+", "~", "-" };

	return note(data, signs[event], obj->name, obj->resource_version);
}

static void on_refused(void *data, const struct pn_err *why)
{
	(void)note(data, "refused:", why->text, "");
}

static const struct pn_reflector_ops ops = {
	.list_begin = on_list_begin,
	.list_item = on_list_item,
	.list_end = on_list_end,
	.list_drop = on_list_drop,
	.event = on_event,
	.refused = on_refused,
};

/* ' stands for " in bodies, so that they can be read. */
static char *body_of(const char *text)
{
	char *body = strdup(text ? text : "");

	for (char *c = body; *c; c++)
		if (*c == '\'')
			*c = '"';
	return body;
}

static void check_ask(struct world *w, const char *want)
{
	struct pn_reflector_step s;

	pn_reflector_next(w->reflector, &s);
	assert_non_null(s.path);
	assert_string_equal(s.path, want);
	assert_non_null(strstr(s.accept, "application/json"));
	assert_int_equal(s.idle_ms, strstr(want, "watch=") ? 330000 : 60000);
}

static void check_wait(struct world *w, int ms)
{
	struct pn_reflector_step s;

	pn_reflector_next(w->reflector, &s);
	assert_null(s.path);
	assert_int_equal(s.wait_ns / PN_NSEC_PER_MSEC, ms);
	w->now += s.wait_ns - 1;
	pn_reflector_next(w->reflector, &s);
	assert_null(s.path);
	w->now += 1;
}

static void open_answer(struct world *w, int status)
{
	pn_reflector_headers(w->reflector, status, w->type, w->retry_after_s);
	w->type = "application/json";
	w->retry_after_s = -1;
}

/* In pieces of one byte, so that no test depends on how the network cuts. */
static int feed(struct world *w, const char *text)
{
	char *body = body_of(text);
	int r = 0;

	for (char *c = body; *c && r == 0; c++)
		r = pn_reflector_data(w->reflector, c, 1);
	free(body);
	return r;
}

static void answer(struct world *w, int status, const char *text)
{
	int r;

	open_answer(w, status);
	r = feed(w, text);
	pn_reflector_done(w->reflector, r, NULL);
}

static void check_seen(struct world *w, const char *want)
{
	assert_string_equal(w->seen.data, want);
	pn_buf_reset(&w->seen);
}

static void check_wrong(struct world *w, const char *want)
{
	struct pn_reflector_status st;

	pn_reflector_status(w->reflector, &st);
	assert_int_equal(st.n_failures > 0, want[0] != '\0');
	if (want[0] ? !strstr(st.last_error, want) : st.last_error[0])
		fail_msg("the error is \"%s\"", st.last_error);
}

static void check_version(struct world *w, const char *want)
{
	struct pn_reflector_status st;

	pn_reflector_status(w->reflector, &st);
	assert_string_equal(st.resource_version, want);
}

static void play_row(struct world *w, const struct row *row)
{
	struct pn_err err;

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
		(void)pn_err_set(&err, 0, "%s", row->text ? row->text : "");
		pn_reflector_done(w->reflector, row->n, &err);
		break;
	case FAIL:
		w->n_until_failure = row->n;
		break;
	case SEEN:
		check_seen(w, row->text);
		break;
	case WRONG:
		check_wrong(w, row->text);
		break;
	case VERSION:
		check_version(w, row->text);
		break;
	}
}

static void play_as(enum pn_kind_id kind, unsigned int page_size, const char *selector,
		    const struct row *rows)
{
	struct world w = { .now = 1000 * PN_NSEC_PER_SEC,
			   .seen = PN_BUF_INIT(1 << 20),
			   .type = "application/json",
			   .retry_after_s = -1 };
	struct pn_clock clock = { .now = world_now, .random = world_random, .data = &w };
	struct pn_reflector_config config = { .kind = pn_kind_get(kind),
					      .clock = &clock,
					      .page_size = page_size,
					      .field_selector = selector,
					      .ops = &ops,
					      .data = &w };

	assert_int_equal(pn_buf_put(&w.seen, "", 0), 0);
	assert_int_equal(pn_reflector_new(&config, &w.reflector), 0);
	for (; rows->act; rows++)
		play_row(&w, rows);
	pn_reflector_free(w.reflector);
	pn_buf_done(&w.seen);
	assert_int_equal(pn_intern_count(), 0);
}

#define PLAY(...) play_as(PN_KIND_POD, 0, NULL, (const struct row[]) { __VA_ARGS__, { 0, 0, "" } })

#define PODS "/api/v1/pods"
#define LIST_0 PODS "?limit=500&resourceVersion=0"
#define LIST(rv) PODS "?resourceVersion=" rv
#define LIST_ANY PODS "?limit=500"
#define PAGE(token) PODS "?limit=500&continue=" token
#define WATCH(rv) \
	PODS "?watch=true&allowWatchBookmarks=true&resourceVersion=" rv "&timeoutSeconds=300"

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
#define STATUS(code, reason, message) \
	"{'kind':'Status','message':'" message "','reason':'" reason "','code':" code "}"
#define ERROR(code, reason) "{'type':'ERROR','object':" STATUS(code, reason, "because") "}\n"
/* The beginning of most scripts: a list of one pod at version 5. */
#define SYNC                                                              \
	{ ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("5", POD("a", "3")) }, \
	{                                                                 \
		SEEN, 0, "begin a@3 end "                                 \
	}

static void lists_then_watches(void **state)
{
	(void)state;
	PLAY({ VERSION, 0, "" }, { ASK, 0, LIST_0 },
	     { OPEN, 0, LIST_OF("5", POD("a", "3") "," POD("b", "4")) },
	     { SEEN, 0, "begin a@3 b@4 " }, { VERSION, 0, "" }, { END, 0, "" }, { SEEN, 0, "end " },
	     { VERSION, 0, "5" }, { ASK, 0, WATCH("5") },
	     { OPEN, 0, EVENT("ADDED", "c", "6") EVENT("MODIFIED", "a", "8") },
	     { SEEN, 0, "+c@6 ~a@8 " }, { VERSION, 0, "8" },
	     { MORE, 0, EVENT("DELETED", "b", "9") }, { SEEN, 0, "-b@9 " }, { VERSION, 0, "9" },
	     { MORE, 0, BOOKMARK("12") }, { SEEN, 0, "" }, { VERSION, 0, "12" }, { END, 0, "" },
	     { ASK, 0, WATCH("12") });
}

static void empty_list_is_complete(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("5", "") }, { SEEN, 0, "begin end " },
	     { ASK, 0, WATCH("5") });
	PLAY({ ASK, 0, LIST_0 },
	     { ANSWER, 200, "{'kind':'PodList','metadata':{'resourceVersion':'5'},'items':null}" },
	     { SEEN, 0, "begin end " }, { ASK, 0, WATCH("5") });
}

static void versions_are_taken_as_they_come(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") },
	     { OPEN, 0, EVENT("MODIFIED", "a", "9") EVENT("MODIFIED", "b", "7") },
	     { VERSION, 0, "7" });
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

static void server_that_pages_at_zero_is_asked_for_pages(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "t", "") }, { ASK, 0, PAGE("t") },
	     { ANSWER, 200, PAGE_OF("5", "", "") }, { ASK, 0, WATCH("5") }, { OPEN, 0, "" },
	     { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
	     { WAIT, 800, "" }, { ASK, 0, PODS "?limit=500&resourceVersion=5" });
}

static void page_size_and_selector_are_asked_for(void **state)
{
	(void)state;
	play_as(PN_KIND_POD, 20, "spec.nodeName=a b",
		(const struct row[]) {
			{ ASK, 0,
			  PODS "?fieldSelector=spec.nodeName%3Da%20b&limit=20&resourceVersion=0" },
			{ ANSWER, 200, PAGE_OF("5", "t", "") },
			{ ASK, 0, PODS "?fieldSelector=spec.nodeName%3Da%20b&limit=20&continue=t" },
			{ ANSWER, 200, PAGE_OF("5", "", "") },
			{ ASK, 0,
			  PODS "?fieldSelector=spec.nodeName%3Da%20b&watch=true&"
			       "allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=300" },
			{ 0, 0, "" } });
}

static void expired_page_leads_to_one_whole_list(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "t", POD("a", "3")) },
	     { ASK, 0, PAGE("t") }, { ANSWER, 410, STATUS("410", "Expired", "too old") },
	     { SEEN, 0, "begin a@3 drop " }, { ASK, 0, LIST("0") },
	     { ANSWER, 200, LIST_OF("8", POD("a", "3")) }, { SEEN, 0, "begin a@3 end " },
	     { VERSION, 0, "8" }, { ASK, 0, WATCH("8") });
}

static void expired_list_is_asked_for_without_a_version(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" },
	     { MORE, -ECANCELED, ERROR("410", "Expired") }, { CUT, -ECANCELED, "" },
	     { WAIT, 800, "" }, { ASK, 0, LIST("5") },
	     { ANSWER, 410, STATUS("410", "Expired", "too old") }, { ASK, 0, LIST_ANY },
	     { ANSWER, 200, LIST_OF("9", POD("a", "3")) }, { SEEN, 0, "begin drop begin a@3 end " },
	     { ASK, 0, WATCH("9") });
}

static void version_from_the_future_is_forgotten(void **state)
{
	static const char causes[] = "{'kind':'Status','code':504,'reason':'Timeout','message':'x',"
				     "'details':{'causes':[{'reason':'ResourceVersionTooLarge'}]}}";

	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 504, causes }, { ASK, 0, LIST_ANY });
	PLAY({ ASK, 0, LIST_0 },
	     { ANSWER, 504, STATUS("504", "Timeout", "Too large resource version: 9, current: 3") },
	     { ASK, 0, LIST_ANY });
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 504, STATUS("504", "Timeout", "slow") },
	     { WAIT, 800, "" }, { ASK, 0, LIST_0 });
}

static void refusal_of_every_version_is_a_failure(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 410, STATUS("410", "Expired", "x") },
	     { ASK, 0, LIST_ANY }, { ANSWER, 410, STATUS("410", "Expired", "x") },
	     { WRONG, 0, "cannot list pods: 410 Expired: x" }, { WAIT, 800, "" },
	     { ASK, 0, LIST_ANY });
}

static void watch_that_ends_is_resumed_at_once(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { PASS, 1000, "" }, { END, 0, "" },
	     { WRONG, 0, "" }, { ASK, 0, WATCH("5") }, { OPEN, 0, BOOKMARK("6") }, { END, 0, "" },
	     { ASK, 0, WATCH("6") }, { OPEN, 0, "" }, { PASS, 1000, "" }, { CUT, -ECONNRESET, "" },
	     { WRONG, 0, "" }, { ASK, 0, WATCH("6") });
}

static void watch_that_ends_too_soon_leads_to_a_list(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { PASS, 999, "" }, { END, 0, "" },
	     { WRONG, 0, "cannot watch pods: the server ended the watch at once" },
	     { WAIT, 800, "" }, { ASK, 0, LIST("5") });
}

static void object_cut_off_is_never_delivered(void **state)
{
	static const char event[] = EVENT("ADDED", "b", "6");
	char part[sizeof(event)];

	(void)state;
	for (size_t n = 1; n < strlen(event) - 1; n++) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, event);
		PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, BOOKMARK("5") }, { MORE, 0, part },
		     { CUT, -ECONNRESET, "" }, { SEEN, 0, "" }, { ASK, 0, WATCH("5") },
		     { ANSWER, 200, event }, { SEEN, 0, "+b@6 " });
	}
}

static void list_cut_off_is_never_delivered(void **state)
{
	static const char list[] = LIST_OF("5", POD("a", "3"));
	char part[sizeof(list)];

	(void)state;
	for (size_t n = 0; n < strlen(list); n++) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, list);
		PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, part },
		     { WRONG, 0, "cannot list pods: invalid JSON" }, { VERSION, 0, "" },
		     { WAIT, 800, "" }, { ASK, 0, LIST_0 }, { ANSWER, 200, list },
		     { VERSION, 0, "5" });
	}
}

static void absent_server_is_waited_for_without_a_list(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { CUT, -ECONNREFUSED, "127.0.0.1: refused" },
	     { WRONG, 0, "cannot watch pods: 127.0.0.1: refused" }, { WAIT, 800, "" },
	     { ASK, 0, WATCH("5") }, { CUT, -EHOSTUNREACH, "" }, { WAIT, 1600, "" },
	     { ASK, 0, WATCH("5") }, { CUT, -ETIMEDOUT, "" }, { WAIT, 3200, "" },
	     { ASK, 0, WATCH("5") }, { OPEN, 0, "" }, { WRONG, 0, "" });
	PLAY({ ASK, 0, LIST_0 }, { CUT, -ECONNREFUSED, "refused" }, { WAIT, 800, "" },
	     { ASK, 0, LIST_0 });
}

static void pauses_grow_to_30_s_and_start_anew_after_two_quiet_minutes(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { WAIT, 800, "" }, { ASK, 0, LIST_0 },
	     { CUT, -EIO, "" }, { WAIT, 1600, "" }, { ASK, 0, LIST_0 }, { CUT, -EIO, "" },
	     { WAIT, 3200, "" }, { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { WAIT, 6400, "" },
	     { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { WAIT, 12800, "" }, { ASK, 0, LIST_0 },
	     { CUT, -EIO, "" }, { WAIT, 25600, "" }, { ASK, 0, LIST_0 }, { CUT, -EIO, "" },
	     { WAIT, 30000, "" }, { ASK, 0, LIST_0 }, { CUT, -EIO, "" }, { WAIT, 30000, "" },
	     { ASK, 0, LIST_0 }, { PASS, 121000, "" }, { CUT, -EIO, "" }, { WAIT, 800, "" });
}

static void overloaded_server_is_asked_the_same_again(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, PAGE_OF("5", "t", POD("a", "3")) },
	     { ASK, 0, PAGE("t") }, { RETRY, 3, "" }, { ANSWER, 429, "Too many requests\n" },
	     { WRONG, 0, "cannot list pods: 429: Too many requests" }, { WAIT, 3000, "" },
	     { ASK, 0, PAGE("t") }, { RETRY, 1, "" }, { ANSWER, 503, "" }, { WAIT, 1600, "" },
	     { ASK, 0, PAGE("t") }, { ANSWER, 200, PAGE_OF("5", "", POD("b", "3")) },
	     { SEEN, 0, "begin a@3 b@3 end " }, { ASK, 0, WATCH("5") }, { RETRY, 3600, "" },
	     { ANSWER, 429, "" }, { WAIT, 30000, "" }, { ASK, 0, WATCH("5") }, { OPEN, 0, "" },
	     { MORE, -ECANCELED, ERROR("429", "TooManyRequests") }, { CUT, -ECANCELED, "" },
	     { PASS, 30000, "" }, { ASK, 0, WATCH("5") });
}

static void error_event_leads_to_a_list_at_the_last_version(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, 0, EVENT("ADDED", "b", "6") },
	     { MORE, -ECANCELED, ERROR("500", "InternalError") }, { CUT, -ECANCELED, "" },
	     { WRONG, 0, "cannot watch pods: 500 InternalError: because" }, { WAIT, 800, "" },
	     { ASK, 0, LIST("6") });
}

static void refusals_say_what_to_do(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 401, STATUS("401", "Unauthorized", "Unauthorized") },
	     { WRONG, 0, "401 Unauthorized: Unauthorized; the token is expired or not accepted" },
	     { WAIT, 800, "" }, { ASK, 0, LIST_0 },
	     { ANSWER, 403, STATUS("403", "Forbidden", "User 'x' may not") },
	     { WRONG, 0, "ClusterRole must allow list and watch" }, { WAIT, 1600, "" },
	     { ASK, 0, LIST_0 }, { ANSWER, 404, "<html>\x1b[31m\nno\n" },
	     { WRONG, 0, "404: <html> [31m no; is this the address of an API server" },
	     { WAIT, 3200, "" }, { ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("5", "") },
	     { ASK, 0, WATCH("5") }, { ANSWER, 403, STATUS("403", "Forbidden", "cannot watch") },
	     { WRONG, 0, "cannot watch pods: 403 Forbidden: cannot watch" }, { WAIT, 6400, "" },
	     { ASK, 0, LIST("5") });
}

static void endless_error_text_is_cut(void **state)
{
	static char text[70 << 10];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 500, text }, { WRONG, 0, "500: xxx" },
	     { WAIT, 800, "" });
}

static void answers_that_are_no_list_are_refused(void **state)
{
	static const char *const bodies[] = {
		"",
		"null",
		"[]",
		"{}",
		"{'kind':'PodList','items':[]}",
		"{'kind':'PodList','metadata':{},'items':[]}",
		"{'kind':'PodList','metadata':{'resourceVersion':5},'items':[]}",
		"{'kind':'PodList','metadata':7,'items':[]}",
		"{'kind':'PodList','metadata':{'resourceVersion':'5'},'items':{}}",
		"{'kind':'NodeList','metadata':{'resourceVersion':'5'},'items':[]}",
		"{'metadata':{'resourceVersion':'5'},'items':[]}",
		"{'kind':'PodList','metadata':{'resourceVersion':'5'},'items':[]}{}",
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(bodies); i++)
		PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, bodies[i] },
		     { WRONG, 0, "cannot list pods: " }, { WAIT, 800, "" }, { ASK, 0, LIST_0 });
	PLAY({ ASK, 0, LIST_0 }, { TYPE, 0, "text/html" }, { ANSWER, 200, "<html>" },
	     { WRONG, 0, "an answer in text/html instead of JSON" }, { WAIT, 800, "" });
	PLAY({ ASK, 0, LIST_0 }, { TYPE, 0, "" }, { ANSWER, 200, "" },
	     { WRONG, 0, "no content type" }, { WAIT, 800, "" });
}

static void objects_that_make_no_sense_are_left_out(void **state)
{
	uint64_t before = pn_metric_get(PN_METRIC_KUBE_REFUSED);

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
	assert_int_equal(pn_metric_get(PN_METRIC_KUBE_REFUSED) - before, 4);
}

static void odd_watch_events_do_not_move_the_version(void **state)
{
	(void)state;
	PLAY(SYNC, { ASK, 0, WATCH("5") },
	     { OPEN, 0,
	       "{'type':'ADDED','object':{'kind':'Node','metadata':{'name':'x',"
	       "'resourceVersion':'9'}}}" },
	     { SEEN, 0, "refused:x: kind: not a Pod " }, { VERSION, 0, "5" },
	     { MORE, 0, "{'type':'BOOKMARK','object':{'kind':'Pod','metadata':{}}}" },
	     { SEEN, 0, "refused:bookmark: wrong kind, or no resourceVersion " },
	     { VERSION, 0, "5" });
}

static void streams_that_are_no_watch_lead_to_a_list(void **state)
{
	static const char *const events[] = {
		"x",
		"[]",
		"{}",
		"{]}",
		"{'type':7,'object':{}}",
		"{'type':'ADDED'}",
		"{'type':'ADDED','object':null}",
		"{'type':'added','object':{}}",
		"{'type':'PATCHED','object':{}}",
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(events); i++)
		PLAY(SYNC, { ASK, 0, WATCH("5") }, { OPEN, -EBADMSG, events[i] },
		     { CUT, -EBADMSG, "" }, { WRONG, 0, "cannot watch pods: " }, { WAIT, 800, "" },
		     { ASK, 0, LIST("5") });
}

static void watch_from_zero_waits_for_a_version(void **state)
{
	(void)state;
	PLAY({ ASK, 0, LIST_0 }, { ANSWER, 200, LIST_OF("0", "") }, { ASK, 0, WATCH("0") },
	     { OPEN, 0, EVENT("ADDED", "a", "7") EVENT("ADDED", "b", "3") }, { VERSION, 0, "0" },
	     { MORE, 0, EVENT("MODIFIED", "a", "8") }, { VERSION, 0, "8" },
	     { MORE, 0, EVENT("ADDED", "c", "9") }, { VERSION, 0, "9" });
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
	play_as(PN_KIND_REPLICASET, 0, NULL,
		(const struct row[]) {
			{ ASK, 0, "/apis/apps/v1/replicasets?limit=500&resourceVersion=0" },
			{ ANSWER, 200, list },
			{ SEEN, 0, "begin a@3 end " },
			{ ASK, 0,
			  "/apis/apps/v1/replicasets?watch=true&allowWatchBookmarks=true&"
			  "resourceVersion=5&timeoutSeconds=300" },
			{ OPEN, 0, event },
			{ SEEN, 0, "~a@3 " },
			{ 0, 0, "" } });
}

static void lack_of_memory_loses_no_change(void **state)
{
	(void)state;
	PLAY({ FAIL, 1, "" }, { WAIT, 800, "" }, { ASK, 0, LIST_0 }, { FAIL, 1, "" },
	     { ANSWER, 200, LIST_OF("5", POD("a", "3")) },
	     { WRONG, 0, "cannot list pods: Cannot allocate memory" }, { SEEN, 0, "begin drop " },
	     { WAIT, 1600, "" }, SYNC, { ASK, 0, WATCH("5") }, { FAIL, 2, "" },
	     { OPEN, -ENOMEM, EVENT("ADDED", "b", "6") EVENT("ADDED", "c", "7") },
	     { CUT, -ENOMEM, "" }, { SEEN, 0, "+b@6 " }, { VERSION, 0, "6" }, { WAIT, 3200, "" },
	     { ASK, 0, WATCH("6") });
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_then_watches),
		cmocka_unit_test(empty_list_is_complete),
		cmocka_unit_test(versions_are_taken_as_they_come),
		cmocka_unit_test(pages_are_one_list),
		cmocka_unit_test(server_that_pages_at_zero_is_asked_for_pages),
		cmocka_unit_test(page_size_and_selector_are_asked_for),
		cmocka_unit_test(expired_page_leads_to_one_whole_list),
		cmocka_unit_test(expired_list_is_asked_for_without_a_version),
		cmocka_unit_test(version_from_the_future_is_forgotten),
		cmocka_unit_test(refusal_of_every_version_is_a_failure),
		cmocka_unit_test(watch_that_ends_is_resumed_at_once),
		cmocka_unit_test(watch_that_ends_too_soon_leads_to_a_list),
		cmocka_unit_test(object_cut_off_is_never_delivered),
		cmocka_unit_test(list_cut_off_is_never_delivered),
		cmocka_unit_test(absent_server_is_waited_for_without_a_list),
		cmocka_unit_test(pauses_grow_to_30_s_and_start_anew_after_two_quiet_minutes),
		cmocka_unit_test(overloaded_server_is_asked_the_same_again),
		cmocka_unit_test(error_event_leads_to_a_list_at_the_last_version),
		cmocka_unit_test(refusals_say_what_to_do),
		cmocka_unit_test(endless_error_text_is_cut),
		cmocka_unit_test(answers_that_are_no_list_are_refused),
		cmocka_unit_test(objects_that_make_no_sense_are_left_out),
		cmocka_unit_test(odd_watch_events_do_not_move_the_version),
		cmocka_unit_test(streams_that_are_no_watch_lead_to_a_list),
		cmocka_unit_test(watch_from_zero_waits_for_a_version),
		cmocka_unit_test(metadata_is_asked_for_where_it_is_enough),
		cmocka_unit_test(lack_of_memory_loses_no_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
