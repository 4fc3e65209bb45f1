/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ties the parts of an informer together: the reflector says what to ask for, the client asks, the
 * store takes what the reflector made of the answer, and the handlers hear of it. Everything
 * happens inside callbacks of the loop; step() is where each round begins.
 *
 * A handler may stop the informer. So after each call of a handler comes a look at is_stopped, and
 * -ECANCELED unwinds through reflector and client when it is set.
 */
#include "kube/informer.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "kube/reflector.h"
#include "kube/store.h"

/* One message of a kind is enough in so long. */
static const pn_nsec log_period = 10 * PN_NSEC_PER_SEC;

struct registration {
	const struct pn_handler *handler;
	void *data;
};

struct pn_informer {
	uv_timer_t timer;
	struct pn_client *client;
	const struct pn_clock *clock;
	const struct pn_kind *kind;
	struct pn_reflector *reflector;
	struct pn_store *store;
	struct pn_request *request; /* NULL while a pause lasts */
	struct registration *handlers;
	size_t n_handlers;
	bool is_started, is_stopped, is_synced;

	struct pn_err logged; /* the failure that was told last; "" if all is well */
	struct pn_log_limit failure_limit, refused_limit;
};

/* --- telling the handlers --- */

static void tell_add(struct pn_informer *inf, const struct pn_object *obj)
{
	for (size_t i = 0; i < inf->n_handlers && !inf->is_stopped; i++)
		if (inf->handlers[i].handler->add)
			inf->handlers[i].handler->add(inf->handlers[i].data, obj, !inf->is_synced);
}

static void tell_update(struct pn_informer *inf, const struct pn_object *old,
			const struct pn_object *new)
{
	for (size_t i = 0; i < inf->n_handlers && !inf->is_stopped; i++)
		if (inf->handlers[i].handler->update)
			inf->handlers[i].handler->update(inf->handlers[i].data, old, new);
}

static void tell_remove(struct pn_informer *inf, const struct pn_object *last, bool is_stale)
{
	for (size_t i = 0; i < inf->n_handlers && !inf->is_stopped; i++)
		if (inf->handlers[i].handler->remove)
			inf->handlers[i].handler->remove(inf->handlers[i].data, last, is_stale);
}

static void tell_synced(struct pn_informer *inf)
{
	inf->is_synced = true;
	for (size_t i = 0; i < inf->n_handlers && !inf->is_stopped; i++)
		if (inf->handlers[i].handler->synced)
			inf->handlers[i].handler->synced(inf->handlers[i].data);
}

/* --- what the reflector learns --- */

static int on_list_begin(void *data)
{
	struct pn_informer *inf = data;

	return pn_store_stage_begin(inf->store);
}

static int on_list_item(void *data, const struct pn_object *obj)
{
	struct pn_informer *inf = data;

	return pn_store_stage(inf->store, obj);
}

static void on_list_drop(void *data)
{
	struct pn_informer *inf = data;

	pn_store_unstage(inf->store);
}

static bool on_diff_remove(void *data, const struct pn_object *last)
{
	struct pn_informer *inf = data;

	tell_remove(inf, last, true);
	return !inf->is_stopped;
}

static bool on_diff_put(void *data, const struct pn_object *old, const struct pn_object *obj)
{
	struct pn_informer *inf = data;

	if (old)
		tell_update(inf, old, obj);
	else
		tell_add(inf, obj);
	return !inf->is_stopped;
}

static void on_list_end(void *data)
{
	static const struct pn_store_diff diff = { on_diff_remove, on_diff_put };
	struct pn_informer *inf = data;

	pn_store_commit(inf->store, &diff, inf);
	if (!inf->is_synced && !inf->is_stopped)
		tell_synced(inf);
}

static void apply_delete(struct pn_informer *inf, const struct pn_object *obj)
{
	const struct pn_object *stored;
	char key[PN_KEY_LEN];

	stored = pn_store_remove(inf->store, pn_object_key(obj, key));
	if (stored)
		tell_remove(inf, obj, false);
	pn_object_unref(stored);
}

static int apply_put(struct pn_informer *inf, const struct pn_object *obj)
{
	const struct pn_object *old;
	int r = pn_store_put(inf->store, obj, &old);

	if (r < 0)
		return r;
	if (!old)
		tell_add(inf, obj);
	else if (!pn_store_same_version(old, obj))
		tell_update(inf, old, obj);
	pn_object_unref(old);
	return 0;
}

static int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	struct pn_informer *inf = data;
	int r = 0;

	if (event == PN_EVENT_DELETED)
		apply_delete(inf, obj);
	else
		r = apply_put(inf, obj);
	return inf->is_stopped ? -ECANCELED : r;
}

static void on_refused(void *data, const struct pn_err *why)
{
	struct pn_informer *inf = data;
	unsigned int n_held;

	if (pn_log_allow(&inf->refused_limit, pn_clock_now(inf->clock), log_period, &n_held))
		pn_warn("kube", "an object is left out: %s kind=%s more=%u", why->text,
			inf->kind->kind, n_held);
}

static const struct pn_reflector_ops reflector_ops = {
	.list_begin = on_list_begin,
	.list_item = on_list_item,
	.list_end = on_list_end,
	.list_drop = on_list_drop,
	.event = on_event,
	.refused = on_refused,
};

/* --- requests --- */

/* Each failure is told when it is new, and its end. */
static void report(struct pn_informer *inf)
{
	struct pn_reflector_status st;
	unsigned int n_held;

	pn_reflector_status(inf->reflector, &st);
	if (strcmp(st.last_error, inf->logged.text) == 0)
		return;
	if (st.n_failures == 0) {
		pn_info("kube", "watching %s again", inf->kind->plural);
	} else {
		if (!pn_log_allow(&inf->failure_limit, pn_clock_now(inf->clock), log_period,
				  &n_held))
			return;
		pn_warn("kube", "%s, trying again", st.last_error);
	}
	(void)pn_err_set(&inf->logged, 0, "%s", st.last_error);
}

static void step(struct pn_informer *inf);

static void on_headers(void *data, const struct pn_response *response)
{
	struct pn_informer *inf = data;

	pn_reflector_headers(inf->reflector, response->status, response->content_type,
			     response->retry_after_s);
	report(inf);
}

static int on_data(void *data, const char *bytes, size_t len)
{
	struct pn_informer *inf = data;

	return pn_reflector_data(inf->reflector, bytes, len);
}

static void on_done(void *data, int result, const struct pn_err *err)
{
	struct pn_informer *inf = data;

	inf->request = NULL;
	pn_reflector_done(inf->reflector, result, err);
	report(inf);
	if (!inf->is_stopped)
		step(inf);
}

static const struct pn_request_ops request_ops = {
	.headers = on_headers,
	.data = on_data,
	.done = on_done,
};

static void on_timer(uv_timer_t *timer)
{
	step(timer->data);
}

static void step(struct pn_informer *inf)
{
	struct pn_reflector_step s;
	int r = 0;

	pn_reflector_next(inf->reflector, &s);
	if (s.path) {
		r = pn_client_get(inf->client, s.path, s.accept, s.idle_ms, &request_ops, inf,
				  &inf->request);
		if (r == 0)
			return;
		pn_reflector_done(inf->reflector, r, NULL);
		pn_reflector_next(inf->reflector, &s);
	}
	report(inf);
	(void)uv_timer_start(&inf->timer, on_timer, s.wait_ns / PN_NSEC_PER_MSEC + 1, 0);
}

/* --- for the caller --- */

static void free_parts(struct pn_informer *inf)
{
	pn_reflector_free(inf->reflector);
	pn_store_free(inf->store);
	free(inf->handlers);
}

int pn_informer_new(uv_loop_t *loop, const struct pn_informer_config *config,
		    struct pn_informer **ret)
{
	struct pn_informer *inf = calloc(1, sizeof(*inf));
	struct pn_reflector_config rc = {
		.kind = config->kind,
		.clock = config->clock,
		.page_size = config->page_size,
		.field_selector = config->field_selector,
		.ops = &reflector_ops,
		.data = inf,
	};

	if (!inf)
		return -ENOMEM;
	inf->client = config->client;
	inf->clock = config->clock;
	inf->kind = config->kind;
	if (pn_store_new(&inf->store) < 0 || pn_reflector_new(&rc, &inf->reflector) < 0) {
		free_parts(inf);
		free(inf);
		return -ENOMEM;
	}
	(void)uv_timer_init(loop, &inf->timer);
	inf->timer.data = inf;
	*ret = inf;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void pn_informer_free(struct pn_informer *inf)
{
	if (!inf)
		return;
	pn_informer_stop(inf);
	free_parts(inf);
	uv_close((uv_handle_t *)&inf->timer, on_timer_closed);
}

int pn_informer_add_handler(struct pn_informer *inf, const struct pn_handler *handler, void *data)
{
	size_t n = inf->n_handlers + 1;
	struct registration *more = realloc(inf->handlers, n * sizeof(*more));

	if (!more)
		return -ENOMEM;
	more[n - 1] = (struct registration) { handler, data };
	inf->handlers = more;
	inf->n_handlers = n;
	return 0;
}

int pn_informer_add_index(struct pn_informer *inf, const char *name, pn_index_fn fn)
{
	return pn_store_add_index(inf->store, name, fn);
}

int pn_informer_start(struct pn_informer *inf)
{
	if (inf->is_stopped)
		return -ECANCELED;
	if (inf->is_started)
		return 0;
	inf->is_started = true;
	step(inf);
	return 0;
}

void pn_informer_stop(struct pn_informer *inf)
{
	inf->is_stopped = true;
	(void)uv_timer_stop(&inf->timer);
	pn_request_cancel(PN_TAKE_PTR(inf->request));
}

const struct pn_object *pn_informer_get(const struct pn_informer *inf, const char *key)
{
	return pn_store_get(inf->store, key);
}

void pn_informer_each(const struct pn_informer *inf, pn_visit_fn visit, void *data)
{
	pn_store_each(inf->store, visit, data);
}

int pn_informer_by_index(const struct pn_informer *inf, const char *index, const char *value,
			 pn_visit_fn visit, void *data)
{
	return pn_store_by_index(inf->store, index, value, visit, data);
}

size_t pn_informer_count(const struct pn_informer *inf)
{
	return pn_store_count(inf->store);
}

void pn_informer_status(const struct pn_informer *inf, struct pn_informer_status *ret)
{
	struct pn_reflector_status st;

	pn_reflector_status(inf->reflector, &st);
	*ret = (struct pn_informer_status) {
		.kind = inf->kind->plural,
		.synced = inf->is_synced,
		.n_objects = pn_store_count(inf->store),
		.resource_version = st.resource_version,
		.last_contact = st.last_contact,
		.n_failures = st.n_failures,
		.last_error = st.last_error,
	};
}
