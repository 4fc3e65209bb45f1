/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the API server: their life from pn_client_get() to done(). Informers are the callers.
 *
 * A request is in one of three lists: queued, until the loop comes round and there are credentials;
 * running, while libcurl has it; dead, after done() or a cancel. libcurl may not be told to drop a
 * request while it is the one who calls us, so requests only *move* to the dead list, at any time, and
 * are freed at the end of the event that is being handled (leave()). The same holds for the client
 * itself. That is what makes it safe to start, cancel and free anything from within any callback.
 *
 * How many run is not limited, how many are being opened is: libcurl fills a connection up to the
 * number of streams that the server allows, and makes another, but it has to know that number and
 * what the server speaks before it is given many. What has not been answered within a second no
 * longer counts, so that a slow answer holds up nobody else.
 */
#include "kube/client.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "kube/client_private.h"

/* Fewer than the streams (100) that servers commonly allow on a connection, so that one is enough. */
enum {
	MAX_OPENING = 90,
	MAX_OPENING_AT_FIRST = 10, /* while no request has had an answer */
	OPENING_MS = 1000,
	MIN_FREED = 64, /* requests gone since memory was last given back */
};

static void set_opening(struct pn_request *r, bool is_opening)
{
	r->client->n_opening += is_opening;
	r->client->n_opening -= r->is_opening;
	r->is_opening = is_opening;
}

static void move(struct pn_request *r, enum pn_request_state state)
{
	struct pn_client *c = r->client;

	set_opening(r, state == PN_REQUEST_RUNNING);
	c->n_running -= r->state == PN_REQUEST_RUNNING;
	c->n_running += state == PN_REQUEST_RUNNING;
	DL_DELETE(c->requests[r->state], r);
	r->state = state;
	DL_APPEND(c->requests[state], r);
}

static void request_free(struct pn_request *r)
{
	pn_transfer_drop(r);
	free(r->url);
	free(r->accept);
	free(r);
}

static void reap(struct pn_client *c)
{
	struct pn_request *r;

	while ((r = c->requests[PN_REQUEST_DEAD])) {
		DL_DELETE(c->requests[PN_REQUEST_DEAD], r);
		request_free(r);
		c->n_freed++;
	}
}

/*
 * Each request has had a buffer of 16 KiB, which malloc() keeps: 32 MiB after 2,000. Only when most
 * of what has been is gone, so that it is rare.
 */
static void give_back_memory(struct pn_client *c)
{
	if (c->n_freed < MIN_FREED || c->n_freed < 4 * c->n_running)
		return;
	c->n_freed = 0;
	(void)malloc_trim(0);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct pn_client *c = handle->data;

	if (--c->n_handles == 0)
		free(c);
}

static void client_done(struct pn_client *c)
{
	pn_curl_loop_free(c->curl);
	pn_transport_free(c->transport);
	pn_auth_free(c->auth);
	pn_kube_config_done(&c->config);
}

static void client_destroy(struct pn_client *c)
{
	client_done(c);
	uv_close((uv_handle_t *)&c->starter, on_handle_closed);
	uv_close((uv_handle_t *)&c->watchdog, on_handle_closed);
}

static void on_start(uv_idle_t *starter);

static bool may_open(const struct pn_client *c)
{
	bool is_answered = c->n_running > c->n_opening;

	return c->n_opening < (is_answered ? MAX_OPENING : MAX_OPENING_AT_FIRST);
}

static void start_queued(struct pn_client *c)
{
	if (c->requests[PN_REQUEST_QUEUED] && may_open(c) && !pn_auth_is_waiting(c->auth))
		(void)uv_idle_start(&c->starter, on_start);
}

static void enter(struct pn_client *c)
{
	assert(!c->is_busy);
	c->is_busy = true;
}

static void leave(struct pn_client *c)
{
	reap(c);
	give_back_memory(c);
	c->is_busy = false;
	if (c->is_freed)
		client_destroy(c);
	else
		start_queued(c);
}

void pn_request_opened(struct pn_request *r)
{
	set_opening(r, false);
}

void pn_request_finish(struct pn_request *r, int result, const struct pn_err *err)
{
	move(r, PN_REQUEST_DEAD);
	r->ops->done(r->data, result, err);
}

static void on_act(void *data, curl_socket_t fd, int events)
{
	struct pn_client *c = data;

	enter(c);
	pn_transfers_act(c, fd, events);
	leave(c);
}

/* --- the watchdog, and the end of being opened --- */

static bool is_silent(const struct pn_request *r, uint64_t now_ms)
{
	return r->idle_ms && now_ms - r->heard_ms >= r->idle_ms;
}

/*
 * Where nothing has come on any other request either, the connection itself is taken to be dead:
 * else the next request would go over it too.
 */
static void give_up(struct pn_request *r)
{
	struct pn_client *c = r->client;
	struct pn_err err;

	if (c->heard_ms <= r->heard_ms)
		pn_curl_loop_hang_up(c->curl);
	(void)pn_err_set(&err, -ETIMEDOUT, "%s: nothing was heard for %u.%03u s", c->config.server,
			 r->idle_ms / 1000, r->idle_ms % 1000);
	pn_request_finish(r, -ETIMEDOUT, &err);
}

static void on_watchdog(uv_timer_t *timer);

/* When something may have to be done about a request; UINT64_MAX: never. */
static uint64_t due_ms(const struct pn_request *r)
{
	uint64_t due = r->idle_ms ? r->heard_ms + r->idle_ms : UINT64_MAX;

	if (r->is_opening)
		due = PN_MIN(due, r->sent_ms + OPENING_MS);
	return due;
}

static void rearm_watchdog(struct pn_client *c)
{
	uint64_t now_ms = uv_now(c->loop), first_ms = UINT64_MAX;
	struct pn_request *r;

	DL_FOREACH (c->requests[PN_REQUEST_RUNNING], r)
		first_ms = PN_MIN(first_ms, due_ms(r));
	if (first_ms != UINT64_MAX)
		(void)uv_timer_start(&c->watchdog, on_watchdog, PN_MAX(first_ms, now_ms) - now_ms,
				     0);
}

static struct pn_request *find_silent(struct pn_client *c)
{
	uint64_t now_ms = uv_now(c->loop);
	struct pn_request *r;

	DL_FOREACH (c->requests[PN_REQUEST_RUNNING], r) {
		if (is_silent(r, now_ms))
			return r;
	}
	return NULL;
}

static void on_watchdog(uv_timer_t *timer)
{
	struct pn_client *c = timer->data;
	uint64_t now_ms = uv_now(c->loop);
	struct pn_request *r;

	enter(c);
	DL_FOREACH (c->requests[PN_REQUEST_RUNNING], r) {
		if (now_ms - r->sent_ms >= OPENING_MS)
			set_opening(r, false);
	}
	while ((r = find_silent(c))) /* from the start each time: done() may cancel others */
		give_up(r);
	rearm_watchdog(c);
	leave(c);
}

/* --- starting --- */

static void fail(struct pn_request *r, int result, struct pn_err *err)
{
	(void)pn_err_wrap(err, result, "%s", r->client->config.server);
	pn_request_finish(r, result, err);
}

static void launch(struct pn_request *r)
{
	struct pn_err err = { 0 };

	r->sent_ms = r->heard_ms = uv_now(r->client->loop);
	move(r, PN_REQUEST_RUNNING);
	if (pn_transfer_start(r) < 0)
		fail(r, pn_err_set(&err, -EIO, "out of memory"), &err);
}

/* Return: false if it has to go on waiting, because of its credentials */
static bool try_launch(struct pn_request *r)
{
	struct pn_err err = { 0 };
	int result;

	result = pn_auth_prepare(r->client->auth, uv_now(r->client->loop), &err);
	if (result == PN_AUTH_WAIT)
		return false;
	if (result < 0)
		fail(r, result, &err);
	else
		launch(r);
	return true;
}

/* Only those that are queued now: what they start in turn waits until the loop has come round. */
static void on_start(uv_idle_t *starter)
{
	struct pn_client *c = starter->data;
	struct pn_request *r;
	size_t n;

	enter(c);
	(void)uv_idle_stop(starter); /* leave() starts it again if there is reason to */
	DL_COUNT(c->requests[PN_REQUEST_QUEUED], r, n);
	while (n-- && (r = c->requests[PN_REQUEST_QUEUED]) && may_open(c)) {
		if (!try_launch(r))
			break;
	}
	rearm_watchdog(c);
	leave(c);
}

/* Without credentials none of those that wait for them can go; the next one asks for them again. */
static void on_auth_changed(void *data, int result, const struct pn_err *err)
{
	struct pn_client *c = data;
	struct pn_request *r;
	struct pn_err words;
	size_t n = 0;

	enter(c);
	if (result < 0)
		DL_COUNT(c->requests[PN_REQUEST_QUEUED], r, n);
	while (n-- && (r = c->requests[PN_REQUEST_QUEUED])) {
		words = *err;
		fail(r, result, &words);
	}
	leave(c);
}

int pn_client_get(struct pn_client *c, const char *path, const char *accept, unsigned int idle_ms,
		  const struct pn_request_ops *ops, void *data, struct pn_request **ret)
{
	struct pn_request *r;

	if (*path != '/' || strpbrk(path, " \r\n") || strpbrk(accept, "\r\n"))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->client = c;
	r->idle_ms = idle_ms;
	r->ops = ops;
	r->data = data;
	r->accept = strdup(accept);
	if (asprintf(&r->url, "%s%s", pn_transport_base(c->transport), path) < 0)
		r->url = NULL;
	if (!r->accept || !r->url) {
		request_free(r);
		return -ENOMEM;
	}
	DL_APPEND(c->requests[PN_REQUEST_QUEUED], r);
	start_queued(c);
	*ret = r;
	return 0;
}

void pn_request_cancel(struct pn_request *r)
{
	if (!r || r->state == PN_REQUEST_DEAD)
		return;
	move(r, PN_REQUEST_DEAD);
	if (!r->client->is_busy) {
		enter(r->client);
		leave(r->client);
	}
}

/* --- the client --- */

static void init_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int client_init(struct pn_client *c, uv_loop_t *loop, const struct pn_kube_config *config,
		       struct pn_err *reterr)
{
	bool is_https;
	int r;

	r = pn_kube_config_copy(config, &c->config);
	if (r < 0)
		return pn_err_set(reterr, r, "out of memory");
	r = pn_transport_new(&c->config, &c->transport, reterr);
	if (r < 0)
		return r;
	r = pn_curl_loop_new(loop, on_act, c, &c->curl);
	if (r < 0)
		return pn_err_set(reterr, r, "out of memory");
	is_https = strncmp(c->config.server, "https://", 8) == 0;
	if (is_https)
		c->impersonate = c->config.impersonate;
	if (is_https || pn_kube_server_is_loopback(c->config.server))
		c->headers = c->config.headers;
	return pn_auth_new(loop, &c->config, on_auth_changed, c, &c->auth, reterr);
}

int pn_client_new(uv_loop_t *loop, const struct pn_kube_config *config, struct pn_client **ret,
		  struct pn_err *reterr)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct pn_client *c;
	int r;

	(void)pthread_once(&once, init_curl);
	c = calloc(1, sizeof(*c));
	if (!c)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	c->loop = loop;
	r = client_init(c, loop, config, reterr);
	if (r < 0) {
		client_done(c);
		free(c);
		return r;
	}
	(void)uv_idle_init(loop, &c->starter);
	(void)uv_timer_init(loop, &c->watchdog);
	c->starter.data = c->watchdog.data = c;
	c->n_handles = 2;
	*ret = c;
	return 0;
}

void pn_client_free(struct pn_client *c)
{
	if (!c)
		return;
	c->is_freed = true;
	for (enum pn_request_state s = PN_REQUEST_QUEUED; s < PN_REQUEST_DEAD; s++) {
		while (c->requests[s])
			move(c->requests[s], PN_REQUEST_DEAD);
	}
	if (!c->is_busy) {
		enter(c);
		leave(c);
	}
}

const char *pn_client_server(const struct pn_client *c)
{
	return c->config.server;
}
