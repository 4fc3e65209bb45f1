/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_OBJECT_PRINT_H
#define PN_CMD_OBJECT_PRINT_H

#include <jansson.h>

#include "cmd/table.h"
#include <podonym/objects.h>

/* What `podonym get` prints of each kind: columns for a person, the API's field names in JSON. */

/** pn_print_table_new() - an empty table with the kind's headings. Return: NULL without memory */
struct pn_table *pn_print_table_new(enum pn_kind_id kind);

/** pn_print_row() - @now_s: seconds since 1970, for ages. Return: 0 or -ENOMEM */
int pn_print_row(struct pn_table *t, const struct pn_object *obj, int64_t now_s);

/** pn_print_json() - what podonym keeps of the object. Return: a new reference; NULL without memory */
json_t *pn_print_json(const struct pn_object *obj);

#endif
