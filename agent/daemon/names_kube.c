/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects for names.c: informers that feed the index, and the file that the next start goes on with. All on the
 * control thread, but for the saving, which a worker does that reads the stores as any other thread may.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "daemon/names_private.h"

enum { FIRST_LIST_MS = 2000 };

/* What explains an address; pods and Services first. */
static const enum pn_kind_id kinds[] = { PN_KIND_POD,  PN_KIND_SERVICE,	  PN_KIND_ENDPOINTSLICE,
					 PN_KIND_NODE, PN_KIND_NAMESPACE, PN_KIND_REPLICASET };
_Static_assert(PN_ARRAY_SIZE(kinds) == PN_NAMES_N_KINDS, "an informer for each kind");

/* A static pod's cgroup has this for a name, and not the uid of the pod that mirrors it. */
static const char *const pod_annotations[] = { PN_CONFIG_HASH_ANNOTATION, NULL };

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
	if (++n->n_synced < PN_NAMES_N_KINDS)
		return;
	trust_endpoints(n);
	pn_names_note_heard(n);
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

void pn_names_apply_again(struct pn_names *n)
{
	const struct pn_object *obj;
	struct pn_iter it;

	n->index_missed = false;
	pn_read_begin();
	for (size_t i = 0; n->factory && i < PN_NAMES_N_KINDS; i++) {
		pn_informer_each(n->informers[i], &it);
		while ((obj = pn_iter_next(&it)))
			apply(n, NULL, obj);
	}
	pn_read_end();
	if (n->n_synced == PN_NAMES_N_KINDS)
		trust_endpoints(n);
}

/* --- objects -> file ---------------------------------------------------------------------------- */

static void save_now(struct pn_names *n)
{
	struct pn_err err = { "" };
	unsigned int n_held;

	if (pn_snapshot_save(n->config.state_path, n->informers, PN_NAMES_N_KINDS, n->identity,
			     &err) == 0)
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
	return n->config.state_path && n->factory && n->n_synced == PN_NAMES_N_KINDS &&
	       !n->is_saving;
}

void pn_names_save_if_changed(struct pn_names *n)
{
	uint64_t events = pn_metric_get(PN_METRIC_KUBE_EVENTS);

	if (!can_save(n) || events == n->saved_events)
		return;
	n->saved_events = events;
	n->save.data = n;
	n->is_saving = uv_queue_work(n->loop, &n->save, save_on_worker, on_saved) == 0;
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
	r = pn_snapshot_restore(n->config.state_path, n->informers, PN_NAMES_N_KINDS, n->identity,
				&err);
	if (r < 0 && r != -ENOENT)
		pn_warn("names", "all objects are listed again: %s", err.text);
}

static void stop_kube(struct pn_names *n)
{
	(void)n->config.watch(n->config.data, NULL, NULL);
	memset(n->informers, 0, sizeof(n->informers)); /* they go with it */
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
	for (size_t i = 0; r == 0 && i < PN_NAMES_N_KINDS; i++)
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

void pn_names_kube_start(struct pn_names *n)
{
	n->kube_backoff = PN_BACKOFF_DEFAULT;
	(void)uv_timer_init(n->loop, &n->kube_retry);
	n->kube_retry.data = n;
	(void)uv_timer_start(&n->kube_retry, on_kube_retry, 0, 0);
}

void pn_names_kube_stop(struct pn_names *n)
{
	while (n->is_saving) /* the worker reads the stores */
		(void)uv_run(n->loop, UV_RUN_ONCE);
	if (can_save(n))
		save_now(n);
	stop_kube(n);
	uv_close((uv_handle_t *)&n->kube_retry, NULL);
}

/* --- what there is ------------------------------------------------------------------------------- */

/* Nothing for a moment after the start, as the first list is on its way. */
static pn_nsec heard_until(const struct pn_names *n, pn_nsec looked)
{
	struct pn_informer_status pods = { .behind_ms = -1 };

	if (n->informers[0])
		pn_informer_status(n->informers[0], &pods);
	if (pods.behind_ms >= 0)
		return looked - (pn_nsec)pods.behind_ms * PN_NSEC_PER_MSEC;
	return looked - n->started < FIRST_LIST_MS * PN_NSEC_PER_MSEC ? PN_NSEC_NEVER : 0;
}

void pn_names_note_heard(struct pn_names *n)
{
	pn_nsec since_looked = uv_hrtime() - uv_now(n->loop) * PN_NSEC_PER_MSEC;

	pn_index_heard(n->index, heard_until(n, pn_clock_now(n->config.clock) - since_looked));
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

	for (size_t i = 0; n->factory && i < PN_NAMES_N_KINDS; i++) {
		pn_informer_each(n->informers[i], &it);
		while ((o = pn_iter_next(&it)))
			fn(data, o);
	}
}

bool pn_names_are_synced(const struct pn_names *n)
{
	return n->n_synced == PN_NAMES_N_KINDS;
}

size_t pn_names_informers(const struct pn_names *n, struct pn_informer *const **ret,
			  const char **ret_server, const char **ret_error)
{
	*ret = n->informers;
	*ret_server = n->factory ? pn_factory_server(n->factory) : "";
	*ret_error = n->factory ? "" : n->kube_err.text;
	return n->factory ? PN_NAMES_N_KINDS : 0;
}
