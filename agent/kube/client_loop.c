/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The glue between libcurl and libuv. libcurl says which sockets to watch and when it wants to be
 * called; each socket becomes a uv_poll_t, the time a uv_timer_t, and both end in one call of the
 * owner's act(). A socket's handle outlives the socket until the loop has closed it, which libuv
 * allows.
 */
#include "kube/client_loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

/* With more than these open, one that becomes idle is closed. */
enum { MAX_IDLE_CONNECTIONS = 4 };

/*
 * Waking up for a few bytes costs many times what is done with them: four system calls and libcurl's
 * way through its transfers. So a socket may be readable WAKES_BURST times at once and then so often
 * in a second; beyond that it is left alone for a moment, and more is there the next time. The kernel's
 * buffer holds what comes meanwhile. A hundred events a second are never delayed, a thousand by less
 * than REST_MS.
 */
enum { REST_MS = 4, WAKES_BURST = 32 };

static const uint64_t wake_ns = REST_MS * 1000000ULL;

struct watched {
	uv_poll_t poll;
	struct pn_curl_loop *loop;
	curl_socket_t fd;
	int events;	      /* UV_READABLE, UV_WRITABLE: what libcurl waits for */
	uint64_t credit_from; /* ns; each wake moves it on by wake_ns, and it is not long ago */
	bool rests;
	struct watched *prev, *next;
};

struct pn_curl_loop {
	uv_loop_t *uv;
	CURLM *multi;
	uv_timer_t timer, rest; /* libcurl's time, and the end of all rests */
	unsigned int n_handles;
	struct watched *sockets;
	pn_curl_act act;
	void *data;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_rested(uv_timer_t *timer)
{
	struct pn_curl_loop *l = timer->data;
	struct watched *w;

	DL_FOREACH (l->sockets, w) {
		if (w->rests)
			(void)uv_poll_start(&w->poll, w->events, on_poll);
		w->rests = false;
	}
}

static bool is_out_of_credit(struct watched *w)
{
	uint64_t now = uv_hrtime(), earliest = now - WAKES_BURST * wake_ns;

	if (w->credit_from < earliest)
		w->credit_from = earliest;
	w->credit_from += wake_ns;
	return w->credit_from > now;
}

static void rest(struct watched *w)
{
	w->rests = true;
	(void)uv_poll_stop(&w->poll);
	if (!uv_is_active((uv_handle_t *)&w->loop->rest))
		(void)uv_timer_start(&w->loop->rest, on_rested, REST_MS, 0);
}

/*
 * After an error libuv has stopped watching. libcurl is told to read and write, because the socket
 * knows better than epoll what is wrong, and there may be a last message to read (a TLS alert).
 */
static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watched *w = poll->data;
	int flags = 0;

	if (status < 0) {
		(void)uv_poll_start(poll, w->events, on_poll);
		events = UV_READABLE | UV_WRITABLE;
	}
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	w->loop->act(w->loop->data, w->fd, flags);
	/* libcurl may have closed the socket; its handle is there until the loop has closed it */
	if (events & UV_READABLE && !uv_is_closing((uv_handle_t *)poll) && is_out_of_credit(w))
		rest(w);
}

static void on_timer(uv_timer_t *timer)
{
	struct pn_curl_loop *l = timer->data;

	l->act(l->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void unwatch(struct watched *w)
{
	DL_DELETE(w->loop->sockets, w);
	uv_close((uv_handle_t *)&w->poll, on_socket_closed);
}

static struct watched *watch(struct pn_curl_loop *l, curl_socket_t fd)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w || uv_poll_init_socket(l->uv, &w->poll, fd) < 0) {
		free(w);
		return NULL;
	}
	w->poll.data = w;
	w->loop = l;
	w->fd = fd;
	DL_APPEND(l->sockets, w);
	(void)curl_multi_assign(l->multi, fd, w);
	return w;
}

/* A failure here is never reported: libcurl would give up the multi handle, so let the request time out. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *assigned)
{
	struct pn_curl_loop *l = data;
	struct watched *w = assigned;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			unwatch(w);
		(void)curl_multi_assign(l->multi, fd, NULL);
		return 0;
	}
	if (!w)
		w = watch(l, fd);
	if (!w)
		return 0;
	w->rests = false;
	w->events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	(void)uv_poll_start(&w->poll, w->events, on_poll);
	return 0;
}

static int on_timeout_changed(CURLM *multi, long timeout_ms, void *data)
{
	struct pn_curl_loop *l = data;

	(void)multi;
	if (timeout_ms < 0)
		(void)uv_timer_stop(&l->timer);
	else
		(void)uv_timer_start(&l->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

int pn_curl_loop_new(uv_loop_t *loop, pn_curl_act act, void *data, struct pn_curl_loop **ret)
{
	struct pn_curl_loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	*l = (struct pn_curl_loop) { .uv = loop, .act = act, .data = data };
	l->multi = curl_multi_init();
	if (!l->multi) {
		free(l);
		return -ENOMEM;
	}
	(void)uv_timer_init(loop, &l->timer);
	(void)uv_timer_init(loop, &l->rest);
	l->timer.data = l->rest.data = l;
	l->n_handles = 2;
	(void)curl_multi_setopt(l->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	(void)curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)MAX_IDLE_CONNECTIONS);
	(void)curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	(void)curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_timeout_changed);
	(void)curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	*ret = l;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pn_curl_loop *l = handle->data;

	if (--l->n_handles == 0)
		free(l);
}

void pn_curl_loop_free(struct pn_curl_loop *l)
{
	struct watched *w, *next;

	if (!l)
		return;
	(void)curl_multi_cleanup(l->multi);
	DL_FOREACH_SAFE (l->sockets, w, next)
		unwatch(w);
	uv_close((uv_handle_t *)&l->timer, on_timer_closed);
	uv_close((uv_handle_t *)&l->rest, on_timer_closed);
}

CURLM *pn_curl_loop_multi(struct pn_curl_loop *l)
{
	return l->multi;
}

void pn_curl_loop_hang_up(struct pn_curl_loop *l)
{
	struct watched *w;

	DL_FOREACH (l->sockets, w)
		(void)shutdown(w->fd, SHUT_RDWR);
}
