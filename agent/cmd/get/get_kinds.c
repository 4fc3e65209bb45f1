/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the words of `podonym get` to what they mean: kinds by asking the server as much as it takes,
 * and the paths of their objects.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/get/get.h"
#include "cmd/options.h"

enum { MAX_WORD = 512, MAX_NAMES = 4096, MAX_SHOWN = 40, DISCOVERY_IDLE_MS = 30 * 1000 };

/* --- asking the server for its kinds --- */

static int take_discovery(void *data, const char *bytes, size_t len)
{
	struct pn_get *g = data;

	return pn_discovery_feed(g->discovery, bytes, len, &g->err);
}

static const struct pn_fetch_ops discovery_ops = { .data = take_discovery };

/* A group that does not answer, as its own server is away, leaves the others as they are. */
static int ask(struct pn_get *g, const char *path)
{
	struct pn_status st;
	int r;

	r = pn_fetch_get(g->fetch, path, pn_discovery_accept, DISCOVERY_IDLE_MS, &discovery_ops, g,
			 &st, &g->err);
	if (r == 0)
		return pn_discovery_end(g->discovery, &g->err);
	if (r != PN_FETCH_REFUSED)
		return r;
	if (st.code == 401 || st.code == 403)
		return pn_err_set(&g->err, -EACCES,
				  "%s: cannot ask which kinds there are: %d %s: %s",
				  pn_fetch_server(g->fetch), st.code, st.reason, st.message);
	return 0;
}

static int find(struct pn_get *g, const char *word, const struct pn_api_resource **ret)
{
	const char *path;
	int r;

	while (!(r = pn_discovery_find(g->discovery, word, ret)) &&
	       (path = pn_discovery_next(g->discovery))) {
		r = ask(g, path);
		if (r < 0)
			return r;
	}
	return r < 0 ? pn_err_set(&g->err, r, "out of memory") : r;
}

static bool is_first_version(const struct pn_get *g, const struct pn_api_resource *res)
{
	const struct pn_api_resource *other;

	for (size_t i = 0; (other = pn_discovery_at(g->discovery, i)) != res; i++) {
		if (strcmp(other->plural, res->plural) == 0 &&
		    strcmp(other->group, res->group) == 0)
			return false;
	}
	return true;
}

static void put_word(char *list, size_t size, const char *word)
{
	size_t len = strlen(list);

	(void)snprintf(list + len, size - len, " %s", word);
}

static int unknown_kind(struct pn_get *g, const char *word)
{
	const struct pn_api_resource *res;
	const char **names = calloc(MAX_NAMES, sizeof(*names)), *near;
	char list[300] = "";
	size_t n = 0, n_shown = 0;

	for (size_t i = 0; names && (res = pn_discovery_at(g->discovery, i)); i++) {
		if (!res->can_list || !is_first_version(g, res) || n + 2 > MAX_NAMES)
			continue;
		names[n++] = res->plural;
		if (*res->singular)
			names[n++] = res->singular;
		if (n_shown++ < MAX_SHOWN)
			put_word(list, sizeof(list), res->plural);
	}
	near = names ? pn_nearest(word, names, n) : NULL;
	free(names);
	if (near)
		return pn_err_set(&g->err, -EINVAL, "unknown kind \"%.64s\"%s", word,
				  pn_meant(near, "", "").text);
	return pn_err_set(&g->err, -EINVAL, "unknown kind \"%.64s\"; the server has:%s%s", word,
			  list, n_shown > MAX_SHOWN ? " ..." : "");
}

/* --- targets --- */

void pn_get_drop_targets(struct pn_get *g)
{
	for (size_t i = 0; i < g->n_targets; i++) {
		free(g->targets[i].name_space);
		free(g->targets[i].name);
	}
	free(g->targets);
	g->targets = NULL;
	g->n_targets = 0;
}

int pn_get_add_target(struct pn_get *g, const struct pn_api_resource *res, const char *name_space,
		      const char *name)
{
	struct pn_get_target *grown, t = { .res = res };

	grown = reallocarray(g->targets, g->n_targets + 1, sizeof(*grown));
	if (!grown)
		return pn_err_set(&g->err, -ENOMEM, "out of memory");
	g->targets = grown;
	t.name_space = strdup(res->is_namespaced ? name_space : "");
	t.name = strdup(name);
	g->targets[g->n_targets++] = t;
	return t.name_space && t.name ? 0 : pn_err_set(&g->err, -ENOMEM, "out of memory");
}

/* What would lead to another path than that of the object. */
static int check_name(struct pn_get *g, const char *what, const char *name)
{
	if (*name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, "/%"))
		return 0;
	return pn_err_set(&g->err, -EINVAL, "\"%.64s\" cannot be the name of %s", name, what);
}

static int add_named(struct pn_get *g, const struct pn_api_resource *res, const char *name)
{
	int r = check_name(g, "an object", name);

	if (r == 0 && res->is_namespaced && !*g->name_space)
		r = pn_err_set(&g->err, -EINVAL,
			       "an object by its name is of one namespace: -n NAME instead of -A");
	return r < 0 ? r : pn_get_add_target(g, res, g->name_space, name);
}

static int add(struct pn_get *g, const struct pn_api_resource *res, size_t n_names,
	       char *const *names)
{
	int r = n_names ? 0 : pn_get_add_target(g, res, g->name_space, "");

	for (size_t i = 0; i < n_names && r == 0; i++)
		r = add_named(g, res, names[i]);
	return r;
}

/* "all" and other words for several kinds. Return: how many, or a negative errno */
static int add_category(struct pn_get *g, const char *word, size_t n_names, char *const *names)
{
	const struct pn_api_resource *res;
	int n = 0, r;

	for (size_t i = 0; (res = pn_discovery_at(g->discovery, i)); i++) {
		if (!res->can_list || !pn_resource_is_in(res->categories, word) ||
		    !is_first_version(g, res))
			continue;
		r = add(g, res, n_names, names);
		if (r < 0)
			return r;
		n++;
	}
	return n;
}

static int add_kind(struct pn_get *g, const char *word, size_t n_names, char *const *names)
{
	const struct pn_api_resource *res;
	int r = find(g, word, &res);

	if (r < 0)
		return r;
	if (r == 0) {
		r = add_category(g, word, n_names, names);
		return r ? PN_MIN(r, 0) : unknown_kind(g, word);
	}
	if (!res->can_list)
		return pn_err_set(&g->err, -EINVAL, "the server has %s, but does not list them",
				  res->plural);
	return add(g, res, n_names, names);
}

/* "pods,services", each with all of the names. */
static int add_kinds(struct pn_get *g, const char *words, size_t n_names, char *const *names)
{
	char copy[MAX_WORD], *rest = copy, *word;
	int r = 0;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", words) >= sizeof(copy))
		return pn_err_set(&g->err, -EINVAL, "\"%.64s...\" is not a kind", words);
	while (r == 0 && (word = strsep(&rest, ",")))
		r = *word ? add_kind(g, word, n_names, names)
			  : pn_err_set(&g->err, -EINVAL, "\"%s\": a kind is missing", words);
	return r;
}

static int add_pair(struct pn_get *g, char *operand)
{
	char *slash = strchr(operand, '/');
	char copy[MAX_WORD], *name;

	if (!slash)
		return pn_err_set(&g->err, -EINVAL, "\"%.64s\" is not KIND/NAME", operand);
	if ((size_t)snprintf(copy, sizeof(copy), "%s", operand) >= sizeof(copy))
		return pn_err_set(&g->err, -EINVAL, "\"%.64s...\" is too long", operand);
	name = copy + (slash - operand);
	*name++ = '\0';
	if (!*copy || !*name)
		return pn_err_set(&g->err, -EINVAL, "\"%.64s\" is not KIND/NAME", operand);
	return add_kind(g, copy, 1, &name);
}

int pn_get_resolve(struct pn_get *g, size_t n_operands, char *const *operands)
{
	int r = *g->name_space ? check_name(g, "a namespace", g->name_space) : 0;

	if (r < 0)
		return r;
	if (!strchr(operands[0], '/'))
		return add_kinds(g, operands[0], n_operands - 1, operands + 1);
	for (size_t i = 0; i < n_operands && r == 0; i++)
		r = add_pair(g, operands[i]);
	return r;
}

/* --- paths --- */

int pn_get_query(struct pn_buf *path, const char *key, const char *value)
{
	int r;

	if (!value || !*value)
		return 0;
	r = pn_buf_printf(path, "%c%s=", strchr(path->data, '?') ? '&' : '?', key);
	return r < 0 ? r : pn_buf_put_escaped(path, value);
}

static int put_collection(const struct pn_get_target *t, struct pn_buf *path)
{
	const struct pn_api_resource *res = t->res;
	int r;

	r = pn_buf_printf(path, "%s%s/%s", *res->group ? "/apis/" : "/api", res->group,
			  res->version);
	if (r == 0 && *t->name_space) {
		r = pn_buf_printf(path, "/namespaces/");
		r = r < 0 ? r : pn_buf_put_escaped(path, t->name_space);
	}
	return r < 0 ? r : pn_buf_printf(path, "/%s", res->plural);
}

static int put_selectors(const struct pn_get *g, const struct pn_get_target *t, struct pn_buf *path)
{
	char by_name[320];
	int r;

	(void)snprintf(by_name, sizeof(by_name), "metadata.name=%s", t->name);
	r = pn_get_query(path, "labelSelector", g->options->labels);
	if (r < 0)
		return r;
	return pn_get_query(path, "fieldSelector", *t->name ? by_name : g->options->fields);
}

int pn_get_path(struct pn_get *g, const struct pn_get_target *t, bool one, struct pn_buf *path)
{
	int r;

	pn_buf_reset(path);
	r = put_collection(t, path);
	if (r == 0 && one) {
		r = pn_buf_put(path, "/", 1);
		r = r < 0 ? r : pn_buf_put_escaped(path, t->name);
	} else if (r == 0) {
		r = put_selectors(g, t, path);
	}
	if (r == -EMSGSIZE)
		return pn_err_set(&g->err, r, "names and selectors of more than %zu bytes",
				  path->max);
	return r < 0 ? pn_err_set(&g->err, r, "out of memory") : 0;
}
