/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of kinds. A new kind is a row here, a decoder beside decode_pod.c, the fields that it
 * reads in json_wanted.c and pb_numbers.h, a function in object_copy.c, and an id.
 */
#include "kube/kind.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "kube/decode.h"

static const struct pn_kind kinds[] = {
	[PN_KIND_POD] = { PN_KIND_POD, "", "v1", "Pod", "pods", "po", true, false,
			  pn_decode_pod_json, pn_decode_pod_pb },
	[PN_KIND_SERVICE] = { PN_KIND_SERVICE, "", "v1", "Service", "services", "svc", true, false,
			      pn_decode_service_json, pn_decode_service_pb },
	[PN_KIND_NODE] = { PN_KIND_NODE, "", "v1", "Node", "nodes", "no", false, false,
			   pn_decode_node_json, pn_decode_node_pb },
	[PN_KIND_NAMESPACE] = { PN_KIND_NAMESPACE, "", "v1", "Namespace", "namespaces", "ns", false,
				true, pn_decode_meta_json, pn_decode_meta_pb },
	[PN_KIND_REPLICASET] = { PN_KIND_REPLICASET, "apps", "v1", "ReplicaSet", "replicasets",
				 "rs", true, true, pn_decode_meta_json, pn_decode_meta_pb },
	[PN_KIND_JOB] = { PN_KIND_JOB, "batch", "v1", "Job", "jobs", "", true, true,
			  pn_decode_meta_json, pn_decode_meta_pb },
	[PN_KIND_ENDPOINTSLICE] = { PN_KIND_ENDPOINTSLICE, "discovery.k8s.io", "v1",
				    "EndpointSlice", "endpointslices", "", true, false,
				    pn_decode_endpointslice_json, pn_decode_endpointslice_pb },
	[PN_KIND_NETWORKPOLICY] = { PN_KIND_NETWORKPOLICY, "networking.k8s.io", "v1",
				    "NetworkPolicy", "networkpolicies", "netpol", true, false,
				    pn_decode_networkpolicy_json, pn_decode_networkpolicy_pb },
};
_Static_assert(PN_ARRAY_SIZE(kinds) == PN_KIND_GENERIC, "a row for each kind but the generic one");

const struct pn_kind *pn_kind_get(enum pn_kind_id id)
{
	return id < PN_KIND_GENERIC ? &kinds[id] : NULL;
}

/* The kind in any case is the singular. */
const struct pn_kind *pn_kind_find(const char *name)
{
	for (size_t i = 0; name[0] && i < PN_ARRAY_SIZE(kinds); i++) {
		const struct pn_kind *k = &kinds[i];

		if (strcasecmp(name, k->kind) == 0 || strcasecmp(name, k->plural) == 0 ||
		    strcasecmp(name, k->short_name) == 0)
			return k;
	}
	return NULL;
}

/* A generic kind and its strings. */
struct generic {
	struct pn_kind kind;
	char text[];
};

enum { MAX_WORD = 253 };

/* Letters, digits, '-', and '.' within: what stands in a path needs no escaping. */
static bool is_word(const char *text, bool may_be_empty)
{
	size_t n = strlen(text);

	if (!n)
		return may_be_empty;
	if (n > MAX_WORD || text[0] == '.' || text[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '.')
			return false;
	return true;
}

static const char *put(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *to = memcpy(*at, text, size);

	*at += size;
	return to;
}

int pn_kind_new_generic(const char *group, const char *version, const char *kind,
			const char *plural, bool is_namespaced, struct pn_kind **ret)
{
	struct generic *g;
	char *at;

	if (!is_word(group, true) || !is_word(version, false) || !is_word(kind, false) ||
	    !is_word(plural, false) || strlen(kind) >= PN_OBJECT_KIND_LEN)
		return -EINVAL;
	g = malloc(sizeof(*g) + strlen(group) + strlen(version) + strlen(kind) + strlen(plural) +
		   4);
	if (!g)
		return -ENOMEM;
	at = g->text;
	g->kind = (struct pn_kind) {
		.id = PN_KIND_GENERIC,
		.group = put(&at, group),
		.version = put(&at, version),
		.kind = put(&at, kind),
		.plural = put(&at, plural),
		.short_name = "",
		.is_namespaced = is_namespaced,
		.decode_json = pn_decode_generic_json,
	};
	*ret = &g->kind;
	return 0;
}

void pn_kind_free(struct pn_kind *k)
{
	free(k ? PN_CONTAINER_OF(k, struct generic, kind) : NULL);
}
