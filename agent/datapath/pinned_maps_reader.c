/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pinned maps, read: for `podonym whois` and `status`, which ask the maps and not the agent, and
 * for the writing side when it takes over what an earlier agent left.
 *
 * Any program with the right to write may have written a pinned map, so nothing in it is believed:
 * layout and version are compared before the first look-up, and text is made to end.
 */
#include "datapath/pinned_maps_private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define LAYOUT(name, type, key, value)                             \
	{                                                          \
		name, "pn_" name, type, sizeof(key), sizeof(value) \
	}

const struct pn_map_layout pn_map_layouts[] = {
	[PN_MAP_META] = LAYOUT("meta", BPF_MAP_TYPE_ARRAY, __u32, struct pn_meta_value),
	[PN_MAP_IP] = LAYOUT("ip", BPF_MAP_TYPE_HASH, struct pn_ip_key, struct pn_ip_value),
	[PN_MAP_SERVICE] = LAYOUT("service", BPF_MAP_TYPE_HASH, struct pn_service_key,
				  struct pn_service_value),
	[PN_MAP_OWNER] = LAYOUT("owner", BPF_MAP_TYPE_HASH, __u32, struct pn_owner_value),
};
_Static_assert(PN_ARRAY_SIZE(pn_map_layouts) == PN_MAP_MAX, "a layout for each map");

int pn_map_path(const char *dir, enum pn_map_id id, size_t size, char *ret, struct pn_err *reterr)
{
	int n = snprintf(ret, size, "%s/%s", dir, pn_map_layouts[id].name);

	if (n < 0 || (size_t)n >= size)
		return pn_err_set(reterr, -ENAMETOOLONG, "%s: the path is too long", dir);
	return 0;
}

static int check_layout(const char *path, int fd, const struct pn_map_layout *l,
			struct pn_err *reterr)
{
	struct bpf_map_info info = { .type = 0 };
	uint32_t len = sizeof(info);
	int r = bpf_obj_get_info_by_fd(fd, &info, &len);

	if (r < 0)
		return pn_err_set(reterr, r, "%s: %s", path, strerror(-r));
	if (info.type == l->type && info.key_size == l->key_size &&
	    info.value_size == l->value_size)
		return 0;
	return pn_err_set(reterr, -EPROTO,
			  "%s has type %u, key %u, value %u bytes; this podonym uses type %u, key "
			  "%u, value %u: remove the directory if nothing else uses it",
			  path, info.type, info.key_size, info.value_size, l->type, l->key_size,
			  l->value_size);
}

int pn_map_open(const char *dir, enum pn_map_id id, bool read_only, int *ret, struct pn_err *reterr)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = read_only ? BPF_F_RDONLY : 0);
	PN_CLEANUP(pn_closep) int fd = -1;
	char path[PATH_MAX];
	int r;

	r = pn_map_path(dir, id, sizeof(path), path, reterr);
	if (r < 0)
		return r;
	fd = bpf_obj_get_opts(path, &opts);
	if (fd < 0)
		return pn_err_set(reterr, fd, "%s: %s", path, strerror(-fd));
	r = check_layout(path, fd, &pn_map_layouts[id], reterr);
	if (r < 0)
		return r;
	*ret = PN_TAKE_FD(fd);
	return 0;
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

int pn_map_check_version(const char *dir, uint32_t version, struct pn_err *reterr)
{
	if (version == PN_MAPS_VERSION)
		return 0;
	return pn_err_set(reterr, -EPROTO,
			  "%s: the maps are of version %u, this podonym uses %d: remove the "
			  "directory if nothing else uses it",
			  dir, version, PN_MAPS_VERSION);
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

int pn_map_each(int fd, enum pn_map_id id, pn_map_visit_fn visit, void *data)
{
	PN_CLEANUP(walk_done) struct walk w = { .layout = &pn_map_layouts[id] };
	uint64_t place = 0; /* the kernel's own: the next bucket */
	bool is_first = true;
	int r, r2;

	r = walk_resize(&w, WALK_MIN);
	while (r == 0) {
		uint32_t n = w.n;

		r = bpf_map_lookup_batch(fd, is_first ? NULL : &place, &place, w.keys, w.values, &n,
					 NULL);
		if (r == -ENOSPC) {
			r = walk_resize(&w, w.n * 2);
			continue;
		}
		if (r < 0 && r != -ENOENT)
			return r;
		is_first = false;
		r2 = visit_batch(&w, n, visit, data);
		r = r2 < 0 ? r2 : r;
		if (r2 == 0 && r == -ENOENT)
			return 0; /* that was the last bucket */
	}
	return r;
}

/* --- the reader --------------------------------------------------------------------------------- */

struct pn_maps_reader {
	int fds[PN_MAP_MAX];
};

void pn_maps_reader_close(struct pn_maps_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < PN_MAP_MAX; i++)
		pn_closep(&r->fds[i]);
	free(r);
}

static void reader_closep(struct pn_maps_reader **r)
{
	pn_maps_reader_close(*r);
}

static int open_meta(struct pn_maps_reader *r, const char *dir, struct pn_err *reterr)
{
	struct pn_meta_value meta;
	int ret = pn_map_open(dir, PN_MAP_META, true, &r->fds[PN_MAP_META], reterr);

	if (ret == -ENOENT)
		return pn_err_set(reterr, ret,
				  "no maps are pinned in %s: is the agent running on this node?",
				  dir);
	if (ret < 0)
		return ret;
	ret = pn_map_read_meta(r->fds[PN_MAP_META], &meta);
	if (ret < 0)
		return pn_err_set(reterr, ret, "reading %s/meta: %s", dir, strerror(-ret));
	return pn_map_check_version(dir, meta.abi_version, reterr);
}

int pn_maps_reader_open(const char *dir, struct pn_maps_reader **ret, struct pn_err *reterr)
{
	PN_CLEANUP(reader_closep) struct pn_maps_reader *r = NULL;
	int err;

	r = malloc(sizeof(*r));
	if (!r)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	for (int i = 0; i < PN_MAP_MAX; i++)
		r->fds[i] = -1;
	err = open_meta(r, dir, reterr);
	for (int i = PN_MAP_META + 1; err == 0 && i < PN_MAP_MAX; i++)
		err = pn_map_open(dir, (enum pn_map_id)i, true, &r->fds[i], reterr);
	if (err < 0)
		return err;
	*ret = PN_TAKE_PTR(r);
	return 0;
}

int pn_maps_reader_ip(const struct pn_maps_reader *r, const struct pn_addr *addr,
		      struct pn_ip_value *ret)
{
	struct pn_ip_key key;

	memcpy(key.addr, addr->b, sizeof(key.addr));
	return bpf_map_lookup_elem(r->fds[PN_MAP_IP], &key, ret);
}

int pn_maps_reader_owner(const struct pn_maps_reader *r, uint32_t id, struct pn_owner_value *ret)
{
	struct pn_owner_value v;
	int err = bpf_map_lookup_elem(r->fds[PN_MAP_OWNER], &id, &v);

	if (err < 0)
		return err;
	v.uid[sizeof(v.uid) - 1] = '\0';
	v.name_space[sizeof(v.name_space) - 1] = '\0';
	v.name[sizeof(v.name) - 1] = '\0';
	v.workload_kind[sizeof(v.workload_kind) - 1] = '\0';
	v.workload_name[sizeof(v.workload_name) - 1] = '\0';
	v.node[sizeof(v.node) - 1] = '\0';
	*ret = v;
	return 0;
}

int pn_maps_reader_meta(const struct pn_maps_reader *r, struct pn_meta_value *ret)
{
	return pn_map_read_meta(r->fds[PN_MAP_META], ret);
}

struct ip_visit {
	void (*visit)(void *data, const struct pn_addr *addr, const struct pn_ip_value *value);
	void *data;
};

static int visit_ip(void *data, const void *key, const void *value)
{
	const struct ip_visit *v = data;
	struct pn_ip_value ip;
	struct pn_addr addr;

	memcpy(addr.b, key, sizeof(addr.b));
	memcpy(&ip, value, sizeof(ip));
	v->visit(v->data, &addr, &ip);
	return 0;
}

int pn_maps_reader_each_ip(const struct pn_maps_reader *r,
			   void (*visit)(void *data, const struct pn_addr *addr,
					 const struct pn_ip_value *value),
			   void *data)
{
	struct ip_visit v = { visit, data };

	return pn_map_each(r->fds[PN_MAP_IP], PN_MAP_IP, visit_ip, &v);
}
