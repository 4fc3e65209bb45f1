/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_PB_NUMBERS_H
#define PN_KUBE_PB_NUMBERS_H

/*
 * The fields that are read of the API's messages, by the numbers they have in the files
 * generated.proto of k8s.io/api and k8s.io/apimachinery. Nothing else of a message is looked at.
 */

/* runtime: Unknown, TypeMeta */
enum { PB_UNKNOWN_TYPE_META = 1, PB_UNKNOWN_RAW = 2, PB_UNKNOWN_CONTENT_ENCODING = 3 };
enum { PB_TYPE_META_KIND = 2 };

/* meta/v1: WatchEvent, and in its object RawExtension */
enum { PB_WATCH_EVENT_TYPE = 1, PB_WATCH_EVENT_OBJECT = 2 };
enum { PB_RAW_EXTENSION_RAW = 1 };

/* every list and every object; PartialObjectMetadata and its list too */
enum { PB_LIST_METADATA = 1, PB_LIST_ITEMS = 2 };
enum { PB_OBJECT_METADATA = 1, PB_OBJECT_SPEC = 2, PB_OBJECT_STATUS = 3 };

/* meta/v1: ListMeta, ObjectMeta, OwnerReference, Time */
enum { PB_LIST_META_RESOURCE_VERSION = 2, PB_LIST_META_CONTINUE = 3 };
enum {
	PB_META_NAME = 1,
	PB_META_NAMESPACE = 3,
	PB_META_UID = 5,
	PB_META_RESOURCE_VERSION = 6,
	PB_META_CREATION_TIMESTAMP = 8,
	PB_META_DELETION_TIMESTAMP = 9,
	PB_META_LABELS = 11,
	PB_META_ANNOTATIONS = 12,
	PB_META_OWNER_REFERENCES = 13,
};
enum { PB_OWNER_KIND = 1, PB_OWNER_NAME = 3, PB_OWNER_UID = 4, PB_OWNER_CONTROLLER = 6 };
enum { PB_TIME_SECONDS = 1 };

/* an entry of any map */
enum { PB_ENTRY_KEY = 1, PB_ENTRY_VALUE = 2 };

/* meta/v1: Status, StatusDetails, StatusCause */
enum {
	PB_STATUS_MESSAGE = 3,
	PB_STATUS_REASON = 4,
	PB_STATUS_DETAILS = 5,
	PB_STATUS_CODE = 6,
};
enum { PB_DETAILS_CAUSES = 4, PB_DETAILS_RETRY_AFTER_SECONDS = 5 };
enum { PB_CAUSE_REASON = 1, PB_CAUSE_MESSAGE = 2 };

/* meta/v1: LabelSelector, LabelSelectorRequirement */
enum { PB_SELECTOR_MATCH_LABELS = 1, PB_SELECTOR_MATCH_EXPRESSIONS = 2 };
enum { PB_REQUIREMENT_KEY = 1, PB_REQUIREMENT_OPERATOR = 2, PB_REQUIREMENT_VALUES = 3 };

/* util/intstr: IntOrString; its types */
enum { PB_INT_OR_STRING_TYPE = 1, PB_INT_OR_STRING_INT = 2, PB_INT_OR_STRING_STRING = 3 };
enum { PB_INT_OR_STRING_IS_STRING = 1 };

/* core/v1: PodSpec, Container, ContainerPort, PodStatus, PodIP, HostIP */
enum {
	PB_POD_SPEC_CONTAINERS = 2,
	PB_POD_SPEC_NODE_NAME = 10,
	PB_POD_SPEC_HOST_NETWORK = 11,
	PB_POD_SPEC_INIT_CONTAINERS = 20,
};
enum { PB_CONTAINER_PORTS = 6, PB_CONTAINER_RESTART_POLICY = 24 };
enum {
	PB_CONTAINER_PORT_NAME = 1,
	PB_CONTAINER_PORT_HOST = 2,
	PB_CONTAINER_PORT_CONTAINER = 3,
	PB_CONTAINER_PORT_PROTOCOL = 4
};
enum {
	PB_POD_STATUS_PHASE = 1,
	PB_POD_STATUS_HOST_IP = 5,
	PB_POD_STATUS_POD_IP = 6,
	PB_POD_STATUS_START_TIME = 7,
	PB_POD_STATUS_POD_IPS = 12,
	PB_POD_STATUS_HOST_IPS = 16,
};
enum { PB_POD_IP_IP = 1 };
enum { PB_HOST_IP_IP = 1 };

/* core/v1: ServiceSpec, ServicePort, ServiceStatus, LoadBalancerStatus, LoadBalancerIngress */
enum {
	PB_SERVICE_SPEC_PORTS = 1,
	PB_SERVICE_SPEC_CLUSTER_IP = 3,
	PB_SERVICE_SPEC_TYPE = 4,
	PB_SERVICE_SPEC_EXTERNAL_IPS = 5,
	PB_SERVICE_SPEC_CLUSTER_IPS = 18,
};
enum {
	PB_SERVICE_PORT_NAME = 1,
	PB_SERVICE_PORT_PROTOCOL = 2,
	PB_SERVICE_PORT_PORT = 3,
	PB_SERVICE_PORT_NODE_PORT = 5,
};
enum { PB_SERVICE_STATUS_LOAD_BALANCER = 1 };
enum { PB_LOAD_BALANCER_INGRESS = 1 };
enum { PB_INGRESS_IP = 1 };

/* core/v1: NodeSpec, NodeStatus, NodeAddress */
enum { PB_NODE_SPEC_POD_CIDR = 1, PB_NODE_SPEC_POD_CIDRS = 7 };
enum { PB_NODE_STATUS_ADDRESSES = 5 };
enum { PB_NODE_ADDRESS_TYPE = 1, PB_NODE_ADDRESS_ADDRESS = 2 };

/* discovery/v1: EndpointSlice, Endpoint, EndpointConditions, EndpointPort; core/v1: ObjectReference */
enum { PB_SLICE_ENDPOINTS = 2, PB_SLICE_PORTS = 3, PB_SLICE_ADDRESS_TYPE = 4 };
enum {
	PB_ENDPOINT_ADDRESSES = 1,
	PB_ENDPOINT_CONDITIONS = 2,
	PB_ENDPOINT_TARGET_REF = 4,
	PB_ENDPOINT_NODE_NAME = 6,
	PB_ENDPOINT_ZONE = 7,
};
enum { PB_CONDITIONS_READY = 1, PB_CONDITIONS_SERVING = 2, PB_CONDITIONS_TERMINATING = 3 };
enum { PB_ENDPOINT_PORT_NAME = 1, PB_ENDPOINT_PORT_PROTOCOL = 2, PB_ENDPOINT_PORT_PORT = 3 };
enum { PB_REFERENCE_KIND = 1, PB_REFERENCE_NAMESPACE = 2, PB_REFERENCE_NAME = 3 };

/*
 * networking/v1: NetworkPolicySpec, its rules for both directions, NetworkPolicyPort,
 * NetworkPolicyPeer, IPBlock
 */
enum {
	PB_POLICY_SPEC_POD_SELECTOR = 1,
	PB_POLICY_SPEC_INGRESS = 2,
	PB_POLICY_SPEC_EGRESS = 3,
	PB_POLICY_SPEC_POLICY_TYPES = 4,
};
enum { PB_POLICY_RULE_PORTS = 1, PB_POLICY_RULE_PEERS = 2 };
enum { PB_POLICY_PORT_PROTOCOL = 1, PB_POLICY_PORT_PORT = 2, PB_POLICY_PORT_END_PORT = 3 };
enum {
	PB_POLICY_PEER_POD_SELECTOR = 1,
	PB_POLICY_PEER_NAMESPACE_SELECTOR = 2,
	PB_POLICY_PEER_IP_BLOCK = 3,
};
enum { PB_IP_BLOCK_CIDR = 1, PB_IP_BLOCK_EXCEPT = 2 };

#endif
