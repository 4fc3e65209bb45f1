/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings: where they come from, what is taken out of a kubeconfig, and that every mistake is
 * refused with words that name it. Each test has a directory of its own.
 */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "kube/config.h"

#define PEM "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
#define PEM_BASE64 \
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

#define CONTEXT                \
	"current-context: c\n" \
	"contexts:\n- {name: c, context: {cluster: k, user: u, namespace: team-a}}\n"
#define CLUSTER "clusters:\n- {name: k, cluster: {server: 'https://api:6443/'}}\n"
#define USER "users:\n- {name: u, user: {token: secret}}\n"

struct fixture {
	char dir[64];
	struct pn_kube_config config;
	struct pn_err err;
};

static const char *const variables[] = { "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
					 "KUBECONFIG", "HOME" };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	for (size_t i = 0; i < PN_ARRAY_SIZE(variables); i++)
		(void)unsetenv(variables[i]);
	(void)snprintf(f->dir, sizeof(f->dir), "%s/pn-config-XXXXXX", P_tmpdir);
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pn_kube_config_done(&f->config);
	(void)nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static const char *in_dir(struct fixture *f, const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned int n;
	char *p = path[n++ % 4];

	(void)snprintf(p, PATH_MAX, "%s/%s", f->dir, name);
	return p;
}

static const char *put(struct fixture *f, const char *name, const char *text)
{
	const char *path = in_dir(f, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	return path;
}

static int load_context(struct fixture *f, const char *text, const char *context)
{
	struct pn_kube_config_source source = { .context = context };

	pn_kube_config_done(&f->config);
	source.kubeconfig = put(f, "config", text);
	return pn_kube_config_load(&source, &f->config, &f->err);
}

static int load(struct fixture *f, const char *text)
{
	return load_context(f, text, NULL);
}

static void assert_says(struct fixture *f, const char *words)
{
	if (!strstr(f->err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", f->err.text, words);
}

static void assert_refused(struct fixture *f, const char *text, const char *words)
{
	assert_int_equal(load(f, text), -EINVAL);
	assert_says(f, in_dir(f, "config"));
	assert_says(f, words);
	assert_null(f->config.server);
}

/* --- sources --- */

static void server_option_brings_no_credentials(void **state)
{
	struct fixture *f = *state;
	struct pn_kube_config_source source = { .server = "https://api.example:6443//" };

	assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), 0);
	assert_string_equal(f->config.server, "https://api.example:6443");
	assert_string_equal(f->config.source, "--server");
	assert_null(f->config.token);
}

static void nonsense_servers_are_refused(void **state)
{
	static const char *const servers[] = {
		"",	      "api:6443",   "ftp://api",	"https://",
		"https:///x", "http://:80", "https://user@api", "https://a b"
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < PN_ARRAY_SIZE(servers); i++) {
		struct pn_kube_config_source source = { .server = servers[i] };

		assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), -EINVAL);
		assert_says(f, "--server: server \"");
	}
}

static void pod_settings_come_from_environment_and_service_account(void **state)
{
	struct fixture *f = *state;

	(void)setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	(void)setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	(void)put(f, "token", " secret\n");
	(void)put(f, "ca.crt", PEM);
	(void)put(f, "namespace", "kube-system\n");
	assert_int_equal(pn_kube_config_load_pod(f->dir, &f->config, &f->err), 0);
	assert_string_equal(f->config.server, "https://10.0.0.1:443");
	assert_string_equal(f->config.token_file, in_dir(f, "token"));
	assert_string_equal(f->config.ca_file, in_dir(f, "ca.crt"));
	assert_string_equal(f->config.name_space, "kube-system");
	assert_string_equal(f->config.source, "in-cluster");
}

static void ipv6_service_host_gets_brackets(void **state)
{
	struct fixture *f = *state;

	(void)setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	(void)setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	(void)put(f, "token", "secret");
	(void)put(f, "ca.crt", PEM);
	assert_int_equal(pn_kube_config_load_pod(f->dir, &f->config, &f->err), 0);
	assert_string_equal(f->config.server, "https://[fd00::1]:443");
	assert_null(f->config.name_space);
}

static void pod_without_token_or_ca_is_told_which_file(void **state)
{
	struct fixture *f = *state;

	(void)setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	assert_int_equal(pn_kube_config_load_pod(f->dir, &f->config, &f->err), -EINVAL);
	assert_says(f, "KUBERNETES_SERVICE_PORT");
	(void)setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	(void)put(f, "token", "secret");
	assert_int_equal(pn_kube_config_load_pod(f->dir, &f->config, &f->err), -ENOENT);
	assert_says(f, in_dir(f, "ca.crt"));
	(void)put(f, "ca.crt", "");
	assert_int_equal(pn_kube_config_load_pod(f->dir, &f->config, &f->err), -EINVAL);
	assert_says(f, "not PEM");
	(void)put(f, "ca.crt", PEM);
	(void)put(f, "token", "\n");
	assert_int_equal(pn_kube_config_load_pod(f->dir, &f->config, &f->err), -EINVAL);
	assert_says(f, "token is empty");
}

static void first_existing_file_of_the_list_is_used(void **state)
{
	struct pn_kube_config_source source = { 0 };
	struct fixture *f = *state;
	char list[1024];

	(void)put(f, "second", CONTEXT CLUSTER USER);
	(void)snprintf(list, sizeof(list), "%s/absent::%s/second:%s/third", f->dir, f->dir, f->dir);
	(void)setenv("KUBECONFIG", list, 1);
	assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), 0);
	assert_string_equal(f->config.source, in_dir(f, "second"));
}

static void home_directory_is_the_last_resort(void **state)
{
	struct pn_kube_config_source source = { 0 };
	struct fixture *f = *state;

	(void)setenv("HOME", f->dir, 1);
	assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), -ENOENT);
	assert_says(f, "--kubeconfig");
	assert_int_equal(mkdir(in_dir(f, ".kube"), 0700), 0);
	(void)put(f, ".kube/config", CONTEXT CLUSTER USER);
	assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), 0);
	assert_string_equal(f->config.server, "https://api:6443");
}

static void named_file_that_is_missing_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct pn_kube_config_source source = { .kubeconfig = in_dir(f, "absent") };

	(void)setenv("HOME", f->dir, 1);
	assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), -ENOENT);
	assert_says(f, in_dir(f, "absent"));
	source.kubeconfig = f->dir;
	assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), -EISDIR);
}

static void huge_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct pn_kube_config_source source = { .kubeconfig = put(f, "huge", "") };

	assert_int_equal(truncate(source.kubeconfig, 2 << 20), 0);
	assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), -EMSGSIZE);
}

/* --- kubeconfig --- */

static void current_context_selects_cluster_and_user(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, CONTEXT CLUSTER USER), 0);
	assert_string_equal(f->config.server, "https://api:6443");
	assert_string_equal(f->config.token, "secret");
	assert_string_equal(f->config.name_space, "team-a");
	assert_false(f->config.insecure);
}

static void json_is_read_too(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		load(f, "{\"current-context\":\"c\",\n\t\"contexts\":[{\"name\":\"c\","
			"\"context\":{\"cluster\":\"k\"}}],"
			"\"clusters\":[{\"name\":\"k\",\"cluster\":"
			"{\"server\":\"https:\\/\\/api\",\"proxy-url\":\"\"}}],\"users\":null}"),
		0);
	assert_string_equal(f->config.server, "https://api");
	assert_null(f->config.token);
}

static void context_option_overrides_current_context(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_context(f,
				      "current-context: other\n" CLUSTER USER
				      "contexts:\n- {name: c, context: {cluster: k, user: u}}\n",
				      "c"),
			 0);
	assert_string_equal(f->config.token, "secret");
}

static void missing_context_names_those_that_exist(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_context(f, CONTEXT CLUSTER USER, "x"), -EINVAL);
	assert_says(f, "no context \"x\": choose one of: c");
	assert_refused(f, "contexts: [{name: a}, {name: b}]",
		       "choose one with --context, of: a, b");
	assert_refused(f, "{}", "no current-context");
}

static void missing_pieces_are_named(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, "", "the file is empty");
	assert_refused(f, CONTEXT USER, "no cluster \"k\"");
	assert_refused(f, CONTEXT CLUSTER, "no user \"u\"");
	assert_refused(f, CONTEXT USER "clusters: [{name: k}]", "cluster \"k\": server is missing");
	assert_refused(f, "current-context: c\ncontexts: [{name: c, context: {}}]",
		       "context \"c\": it names no cluster");
}

static void wrong_types_are_told_with_their_line(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, "- a\n", "line 1: not a map");
	assert_refused(f, "current-context: [c]\n", "line 1: current-context: must be a text");
	assert_refused(f, "current-context: c\ncontexts: c\n", "line 2: contexts: must be a list");
	assert_refused(f, "current-context: c\ncontexts:\n- c\n", "line 3: must be a map");
	assert_refused(f, CONTEXT CLUSTER "users: [{name: u, user: x}]", "user: must be a map");
	assert_refused(f, CONTEXT CLUSTER "users: [{name: u, user: {token: {}}}]",
		       "user \"u\": line 6: token: must be a text");
	assert_refused(f,
		       CONTEXT USER "clusters: [{name: k, cluster: {server: 'https://a', "
				    "insecure-skip-tls-verify: maybe}}]",
		       "must be true or false");
	assert_refused(f, CONTEXT CLUSTER "users: [{name: u, user: {token: \"a\\0b\"}}]",
		       "token: holds a NUL");
	assert_refused(f, "a: b\n  c: d\n", "line 2: not YAML");
}

static void entry_that_is_there_twice_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, CONTEXT CLUSTER "- {name: k, cluster: {server: 'https://b'}}\n" USER,
		       "two clusters called \"k\"");
}

static void hostile_shapes_are_refused(void **state)
{
	struct fixture *f = *state;
	char deep[201], anchors[2048] = "[";

	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_refused(f, deep, "nested too deeply");
	for (int i = 0; i < 100; i++)
		(void)snprintf(anchors + strlen(anchors), sizeof(anchors) - strlen(anchors),
			       "&a%d x,", i);
	assert_refused(f, anchors, "too many anchors");
	assert_refused(f, "current-context: c\ncontexts: &a [*a]\n", "must be a map");
}

static void relative_paths_start_at_the_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(in_dir(f, "pki"), 0700), 0);
	(void)put(f, "pki/ca.crt", PEM);
	(void)put(f, "pki/client.crt", PEM);
	(void)put(f, "pki/client.key", "-----BEGIN PRIVATE KEY-----\n");
	(void)put(f, "token", "secret\n");
	assert_int_equal(load(f, CONTEXT
			      "clusters: [{name: k, cluster: {server: 'https://a', "
			      "certificate-authority: pki/ca.crt, tls-server-name: b}}]\n"
			      "users: [{name: u, user: {client-certificate: pki/client.crt, "
			      "client-key: pki/client.key, tokenFile: token, token: old}}]\n"),
			 0);
	assert_string_equal(f->config.ca_file, in_dir(f, "pki/ca.crt"));
	assert_string_equal(f->config.cert_file, in_dir(f, "pki/client.crt"));
	assert_string_equal(f->config.key_file, in_dir(f, "pki/client.key"));
	assert_string_equal(f->config.token_file, in_dir(f, "token"));
	assert_string_equal(f->config.tls_server_name, "b");
	assert_null(f->config.token);
}

#define CLUSTER_WITH(fields) \
	CONTEXT USER "clusters: [{name: k, cluster: {server: 'https://a', " fields "}}]\n"
#define USER_WITH(fields) CONTEXT CLUSTER "users: [{name: u, user: {" fields "}}]\n"

static void data_in_the_file_beats_a_path(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, CLUSTER_WITH("certificate-authority: absent, "
					      "certificate-authority-data: " PEM_BASE64)),
			 0);
	assert_string_equal(f->config.ca_pem, PEM);
	assert_null(f->config.ca_file);
}

static void bad_base64_is_refused(void **state)
{
	static const char *const wrong[] = {
		"'*'", "QQ", "QQ=", "Q===", "QQ==QQ==", "AAAA", "QUJ=A"
	};
	struct fixture *f = *state;
	char text[1024];

	for (size_t i = 0; i < PN_ARRAY_SIZE(wrong); i++) {
		(void)snprintf(text, sizeof(text), CLUSTER_WITH("certificate-authority-data: %s"),
			       wrong[i]);
		assert_refused(f, text, "certificate-authority-data: not the base64");
	}
	assert_refused(f, CLUSTER_WITH("certificate-authority-data: QUJD"), "not PEM");
}

static void ca_and_skipping_verification_exclude_each_other(void **state)
{
	struct fixture *f = *state;

	assert_refused(f,
		       CLUSTER_WITH("insecure-skip-tls-verify: true, "
				    "certificate-authority-data: " PEM_BASE64),
		       "insecure-skip-tls-verify");
	assert_int_equal(load(f, CLUSTER_WITH("insecure-skip-tls-verify: true")), 0);
	assert_true(f->config.insecure);
}

static void unreadable_files_are_named(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, CLUSTER_WITH("certificate-authority: ca.crt")), -ENOENT);
	assert_says(f, in_dir(f, "ca.crt"));
	assert_says(f, "certificate-authority");
	assert_int_equal(load(f, USER_WITH("tokenFile: t")), -ENOENT);
	assert_says(f, in_dir(f, "t"));
}

static void half_a_client_certificate_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, USER_WITH("client-certificate-data: " PEM_BASE64), "the key is missing");
	assert_refused(f, USER_WITH("client-key-data: " PEM_BASE64), "the certificate is missing");
}

static void what_cannot_be_honoured_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, USER_WITH("exec: {command: aws}"), "user \"u\": exec is not supported");
	assert_refused(f, USER_WITH("auth-provider: {name: gcp}"),
		       "auth-provider is not supported");
	assert_refused(f, USER_WITH("username: a, password: b"), "username is not supported");
	assert_refused(f, USER_WITH("as: admin"), "as is not supported");
	assert_refused(f, CLUSTER_WITH("proxy-url: 'http://p'"), "HTTPS_PROXY");
	assert_int_equal(load(f, USER_WITH("exec: null, as: '', token: t")), 0);
}

static void tokens_that_would_break_a_header_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, USER_WITH("token: \"a\\r\\nX-Evil: 1\""), "character");
	assert_refused(f, USER_WITH("token: 'a b'"), "character");
}

static void no_credentials_for_plain_http(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, CONTEXT USER "clusters: [{name: k, cluster: {server: 'http://a', "
					      "certificate-authority: absent}}]\n"),
			 0);
	assert_string_equal(f->config.server, "http://a");
	assert_string_equal(f->config.name_space, "team-a");
	assert_null(f->config.token);
	assert_null(f->config.ca_file);
}

static void copies_share_nothing(void **state)
{
	struct fixture *f = *state;
	struct pn_kube_config copy;

	assert_int_equal(load(f, CONTEXT CLUSTER USER), 0);
	assert_int_equal(pn_kube_config_copy(&f->config, &copy), 0);
	pn_kube_config_done(&f->config);
	assert_null(f->config.token);
	assert_string_equal(copy.token, "secret");
	pn_kube_config_done(&copy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(server_option_brings_no_credentials),
		TEST(nonsense_servers_are_refused),
		TEST(pod_settings_come_from_environment_and_service_account),
		TEST(ipv6_service_host_gets_brackets),
		TEST(pod_without_token_or_ca_is_told_which_file),
		TEST(first_existing_file_of_the_list_is_used),
		TEST(home_directory_is_the_last_resort),
		TEST(named_file_that_is_missing_is_an_error),
		TEST(huge_file_is_refused),
		TEST(current_context_selects_cluster_and_user),
		TEST(json_is_read_too),
		TEST(context_option_overrides_current_context),
		TEST(missing_context_names_those_that_exist),
		TEST(missing_pieces_are_named),
		TEST(wrong_types_are_told_with_their_line),
		TEST(entry_that_is_there_twice_is_refused),
		TEST(hostile_shapes_are_refused),
		TEST(relative_paths_start_at_the_file),
		TEST(data_in_the_file_beats_a_path),
		TEST(bad_base64_is_refused),
		TEST(ca_and_skipping_verification_exclude_each_other),
		TEST(unreadable_files_are_named),
		TEST(half_a_client_certificate_is_refused),
		TEST(what_cannot_be_honoured_is_refused),
		TEST(tokens_that_would_break_a_header_are_refused),
		TEST(no_credentials_for_plain_http),
		TEST(copies_share_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
