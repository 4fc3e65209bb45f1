/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_PINNED_MAPS_PRIVATE_H
#define PN_DATAPATH_PINNED_MAPS_PRIVATE_H

#include <stdbool.h>

#include "base/log.h"
#include "datapath/pinned_maps.h"

/* What the files that write, read and remove the maps share: the layout of podonym/maps.h, as the kernel knows it. */

enum pn_map_id {
	PN_MAP_META,
	PN_MAP_IP,
	PN_MAP_SERVICE,
	PN_MAP_HOSTPORT,
	PN_MAP_CIDR,
	PN_MAP_CGROUP,
	PN_MAP_OWNER,
	PN_MAP_MAX, /* sentinel */
};

/**
 * struct pn_map_layout
 * @name:	 below the pin directory
 * @kernel_name: in `bpftool map`
 * @share, @min: room in it: one in @share of the addresses, but at least @min; @share 0: just @min
 */
struct pn_map_layout {
	const char *name, *kernel_name;
	uint32_t type, key_size, value_size; /* enum bpf_map_type */
	uint32_t share, min;
};

extern const struct pn_map_layout pn_map_layouts[PN_MAP_MAX];

/** pn_map_open() - a pinned map of the right layout. Return: 0; -ENOENT it is not pinned; -EPROTO; others, with @reterr */
int pn_map_open(const char *dir, enum pn_map_id id, bool read_only, int *ret,
		struct pn_err *reterr);

/** pn_map_create() - make a map and pin it. Return: 0 or a negative errno with @reterr */
int pn_map_create(const char *dir, enum pn_map_id id, uint32_t max_addrs, int *ret,
		  struct pn_err *reterr);

/** pn_map_lock() - be the only one to write in a directory, while @dir_fd is open. Return: 0; -EBUSY; others, with @reterr */
int pn_map_lock(int dir_fd, const char *dir, struct pn_err *reterr);

/** pn_map_max_entries() - Return: 0 if the kernel does not say */
uint32_t pn_map_max_entries(int fd);

int pn_map_read_meta(int fd, struct pn_meta_value *ret);
int pn_map_write_meta(int fd, const struct pn_meta_value *meta);

/** pn_map_find() - one entry. Return: 0, -ENOENT, or another negative errno */
int pn_map_find(int fd, const void *key, void *ret);

/** pn_map_check_version() - Return: 0 or -EPROTO with @reterr */
int pn_map_check_version(const char *dir, uint32_t version, bool read_only, struct pn_err *reterr);

/** pn_map_visit_fn - Return: 0, or a negative errno that ends the walk */
typedef int (*pn_map_visit_fn)(void *data, const void *key, const void *value);

/**
 * pn_map_each() - every entry of a hash map or a trie
 *
 * An entry that is there all the time is visited; when others change meanwhile, perhaps twice.
 * Return: 0 or a negative errno.
 */
int pn_map_each(int fd, enum pn_map_id id, pn_map_visit_fn visit, void *data);

/* A key of any map. */
union pn_map_key {
	struct pn_ip_key ip;
	struct pn_port_key port;
	struct pn_cidr_key cidr;
	__u64 cgroup;
	__u32 owner;
};

/**
 * struct pn_map_batch - entries to be written to one map, or deleted from it
 * @keys, @values: of the map's own type, without gaps; values only count for what is written
 * @failed:	   of each entry, set by pn_map_write()
 */
struct pn_map_batch {
	enum pn_map_id id;
	int fd;
	bool gone;
	uint32_t n;
	bool failed[PN_INDEX_BATCH];
	union {
		struct pn_ip_key ip[PN_INDEX_BATCH];
		struct pn_port_key port[PN_INDEX_BATCH];
		struct pn_cidr_key cidr[PN_INDEX_BATCH];
		__u64 cgroup[PN_INDEX_BATCH];
		__u32 owner[PN_INDEX_BATCH];
	} keys;
	union {
		struct pn_ip_value ip[PN_INDEX_BATCH];
		struct pn_port_value port[PN_INDEX_BATCH];
		struct pn_cidr_value cidr[PN_INDEX_BATCH];
		struct pn_cgroup_value cgroup[PN_INDEX_BATCH];
		struct pn_owner_value owner[PN_INDEX_BATCH];
	} values;
};

/**
 * pn_map_write() - write or delete all entries of a batch; what is not there counts as deleted
 *
 * Return: 0, or of the first entry that failed, -ENOSPC for a map that is full
 */
int pn_map_write(struct pn_map_batch *b);

#endif
