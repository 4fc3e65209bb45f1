/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was seen, in as little as can be judged: `podonym policy check` and `podonym policy advise`
 * put hundreds of thousands of records in, of which a few thousand differ.
 */
#include "policy/observed.h"

#include <errno.h>
#include <stdio.h>

#include "policy/private.h"

struct pn_observed {
	const struct pn_policy_set *set;
	struct pn_policy_workloads *workloads;
	struct pn_observed_end *ends;
	struct pn_observed_flow *flows;
	/* hashes of connections, each in the first free slot from its place on; 0: free */
	uint64_t *seen;
	uint32_t n_seen, cap_seen;
};

int pn_observed_new(const struct pn_policy_set *set, struct pn_observed **ret)
{
	struct pn_observed *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->set = set;
	if (pn_policy_workloads_new(set, &o->workloads) < 0) {
		free(o);
		return -ENOMEM;
	}
	*ret = o;
	return 0;
}

void pn_observed_free(struct pn_observed *o)
{
	struct pn_observed_flow *f, *next_f;
	struct pn_observed_end *e, *next_e;

	if (!o)
		return;
	HASH_ITER (hh, o->flows, f, next_f) {
		HASH_DEL(o->flows, f);
		free(f);
	}
	HASH_ITER (hh, o->ends, e, next_e) {
		HASH_DEL(o->ends, e);
		free(e);
	}
	pn_policy_workloads_free(o->workloads);
	free(o->seen);
	free(o);
}

const struct pn_policy_workloads *pn_observed_workloads(const struct pn_observed *o)
{
	return o->workloads;
}

/* --- connections --- */

static uint64_t *slot_of(uint64_t *slots, uint32_t n, uint64_t hash)
{
	uint32_t i = pn_hash_place((uint32_t)(hash >> 32), n);

	while (slots[i] && slots[i] != hash)
		i = i + 1 < n ? i + 1 : 0;
	return &slots[i];
}

static int grow_seen(struct pn_observed *o)
{
	uint32_t cap = o->cap_seen ? o->cap_seen * 2 : 1024;
	uint64_t *slots;

	if (o->n_seen < o->cap_seen / 2)
		return 0;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->cap_seen; i++)
		if (o->seen[i])
			*slot_of(slots, cap, o->seen[i]) = o->seen[i];
	free(o->seen);
	o->seen = slots;
	o->cap_seen = cap;
	return 0;
}

/* Return: 1 for the first record of a connection, 0 for another one, or -ENOMEM. Agents do not know
 * of each other, so that the same number may be another flow's, too. */
static int see(struct pn_observed *o, const struct pn_observed_flow *f, const struct pn_sighting *s)
{
	uint64_t hash = pn_hash_pair(s->connection, (uintptr_t)f, s->is_attempt) | 1;
	uint64_t *slot;

	if (grow_seen(o) < 0)
		return -ENOMEM;
	slot = slot_of(o->seen, o->cap_seen, hash);
	if (*slot)
		return 0;
	*slot = hash;
	o->n_seen++;
	return 1;
}

/* --- ends and flows --- */

static struct pn_observed_end *end_get(struct pn_observed *o, const struct pn_policy_end *end)
{
	struct pn_observed_end *e, like = { .end = *end };

	like.key.pod = end->pod;
	like.key.node = end->node;
	like.key.addr = end->addr;
	HASH_FIND(hh, o->ends, &like.key, sizeof(like.key), e);
	if (e)
		return e;
	e = malloc(sizeof(*e));
	if (!e)
		return NULL;
	*e = like;
	e->workload = end->pod ? pn_policy_workload_of(o->workloads, end->pod) : NULL;
	HASH_ADD(hh, o->ends, key, sizeof(e->key), e);
	if (e->hh.tbl)
		return e;
	free(e);
	return NULL;
}

static struct pn_observed_flow *flow_get(struct pn_observed *o, const struct pn_sighting *s)
{
	struct pn_observed_flow *f, like = { 0 };

	like.key.src = end_get(o, &s->src);
	like.key.dst = end_get(o, &s->dst);
	like.key.port = s->port;
	like.key.proto = s->proto;
	if (!like.key.src || !like.key.dst)
		return NULL;
	HASH_FIND(hh, o->flows, &like.key, sizeof(like.key), f);
	if (f)
		return f;
	f = malloc(sizeof(*f));
	if (!f)
		return NULL;
	*f = like;
	HASH_ADD(hh, o->flows, key, sizeof(f->key), f);
	if (f->hh.tbl)
		return f;
	free(f);
	return NULL;
}

int pn_observed_add(struct pn_observed *o, const struct pn_sighting *s)
{
	struct pn_observed_flow *f = flow_get(o, s);
	int is_first = f ? see(o, f, s) : -ENOMEM;

	if (is_first < 0)
		return is_first;
	if (s->is_attempt)
		f->n_attempts += (uint64_t)is_first;
	else
		f->n_connections += (uint64_t)is_first;
	if (strcmp(s->end, f->last_seen) > 0)
		(void)snprintf(f->last_seen, sizeof(f->last_seen), "%s", s->end);
	return 0;
}

int pn_observed_each(const struct pn_observed *o, int (*fn)(void *data, struct pn_observed_flow *f),
		     void *data)
{
	struct pn_observed_flow *f;
	int r = 0;

	for (f = o->flows; f && r == 0; f = f->hh.next)
		r = fn(data, f);
	return r;
}

/* --- before and after --- */

static bool is_allowed(const struct pn_observed *o, const struct pn_observed_flow *f)
{
	struct pn_policy_verdict v;

	pn_policy_evaluate(o->set, &f->key.src->end, &f->key.dst->end, (uint8_t)f->key.proto,
			   f->key.port, &v);
	return v.allow;
}

void pn_observed_judge(struct pn_observed *o)
{
	for (struct pn_observed_flow *f = o->flows; f; f = f->hh.next)
		f->was_allowed = is_allowed(o, f);
}

/* Workloads, nodes, addresses. */
static int sort_of(const struct pn_observed_end *e)
{
	return e->workload ? 0 : e->end.node ? 1 : 2;
}

int pn_observed_end_order(const struct pn_observed_end *a, const struct pn_observed_end *b)
{
	int x = sort_of(a), y = sort_of(b);

	if (x != y)
		return x - y;
	if (x == 0)
		return a->workload == b->workload ? 0 : strcmp(a->workload->key, b->workload->key);
	return x == 1 ? strcmp(a->end.node->key, b->end.node->key) : 0;
}

/* Of changed flows: 0 for those of one group. */
static int group_order(const struct pn_observed_flow *a, const struct pn_observed_flow *b)
{
	int r;

	if (a->was_allowed != b->was_allowed)
		return a->was_allowed ? -1 : 1;
	r = pn_observed_end_order(a->key.src, b->key.src);
	r = r ? r : pn_observed_end_order(a->key.dst, b->key.dst);
	r = r ? r : a->key.proto - b->key.proto;
	return r ? r : a->key.port - b->key.port;
}

/* Within a group by address, so that the same input always shows the same one first. */
static int whole_order(const void *x, const void *y)
{
	const struct pn_observed_flow *a = *(struct pn_observed_flow *const *)x;
	const struct pn_observed_flow *b = *(struct pn_observed_flow *const *)y;
	int r = group_order(a, b);

	r = r ? r : memcmp(&a->key.src->end.addr, &b->key.src->end.addr, sizeof(struct pn_addr));
	return r ? r : memcmp(&a->key.dst->end.addr, &b->key.dst->end.addr, sizeof(struct pn_addr));
}

int pn_whatif(struct pn_observed *o, bool with_attempts, struct pn_whatif *ret)
{
	struct pn_whatif w = { 0 };

	w.changed = calloc(HASH_COUNT(o->flows) + 1, sizeof(struct pn_observed_flow *));
	if (!w.changed)
		return -ENOMEM;
	for (struct pn_observed_flow *f = o->flows; f; f = f->hh.next) {
		if (!f->n_connections && !with_attempts)
			w.n_left_out++;
		else if (is_allowed(o, f) != f->was_allowed)
			w.changed[w.n_changed++] = f;
		else if (f->was_allowed)
			w.n_allowed++;
		else
			w.n_denied++;
	}
	for (struct pn_observed_end *e = o->ends; e; e = e->hh.next)
		e->marks[0] = e->marks[1] = 0;
	qsort(w.changed, w.n_changed, sizeof(struct pn_observed_flow *), whole_order);
	*ret = w;
	return 0;
}

void pn_whatif_done(struct pn_whatif *w)
{
	free(w->changed);
	*w = (struct pn_whatif) { 0 };
}

static uint32_t count_end(uint32_t *mark, uint32_t group)
{
	bool is_new = *mark != group;

	*mark = group;
	return is_new;
}

bool pn_whatif_next(const struct pn_whatif *w, uint32_t at, struct pn_whatif_group *ret)
{
	struct pn_whatif_group g = { .last_seen = "" };

	if (at >= w->n_changed)
		return false;
	g.flows = &w->changed[at];
	g.change = g.flows[0]->was_allowed ? PN_WHATIF_DENIED : PN_WHATIF_ALLOWED;
	while (at + g.n_flows < w->n_changed && group_order(g.flows[0], g.flows[g.n_flows]) == 0) {
		const struct pn_observed_flow *f = g.flows[g.n_flows++];

		g.n_src += count_end(&f->key.src->marks[0], at + 1);
		g.n_dst += count_end(&f->key.dst->marks[1], at + 1);
		g.n_connections += f->n_connections;
		g.n_attempts += f->n_attempts;
		if (strcmp(f->last_seen, g.last_seen) > 0)
			g.last_seen = f->last_seen;
	}
	*ret = g;
	return true;
}
