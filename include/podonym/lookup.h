/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PODONYM_LOOKUP_H
#define PODONYM_LOOKUP_H

/*
 * The loader's side of lookup.bpf.h, for programs that use libbpf 1.0 or newer: puts podonym's pinned
 * maps in the place of those that lookup.bpf.h declares. lookup.bpf.h has an example.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <podonym/maps.h>

/** Room for what pn_maps_use() has to say. */
#define PN_WHY_LEN 512

/* Every version of `meta` begins with its number. Return: 0 if it has none yet */
static inline __u32 pn_maps_version_of(int meta_fd, __u32 value_size)
{
	union {
		__u32 version;
		char room[4096];
	} value;
	__u32 zero = 0;

	value.version = 0;
	if (value_size > sizeof(value) || bpf_map_lookup_elem(meta_fd, &zero, &value) < 0)
		return 0;
	return value.version;
}

static inline int pn_maps_check(const struct bpf_map *map, int fd, const char *path, char *why)
{
	__u32 len, version = PN_MAPS_VERSION;
	struct bpf_map_info info;
	int err;

	memset(&info, 0, sizeof(info));
	len = sizeof(info);
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (err < 0) {
		(void)snprintf(why, PN_WHY_LEN, "%s: %s", path, strerror(-err));
		return err;
	}
	if (strcmp(bpf_map__name(map), "pn_meta") == 0)
		version = pn_maps_version_of(fd, info.value_size);
	if (!version) {
		(void)snprintf(why, PN_WHY_LEN,
			       "%s: podonym has not finished making its maps: try again", path);
		return -EPROTO;
	}
	if (version != PN_MAPS_VERSION) {
		(void)snprintf(
			why, PN_WHY_LEN,
			"%s: the maps are of version %u, this program was built for version %d",
			path, version, PN_MAPS_VERSION);
		return -EPROTO;
	}
	if (info.type == (__u32)bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
	    info.value_size == bpf_map__value_size(map))
		return 0;
	(void)snprintf(why, PN_WHY_LEN,
		       "%s has type %u, key %u, value %u bytes; this program was built for type "
		       "%u, key %u, value %u",
		       path, info.type, info.key_size, info.value_size,
		       (unsigned int)bpf_map__type(map), bpf_map__key_size(map),
		       bpf_map__value_size(map));
	return -EPROTO;
}

static inline int pn_maps_use_one(struct bpf_object *obj, const char *dir, const char *name,
				  char *why)
{
	char map_name[16], path[256];
	struct bpf_map *map;
	int fd, err;

	(void)snprintf(map_name, sizeof(map_name), "pn_%s", name);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	map = bpf_object__find_map_by_name(obj, map_name);
	if (!map) {
		(void)snprintf(why, PN_WHY_LEN, "the program does not include lookup.bpf.h: no %s",
			       map_name);
		return -EINVAL;
	}
	fd = bpf_obj_get(path);
	if (fd < 0) {
		err = -errno;
		(void)snprintf(why, PN_WHY_LEN, "%s: %s%s", path, strerror(-err),
			       err == -ENOENT ? ": is podonym running on this node?" : "");
		return err;
	}
	err = pn_maps_check(map, fd, path, why);
	if (err == 0) {
		err = bpf_map__reuse_fd(map, fd);
		if (err < 0)
			(void)snprintf(why, PN_WHY_LEN, "%s: %s", path, strerror(-err));
	}
	(void)close(fd);
	return err;
}

/**
 * pn_maps_use() - let a program look names up in podonym's pinned maps
 * @obj: opened and not loaded; one of its files includes lookup.bpf.h
 * @dir: PN_MAPS_DIR, unless podonym was told to pin elsewhere
 * @why: PN_WHY_LEN bytes, set to a sentence on failure
 *
 * Return: 0; -ENOENT podonym does not run here; -EPROTO its maps are of another version or layout;
 * -EPERM and others
 */
static inline int pn_maps_use(struct bpf_object *obj, const char *dir, char *why)
{
	/* meta first: it has the version */
	static const char *const names[] = { "meta", "ip",     "service", "hostport",
					     "cidr", "cgroup", "owner" };
	size_t i;
	int err = 0;

	for (i = 0; err == 0 && i < sizeof(names) / sizeof(names[0]); i++)
		err = pn_maps_use_one(obj, dir, names[i], why);
	return err;
}

#endif
