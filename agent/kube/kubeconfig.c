/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl's settings files. A context names a cluster and a user; the fields of both become one
 * struct pn_kube_config. The three may come from three files: each is looked for in one file after
 * the other, and what is relative in it starts at the file it was found in. What podonym cannot do
 * (auth-provider, which kubectl has dropped too) is an error that names the entry: going on without
 * it would end in a refusal that nobody understands. Keys that are not known are ignored, as
 * kubectl does.
 */
#include "kube/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/base64.h"
#include "kube/file.h"
#include "kube/kubeconfig_reader.h"

enum { MAX_CLUSTER_CONFIG = 64 << 10 };

static const struct pn_kubeconfig_field context_fields[] = {
	PN_FIELD("namespace", PN_FIELD_TEXT, name_space),
	{ 0 },
};

static const struct pn_kubeconfig_field cluster_fields[] = {
	PN_FIELD("server", PN_FIELD_TEXT, server),
	PN_FIELD("proxy-url", PN_FIELD_TEXT, proxy_url),
	PN_FIELD("tls-server-name", PN_FIELD_TEXT, tls_server_name),
	PN_FIELD("certificate-authority", PN_FIELD_PATH, ca_file),
	PN_FIELD("certificate-authority-data", PN_FIELD_BASE64, ca_pem),
	{ 0 },
};

static const struct pn_kubeconfig_field user_fields[] = {
	PN_FIELD("client-certificate", PN_FIELD_PATH, cert_file),
	PN_FIELD("client-certificate-data", PN_FIELD_BASE64, cert_pem),
	PN_FIELD("client-key", PN_FIELD_PATH, key_file),
	PN_FIELD("client-key-data", PN_FIELD_BASE64, key_pem),
	PN_FIELD("token", PN_FIELD_TEXT, token),
	PN_FIELD("tokenFile", PN_FIELD_PATH, token_file),
	PN_FIELD("username", PN_FIELD_TEXT, username),
	PN_FIELD("password", PN_FIELD_TEXT, password),
	{ 0 },
};

/* Return: new text, or NULL: not base64, or a NUL inside */
static char *decode_text(const char *base64)
{
	char *text;
	size_t len;

	if (pn_base64_decode(base64, strlen(base64), &text, &len) < 0)
		return NULL;
	if (strlen(text) == len)
		return text;
	explicit_bzero(text, len);
	free(text);
	return NULL;
}

/* Return: new text; NULL without memory */
static char *resolve(const char *config_path, const char *path)
{
	const char *slash = strrchr(config_path, '/');
	char *full;

	if (*path == '/' || !slash)
		return strdup(path);
	if (asprintf(&full, "%.*s%s", (int)(slash - config_path + 1), config_path, path) < 0)
		return NULL;
	return full;
}

/* One file, and where in it the reader is. */
struct pn_kubeconfig_source {
	const char *path;
	struct pn_yaml *yaml;
	struct yaml_node_s *root; /* NULL: an empty file among others */
};

static void look_at(struct pn_kubeconfig_reader *rd, const struct pn_kubeconfig_source *source)
{
	rd->path = source->path;
	rd->yaml = source->yaml;
}

static int read_field(struct pn_kubeconfig_reader *rd, struct yaml_node_s *map,
		      const struct pn_kubeconfig_field *f)
{
	char **dest = (char **)(void *)((char *)rd->config + f->offset);
	const char *text;
	int r;

	r = pn_yaml_text(rd->yaml, map, f->key, &text, rd->err);
	if (r < 0 || !text)
		return r;
	switch (f->type) {
	case PN_FIELD_TEXT:
		*dest = strdup(text);
		break;
	case PN_FIELD_PATH:
		*dest = resolve(rd->path, text);
		break;
	case PN_FIELD_COMMAND:
		*dest = strchr(text, '/') ? resolve(rd->path, text) : strdup(text);
		break;
	case PN_FIELD_BASE64:
		*dest = decode_text(text);
		if (!*dest)
			return pn_err_set(rd->err, -EINVAL, "%s: not the base64 of a PEM text",
					  f->key);
		break;
	}
	return *dest ? 0 : pn_kubeconfig_no_memory(rd);
}

/*
 * The entry called @name in the list "<what>s" of one file, and of that the map "<what>".
 * Return: 1 if found, 0 if not, or a negative errno
 */
static int find_in_file(struct pn_kubeconfig_reader *rd, struct yaml_node_s *root, const char *what,
			const char *name, struct yaml_node_s **ret)
{
	struct yaml_node_s *list, *item;
	const char *item_name;
	char list_key[16];
	int r, n_found = 0;

	(void)snprintf(list_key, sizeof(list_key), "%ss", what);
	r = pn_yaml_list(rd->yaml, root, list_key, &list, rd->err);
	for (size_t n = 0; r == 0; n++) {
		r = pn_yaml_item(rd->yaml, list, n, &item, rd->err);
		if (r < 0 || !item)
			break;
		r = pn_yaml_text(rd->yaml, item, "name", &item_name, rd->err);
		if (r < 0)
			break;
		if (!item_name || strcmp(item_name, name) != 0)
			continue;
		if (n_found++)
			return pn_err_set(rd->err, -EINVAL,
					  "line %zu: there are two %s called \"%s\"",
					  pn_yaml_line(item), list_key, name);
		r = pn_yaml_map(rd->yaml, item, what, ret, rd->err);
	}
	return r < 0 ? r : n_found;
}

/* The first file that has the entry; the reader stays there. Return: as above */
static int find_entry(struct pn_kubeconfig_reader *rd, const char *what, const char *name,
		      struct yaml_node_s **ret)
{
	int r = 0;

	for (size_t i = 0; i < rd->n_sources && r == 0; i++) {
		look_at(rd, &rd->sources[i]);
		r = find_in_file(rd, rd->sources[i].root, what, name, ret);
	}
	if (r == 0)
		rd->path = rd->config->source; /* none of the files */
	return r;
}

/* Appends ", a, b" to the names; -EMSGSIZE when there is no room for more. */
static int list_contexts_of(const struct pn_kubeconfig_source *source, struct pn_buf *names)
{
	struct yaml_node_s *list, *item;
	const char *name;
	int r;

	r = pn_yaml_list(source->yaml, source->root, "contexts", &list, NULL);
	for (size_t n = 0; r == 0; n++) {
		if (pn_yaml_item(source->yaml, list, n, &item, NULL) < 0 || !item)
			break;
		if (pn_yaml_text(source->yaml, item, "name", &name, NULL) == 0 && name)
			r = pn_buf_printf(names, "%s%s", names->len ? ", " : "", name);
	}
	return r;
}

static int unknown_context(struct pn_kubeconfig_reader *rd, const char *name)
{
	struct pn_buf names = PN_BUF_INIT(240);
	const char *rest = "";

	for (size_t i = 0; i < rd->n_sources && !*rest; i++) {
		if (list_contexts_of(&rd->sources[i], &names) == -EMSGSIZE)
			rest = ", ...";
	}
	rd->path = rd->config->source;
	if (!name)
		(void)pn_err_set(rd->err, -EINVAL,
				 "no current-context is set: choose one with --context, of: %s%s",
				 names.len ? names.data : "none", rest);
	else
		(void)pn_err_set(rd->err, -EINVAL,
				 "there is no context \"%s\": choose one of: %s%s", name,
				 names.len ? names.data : "none", rest);
	pn_buf_done(&names);
	return -EINVAL;
}

int pn_kubeconfig_read_fields(struct pn_kubeconfig_reader *rd, struct yaml_node_s *map,
			      const struct pn_kubeconfig_field *fields)
{
	int r = 0;

	for (; fields->key && r == 0; fields++)
		r = read_field(rd, map, fields);
	return r;
}

static int read_context(struct pn_kubeconfig_reader *rd, const char *name, const char **ret_cluster,
			const char **ret_user)
{
	struct yaml_node_s *map = NULL;
	int r;

	r = name ? find_entry(rd, "context", name, &map) : 0;
	if (r == 0)
		return unknown_context(rd, name);
	if (r > 0)
		r = pn_yaml_text(rd->yaml, map, "cluster", ret_cluster, rd->err);
	if (r == 0)
		r = pn_yaml_text(rd->yaml, map, "user", ret_user, rd->err);
	if (r == 0)
		r = pn_kubeconfig_read_fields(rd, map, context_fields);
	if (r == 0 && !*ret_cluster)
		r = pn_err_set(rd->err, -EINVAL, "it names no cluster");
	return r < 0 ? pn_err_wrap(rd->err, r, "context \"%s\"", name) : 0;
}

/* What the cluster has to say to a credential plugin: JSON from the extension that bears its name. */
static int read_cluster_config(struct pn_kubeconfig_reader *rd, struct yaml_node_s *cluster)
{
	struct pn_buf json = PN_BUF_INIT(MAX_CLUSTER_CONFIG);
	struct yaml_node_s *list, *item;
	const char *name;
	int r;

	r = pn_yaml_list(rd->yaml, cluster, "extensions", &list, rd->err);
	for (size_t n = 0; r == 0; n++) {
		r = pn_yaml_item(rd->yaml, list, n, &item, rd->err);
		if (r < 0 || !item)
			break;
		r = pn_yaml_text(rd->yaml, item, "name", &name, rd->err);
		if (r == 0 && name && strcmp(name, "client.authentication.k8s.io/exec") == 0) {
			pn_buf_reset(&json);
			r = pn_yaml_json(rd->yaml, item, "extension", &json, rd->err);
		}
	}
	if (r < 0)
		pn_buf_done(&json);
	rd->config->exec.cluster_config = json.data;
	return r;
}

static int read_cluster(struct pn_kubeconfig_reader *rd, const char *name)
{
	struct yaml_node_s *map = NULL;
	int r;

	r = find_entry(rd, "cluster", name, &map);
	if (r == 0)
		return pn_err_set(rd->err, -EINVAL, "there is no cluster \"%s\"", name);
	if (r > 0)
		r = pn_yaml_bool(rd->yaml, map, "insecure-skip-tls-verify", &rd->config->insecure,
				 rd->err);
	if (r == 0)
		r = pn_kubeconfig_read_fields(rd, map, cluster_fields);
	if (r == 0)
		r = read_cluster_config(rd, map);
	if (r == 0 && !rd->config->server)
		r = pn_err_set(rd->err, -EINVAL, "server is missing");
	return r < 0 ? pn_err_wrap(rd->err, r, "cluster \"%s\"", name) : 0;
}

static int read_user(struct pn_kubeconfig_reader *rd, const char *name)
{
	struct yaml_node_s *map = NULL;
	int r;

	r = find_entry(rd, "user", name, &map);
	if (r == 0)
		return pn_err_set(rd->err, -EINVAL, "there is no user \"%s\"", name);
	if (r > 0)
		r = 0;
	if (r == 0 && pn_yaml_has(rd->yaml, map, "auth-provider"))
		r = pn_err_set(rd->err, -EINVAL, "auth-provider is not supported: %s",
			       "use exec, a token, a tokenFile or a client certificate");
	if (r == 0)
		r = pn_kubeconfig_read_fields(rd, map, user_fields);
	if (r == 0)
		r = pn_kubeconfig_read_impersonation(rd, map);
	if (r == 0)
		r = pn_kubeconfig_read_exec(rd, map);
	return r < 0 ? pn_err_wrap(rd->err, r, "user \"%s\"", name) : 0;
}

/*
 * What stands in the file itself beats a path; a token file, which can be renewed, beats a token; and
 * either of them, or a user name, makes a plugin unnecessary.
 */
static void prefer(char *chosen, char **other)
{
	if (chosen) {
		pn_wipe_free(*other);
		*other = NULL;
	}
}

static int current_context(struct pn_kubeconfig_reader *rd, const char **ret)
{
	int r = 0;

	for (size_t i = 0; i < rd->n_sources && r == 0 && !*ret; i++) {
		look_at(rd, &rd->sources[i]);
		r = pn_yaml_text(rd->yaml, rd->sources[i].root, "current-context", ret, rd->err);
	}
	return r;
}

static int read_config(struct pn_kubeconfig_reader *rd, const char *context)
{
	const char *cluster = NULL, *user = NULL;
	struct pn_kube_config *c = rd->config;
	int r = 0;

	if (!context)
		r = current_context(rd, &context);
	if (r == 0)
		r = read_context(rd, context, &cluster, &user);
	if (r == 0)
		r = read_cluster(rd, cluster);
	if (r == 0 && user)
		r = read_user(rd, user);
	prefer(c->ca_pem, &c->ca_file);
	prefer(c->cert_pem, &c->cert_file);
	prefer(c->key_pem, &c->key_file);
	prefer(c->token_file, &c->token);
	prefer(c->token_file, &c->exec.command);
	prefer(c->token, &c->exec.command);
	prefer(c->username, &c->exec.command);
	return r;
}

static int open_source(struct pn_kubeconfig_reader *rd, const struct pn_kubeconfig_file *file,
		       struct pn_kubeconfig_source *source)
{
	int r;

	source->path = rd->path = file->path;
	r = pn_yaml_new(file->text, strlen(file->text), &source->yaml, rd->err);
	if (r < 0 || (rd->n_sources > 1 && pn_yaml_is_empty(source->yaml)))
		return r;
	return pn_yaml_root(source->yaml, &source->root, rd->err);
}

int pn_kubeconfig_parse(const struct pn_kubeconfig_file *files, size_t n_files, const char *context,
			struct pn_kube_config *ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep)
	struct pn_kubeconfig_source *sources = calloc(n_files, sizeof(*sources));
	struct pn_kubeconfig_reader rd = { .sources = sources,
					   .n_sources = n_files,
					   .path = ret->source,
					   .config = ret,
					   .err = reterr };
	int r = sources ? 0 : pn_kubeconfig_no_memory(&rd);

	for (size_t i = 0; i < n_files && r == 0; i++)
		r = open_source(&rd, &files[i], &sources[i]);
	if (r == 0)
		r = read_config(&rd, context);
	for (size_t i = 0; sources && i < n_files; i++)
		pn_yaml_free(sources[i].yaml);
	return r < 0 ? pn_err_wrap(reterr, r, "%s", rd.path) : 0;
}
