/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_JSON_FIELDS_H
#define PN_KUBE_JSON_FIELDS_H

#include "kube/decode.h"

/*
 * Typed, checked access to the fields of one object's JSON tree, for the decoders. Everything that
 * is returned is borrowed from the tree.
 */

/** pn_json_object(), pn_json_array() - Return: the field; NULL if it is empty or @parent is NULL */
const json_t *pn_json_object(struct pn_draft *d, const json_t *parent, const char *field);
const json_t *pn_json_array(struct pn_draft *d, const json_t *parent, const char *field);

/** pn_json_item() - the @i-th entry of @array, which must be an object. Return: NULL if it is not */
const json_t *pn_json_item(struct pn_draft *d, const json_t *array, size_t i, const char *field);

/** pn_json_string() - text shorter than @size, without NUL inside. Return: never NULL */
const char *pn_json_string(struct pn_draft *d, const json_t *parent, const char *field,
			   size_t size);

/** pn_json_text() - as pn_json_string(), of the value itself; @field is for the message */
const char *pn_json_text(struct pn_draft *d, const json_t *value, const char *field, size_t size);

/** pn_json_name() - as pn_json_string(), and a name, see pn_draft_name() */
const char *pn_json_name(struct pn_draft *d, const json_t *parent, const char *field, size_t size);

/** pn_json_bool() - Return: the field; @otherwise if it is empty */
bool pn_json_bool(struct pn_draft *d, const json_t *parent, const char *field, bool otherwise);

int64_t pn_json_int(struct pn_draft *d, const json_t *parent, const char *field);

/** pn_json_time() - RFC 3339 in UTC. Return: seconds since 1970; 0 if absent */
int64_t pn_json_time(struct pn_draft *d, const json_t *parent, const char *field);

/** pn_json_texts() - all strings of a list, each shorter than @size */
void pn_json_texts(struct pn_draft *d, const json_t *parent, const char *field, size_t size,
		   struct pn_texts *ret);

/** pn_json_labels() - calls @add for each entry of an object of strings */
void pn_json_labels(struct pn_draft *d, const json_t *parent, const char *field,
		    struct pn_label_list *list,
		    void (*add)(struct pn_draft *d, struct pn_label_list *list, const char *key,
				const char *value));

/** pn_json_meta() - the metadata of the object @tree */
void pn_json_meta(struct pn_draft *d, const json_t *tree, struct pn_object *meta);

#endif
