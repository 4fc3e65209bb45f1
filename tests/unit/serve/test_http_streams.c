/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams by HTTP: lines as they come, as events too, and what becomes of a stream when one of its
 * ends is slow or goes.
 */
#include "tests/unit/serve/http_fixture.h"

#include <signal.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(stream_passes_lines_on_as_they_come),
		HTTP_TEST(lines_are_events_for_who_accepts_them),
		HTTP_TEST(query_is_decoded_and_may_be_refused),
		HTTP_TEST(silent_stream_shows_that_it_lives),
		HTTP_TEST(writer_learns_that_a_client_has_left),
		HTTP_TEST(stream_outlives_the_time_of_others),
		HTTP_TEST(slow_reader_leaves_it_with_the_writer),
		HTTP_TEST(streams_have_a_number_and_leave_others_alone),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
