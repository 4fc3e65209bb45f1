/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a flow is allowed or not, taken apart into conditions: what a rule wants, what there is, and
 * whether that will do. A rule that missed is shown by the peer that came nearest, the one with the
 * fewest conditions failing; so a person sees first what is easiest to change.
 */
#include "policy/explain.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/cidr.h"
#include "kube/scratch.h"
#include "policy/private.h"

struct pn_explanation {
	struct pn_policy_verdict verdict;
	uint32_t depends;
	struct pn_explained_side side[PN_POLICY_DIRECTION_MAX];
	struct pn_scratch memory;
};

/* A side being explained. */
struct work {
	struct pn_question q;
	struct pn_scratch *memory;
	enum pn_policy_direction direction;
	const struct pn_policy_end *peer;
	bool no_memory;
};

static void *alloc(struct work *w, size_t n, size_t size)
{
	void *p = pn_scratch_alloc(w->memory, n * size + 1);

	if (!p)
		w->no_memory = true;
	return p;
}

/* Takes the text over; "" without memory. */
static const char *keep(struct work *w, struct pn_buf *b)
{
	char *s = alloc(w, b->len + 1, 1);

	if (s && b->len)
		memcpy(s, b->data, b->len);
	if (s)
		s[b->len] = '\0';
	pn_buf_done(b);
	return s ? s : "";
}

#define TEXT_INIT PN_BUF_INIT(64 << 10)

/* Beyond the buffer's size a list is cut. */
static void PN_PRINTF(3, 4) say(struct work *w, struct pn_buf *b, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (pn_buf_put(b, text, strlen(text)) == -ENOMEM)
		w->no_memory = true;
}

/* --- words --- */

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
}

static void say_port(struct work *w, struct pn_buf *b, const struct pn_compiled_port *p)
{
	if (p->name && p->proto)
		say(w, b, "%s %s", proto_name(p->proto), p->name);
	else if (p->name)
		say(w, b, "%s", p->name);
	else if (p->first == 0)
		say(w, b, "%s", proto_name(p->proto));
	else if (p->first == p->last)
		say(w, b, "%s %u", proto_name(p->proto), p->first);
	else
		say(w, b, "%s %u-%u", proto_name(p->proto), p->first, p->last);
}

static void say_cidr(struct work *w, struct pn_buf *b, const struct pn_cidr *c)
{
	char text[PN_CIDR_STRLEN];

	say(w, b, "%s", pn_cidr_format(c, text));
}

static const char *block_words(struct work *w, const struct pn_compiled_peer *p)
{
	struct pn_buf b = TEXT_INIT;

	say_cidr(w, &b, &p->block);
	for (uint32_t i = 0; i < p->n_except; i++) {
		say(w, &b, i ? ", " : " except ");
		say_cidr(w, &b, &p->except[i]);
	}
	return keep(w, &b);
}

static const char *addr_words(struct work *w, const struct pn_policy_end *end)
{
	char addr[PN_ADDR_STRLEN];
	struct pn_buf b = TEXT_INIT;

	say(w, &b, "%s", end->has_addr ? pn_addr_format(&end->addr, addr) : "no address");
	return keep(w, &b);
}

static const char *end_words(const struct pn_policy_end *end)
{
	if (end->pod)
		return end->pod->is_subject ? "a pod" : "a pod on its node's network";
	return end->node ? "a node's address" : "an address outside the cluster";
}

/* --- conditions --- */

/* Conditions of one rule or peer, in room for as many as there can be. */
struct list {
	struct pn_condition *v;
	uint32_t n, n_failing;
};

static void add(struct list *l, struct pn_condition c)
{
	l->v[l->n++] = c;
	l->n_failing += !c.holds;
}

static void add_words(struct list *l, enum pn_condition_kind kind, bool holds, const char *wanted,
		      const char *has)
{
	add(l, (struct pn_condition) {
		       .kind = kind, .holds = holds, .key = "", .wanted = wanted, .has = has });
}

static void add_labels(struct list *l, enum pn_condition_kind kind, const struct pn_match *m,
		       const struct pn_label_set *set)
{
	struct pn_requirement q;

	for (uint32_t i = 0; m->selector && pn_selector_part(m->selector, i, &q); i++)
		add(l, (struct pn_condition) {
			       .kind = kind,
			       .holds = pn_requirement_holds(&q, set),
			       .key = q.key,
			       .op = q.op,
			       .n_values = q.n_values,
			       .values = q.values,
			       .wanted = "",
			       .has = pn_label_set_value(set, q.key),
		       });
}

static uint32_t count_parts(const struct pn_match *m)
{
	struct pn_requirement q;
	uint32_t n = 0;

	while (m->selector && pn_selector_part(m->selector, n, &q))
		n++;
	return n;
}

static void add_pods(struct work *w, struct list *l, const struct pn_compiled_peer *p)
{
	const struct pn_policy_end *end = w->peer;

	if (!pn_is_selectable(&w->q, end)) {
		add_words(l, PN_CONDITION_END, false, "a pod", end_words(end));
		return;
	}
	if (p->only)
		add_words(l, PN_CONDITION_NAMESPACE, p->only == end->pod->ns, p->only->name,
			  end->pod->ns->name);
	add_labels(l, PN_CONDITION_NAMESPACE_LABEL, &p->namespaces, end->pod->ns->labels);
	add_labels(l, PN_CONDITION_POD_LABEL, &p->pods, end->pod->labels);
}

static void add_peer(struct work *w, struct list *l, const struct pn_compiled_peer *p)
{
	const struct pn_policy_end *end = w->peer;

	switch (p->kind) {
	case PN_PEER_PODS:
		add_pods(w, l, p);
		break;
	case PN_PEER_BLOCK:
		add_words(l, PN_CONDITION_ADDRESS, pn_peer_matches(&w->q, p, end),
			  block_words(w, p), addr_words(w, end));
		break;
	case PN_PEER_NODES:
		if (end->node)
			add_labels(l, PN_CONDITION_NODE_LABEL, &p->nodes, end->node->labels);
		else
			add_words(l, PN_CONDITION_END, false, "a node's address", end_words(end));
		break;
	case PN_PEER_DOMAINS:
		add_words(l, PN_CONDITION_ADDRESS, false, p->domains, addr_words(w, end));
		break;
	}
}

static size_t room_for(const struct pn_compiled_peer *p)
{
	if (p->kind == PN_PEER_PODS)
		return 1 + (size_t)count_parts(&p->namespaces) + count_parts(&p->pods);
	return p->kind == PN_PEER_NODES ? 1 + (size_t)count_parts(&p->nodes) : 1;
}

static bool is_nearer(const struct list *a, const struct list *b)
{
	if (a->n_failing != b->n_failing)
		return a->n_failing < b->n_failing;
	return a->n - a->n_failing > b->n - b->n_failing;
}

/* Return: the conditions of the peer that came nearest */
static struct list nearest_peer(struct work *w, const struct pn_compiled_rule *r)
{
	struct list best = { .n_failing = UINT32_MAX };

	for (uint32_t i = 0; i < r->n_peers; i++) {
		struct list l = { .v = alloc(w, room_for(&r->peers[i]), sizeof(*l.v)) };

		if (!l.v)
			break;
		add_peer(w, &l, &r->peers[i]);
		if (is_nearer(&l, &best))
			best = l;
	}
	return best.n_failing == UINT32_MAX ? (struct list) { 0 } : best;
}

static void add_ports(struct work *w, struct list *l, const struct pn_compiled_rule *r, bool holds)
{
	struct pn_buf wanted = TEXT_INIT, has = TEXT_INIT;

	for (uint32_t i = 0; i < r->n_ports; i++) {
		say(w, &wanted, i ? ", " : "");
		say_port(w, &wanted, &r->ports[i]);
	}
	say(w, &has, "%s %u", proto_name(w->q.flow->proto), w->q.flow->port);
	add_words(l, PN_CONDITION_PORT, holds, keep(w, &wanted), keep(w, &has));
}

/* --- rules and policies --- */

static void explain_rule(struct work *w, const struct pn_compiled_rule *r, uint32_t n,
			 struct pn_missed_rule *ret)
{
	struct list peer = { 0 }, all = { 0 };

	*ret = (struct pn_missed_rule) {
		.rule = n,
		.port = pn_ports_match(&w->q, r),
		.peer = pn_peers_match(&w->q, r, w->peer),
	};
	if (!r->any_peer)
		peer = nearest_peer(w, r);
	all.v = alloc(w, peer.n + 1, sizeof(*all.v));
	if (!all.v)
		return;
	if (!r->any_port)
		add_ports(w, &all, r, ret->port);
	for (uint32_t i = 0; i < peer.n; i++)
		add(&all, peer.v[i]);
	ret->conditions = all.v;
	ret->n_conditions = all.n;
	ret->n_failing = all.n_failing;
}

static void explain_rules(struct work *w, struct pn_deciding_policy *p)
{
	const struct pn_compiled_rules *rules = &p->policy->rules[w->direction];
	struct pn_missed_rule *missed;

	if (p->rule >= 0 || !rules->n)
		return;
	missed = alloc(w, rules->n, sizeof(*missed));
	if (!missed)
		return;
	for (uint32_t i = 0; i < rules->n; i++)
		explain_rule(w, &rules->v[i], i, &missed[i]);
	p->missed = missed;
	p->n_missed = rules->n;
}

struct collected {
	struct pn_deciding_policy *v; /* NULL: they are only counted */
	uint32_t n;
};

static void collect(void *data, const struct pn_policy *policy, int64_t rule)
{
	struct collected *c = data;

	if (c->v)
		c->v[c->n] = (struct pn_deciding_policy) { .policy = policy, .rule = rule };
	c->n++;
}

static void note_nearest(struct pn_explained_side *side, const struct pn_deciding_policy *p)
{
	for (uint32_t i = 0; i < p->n_missed; i++) {
		const struct pn_missed_rule *m = &p->missed[i], *best = side->nearest;
		struct list l = { .n = m->n_conditions, .n_failing = m->n_failing };
		struct list than = { .n_failing = UINT32_MAX };

		if (best)
			than = (struct list) { NULL, best->n_conditions, best->n_failing };
		if (!is_nearer(&l, &than))
			continue;
		side->nearest = m;
		side->nearest_policy = p->policy;
	}
}

static void explain_side(struct work *w, const struct pn_policy_side *verdict,
			 struct pn_explained_side *ret)
{
	struct collected c = { 0 };

	ret->verdict = *verdict;
	pn_policy_each(w->q.set, w->q.flow, w->direction, verdict, collect, &c);
	c.v = alloc(w, c.n, sizeof(*c.v));
	if (!c.v)
		return;
	c.n = 0;
	pn_policy_each(w->q.set, w->q.flow, w->direction, verdict, collect, &c);
	for (uint32_t i = 0; i < c.n; i++) {
		explain_rules(w, &c.v[i]);
		note_nearest(ret, &c.v[i]);
	}
	ret->policies = c.v;
	ret->n_policies = c.n;
}

int pn_policy_explain(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
		      struct pn_explanation **ret)
{
	struct pn_explanation *e = calloc(1, sizeof(*e));
	bool no_memory = false;

	if (!e)
		return -ENOMEM;
	pn_policy_evaluate(set, flow->src, flow->dst, flow->proto, flow->port, &e->verdict);
	e->depends = pn_policy_depends(set, flow, &e->verdict);
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++) {
		struct work w = {
			.q = { .set = set, .flow = flow },
			.memory = &e->memory,
			.direction = (enum pn_policy_direction)d,
			.peer = pn_peer_of(flow, (enum pn_policy_direction)d),
		};

		explain_side(&w, &e->verdict.side[d], &e->side[d]);
		no_memory |= w.no_memory;
	}
	if (no_memory) {
		pn_explanation_free(e);
		return -ENOMEM;
	}
	*ret = e;
	return 0;
}

void pn_explanation_free(struct pn_explanation *e)
{
	if (!e)
		return;
	pn_scratch_done(&e->memory);
	free(e);
}

bool pn_explanation_allows(const struct pn_explanation *e)
{
	return e->verdict.allow;
}

const struct pn_explained_side *pn_explanation_side(const struct pn_explanation *e,
						    enum pn_policy_direction direction)
{
	return &e->side[direction];
}

uint32_t pn_explanation_depends(const struct pn_explanation *e)
{
	return e->depends;
}
