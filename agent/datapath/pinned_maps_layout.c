/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pinned maps as the kernel knows them: what each must look like, opening one that does or making
 * it, walking over it, and the lock on them all. For the side that writes, pinned_maps.c, the one that
 * reads, pinned_maps_reader.c, and the one that removes, cleanup.c.
 */
#include "datapath/pinned_maps_private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/file.h>

#include "datapath/bpffs.h"

#define LAYOUT(name, type, key, value, ...)                                     \
	{                                                                       \
		name, "pn_" name, type, sizeof(key), sizeof(value), __VA_ARGS__ \
	}

/*
 * Room, beside one entry for each address. Host ports: a few for each node that an address may be of.
 * Networks: one or two a node, and the ranges. Cgroups are the node's own, so their number has nothing
 * to do with the cluster's size: 500 pods with 20 each, and what ended in the last minutes.
 */
const struct pn_map_layout pn_map_layouts[] = {
	[PN_MAP_META] = LAYOUT("meta", BPF_MAP_TYPE_ARRAY, __u32, struct pn_meta_value, 0, 1),
	[PN_MAP_IP] = LAYOUT("ip", BPF_MAP_TYPE_HASH, struct pn_ip_key, struct pn_ip_value, 1, 1),
	[PN_MAP_SERVICE] = LAYOUT("service", BPF_MAP_TYPE_HASH, struct pn_port_key,
				  struct pn_port_value, 1, 1),
	[PN_MAP_HOSTPORT] = LAYOUT("hostport", BPF_MAP_TYPE_HASH, struct pn_port_key,
				   struct pn_port_value, 2, 1024),
	[PN_MAP_CIDR] = LAYOUT("cidr", BPF_MAP_TYPE_LPM_TRIE, struct pn_cidr_key,
			       struct pn_cidr_value, 8, 1024),
	[PN_MAP_CGROUP] =
		LAYOUT("cgroup", BPF_MAP_TYPE_HASH, __u64, struct pn_cgroup_value, 0, 16384),
	[PN_MAP_OWNER] = LAYOUT("owner", BPF_MAP_TYPE_HASH, __u32, struct pn_owner_value, 1, 1),
};
_Static_assert(PN_ARRAY_SIZE(pn_map_layouts) == PN_MAP_MAX, "a layout for each map");

/* Of an agent when it takes maps over, or of whoever only reads them. */
static const char *what_to_do(bool read_only)
{
	return read_only ? "use the podonym whose agent runs here"
			 : "remove the directory if nothing else uses it";
}

int pn_map_check_version(const char *dir, uint32_t version, bool read_only, struct pn_err *reterr)
{
	if (version == PN_MAPS_VERSION)
		return 0;
	if (!version)
		return pn_err_set(reterr, -EPROTO,
				  "%s: no agent has finished making the maps yet: try again", dir);
	return pn_err_set(reterr, -EPROTO,
			  "%s: the maps are of version %u, this podonym uses %d: %s", dir, version,
			  PN_MAPS_VERSION, what_to_do(read_only));
}

/* Every version of `meta` begins with its number. 0 if it cannot be read. */
static uint32_t version_of(int fd, const struct bpf_map_info *info)
{
	union {
		uint32_t version;
		char room[4096];
	} value = { .version = 0 };
	__u32 zero = 0;

	if (info->type != BPF_MAP_TYPE_ARRAY || info->key_size != sizeof(zero) ||
	    info->value_size < sizeof(value.version) || info->value_size > sizeof(value) ||
	    bpf_map_lookup_elem(fd, &zero, &value) < 0)
		return 0;
	return value.version;
}

static int check_layout(const char *dir, int fd, enum pn_map_id id, bool read_only,
			struct pn_err *reterr)
{
	const struct pn_map_layout *l = &pn_map_layouts[id];
	struct bpf_map_info info = { .type = 0 };
	uint32_t len = sizeof(info), version;
	int r = bpf_obj_get_info_by_fd(fd, &info, &len);

	if (r < 0)
		return pn_err_set(reterr, r, "%s/%s: %s", dir, l->name, strerror(-r));
	if (info.type == l->type && info.key_size == l->key_size &&
	    info.value_size == l->value_size)
		return 0;
	version = id == PN_MAP_META ? version_of(fd, &info) : 0;
	if (version && version != PN_MAPS_VERSION)
		return pn_map_check_version(dir, version, read_only, reterr);
	return pn_err_set(reterr, -EPROTO,
			  "%s/%s has type %u, key %u, value %u bytes; this podonym uses type %u, "
			  "key %u, value %u: %s",
			  dir, l->name, info.type, info.key_size, info.value_size, l->type,
			  l->key_size, l->value_size, what_to_do(read_only));
}

int pn_map_open(const char *dir, enum pn_map_id id, bool read_only, int *ret, struct pn_err *reterr)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = read_only ? BPF_F_RDONLY : 0);
	PN_CLEANUP(pn_closep) int fd = -1;
	char path[PATH_MAX];
	int r;

	r = pn_bpffs_path(dir, pn_map_layouts[id].name, path, reterr);
	if (r < 0)
		return r;
	fd = bpf_obj_get_opts(path, &opts);
	if (fd < 0)
		return pn_err_set(reterr, fd, "%s: %s", path, strerror(-fd));
	r = check_layout(dir, fd, id, read_only, reterr);
	if (r < 0)
		return r;
	*ret = PN_TAKE_FD(fd);
	return 0;
}

static uint32_t room(const struct pn_map_layout *l, uint32_t max_addrs)
{
	return PN_MAX(l->share ? max_addrs / l->share : 0, l->min);
}

int pn_map_create(const char *dir, enum pn_map_id id, uint32_t max_addrs, int *ret,
		  struct pn_err *reterr)
{
	const struct pn_map_layout *l = &pn_map_layouts[id];
	bool is_array = l->type == BPF_MAP_TYPE_ARRAY;
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		    .map_flags = BPF_F_RDONLY_PROG | (is_array ? 0 : BPF_F_NO_PREALLOC));
	PN_CLEANUP(pn_closep) int fd = -1;
	char path[PATH_MAX];
	int r;

	r = pn_bpffs_path(dir, pn_map_layouts[id].name, path, reterr);
	if (r < 0)
		return r;
	fd = bpf_map_create(l->type, l->kernel_name, l->key_size, l->value_size, room(l, max_addrs),
			    &opts);
	if (fd < 0)
		return pn_err_set(reterr, fd, "making the map %s: %s", l->name, strerror(-fd));
	r = bpf_obj_pin(fd, path);
	if (r < 0)
		return pn_err_set(reterr, r, "pinning %s: %s", path, strerror(-r));
	*ret = PN_TAKE_FD(fd);
	return 0;
}

int pn_map_lock(int dir_fd, const char *dir, struct pn_err *reterr)
{
	struct pn_meta_value meta = { .agent_pid = 0 };
	PN_CLEANUP(pn_closep) int fd = -1;

	if (flock(dir_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return pn_err_set(reterr, -errno, "locking %s: %s", dir, strerror(errno));
	if (pn_map_open(dir, PN_MAP_META, true, &fd, NULL) == 0)
		(void)pn_map_read_meta(fd, &meta);
	return pn_err_set(reterr, -EBUSY, "an agent uses %s (pid %u): stop it first", dir,
			  meta.agent_pid);
}

int pn_map_read_meta(int fd, struct pn_meta_value *ret)
{
	struct pn_meta_value meta;
	__u32 zero = 0;
	int r = bpf_map_lookup_elem(fd, &zero, &meta);

	if (r < 0)
		return r;
	meta.node[sizeof(meta.node) - 1] = '\0';
	*ret = meta;
	return 0;
}

int pn_map_write_meta(int fd, const struct pn_meta_value *meta)
{
	__u32 zero = 0;

	return bpf_map_update_elem(fd, &zero, meta, BPF_ANY);
}

int pn_map_find(int fd, const void *key, void *ret)
{
	return bpf_map_lookup_elem(fd, key, ret);
}

/* --- all entries -------------------------------------------------------------------------------- */

/* struct walk - buffers for @n entries at a time */
struct walk {
	const struct pn_map_layout *layout;
	char *keys, *values;
	uint32_t n;
};

/* The kernel hands out whole buckets; one with more entries than this is not to be expected. */
#define WALK_MIN 256
#define WALK_MAX 65536

static void walk_done(struct walk *w)
{
	free(w->keys);
	free(w->values);
	w->keys = w->values = NULL;
}

static int walk_resize(struct walk *w, uint32_t n)
{
	walk_done(w);
	if (n > WALK_MAX)
		return -ENOSPC;
	w->keys = calloc(n, w->layout->key_size);
	w->values = calloc(n, w->layout->value_size);
	if (!w->keys || !w->values)
		return -ENOMEM;
	w->n = n;
	return 0;
}

static int visit_batch(const struct walk *w, uint32_t n, pn_map_visit_fn visit, void *data)
{
	int r = 0;

	for (uint32_t i = 0; i < n && r == 0; i++)
		r = visit(data, w->keys + (size_t)i * w->layout->key_size,
			  w->values + (size_t)i * w->layout->value_size);
	return r;
}

static int walk_hash(int fd, struct walk *w, pn_map_visit_fn visit, void *data)
{
	uint64_t place = 0; /* the kernel's own: the next bucket */
	bool is_first = true;
	int r, r2;

	r = walk_resize(w, WALK_MIN);
	while (r == 0) {
		uint32_t n = w->n;

		r = bpf_map_lookup_batch(fd, is_first ? NULL : &place, &place, w->keys, w->values,
					 &n, NULL);
		if (r == -ENOSPC) {
			r = walk_resize(w, w->n * 2);
			continue;
		}
		if (r < 0 && r != -ENOENT)
			return r;
		is_first = false;
		r2 = visit_batch(w, n, visit, data);
		r = r2 < 0 ? r2 : r;
		if (r2 == 0 && r == -ENOENT)
			return 0; /* that was the last bucket */
	}
	return r;
}

/* Tries have no batches before Linux 5.13. One whose last key has gone meanwhile begins anew. */
static int walk_trie(int fd, pn_map_visit_fn visit, void *data)
{
	union pn_map_key key, next;
	struct pn_cidr_value value;
	bool is_first = true;
	int r = 0;

	while (r == 0) {
		r = bpf_map_get_next_key(fd, is_first ? NULL : &key, &next);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		is_first = false;
		key = next;
		r = bpf_map_lookup_elem(fd, &key, &value);
		if (r == 0)
			r = visit(data, &key, &value);
		else if (r == -ENOENT)
			r = 0; /* deleted since */
	}
	return r;
}

int pn_map_each(int fd, enum pn_map_id id, pn_map_visit_fn visit, void *data)
{
	PN_CLEANUP(walk_done) struct walk w = { .layout = &pn_map_layouts[id] };

	if (w.layout->type == BPF_MAP_TYPE_LPM_TRIE)
		return walk_trie(fd, visit, data);
	return walk_hash(fd, &w, visit, data);
}

uint32_t pn_map_max_entries(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ? 0 : info.max_entries;
}
