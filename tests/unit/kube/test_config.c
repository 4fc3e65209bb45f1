/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings: where they come from, how several files become one, and that a source that is not
 * there or cannot be read is named.
 */
#include "tests/unit/kube/config_fixture.h"

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

/* Loads what is in the files "first" and "second" of a list with others that are not there. */
static int load_list(struct fixture *f, const char *first, const char *second)
{
	struct pn_kube_config_source source = { 0 };
	char list[1024];

	(void)put(f, "first", first);
	(void)put(f, "second", second);
	(void)snprintf(list, sizeof(list), "%s/absent::%s/first:%s/second:%s/third", f->dir, f->dir,
		       f->dir, f->dir);
	(void)setenv("KUBECONFIG", list, 1);
	pn_kube_config_done(&f->config);
	return pn_kube_config_load(&source, &f->config, &f->err);
}

static void context_cluster_and_user_may_come_from_different_files(void **state)
{
	struct fixture *f = *state;
	char both[256];

	assert_int_equal(load_list(f, CONTEXT, CLUSTER USER), 0);
	assert_string_equal(f->config.server, "https://api:6443");
	assert_string_equal(f->config.token, "secret");
	assert_string_equal(f->config.name_space, "team-a");
	(void)snprintf(both, sizeof(both), "%s/first:%s/second", f->dir, f->dir);
	assert_string_equal(f->config.source, both);
	assert_int_equal(load_list(f, USER CLUSTER, CONTEXT), 0);
	assert_int_equal(load_list(f, "# nothing yet\n", CONTEXT CLUSTER USER), 0);
}

static void first_file_that_defines_an_entry_wins_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_list(f, "current-context: c\n" CLUSTER,
				   "current-context: x\n" USER
				   "clusters: [{name: k, cluster: {server: 'https://other',"
				   " tls-server-name: other}}]\n"
				   "contexts: [{name: c, context: {cluster: k, user: u}},"
				   " {name: x, context: {cluster: k}}]\n"),
			 0);
	assert_string_equal(f->config.server, "https://api:6443");
	assert_null(f->config.tls_server_name);
	assert_string_equal(f->config.token, "secret"); /* the context is c, not x */
}

static void relative_paths_start_at_the_file_that_has_them(void **state)
{
	struct fixture *f = *state;
	struct pn_kube_config_source source = { 0 };
	char list[1024];

	assert_int_equal(mkdir(in_dir(f, "a"), 0700), 0);
	assert_int_equal(mkdir(in_dir(f, "b"), 0700), 0);
	(void)put(f, "a/ca.crt", PEM);
	(void)put(f, "b/token", "secret");
	(void)put(f, "a/config",
		  CONTEXT "clusters: [{name: k, cluster: {server: 'https://api',"
			  " certificate-authority: ca.crt}}]\n");
	(void)put(f, "b/config", "users: [{name: u, user: {tokenFile: token}}]\n");
	(void)snprintf(list, sizeof(list), "%s/a/config:%s/b/config", f->dir, f->dir);
	(void)setenv("KUBECONFIG", list, 1);
	assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), 0);
	assert_string_equal(f->config.ca_file, in_dir(f, "a/ca.crt"));
	assert_string_equal(f->config.token_file, in_dir(f, "b/token"));
}

static void mistakes_in_one_of_several_files_name_that_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_list(f, CONTEXT CLUSTER, "users: [{name: u, user: {token: []}}]"),
			 -EINVAL);
	assert_says(f, in_dir(f, "second: user \"u\": line 1: token: must be a text"));
	assert_int_equal(load_list(f, CONTEXT CLUSTER, "- a"), -EINVAL);
	assert_says(f, in_dir(f, "second: line 1: not a map"));
	assert_int_equal(load_list(f, CONTEXT CLUSTER, "{}"), -EINVAL);
	assert_says(f, in_dir(f, "first:"));
	assert_says(f, in_dir(f, "second: there is no user \"u\""));
	assert_int_equal(load_list(f, "contexts: [{name: a}]", "contexts: [{name: b}]"), -EINVAL);
	assert_says(f, "of: a, b");
}

static void list_of_files_is_not_endless(void **state)
{
	struct fixture *f = *state;
	struct pn_kube_config_source source = { 0 };
	char list[4096] = "";

	(void)put(f, "c", "{}");
	for (int i = 0; i < 40; i++)
		(void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s/c:", f->dir);
	(void)setenv("KUBECONFIG", list, 1);
	assert_int_equal(pn_kube_config_load(&source, &f->config, &f->err), -EINVAL);
	assert_says(f, "more than 32 files");
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

	assert_int_equal(load(f, USER_WITH("token: secret, as: jane")), 0);
	assert_int_equal(pn_kube_config_copy(&f->config, &copy), 0);
	pn_kube_config_done(&f->config);
	assert_null(f->config.token);
	assert_string_equal(copy.token, "secret");
	assert_string_equal(copy.impersonate[0], "Impersonate-User: jane");
	assert_null(copy.impersonate[1]);
	pn_kube_config_done(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(server_option_brings_no_credentials),
		TEST(nonsense_servers_are_refused),
		TEST(pod_settings_come_from_environment_and_service_account),
		TEST(ipv6_service_host_gets_brackets),
		TEST(pod_without_token_or_ca_is_told_which_file),
		TEST(context_cluster_and_user_may_come_from_different_files),
		TEST(first_file_that_defines_an_entry_wins_whole),
		TEST(relative_paths_start_at_the_file_that_has_them),
		TEST(mistakes_in_one_of_several_files_name_that_file),
		TEST(list_of_files_is_not_endless),
		TEST(home_directory_is_the_last_resort),
		TEST(named_file_that_is_missing_is_an_error),
		TEST(huge_file_is_refused),
		TEST(no_credentials_for_plain_http),
		TEST(copies_share_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
