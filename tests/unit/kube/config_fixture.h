/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_CONFIG_FIXTURE_H
#define PN_TESTS_CONFIG_FIXTURE_H

/* Settings, and a directory for each test with the files they come from. */
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

#define PEM "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
#define PEM_BASE64 \
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BQT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

#define CONTEXT                \
	"current-context: c\n" \
	"contexts:\n- {name: c, context: {cluster: k, user: u, namespace: team-a}}\n"
#define CLUSTER "clusters:\n- {name: k, cluster: {server: 'https://api:6443/'}}\n"
#define USER "users:\n- {name: u, user: {token: secret}}\n"

#define CLUSTER_WITH(fields) \
	CONTEXT USER "clusters: [{name: k, cluster: {server: 'https://a', " fields "}}]\n"
#define USER_WITH(fields) CONTEXT CLUSTER "users: [{name: u, user: {" fields "}}]\n"

struct fixture {
	char dir[64];
	struct pn_kube_config config;
	struct pn_err err;
};

static const char *const variables[] = { "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
					 "KUBECONFIG", "HOME" };

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	for (size_t i = 0; i < PN_ARRAY_SIZE(variables); i++)
		(void)unsetenv(variables[i]);
	(void)snprintf(f->dir, sizeof(f->dir), "%s/pn-config-XXXXXX", P_tmpdir);
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	pn_kube_config_done(&f->config);
	(void)nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline const char *in_dir(struct fixture *f, const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned int n;
	char *p = path[n++ % 4];

	(void)snprintf(p, PATH_MAX, "%s/%s", f->dir, name);
	return p;
}

static inline const char *put(struct fixture *f, const char *name, const char *text)
{
	const char *path = in_dir(f, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	return path;
}

static inline int load_context(struct fixture *f, const char *text, const char *context)
{
	struct pn_kube_config_source source = { .context = context };

	pn_kube_config_done(&f->config);
	source.kubeconfig = put(f, "config", text);
	return pn_kube_config_load(&source, &f->config, &f->err);
}

static inline int load(struct fixture *f, const char *text)
{
	return load_context(f, text, NULL);
}

static inline void assert_says(struct fixture *f, const char *words)
{
	if (!strstr(f->err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", f->err.text, words);
}

static inline void assert_refused(struct fixture *f, const char *text, const char *words)
{
	assert_int_equal(load(f, text), -EINVAL);
	assert_says(f, in_dir(f, "config"));
	assert_says(f, words);
	assert_null(f->config.server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
