/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of a kind that has no struct: kept as the text of their JSON, without the bookkeeping of
 * who changed which field. They are only read as JSON.
 */
#include <errno.h>
#include <string.h>

#include "kube/json_fields.h"
#include "kube/kind.h"

static void free_tree(json_t **tree)
{
	json_decref(*tree);
}

/* Return: @tree itself if it has none, else a shallow copy of what is needed; NULL without memory */
static json_t *without_managed_fields(const json_t *tree)
{
	json_t *mine = (json_t *)(uintptr_t)tree, *copy, *meta = json_object_get(tree, "metadata");

	if (!json_object_get(meta, "managedFields"))
		return json_incref(mine);
	copy = json_copy(mine);
	meta = json_copy(meta);
	(void)json_object_del(meta, "managedFields");
	if (json_object_set_new(copy, "metadata", meta) < 0) {
		json_decref(copy);
		return NULL;
	}
	return copy;
}

int pn_decode_generic_json(const struct pn_decoding *decoding, const json_t *tree,
			   struct pn_object **ret, struct pn_err *reterr)
{
	PN_CLEANUP(free_tree) json_t *slim = without_managed_fields(tree);
	PN_CLEANUP(pn_freep) char *text = slim ? json_dumps(slim, JSON_COMPACT) : NULL;
	struct pn_generic g = { .json = text };
	struct pn_draft d;

	if (!text)
		return -ENOMEM;
	g.len = strlen(text);
	pn_draft_begin(&d, decoding, reterr, &g.meta, PN_KIND_GENERIC);
	pn_json_meta(&d, tree, &g.meta);
	return pn_draft_finish(&d, &g.meta, ret);
}
