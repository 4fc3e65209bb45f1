/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against a scripted server on loopback: what is sent, what arrives, and the ways in which
 * a request can end.
 */
#include <sys/resource.h>

#include "tests/unit/kube/client_fixture.h"

static bool answer_silence_once(struct exchange *x)
{
	if (x->n)
		return answer_hello(x);
	wait_until_closed(x);
	return false;
}

static bool answer_cut_length(struct exchange *x)
{
	(void)say(x, OK_HEAD "Content-Length: 10\r\n\r\nhello");
	return false;
}

static bool answer_cut_chunk(struct exchange *x)
{
	(void)say(x, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhel");
	return false;
}

static bool answer_cut_headers(struct exchange *x)
{
	(void)say(x, OK_HEAD "Transfer-Enc");
	return false;
}

static bool answer_nothing(struct exchange *x)
{
	(void)x;
	return false;
}

static bool answer_garbage(struct exchange *x)
{
	(void)say(x, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
	return false;
}

static bool answer_slowly(struct exchange *x)
{
	static const char text[] = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
					   "5\r\nhello\r\n0\r\n\r\n";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		if (!say_bytes(x, text + i, 1))
			return false;
	}
	return true;
}

static bool answer_everything(struct exchange *x)
{
	return say(x, "HTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\n"
		      "HTTP/1.1 429 Too Many\r\nContent-Type: Application/JSON ; charset=UTF-8\r\n"
		      "Retry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n");
}

static bool answer_redirect(struct exchange *x)
{
	return say(x, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
}

/* --- what is sent and what arrives --- */

static void answer_arrives_whole_and_in_order(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve_https(f, answer_everything);
	get(f, &res);
	assert_ended(&res, 0, "");
	assert_int_equal(res.status, 429);
	assert_string_equal(res.type, "application/json");
	assert_int_equal(res.retry_after_s, 7);
	assert_string_equal(res.body, "ok");
}

static void request_says_who_and_what(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve(f, tls("ip.crt", "ip.key"), answer_mirror);
	set(&f->config.token, "secret");
	make_client(f);
	get(f, &res);
	assert_ended(&res, 0, "");
	assert_non_null(strstr(res.body, "GET /api/v1/pods?limit=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(res.body, "\r\nAccept: application/json\r\n"));
	assert_non_null(strstr(res.body, "\r\nAuthorization: Bearer secret\r\n"));
	assert_non_null(strstr(res.body, "\r\nUser-Agent: podonym/"));
	assert_non_null(strstr(res.body, " (linux/"));
	assert_null(strstr(res.body, "Accept-Encoding"));
	assert_int_equal(res.retry_after_s, -1);
}

static void server_path_goes_in_front(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };
	char url[128];

	serve(f, NULL, answer_mirror);
	(void)snprintf(url, sizeof(url), "%s/k8s/clusters/c1", f->config.server);
	set(&f->config.server, url);
	make_client(f);
	assert_string_equal(pn_client_server(f->client), url);
	get(f, &res);
	assert_non_null(strstr(res.body, "GET /k8s/clusters/c1/api/v1/pods?limit=1 HTTP/1.1\r\n"));
}

static void user_agent_can_be_another(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve(f, NULL, answer_mirror);
	set(&f->config.user_agent, "thing/1.0");
	make_client(f);
	get(f, &res);
	assert_non_null(strstr(res.body, "\r\nUser-Agent: thing/1.0\r\n"));
	set(&f->config.user_agent, "thing\r\nX: y");
	pn_client_free(PN_TAKE_PTR(f->client));
	assert_int_equal(pn_client_new(&f->loop, &f->config, &f->client, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "user agent"));
}

static void plain_http_carries_no_credentials(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve(f, NULL, answer_mirror);
	set(&f->config.token, "secret");
	make_client(f);
	get(f, &res);
	assert_ended(&res, 0, "");
	assert_null(strstr(res.body, "secret"));
}

static void nonsense_is_refused_at_once(void **state)
{
	struct fixture *f = *state;
	struct pn_request *r;

	serve_http(f, answer_hello);
	assert_int_equal(pn_client_get(f->client, "api", "*/*", 0, &ops, NULL, &r), -EINVAL);
	assert_int_equal(pn_client_get(f->client, "/a b", "*/*", 0, &ops, NULL, &r), -EINVAL);
	assert_int_equal(pn_client_get(f->client, "/\r\nX: y", "*/*", 0, &ops, NULL, &r), -EINVAL);
	assert_int_equal(pn_client_get(f->client, "/", "a\r\nX: y", 0, &ops, NULL, &r), -EINVAL);
	set(&f->config.server, "https://[::1");
	pn_client_free(f->client);
	f->client = NULL;
	assert_int_equal(pn_client_new(&f->loop, &f->config, &f->client, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "not a valid URL"));
}

static void one_byte_at_a_time_is_enough(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve_https(f, answer_slowly);
	get(f, &res);
	assert_body(&res, "hello");
}

static void connection_is_used_again(void **state)
{
	struct fixture *f = *state;
	struct result res = { .again_in_done = true };

	serve_https(f, answer_hello);
	get(f, &res);
	assert_body(&res, "hello");
	assert_int_equal(atomic_load(&f->server.n_requests), 2);
	assert_int_equal(atomic_load(&f->server.n_connections), 1);
}

static void redirects_are_not_followed(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve_https(f, answer_redirect);
	get(f, &res);
	assert_ended(&res, 0, "");
	assert_int_equal(res.status, 302);
	assert_int_equal(atomic_load(&f->server.n_requests), 1);
}

/* --- how it can fail --- */

static void refused_connection(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve_https(f, answer_hello);
	server_stop(&f->server);
	get(f, &res);
	assert_ended(&res, -ECONNREFUSED, "connection refused: is the API server running");
	assert_non_null(strstr(res.words, f->config.server));
}

static void cut_streams_end_with_connreset(void **state)
{
	static const script_fn scripts[] = { answer_cut_length, answer_cut_chunk,
					     answer_cut_headers, answer_nothing };
	struct fixture *f = *state;

	serve_https(f, answer_hello);
	for (size_t i = 0; i < PN_ARRAY_SIZE(scripts); i++) {
		struct result res = { 0 };

		f->server.script = scripts[i];
		get(f, &res);
		assert_ended(&res, -ECONNRESET, "the connection was cut");
	}
}

static void what_is_not_http_is_refused(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve_https(f, answer_garbage);
	get(f, &res);
	assert_ended(&res, -EIO, "");
	assert_int_equal(res.n_headers, 0);
}

/* The limit is where the next descriptor would be, as when all have been used up. */
static void lack_of_descriptors_is_named(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };
	struct rlimit limit, none;
	int next;

	serve_http(f, answer_hello);
	get(f, &res); /* whatever opens something once has done so */
	assert_body(&res, "hello");
	remake_client(f);
	(void)uv_run(&f->loop, UV_RUN_NOWAIT); /* the old client's sockets */
	server_stop(&f->server); /* it closes nothing later on; nobody comes so far as to miss it */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	next = dup(STDERR_FILENO);
	(void)close(next);
	none = (struct rlimit) { .rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	res = (struct result) { 0 };
	get(f, &res);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_ended(&res, -EIO, "raise the limit");
}

/* --- proxies --- */

/* The server is the proxy; where the requests go to does not exist. */
static void serve_proxy(struct fixture *f, script_fn script, const char *scheme, const char *server)
{
	char url[64];

	serve(f, NULL, script);
	(void)snprintf(url, sizeof(url), "%s://name:secret@127.0.0.1:%u", scheme, f->server.port);
	set(&f->config.proxy_url, url);
	set(&f->config.server, server);
	make_client(f);
}

static void proxy_of_the_settings_is_used_even_for_loopback(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	(void)setenv("NO_PROXY", "*", 1);
	serve_proxy(f, answer_mirror, "http", "http://127.0.0.1:1");
	get(f, &res);
	(void)unsetenv("NO_PROXY");
	assert_ended(&res, 0, "");
	assert_non_null(
		strstr(res.body, "GET http://127.0.0.1:1/api/v1/pods?limit=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(res.body, "\r\nProxy-Authorization: Basic bmFtZTpzZWNyZXQ=\r\n"));
}

static bool answer_no_tunnel(struct exchange *x)
{
	if (!strstr(x->head, "CONNECT api.invalid:6443 HTTP/1.1\r\n"))
		return false;
	return say(x, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
}

static void proxy_that_refuses_is_named_without_its_password(void **state)
{
	struct result refused = { 0 }, absent = { 0 };
	struct fixture *f = *state;

	serve_proxy(f, answer_no_tunnel, "http", "https://api.invalid:6443");
	free(PN_TAKE_PTR(f->config.ca_file));
	get(f, &refused);
	assert_ended(&refused, -EIO, "the proxy http://127.0.0.1:");
	assert_non_null(strstr(refused.words, "403"));
	assert_null(strstr(refused.words, "secret"));
	server_stop(&f->server);
	remake_client(f);
	get(f, &absent);
	assert_ended(&absent, -ECONNREFUSED, "connection refused: is the proxy http://127.0.0.1:");
	assert_null(strstr(absent.words, "secret"));
}

/* The SOCKS words up to the name, which the proxy is to resolve; then the server's part. */
static bool answer_socks(struct exchange *x)
{
	char bytes[300];

	if (read_some(x, bytes, sizeof(bytes)) < 3 || bytes[0] != 5 || !say_bytes(x, "\5\2", 2))
		return false;
	if (read_some(x, bytes, sizeof(bytes)) != 13 || !say_bytes(x, "\1\0", 2))
		return false; /* 1, "name", "secret" */
	if (read_some(x, bytes, sizeof(bytes)) < 18 ||
	    memcmp(bytes, "\5\1\0\3\13api.invalid", 16) ||
	    !say_bytes(x, "\5\0\0\1\177\0\0\1\0\1", 10))
		return false;
	return read_head(x) && answer_mirror(x);
}

static void socks_proxy_resolves_the_name(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve_proxy(f, answer_socks, "socks5", "http://api.invalid:80");
	f->server.is_rude = true;
	get(f, &res);
	assert_ended(&res, 0, "");
	assert_non_null(strstr(res.body, "GET /api/v1/pods?limit=1 HTTP/1.1\r\n"));
}

/* --- watchdog --- */

static void silent_request_is_given_up_and_its_connection_too(void **state)
{
	struct result silent = { 0 }, next = { 0 };
	struct fixture *f = *state;

	serve_http(f, answer_silence_once);
	start(f, &silent, "/", 500);
	run(f);
	assert_ended(&silent, -ETIMEDOUT, "nothing was heard for 0.500 s");
	get(f, &next);
	assert_body(&next, "hello");
	assert_int_equal(atomic_load(&f->server.n_connections), 2);
}

static void silence_in_the_middle_counts_from_the_last_byte(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve_http(f, answer_begin_and_hold);
	start(f, &res, "/", 500);
	run(f);
	assert_ended(&res, -ETIMEDOUT, "nothing was heard");
	assert_string_equal(res.body, "hello");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answer_arrives_whole_and_in_order),
		TEST(request_says_who_and_what),
		TEST(server_path_goes_in_front),
		TEST(user_agent_can_be_another),
		TEST(plain_http_carries_no_credentials),
		TEST(nonsense_is_refused_at_once),
		TEST(one_byte_at_a_time_is_enough),
		TEST(connection_is_used_again),
		TEST(redirects_are_not_followed),
		TEST(refused_connection),
		TEST(cut_streams_end_with_connreset),
		TEST(what_is_not_http_is_refused),
		TEST(lack_of_descriptors_is_named),
		TEST(proxy_of_the_settings_is_used_even_for_loopback),
		TEST(proxy_that_refuses_is_named_without_its_password),
		TEST(socks_proxy_resolves_the_name),
		TEST(silent_request_is_given_up_and_its_connection_too),
		TEST(silence_in_the_middle_counts_from_the_last_byte),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
