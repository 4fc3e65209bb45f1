/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of kinds. A new kind is a row here, a decoder beside decode_pod.c, and an id.
 */
#include "kube/kind.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "kube/decode.h"

static const struct pn_kind kinds[] = {
	[PN_KIND_POD] = { PN_KIND_POD, "", "v1", "Pod", "pods", "po", true, false,
			  pn_decode_pod_json, NULL },
	[PN_KIND_SERVICE] = { PN_KIND_SERVICE, "", "v1", "Service", "services", "svc", true, false,
			      pn_decode_service_json, NULL },
	[PN_KIND_NODE] = { PN_KIND_NODE, "", "v1", "Node", "nodes", "no", false, false,
			   pn_decode_node_json, NULL },
	[PN_KIND_NAMESPACE] = { PN_KIND_NAMESPACE, "", "v1", "Namespace", "namespaces", "ns", false,
				true, pn_decode_namespace_json, NULL },
	[PN_KIND_REPLICASET] = { PN_KIND_REPLICASET, "apps", "v1", "ReplicaSet", "replicasets",
				 "rs", true, true, pn_decode_replicaset_json, NULL },
};

const struct pn_kind *pn_kind_get(enum pn_kind_id id)
{
	return id < PN_ARRAY_SIZE(kinds) ? &kinds[id] : NULL;
}

/* The plural of each kind here is the singular and "s", so the kind in any case is the singular. */
const struct pn_kind *pn_kind_find(const char *name)
{
	for (unsigned int i = 0; i < PN_ARRAY_SIZE(kinds); i++) {
		const struct pn_kind *k = &kinds[i];

		if (strcasecmp(name, k->kind) == 0 || strcasecmp(name, k->plural) == 0 ||
		    strcasecmp(name, k->short_name) == 0)
			return k;
	}
	return NULL;
}

int pn_kind_new_generic(const char *group, const char *version, const char *kind,
			const char *plural, bool is_namespaced, struct pn_kind **ret)
{
	(void)group;
	(void)version;
	(void)kind;
	(void)plural;
	(void)is_namespaced;
	(void)ret;
	return -ENOTSUP;
}

void pn_kind_free(struct pn_kind *k)
{
	free(k);
}
