/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_POLICY_DRAFT_H
#define PN_KUBE_POLICY_DRAFT_H

#include "kube/decode.h"

/*
 * A network policy as its two decoders collect it, and what the API's words in it mean. What cannot
 * be understood is left out and counted; pn_policy_finish() then marks the policy.
 */

/** struct pn_port_draft - a NetworkPolicyPort as it is written; @has_port: neither absent nor null */
struct pn_port_draft {
	const char *proto;
	bool has_port, is_name;
	int64_t port, end_port;
	const char *name;
};

/** struct pn_peer_draft - a NetworkPolicyPeer; what is absent is NULL */
struct pn_peer_draft {
	const struct pn_label_selector *pods, *namespaces;
	bool has_block;
	const char *cidr;
	struct pn_texts except;
};

/** struct pn_rule_draft - a rule with lists that can still grow */
struct pn_rule_draft {
	struct pn_policy_port *ports;
	struct pn_policy_peer *peers;
	uint32_t n_ports, n_peers;
};

/** struct pn_selector_draft - a LabelSelector */
struct pn_selector_draft {
	struct pn_label_list labels;
	struct pn_label_requirement *requirements;
	uint32_t n_requirements;
};

struct pn_policy_draft {
	struct pn_draft common;
	struct pn_networkpolicy policy;
	struct pn_policy_rule *ingress, *egress;
	struct pn_texts types;
	uint32_t n_meta_refused; /* of the metadata: no reason to distrust the rules */
};

void pn_policy_begin(struct pn_policy_draft *p, const struct pn_decoding *decoding,
		     struct pn_err *err);
void pn_policy_add_port(struct pn_draft *d, struct pn_rule_draft *rule,
			const struct pn_port_draft *port);
void pn_policy_add_peer(struct pn_draft *d, struct pn_rule_draft *rule,
			const struct pn_peer_draft *peer);
void pn_policy_add_requirement(struct pn_draft *d, struct pn_selector_draft *s, const char *key,
			       const char *op, const struct pn_texts *values);

/** pn_policy_selector() - Return: for as long as the draft */
struct pn_label_selector pn_policy_selector(struct pn_selector_draft *s);

/** pn_policy_selector_json() - a LabelSelector; NULL is an empty one. Return: for as long as the draft */
struct pn_label_selector pn_policy_selector_json(struct pn_draft *d, const json_t *tree);

/** pn_policy_add_rule() - to either list of @p */
void pn_policy_add_rule(struct pn_draft *d, struct pn_policy_rule **rules, uint32_t *n,
			const struct pn_rule_draft *rule);

int pn_policy_finish(struct pn_policy_draft *p, struct pn_object **ret);

#endif
