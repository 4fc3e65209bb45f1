/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client and certificates: whom it trusts, how it shows itself, how it follows files that change,
 * and what it says when TLS fails. The loop's clock can be put forward.
 */
#include "kube/certificates.h"
#include "tests/unit/kube/ahead_clock.h"
#include "tests/unit/kube/client_fixture.h"

static bool answer_another_protocol(struct exchange *x)
{
	(void)say(x, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
	return false;
}

static void https_to_another_service(void **state)
{
	struct fixture *f = *state;
	struct result res = { 0 };
	char url[64];

	serve(f, NULL, answer_another_protocol);
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

static void ca_file_is_read_again_after_a_failure(void **state)
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

/* --- files that change --- */

static SSL_CTX *tls_for_known_clients(void)
{
	SSL_CTX *ctx = tls("ip.crt", "ip.key");

	assert_int_equal(SSL_CTX_load_verify_file(ctx, in_dir("ca.crt")), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return ctx;
}

/* A file becomes what another one is. */
static void become(const char *name, const char *model)
{
	char *text = NULL;

	get_file(model, &text);
	put(name, text);
	free(text);
}

/* The name in the certificate that the client has shown. */
static bool answer_with_client_name(struct exchange *x)
{
	X509 *cert = SSL_get1_peer_certificate(x->tls);
	char name[64] = "", answer[256];

	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name,
					sizeof(name));
	X509_free(cert);
	(void)snprintf(answer, sizeof(answer), OK_HEAD "Content-Length: %zu\r\n\r\n%s",
		       strlen(name), name);
	if (strstr(x->head, "GET /watch"))
		return answer_begin_and_hold(x);
	return say(x, answer);
}

static void changed_client_certificate_cuts_what_runs_and_is_used(void **state)
{
	struct result watch = { 0 }, before = { 0 }, early = { 0 }, after = { 0 };
	struct fixture *f = *state;

	become("own.crt", "client.crt");
	become("own.key", "client.key");
	serve(f, tls_for_known_clients(), answer_with_client_name);
	set(&f->config.cert_file, in_dir("own.crt"));
	set(&f->config.key_file, in_dir("own.key"));
	make_client(f);
	start(f, &watch, "/watch", 0);
	start(f, &before, "/", 0);
	while (!watch.n_data || !before.n_done)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	assert_string_equal(before.body, "agent");
	become("own.crt", "ip.crt");
	become("own.key", "ip.key");
	start(f, &early, "/", 0);
	while (!early.n_done)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	assert_string_equal(early.body, "agent"); /* not looked at again so soon */
	assert_int_equal(watch.n_done, 0);
	ahead_ms += PN_CLIENT_CERTIFICATE_FRESH_MS;
	get(f, &after);
	while (!watch.n_done)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	assert_body(&after, "a");
	assert_ended(&watch, -ECONNRESET, "the connection was cut");
}

static void plugin_brings_a_client_certificate(void **state)
{
	static const char script[] =
		"#!/bin/sh\ncd %s\njq -nc --rawfile cert client.crt --rawfile key client.key '{"
		"kind: \"ExecCredential\", apiVersion: \"client.authentication.k8s.io/v1\","
		"status: {clientCertificateData: $cert, clientKeyData: $key}}'";
	struct fixture *f = *state;
	struct result res = { 0 };
	char text[1024];

	(void)snprintf(text, sizeof(text), script, dir);
	put("plugin", text);
	assert_int_equal(chmod(in_dir("plugin"), 0700), 0);
	serve(f, tls_for_known_clients(), answer_with_client_name);
	set(&f->config.exec.command, in_dir("plugin"));
	set(&f->config.exec.api_version, "client.authentication.k8s.io/v1");
	make_client(f);
	get(f, &res);
	assert_body(&res, "agent");
}

struct rotation {
	struct pn_kube_config config;
	struct pn_certificate_source source;
	struct pn_err err;
};

static void assert_ca(struct rotation *r, uint64_t now_ms, const char *name)
{
	char *text = NULL;

	get_file(name, &text);
	assert_int_equal(pn_certificate_source_refresh(&r->source, now_ms, &r->err), 0);
	assert_string_equal(r->source.now->ca, text);
	free(text);
}

static void ca_is_looked_at_again_after_five_minutes(void **state)
{
	struct rotation r = { 0 };

	(void)state;
	set(&r.config.ca_file, in_dir("rotating.crt"));
	r.source.config = &r.config;
	become("rotating.crt", "ca.crt");
	assert_ca(&r, 1000, "ca.crt");
	become("rotating.crt", "other.crt");
	assert_ca(&r, 1000 + PN_CA_FRESH_MS - 1, "ca.crt");
	assert_ca(&r, 1000 + PN_CA_FRESH_MS, "other.crt");
	pn_certificate_source_done(&r.source);
	pn_kube_config_done(&r.config);
}

static void old_ca_is_kept_while_the_file_is_no_good(void **state)
{
	struct rotation r = { 0 };
	uint64_t now_ms = 1000;
	char *text = NULL;

	(void)state;
	set(&r.config.ca_file, in_dir("rotating.crt"));
	r.source.config = &r.config;
	become("rotating.crt", "ca.crt");
	assert_ca(&r, now_ms, "ca.crt");
	get_file("other.crt", &text);
	for (size_t len = 0; len < strlen(text) - 1; len += 40) { /* cut anywhere */
		char *cut = strndup(text, len);

		put("rotating.crt", cut);
		free(cut);
		assert_ca(&r, now_ms += PN_CA_FRESH_MS, "ca.crt");
	}
	assert_int_equal(remove(in_dir("rotating.crt")), 0);
	assert_ca(&r, now_ms += PN_CA_FRESH_MS, "ca.crt");
	free(text);
	pn_certificate_source_done(&r.source);
	pn_kube_config_done(&r.config);
}

static void half_a_renewal_changes_nothing(void **state)
{
	struct pn_certificates *before;
	struct rotation r = { 0 };

	(void)state;
	set(&r.config.cert_file, in_dir("own.crt"));
	set(&r.config.key_file, in_dir("own.key"));
	r.source.config = &r.config;
	become("own.crt", "client.crt");
	become("own.key", "client.key");
	assert_int_equal(pn_certificate_source_refresh(&r.source, 1, &r.err), 0);
	before = r.source.now;
	become("own.crt", "ip.crt");
	put("own.key", "");
	assert_int_equal(pn_certificate_source_refresh(&r.source, 100000, &r.err), 0);
	assert_ptr_equal(r.source.now, before);
	pn_certificate_source_done(&r.source);
	pn_kube_config_done(&r.config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(https_to_another_service),
		TEST(unknown_authority_is_named),
		TEST(certificate_for_another_name),
		TEST(verification_can_be_switched_off),
		TEST(ca_file_is_read_again_after_a_failure),
		TEST(client_certificate_is_shown),
		TEST(missing_client_key_is_named),
		TEST(changed_client_certificate_cuts_what_runs_and_is_used),
		TEST(plugin_brings_a_client_certificate),
		TEST(ca_is_looked_at_again_after_five_minutes),
		TEST(old_ca_is_kept_while_the_file_is_no_good),
		TEST(half_a_renewal_changes_nothing),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
