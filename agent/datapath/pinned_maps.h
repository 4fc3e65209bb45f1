/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_PINNED_MAPS_H
#define PN_DATAPATH_PINNED_MAPS_H

#include <podonym/maps.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "index/index.h"

/*
 * The pinned maps of podonym/maps.h. One process writes them, the agent; it adopts what is pinned
 * already and never clears first, so that other readers see no hole. One thread.
 */
struct pn_maps;

/**
 * struct pn_maps_config
 * @dir:       where the maps are pinned; created if missing. Below a mounted bpffs
 * @max_addrs: room in the maps `ip`, `service` and `owner`; `hostport` has half of it, `cidr` an
 *	       eighth, at least 1024 both, and `cgroup` 16,384. Adopted maps keep their size
 */
struct pn_maps_config {
	const char *dir;
	uint32_t max_addrs;
	const char *node_name;
	const struct pn_clock *clock;
};

/**
 * pn_maps_open() - for writing: take over what is pinned, make what is missing
 *
 * Return: 0; -EBUSY another agent is alive; -EPROTO pinned maps are of another version or layout;
 * -EPERM, -ENOENT (no bpffs), ... with @reterr.
 */
int pn_maps_open(const struct pn_maps_config *config, struct pn_maps **ret, struct pn_err *reterr);

/** pn_maps_close() - says in `meta` that the agent stopped; the maps stay pinned; NULL is allowed */
void pn_maps_close(struct pn_maps *m);

/** pn_maps_ip_fd() - the map `ip`, for programs that look names up; stays owned by @m */
int pn_maps_ip_fd(const struct pn_maps *m);

/** pn_maps_room() - room for entries in the map of this name, which an adopted one brings along; 0: not known */
uint32_t pn_maps_room(const struct pn_maps *m, const char *name);

/** pn_maps_seed() - tell @idx which owner ids the pinned maps already use. Once, before any object. */
int pn_maps_seed(struct pn_maps *m, struct pn_index *idx);

/**
 * pn_maps_flush() - write what changed in @idx since the last call, in batches
 *
 * A write that fails is kept and tried again with the next call; it is counted.
 * Return: 0, or the first failure.
 */
int pn_maps_flush(struct pn_maps *m, struct pn_index *idx);

/**
 * pn_maps_sweep() - delete what is in the maps and not in the index, once every list is complete,
 * and say in `meta` that the maps are in sync. Return: 0 or a negative errno
 */
int pn_maps_sweep(struct pn_maps *m, struct pn_index *idx);

/*
 * Reading, by any process: what `podonym whois` and `podonym doctor` use.
 */
struct pn_maps_reader;

/** pn_maps_reader_open() - Return: 0; -ENOENT nothing is pinned; -EPROTO another version; with @reterr */
int pn_maps_reader_open(const char *dir, struct pn_maps_reader **ret, struct pn_err *reterr);
void pn_maps_reader_close(struct pn_maps_reader *r);

/** Each: 0, -ENOENT if there is no such entry, or a negative errno. @port: in host byte order */
int pn_maps_reader_ip(const struct pn_maps_reader *r, const struct pn_addr *addr,
		      struct pn_ip_value *ret);
int pn_maps_reader_service(const struct pn_maps_reader *r, const struct pn_addr *addr,
			   uint8_t proto, uint16_t port, uint32_t *ret_owner);
int pn_maps_reader_hostport(const struct pn_maps_reader *r, const struct pn_addr *addr,
			    uint8_t proto, uint16_t port, uint32_t *ret_owner);
int pn_maps_reader_cgroup(const struct pn_maps_reader *r, uint64_t id, uint32_t *ret_owner);
int pn_maps_reader_owner(const struct pn_maps_reader *r, uint32_t id, struct pn_owner_value *ret);
int pn_maps_reader_meta(const struct pn_maps_reader *r, struct pn_meta_value *ret);

/**
 * pn_maps_reader_cidr() - the smallest network that has an address, as the kernel finds it
 * @ret: which network that is. The kernel does not say; so this walks over all of them
 */
int pn_maps_reader_cidr(const struct pn_maps_reader *r, const struct pn_addr *addr,
			struct pn_cidr *ret, uint32_t *ret_owner);

/** pn_maps_reader_each_ip() - every entry of `ip`, read in batches. Return: 0 or a negative errno */
int pn_maps_reader_each_ip(const struct pn_maps_reader *r,
			   void (*visit)(void *data, const struct pn_addr *addr,
					 const struct pn_ip_value *value),
			   void *data);

#endif
