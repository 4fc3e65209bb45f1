/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods, nodes and Services: found by name, and by address where a verdict may depend on it. An
 * address can be claimed by several at a time, as after a pod whose end has not been seen yet; who
 * counts does not depend on the order in which they came.
 */
#include <errno.h>

#include "base/addr.h"
#include "policy/private.h"

/* --- addresses --- */

static struct pn_policy_place *place_get(struct pn_policy_set *set, const struct pn_addr *addr)
{
	struct pn_policy_place *p;

	HASH_FIND(hh, set->places, addr, sizeof(*addr), p);
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->addr = *addr;
	HASH_ADD(hh, set->places, addr, sizeof(p->addr), p);
	if (p->hh.tbl)
		return p;
	free(p);
	return NULL;
}

static void release_claim(struct pn_policy_set *set, struct pn_policy_claim *c)
{
	struct pn_policy_claim **at = &c->place->claims;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->place->claims)
		return;
	HASH_DEL(set->places, c->place);
	free(c->place);
}

static void release_claims(struct pn_policy_set *set, struct pn_policy_member *m)
{
	for (uint32_t i = 0; i < m->n_claims; i++)
		release_claim(set, &m->claims[i]);
	free(m->claims);
	m->claims = NULL;
	m->n_claims = 0;
}

static int claim(struct pn_policy_set *set, struct pn_policy_member *m, const struct pn_addr *addrs,
		 uint32_t n)
{
	m->claims = calloc(n + 1, sizeof(*m->claims));
	if (!m->claims)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct pn_policy_claim *c = &m->claims[i];

		c->place = place_get(set, &addrs[i]);
		if (!c->place)
			return -ENOMEM;
		c->by = m;
		c->next = c->place->claims;
		c->place->claims = c;
		m->n_claims++;
	}
	return 0;
}

/* A pod before a node before a Service, then the newer one, then by name. */
static bool is_better(const struct pn_policy_member *a, const struct pn_policy_member *b)
{
	static const uint8_t order[PN_KIND_MAX] = { [PN_KIND_NODE] = 1, [PN_KIND_SERVICE] = 2 };
	const struct pn_object *x = a->object, *y = b->object;

	if (order[x->kind] != order[y->kind])
		return order[x->kind] < order[y->kind];
	if (x->created_s != y->created_s)
		return x->created_s > y->created_s;
	return strcmp(a->key, b->key) < 0;
}

/* Return: NULL if nobody has it */
static const struct pn_policy_member *owner_of(const struct pn_policy_set *set,
					       const struct pn_addr *addr)
{
	const struct pn_policy_member *best = NULL;
	const struct pn_policy_place *p;

	HASH_FIND(hh, set->places, addr, sizeof(*addr), p);
	for (const struct pn_policy_claim *c = p ? p->claims : NULL; c; c = c->next)
		if (!best || is_better(c->by, best))
			best = c->by;
	return best;
}

/* --- members --- */

static struct pn_policy_member **table_of(struct pn_policy_set *set, enum pn_kind_id kind)
{
	switch (kind) {
	case PN_KIND_POD:
		return &set->pods;
	case PN_KIND_NODE:
		return &set->nodes;
	default:
		return &set->services;
	}
}

const struct pn_policy_member *pn_policy_find(const struct pn_policy_set *set, enum pn_kind_id kind,
					      const char *key, size_t len)
{
	const struct pn_policy_member *table =
		*table_of((struct pn_policy_set *)(uintptr_t)set, kind);
	struct pn_policy_member *m;

	HASH_FIND(hh, table, key, len, m);
	return m;
}

/* How much of the beginnings is equal; where all of @key is, the shortest name is the nearest. */
static size_t likeness(const char *key, const char *name)
{
	size_t n = 0;

	while (key[n] && key[n] == name[n])
		n++;
	return n;
}

/* Names of pods are mostly a workload's with something behind it, which nobody knows by heart. */
const char *pn_policy_nearest_pod(const struct pn_policy_set *set, const char *key)
{
	const char *slash = strchr(key, '/'), *near = NULL;
	size_t best = slash ? (size_t)(slash - key) + 2 : SIZE_MAX;
	const struct pn_policy_member *m;

	for (m = set->pods; m; m = m->hh.next) {
		size_t n = likeness(key, m->key);

		if (n < best || (n == best && near && strcmp(m->key, near) >= 0))
			continue;
		best = n;
		near = m->key;
	}
	return near;
}

const struct pn_object *pn_policy_member_object(const struct pn_policy_member *m)
{
	return m->object;
}

static void free_member(struct pn_policy_set *set, struct pn_policy_member *m)
{
	struct pn_labels *world =
		m->object->kind == PN_KIND_POD ? set->pod_labels : set->node_labels;

	release_claims(set, m);
	if (m->ns)
		pn_namespace_put(set, m->ns);
	pn_label_set_put(world, m->labels);
	pn_object_unref(m->object);
	free(m);
}

static struct pn_policy_member *member_get(struct pn_policy_set *set, const struct pn_object *o)
{
	struct pn_policy_member **table = table_of(set, (enum pn_kind_id)o->kind), *m;
	char key[PN_KEY_LEN];
	size_t len = strlen(pn_object_key(o, key));

	HASH_FIND(hh, *table, key, len, m);
	if (m)
		return m;
	m = calloc(1, sizeof(*m) + len + 1);
	if (!m)
		return NULL;
	memcpy(m->key, key, len);
	HASH_ADD_KEYPTR(hh, *table, m->key, len, m);
	if (!m->hh.tbl) {
		free(m);
		return NULL;
	}
	m->object = pn_object_ref(o);
	return m;
}

static bool is_finished(const struct pn_pod *pod)
{
	return pod->phase == PN_POD_SUCCEEDED || pod->phase == PN_POD_FAILED;
}

/* The addresses by which others may mean it: those of host-network pods are their node's. */
static uint32_t addrs_of(const struct pn_object *o, const struct pn_addr **ret)
{
	const struct pn_pod *pod = pn_object_pod(o);
	const struct pn_node *node = pn_object_node(o);
	const struct pn_service *service = pn_object_service(o);

	*ret = NULL;
	if (pod) {
		*ret = pod->addrs;
		return pod->host_network || is_finished(pod) ? 0 : pod->n_addrs;
	}
	*ret = node ? node->addrs : service->addrs;
	return node ? node->n_addrs : service->n_addrs;
}

static int set_addrs(struct pn_policy_set *set, struct pn_policy_member *m,
		     const struct pn_object *o)
{
	const struct pn_addr *addrs;
	uint32_t n = addrs_of(o, &addrs);
	bool same = n == m->n_claims && m->claims;

	for (uint32_t i = 0; same && i < n; i++)
		same = pn_addr_eq(&m->claims[i].place->addr, &addrs[i]);
	if (same)
		return 0;
	release_claims(set, m);
	return claim(set, m, addrs, n);
}

static int set_labels(struct pn_policy_set *set, struct pn_policy_member *m,
		      const struct pn_object *o)
{
	struct pn_labels *world = o->kind == PN_KIND_POD ? set->pod_labels : set->node_labels;
	struct pn_label_set *labels;
	int r;

	if (o->kind == PN_KIND_SERVICE)
		return 0;
	r = pn_label_set_get(world, o->labels, o->n_labels, &labels);
	if (r < 0)
		return r;
	if (labels != m->labels)
		m->changed = set->now;
	pn_label_set_put(world, m->labels);
	m->labels = labels;
	return 0;
}

int pn_member_apply(struct pn_policy_set *set, const struct pn_object *o)
{
	struct pn_policy_member *m = member_get(set, o);
	const struct pn_object *before;
	int r;

	if (!m)
		return -ENOMEM;
	r = set_labels(set, m, o);
	if (r == 0)
		r = set_addrs(set, m, o);
	if (r == 0 && o->kind == PN_KIND_POD && !m->ns)
		r = pn_namespace_get(set, o->name_space, &m->ns);
	if (r < 0) {
		pn_member_remove(set, o);
		return r;
	}
	m->is_subject = o->kind == PN_KIND_POD && !pn_object_pod(o)->host_network;
	before = m->object;
	m->object = pn_object_ref(o);
	pn_object_unref(before);
	return 0;
}

void pn_member_remove(struct pn_policy_set *set, const struct pn_object *o)
{
	struct pn_policy_member **table = table_of(set, (enum pn_kind_id)o->kind), *m;
	char key[PN_KEY_LEN];

	(void)pn_object_key(o, key);
	HASH_FIND_STR(*table, key, m);
	if (!m)
		return;
	HASH_DEL(*table, m);
	free_member(set, m);
}

static void free_table(struct pn_policy_set *set, struct pn_policy_member **table)
{
	struct pn_policy_member *m, *next;

	HASH_ITER (hh, *table, m, next) {
		HASH_DEL(*table, m);
		free_member(set, m);
	}
}

void pn_members_free(struct pn_policy_set *set)
{
	free_table(set, &set->pods);
	free_table(set, &set->nodes);
	free_table(set, &set->services);
}

/* --- ends --- */

/* Of a host-network pod: by its name, or by the address that they share. */
static const struct pn_policy_member *node_of(const struct pn_policy_set *set,
					      const struct pn_pod *pod)
{
	const struct pn_policy_member *node =
		pn_policy_find(set, PN_KIND_NODE, pod->node_name, strlen(pod->node_name));

	for (uint32_t i = 0; !node && i < pod->n_addrs; i++) {
		const struct pn_policy_member *m = owner_of(set, &pod->addrs[i]);

		node = m && m->object->kind == PN_KIND_NODE ? m : NULL;
	}
	return node;
}

void pn_policy_end_pod(const struct pn_policy_set *set, const struct pn_policy_member *pod,
		       struct pn_policy_end *ret)
{
	const struct pn_pod *p = pn_object_pod(pod->object);

	*ret = (struct pn_policy_end) { .pod = pod, .has_addr = p->n_addrs };
	if (ret->has_addr)
		ret->addr = p->addrs[0];
	if (p->host_network)
		ret->node = node_of(set, p);
}

void pn_policy_end_addr(const struct pn_policy_set *set, const struct pn_addr *addr,
			struct pn_policy_end *ret)
{
	const struct pn_policy_member *m = owner_of(set, addr);

	*ret = (struct pn_policy_end) { .addr = *addr, .has_addr = true };
	if (m && m->object->kind == PN_KIND_POD)
		ret->pod = m;
	else if (m && m->object->kind == PN_KIND_NODE)
		ret->node = m;
	else
		ret->service = m;
}

void pn_policy_end_family(struct pn_policy_end *end, const struct pn_addr *other)
{
	const struct pn_pod *p = end->pod ? pn_object_pod(end->pod->object) : NULL;

	for (uint32_t i = 0; p && i < p->n_addrs; i++) {
		if (pn_addr_is_v4(&p->addrs[i]) != pn_addr_is_v4(other))
			continue;
		end->addr = p->addrs[i];
		return;
	}
}
