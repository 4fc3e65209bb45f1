/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server says about its kinds, for `podonym get`. The answers come in two shapes, told
 * apart by their members: an aggregated one has "items", a group each with all of its resources; an
 * older server's has "versions" or "groups", which lead to further paths, whose answers have
 * "resources". Each item or member is parsed alone, so that the tree is never that of a whole answer.
 */
#include "kube/discovery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "kube/framing.h"
#include "kube/json_fields.h"
#include "kube/kind.h"

enum {
	MAX_RESOURCES = 20000,
	MAX_PATHS = 1000,
	MAX_MEMBER = 4 << 20,
	MAX_NAME = 254,
	MAX_LIST = 1024, /* short names or categories of one resource, with commas */
};

const char pn_discovery_accept[] =
	"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
	"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
	"application/json";

/* Where the questions begin; what the answers add to them is asked in between. */
static const char *const roots[] = { "/api", "/apis" };

struct pn_discovery {
	struct pn_api_resource **resources;
	size_t n_resources, cap_resources;

	size_t n_roots; /* how many were asked */
	char *paths[MAX_PATHS];
	size_t n_paths, n_asked;
	const char *path; /* asked last */

	bool has_framing;
	struct pn_framing framing;
	struct pn_err *err;
};

int pn_discovery_new(struct pn_discovery **ret)
{
	struct pn_discovery *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	*ret = d;
	return 0;
}

static void close_framing(struct pn_discovery *d)
{
	if (d->has_framing)
		pn_framing_done(&d->framing);
	d->has_framing = false;
}

void pn_discovery_free(struct pn_discovery *d)
{
	if (!d)
		return;
	close_framing(d);
	for (size_t i = 0; i < d->n_resources; i++)
		free(d->resources[i]);
	for (size_t i = 0; i < d->n_paths; i++)
		free(d->paths[i]);
	free(d->resources);
	free(d);
}

const struct pn_api_resource *pn_discovery_at(const struct pn_discovery *d, size_t i)
{
	return i < d->n_resources ? d->resources[i] : NULL;
}

/* --- keeping --- */

/* A copy with its strings behind it in the same piece of memory. */
static struct pn_api_resource *copy_resource(const struct pn_api_resource *from)
{
	const char *const strings[] = { from->group,	 from->version, from->plural,
					from->singular,	 from->kind,	from->short_names,
					from->categories };
	const char *copies[PN_ARRAY_SIZE(strings)];
	size_t size = sizeof(*from);
	struct pn_api_resource *res;
	char *end;

	for (size_t i = 0; i < PN_ARRAY_SIZE(strings); i++)
		size += strlen(strings[i]) + 1;
	res = malloc(size);
	if (!res)
		return NULL;
	end = (char *)(res + 1);
	for (size_t i = 0; i < PN_ARRAY_SIZE(strings); i++) {
		copies[i] = end;
		end = stpcpy(end, strings[i]) + 1;
	}
	*res = (struct pn_api_resource) { copies[0], copies[1],		  copies[2],
					  copies[3], copies[4],		  copies[5],
					  copies[6], from->is_namespaced, from->can_list };
	return res;
}

static int add_resource(struct pn_discovery *d, const struct pn_api_resource *from)
{
	struct pn_api_resource *res, **grown;
	size_t cap = d->cap_resources ? 2 * d->cap_resources : 64;

	if (d->n_resources == MAX_RESOURCES)
		return 0;
	if (d->n_resources == d->cap_resources) {
		grown = reallocarray(d->resources, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		d->resources = grown;
		d->cap_resources = cap;
	}
	res = copy_resource(from);
	if (!res)
		return -ENOMEM;
	d->resources[d->n_resources++] = res;
	return 0;
}

static int add_path(struct pn_discovery *d, const char *root, const char *version)
{
	char *path;

	if (d->n_paths == MAX_PATHS)
		return 0;
	if (asprintf(&path, "%s/%s", root, version) < 0)
		return -ENOMEM;
	d->paths[d->n_paths++] = path;
	return 0;
}

/* --- finding --- */

bool pn_resource_is_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; *p; p += *p == ',') {
		size_t n = strcspn(p, ",");

		if (n == len && strncasecmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

/* A row of the agent's own table. */
static int add_known(struct pn_discovery *d, const struct pn_kind *k)
{
	char singular[PN_OBJECT_KIND_LEN];

	(void)snprintf(singular, sizeof(singular), "%s", k->kind);
	for (char *p = singular; *p; p++)
		*p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
	return add_resource(d, &(struct pn_api_resource) {
				       .group = k->group,
				       .version = k->version,
				       .plural = k->plural,
				       .singular = singular,
				       .kind = k->kind,
				       .short_names = k->short_name ? k->short_name : "",
				       .categories = "",
				       .is_namespaced = k->is_namespaced,
				       .can_list = true,
			       });
}

/* How well @name, the part in front of the first dot, fits: 0 best, -1 not at all. */
static int name_rank(const struct pn_api_resource *res, const char *name)
{
	if (strcasecmp(res->plural, name) == 0 || strcasecmp(res->singular, name) == 0 ||
	    strcasecmp(res->kind, name) == 0)
		return 0;
	return pn_resource_is_in(res->short_names, name) ? 1 : -1;
}

/* The same for @rest, the part behind it; NULL: there is none. The group may be cut at its end. */
static int group_rank(const struct pn_api_resource *res, const char *rest)
{
	size_t n;

	if (!rest || strcasecmp(rest, res->group) == 0)
		return 0;
	n = strlen(res->version);
	if (strncasecmp(rest, res->version, n) == 0 && rest[n] == '.' &&
	    strcasecmp(rest + n + 1, res->group) == 0)
		return 0;
	return *rest && strncasecmp(res->group, rest, strlen(rest)) == 0 ? 1 : -1;
}

static int rank(const struct pn_api_resource *res, const char *name, const char *rest)
{
	int by_name = name_rank(res, name), by_group = group_rank(res, rest);

	if (by_name < 0 || by_group < 0)
		return -1;
	return (res->can_list ? 0 : 4) + 2 * by_group + by_name;
}

static const struct pn_api_resource *find(const struct pn_discovery *d, const char *name,
					  const char *rest)
{
	const struct pn_api_resource *found = NULL;
	int best = -1;

	for (size_t i = 0; i < d->n_resources; i++) {
		int r = rank(d->resources[i], name, rest);

		if (r >= 0 && (best < 0 || r < best)) {
			best = r;
			found = d->resources[i];
		}
	}
	return found;
}

int pn_discovery_find(struct pn_discovery *d, const char *word, const struct pn_api_resource **ret)
{
	const struct pn_kind *known = pn_kind_find(word);
	const struct pn_api_resource *found;
	const char *dot = strchr(word, '.');
	char name[MAX_NAME];

	if (known && !find(d, word, NULL) && add_known(d, known) < 0)
		return -ENOMEM;
	if ((size_t)snprintf(name, sizeof(name), "%.*s",
			     dot ? (int)PN_MIN(dot - word, MAX_NAME) : MAX_NAME,
			     word) >= sizeof(name))
		return 0;
	found = find(d, name, dot ? dot + 1 : NULL);
	if (!found || (!found->can_list && d->n_roots < PN_ARRAY_SIZE(roots)))
		return 0;
	*ret = found;
	return 1;
}

/* --- reading --- */

static int parse(struct pn_discovery *d, const char *json, size_t len, json_t **ret)
{
	json_error_t error;

	if (len > MAX_MEMBER)
		return pn_err_set(d->err, -EMSGSIZE, "%s: an answer too large to be true", d->path);
	*ret = json_loadb(json, len, JSON_DECODE_ANY, &error);
	if (!*ret)
		return pn_err_set(d->err, -EBADMSG, "%s: not JSON: %s", d->path, error.text);
	return 0;
}

/* The texts of an array, "a,b,c"; those that are none, or too many, are left out. */
static void join(const json_t *array, char buf[static MAX_LIST])
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct pn_draft rd = { .error = 0 };
		const char *s = pn_json_text(&rd, json_array_get(array, i), "", MAX_NAME);
		size_t len = strlen(s);

		if (!len || strchr(s, ',') || used + len + 2 > MAX_LIST)
			continue;
		used += (size_t)snprintf(buf + used, MAX_LIST - used, "%s%s", used ? "," : "", s);
	}
}

/*
 * One entry, in the words of either shape. Subresources have a '/' in their names, or no kind, and
 * fall through here like anything else that makes no sense.
 */
static int take_resource(struct pn_discovery *d, const json_t *entry, const char *group,
			 const char *version, bool is_aggregated)
{
	char short_names[MAX_LIST], categories[MAX_LIST], verbs[MAX_LIST];
	struct pn_draft rd = { .error = 0 };
	struct pn_api_resource res = {
		.group = group,
		.version = version,
		.short_names = short_names,
		.categories = categories,
	};
	const json_t *kind = entry;

	if (is_aggregated)
		kind = pn_json_object(&rd, entry, "responseKind");
	res.kind = pn_json_name(&rd, kind, "kind", MAX_NAME);
	res.plural = pn_json_name(&rd, entry, is_aggregated ? "resource" : "name", MAX_NAME);
	res.singular = pn_json_name(&rd, entry, is_aggregated ? "singularResource" : "singularName",
				    MAX_NAME);
	res.is_namespaced =
		is_aggregated ? strcmp(pn_json_string(&rd, entry, "scope", 32), "Namespaced") == 0
			      : pn_json_bool(&rd, entry, "namespaced", false);
	join(pn_json_array(&rd, entry, "verbs"), verbs);
	join(pn_json_array(&rd, entry, "shortNames"), short_names);
	join(pn_json_array(&rd, entry, "categories"), categories);
	if (rd.error || !*res.kind || !*res.plural)
		return 0;
	res.can_list = pn_resource_is_in(verbs, "list");
	return add_resource(d, &res);
}

static int take_resources(struct pn_discovery *d, const json_t *list, const char *group,
			  const char *version, bool is_aggregated)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = take_resource(d, json_array_get(list, i), group, version, is_aggregated);
	return r;
}

static int take_aggregated(struct pn_discovery *d, const json_t *item)
{
	struct pn_draft rd = { .error = 0 };
	const json_t *meta = pn_json_object(&rd, item, "metadata");
	const json_t *versions = pn_json_array(&rd, item, "versions");
	const char *group = pn_json_name(&rd, meta, "name", MAX_NAME);
	int r = 0;

	if (rd.error)
		return 0;
	for (size_t i = 0; r == 0 && i < json_array_size(versions); i++) {
		const json_t *v = json_array_get(versions, i);
		struct pn_draft of_version = { .error = 0 };
		const char *version = pn_json_name(&of_version, v, "version", MAX_NAME);

		if (*version)
			r = take_resources(d, json_object_get(v, "resources"), group, version,
					   true);
	}
	return r;
}

static int on_item(void *data, const char *json, size_t len)
{
	struct pn_discovery *d = data;
	json_t *tree;
	int r = parse(d, json, len, &tree);

	if (r < 0)
		return r;
	r = take_aggregated(d, tree);
	json_decref(tree);
	return r;
}

/* "versions" of /api: names; each is a path below it. */
static int take_versions(struct pn_discovery *d, const json_t *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		json_t *holder = json_pack("{s:O}", "version", json_array_get(list, i));
		struct pn_draft rd = { .error = 0 };
		const char *version = pn_json_name(&rd, holder, "version", MAX_NAME);

		if (*version)
			r = add_path(d, "/api", version);
		json_decref(holder);
	}
	return r;
}

/* A group of an older server: the preferred version first, then the others. */
static int take_group(struct pn_discovery *d, const json_t *group)
{
	struct pn_draft rd = { .error = 0 };
	const json_t *preferred = pn_json_object(&rd, group, "preferredVersion");
	const json_t *versions = pn_json_array(&rd, group, "versions");
	const char *first = pn_json_name(&rd, preferred, "version", MAX_NAME);
	const char *name = pn_json_name(&rd, group, "name", MAX_NAME);
	char root[MAX_NAME + 8];
	int r = 0;

	if (rd.error || !*name)
		return 0;
	(void)snprintf(root, sizeof(root), "/apis/%s", name);
	if (*first)
		r = add_path(d, root, first);
	for (size_t i = 0; r == 0 && i < json_array_size(versions); i++) {
		struct pn_draft of_version = { .error = 0 };
		const char *version =
			pn_json_name(&of_version, json_array_get(versions, i), "version", MAX_NAME);

		if (*version && strcmp(version, first) != 0)
			r = add_path(d, root, version);
	}
	return r;
}

/* What an older server has below the path that was asked, /api/VERSION or /apis/GROUP/VERSION. */
static int take_group_version(struct pn_discovery *d, const json_t *list)
{
	char group[MAX_NAME] = "", version[MAX_NAME] = "";

	if (sscanf(d->path, "/apis/%253[^/]/%253s", group, version) != 2 &&
	    sscanf(d->path, "/api/%253s", version) != 1)
		return 0;
	return take_resources(d, list, group, version, false);
}

static int take_member(struct pn_discovery *d, const char *key, const json_t *tree)
{
	int r = 0;

	if (strcmp(key, "versions") == 0 && strcmp(d->path, "/api") == 0)
		return take_versions(d, tree);
	if (strcmp(key, "resources") == 0)
		return take_group_version(d, tree);
	if (strcmp(key, "groups") != 0 || strcmp(d->path, "/apis") != 0)
		return 0;
	for (size_t i = 0; r == 0 && i < json_array_size(tree); i++)
		r = take_group(d, json_array_get(tree, i));
	return r;
}

static int on_member(void *data, const char *key, size_t key_len, const char *json, size_t len)
{
	struct pn_discovery *d = data;
	char name[16];
	json_t *tree;
	int r;

	if (!key_len || key_len >= sizeof(name))
		return 0;
	memcpy(name, key, key_len);
	name[key_len] = '\0';
	r = parse(d, json, len, &tree);
	if (r < 0)
		return r;
	r = take_member(d, name, tree);
	json_decref(tree);
	return r;
}

static const struct pn_framing_ops framing_ops = { .object = on_item, .member = on_member };

const char *pn_discovery_next(struct pn_discovery *d)
{
	if (d->n_asked < d->n_paths)
		d->path = d->paths[d->n_asked++];
	else if (d->n_roots < PN_ARRAY_SIZE(roots))
		d->path = roots[d->n_roots++];
	else
		return NULL;
	close_framing(d);
	pn_framing_init(&d->framing, PN_FRAMING_LIST, &framing_ops, d);
	d->has_framing = true;
	return d->path;
}

int pn_discovery_feed(struct pn_discovery *d, const char *bytes, size_t len, struct pn_err *reterr)
{
	d->err = reterr;
	return pn_framing_feed(&d->framing, bytes, len, reterr);
}

int pn_discovery_end(struct pn_discovery *d, struct pn_err *reterr)
{
	return pn_framing_end(&d->framing, reterr);
}
