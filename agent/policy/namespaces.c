/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces: their labels, and the NetworkPolicies in them. One is there as soon as a pod or a
 * policy names it, since lists come in any order; until its object comes it has no label but its
 * name.
 */
#include <errno.h>

#include "base/intern.h"
#include "policy/private.h"

/* Every namespace carries its name as a label; the API server sees to that. */
static const char name_label[] = "kubernetes.io/metadata.name";

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct pn_label *)a)->key, ((const struct pn_label *)b)->key);
}

/* @o: NULL: none but the name. */
static int labels_of(struct pn_policy_set *set, const char *name, const struct pn_object *o,
		     struct pn_label_set **ret)
{
	uint32_t n = o ? o->n_labels : 0;
	struct pn_label *labels;
	int r;

	if (o && pn_object_label(o, name_label))
		return pn_label_set_get(set->namespace_labels, o->labels, n, ret);
	labels = calloc(n + 1, sizeof(*labels));
	if (!labels)
		return -ENOMEM;
	if (n)
		memcpy(labels, o->labels, n * sizeof(*labels));
	labels[n++] = (struct pn_label) { name_label, name };
	qsort(labels, n, sizeof(*labels), compare_keys);
	r = pn_label_set_get(set->namespace_labels, labels, n, ret);
	free(labels);
	return r;
}

static void free_namespace(struct pn_policy_set *set, struct pn_policy_namespace *ns)
{
	pn_label_set_put(set->namespace_labels, ns->labels);
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++)
		free(ns->subjects[d].v);
	pn_object_unref(ns->object);
	pn_intern_unref(ns->name);
	free(ns);
}

static int namespace_new(struct pn_policy_set *set, const char *name,
			 struct pn_policy_namespace **ret)
{
	struct pn_policy_namespace *ns = calloc(1, sizeof(*ns));

	if (!ns)
		return -ENOMEM;
	ns->name = pn_intern(name, strlen(name));
	if (!ns->name || labels_of(set, name, NULL, &ns->labels) < 0) {
		free_namespace(set, ns);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(hh, set->namespaces, ns->name, strlen(ns->name), ns);
	if (!ns->hh.tbl) {
		free_namespace(set, ns);
		return -ENOMEM;
	}
	*ret = ns;
	return 0;
}

int pn_namespace_get(struct pn_policy_set *set, const char *name, struct pn_policy_namespace **ret)
{
	struct pn_policy_namespace *ns;
	int r = 0;

	HASH_FIND_STR(set->namespaces, name, ns);
	if (!ns)
		r = namespace_new(set, name, &ns);
	if (r < 0)
		return r;
	ns->n_users++;
	*ret = ns;
	return 0;
}

void pn_namespace_put(struct pn_policy_set *set, struct pn_policy_namespace *ns)
{
	if (--ns->n_users)
		return;
	HASH_DEL(set->namespaces, ns);
	free_namespace(set, ns);
}

static int set_object(struct pn_policy_set *set, struct pn_policy_namespace *ns,
		      const struct pn_object *o)
{
	struct pn_label_set *labels;
	int r = labels_of(set, ns->name, o, &labels);

	if (r < 0)
		return r;
	if (labels != ns->labels)
		ns->changed = set->now;
	pn_label_set_put(set->namespace_labels, ns->labels);
	ns->labels = labels;
	pn_object_unref(ns->object);
	ns->object = o ? pn_object_ref(o) : NULL;
	return 0;
}

/* The object is a user too, for as long as it is there. */
int pn_namespace_apply(struct pn_policy_set *set, const struct pn_object *o)
{
	struct pn_policy_namespace *ns;
	bool was_there;
	int r = pn_namespace_get(set, o->name, &ns);

	if (r < 0)
		return r;
	was_there = ns->object;
	r = set_object(set, ns, o);
	if (r < 0 || was_there)
		pn_namespace_put(set, ns);
	return r;
}

/* Without memory for fewer labels it keeps those that it had. */
void pn_namespace_remove(struct pn_policy_set *set, const struct pn_object *o)
{
	struct pn_policy_namespace *ns;

	HASH_FIND_STR(set->namespaces, o->name, ns);
	if (!ns || !ns->object)
		return;
	if (set_object(set, ns, NULL) < 0) {
		pn_object_unref(ns->object);
		ns->object = NULL;
	}
	pn_namespace_put(set, ns);
}

/* Pods and policies have given theirs back. */
void pn_namespaces_free(struct pn_policy_set *set)
{
	struct pn_policy_namespace *ns, *next;

	HASH_ITER (hh, set->namespaces, ns, next)
		pn_namespace_put(set, ns);
}

/* --- policies in it --- */

int pn_subjects_add(struct pn_policy_subjects *s, const struct pn_policy *p)
{
	uint32_t at = s->n;

	if (s->n == s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 8;
		struct pn_policy_subject *v = reallocarray(s->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	while (at && strcmp(s->v[at - 1].policy->id, p->id) > 0)
		at--;
	memmove(&s->v[at + 1], &s->v[at], (s->n - at) * sizeof(s->v[0]));
	s->v[at] = (struct pn_policy_subject) { p->pods.id, p };
	s->n++;
	return 0;
}

void pn_subjects_remove(struct pn_policy_subjects *s, const struct pn_policy *p)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->v[i].policy != p)
			continue;
		s->n--;
		memmove(&s->v[i], &s->v[i + 1], (s->n - i) * sizeof(s->v[0]));
		return;
	}
}
