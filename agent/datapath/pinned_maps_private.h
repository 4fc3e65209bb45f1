/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_PINNED_MAPS_PRIVATE_H
#define PN_DATAPATH_PINNED_MAPS_PRIVATE_H

#include <stdbool.h>

#include "datapath/pinned_maps.h"

/* What the writing and the reading side share: the layout of podonym/maps.h, as the kernel knows it. */

enum pn_map_id {
	PN_MAP_META,
	PN_MAP_IP,
	PN_MAP_SERVICE,
	PN_MAP_OWNER,
	PN_MAP_MAX, /* sentinel */
};

/**
 * struct pn_map_layout
 * @name:	 below the pin directory
 * @kernel_name: in `bpftool map`
 */
struct pn_map_layout {
	const char *name, *kernel_name;
	uint32_t type, key_size, value_size; /* enum bpf_map_type */
};

extern const struct pn_map_layout pn_map_layouts[PN_MAP_MAX];

/** pn_map_open() - a pinned map of the right layout. Return: 0; -ENOENT it is not pinned; -EPROTO; others, with @reterr */
int pn_map_open(const char *dir, enum pn_map_id id, bool read_only, int *ret,
		struct pn_err *reterr);

/** pn_map_path() - where a map is pinned. Return: 0 or -ENAMETOOLONG with @reterr */
int pn_map_path(const char *dir, enum pn_map_id id, size_t size, char *ret, struct pn_err *reterr);

int pn_map_read_meta(int fd, struct pn_meta_value *ret);

/** pn_map_check_version() - Return: 0 or -EPROTO with @reterr */
int pn_map_check_version(const char *dir, uint32_t version, struct pn_err *reterr);

/** pn_map_visit_fn - Return: 0, or a negative errno that ends the walk */
typedef int (*pn_map_visit_fn)(void *data, const void *key, const void *value);

/**
 * pn_map_each() - every entry of a hash map, in batches
 *
 * An entry that is there all the time is visited; when others change meanwhile, perhaps twice.
 * Return: 0 or a negative errno.
 */
int pn_map_each(int fd, enum pn_map_id id, pn_map_visit_fn visit, void *data);

#endif
