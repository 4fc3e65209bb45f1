/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_GET_GET_COLUMNS_H
#define PN_CMD_GET_GET_COLUMNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * The server's Tables in aligned columns, laid out as kubectl does: three spaces between columns,
 * headings in upper case, and what was written once stays the least width. Rows are held until
 * pn_columns_flush(), or until they are many.
 */
struct pn_columns;

/**
 * struct pn_columns_options - which columns
 * @prefix:         put in front of names: "deployment.apps/"; "" for none. Borrowed.
 * @is_wide:        those too that the server thinks are of less interest
 * @with_event:     a first column with the change
 * @with_namespace: then one with the namespace
 * @with_labels:    a last one with the labels
 */
struct pn_columns_options {
	const char *prefix;
	bool is_wide, with_event, with_namespace, with_labels, no_headings;
};

/** pn_columns_new() - Return: NULL without memory */
struct pn_columns *pn_columns_new(const struct pn_columns_options *options, FILE *out);

/** pn_columns_free() - what was not flushed is lost */
void pn_columns_free(struct pn_columns *c);

/** pn_columns_define() - a Table's columnDefinitions; the same ones again change nothing. Return: 0, -EBADMSG or -ENOMEM */
int pn_columns_define(struct pn_columns *c, const json_t *definitions);

/** pn_columns_row() - one of a Table's rows. Return: 0; -EBADMSG without columns; -ENOMEM, -EMSGSIZE */
int pn_columns_row(struct pn_columns *c, const char *change, const json_t *row);

/**
 * pn_columns_object() - an object of a server that makes no Tables, by its name and age
 * @now_s: seconds since 1970
 *
 * Return: as pn_columns_row()
 */
int pn_columns_object(struct pn_columns *c, const char *change, json_t *object, int64_t now_s);

/** pn_columns_flush() - write the rows there are, and headings before the first of them. Return: 0 or a negative errno */
int pn_columns_flush(struct pn_columns *c);

/** pn_columns_count() - rows so far */
size_t pn_columns_count(const struct pn_columns *c);

/** pn_age_format() - a time of @s seconds for a person, as the API server words it: "5m30s" */
void pn_age_format(int64_t s, char buf[static 48]);

#endif
