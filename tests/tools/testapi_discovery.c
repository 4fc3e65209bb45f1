/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a client learns of the test server's kinds: in two answers, as from a server of today, or group
 * by group. All is made from the table of collections.
 */
#include "testapi_discovery.h"

#include <stdio.h>
#include <string.h>

#include "testapi_store.h"

static const char verbs[] = "create,delete,get,list,update,watch";

static json_t *words(const char *list)
{
	char copy[128], *rest = copy, *word;
	json_t *array = json_array();

	(void)snprintf(copy, sizeof(copy), "%s", list);
	while (*list && (word = strsep(&rest, ",")))
		(void)json_array_append_new(array, json_string(word));
	return array;
}

static const char *group_of(const struct pn_collection *c)
{
	return strncmp(c->prefix, "/apis/", 6) == 0 ? c->prefix + 6 : "";
}

static const char *version_of(const struct pn_collection *c)
{
	return strrchr(c->prefix, '/') + 1;
}

static size_t group_len(const struct pn_collection *c)
{
	return strcspn(group_of(c), "/");
}

static void singular_of(const struct pn_collection *c, char buf[static 64])
{
	(void)snprintf(buf, 64, "%s", c->kind);
	for (char *p = buf; *p; p++)
		*p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
}

static json_t *aggregated_resource(const struct pn_collection *c)
{
	char singular[64];

	singular_of(c, singular);
	return json_pack("{s:s, s:{s:s%, s:s, s:s}, s:s, s:s, s:o, s:o, s:o}", "resource",
			 c->plural, "responseKind", "group", group_of(c), group_len(c), "version",
			 version_of(c), "kind", c->kind, "scope",
			 c->namespaced ? "Namespaced" : "Cluster", "singularResource", singular,
			 "verbs", words(verbs), "shortNames", words(c->short_name), "categories",
			 words(c->category));
}

static json_t *plain_resource(const struct pn_collection *c)
{
	char singular[64];

	singular_of(c, singular);
	return json_pack("{s:s, s:s, s:b, s:s, s:o, s:o, s:o}", "name", c->plural, "singularName",
			 singular, "namespaced", (int)c->namespaced, "kind", c->kind, "verbs",
			 words(verbs), "shortNames", words(c->short_name), "categories",
			 words(c->category));
}

static json_t *resources(const char *prefix, json_t *(*make)(const struct pn_collection *c))
{
	json_t *list = json_array();
	const struct pn_collection *c;

	for (size_t i = 0; (c = pn_collection_get(i)); i++) {
		if (strcmp(c->prefix, prefix) == 0)
			(void)json_array_append_new(list, make(c));
	}
	return list;
}

static json_t *group(const struct pn_collection *c, bool aggregated)
{
	if (aggregated)
		return json_pack("{s:{s:s%}, s:[{s:s, s:o}]}", "metadata", "name", group_of(c),
				 group_len(c), "versions", "version", version_of(c), "resources",
				 resources(c->prefix, aggregated_resource));
	return json_pack("{s:s%, s:[{s:s}], s:{s:s}}", "name", group_of(c), group_len(c),
			 "versions", "version", version_of(c), "preferredVersion", "version",
			 version_of(c));
}

static bool is_first_of_group(size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(pn_collection_get(i)->prefix, pn_collection_get(at)->prefix) == 0)
			return false;
	}
	return true;
}

/* Of /api, or of /apis. */
static json_t *groups(bool is_core, bool aggregated)
{
	json_t *list = json_array();
	const struct pn_collection *c;

	for (size_t i = 0; (c = pn_collection_get(i)); i++) {
		if (is_core == (group_len(c) == 0) && is_first_of_group(i))
			(void)json_array_append_new(list, group(c, aggregated));
	}
	return list;
}

json_t *pn_discovery_document(const char *url, bool aggregated)
{
	bool is_core = strcmp(url, "/api") == 0;
	json_t *list;

	if (aggregated && (is_core || strcmp(url, "/apis") == 0))
		return json_pack("{s:s, s:s, s:{}, s:o}", "kind", "APIGroupDiscoveryList",
				 "apiVersion", "apidiscovery.k8s.io/v2", "metadata", "items",
				 groups(is_core, true));
	if (is_core)
		return json_pack("{s:s, s:[s]}", "kind", "APIVersions", "versions", "v1");
	if (strcmp(url, "/apis") == 0)
		return json_pack("{s:s, s:s, s:o}", "kind", "APIGroupList", "apiVersion", "v1",
				 "groups", groups(false, false));
	list = resources(url, plain_resource);
	if (json_array_size(list))
		return json_pack("{s:s, s:s, s:o}", "kind", "APIResourceList", "apiVersion", "v1",
				 "resources", list);
	json_decref(list);
	return NULL;
}
