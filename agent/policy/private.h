/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_PRIVATE_H
#define PN_POLICY_PRIVATE_H

#include "policy/labels.h"
#include "policy/policy.h"

/*
 * The inside of a set, for the files of this folder.
 *
 *   member      a pod, a node or a Service
 *   place       an address; members have claims on it, of which the best counts
 *   policy      rules of peers and ports, with selectors as bits of label sets
 *
 * What only is asked for by its name or address is found in tables; what a verdict goes through lies
 * in arrays: a namespace's policies, the tiers' policies, their rules.
 */

struct pn_policy_place;

/* A member's address. */
struct pn_policy_claim {
	struct pn_policy_claim *next; /* on the same place */
	struct pn_policy_place *place;
	struct pn_policy_member *by;
};

struct pn_policy_place {
	UT_hash_handle hh;
	struct pn_addr addr;
	struct pn_policy_claim *claims;
};

struct pn_policy_member {
	UT_hash_handle hh; /* by key, in the table of its kind */
	const struct pn_object *object;
	struct pn_policy_namespace *ns; /* pods */
	struct pn_label_set *labels;	/* pods and nodes */
	bool is_subject;		/* a pod on the pod network */
	uint64_t changed;		/* when it came, or its labels changed */
	uint32_t n_claims;
	struct pn_policy_claim *claims;
	char key[];
};

/* A NetworkPolicy among those of its namespace that hold for one direction. */
struct pn_policy_subject {
	uint32_t pods; /* its selector's id */
	const struct pn_policy *policy;
};

struct pn_policy_subjects {
	struct pn_policy_subject *v; /* by the policies' names */
	uint32_t n, cap;
};

/* One that is named by a pod, a policy or its own object. */
struct pn_policy_namespace {
	UT_hash_handle hh;
	const char *name;		/* interned, and the key */
	const struct pn_object *object; /* NULL: only its name is known */
	struct pn_label_set *labels;
	uint32_t n_users;
	uint64_t changed; /* when its labels or a policy in it changed */
	struct pn_policy_subjects subjects[PN_POLICY_DIRECTION_MAX];
};

/* A selector as it is used; one that is empty has no bit. */
struct pn_match {
	struct pn_selector *selector; /* NULL: matches all */
	uint32_t id;		      /* PN_MATCH_ALL then */
};

#define PN_MATCH_ALL UINT32_MAX

static inline bool pn_id_matches(uint32_t id, const struct pn_label_set *set)
{
	return id == PN_MATCH_ALL || pn_label_set_has(set, id);
}

static inline bool pn_match_has(const struct pn_match *m, const struct pn_label_set *set)
{
	return pn_id_matches(m->id, set);
}

/* Range and name are alternatives; the range 0..65535 is every port. */
struct pn_compiled_port {
	uint8_t proto; /* IPPROTO_*; 0: any, of a named port */
	uint16_t first, last;
	const char *name; /* interned; NULL: the range */
};

enum pn_peer_kind {
	PN_PEER_PODS,
	PN_PEER_BLOCK,
	PN_PEER_NODES,
	PN_PEER_DOMAINS, /* what the names stand for is not known here */
};

struct pn_compiled_peer {
	enum pn_peer_kind kind;
	union {
		struct {				  /* PODS */
			struct pn_policy_namespace *only; /* NULL: those that match */
			struct pn_match namespaces, pods;
		};
		struct { /* BLOCK */
			struct pn_cidr block;
			struct pn_cidr *except;
			uint32_t n_except;
			bool is_network; /* of a tier: its networks, not an ipBlock */
		};
		struct pn_match nodes;
		const char *domains; /* interned, for a person */
	};
};

struct pn_compiled_rule {
	enum pn_policy_action action;
	bool any_peer, any_port; /* nothing is said about it */
	uint32_t n_peers, n_ports;
	struct pn_compiled_peer *peers;
	struct pn_compiled_port *ports;
	const char *name; /* interned */
};

struct pn_compiled_rules {
	struct pn_compiled_rule *v;
	uint32_t n;
};

struct pn_policy {
	UT_hash_handle hh;
	enum pn_policy_kind kind;
	const struct pn_object *object;
	struct pn_policy_namespace *ns; /* of a NetworkPolicy */
	bool is_baseline;		/* the tier of the others */
	uint32_t priority;
	struct pn_match namespaces, pods; /* the subject; of a NetworkPolicy only pods */
	bool holds[PN_POLICY_DIRECTION_MAX];
	struct pn_compiled_rules rules[PN_POLICY_DIRECTION_MAX];
	const char *name; /* see pn_policy_name() */
	char id[];	  /* the key of the table: a letter for the kind, then the key as text */
};

/* Admin or baseline, in the order in which they are asked. */
struct pn_policy_tier {
	const struct pn_policy **v;
	uint32_t n, cap;
};

enum { PN_TIER_ADMIN, PN_TIER_BASELINE, PN_TIER_MAX };

struct pn_policy_set {
	struct pn_labels *pod_labels, *namespace_labels, *node_labels;
	struct pn_policy_member *pods, *nodes, *services;
	struct pn_policy_place *places;
	struct pn_policy_namespace *namespaces;
	struct pn_policy *policies;
	struct pn_policy_tier tiers[PN_TIER_MAX];
	uint64_t now, tiers_changed;
	/* how many of what makes a verdict depend on the plugin */
	uint32_t n_blocks, n_nodes_peers, n_domains_peers, n_named_ports;
};

/* --- members.c --- */

int pn_member_apply(struct pn_policy_set *set, const struct pn_object *o);
void pn_member_remove(struct pn_policy_set *set, const struct pn_object *o);
void pn_members_free(struct pn_policy_set *set);

/* --- namespaces.c --- */

/* One user more. Return: 0 or -ENOMEM */
int pn_namespace_get(struct pn_policy_set *set, const char *name, struct pn_policy_namespace **ret);
void pn_namespace_put(struct pn_policy_set *set, struct pn_policy_namespace *ns);
void pn_namespaces_free(struct pn_policy_set *set);
int pn_namespace_apply(struct pn_policy_set *set, const struct pn_object *o);
void pn_namespace_remove(struct pn_policy_set *set, const struct pn_object *o);

/* Among those that hold for a direction. */
int pn_subjects_add(struct pn_policy_subjects *s, const struct pn_policy *p);
void pn_subjects_remove(struct pn_policy_subjects *s, const struct pn_policy *p);

/* --- compile.c: parts that all kinds have --- */

/* @like: NULL: all. Return: 0, or -ENOMEM and @to matches all */
int pn_match_get(struct pn_labels *w, const struct pn_label_selector *like, struct pn_match *to);
void pn_match_put(struct pn_labels *w, struct pn_match *m);

/* Without rules and not in the set yet. */
int pn_policy_new(enum pn_policy_kind kind, const struct pn_object *o, struct pn_policy **ret);
void pn_policy_free(struct pn_policy_set *set, struct pn_policy *p);

/* @n rules that say nothing; room in one for so many peers and ports, of which there are none yet. */
int pn_rules_new(struct pn_compiled_rules *rules, uint32_t n);
int pn_rule_room(struct pn_compiled_rule *r, uint32_t n_peers, uint32_t n_ports);

/* There is none of that name yet. @p is the set's from here on, or gone without memory. */
int pn_policy_admit(struct pn_policy_set *set, struct pn_policy *p);
void pn_policy_remove(struct pn_policy_set *set, enum pn_policy_kind kind,
		      const struct pn_object *o);
bool pn_policy_has(const struct pn_policy_set *set, enum pn_policy_kind kind, const char *key);
void pn_policies_free(struct pn_policy_set *set);

/* --- one file a family of kinds --- */

int pn_compile_networkpolicy(struct pn_policy_set *set, const struct pn_object *o,
			     struct pn_policy **ret, struct pn_err *reterr);
/* @ret: PN_POLICY_KIND_MAX for an object of any other kind. Return: 0 or -ENOMEM */
int pn_tier_kind(const struct pn_generic *g, enum pn_policy_kind *ret);
int pn_compile_tier(struct pn_policy_set *set, enum pn_policy_kind kind, const struct pn_object *o,
		    struct pn_policy **ret, struct pn_err *reterr);

/* --- evaluate.c --- */

/* Beside the readings: as if the admin tier had passed on. */
#define PN_WITHOUT_ADMIN (UINT32_C(1) << PN_READING_MAX)

/* A flow as it is asked about, with the readings that differ (bits). */
struct pn_question {
	const struct pn_policy_set *set;
	const struct pn_policy_flow *flow;
	uint32_t readings;
};

static inline bool pn_reads(const struct pn_question *q, enum pn_policy_reading r)
{
	return q->readings >> r & 1;
}

static inline const struct pn_policy_end *pn_subject_of(const struct pn_policy_flow *f,
							enum pn_policy_direction d)
{
	return d == PN_POLICY_EGRESS ? f->src : f->dst;
}

static inline const struct pn_policy_end *pn_peer_of(const struct pn_policy_flow *f,
						     enum pn_policy_direction d)
{
	return d == PN_POLICY_EGRESS ? f->dst : f->src;
}

void pn_judge(const struct pn_question *q, struct pn_policy_verdict *ret);
bool pn_peer_matches(const struct pn_question *q, const struct pn_compiled_peer *peer,
		     const struct pn_policy_end *end);
bool pn_peers_match(const struct pn_question *q, const struct pn_compiled_rule *r,
		    const struct pn_policy_end *end);
bool pn_port_matches(const struct pn_question *q, const struct pn_compiled_port *port);
bool pn_ports_match(const struct pn_question *q, const struct pn_compiled_rule *r);
bool pn_is_selectable(const struct pn_question *q, const struct pn_policy_end *end);
bool pn_is_subject_of(const struct pn_policy *p, const struct pn_policy_member *pod);

#endif
