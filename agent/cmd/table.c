/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables as `podonym get`, `whois` and `status` print them.
 */
#include "cmd/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct pn_table {
	size_t n_columns, n_cells, cap;
	char **cells; /* the headings are borrowed, the cells owned */
	const char *const *headings;
};

struct pn_table *pn_table_new(const char *const *headings, size_t n_columns)
{
	struct pn_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->headings = headings;
	t->n_columns = n_columns;
	return t;
}

void pn_table_free(struct pn_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void pn_table_freep(struct pn_table **t)
{
	pn_table_free(*t);
}

static int grow(struct pn_table *t)
{
	size_t cap = t->cap ? t->cap * 2 : 64;
	char **cells;

	if (t->n_cells < t->cap)
		return 0;
	cells = reallocarray(t->cells, cap, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	t->cells = cells;
	t->cap = cap;
	return 0;
}

int pn_table_cell(struct pn_table *t, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int r;

	r = grow(t);
	if (r < 0)
		return r;
	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0)
		return -ENOMEM;
	t->cells[t->n_cells++] = text;
	return 0;
}

static const char *shown(const char *cell)
{
	return *cell ? cell : "-";
}

static size_t width(const struct pn_table *t, size_t column)
{
	size_t w = strlen(t->headings[column]);

	for (size_t i = column; i < t->n_cells; i += t->n_columns)
		w = PN_MAX(w, strlen(shown(t->cells[i])));
	return w;
}

void pn_table_print(const struct pn_table *t, FILE *out)
{
	PN_CLEANUP(pn_freep) size_t *widths = calloc(t->n_columns, sizeof(*widths));

	for (size_t c = 0; widths && c + 1 < t->n_columns; c++)
		widths[c] = width(t, c);
	for (size_t c = 0; c < t->n_columns; c++)
		(void)fprintf(out, "%s%-*s", c ? "  " : "", widths ? (int)widths[c] : 0,
			      t->headings[c]);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t c = i % t->n_columns;

		(void)fprintf(out, "%s%-*s", c ? "  " : "\n", widths ? (int)widths[c] : 0,
			      shown(t->cells[i]));
	}
	(void)fputc('\n', out);
}
