/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_ATTACH_H
#define PN_DATAPATH_ATTACH_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Two tc programs on one interface, ahead of whatever else is attached there: by tcx links, or on
 * older kernels by clsact filters. Two more at the sockets of the machine, by cgroup links.
 *
 * Links end with the process unless they are pinned, one file each in a directory; then the next agent
 * puts its program into the link, which no packet notices. Filters stay in any case, and are replaced.
 */
enum pn_hook {
	PN_HOOK_INGRESS,
	PN_HOOK_EGRESS,
	PN_HOOK_INTERFACE_MAX, /* sentinel: those of an interface */
	PN_HOOK_SOCKET_INGRESS = PN_HOOK_INTERFACE_MAX,
	PN_HOOK_SOCKET_EGRESS,
	PN_HOOK_MAX, /* sentinel */
};

struct pn_attachment {
	int ifindex;
	int link_fd[PN_HOOK_INTERFACE_MAX]; /* -1: a clsact filter, or none */
	bool is_clsact;
	bool is_adopted; /* from an earlier agent, and nobody has asked for it yet */
};

/** pn_attach_has_tcx() - does the kernel know tcx links (Linux 6.6)? Asks it, attaches nothing */
bool pn_attach_has_tcx(int prog_fd);

/**
 * pn_attach() - both hooks of an interface; of those that @a has a link for already the other
 * @prog_fd: of each hook
 * @pin_dir: where links are pinned; NULL: nowhere
 * @a:       its ifindex and kind say what to do; to be undone by pn_attach_undo(). On failure nothing
 *	     is attached
 *
 * Return: 0 or a negative errno with @reterr
 */
int pn_attach(struct pn_attachment *a, const int prog_fd[static PN_HOOK_MAX], const char *pin_dir,
	      struct pn_err *reterr);

/** pn_attach_undo() - detach and unpin; of an interface that may be gone already */
void pn_attach_undo(struct pn_attachment *a, const char *pin_dir);

/** pn_attach_leave() - let go of what goes on by itself */
void pn_attach_leave(struct pn_attachment *a);

/** pn_attach_parse_pin() - is this the name of a link on an interface? */
bool pn_attach_parse_pin(const char *name, int *ret_ifindex, enum pn_hook *ret_hook);

/**
 * pn_attach_adopt() - take over a pinned link and put our program into it
 *
 * It is unpinned and so detached if its interface is gone, if the name now belongs to another one, or
 * if the kernel refuses the program. Return: 0 and @ret_fd, or a negative errno
 */
int pn_attach_adopt(const char *pin_dir, int ifindex, enum pn_hook hook, int prog_fd, int *ret_fd);

/** pn_attach_drop() - detach and unpin the link or links of that name */
void pn_attach_drop(const char *pin_dir, const char *name);

/** pn_attach_has_clsact() - is there a filter of ours, of this agent or of an earlier one, at an interface? */
bool pn_attach_has_clsact(int ifindex);

/** pn_attach_sweep_clsact() - remove our filters from all interfaces. Return: 0 or a negative errno */
int pn_attach_sweep_clsact(void);

/**
 * pn_attach_sockets() - the programs of the two socket hooks, at the root of the cgroup v2 hierarchy
 * @ret_fd: the links, from PN_HOOK_SOCKET_INGRESS on; adopted if they are pinned
 *
 * Return: 0 or a negative errno with @reterr, and then nothing is attached
 */
int pn_attach_sockets(const char *cgroup_root, const int prog_fd[static PN_HOOK_MAX],
		      const char *pin_dir, int ret_fd[static PN_HOOK_MAX - PN_HOOK_SOCKET_INGRESS],
		      struct pn_err *reterr);

/** pn_attach_drop_sockets() - detach and unpin what an earlier agent attached there */
void pn_attach_drop_sockets(const char *pin_dir);

#endif
