/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a record to what network policies make of its connection. verdicts.c has the policies and calls
 * this on the flow thread.
 *
 * The ends are those of the record: whom its names mean when the connection began, not whoever has the
 * addresses now.
 */
#include "daemon/judge.h"

#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"
#include "base/intern.h"
#include "base/metric.h"

/* So long after a change of policies nobody can tell which ones were enforced. */
#define LAG (3 * PN_NSEC_PER_SEC)

static bool is_multicast(const struct pn_addr *a)
{
	return pn_addr_is_v4(a) ? a->b[12] >= 224 : a->b[0] == 0xff;
}

/* Has it ports, one sender and one receiver, and leaves the pod that it begins in? */
static bool has_ports(const struct pn_flow_record *r)
{
	if (r->proto != IPPROTO_TCP && r->proto != IPPROTO_UDP && r->proto != IPPROTO_SCTP)
		return false;
	if (r->is_collapsed || !r->destination.port || is_multicast(&r->destination.addr))
		return false;
	return !pn_addr_is_loopback(&r->source.addr) && !pn_addr_is_loopback(&r->destination.addr);
}

static bool is_nobody(const struct pn_record_end *e)
{
	return e->attribution == PN_ATTR_AMBIGUOUS || e->attribution == PN_ATTR_SERVICE ||
	       e->attribution == PN_ATTR_STALE;
}

bool pn_judge_is_subject(const struct pn_flow_record *r)
{
	return has_ports(r) && !is_nobody(&r->source) && !is_nobody(&r->destination);
}

static bool find_pod(const struct pn_policy_set *set, const struct pn_record_end *e,
		     struct pn_policy_end *ret)
{
	size_t n = strlen(e->owner->name_space), m = strlen(e->owner->name);
	const struct pn_policy_member *pod;
	char key[PN_KEY_LEN];

	if (n + 1 + m > sizeof(key))
		return false;
	memcpy(key, e->owner->name_space, n);
	key[n] = '/';
	memcpy(key + n + 1, e->owner->name, m);
	pod = pn_policy_find(set, PN_KIND_POD, key, n + 1 + m);
	if (!pod)
		return false;
	pn_policy_end_pod(set, pod, ret);
	ret->addr = e->addr;
	ret->has_addr = true;
	return true;
}

/* A name holds for the first packet, an address is looked up as it is now. Return: is the end known? */
static bool find_end(const struct pn_policy_set *set, const struct pn_record_end *e,
		     struct pn_policy_end *ret)
{
	enum pn_owner_kind kind = e->owner ? (enum pn_owner_kind)e->owner->kind : PN_OWNER_NONE;
	const char *node;

	if (kind == PN_OWNER_POD)
		return find_pod(set, e, ret);
	pn_policy_end_addr(set, &e->addr, ret);
	if (kind != PN_OWNER_NODE && kind != PN_OWNER_PROCESS)
		return !ret->service;
	node = kind == PN_OWNER_NODE ? e->owner->name : e->owner->node;
	*ret = (struct pn_policy_end) {
		.node = pn_policy_find(set, PN_KIND_NODE, node, strlen(node)),
		.addr = e->addr,
		.has_addr = true,
	};
	return true;
}

/* Of several: what denies, from the source on; else what allows the destination to be reached. */
static enum pn_policy_direction deciding(const struct pn_policy_verdict *v)
{
	const struct pn_policy_side *egress = &v->side[PN_POLICY_EGRESS];
	const struct pn_policy_side *ingress = &v->side[PN_POLICY_INGRESS];

	if (!egress->allow)
		return PN_POLICY_EGRESS;
	if (!ingress->allow || ingress->policy)
		return PN_POLICY_INGRESS;
	return PN_POLICY_EGRESS;
}

void pn_judge_record(const struct pn_policy_set *set, const struct pn_flow_record *r, pn_nsec start,
		     struct pn_record_policy *ret)
{
	struct pn_policy_end src, dst;
	struct pn_policy_verdict v;
	enum pn_policy_direction d;

	if (!find_end(set, &r->source, &src) || !find_end(set, &r->destination, &dst))
		return;
	pn_policy_evaluate(set, &src, &dst, r->proto, r->destination.port, &v);
	if (v.side[PN_POLICY_EGRESS].reason == PN_POLICY_NO_SUBJECT &&
	    v.side[PN_POLICY_INGRESS].reason == PN_POLICY_NO_SUBJECT) {
		ret->expected = PN_EXPECTED_NONE;
		return;
	}
	d = deciding(&v);
	*ret = (struct pn_record_policy) {
		.by = v.side[d].policy ? pn_intern_ref(pn_policy_name(v.side[d].policy)) : NULL,
		.expected = v.allow ? PN_EXPECTED_ALLOWED : PN_EXPECTED_DENIED,
		.is_ingress = d == PN_POLICY_INGRESS,
		.is_late = start < pn_policy_changed(set, &src, &dst) + LAG,
	};
	pn_metric_add(PN_METRIC_POLICY_JUDGED, 1);
	if (!v.allow)
		pn_metric_add(PN_METRIC_POLICY_DENIED, 1);
}
