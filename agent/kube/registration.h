/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_REGISTRATION_H
#define PN_KUBE_REGISTRATION_H

#include <pthread.h>
#include <stdatomic.h>

#include <podonym/informer.h>

#include "base/clock.h"

/*
 * A handler and its queue. Notices are put in under the factory's lock, and taken out either by the
 * loop, a number at a time, or by a thread of the handler's own. A registration is counted: the
 * informer, the user's handle and whoever delivers hold a reference each.
 */

/** struct pn_handler_threads - how many threads of handlers there are, so that their end can be waited for */
struct pn_handler_threads {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t n;
};

void pn_handler_threads_init(struct pn_handler_threads *t);

/** pn_handler_threads_wait() - until there are none; every handler was closed before */
void pn_handler_threads_wait(struct pn_handler_threads *t);

/** struct pn_registration_stats - what a handler has cost */
struct pn_registration_stats {
	size_t n_queued;
	uint64_t n_calls;
	pn_nsec time; /* in all calls */
};

/**
 * struct pn_registration
 * @requested_resync_ms, @resync_ms, @next_resync: what was asked for, what is in force, and when it
 *                   is next; the informer's, under the factory's lock
 * @informer:        NULL when it has forgotten the handler
 * @next, @ready_next, @is_ready: the informer's and the factory's lists; all under the factory's lock
 */
struct pn_registration {
	struct pn_factory *factory;
	struct pn_informer *informer;
	struct pn_registration *prev, *next, *ready_next;
	bool is_ready;
	unsigned int requested_resync_ms;
	_Atomic unsigned int resync_ms;
	pn_nsec next_resync;

	/* private to registration.c */
	_Atomic unsigned int n_refs;
	pn_handler_fn fn;
	const void *handler;
	void *data;
	bool own_thread;
	bool (*filter)(void *filter_data, const struct pn_object *obj);
	void *filter_data;
	_Atomic bool is_synced;
	void (*on_slow)(struct pn_registration *r);
	const struct pn_clock *clock;
	struct pn_handler_threads *threads;

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct pn_queued *ring;
	size_t first, n_queued, n_reserved, cap;
	bool is_removed, is_calling;
	struct pn_registration_stats stats;
};

/**
 * struct pn_registration_config - see pn_informer_add_handler()
 * @threads: where a thread of the handler's own is counted
 * @on_slow: a call took longer than it should; by the thread that made it, without any lock
 */
struct pn_registration_config {
	struct pn_factory *factory;
	struct pn_informer *informer;
	pn_handler_fn fn;
	const void *handler;
	void *data;
	bool own_thread;
	bool (*filter)(void *filter_data, const struct pn_object *obj);
	void *filter_data;
	const struct pn_clock *clock;
	struct pn_handler_threads *threads;
	void (*on_slow)(struct pn_registration *r);
};

/** pn_registration_new() - with one reference, for the informer. Return: 0, -ENOMEM, or -EAGAIN: no thread */
int pn_registration_new(const struct pn_registration_config *config, struct pn_registration **ret);

struct pn_registration *pn_registration_ref(struct pn_registration *r);
void pn_registration_unref(struct pn_registration *r);

/** pn_registration_reserve() - room for so many more notices, so that pushing them cannot fail. Return: 0 or -ENOMEM */
int pn_registration_reserve(struct pn_registration *r, size_t n);

/** pn_registration_settle() - what was reserved and not used will not be */
void pn_registration_settle(struct pn_registration *r);

/** pn_registration_push() - one more notice, room for it reserved; takes references of its own to the objects */
void pn_registration_push(struct pn_registration *r, const struct pn_notice *notice);

/** pn_registration_is_idle() - no call is under way and, removed or not, none will come by itself */
bool pn_registration_is_idle(struct pn_registration *r);

/** pn_registration_deliver() - loop: calls the handler, for @max notices or fewer. Return: true if there are more */
bool pn_registration_deliver(struct pn_registration *r, size_t max);

/** pn_registration_has_own_thread() - then it delivers by itself */
bool pn_registration_has_own_thread(const struct pn_registration *r);

/** pn_registration_close() - no new call begins, what is queued is dropped, a thread ends; @wait: for a call under way */
void pn_registration_close(struct pn_registration *r, bool wait);

void pn_registration_stats(struct pn_registration *r, struct pn_registration_stats *ret);

#endif
