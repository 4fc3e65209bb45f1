/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server's pages for clients of all kinds: polite ones, and those that are slow, huge,
 * malformed or many. Streams are in test_http_streams.
 */
#include "tests/unit/serve/http_fixture.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/metric.h"
#include "serve/http_host.h"
#include "serve/http_token.h"

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
	const struct CMUnitTest tests[] = {
		HTTP_TEST(page_is_given_and_the_connection_ends),
		HTTP_TEST(head_has_no_body),
		HTTP_TEST(unknown_path_is_told_the_known_ones),
		HTTP_TEST(other_methods_are_refused),
		HTTP_TEST(page_is_kept_by_form),
		HTTP_TEST(page_is_made_again_when_its_time_is_over),
		HTTP_TEST(page_without_memory_is_an_error),
		HTTP_TEST(token_is_wanted_where_a_page_is_not_open),
		cmocka_unit_test(only_the_whole_token_matches),
		HTTP_TEST(a_name_that_anybody_may_have_given_us_is_refused),
		cmocka_unit_test(hosts_are_addresses_localhost_and_names_that_are_known),
		HTTP_TEST(request_may_come_byte_by_byte_but_not_for_ever),
		HTTP_TEST(client_that_sends_nothing_is_cut_off),
		HTTP_TEST(client_that_does_not_read_is_cut_off),
		HTTP_TEST(others_are_served_while_one_does_not_read),
		HTTP_TEST(large_page_reaches_who_reads),
		HTTP_TEST(huge_requests_are_refused),
		HTTP_TEST(malformed_requests_do_no_harm),
		HTTP_TEST(thousand_idle_connections_keep_nobody_out),
		HTTP_TEST(client_that_leaves_at_once_does_no_harm),
		HTTP_TEST(server_can_stop_in_the_middle_of_everything),
		cmocka_unit_test(addresses_are_numbers_with_a_port),
		HTTP_TEST(port_of_another_is_refused_by_name),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
