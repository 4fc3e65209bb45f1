/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From pods to workloads by pods alone, since a file or a role may hold nothing else: a ReplicaSet's
 * pods carry the part that its name adds to the Deployment's as a label, and a Job of a CronJob has
 * the time behind the CronJob's name.
 */
#include "policy/workloads.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "policy/private.h"

enum { KIND_LEN = 64, WORKLOAD_KEY_LEN = PN_KEY_LEN + KIND_LEN };

/* From a pod to its workload. */
struct entry {
	UT_hash_handle hh;
	const struct pn_policy_member *pod;
	const struct pn_policy_workload *workload;
};

struct pn_policy_workloads {
	struct pn_policy_workload *all;
	struct entry *entries;
};

bool pn_label_is_passing(const char *key)
{
	static const char *const keys[] = {
		"pod-template-hash",
		"pod-template-generation",
		"controller-revision-hash",
		"controller-uid",
		"job-name",
		"statefulset.kubernetes.io/pod-name",
		"apps.kubernetes.io/pod-index",
	};

	for (size_t i = 0; i < PN_ARRAY_SIZE(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return strncmp(key, "batch.kubernetes.io/", 20) == 0;
}

/* --- names --- */

/* Return: how long @name is without "-" and @tail; 0 if it does not end in that */
static size_t without_tail(const char *name, const char *tail)
{
	size_t n = strlen(name), n_tail = strlen(tail);

	if (!n_tail || n < n_tail + 2 || name[n - n_tail - 1] != '-' ||
	    strcmp(name + n - n_tail, tail) != 0)
		return 0;
	return n - n_tail - 1;
}

/* A CronJob's Jobs end in the minutes since 1970. */
static size_t without_minutes(const char *name)
{
	const char *dash = strrchr(name, '-');
	size_t n = 0;

	while (dash && isdigit((unsigned char)dash[n + 1]))
		n++;
	return dash && dash > name && n >= 8 && !dash[n + 1] ? (size_t)(dash - name) : 0;
}

/* "kind/name" */
static void name_workload(const struct pn_policy_member *pod, char *buf, size_t size)
{
	const struct pn_controller *by = pod->object->controller;
	const char *hash = pn_label_set_value(pod->labels, "pod-template-hash"), *kind = by->kind;
	size_t n = 0;

	if (!*by->kind || strcmp(by->kind, "Node") == 0) {
		(void)snprintf(buf, size, "Pod/%s", pod->object->name);
		return;
	}
	if (strcmp(by->kind, "ReplicaSet") == 0 && hash) {
		n = without_tail(by->name, hash);
		kind = n ? "Deployment" : kind;
	} else if (strcmp(by->kind, "Job") == 0) {
		n = without_minutes(by->name);
		kind = n ? "CronJob" : kind;
	}
	(void)snprintf(buf, size, "%.*s/%.*s", KIND_LEN - 1, kind,
		       n ? (int)n : (int)strlen(by->name), by->name);
}

/* --- the table --- */

static struct pn_policy_workload *add_workload(struct pn_policy_workloads *all, const char *key)
{
	size_t len = strlen(key), name_at, kind_at;
	struct pn_policy_workload *w = calloc(1, sizeof(*w) + 2 * (len + 1));
	char *copy;

	if (!w)
		return NULL;
	memcpy(w->key, key, len + 1);
	copy = w->key + len + 1;
	memcpy(copy, key, len + 1);
	kind_at = strcspn(copy, "/") + 1;
	name_at = kind_at + strcspn(copy + kind_at, "/") + 1;
	copy[kind_at - 1] = copy[name_at - 1] = '\0';
	w->name_space = copy;
	w->kind = copy + kind_at;
	w->name = copy + name_at;
	HASH_ADD_KEYPTR(hh, all->all, w->key, len, w);
	if (w->hh.tbl)
		return w;
	free(w);
	return NULL;
}

static struct pn_policy_workload *get_workload(struct pn_policy_workloads *all,
					       const struct pn_policy_member *pod)
{
	char name[WORKLOAD_KEY_LEN], key[WORKLOAD_KEY_LEN + 64];
	struct pn_policy_workload *w;

	name_workload(pod, name, sizeof(name));
	(void)snprintf(key, sizeof(key), "%s/%s", pod->object->name_space, name);
	HASH_FIND_STR(all->all, key, w);
	return w ? w : add_workload(all, key);
}

static int append(struct pn_policy_workload *w, const struct pn_policy_member *pod)
{
	if (w->n_pods == w->cap) {
		uint32_t cap = w->cap ? w->cap * 2 : 4;
		const struct pn_policy_member **v =
			reallocarray(w->pods, cap, sizeof(const struct pn_policy_member *));

		if (!v)
			return -ENOMEM;
		w->pods = v;
		w->cap = cap;
	}
	w->pods[w->n_pods++] = pod;
	return 0;
}

static int add_pod(struct pn_policy_workloads *all, const struct pn_policy_member *pod)
{
	struct pn_policy_workload *w = get_workload(all, pod);
	struct entry *e = w && append(w, pod) == 0 ? calloc(1, sizeof(*e)) : NULL;

	if (!e)
		return -ENOMEM;
	e->pod = pod;
	e->workload = w;
	HASH_ADD_PTR(all->entries, pod, e);
	if (e->hh.tbl)
		return 0;
	free(e);
	return -ENOMEM;
}

static int by_key(const struct pn_policy_workload *a, const struct pn_policy_workload *b)
{
	return strcmp(a->key, b->key);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct pn_policy_member *const *)a)->key,
		      (*(const struct pn_policy_member *const *)b)->key);
}

int pn_policy_workloads_new(const struct pn_policy_set *set, struct pn_policy_workloads **ret)
{
	struct pn_policy_workloads *all = calloc(1, sizeof(*all));
	const struct pn_policy_member *pod;
	int r = all ? 0 : -ENOMEM;

	for (pod = set->pods; pod && r == 0; pod = pod->hh.next)
		r = add_pod(all, pod);
	if (r < 0) {
		pn_policy_workloads_free(all);
		return r;
	}
	HASH_SRT(hh, all->all, by_key);
	for (struct pn_policy_workload *w = all->all; w; w = w->hh.next)
		qsort(w->pods, w->n_pods, sizeof(const struct pn_policy_member *), by_name);
	*ret = all;
	return 0;
}

void pn_policy_workloads_free(struct pn_policy_workloads *all)
{
	struct pn_policy_workload *w, *next_w;
	struct entry *e, *next;

	if (!all)
		return;
	HASH_ITER (hh, all->entries, e, next) {
		HASH_DEL(all->entries, e);
		free(e);
	}
	HASH_ITER (hh, all->all, w, next_w) {
		HASH_DEL(all->all, w);
		free(w->pods);
		free(w);
	}
	free(all);
}

static const struct pn_policy_workload *find(const struct pn_policy_workloads *all,
					     const char *name_space, const char *kind,
					     const char *name, size_t len)
{
	char key[WORKLOAD_KEY_LEN + 64];
	const struct pn_policy_workload *w;

	(void)snprintf(key, sizeof(key), "%s/%s/%.*s", name_space, kind, (int)len, name);
	HASH_FIND_STR(all->all, key, w);
	return w;
}

const struct pn_policy_workload *pn_policy_workload_find(const struct pn_policy_workloads *all,
							 const char *name_space, const char *kind,
							 const char *name)
{
	const struct pn_policy_workload *w = find(all, name_space, kind, name, strlen(name));
	const char *dash = strrchr(name, '-');

	if (!w && strcmp(kind, "Job") == 0)
		w = find(all, name_space, "CronJob", name, without_minutes(name));
	if (!w && dash && strcmp(kind, "ReplicaSet") == 0)
		w = find(all, name_space, "Deployment", name, (size_t)(dash - name));
	return w;
}

const struct pn_policy_workload *pn_policy_workload_of(const struct pn_policy_workloads *all,
						       const struct pn_policy_member *pod)
{
	const struct entry *e;

	HASH_FIND_PTR(all->entries, &pod, e);
	return e ? e->workload : NULL;
}

int pn_policy_workloads_each(const struct pn_policy_workloads *all,
			     int (*fn)(void *data, const struct pn_policy_workload *w), void *data)
{
	const struct pn_policy_workload *w;
	int r = 0;

	for (w = all->all; w && r == 0; w = w->hh.next)
		r = fn(data, w);
	return r;
}
