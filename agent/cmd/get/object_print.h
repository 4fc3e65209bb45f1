/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_GET_OBJECT_PRINT_H
#define PN_CMD_GET_OBJECT_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "kube/discovery.h"

enum pn_output {
	PN_OUTPUT_TABLE,
	PN_OUTPUT_WIDE,
	PN_OUTPUT_JSON,
	PN_OUTPUT_YAML,
	PN_OUTPUT_NAME,
};

/**
 * struct pn_printer_options - how objects are shown
 * @as_documents:   JSON and YAML: each object alone instead of all in one List
 * @with_kind:      in tables: the kind in front of the name
 * @with_event:     what happened to the object, too
 * @managed_fields: JSON and YAML: leave them in
 */
struct pn_printer_options {
	enum pn_output output;
	bool as_documents, with_kind, with_event, with_labels, no_headings, managed_fields;
};

/*
 * What `podonym get` prints, in whichever form: objects come one by one and none is kept. All
 * functions that return int say 0, -ENOMEM, -EMSGSIZE, -EBADMSG (a row without columns) or why
 * @out could not be written.
 */
struct pn_printer;

/** pn_printer_new() - Return: NULL without memory */
struct pn_printer *pn_printer_new(const struct pn_printer_options *options, FILE *out);
void pn_printer_free(struct pn_printer *p);

/** pn_printer_wants_rows() - in this form the server's Tables are printed, else its objects */
bool pn_printer_wants_rows(const struct pn_printer *p);

/** pn_printer_kind() - what follows is of this kind, which is borrowed; @with_namespace: a column for it */
int pn_printer_kind(struct pn_printer *p, const struct pn_api_resource *res, bool with_namespace);

/** pn_printer_columns(), _row(), _object() - as struct pn_body_ops says */
int pn_printer_columns(struct pn_printer *p, const json_t *columns);
int pn_printer_row(struct pn_printer *p, const char *change, const json_t *row);
int pn_printer_object(struct pn_printer *p, const char *change, json_t *object);

/** pn_printer_flush() - show what was held back for the sake of its layout */
int pn_printer_flush(struct pn_printer *p);

/** pn_printer_end() - all has been printed; a List is closed, also one with nothing in it */
int pn_printer_end(struct pn_printer *p);

/** pn_printer_count() - objects so far */
size_t pn_printer_count(const struct pn_printer *p);

#endif
