/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The factory: one connection to an API server, one loop (factory_loop.c), and the informers that
 * share both. This file is its life, and who is in it.
 */
#include "kube/factory.h"

#include <errno.h>
#include <string.h>

#include "base/version.h"
#include "kube/informer_private.h"

const char *pn_library_version(void)
{
	return pn_version();
}

/* --- life --- */

static void factory_done(struct pn_factory *f)
{
	if (f->loop == &f->own_loop)
		(void)uv_loop_close(&f->own_loop);
	if (f->alarm_fd >= 0)
		(void)close(f->alarm_fd);
	(void)pthread_mutex_destroy(&f->lock);
	(void)pthread_cond_destroy(&f->changed);
	free(f);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct pn_factory *f = handle->data;

	if (--f->n_handles == 0 && f->owner == PN_LOOP_OWNER_EXTERNAL)
		factory_done(f);
}

static void close_handles(struct pn_factory *f)
{
	pn_client_free(f->client);
	uv_close((uv_handle_t *)&f->wake, on_handle_closed);
	uv_close((uv_handle_t *)&f->before_poll, on_handle_closed);
	uv_close((uv_handle_t *)&f->after_poll, on_handle_closed);
	uv_close((uv_handle_t *)&f->busy, on_handle_closed);
	if (f->alarm_fd >= 0)
		uv_close((uv_handle_t *)&f->alarm_poll, on_handle_closed);
}

static int open_loop(struct pn_factory *f, uv_loop_t *loop)
{
	int r = 0;

	f->loop = loop ? loop : &f->own_loop;
	if (!loop)
		r = uv_loop_init(&f->own_loop);
	if (r == 0)
		r = uv_async_init(f->loop, &f->wake, pn_factory_on_wake);
	if (r < 0)
		return r;
	(void)uv_prepare_init(f->loop, &f->before_poll);
	(void)uv_check_init(f->loop, &f->after_poll);
	(void)uv_idle_init(f->loop, &f->busy);
	f->wake.data = f->before_poll.data = f->after_poll.data = f->busy.data = f;
	f->n_handles = 4;
	(void)uv_prepare_start(&f->before_poll, pn_factory_on_before_poll);
	(void)uv_check_start(&f->after_poll, pn_factory_on_after_poll);
	return 0;
}

/* Waiting compares with the monotonic clock, so that a change of the date ends no wait. */
static void init_locks(struct pn_factory *f)
{
	pthread_condattr_t attr;

	pn_handler_threads_init(&f->handler_threads);
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&f->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
}

static int factory_new(uv_loop_t *loop, enum pn_loop_owner owner,
		       const struct pn_kube_config *config, struct pn_factory **ret,
		       struct pn_err *reterr)
{
	struct pn_factory *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	init_locks(f);
	f->owner = owner;
	f->clock = &pn_clock_system;
	f->alarm_fd = -1;
	r = open_loop(f, loop);
	if (r < 0) {
		(void)pn_err_set(reterr, r, "starting an event loop: %s", uv_strerror(r));
		factory_done(f);
		return r;
	}
	r = pn_client_new(f->loop, config, &f->client, reterr);
	if (r == 0 && owner == PN_LOOP_OWNER_CALLER) {
		r = pn_factory_open_alarm(f);
		if (r < 0)
			(void)pn_err_set(reterr, r, "starting a timer: %s", uv_strerror(r));
	}
	if (r < 0) {
		pn_factory_free(f);
		return r;
	}
	pn_factory_dispatch(f); /* so that the descriptor knows what to wait for */
	*ret = f;
	return 0;
}

int pn_factory_new_on_loop(uv_loop_t *loop, const struct pn_kube_config *config,
			   struct pn_factory **ret, struct pn_err *reterr)
{
	return factory_new(loop, PN_LOOP_OWNER_EXTERNAL, config, ret, reterr);
}

static int replace_text(char **dest, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	if (text) {
		free(*dest);
		*dest = copy;
	}
	return 0;
}

static int load_config(const struct pn_factory_options *o, struct pn_kube_config *config,
		       struct pn_err *reterr)
{
	const struct pn_kube_config_source source = {
		.server = o->server,
		.kubeconfig = o->kubeconfig,
		.context = o->context,
	};
	int r = pn_kube_config_load(&source, config, reterr);

	if (r == 0 && (replace_text(&config->token_file, o->token_file) < 0 ||
		       replace_text(&config->ca_file, o->ca_file) < 0 ||
		       replace_text(&config->user_agent, o->user_agent) < 0))
		r = pn_err_set(reterr, -ENOMEM, "out of memory");
	return r;
}

int pn_factory_new(const struct pn_factory_options *options, struct pn_factory **ret,
		   struct pn_err *reterr)
{
	struct pn_factory_options o = { 0 };
	struct pn_kube_config config = { 0 };
	int r;

	if (options)
		memcpy(&o, options, PN_MIN(options->size, sizeof(o)));
	if (options && options->size < sizeof(o.size))
		return pn_err_set(reterr, -EINVAL, "the options do not say their size");
	if (o.loop != PN_LOOP_THREAD && o.loop != PN_LOOP_CALLER)
		return pn_err_set(reterr, -EINVAL, "loop %d: no such loop", o.loop);
	r = load_config(&o, &config, reterr);
	if (r == 0)
		r = factory_new(NULL,
				o.loop == PN_LOOP_CALLER ? PN_LOOP_OWNER_CALLER
							 : PN_LOOP_OWNER_THREAD,
				&config, ret, reterr);
	pn_kube_config_done(&config);
	return r;
}

const char *pn_factory_server(const struct pn_factory *f)
{
	return pn_client_server(f->client);
}

int pn_factory_start(struct pn_factory *f)
{
	struct pn_informer *inf;
	int r;

	pn_factory_lock(f);
	r = f->is_stopped ? -ECANCELED : pn_factory_start_thread(f);
	for (inf = f->informers; inf && r == 0; inf = inf->next)
		inf->wants_start = true;
	pn_factory_unlock(f);
	pn_factory_wake(f);
	return r;
}

int pn_informer_start(struct pn_informer *inf)
{
	struct pn_factory *f = inf->factory;
	int r;

	pn_factory_lock(f);
	r = f->is_stopped || inf->is_stopped ? -ECANCELED : pn_factory_start_thread(f);
	if (r == 0)
		inf->wants_start = true;
	pn_factory_unlock(f);
	pn_factory_wake(f);
	return r;
}

void pn_factory_stop(struct pn_factory *f)
{
	struct pn_informer *inf;

	pn_factory_lock(f);
	f->is_stopped = true;
	for (inf = f->informers; inf; inf = inf->next)
		pn_informer_stop_locked(inf);
	pn_factory_unlock(f);
	pn_factory_wake(f);
}

static void close_handlers(struct pn_factory *f)
{
	struct pn_informer *inf;

	for (inf = f->informers; inf; inf = inf->next)
		pn_informer_free_handlers(inf);
}

static void free_informers(struct pn_factory *f)
{
	struct pn_informer *inf, *next;

	for (inf = f->informers; inf; inf = next) {
		next = inf->next;
		pn_informer_free(inf);
	}
	f->informers = NULL;
}

static void drop_ready(struct pn_factory *f)
{
	struct pn_registration *r, *next;

	for (r = PN_TAKE_PTR(f->ready); r; r = next) {
		next = r->ready_next;
		pn_registration_unref(r);
	}
}

void pn_factory_free(struct pn_factory *f)
{
	bool is_external;

	if (!f)
		return;
	is_external = f->owner == PN_LOOP_OWNER_EXTERNAL;
	pn_factory_stop(f);
	if (f->has_thread) {
		pn_factory_lock(f);
		f->is_freed = true;
		pn_factory_unlock(f);
		pn_factory_wake(f);
		(void)pthread_join(f->thread, NULL);
	}
	close_handlers(f);
	pn_handler_threads_wait(&f->handler_threads);
	free_informers(f);
	drop_ready(f);
	close_handles(f);
	if (is_external)
		return;
	(void)uv_run(f->loop, UV_RUN_DEFAULT);
	factory_done(f);
	pn_store_barrier();
}

/* --- informers of the factory --- */

static struct pn_informer *find(struct pn_factory *f, const struct pn_kind *kind,
				const struct pn_informer_options *options)
{
	struct pn_informer *inf;

	for (inf = f->informers; inf; inf = inf->next)
		if (pn_informer_matches(inf, kind, options))
			return inf;
	return NULL;
}

static struct pn_informer *informer_of(struct pn_factory *f, const struct pn_kind *kind,
				       struct pn_kind *own_kind,
				       const struct pn_informer_options *options,
				       struct pn_err *reterr)
{
	struct pn_informer_options o = { 0 };
	struct pn_informer *inf;
	int r = 0;

	if (options && options->size < sizeof(o.size)) {
		(void)pn_err_set(reterr, -EINVAL, "the options do not say their size");
		pn_kind_free(own_kind);
		return NULL;
	}
	if (options)
		memcpy(&o, options, PN_MIN(options->size, sizeof(o)));
	pn_factory_lock(f);
	inf = find(f, kind, &o);
	if (!inf)
		r = pn_informer_new(f, kind, kind == own_kind, &o, &inf);
	pn_factory_unlock(f);
	if (r == -EINVAL)
		(void)pn_err_set(reterr, r, "%s: the namespace \"%s\" cannot be one", kind->plural,
				 o.name_space);
	else if (r < 0)
		(void)pn_err_set(reterr, r, "an informer for %s: %s", kind->plural, strerror(-r));
	if (r < 0 || inf->kind != own_kind)
		pn_kind_free(own_kind);
	return r < 0 ? NULL : inf;
}

struct pn_informer *pn_factory_informer(struct pn_factory *f, enum pn_kind_id kind,
					const struct pn_informer_options *options,
					struct pn_err *reterr)
{
	const struct pn_kind *k = pn_kind_get(kind);

	if (!k) {
		(void)pn_err_set(reterr, -EINVAL, "there is no kind with the number %d", (int)kind);
		return NULL;
	}
	return informer_of(f, k, NULL, options, reterr);
}

struct pn_informer *pn_factory_generic_informer(struct pn_factory *f,
						const struct pn_resource *resource,
						const struct pn_informer_options *options,
						struct pn_err *reterr)
{
	struct pn_kind *kind;
	int r;

	r = pn_kind_new_generic(resource->group, resource->version, resource->kind,
				resource->plural, !resource->is_cluster_scoped, &kind);
	if (r < 0) {
		(void)pn_err_set(reterr, r, "the resource \"%s\": %s", resource->plural,
				 r == -ENOMEM ? "out of memory" : "it cannot stand in a URL");
		return NULL;
	}
	return informer_of(f, kind, kind, options, reterr);
}
