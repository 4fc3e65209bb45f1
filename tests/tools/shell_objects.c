/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects for informer-shell. A generic object is its JSON; of a pod in protobuf there is what the
 * library keeps of it.
 */
#include "shell_objects.h"

#include <errno.h>
#include <string.h>

static json_t *labels_json(const struct pn_object *obj)
{
	json_t *labels = json_object();

	for (uint32_t i = 0; i < obj->n_labels; i++)
		(void)json_object_set_new(labels, obj->labels[i].key,
					  json_string(obj->labels[i].value));
	return labels;
}

static json_t *typed_json(const struct pn_object *obj)
{
	const struct pn_pod *pod = pn_object_pod(obj);
	json_t *doc = json_pack("{s:{s:s, s:s, s:s, s:s, s:o}}", "metadata", "name", obj->name,
				"namespace", obj->name_space, "uid", obj->uid, "resourceVersion",
				obj->resource_version, "labels", labels_json(obj));
	json_t *ips = json_array(), *status;
	char text[PN_ADDR_STRLEN];

	for (uint32_t i = 0; pod && i < pod->n_addrs; i++)
		(void)json_array_append_new(
			ips, json_pack("{s:s}", "ip", pn_addr_format(&pod->addrs[i], text)));
	if (pod) {
		(void)json_object_set_new(doc, "spec",
					  json_pack("{s:s, s:b}", "nodeName", pod->node_name,
						    "hostNetwork", pod->host_network));
		status = json_pack("{s:O}", "podIPs", ips);
		if (pod->n_addrs)
			(void)json_object_set_new(
				status, "podIP", json_string(pn_addr_format(&pod->addrs[0], text)));
		(void)json_object_set_new(doc, "status", status);
	}
	json_decref(ips);
	return doc;
}

json_t *shell_object_json(const struct pn_object *obj)
{
	const struct pn_generic *generic = pn_object_generic(obj);

	return generic ? json_loadb(generic->json, generic->len, JSON_ALLOW_NUL, NULL)
		       : typed_json(obj);
}

/* --- transforms and filters --- */

static int set_hostname(void *data, json_t *object)
{
	json_t *spec = json_object_get(object, "spec");

	(void)data;
	if (!spec) {
		spec = json_object();
		(void)json_object_set_new(object, "spec", spec);
	}
	return json_object_set_new(spec, "hostname", json_string("transformed"));
}

static int only_once(void *data, json_t *object)
{
	json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
	const char *t = json_string_value(json_object_get(labels, "t"));

	(void)data;
	if (t && strcmp(t, "false") == 0)
		return -EALREADY;
	return t ? json_object_set_new(labels, "t", json_string("false")) : 0;
}

shell_transform_fn shell_transform(const char *name)
{
	if (strcmp(name, "hostname") == 0)
		return set_hostname;
	return strcmp(name, "once") == 0 ? only_once : NULL;
}

static json_t *metadata_of(const struct pn_object *obj, const char *field, json_t **ret_doc)
{
	*ret_doc = shell_object_json(obj);
	return json_object_get(json_object_get(*ret_doc, "metadata"), field);
}

static bool is_app_web(void *data, const struct pn_object *obj)
{
	json_t *doc, *labels = metadata_of(obj, "labels", &doc);
	const char *app = json_string_value(json_object_get(labels, "app"));
	bool is_web = app && strcmp(app, "web") == 0;

	(void)data;
	json_decref(doc);
	return is_web;
}

shell_filter_fn shell_filter(const char *name)
{
	return strcmp(name, "app-web") == 0 ? is_app_web : NULL;
}

/* --- index functions --- */

static void index_namespace(const void *data, const struct pn_object *obj, struct pn_values *values)
{
	(void)data;
	if (obj->name_space[0])
		pn_values_add(values, obj->name_space);
}

static void index_labels(const void *data, const struct pn_object *obj, struct pn_values *values)
{
	json_t *doc, *labels = metadata_of(obj, "labels", &doc), *value;
	const char *key;

	(void)data;
	json_object_foreach (labels, key, value)
		pn_values_add(values, key);
	json_decref(doc);
}

static void index_users(const void *data, const struct pn_object *obj, struct pn_values *values)
{
	json_t *doc, *annotations = metadata_of(obj, "annotations", &doc);
	const char *users = json_string_value(json_object_get(annotations, "users"));
	char *copy = users ? strdup(users) : NULL, *rest = copy, *user;

	(void)data;
	while ((user = strsep(&rest, ",")))
		if (*user)
			pn_values_add(values, user);
	free(copy);
	json_decref(doc);
}

static void add_ip(struct pn_values *values, const json_t *ip)
{
	const char *text = json_string_value(ip);

	if (text && *text)
		pn_values_add(values, text);
}

static void index_ip(const void *data, const struct pn_object *obj, struct pn_values *values)
{
	json_t *doc = shell_object_json(obj), *status = json_object_get(doc, "status"), *entry;
	size_t i;

	(void)data;
	add_ip(values, json_object_get(status, "podIP"));
	json_array_foreach (json_object_get(status, "podIPs"), i, entry)
		add_ip(values, json_object_get(entry, "ip"));
	json_decref(doc);
}

bool shell_indexer(const char *func, const char *name, struct pn_indexer *ret)
{
	static const struct pn_indexer known[] = {
		{ .name = "namespace", .fn = index_namespace },
		{ .name = "labels", .fn = index_labels },
		{ .name = "users", .fn = index_users },
		{ .name = "ip", .fn = index_ip },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, func) != 0)
			continue;
		*ret = known[i];
		ret->name = name;
		return true;
	}
	return false;
}
