/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes in which the test server answers: objects as they are, their metadata only, and the
 * Tables that `get` shows to people. A column is a path into the object.
 */
#include "testapi_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct column {
	const char *name, *path; /* "" is the age */
	int priority;
};

static const struct {
	const char *plural;
	struct column columns[6];
} tables[] = {
	{ "pods",
	  { { "Name", "metadata.name", 0 },
	    { "Status", "status.phase", 0 },
	    { "Age", "", 0 },
	    { "IP", "status.podIPs.0.ip", 1 },
	    { "Node", "spec.nodeName", 1 } } },
	{ "services",
	  { { "Name", "metadata.name", 0 },
	    { "Type", "spec.type", 0 },
	    { "Cluster-IP", "spec.clusterIP", 0 },
	    { "Age", "", 0 } } },
	{ "nodes",
	  { { "Name", "metadata.name", 0 },
	    { "Age", "", 0 },
	    { "Internal-IP", "status.addresses.0.address", 1 } } },
	{ "widgets",
	  { { "Name", "metadata.name", 0 },
	    { "Size", "spec.size", 0 },
	    { "Note", "spec.note", 0 },
	    { "Ready", "status.ready", 1 } } },
};

static const struct column *columns_of(const struct pn_collection *c)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(tables); i++) {
		if (strcmp(tables[i].plural, c->plural) == 0)
			return tables[i].columns;
	}
	return NULL;
}

enum pn_shape pn_shape_wanted(const char *accept, const struct pn_collection *c)
{
	if (strstr(accept, "as=PartialObjectMetadata"))
		return PN_SHAPE_METADATA;
	return strstr(accept, "as=Table") && columns_of(c) ? PN_SHAPE_TABLE : PN_SHAPE_WHOLE;
}

static json_t *age_cell(json_t *object)
{
	const char *text = json_string_value(
		json_object_get(json_object_get(object, "metadata"), "creationTimestamp"));
	struct tm tm = { 0 };
	char age[32];

	if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_string("<unknown>");
	(void)snprintf(age, sizeof(age), "%lldm", (long long)(time(NULL) - timegm(&tm)) / 60);
	return json_string(age);
}

static json_t *cell(json_t *object, const char *path)
{
	char copy[64], *rest = copy, *step;
	json_t *at = object;

	if (!*path)
		return age_cell(object);
	(void)snprintf(copy, sizeof(copy), "%s", path);
	while ((step = strsep(&rest, ".")))
		at = json_is_array(at) ? json_array_get(at, strtoul(step, NULL, 10))
				       : json_object_get(at, step);
	return at ? json_incref(at) : json_string("<none>");
}

static json_t *row(const struct column *columns, json_t *object)
{
	json_t *cells = json_array();

	for (const struct column *col = columns; col->name; col++)
		(void)json_array_append_new(cells, cell(object, col->path));
	return json_pack("{s:o, s:o}", "cells", cells, "object", pn_metadata_only(object));
}

static json_t *definitions(const struct column *columns)
{
	json_t *list = json_array();

	for (const struct column *col = columns; col->name; col++)
		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i}", "name",
							    col->name, "type", "string", "format",
							    col == columns ? "name" : "",
							    "priority", col->priority));
	return list;
}

static json_t *table(json_t *metadata, json_t *columns, json_t *rows)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "kind", "Table", "apiVersion",
			 "meta.k8s.io/v1", "metadata", metadata, "columnDefinitions", columns,
			 "rows", rows);
}

json_t *pn_shape_object(enum pn_shape shape, const struct pn_collection *c, json_t *object,
			bool with_columns)
{
	const struct column *columns = columns_of(c);

	if (shape == PN_SHAPE_METADATA)
		return pn_metadata_only(object);
	if (shape == PN_SHAPE_WHOLE)
		return json_incref(object);
	return table(json_object(), with_columns ? definitions(columns) : json_array(),
		     json_pack("[o]", row(columns, object)));
}

/* Items carry no kind and apiVersion of their own, unless they are metadata only. */
static json_t *item(enum pn_shape shape, const struct column *columns, json_t *object)
{
	json_t *copy;

	if (shape == PN_SHAPE_METADATA)
		return pn_metadata_only(object);
	if (shape == PN_SHAPE_TABLE)
		return row(columns, object);
	copy = json_copy(object);
	(void)json_object_del(copy, "kind");
	(void)json_object_del(copy, "apiVersion");
	return copy;
}

json_t *pn_shape_list(enum pn_shape shape, const struct pn_collection *c, const json_t *items,
		      size_t begin, size_t end, json_t *metadata)
{
	const struct column *columns = columns_of(c);
	bool is_metadata = shape == PN_SHAPE_METADATA;
	json_t *entries = json_array();
	char kind[64];

	for (size_t i = begin; i < end; i++) {
		if (json_array_append_new(entries,
					  item(shape, columns, json_array_get(items, i)))) {
			json_decref(entries);
			json_decref(metadata);
			return NULL;
		}
	}
	if (shape == PN_SHAPE_TABLE)
		return table(metadata, definitions(columns), entries);
	(void)snprintf(kind, sizeof(kind), "%sList",
		       is_metadata ? "PartialObjectMetadata" : c->kind);
	return json_pack("{s:s, s:s, s:o, s:o}", "kind", kind, "apiVersion",
			 is_metadata ? "meta.k8s.io/v1" : c->api_version, "metadata", metadata,
			 "items", entries);
}
