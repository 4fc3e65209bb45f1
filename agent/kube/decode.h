/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_DECODE_H
#define PN_KUBE_DECODE_H

#include <jansson.h>

#include <podonym/objects.h>

#include "base/err.h"

/*
 * What the decoders share. A decoder first collects borrowed values from the tree it was given,
 * then makes the object in one allocation; the collecting is forgiving, see json_fields.h.
 */

struct pn_decoding;

/* Sizes include the NUL. Names are those of Kubernetes, the uid that of the map ABI. */
enum {
	PN_OBJECT_NAMESPACE_LEN = 64,
	PN_OBJECT_NAME_LEN = 254,
	PN_OBJECT_KIND_LEN = 64,
	PN_OBJECT_UID_LEN = 40,
	PN_OBJECT_RV_LEN = 128,
};

/** struct pn_meta - ObjectMeta, borrowed; strings are never NULL */
struct pn_meta {
	const char *name_space, *name, *uid, *resource_version;
	struct pn_controller controller;
	int64_t created_s;
	bool terminating;
};

/**
 * pn_object_new() - an object with one reference, its metadata filled in
 * @size: of the kind's struct and of the arrays that stand right behind it, which are zero
 *
 * Return: the object, or NULL without memory
 */
struct pn_object *pn_object_new(enum pn_kind_id kind, size_t size, const struct pn_meta *meta);

/** pn_pod_phase_parse() - Return: the phase; PN_POD_PHASE_UNKNOWN for any other text */
enum pn_pod_phase pn_pod_phase_parse(const char *name);

/** struct pn_addr_list - addresses being collected, without duplicates */
struct pn_addr_list {
	struct pn_addr addrs[PN_MAX_ADDRS];
	uint32_t n, n_refused;
};

/** pn_addr_list_add() - "" is no address; what cannot be used is counted, here and in the metrics */
void pn_addr_list_add(struct pn_addr_list *list, const char *text);

/** pn_proto_parse() - "TCP" (also ""), "UDP", "SCTP" as IPPROTO_*. Return: 0 for anything else */
uint8_t pn_proto_parse(const char *name);

/* One decoder a kind; see struct pn_kind. */
int pn_decode_pod_json(const struct pn_decoding *d, const json_t *tree, struct pn_object **ret,
		       struct pn_err *reterr);
int pn_decode_service_json(const struct pn_decoding *d, const json_t *tree, struct pn_object **ret,
			   struct pn_err *reterr);
int pn_decode_node_json(const struct pn_decoding *d, const json_t *tree, struct pn_object **ret,
			struct pn_err *reterr);
int pn_decode_namespace_json(const struct pn_decoding *d, const json_t *tree,
			     struct pn_object **ret, struct pn_err *reterr);
int pn_decode_replicaset_json(const struct pn_decoding *d, const json_t *tree,
			      struct pn_object **ret, struct pn_err *reterr);

#endif
