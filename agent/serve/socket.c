/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server on the unix socket, on the control thread's loop. A client is read until its one line
 * is there, then it is answered, refused, or handed over with its descriptor. It holds nothing but
 * a fixed buffer until then, and a clock runs against it the whole time. Where too many wait, the user
 * who has most of them loses the oldest: so nobody keeps others out, however often he connects.
 */
#include "serve/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/metric.h"
#include "serve/listener.h"
#include "serve/request.h"

enum {
	MAX_CLIENTS = 64, /* that have not got their answer */
	BACKLOG = 128,
	TIMEOUT_MS = 5000,
};

struct client {
	struct client *prev, *next;
	struct pn_socket *socket;
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	unsigned int n_handles; /* not closed yet */
	uid_t user;
	bool closing, is_cut; /* is_cut: gone or going, does not count as held */
	char *answer;
	size_t len;
	char line[PN_REQUEST_MAX + 1]; /* its newline included */
};

struct pn_socket {
	const struct pn_socket_ops *ops;
	void *data;
	uv_pipe_t pipe;
	char *path;
	struct stat id;
	bool closing;
	size_t n_clients, n_held;
	struct client *clients; /* the oldest first */
};

static void free_socket(struct pn_socket *s)
{
	free(s->path);
	free(s);
}

/* --- one client ---------------------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;
	struct pn_socket *s = c->socket;

	if (--c->n_handles > 0)
		return;
	DL_DELETE(s->clients, c);
	s->n_clients--;
	free(c->answer);
	free(c);
	if (s->closing && !s->n_clients)
		free_socket(s);
}

static void let_go(struct client *c)
{
	c->socket->n_held -= !c->is_cut;
	c->is_cut = true;
}

static void close_client(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	let_go(c);
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
	uv_close((uv_handle_t *)&c->timer, on_client_closed);
}

/* What was not read when a unix socket is closed resets the connection under our answer. */
static void swallow_rest(struct client *c)
{
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) < 0)
		return;
	for (int i = 0; i < 64; i++) {
		if (recv(fd, c->line, sizeof(c->line), MSG_DONTWAIT) <= 0)
			return;
	}
}

static void on_written(uv_write_t *write, int status)
{
	(void)status;
	swallow_rest(write->data);
	close_client(write->data);
}

static void on_answer_timeout(uv_timer_t *timer)
{
	close_client(timer->data);
}

/* Sends @text, which is taken over, and then hangs up; a client that does not read it is cut off. */
static void answer(struct client *c, char *text)
{
	uv_buf_t buf;

	(void)uv_read_stop((uv_stream_t *)&c->pipe);
	c->answer = text;
	if (!text) {
		close_client(c);
		return;
	}
	buf = uv_buf_init(text, (unsigned int)strlen(text));
	c->write.data = c;
	(void)uv_timer_start(&c->timer, on_answer_timeout, TIMEOUT_MS, 0);
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0)
		close_client(c);
}

static void refuse(struct client *c, const char *why)
{
	pn_metric_add(PN_METRIC_SERVE_REFUSED, 1);
	answer(c, pn_request_refusal(why));
}

void pn_socket_refuse(int fd, const char *why)
{
	char *text = pn_request_refusal(why);

	pn_metric_add(PN_METRIC_SERVE_REFUSED, 1);
	if (text)
		(void)send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	free(text);
	(void)close(fd);
}

/* The descriptor leaves the loop: the handle keeps one of its own to close. */
static void hand_over(struct client *c, struct pn_request *request)
{
	struct pn_socket *s = c->socket;
	uv_os_fd_t fd;
	int copy = -1;

	(void)uv_read_stop((uv_stream_t *)&c->pipe);
	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) == 0)
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0) {
		pn_request_done(request);
		refuse(c, "the agent has no descriptor left");
		return;
	}
	if (request->command == PN_REQUEST_DROPS)
		s->ops->drops(s->data, copy, &request->view);
	else
		s->ops->subscribe(s->data, copy, &request->view);
	close_client(c);
}

static void serve_select(struct client *c, const struct pn_request *request)
{
	struct pn_socket *s = c->socket;
	struct pn_err err = { "no memory" };
	char *text;

	text = s->ops->select(s->data, request->has_expression ? request->expression : NULL,
			      request->sampling, &err);
	if (text)
		answer(c, text);
	else
		refuse(c, err.text);
}

static void serve_line(struct client *c, size_t len)
{
	struct pn_socket *s = c->socket;
	struct pn_request request;
	struct pn_err err;

	if (pn_request_parse(c->line, len, &request, &err) < 0) {
		refuse(c, err.text);
		return;
	}
	switch (request.command) {
	case PN_REQUEST_FLOWS:
	case PN_REQUEST_DROPS:
		hand_over(c, &request);
		break;
	case PN_REQUEST_STATUS:
		answer(c, s->ops->status(s->data));
		break;
	case PN_REQUEST_SELECT:
		serve_select(c, &request);
		break;
	case PN_REQUEST_CONFIG:
		answer(c, s->ops->config(s->data));
		break;
	}
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct client *c = handle->data;

	(void)suggested;
	*ret = uv_buf_init(c->line + c->len, (unsigned int)(sizeof(c->line) - c->len));
}

/* Return: is the request over, with an answer or a refusal? */
static bool take(struct client *c, size_t n, bool is_end)
{
	const char *newline;

	c->len += n;
	newline = memchr(c->line, '\n', c->len);
	if (newline)
		serve_line(c, (size_t)(newline - c->line));
	else if (is_end)
		serve_line(c, c->len);
	else if (c->len == sizeof(c->line))
		refuse(c, "the request is longer than 4096 bytes");
	else
		return false;
	return true;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	(void)buf;
	if (n < 0 && (n != UV_EOF || !c->len))
		close_client(c);
	else
		(void)take(c, (size_t)PN_MAX(n, 0), n == UV_EOF);
}

static void on_request_timeout(uv_timer_t *timer)
{
	refuse(timer->data, "no complete request within five seconds");
}

/* Its request may have come in the meantime. Return: it had, and is dealt with */
static bool asks_now(struct client *c)
{
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) < 0)
		return false;
	n = recv(fd, c->line + c->len, sizeof(c->line) - c->len, MSG_DONTWAIT);
	return n > 0 && take(c, (size_t)n, false);
}

static size_t count_of(const struct pn_socket *s, uid_t user)
{
	const struct client *c;
	size_t n = 0;

	DL_FOREACH (s->clients, c)
		n += !c->is_cut && c->user == user;
	return n;
}

/* Return: the oldest of the user who has most */
static struct client *choose(struct pn_socket *s)
{
	struct client *c, *chosen = NULL;
	size_t most = 0;

	DL_FOREACH (s->clients, c) {
		size_t n = c->is_cut ? 0 : count_of(s, c->user);

		if (n > most) {
			most = n;
			chosen = c;
		}
	}
	return chosen;
}

static void make_room(struct pn_socket *s)
{
	struct client *c = choose(s);

	if (!c)
		return;
	let_go(c);
	if (c->answer)
		close_client(c);
	else if (!asks_now(c))
		refuse(c, "too many clients wait for an answer, try again");
}

/* --- the listening socket ------------------------------------------------------------------------ */

static struct client *new_client(struct pn_socket *s)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->socket = s;
	c->n_handles = 2;
	(void)uv_pipe_init(s->pipe.loop, &c->pipe, 0);
	(void)uv_timer_init(s->pipe.loop, &c->timer);
	c->pipe.data = c->timer.data = c;
	DL_APPEND(s->clients, c);
	s->n_clients++;
	s->n_held++;
	return c;
}

static uid_t user_of(const uv_pipe_t *pipe)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)pipe, &fd) == 0)
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	return peer.uid;
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct pn_socket *s = stream->data;
	struct client *c;

	if (status < 0)
		return;
	c = new_client(s);
	if (!c)
		return;
	if (uv_accept(stream, (uv_stream_t *)&c->pipe) < 0) {
		close_client(c);
		return;
	}
	pn_metric_add(PN_METRIC_SERVE_CLIENTS, 1);
	c->user = user_of(&c->pipe);
	(void)uv_timer_start(&c->timer, on_request_timeout, TIMEOUT_MS, 0);
	if (uv_read_start((uv_stream_t *)&c->pipe, give_room, on_read) < 0)
		close_client(c);
	if (s->n_held > MAX_CLIENTS)
		make_room(s);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct pn_socket *s = handle->data;

	s->closing = true;
	if (!s->n_clients)
		free_socket(s);
}

/* Takes @fd over. */
static int listen_on(struct pn_socket *s, uv_loop_t *loop, int fd, struct pn_err *reterr)
{
	int r;

	(void)uv_pipe_init(loop, &s->pipe, 0);
	s->pipe.data = s;
	r = uv_pipe_open(&s->pipe, fd);
	if (r < 0)
		(void)close(fd);
	else
		r = uv_listen((uv_stream_t *)&s->pipe, BACKLOG, on_connection);
	if (r < 0)
		return pn_err_set(reterr, r, "%s: cannot listen: %s", s->path, uv_strerror(r));
	return 0;
}

int pn_socket_listen(uv_loop_t *loop, const char *path, const struct pn_socket_ops *ops, void *data,
		     struct pn_socket **ret, struct pn_err *reterr)
{
	struct pn_socket *s = calloc(1, sizeof(*s));
	int fd, r;

	if (!s)
		return pn_err_set(reterr, -ENOMEM, "%s: %s", path, strerror(ENOMEM));
	s->ops = ops;
	s->data = data;
	s->path = strdup(path);
	fd = s->path ? pn_listener_open(path, &s->id, reterr) : -ENOMEM;
	if (fd < 0) {
		free_socket(s);
		return fd;
	}
	r = listen_on(s, loop, fd, reterr);
	if (r < 0) {
		pn_socket_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void pn_socket_close(struct pn_socket *s)
{
	struct client *c;

	if (!s)
		return;
	pn_listener_unlink(s->path, &s->id);
	DL_FOREACH (s->clients, c)
		close_client(c);
	uv_close((uv_handle_t *)&s->pipe, on_listener_closed);
}
