/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_YAML_SCALAR_H
#define PN_KUBE_YAML_SCALAR_H

#include <stdbool.h>

#include "base/buf.h"

/* Scalars of YAML as JSON, by the core schema of YAML 1.2, as far as JSON has it. */

/** pn_yaml_quote() - any text as a JSON string. Return: as pn_buf_put() */
int pn_yaml_quote(struct pn_buf *out, const char *text, size_t len);

/**
 * pn_yaml_scalar() - a scalar as what it means: null, true, false, a number, or a string
 * @text:     NUL-terminated behind @len bytes; more NULs may be among them
 * @is_plain: without quotes: only then it can be anything but a string
 *
 * Return: as pn_buf_put()
 */
int pn_yaml_scalar(struct pn_buf *out, const char *text, size_t len, bool is_plain);

/** pn_yaml_is_null() - does a plain scalar mean null? */
bool pn_yaml_is_null(const char *text);

#endif
