/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PODONYM_OBJECTS_H
#define PODONYM_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <podonym/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What is kept of the Kubernetes API's objects: immutable, counted, small. Only the library makes
 * them, so fields may be added at the end of each struct. Strings are never NULL; an absent field
 * is "". Lists are NULL when they are empty. Field names are those of the Kubernetes API (v1).
 *
 * Any thread may read an object that it has a reference to, or that it found within a read section
 * (informer.h), and any thread may give a reference back.
 */

enum pn_kind_id {
	PN_KIND_POD,
	PN_KIND_SERVICE,
	PN_KIND_NODE,
	PN_KIND_NAMESPACE,
	PN_KIND_REPLICASET,
	PN_KIND_JOB,
	PN_KIND_ENDPOINTSLICE,
	PN_KIND_NETWORKPOLICY,
	PN_KIND_GENERIC, /* any other kind, as JSON */
	PN_KIND_MAX,	 /* sentinel */
};

/** Limits for what one object may hold; what is beyond is left out and counted in `n_refused`. */
enum {
	PN_MAX_ADDRS = 64,    /* of a pod, service, node or endpoint */
	PN_MAX_PORTS = 256,   /* of a pod (host ports), service, slice or policy rule */
	PN_MAX_LABELS = 1024, /* of an object */
};

/** struct pn_controller - the ownerReference with controller: true; all "" if there is none */
struct pn_controller {
	const char *kind, *name, *uid;
};

struct pn_label {
	const char *key, *value;
};

/**
 * struct pn_object - the metadata that every object has; the first member of each kind's struct
 * @n_refs:     for pn_object_ref() and pn_object_unref() alone
 * @kind:       enum pn_kind_id
 * @terminating: deletionTimestamp is set
 * @n_refused:  entries left out: malformed or too many
 * @name_space: "" for cluster scope
 * @created_s:  creationTimestamp, seconds since 1970; 0 if absent
 * @controller: never NULL; equal controllers of different objects are the same pointer
 * @labels:     in the order of their keys, then @n_annotations annotations in that of theirs; only
 *              kept where the informer was told to
 */
struct pn_object {
	uint32_t n_refs;
	uint8_t kind;
	bool terminating;
	uint16_t n_refused;
	const char *name_space;
	const char *name, *uid, *resource_version;
	int64_t created_s;
	const struct pn_controller *controller;
	const struct pn_label *labels;
	uint32_t n_labels, n_annotations;
};

enum pn_pod_phase {
	PN_POD_PHASE_UNKNOWN,
	PN_POD_PENDING,
	PN_POD_RUNNING,
	PN_POD_SUCCEEDED,
	PN_POD_FAILED,
	PN_POD_PHASE_MAX, /* sentinel */
};

struct pn_host_port {
	uint16_t host_port, container_port; /* host byte order */
	uint8_t proto;			    /* IPPROTO_* */
};

/**
 * struct pn_named_port - a container port that network policies can name
 * @is_init: of an init container that goes on beside the others (restartPolicy: Always)
 */
struct pn_named_port {
	const char *name;
	uint16_t port; /* host byte order */
	uint8_t proto; /* IPPROTO_* */
	bool is_init;
};

/**
 * struct pn_pod
 * @phase:        enum pn_pod_phase
 * @start_time_s: status.startTime, seconds since 1970; 0 if absent
 * @addrs:        podIPs, or podIP where podIPs is absent; no duplicates
 * @host_ports:   of all containers, init containers included
 * @host_addrs:   of its node: hostIPs, or hostIP where hostIPs is absent
 * @named_ports:  container ports with a name; of init containers only those that go on running
 */
struct pn_pod {
	struct pn_object meta;
	uint8_t phase;
	bool host_network;
	uint16_t n_addrs, n_host_ports, n_host_addrs;
	int64_t start_time_s;
	const char *node_name;
	const struct pn_addr *addrs;
	const struct pn_host_port *host_ports;
	const struct pn_addr *host_addrs;
	uint32_t n_named_ports;
	const struct pn_named_port *named_ports;
};

struct pn_service_port {
	const char *name;
	uint16_t port, node_port; /* host byte order; node_port 0: none */
	uint8_t proto;		  /* IPPROTO_* */
};

/**
 * struct pn_service
 * @type:  "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
 * @addrs: clusterIPs, externalIPs, load balancer ingress; none if headless
 */
struct pn_service {
	struct pn_object meta;
	uint32_t n_addrs, n_ports;
	const char *type;
	const struct pn_addr *addrs;
	const struct pn_service_port *ports;
};

/** struct pn_cidr - a network: the first @prefix_len bits of @addr, of all 128 also for IPv4 */
struct pn_cidr {
	struct pn_addr addr;
	uint8_t prefix_len; /* 96 and more for IPv4 */
};

/**
 * struct pn_node
 * @addrs:     status.addresses of type InternalIP and ExternalIP
 * @pod_cidrs: spec.podCIDRs, or podCIDR where podCIDRs is absent
 */
struct pn_node {
	struct pn_object meta;
	uint32_t n_addrs, n_pod_cidrs;
	const struct pn_addr *addrs;
	const struct pn_cidr *pod_cidrs;
};

/* Of these only the metadata matters. */
struct pn_namespace {
	struct pn_object meta;
};

struct pn_replicaset {
	struct pn_object meta;
};

struct pn_job {
	struct pn_object meta;
};

/**
 * struct pn_endpoint - one entry of a slice
 * @ready, @serving: true where the API leaves them unset
 * @target_kind, @target_namespace, @target_name: targetRef: mostly a Pod; "" if there is none
 */
struct pn_endpoint {
	uint32_t n_addrs;
	bool ready, serving, terminating;
	const struct pn_addr *addrs;
	const char *node_name, *zone;
	const char *target_kind, *target_namespace, *target_name;
};

struct pn_endpoint_port {
	const char *name;
	uint16_t port; /* host byte order; 0: every port */
	uint8_t proto; /* IPPROTO_* */
};

/**
 * struct pn_endpointslice
 * @address_type: "IPv4", "IPv6" or "FQDN"; of the latter no address is kept
 * @service:      the label kubernetes.io/service-name; "" if there is none
 */
struct pn_endpointslice {
	struct pn_object meta;
	const char *address_type, *service;
	uint32_t n_endpoints, n_ports;
	const struct pn_endpoint *endpoints;
	const struct pn_endpoint_port *ports;
};

enum pn_selector_op {
	PN_SELECTOR_IN,
	PN_SELECTOR_NOT_IN,
	PN_SELECTOR_EXISTS,
	PN_SELECTOR_DOES_NOT_EXIST,
	PN_SELECTOR_OP_MAX, /* sentinel */
};

struct pn_label_requirement {
	const char *key;
	enum pn_selector_op op;
	uint32_t n_values;
	const char *const *values;
};

/** struct pn_label_selector - matchLabels and matchExpressions, all of which must hold; an empty one selects all */
struct pn_label_selector {
	uint32_t n_labels, n_requirements;
	const struct pn_label *labels;
	const struct pn_label_requirement *requirements;
};

/**
 * struct pn_policy_port
 * @port, @end_port: host byte order, a range with both ends in it; both 0: every port
 * @port_name:       a container port by name instead of @port; "" if there is none
 */
struct pn_policy_port {
	uint16_t port, end_port;
	uint8_t proto; /* IPPROTO_* */
	const char *port_name;
};

/**
 * struct pn_policy_peer - @pods and @namespaces, or @block
 * @pods, @namespaces: NULL where the API leaves them unset, which is not the same as empty
 * @block:             NULL, or the network
 * @except:            parts of @block that are left out
 */
struct pn_policy_peer {
	const struct pn_label_selector *pods, *namespaces;
	const struct pn_cidr *block;
	const struct pn_cidr *except;
	uint32_t n_except;
};

/** struct pn_policy_rule - no ports: every port; no peers: everybody */
struct pn_policy_rule {
	uint32_t n_ports, n_peers;
	const struct pn_policy_port *ports;
	const struct pn_policy_peer *peers;
};

/**
 * struct pn_networkpolicy - a NetworkPolicy (networking.k8s.io/v1)
 * @is_ingress, @is_egress: policyTypes; where they are absent what the API says they default to
 * @is_invalid: something in it cannot be understood (counted in n_refused): a verdict that rests
 *              on it is not to be trusted
 * @refusal:    what that is first, in words that live for ever; "" if nothing
 */
struct pn_networkpolicy {
	struct pn_object meta;
	bool is_ingress, is_egress, is_invalid;
	struct pn_label_selector pods;
	uint32_t n_ingress, n_egress;
	const struct pn_policy_rule *ingress, *egress;
	const char *refusal;
};

/**
 * struct pn_generic - an object of a kind that the library has no struct for
 * @json: the whole object without metadata.managedFields, compact, NUL-terminated
 * @len:  bytes without the NUL
 *
 * jansson's json_loadb(json, len, JSON_ALLOW_NUL, ...) makes a tree of it.
 */
struct pn_generic {
	struct pn_object meta;
	const char *json;
	size_t len;
};

/** pn_object_ref() - one more reference. Return: @o */
const struct pn_object *pn_object_ref(const struct pn_object *o);

/** pn_object_unref() - give a reference back; NULL is allowed */
void pn_object_unref(const struct pn_object *o);

/** Downcasts; NULL for NULL and for an object of another kind. */
const struct pn_pod *pn_object_pod(const struct pn_object *o);
const struct pn_service *pn_object_service(const struct pn_object *o);
const struct pn_node *pn_object_node(const struct pn_object *o);
const struct pn_namespace *pn_object_namespace(const struct pn_object *o);
const struct pn_replicaset *pn_object_replicaset(const struct pn_object *o);
const struct pn_job *pn_object_job(const struct pn_object *o);
const struct pn_endpointslice *pn_object_endpointslice(const struct pn_object *o);
const struct pn_networkpolicy *pn_object_networkpolicy(const struct pn_object *o);
const struct pn_generic *pn_object_generic(const struct pn_object *o);

/** pn_object_label() - Return: the value of a label that was kept; NULL if there is none */
const char *pn_object_label(const struct pn_object *o, const char *key);

/** pn_object_annotation() - Return: the value of an annotation that was kept; NULL if there is none */
const char *pn_object_annotation(const struct pn_object *o, const char *key);

/** pn_pod_phase_name() - as in the API: "Pending", "Running", ... */
const char *pn_pod_phase_name(enum pn_pod_phase phase);

/** Longest key: namespace (63), '/', name (253), NUL. */
#define PN_KEY_LEN (63 + 1 + 253 + 1)

/** pn_object_key() - "namespace/name", or "name" for cluster scope. Return: @buf, of PN_KEY_LEN bytes */
const char *pn_object_key(const struct pn_object *o, char *buf);

#ifdef __cplusplus
}
#endif

#endif
