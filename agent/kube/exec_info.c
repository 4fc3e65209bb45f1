/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to a credential plugin and what it answers: two JSON objects of the kind
 * ExecCredential, versions v1 and v1beta1, which are alike. No input or output here; that is
 * exec_plugin.c.
 */
#include "kube/exec_info.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kube/base64.h"
#include "kube/certificates.h"
#include "kube/credentials.h"
#include "kube/file.h"

void pn_exec_credential_done(struct pn_exec_credential *c)
{
	pn_wipe_free(c->token);
	pn_wipe_free(c->cert);
	pn_wipe_free(c->key);
	*c = (struct pn_exec_credential) { 0 };
}

/* --- to the plugin --- */

static int set_text(json_t *object, const char *key, const char *text)
{
	return text ? json_object_set_new(object, key, json_string(text)) : 0;
}

static int set_ca(json_t *object, const char *ca)
{
	PN_CLEANUP(pn_freep) char *base64 = ca ? pn_base64_encode(ca, strlen(ca)) : NULL;

	return ca && !base64 ? -1 : set_text(object, "certificate-authority-data", base64);
}

static int set_config(json_t *object, const char *config)
{
	return config ? json_object_set_new(
				object, "config",
				json_loads(config, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL))
		      : 0;
}

/* Return: 0, or -1 without memory */
static int describe_cluster(json_t *spec, const struct pn_kube_config *c, const char *ca)
{
	json_t *cluster = json_object();

	if (json_object_set_new(spec, "cluster", cluster) < 0 ||
	    set_text(cluster, "server", c->server) < 0 ||
	    set_text(cluster, "tls-server-name", c->tls_server_name) < 0 ||
	    set_text(cluster, "proxy-url", c->proxy_url) < 0 || set_ca(cluster, ca) < 0 ||
	    set_config(cluster, c->exec.cluster_config) < 0)
		return -1;
	return c->insecure ? json_object_set_new(cluster, "insecure-skip-tls-verify", json_true())
			   : 0;
}

char *pn_exec_info(const struct pn_kube_config *config, const char *ca, bool is_interactive)
{
	PN_CLEANUP(json_decrefp) json_t *info = NULL;

	info = json_pack("{s:s, s:s, s:{s:b}}", "kind", "ExecCredential", "apiVersion",
			 config->exec.api_version, "spec", "interactive", is_interactive);
	if (!info)
		return NULL;
	if (config->exec.provide_cluster_info &&
	    describe_cluster(json_object_get(info, "spec"), config, ca) < 0)
		return NULL;
	return json_dumps(info, JSON_COMPACT);
}

/* --- from the plugin --- */

/* libjansson's copies of the secrets, which it would leave behind in freed memory. */
static void wipe(const json_t *status, const char *key)
{
	const json_t *text = json_object_get(status, key);
	size_t len = json_string_length(text);

	if (len)
		explicit_bzero((void *)(uintptr_t)json_string_value(text), len);
}

static void wipe_all(json_t **root)
{
	const json_t *status = json_object_get(*root, "status");

	wipe(status, "token");
	wipe(status, "clientKeyData");
	json_decref(*root);
}

/* A text; "" and null count as absent. */
static int get_text(const json_t *object, const char *key, const char **ret, struct pn_err *reterr)
{
	const json_t *value = json_object_get(object, key);

	*ret = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return pn_err_set(reterr, -EINVAL, "%s: must be a text", key);
	if (json_string_length(value))
		*ret = json_string_value(value);
	return 0;
}

static int copy_text(const json_t *status, const char *key, pn_pem_check *check, char **ret,
		     struct pn_err *reterr)
{
	const char *text;
	int r;

	r = get_text(status, key, &text, reterr);
	if (r < 0 || !text)
		return r;
	r = check(text, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "%s", key);
	*ret = strdup(text);
	return *ret ? 0 : pn_err_set(reterr, -ENOMEM, "out of memory");
}

/* RFC 3339: 2026-01-31T12:00:00Z, perhaps with a fraction, or +01:00 for the Z */
static bool parse_time(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int hours, minutes, n = 0;

	if (!rest)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	*ret = timegm(&tm);
	if (strcmp(rest, "Z") == 0 || strcmp(rest, "z") == 0)
		return true;
	if ((*rest != '+' && *rest != '-') ||
	    sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 || rest[1 + n])
		return false;
	*ret += (*rest == '-' ? 60 : -60) * (int64_t)(hours * 60 + minutes);
	return true;
}

static int read_expiry(const json_t *status, int64_t *ret, struct pn_err *reterr)
{
	const char *text;
	int r;

	*ret = INT64_MAX;
	r = get_text(status, "expirationTimestamp", &text, reterr);
	if (r == 0 && text && !parse_time(text, ret))
		r = pn_err_set(reterr, -EINVAL, "expirationTimestamp: not a time as in RFC 3339");
	return r;
}

static int read_status(const json_t *status, struct pn_exec_credential *c, struct pn_err *reterr)
{
	int r;

	r = copy_text(status, "token", pn_token_check, &c->token, reterr);
	if (r == 0)
		r = copy_text(status, "clientCertificateData", pn_pem_check_certificate, &c->cert,
			      reterr);
	if (r == 0)
		r = copy_text(status, "clientKeyData", pn_pem_check_key, &c->key, reterr);
	if (r == 0)
		r = read_expiry(status, &c->expires_s, reterr);
	if (r < 0)
		return r;
	if (!c->cert != !c->key)
		return pn_err_set(reterr, -EINVAL,
				  "of clientCertificateData and clientKeyData only one is there");
	if (!c->token && !c->cert)
		return pn_err_set(reterr, -EINVAL, "there is neither a token nor a certificate");
	return 0;
}

static int read_root(const json_t *root, const char *api_version, struct pn_exec_credential *c,
		     struct pn_err *reterr)
{
	const char *kind, *version;
	int r;

	r = get_text(root, "kind", &kind, reterr);
	if (r == 0)
		r = get_text(root, "apiVersion", &version, reterr);
	if (r < 0)
		return r;
	if (!kind || strcmp(kind, "ExecCredential") != 0)
		return pn_err_set(reterr, -EINVAL, "it is not of the kind ExecCredential");
	if (!version || strcmp(version, api_version) != 0)
		return pn_err_set(reterr, -EINVAL,
				  "its apiVersion is %.64s, the kubeconfig asks for %s",
				  version ? version : "missing", api_version);
	return read_status(json_object_get(root, "status"), c, reterr);
}

int pn_exec_credential_parse(const char *text, size_t len, const char *api_version,
			     struct pn_exec_credential *ret, struct pn_err *reterr)
{
	PN_CLEANUP(wipe_all) json_t *root = json_loadb(text, len, 0, NULL);
	struct pn_exec_credential c = { 0 };
	int r;

	if (!root)
		return pn_err_set(reterr, -EINVAL, "it is not JSON");
	r = read_root(root, api_version, &c, reterr);
	if (r < 0)
		pn_exec_credential_done(&c);
	else
		*ret = c;
	return r;
}
