/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_CGROUPS_H
#define PN_DATAPATH_CGROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "index/index.h"

/*
 * The node's cgroups, followed by inotify: which of them are of which pod, and what the others are
 * called. Subscribes first, reads second; when the kernel says that events were lost, it reads again.
 * One thread, the caller's loop.
 */
struct pn_cgroups;

/**
 * struct pn_cgroups_ops
 * @appeared: a cgroup, or one whose name has become known; borrowed
 * @vanished: one that @appeared was called for has gone
 */
struct pn_cgroups_ops {
	void (*appeared)(void *data, const struct pn_cgroup *cgroup);
	void (*vanished)(void *data, uint64_t id);
};

/**
 * pn_cgroups_find_root() - where the unified hierarchy (cgroup v2) is mounted
 *
 * Return: 0; -ENOENT: only version 1 is, so that no socket can be attributed; or another negative
 * errno, with @reterr
 */
int pn_cgroups_find_root(char *ret, size_t size, struct pn_err *reterr);

/** pn_cgroups_open() - Return: 0 or a negative errno with @reterr. Calls nothing yet; @ops outlives it */
int pn_cgroups_open(const char *root, const struct pn_cgroups_ops *ops, void *data,
		    struct pn_cgroups **ret, struct pn_err *reterr);
void pn_cgroups_close(struct pn_cgroups *c);

/** pn_cgroups_fd() - readable when pn_cgroups_dispatch() has something to do */
int pn_cgroups_fd(const struct pn_cgroups *c);

/** pn_cgroups_dispatch() - also once right after opening: the first read. Return: 0 or a negative errno */
int pn_cgroups_dispatch(struct pn_cgroups *c, struct pn_err *reterr);

/** pn_cgroup_id() - of an open directory: what bpf_skb_cgroup_id() returns. Return: 0 or a negative errno */
int pn_cgroup_id(int fd, uint64_t *ret);

/**
 * pn_cgroup_parse_path() - the pod in a cgroup's path
 * @path: from the root of the hierarchy on, as in /proc/PID/cgroup
 * @ret:  PN_UID_LEN bytes: the uid with dashes, or a static pod's hash
 *
 * Knows the names that kubelet gives with its systemd and its cgroupfs driver, at any depth (kind, or
 * a kubelet in a cgroup of its own). Return: is there one?
 */
bool pn_cgroup_parse_path(const char *path, char *ret);

#endif
