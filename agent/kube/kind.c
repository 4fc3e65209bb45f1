/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of kinds. A new kind is a row here, a decoder beside decode_pod.c, and an id.
 */
#include "kube/kind.h"

#include <string.h>
#include <strings.h>

#include "kube/decode.h"

static const struct pn_kind kinds[] = {
	[PN_KIND_POD] = { PN_KIND_POD, "Pod", "pods", "po", "/api/v1/pods", false,
			  pn_decode_pod_json },
	[PN_KIND_SERVICE] = { PN_KIND_SERVICE, "Service", "services", "svc", "/api/v1/services",
			      false, pn_decode_service_json },
	[PN_KIND_NODE] = { PN_KIND_NODE, "Node", "nodes", "no", "/api/v1/nodes", false,
			   pn_decode_node_json },
	[PN_KIND_NAMESPACE] = { PN_KIND_NAMESPACE, "Namespace", "namespaces", "ns",
				"/api/v1/namespaces", true, pn_decode_namespace_json },
	[PN_KIND_REPLICASET] = { PN_KIND_REPLICASET, "ReplicaSet", "replicasets", "rs",
				 "/apis/apps/v1/replicasets", true, pn_decode_replicaset_json },
};
_Static_assert(PN_ARRAY_SIZE(kinds) == PN_KIND_MAX, "a row for each kind");

const struct pn_kind *pn_kind_get(enum pn_kind_id id)
{
	return id < PN_KIND_MAX ? &kinds[id] : NULL;
}

/* The plural of each kind here is the singular and "s", so the kind in any case is the singular. */
const struct pn_kind *pn_kind_find(const char *name)
{
	for (unsigned int i = 0; i < PN_KIND_MAX; i++) {
		const struct pn_kind *k = &kinds[i];

		if (strcasecmp(name, k->kind) == 0 || strcasecmp(name, k->plural) == 0 ||
		    strcasecmp(name, k->short_name) == 0)
			return k;
	}
	return NULL;
}
