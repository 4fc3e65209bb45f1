/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From cgroups and ranges to the index, and from the index to the pinned maps; objects are up to names_kube.c.
 * A part of the agent; everything here runs on the control thread.
 */
#include "daemon/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/names_private.h"

enum {
	TICK_MS = 1000, /* retries of map writes, freshness in `meta`, a look at the ranges */
	PRUNE_TICKS = 5,
	SAVE_TICKS = 60, /* the API server goes back five minutes */
};

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
	unsigned int n_held;

	if (!n->cgroups || pn_cgroups_dispatch(n->cgroups, &err) == 0)
		return;
	if (pn_log_allow(&n->cgroups_limit, pn_clock_now(n->config.clock), 60 * PN_NSEC_PER_SEC,
			 &n_held))
		pn_warn("names", "%s, trying again held=%u", err.text, n_held);
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
	if (r == 0 && pn_names_are_synced(n) && !n->maps_swept) {
		r = pn_maps_sweep(n->maps, n->index);
		n->maps_swept = r == 0;
	}
	n->maps_failed = r < 0;
	if (r < 0 && pn_log_allow(&n->maps_limit, pn_clock_now(n->config.clock),
				  60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("names", "writing the pinned maps failed, trying again: %s held=%u",
			strerror(-r), n_held);
}

/* --- time --------------------------------------------------------------------------------------- */

/* A moment of a busy loop is nothing that a name waits for. */
static void note_heard_now_and_then(struct pn_names *n)
{
	pn_nsec now = pn_clock_now(n->config.clock);

	if (now - n->noted_heard < PN_NAMES_PULSE_MS * PN_NSEC_PER_MSEC / 4)
		return;
	n->noted_heard = now;
	pn_names_note_heard(n);
}

/* Runs after each round of input, so that a burst of events becomes one batch of map writes. */
static void on_after_poll(uv_check_t *check)
{
	struct pn_names *n = check->data;

	if (n->maps_dirty)
		write_maps(n);
	note_heard_now_and_then(n);
}

/* So that the loop looks often enough. */
static void on_pulse(uv_timer_t *timer)
{
	(void)timer;
}

static void on_tick(uv_timer_t *timer)
{
	struct pn_names *n = timer->data;
	struct pn_err err = { "" };

	n->n_ticks++;
	if (n->index_missed)
		pn_names_apply_again(n);
	if (read_ranges(n, &err) < 0)
		pn_warn("names", "%s; the names from before stay", err.text);
	if (n->n_ticks % PRUNE_TICKS == 0)
		pn_index_prune(n->index);
	if (n->n_ticks % SAVE_TICKS == 0)
		pn_names_save_if_changed(n);
	write_maps(n);
	n->config.tick(n->config.data);
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
	(void)uv_timer_init(n->loop, &n->pulse);
	(void)uv_check_init(n->loop, &n->after_poll);
	n->tick.data = n->after_poll.data = n;
	(void)uv_timer_start(&n->tick, on_tick, TICK_MS, TICK_MS);
	(void)uv_timer_start(&n->pulse, on_pulse, PN_NAMES_PULSE_MS, PN_NAMES_PULSE_MS);
	(void)uv_check_start(&n->after_poll, on_after_poll);
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
	n->ranges.path = config->ranges_path;
	start_timers(n);
	pn_names_kube_start(n);
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
	pn_names_kube_stop(n);
	if (n->cgroups_poll_is_open)
		uv_close((uv_handle_t *)&n->cgroups_poll, NULL);
	uv_close((uv_handle_t *)&n->tick, NULL);
	uv_close((uv_handle_t *)&n->pulse, NULL);
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

uint32_t pn_names_map_room(const struct pn_names *n, const char *map)
{
	return pn_maps_room(n->maps, map);
}

bool pn_names_maps_are_written(const struct pn_names *n)
{
	return n->maps_swept && !n->maps_failed;
}
