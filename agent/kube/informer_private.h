/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_INFORMER_PRIVATE_H
#define PN_KUBE_INFORMER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/log.h"
#include "kube/client.h"
#include "kube/factory.h"
#include "kube/reflector.h"
#include "kube/registration.h"
#include "kube/store.h"

/*
 * What factory.c and informer.c know of each other. The factory's lock guards everything in both
 * structs that is not marked otherwise; no callback of the user's runs under it but the transform
 * and the functions of a custom store.
 */

enum pn_loop_owner { PN_LOOP_OWNER_THREAD, PN_LOOP_OWNER_CALLER, PN_LOOP_OWNER_EXTERNAL };

struct pn_factory {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something was synced or has stopped */
	enum pn_loop_owner owner;
	const struct pn_clock *clock;

	/* loop's thread */
	uv_loop_t own_loop, *loop;
	uv_async_t wake;
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	uv_idle_t busy; /* runs while notices wait, so that the loop does not sleep */
	uv_poll_t alarm_poll;
	int alarm_fd; /* PN_LOOP_OWNER_CALLER: makes the loop's descriptor readable when a timer is due */
	unsigned int n_handles;
	struct pn_client *client;

	pthread_t thread;
	bool has_thread, is_stopped, is_freed, has_reports;
	bool is_taken; /* PN_LOOP_OWNER_CALLER: a thread waits for the loop or turns it */
	struct pn_informer *informers;
	struct pn_registration *ready;		   /* have notices for the loop to deliver */
	struct pn_handler_threads handler_threads; /* has a lock of its own */
};

/* What a user's callback is to be told, once the lock is not held. */
struct pn_report {
	struct pn_report *next;
	const char *warning; /* static text; NULL: an error */
	int code;
	char reason[64];
	struct pn_err message;
};

struct pn_informer {
	struct pn_factory *factory;
	struct pn_informer *prev, *next;
	const struct pn_kind *kind;
	bool owns_kind; /* it was made for a generic resource */
	struct pn_informer_options options;
	void *transform_data, *error_data;
	char *name_space, *field_selector, *label_selector;

	struct pn_store *built_in; /* NULL with a custom store; readers need no lock */
	const struct pn_store_ops *store_ops;
	void *store;
	bool is_staging; /* a list has begun, room for what it may change is reserved */
	size_t n_staged;
	struct pn_registration *registrations;
	struct pn_report *reports;
	_Atomic bool is_synced;
	_Atomic uint64_t n_transform_errors;
	bool is_started, is_stopped, wants_start, has_slow_handler;
	unsigned int resync_check_ms;

	struct pn_reflector *reflector;
	pn_nsec restored_as_of; /* CLOCK_REALTIME: when what was restored was the server's state */

	/* loop's thread */
	uv_timer_t timer, resync_timer;
	unsigned int n_handles;
	struct pn_request *request; /* NULL while a pause lasts */
	bool is_running;	    /* the first step was made, and no stop since */
	struct pn_err logged;	    /* the failure that was told last; "" if all is well */
	struct pn_log_limit failure_limit, refused_limit;
};

static inline void pn_factory_lock(struct pn_factory *f)
{
	(void)pthread_mutex_lock(&f->lock);
}

static inline void pn_factory_unlock(struct pn_factory *f)
{
	(void)pthread_mutex_unlock(&f->lock);
}

/** pn_factory_wake() - any thread: have the loop look at everything */
void pn_factory_wake(struct pn_factory *f);

/** pn_factory_make_ready() - under the lock: @r has something for the loop to do */
void pn_factory_make_ready(struct pn_factory *f, struct pn_registration *r);

/** pn_factory_server_is_back() - under the lock, loop's thread: @inf has got through to the server */
void pn_factory_server_is_back(struct pn_factory *f, struct pn_informer *inf);

/* factory_loop.c: the callbacks of its handles, and what starts it. */
void pn_factory_on_wake(uv_async_t *wake);
void pn_factory_on_before_poll(uv_prepare_t *prepare);
void pn_factory_on_after_poll(uv_check_t *check);

/** pn_factory_start_thread() - under the lock; nothing, if the loop is another's or runs. Return: 0 or -EAGAIN */
int pn_factory_start_thread(struct pn_factory *f);

/** pn_factory_open_alarm() - PN_LOOP_OWNER_CALLER. Return: 0 or a negative errno */
int pn_factory_open_alarm(struct pn_factory *f);

/**
 * pn_informer_new() - under the lock; into the factory's list
 * @owns_kind: on success @kind is taken over
 *
 * Return: 0, -ENOMEM, or -EINVAL for a namespace that cannot be one
 */
int pn_informer_new(struct pn_factory *f, const struct pn_kind *kind, bool owns_kind,
		    const struct pn_informer_options *options, struct pn_informer **ret);

/** pn_informer_matches() - would it do for these? */
bool pn_informer_matches(const struct pn_informer *inf, const struct pn_kind *kind,
			 const struct pn_informer_options *options);

/* informer_changes.c: as struct pn_reflector_ops has them; under the lock, @data is the informer. */
int pn_informer_on_list_begin(void *data);
int pn_informer_on_list_item(void *data, const struct pn_object *obj);
int pn_informer_on_list_remove(void *data, const struct pn_object *like);
void pn_informer_on_list_drop(void *data);
void pn_informer_on_list_end(void *data);
int pn_informer_on_event(void *data, enum pn_event event, const struct pn_object *obj);

/** pn_informer_fill() - under the lock, not with a custom store: these are the objects there are, as of a list. Return: 0, or a negative errno and all is as before */
int pn_informer_fill(struct pn_informer *inf, const struct pn_object *const *objects, size_t n);

/**
 * struct pn_informer_state - what pn_informer_restore() takes
 * @as_of:   CLOCK_REALTIME: when the server last said something that kept them up to date
 * @objects: a reference to each; their order says nothing
 */
struct pn_informer_state {
	char version[PN_OBJECT_RV_LEN];
	pn_nsec as_of;
	const struct pn_object **objects;
	size_t n;
};

/** pn_informer_restore_as_of() - pn_informer_restore() of a state of @as_of, see struct pn_informer_state */
int pn_informer_restore_as_of(struct pn_informer *inf, const struct pn_object *const *objects,
			      size_t n, const char *resource_version, pn_nsec as_of);

/**
 * pn_informer_state() - all objects and their version, of one and the same moment
 *
 * Any thread. The lock is held for as long as it takes to copy a pointer for each object.
 *
 * Return: 0; -EAGAIN if there is no complete list, or no version that a watch could begin at; -ENOTSUP
 * with a custom store; -ENOMEM
 */
int pn_informer_state(struct pn_informer *inf, struct pn_informer_state *ret);

/** pn_informer_state_done() - gives the references back */
void pn_informer_state_done(struct pn_informer_state *s);

/** pn_informer_turn() - loop's thread, under the lock: start or stop, if that is wanted */
void pn_informer_turn(struct pn_informer *inf);

/** pn_informer_server_is_back() - loop's thread, under the lock: shorten a pause */
void pn_informer_server_is_back(struct pn_informer *inf);

/* handlers.c; all under the lock but the last two. */

/** pn_informer_reserve() - room for so many more notices in every queue. Return: 0 or -ENOMEM */
int pn_informer_reserve(struct pn_informer *inf, size_t n);

/** pn_informer_settle() - what was reserved for a list and not used will not be */
void pn_informer_settle(struct pn_informer *inf);

/** pn_informer_most_notices() - how many the list that is being collected could cause */
size_t pn_informer_most_notices(const struct pn_informer *inf);

/** pn_informer_push() - to every handler; room is reserved */
void pn_informer_push(struct pn_informer *inf, const struct pn_notice *notice);

/** pn_informer_resync_at_least() - a period of resync that is not too short; 0 stays 0 */
unsigned int pn_informer_resync_at_least(unsigned int ms);

/** pn_informer_on_resync() - the resync timer */
void pn_informer_on_resync(uv_timer_t *timer);

/** pn_informer_free_handlers() - waits for calls under way */
void pn_informer_free_handlers(struct pn_informer *inf);

/** pn_informer_stop_locked() - under the lock: begin to stop */
void pn_informer_stop_locked(struct pn_informer *inf);

/** pn_informer_tell_reports() - loop's thread, under no lock: call the user's callbacks */
void pn_informer_tell_reports(struct pn_informer *inf);

/** pn_informer_free() - stopped; its timers are closed, and its memory goes when the loop has run once more */
void pn_informer_free(struct pn_informer *inf);

#endif
