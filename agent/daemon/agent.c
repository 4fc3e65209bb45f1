/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: the one place that knows all parts. This file is the control thread: names.c keeps the
 * index and the pinned maps, the tracer is attached to interfaces as they come, and agent_answers.c
 * answers who asks. The flow thread (flow_thread.c) does the rest.
 *
 * Parts are made in the order of struct pn_agent and undone in the opposite one.
 */
#include "daemon/agent_private.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/version.h"
#include "daemon/notify.h"
#include "daemon/socket_group.h"
#include "datapath/cgroups.h"
#include "flow/joiner.h"
#include "kube/store.h"
#include "serve/http.h"

enum { OWN_PAGES_BYTES = 128 << 10 }; /* see settle_heap() */

/* --- interfaces: netlink -> tracer -------------------------------------------------------------- */

static void on_link_appeared(void *data, int ifindex, const char *name)
{
	struct pn_agent *a = data;
	struct pn_err err = { "" };
	int r;

	a->n_links++;
	pn_flow_thread_came(a->flow);
	r = pn_tracer_attach(a->tracer, ifindex, &err);
	if (r == 0) {
		pn_debug("agent", "tracing interface=%s ifindex=%d", name, ifindex);
	} else if (r != -EEXIST && r != -ENODEV) {
		pn_metric_add(PN_METRIC_LINKS_FAILURES, 1);
		pn_warn("agent", "interface %s is not traced: %s", name, err.text);
	}
}

static void on_link_vanished(void *data, int ifindex, const char *name, bool is_late)
{
	struct pn_agent *a = data;
	struct pn_addr left[2];
	unsigned int n;

	pn_debug("agent", "interface is gone interface=%s ifindex=%d", name, ifindex);
	a->n_links--;
	n = pn_tracer_detach(a->tracer, ifindex, left);
	for (unsigned int i = 0; i < n; i++)
		pn_flow_thread_left(a->flow, &left[i], is_late);
}

static const struct pn_links_ops links_ops = {
	.appeared = on_link_appeared,
	.vanished = on_link_vanished,
};

static void follow_links(struct pn_agent *a)
{
	struct pn_err err = { "" };
	unsigned int n_held;

	a->links_are_behind = pn_links_dispatch(a->links, &err) < 0;
	if (a->links_are_behind &&
	    pn_log_allow(&a->links_limit, pn_clock_now(a->clock), 60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("agent", "following interfaces, trying again: %s held=%u", err.text,
			n_held);
}

/* Lost messages are an error of the socket, after which libuv has stopped watching it. */
static void on_links_readable(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (status < 0)
		(void)uv_poll_start(poll, UV_READABLE, on_links_readable);
	follow_links(poll->data);
}

/* --- start and stop ----------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int signum)
{
	pn_info("agent", "stopping signal=%d", signum);
	pn_notify("STOPPING=1");
	uv_stop(handle->loop);
}

static void on_hangup(uv_signal_t *handle, int signum)
{
	(void)signum;
	pn_agent_reload(PN_CONTAINER_OF(handle, struct pn_agent, sighup));
}

static int start_loop(struct pn_agent *a, struct pn_err *reterr)
{
	int r = uv_loop_init(&a->loop);

	if (r < 0)
		return pn_err_set(reterr, r, "starting the event loop: %s", uv_strerror(r));
	a->loop_is_open = true;
	(void)uv_signal_init(&a->loop, &a->sigint);
	(void)uv_signal_init(&a->loop, &a->sigterm);
	(void)uv_signal_init(&a->loop, &a->sighup);
	r = uv_signal_start(&a->sigint, on_signal, SIGINT);
	if (r == 0)
		r = uv_signal_start(&a->sigterm, on_signal, SIGTERM);
	if (r == 0)
		r = uv_signal_start(&a->sighup, on_hangup, SIGHUP);
	return r < 0 ? pn_err_set(reterr, r, "catching signals: %s", uv_strerror(r)) : 0;
}

/* Without the unified hierarchy addresses have to do. */
static void find_cgroups(struct pn_agent *a)
{
	struct pn_err err = { "" };

	if (a->config->no_cgroup)
		return;
	if (a->config->cgroup_root)
		(void)snprintf(a->cgroup_root, sizeof(a->cgroup_root), "%s",
			       a->config->cgroup_root);
	else if (pn_cgroups_find_root(a->cgroup_root, sizeof(a->cgroup_root), &err) < 0)
		pn_warn("agent", "%s", err.text);
}

/* These run with the loop, when all parts are there. */
static void on_changed(void *data, const struct pn_object *old, const struct pn_object *new)
{
	struct pn_agent *a = data;

	pn_selecting_object(a->selecting, old, new);
	pn_labelled_object(a->labelled, old, new);
	pn_verdicts_object(a->verdicts, old, new);
}

static void on_synced(void *data)
{
	struct pn_agent *a = data;

	pn_selecting_synced(a->selecting);
	pn_labelled_synced(a->labelled);
	pn_flow_thread_synced(a->flow);
}

static int on_watch(void *data, struct pn_factory *factory, struct pn_err *reterr)
{
	struct pn_agent *a = data;

	return pn_verdicts_watch(a->verdicts, factory, reterr);
}

static void on_tick(void *data)
{
	struct pn_agent *a = data;

	pn_verdicts_tick(a->verdicts, a->names);
	if (a->links_are_behind)
		follow_links(a);
}

static int start_verdicts(struct pn_agent *a, struct pn_err *reterr)
{
	int r = a->config->no_policy ? 0 : pn_verdicts_new(a->clock, &a->verdicts);

	return r < 0 ? pn_err_set(reterr, r, "no memory") : 0;
}

static int start_names(struct pn_agent *a, struct pn_err *reterr)
{
	const struct pn_names_config config = {
		.clock = a->clock,
		.kube = a->config->kube,
		.node_name = a->config->node_name,
		.pin_path = a->config->pin_path,
		.ranges_path = a->config->ranges_path,
		.state_path = a->config->state_path,
		.cgroup_root = a->cgroup_root[0] ? a->cgroup_root : NULL,
		.max_addrs = a->config->max_addrs,
		.changed = on_changed,
		.synced = on_synced,
		.watch = on_watch,
		.tick = on_tick,
		.data = a,
	};

	return pn_names_start(&a->loop, &config, &a->names, reterr);
}

static int start_selecting(struct pn_agent *a, struct pn_expression **selection,
			   struct pn_err *reterr)
{
	int r = pn_selecting_start(a->names, pn_tracer_select(a->tracer), a->drops,
				   PN_TAKE_PTR(*selection), &a->selecting);

	if (r == 0)
		r = pn_labelled_new(a->clock, a->names, &a->labelled);
	return r < 0 ? pn_err_set(reterr, r, "starting the selection: %s", strerror(-r)) : 0;
}

static int start_drops(struct pn_agent *a, struct pn_err *reterr)
{
	const struct pn_drops_config config = {
		.max_drops = PN_MAX_DROPS,
		.off = a->config->no_drops,
	};
	int r = pn_drops_new(&config, &a->drops);
	struct pn_feature f;

	if (r < 0)
		return pn_err_set(reterr, r, "preparing to read drops: %s", strerror(-r));
	f = pn_drops_feature(a->drops);
	if (*f.reason && !a->config->no_drops)
		pn_warn("agent", "drops are %s: %s", f.state, f.reason);
	return 0;
}

static int start_history(struct pn_agent *a, struct pn_err *reterr)
{
	struct pn_history_config config = a->config->history;
	int r;

	if (!config.path)
		return 0;
	config.clock = a->clock;
	r = pn_history_start(&config, &a->history);
	return r < 0 ? pn_err_set(reterr, r, "starting the history: %s", strerror(-r)) : 0;
}

/*
 * Loading has taken the kernel's BTF several times, and it is free again. From then on malloc() would take
 * whatever is smaller than that from the heap, where calloc() has to write all of it. Large tables shall have
 * pages of their own, which are touched as they are used.
 */
static void settle_heap(void)
{
	(void)malloc_trim(0);
	(void)mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES);
}

static int start_flow(struct pn_agent *a, struct pn_sink **sink, struct pn_err *reterr)
{
	const struct pn_tracer_config tracer = {
		.ip_map_fd = pn_names_ip_map_fd(a->names),
		.max_flows = a->config->max_flows,
		.pin_dir = a->trace_path,
		.cgroup_root = a->cgroup_root[0] ? a->cgroup_root : NULL,
		.selection = &a->config->selection->selection,
		.sampling = a->config->sampling,
		.force_clsact = a->config->no_tcx,
		.no_nat = a->config->no_nat,
		.no_cgroup = a->config->no_cgroup,
		.no_tcp = a->config->no_tcp,
		.no_lines = a->config->no_lines,
	};
	struct pn_flow_thread_config flow = {
		.clock = a->clock,
		.index = pn_names_index(a->names),
		.node_name = a->config->node_name,
		.n_recent = a->config->n_recent,
		.interval = a->config->interval,
		.name_wait = a->config->name_wait,
		.pod_wait = PN_JOINER_POD_WAIT,
		.sync_wait = PN_JOINER_SYNC_WAIT,
	};
	int r;

	(void)snprintf(a->trace_path, sizeof(a->trace_path), "%s/trace", a->config->pin_path);
	r = pn_tracer_new(&tracer, &a->tracer, reterr);
	if (r < 0)
		return r;
	settle_heap();
	if (a->config->http_address && a->config->traffic.max_series) {
		r = pn_traffic_new(&a->config->traffic, &a->traffic);
		if (r < 0)
			return pn_err_set(reterr, r, "no memory for %u series of metrics",
					  a->config->traffic.max_series);
	}
	r = start_history(a, reterr);
	if (r < 0)
		return r;
	flow.history = a->history;
	flow.traffic = a->traffic;
	flow.verdicts = a->verdicts;
	flow.tracer = a->tracer;
	flow.drops = a->drops;
	flow.notes = pn_tracer_notes(a->tracer);
	flow.sink = PN_TAKE_PTR(*sink);
	flow.exporters = a->config->exporters;
	r = pn_exporters_start(flow.exporters);
	if (r < 0)
		return pn_err_set(reterr, r, "starting the sinks: %s", strerror(-r));
	r = pn_flow_thread_start(&flow, &a->flow);
	return r < 0 ? pn_err_set(reterr, r, "starting the flow thread: %s", strerror(-r)) : 0;
}

static void tell_who_left_unseen(struct pn_agent *a)
{
	const struct pn_addr *left;
	size_t n = pn_tracer_left(a->tracer, &left);

	for (size_t i = 0; i < n; i++)
		pn_flow_thread_left(a->flow, &left[i], true);
}

static int start_links(struct pn_agent *a, struct pn_err *reterr)
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
	tell_who_left_unseen(a);
	return pn_links_dispatch(a->links, reterr);
}

static bool has_low_port(const char *address)
{
	struct sockaddr_storage at;
	uint16_t port;

	if (!address || pn_http_address(address, &at, NULL) < 0)
		return false;
	port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
					      : ((struct sockaddr_in *)&at)->sin_port);
	return port && port < IPPORT_RESERVED;
}

static int start_socket(struct pn_agent *a, struct pn_err *reterr)
{
	int r = pn_socket_listen(&a->loop, a->config->socket_path, &pn_agent_socket_ops, a,
				 &a->socket, reterr);

	if (r == 0 && a->has_socket_group)
		pn_socket_group_give(a->config->socket_path, a->socket_group);
	return r;
}

static int start_web(struct pn_agent *a, struct pn_err *reterr)
{
	const struct pn_explaining_config explaining = {
		.loop = &a->loop,
		.names = a->names,
		.verdicts = a->verdicts,
		.socket_path = a->config->socket_path,
		.ops = a->config->explain,
	};
	struct pn_web_config config = {
		.address = a->config->http_address,
		.token = a->config->http_token,
		.hosts = a->config->http_hosts,
		.tls = a->config->http_tls,
		.look = pn_agent_look,
		.ops = &pn_agent_socket_ops,
		.data = a,
	};

	if (!config.address)
		return 0;
	if (pn_explaining_new(&explaining, &a->explaining) < 0)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	config.explaining = a->explaining;
	return pn_web_start(&a->loop, &config, &a->web, reterr);
}

/* Drops come first: the list of symbols is opened there, and shown to those who have CAP_SYSLOG. */
static int give_up_privileges(struct pn_agent *a, struct pn_err *reterr)
{
	const struct pn_confine_config config = {
		.kube = &a->config->kube,
		.files = { a->config->config_path, a->config->ranges_path,
			   a->config->http_cert_path, a->config->http_key_path },
		.has_low_port = has_low_port(a->config->http_address),
		.off = a->config->no_confine,
	};
	int r = start_drops(a, reterr);

	a->has_socket_group = pn_socket_group_join(&a->socket_group);
	pn_confine_begin(&config, &a->confinement);
	return r;
}

static int start(struct pn_agent *a, struct pn_sink **sink, struct pn_expression **selection,
		 struct pn_err *reterr)
{
	int r = give_up_privileges(a, reterr);

	if (r == 0)
		r = start_loop(a, reterr);
	find_cgroups(a);
	if (r == 0)
		r = start_verdicts(a, reterr);
	if (r == 0)
		r = start_names(a, reterr);
	if (r == 0)
		r = start_flow(a, sink, reterr);
	if (r == 0)
		r = start_selecting(a, selection, reterr);
	if (r == 0)
		r = start_links(a, reterr);
	if (r == 0)
		r = start_socket(a, reterr);
	if (r == 0)
		r = start_web(a, reterr);
	if (r == 0)
		pn_confine_end(&a->confinement);
	return r;
}

static void close_loop(struct pn_agent *a)
{
	if (!a->loop_is_open)
		return;
	uv_close((uv_handle_t *)&a->sigint, NULL);
	uv_close((uv_handle_t *)&a->sigterm, NULL);
	uv_close((uv_handle_t *)&a->sighup, NULL);
	(void)uv_run(&a->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&a->loop);
	pn_store_barrier();
}

static void stop(struct pn_agent *a)
{
	pn_web_stop(a->web);
	pn_socket_close(a->socket);
	pn_names_stop(a->names);
	if (a->links_poll_is_open)
		uv_close((uv_handle_t *)&a->links_poll, NULL);
	pn_links_close(a->links);
	pn_flow_thread_stop(a->flow);
	pn_history_stop(a->history);
	pn_exporters_stop(a->config->exporters);
	pn_selecting_free(PN_TAKE_PTR(a->selecting));
	pn_labelled_free(PN_TAKE_PTR(a->labelled));
	pn_traffic_free(a->traffic);
	pn_tracer_free(a->tracer);
	close_loop(a);
	pn_explaining_free(a->explaining);
	pn_names_free(a->names);
	pn_verdicts_free(a->verdicts);
	pn_confine_done(&a->confinement);
	pn_drops_free(a->drops);
}

int pn_agent_run(const struct pn_agent_config *config, struct pn_err *reterr)
{
	struct pn_agent a = {
		.config = config,
		.clock = &pn_clock_system,
		.interval = config->interval,
	};
	struct pn_expression *selection = config->selection;
	struct pn_sink *sink = config->sink;
	int r;

	/* Threads that allocate seldom, and hardly ever at once, need no heap each. */
	(void)mallopt(M_ARENA_MAX, 1);
	a.started = pn_clock_now(a.clock);
	pn_index_reader_begin(); /* the index's writer, see index.h */
	pn_index_reader_offline();
	r = start(&a, &sink, &selection, reterr);
	if (r == 0) {
		pn_info("agent", "podonym %s started node=%s", pn_version(), config->node_name);
		pn_notify("READY=1");
		(void)uv_run(&a.loop, UV_RUN_DEFAULT);
	}
	stop(&a);
	pn_index_reader_end();
	pn_sink_close(sink);
	pn_expression_free(selection);
	return r;
}
