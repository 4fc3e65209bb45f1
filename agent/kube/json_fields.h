/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_JSON_FIELDS_H
#define PN_KUBE_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "kube/decode.h"

/**
 * struct pn_json_reader - reads fields of a tree and remembers the first one that was wrong
 * @error: 0 or -EINVAL
 *
 * An absent or null field is empty ("", 0, false, NULL). A field of the wrong type is empty too,
 * and an error, so a decoder reads all it needs and looks at @error once.
 */
struct pn_json_reader {
	int error;
	struct pn_err *err; /* may be NULL */
};

/** pn_json_wrong() - note that @field is not what it should be, unless something was wrong before */
void pn_json_wrong(struct pn_json_reader *rd, const char *field, const char *expected);

/** pn_json_object(), pn_json_array() - Return: the field, borrowed; NULL if it is empty or @parent is NULL */
const json_t *pn_json_object(struct pn_json_reader *rd, const json_t *parent, const char *field);
const json_t *pn_json_array(struct pn_json_reader *rd, const json_t *parent, const char *field);

/** pn_json_item() - the @i-th entry of @array, which must be an object. Return: NULL if it is not */
const json_t *pn_json_item(struct pn_json_reader *rd, const json_t *array, size_t i,
			   const char *field);

/** pn_json_string() - text shorter than @size, without NUL inside. Return: borrowed, never NULL */
const char *pn_json_string(struct pn_json_reader *rd, const json_t *parent, const char *field,
			   size_t size);

/** pn_json_text() - as pn_json_string(), of the value itself; @field is for the message */
const char *pn_json_text(struct pn_json_reader *rd, const json_t *value, const char *field,
			 size_t size);

/**
 * pn_json_name() - as pn_json_string(), and printable ASCII without space or '/', so that a key has
 * one meaning and a log line is one line
 */
const char *pn_json_name(struct pn_json_reader *rd, const json_t *parent, const char *field,
			 size_t size);

bool pn_json_bool(struct pn_json_reader *rd, const json_t *parent, const char *field);
int64_t pn_json_int(struct pn_json_reader *rd, const json_t *parent, const char *field);

/** pn_json_time() - RFC 3339 in UTC. Return: seconds since 1970; 0 if absent */
int64_t pn_json_time(struct pn_json_reader *rd, const json_t *parent, const char *field);

/** pn_json_meta() - the metadata of the object @tree */
void pn_json_meta(struct pn_json_reader *rd, const json_t *tree, struct pn_meta *ret);

#endif
