/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of `podonym get`. Tables are get_columns.c, JSON and YAML json_print.c and yaml_print.c;
 * what is here is common to them: what a List looks like while it grows, and the name of a kind.
 */
#include "cmd/get/object_print.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "cmd/get/get_columns.h"
#include "cmd/get/json_print.h"
#include "cmd/get/yaml_print.h"

struct pn_printer {
	struct pn_printer_options options;
	FILE *out;
	size_t n_objects;
	bool in_list;

	const struct pn_api_resource *res;
	char prefix[512]; /* "deployment.apps/" */
	struct pn_columns *columns;
	struct pn_yaml_out *yaml;
};

struct pn_printer *pn_printer_new(const struct pn_printer_options *options, FILE *out)
{
	struct pn_printer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->options = *options;
	p->out = out;
	if (options->output == PN_OUTPUT_YAML) {
		p->yaml = pn_yaml_out_new(out);
		if (!p->yaml) {
			free(p);
			return NULL;
		}
	}
	return p;
}

void pn_printer_free(struct pn_printer *p)
{
	if (!p)
		return;
	pn_columns_free(p->columns);
	pn_yaml_out_free(p->yaml);
	free(p);
}

bool pn_printer_wants_rows(const struct pn_printer *p)
{
	return p->options.output == PN_OUTPUT_TABLE || p->options.output == PN_OUTPUT_WIDE;
}

size_t pn_printer_count(const struct pn_printer *p)
{
	return p->n_objects;
}

static int new_columns(struct pn_printer *p, bool with_namespace)
{
	struct pn_columns_options options = {
		.prefix = p->options.with_kind ? p->prefix : "",
		.is_wide = p->options.output == PN_OUTPUT_WIDE,
		.with_event = p->options.with_event,
		.with_namespace = with_namespace,
		.with_labels = p->options.with_labels,
		.no_headings = p->options.no_headings,
	};

	p->columns = pn_columns_new(&options, p->out);
	return p->columns ? 0 : -ENOMEM;
}

int pn_printer_kind(struct pn_printer *p, const struct pn_api_resource *res, bool with_namespace)
{
	int r;

	if (p->res == res)
		return 0;
	r = pn_printer_flush(p);
	if (r < 0)
		return r;
	pn_columns_free(PN_TAKE_PTR(p->columns));
	p->res = res;
	(void)snprintf(p->prefix, sizeof(p->prefix), "%s%s%s/", res->kind, *res->group ? "." : "",
		       res->group);
	for (char *c = p->prefix; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return pn_printer_wants_rows(p) ? new_columns(p, with_namespace) : 0;
}

/* An empty line between the tables of two kinds. */
static void separate(struct pn_printer *p)
{
	if (p->n_objects && pn_columns_count(p->columns) == 0 && !p->options.no_headings)
		(void)fputc('\n', p->out);
}

int pn_printer_columns(struct pn_printer *p, const json_t *columns)
{
	return p->columns ? pn_columns_define(p->columns, columns) : 0;
}

int pn_printer_row(struct pn_printer *p, const char *change, const json_t *row)
{
	int r;

	if (!p->columns)
		return -EBADMSG;
	separate(p);
	r = pn_columns_row(p->columns, change, row);
	p->n_objects += r == 0;
	return r;
}

/* --- objects --- */

/* Items of a list do not say what they are. */
static int complete(const struct pn_printer *p, json_t *object)
{
	const struct pn_api_resource *res = p->res;
	char version[512];
	int r = 0;

	(void)snprintf(version, sizeof(version), "%s%s%s", res->group, *res->group ? "/" : "",
		       res->version);
	if (!json_object_get(object, "apiVersion"))
		r |= json_object_set_new(object, "apiVersion", json_string(version));
	if (!json_object_get(object, "kind"))
		r |= json_object_set_new(object, "kind", json_string(res->kind));
	return r ? -ENOMEM : 0;
}

static int print_name(struct pn_printer *p, const json_t *object)
{
	const char *name =
		json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));

	(void)fprintf(p->out, "%s%s\n", p->prefix, name ? name : "");
	return 0;
}

static int begin_list(struct pn_printer *p)
{
	if (p->in_list)
		return 0;
	p->in_list = true;
	if (p->yaml)
		return pn_yaml_list_begin(p->yaml);
	(void)fputs("{\n    \"apiVersion\": \"v1\",\n    \"items\": [", p->out);
	return 0;
}

static int print_item(struct pn_printer *p, json_t *object)
{
	int r = begin_list(p);

	if (r < 0)
		return r;
	if (p->yaml)
		return pn_yaml_list_item(p->yaml, object);
	(void)fputs(p->n_objects ? ",\n        " : "\n        ", p->out);
	return pn_json_print(p->out, object, 2);
}

static int print_document(struct pn_printer *p, json_t *object)
{
	int r;

	if (p->yaml)
		return pn_yaml_document(p->yaml, object);
	r = pn_json_print(p->out, object, 0);
	(void)fputc('\n', p->out);
	return r;
}

static int print_tree(struct pn_printer *p, const char *change, json_t *object)
{
	json_auto_t *event = NULL;

	if (!p->options.managed_fields)
		(void)json_object_del(json_object_get(object, "metadata"), "managedFields");
	if (complete(p, object) < 0)
		return -ENOMEM;
	if (!p->options.as_documents)
		return print_item(p, object);
	if (!p->options.with_event)
		return print_document(p, object);
	event = json_pack("{s:s, s:O}", "type", change, "object", object);
	return event ? print_document(p, event) : -ENOMEM;
}

int pn_printer_object(struct pn_printer *p, const char *change, json_t *object)
{
	int r;

	if (p->columns) {
		separate(p);
		r = pn_columns_object(p->columns, change, object, (int64_t)time(NULL));
	} else if (p->options.output == PN_OUTPUT_NAME) {
		r = print_name(p, object);
	} else {
		r = print_tree(p, change, object);
	}
	p->n_objects += r == 0;
	return r;
}

int pn_printer_flush(struct pn_printer *p)
{
	if (p->columns)
		return pn_columns_flush(p->columns);
	if (fflush(p->out) != 0)
		return -errno;
	return ferror(p->out) ? -EIO : 0;
}

static int end_list(struct pn_printer *p)
{
	int r = begin_list(p);

	p->in_list = false;
	if (p->yaml)
		return r < 0 ? r : pn_yaml_list_end(p->yaml);
	(void)fputs(p->n_objects ? "\n    ],\n" : "],\n", p->out);
	(void)fputs("    \"kind\": \"List\",\n    \"metadata\": {\n"
		    "        \"resourceVersion\": \"\"\n    }\n}\n",
		    p->out);
	return r;
}

int pn_printer_end(struct pn_printer *p)
{
	bool is_list = p->options.output == PN_OUTPUT_JSON || p->options.output == PN_OUTPUT_YAML;
	int r = 0;

	if (is_list && !p->options.as_documents)
		r = end_list(p);
	return r < 0 ? r : pn_printer_flush(p);
}
