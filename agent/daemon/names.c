/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From objects, cgroups and ranges to the index, and from the index to the pinned maps. A part of the
 * agent; everything here runs on the control thread, but for the saving of objects, which a worker
 * does that reads the stores as any other thread may.
 */
#include "daemon/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "daemon/ranges.h"
#include "datapath/cgroups.h"
#include "datapath/pinned_maps.h"
#include "kube/factory.h"
#include "kube/snapshot.h"

enum {
	TICK_MS = 1000, /* retries of map writes, freshness in `meta`, a look at the ranges */
	PRUNE_TICKS = 5,
	SAVE_TICKS = 60,       /* the API server goes back five minutes */
	HEARD_GRACE_MS = 2000, /* a watch that ends is opened again, which takes a moment */
	N_KINDS = 6,
};

/* What explains an address; pods and Services first. */
static const enum pn_kind_id kinds[] = { PN_KIND_POD,  PN_KIND_SERVICE,	  PN_KIND_ENDPOINTSLICE,
					 PN_KIND_NODE, PN_KIND_NAMESPACE, PN_KIND_REPLICASET };
_Static_assert(PN_ARRAY_SIZE(kinds) == N_KINDS, "an informer for each kind");

/* A static pod's cgroup has this for a name, and not the uid of the pod that mirrors it. */
static const char *const pod_annotations[] = { PN_CONFIG_HASH_ANNOTATION, NULL };

struct pn_names {
	struct pn_names_config config;
	uv_loop_t *loop;
	uv_timer_t tick, kube_retry;
	uv_check_t after_poll;
	uv_poll_t cgroups_poll;
	uv_work_t save;
	bool cgroups_poll_is_open, is_saving;

	struct pn_index *index;
	struct pn_maps *maps;
	struct pn_cgroups *cgroups;
	struct pn_ranges_file ranges;
	char *ranges_path; /* of a file that came later than the config */
	struct pn_factory *factory;
	struct pn_informer *informers[N_KINDS];
	struct pn_backoff kube_backoff;
	struct pn_err kube_err;			 /* why there is no factory yet */
	char identity[PN_SNAPSHOT_IDENTITY_LEN]; /* of the cluster */

	pn_nsec started;
	unsigned int n_ticks, n_synced;
	uint64_t saved_events; /* watch events that the saved objects reflect */
	bool maps_dirty;       /* the index changed since the last flush */
	bool maps_swept;       /* every list is complete and what nobody has any more is gone */
	bool maps_failed;      /* the last flush did not write everything */
	bool index_missed;     /* a change was lost for want of memory: read the stores again */
	struct pn_log_limit maps_limit, save_limit;
};

/* --- objects: informers -> index ---------------------------------------------------------------- */

static void apply(struct pn_names *n, const struct pn_object *old, const struct pn_object *new)
{
	const struct pn_object *obj = new ? new : old;

	n->maps_dirty = true;
	if (pn_index_apply(n->index, old, new) < 0) {
		n->index_missed = true;
		pn_error("names", "no memory to index %s/%s, trying again", obj->name_space,
			 obj->name);
	}
	n->config.changed(n->config.data, old, new);
}

/* Only when all slices are known is a Service without endpoints one that nobody stands behind. */
static void trust_endpoints(struct pn_names *n)
{
	n->maps_dirty = true;
	if (pn_index_endpoints_synced(n->index) < 0)
		n->index_missed = true;
}

static void on_synced(struct pn_names *n)
{
	if (++n->n_synced < N_KINDS)
		return;
	trust_endpoints(n);
	n->config.synced(n->config.data);
	pn_info("names", "all objects are known after %llu ms",
		(unsigned long long)((pn_clock_now(n->config.clock) - n->started) /
				     PN_NSEC_PER_MSEC));
}

static void on_notice(const void *handler, void *data, const struct pn_notice *notice)
{
	struct pn_names *n = data;

	(void)handler;
	if (notice->type == PN_NOTICE_SYNCED)
		on_synced(n);
	else if (notice->type == PN_NOTICE_REMOVE)
		apply(n, notice->obj, NULL);
	else
		apply(n, notice->old, notice->obj);
}

static void apply_all_again(struct pn_names *n)
{
	const struct pn_object *obj;
	struct pn_iter it;

	n->index_missed = false;
	pn_read_begin();
	for (size_t i = 0; n->factory && i < N_KINDS; i++) {
		pn_informer_each(n->informers[i], &it);
		while ((obj = pn_iter_next(&it)))
			apply(n, NULL, obj);
	}
	pn_read_end();
	if (n->n_synced == N_KINDS)
		trust_endpoints(n);
}

/* --- cgroups and ranges -> index ---------------------------------------------------------------- */

static void on_cgroup_appeared(void *data, const struct pn_cgroup *cgroup)
{
	struct pn_names *n = data;

	n->maps_dirty = true;
	if (pn_index_cgroup_add(n->index, cgroup) < 0)
		pn_error("names", "no memory for cgroup %llu, its sockets go by their addresses",
			 (unsigned long long)cgroup->id);
}

static void on_cgroup_vanished(void *data, uint64_t id)
{
	struct pn_names *n = data;

	n->maps_dirty = true;
	pn_index_cgroup_remove(n->index, id);
}

static const struct pn_cgroups_ops cgroups_ops = {
	.appeared = on_cgroup_appeared,
	.vanished = on_cgroup_vanished,
};

static void read_cgroups(struct pn_names *n)
{
	struct pn_err err = { "" };

	if (n->cgroups && pn_cgroups_dispatch(n->cgroups, &err) < 0)
		pn_warn("names", "following cgroups: %s", err.text);
}

static void on_cgroups_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	read_cgroups(poll->data);
}

/* Return: 0, also if nothing has changed; or a negative errno with @reterr, and the names are as before */
static int read_ranges(struct pn_names *n, struct pn_err *reterr)
{
	struct pn_ranges ranges = { .n = 0 };
	int r = n->ranges.path ? pn_ranges_file_read(&n->ranges, &ranges, reterr) : 0;

	if (r <= 0)
		return r;
	n->maps_dirty = true;
	r = pn_index_set_ranges(n->index, ranges.items, ranges.n);
	if (r < 0)
		r = pn_err_set(reterr, r, "%s: no memory for all of its networks", n->ranges.path);
	else
		pn_info("names", "%zu networks have names by %s", ranges.n, n->ranges.path);
	pn_ranges_done(&ranges);
	return r;
}

static int forget_ranges(struct pn_names *n)
{
	n->maps_dirty = true;
	return pn_index_set_ranges(n->index, NULL, 0);
}

const char *pn_names_ranges(const struct pn_names *n)
{
	return n->ranges.path ? n->ranges.path : "";
}

int pn_names_set_ranges(struct pn_names *n, const char *path, struct pn_err *reterr)
{
	const struct pn_ranges_file before = n->ranges;
	char *copy = *path ? strdup(path) : NULL;
	int r;

	if (*path && !copy)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	n->ranges = (struct pn_ranges_file) { .path = copy };
	r = copy ? read_ranges(n, reterr) : forget_ranges(n);
	if (r < 0) {
		n->ranges = before;
		free(copy);
		return r;
	}
	free(n->ranges_path);
	n->ranges_path = copy;
	return 0;
}

/* --- index -> maps ------------------------------------------------------------------------------ */

static void write_maps(struct pn_names *n)
{
	unsigned int n_held;
	int r;

	n->maps_dirty = false;
	r = pn_maps_flush(n->maps, n->index);
	if (r == 0 && n->n_synced == N_KINDS && !n->maps_swept) {
		r = pn_maps_sweep(n->maps, n->index);
		n->maps_swept = r == 0;
	}
	n->maps_failed = r < 0;
	if (r < 0 && pn_log_allow(&n->maps_limit, pn_clock_now(n->config.clock),
				  60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("names", "writing the pinned maps failed, trying again: %s held=%u",
			strerror(-r), n_held);
}

/* Runs after each round of input, so that a burst of events becomes one batch of map writes. */
static void on_after_poll(uv_check_t *check)
{
	struct pn_names *n = check->data;

	if (n->maps_dirty)
		write_maps(n);
}

/* --- objects -> file ---------------------------------------------------------------------------- */

static void save_now(struct pn_names *n)
{
	struct pn_err err = { "" };
	unsigned int n_held;

	if (pn_snapshot_save(n->config.state_path, n->informers, N_KINDS, n->identity, &err) == 0)
		return;
	if (pn_log_allow(&n->save_limit, pn_clock_now(n->config.clock), 600 * PN_NSEC_PER_SEC,
			 &n_held))
		pn_warn("names", "the next start will list all objects again: %s held=%u", err.text,
			n_held);
}

static void save_on_worker(uv_work_t *work)
{
	save_now(work->data);
}

static void on_saved(uv_work_t *work, int status)
{
	struct pn_names *n = work->data;

	(void)status;
	n->is_saving = false;
}

static bool can_save(const struct pn_names *n)
{
	return n->config.state_path && n->factory && n->n_synced == N_KINDS && !n->is_saving;
}

static void save_if_changed(struct pn_names *n)
{
	uint64_t events = pn_metric_get(PN_METRIC_KUBE_EVENTS);

	if (!can_save(n) || events == n->saved_events)
		return;
	n->saved_events = events;
	n->save.data = n;
	n->is_saving = uv_queue_work(n->loop, &n->save, save_on_worker, on_saved) == 0;
}

/* --- time --------------------------------------------------------------------------------------- */

/* Since when what the index says of pods may be out of date: a name from before may be another's now. */
static pn_nsec heard_until(const struct pn_names *n)
{
	pn_nsec now = pn_clock_now(n->config.clock);
	int64_t behind_ms = (int64_t)((now - n->started) / PN_NSEC_PER_MSEC);
	struct pn_informer_status pods = { .behind_ms = -1 };

	if (n->informers[0])
		pn_informer_status(n->informers[0], &pods);
	if (pods.behind_ms >= 0)
		behind_ms = pods.behind_ms;
	if (behind_ms < HEARD_GRACE_MS)
		return PN_NSEC_NEVER;
	return pods.behind_ms < 0 ? 0 : now - (pn_nsec)behind_ms * PN_NSEC_PER_MSEC;
}

static void on_tick(uv_timer_t *timer)
{
	struct pn_names *n = timer->data;
	struct pn_err err = { "" };

	n->n_ticks++;
	if (n->index_missed)
		apply_all_again(n);
	if (read_ranges(n, &err) < 0)
		pn_warn("names", "%s; the names from before stay", err.text);
	if (n->n_ticks % PRUNE_TICKS == 0)
		pn_index_prune(n->index);
	if (n->n_ticks % SAVE_TICKS == 0)
		save_if_changed(n);
	write_maps(n);
	pn_index_heard(n->index, heard_until(n));
	n->config.tick(n->config.data);
}

/* --- the API server ----------------------------------------------------------------------------- */

static int add_informer(struct pn_names *n, size_t i, struct pn_err *reterr)
{
	const struct pn_informer_options options = {
		.size = sizeof(options),
		.keep_labels = kinds[i] == PN_KIND_NODE || kinds[i] == PN_KIND_POD ||
			       kinds[i] == PN_KIND_NAMESPACE || kinds[i] == PN_KIND_SERVICE,
		.keep_annotations = kinds[i] == PN_KIND_POD ? pod_annotations : NULL,
	};
	int r;

	n->informers[i] = pn_factory_informer(n->factory, kinds[i], &options, reterr);
	if (!n->informers[i])
		return -EINVAL;
	r = pn_informer_add_handler(n->informers[i], on_notice, NULL, n, NULL, NULL);
	return r < 0 ? pn_err_set(reterr, r, "following an informer: %s", strerror(-r)) : 0;
}

/* What cannot be restored is listed, as at the very first start. */
static void restore(struct pn_names *n)
{
	struct pn_err err = { "" };
	int r;

	if (!n->config.state_path)
		return;
	r = pn_snapshot_restore(n->config.state_path, n->informers, N_KINDS, n->identity, &err);
	if (r < 0 && r != -ENOENT)
		pn_warn("names", "all objects are listed again: %s", err.text);
}

static void stop_kube(struct pn_names *n)
{
	(void)n->config.watch(n->config.data, NULL, NULL);
	pn_factory_free(PN_TAKE_PTR(n->factory));
}

static int start_kube(struct pn_names *n, struct pn_err *reterr)
{
	struct pn_kube_config config = { 0 };
	int r;

	r = pn_kube_config_load(&n->config.kube, &config, reterr);
	if (r == 0)
		r = pn_factory_new_on_loop(n->loop, &config, &n->factory, reterr);
	if (r == 0)
		(void)pn_snapshot_identity(&config, n->identity);
	pn_kube_config_done(&config);
	for (size_t i = 0; r == 0 && i < N_KINDS; i++)
		r = add_informer(n, i, reterr);
	if (r == 0)
		r = n->config.watch(n->config.data, n->factory, reterr);
	if (r == 0) {
		restore(n);
		r = pn_factory_start(n->factory);
	}
	if (r < 0)
		stop_kube(n);
	return r;
}

/* Settings that cannot be read now may be there soon: packets are traced meanwhile. */
static void on_kube_retry(uv_timer_t *timer)
{
	struct pn_names *n = timer->data;
	pn_nsec pause;

	if (start_kube(n, &n->kube_err) == 0) {
		pn_info("names", "watching server=%s", pn_factory_server(n->factory));
		return;
	}
	pause = pn_backoff_next(&n->kube_backoff, n->config.clock);
	pn_warn("names", "no API server: %s; trying again in %llu ms", n->kube_err.text,
		(unsigned long long)(pause / PN_NSEC_PER_MSEC));
	(void)uv_timer_start(timer, on_kube_retry, pause / PN_NSEC_PER_MSEC, 0);
}

/* --- start and stop ----------------------------------------------------------------------------- */

static int start_maps(struct pn_names *n, struct pn_err *reterr)
{
	const struct pn_maps_config config = {
		.dir = n->config.pin_path,
		.max_addrs = n->config.max_addrs,
		.node_name = n->config.node_name,
		.clock = n->config.clock,
	};
	int r;

	r = pn_index_new(n->config.clock, n->config.node_name, &n->index);
	if (r < 0)
		return pn_err_set(reterr, r, "making the index: %s", strerror(-r));
	r = pn_maps_open(&config, &n->maps, reterr);
	if (r < 0)
		return r;
	r = pn_maps_seed(n->maps, n->index);
	return r < 0 ? pn_err_set(reterr, r, "reading the pinned maps: %s", strerror(-r)) : 0;
}

static int start_cgroups(struct pn_names *n, struct pn_err *reterr)
{
	int r;

	if (!n->config.cgroup_root)
		return 0;
	r = pn_cgroups_open(n->config.cgroup_root, &cgroups_ops, n, &n->cgroups, reterr);
	if (r < 0)
		return r;
	r = uv_poll_init(n->loop, &n->cgroups_poll, pn_cgroups_fd(n->cgroups));
	if (r < 0)
		return pn_err_set(reterr, r, "polling the cgroup tree: %s", uv_strerror(r));
	n->cgroups_poll_is_open = true;
	n->cgroups_poll.data = n;
	(void)uv_poll_start(&n->cgroups_poll, UV_READABLE, on_cgroups_readable);
	return pn_cgroups_dispatch(n->cgroups, reterr);
}

static void start_timers(struct pn_names *n)
{
	(void)uv_timer_init(n->loop, &n->tick);
	(void)uv_timer_init(n->loop, &n->kube_retry);
	(void)uv_check_init(n->loop, &n->after_poll);
	n->tick.data = n->kube_retry.data = n->after_poll.data = n;
	(void)uv_timer_start(&n->tick, on_tick, TICK_MS, TICK_MS);
	(void)uv_check_start(&n->after_poll, on_after_poll);
	(void)uv_timer_start(&n->kube_retry, on_kube_retry, 0, 0);
}

int pn_names_start(uv_loop_t *loop, const struct pn_names_config *config, struct pn_names **ret,
		   struct pn_err *reterr)
{
	struct pn_names *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	n->config = *config;
	n->loop = loop;
	n->started = pn_clock_now(config->clock);
	n->kube_backoff = PN_BACKOFF_DEFAULT;
	n->ranges.path = config->ranges_path;
	start_timers(n);
	*ret = n; /* pn_names_stop() undoes what follows, however far it gets */
	r = start_maps(n, reterr);
	if (r == 0)
		r = read_ranges(n, reterr);
	if (r == 0)
		r = start_cgroups(n, reterr);
	return r;
}

void pn_names_stop(struct pn_names *n)
{
	if (!n)
		return;
	while (n->is_saving) /* the worker reads the stores */
		(void)uv_run(n->loop, UV_RUN_ONCE);
	if (can_save(n))
		save_now(n);
	stop_kube(n);
	if (n->cgroups_poll_is_open)
		uv_close((uv_handle_t *)&n->cgroups_poll, NULL);
	uv_close((uv_handle_t *)&n->tick, NULL);
	uv_close((uv_handle_t *)&n->kube_retry, NULL);
	uv_close((uv_handle_t *)&n->after_poll, NULL);
}

void pn_names_free(struct pn_names *n)
{
	if (!n)
		return;
	pn_cgroups_close(n->cgroups);
	pn_maps_close(n->maps);
	pn_index_free(n->index);
	free(n->ranges_path);
	free(n);
}

struct pn_index *pn_names_index(const struct pn_names *n)
{
	return n->index;
}

int pn_names_ip_map_fd(const struct pn_names *n)
{
	return pn_maps_ip_fd(n->maps);
}

/* @i: of the kind, in the order of kinds */
static const struct pn_object *get(const struct pn_names *n, size_t i, const char *name_space,
				   const char *name)
{
	char key[PN_KEY_LEN];

	(void)snprintf(key, sizeof(key), "%s/%s", name_space, name);
	return n->factory ? pn_informer_get(n->informers[i], key) : NULL;
}

const struct pn_object *pn_names_pod(const struct pn_names *n, const char *name_space,
				     const char *name)
{
	return get(n, 0, name_space, name);
}

const struct pn_object *pn_names_service(const struct pn_names *n, const char *name_space,
					 const char *name)
{
	return get(n, 1, name_space, name);
}

void pn_names_each(const struct pn_names *n, void (*fn)(void *data, const struct pn_object *o),
		   void *data)
{
	const struct pn_object *o;
	struct pn_iter it;

	for (size_t i = 0; n->factory && i < N_KINDS; i++) {
		pn_informer_each(n->informers[i], &it);
		while ((o = pn_iter_next(&it)))
			fn(data, o);
	}
}

bool pn_names_are_synced(const struct pn_names *n)
{
	return n->n_synced == N_KINDS;
}

uint32_t pn_names_map_room(const struct pn_names *n, const char *map)
{
	return pn_maps_room(n->maps, map);
}

bool pn_names_maps_are_written(const struct pn_names *n)
{
	return n->maps_swept && !n->maps_failed;
}

size_t pn_names_informers(const struct pn_names *n, struct pn_informer *const **ret,
			  const char **ret_server, const char **ret_error)
{
	*ret = n->informers;
	*ret_server = n->factory ? pn_factory_server(n->factory) : "";
	*ret_error = n->factory ? "" : n->kube_err.text;
	return n->factory ? N_KINDS : 0;
}
