/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unix socket with clients of all kinds. Clients are blocking sockets of the test; the loop runs
 * on this thread between their steps, until what is waited for has happened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/metric.h"
#include "serve/socket.h"

#define FLOWS "{\"command\": \"flows\", \"format\": \"json\"}"
#define STATUS "{\"command\": \"status\"}"

struct server {
	uv_loop_t loop;
	struct pn_socket *socket;
	char dir[32], path[64];
	int subscriber;
	enum pn_format format;
	size_t n_subscribers, status_len;
	uint64_t refused; /* before the test */
};

static void on_subscribe(void *data, int fd, const struct pn_view *view)
{
	struct server *s = data;

	if (s->subscriber >= 0)
		(void)close(s->subscriber);
	s->subscriber = fd;
	s->format = view->style.format;
	pn_filter_free(view->filter);
	s->n_subscribers++;
}

static char *on_status(void *data)
{
	struct server *s = data;
	char *doc = malloc(s->status_len + 1);

	if (!doc)
		return NULL;
	memset(doc, ' ', s->status_len);
	memcpy(doc, "{}", 2);
	doc[s->status_len] = '\0';
	return doc;
}

/* Takes everything but "no". */
static char *on_select(void *data, const char *expression, uint32_t sampling, struct pn_err *reterr)
{
	char *doc;

	(void)data;
	if (expression && strcmp(expression, "no") == 0) {
		(void)pn_err_set(reterr, -EINVAL, "no: not a term");
		return NULL;
	}
	if (asprintf(&doc, "%s,%u", expression ? expression : "-", sampling) < 0)
		return NULL;
	return doc;
}

static const struct pn_socket_ops ops = {
	.subscribe = on_subscribe,
	.status = on_status,
	.select = on_select,
};

static void listen_at(struct server *s, const char *path)
{
	struct pn_err err = { "" };

	if (pn_socket_listen(&s->loop, path, &ops, s, &s->socket, &err) < 0)
		fail_msg("%s", err.text);
}

static void close_server(struct server *s)
{
	pn_socket_close(s->socket);
	s->socket = NULL;
	(void)uv_run(&s->loop, UV_RUN_DEFAULT); /* ends when every handle is closed */
}

static int setup(void **state)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	(void)strcpy(s->dir, "/tmp/pn-socket-XXXXXX");
	if (!mkdtemp(s->dir) || uv_loop_init(&s->loop) < 0)
		return -1;
	(void)snprintf(s->path, sizeof(s->path), "%s/run/pn.sock", s->dir);
	s->subscriber = -1;
	s->status_len = 3;
	s->refused = pn_metric_get(PN_METRIC_SERVE_REFUSED);
	listen_at(s, s->path);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct server *s = *state;
	char run[64];

	close_server(s);
	if (s->subscriber >= 0)
		(void)close(s->subscriber);
	(void)snprintf(run, sizeof(run), "%s/run", s->dir);
	(void)unlink(s->path);
	(void)rmdir(run);
	(void)rmdir(s->dir);
	if (uv_loop_close(&s->loop) < 0)
		return -1;
	free(s);
	return 0;
}

static int connect_raw(struct server *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)strcpy(address.sun_path, s->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int ask(struct server *s, const char *request)
{
	int fd = connect_raw(s);

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

/* Runs the server until it hangs up on @fd, and reads what it said. Return: its length */
static size_t read_to_end(struct server *s, int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n = -1;

	while (n != 0) {
		n = recv(fd, buf + len, size - 1 - len, MSG_DONTWAIT);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno != EAGAIN)
			fail_msg("the server reset the connection: %s", strerror(errno));
		if (n < 0)
			(void)uv_run(&s->loop, UV_RUN_ONCE);
	}
	buf[len] = '\0';
	(void)close(fd);
	return len;
}

static void assert_answer(struct server *s, int fd, const char *words)
{
	char answer[1024];

	(void)read_to_end(s, fd, answer, sizeof(answer));
	if (!strstr(answer, words))
		fail_msg("\"%s\" has no \"%s\"", answer, words);
}

static void assert_refused(struct server *s, int fd, const char *words)
{
	uint64_t before = pn_metric_get(PN_METRIC_SERVE_REFUSED);

	assert_answer(s, fd, words);
	assert_int_equal(pn_metric_get(PN_METRIC_SERVE_REFUSED), before + 1);
}

static void assert_still_serves(struct server *s)
{
	assert_answer(s, ask(s, STATUS "\n"), "{}");
}

static void status_is_answered_and_ended(void **state)
{
	struct server *s = *state;

	assert_answer(s, ask(s, STATUS "\n"), "{}");
	assert_int_equal(pn_metric_get(PN_METRIC_SERVE_REFUSED), s->refused);
}

static void a_selection_is_taken_or_refused(void **state)
{
	struct server *s = *state;

	assert_answer(s, ask(s, "{\"command\": \"select\"}\n"), "-,0");
	assert_answer(s,
		      ask(s, "{\"command\": \"select\", \"expression\": \"a\", \"sampling\": 7}\n"),
		      "a,7");
	assert_int_equal(pn_metric_get(PN_METRIC_SERVE_REFUSED), s->refused);
	assert_answer(s, ask(s, "{\"command\": \"select\", \"expression\": \"no\"}\n"),
		      "{\"error\": \"no: not a term\"}\n");
	assert_int_equal(pn_metric_get(PN_METRIC_SERVE_REFUSED), s->refused + 1);
}

static void request_without_newline_ends_with_the_clients_shutdown(void **state)
{
	struct server *s = *state;
	int fd = ask(s, STATUS);

	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_answer(s, fd, "{}");
}

static void request_may_come_byte_by_byte(void **state)
{
	struct server *s = *state;
	int fd = connect_raw(s);

	for (const char *c = STATUS "\n"; *c; c++) {
		assert_int_equal(send(fd, c, 1, MSG_NOSIGNAL), 1);
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	assert_answer(s, fd, "{}");
}

static void large_status_reaches_a_slow_reader(void **state)
{
	struct server *s = *state;
	static char answer[4 << 20];

	s->status_len = 3 << 20;
	assert_int_equal(read_to_end(s, ask(s, STATUS "\n"), answer, sizeof(answer)), 3 << 20);
}

static void subscriber_is_handed_over_and_stays_connected(void **state)
{
	struct server *s = *state;
	char line[16] = "";
	int fd = ask(s, FLOWS "\n");

	while (!s->n_subscribers)
		(void)uv_run(&s->loop, UV_RUN_ONCE);
	assert_int_equal(s->format, PN_FORMAT_JSON);
	close_server(s); /* the connection is not the server's any more */
	assert_int_equal(send(s->subscriber, "a line\n", 7, MSG_NOSIGNAL), 7);
	assert_int_equal(read(fd, line, sizeof(line) - 1), 7);
	assert_string_equal(line, "a line\n");
	assert_int_equal(fcntl(s->subscriber, F_GETFD), FD_CLOEXEC);
	(void)close(fd);
}

static void bad_requests_are_refused_with_words(void **state)
{
	struct server *s = *state;

	assert_refused(s, ask(s, "GET / HTTP/1.1\r\n\r\n"), "not JSON");
	assert_refused(s, ask(s, "\n"), "not JSON");
	assert_refused(s, ask(s, "{\"command\": \"reboot\"}\n"), "reboot");
	assert_refused(s, ask(s, "{\"command\": \"flows\", \"format\": \"xml\"}\n"), "xml");
	assert_refused(s, ask(s, "{\"command\": \"flows\", \"filters\": [{\"pot\": \"a\"}]}\n"),
		       "did you mean");
	assert_still_serves(s);
}

static void request_too_long_is_refused(void **state)
{
	struct server *s = *state;
	char request[4098];

	memset(request, ' ', sizeof(request));
	request[sizeof(request) - 1] = '\0';
	assert_refused(s, ask(s, request), "longer than 4096");
	memcpy(request, STATUS, strlen(STATUS));
	request[4096] = '\n'; /* 4096 bytes and the newline are just right */
	assert_answer(s, ask(s, request), "{}");
}

static void client_that_sends_nothing_is_refused_after_five_seconds(void **state)
{
	struct server *s = *state;
	int silent = connect_raw(s), slow = ask(s, "{\"command\": ");

	assert_answer(s, silent, "five seconds");
	assert_answer(s, slow, "five seconds");
	assert_int_equal(pn_metric_get(PN_METRIC_SERVE_REFUSED), s->refused + 2);
}

static void client_that_does_not_read_its_answer_is_cut_off(void **state)
{
	struct server *s = *state;
	struct pollfd hangup;

	s->status_len = 8 << 20; /* more than the socket holds */
	hangup.fd = ask(s, STATUS "\n");
	hangup.events = 0;
	while (poll(&hangup, 1, 0) == 0)
		(void)uv_run(&s->loop, UV_RUN_ONCE);
	assert_true(hangup.revents & POLLHUP);
	(void)close(hangup.fd);
}

static void server_can_stop_in_the_middle_of_an_answer(void **state)
{
	struct server *s = *state;
	int fd;

	s->status_len = 8 << 20;
	fd = ask(s, STATUS "\n");
	(void)uv_run(&s->loop, UV_RUN_ONCE);
	close_server(s);
	(void)close(fd);
}

static void client_that_leaves_at_once_does_no_harm(void **state)
{
	struct server *s = *state;

	for (int i = 0; i < 50; i++) {
		(void)close(i % 2 ? connect_raw(s) : ask(s, STATUS "\n"));
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	assert_still_serves(s);
}

static void of_too_many_waiting_clients_the_oldest_is_refused(void **state)
{
	struct server *s = *state;
	int waiting[66];

	for (size_t i = 0; i < 66; i++) {
		waiting[i] = connect_raw(s);
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	assert_answer(s, waiting[0], "too many clients");
	assert_answer(s, waiting[1], "too many clients");
	assert_still_serves(s); /* at the cost of the third */
	assert_answer(s, waiting[2], "too many clients");
	assert_int_equal(pn_metric_get(PN_METRIC_SERVE_REFUSED), s->refused + 3);
	assert_int_equal(send(waiting[3], STATUS "\n", strlen(STATUS) + 1, MSG_NOSIGNAL),
			 strlen(STATUS) + 1);
	assert_answer(s, waiting[3], "{}");
	for (size_t i = 4; i < 66; i++)
		(void)close(waiting[i]);
	for (int i = 0; i < 10; i++)
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	assert_still_serves(s);
}

/* As many as the backlog takes come behind it in the same turn of the loop, and say nothing. */
static void who_asks_at_once_is_answered_however_many_say_nothing(void **state)
{
	struct server *s = *state;
	int idle[120], asking = ask(s, STATUS "\n");

	for (size_t i = 0; i < PN_ARRAY_SIZE(idle); i++)
		idle[i] = connect_raw(s);
	assert_answer(s, asking, "{}");
	for (size_t i = 0; i < PN_ARRAY_SIZE(idle); i++)
		(void)close(idle[i]);
}

/* Answers that nobody reads are held for no more of them. */
static void who_does_not_read_makes_room_too(void **state)
{
	struct server *s = *state;
	int deaf[80];

	s->status_len = 4 << 20;
	for (size_t i = 0; i < PN_ARRAY_SIZE(deaf); i++) {
		deaf[i] = ask(s, STATUS "\n");
		for (int turn = 0; turn < 3; turn++)
			(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	s->status_len = 3;
	assert_still_serves(s);
	for (size_t i = 0; i < PN_ARRAY_SIZE(deaf); i++)
		(void)close(deaf[i]);
}

static void thousand_clients_one_after_another_leak_nothing(void **state)
{
	struct server *s = *state;
	int lowest = dup(0), after;

	(void)close(lowest);
	for (int i = 0; i < 1000; i++)
		assert_still_serves(s);
	for (int i = 0; i < 10; i++)
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	after = dup(0);
	(void)close(after);
	assert_int_equal(after, lowest);
}

static void no_descriptor_left_refuses_the_subscriber(void **state)
{
	struct server *s = *state;
	struct rlimit limit, none;
	int fd = ask(s, FLOWS);
	int next;

	for (int i = 0; i < 5; i++)
		(void)uv_run(&s->loop, UV_RUN_NOWAIT); /* accepted, its line not complete */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	next = dup(0);
	(void)close(next);
	none = limit;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(send(fd, "\n", 1, MSG_NOSIGNAL), 1);
	assert_refused(s, fd, "no descriptor left");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(s->n_subscribers, 0);
}

static void socket_is_for_its_group_only(void **state)
{
	struct server *s = *state;
	struct stat st;

	assert_int_equal(lstat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void path_goes_with_the_server(void **state)
{
	struct server *s = *state;

	close_server(s);
	assert_int_equal(access(s->path, F_OK), -1);
}

static void second_agent_is_told_about_the_first(void **state)
{
	struct server *s = *state;
	struct pn_socket *second;
	struct pn_err err = { "" };

	assert_int_equal(pn_socket_listen(&s->loop, s->path, &ops, s, &second, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, s->path));
	assert_still_serves(s);
}

static void socket_of_a_killed_agent_is_replaced(void **state)
{
	struct server *s = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	close_server(s);
	(void)strcpy(address.sun_path, s->path);
	assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(dead);
	listen_at(s, s->path);
	assert_still_serves(s);
}

static void file_that_is_no_socket_is_left_alone(void **state)
{
	struct server *s = *state;
	struct pn_socket *other;
	struct pn_err err = { "" };
	struct stat st;

	close_server(s);
	(void)close(open(s->path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(pn_socket_listen(&s->loop, s->path, &ops, s, &other, &err), -EEXIST);
	assert_non_null(strstr(err.text, "not a socket"));
	assert_int_equal(lstat(s->path, &st), 0);
}

static void path_taken_over_by_another_agent_stays(void **state)
{
	struct server *s = *state;
	struct pn_socket *first = s->socket;

	assert_int_equal(unlink(s->path), 0);
	listen_at(s, s->path);
	pn_socket_close(first);
	assert_still_serves(s);
}

static void path_too_long_is_named(void **state)
{
	struct server *s = *state;
	struct pn_socket *other;
	struct pn_err err = { "" };
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(pn_socket_listen(&s->loop, path, &ops, s, &other, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "107"));
}

static void connecting_sends_the_request(void **state)
{
	struct server *s = *state;
	struct pn_err err = { "" };

	assert_answer(s, pn_socket_connect(s->path, STATUS, &err), "{}");
}

static void connecting_without_an_agent_says_so(void **state)
{
	struct server *s = *state;
	struct pn_err err = { "" };

	close_server(s);
	assert_int_equal(pn_socket_connect(s->path, STATUS, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no agent is running"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status_is_answered_and_ended),
		TEST(a_selection_is_taken_or_refused),
		TEST(request_without_newline_ends_with_the_clients_shutdown),
		TEST(request_may_come_byte_by_byte),
		TEST(large_status_reaches_a_slow_reader),
		TEST(subscriber_is_handed_over_and_stays_connected),
		TEST(bad_requests_are_refused_with_words),
		TEST(request_too_long_is_refused),
		TEST(client_that_sends_nothing_is_refused_after_five_seconds),
		TEST(client_that_does_not_read_its_answer_is_cut_off),
		TEST(server_can_stop_in_the_middle_of_an_answer),
		TEST(client_that_leaves_at_once_does_no_harm),
		TEST(of_too_many_waiting_clients_the_oldest_is_refused),
		TEST(who_asks_at_once_is_answered_however_many_say_nothing),
		TEST(who_does_not_read_makes_room_too),
		TEST(thousand_clients_one_after_another_leak_nothing),
		TEST(no_descriptor_left_refuses_the_subscriber),
		TEST(socket_is_for_its_group_only),
		TEST(path_goes_with_the_server),
		TEST(second_agent_is_told_about_the_first),
		TEST(socket_of_a_killed_agent_is_replaced),
		TEST(file_that_is_no_socket_is_left_alone),
		TEST(path_taken_over_by_another_agent_stays),
		TEST(path_too_long_is_named),
		TEST(connecting_sends_the_request),
		TEST(connecting_without_an_agent_says_so),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
