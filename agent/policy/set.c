/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set as a whole: every change of every object comes in here and is handed to its kind.
 */
#include <errno.h>

#include "policy/private.h"

int pn_policy_set_new(struct pn_policy_set **ret)
{
	struct pn_policy_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	if (pn_labels_new(&set->pod_labels) < 0 || pn_labels_new(&set->namespace_labels) < 0 ||
	    pn_labels_new(&set->node_labels) < 0) {
		pn_policy_set_free(set);
		return -ENOMEM;
	}
	*ret = set;
	return 0;
}

void pn_policy_set_free(struct pn_policy_set *set)
{
	if (!set)
		return;
	pn_policies_free(set);
	pn_members_free(set);
	pn_namespaces_free(set);
	pn_labels_free(set->pod_labels);
	pn_labels_free(set->namespace_labels);
	pn_labels_free(set->node_labels);
	free(set);
}

/* The old one goes first: a policy is known by its name, and the new one may be refused. */
static int apply_policy(struct pn_policy_set *set, enum pn_policy_kind kind,
			const struct pn_object *old, const struct pn_object *new,
			struct pn_err *reterr)
{
	struct pn_policy *p;
	int r;

	pn_policy_remove(set, kind, new ? new : old);
	if (!new)
		return 0;
	r = kind == PN_POLICY_NETWORK ? pn_compile_networkpolicy(set, new, &p, reterr)
				      : pn_compile_tier(set, kind, new, &p, reterr);
	return r < 0 ? r : pn_policy_admit(set, p);
}

static int apply_generic(struct pn_policy_set *set, const struct pn_object *old,
			 const struct pn_object *new, struct pn_err *reterr)
{
	enum pn_policy_kind kind;
	int r = pn_tier_kind(pn_object_generic(new ? new : old), &kind);

	if (r < 0 || kind == PN_POLICY_KIND_MAX)
		return r;
	return apply_policy(set, kind, old, new, reterr);
}

int pn_policy_apply(struct pn_policy_set *set, const struct pn_object *old,
		    const struct pn_object *new, struct pn_err *reterr)
{
	const struct pn_object *o = new ? new : old;

	switch ((enum pn_kind_id)o->kind) {
	case PN_KIND_POD:
	case PN_KIND_NODE:
	case PN_KIND_SERVICE:
		if (new)
			return pn_member_apply(set, new);
		pn_member_remove(set, old);
		return 0;
	case PN_KIND_NAMESPACE:
		if (new)
			return pn_namespace_apply(set, new);
		pn_namespace_remove(set, old);
		return 0;
	case PN_KIND_NETWORKPOLICY:
		return apply_policy(set, PN_POLICY_NETWORK, old, new, reterr);
	case PN_KIND_GENERIC:
		return apply_generic(set, old, new, reterr);
	default:
		return 0;
	}
}

void pn_policy_set_time(struct pn_policy_set *set, uint64_t now)
{
	set->now = now;
}

static uint64_t changed(const struct pn_policy_end *end)
{
	return end->pod ? PN_MAX(end->pod->changed, end->pod->ns->changed) : 0;
}

uint64_t pn_policy_changed(const struct pn_policy_set *set, const struct pn_policy_end *src,
			   const struct pn_policy_end *dst)
{
	return PN_MAX(set->tiers_changed, PN_MAX(changed(src), changed(dst)));
}

void pn_policy_count(const struct pn_policy_set *set, struct pn_policy_counts *ret)
{
	*ret = (struct pn_policy_counts) {
		.n_pods = HASH_COUNT(set->pods),
		.n_namespaces = HASH_COUNT(set->namespaces),
		.n_nodes = HASH_COUNT(set->nodes),
		.n_services = HASH_COUNT(set->services),
		.n_policies = HASH_COUNT(set->policies),
	};
	pn_labels_count(set->pod_labels, &ret->n_label_sets, &ret->n_selectors);
}
