/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is taken out of a kubeconfig, and that every mistake in it is refused with words that name it.
 */
#include "tests/unit/kube/config_fixture.h"

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
	(void)put(f, "pki/client.key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n");
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

	assert_refused(f, USER_WITH("auth-provider: {name: gcp}"),
		       "user \"u\": auth-provider is not supported");
	assert_int_equal(load(f, USER_WITH("exec: null, as: '', auth-provider: {}, token: t")), 0);
}

static void proxy_is_taken_from_the_cluster(void **state)
{
	static const char *const wrong[] = { "'ftp://p'", "p:3128", "'http://'",
					     "'socks5://a:b@:1'" };
	struct fixture *f = *state;
	char text[1024];

	assert_int_equal(load(f, CLUSTER_WITH("proxy-url: 'socks5://a:b@p:1080'")), 0);
	assert_string_equal(f->config.proxy_url, "socks5://a:b@p:1080");
	for (size_t i = 0; i < PN_ARRAY_SIZE(wrong); i++) {
		(void)snprintf(text, sizeof(text), CLUSTER_WITH("proxy-url: %s"), wrong[i]);
		assert_refused(f, text, "proxy-url");
		assert_null(strstr(f->err.text, "a:b"));
	}
}

static void user_name_and_password_are_taken(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, USER_WITH("username: jane, password: pw")), 0);
	assert_string_equal(f->config.username, "jane");
	assert_string_equal(f->config.password, "pw");
	assert_refused(f, USER_WITH("password: pw"), "the username is missing");
	assert_refused(f, USER_WITH("username: 'a:b', password: pw"), "a colon");
	assert_refused(f, USER_WITH("username: jane, token: t"), "only one of them can be sent");
}

static void impersonation_becomes_headers(void **state)
{
	static const char *const lines[] = {
		"Impersonate-User: jane",     "Impersonate-Uid: 7",
		"Impersonate-Group: ops",     "Impersonate-Group: dev",
		"Impersonate-Extra-a%2Fb: x", "Impersonate-Extra-a%2Fb: y",
	};
	struct fixture *f = *state;

	assert_int_equal(load(f, USER_WITH("as: jane, as-uid: 7, as-groups: [ops, dev],"
					   " as-user-extra: {a/b: [x, y]}")),
			 0);
	for (size_t i = 0; i < PN_ARRAY_SIZE(lines); i++)
		assert_string_equal(f->config.impersonate[i], lines[i]);
	assert_null(f->config.impersonate[PN_ARRAY_SIZE(lines)]);
	assert_refused(f, USER_WITH("as-groups: [ops]"), "they need \"as\" as well");
	assert_refused(f, USER_WITH("as: \"a\\r\\nX: y\""), "as: a line break");
	assert_refused(f, USER_WITH("as: a, as-groups: b"), "as-groups: must be a list");
	assert_refused(f, USER_WITH("as: a, as-groups: [{}]"), "must be a text");
}

#define EXEC(fields) USER_WITH("exec: {apiVersion: client.authentication.k8s.io/v1, " fields "}")

static void plugin_is_described(void **state)
{
	const struct pn_exec_settings *e;
	struct fixture *f = *state;

	assert_int_equal(load(f, EXEC("command: bin/login, args: [get, ''], interactiveMode: Never,"
				      " env: [{name: A, value: b=c}, {name: B}],"
				      " installHint: 'install it', provideClusterInfo: true")),
			 0);
	e = &f->config.exec;
	assert_string_equal(e->command, in_dir(f, "bin/login"));
	assert_string_equal(e->args[0], "get");
	assert_string_equal(e->args[1], "");
	assert_null(e->args[2]);
	assert_string_equal(e->env[0], "A=b=c");
	assert_string_equal(e->env[1], "B=");
	assert_string_equal(e->install_hint, "install it");
	assert_int_equal(e->interactive, PN_EXEC_NEVER);
	assert_true(e->provide_cluster_info);
	assert_int_equal(load(f, USER_WITH("exec: {command: login, "
					   "apiVersion: client.authentication.k8s.io/v1beta1}")),
			 0);
	assert_string_equal(f->config.exec.command, "login"); /* looked for in PATH */
	assert_int_equal(f->config.exec.interactive, PN_EXEC_IF_AVAILABLE);
}

static void half_described_plugins_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, EXEC("interactiveMode: Never"), "user \"u\": exec: command is missing");
	assert_refused(f, EXEC("command: a"), "interactiveMode is missing: must be Never");
	assert_refused(f, EXEC("command: a, interactiveMode: Perhaps"), "interactiveMode Perhaps");
	assert_refused(f, USER_WITH("exec: {command: a}"), "apiVersion is missing");
	assert_refused(f,
		       USER_WITH("exec: {command: a, "
				 "apiVersion: client.authentication.k8s.io/v1alpha1}"),
		       "must be client.authentication.k8s.io/v1 or");
	assert_refused(f, EXEC("command: a, interactiveMode: Never, env: [{value: b}]"),
		       "env: there is no usable name");
	assert_refused(f, EXEC("command: a, interactiveMode: Never, args: {}"),
		       "args: must be a list");
}

static void token_makes_a_plugin_unnecessary(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, USER_WITH("token: t, exec: {command: a, interactiveMode: Never,"
					   " apiVersion: client.authentication.k8s.io/v1}")),
			 0);
	assert_null(f->config.exec.command);
}

static void extension_for_the_plugin_becomes_json(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		load(f, CLUSTER_WITH("extensions: [{name: other, extension: 1},"
				     " {name: client.authentication.k8s.io/exec, extension:"
				     " {a: 1, b: [true, '1', x\"y, null, -0.5, 01, ~], c: {}}}]")),
		0);
	assert_string_equal(f->config.exec.cluster_config,
			    "{\"a\":1,\"b\":[true,\"1\",\"x\\\"y\",null,-0.5,\"01\",null],"
			    "\"c\":{}}");
	assert_refused(f,
		       CLUSTER_WITH("extensions: [{name: client.authentication.k8s.io/exec,"
				    " extension: &a {b: *a}}]"),
		       "extension: too large or too deep");
}

static void tokens_that_would_break_a_header_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, USER_WITH("token: \"a\\r\\nX-Evil: 1\""), "character");
	assert_refused(f, USER_WITH("token: 'a b'"), "character");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(proxy_is_taken_from_the_cluster),
		TEST(user_name_and_password_are_taken),
		TEST(impersonation_becomes_headers),
		TEST(plugin_is_described),
		TEST(half_described_plugins_are_refused),
		TEST(token_makes_a_plugin_unnecessary),
		TEST(extension_for_the_plugin_becomes_json),
		TEST(tokens_that_would_break_a_header_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
