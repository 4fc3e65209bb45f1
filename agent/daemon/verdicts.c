/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network policies in the agent: a set that follows the API server, and the flow thread's questions
 * to it. A part of the agent.
 *
 * The hand-over is a mutex, held for one change or for one verdict. A verdict takes about a
 * microsecond and is asked for once a connection, a change less than a millisecond; so neither
 * thread waits long, and nothing has to be copied, while a snapshot of 20,000 pods for each change of
 * a label would cost more than all verdicts. A set that is made anew is made without the lock.
 *
 * There is a set only where there are policies, and only once everything has been listed: before
 * that a verdict would be wrong. Until then connections are not judged and ask again.
 */
#include "daemon/verdicts.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/judge.h"
#include "daemon/names.h"
#include "policy/policy.h"

enum {
	N_KINDS = PN_POLICY_KIND_MAX,
	ABSENT_PAUSE_S = 15, /* a kind that the server does not have is asked for again */
	ABSENT_PAUSE_MAX_S = 300,
};

/**
 * struct pn_verdicts
 * @is_synced: everything is listed; what a server does not have, or does not show, counts as empty
 * @missed:    a change found no memory: the set is made anew
 * @has_set:   the same as set != NULL, to be read without the lock
 * @lock:      guards @set
 */
struct pn_verdicts {
	const struct pn_clock *clock;
	struct pn_informer *informers[N_KINDS];
	bool is_synced, missed;
	_Atomic bool has_set;
	pthread_mutex_t lock;
	struct pn_policy_set *set;
};

int pn_verdicts_new(const struct pn_clock *clock, struct pn_verdicts **ret)
{
	struct pn_verdicts *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->clock = clock;
	(void)pthread_mutex_init(&p->lock, NULL);
	*ret = p;
	return 0;
}

void pn_verdicts_free(struct pn_verdicts *p)
{
	if (!p)
		return;
	pn_policy_set_free(p->set);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

/* --- the set -------------------------------------------------------------------------------------- */

/* @set: the flow thread's, with the lock held, or one that it does not know yet. */
static void apply(struct pn_verdicts *p, struct pn_policy_set *set, const struct pn_object *old,
		  const struct pn_object *new)
{
	const struct pn_object *o = new ? new : old;
	struct pn_err err = { "" };
	int r = pn_policy_apply(set, old, new, &err);

	if (r == -ENOMEM)
		p->missed = true;
	else if (r < 0)
		pn_warn("policy", "a policy is left out: %s name=%s/%s", err.text, o->name_space,
			o->name);
}

static void change(struct pn_verdicts *p, const struct pn_object *old, const struct pn_object *new)
{
	if (!p->set) /* only this thread makes one */
		return;
	(void)pthread_mutex_lock(&p->lock);
	pn_policy_set_time(p->set, pn_clock_now(p->clock));
	apply(p, p->set, old, new);
	(void)pthread_mutex_unlock(&p->lock);
}

static void put_in_force(struct pn_verdicts *p, struct pn_policy_set *set)
{
	struct pn_policy_set *before;

	(void)pthread_mutex_lock(&p->lock);
	before = p->set;
	p->set = set;
	(void)pthread_mutex_unlock(&p->lock);
	atomic_store_explicit(&p->has_set, set != NULL, memory_order_relaxed);
	pn_policy_set_free(before);
}

struct filling {
	struct pn_verdicts *p;
	struct pn_policy_set *set;
};

static void fill_with(void *data, const struct pn_object *o)
{
	const struct filling *f = data;

	apply(f->p, f->set, NULL, o);
}

void pn_verdicts_each(const struct pn_verdicts *p,
		      void (*fn)(void *data, const struct pn_object *o), void *data)
{
	const struct pn_object *o;
	struct pn_iter it;

	for (size_t i = 0; p && i < N_KINDS && p->informers[i]; i++) {
		pn_informer_each(p->informers[i], &it);
		while ((o = pn_iter_next(&it)))
			fn(data, o);
	}
}

/* Without memory for all of it the one from before stays, until the next tick. */
static void make_set(struct pn_verdicts *p, const struct pn_names *names)
{
	struct filling f = { .p = p };

	p->missed = pn_policy_set_new(&f.set) < 0;
	if (p->missed)
		return;
	pn_policy_set_time(f.set, pn_clock_now(p->clock));
	pn_read_begin();
	pn_names_each(names, fill_with, &f);
	pn_verdicts_each(p, fill_with, &f);
	pn_read_end();
	if (p->missed)
		pn_policy_set_free(f.set);
	else
		put_in_force(p, f.set);
}

static size_t count_policies(const struct pn_verdicts *p)
{
	size_t n = 0;

	for (size_t i = 0; i < N_KINDS && p->informers[i]; i++) {
		struct pn_informer_status s;

		pn_informer_status(p->informers[i], &s);
		n += s.n_objects;
	}
	return n;
}

/* --- informers ------------------------------------------------------------------------------------ */

static const struct pn_resource tiers[] = {
	{ "policy.networking.k8s.io", "v1alpha2", "ClusterNetworkPolicy", "clusternetworkpolicies",
	  true },
	{ "policy.networking.k8s.io", "v1alpha1", "AdminNetworkPolicy", "adminnetworkpolicies",
	  true },
	{ "policy.networking.k8s.io", "v1alpha1", "BaselineAdminNetworkPolicy",
	  "baselineadminnetworkpolicies", true },
};
_Static_assert(1 + PN_ARRAY_SIZE(tiers) == N_KINDS, "an informer for each kind");

static void on_notice(const void *handler, void *data, const struct pn_notice *n)
{
	struct pn_verdicts *p = data;

	(void)handler;
	if (n->type == PN_NOTICE_REMOVE)
		change(p, n->obj, NULL);
	else if (n->type != PN_NOTICE_SYNCED)
		change(p, n->old, n->obj);
}

static struct pn_informer *make_informer(struct pn_factory *factory, size_t i,
					 struct pn_err *reterr)
{
	const struct pn_informer_options options = {
		.size = sizeof(options),
		.is_optional = true,
		.backoff = { .initial_ms = ABSENT_PAUSE_S * 1000,
			     .cap_ms = ABSENT_PAUSE_MAX_S * 1000 },
	};

	if (i == 0)
		return pn_factory_informer(factory, PN_KIND_NETWORKPOLICY, NULL, reterr);
	return pn_factory_generic_informer(factory, &tiers[i - 1], &options, reterr);
}

int pn_verdicts_watch(struct pn_verdicts *p, struct pn_factory *factory, struct pn_err *reterr)
{
	int r = 0;

	if (!p)
		return 0;
	memset(p->informers, 0, sizeof(p->informers));
	for (size_t i = 0; factory && r == 0 && i < N_KINDS; i++) {
		p->informers[i] = make_informer(factory, i, reterr);
		if (!p->informers[i])
			return -EINVAL;
		r = pn_informer_add_handler(p->informers[i], on_notice, NULL, p, NULL, NULL);
	}
	return r < 0 ? pn_err_set(reterr, r, "following policies: %s", strerror(-r)) : 0;
}

void pn_verdicts_object(struct pn_verdicts *p, const struct pn_object *old,
			const struct pn_object *new)
{
	if (p)
		change(p, old, new);
}

/* NetworkPolicies have to be there; a tier may be absent or out of reach, which its status says. */
static bool is_listed(const struct pn_verdicts *p)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pn_informer_status s;

		if (!p->informers[i])
			return false;
		pn_informer_status(p->informers[i], &s);
		if (!s.is_synced && (i == 0 || !s.n_failures))
			return false;
	}
	return true;
}

void pn_verdicts_tick(struct pn_verdicts *p, const struct pn_names *names)
{
	size_t n;

	if (!p)
		return;
	p->is_synced = p->is_synced || (pn_names_are_synced(names) && is_listed(p));
	if (!p->is_synced || !p->informers[0])
		return;
	n = count_policies(p);
	if (n && (!p->set || p->missed))
		make_set(p, names);
	else if (!n && p->set)
		put_in_force(p, NULL);
}

void pn_verdicts_state(const struct pn_verdicts *p, struct pn_verdicts_state *ret)
{
	*ret = (struct pn_verdicts_state) { .state = "off" };
	if (!p)
		return;
	ret->n_policies = count_policies(p);
	ret->state = !p->is_synced ? "waiting" : p->set ? "on" : "none";
	if (!p->informers[0])
		return;
	ret->informers = p->informers;
	ret->n_informers = N_KINDS;
}

/* --- verdicts ------------------------------------------------------------------------------------- */

void pn_verdicts_judge(struct pn_verdicts *p, const struct pn_flow_record *r, pn_nsec start,
		       struct pn_record_policy *ret)
{
	if (!pn_judge_is_subject(r)) {
		ret->expected = PN_EXPECTED_NONE;
		return;
	}
	if (!atomic_load_explicit(&p->has_set, memory_order_relaxed))
		return;
	(void)pthread_mutex_lock(&p->lock);
	if (p->set)
		pn_judge_record(p->set, r, start, ret);
	(void)pthread_mutex_unlock(&p->lock);
}
