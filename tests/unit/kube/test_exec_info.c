/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a credential plugin is told and what is taken from its answer; and base64, which both need.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kube/base64.h"
#include "kube/exec_info.h"

#define V1 "client.authentication.k8s.io/v1"
#define PEM "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
#define ESCAPED "-----BEGIN CERTIFICATE-----\\nMAA=\\n-----END CERTIFICATE-----\\n"
#define KEY "-----BEGIN PRIVATE KEY-----\\n-----END PRIVATE KEY-----\\n"
#define CREDENTIAL(status) \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":" status "}"

static void token_and_expiry_are_taken(void **state)
{
	static const struct {
		const char *time;
		int64_t seconds;
	} times[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-24T22:45:14Z", 1795560314 },
		{ "2026-11-24T22:45:14.123456789Z", 1795560314 },
		{ "2026-11-24T23:45:14+01:00", 1795560314 },
		{ "2026-11-24T17:15:14-05:30", 1795560314 },
	};
	struct pn_exec_credential c;
	char text[512];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(times); i++) {
		(void)snprintf(text, sizeof(text),
			       CREDENTIAL("{\"token\":\"t\",\"expirationTimestamp\":\"%s\"}"),
			       times[i].time);
		assert_int_equal(pn_exec_credential_parse(text, strlen(text), V1, &c, NULL), 0);
		assert_string_equal(c.token, "t");
		assert_int_equal(c.expires_s, times[i].seconds);
		assert_null(c.cert);
		pn_exec_credential_done(&c);
	}
}

static void certificate_without_expiry_is_taken(void **state)
{
	static const char text[] = CREDENTIAL("{\"token\":null,\"clientCertificateData\":\"" ESCAPED
					      "\",\"clientKeyData\":\"" KEY "\"}");
	struct pn_exec_credential c;

	(void)state;
	assert_int_equal(pn_exec_credential_parse(text, strlen(text), V1, &c, NULL), 0);
	assert_null(c.token);
	assert_string_equal(c.cert, PEM);
	assert_non_null(c.key);
	assert_true(c.expires_s == INT64_MAX);
	pn_exec_credential_done(&c);
}

static void nonsense_is_refused_with_words(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "not JSON" },
		{ "[]", "not of the kind ExecCredential" },
		{ "{\"kind\":\"Pod\"}", "not of the kind ExecCredential" },
		{ "{\"kind\":\"ExecCredential\",\"apiVersion\":\"v2\"}",
		  "its apiVersion is v2, the kubeconfig asks for " V1 },
		{ CREDENTIAL("null"), "neither a token nor a certificate" },
		{ CREDENTIAL("{\"token\":\"\"}"), "neither a token nor a certificate" },
		{ CREDENTIAL("{\"token\":7}"), "token: must be a text" },
		{ CREDENTIAL("{\"token\":\"secret\\n\"}"), "character that a token cannot have" },
		{ CREDENTIAL("{\"clientKeyData\":\"" KEY "\"}"), "only one is there" },
		{ CREDENTIAL("{\"clientCertificateData\":\"secret\"}"), "not PEM" },
		{ CREDENTIAL("{\"token\":\"t\",\"expirationTimestamp\":\"tomorrow\"}"),
		  "not a time" },
		{ CREDENTIAL("{\"token\":\"t\",\"expirationTimestamp\":\"2026-01-01T00:00:00\"}"),
		  "not a time" },
	};
	struct pn_exec_credential c;
	struct pn_err err;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		assert_int_equal(pn_exec_credential_parse(cases[i].text, strlen(cases[i].text), V1,
							  &c, &err),
				 -EINVAL);
		if (!strstr(err.text, cases[i].words))
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].words);
		assert_null(strstr(err.text, "secret"));
	}
}

static void plugin_learns_about_the_cluster_only_if_it_asks(void **state)
{
	char server[] = "https://a", version[] = V1, settings[] = "{\"x\":[1]}", ca[] = "A";
	struct pn_kube_config config = {
		.server = server,
		.insecure = true,
		.exec = { .api_version = version, .cluster_config = settings },
	};
	char *info;

	(void)state;
	info = pn_exec_info(&config, ca, false);
	assert_string_equal(info, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
				  "\",\"spec\":{\"interactive\":false}}");
	free(info);
	config.exec.provide_cluster_info = true;
	info = pn_exec_info(&config, ca, true);
	assert_string_equal(info,
			    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
			    "\",\"spec\":{\"interactive\":true,\"cluster\":{"
			    "\"server\":\"https://a\",\"certificate-authority-data\":\"QQ==\","
			    "\"config\":{\"x\":[1]},\"insecure-skip-tls-verify\":true}}}");
	free(info);
}

static void base64_goes_both_ways(void **state)
{
	static const char bytes[] = "\0\xff\x10 any bytes";
	char *text, *back;
	size_t len;

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++) {
		text = pn_base64_encode(bytes, n);
		assert_int_equal(strlen(text), (n + 2) / 3 * 4);
		assert_int_equal(pn_base64_decode(text, strlen(text), &back, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(back, bytes, n);
		free(text);
		free(back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_and_expiry_are_taken),
		cmocka_unit_test(certificate_without_expiry_is_taken),
		cmocka_unit_test(nonsense_is_refused_with_words),
		cmocka_unit_test(plugin_learns_about_the_cluster_only_if_it_asks),
		cmocka_unit_test(base64_goes_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
