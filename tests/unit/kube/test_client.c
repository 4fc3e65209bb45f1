/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against a scripted server on loopback: what is sent, what arrives, and every way in
 * which a request can end. Certificates are made by the openssl command for each run.
 */
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "kube/client.h"
#include "kube/credentials.h"
#include "tests/unit/kube/https_server.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

static char dir[64]; /* of this run: certificates, tokens */

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	struct server server;
	struct pn_kube_config config;
	struct pn_client *client;
	struct pn_err err;
	int n_pending;
};

/* What the test wants to happen inside a callback, and what came. */
struct result {
	struct fixture *f;
	struct pn_request *request, *victim;
	bool cancel_in_headers, cancel_in_data, cancel_in_done, free_in_headers, free_in_data,
		free_in_done, again_in_done;
	int refuse_data;

	int n_headers, n_data, n_done, status, retry_after_s, code;
	char type[64], body[256], words[512];
	size_t len;
};

static const char *in_dir(const char *name)
{
	static char path[8][PATH_MAX];
	static unsigned int n;
	char *p = path[n++ % 8];

	(void)snprintf(p, PATH_MAX, "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(in_dir(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static void get_file(const char *name, char **ret)
{
	FILE *file = fopen(in_dir(name), "r");
	size_t size = 0;

	assert_non_null(file);
	free(*ret);
	*ret = NULL;
	assert_true(getdelim(ret, &size, '\0', file) > 0);
	(void)fclose(file);
}

static void set(char **field, const char *text)
{
	free(*field);
	*field = strdup(text);
}

/* --- loop --- */

static void on_guard(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("nothing has happened for 30 s");
}

/* Until the test's end_wait(), or until there is nothing left to wait for. */
static void run(struct fixture *f)
{
	(void)uv_timer_start(&f->guard, on_guard, 30000, 0);
	uv_unref((uv_handle_t *)&f->guard);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	(void)uv_timer_stop(&f->guard);
}

static void end_wait(struct fixture *f)
{
	if (--f->n_pending <= 0)
		uv_stop(&f->loop);
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static void count_handle(uv_handle_t *handle, void *n)
{
	(void)handle;
	++*(int *)n;
}

static int count_handles(uv_loop_t *loop)
{
	int n = 0;

	uv_walk(loop, count_handle, &n);
	return n;
}

/* --- callbacks --- */

static void free_client(struct fixture *f)
{
	pn_client_free(f->client);
	f->client = NULL;
	f->n_pending = 1;
	end_wait(f);
}

static void cancel(struct result *res)
{
	pn_request_cancel(res->request);
	end_wait(res->f);
}

static void start(struct fixture *f, struct result *res, const char *path, unsigned int idle_ms);

static void on_headers(void *data, const struct pn_response *response)
{
	struct result *res = data;

	assert_int_equal(res->n_headers++, 0);
	assert_int_equal(res->n_data + res->n_done, 0);
	res->status = response->status;
	res->retry_after_s = response->retry_after_s;
	(void)snprintf(res->type, sizeof(res->type), "%s", response->content_type);
	pn_request_cancel(res->victim);
	if (res->cancel_in_headers)
		cancel(res);
	if (res->free_in_headers)
		free_client(res->f);
}

static int on_data(void *data, const char *bytes, size_t len)
{
	struct result *res = data;

	assert_int_equal(res->n_headers, 1);
	assert_int_equal(res->n_done, 0);
	res->n_data++;
	len = PN_MIN(len, sizeof(res->body) - 1 - res->len);
	memcpy(res->body + res->len, bytes, len);
	res->len += len;
	if (res->cancel_in_data)
		cancel(res);
	if (res->free_in_data)
		free_client(res->f);
	return res->refuse_data;
}

static void on_done(void *data, int code, const struct pn_err *err)
{
	struct result *res = data;

	assert_int_equal(res->n_done++, 0);
	res->code = code;
	(void)snprintf(res->words, sizeof(res->words), "%s", err->text);
	assert_true((code == 0) == (res->words[0] == '\0'));
	if (res->cancel_in_done)
		pn_request_cancel(res->request);
	if (res->free_in_done) {
		free_client(res->f);
		return;
	}
	if (res->again_in_done) {
		struct fixture *f = res->f;

		*res = (struct result) { 0 };
		start(f, res, "/again", 0);
	}
	end_wait(res->f);
}

static const struct pn_request_ops ops = {
	.headers = on_headers,
	.data = on_data,
	.done = on_done,
};

static void start(struct fixture *f, struct result *res, const char *path, unsigned int idle_ms)
{
	res->f = f;
	f->n_pending++;
	assert_int_equal(pn_client_get(f->client, path, "application/json", idle_ms, &ops, res,
				       &res->request),
			 0);
	assert_int_equal(res->n_headers + res->n_data + res->n_done, 0);
}

static void get(struct fixture *f, struct result *res)
{
	start(f, res, "/api/v1/pods?limit=1", 0);
	run(f);
}

static void assert_ended(struct result *res, int code, const char *words)
{
	assert_int_equal(res->n_done, 1);
	if (res->code != code || !strstr(res->words, words))
		fail_msg("%d, \"%s\" is not %d, \"%s\"", res->code, res->words, code, words);
}

static void assert_body(struct result *res, const char *body)
{
	assert_ended(res, 0, "");
	assert_int_equal(res->status, 200);
	assert_string_equal(res->body, body);
}

/* --- set-up --- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int make_certificates(void **state)
{
	static const char script[] =
		"cd %s && exec 2>openssl.log && new='openssl req -x509 -days 1 -nodes -newkey ec"
		" -pkeyopt ec_paramgen_curve:P-256' && leaf=\"$new -CA ca.crt -CAkey ca.key"
		" -addext basicConstraints=critical,CA:false\" &&"
		" $new -subj /CN=pn-ca -keyout ca.key -out ca.crt &&"
		" $new -subj /CN=pn-other -keyout other.key -out other.crt &&"
		" $leaf -subj /CN=a -addext subjectAltName=IP:127.0.0.1 -keyout ip.key -out ip.crt "
		"&&"
		" $leaf -subj /CN=b -addext subjectAltName=DNS:kubernetes -keyout name.key"
		" -out name.crt && $leaf -subj /CN=agent -keyout client.key -out client.crt";
	char command[1024];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN); /* of the server; the client must not need it */
	(void)snprintf(dir, sizeof(dir), "%s/pn-client-XXXXXX", P_tmpdir);
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(command, sizeof(command), script, dir);
	return system(command) == 0 ? 0 : -1;
}

static int remove_certificates(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)uv_loop_init(&f->loop);
	(void)uv_timer_init(&f->loop, &f->guard);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	pn_client_free(f->client);
	uv_close((uv_handle_t *)&f->guard, NULL);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	r = uv_loop_close(&f->loop);
	server_stop(&f->server);
	pn_kube_config_done(&f->config);
	free(f);
	return r;
}

static SSL_CTX *tls(const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate_file(ctx, in_dir(cert), SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, in_dir(key), SSL_FILETYPE_PEM), 1);
	return ctx;
}

static void serve(struct fixture *f, SSL_CTX *ctx, script_fn script)
{
	char url[64];

	assert_int_equal(server_start(&f->server, ctx, script), 0);
	(void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", ctx ? "https" : "http",
		       f->server.port);
	set(&f->config.source, "test");
	set(&f->config.server, url);
	if (ctx)
		set(&f->config.ca_file, in_dir("ca.crt"));
}

static void make_client(struct fixture *f)
{
	assert_int_equal(pn_client_new(&f->loop, &f->config, &f->client, &f->err), 0);
}

static void serve_https(struct fixture *f, script_fn script)
{
	serve(f, tls("ip.crt", "ip.key"), script);
	make_client(f);
}

static void serve_http(struct fixture *f, script_fn script)
{
	serve(f, NULL, script);
	make_client(f);
}

static void remake_client(struct fixture *f)
{
	pn_client_free(f->client);
	make_client(f);
}

/* --- scripts --- */

static bool answer_hello(struct exchange *x)
{
	return say(x, OK_HEAD "Content-Length: 5\r\n\r\nhello");
}

/* The body is the request's head, so that the test can look at it. */
static bool answer_mirror(struct exchange *x)
{
	char head[256];

	(void)snprintf(head, sizeof(head), OK_HEAD "Content-Length: %zu\r\n\r\n", x->len);
	return say(x, head) && say(x, x->head);
}

static bool answer_begin_and_hold(struct exchange *x)
{
	(void)say(x, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	wait_until_closed(x);
	return false;
}

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

/* 401 for the token "old". */
static bool answer_by_token(struct exchange *x)
{
	if (strstr(x->head, "Authorization: Bearer old\r\n"))
		return say(x, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
	return answer_mirror(x);
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

static void https_to_another_service(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };
	char url[64];

	serve(f, NULL, answer_garbage);
	f->server.is_rude = true;
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", f->server.port);
	set(&f->config.server, url);
	make_client(f);
	get(f, &res);
	assert_ended(&res, -EPROTO, "is this an https port?");
}

static void unknown_authority_is_named(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 }, pem = { 0 };

	serve(f, tls("ip.crt", "ip.key"), answer_hello);
	set(&f->config.ca_file, in_dir("other.crt"));
	make_client(f);
	get(f, &res);
	assert_ended(&res, -EPROTO, "not trusted");
	assert_non_null(strstr(res.words, in_dir("other.crt")));
	get_file("ca.crt", &f->config.ca_pem);
	free(PN_TAKE_PTR(f->config.ca_file));
	remake_client(f);
	get(f, &pem);
	assert_body(&pem, "hello");
}

static void certificate_for_another_name(void **state)
{
	struct result wrong = { 0 }, right = { 0 };
	struct fixture *f = *state;
	char host[64];

	serve(f, tls("name.crt", "name.key"), answer_mirror);
	make_client(f);
	get(f, &wrong);
	assert_ended(&wrong, -EPROTO, "set tls-server-name");
	set(&f->config.tls_server_name, "kubernetes");
	remake_client(f);
	get(f, &right);
	assert_ended(&right, 0, "");
	(void)snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", f->server.port);
	assert_non_null(strstr(right.body, host));
}

static void verification_can_be_switched_off(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve(f, tls("name.crt", "name.key"), answer_hello);
	free(PN_TAKE_PTR(f->config.ca_file));
	f->config.insecure = true;
	make_client(f);
	get(f, &res);
	assert_body(&res, "hello");
}

static void ca_file_is_read_for_each_new_connection(void **state)
{
	struct result missing = { 0 }, wrong = { 0 }, nonsense = { 0 }, right = { 0 };
	char *pem = NULL;
	struct fixture *f = *state;

	serve(f, tls("ip.crt", "ip.key"), answer_hello);
	set(&f->config.ca_file, in_dir("rotated.crt"));
	make_client(f);
	get(f, &missing);
	assert_ended(&missing, -ENOENT, in_dir("rotated.crt"));
	put("rotated.crt", "nonsense");
	get(f, &nonsense);
	assert_ended(&nonsense, -EPROTO, in_dir("rotated.crt"));
	get_file("other.crt", &pem);
	put("rotated.crt", pem);
	get(f, &wrong);
	assert_ended(&wrong, -EPROTO, "not trusted");
	get_file("ca.crt", &pem);
	put("rotated.crt", pem);
	get(f, &right);
	assert_body(&right, "hello");
	free(pem);
}

static void client_certificate_is_shown(void **state)
{
	struct result none = { 0 }, file = { 0 }, pem = { 0 }, wrong = { 0 };
	struct fixture *f = *state;
	SSL_CTX *ctx = tls("ip.crt", "ip.key");

	assert_int_equal(SSL_CTX_load_verify_file(ctx, in_dir("ca.crt")), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	serve(f, ctx, answer_hello);
	make_client(f);
	get(f, &none);
	assert_ended(&none, -EPROTO, "the server refused the client certificate");
	set(&f->config.cert_file, in_dir("client.crt"));
	set(&f->config.key_file, in_dir("client.key"));
	remake_client(f);
	get(f, &file);
	assert_body(&file, "hello");
	get_file("client.crt", &f->config.cert_pem);
	get_file("client.key", &f->config.key_pem);
	free(PN_TAKE_PTR(f->config.cert_file));
	free(PN_TAKE_PTR(f->config.key_file));
	remake_client(f);
	get(f, &pem);
	assert_body(&pem, "hello");
	get_file("other.key", &f->config.key_pem);
	remake_client(f);
	get(f, &wrong);
	assert_ended(&wrong, -EPROTO, "client certificate or its key cannot be used");
}

static void missing_client_key_is_named(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };

	serve(f, tls("ip.crt", "ip.key"), answer_hello);
	set(&f->config.cert_file, in_dir("client.crt"));
	set(&f->config.key_file, in_dir("absent.key"));
	make_client(f);
	get(f, &res);
	assert_ended(&res, -ENOENT, in_dir("absent.key"));
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

/* --- cancelling and freeing --- */

static void cancelled_request_is_never_heard_of_again(void **state)
{
	struct result queued = { 0 }, headers = { .cancel_in_headers = true },
		      data = { .cancel_in_data = true }, done = { .cancel_in_done = true };
	struct fixture *f = *state;

	serve_https(f, answer_hello);
	start(f, &queued, "/", 0);
	cancel(&queued);
	get(f, &headers);
	get(f, &data);
	get(f, &done);
	assert_int_equal(queued.n_headers, 0);
	assert_int_equal(headers.n_headers, 1);
	assert_int_equal(headers.n_data + headers.n_done, 0);
	assert_int_equal(data.n_data, 1);
	assert_int_equal(data.n_done, 0);
	assert_body(&done, "hello");
	pn_request_cancel(NULL);
}

static void callback_may_cancel_another_request(void **state)
{
	struct result victim = { 0 }, killer = { 0 };
	struct fixture *f = *state;

	serve_https(f, answer_begin_and_hold);
	start(f, &victim, "/victim", 0);
	start(f, &killer, "/killer", 0);
	killer.victim = victim.request;
	killer.cancel_in_data = true;
	f->n_pending = 1;
	run(f);
	assert_int_equal(killer.n_data, 1);
	assert_int_equal(victim.n_done, 0);
}

static void refused_data_ends_the_request(void **state)
{
	struct result res = { .refuse_data = -EMSGSIZE };
	struct fixture *f = *state;

	serve_https(f, answer_begin_and_hold);
	get(f, &res);
	assert_ended(&res, -EMSGSIZE, "refused");
	assert_int_equal(res.n_data, 1);
}

static void client_may_be_freed_in_any_callback(void **state)
{
	struct result how[] = { { .free_in_headers = true },
				{ .free_in_data = true },
				{ .free_in_done = true } };
	struct fixture *f = *state;

	serve(f, tls("ip.crt", "ip.key"), answer_hello);
	for (size_t i = 0; i < PN_ARRAY_SIZE(how); i++) {
		struct result other = { 0 };

		make_client(f);
		start(f, &how[i], "/", 0);
		start(f, &other, "/", 0);
		run(f);
		assert_null(f->client);
		assert_int_equal(how[i].n_done, how[i].free_in_done ? 1 : 0);
	}
}

static void client_may_be_freed_with_requests_in_flight(void **state)
{
	struct result queued = { 0 }, running = { 0 };
	struct fixture *f = *state;

	serve_https(f, answer_begin_and_hold);
	start(f, &running, "/", 1000);
	while (!running.n_data)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	start(f, &queued, "/", 1000);
	pn_client_free(f->client);
	f->client = NULL;
	run(f);
	assert_int_equal(running.n_done + queued.n_done, 0);
}

static void queue_moves_on_when_running_requests_are_cancelled(void **state)
{
	enum { N = 200 };
	static struct result results[N];
	struct fixture *f = *state;
	int n_cancelled = 0;

	serve_http(f, answer_begin_and_hold);
	for (int i = 0; i < N; i++)
		start(f, &results[i], "/", 0);
	while (n_cancelled < N) {
		(void)uv_run(&f->loop, UV_RUN_ONCE);
		assert_true(atomic_load(&f->server.n_connections) <=
			    (unsigned int)n_cancelled + 90);
		for (int i = 0; i < N; i++) {
			if (!results[i].n_data || !results[i].request)
				continue;
			pn_request_cancel(PN_TAKE_PTR(results[i].request));
			n_cancelled++;
		}
	}
}

static void thousands_of_cancelled_requests_leave_nothing_behind(void **state)
{
	enum { ROUNDS = 50, EACH = 40 };
	static struct result results[EACH];
	struct fixture *f = *state;
	int n_handles = count_handles(&f->loop), n_fds = count_fds();

	serve_http(f, answer_hello);
	for (int round = 0; round < ROUNDS; round++) {
		memset(results, 0, sizeof(results));
		for (int i = 0; i < EACH; i++)
			start(f, &results[i], "/", 5000);
		for (int i = 0; i < round % 4; i++)
			(void)uv_run(&f->loop, UV_RUN_NOWAIT);
		for (int i = 0; i < EACH; i++) {
			if (!results[i].n_done)
				pn_request_cancel(results[i].request);
		}
	}
	f->n_pending = 0;
	memset(results, 0, sizeof(results));
	get(f, &results[0]);
	assert_body(&results[0], "hello");
	pn_client_free(PN_TAKE_PTR(f->client));
	run(f);
	server_stop(&f->server);
	assert_int_equal(count_handles(&f->loop), n_handles);
	assert_int_equal(count_fds(), n_fds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answer_arrives_whole_and_in_order),
		TEST(request_says_who_and_what),
		TEST(server_path_goes_in_front),
		TEST(plain_http_carries_no_credentials),
		TEST(nonsense_is_refused_at_once),
		TEST(one_byte_at_a_time_is_enough),
		TEST(connection_is_used_again),
		TEST(redirects_are_not_followed),
		TEST(refused_connection),
		TEST(cut_streams_end_with_connreset),
		TEST(what_is_not_http_is_refused),
		TEST(https_to_another_service),
		TEST(unknown_authority_is_named),
		TEST(certificate_for_another_name),
		TEST(verification_can_be_switched_off),
		TEST(ca_file_is_read_for_each_new_connection),
		TEST(client_certificate_is_shown),
		TEST(missing_client_key_is_named),
		TEST(refused_token_is_read_again),
		TEST(token_follows_its_file),
		TEST(old_token_is_kept_while_the_file_cannot_be_read),
		TEST(refusal_of_an_older_request_spares_a_newer_token),
		TEST(token_that_never_changes_survives_a_refusal),
		TEST(silent_request_is_given_up_and_its_connection_too),
		TEST(silence_in_the_middle_counts_from_the_last_byte),
		TEST(cancelled_request_is_never_heard_of_again),
		TEST(callback_may_cancel_another_request),
		TEST(refused_data_ends_the_request),
		TEST(client_may_be_freed_in_any_callback),
		TEST(client_may_be_freed_with_requests_in_flight),
		TEST(queue_moves_on_when_running_requests_are_cancelled),
		TEST(thousands_of_cancelled_requests_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
