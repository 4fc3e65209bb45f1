/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_INDEX_CGROUP_FIXTURE_H
#define PN_TESTS_INDEX_CGROUP_FIXTURE_H

#include "fixture.h"

/* Cgroups by hand, and mirrors of the static pod whose hash is HASH. */
#define HASH "0123456789abcdef0123456789abcdef"

static inline void add_cgroup(struct world *w, uint64_t id, const char *pod_uid, const char *name)
{
	const struct pn_cgroup g = { .id = id, .pod_uid = pod_uid, .name = name };

	assert_int_equal(pn_index_cgroup_add(w->idx, &g), 0);
}

static inline void check(const struct world *w, uint64_t id, enum pn_cgroup_answer want,
			 const char *name)
{
	const struct pn_owner *o = NULL;

	assert_int_equal(pn_index_cgroup(w->idx, id, &o), want);
	if (name)
		assert_string_equal(o->name, name);
	else
		assert_null(o);
}

/* The memory of what has gone is over, and the maps know. */
static inline void forget_the_past(struct world *w)
{
	go_to(w, w->fake.t / PN_NSEC_PER_MSEC + 400000);
	for (int i = 0; i < 3; i++) {
		pn_index_prune(w->idx);
		(void)pn_index_take_changes(w->idx, NULL, NULL);
	}
}

static inline size_t n_cgroups(const struct world *w)
{
	struct pn_index_counts counts;

	pn_index_counts(w->idx, &counts);
	return counts.n_cgroups;
}

static inline size_t n_owners(const struct world *w)
{
	struct pn_index_counts counts;

	pn_index_counts(w->idx, &counts);
	return counts.n_owners;
}

static inline void mirror_init(struct pod *p, const char *name, const char *uid)
{
	static const struct pn_label annotation[] = { { "kubernetes.io/config.hash", HASH } };

	pod_init(p, name, uid, NULL, 1);
	p->p.host_network = true;
	p->p.meta.labels = annotation;
	p->p.meta.n_annotations = 1;
}

#endif
