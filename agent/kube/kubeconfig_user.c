/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The longer parts of a kubeconfig's user: whom to impersonate, which becomes the lines of the
 * request's head that say so, and the plugin that brings the credentials.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/file.h"
#include "kube/kubeconfig_reader.h"

enum { MAX_HEADER_NAME = 1024 };

static const struct pn_kubeconfig_field exec_fields[] = {
	PN_FIELD("command", PN_FIELD_COMMAND, exec.command),
	PN_FIELD("apiVersion", PN_FIELD_TEXT, exec.api_version),
	PN_FIELD("installHint", PN_FIELD_TEXT, exec.install_hint),
	{ 0 },
};

static int push_line(struct pn_kubeconfig_reader *rd, char ***list, const char *name,
		     const char *between, const char *value)
{
	char *line;
	int r;

	if (asprintf(&line, "%s%s%s", name, between, value) < 0)
		return pn_kubeconfig_no_memory(rd);
	r = pn_strings_push(list, line);
	pn_wipe_free(line);
	return r < 0 ? pn_kubeconfig_no_memory(rd) : 0;
}

/* One line for each item of a list of texts: "<name><between><item>" */
static int read_lines(struct pn_kubeconfig_reader *rd, struct yaml_node_s *map, const char *key,
		      char ***lines, const char *name, const char *between)
{
	struct yaml_node_s *list;
	const char *item;
	int r;

	r = pn_yaml_list(rd->yaml, map, key, &list, rd->err);
	for (size_t n = 0; r == 0; n++) {
		r = pn_yaml_text_item(rd->yaml, list, n, &item, rd->err);
		if (r < 0)
			return pn_err_wrap(rd->err, r, "%s", key);
		if (!item)
			break;
		r = push_line(rd, lines, name, between, item);
	}
	return r;
}

/* What cannot stand in a header's name is written as %XX, as the API server expects it. */
static char *extra_header_name(const char *key)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "!#$&'*+-.^_`|~";
	struct pn_buf name = PN_BUF_INIT(MAX_HEADER_NAME);
	int r = pn_buf_printf(&name, "Impersonate-Extra-");

	for (; *key && r == 0; key++)
		r = pn_buf_printf(&name, strchr(plain, *key) ? "%c" : "%%%02X",
				  (unsigned char)*key);
	if (r < 0)
		pn_buf_done(&name);
	return name.data;
}

static int read_extra(struct pn_kubeconfig_reader *rd, struct yaml_node_s *user)
{
	struct yaml_node_s *map;
	const char *key;
	int r;

	r = pn_yaml_map(rd->yaml, user, "as-user-extra", &map, rd->err);
	for (size_t n = 0; r == 0; n++) {
		PN_CLEANUP(pn_freep) char *name = NULL;

		r = pn_yaml_key(rd->yaml, map, n, &key, rd->err);
		if (r < 0 || !key)
			break;
		name = extra_header_name(key);
		if (!name)
			return pn_err_set(rd->err, -EINVAL, "as-user-extra: a key is too long");
		r = read_lines(rd, map, key, &rd->config->impersonate, name, ": ");
	}
	return r;
}

int pn_kubeconfig_read_impersonation(struct pn_kubeconfig_reader *rd, struct yaml_node_s *user)
{
	char ***lines = &rd->config->impersonate;
	const char *as, *uid = NULL;
	int r;

	r = pn_yaml_text(rd->yaml, user, "as", &as, rd->err);
	if (r == 0 && as)
		r = push_line(rd, lines, "Impersonate-User", ": ", as);
	if (r == 0)
		r = pn_yaml_text(rd->yaml, user, "as-uid", &uid, rd->err);
	if (r == 0 && uid)
		r = push_line(rd, lines, "Impersonate-Uid", ": ", uid);
	if (r == 0)
		r = read_lines(rd, user, "as-groups", lines, "Impersonate-Group", ": ");
	return r == 0 ? read_extra(rd, user) : r;
}

static int read_exec_env(struct pn_kubeconfig_reader *rd, struct yaml_node_s *exec)
{
	struct yaml_node_s *list, *item;
	const char *name, *value = NULL;
	int r;

	r = pn_yaml_list(rd->yaml, exec, "env", &list, rd->err);
	for (size_t n = 0; r == 0; n++) {
		r = pn_yaml_item(rd->yaml, list, n, &item, rd->err);
		if (r < 0 || !item)
			break;
		r = pn_yaml_text(rd->yaml, item, "name", &name, rd->err);
		if (r == 0 && (!name || strchr(name, '=')))
			return pn_err_set(rd->err, -EINVAL,
					  "line %zu: env: there is no usable name",
					  pn_yaml_line(item));
		if (r == 0)
			r = pn_yaml_text(rd->yaml, item, "value", &value, rd->err);
		if (r == 0)
			r = push_line(rd, &rd->config->exec.env, name, "=", value ? value : "");
	}
	return r;
}

static int read_interactive_mode(struct pn_kubeconfig_reader *rd, struct yaml_node_s *exec,
				 bool is_v1)
{
	static const char *const words[] = { "Never", "IfAvailable", "Always" };
	const char *mode;
	int r;

	static_assert(PN_ARRAY_SIZE(words) == PN_EXEC_INTERACTIVE_MAX, "a word is missing");
	rd->config->exec.interactive = PN_EXEC_IF_AVAILABLE;
	r = pn_yaml_text(rd->yaml, exec, "interactiveMode", &mode, rd->err);
	if (r < 0 || (!mode && !is_v1))
		return r;
	for (size_t i = 0; mode && i < PN_ARRAY_SIZE(words); i++) {
		if (strcmp(mode, words[i]) == 0) {
			rd->config->exec.interactive = (enum pn_exec_interactive)i;
			return 0;
		}
	}
	return pn_err_set(rd->err, -EINVAL,
			  "interactiveMode %s: must be Never, IfAvailable or Always",
			  mode ? mode : "is missing");
}

int pn_kubeconfig_read_exec(struct pn_kubeconfig_reader *rd, struct yaml_node_s *user)
{
	static const char group[] = "client.authentication.k8s.io/";
	struct pn_exec_settings *e = &rd->config->exec;
	struct yaml_node_s *exec;
	const char *version;
	int r;

	r = pn_yaml_map(rd->yaml, user, "exec", &exec, rd->err);
	if (r < 0 || !exec)
		return r;
	r = pn_kubeconfig_read_fields(rd, exec, exec_fields);
	if (r == 0 && !e->command)
		r = pn_err_set(rd->err, -EINVAL, "command is missing");
	version = e->api_version ? e->api_version : "";
	version += strncmp(version, group, strlen(group)) == 0 ? strlen(group) : 0;
	if (r == 0 && strcmp(version, "v1") != 0 && strcmp(version, "v1beta1") != 0)
		r = pn_err_set(rd->err, -EINVAL, "apiVersion %s: must be %sv1 or %sv1beta1",
			       e->api_version ? e->api_version : "is missing", group, group);
	if (r == 0)
		r = read_interactive_mode(rd, exec, strcmp(version, "v1") == 0);
	if (r == 0)
		r = pn_yaml_bool(rd->yaml, exec, "provideClusterInfo", &e->provide_cluster_info,
				 rd->err);
	if (r == 0)
		r = read_lines(rd, exec, "args", &e->args, "", "");
	if (r == 0)
		r = read_exec_env(rd, exec);
	return r < 0 ? pn_err_wrap(rd->err, r, "exec") : 0;
}
