/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_GET_JSON_PRINT_H
#define PN_CMD_GET_JSON_PRINT_H

#include <jansson.h>
#include <stdio.h>

/*
 * JSON trees as indented JSON, byte for byte as kubectl writes them: keys in order, four spaces,
 * and the characters that mean something in HTML escaped.
 */

/** pn_json_print() - @tree, its first line where the output stands, the others @depth steps in. Return: 0 or -ENOMEM */
int pn_json_print(FILE *out, json_t *tree, unsigned int depth);

/** pn_json_sorted_keys() - borrowed from @object; to be freed. Return: NULL without memory */
const char **pn_json_sorted_keys(json_t *object);

/** pn_json_format_real() - as few digits as lead back to the same value */
void pn_json_format_real(double value, char buf[static 64]);

#endif
