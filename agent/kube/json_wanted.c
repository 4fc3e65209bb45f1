/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which members of an object's JSON are read at all, for each kind: what the decoders ask for, and
 * what wire.c asks of bookmarks and errors. A field that is missing here is never seen by a decoder.
 */
#include "kube/json_trim.h"

#define SET(name, ...)                                                                          \
	static const struct pn_json_wanted name##_members[] = { __VA_ARGS__ };                  \
	static const struct pn_json_set name = { name##_members, PN_ARRAY_SIZE(name##_members), \
						 false }
#define ALL(key)                                           \
	{                                                  \
		key, sizeof(key) - 1, NULL, PN_JSON_ALWAYS \
	}
#define OF(key, set)                                         \
	{                                                    \
		key, sizeof(key) - 1, &(set), PN_JSON_ALWAYS \
	}
#define LABELS                                                               \
	{                                                                    \
		"labels", sizeof("labels") - 1, NULL, PN_JSON_IF_KEPT_LABELS \
	}
#define ANNOTATIONS                                                                         \
	{                                                                                   \
		"annotations", sizeof("annotations") - 1, NULL, PN_JSON_IF_KEPT_ANNOTATIONS \
	}

SET(annotations, ALL("k8s.io/initial-events-end"));
SET(owners, ALL("kind"), ALL("name"), ALL("uid"), ALL("controller"));

#define METADATA                                                                                   \
	ALL("name"), ALL("namespace"), ALL("uid"), ALL("resourceVersion"), LABELS,                 \
		ALL("creationTimestamp"), ALL("deletionTimestamp"), OF("ownerReferences", owners), \
		ANNOTATIONS, OF("annotations", annotations)
/* What every object has, and what a Status has in its place. */
#define COMMON(metadata)                                                                   \
	ALL("kind"), OF("metadata", metadata), ALL("code"), ALL("reason"), ALL("message"), \
		ALL("details")

SET(metadata, METADATA);
SET(meta_only, COMMON(metadata));

SET(container_port, ALL("name"), ALL("hostPort"), ALL("containerPort"), ALL("protocol"));
SET(container, OF("ports", container_port));
SET(init_container, OF("ports", container_port), ALL("restartPolicy"));
SET(pod_spec, ALL("nodeName"), ALL("hostNetwork"), OF("containers", container),
    OF("initContainers", init_container));
SET(pod_status, ALL("phase"), ALL("hostIP"), ALL("hostIPs"), ALL("podIP"), ALL("podIPs"),
    ALL("startTime"));
SET(pod, COMMON(metadata), OF("spec", pod_spec), OF("status", pod_status));

SET(service_port, ALL("name"), ALL("port"), ALL("nodePort"), ALL("protocol"));
SET(service_spec, ALL("type"), ALL("clusterIP"), ALL("clusterIPs"), ALL("externalIPs"),
    OF("ports", service_port));
SET(ingress, ALL("ip"));
SET(load_balancer, OF("ingress", ingress));
SET(service_status, OF("loadBalancer", load_balancer));
SET(service, COMMON(metadata), OF("spec", service_spec), OF("status", service_status));

SET(node_spec, ALL("podCIDR"), ALL("podCIDRs"));
SET(node_address, ALL("type"), ALL("address"));
SET(node_status, OF("addresses", node_address));
SET(node, COMMON(metadata), OF("spec", node_spec), OF("status", node_status));

SET(slice_labels, ALL("kubernetes.io/service-name"));
SET(slice_metadata, METADATA, OF("labels", slice_labels));
SET(target_ref, ALL("kind"), ALL("namespace"), ALL("name"));
SET(endpoint, ALL("addresses"), ALL("conditions"), OF("targetRef", target_ref), ALL("nodeName"),
    ALL("zone"));
SET(endpoint_port, ALL("name"), ALL("port"), ALL("protocol"));
SET(endpointslice, COMMON(slice_metadata), ALL("addressType"), OF("endpoints", endpoint),
    OF("ports", endpoint_port));

SET(networkpolicy, COMMON(metadata), ALL("spec"));

static const struct pn_json_wanted generic_metadata_members[] = {
	{ "managedFields", sizeof("managedFields") - 1, NULL, PN_JSON_NEVER },
};
static const struct pn_json_set generic_metadata = { generic_metadata_members, 1, true };
static const struct pn_json_wanted generic_members[] = { OF("metadata", generic_metadata) };
static const struct pn_json_set generic = { generic_members, 1, true };

#define EVENT(name) SET(name##_event, ALL("type"), OF("object", name))
EVENT(meta_only);
EVENT(pod);
EVENT(service);
EVENT(node);
EVENT(endpointslice);
EVENT(networkpolicy);
EVENT(generic);

static const struct {
	const struct pn_json_set *object, *event;
} kinds[] = {
	[PN_KIND_POD] = { &pod, &pod_event },
	[PN_KIND_SERVICE] = { &service, &service_event },
	[PN_KIND_NODE] = { &node, &node_event },
	[PN_KIND_NAMESPACE] = { &meta_only, &meta_only_event },
	[PN_KIND_REPLICASET] = { &meta_only, &meta_only_event },
	[PN_KIND_JOB] = { &meta_only, &meta_only_event },
	[PN_KIND_ENDPOINTSLICE] = { &endpointslice, &endpointslice_event },
	[PN_KIND_NETWORKPOLICY] = { &networkpolicy, &networkpolicy_event },
	[PN_KIND_GENERIC] = { &generic, &generic_event },
};
_Static_assert(PN_ARRAY_SIZE(kinds) == PN_KIND_MAX, "a row for each kind");

const struct pn_json_set *pn_json_wanted_object(const struct pn_kind *kind)
{
	return kinds[kind->id].object;
}

const struct pn_json_set *pn_json_wanted_event(const struct pn_kind *kind)
{
	return kinds[kind->id].event;
}
