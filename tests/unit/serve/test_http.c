/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server with clients of all kinds: polite ones, and those that are slow, huge, malformed or
 * many. Clients are sockets of the test on loopback; the loop runs on this thread between their steps,
 * until what is waited for has happened.
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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/metric.h"
#include "serve/http.h"
#include "serve/http_host.h"
#include "serve/http_token.h"

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

static int make_page(struct server *s, unsigned int form, size_t len, struct pn_http_answer *ret)
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

static int make_fresh(void *data, unsigned int form, struct pn_http_answer *ret)
{
	return make_page(data, form, 64, ret);
}

static int make_sick(void *data, unsigned int form, struct pn_http_answer *ret)
{
	int r = make_page(data, form, 64, ret);

	ret->status = 503;
	return r;
}

static int make_large(void *data, unsigned int form, struct pn_http_answer *ret)
{
	return make_page(data, form, LARGE, ret);
}

static int make_nothing(void *data, unsigned int form, struct pn_http_answer *ret)
{
	(void)data;
	(void)form;
	(void)ret;
	return -ENOMEM;
}

static unsigned int choose(const char *accept)
{
	return strcmp(accept, "b") == 0;
}

/* A stream, of which the test holds the other end; "b=..." is told as lines, what is not a pair is refused. */
static int ask_stream(void *data, const struct pn_http_pair *query, size_t n,
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

static int try_listen(struct server *s, const char *address, const char *token,
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

static void start_server(struct server *s, const char *address, const char *token)
{
	struct pn_err err = { "" };

	if (try_listen(s, address, token, &s->http, &err) < 0)
		fail_msg("%s", err.text);
}

static void stop_server(struct server *s)
{
	pn_http_close(s->http);
	s->http = NULL;
	(void)uv_run(&s->loop, UV_RUN_DEFAULT); /* ends when every handle is closed */
}

static int setup(void **state)
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
static void hurry(struct server *s)
{
	stop_server(s);
	s->timeout_ms = SOON_MS;
	start_server(s, "127.0.0.1:0", NULL);
}

static int teardown(void **state)
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

static int connect_raw(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(pn_http_port(s->http)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static int ask(struct server *s, const char *request)
{
	int fd = connect_raw(s);

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

/* One turn of the server, or a millisecond for the kernel. */
static void turn(struct server *s, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	(void)poll(&p, 1, 1);
}

/* Runs the server until it hangs up on @fd. Return: how much it said; what fits is in @buf */
static size_t read_to_end(struct server *s, int fd, char *buf, size_t size)
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

static void assert_answer(struct server *s, int fd, const char *status, const char *words)
{
	char answer[2048];

	(void)read_to_end(s, fd, answer, sizeof(answer));
	if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, status, 3) != 0)
		fail_msg("no %s: \"%s\"", status, answer);
	if (!strstr(answer, words))
		fail_msg("\"%s\" has no \"%s\"", answer, words);
}

static void assert_still_serves(struct server *s)
{
	assert_answer(s, ask(s, GET("/fresh")), "200", "form 0 made");
}

static void until_cut(struct server *s, int fd)
{
	char buf[16];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) < 0 && errno == EAGAIN)
		turn(s, fd, POLLIN);
	(void)close(fd);
}

/* --- requests ------------------------------------------------------------------------------------ */

static void page_is_given_and_the_connection_ends(void **state)
{
	struct server *s = *state;

	assert_answer(s, ask(s, GET("/fresh")), "200", "Connection: close");
	assert_answer(s, ask(s, GET("/fresh")), "200", "made 2");
	assert_answer(s, ask(s, GET("/sick")), "503", "made 3");
	assert_answer(s, ask(s, GET("/fresh?a=b")), "200", "made 4");
}

static void head_has_no_body(void **state)
{
	struct server *s = *state;
	char answer[2048];

	(void)read_to_end(s, ask(s, "HEAD /fresh HTTP/1.1\r\nHost: a\r\n\r\n"), answer,
			  sizeof(answer));
	assert_non_null(strstr(answer, "200 OK"));
	assert_non_null(strstr(answer, "Content-Length: 64\r\n"));
	assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void unknown_path_is_told_the_known_ones(void **state)
{
	struct server *s = *state;

	assert_answer(s, ask(s, GET("/")), "404", "\n/fresh\n/sick\n/kept\n");
	assert_answer(s, ask(s, GET("/fresh/")), "404", "/fresh\n");
	assert_answer(s, ask(s, GET("/../fresh")), "404", "/fresh\n");
}

static void other_methods_are_refused(void **state)
{
	struct server *s = *state;

	assert_answer(s, ask(s, "POST /fresh HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
		      "405", "Allow: GET, HEAD\r\n");
	assert_answer(s, ask(s, "DELETE /fresh HTTP/1.1\r\nHost: a\r\n\r\n"), "405", "Allow:");
	assert_answer(s, ask(s, "FROB /fresh HTTP/1.1\r\nHost: a\r\n\r\n"), "405", "Allow:");
	assert_int_equal(s->n_made[0], 0);
}

static void page_is_kept_by_form(void **state)
{
	struct server *s = *state;

	assert_answer(s, ask(s, GET("/kept")), "200", "form 0 made 1");
	assert_answer(s, ask(s, GET("/kept")), "200", "form 0 made 1");
	assert_answer(s, ask(s, "GET /kept HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n"), "200",
		      "form 1 made 1");
	assert_answer(s, ask(s, "GET /kept HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n"), "200",
		      "text/b");
	assert_int_equal(s->n_made[1], 1);
}

static void page_is_made_again_when_its_time_is_over(void **state)
{
	struct server *s = *state;

	assert_answer(s, ask(s, GET("/brief")), "200", "made 1");
	while (s->n_made[0] == 1)
		assert_answer(s, ask(s, GET("/brief")), "200", "form 0 made");
	assert_int_equal(s->n_made[0], 2);
}

static void page_without_memory_is_an_error(void **state)
{
	struct server *s = *state;

	assert_answer(s, ask(s, GET("/nothing")), "500", "no memory");
	assert_still_serves(s);
}

static void token_is_wanted_where_a_page_is_not_open(void **state)
{
	struct server *s = *state;

	stop_server(s);
	start_server(s, "127.0.0.1:0", "secret");
	assert_answer(s, ask(s, GET("/kept")), "401", "WWW-Authenticate: Bearer");
	assert_answer(s, ask(s, "GET /kept HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n"),
		      "401", "Authorization");
	assert_answer(
		s, ask(s, "GET /kept HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\n\r\n"),
		"200", "made 1");
	assert_answer(s, ask(s, GET("/fresh")), "200", "made 2");
	/* What the API server's proxy leaves in place. */
	assert_answer(s, ask(s, "GET /kept HTTP/1.1\r\nHost: a\r\nX-Podonym-Token: secret\r\n\r\n"),
		      "200", "made 1");
	assert_answer(s, ask(s, "GET /stream HTTP/1.1\r\nHost: a\r\nX-Podonym-Token: s\r\n\r\n"),
		      "401", "Authorization");
	assert_int_equal(s->n_streams, 0);
}

static void a_name_that_anybody_may_have_given_us_is_refused(void **state)
{
	static const char evil[] = "Host: a.example.com\r\n\r\n";
	struct server *s = *state;
	char request[128];

	(void)snprintf(request, sizeof(request), "GET /kept HTTP/1.1\r\n%s", evil);
	assert_answer(s, ask(s, request), "421", "start it with --http-host NAME");
	(void)snprintf(request, sizeof(request), "GET /stream HTTP/1.1\r\n%s", evil);
	assert_answer(s, ask(s, request), "421", "call it by its address");
	(void)snprintf(request, sizeof(request), "GET /fresh HTTP/1.1\r\n%s", evil);
	assert_answer(s, ask(s, request), "200", "form 0 made"); /* open */
	stop_server(s);
	start_server(s, "127.0.0.1:0", "secret");
	assert_answer(s,
		      ask(s, "GET /kept HTTP/1.1\r\nHost: a.example.com\r\n"
			     "Authorization: Bearer secret\r\n\r\n"),
		      "200", "form 0 made");
}

static void hosts_are_addresses_localhost_and_names_that_are_known(void **state)
{
	static const char *const ours[] = {
		"127.0.0.1",
		"127.0.0.1:9960",
		"127.0.0.1:",
		"10.1.2.3:80",
		"[::1]:9960",
		"[fd00::1]",
		"localhost",
		"LocalHost:1",
		"localhost.:9960",
		"a",
		"A:9960",
		"a.",
		"Node-1.Example.com:1",
	};
	static const char *const others[] = {
		"",
		":80",
		".",
		"b",
		"a.b",
		"a b",
		"a:80:80",
		"127.0.0.1.nip.io",
		"127.0.0.1:x",
		"1270.0.0.1",
		"[::1",
		"[::1]x",
		"[127.0.0.1]",
		"[evil.example.com]",
		"::1",
		"localhost.example.com",
		"xlocalhost",
		"node-1.example.com.evil",
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(ours); i++) {
		if (!pn_http_host_is_ours(ours[i], hosts))
			fail_msg("%s", ours[i]);
	}
	for (size_t i = 0; i < PN_ARRAY_SIZE(others); i++) {
		if (pn_http_host_is_ours(others[i], hosts))
			fail_msg("%s", others[i]);
	}
	assert_true(pn_http_host_is_ours(NULL, hosts));
	assert_true(pn_http_host_is_ours("localhost", NULL));
	assert_false(pn_http_host_is_ours("a", NULL));
	assert_int_equal(pn_http_host_check("node-1.example.com", NULL), 0);
	assert_int_equal(pn_http_host_check("node-1:80", NULL), -EINVAL);
	assert_int_equal(pn_http_host_check("", NULL), -EINVAL);
	assert_int_equal(pn_http_host_check("*", NULL), -EINVAL);
}

static void only_the_whole_token_matches(void **state)
{
	(void)state;
	assert_true(pn_http_token_matches(NULL, NULL));
	assert_true(pn_http_token_matches("abc", "Bearer abc"));
	assert_true(pn_http_token_matches("abc", "bearer  abc"));
	assert_false(pn_http_token_matches("abc", NULL));
	assert_false(pn_http_token_matches("abc", ""));
	assert_false(pn_http_token_matches("abc", "abc"));
	assert_false(pn_http_token_matches("abc", "Bearer"));
	assert_false(pn_http_token_matches("abc", "Bearer "));
	assert_false(pn_http_token_matches("abc", "Bearerabc"));
	assert_false(pn_http_token_matches("abc", "Bearer ab"));
	assert_false(pn_http_token_matches("abc", "Bearer abcd"));
	assert_false(pn_http_token_matches("abc", "Bearer abc "));
	assert_false(pn_http_token_matches("abc", "Bearer abcabc"));
	assert_false(pn_http_token_matches("abc", "Basic abc"));
}

/* --- streams ------------------------------------------------------------------------------------- */

/* Runs the server until what it says on @fd ends in @words; @answer is added to. */
static void read_until(struct server *s, int fd, char *answer, size_t size, const char *words)
{
	size_t len = strlen(answer), n_words = strlen(words);

	while (len < n_words || strcmp(answer + len - n_words, words) != 0) {
		ssize_t n = recv(fd, answer + len, size - 1 - len, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			fail_msg("ended with: \"%s\"", answer);
		len += n > 0 ? (size_t)n : 0;
		answer[len] = '\0';
		if (n < 0)
			turn(s, fd, POLLIN);
	}
}

/* Return: a stream that has told its first line */
static int open_stream(struct server *s, const char *accept, char *answer, size_t size,
		       const char *first)
{
	char request[256];
	int fd;

	(void)snprintf(request, sizeof(request),
		       "GET /stream?n=1 HTTP/1.1\r\nHost: a\r\nAccept: %s\r\n\r\n", accept);
	fd = ask(s, request);
	*answer = '\0';
	read_until(s, fd, answer, size, first);
	return fd;
}

static void say(struct server *s, const char *text)
{
	int fd = s->streams[s->n_streams - 1];

	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void hang_up(struct server *s)
{
	(void)close(s->streams[--s->n_streams]);
}

static void stream_passes_lines_on_as_they_come(void **state)
{
	struct server *s = *state;
	char answer[4096];
	int fd = open_stream(s, "*/*", answer, sizeof(answer), "n=1\n\r\n");

	assert_non_null(strstr(answer, "HTTP/1.1 200 "));
	assert_non_null(strstr(answer, "Transfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(answer, "Content-Type: text/lines\r\n"));
	say(s, "half a ");
	read_until(s, fd, answer, sizeof(answer), "half a \r\n");
	say(s, "line\nand\n");
	read_until(s, fd, answer, sizeof(answer), "line\nand\n\r\n");
	hang_up(s);
	read_until(s, fd, answer, sizeof(answer), "\r\n0\r\n\r\n");
	until_cut(s, fd);
}

static void lines_are_events_for_who_accepts_them(void **state)
{
	struct server *s = *state;
	char answer[4096];
	int fd = open_stream(s, "text/event-stream", answer, sizeof(answer), "data: n=1\n\n\r\n");

	assert_non_null(strstr(answer, "Content-Type: text/event-stream\r\n"));
	say(s, "a\n\nb\nc");
	read_until(s, fd, answer, sizeof(answer), "data: a\n\ndata: \n\ndata: b\n\ndata: c\r\n");
	say(s, "d\n");
	read_until(s, fd, answer, sizeof(answer), "\r\nd\n\n\r\n");
	hang_up(s);
	read_until(s, fd, answer, sizeof(answer), "event: end\ndata:\n\n\r\n0\r\n\r\n");
	until_cut(s, fd);
}

static void query_is_decoded_and_may_be_refused(void **state)
{
	struct server *s = *state;
	char answer[4096] = "", many[2048] = "GET /stream?", *at = many + strlen(many);
	int fd = ask(s, GET("/stream?a=x%2Fy%20%26&b&c=+&a=2"));

	read_until(s, fd, answer, sizeof(answer), "a=x/y &\nb=\nc= \na=2\n\r\n");
	(void)close(fd);
	assert_answer(s, ask(s, GET("/stream?refuse=why")), "400", "\r\n\r\nwhy");
	assert_answer(s, ask(s, GET("/stream?a=%00b")), "400", "NUL");
	for (int i = 0; i <= PN_HTTP_MAX_PAIRS; i++)
		at += sprintf(at, "a=%d&", i);
	(void)strcpy(at, " HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_answer(s, ask(s, many), "400", "too many parameters");
	assert_answer(s, ask(s, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n"), "405",
		      "Allow: GET\r\n");
	assert_int_equal(s->n_streams, 1);
}

static void silent_stream_shows_that_it_lives(void **state)
{
	struct server *s = *state;
	char answer[4096];
	int lines, events;

	stop_server(s);
	s->keep_alive_ms = 20;
	start_server(s, "127.0.0.1:0", NULL);
	lines = open_stream(s, "*/*", answer, sizeof(answer), "n=1\n\r\n");
	read_until(s, lines, answer, sizeof(answer), "\r\n1\r\n\n\r\n");
	/* Not within a line. */
	say(s, "half");
	read_until(s, lines, answer, sizeof(answer), "half\r\n");
	events = open_stream(s, "text/event-stream", answer, sizeof(answer), "n=1\n\n\r\n");
	read_until(s, events, answer, sizeof(answer), ": keep-alive\n\n\r\n");
	read_until(s, events, answer, sizeof(answer),
		   ": keep-alive\n\n\r\nE\r\n: keep-alive\n\n\r\n");
	assert_int_equal(recv(lines, answer, 1, MSG_DONTWAIT), -1);
	(void)close(lines);
	(void)close(events);
}

/* Also of one that has nothing to say, and for longer than other connections may live. */
static void writer_learns_that_a_client_has_left(void **state)
{
	struct server *s = *state;
	char answer[4096];
	int fd;

	hurry(s);
	fd = open_stream(s, "*/*", answer, sizeof(answer), "n=1\n\r\n");
	(void)close(fd);
	while (recv(s->streams[0], answer, 1, MSG_DONTWAIT) < 0)
		turn(s, s->streams[0], POLLIN);
}

static void stream_outlives_the_time_of_others(void **state)
{
	struct server *s = *state;
	char answer[4096];
	int fd;

	hurry(s);
	fd = open_stream(s, "*/*", answer, sizeof(answer), "n=1\n\r\n");
	until_cut(s, connect_raw(s)); /* came later */
	say(s, "on\n");
	read_until(s, fd, answer, sizeof(answer), "on\n\r\n");
	(void)close(fd);
}

static void slow_reader_leaves_it_with_the_writer(void **state)
{
	struct server *s = *state;
	char block[4096], answer[64];
	size_t sent = 0, stuck = 0;
	int fd = ask(s, GET("/stream"));

	while (!s->n_streams)
		turn(s, fd, 0);
	memset(block, '\n', sizeof(block));
	while (stuck < 50) {
		ssize_t n = send(s->streams[0], block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		stuck = n > 0 ? 0 : stuck + 1;
		turn(s, fd, 0);
	}
	assert_still_serves(s);
	hang_up(s);
	assert_true(read_to_end(s, fd, answer, sizeof(answer)) > sent);
}

static void streams_have_a_number_and_leave_others_alone(void **state)
{
	struct server *s = *state;
	int fds[PN_HTTP_MAX_STREAMS], one;
	char answer[4096];

	for (size_t i = 0; i < PN_ARRAY_SIZE(fds); i++)
		fds[i] = open_stream(s, "*/*", answer, sizeof(answer), "n=1\n\r\n");
	assert_answer(s, ask(s, GET("/stream")), "503", "Retry-After: 10\r\n");
	assert_still_serves(s);
	for (size_t i = 0; i < 2 * PN_HTTP_MAX_CLIENTS; i++)
		assert_still_serves(s);
	(void)close(fds[0]);
	while (recv(s->streams[0], answer, 1, MSG_DONTWAIT) < 0)
		turn(s, s->streams[0], POLLIN);
	one = open_stream(s, "*/*", answer, sizeof(answer), "n=1\n\r\n");
	(void)close(one);
	for (size_t i = 1; i < PN_ARRAY_SIZE(fds); i++)
		(void)close(fds[i]);
}

/* --- those who mean harm ------------------------------------------------------------------------- */

static void request_may_come_byte_by_byte_but_not_for_ever(void **state)
{
	struct server *s = *state;
	uint64_t before = pn_metric_get(PN_METRIC_HTTP_CUT);
	int quick = connect_raw(s), slow;

	for (const char *c = GET("/fresh"); *c; c++) {
		assert_int_equal(send(quick, c, 1, MSG_NOSIGNAL), 1);
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	assert_answer(s, quick, "200", "made");
	/* Something comes all the time, and never all of it. */
	hurry(s);
	slow = ask(s, "GET /fresh HTTP/1.1\r\n");
	while (pn_metric_get(PN_METRIC_HTTP_CUT) == before) {
		assert_int_equal(send(slow, "X", 1, MSG_NOSIGNAL), 1);
		turn(s, slow, POLLIN);
	}
	until_cut(s, slow);
}

static void client_that_sends_nothing_is_cut_off(void **state)
{
	struct server *s = *state;

	hurry(s);
	until_cut(s, connect_raw(s));
}

static void client_that_does_not_read_is_cut_off(void **state)
{
	struct server *s = *state;
	uint64_t before = pn_metric_get(PN_METRIC_HTTP_CUT);
	char buf[64];
	int fd;

	hurry(s);
	fd = ask(s, GET("/large"));
	while (pn_metric_get(PN_METRIC_HTTP_CUT) == before)
		turn(s, fd, 0);
	assert_true(read_to_end(s, fd, buf, sizeof(buf)) < LARGE);
}

static void others_are_served_while_one_does_not_read(void **state)
{
	struct server *s = *state;
	int fd = ask(s, GET("/large"));

	for (int i = 0; i < 5; i++)
		turn(s, fd, POLLIN);
	assert_still_serves(s);
	(void)close(fd);
}

static void large_page_reaches_who_reads(void **state)
{
	struct server *s = *state;
	char buf[64];

	assert_true(read_to_end(s, ask(s, GET("/large")), buf, sizeof(buf)) > LARGE);
}

/* Sends @len bytes of @c inside of a head, as far as they are taken. */
static void send_much(struct server *s, int fd, char c, size_t len)
{
	char block[4096];

	memset(block, c, sizeof(block));
	while (len) {
		ssize_t n =
			send(fd, block, PN_MIN(len, sizeof(block)), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			return;
		len -= n > 0 ? (size_t)n : 0;
		turn(s, fd, POLLOUT);
	}
}

static void huge_requests_are_refused(void **state)
{
	struct server *s = *state;
	char answer[2048];
	int fd = ask(s, "GET /");

	send_much(s, fd, 'a', 1 << 20);
	(void)read_to_end(s, fd, answer, sizeof(answer));
	assert_null(strstr(answer, "200 OK"));
	fd = ask(s, "GET /fresh HTTP/1.1\r\nHost: a\r\nX: ");
	send_much(s, fd, 'a', 1 << 20);
	(void)read_to_end(s, fd, answer, sizeof(answer));
	assert_null(strstr(answer, "200 OK"));
	fd = ask(s, "POST /fresh HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n");
	send_much(s, fd, 'a', 1 << 20);
	(void)read_to_end(s, fd, answer, sizeof(answer));
	assert_null(strstr(answer, "200 OK"));
	assert_int_equal(s->n_made[0], 0);
	assert_still_serves(s);
}

static void malformed_requests_do_no_harm(void **state)
{
	static const char *const requests[] = {
		"\r\n\r\n\r\n\r\n",
		"\x16\x03\x01\x02\x05\x01\x01\xfc", /* TLS */
		"GET\r\n\r\n",
		"GET /fresh\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"GET /fresh HTTP/9.9\r\nHost: a\r\n\r\n",
		"GET /%zz%00%ff HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /fresh HTTP/1.1\r\nno colon\r\n\r\n",
		"GET /fresh HTTP/1.1\r\n: \r\n\r\n",
		"GET /fresh HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"GET /fresh HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};
	struct server *s = *state;

	for (size_t i = 0; i < PN_ARRAY_SIZE(requests); i++) {
		int fd = ask(s, requests[i]);

		(void)shutdown(fd, SHUT_WR);
		assert_still_serves(s); /* and has seen that request before */
		(void)close(fd);
	}
}

static void thousand_idle_connections_keep_nobody_out(void **state)
{
	enum { N = 1000 };
	struct server *s = *state;
	uint64_t before = pn_metric_get(PN_METRIC_HTTP_CUT);
	struct rlimit limit;
	int fds[N], lowest, after;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = PN_MIN(limit.rlim_max, (rlim_t)4096);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	lowest = dup(0);
	(void)close(lowest);
	for (int i = 0; i < N; i++) {
		fds[i] = connect_raw(s);
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	assert_still_serves(s);
	assert_true(pn_metric_get(PN_METRIC_HTTP_CUT) >= before + N - PN_HTTP_MAX_CLIENTS);
	for (int i = 0; i < N; i++)
		(void)close(fds[i]);
	while (assert_still_serves(s), after = dup(0), (void)close(after), after != lowest)
		;
}

static void client_that_leaves_at_once_does_no_harm(void **state)
{
	struct server *s = *state;
	struct linger reset = { .l_onoff = 1 };

	for (int i = 0; i < 100; i++) {
		int fd = i % 2 ? connect_raw(s) : ask(s, GET("/large"));

		if (i % 3 == 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		if (i % 5 == 0)
			(void)uv_run(&s->loop, UV_RUN_NOWAIT);
		(void)close(fd);
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	assert_still_serves(s);
}

static void server_can_stop_in_the_middle_of_everything(void **state)
{
	struct server *s = *state;
	int reading = ask(s, GET("/large")), asking = ask(s, "GET /fr"), idle = connect_raw(s);

	for (int i = 0; i < 5; i++)
		turn(s, reading, POLLIN);
	stop_server(s);
	(void)close(reading);
	(void)close(asking);
	(void)close(idle);
}

/* --- where it listens ---------------------------------------------------------------------------- */

static void addresses_are_numbers_with_a_port(void **state)
{
	static const char *const good[] = { "127.0.0.1:9960", "0.0.0.0:0", "[::1]:65535", "[::]:1",
					    "[fd00:79::1]:80" };
	static const char *const bad[] = { "",
					   "9960",
					   ":9960",
					   "127.0.0.1",
					   "127.0.0.1:",
					   "127.0.0.1:65536",
					   "127.0.0.1:-1",
					   "127.0.0.1:9x",
					   "localhost:80",
					   "::1:80",
					   "[::1]",
					   "[::1:80",
					   "[]:80",
					   "[127.0.0.1]:80",
					   "1.2.3:80",
					   "127.0.0.1:000080" };
	struct sockaddr_storage at;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(good); i++)
		assert_int_equal(pn_http_address(good[i], &at, NULL), 0);
	for (size_t i = 0; i < PN_ARRAY_SIZE(bad); i++) {
		struct pn_err err = { "" };

		assert_int_equal(pn_http_address(bad[i], &at, &err), -EINVAL);
		assert_non_null(strstr(err.text, "[IPv6]:PORT"));
	}
}

static void port_of_another_is_refused_by_name(void **state)
{
	struct server *s = *state;
	struct pn_http *second = NULL;
	struct pn_err err = { "" };
	char address[32];

	(void)snprintf(address, sizeof(address), "127.0.0.1:%u", pn_http_port(s->http));
	assert_int_equal(try_listen(s, address, NULL, &second, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, address));
	assert_null(second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(page_is_given_and_the_connection_ends),
		TEST(head_has_no_body),
		TEST(unknown_path_is_told_the_known_ones),
		TEST(other_methods_are_refused),
		TEST(page_is_kept_by_form),
		TEST(page_is_made_again_when_its_time_is_over),
		TEST(page_without_memory_is_an_error),
		TEST(token_is_wanted_where_a_page_is_not_open),
		cmocka_unit_test(only_the_whole_token_matches),
		TEST(a_name_that_anybody_may_have_given_us_is_refused),
		cmocka_unit_test(hosts_are_addresses_localhost_and_names_that_are_known),
		TEST(stream_passes_lines_on_as_they_come),
		TEST(lines_are_events_for_who_accepts_them),
		TEST(query_is_decoded_and_may_be_refused),
		TEST(silent_stream_shows_that_it_lives),
		TEST(writer_learns_that_a_client_has_left),
		TEST(stream_outlives_the_time_of_others),
		TEST(slow_reader_leaves_it_with_the_writer),
		TEST(streams_have_a_number_and_leave_others_alone),
		TEST(request_may_come_byte_by_byte_but_not_for_ever),
		TEST(client_that_sends_nothing_is_cut_off),
		TEST(client_that_does_not_read_is_cut_off),
		TEST(others_are_served_while_one_does_not_read),
		TEST(large_page_reaches_who_reads),
		TEST(huge_requests_are_refused),
		TEST(malformed_requests_do_no_harm),
		TEST(thousand_idle_connections_keep_nobody_out),
		TEST(client_that_leaves_at_once_does_no_harm),
		TEST(server_can_stop_in_the_middle_of_everything),
		cmocka_unit_test(addresses_are_numbers_with_a_port),
		TEST(port_of_another_is_refused_by_name),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
