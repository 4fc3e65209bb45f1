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

#include "kube/auth.h"
#include "kube/client_loop.h"
#include "kube/request_head.h"
#include "kube/transport.h"

/* Fewer than the streams (100) that servers commonly allow on a connection, so that one is enough. */
enum {
	MAX_OPENING = 90,
	MAX_OPENING_AT_FIRST = 10, /* while no request has had an answer */
	OPENING_MS = 1000,
	MIN_FREED = 64, /* requests gone since memory was last given back */
};

enum state {
	QUEUED,
	RUNNING,
	DEAD,
	STATE_MAX, /* sentinel */
};

struct pn_request {
	struct pn_client *client;
	struct pn_request *prev, *next;
	enum state state;
	char *url, *accept;
	unsigned int idle_ms;
	const struct pn_request_ops *ops;
	void *data;

	CURL *easy;
	struct pn_certificates *certificates; /* @easy reads them */
	struct curl_slist *headers;
	uint64_t sent_ms, heard_ms;
	bool has_headers;
	bool is_opening; /* counted in the client's n_opening */
	int result;	 /* what ops->data returned, if negative */
	char error[CURL_ERROR_SIZE];
};

struct pn_client {
	struct pn_kube_config config;
	struct pn_transport *transport;
	struct pn_auth *auth;
	char **impersonate, **headers; /* borrowed from @config; NULL for http:// */
	struct pn_curl_loop *curl;
	uv_loop_t *loop;
	uv_idle_t starter;   /* active while queued requests can be started */
	uv_timer_t watchdog; /* runs out when the first request may have been silent too long */
	int n_handles;
	struct pn_request *requests[STATE_MAX];
	unsigned int n_running, n_opening, n_freed;
	uint64_t heard_ms; /* when anything arrived, on any request */
	bool is_busy;	   /* handling an event: nothing may be freed */
	bool is_freed;
};

static void set_opening(struct pn_request *r, bool is_opening)
{
	r->client->n_opening += is_opening;
	r->client->n_opening -= r->is_opening;
	r->is_opening = is_opening;
}

static void move(struct pn_request *r, enum state state)
{
	struct pn_client *c = r->client;

	set_opening(r, state == RUNNING);
	c->n_running -= r->state == RUNNING;
	c->n_running += state == RUNNING;
	DL_DELETE(c->requests[r->state], r);
	r->state = state;
	DL_APPEND(c->requests[state], r);
}

static void request_free(struct pn_request *r)
{
	if (r->easy) {
		(void)curl_multi_remove_handle(pn_curl_loop_multi(r->client->curl), r->easy);
		curl_easy_cleanup(r->easy);
	}
	pn_request_head_free(r->headers);
	pn_certificates_unref(r->certificates);
	free(r->url);
	free(r->accept);
	free(r);
}

static void reap(struct pn_client *c)
{
	struct pn_request *r;

	while ((r = c->requests[DEAD])) {
		DL_DELETE(c->requests[DEAD], r);
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
	if (c->requests[QUEUED] && may_open(c) && !pn_auth_is_waiting(c->auth))
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

/* The last that a request's owner hears of it. */
static void finish(struct pn_request *r, int result, const struct pn_err *err)
{
	move(r, DEAD);
	r->ops->done(r->data, result, err);
}

/* --- what libcurl tells us --- */

static void report_headers(struct pn_request *r, int status)
{
	struct pn_response response;
	char type[PN_MEDIA_TYPE_LEN];

	pn_transport_response(r->easy, status, type, &response);
	if (status == 401)
		pn_auth_refused(r->client->auth, r->sent_ms);
	set_opening(r, false);
	r->has_headers = true;
	r->ops->headers(r->data, &response);
}

static void heard(struct pn_request *r)
{
	r->heard_ms = r->client->heard_ms = uv_now(r->client->loop);
}

/* One line of headers at a time; an empty one ends them. Interim (1xx) answers and trailers do not count. */
static size_t on_header(char *line, size_t size, size_t n_bytes, void *data)
{
	struct pn_request *r = data;
	long status = 0;

	(void)size;
	if (r->state != RUNNING)
		return CURL_WRITEFUNC_ERROR;
	heard(r);
	if (!r->has_headers && *line == '\r')
		(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200)
		report_headers(r, (int)status);
	return r->state == RUNNING ? n_bytes : CURL_WRITEFUNC_ERROR;
}

static size_t on_body(char *bytes, size_t size, size_t n_bytes, void *data)
{
	struct pn_request *r = data;

	(void)size;
	if (r->state != RUNNING)
		return CURL_WRITEFUNC_ERROR;
	heard(r);
	r->result = r->ops->data(r->data, bytes, n_bytes);
	return r->state == RUNNING && r->result >= 0 ? n_bytes : CURL_WRITEFUNC_ERROR;
}

static void finish_transfer(struct pn_request *r, CURLcode code)
{
	struct pn_err err = { 0 };
	int result = 0;

	if (r->result < 0)
		result = pn_err_set(&err, r->result, "%s: the answer was refused: %s",
				    r->client->config.server, strerror(-r->result));
	else if (code != CURLE_OK || !r->has_headers) /* cut headers are fine with libcurl */
		result = pn_transport_explain(r->client->transport, r->easy,
					      code == CURLE_OK ? CURLE_GOT_NOTHING : code, r->error,
					      &err);
	if (result == -EPROTO)
		pn_auth_distrusted(r->client->auth, r->sent_ms);
	finish(r, result, &err);
}

static void finish_transfers(struct pn_client *c)
{
	struct pn_request *r;
	CURLMsg *msg;
	int n_left;

	while ((msg = curl_multi_info_read(pn_curl_loop_multi(c->curl), &n_left))) {
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&r);
		if (msg->msg == CURLMSG_DONE && r->state == RUNNING)
			finish_transfer(r, msg->data.result);
	}
}

static void on_act(void *data, curl_socket_t fd, int events)
{
	struct pn_client *c = data;
	int n_left;

	enter(c);
	(void)curl_multi_socket_action(pn_curl_loop_multi(c->curl), fd, events, &n_left);
	finish_transfers(c);
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
	finish(r, -ETIMEDOUT, &err);
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

	DL_FOREACH (c->requests[RUNNING], r)
		first_ms = PN_MIN(first_ms, due_ms(r));
	if (first_ms != UINT64_MAX)
		(void)uv_timer_start(&c->watchdog, on_watchdog, PN_MAX(first_ms, now_ms) - now_ms,
				     0);
}

static struct pn_request *find_silent(struct pn_client *c)
{
	uint64_t now_ms = uv_now(c->loop);
	struct pn_request *r;

	DL_FOREACH (c->requests[RUNNING], r) {
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
	DL_FOREACH (c->requests[RUNNING], r) {
		if (now_ms - r->sent_ms >= OPENING_MS)
			set_opening(r, false);
	}
	while ((r = find_silent(c))) /* from the start each time: done() may cancel others */
		give_up(r);
	rearm_watchdog(c);
	leave(c);
}

/* --- starting --- */

static int set_headers(struct pn_request *r)
{
	const struct pn_client *c = r->client;
	const struct pn_request_head head = {
		.accept = r->accept,
		.token = pn_auth_token(c->auth),
		.basic = pn_auth_basic(c->auth),
		.impersonate = c->impersonate,
		.headers = c->headers,
		.host = pn_transport_host_header(c->transport),
	};

	return pn_request_head_make(&head, &r->headers);
}

/* Connections that know the client by an older certificate end, and what runs over them. */
static int use_certificates(struct pn_request *r)
{
	struct pn_client *c = r->client;
	struct pn_certificates *certificates = pn_auth_certificates(c->auth);
	int result;

	if (!certificates)
		return 0;
	result = pn_transport_use(c->transport, certificates);
	if (result == PN_CLIENT_CERTIFICATE_CHANGED)
		pn_curl_loop_hang_up(c->curl);
	r->certificates = pn_certificates_ref(certificates);
	return result;
}

static int hand_over(struct pn_request *r)
{
	struct pn_client *c = r->client;
	CURL *easy;

	if (set_headers(r) < 0 || use_certificates(r) < 0)
		return -ENOMEM;
	easy = pn_transport_easy(c->transport);
	if (!easy)
		return -ENOMEM;
	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->error);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
	if (curl_easy_setopt(easy, CURLOPT_URL, r->url) != CURLE_OK ||
	    curl_multi_add_handle(pn_curl_loop_multi(c->curl), easy) != CURLM_OK) {
		curl_easy_cleanup(easy);
		return -ENOMEM;
	}
	r->easy = easy;
	return 0;
}

static void fail(struct pn_request *r, int result, struct pn_err *err)
{
	(void)pn_err_wrap(err, result, "%s", r->client->config.server);
	finish(r, result, err);
}

static void launch(struct pn_request *r)
{
	struct pn_err err = { 0 };

	r->sent_ms = r->heard_ms = uv_now(r->client->loop);
	move(r, RUNNING);
	if (hand_over(r) < 0)
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
	DL_COUNT(c->requests[QUEUED], r, n);
	while (n-- && (r = c->requests[QUEUED]) && may_open(c)) {
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
		DL_COUNT(c->requests[QUEUED], r, n);
	while (n-- && (r = c->requests[QUEUED])) {
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
	DL_APPEND(c->requests[QUEUED], r);
	start_queued(c);
	*ret = r;
	return 0;
}

void pn_request_cancel(struct pn_request *r)
{
	if (!r || r->state == DEAD)
		return;
	move(r, DEAD);
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
	for (enum state s = QUEUED; s < DEAD; s++) {
		while (c->requests[s])
			move(c->requests[s], DEAD);
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
