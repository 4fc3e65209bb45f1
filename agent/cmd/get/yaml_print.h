/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_GET_YAML_PRINT_H
#define PN_CMD_GET_YAML_PRINT_H

#include <jansson.h>
#include <stdio.h>

/*
 * JSON trees as YAML, in the style of kubectl: keys in order, strings without quotes where their
 * meaning stays the same. One document, or a list that is written while its items come.
 */
struct pn_yaml_out;

/** pn_yaml_out_new() - Return: NULL without memory */
struct pn_yaml_out *pn_yaml_out_new(FILE *out);
void pn_yaml_out_free(struct pn_yaml_out *y);

/** pn_yaml_document() - the next document of the stream. Return: 0 or a negative errno, as all below */
int pn_yaml_document(struct pn_yaml_out *y, json_t *tree);

/** pn_yaml_list_begin(), _item(), _end() - a document {apiVersion: v1, items: [...], kind: List} */
int pn_yaml_list_begin(struct pn_yaml_out *y);
int pn_yaml_list_item(struct pn_yaml_out *y, json_t *tree);
int pn_yaml_list_end(struct pn_yaml_out *y);

#endif
