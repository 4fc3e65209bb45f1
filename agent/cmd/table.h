/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TABLE_H
#define PN_CMD_TABLE_H

#include <stdio.h>

#include "base/util.h"

/*
 * Aligned columns for a person: cells are collected first, so that each column is as wide as its
 * widest cell. Two spaces between columns, nothing behind the last one.
 */
struct pn_table;

/** pn_table_new() - @headings: upper case by custom; borrowed for the table's life. Return: NULL without memory */
struct pn_table *pn_table_new(const char *const *headings, size_t n_columns);
void pn_table_free(struct pn_table *t);
void pn_table_freep(struct pn_table **t);

/** pn_table_cell() - the next cell, row by row; empty text is shown as "-". Return: 0 or -ENOMEM */
int pn_table_cell(struct pn_table *t, const char *fmt, ...) PN_PRINTF(2, 3);

/** pn_table_print() - headings and rows; the last row may be incomplete */
void pn_table_print(const struct pn_table *t, FILE *out);

#endif
