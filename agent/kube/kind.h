/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_KIND_H
#define PN_KUBE_KIND_H

#include <jansson.h>

#include <podonym/objects.h>

#include "base/err.h"

/**
 * struct pn_decoding - what an informer wants of its objects, handed to each decoder
 * @kind:        what is decoded
 * @keep_labels: fill in pn_object.labels
 * @annotations: NULL, or the names of those to keep, NULL at the end
 */
struct pn_decoding {
	const struct pn_kind *kind;
	bool keep_labels;
	const char *const *annotations;
};

/**
 * struct pn_kind - all that the rest of kube knows about a kind: a row in the table, or made for a
 *                  custom resource
 * @id:              index in the table; PN_KIND_GENERIC for a custom resource
 * @group, @version: "" and "v1" for the core group
 * @kind, @plural:   "Pod", "pods"
 * @short_name:      what kubectl takes as well: "po"
 * @is_namespaced:   its objects live in namespaces
 * @metadata_only:   only the metadata is of interest: ask the server for PartialObjectMetadata
 * @decode_json:     one object's tree, borrowed, into a new object with one reference
 * @decode_protobuf: the same of one message's bytes; NULL: this kind is only read as JSON
 *
 * Decoders return 0, -ENOMEM, or with @reterr -EINVAL, which says the field, or -EBADMSG for bytes that
 * are no message. Both fill the same fields.
 */
struct pn_kind {
	enum pn_kind_id id;
	const char *group, *version, *kind, *plural, *short_name;
	bool is_namespaced, metadata_only;
	int (*decode_json)(const struct pn_decoding *d, const json_t *tree, struct pn_object **ret,
			   struct pn_err *reterr);
	int (*decode_protobuf)(const struct pn_decoding *d, const uint8_t *bytes, size_t len,
			       struct pn_object **ret, struct pn_err *reterr);
};

/** pn_kind_get() - a row of the table. Return: NULL for PN_KIND_GENERIC and beyond */
const struct pn_kind *pn_kind_get(enum pn_kind_id id);

/** pn_kind_find() - by kind, plural, singular or short name, any case. Return: NULL if not in the table */
const struct pn_kind *pn_kind_find(const char *name);

/**
 * pn_kind_new_generic() - a kind whose objects stay JSON (struct pn_generic), built-in ones too
 *
 * Strings are copied. Return: 0, -ENOMEM, or -EINVAL for text that cannot stand in a URL's path
 */
int pn_kind_new_generic(const char *group, const char *version, const char *kind,
			const char *plural, bool is_namespaced, struct pn_kind **ret);

/** pn_kind_free() - only for what pn_kind_new_generic() made; NULL is allowed */
void pn_kind_free(struct pn_kind *k);

#endif
