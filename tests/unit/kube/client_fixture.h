/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_CLIENT_FIXTURE_H
#define PN_TESTS_CLIENT_FIXTURE_H

/*
 * A client and a scripted server on loopback, and what a test wants to happen inside the callbacks.
 * Certificates are made by the openssl command for each run.
 */
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "kube/client.h"
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

static inline const char *in_dir(const char *name)
{
	static char path[8][PATH_MAX];
	static unsigned int n;
	char *p = path[n++ % 8];

	(void)snprintf(p, PATH_MAX, "%s/%s", dir, name);
	return p;
}

static inline void put(const char *name, const char *text)
{
	FILE *file = fopen(in_dir(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static inline void get_file(const char *name, char **ret)
{
	FILE *file = fopen(in_dir(name), "r");
	size_t size = 0;

	assert_non_null(file);
	free(*ret);
	*ret = NULL;
	assert_true(getdelim(ret, &size, '\0', file) > 0);
	(void)fclose(file);
}

static inline void set(char **field, const char *text)
{
	free(*field);
	*field = strdup(text);
}

/* --- loop --- */

static inline void on_guard(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("nothing has happened for 30 s");
}

/* Until the test's end_wait(), or until there is nothing left to wait for. */
static inline void run(struct fixture *f)
{
	(void)uv_timer_start(&f->guard, on_guard, 30000, 0);
	uv_unref((uv_handle_t *)&f->guard);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	(void)uv_timer_stop(&f->guard);
}

static inline void end_wait(struct fixture *f)
{
	if (--f->n_pending <= 0)
		uv_stop(&f->loop);
}

static inline int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static inline void count_handle(uv_handle_t *handle, void *n)
{
	(void)handle;
	++*(int *)n;
}

static inline int count_handles(uv_loop_t *loop)
{
	int n = 0;

	uv_walk(loop, count_handle, &n);
	return n;
}

/* --- callbacks --- */

static inline void free_client(struct fixture *f)
{
	pn_client_free(f->client);
	f->client = NULL;
	f->n_pending = 1;
	end_wait(f);
}

static inline void cancel(struct result *res)
{
	pn_request_cancel(res->request);
	end_wait(res->f);
}

static inline void start(struct fixture *f, struct result *res, const char *path,
			 unsigned int idle_ms);

static inline void on_headers(void *data, const struct pn_response *response)
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

static inline int on_data(void *data, const char *bytes, size_t len)
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

static inline void on_done(void *data, int code, const struct pn_err *err)
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

static inline void start(struct fixture *f, struct result *res, const char *path,
			 unsigned int idle_ms)
{
	res->f = f;
	f->n_pending++;
	assert_int_equal(pn_client_get(f->client, path, "application/json", idle_ms, &ops, res,
				       &res->request),
			 0);
	assert_int_equal(res->n_headers + res->n_data + res->n_done, 0);
}

static inline void get(struct fixture *f, struct result *res)
{
	start(f, res, "/api/v1/pods?limit=1", 0);
	run(f);
}

static inline void assert_ended(struct result *res, int code, const char *words)
{
	assert_int_equal(res->n_done, 1);
	if (res->code != code || !strstr(res->words, words))
		fail_msg("%d, \"%s\" is not %d, \"%s\"", res->code, res->words, code, words);
}

static inline void assert_body(struct result *res, const char *body)
{
	assert_ended(res, 0, "");
	assert_int_equal(res->status, 200);
	assert_string_equal(res->body, body);
}

/* --- set-up --- */

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int make_certificates(void **state)
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

static inline int remove_certificates(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)uv_loop_init(&f->loop);
	(void)uv_timer_init(&f->loop, &f->guard);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
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

static inline SSL_CTX *tls(const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate_file(ctx, in_dir(cert), SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, in_dir(key), SSL_FILETYPE_PEM), 1);
	return ctx;
}

static inline void serve(struct fixture *f, SSL_CTX *ctx, script_fn script)
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

static inline void make_client(struct fixture *f)
{
	assert_int_equal(pn_client_new(&f->loop, &f->config, &f->client, &f->err), 0);
}

static inline void serve_https(struct fixture *f, script_fn script)
{
	serve(f, tls("ip.crt", "ip.key"), script);
	make_client(f);
}

static inline void serve_http(struct fixture *f, script_fn script)
{
	serve(f, NULL, script);
	make_client(f);
}

static inline void remake_client(struct fixture *f)
{
	pn_client_free(f->client);
	make_client(f);
}

/* --- scripts --- */

static inline bool answer_hello(struct exchange *x)
{
	return say(x, OK_HEAD "Content-Length: 5\r\n\r\nhello");
}

/* The body is the request's head, so that the test can look at it. */
static inline bool answer_mirror(struct exchange *x)
{
	char head[256];

	(void)snprintf(head, sizeof(head), OK_HEAD "Content-Length: %zu\r\n\r\n", x->len);
	return say(x, head) && say(x, x->head);
}

static inline bool answer_begin_and_hold(struct exchange *x)
{
	(void)say(x, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	wait_until_closed(x);
	return false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
