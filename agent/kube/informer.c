/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ties the parts of an informer together: the reflector says what to ask for, the client asks, the
 * store takes what the reflector made of the answer, and the handlers' queues are given what changed
 * (informer_changes.c).
 *
 * Everything that comes from the loop happens under the factory's lock, in step() and in what the
 * reflector and the client call.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "kube/informer_private.h"

/* One message of a kind is enough in so long. */
static const pn_nsec log_period = 10 * PN_NSEC_PER_SEC;

enum { MAX_REPORTS = 64 }; /* that wait to be told; the oldest are enough to act on */

/* --- what people are told --- */

static void report(struct pn_informer *inf, const char *warning, int code, const char *reason,
		   const char *message)
{
	struct pn_report *r, *last;
	unsigned int n;

	if (warning ? !inf->options.on_warning : !inf->options.on_error)
		return;
	LL_COUNT(inf->reports, last, n);
	r = n < MAX_REPORTS ? calloc(1, sizeof(*r)) : NULL;
	if (!r)
		return;
	r->warning = warning;
	r->code = code;
	(void)pn_err_set(&r->message, 0, "%s", message);
	(void)snprintf(r->reason, sizeof(r->reason), "%s", reason);
	LL_APPEND(inf->reports, r);
	inf->factory->has_reports = true;
}

void pn_informer_tell_reports(struct pn_informer *inf)
{
	struct pn_report *all, *r, *next;

	pn_factory_lock(inf->factory);
	if (inf->has_slow_handler)
		report(inf, "slow_handler", 0, "", "");
	inf->has_slow_handler = false;
	all = PN_TAKE_PTR(inf->reports);
	pn_factory_unlock(inf->factory);
	LL_FOREACH_SAFE (all, r, next) {
		struct pn_watch_error error = { r->code, r->reason, r->message.text };

		if (r->warning)
			inf->options.on_warning(inf->options.data, r->warning);
		else
			inf->options.on_error(inf->error_data, &error);
		free(r);
	}
}

static void on_refused(void *data, const struct pn_err *why)
{
	struct pn_informer *inf = data;
	unsigned int n_held;

	if (pn_log_allow(&inf->refused_limit, pn_clock_now(inf->factory->clock), log_period,
			 &n_held))
		pn_warn("kube", "an object is left out: %s kind=%s more=%u", why->text,
			inf->kind->kind, n_held);
}

static void on_failed(void *data, int code, const char *reason, const char *message)
{
	report(data, NULL, code, reason, message);
}

static void on_late_end(void *data)
{
	struct pn_informer *inf = data;

	pn_warn("kube", "the server has not ended its streaming list after ten seconds kind=%s",
		inf->kind->kind);
	report(inf, "missing_initial_events_end", 0, "", "");
}

static const struct pn_reflector_ops reflector_ops = {
	.list_begin = pn_informer_on_list_begin,
	.list_item = pn_informer_on_list_item,
	.list_remove = pn_informer_on_list_remove,
	.list_end = pn_informer_on_list_end,
	.list_drop = pn_informer_on_list_drop,
	.event = pn_informer_on_event,
	.refused = on_refused,
	.failed = on_failed,
	.late_end = on_late_end,
};

/* Each failure is logged when it is new, and its end. */
static void log_state(struct pn_informer *inf)
{
	struct pn_reflector_status st;
	unsigned int n_held;

	pn_reflector_status(inf->reflector, &st);
	if (st.is_absent || strcmp(st.last_error, inf->logged.text) == 0)
		return;
	if (st.n_failures == 0) {
		pn_info("kube", "watching %s again", inf->kind->plural);
	} else {
		if (!pn_log_allow(&inf->failure_limit, pn_clock_now(inf->factory->clock),
				  log_period, &n_held))
			return;
		pn_warn("kube", "%s, trying again", st.last_error);
	}
	(void)pn_err_set(&inf->logged, 0, "%s", st.last_error);
}

/* --- requests --- */

static void step(struct pn_informer *inf);

static void on_timer(uv_timer_t *timer)
{
	struct pn_informer *inf = timer->data;

	pn_factory_lock(inf->factory);
	if (inf->request)
		pn_reflector_late(inf->reflector);
	else if (inf->is_running)
		step(inf);
	pn_factory_unlock(inf->factory);
}

static void start_timer(struct pn_informer *inf, pn_nsec wait)
{
	(void)uv_timer_start(&inf->timer, on_timer,
			     (wait + PN_NSEC_PER_MSEC - 1) / PN_NSEC_PER_MSEC, 0);
}

static void watch_deadline(struct pn_informer *inf)
{
	pn_nsec at = pn_reflector_deadline(inf->reflector), now;

	if (at == PN_NSEC_NEVER)
		return;
	now = pn_clock_now(inf->factory->clock);
	start_timer(inf, at > now ? at - now : 0);
}

static void on_headers(void *data, const struct pn_response *response)
{
	struct pn_informer *inf = data;
	struct pn_reflector_status st;
	bool was_failing;

	pn_factory_lock(inf->factory);
	pn_reflector_status(inf->reflector, &st);
	was_failing = st.n_failures;
	pn_reflector_headers(inf->reflector, response->status, response->content_type,
			     response->retry_after_s);
	log_state(inf);
	watch_deadline(inf);
	if (was_failing && response->status == 200)
		pn_factory_server_is_back(inf->factory, inf);
	pn_factory_unlock(inf->factory);
}

static int on_data(void *data, const char *bytes, size_t len)
{
	struct pn_informer *inf = data;
	int r;

	pn_factory_lock(inf->factory);
	r = pn_reflector_data(inf->reflector, bytes, len);
	pn_factory_unlock(inf->factory);
	return r;
}

static void on_done(void *data, int result, const struct pn_err *err)
{
	struct pn_informer *inf = data;

	pn_factory_lock(inf->factory);
	inf->request = NULL;
	(void)uv_timer_stop(&inf->timer);
	pn_reflector_done(inf->reflector, result, err);
	log_state(inf);
	if (inf->is_running)
		step(inf);
	pn_factory_unlock(inf->factory);
}

static const struct pn_request_ops request_ops = {
	.headers = on_headers,
	.data = on_data,
	.done = on_done,
};

static void step(struct pn_informer *inf)
{
	struct pn_reflector_step s;
	int r = 0;

	pn_reflector_next(inf->reflector, &s);
	if (s.path) {
		r = pn_client_get(inf->factory->client, s.path, s.accept, s.idle_ms, &request_ops,
				  inf, &inf->request);
		if (r == 0)
			return;
		pn_reflector_done(inf->reflector, r, NULL);
		pn_reflector_next(inf->reflector, &s);
	}
	log_state(inf);
	start_timer(inf, s.wait_ns);
}

void pn_informer_server_is_back(struct pn_informer *inf)
{
	if (inf->is_running && !inf->request && pn_reflector_server_is_back(inf->reflector))
		step(inf);
}

/* --- start and stop --- */

static void begin(struct pn_informer *inf)
{
	(void)uv_timer_init(inf->factory->loop, &inf->timer);
	(void)uv_timer_init(inf->factory->loop, &inf->resync_timer);
	inf->timer.data = inf->resync_timer.data = inf;
	inf->n_handles = 2;
	inf->is_started = inf->is_running = true;
	if (inf->resync_check_ms)
		(void)uv_timer_start(&inf->resync_timer, pn_informer_on_resync,
				     inf->resync_check_ms, inf->resync_check_ms);
	step(inf);
}

static void end(struct pn_informer *inf)
{
	inf->is_running = false;
	(void)uv_timer_stop(&inf->timer);
	(void)uv_timer_stop(&inf->resync_timer);
	pn_request_cancel(PN_TAKE_PTR(inf->request));
}

void pn_informer_turn(struct pn_informer *inf)
{
	if (inf->is_stopped) {
		if (inf->is_running)
			end(inf);
	} else if (inf->wants_start && !inf->is_started) {
		begin(inf);
	}
}

void pn_informer_stop_locked(struct pn_informer *inf)
{
	struct pn_registration *r;

	inf->is_stopped = true;
	for (r = inf->registrations; r; r = r->next)
		pn_registration_close(r, false);
	(void)pthread_cond_broadcast(&inf->factory->changed);
}

void pn_informer_stop(struct pn_informer *inf)
{
	pn_factory_lock(inf->factory);
	pn_informer_stop_locked(inf);
	pn_factory_unlock(inf->factory);
	pn_factory_wake(inf->factory);
}

int pn_informer_set_transform(struct pn_informer *inf, int (*fn)(void *data, struct json_t *object),
			      void *data)
{
	bool is_late;

	pn_factory_lock(inf->factory);
	is_late = inf->wants_start;
	if (!is_late) {
		inf->options.transform = fn;
		inf->transform_data = data;
	}
	pn_factory_unlock(inf->factory);
	return is_late ? -EBUSY : 0;
}

int pn_informer_set_on_error(struct pn_informer *inf,
			     void (*on_error)(void *data, const struct pn_watch_error *error),
			     void *data)
{
	bool is_late;

	pn_factory_lock(inf->factory);
	is_late = inf->wants_start;
	if (!is_late) {
		inf->options.on_error = on_error;
		inf->error_data = data;
	}
	pn_factory_unlock(inf->factory);
	return is_late ? -EBUSY : 0;
}

/* --- life --- */

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(text_of(a), text_of(b)) == 0;
}

bool pn_informer_matches(const struct pn_informer *inf, const struct pn_kind *kind,
			 const struct pn_informer_options *o)
{
	return inf->kind->id == kind->id && same_text(inf->kind->group, kind->group) &&
	       same_text(inf->kind->version, kind->version) &&
	       same_text(inf->kind->plural, kind->plural) &&
	       same_text(inf->name_space, o->name_space) &&
	       same_text(inf->field_selector, o->field_selector) &&
	       same_text(inf->label_selector, o->label_selector);
}

static int transform(void *data, struct json_t *object)
{
	struct pn_informer *inf = data;
	int r = inf->options.transform ? inf->options.transform(inf->transform_data, object) : 0;

	if (r < 0)
		(void)atomic_fetch_add_explicit(&inf->n_transform_errors, 1, memory_order_relaxed);
	return r;
}

static int make_reflector(struct pn_informer *inf)
{
	const struct pn_informer_options *o = &inf->options;
	const struct pn_backoff_options *b = &o->backoff;
	const struct pn_reflector_config config = {
		.wire = {
			.kind = inf->kind,
			.protobuf = !o->json,
			.metadata_only = o->metadata_only,
			.keep_labels = o->keep_labels,
			.annotations = o->keep_annotations,
			.transform = transform,
			.transform_data = inf,
		},
		.clock = inf->factory->clock,
		.streaming = o->list_mode == PN_LIST_STREAMING,
		.is_optional = o->is_optional,
		.name_space = inf->name_space,
		.field_selector = inf->field_selector,
		.label_selector = inf->label_selector,
		.page_size = o->page_size,
		.min_watch_timeout_s = o->min_watch_timeout_s,
		.backoff = {
			.initial = (b->initial_ms ? b->initial_ms : 800) * PN_NSEC_PER_MSEC,
			.factor = b->factor ? b->factor : 2,
			.cap = (b->cap_ms ? b->cap_ms : 30000) * PN_NSEC_PER_MSEC,
			.reset_after = (b->reset_ms ? b->reset_ms : 120000) * PN_NSEC_PER_MSEC,
			.no_jitter = b->no_jitter,
		},
		.internal_error_retry = o->internal_error_retry_ms * PN_NSEC_PER_MSEC,
		.ops = &reflector_ops,
		.data = inf,
	};

	return pn_reflector_new(&config, &inf->reflector);
}

static int make_store(struct pn_informer *inf)
{
	int r;

	if (inf->options.store) {
		inf->store_ops = inf->options.store;
		inf->store = inf->options.store_data;
		return 0;
	}
	r = pn_store_new(&inf->built_in);
	inf->store_ops = &pn_store_ops;
	inf->store = inf->built_in;
	return r;
}

static int copy_text(char **ret, const char *text)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

static int make_parts(struct pn_informer *inf)
{
	int r = copy_text(&inf->name_space, inf->options.name_space);

	if (r == 0)
		r = copy_text(&inf->field_selector, inf->options.field_selector);
	if (r == 0)
		r = copy_text(&inf->label_selector, inf->options.label_selector);
	if (r == 0)
		r = make_store(inf);
	return r < 0 ? r : make_reflector(inf);
}

static void free_parts(struct pn_informer *inf)
{
	pn_reflector_free(inf->reflector);
	pn_store_free(inf->built_in);
	free(inf->name_space);
	free(inf->field_selector);
	free(inf->label_selector);
	if (inf->owns_kind)
		pn_kind_free((struct pn_kind *)(uintptr_t)inf->kind);
	free(inf);
}

int pn_informer_new(struct pn_factory *f, const struct pn_kind *kind, bool owns_kind,
		    const struct pn_informer_options *options, struct pn_informer **ret)
{
	struct pn_informer *inf = calloc(1, sizeof(*inf));
	int r;

	if (!inf)
		return -ENOMEM;
	inf->factory = f;
	inf->kind = kind;
	inf->options = *options;
	inf->transform_data = inf->error_data = options->data;
	r = make_parts(inf);
	if (r < 0) {
		free_parts(inf);
		return r;
	}
	inf->owns_kind = owns_kind;
	inf->resync_check_ms = pn_informer_resync_at_least(options->resync_ms);
	inf->is_stopped = f->is_stopped;
	DL_APPEND(f->informers, inf);
	*ret = inf;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pn_informer *inf = handle->data;

	if (--inf->n_handles == 0)
		free_parts(inf);
}

void pn_informer_free(struct pn_informer *inf)
{
	struct pn_report *r, *next;

	inf->is_stopped = true;
	if (inf->is_running)
		end(inf);
	LL_FOREACH_SAFE (inf->reports, r, next)
		free(r);
	if (!inf->is_started) {
		free_parts(inf);
		return;
	}
	uv_close((uv_handle_t *)&inf->timer, on_timer_closed);
	uv_close((uv_handle_t *)&inf->resync_timer, on_timer_closed);
}
