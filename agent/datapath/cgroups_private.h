/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_CGROUPS_PRIVATE_H
#define PN_DATAPATH_CGROUPS_PRIVATE_H

#include <limits.h>
#include <sys/inotify.h>

#include "datapath/cgroups.h"

/*
 * The parts of cgroups.h: cgroups.c has the descriptors, cgroups_tree.c what is known of the tree, cgroup_*.c what
 * can be asked of one cgroup and where the tree is.
 */

enum { PN_CGROUPS_TICK_S = 1 };

/**
 * struct pn_cgroups
 * @epoll_fd:	   of the two others
 * @asked:	   whose names may still change; while there are any, a tick is wanted
 * @round:	   of reading the whole tree
 * @needs_reading: so that nothing is missed; a tick is wanted
 * @lacks_events:  not everything could be watched, a tick is wanted; @has_warned of it
 * @path:	   of the root; names are appended to it for a moment
 */
struct pn_cgroups {
	const struct pn_cgroups_ops *ops;
	void *data;
	int epoll_fd, inotify_fd, timer_fd;
	bool timer_runs;

	struct pn_cgroup_node *root, *asked;
	struct pn_cgroup_watch *watches;
	uint32_t round;
	unsigned int n_nodes, n_refused, n_ticks;
	bool needs_reading, is_reading, lacks_events, has_warned;
	char path[PATH_MAX];
	size_t path_len;
};

/** pn_cgroup_tree_init() - @id: of the root. Return: 0 or -ENOMEM */
int pn_cgroup_tree_init(struct pn_cgroups *c, uint64_t id);

/** pn_cgroup_tree_done() - nobody is told */
void pn_cgroup_tree_done(struct pn_cgroups *c);

/** pn_cgroup_tree_read() - all of it. Return: 0, or a negative errno with @reterr: it has to be read again */
int pn_cgroup_tree_read(struct pn_cgroups *c, struct pn_err *reterr);

/** pn_cgroup_tree_event() - Return: 0, or a negative errno: what the event was about is not known */
int pn_cgroup_tree_event(struct pn_cgroups *c, const struct inotify_event *e);

/** pn_cgroup_tree_tick() - processes are asked for their names again */
void pn_cgroup_tree_tick(struct pn_cgroups *c);

/** Bytes for what the kernel calls a task, the NUL included. */
#define PN_COMMAND_LEN 64

/** pn_cgroups_root_in() - pn_cgroups_find_root() with the table of mounts at @mounts */
int pn_cgroups_root_in(const char *mounts, char *ret, size_t size, struct pn_err *reterr);

/** pn_cgroup_is_unit() - does the name alone say what it is? Scopes do not: they hold anything */
bool pn_cgroup_is_unit(const char *name);

/** pn_cgroup_command() - of the first process in a cgroup. Return: 0; -ENOENT: there is none to be seen */
int pn_cgroup_command(int fd, char ret[static PN_COMMAND_LEN]);

#endif
