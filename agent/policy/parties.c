/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selectors for workloads. A workload's labels are those that all its pods have and keep; where the
 * pods of others have these as well, what tells them apart is added: a label that the others have
 * (NotIn, DoesNotExist) or lack (Exists). What nothing tells apart is one party.
 *
 * Pods that only differ in passing labels are one variant, so that the work does not grow with the
 * number of pods.
 */
#include "policy/parties.h"

#include <errno.h>

#include "base/buf.h"
#include "policy/private.h"

/* A set of lasting labels in a namespace. */
struct variant {
	UT_hash_handle hh; /* by text, in its namespace */
	struct party *party;
	struct variant *next_in_party;
	uint32_t n;
	const struct pn_label **labels;
	char text[];
};

/* @into: NULL, or the party that this one has become a part of */
struct party {
	struct pn_party public;
	struct party *next, *into;
	struct variant *variants;
};

struct owner {
	UT_hash_handle hh;
	const struct pn_policy_workload *workload;
	struct party *party;
};

struct space {
	UT_hash_handle hh;
	const char *name;
	struct variant *variants;
	struct party *parties, **tail;
};

struct pn_parties {
	struct space *spaces;
	struct owner *owners;
	struct pn_buf text; /* scratch */
};

/* --- labels --- */

/* Changes with each version of what it stands on, or is the same for all that one tool has made. */
static bool is_unsteady(const char *key)
{
	static const char *const keys[] = { "app.kubernetes.io/version", "helm.sh/chart", "chart",
					    "app.kubernetes.io/managed-by", "version" };

	for (size_t i = 0; i < PN_ARRAY_SIZE(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

/* Return: NULL if it has no such label */
static const char *value_of(const struct variant *v, const char *key)
{
	for (uint32_t i = 0; i < v->n; i++)
		if (strcmp(v->labels[i]->key, key) == 0)
			return v->labels[i]->value;
	return NULL;
}

static bool has(const struct variant *v, const struct pn_label *l)
{
	const char *value = value_of(v, l->key);

	return value && strcmp(value, l->value) == 0;
}

static bool any_has_key(const struct party *p, const char *key)
{
	for (const struct variant *v = p->variants; v; v = v->next_in_party)
		if (value_of(v, key))
			return true;
	return false;
}

static bool all_have_key(const struct party *p, const char *key)
{
	for (const struct variant *v = p->variants; v; v = v->next_in_party)
		if (!value_of(v, key))
			return false;
	return true;
}

static bool any_has(const struct party *p, const struct pn_label *l)
{
	for (const struct variant *v = p->variants; v; v = v->next_in_party)
		if (has(v, l))
			return true;
	return false;
}

static bool all_have(const struct party *p, const struct pn_label *l)
{
	for (const struct variant *v = p->variants; v; v = v->next_in_party)
		if (!has(v, l))
			return false;
	return true;
}

/* --- variants --- */

static int describe(struct pn_buf *b, const struct pn_label_set *set)
{
	int r = pn_buf_put(b, "", 0);

	pn_buf_reset(b);
	for (uint32_t i = 0; i < set->n_labels && r == 0; i++)
		if (!pn_label_is_passing(set->labels[i].key))
			r = pn_buf_printf(b, "%s%c%s%c", set->labels[i].key, 0,
					  set->labels[i].value, 0);
	return r;
}

static struct variant *variant_new(const struct pn_buf *text, const struct pn_label_set *set)
{
	struct variant *v = calloc(1, sizeof(*v) + text->len + 1);

	if (!v)
		return NULL;
	v->labels = calloc(set->n_labels + 1, sizeof(const struct pn_label *));
	if (!v->labels) {
		free(v);
		return NULL;
	}
	if (text->len)
		memcpy(v->text, text->data, text->len);
	for (uint32_t i = 0; i < set->n_labels; i++)
		if (!pn_label_is_passing(set->labels[i].key))
			v->labels[v->n++] = &set->labels[i];
	return v;
}

static void variant_free(struct variant *v)
{
	free(v->labels);
	free(v);
}

static struct variant *variant_get(struct pn_buf *text, struct space *s,
				   const struct pn_label_set *set)
{
	struct variant *v;

	if (describe(text, set) < 0)
		return NULL;
	HASH_FIND(hh, s->variants, text->data ? text->data : "", text->len, v);
	if (v)
		return v;
	v = variant_new(text, set);
	if (!v)
		return NULL;
	HASH_ADD_KEYPTR(hh, s->variants, v->text, text->len, v);
	if (v->hh.tbl)
		return v;
	variant_free(v);
	return NULL;
}

/* --- parties --- */

static int add_workload(struct party *p, const struct pn_policy_workload *w)
{
	const struct pn_policy_workload **v =
		reallocarray(p->public.workloads, p->public.n_workloads + 1,
			     sizeof(const struct pn_policy_workload *));

	if (!v)
		return -ENOMEM;
	p->public.workloads = v;
	v[p->public.n_workloads++] = w;
	return 0;
}

/* @from becomes a part of @to. */
static int merge(struct party *to, struct party *from)
{
	int r = 0;

	for (uint32_t i = 0; i < from->public.n_workloads && r == 0; i++)
		r = add_workload(to, from->public.workloads[i]);
	from->into = to;
	for (struct variant *v = from->variants, *next; v; v = next) {
		next = v->next_in_party;
		v->party = to;
		v->next_in_party = to->variants;
		to->variants = v;
	}
	from->variants = NULL;
	return r;
}

static int join_variant(struct party *p, struct variant *v)
{
	if (v->party == p)
		return 0;
	if (v->party)
		return merge(p, v->party);
	v->party = p;
	v->next_in_party = p->variants;
	p->variants = v;
	return 0;
}

static struct space *space_get(struct pn_parties *all, const char *name)
{
	struct space *s;

	HASH_FIND_STR(all->spaces, name, s);
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->name = name;
	s->tail = &s->parties;
	HASH_ADD_KEYPTR(hh, all->spaces, name, strlen(name), s);
	if (s->hh.tbl)
		return s;
	free(s);
	return NULL;
}

static int own(struct pn_parties *all, const struct pn_policy_workload *w, struct party *p)
{
	struct owner *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->workload = w;
	o->party = p;
	HASH_ADD_PTR(all->owners, workload, o);
	if (o->hh.tbl)
		return 0;
	free(o);
	return -ENOMEM;
}

static struct party *party_add(struct space *s)
{
	struct party *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->public.name_space = s->name;
	*s->tail = p;
	s->tail = &p->next;
	return p;
}

static int take_workload(void *data, const struct pn_policy_workload *w)
{
	struct pn_parties *all = data;
	struct space *s = space_get(all, w->name_space);
	struct party *p = NULL;
	int r = s ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < w->n_pods && r == 0; i++) {
		struct variant *v;

		if (!w->pods[i]->is_subject)
			continue;
		v = variant_get(&all->text, s, w->pods[i]->labels);
		p = p ? p : party_add(s);
		r = v && p ? join_variant(p, v) : -ENOMEM;
	}
	if (r < 0 || !p)
		return r;
	r = add_workload(p, w);
	return r < 0 ? r : own(all, w, p);
}

/* --- selectors --- */

static int add_requirement(struct pn_party *p, const char *key, enum pn_selector_op op)
{
	struct pn_party_requirement *v =
		reallocarray(p->requirements, p->n_requirements + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	p->requirements = v;
	v[p->n_requirements++] = (struct pn_party_requirement) { .key = key, .op = op };
	return 0;
}

static int add_value(struct pn_party_requirement *q, const char *value)
{
	const char **v = reallocarray(q->values, q->n_values + 1, sizeof(const char *));

	if (!v)
		return -ENOMEM;
	q->values = v;
	v[q->n_values++] = value;
	return 0;
}

static int exclude_value(struct pn_party *p, const struct pn_label *l)
{
	uint32_t i = 0;
	int r = 0;

	while (i < p->n_requirements && !(p->requirements[i].op == PN_SELECTOR_NOT_IN &&
					  strcmp(p->requirements[i].key, l->key) == 0))
		i++;
	if (i == p->n_requirements)
		r = add_requirement(p, l->key, PN_SELECTOR_NOT_IN);
	return r < 0 ? r : add_value(&p->requirements[i], l->value);
}

static bool requirement_holds(const struct pn_party_requirement *q, const struct variant *v)
{
	const char *value = value_of(v, q->key);

	if (q->op != PN_SELECTOR_NOT_IN)
		return !value == (q->op == PN_SELECTOR_DOES_NOT_EXIST);
	for (uint32_t i = 0; i < q->n_values; i++)
		if (value && strcmp(value, q->values[i]) == 0)
			return false;
	return true;
}

static bool is_selected(const struct pn_party *p, const struct variant *v)
{
	for (uint32_t i = 0; i < p->n_labels; i++)
		if (!has(v, p->labels[i]))
			return false;
	for (uint32_t i = 0; i < p->n_requirements; i++)
		if (!requirement_holds(&p->requirements[i], v))
			return false;
	return true;
}

static bool selects_others(const struct space *s, const struct party *p)
{
	for (const struct variant *v = s->variants; v; v = v->hh.next)
		if (v->party != p && is_selected(&p->public, v))
			return true;
	return false;
}

/* Return: a label of @v that none of the party has, or whose key none has; NULL if there is none */
static const struct pn_label *foreign_label(const struct party *p, const struct variant *v,
					    bool by_key, bool is_steady)
{
	for (uint32_t i = 0; i < v->n; i++) {
		const struct pn_label *l = v->labels[i];

		if (is_unsteady(l->key) == is_steady)
			continue;
		if (by_key ? !any_has_key(p, l->key) : !any_has(p, l))
			return l;
	}
	return NULL;
}

/* Return: a key that all of the party have and @v has not; NULL if there is none */
static const char *missing_key(const struct party *p, const struct variant *v)
{
	const struct variant *own = p->variants;

	for (uint32_t i = 0; i < own->n; i++)
		if (!value_of(v, own->labels[i]->key) && all_have_key(p, own->labels[i]->key))
			return own->labels[i]->key;
	return NULL;
}

/* Return: 1, 0 if no requirement keeps @v out, or -ENOMEM */
static int keep_out(struct party *p, const struct variant *v)
{
	const char *missing = missing_key(p, v);

	for (int is_steady = 1; is_steady >= 0; is_steady--) {
		const struct pn_label *l = foreign_label(p, v, true, is_steady);

		if (l)
			return add_requirement(&p->public, l->key, PN_SELECTOR_DOES_NOT_EXIST) < 0
				       ? -ENOMEM
				       : 1;
		l = foreign_label(p, v, false, is_steady);
		if (l)
			return exclude_value(&p->public, l) < 0 ? -ENOMEM : 1;
	}
	if (missing)
		return add_requirement(&p->public, missing, PN_SELECTOR_EXISTS) < 0 ? -ENOMEM : 1;
	return 0;
}

static void drop_selector(struct pn_party *p)
{
	for (uint32_t i = 0; i < p->n_requirements; i++)
		free(p->requirements[i].values);
	free(p->requirements);
	free(p->labels);
	p->requirements = NULL;
	p->labels = NULL;
	p->n_requirements = p->n_labels = 0;
}

/* Those that all its pods have. */
static int take_labels(struct party *p, bool with_unsteady)
{
	const struct variant *v = p->variants;

	drop_selector(&p->public);
	p->public.labels = calloc(v->n + 1, sizeof(const struct pn_label *));
	if (!p->public.labels)
		return -ENOMEM;
	for (uint32_t i = 0; i < v->n; i++)
		if (all_have(p, v->labels[i]) && (with_unsteady || !is_unsteady(v->labels[i]->key)))
			p->public.labels[p->public.n_labels++] = v->labels[i];
	return 0;
}

/* Return: 0; 1 if it has become larger, and all begins anew; -ENOMEM */
static int select_party(const struct space *s, struct party *p)
{
	int r = take_labels(p, false);

	if (r == 0 && (!p->public.n_labels || selects_others(s, p)))
		r = take_labels(p, true);
	for (const struct variant *v = s->variants; v && r >= 0; v = v->hh.next) {
		if (v->party == p || !is_selected(&p->public, v))
			continue;
		r = keep_out(p, v);
		if (r == 0) {
			r = merge(p, v->party);
			return r < 0 ? r : 1;
		}
	}
	return PN_MIN(r, 0);
}

static int select_all(const struct space *s)
{
	struct party *p = s->parties;

	while (p) {
		int r = p->into ? 0 : select_party(s, p);

		if (r < 0)
			return r;
		p = r == 1 ? s->parties : p->next;
	}
	return 0;
}

/* --- all of them --- */

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct pn_policy_workload *const *)a)->key,
		      (*(const struct pn_policy_workload *const *)b)->key);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_party(struct pn_party *p)
{
	qsort(p->workloads, p->n_workloads, sizeof(const struct pn_policy_workload *), by_key);
	for (uint32_t i = 0; i < p->n_requirements; i++)
		if (p->requirements[i].n_values)
			qsort(p->requirements[i].values, p->requirements[i].n_values,
			      sizeof(const char *), by_text);
}

int pn_parties_new(const struct pn_policy_workloads *workloads, struct pn_parties **ret)
{
	struct pn_parties *all = calloc(1, sizeof(*all));
	int r;

	if (!all)
		return -ENOMEM;
	all->text = PN_BUF_INIT((size_t)16 << 20);
	r = pn_policy_workloads_each(workloads, take_workload, all);
	for (const struct space *s = all->spaces; s && r == 0; s = s->hh.next) {
		r = select_all(s);
		for (struct party *p = s->parties; p && r == 0; p = p->next)
			if (!p->into)
				sort_party(&p->public);
	}
	if (r < 0) {
		pn_parties_free(all);
		return -ENOMEM;
	}
	*ret = all;
	return 0;
}

static void free_space(struct space *s)
{
	struct variant *v, *next_v;

	for (struct party *p = s->parties, *next; p; p = next) {
		next = p->next;
		drop_selector(&p->public);
		free(p->public.workloads);
		free(p);
	}
	HASH_ITER (hh, s->variants, v, next_v) {
		HASH_DEL(s->variants, v);
		variant_free(v);
	}
	free(s);
}

void pn_parties_free(struct pn_parties *all)
{
	struct space *s, *next_s;
	struct owner *o, *next_o;

	if (!all)
		return;
	HASH_ITER (hh, all->owners, o, next_o) {
		HASH_DEL(all->owners, o);
		free(o);
	}
	HASH_ITER (hh, all->spaces, s, next_s) {
		HASH_DEL(all->spaces, s);
		free_space(s);
	}
	pn_buf_done(&all->text);
	free(all);
}

const struct pn_party *pn_party_of(const struct pn_parties *all, const struct pn_policy_workload *w)
{
	const struct party *p;
	const struct owner *o;

	HASH_FIND_PTR(all->owners, &w, o);
	p = o ? o->party : NULL;
	while (p && p->into)
		p = p->into;
	return p ? &p->public : NULL;
}
