/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_KUBE_STORE_FIXTURE_H
#define PN_TESTS_KUBE_STORE_FIXTURE_H

/*
 * Objects for the tests of the store, and what is found in it as text.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/intern.h"
#include "base/util.h"
#include "kube/object_copy.h"
#include "kube/store.h"

/* @addrs: separated by spaces. The node is called as the version. Return: NULL without memory */
static inline struct pn_object *pod_or_null(const char *ns, const char *name, const char *uid,
					    const char *version, const char *owner,
					    const char *addrs)
{
	struct pn_controller controller = { "ReplicaSet", "web", owner };
	struct pn_addr list[8];
	struct pn_pod pod = {
		.meta = { .kind = PN_KIND_POD,
			  .name_space = ns,
			  .name = name,
			  .uid = uid,
			  .resource_version = version,
			  .controller = &controller },
		.addrs = list,
		.node_name = version,
	};
	struct pn_object *obj;
	char text[256], *save, *a;

	(void)snprintf(text, sizeof(text), "%s", addrs);
	for (a = strtok_r(text, " ", &save); a; a = strtok_r(NULL, " ", &save))
		assert_int_equal(pn_addr_parse(a, &list[pod.n_addrs++]), 0);
	return pn_object_copy(&pod.meta, &obj) == 0 ? obj : NULL;
}

/* @spec: "namespace/name uid version [owner [address...]]" */
static inline struct pn_object *object(const char *spec)
{
	char ns[64] = "", name[64], uid[40], version[32], owner[40] = "";
	struct pn_object *obj;
	int at = 0;

	if (sscanf(spec, "%63[^/ ]/%63s %39s %31s %39s%n", ns, name, uid, version, owner, &at) < 4)
		fail_msg("%s", spec);
	obj = pod_or_null(ns, name, uid, version, strcmp(owner, "-") == 0 ? "" : owner,
			  spec + (at ? at : (int)strlen(spec)));
	assert_non_null(obj);
	return obj;
}

static inline int compare_names(const void *a, const void *b)
{
	return strcmp((*(const struct pn_object *const *)a)->name,
		      (*(const struct pn_object *const *)b)->name);
}

/* The names that @it finds, sorted, each with a space. */
static inline const char *names(struct pn_iter *it)
{
	static char text[1024];
	const struct pn_object *found[64], *obj;
	size_t n = 0, len = 0;

	while ((obj = pn_iter_next(it))) {
		assert_true(n < PN_ARRAY_SIZE(found));
		found[n++] = obj;
	}
	qsort(found, n, sizeof(found[0]), compare_names);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ", found[i]->name);
	return text;
}

static inline void check_index(struct pn_store *s, const char *index, const char *value,
			       const char *want)
{
	struct pn_iter it;

	pn_read_begin();
	assert_int_equal(pn_store_by_index(s, index, value, &it), 0);
	assert_string_equal(names(&it), want);
	pn_read_end();
}

static inline void check_all(struct pn_store *s, const char *want)
{
	struct pn_iter it;

	pn_read_begin();
	pn_store_each(s, &it);
	assert_string_equal(names(&it), want);
	pn_read_end();
}

static inline void put(struct pn_store *s, const char *spec)
{
	struct pn_object *obj = object(spec);
	const struct pn_object *old;

	assert_int_equal(pn_store_put(s, obj, &old), 0);
	pn_object_unref(old);
	pn_object_unref(obj);
}

static inline void drop(struct pn_store *s, const char *spec)
{
	struct pn_object *like = object(spec);
	const struct pn_object *old;

	assert_int_equal(pn_store_remove(s, like, &old), 0);
	pn_object_unref(old);
	pn_object_unref(like);
}

static inline void take_back(struct pn_store *s, const char *spec)
{
	struct pn_object *obj = object(spec);

	assert_int_equal(pn_store_stage_remove(s, obj), 0);
	pn_object_unref(obj);
}

static inline void stage(struct pn_store *s, const char *spec)
{
	struct pn_object *obj = object(spec);

	assert_int_equal(pn_store_stage(s, obj), 0);
	pn_object_unref(obj);
}

#endif
