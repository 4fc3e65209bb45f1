/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as text. The cells of the rows that wait are one piece of memory, each with its NUL; widths
 * only ever grow, so a row is measured when it comes and printed when it is flushed. Cells come from
 * whoever may write to the cluster and go to a terminal: control characters are taken out.
 */
#include "cmd/get/get_columns.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/get/json_print.h"
#include "kube/json_fields.h"

enum {
	MAX_COLUMNS = 64,
	GAP = 3,
	MIN_WIDTH = 6, /* with the gap */
	FLUSH_BYTES = 4 << 20,
	MAX_PENDING = 64 << 20,
};

struct pn_columns {
	struct pn_columns_options options;
	FILE *out;
	json_t *definitions;
	size_t n_shown, n_rows;
	size_t widths[MAX_COLUMNS + 3];
	struct pn_buf cells;
	bool has_headings; /* the first row of @cells is the headings */
};

struct pn_columns *pn_columns_new(const struct pn_columns_options *options, FILE *out)
{
	struct pn_columns *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->options = *options;
	c->out = out;
	c->cells = PN_BUF_INIT(MAX_PENDING);
	return c;
}

void pn_columns_free(struct pn_columns *c)
{
	if (!c)
		return;
	json_decref(c->definitions);
	pn_buf_done(&c->cells);
	free(c);
}

size_t pn_columns_count(const struct pn_columns *c)
{
	return c->n_rows;
}

/* --- one cell --- */

/* Characters, not bytes: those that continue one are not counted. */
static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* The next character of @text without what a terminal would obey. Return: bytes taken */
static size_t clean(const char *text, size_t len, const char **ret)
{
	unsigned char c = (unsigned char)*text;

	if (c == 0x1b) {
		*ret = "^[";
		return 1;
	}
	if (c < ' ' || c == 0x7f) {
		*ret = " ";
		return 1;
	}
	if (c == 0xc2 && len > 1 && (unsigned char)text[1] < 0xa0) {
		*ret = " ";
		return 2;
	}
	*ret = NULL;
	return 1;
}

static int put_clean(struct pn_buf *b, const char *text, size_t len)
{
	const char *instead;
	int r = 0;

	while (len && r == 0) {
		size_t n = clean(text, len, &instead);

		r = instead ? pn_buf_put(b, instead, strlen(instead)) : pn_buf_put(b, text, n);
		text += n;
		len -= n;
	}
	return r;
}

/* Only the first line of a text, with a sign that there is more. */
static int put_text(struct pn_buf *b, const char *text, size_t len)
{
	size_t n = 0;
	int r;

	while (n < len && text[n] != '\n' && text[n] != '\r' && text[n] != '\f')
		n++;
	r = put_clean(b, text, n);
	return r == 0 && n < len ? pn_buf_put(b, "...", 3) : r;
}

static int put_value(struct pn_buf *b, const json_t *value)
{
	PN_CLEANUP(pn_freep) char *dump = NULL;

	switch (json_typeof(value)) {
	case JSON_STRING:
		return put_text(b, json_string_value(value), json_string_length(value));
	case JSON_INTEGER:
		return pn_buf_printf(b, "%lld", (long long)json_integer_value(value));
	case JSON_REAL:
		return pn_buf_printf(b, "%.15g", json_real_value(value));
	case JSON_TRUE:
	case JSON_FALSE:
		return pn_buf_printf(b, "%s", json_is_true(value) ? "true" : "false");
	case JSON_NULL:
		return 0;
	default:
		dump = json_dumps(value, JSON_COMPACT);
		return dump ? put_text(b, dump, strlen(dump)) : -ENOMEM;
	}
}

static int put_labels(struct pn_buf *b, const json_t *metadata)
{
	json_t *labels = json_object_get(metadata, "labels");
	PN_CLEANUP(pn_freep) const char **keys = pn_json_sorted_keys(labels);
	size_t n = json_object_size(labels);
	int r = n ? 0 : pn_buf_printf(b, "<none>");

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		const char *text = json_string_value(json_object_get(labels, keys[i]));

		r = i ? pn_buf_put(b, ",", 1) : 0;
		r = r ? r : put_clean(b, keys[i], strlen(keys[i]));
		r = r ? r : pn_buf_put(b, "=", 1);
		r = r || !text ? r : put_clean(b, text, strlen(text));
	}
	return r;
}

/* The cell that was begun at @start is complete. */
static int end_cell(struct pn_columns *c, size_t start, size_t column)
{
	int r = pn_buf_put(&c->cells, "", 1);

	if (r == 0)
		c->widths[column] =
			PN_MAX(c->widths[column], characters(c->cells.data + start) + GAP);
	return r;
}

/* --- rows --- */

static bool is_shown(const struct pn_columns *c, const json_t *definition)
{
	return c->options.is_wide ||
	       json_integer_value(json_object_get(definition, "priority")) == 0;
}

static bool has_text(const json_t *tree, const char *field, const char *text)
{
	const char *s = json_string_value(json_object_get(tree, field));

	return s && strcmp(s, text) == 0;
}

/* Does the kind belong in front of this column's cells? */
static bool has_prefix(const struct pn_columns *c, const json_t *definition)
{
	return *c->options.prefix && has_text(definition, "format", "name") &&
	       has_text(definition, "type", "string");
}

/* A row whose @n-th cell is put by @put, in all the columns that are shown. */
typedef int (*put_cell)(struct pn_columns *c, size_t n, const void *source);

static int put_row(struct pn_columns *c, const char *event, put_cell name_space, put_cell cell,
		   put_cell labels, const void *source)
{
	const struct pn_columns_options *o = &c->options;
	size_t start = c->cells.len, column = 0;
	int r = 0;

	if (o->with_event) {
		r = put_text(&c->cells, event, strlen(event));
		r = r ? r : end_cell(c, start, column++);
	}
	if (r == 0 && o->with_namespace) {
		start = c->cells.len;
		r = name_space(c, 0, source);
		r = r ? r : end_cell(c, start, column++);
	}
	for (size_t i = 0; r == 0 && i < json_array_size(c->definitions); i++) {
		if (!is_shown(c, json_array_get(c->definitions, i)))
			continue;
		start = c->cells.len;
		r = cell(c, i, source);
		r = r ? r : end_cell(c, start, column++);
	}
	if (r == 0 && o->with_labels) {
		start = c->cells.len;
		r = labels(c, 0, source);
		r = r ? r : end_cell(c, start, column++);
	}
	return r;
}

static int namespace_heading(struct pn_columns *c, size_t n, const void *source)
{
	(void)n, (void)source;
	return pn_buf_printf(&c->cells, "NAMESPACE");
}

static int labels_heading(struct pn_columns *c, size_t n, const void *source)
{
	(void)n, (void)source;
	return pn_buf_printf(&c->cells, "LABELS");
}

static int heading(struct pn_columns *c, size_t n, const void *source)
{
	const json_t *name = json_object_get(json_array_get(c->definitions, n), "name");
	size_t start = c->cells.len;
	int r;

	(void)source;
	r = json_is_string(name) ? put_value(&c->cells, name) : 0;
	for (size_t i = start; i < c->cells.len; i++)
		c->cells.data[i] = (char)toupper((unsigned char)c->cells.data[i]);
	return r;
}

static const json_t *metadata_of(const json_t *row)
{
	return json_object_get(json_object_get(row, "object"), "metadata");
}

static int namespace_cell(struct pn_columns *c, size_t n, const void *row)
{
	const char *s = json_string_value(json_object_get(metadata_of(row), "namespace"));

	(void)n;
	return s ? put_text(&c->cells, s, strlen(s)) : 0;
}

static int labels_cell(struct pn_columns *c, size_t n, const void *row)
{
	(void)n;
	return put_labels(&c->cells, metadata_of(row));
}

static int cell(struct pn_columns *c, size_t n, const void *row)
{
	const json_t *value = json_array_get(json_object_get(row, "cells"), n);
	int r = 0;

	if (has_prefix(c, json_array_get(c->definitions, n)))
		r = pn_buf_printf(&c->cells, "%s", c->options.prefix);
	return r || !value ? r : put_value(&c->cells, value);
}

static size_t count_shown(const struct pn_columns *c)
{
	const struct pn_columns_options *o = &c->options;
	size_t n = (size_t)o->with_event + o->with_namespace + o->with_labels;

	for (size_t i = 0; i < json_array_size(c->definitions); i++)
		n += is_shown(c, json_array_get(c->definitions, i));
	return n;
}

int pn_columns_define(struct pn_columns *c, const json_t *definitions)
{
	json_t *copy;
	int r;

	if (json_array_size(definitions) > MAX_COLUMNS)
		return -EBADMSG;
	if (c->definitions && json_equal(c->definitions, definitions))
		return 0;
	r = pn_columns_flush(c);
	if (r < 0)
		return r;
	copy = json_deep_copy(definitions);
	if (!copy)
		return -ENOMEM;
	json_decref(c->definitions);
	c->definitions = copy;
	c->n_shown = count_shown(c);
	c->has_headings = false;
	for (size_t i = 0; i < PN_ARRAY_SIZE(c->widths); i++)
		c->widths[i] = MIN_WIDTH;
	return 0;
}

int pn_columns_row(struct pn_columns *c, const char *change, const json_t *row)
{
	size_t start = c->cells.len;
	int r = 0;

	if (!c->n_shown)
		return -EBADMSG;
	if (!c->has_headings && !c->options.no_headings)
		r = put_row(c, "EVENT", namespace_heading, heading, labels_heading, NULL);
	if (r == 0)
		r = put_row(c, change, namespace_cell, cell, labels_cell, row);
	if (r < 0) {
		c->cells.len = start; /* no half row */
		return r;
	}
	c->has_headings = true;
	c->n_rows++;
	return c->cells.len > FLUSH_BYTES ? pn_columns_flush(c) : 0;
}

/* Spaces only in front of a cell that shows something, so that no line ends in them. Return: bytes */
static size_t print_line(const struct pn_columns *c, const char *line)
{
	const char *cells = line;
	size_t n_spaces = 0;

	for (size_t i = 0; i < c->n_shown; i++) {
		size_t width = characters(cells);

		if (width) {
			(void)fprintf(c->out, "%*s%s", (int)n_spaces, "", cells);
			n_spaces = 0;
		}
		n_spaces += c->widths[i] - width;
		cells += strlen(cells) + 1;
	}
	(void)fputc('\n', c->out);
	return (size_t)(cells - line);
}

int pn_columns_flush(struct pn_columns *c)
{
	for (size_t at = 0; at < c->cells.len;)
		at += print_line(c, c->cells.data + at);
	pn_buf_reset(&c->cells);
	if (fflush(c->out) != 0)
		return -errno;
	return ferror(c->out) ? -EIO : 0;
}

/* --- without a Table --- */

void pn_age_format(int64_t s, char buf[static 48])
{
	const struct {
		int64_t below, big, small; /* in seconds; small 0: only the big unit */
		char big_letter, small_letter;
	} * u, steps[] = {
		{ 120, 1, 0, 's', 0 },
		{ 600, 60, 1, 'm', 's' },
		{ 180 * 60, 60, 0, 'm', 0 },
		{ 8 * 3600, 3600, 60, 'h', 'm' },
		{ 48 * 3600, 3600, 0, 'h', 0 },
		{ 8 * 86400, 86400, 3600, 'd', 'h' },
		{ 2 * 365 * (int64_t)86400, 86400, 0, 'd', 0 },
		{ 8 * 365 * (int64_t)86400, 365 * (int64_t)86400, 86400, 'y', 'd' },
		{ INT64_MAX, 365 * (int64_t)86400, 0, 'y', 0 },
	};
	int64_t rest;

	s = PN_MAX(s, (int64_t)0);
	for (u = steps; s >= u->below && u < &steps[PN_ARRAY_SIZE(steps) - 1]; u++)
		;
	rest = u->small ? s % u->big / u->small : 0;
	if (rest)
		(void)snprintf(buf, 48, "%lld%c%lld%c", (long long)(s / u->big), u->big_letter,
			       (long long)rest, u->small_letter);
	else
		(void)snprintf(buf, 48, "%lld%c", (long long)(s / u->big), u->big_letter);
}

int pn_columns_object(struct pn_columns *c, const char *change, json_t *object, int64_t now_s)
{
	json_auto_t *definitions = json_pack("[{s:s, s:s, s:s}, {s:s}]", "name", "Name", "type",
					     "string", "format", "name", "name", "Age");
	json_t *metadata = json_object_get(object, "metadata");
	const char *name = json_string_value(json_object_get(metadata, "name"));
	struct pn_draft unread = { .error = 0 };
	int64_t created_s = pn_json_time(&unread, metadata, "creationTimestamp");
	json_auto_t *row = NULL;
	char age[48] = "<unknown>";
	int r;

	if (created_s)
		pn_age_format(now_s - created_s, age);
	row = json_pack("{s:[s, s], s:O}", "cells", name ? name : "", age, "object", object);
	if (!definitions || !row)
		return -ENOMEM;
	r = pn_columns_define(c, definitions);
	return r < 0 ? r : pn_columns_row(c, change, row);
}
