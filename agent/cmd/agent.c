/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: the one place that knows all parts. This file is the control thread: it feeds the
 * index from the informers, writes what changed to the pinned maps once per turn of the loop,
 * attaches the tracer to interfaces as they come, and answers on the socket. The flow thread
 * (flow_thread.c) does the rest.
 *
 * Parts are made in the order of struct agent and undone in the opposite one.
 */
#include "cmd/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/version.h"
#include "cmd/flow_thread.h"
#include "cmd/status_doc.h"
#include "datapath/links.h"
#include "index/index.h"
#include "kube/factory.h"
#include "kube/store.h"
#include "serve/socket.h"

enum {
	TICK_MS = 1000, /* retries of map writes, freshness in `meta` */
	PRUNE_TICKS = 5,
	N_KINDS = 5,
};

/* What explains an address. */
static const enum pn_kind_id kinds[] = { PN_KIND_POD, PN_KIND_SERVICE, PN_KIND_NODE,
					 PN_KIND_NAMESPACE, PN_KIND_REPLICASET };
_Static_assert(PN_ARRAY_SIZE(kinds) == N_KINDS, "an informer for each kind");

struct agent {
	const struct pn_agent_config *config;
	const struct pn_clock *clock;
	pn_nsec started;

	uv_loop_t loop;
	uv_timer_t tick, kube_retry;
	uv_check_t after_poll;
	uv_poll_t links_poll;
	uv_signal_t sigint, sigterm;
	bool loop_is_open, links_poll_is_open;

	struct pn_index *index;
	struct pn_maps *maps;
	struct pn_tracer *tracer;
	struct pn_flow_thread *flow;
	struct pn_links *links;
	struct pn_socket *socket;
	struct pn_factory *factory;
	struct pn_informer *informers[N_KINDS];
	struct pn_backoff kube_backoff;
	struct pn_err kube_err; /* why there is no factory yet */

	unsigned int n_ticks, n_synced;
	bool maps_dirty;   /* the index changed since the last flush */
	bool maps_swept;   /* every list is complete and what nobody has any more is gone */
	bool index_missed; /* a change was lost for want of memory: read the stores again */
	struct pn_log_limit maps_limit;
};

/* --- objects: informers -> index ---------------------------------------------------------------- */

static void apply(struct agent *a, const struct pn_object *old, const struct pn_object *new)
{
	const struct pn_object *obj = new ? new : old;

	a->maps_dirty = true;
	if (pn_index_apply(a->index, old, new) == 0)
		return;
	a->index_missed = true;
	pn_error("agent", "no memory to index %s/%s, trying again", obj->name_space, obj->name);
}

static void on_synced(struct agent *a)
{
	if (++a->n_synced < N_KINDS)
		return;
	a->maps_dirty = true;
	pn_info("agent", "all objects are known after %llu ms",
		(unsigned long long)((pn_clock_now(a->clock) - a->started) / PN_NSEC_PER_MSEC));
}

static void on_notice(const void *handler, void *data, const struct pn_notice *n)
{
	struct agent *a = data;

	(void)handler;
	if (n->type == PN_NOTICE_SYNCED)
		on_synced(a);
	else if (n->type == PN_NOTICE_REMOVE)
		apply(a, n->obj, NULL);
	else
		apply(a, n->old, n->obj);
}

static void apply_all_again(struct agent *a)
{
	const struct pn_object *obj;
	struct pn_iter it;

	a->index_missed = false;
	pn_read_begin();
	for (size_t i = 0; a->factory && i < N_KINDS; i++) {
		pn_informer_each(a->informers[i], &it);
		while ((obj = pn_iter_next(&it)))
			apply(a, NULL, obj);
	}
	pn_read_end();
}

/* --- names: index -> maps ----------------------------------------------------------------------- */

static void write_maps(struct agent *a)
{
	unsigned int n_held;
	int r;

	a->maps_dirty = false;
	r = pn_maps_flush(a->maps, a->index);
	if (r == 0 && a->n_synced == N_KINDS && !a->maps_swept) {
		r = pn_maps_sweep(a->maps, a->index);
		a->maps_swept = r == 0;
	}
	if (r < 0 &&
	    pn_log_allow(&a->maps_limit, pn_clock_now(a->clock), 60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("agent", "writing the pinned maps failed, trying again: %s held=%u",
			strerror(-r), n_held);
}

/* Runs after each round of input, so that a burst of events becomes one batch of map writes. */
static void on_after_poll(uv_check_t *check)
{
	struct agent *a = check->data;

	if (a->maps_dirty)
		write_maps(a);
}

static void on_tick(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	if (a->index_missed)
		apply_all_again(a);
	if (++a->n_ticks % PRUNE_TICKS == 0)
		pn_index_prune(a->index);
	write_maps(a);
}

/* --- interfaces: netlink -> tracer -------------------------------------------------------------- */

static void on_link_appeared(void *data, int ifindex, const char *name)
{
	struct agent *a = data;
	struct pn_err err = { "" };
	int r = pn_tracer_attach(a->tracer, ifindex, &err);

	if (r == 0) {
		pn_debug("agent", "tracing interface=%s ifindex=%d", name, ifindex);
	} else if (r != -EEXIST && r != -ENODEV) {
		pn_metric_add(PN_METRIC_LINKS_FAILURES, 1);
		pn_warn("agent", "interface %s is not traced: %s", name, err.text);
	}
}

static void on_link_vanished(void *data, int ifindex, const char *name)
{
	struct agent *a = data;

	pn_debug("agent", "interface is gone interface=%s ifindex=%d", name, ifindex);
	pn_tracer_detach(a->tracer, ifindex);
}

static const struct pn_links_ops links_ops = {
	.appeared = on_link_appeared,
	.vanished = on_link_vanished,
};

static void on_links_readable(uv_poll_t *poll, int status, int events)
{
	struct agent *a = poll->data;
	struct pn_err err = { "" };

	(void)status;
	(void)events;
	if (pn_links_dispatch(a->links, &err) < 0)
		pn_warn("agent", "following interfaces: %s", err.text);
}

/* --- the socket --------------------------------------------------------------------------------- */

static void on_subscribe(void *data, int fd, enum pn_format format)
{
	struct agent *a = data;

	pn_flow_thread_subscribe(a->flow, fd, format);
}

static char *on_status(void *data)
{
	const struct agent *a = data;
	const struct pn_status_parts parts = {
		.clock = a->clock,
		.node_name = a->config->node_name,
		.server = a->factory ? pn_factory_server(a->factory) : "",
		.error = a->factory ? "" : a->kube_err.text,
		.started = a->started,
		.informers = a->informers,
		.n_informers = a->factory ? N_KINDS : 0,
		.index = a->index,
		.tracer = a->tracer,
	};

	return pn_status_doc(&parts);
}

static const struct pn_socket_ops socket_ops = {
	.subscribe = on_subscribe,
	.status = on_status,
};

/* --- start and stop ----------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int signum)
{
	pn_info("agent", "stopping signal=%d", signum);
	uv_stop(handle->loop);
}

static int start_loop(struct agent *a, struct pn_err *reterr)
{
	int r = uv_loop_init(&a->loop);

	if (r < 0)
		return pn_err_set(reterr, r, "starting the event loop: %s", uv_strerror(r));
	a->loop_is_open = true;
	(void)uv_timer_init(&a->loop, &a->tick);
	(void)uv_timer_init(&a->loop, &a->kube_retry);
	(void)uv_check_init(&a->loop, &a->after_poll);
	(void)uv_signal_init(&a->loop, &a->sigint);
	(void)uv_signal_init(&a->loop, &a->sigterm);
	a->tick.data = a->kube_retry.data = a->after_poll.data = a;
	a->kube_backoff = PN_BACKOFF_DEFAULT;
	(void)uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
	(void)uv_check_start(&a->after_poll, on_after_poll);
	r = uv_signal_start(&a->sigint, on_signal, SIGINT);
	if (r == 0)
		r = uv_signal_start(&a->sigterm, on_signal, SIGTERM);
	return r < 0 ? pn_err_set(reterr, r, "catching signals: %s", uv_strerror(r)) : 0;
}

/* What is pinned from before is taken over: its owner ids stay, its entries serve until the sweep. */
static int start_maps(struct agent *a, struct pn_err *reterr)
{
	const struct pn_maps_config config = {
		.dir = a->config->pin_path,
		.max_addrs = a->config->max_addrs,
		.node_name = a->config->node_name,
		.clock = a->clock,
	};
	int r;

	r = pn_index_new(a->clock, a->config->node_name, &a->index);
	if (r < 0)
		return pn_err_set(reterr, r, "making the index: %s", strerror(-r));
	r = pn_maps_open(&config, &a->maps, reterr);
	if (r < 0)
		return r;
	r = pn_maps_seed(a->maps, a->index);
	return r < 0 ? pn_err_set(reterr, r, "reading the pinned maps: %s", strerror(-r)) : 0;
}

static int start_flow(struct agent *a, struct pn_sink **sink, struct pn_err *reterr)
{
	const struct pn_tracer_config tracer = {
		.ip_map_fd = pn_maps_ip_fd(a->maps),
		.max_flows = a->config->max_flows,
		.force_clsact = a->config->no_tcx,
		.no_nat = a->config->no_nat,
	};
	struct pn_flow_thread_config flow = {
		.clock = a->clock,
		.index = a->index,
		.interval = a->config->interval,
	};
	int r;

	r = pn_tracer_new(&tracer, &a->tracer, reterr);
	if (r < 0)
		return r;
	flow.tracer = a->tracer;
	flow.sink = PN_TAKE_PTR(*sink);
	r = pn_flow_thread_start(&flow, &a->flow);
	return r < 0 ? pn_err_set(reterr, r, "starting the flow thread: %s", strerror(-r)) : 0;
}

static int start_links(struct agent *a, struct pn_err *reterr)
{
	int r = pn_links_open(&links_ops, a, &a->links, reterr);

	if (r < 0)
		return r;
	r = uv_poll_init(&a->loop, &a->links_poll, pn_links_fd(a->links));
	if (r < 0)
		return pn_err_set(reterr, r, "polling netlink: %s", uv_strerror(r));
	a->links_poll_is_open = true;
	a->links_poll.data = a;
	(void)uv_poll_start(&a->links_poll, UV_READABLE, on_links_readable);
	return pn_links_dispatch(a->links, reterr);
}

static int add_informer(struct agent *a, size_t i, struct pn_err *reterr)
{
	int r;

	a->informers[i] = pn_factory_informer(a->factory, kinds[i], NULL, reterr);
	if (!a->informers[i])
		return -EINVAL;
	r = pn_informer_add_handler(a->informers[i], on_notice, NULL, a, NULL, NULL);
	return r < 0 ? pn_err_set(reterr, r, "following an informer: %s", strerror(-r)) : 0;
}

static void stop_kube(struct agent *a)
{
	pn_factory_free(PN_TAKE_PTR(a->factory));
}

static int start_kube(struct agent *a, struct pn_err *reterr)
{
	struct pn_kube_config config = { 0 };
	int r;

	r = pn_kube_config_load(&a->config->kube, &config, reterr);
	if (r == 0)
		r = pn_factory_new_on_loop(&a->loop, &config, &a->factory, reterr);
	pn_kube_config_done(&config);
	for (size_t i = 0; r == 0 && i < N_KINDS; i++)
		r = add_informer(a, i, reterr);
	if (r == 0)
		r = pn_factory_start(a->factory);
	if (r < 0)
		stop_kube(a);
	return r;
}

/* Settings that cannot be read now may be there soon: packets are traced meanwhile. */
static void on_kube_retry(uv_timer_t *timer)
{
	struct agent *a = timer->data;
	pn_nsec pause;

	if (start_kube(a, &a->kube_err) == 0) {
		pn_info("agent", "watching server=%s", pn_factory_server(a->factory));
		return;
	}
	pause = pn_backoff_next(&a->kube_backoff, a->clock);
	pn_warn("agent", "no API server: %s; trying again in %llu ms", a->kube_err.text,
		(unsigned long long)(pause / PN_NSEC_PER_MSEC));
	(void)uv_timer_start(timer, on_kube_retry, pause / PN_NSEC_PER_MSEC, 0);
}

static int start(struct agent *a, struct pn_sink **sink, struct pn_err *reterr)
{
	int r = start_loop(a, reterr);

	if (r == 0)
		r = start_maps(a, reterr);
	if (r == 0)
		r = start_flow(a, sink, reterr);
	if (r == 0)
		r = start_links(a, reterr);
	if (r == 0)
		r = pn_socket_listen(&a->loop, a->config->socket_path, &socket_ops, a, &a->socket,
				     reterr);
	if (r == 0)
		(void)uv_timer_start(&a->kube_retry, on_kube_retry, 0, 0);
	return r;
}

static void close_loop(struct agent *a)
{
	if (!a->loop_is_open)
		return;
	uv_close((uv_handle_t *)&a->tick, NULL);
	uv_close((uv_handle_t *)&a->kube_retry, NULL);
	uv_close((uv_handle_t *)&a->after_poll, NULL);
	uv_close((uv_handle_t *)&a->sigint, NULL);
	uv_close((uv_handle_t *)&a->sigterm, NULL);
	(void)uv_run(&a->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&a->loop);
	pn_store_barrier();
}

static void stop(struct agent *a)
{
	pn_socket_close(a->socket);
	stop_kube(a);
	if (a->links_poll_is_open)
		uv_close((uv_handle_t *)&a->links_poll, NULL);
	pn_links_close(a->links);
	pn_flow_thread_stop(a->flow);
	pn_tracer_free(a->tracer);
	pn_maps_close(a->maps);
	pn_index_free(a->index);
	close_loop(a);
}

int pn_agent_run(const struct pn_agent_config *config, struct pn_err *reterr)
{
	struct agent a = { .config = config, .clock = &pn_clock_system };
	struct pn_sink *sink = config->sink;
	int r;

	a.started = pn_clock_now(a.clock);
	pn_index_reader_begin(); /* the index's writer, see index.h */
	pn_index_reader_offline();
	r = start(&a, &sink, reterr);
	if (r == 0) {
		pn_info("agent", "podonym %s started node=%s", pn_version(), config->node_name);
		(void)uv_run(&a.loop, UV_RUN_DEFAULT);
	}
	stop(&a);
	pn_index_reader_end();
	pn_sink_close(sink);
	return r;
}
