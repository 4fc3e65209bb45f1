/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From flows to policies. Each end of a flow that policies hold for gives an edge: the party it is,
 * the direction, the peer, the port. In order, the edges of one party and direction are a policy's
 * rules: peers with the same ports are one rule, which allows just these peers these ports.
 */
#include "policy/advise.h"

#include <errno.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/buf.h"
#include "policy/advise_write.h"
#include "policy/blocks.h"
#include "policy/private.h"

struct work {
	const struct pn_policy_set *set;
	const struct pn_observed *observed;
	const struct pn_advise_options *options;
	struct pn_parties *parties;
	const char **namespaces; /* in order */
	uint32_t n_namespaces;
	struct pn_edge *edges;
	uint32_t n_edges, cap_edges;
	struct pn_cidr *avoid;
	uint32_t n_avoid;
	char **names; /* of the policies of this namespace so far */
	uint32_t n_names;
	int (*fn)(void *data, const struct pn_advised *a);
	void *data;
};

/* --- namespaces --- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_advised(const struct work *w, const char *name_space)
{
	return w->n_namespaces &&
	       bsearch(&name_space, w->namespaces, w->n_namespaces, sizeof(const char *), by_text);
}

/* In order, and once. */
static int add_namespace(struct work *w, const char *name)
{
	const char **v;

	if (is_advised(w, name))
		return 0;
	v = reallocarray(w->namespaces, w->n_namespaces + 1, sizeof(const char *));
	if (!v)
		return -ENOMEM;
	w->namespaces = v;
	v[w->n_namespaces++] = name;
	qsort(v, w->n_namespaces, sizeof(const char *), by_text);
	return 0;
}

static const char *known_namespace(const struct work *w, const char *name, size_t len)
{
	const struct pn_policy_namespace *ns;

	for (ns = w->set->namespaces; ns; ns = ns->hh.next)
		if (strlen(ns->name) == len && memcmp(ns->name, name, len) == 0)
			return ns->name;
	return NULL;
}

static int take_named(struct work *w, struct pn_err *reterr)
{
	const char *at = w->options->namespaces;
	int r = 0;

	while (r == 0 && *at) {
		size_t len = strcspn(at, ",");
		const char *name = known_namespace(w, at, len);

		r = name ? add_namespace(w, name)
			 : pn_err_set(reterr, -ENOENT, "the cluster has no namespace \"%.*s\"",
				      (int)PN_MIN(len, 64U), at);
		at += len + (at[len] == ',');
	}
	return r;
}

static bool is_used(const struct work *w, const struct pn_observed_flow *f)
{
	return f->n_connections || w->options->with_attempts;
}

static int note_end(struct work *w, const struct pn_observed_end *e)
{
	return e->end.pod && e->end.pod->is_subject ? add_namespace(w, e->end.pod->ns->name) : 0;
}

static int note_namespaces(void *data, struct pn_observed_flow *f)
{
	struct work *w = data;
	int r = is_used(w, f) ? note_end(w, f->key.src) : 0;

	return r == 0 && is_used(w, f) ? note_end(w, f->key.dst) : r;
}

/* --- what networks must not grow over --- */

static int collect_avoid(struct work *w)
{
	const struct pn_policy_place *p;
	const struct pn_policy_member *m;
	size_t n = HASH_COUNT(w->set->places);

	for (m = w->set->nodes; m; m = m->hh.next)
		n += pn_object_node(m->object)->n_pod_cidrs;
	w->avoid = calloc(n + 1, sizeof(*w->avoid));
	if (!w->avoid)
		return -ENOMEM;
	for (p = w->set->places; p; p = p->hh.next)
		w->avoid[w->n_avoid++] = (struct pn_cidr) { p->addr, 128 };
	for (m = w->set->nodes; m; m = m->hh.next) {
		const struct pn_node *node = pn_object_node(m->object);

		for (uint32_t i = 0; i < node->n_pod_cidrs; i++)
			w->avoid[w->n_avoid++] = node->pod_cidrs[i];
	}
	w->n_avoid = pn_blocks_normalize(w->avoid, w->n_avoid);
	return 0;
}

/* --- edges --- */

static int add_edge(struct work *w, const struct pn_edge *e)
{
	if (w->n_edges == w->cap_edges) {
		uint32_t cap = w->cap_edges ? w->cap_edges * 2 : 256;
		struct pn_edge *v = reallocarray(w->edges, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		w->edges = v;
		w->cap_edges = cap;
	}
	w->edges[w->n_edges++] = *e;
	return 0;
}

/* Selectors see pods on the pod network; the others are their addresses. */
static void name_peer(const struct work *w, const struct pn_observed_end *peer, struct pn_edge *e)
{
	if (peer->end.pod && peer->end.pod->is_subject)
		e->peer = pn_party_of(w->parties, peer->workload);
	else
		e->addr = peer->end.addr;
	e->node = peer->end.node;
}

static int add_side(struct work *w, const struct pn_observed_flow *f, enum pn_policy_direction d,
		    const struct pn_policy_side *side)
{
	const struct pn_observed_end *subject = d == PN_POLICY_EGRESS ? f->key.src : f->key.dst;
	const struct pn_observed_end *peer = d == PN_POLICY_EGRESS ? f->key.dst : f->key.src;
	struct pn_edge e = { .direction = d, .proto = f->key.proto, .port = f->key.port };

	if (side->reason == PN_POLICY_NO_SUBJECT || side->reason == PN_POLICY_SAME_POD ||
	    side->reason == PN_POLICY_OWN_NODE || !is_advised(w, subject->end.pod->ns->name))
		return 0;
	e.party = pn_party_of(w->parties, subject->workload);
	name_peer(w, peer, &e);
	return e.peer || peer->end.has_addr ? add_edge(w, &e) : 0;
}

static int take_flow(void *data, struct pn_observed_flow *f)
{
	const struct pn_policy_flow flow = pn_observed_flow(f);
	struct work *w = data;
	struct pn_policy_verdict v;
	int r = 0;

	if (!is_used(w, f))
		return 0;
	pn_policy_evaluate(w->set, flow.src, flow.dst, flow.proto, flow.port, &v);
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX && r == 0; d++)
		r = add_side(w, f, (enum pn_policy_direction)d, &v.side[d]);
	return r;
}

/* --- order --- */

int pn_party_order(const struct pn_party *a, const struct pn_party *b)
{
	return a == b ? 0 : strcmp(a->workloads[0]->key, b->workloads[0]->key);
}

/* By name as people say it: without the kind, unless that is all that differs. */
static int subject_order(const struct pn_party *a, const struct pn_party *b)
{
	int r = a == b ? 0 : strcmp(a->name_space, b->name_space);

	r = r || a == b ? r : strcmp(a->workloads[0]->name, b->workloads[0]->name);
	return r ? r : pn_party_order(a, b);
}

int pn_edge_peer_order(const struct pn_edge *a, const struct pn_edge *b)
{
	if (!a->peer != !b->peer)
		return a->peer ? -1 : 1;
	return a->peer ? pn_party_order(a->peer, b->peer)
		       : memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

static int edge_order(const void *x, const void *y)
{
	const struct pn_edge *a = x, *b = y;
	int r = subject_order(a->party, b->party);

	r = r ? r : (int)a->direction - (int)b->direction;
	r = r ? r : pn_edge_peer_order(a, b);
	r = r ? r : a->proto - b->proto;
	return r ? r : a->port - b->port;
}

static uint32_t drop_same(struct pn_edge *v, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (!kept || edge_order(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	return kept;
}

/* --- policies --- */

static void forget_names(struct work *w)
{
	while (w->n_names)
		free(w->names[--w->n_names]);
	free(w->names);
	w->names = NULL;
}

static int note_name(struct work *w, const char *key)
{
	char **v = reallocarray(w->names, w->n_names + 1, sizeof(char *));

	if (!v)
		return -ENOMEM;
	w->names = v;
	v[w->n_names] = strdup(key);
	if (!v[w->n_names])
		return -ENOMEM;
	w->n_names++;
	return 0;
}

/* Shows it, and lets go of it. */
static int show(struct work *w, struct pn_advised *policy)
{
	int r = note_name(w, policy->key);

	r = r < 0 ? r : w->fn(w->data, policy);
	pn_advised_done(policy);
	return r;
}

static bool is_taken(const struct work *w, const char *key)
{
	for (uint32_t i = w->n_names; i-- > 0;)
		if (strcmp(w->names[i], key) == 0)
			return true;
	return false;
}

/* "advised-web"; a number behind it where a name would be there twice. */
static void name_policy(const struct work *w, const char *name_space, const char *name,
			char key[static PN_KEY_LEN])
{
	char tail[16] = "";

	for (unsigned int n = 2; n == 2 || is_taken(w, key); n++) {
		pn_advised_key(name_space, name, tail, key);
		(void)snprintf(tail, sizeof(tail), "-%u", n);
	}
}

static uint32_t end_of_party(const struct work *w, uint32_t at)
{
	const struct pn_party *p = w->edges[at].party;

	while (at < w->n_edges && w->edges[at].party == p)
		at++;
	return at;
}

/* Return: 0 or -ENOMEM. @at: of the namespace's first edge; behind its last one */
static int advise_namespace(struct work *w, const char *name_space, uint32_t *at)
{
	const struct pn_blocks_limit limit = { w->options->max_blocks, w->avoid, w->n_avoid };
	struct pn_advised policy;
	char key[PN_KEY_LEN];
	int r;

	forget_names(w);
	name_policy(w, name_space, "default-deny", key);
	r = pn_advised_deny(w->set, key, &policy);
	r = r < 0 ? r : show(w, &policy);
	while (r == 0 && *at < w->n_edges &&
	       strcmp(w->edges[*at].party->name_space, name_space) == 0) {
		uint32_t end = end_of_party(w, *at);

		name_policy(w, name_space, w->edges[*at].party->workloads[0]->name, key);
		r = pn_advised_party(&w->edges[*at], end - *at, &limit, key, &policy);
		r = r < 0 ? r : show(w, &policy);
		*at = end;
	}
	return r;
}

static int advise(struct work *w, struct pn_err *reterr)
{
	uint32_t at = 0;
	int r = collect_avoid(w);

	if (r == 0)
		r = w->options->namespaces ? take_named(w, reterr)
					   : pn_observed_each(w->observed, note_namespaces, w);
	if (r == 0)
		r = pn_parties_new(pn_observed_workloads(w->observed), &w->parties);
	if (r == 0)
		r = pn_observed_each(w->observed, take_flow, w);
	if (r < 0)
		return r;
	if (w->n_edges)
		qsort(w->edges, w->n_edges, sizeof(*w->edges), edge_order);
	w->n_edges = drop_same(w->edges, w->n_edges);
	for (uint32_t i = 0; i < w->n_namespaces && r == 0; i++)
		r = advise_namespace(w, w->namespaces[i], &at);
	return r;
}

int pn_policy_advise(const struct pn_policy_set *set, const struct pn_observed *o,
		     const struct pn_advise_options *options,
		     int (*fn)(void *data, const struct pn_advised *a), void *data,
		     struct pn_err *reterr)
{
	struct work w = { .set = set, .observed = o, .options = options, .fn = fn, .data = data };
	int r = advise(&w, reterr);

	pn_parties_free(w.parties);
	forget_names(&w);
	free(w.namespaces);
	free(w.edges);
	free(w.avoid);
	return r;
}
