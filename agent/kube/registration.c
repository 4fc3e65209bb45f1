/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calling handlers. Each has a ring of notices of its own, so that one that is slow or blocks holds
 * up neither the informer nor another handler; the ring grows as it must, for nothing may be lost.
 * The informer reserves room before it changes its store and pushes after, which then cannot fail.
 *
 * A handler is called without any lock. So it may call whatever it likes, its own removal too.
 */
#include "kube/registration.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/util.h"

enum {
	MIN_CAP = 16,
	KEPT_CAP = 1024, /* an empty ring that is larger is given back */
};

/* A call that takes longer is worth a warning. */
static const pn_nsec slow_call = 100 * PN_NSEC_PER_MSEC;

struct pn_queued {
	const struct pn_object *old, *obj;
	uint8_t type;
	bool is_initial, is_stale;
};

static void lock(struct pn_registration *r)
{
	(void)pthread_mutex_lock(&r->lock);
}

static void unlock(struct pn_registration *r)
{
	(void)pthread_mutex_unlock(&r->lock);
}

static void release(const struct pn_queued *q)
{
	pn_object_unref(q->old);
	pn_object_unref(q->obj);
}

/* A ring that was large for a list is not kept. */
static void give_back(struct pn_registration *r)
{
	if (r->n_queued || r->n_reserved || r->cap <= KEPT_CAP)
		return;
	free(r->ring);
	r->ring = NULL;
	r->cap = r->first = 0;
}

static struct pn_queued take_first(struct pn_registration *r)
{
	struct pn_queued q = r->ring[r->first];

	r->first = (r->first + 1) & (r->cap - 1);
	r->n_queued--;
	give_back(r);
	return q;
}

static void drop_all(struct pn_registration *r)
{
	while (r->n_queued) {
		struct pn_queued q = take_first(r);

		release(&q);
	}
}

static int grow(struct pn_registration *r, size_t cap)
{
	struct pn_queued *ring = calloc(cap, sizeof(*ring));
	size_t to_end = PN_MIN(r->cap - r->first, r->n_queued);

	if (!ring)
		return -ENOMEM;
	if (r->n_queued) {
		memcpy(ring, r->ring + r->first, to_end * sizeof(*ring));
		memcpy(ring + to_end, r->ring, (r->n_queued - to_end) * sizeof(*ring));
	}
	free(r->ring);
	r->ring = ring;
	r->cap = cap;
	r->first = 0;
	return 0;
}

int pn_registration_reserve(struct pn_registration *r, size_t n)
{
	size_t cap;
	int e = 0;

	lock(r);
	cap = PN_MAX(r->cap, (size_t)MIN_CAP);
	while (cap - r->n_queued < n)
		cap *= 2;
	if (cap > r->cap && !r->is_removed)
		e = grow(r, cap);
	if (e == 0)
		r->n_reserved = PN_MAX(r->n_reserved, n);
	unlock(r);
	return e;
}

void pn_registration_settle(struct pn_registration *r)
{
	lock(r);
	r->n_reserved = 0;
	give_back(r);
	unlock(r);
}

void pn_registration_push(struct pn_registration *r, const struct pn_notice *n)
{
	lock(r);
	if (!r->is_removed) {
		assert(r->n_queued < r->cap && r->n_reserved);
		r->n_reserved--;
		r->ring[(r->first + r->n_queued++) & (r->cap - 1)] = (struct pn_queued) {
			.old = n->old ? pn_object_ref(n->old) : NULL,
			.obj = n->obj ? pn_object_ref(n->obj) : NULL,
			.type = (uint8_t)n->type,
			.is_initial = n->is_initial,
			.is_stale = n->is_stale,
		};
		if (r->own_thread)
			(void)pthread_cond_broadcast(&r->changed);
	}
	unlock(r);
}

/* --- calling --- */

/*
 * What the notice is for a handler that knows only the objects it wants.
 * Return: false if it is none of its business
 */
static bool filter(const struct pn_registration *r, struct pn_notice *n)
{
	bool had, has;

	if (!r->filter || n->type == PN_NOTICE_SYNCED)
		return true;
	has = r->filter(r->filter_data, n->obj);
	if (n->type != PN_NOTICE_UPDATE)
		return has;
	had = r->filter(r->filter_data, n->old);
	if (has && !had) {
		n->type = PN_NOTICE_ADD;
		n->old = NULL;
	} else if (had && !has) {
		n->type = PN_NOTICE_REMOVE;
		n->obj = n->old;
		n->old = NULL;
	}
	return had || has;
}

static pn_nsec call(struct pn_registration *r, const struct pn_queued *q)
{
	struct pn_notice notice = {
		.type = (enum pn_notice_type)q->type,
		.is_initial = q->is_initial,
		.is_stale = q->is_stale,
		.old = q->old,
		.obj = q->obj,
	};
	pn_nsec begun = pn_clock_now(r->clock), took;

	if (filter(r, &notice))
		r->fn(r->handler, r->data, &notice);
	took = pn_clock_now(r->clock) - begun;
	if (notice.type == PN_NOTICE_SYNCED)
		atomic_store_explicit(&r->is_synced, true, memory_order_release);
	if (took > slow_call)
		r->on_slow(r);
	return took;
}

/* Under the lock, which is released during the call. */
static void deliver_first(struct pn_registration *r)
{
	struct pn_queued q = take_first(r);
	pn_nsec took;

	r->is_calling = true;
	unlock(r);
	took = call(r, &q);
	release(&q);
	lock(r);
	r->is_calling = false;
	r->stats.n_calls++;
	r->stats.time += took;
	if (r->is_removed)
		(void)pthread_cond_broadcast(&r->changed);
}

bool pn_registration_deliver(struct pn_registration *r, size_t max)
{
	bool has_more;

	lock(r);
	while (max-- && r->n_queued && !r->is_removed)
		deliver_first(r);
	has_more = r->n_queued;
	unlock(r);
	return has_more;
}

/* --- threads --- */

void pn_handler_threads_init(struct pn_handler_threads *t)
{
	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_cond_init(&t->changed, NULL);
}

static void count_threads(struct pn_handler_threads *t, int change)
{
	(void)pthread_mutex_lock(&t->lock);
	t->n += (size_t)change;
	(void)pthread_cond_broadcast(&t->changed);
	(void)pthread_mutex_unlock(&t->lock);
}

void pn_handler_threads_wait(struct pn_handler_threads *t)
{
	(void)pthread_mutex_lock(&t->lock);
	while (t->n)
		(void)pthread_cond_wait(&t->changed, &t->lock);
	(void)pthread_mutex_unlock(&t->lock);
}

/* Nobody joins it: many may end at a time, and the loop should not wait for any. */
static void *run_thread(void *data)
{
	struct pn_registration *r = data;
	struct pn_handler_threads *threads = r->threads;

	lock(r);
	while (!r->is_removed) {
		if (r->n_queued)
			deliver_first(r);
		else
			(void)pthread_cond_wait(&r->changed, &r->lock);
	}
	unlock(r);
	pn_registration_unref(r);
	count_threads(threads, -1);
	return NULL;
}

/* Signals are the program's business, not this thread's. */
static int start_thread(struct pn_registration *r)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int e;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	count_threads(r->threads, 1);
	e = pthread_create(&thread, &attr, run_thread, r);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	if (e)
		count_threads(r->threads, -1);
	return -e;
}

/* --- life --- */

static void destroy(struct pn_registration *r)
{
	drop_all(r);
	free(r->ring);
	(void)pthread_mutex_destroy(&r->lock);
	(void)pthread_cond_destroy(&r->changed);
	free(r);
}

int pn_registration_new(const struct pn_registration_config *config, struct pn_registration **ret)
{
	struct pn_registration *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	r->factory = config->factory;
	r->informer = config->informer;
	r->fn = config->fn;
	r->handler = config->handler;
	r->data = config->data;
	r->own_thread = config->own_thread;
	r->filter = config->filter;
	r->filter_data = config->filter_data;
	r->clock = config->clock;
	r->threads = config->threads;
	r->on_slow = config->on_slow;
	atomic_init(&r->n_refs, r->own_thread ? 2 : 1); /* the informer, the thread */
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->changed, NULL);
	e = r->own_thread ? start_thread(r) : 0;
	if (e < 0) {
		destroy(r);
		return e;
	}
	*ret = r;
	return 0;
}

struct pn_registration *pn_registration_ref(struct pn_registration *r)
{
	(void)atomic_fetch_add_explicit(&r->n_refs, 1, memory_order_relaxed);
	return r;
}

void pn_registration_unref(struct pn_registration *r)
{
	/* acq_rel: whoever frees has seen what every other holder did before */
	if (!r || atomic_fetch_sub_explicit(&r->n_refs, 1, memory_order_acq_rel) > 1)
		return;
	destroy(r);
}

void pn_registration_close(struct pn_registration *r, bool wait)
{
	lock(r);
	r->is_removed = true;
	drop_all(r);
	(void)pthread_cond_broadcast(&r->changed);
	while (wait && r->is_calling)
		(void)pthread_cond_wait(&r->changed, &r->lock);
	unlock(r);
}

bool pn_registration_is_idle(struct pn_registration *r)
{
	bool is_idle;

	lock(r);
	is_idle = r->is_removed && !r->is_calling;
	unlock(r);
	return is_idle;
}

bool pn_registration_has_own_thread(const struct pn_registration *r)
{
	return r->own_thread;
}

bool pn_registration_has_synced(const struct pn_registration *r)
{
	/* pairs with the release in call() */
	return atomic_load_explicit(&r->is_synced, memory_order_acquire);
}

void pn_registration_stats(struct pn_registration *r, struct pn_registration_stats *ret)
{
	lock(r);
	*ret = r->stats;
	ret->n_queued = r->n_queued;
	unlock(r);
}
