/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_CONFIG_H
#define PN_KUBE_CONFIG_H

#include <stdbool.h>

#include "base/err.h"

/** enum pn_exec_interactive - may a credential plugin ask the person at the terminal? */
enum pn_exec_interactive {
	PN_EXEC_NEVER,
	PN_EXEC_IF_AVAILABLE,
	PN_EXEC_ALWAYS,		 /* it has to: without a terminal it is not run */
	PN_EXEC_INTERACTIVE_MAX, /* sentinel */
};

/**
 * struct pn_exec_settings - a program that brings the credentials
 * @command:        NULL: there is none. With a slash: absolute; else looked for in PATH
 * @args, @env:     NULL-terminated, or NULL; @env as "NAME=VALUE", on top of our own environment
 * @cluster_config: JSON for the program, from the cluster's extension of that name; or NULL
 */
struct pn_exec_settings {
	char *command, *api_version, *install_hint, *cluster_config;
	char **args, **env;
	bool provide_cluster_info;
	enum pn_exec_interactive interactive;
};

/**
 * struct pn_kube_config - where the API server is and how to speak to it
 *
 * All strings are owned by the struct and NULL when absent. Of a file and its *_pem at most one is
 * set; of @token, @token_file, @username and @exec too. Files were readable when the settings were
 * loaded; the client reads them again as they change.
 */
struct pn_kube_config {
	char *source;	 /* for messages: "in-cluster", "--server", or the kubeconfig's path */
	char *server;	 /* "https://host:port" and perhaps a path, no slash at the end */
	char *proxy_url; /* http, https or socks5; NULL: as the environment says */
	char *tls_server_name; /* name the certificate must carry instead of the host */
	char *ca_file, *ca_pem;
	char *cert_file, *cert_pem, *key_file, *key_pem;
	char *token, *token_file;
	char *username, *password;
	struct pn_exec_settings exec;
	char **impersonate; /* header lines "Impersonate-User: x", NULL-terminated */
	char **headers;	    /* more header lines for each request; over https, and to loopback */
	char *user_agent;   /* NULL: podonym's own */
	char *name_space;   /* of the context or the service account */
	bool insecure;	    /* insecure-skip-tls-verify */
};

/** pn_strings_push() - append a copy to a NULL-terminated list; *list may be NULL. Return: 0 or -ENOMEM */
int pn_strings_push(char ***list, const char *text);

/** pn_strings_free() - wipes them first; NULL is allowed */
void pn_strings_free(char **list);

/**
 * struct pn_kube_config_source - what the user said; each may be NULL
 * @server:     --server: this URL and nothing else (no credentials)
 * @kubeconfig: --kubeconfig: this file, an error if it is missing
 * @context:    --context: instead of the file's current-context
 *
 * Without @server and @kubeconfig: the in-cluster settings if KUBERNETES_SERVICE_HOST is set and no
 * @context is asked for, else the files of the list $KUBECONFIG that exist, merged, else
 * ~/.kube/config.
 */
struct pn_kube_config_source {
	const char *server, *kubeconfig, *context;
};

/**
 * pn_kube_config_load() - find and read the settings
 *
 * For an http:// server, credentials and TLS settings are left out of @ret, as kubectl does: nothing
 * that is secret is ever sent in the clear.
 *
 * Return: 0; -ENOENT nothing found or a named file is missing; -EINVAL a file that makes no sense;
 * -EACCES, -ENOMEM, ... @reterr names the file, the line or field, and what to do.
 */
int pn_kube_config_load(const struct pn_kube_config_source *source, struct pn_kube_config *ret,
			struct pn_err *reterr);

/** pn_kube_config_load_pod() - the in-cluster settings, with the service account's files in @dir */
int pn_kube_config_load_pod(const char *dir, struct pn_kube_config *ret, struct pn_err *reterr);

/** pn_kube_server_is_loopback() - does a URL lead nowhere else than to this host, whatever names mean? */
bool pn_kube_server_is_loopback(const char *server);

/** pn_kube_config_copy() - Return: 0 or -ENOMEM */
int pn_kube_config_copy(const struct pn_kube_config *from, struct pn_kube_config *ret);

/** pn_kube_config_done() - frees what the struct holds (secrets are wiped first) and zeroes it */
void pn_kube_config_done(struct pn_kube_config *c);

#endif
