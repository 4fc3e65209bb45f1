/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_OBJECTS_H
#define PN_KUBE_OBJECTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * What podonym keeps of the API's objects: immutable, counted, small. A decoder builds one, the
 * store holds it, handlers and the index take references. Strings are never NULL; an absent field
 * is "". Field names are those of the Kubernetes API.
 *
 * Any thread may read an object it has a reference to, and give that reference back.
 */

enum pn_kind_id {
	PN_KIND_POD,
	PN_KIND_SERVICE,
	PN_KIND_NODE,
	PN_KIND_NAMESPACE,
	PN_KIND_REPLICASET,
	PN_KIND_MAX, /* sentinel */
};

/** Limits for what one object may hold; what is beyond is left out and counted in `n_refused`. */
enum {
	PN_MAX_ADDRS = 64,
	PN_MAX_PORTS = 256,
};

/** struct pn_controller - the ownerReference with controller: true; kind is "" if there is none */
struct pn_controller {
	const char *kind, *name; /* interned */
	const char *uid;	 /* in the object's own memory */
};

struct pn_object {
	atomic_uint n_refs;
	enum pn_kind_id kind;
	uint32_t n_refused;	/* addresses and ports left out: malformed or too many */
	const char *name_space; /* interned; "" for cluster scope */
	const char *name, *uid, *resource_version;
	int64_t created_s; /* creationTimestamp, seconds since 1970; 0 if absent */
	struct pn_controller controller;
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

struct pn_pod {
	struct pn_object meta;
	enum pn_pod_phase phase;
	bool host_network;
	bool terminating;      /* deletionTimestamp is set */
	int64_t start_time_s;  /* status.startTime; 0 if absent */
	const char *node_name; /* interned */
	uint32_t n_addrs, n_host_ports;
	const struct pn_addr *addrs; /* podIPs, or podIP where podIPs is absent; no duplicates */
	const struct pn_host_port *host_ports;
};

struct pn_service_port {
	const char *name;	  /* interned */
	uint16_t port, node_port; /* host byte order; node_port 0: none */
	uint8_t proto;		  /* IPPROTO_* */
};

struct pn_service {
	struct pn_object meta;
	const char *type; /* interned: "ClusterIP", "NodePort", "LoadBalancer", "ExternalName" */
	uint32_t n_addrs, n_ports;
	const struct pn_addr
		*addrs; /* clusterIPs, externalIPs, load balancer ingress; none if headless */
	const struct pn_service_port *ports;
};

struct pn_node {
	struct pn_object meta;
	uint32_t n_addrs;
	const struct pn_addr *addrs; /* status.addresses of type InternalIP and ExternalIP */
};

/** pn_object_ref() - one more reference. Return: @o */
const struct pn_object *pn_object_ref(const struct pn_object *o);

/** pn_object_unref() - give a reference back; NULL is allowed */
void pn_object_unref(const struct pn_object *o);

/** Downcasts; assert that the object is of that kind. NULL gives NULL. */
const struct pn_pod *pn_object_pod(const struct pn_object *o);
const struct pn_service *pn_object_service(const struct pn_object *o);
const struct pn_node *pn_object_node(const struct pn_object *o);

/** pn_pod_phase_name() - as in the API: "Pending", "Running", ... */
const char *pn_pod_phase_name(enum pn_pod_phase phase);

/** Longest key: namespace (63), '/', name (253), NUL. */
#define PN_KEY_LEN (63 + 1 + 253 + 1)

/** pn_object_key() - "namespace/name", or "name" for cluster scope. Return: @buf */
const char *pn_object_key(const struct pn_object *o, char buf[static PN_KEY_LEN]);

#endif
