/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_YAML_STREAM_H
#define PN_CMD_POLICY_YAML_STREAM_H

#include <stdio.h>

#include "base/err.h"

/**
 * pn_yaml_stream() - the objects of YAML documents as JSON, one at a time
 * @object: the outer map of a document, or each entry of its list "items"; @line: where it begins.
 *          A negative errno ends the reading with that result.
 * @kind:   what the document has said of its kind so far, for entries that say none; "" if nothing
 *
 * Holds one object, of at most PN_FRAMING_MAX_OBJECT bytes of JSON. Aliases are resolved.
 *
 * Return: 0, what @object returned, -ENOMEM, or -EINVAL with @reterr, which names the line
 */
int pn_yaml_stream(FILE *in,
		   int (*object)(void *data, const char *json, size_t len, size_t line,
				 const char *kind),
		   void *data, struct pn_err *reterr);

#endif
