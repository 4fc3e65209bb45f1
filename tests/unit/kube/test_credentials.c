/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the client says it is: tokens from files, user names, impersonation, credential plugins. The
 * loop's clock can be put forward, so that nothing has to be waited for.
 */
#include <sys/stat.h>

#include "kube/credentials.h"
#include "tests/unit/kube/ahead_clock.h"
#include "tests/unit/kube/client_fixture.h"

/* 401 for the token "old". */
static bool answer_by_token(struct exchange *x)
{
	if (strstr(x->head, "Authorization: Bearer old\r\n"))
		return say(x, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
	return answer_mirror(x);
}

/* --- token --- */

static void refused_token_is_read_again(void **state)
{
	struct result first = { 0 }, second = { 0 }, third = { 0 }, fourth = { 0 };
	struct fixture *f = *state;

	serve(f, tls("ip.crt", "ip.key"), answer_by_token);
	set(&f->config.token_file, in_dir("token"));
	make_client(f);
	get(f, &first);
	assert_ended(&first, -ENOENT, "the token cannot be read");
	assert_int_equal(atomic_load(&f->server.n_requests), 0);
	put("token", "old\n");
	get(f, &second);
	assert_int_equal(second.status, 401);
	put("token", "new\n");
	get(f, &third);
	assert_int_equal(third.status, 200);
	put("token", "newer\n");
	get(f, &fourth); /* what works is not read again so soon */
	assert_non_null(strstr(fourth.body, "\r\nAuthorization: Bearer new\r\n"));
}

static void token_follows_its_file(void **state)
{
	struct pn_token t = { .file = in_dir("token2") };
	struct pn_err err;

	(void)state;
	put("token2", " one\r\n");
	assert_int_equal(pn_token_refresh(&t, 1000, &err), 0);
	assert_string_equal(t.value, "one");
	put("token2", "two");
	assert_int_equal(pn_token_refresh(&t, 1000 + PN_TOKEN_FRESH_MS - 1, &err), 0);
	assert_string_equal(t.value, "one");
	assert_int_equal(pn_token_refresh(&t, 1000 + PN_TOKEN_FRESH_MS, &err), 0);
	assert_string_equal(t.value, "two");
	pn_token_done(&t);
}

static void old_token_is_kept_while_the_file_cannot_be_read(void **state)
{
	struct pn_token t = { .file = in_dir("token3") };
	struct pn_err err;

	(void)state;
	put("token3", "one");
	assert_int_equal(pn_token_refresh(&t, 0, &err), 0);
	put("token3", "");
	assert_int_equal(pn_token_refresh(&t, PN_TOKEN_FRESH_MS, &err), 0);
	assert_string_equal(t.value, "one");
	assert_int_equal(remove(in_dir("token3")), 0);
	assert_int_equal(pn_token_refresh(&t, PN_TOKEN_FRESH_MS, &err), 0);
	assert_string_equal(t.value, "one");
	pn_token_refused(&t, PN_TOKEN_FRESH_MS);
	assert_int_equal(pn_token_refresh(&t, PN_TOKEN_FRESH_MS, &err), -ENOENT);
	pn_token_done(&t);
}

static void refusal_of_an_older_request_spares_a_newer_token(void **state)
{
	struct pn_token t = { .file = in_dir("token4") };
	struct pn_err err;

	(void)state;
	put("token4", "one");
	assert_int_equal(pn_token_refresh(&t, 1000, &err), 0);
	pn_token_refused(&t, 999);
	assert_string_equal(t.value, "one");
	pn_token_refused(&t, 1000);
	assert_null(t.value);
	pn_token_done(&t);
}

static void token_that_never_changes_survives_a_refusal(void **state)
{
	struct pn_token t = { .value = strdup("one") };
	struct pn_err err;

	(void)state;
	pn_token_refused(&t, UINT64_MAX);
	assert_int_equal(pn_token_refresh(&t, UINT64_MAX, &err), 0);
	assert_string_equal(t.value, "one");
	pn_token_done(&t);
}

/* --- user names and impersonation --- */

static void user_name_and_password_are_sent(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve(f, tls("ip.crt", "ip.key"), answer_mirror);
	set(&f->config.username, "Aladdin");
	set(&f->config.password, "open sesame");
	make_client(f);
	get(f, &res);
	assert_non_null(
		strstr(res.body, "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
}

static void impersonation_is_sent(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve(f, tls("ip.crt", "ip.key"), answer_mirror);
	assert_int_equal(pn_strings_push(&f->config.impersonate, "Impersonate-User: jane"), 0);
	assert_int_equal(pn_strings_push(&f->config.impersonate, "Impersonate-Group: ops"), 0);
	assert_int_equal(pn_strings_push(&f->config.impersonate, "Impersonate-Group: dev"), 0);
	make_client(f);
	get(f, &res);
	assert_non_null(strstr(res.body, "\r\nImpersonate-User: jane\r\nImpersonate-Group: ops\r\n"
					 "Impersonate-Group: dev\r\n"));
}

static void nothing_of_it_goes_over_plain_http(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve(f, NULL, answer_mirror);
	set(&f->config.username, "jane");
	set(&f->config.exec.command, in_dir("absent"));
	assert_int_equal(pn_strings_push(&f->config.impersonate, "Impersonate-User: jane"), 0);
	make_client(f);
	get(f, &res);
	assert_ended(&res, 0, "");
	assert_null(strstr(res.body, "Authorization"));
	assert_null(strstr(res.body, "Impersonate"));
}

/* --- plugins --- */

#define V1 "client.authentication.k8s.io/v1"
#define CREDENTIAL(status) \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{" status "}}"
#define PRINT(status) "echo '" CREDENTIAL(status) "'\n"

/* A shell script that counts its runs in the file "runs". */
static void serve_plugin(struct fixture *f, script_fn script, const char *commands)
{
	char text[2048];

	(void)remove(in_dir("runs"));
	(void)snprintf(text, sizeof(text), "#!/bin/sh\ncd %s\necho run >>runs\n%s", dir, commands);
	put("plugin", text);
	assert_int_equal(chmod(in_dir("plugin"), 0700), 0);
	serve(f, tls("ip.crt", "ip.key"), script);
	set(&f->config.exec.command, in_dir("plugin"));
	set(&f->config.exec.api_version, V1);
	make_client(f);
}

/* The plugin may be about to write its first line. */
static size_t n_runs(void)
{
	struct stat runs;

	return stat(in_dir("runs"), &runs) == 0 ? (size_t)runs.st_size / strlen("run\n") : 0;
}

static void plugin_runs_once_for_requests_that_wait_for_it(void **state)
{
	struct result results[3] = { { 0 }, { 0 }, { 0 } }, later = { 0 };
	struct fixture *f = *state;

	serve_plugin(f, answer_mirror, PRINT("\"token\":\"brought\""));
	for (size_t i = 0; i < PN_ARRAY_SIZE(results); i++)
		start(f, &results[i], "/", 0);
	run(f);
	for (size_t i = 0; i < PN_ARRAY_SIZE(results); i++)
		assert_non_null(strstr(results[i].body, "\r\nAuthorization: Bearer brought\r\n"));
	get(f, &later);
	assert_int_equal(later.status, 200);
	assert_int_equal(n_runs(), 1);
}

static void plugin_runs_again_when_what_it_brought_has_expired(void **state)
{
	struct result first = { 0 }, second = { 0 }, third = { 0 }, fourth = { 0 };
	struct fixture *f = *state;

	serve_plugin(f, answer_hello,
		     PRINT("\"token\":\"t\",\"expirationTimestamp\":\"2001-01-01T00:00:00Z\""));
	get(f, &first);
	assert_body(&first, "hello"); /* what was waited for is used */
	ahead_ms += 2000;
	get(f, &second);
	assert_body(&second, "hello");
	assert_int_equal(n_runs(), 2);
	pn_client_free(PN_TAKE_PTR(f->client));
	server_stop(&f->server);
	serve_plugin(
		f, answer_hello,
		PRINT("\"token\":\"t\",\"expirationTimestamp\":\"2199-01-01T00:00:00+01:00\""));
	get(f, &third);
	ahead_ms += 2000;
	get(f, &fourth);
	assert_int_equal(n_runs(), 1);
}

static void plugin_runs_again_after_401(void **state)
{
	struct result first = { 0 }, second = { 0 };
	struct fixture *f = *state;

	put("exec-token", "old");
	serve_plugin(f, answer_by_token, PRINT("\"token\":\"'$(cat exec-token)'\""));
	get(f, &first);
	assert_int_equal(first.status, 401);
	put("exec-token", "new");
	get(f, &second);
	assert_int_equal(second.status, 200);
	assert_non_null(strstr(second.body, "\r\nAuthorization: Bearer new\r\n"));
}

static void failing_plugin_fails_what_waits_and_is_run_for_the_next_request(void **state)
{
	struct result first = { 0 }, second = { 0 }, third = { 0 };
	struct fixture *f = *state;

	serve_plugin(f, answer_hello,
		     "[ -e ready ] || { echo 'please log in' >&2; exit 3; }\n"
		     "echo '" CREDENTIAL("\"token\":\"t\"") "'");
	start(f, &first, "/", 0);
	start(f, &second, "/", 0);
	run(f);
	assert_ended(&first, -EIO, "failed with exit code 3: please log in");
	assert_non_null(strstr(first.words, in_dir("plugin")));
	assert_non_null(strstr(first.words, f->config.server));
	assert_ended(&second, -EIO, "please log in");
	put("ready", "yes");
	get(f, &third);
	assert_body(&third, "hello");
	assert_int_equal(n_runs(), 2);
}

static void missing_plugin_is_named_with_its_hint(void **state)
{
	struct result res = { 0 };
	struct fixture *f = *state;

	serve_plugin(f, answer_hello, "");
	set(&f->config.exec.command, "pn-no-such-plugin");
	set(&f->config.exec.install_hint, "get it from the cupboard");
	remake_client(f);
	get(f, &res);
	assert_ended(&res, -ENOENT,
		     "\"pn-no-such-plugin\" was not found: get it from the cupboard");
	assert_int_equal(atomic_load(&f->server.n_requests), 0);
}

static void plugin_that_prints_nonsense_is_named(void **state)
{
	static const struct {
		const char *commands, *words;
	} cases[] = {
		{ "echo hello", "what it printed cannot be used: it is not JSON" },
		{ PRINT("\"token\":\"a b\""), "token: the token holds a character" },
		{ "head -c 300000 /dev/zero", "it printed more than 256 KiB" },
		{ "head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1", "exit code 1: xxx" },
		{ "kill -9 $$", "it was ended by signal 9" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		struct result res = { 0 };

		serve_plugin(f, answer_hello, cases[i].commands);
		get(f, &res);
		assert_ended(&res, -EIO, cases[i].words);
		pn_client_free(PN_TAKE_PTR(f->client));
		server_stop(&f->server);
	}
}

static void plugin_is_told_what_it_asked_for(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };
	char *told = NULL;

	serve_plugin(f, answer_hello,
		     "echo \"$1 $2 $PN_NAME $HOME $KUBERNETES_EXEC_INFO\" >told\n" PRINT(
			     "\"token\":\"t\""));
	assert_int_equal(pn_strings_push(&f->config.exec.args, "one"), 0);
	assert_int_equal(pn_strings_push(&f->config.exec.args, "t w o"), 0);
	assert_int_equal(pn_strings_push(&f->config.exec.env, "PN_NAME=value"), 0);
	assert_int_equal(pn_strings_push(&f->config.exec.env, "HOME=/elsewhere"), 0);
	f->config.exec.provide_cluster_info = true;
	remake_client(f);
	get(f, &res);
	assert_body(&res, "hello");
	get_file("told", &told);
	assert_non_null(strstr(told, "one t w o value /elsewhere {\"kind\":\"ExecCredential\""));
	assert_non_null(strstr(told, "\"cluster\":{\"server\":\"https://127.0.0.1:"));
	assert_non_null(strstr(told, "\"certificate-authority-data\":\"LS0tLS1CRUdJTi"));
	free(told);
}

static void plugin_that_needs_a_terminal_is_not_run_without(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve_plugin(f, answer_hello, PRINT("\"token\":\"t\""));
	f->config.exec.interactive = PN_EXEC_ALWAYS;
	remake_client(f);
	get(f, &res);
	assert_ended(&res, -EIO, "needs a terminal");
	assert_int_equal(n_runs(), 0);
}

static void plugin_dies_with_the_client(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve_plugin(f, answer_hello, "sleep 1000 & sleep 1000");
	start(f, &res, "/", 0);
	while (!n_runs())
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	pn_client_free(PN_TAKE_PTR(f->client));
	run(f); /* does not end before its process has */
	assert_int_equal(res.n_done, 0);
}

static void requests_that_wait_for_a_plugin_can_be_cancelled(void **state)
{
	struct result cancelled = { 0 }, other = { 0 };
	struct fixture *f = *state;

	serve_plugin(f, answer_hello,
		     "until [ -e go ]; do sleep 0.01; done\n" PRINT("\"token\":\"t\""));
	start(f, &cancelled, "/", 0);
	start(f, &other, "/", 0);
	while (!n_runs())
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	cancel(&cancelled);
	put("go", "go");
	run(f);
	assert_body(&other, "hello");
	assert_int_equal(cancelled.n_done, 0);
	assert_int_equal(atomic_load(&f->server.n_requests), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refused_token_is_read_again),
		TEST(token_follows_its_file),
		TEST(old_token_is_kept_while_the_file_cannot_be_read),
		TEST(refusal_of_an_older_request_spares_a_newer_token),
		TEST(token_that_never_changes_survives_a_refusal),
		TEST(user_name_and_password_are_sent),
		TEST(impersonation_is_sent),
		TEST(nothing_of_it_goes_over_plain_http),
		TEST(plugin_runs_once_for_requests_that_wait_for_it),
		TEST(plugin_runs_again_when_what_it_brought_has_expired),
		TEST(plugin_runs_again_after_401),
		TEST(failing_plugin_fails_what_waits_and_is_run_for_the_next_request),
		TEST(missing_plugin_is_named_with_its_hint),
		TEST(plugin_that_prints_nonsense_is_named),
		TEST(plugin_is_told_what_it_asked_for),
		TEST(plugin_that_needs_a_terminal_is_not_run_without),
		TEST(plugin_dies_with_the_client),
		TEST(requests_that_wait_for_a_plugin_can_be_cancelled),
	};

	if (!freopen("/dev/null", "r", stdin)) /* the same with and without a terminal */
		return 1;
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
