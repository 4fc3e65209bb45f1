/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the API server is: decides which source counts, reads it, and checks what came out, so that
 * a mistake in the settings is told at the start and by its name. Called once by each command that
 * talks to the API server.
 */
#include "kube/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kube/credentials.h"
#include "kube/file.h"
#include "kube/kubeconfig.h"

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

enum { MAX_FILE_BYTES = 1 << 20 };

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
	offsetof(struct pn_kube_config, name_space),
};

static char **text_field(struct pn_kube_config *c, size_t i)
{
	return (char **)(void *)((char *)c + text_fields[i]);
}

void pn_kube_config_done(struct pn_kube_config *c)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(text_fields); i++)
		pn_wipe_free(*text_field(c, i));
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

static int check_pem(const char *pem, const char *begin, const char *what, struct pn_err *reterr)
{
	if (strstr(pem, begin))
		return 0;
	return pn_err_set(reterr, -EINVAL, "%s: not PEM: there is no line \"%s...\"", what, begin);
}

/* @file and @pem: at most one is set. */
static int check_pem_source(const char *file, const char *pem, const char *begin, const char *field,
			    struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *text = NULL;
	int r;

	if (pem)
		return check_pem(pem, begin, field, reterr);
	if (!file)
		return 0;
	r = pn_file_read(file, MAX_FILE_BYTES, &text, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "%s", field);
	r = check_pem(text, begin, file, reterr);
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
	r = check_pem_source(c->ca_file, c->ca_pem, "-----BEGIN CERTIFICATE-----",
			     "certificate-authority", reterr);
	if (r == 0)
		r = check_pem_source(c->cert_file, c->cert_pem, "-----BEGIN CERTIFICATE-----",
				     "client-certificate", reterr);
	if (r == 0)
		r = check_pem_source(c->key_file, c->key_pem, "-----BEGIN ", "client-key", reterr);
	return r;
}

/* Everything that is for https only; what is not there cannot be sent in the clear. */
static void drop_tls_settings(struct pn_kube_config *c)
{
	struct pn_kube_config kept = {
		.source = PN_TAKE_PTR(c->source),
		.server = PN_TAKE_PTR(c->server),
		.name_space = PN_TAKE_PTR(c->name_space),
	};

	pn_kube_config_done(c);
	*c = kept;
}

static int check(struct pn_kube_config *c, struct pn_err *reterr)
{
	int r;

	r = check_server(c, reterr);
	if (r < 0)
		return r;
	if (strncmp(c->server, "http://", 7) == 0) {
		drop_tls_settings(c);
		return 0;
	}
	r = check_tls(c, reterr);
	return r < 0 ? r : check_token(c, reterr);
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

static int load_file(const char *path, const char *context, struct pn_kube_config *c,
		     struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *text = NULL;
	int r;

	r = set_text(&c->source, reterr, "%s", path);
	if (r < 0)
		return r;
	r = pn_file_read(path, MAX_FILE_BYTES, &text, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "cannot read the kubeconfig");
	r = pn_kubeconfig_parse(path, text, strlen(text), context, c, reterr);
	return r < 0 ? pn_err_wrap(reterr, r, "%s", path) : 0;
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

/* Return: the first file of a list "a:b:c" that exists, new; NULL if none does, or without memory */
static char *first_existing(const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ":");
		char *path = strndup(list, len);

		if (path && *path && access(path, F_OK) == 0)
			return path;
		free(path);
		list += len + (list[len] == ':');
	}
	return NULL;
}

/* $KUBECONFIG, even if none of its files exist, hides ~/.kube/config, as for kubectl. */
static int load_default_file(const char *context, struct pn_kube_config *c, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *path = NULL;
	const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
	int r;

	if (list && *list) {
		path = first_existing(list);
	} else {
		list = "~/.kube/config";
		r = set_text(&path, reterr, "%s/.kube/config", home ? home : "");
		if (r < 0)
			return r;
	}
	if (!path || access(path, F_OK) != 0)
		return pn_err_set(
			reterr, -ENOENT,
			"no API server is known: not in a pod, and no kubeconfig at %s; %s", list,
			"use --kubeconfig FILE or --server URL");
	return load_file(path, context, c, reterr);
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
	return load_default_file(s->context, c, reterr);
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
