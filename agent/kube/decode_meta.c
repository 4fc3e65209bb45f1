/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of which only the metadata matters: namespaces, and the ReplicaSets and Jobs between a pod
 * and its Deployment or CronJob.
 */
#include "kube/json_fields.h"
#include "kube/kind.h"
#include "kube/pb_fields.h"
#include "kube/pb_numbers.h"

int pn_decode_meta_json(const struct pn_decoding *decoding, const json_t *tree,
			struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_object meta = { 0 };
	struct pn_draft d;

	pn_draft_begin(&d, decoding, reterr, &meta, decoding->kind->id);
	pn_json_meta(&d, tree, &meta);
	return pn_draft_finish(&d, &meta, ret);
}

int pn_decode_meta_pb(const struct pn_decoding *decoding, const uint8_t *bytes, size_t len,
		      struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_pb m = pn_pb_from(bytes, len);
	struct pn_object meta = { 0 };
	struct pn_pb_field f;
	struct pn_draft d;

	pn_draft_begin(&d, decoding, reterr, &meta, decoding->kind->id);
	while (pn_pb_next(&d, &m, &f))
		if (f.number == PB_OBJECT_METADATA)
			pn_pb_meta(&d, &f, &meta);
	return pn_draft_finish(&d, &meta, ret);
}
