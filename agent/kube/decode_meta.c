/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of which only the metadata matters: namespaces, and the ReplicaSets between a pod and its
 * Deployment.
 */
#include "kube/json_fields.h"

#include <errno.h>

static int decode(enum pn_kind_id kind, const json_t *tree, struct pn_object **ret,
		  struct pn_err *reterr)
{
	struct pn_json_reader rd = { .err = reterr };
	struct pn_object *obj;
	struct pn_meta meta;

	pn_json_meta(&rd, tree, &meta);
	if (rd.error)
		return rd.error;
	obj = pn_object_new(kind, sizeof(*obj), &meta);
	if (!obj)
		return -ENOMEM;
	*ret = obj;
	return 0;
}

int pn_decode_namespace_json(const struct pn_decoding *decoding, const json_t *tree,
			     struct pn_object **ret, struct pn_err *reterr)
{
	(void)decoding;
	return decode(PN_KIND_NAMESPACE, tree, ret, reterr);
}

int pn_decode_replicaset_json(const struct pn_decoding *decoding, const json_t *tree,
			      struct pn_object **ret, struct pn_err *reterr)
{
	(void)decoding;
	return decode(PN_KIND_REPLICASET, tree, ret, reterr);
}
