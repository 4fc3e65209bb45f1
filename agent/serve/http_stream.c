/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer of HTTP that comes bit by bit, for http.c: what a descriptor says is passed on as lines or
 * as server-sent events (WHATWG HTML, 9.2).
 *
 * The library asks for bytes whenever the client can take some. When there are none its connection is
 * suspended until the descriptor has some again, until it is time for a sign of life, or until the
 * client has hung up, which a suspended connection does not notice: so its socket is polled here
 * for that alone.
 */
#include "serve/http_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

enum {
	BLOCK_BYTES = 16 << 10,
	READ_BYTES = BLOCK_BYTES / 8, /* of lines, which are at most so much longer as events */
};

static const char data_field[] = "data: ", event_end[] = "\n\n",
		  last_event[] = "event: end\ndata:\n\n", events_alive[] = ": keep-alive\n\n",
		  lines_alive[] = "\n";

struct pn_http_stream {
	struct pn_http_stream_config config;
	uv_poll_t readable, hung_up;
	uv_timer_t alive;
	unsigned int n_handles;
	int hung_up_fd; /* the connection's socket once more: a loop polls a descriptor once */
	bool is_asleep, is_gone;
	bool has_left;	 /* the client; the library does not see it before it writes */
	bool in_line;	 /* what was sent last did not end a line */
	bool was_active; /* since the last sign of life */
	bool owes_alive, has_ended;
};

/* --- bytes ----------------------------------------------------------------------------------------- */

static size_t put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return len;
}

/* Return: bytes in @to, which has room for eight times as many as @from */
static size_t to_events(struct pn_http_stream *s, const char *from, size_t len, char *to)
{
	size_t n = 0;

	while (len) {
		const char *newline = memchr(from, '\n', len);
		size_t part = newline ? (size_t)(newline - from) : len;

		if (!s->in_line)
			n += put(to + n, data_field, sizeof(data_field) - 1);
		n += put(to + n, from, part);
		s->in_line = !newline;
		if (newline)
			n += put(to + n, event_end, sizeof(event_end) - 1);
		part += newline != NULL;
		from += part;
		len -= part;
	}
	return n;
}

static size_t pass_on(struct pn_http_stream *s, char *to, size_t max, ssize_t *ret_read)
{
	char lines[READ_BYTES];

	if (!s->config.as_events) {
		*ret_read = read(s->config.fd, to, max);
		if (*ret_read > 0)
			s->in_line = to[*ret_read - 1] != '\n';
		return *ret_read > 0 ? (size_t)*ret_read : 0;
	}
	*ret_read = read(s->config.fd, lines, PN_MIN(sizeof(lines), max / 8));
	return *ret_read > 0 ? to_events(s, lines, (size_t)*ret_read, to) : 0;
}

static void sleep_until_readable(struct pn_http_stream *s);

static ssize_t end(struct pn_http_stream *s, char *to)
{
	if (!s->config.as_events || s->has_ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	s->has_ended = true;
	return (ssize_t)put(to, last_event, sizeof(last_event) - 1);
}

static ssize_t show_alive(struct pn_http_stream *s, char *to)
{
	s->owes_alive = false;
	if (s->in_line)
		return 0;
	return (ssize_t)(s->config.as_events ? put(to, events_alive, sizeof(events_alive) - 1)
					     : put(to, lines_alive, sizeof(lines_alive) - 1));
}

/* The library asks for up to @max bytes, which are many more than signs of life and ends have. */
static ssize_t on_wanted(void *data, uint64_t pos, char *to, size_t max)
{
	struct pn_http_stream *s = data;
	ssize_t n_read = 0, n;

	(void)pos;
	if (s->has_left)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = s->has_ended ? 0 : (ssize_t)pass_on(s, to, max, &n_read);
	if (n > 0) {
		s->was_active = true;
		return n;
	}
	if (n_read == 0)
		return end(s, to);
	if (errno != EAGAIN && errno != EINTR)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (s->owes_alive && (n = show_alive(s, to)) > 0)
		return n;
	sleep_until_readable(s);
	return 0;
}

/* --- sleeping and waking --------------------------------------------------------------------------- */

void pn_http_stream_wake(struct pn_http_stream *s)
{
	if (!s->is_asleep)
		return;
	s->is_asleep = false;
	(void)uv_poll_stop(&s->readable);
	MHD_resume_connection(s->config.connection);
}

static void wake_and_run(struct pn_http_stream *s)
{
	pn_http_stream_wake(s);
	s->config.run(s->config.data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	wake_and_run(poll->data);
}

static void sleep_until_readable(struct pn_http_stream *s)
{
	if (s->is_asleep || s->is_gone)
		return;
	s->is_asleep = true;
	MHD_suspend_connection(s->config.connection);
	(void)uv_poll_start(&s->readable, UV_READABLE | UV_DISCONNECT, on_readable);
}

static void on_hung_up(uv_poll_t *poll, int status, int events)
{
	struct pn_http_stream *s = poll->data;

	(void)status;
	(void)events;
	(void)uv_poll_stop(poll);
	s->has_left = true;
	wake_and_run(s);
}

static void on_alive(uv_timer_t *timer)
{
	struct pn_http_stream *s = timer->data;

	s->owes_alive = !s->was_active;
	s->was_active = false;
	if (s->owes_alive)
		wake_and_run(s);
}

/* --- coming and going ------------------------------------------------------------------------------ */

static void on_closed(uv_handle_t *handle)
{
	struct pn_http_stream *s = handle->data;

	if (--s->n_handles > 0)
		return;
	(void)close(s->config.fd);
	(void)close(s->hung_up_fd);
	free(s);
}

static void free_unopened(struct pn_http_stream *s)
{
	(void)close(s->config.fd);
	if (s->hung_up_fd >= 0)
		(void)close(s->hung_up_fd);
	free(s);
}

static void close_handle(uv_handle_t *handle)
{
	uv_close(handle, on_closed);
}

void pn_http_stream_gone(struct pn_http_stream *s)
{
	s->is_gone = true;
	close_handle((uv_handle_t *)&s->alive);
	close_handle((uv_handle_t *)&s->hung_up);
	close_handle((uv_handle_t *)&s->readable);
}

/* Both descriptors are pollable: sockets. */
static void start_handles(struct pn_http_stream *s, uv_loop_t *loop)
{
	unsigned int ms = s->config.keep_alive_ms;

	(void)uv_poll_init(loop, &s->readable, s->config.fd);
	(void)uv_poll_init(loop, &s->hung_up, s->hung_up_fd);
	(void)uv_timer_init(loop, &s->alive);
	s->readable.data = s->hung_up.data = s->alive.data = s;
	s->n_handles = 3;
	(void)uv_poll_start(&s->hung_up, UV_DISCONNECT, on_hung_up);
	(void)uv_timer_start(&s->alive, on_alive, ms, ms);
}

int pn_http_stream_new(uv_loop_t *loop, const struct pn_http_stream_config *config,
		       struct pn_http_stream **ret, struct MHD_Response **ret_response)
{
	struct pn_http_stream *s = calloc(1, sizeof(*s));
	struct MHD_Response *r = NULL;
	int on = 1;

	if (!s) {
		(void)close(config->fd);
		return -ENOMEM;
	}
	s->config = *config;
	s->hung_up_fd = fcntl(config->client_fd, F_DUPFD_CLOEXEC, 0);
	if (s->hung_up_fd >= 0)
		r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_wanted, s,
						      NULL);
	if (!r) {
		free_unopened(s);
		return -ENOMEM;
	}
	(void)setsockopt(config->client_fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	start_handles(s, loop);
	*ret = s;
	*ret_response = r;
	return 0;
}
