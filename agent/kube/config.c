/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the API server is: decides which source counts, reads it, and checks what came out, so that
 * a mistake in the settings is told at the start and by its name. Called once by each command that
 * talks to the API server.
 */
#include "kube/config.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kube/certificates.h"
#include "base/addr.h"
#include "kube/credentials.h"
#include "kube/file.h"
#include "kube/kubeconfig.h"

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

enum { MAX_FILE_BYTES = 1 << 20, MAX_FILES = 32 };

static const size_t text_fields[] = {
	offsetof(struct pn_kube_config, source),
	offsetof(struct pn_kube_config, server),
	offsetof(struct pn_kube_config, tls_server_name),
	offsetof(struct pn_kube_config, ca_file),
	offsetof(struct pn_kube_config, ca_pem),
	offsetof(struct pn_kube_config, cert_file),
	offsetof(struct pn_kube_config, cert_pem),
	offsetof(struct pn_kube_config, key_file),
	offsetof(struct pn_kube_config, key_pem),
	offsetof(struct pn_kube_config, token),
	offsetof(struct pn_kube_config, token_file),
	offsetof(struct pn_kube_config, proxy_url),
	offsetof(struct pn_kube_config, username),
	offsetof(struct pn_kube_config, password),
	offsetof(struct pn_kube_config, user_agent),
	offsetof(struct pn_kube_config, name_space),
	offsetof(struct pn_kube_config, exec.command),
	offsetof(struct pn_kube_config, exec.api_version),
	offsetof(struct pn_kube_config, exec.install_hint),
	offsetof(struct pn_kube_config, exec.cluster_config),
};

static const size_t list_fields[] = {
	offsetof(struct pn_kube_config, impersonate),
	offsetof(struct pn_kube_config, headers),
	offsetof(struct pn_kube_config, exec.args),
	offsetof(struct pn_kube_config, exec.env),
};

static char **text_field(struct pn_kube_config *c, size_t i)
{
	return (char **)(void *)((char *)c + text_fields[i]);
}

static char ***list_field(struct pn_kube_config *c, size_t i)
{
	return (char ***)(void *)((char *)c + list_fields[i]);
}

int pn_strings_push(char ***list, const char *text)
{
	char *copy = strdup(text), **longer;
	size_t n = 0;

	while (*list && (*list)[n])
		n++;
	longer = copy ? reallocarray(*list, n + 2, sizeof(**list)) : NULL;
	if (!longer) {
		pn_wipe_free(copy);
		return -ENOMEM;
	}
	longer[n] = copy;
	longer[n + 1] = NULL;
	*list = longer;
	return 0;
}

void pn_strings_free(char **list)
{
	for (char **text = list; text && *text; text++)
		pn_wipe_free(*text);
	free(list);
}

static bool copy_list(char **from, char ***ret)
{
	*ret = NULL;
	for (; from && *from; from++) {
		if (pn_strings_push(ret, *from) < 0)
			return false;
	}
	return true;
}

void pn_kube_config_done(struct pn_kube_config *c)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(text_fields); i++)
		pn_wipe_free(*text_field(c, i));
	for (size_t i = 0; i < PN_ARRAY_SIZE(list_fields); i++)
		pn_strings_free(*list_field(c, i));
	*c = (struct pn_kube_config) { 0 };
}

int pn_kube_config_copy(const struct pn_kube_config *from, struct pn_kube_config *ret)
{
	struct pn_kube_config c = *from;
	bool complete = true;

	for (size_t i = 0; i < PN_ARRAY_SIZE(text_fields); i++) {
		char **text = text_field(&c, i), *original = *text;

		*text = original ? strdup(original) : NULL;
		complete = complete && (*text || !original);
	}
	for (size_t i = 0; i < PN_ARRAY_SIZE(list_fields); i++) {
		char ***list = list_field(&c, i);

		complete = copy_list(*list, list) && complete;
	}
	if (!complete) {
		pn_kube_config_done(&c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

/* --- checks, the same for every source --- */

static int check_server(struct pn_kube_config *c, struct pn_err *reterr)
{
	size_t len = strlen(c->server), scheme;

	scheme = strncmp(c->server, "https://", 8) == 0 ? 8 : 0;
	if (!scheme && strncmp(c->server, "http://", 7) == 0)
		scheme = 7;
	if (!scheme)
		return pn_err_set(reterr, -EINVAL,
				  "server \"%s\": must begin with https:// or http://", c->server);
	if (strcspn(c->server, "?#@\\ ") != len)
		return pn_err_set(reterr, -EINVAL, "server \"%s\": must be https://HOST:PORT",
				  c->server);
	while (len > scheme && c->server[len - 1] == '/')
		c->server[--len] = '\0';
	if (len == scheme || c->server[scheme] == '/' || c->server[scheme] == ':')
		return pn_err_set(reterr, -EINVAL, "server \"%s\": the host is missing", c->server);
	return 0;
}

/* @file and @pem: at most one is set. */
static int check_pem_source(const char *file, const char *pem, pn_pem_check *check_pem,
			    const char *field, struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *text = NULL;
	int r;

	if (pem)
		r = check_pem(pem, reterr);
	else if (file)
		r = pn_pem_read(file, check_pem, &text, reterr);
	else
		r = 0;
	return r < 0 ? pn_err_wrap(reterr, r, "%s", field) : 0;
}

static int check_token(const struct pn_kube_config *c, struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *token = NULL;

	if (c->token)
		return pn_token_check(c->token, reterr);
	return c->token_file ? pn_token_read(c->token_file, &token, reterr) : 0;
}

static int check_tls(const struct pn_kube_config *c, struct pn_err *reterr)
{
	bool has_cert = c->cert_file || c->cert_pem, has_key = c->key_file || c->key_pem;
	int r;

	if (c->insecure && (c->ca_file || c->ca_pem))
		return pn_err_set(
			reterr, -EINVAL,
			"certificate-authority and insecure-skip-tls-verify are both set: %s",
			"remove insecure-skip-tls-verify");
	if (has_cert != has_key)
		return pn_err_set(reterr, -EINVAL,
				  "client-certificate and client-key: %s is missing",
				  has_cert ? "the key" : "the certificate");
	r = check_pem_source(c->ca_file, c->ca_pem, pn_pem_check_certificate,
			     "certificate-authority", reterr);
	if (r == 0)
		r = check_pem_source(c->cert_file, c->cert_pem, pn_pem_check_certificate,
				     "client-certificate", reterr);
	if (r == 0)
		r = check_pem_source(c->key_file, c->key_pem, pn_pem_check_key, "client-key",
				     reterr);
	return r;
}

/* The secret in a proxy's URL, if there is one, stays out of the message. */
static int check_proxy(const char *url, struct pn_err *reterr)
{
	static const char *const schemes[] = { "http://", "https://", "socks5://", "socks5h://" };
	const char *host = NULL, *at;

	for (size_t i = 0; i < PN_ARRAY_SIZE(schemes); i++) {
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			host = url + strlen(schemes[i]);
	}
	if (!host)
		return pn_err_set(reterr, -EINVAL,
				  "proxy-url: must begin with http://, https:// or socks5://");
	at = strrchr(host, '@');
	host = at ? at + 1 : host;
	if (!*host || *host == ':' || *host == '/')
		return pn_err_set(reterr, -EINVAL, "proxy-url: the host is missing");
	return 0;
}

static int check_basic(const struct pn_kube_config *c, struct pn_err *reterr)
{
	if (c->password && !c->username)
		return pn_err_set(reterr, -EINVAL,
				  "username and password: the username is missing");
	if (c->username && strchr(c->username, ':'))
		return pn_err_set(reterr, -EINVAL, "username: a colon cannot be in it");
	if (c->username && (c->token || c->token_file))
		return pn_err_set(reterr, -EINVAL,
				  "token and username are both set: only one of them can be sent");
	return 0;
}

static int check_headers(const struct pn_kube_config *c, struct pn_err *reterr)
{
	bool names_user = !c->impersonate;

	for (char **line = c->impersonate; line && *line; line++) {
		names_user = names_user || strncmp(*line, "Impersonate-User: ", 18) == 0;
		if (!pn_header_is_safe(*line))
			return pn_err_set(
				reterr, -EINVAL,
				"as: a line break or another control character cannot be in it");
	}
	if (!names_user)
		return pn_err_set(reterr, -EINVAL,
				  "as-uid, as-groups and as-user-extra: they need \"as\" as well");
	return 0;
}

/* Everything that is for https only; what is not there cannot be sent in the clear. */
static void drop_tls_settings(struct pn_kube_config *c)
{
	struct pn_kube_config kept = {
		.source = PN_TAKE_PTR(c->source),
		.server = PN_TAKE_PTR(c->server),
		.proxy_url = PN_TAKE_PTR(c->proxy_url),
		.user_agent = PN_TAKE_PTR(c->user_agent),
		.name_space = PN_TAKE_PTR(c->name_space),
	};

	pn_kube_config_done(c);
	*c = kept;
}

static int check(struct pn_kube_config *c, struct pn_err *reterr)
{
	int r;

	r = check_server(c, reterr);
	if (r == 0 && c->proxy_url)
		r = check_proxy(c->proxy_url, reterr);
	if (r < 0)
		return r;
	if (strncmp(c->server, "http://", 7) == 0) {
		drop_tls_settings(c);
		return 0;
	}
	r = check_tls(c, reterr);
	if (r == 0)
		r = check_token(c, reterr);
	if (r == 0)
		r = check_basic(c, reterr);
	return r == 0 ? check_headers(c, reterr) : r;
}

bool pn_kube_server_is_loopback(const char *server)
{
	const char *host = strstr(server, "://");
	char text[PN_ADDR_STRLEN];
	struct pn_addr addr;
	size_t len;

	host = host ? host + 3 : server;
	if (*host == '[')
		len = strcspn(++host, "]");
	else
		len = strcspn(host, ":/");
	if (len == 9 && strncmp(host, "localhost", len) == 0)
		return true;
	if (len >= sizeof(text))
		return false;
	(void)snprintf(text, sizeof(text), "%.*s", (int)len, host);
	return pn_addr_parse(text, &addr) == 0 && pn_addr_is_loopback(&addr);
}

/* --- sources --- */

static int set_text(char **dest, struct pn_err *reterr, const char *fmt, ...) PN_PRINTF(3, 4);

static int set_text(char **dest, struct pn_err *reterr, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(dest, fmt, ap);
	va_end(ap);
	if (n >= 0)
		return 0;
	*dest = NULL;
	return pn_err_set(reterr, -ENOMEM, "out of memory");
}

static int load_server(const char *server, struct pn_kube_config *c, struct pn_err *reterr)
{
	int r = set_text(&c->source, reterr, "--server");

	return r < 0 ? r : set_text(&c->server, reterr, "%s", server);
}

/* The files of one --kubeconfig or one list. */
struct files {
	struct pn_kubeconfig_file file[MAX_FILES];
	size_t n;
};

static void files_done(struct files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->file[i].path);
		pn_wipe_free(files->file[i].text);
	}
}

static int add_file(struct files *files, const char *path, struct pn_err *reterr)
{
	struct pn_kubeconfig_file *file = &files->file[files->n];
	int r;

	if (files->n == MAX_FILES)
		return pn_err_set(reterr, -EINVAL, "KUBECONFIG names more than %d files",
				  MAX_FILES);
	r = pn_file_read(path, MAX_FILE_BYTES, &file->text, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "cannot read the kubeconfig");
	file->path = strdup(path);
	files->n++;
	return file->path ? 0 : pn_err_set(reterr, -ENOMEM, "out of memory");
}

static int parse_files(struct files *files, const char *context, struct pn_kube_config *c,
		       struct pn_err *reterr)
{
	struct pn_buf source = PN_BUF_INIT(MAX_FILES * PATH_MAX);
	int r = 0;

	for (size_t i = 0; i < files->n && r == 0; i++)
		r = pn_buf_printf(&source, "%s%s", i ? ":" : "", files->file[i].path);
	c->source = source.data;
	if (r < 0)
		return pn_err_set(reterr, r, "out of memory");
	return pn_kubeconfig_parse(files->file, files->n, context, c, reterr);
}

static int load_file(const char *path, const char *context, struct pn_kube_config *c,
		     struct pn_err *reterr)
{
	PN_CLEANUP(files_done) struct files files = { 0 };
	int r = add_file(&files, path, reterr);

	return r < 0 ? r : parse_files(&files, context, c, reterr);
}

/* The namespace is a convenience: a pod without that file works all the same. */
static int load_namespace(const char *dir, char **ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *path = NULL;
	int r;

	r = set_text(&path, reterr, "%s/namespace", dir);
	if (r == 0)
		(void)pn_token_read(path, ret, NULL);
	return r;
}

static int load_service_account(const char *dir, struct pn_kube_config *c, struct pn_err *reterr)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool is_v6 = host && strchr(host, ':');
	int r;

	if (!host || !*host || !port || !*port)
		return pn_err_set(
			reterr, -EINVAL,
			"KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must both be set");
	r = set_text(&c->source, reterr, "in-cluster");
	if (r == 0)
		r = set_text(&c->server, reterr, "https://%s%s%s:%s", is_v6 ? "[" : "", host,
			     is_v6 ? "]" : "", port);
	if (r == 0)
		r = set_text(&c->token_file, reterr, "%s/token", dir);
	if (r == 0)
		r = set_text(&c->ca_file, reterr, "%s/ca.crt", dir);
	return r < 0 ? r : load_namespace(dir, &c->name_space, reterr);
}

/* The files of a list "a:b:c" that exist. */
static int add_files(struct files *files, const char *list, struct pn_err *reterr)
{
	int r = 0;

	while (*list && r == 0) {
		size_t len = strcspn(list, ":");
		PN_CLEANUP(pn_freep) char *path = strndup(list, len);

		if (!path)
			return pn_err_set(reterr, -ENOMEM, "out of memory");
		if (*path && (access(path, F_OK) == 0 || errno != ENOENT))
			r = add_file(files, path, reterr);
		list += len + (list[len] == ':');
	}
	return r;
}

/* $KUBECONFIG, even if none of its files exist, hides ~/.kube/config, as for kubectl. */
static int load_default_files(const char *context, struct pn_kube_config *c, struct pn_err *reterr)
{
	PN_CLEANUP(files_done) struct files files = { 0 };
	PN_CLEANUP(pn_freep) char *path = NULL;
	const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
	int r = 0;

	if (list && *list) {
		r = add_files(&files, list, reterr);
	} else {
		list = "~/.kube/config";
		r = set_text(&path, reterr, "%s/.kube/config", home ? home : "");
		if (r == 0 && access(path, F_OK) == 0)
			r = add_file(&files, path, reterr);
	}
	if (r < 0)
		return r;
	if (!files.n)
		return pn_err_set(
			reterr, -ENOENT,
			"no API server is known: not in a pod, and no kubeconfig at %s; %s", list,
			"use --kubeconfig FILE or --server URL");
	return parse_files(&files, context, c, reterr);
}

static int load(const struct pn_kube_config_source *s, struct pn_kube_config *c,
		struct pn_err *reterr)
{
	if (s->server)
		return load_server(s->server, c, reterr);
	if (s->kubeconfig)
		return load_file(s->kubeconfig, s->context, c, reterr);
	if (getenv("KUBERNETES_SERVICE_HOST") && !s->context)
		return load_service_account(SERVICE_ACCOUNT_DIR, c, reterr);
	return load_default_files(s->context, c, reterr);
}

static int finish(int r, struct pn_kube_config *c, struct pn_kube_config *ret,
		  struct pn_err *reterr)
{
	if (r == 0) {
		r = check(c, reterr);
		if (r < 0)
			(void)pn_err_wrap(reterr, r, "%s", c->source);
	}
	if (r == 0)
		*ret = *c;
	else
		pn_kube_config_done(c);
	return r;
}

int pn_kube_config_load(const struct pn_kube_config_source *source, struct pn_kube_config *ret,
			struct pn_err *reterr)
{
	struct pn_kube_config c = { 0 };

	return finish(load(source, &c, reterr), &c, ret, reterr);
}

int pn_kube_config_load_pod(const char *dir, struct pn_kube_config *ret, struct pn_err *reterr)
{
	struct pn_kube_config c = { 0 };

	return finish(load_service_account(dir, &c, reterr), &c, ret, reterr);
}
