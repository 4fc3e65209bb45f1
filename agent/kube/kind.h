/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_KIND_H
#define PN_KUBE_KIND_H

#include <jansson.h>

#include "base/err.h"
#include "kube/objects.h"

/**
 * struct pn_kind - a row in the table of kinds: all that the rest of kube knows about one
 * @id:             index in the table
 * @kind, @plural:  "Pod", "pods"
 * @short_name:     what kubectl takes as well: "po"
 * @api_path:       "/api/v1/pods": the collection over all namespaces
 * @metadata_only:  ask the server for PartialObjectMetadata
 * @decode_json:    one object's tree, borrowed, into a new object with one reference.
 *                  Return: 0, -ENOMEM, or -EINVAL with @reterr saying which field
 */
struct pn_kind {
	enum pn_kind_id id;
	const char *kind, *plural, *short_name, *api_path;
	bool metadata_only;
	int (*decode_json)(const json_t *tree, struct pn_object **ret, struct pn_err *reterr);
};

const struct pn_kind *pn_kind_get(enum pn_kind_id id);

/** pn_kind_find() - by kind, plural, singular or short name, any case. Return: NULL if unknown */
const struct pn_kind *pn_kind_find(const char *name);

#endif
