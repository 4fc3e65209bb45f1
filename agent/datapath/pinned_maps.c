/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pinned maps, written: takes over what an earlier agent left, follows the index by deltas, and
 * removes what nobody has any more. Called by the agent's control thread.
 *
 * There is one writer: a lock on the pin directory says so. It belongs to the open directory, so it
 * goes with the process, however that ends. Nothing is ever cleared first: the index is seeded with
 * what the maps hold, changes are written over it, and only when every list is complete the sweep
 * deletes what is left over. A write that fails stays a change of the index and comes again.
 */
#include "datapath/pinned_maps_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/metric.h"
#include "datapath/bpffs.h"

struct pn_maps {
	const struct pn_clock *clock;
	int dir_fd; /* holds the lock */
	int fds[PN_MAP_MAX];
	struct pn_meta_value meta;
	struct pn_log_limit full_limit;
	int first_error; /* of the flush under way */
	struct pn_map_batch batch;
};

/* --- opening ------------------------------------------------------------------------------------ */

static int lock_dir(struct pn_maps *m, const char *dir, struct pn_err *reterr)
{
	m->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir_fd < 0)
		return pn_err_set(reterr, -errno, "%s: %s", dir, strerror(errno));
	return pn_map_lock(m->dir_fd, dir, reterr);
}

/* A map that is missing is made, so that what an agent left that knew fewer of them serves as well. */
static int adopt_or_create(struct pn_maps *m, const struct pn_maps_config *config,
			   enum pn_map_id id, struct pn_err *reterr)
{
	int r = pn_map_open(config->dir, id, false, &m->fds[id], reterr);

	if (r == -ENOENT)
		r = pn_map_create(config->dir, id, config->max_addrs, &m->fds[id], reterr);
	return r;
}

static int write_meta(struct pn_maps *m)
{
	int r = pn_map_write_meta(m->fds[PN_MAP_META], &m->meta);

	if (r < 0)
		pn_metric_add(PN_METRIC_MAPS_FAILURES, 1);
	return r;
}

/* Version first: in a directory of another version nothing is made. */
static int open_meta(struct pn_maps *m, const struct pn_maps_config *config, struct pn_err *reterr)
{
	int r = adopt_or_create(m, config, PN_MAP_META, reterr);

	if (r < 0)
		return r;
	r = pn_map_read_meta(m->fds[PN_MAP_META], &m->meta);
	if (r < 0)
		return pn_err_set(reterr, r, "reading %s/meta: %s", config->dir, strerror(-r));
	if (m->meta.abi_version == 0)
		return 0; /* just made, now or by an agent that died right after */
	return pn_map_check_version(config->dir, m->meta.abi_version, false, reterr);
}

static int take_over(struct pn_maps *m, const struct pn_maps_config *config, struct pn_err *reterr)
{
	int r;

	m->meta.abi_version = PN_MAPS_VERSION;
	m->meta.synced = 0;
	m->meta.agent_pid = (__u32)getpid();
	m->meta.next_owner = PN_MAX(m->meta.next_owner, 1u);
	memset(m->meta.node, 0, sizeof(m->meta.node));
	(void)stpncpy(m->meta.node, config->node_name, sizeof(m->meta.node) - 1);
	r = write_meta(m);
	return r < 0 ? pn_err_set(reterr, r, "writing %s/meta: %s", config->dir, strerror(-r)) : 0;
}

static void maps_free(struct pn_maps *m)
{
	for (int i = 0; i < PN_MAP_MAX; i++)
		pn_closep(&m->fds[i]);
	pn_closep(&m->dir_fd);
	free(m);
}

static void maps_freep(struct pn_maps **m)
{
	if (*m)
		maps_free(*m);
}

int pn_maps_open(const struct pn_maps_config *config, struct pn_maps **ret, struct pn_err *reterr)
{
	PN_CLEANUP(maps_freep) struct pn_maps *m = NULL;
	int r;

	m = calloc(1, sizeof(*m));
	if (!m)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	m->clock = config->clock;
	m->dir_fd = -1;
	for (int i = 0; i < PN_MAP_MAX; i++)
		m->fds[i] = -1;

	r = pn_bpffs_make_dir(config->dir, reterr);
	if (r == 0)
		r = lock_dir(m, config->dir, reterr);
	if (r == 0)
		r = open_meta(m, config, reterr);
	for (int i = PN_MAP_META + 1; r == 0 && i < PN_MAP_MAX; i++)
		r = adopt_or_create(m, config, (enum pn_map_id)i, reterr);
	if (r == 0)
		r = take_over(m, config, reterr);
	if (r < 0)
		return r;
	*ret = PN_TAKE_PTR(m);
	return 0;
}

void pn_maps_close(struct pn_maps *m)
{
	if (!m)
		return;
	m->meta.agent_pid = 0;
	(void)write_meta(m); /* counted; there is nobody left to try again */
	maps_free(m);
}

int pn_maps_ip_fd(const struct pn_maps *m)
{
	return m->fds[PN_MAP_IP];
}

uint32_t pn_maps_room(const struct pn_maps *m, const char *name)
{
	for (enum pn_map_id i = 0; i < PN_MAP_MAX; i++) {
		if (strcmp(pn_map_layouts[i].name, name) == 0)
			return pn_map_max_entries(m->fds[i]);
	}
	return 0;
}

/* --- what an earlier agent left ----------------------------------------------------------------- */

struct seeding {
	struct pn_index *idx;
	unsigned int n_refused;
};

/* What makes no sense is left for the sweep. */
static int seeded(struct seeding *s, int r)
{
	if (r != -EINVAL)
		return r;
	s->n_refused++;
	return 0;
}

static int seed_owner(void *data, const void *key, const void *value)
{
	struct seeding *s = data;
	struct pn_owner_value v;
	__u32 id;

	memcpy(&id, key, sizeof(id));
	memcpy(&v, value, sizeof(v));
	return seeded(s, pn_index_seed(s->idx, id, &v));
}

static int seed_ip(void *data, const void *key, const void *value)
{
	struct seeding *s = data;
	struct pn_ip_value v;
	struct pn_ip_key k;

	memcpy(&k, key, sizeof(k));
	memcpy(&v, value, sizeof(v));
	return seeded(s, pn_index_seed_ip(s->idx, &k, &v));
}

int pn_maps_seed(struct pn_maps *m, struct pn_index *idx)
{
	struct seeding s = { .idx = idx };
	int r;

	pn_index_set_next_id(idx, m->meta.next_owner);
	r = pn_map_each(m->fds[PN_MAP_OWNER], PN_MAP_OWNER, seed_owner, &s);
	if (r == 0)
		r = pn_map_each(m->fds[PN_MAP_IP], PN_MAP_IP, seed_ip, &s);
	if (s.n_refused)
		pn_warn("maps", "the pinned maps held entries that make no sense entries=%u",
			s.n_refused);
	return r;
}

/* --- deltas ------------------------------------------------------------------------------------- */

static void start_batch(struct pn_maps *m, enum pn_map_id id, bool gone)
{
	m->batch.id = id;
	m->batch.fd = m->fds[id];
	m->batch.gone = gone;
	m->batch.n = 0;
}

static void write_batch(struct pn_maps *m)
{
	int r = pn_map_write(&m->batch);
	unsigned int n_held;

	m->first_error = m->first_error ? m->first_error : r;
	if (r == -ENOSPC &&
	    pn_log_allow(&m->full_limit, pn_clock_now(m->clock), 60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("maps", "the pinned map %s is full, some names are missing held=%u",
			pn_map_layouts[m->batch.id].name, n_held);
}

/* Zeroes behind the text, up to the end. */
static void put_text(char *to, size_t size, const char *text)
{
	(void)stpncpy(to, text, size - 1);
	to[size - 1] = '\0';
}

/* Each byte is written once: this is most of what filling the maps costs. */
static void put_owner(struct pn_owner_value *v, const struct pn_owner *o)
{
	v->kind = o->kind;
	v->flags = o->flags;
	put_text(v->uid, sizeof(v->uid), o->uid);
	put_text(v->name_space, sizeof(v->name_space), o->name_space);
	put_text(v->name, sizeof(v->name), o->name);
	put_text(v->workload_kind, sizeof(v->workload_kind), o->workload_kind);
	put_text(v->workload_name, sizeof(v->workload_name), o->workload_name);
	put_text(v->node, sizeof(v->node), o->node);
}

static enum pn_map_id map_of(enum pn_index_change_kind kind)
{
	static const enum pn_map_id maps[] = {
		[PN_CHANGE_OWNER] = PN_MAP_OWNER,     [PN_CHANGE_IP] = PN_MAP_IP,
		[PN_CHANGE_SERVICE] = PN_MAP_SERVICE, [PN_CHANGE_HOSTPORT] = PN_MAP_HOSTPORT,
		[PN_CHANGE_CIDR] = PN_MAP_CIDR,	      [PN_CHANGE_CGROUP] = PN_MAP_CGROUP,
	};

	return maps[kind];
}

static void put_change(struct pn_map_batch *b, const struct pn_index_change *c)
{
	uint32_t i = b->n++;

	switch (c->kind) {
	case PN_CHANGE_OWNER:
		b->keys.owner[i] = c->owner_id;
		if (!c->gone)
			put_owner(&b->values.owner[i], c->owner);
		break;
	case PN_CHANGE_IP:
		b->keys.ip[i] = c->addr;
		b->values.ip[i] = c->ip;
		break;
	case PN_CHANGE_SERVICE:
	case PN_CHANGE_HOSTPORT:
		b->keys.port[i] = c->port;
		b->values.port[i] = (struct pn_port_value) { .owner = c->owner_id };
		break;
	case PN_CHANGE_CIDR:
		b->keys.cidr[i] = c->cidr;
		b->values.cidr[i] = (struct pn_cidr_value) { .owner = c->owner_id };
		break;
	case PN_CHANGE_CGROUP:
		b->keys.cgroup[i] = c->cgroup;
		b->values.cgroup[i] = (struct pn_cgroup_value) { .owner = c->owner_id };
		break;
	}
}

static void take(void *data, struct pn_index_change *changes, size_t n)
{
	struct pn_maps *m = data;

	start_batch(m, map_of(changes[0].kind), changes[0].gone);
	for (size_t i = 0; i < n; i++)
		put_change(&m->batch, &changes[i]);
	write_batch(m);
	for (size_t i = 0; i < n; i++)
		changes[i].failed = m->batch.failed[i];
}

/* An id is in `meta` before it is anywhere else, so that it is never given twice. */
static int reserve_ids(struct pn_maps *m, const struct pn_index *idx)
{
	uint32_t next = pn_index_next_id(idx);

	if (next <= m->meta.next_owner)
		return 0;
	m->meta.next_owner = next;
	return write_meta(m);
}

int pn_maps_flush(struct pn_maps *m, struct pn_index *idx)
{
	struct pn_index_counts n;
	int r;

	r = reserve_ids(m, idx);
	if (r < 0)
		return r;
	m->first_error = 0;
	(void)pn_index_take_changes(idx, take, m);
	if (m->first_error < 0)
		return m->first_error;

	pn_index_counts(idx, &n);
	m->meta.n_ip = (__u32)n.n_addrs;
	m->meta.n_service = (__u32)n.n_services;
	m->meta.n_hostport = (__u32)n.n_hostports;
	m->meta.n_cidr = (__u32)n.n_cidrs;
	m->meta.n_cgroup = (__u32)n.n_cgroups;
	m->meta.n_owner = (__u32)n.n_owners;
	m->meta.written_ns = pn_clock_now(m->clock);
	return write_meta(m);
}

/* --- the sweep ---------------------------------------------------------------------------------- */

struct sweep {
	const struct pn_index *idx;
	enum pn_map_id id;
	struct pn_buf stale; /* keys */
};

static bool is_in_index(const struct sweep *s, const void *key)
{
	union pn_map_key k;

	memcpy(&k, key, pn_map_layouts[s->id].key_size);
	switch (s->id) {
	case PN_MAP_IP:
		return pn_index_has_ip(s->idx, &k.ip);
	case PN_MAP_SERVICE:
		return pn_index_has_service(s->idx, &k.port);
	case PN_MAP_HOSTPORT:
		return pn_index_has_hostport(s->idx, &k.port);
	case PN_MAP_CIDR:
		return pn_index_has_cidr(s->idx, &k.cidr);
	case PN_MAP_CGROUP:
		return pn_index_has_cgroup(s->idx, k.cgroup);
	default:
		return pn_index_has_owner(s->idx, k.owner);
	}
}

static int collect_stale(void *data, const void *key, const void *value)
{
	struct sweep *s = data;

	(void)value;
	if (is_in_index(s, key))
		return 0;
	return pn_buf_put(&s->stale, key, pn_map_layouts[s->id].key_size);
}

static int sweep_map(struct pn_maps *m, const struct pn_index *idx, enum pn_map_id id)
{
	size_t key_size = pn_map_layouts[id].key_size;
	struct sweep s = { .idx = idx, .id = id, .stale = PN_BUF_INIT(INT_MAX) };
	int r = pn_map_each(m->fds[id], id, collect_stale, &s);
	size_t n = s.stale.len / key_size;

	m->first_error = 0;
	for (size_t i = 0; r == 0 && i < n; i += PN_INDEX_BATCH) {
		start_batch(m, id, true);
		m->batch.n = (uint32_t)PN_MIN(n - i, (size_t)PN_INDEX_BATCH);
		memcpy(&m->batch.keys, s.stale.data + i * key_size, m->batch.n * key_size);
		write_batch(m);
	}
	pn_buf_done(&s.stale);
	return r < 0 ? r : m->first_error;
}

/* What refers to an owner goes before the owner, whom the flush deletes or the last sweep. */
int pn_maps_sweep(struct pn_maps *m, struct pn_index *idx)
{
	static const enum pn_map_id refer[] = { PN_MAP_SERVICE, PN_MAP_HOSTPORT, PN_MAP_CIDR,
						PN_MAP_CGROUP, PN_MAP_IP };
	int r = 0;

	pn_index_confirm(idx);
	for (size_t i = 0; r == 0 && i < PN_ARRAY_SIZE(refer); i++)
		r = sweep_map(m, idx, refer[i]);
	if (r == 0)
		r = pn_maps_flush(m, idx);
	if (r == 0)
		r = sweep_map(m, idx, PN_MAP_OWNER);
	if (r < 0)
		return r;
	m->meta.synced = 1;
	return write_meta(m);
}
