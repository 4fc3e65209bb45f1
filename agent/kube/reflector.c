/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List, then watch, for ever. The informer drives it: ask what to do, do it, tell what came.
 *
 * The state is small: which request comes next (phase), not before when (wait_until), and the last
 * resourceVersion seen (rv). All of the protocol's rules are in how an answer ends, in list_done()
 * and watch_done(), and every end leads to one of three: go on at once, fail() into a pause, or a
 * complete list. A version is only ever compared with "" and "0"; what it means is the server's
 * business.
 */
#include "kube/reflector.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/metric.h"

enum {
	DEFAULT_PAGE_SIZE = 500,
	LIST_IDLE_MS = 60 * 1000,
	WATCH_MIN_S = 300, /* the server ends a watch after a time drawn from [min, 2 * min] */
	WATCH_GRACE_S = 30,
	MAX_RETRY_AFTER_S = 30, /* a server may ask for a longer pause, but not get it */
	MAX_PATH = 64 << 10,
	MAX_ERROR_BODY = 64 << 10,
};

/* A watch that ends sooner, without an event, is a server in trouble. */
static const pn_nsec short_watch = PN_NSEC_PER_SEC;

enum phase { PHASE_LIST, PHASE_WATCH };

struct list_state {
	bool is_begun;
	bool is_whole;		     /* without limit: its pages expired before their end */
	char rv[PN_OBJECT_RV_LEN];   /* of the first page */
	char token[PN_CONTINUE_LEN]; /* of the next page; "": the first one */
};

/* What is known of the answer that is coming in. */
struct answer {
	int http_status; /* 0: no headers yet */
	int retry_after_s;
	pn_nsec begun_at;
	bool has_event, has_error_event;
	struct pn_status error_event;
	int error; /* why pn_reflector_data() gave up; @err says it, if it needs words */
	struct pn_err err;
};

struct pn_reflector {
	struct pn_reflector_config config;
	char *field_selector;
	struct pn_backoff backoff;

	enum phase phase;
	pn_nsec wait_until;
	char rv[PN_OBJECT_RV_LEN]; /* the last one seen; "" before the first list */
	bool is_rv_unusable;	   /* too old or too new for a list: ask without one */
	bool has_pages;		   /* this server pages even a list at version 0 */
	struct list_state list;

	struct answer answer;
	struct pn_wire wire;
	struct pn_buf body; /* of an answer that is not 200 */
	struct pn_buf path;

	pn_nsec last_contact;
	unsigned int n_failures;
	struct pn_err last_error;
};

static pn_nsec now(const struct pn_reflector *r)
{
	return pn_clock_now(r->config.clock);
}

/* --- requests --- */

/* The resourceVersion that a list asks for. */
static const char *list_version(const struct pn_reflector *r)
{
	if (r->is_rv_unusable)
		return "";
	return r->rv[0] ? r->rv : "0";
}

/* The server's cache serves a list at a version whole, so a limit is for the others. */
static bool wants_pages(const struct pn_reflector *r)
{
	const char *rv = list_version(r);

	if (r->list.is_whole)
		return false;
	return r->config.page_size || r->has_pages || !rv[0] || strcmp(rv, "0") == 0;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static int put_escaped(struct pn_buf *b, const char *text)
{
	int r = 0;

	for (const char *c = text; *c && r == 0; c++)
		r = is_unreserved(*c) ? pn_buf_put(b, c, 1)
				      : pn_buf_printf(b, "%%%02X", (unsigned char)*c);
	return r;
}

/* One more "key=value" of the query; without a value nothing. */
static int put_query(struct pn_buf *b, const char *key, const char *value)
{
	int r;

	if (!value || !value[0])
		return 0;
	r = pn_buf_printf(b, "%c%s=", strchr(b->data, '?') ? '&' : '?', key);
	return r < 0 ? r : put_escaped(b, value);
}

static int put_number(struct pn_buf *b, const char *key, unsigned int value)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", value);
	return put_query(b, key, text);
}

static int begin_path(struct pn_reflector *r)
{
	int e;

	pn_buf_reset(&r->path);
	e = pn_buf_printf(&r->path, "%s", r->config.kind->api_path);
	return e < 0 ? e : put_query(&r->path, "fieldSelector", r->field_selector);
}

static int list_path(struct pn_reflector *r)
{
	unsigned int page = r->config.page_size ? r->config.page_size : DEFAULT_PAGE_SIZE;
	int e = begin_path(r);

	if (e == 0 && wants_pages(r))
		e = put_number(&r->path, "limit", page);
	if (e == 0)
		e = r->list.token[0] ? put_query(&r->path, "continue", r->list.token)
				     : put_query(&r->path, "resourceVersion", list_version(r));
	return e;
}

static int watch_path(struct pn_reflector *r, unsigned int timeout_s)
{
	int e = begin_path(r);

	if (e == 0)
		e = put_query(&r->path, "watch", "true");
	if (e == 0)
		e = put_query(&r->path, "allowWatchBookmarks", "true");
	if (e == 0)
		e = put_query(&r->path, "resourceVersion", r->rv);
	return e < 0 ? e : put_number(&r->path, "timeoutSeconds", timeout_s);
}

static int begin_list(struct pn_reflector *r)
{
	int e;

	if (!r->list.is_begun) {
		e = r->config.ops->list_begin(r->config.data);
		if (e < 0)
			return e;
		r->list.is_begun = true;
		pn_metric_add(PN_METRIC_KUBE_LISTS, 1);
	}
	return list_path(r);
}

static int begin_request(struct pn_reflector *r, struct pn_reflector_step *ret)
{
	unsigned int timeout_s;
	int e;

	if (r->phase == PHASE_LIST) {
		ret->accept = pn_wire_accept(r->config.kind, PN_FRAMING_LIST);
		ret->idle_ms = LIST_IDLE_MS;
		e = begin_list(r);
	} else {
		timeout_s = WATCH_MIN_S +
			    r->config.clock->random(r->config.clock->data) % (WATCH_MIN_S + 1);
		ret->accept = pn_wire_accept(r->config.kind, PN_FRAMING_STREAM);
		ret->idle_ms = (timeout_s + WATCH_GRACE_S) * 1000;
		e = watch_path(r, timeout_s);
	}
	if (e == 0)
		ret->path = r->path.data;
	return e;
}

/* --- how things end --- */

static void drop_list(struct pn_reflector *r)
{
	if (r->list.is_begun)
		r->config.ops->list_drop(r->config.data);
	r->list = (struct list_state) { 0 };
}

static pn_nsec pause_after(struct pn_reflector *r, int retry_after_s)
{
	pn_nsec pause = pn_backoff_next(&r->backoff, r->config.clock);
	pn_nsec asked = 0;

	if (retry_after_s > 0)
		asked = (pn_nsec)PN_MIN(retry_after_s, MAX_RETRY_AFTER_S) * PN_NSEC_PER_SEC;
	return PN_MAX(pause, asked);
}

/* Note why, and pause; then comes a request of phase @next. */
static void PN_PRINTF(4, 5)
	fail(struct pn_reflector *r, enum phase next, int retry_after_s, const char *fmt, ...)
{
	char why[sizeof(r->last_error.text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	(void)pn_err_set(&r->last_error, 0, "cannot %s %s: %s",
			 r->phase == PHASE_LIST ? "list" : "watch", r->config.kind->plural, why);
	r->n_failures++;
	pn_metric_add(PN_METRIC_KUBE_FAILURES, 1);
	r->phase = next;
	r->wait_until = now(r) + pause_after(r, retry_after_s);
}

static const char *advice(int code)
{
	switch (code) {
	case 401:
		return "; the token is expired or not accepted";
	case 403:
		return "; the agent's ClusterRole must allow list and watch of them";
	case 404:
		return "; is this the address of an API server that has them?";
	default:
		return "";
	}
}

static void fail_refused(struct pn_reflector *r, enum phase next, const struct pn_status *st)
{
	fail(r, next, st->retry_after_s, "%d%s%s%s%s%s", st->code, st->reason[0] ? " " : "",
	     st->reason, st->message[0] ? ": " : "", st->message, advice(st->code));
}

/* A pause is all that the server asks for: the same request may come again. */
static bool is_overload(const struct pn_status *st)
{
	return st->code == 429 || (st->code >= 500 && st->retry_after_s >= 0);
}

static void read_status(const struct pn_reflector *r, struct pn_status *ret)
{
	pn_status_from_body(r->answer.http_status, r->body.data, r->body.len, ret);
	if (r->answer.retry_after_s >= 0)
		ret->retry_after_s = r->answer.retry_after_s;
}

static void complete_list(struct pn_reflector *r)
{
	memcpy(r->rv, r->list.rv, sizeof(r->rv));
	r->is_rv_unusable = false;
	r->list = (struct list_state) { 0 };
	r->phase = PHASE_WATCH;
	r->config.ops->list_end(r->config.data);
}

static void complete_page(struct pn_reflector *r)
{
	if (!r->list.token[0])
		memcpy(r->list.rv, r->wire.resource_version, sizeof(r->list.rv));
	if (!r->wire.continue_token[0]) {
		complete_list(r);
		return;
	}
	if (strcmp(list_version(r), "0") == 0)
		r->has_pages = true;
	memcpy(r->list.token, r->wire.continue_token, sizeof(r->list.token));
}

/*
 * The version or the continue token is of no use. Each list that follows at once asks for less
 * than the one before; when there is nothing less to ask for, it is a failure.
 */
static bool ask_differently(struct pn_reflector *r)
{
	bool was_page = r->list.token[0];

	if (!was_page && !list_version(r)[0])
		return false;
	drop_list(r);
	if (was_page)
		r->list.is_whole = true;
	else
		r->is_rv_unusable = true;
	return true;
}

static void list_refused(struct pn_reflector *r)
{
	struct pn_status st;

	read_status(r, &st);
	if ((pn_status_gone(&st) || st.too_large) && ask_differently(r))
		return;
	if (!is_overload(&st))
		drop_list(r);
	fail_refused(r, PHASE_LIST, &st);
}

static const char *words(int error, const struct pn_err *err)
{
	return err && err->text[0] ? err->text : strerror(-error);
}

static void list_done(struct pn_reflector *r, int result, const struct pn_err *err)
{
	struct answer *a = &r->answer;

	if (a->http_status != 0 && a->http_status != 200) {
		list_refused(r);
		return;
	}
	if (result == 0 && a->error == 0)
		a->error = a->http_status ? pn_wire_end(&r->wire, &a->err) : -EPROTO;
	if (result == 0 && a->error == 0) {
		complete_page(r);
		return;
	}
	drop_list(r);
	if (a->error)
		fail(r, PHASE_LIST, -1, "%s", words(a->error, &a->err));
	else
		fail(r, PHASE_LIST, -1, "%s", words(result, err));
}

static void watch_refused(struct pn_reflector *r, const struct pn_status *st)
{
	fail_refused(r, is_overload(st) ? PHASE_WATCH : PHASE_LIST, st);
}

/* An answer that was going well is over, cleanly or cut in the middle: both happen every day. */
static void watch_closed(struct pn_reflector *r)
{
	if (r->answer.has_event || now(r) - r->answer.begun_at >= short_watch)
		return;
	fail(r, PHASE_LIST, -1, "the server ended the watch at once and without an event");
}

static void watch_done(struct pn_reflector *r, int result, const struct pn_err *err)
{
	struct answer *a = &r->answer;
	struct pn_status st;

	if (a->has_error_event) {
		watch_refused(r, &a->error_event);
	} else if (a->http_status != 0 && a->http_status != 200) {
		read_status(r, &st);
		watch_refused(r, &st);
	} else if (a->error) {
		fail(r, a->error == -ENOMEM ? PHASE_WATCH : PHASE_LIST, -1, "%s",
		     words(a->error, &a->err));
	} else if (a->http_status == 0) {
		/* The server is not there: that says nothing about the version, so no list. */
		fail(r, PHASE_WATCH, -1, "%s", words(result ? result : -EPROTO, err));
	} else {
		watch_closed(r);
	}
}

/* --- what the body says --- */

static int take_item(void *data, const struct pn_object *obj)
{
	struct pn_reflector *r = data;

	return r->config.ops->list_item(r->config.data, obj);
}

/*
 * A watch from version 0 begins with the objects there are, in no order of versions; until the
 * first other event none of them says where the watch stands.
 */
static void advance(struct pn_reflector *r, const char *rv, bool is_added)
{
	if (!rv[0] || (is_added && strcmp(r->rv, "0") == 0))
		return;
	memcpy(r->rv, rv, strlen(rv) + 1);
}

static int take_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	struct pn_reflector *r = data;
	int e;

	r->answer.has_event = true;
	e = r->config.ops->event(r->config.data, event, obj);
	if (e < 0)
		return e;
	advance(r, obj->resource_version, event == PN_EVENT_ADDED);
	return 0;
}

static int take_bookmark(void *data, const char *resource_version)
{
	struct pn_reflector *r = data;

	r->answer.has_event = true;
	advance(r, resource_version, false);
	return 0;
}

static int take_error_event(void *data, const struct pn_status *status)
{
	struct pn_reflector *r = data;

	r->answer.has_error_event = true;
	r->answer.error_event = *status;
	return -ECANCELED;
}

static void take_refused(void *data, const struct pn_err *why)
{
	struct pn_reflector *r = data;

	r->config.ops->refused(r->config.data, why);
}

static const struct pn_wire_ops wire_ops = {
	.item = take_item,
	.event = take_event,
	.bookmark = take_bookmark,
	.error = take_error_event,
	.refused = take_refused,
};

/* --- for the caller --- */

int pn_reflector_new(const struct pn_reflector_config *config, struct pn_reflector **ret)
{
	struct pn_reflector *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	if (config->field_selector) {
		r->field_selector = strdup(config->field_selector);
		if (!r->field_selector) {
			free(r);
			return -ENOMEM;
		}
	}
	r->config = *config;
	r->backoff = PN_BACKOFF_DEFAULT;
	r->answer.retry_after_s = -1;
	r->body = PN_BUF_INIT(MAX_ERROR_BODY);
	r->path = PN_BUF_INIT(MAX_PATH);
	*ret = r;
	return 0;
}

void pn_reflector_free(struct pn_reflector *r)
{
	if (!r)
		return;
	pn_wire_close(&r->wire);
	pn_buf_done(&r->body);
	pn_buf_done(&r->path);
	free(r->field_selector);
	free(r);
}

void pn_reflector_next(struct pn_reflector *r, struct pn_reflector_step *ret)
{
	int e;

	*ret = (struct pn_reflector_step) { 0 };
	if (now(r) >= r->wait_until) {
		e = begin_request(r, ret);
		if (e == 0)
			return;
		drop_list(r);
		fail(r, r->phase, -1, "%s", strerror(-e));
	}
	ret->wait_ns = r->wait_until - now(r);
}

void pn_reflector_headers(struct pn_reflector *r, int status, const char *content_type,
			  int retry_after_s)
{
	bool is_list = r->phase == PHASE_LIST;
	struct answer *a = &r->answer;

	a->http_status = status;
	a->retry_after_s = retry_after_s;
	a->begun_at = r->last_contact = now(r);
	if (status != 200)
		return;
	a->error = pn_wire_open(&r->wire, r->config.kind,
				is_list ? PN_FRAMING_LIST : PN_FRAMING_STREAM, content_type,
				&wire_ops, r, &a->err);
	if (is_list || a->error)
		return;
	pn_metric_add(PN_METRIC_KUBE_WATCHES, 1);
	r->n_failures = 0;
	r->last_error.text[0] = '\0';
}

int pn_reflector_data(struct pn_reflector *r, const char *bytes, size_t len)
{
	struct answer *a = &r->answer;

	r->last_contact = now(r);
	if (a->http_status != 200)
		return pn_buf_put(&r->body, bytes, len);
	if (a->error == 0)
		a->error = pn_wire_feed(&r->wire, bytes, len, &a->err);
	return a->error;
}

void pn_reflector_done(struct pn_reflector *r, int result, const struct pn_err *err)
{
	if (r->phase == PHASE_LIST)
		list_done(r, result, err);
	else
		watch_done(r, result, err);
	pn_wire_close(&r->wire);
	pn_buf_done(&r->body);
	r->answer = (struct answer) { .retry_after_s = -1 };
}

void pn_reflector_status(const struct pn_reflector *r, struct pn_reflector_status *ret)
{
	*ret = (struct pn_reflector_status) {
		.resource_version = r->rv,
		.last_contact = r->last_contact,
		.n_failures = r->n_failures,
		.last_error = r->last_error.text,
	};
}
