/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl's settings file. A context names a cluster and a user; the fields of both become one
 * struct pn_kube_config. What podonym cannot do (credential plugins, proxies, impersonation) is an
 * error that names the entry: going on without it would end in a refusal that nobody understands.
 * Keys that are not known are ignored, as kubectl does.
 */
#include "kube/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "kube/file.h"
#include "kube/yaml_tree.h"

enum field_type {
	FIELD_TEXT,
	FIELD_PATH,   /* relative to the file */
	FIELD_BASE64, /* PEM inside */
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset;
};

#define FIELD(key, type, member)                                   \
	{                                                          \
		key, type, offsetof(struct pn_kube_config, member) \
	}

static const struct field context_fields[] = {
	FIELD("namespace", FIELD_TEXT, name_space),
	{ 0 },
};

static const struct field cluster_fields[] = {
	FIELD("server", FIELD_TEXT, server),
	FIELD("tls-server-name", FIELD_TEXT, tls_server_name),
	FIELD("certificate-authority", FIELD_PATH, ca_file),
	FIELD("certificate-authority-data", FIELD_BASE64, ca_pem),
	{ 0 },
};

static const struct field user_fields[] = {
	FIELD("client-certificate", FIELD_PATH, cert_file),
	FIELD("client-certificate-data", FIELD_BASE64, cert_pem),
	FIELD("client-key", FIELD_PATH, key_file),
	FIELD("client-key-data", FIELD_BASE64, key_pem),
	FIELD("token", FIELD_TEXT, token),
	FIELD("tokenFile", FIELD_PATH, token_file),
	{ 0 },
};

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Standard alphabet, padded, line breaks allowed. Return: new text, or NULL: not base64, or a NUL inside */
static char *base64_decode(const char *in)
{
	PN_CLEANUP(pn_wipe_freep) char *out = calloc(1, strlen(in) / 4 * 3 + 4);
	unsigned int bits = 0, n_digits = 0, n_pads = 0;
	size_t len = 0;

	for (; out && *in; in++) {
		int digit = base64_digit(*in);

		if (*in == '\n' || *in == '\r')
			continue;
		if (*in == '=')
			n_pads++;
		else if (digit < 0 || n_pads)
			return NULL;
		bits = bits << 6 | (unsigned int)PN_MAX(digit, 0);
		if (++n_digits % 4 == 0) {
			out[len++] = (char)(bits >> 16);
			out[len++] = (char)(bits >> 8);
			out[len++] = (char)bits;
		}
	}
	if (!out || n_digits % 4 || n_pads > 2)
		return NULL;
	if (strlen(out) != len - n_pads) /* the bytes that padding stands for are zero */
		return NULL;
	return PN_TAKE_PTR(out);
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

struct reader {
	const char *path;
	struct pn_yaml *yaml;
	struct pn_kube_config *config;
	struct pn_err *err;
};

static int read_field(struct reader *rd, struct yaml_node_s *map, const struct field *f)
{
	char **dest = (char **)(void *)((char *)rd->config + f->offset);
	const char *text;
	int r;

	r = pn_yaml_text(rd->yaml, map, f->key, &text, rd->err);
	if (r < 0 || !text)
		return r;
	switch (f->type) {
	case FIELD_TEXT:
		*dest = strdup(text);
		break;
	case FIELD_PATH:
		*dest = resolve(rd->path, text);
		break;
	case FIELD_BASE64:
		*dest = base64_decode(text);
		if (!*dest)
			return pn_err_set(rd->err, -EINVAL, "%s: not the base64 of a PEM text",
					  f->key);
		break;
	}
	return *dest ? 0 : pn_err_set(rd->err, -ENOMEM, "out of memory");
}

/*
 * The entry called @name in the list "<what>s", and of that the map "<what>".
 * Return: 1 if found, 0 if not, or a negative errno
 */
static int find_entry(struct reader *rd, struct yaml_node_s *root, const char *what,
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

/* "a, b, c": the contexts that there are, for the message; cut when there are many */
static void list_contexts(struct reader *rd, struct yaml_node_s *root, char *buf, size_t size)
{
	struct yaml_node_s *list, *item;
	const char *name;
	size_t len = 0;

	(void)snprintf(buf, size, "none");
	if (pn_yaml_list(rd->yaml, root, "contexts", &list, NULL) < 0)
		return;
	for (size_t n = 0; pn_yaml_item(rd->yaml, list, n, &item, NULL) == 0 && item; n++) {
		if (pn_yaml_text(rd->yaml, item, "name", &name, NULL) < 0 || !name)
			continue;
		if (len + strlen(name) + sizeof(", ...") >= size) {
			(void)snprintf(buf + len, size - len, ", ...");
			return;
		}
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", name);
	}
}

static int unknown_context(struct reader *rd, struct yaml_node_s *root, const char *name)
{
	char names[256];

	list_contexts(rd, root, names, sizeof(names));
	if (!name)
		return pn_err_set(rd->err, -EINVAL,
				  "no current-context is set: choose one with --context, of: %s",
				  names);
	return pn_err_set(rd->err, -EINVAL, "there is no context \"%s\": choose one of: %s", name,
			  names);
}

static int refuse_unsupported(struct reader *rd, struct yaml_node_s *user)
{
	static const char *const keys[] = { "exec", "auth-provider", "username",  "password",
					    "as",   "as-uid",	     "as-groups", "as-user-extra" };

	for (size_t i = 0; i < PN_ARRAY_SIZE(keys); i++) {
		if (pn_yaml_has(rd->yaml, user, keys[i]))
			return pn_err_set(rd->err, -EINVAL, "%s is not supported: %s", keys[i],
					  "use a token, a tokenFile or a client certificate");
	}
	return 0;
}

static int read_fields(struct reader *rd, struct yaml_node_s *map, const struct field *fields)
{
	int r = 0;

	for (; fields->key && r == 0; fields++)
		r = read_field(rd, map, fields);
	return r;
}

static int read_context(struct reader *rd, struct yaml_node_s *root, const char *name,
			const char **ret_cluster, const char **ret_user)
{
	struct yaml_node_s *map = NULL;
	int r;

	r = name ? find_entry(rd, root, "context", name, &map) : 0;
	if (r == 0)
		return unknown_context(rd, root, name);
	if (r > 0)
		r = pn_yaml_text(rd->yaml, map, "cluster", ret_cluster, rd->err);
	if (r == 0)
		r = pn_yaml_text(rd->yaml, map, "user", ret_user, rd->err);
	if (r == 0)
		r = read_fields(rd, map, context_fields);
	if (r == 0 && !*ret_cluster)
		r = pn_err_set(rd->err, -EINVAL, "it names no cluster");
	return r < 0 ? pn_err_wrap(rd->err, r, "context \"%s\"", name) : 0;
}

static int read_cluster(struct reader *rd, struct yaml_node_s *root, const char *name)
{
	struct yaml_node_s *map = NULL;
	int r;

	r = find_entry(rd, root, "cluster", name, &map);
	if (r == 0)
		return pn_err_set(rd->err, -EINVAL, "there is no cluster \"%s\"", name);
	if (r > 0)
		r = pn_yaml_bool(rd->yaml, map, "insecure-skip-tls-verify", &rd->config->insecure,
				 rd->err);
	if (r == 0 && pn_yaml_has(rd->yaml, map, "proxy-url"))
		r = pn_err_set(rd->err, -EINVAL,
			       "proxy-url is not supported: set HTTPS_PROXY in the environment");
	if (r == 0)
		r = read_fields(rd, map, cluster_fields);
	if (r == 0 && !rd->config->server)
		r = pn_err_set(rd->err, -EINVAL, "server is missing");
	return r < 0 ? pn_err_wrap(rd->err, r, "cluster \"%s\"", name) : 0;
}

static int read_user(struct reader *rd, struct yaml_node_s *root, const char *name)
{
	struct yaml_node_s *map = NULL;
	int r;

	r = find_entry(rd, root, "user", name, &map);
	if (r == 0)
		return pn_err_set(rd->err, -EINVAL, "there is no user \"%s\"", name);
	if (r > 0)
		r = refuse_unsupported(rd, map);
	if (r == 0)
		r = read_fields(rd, map, user_fields);
	return r < 0 ? pn_err_wrap(rd->err, r, "user \"%s\"", name) : 0;
}

/* What stands in the file itself beats a path; a token file, which can be renewed, beats a token. */
static void prefer(char *chosen, char **other)
{
	if (chosen) {
		pn_wipe_free(*other);
		*other = NULL;
	}
}

static int read_config(struct reader *rd, const char *context)
{
	const char *cluster = NULL, *user = NULL;
	struct pn_kube_config *c = rd->config;
	struct yaml_node_s *root;
	int r;

	r = pn_yaml_root(rd->yaml, &root, rd->err);
	if (r == 0 && !context)
		r = pn_yaml_text(rd->yaml, root, "current-context", &context, rd->err);
	if (r == 0)
		r = read_context(rd, root, context, &cluster, &user);
	if (r == 0)
		r = read_cluster(rd, root, cluster);
	if (r == 0 && user)
		r = read_user(rd, root, user);
	prefer(c->ca_pem, &c->ca_file);
	prefer(c->cert_pem, &c->cert_file);
	prefer(c->key_pem, &c->key_file);
	prefer(c->token_file, &c->token);
	return r;
}

int pn_kubeconfig_parse(const char *path, const char *text, size_t len, const char *context,
			struct pn_kube_config *ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_yaml_freep) struct pn_yaml *yaml = NULL;
	struct reader rd = { .path = path, .config = ret, .err = reterr };
	int r;

	r = pn_yaml_new(text, len, &yaml, reterr);
	if (r < 0)
		return r;
	rd.yaml = yaml;
	return read_config(&rd, context);
}
