/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client and certificates: whom it trusts, how it shows itself, and what it says when TLS fails.
 */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(https_to_another_service),
		TEST(unknown_authority_is_named),
		TEST(certificate_for_another_name),
		TEST(verification_can_be_switched_off),
		TEST(ca_file_is_read_for_each_new_connection),
		TEST(client_certificate_is_shown),
		TEST(missing_client_key_is_named),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
