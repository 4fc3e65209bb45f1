/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What compiled policies of all kinds have in common: their parts, made and given back, and their
 * place in the set, among the policies of a namespace or in a tier.
 */
#include <errno.h>
#include <stdio.h>

#include "base/intern.h"
#include "policy/private.h"

/* --- parts --- */

int pn_match_get(struct pn_labels *w, const struct pn_label_selector *like, struct pn_match *to)
{
	int r;

	*to = (struct pn_match) { NULL, PN_MATCH_ALL };
	if (!like || (!like->n_labels && !like->n_requirements))
		return 0;
	r = pn_selector_get(w, like, &to->selector);
	if (r == 0)
		to->id = pn_selector_id(to->selector);
	return r;
}

void pn_match_put(struct pn_labels *w, struct pn_match *m)
{
	pn_selector_put(w, m->selector);
	*m = (struct pn_match) { NULL, PN_MATCH_ALL };
}

int pn_rules_new(struct pn_compiled_rules *rules, uint32_t n)
{
	if (!n)
		return 0;
	rules->v = calloc(n, sizeof(*rules->v));
	if (!rules->v)
		return -ENOMEM;
	rules->n = n;
	return 0;
}

int pn_rule_room(struct pn_compiled_rule *r, uint32_t n_peers, uint32_t n_ports)
{
	r->peers = calloc(n_peers + 1, sizeof(*r->peers));
	r->ports = calloc(n_ports + 1, sizeof(*r->ports));
	return r->peers && r->ports ? 0 : -ENOMEM;
}

static void free_peer(struct pn_policy_set *set, struct pn_compiled_peer *peer)
{
	switch (peer->kind) {
	case PN_PEER_PODS:
		if (peer->only)
			pn_namespace_put(set, peer->only);
		pn_match_put(set->namespace_labels, &peer->namespaces);
		pn_match_put(set->pod_labels, &peer->pods);
		break;
	case PN_PEER_BLOCK:
		free(peer->except);
		break;
	case PN_PEER_NODES:
		pn_match_put(set->node_labels, &peer->nodes);
		break;
	case PN_PEER_DOMAINS:
		pn_intern_unref(peer->domains);
		break;
	}
}

static void free_rule(struct pn_policy_set *set, struct pn_compiled_rule *r)
{
	for (uint32_t i = 0; i < r->n_peers; i++)
		free_peer(set, &r->peers[i]);
	for (uint32_t i = 0; i < r->n_ports; i++)
		pn_intern_unref(r->ports[i].name);
	pn_intern_unref(r->name);
	free(r->peers);
	free(r->ports);
}

/* --- policies --- */

static const struct {
	const char *name;
	char letter;
} kinds[] = {
	[PN_POLICY_NETWORK] = { "NetworkPolicy", 'n' },
	[PN_POLICY_CLUSTER_NETWORK] = { "ClusterNetworkPolicy", 'c' },
	[PN_POLICY_ADMIN_NETWORK] = { "AdminNetworkPolicy", 'a' },
	[PN_POLICY_BASELINE_ADMIN_NETWORK] = { "BaselineAdminNetworkPolicy", 'b' },
};
_Static_assert(PN_ARRAY_SIZE(kinds) == PN_POLICY_KIND_MAX, "a row for each kind");

const char *pn_policy_kind_name(enum pn_policy_kind kind)
{
	return kinds[kind].name;
}

enum pn_policy_kind pn_policy_kind(const struct pn_policy *p)
{
	return p->kind;
}

const char *pn_policy_key(const struct pn_policy *p)
{
	return p->id + 1;
}

const char *pn_policy_name(const struct pn_policy *p)
{
	return p->name;
}

const char *pn_policy_rule_name(const struct pn_policy *p, enum pn_policy_direction direction,
				uint32_t rule)
{
	const char *name = p->rules[direction].v[rule].name;

	return name ? name : "";
}

const char *pn_policy_rule_action(const struct pn_policy *p, enum pn_policy_direction direction,
				  uint32_t rule)
{
	switch (p->rules[direction].v[rule].action) {
	case PN_POLICY_DENY:
		return "Deny";
	case PN_POLICY_PASS:
		return "Pass";
	default:
		return p->kind == PN_POLICY_CLUSTER_NETWORK ? "Accept" : "Allow";
	}
}

enum { ID_LEN = 1 + PN_KEY_LEN };

static size_t make_id(enum pn_policy_kind kind, const struct pn_object *o, char buf[static ID_LEN])
{
	buf[0] = kinds[kind].letter;
	return 1 + strlen(pn_object_key(o, buf + 1));
}

static const char *make_name(enum pn_policy_kind kind, const char *id)
{
	char name[32 + ID_LEN];
	int len = snprintf(name, sizeof(name), "%s/%s", kinds[kind].name, id + 1);

	return pn_intern(name, (size_t)len);
}

int pn_policy_new(enum pn_policy_kind kind, const struct pn_object *o, struct pn_policy **ret)
{
	char id[ID_LEN];
	size_t len = make_id(kind, o, id);
	struct pn_policy *p = calloc(1, sizeof(*p) + len + 1);

	if (!p)
		return -ENOMEM;
	memcpy(p->id, id, len);
	p->name = make_name(kind, p->id);
	if (!p->name) {
		free(p);
		return -ENOMEM;
	}
	p->kind = kind;
	p->object = pn_object_ref(o);
	p->namespaces.id = p->pods.id = PN_MATCH_ALL;
	*ret = p;
	return 0;
}

void pn_policy_free(struct pn_policy_set *set, struct pn_policy *p)
{
	if (!p)
		return;
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++) {
		for (uint32_t i = 0; i < p->rules[d].n; i++)
			free_rule(set, &p->rules[d].v[i]);
		free(p->rules[d].v);
	}
	pn_intern_unref(p->name);
	pn_match_put(set->namespace_labels, &p->namespaces);
	pn_match_put(set->pod_labels, &p->pods);
	if (p->ns)
		pn_namespace_put(set, p->ns);
	pn_object_unref(p->object);
	free(p);
}

/* --- tiers --- */

static struct pn_policy_tier *tier_of(struct pn_policy_set *set, const struct pn_policy *p)
{
	return &set->tiers[p->is_baseline ? PN_TIER_BASELINE : PN_TIER_ADMIN];
}

static bool is_before(const struct pn_policy *a, const struct pn_policy *b)
{
	return a->priority != b->priority ? a->priority < b->priority : strcmp(a->id, b->id) < 0;
}

static int tier_add(struct pn_policy_tier *t, const struct pn_policy *p)
{
	uint32_t at = t->n;

	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 8;
		const struct pn_policy **v =
			reallocarray(t->v, cap, sizeof(const struct pn_policy *));

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->cap = cap;
	}
	while (at && is_before(p, t->v[at - 1]))
		at--;
	memmove(&t->v[at + 1], &t->v[at], (t->n - at) * sizeof(const struct pn_policy *));
	t->v[at] = p;
	t->n++;
	return 0;
}

static void tier_remove(struct pn_policy_tier *t, const struct pn_policy *p)
{
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->v[i] != p)
			continue;
		t->n--;
		memmove(&t->v[i], &t->v[i + 1], (t->n - i) * sizeof(const struct pn_policy *));
		return;
	}
}

/* --- in the set --- */

static void count_rule(struct pn_policy_set *set, const struct pn_compiled_rule *r, uint32_t by)
{
	for (uint32_t i = 0; i < r->n_peers; i++) {
		set->n_blocks +=
			r->peers[i].kind == PN_PEER_BLOCK && !r->peers[i].is_network ? by : 0;
		set->n_nodes_peers += r->peers[i].kind == PN_PEER_NODES ? by : 0;
		set->n_domains_peers += r->peers[i].kind == PN_PEER_DOMAINS ? by : 0;
	}
	for (uint32_t i = 0; i < r->n_ports; i++)
		set->n_named_ports += r->ports[i].name ? by : 0;
}

/* @by: 1, or -1 as an unsigned number */
static void count(struct pn_policy_set *set, const struct pn_policy *p, uint32_t by)
{
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++)
		for (uint32_t i = 0; i < p->rules[d].n; i++)
			count_rule(set, &p->rules[d].v[i], by);
}

static void note_change(struct pn_policy_set *set, struct pn_policy *p)
{
	if (p->ns)
		p->ns->changed = set->now;
	else
		set->tiers_changed = set->now;
}

static int enter(struct pn_policy_set *set, struct pn_policy *p)
{
	int r = 0;

	if (p->kind != PN_POLICY_NETWORK)
		return tier_add(tier_of(set, p), p);
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX && r == 0; d++)
		if (p->holds[d])
			r = pn_subjects_add(&p->ns->subjects[d], p);
	return r;
}

static void leave(struct pn_policy_set *set, struct pn_policy *p)
{
	if (p->kind != PN_POLICY_NETWORK)
		tier_remove(tier_of(set, p), p);
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX && p->ns; d++)
		pn_subjects_remove(&p->ns->subjects[d], p);
}

static void drop(struct pn_policy_set *set, struct pn_policy *p)
{
	HASH_DEL(set->policies, p);
	note_change(set, p);
	count(set, p, UINT32_MAX);
	leave(set, p);
	pn_policy_free(set, p);
}

int pn_policy_admit(struct pn_policy_set *set, struct pn_policy *p)
{
	HASH_ADD_KEYPTR(hh, set->policies, p->id, strlen(p->id), p);
	if (!p->hh.tbl) {
		pn_policy_free(set, p);
		return -ENOMEM;
	}
	note_change(set, p);
	count(set, p, 1);
	if (enter(set, p) == 0)
		return 0;
	drop(set, p);
	return -ENOMEM;
}

void pn_policy_remove(struct pn_policy_set *set, enum pn_policy_kind kind,
		      const struct pn_object *o)
{
	struct pn_policy *p;
	char id[ID_LEN];
	size_t len = make_id(kind, o, id);

	HASH_FIND(hh, set->policies, id, len, p);
	if (p)
		drop(set, p);
}

static struct pn_policy *find(const struct pn_policy_set *set, enum pn_policy_kind kind,
			      const char *key)
{
	struct pn_policy *p;
	char id[ID_LEN];

	(void)snprintf(id, sizeof(id), "%c%s", kinds[kind].letter, key);
	HASH_FIND_STR(set->policies, id, p);
	return p;
}

bool pn_policy_has(const struct pn_policy_set *set, enum pn_policy_kind kind, const char *key)
{
	return find(set, kind, key);
}

bool pn_policy_delete(struct pn_policy_set *set, enum pn_policy_kind kind, const char *key)
{
	struct pn_policy *p = find(set, kind, key);

	if (p)
		drop(set, p);
	return p;
}

void pn_policies_free(struct pn_policy_set *set)
{
	struct pn_policy *p, *next;

	HASH_ITER (hh, set->policies, p, next)
		drop(set, p);
	for (unsigned int i = 0; i < PN_TIER_MAX; i++)
		free(set->tiers[i].v);
}
