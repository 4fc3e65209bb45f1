/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An informer's handlers: adding and removing them at any time, and what they are told. A handler
 * that comes late is first told of all that is stored; both happen under one lock, so that it misses
 * nothing and hears nothing twice.
 */
#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "kube/informer_private.h"

/* --- notices --- */

int pn_informer_reserve(struct pn_informer *inf, size_t n)
{
	struct pn_registration *r;
	int e = 0;

	for (r = inf->registrations; r && e == 0; r = r->next)
		e = pn_registration_reserve(r, n);
	return e;
}

void pn_informer_settle(struct pn_informer *inf)
{
	struct pn_registration *r;

	for (r = inf->registrations; r; r = r->next)
		pn_registration_settle(r);
}

static void push(struct pn_registration *r, const struct pn_notice *notice)
{
	pn_registration_push(r, notice);
	if (!pn_registration_has_own_thread(r))
		pn_factory_make_ready(r->informer->factory, r);
}

void pn_informer_push(struct pn_informer *inf, const struct pn_notice *notice)
{
	struct pn_registration *r;

	for (r = inf->registrations; r; r = r->next)
		push(r, notice);
}

/* Each object of the list may become a put, each that is stored a removal; and there is the end. */
size_t pn_informer_most_notices(const struct pn_informer *inf)
{
	return inf->n_staged + inf->store_ops->count(inf->store) + 1;
}

/* --- resync --- */

/* The rules are client-go's: a handler asks, but the informer looks only so often. */
static unsigned int effective_resync(unsigned int asked_ms, unsigned int check_ms)
{
	if (!asked_ms || !check_ms)
		return 0;
	return PN_MAX(asked_ms, check_ms);
}

static void set_resync(struct pn_informer *inf, struct pn_registration *r)
{
	unsigned int ms = effective_resync(r->requested_resync_ms, inf->resync_check_ms);

	atomic_store_explicit(&r->resync_ms, ms, memory_order_relaxed);
	r->next_resync = pn_clock_now(inf->factory->clock) + (pn_nsec)ms * PN_NSEC_PER_MSEC;
}

unsigned int pn_informer_resync_at_least(unsigned int ms)
{
	return ms ? PN_MAX(ms, 1000U) : 0;
}

/* A handler that wants more often than the informer looks can still have it before the start. */
static void ask_resync(struct pn_informer *inf, struct pn_registration *r, unsigned int asked_ms)
{
	struct pn_registration *other;

	asked_ms = pn_informer_resync_at_least(asked_ms);
	if (asked_ms && asked_ms < inf->resync_check_ms) {
		if (inf->is_started) {
			asked_ms = inf->resync_check_ms;
		} else {
			inf->resync_check_ms = asked_ms;
			for (other = inf->registrations; other; other = other->next)
				set_resync(inf, other);
		}
	}
	r->requested_resync_ms = asked_ms;
	set_resync(inf, r);
}

static bool push_resync(void *data, const struct pn_object *obj)
{
	push(data, &(struct pn_notice) { .type = PN_NOTICE_UPDATE, .old = obj, .obj = obj });
	return true;
}

static void resync(struct pn_informer *inf, struct pn_registration *r)
{
	size_t n = inf->store_ops->count(inf->store);

	if (pn_registration_reserve(r, pn_informer_most_notices(inf) + n) == 0)
		inf->store_ops->each(inf->store, push_resync, r);
	if (!inf->is_staging)
		pn_registration_settle(r);
}

void pn_informer_on_resync(uv_timer_t *timer)
{
	struct pn_informer *inf = timer->data;
	pn_nsec now = pn_clock_now(inf->factory->clock);
	struct pn_registration *r;

	pn_factory_lock(inf->factory);
	for (r = inf->registrations; r && pn_informer_has_synced(inf); r = r->next) {
		unsigned int ms = atomic_load_explicit(&r->resync_ms, memory_order_relaxed);

		if (!ms || now < r->next_resync)
			continue;
		r->next_resync = now + (pn_nsec)ms * PN_NSEC_PER_MSEC;
		resync(inf, r);
	}
	pn_factory_unlock(inf->factory);
}

/* --- handlers --- */

static void on_slow(struct pn_registration *r)
{
	struct pn_factory *f = r->factory;

	pn_factory_lock(f);
	if (r->informer)
		r->informer->has_slow_handler = f->has_reports = true;
	pn_factory_unlock(f);
	pn_factory_wake(f);
}

static void forget(struct pn_registration *r)
{
	DL_DELETE(r->informer->registrations, r);
	r->informer = NULL;
	pn_registration_unref(r);
}

static bool push_initial(void *data, const struct pn_object *obj)
{
	push(data, &(struct pn_notice) { .type = PN_NOTICE_ADD, .is_initial = true, .obj = obj });
	return true;
}

static int begin_with_store(struct pn_informer *inf, struct pn_registration *r)
{
	int e = pn_registration_reserve(r, pn_informer_most_notices(inf) +
						   inf->store_ops->count(inf->store));

	if (e < 0 || !pn_informer_has_synced(inf))
		return e;
	inf->store_ops->each(inf->store, push_initial, r);
	push(r, &(struct pn_notice) { .type = PN_NOTICE_SYNCED });
	if (!inf->is_staging)
		pn_registration_settle(r);
	return 0;
}

static int add_locked(struct pn_informer *inf, const struct pn_registration_config *config,
		      unsigned int resync_ms, struct pn_registration **ret)
{
	struct pn_registration *r;
	int e;

	if (inf->is_stopped)
		return -ECANCELED;
	e = pn_registration_new(config, &r);
	if (e < 0)
		return e;
	ask_resync(inf, r, resync_ms);
	DL_APPEND(inf->registrations, r);
	e = begin_with_store(inf, r);
	if (e < 0) {
		pn_registration_close(r, false);
		forget(r);
		return e;
	}
	*ret = pn_registration_ref(r);
	return 0;
}

int pn_informer_add_handler(struct pn_informer *inf, pn_handler_fn fn, const void *handler,
			    void *data, const struct pn_handler_options *options,
			    struct pn_registration **ret)
{
	struct pn_handler_options o = { 0 };
	struct pn_registration_config config = {
		.factory = inf->factory,
		.informer = inf,
		.fn = fn,
		.handler = handler,
		.data = data,
		.clock = inf->factory->clock,
		.threads = &inf->factory->handler_threads,
		.on_slow = on_slow,
	};
	struct pn_registration *r = NULL;
	int e;

	if (options && options->size < sizeof(o.size))
		return -EINVAL;
	if (options)
		memcpy(&o, options, PN_MIN(options->size, sizeof(o)));
	config.own_thread = o.own_thread;
	config.filter = o.filter;
	config.filter_data = o.filter_data;
	if (o.resync_ms == PN_NO_RESYNC)
		o.resync_ms = 0;
	else if (o.resync_ms == 0)
		o.resync_ms = inf->options.resync_ms;
	pn_factory_lock(inf->factory);
	e = add_locked(inf, &config, o.resync_ms, &r);
	pn_factory_unlock(inf->factory);
	pn_factory_wake(inf->factory);
	if (ret && e == 0)
		*ret = r;
	else
		pn_registration_unref(r);
	return e;
}

unsigned int pn_registration_resync_ms(const struct pn_registration *r)
{
	return atomic_load_explicit(&r->resync_ms, memory_order_relaxed);
}

static void remove_registration(struct pn_registration *r, bool wait)
{
	struct pn_factory *f = r->factory;

	pn_registration_close(r, wait);
	pn_factory_lock(f);
	if (r->informer)
		forget(r);
	pn_factory_unlock(f);
}

void pn_registration_remove(struct pn_registration *r)
{
	remove_registration(r, false);
}

void pn_registration_shutdown(struct pn_registration *r)
{
	remove_registration(r, true);
}

void pn_registration_free(struct pn_registration *r)
{
	if (!r)
		return;
	remove_registration(r, false);
	pn_registration_unref(r);
}

static struct pn_registration *first_of(struct pn_informer *inf)
{
	struct pn_registration *r;

	pn_factory_lock(inf->factory);
	r = inf->registrations ? pn_registration_ref(inf->registrations) : NULL;
	pn_factory_unlock(inf->factory);
	return r;
}

/* A call that is under way may remove others meanwhile. */
void pn_informer_free_handlers(struct pn_informer *inf)
{
	struct pn_registration *r;

	while ((r = first_of(inf))) {
		remove_registration(r, true);
		pn_registration_unref(r);
	}
}
