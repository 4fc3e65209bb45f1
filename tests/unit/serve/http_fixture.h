/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_SERVE_HTTP_FIXTURE_H
#define PN_TESTS_SERVE_HTTP_FIXTURE_H

/*
 * An HTTP server with pages of each sort, and clients, which are sockets of the test on loopback; the
 * loop runs on this thread between their steps, until what is waited for has happened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/http.h"

enum { TIMEOUT_MS = 60000, SOON_MS = 1000, LARGE = 16 << 20 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

struct server {
	uv_loop_t loop;
	struct pn_http *http;
	unsigned int timeout_ms, keep_alive_ms;
	unsigned int n_made[2];
	int streams[64]; /* the ends that are written to */
	size_t n_streams;
};

static inline int make_page(struct server *s, unsigned int form, size_t len,
			    struct pn_http_answer *ret)
{
	char *body = calloc(1, len);

	if (!body)
		return -ENOMEM;
	memset(body, 'x', len);
	(void)snprintf(body, 32, "form %u made %u", form, ++s->n_made[form]);
	*ret = (struct pn_http_answer) {
		.status = 200, .type = form ? "text/b" : "text/a", .body = body, .len = len
	};
	return 0;
}

static inline int make_fresh(void *data, unsigned int form, struct pn_http_answer *ret)
{
	return make_page(data, form, 64, ret);
}

static inline int make_sick(void *data, unsigned int form, struct pn_http_answer *ret)
{
	int r = make_page(data, form, 64, ret);

	ret->status = 503;
	return r;
}

static inline int make_large(void *data, unsigned int form, struct pn_http_answer *ret)
{
	return make_page(data, form, LARGE, ret);
}

static inline int make_nothing(void *data, unsigned int form, struct pn_http_answer *ret)
{
	(void)data;
	(void)form;
	(void)ret;
	return -ENOMEM;
}

static inline unsigned int choose(const char *accept)
{
	return strcmp(accept, "b") == 0;
}

/* A stream, of which the test holds the other end; "b=..." is told as lines, what is not a pair is refused. */
static inline int ask_stream(void *data, const struct pn_http_pair *query, size_t n,
			     struct pn_http_answer *ret)
{
	struct server *s = data;
	int fds[2];

	if (n && strcmp(query[0].key, "refuse") == 0) {
		ret->status = 400;
		ret->type = "text/a";
		ret->body = strdup(query[0].value);
		ret->len = strlen(query[0].value);
		return ret->body ? 0 : -ENOMEM;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	for (size_t i = 0; i < n; i++)
		(void)dprintf(fds[1], "%s=%s\n", query[i].key, query[i].value);
	*ret = (struct pn_http_answer) {
		.status = 200, .type = "text/lines", .is_stream = true, .fd = fds[0]
	};
	assert_true(s->n_streams < PN_ARRAY_SIZE(s->streams));
	s->streams[s->n_streams++] = fds[1];
	return 0;
}

static const struct pn_http_page pages[] = {
	{ "/fresh", true, 0, NULL, make_fresh, NULL },
	{ "/sick", true, 0, NULL, make_sick, NULL },
	{ "/kept", false, 60000, choose, make_fresh, NULL },
	{ "/large", true, 0, NULL, make_large, NULL },
	{ "/nothing", true, 0, NULL, make_nothing, NULL },
	{ "/brief", true, 20, NULL, make_fresh, NULL },
	{ "/stream", false, 0, NULL, NULL, ask_stream },
};

static const char *const hosts[] = { "a", "node-1.example.com", NULL };

static inline int try_listen(struct server *s, const char *address, const char *token,
			     struct pn_http **ret, struct pn_err *reterr)
{
	const struct pn_http_config config = {
		.address = address,
		.token = token,
		.hosts = hosts,
		.timeout_ms = s->timeout_ms,
		.keep_alive_ms = s->keep_alive_ms,
		.pages = pages,
		.n_pages = PN_ARRAY_SIZE(pages),
		.data = s,
	};

	return pn_http_listen(&s->loop, &config, ret, reterr);
}

static inline void start_server(struct server *s, const char *address, const char *token)
{
	struct pn_err err = { "" };

	if (try_listen(s, address, token, &s->http, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void stop_server(struct server *s)
{
	pn_http_close(s->http);
	s->http = NULL;
	(void)uv_run(&s->loop, UV_RUN_DEFAULT); /* ends when every handle is closed */
}

static inline int setup(void **state)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s || uv_loop_init(&s->loop) < 0)
		return -1;
	s->timeout_ms = s->keep_alive_ms = TIMEOUT_MS;
	start_server(s, "127.0.0.1:0", NULL);
	*state = s;
	return 0;
}

/* From here on nobody has much time. */
static inline void hurry(struct server *s)
{
	stop_server(s);
	s->timeout_ms = SOON_MS;
	start_server(s, "127.0.0.1:0", NULL);
}

static inline int teardown(void **state)
{
	struct server *s = *state;

	stop_server(s);
	for (size_t i = 0; i < s->n_streams; i++)
		(void)close(s->streams[i]);
	if (uv_loop_close(&s->loop) < 0)
		return -1;
	free(s);
	return 0;
}

/* --- clients ------------------------------------------------------------------------------------- */

static inline int connect_raw(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(pn_http_port(s->http)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static inline int ask(struct server *s, const char *request)
{
	int fd = connect_raw(s);

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

/* One turn of the server, or a millisecond for the kernel. */
static inline void turn(struct server *s, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	(void)poll(&p, 1, 1);
}

/* Runs the server until it hangs up on @fd. Return: how much it said; what fits is in @buf */
static inline size_t read_to_end(struct server *s, int fd, char *buf, size_t size)
{
	static char rest[1 << 16];
	size_t len = 0, total = 0;
	ssize_t n = -1;

	while (n != 0) {
		bool fits = len + 1 < size;

		n = recv(fd, fits ? buf + len : rest, fits ? size - 1 - len : sizeof(rest),
			 MSG_DONTWAIT);
		if (n > 0) {
			total += (size_t)n;
			len += fits ? (size_t)n : 0;
		} else if (n < 0 && errno != EAGAIN) {
			break; /* reset */
		} else if (n < 0) {
			turn(s, fd, POLLIN);
		}
	}
	buf[len] = '\0';
	(void)close(fd);
	return total;
}

static inline void assert_answer(struct server *s, int fd, const char *status, const char *words)
{
	char answer[2048];

	(void)read_to_end(s, fd, answer, sizeof(answer));
	if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, status, 3) != 0)
		fail_msg("no %s: \"%s\"", status, answer);
	if (!strstr(answer, words))
		fail_msg("\"%s\" has no \"%s\"", answer, words);
}

static inline void assert_still_serves(struct server *s)
{
	assert_answer(s, ask(s, GET("/fresh")), "200", "form 0 made");
}

static inline void until_cut(struct server *s, int fd)
{
	char buf[16];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) < 0 && errno == EAGAIN)
		turn(s, fd, POLLIN);
	(void)close(fd);
}

#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
