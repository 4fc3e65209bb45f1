/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching the programs; the tracer's hands. Being first matters: another program that redirects or
 * drops ends the chain, and what it takes would never be seen. Ours says "next" to every packet, so
 * it is in nobody's way.
 *
 * A link that is pinned outlives its process, and a clsact filter does by nature. A filter has a
 * handle and a priority of its own, so that the next agent replaces it and nobody else's filter is
 * touched. The clsact qdisc stays when we leave: by then it may carry filters of others, and removing
 * it would remove them.
 */
#include "datapath/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "datapath/bpffs.h"

/* From linux/bpf.h of Linux 6.6; earlier headers do not have them. */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS ((enum bpf_attach_type)47)
#define TCX_BEFORE (1U << 3) /* BPF_F_BEFORE, of nothing in particular: first */
#define LINK_TYPE_TCX 11
#define MAX_TCX_PROGRAMS 64 /* BPF_MPROG_MAX */

/* With the lowest priority a filter comes first; the handle is ours within it ("pn"). */
#define CLSACT_PRIORITY 1
#define CLSACT_HANDLE 0x706e

static const enum bpf_attach_type attach_types[] = {
	[PN_HOOK_INGRESS] = TCX_INGRESS,
	[PN_HOOK_EGRESS] = TCX_EGRESS,
	[PN_HOOK_SOCKET_INGRESS] = BPF_CGROUP_INET_INGRESS,
	[PN_HOOK_SOCKET_EGRESS] = BPF_CGROUP_INET_EGRESS,
};
static const enum bpf_tc_attach_point clsact_points[] = { BPF_TC_INGRESS, BPF_TC_EGRESS };
/* of interfaces, and in the same order of sockets */
static const char *const hook_names[] = { "ingress", "egress" };
static const char *const prog_names[] = { "pn_from_pod", "pn_to_pod" };
_Static_assert(PN_ARRAY_SIZE(attach_types) == PN_HOOK_MAX, "a type for each hook");
_Static_assert(PN_ARRAY_SIZE(clsact_points) == PN_HOOK_INTERFACE_MAX, "a point for each hook");
_Static_assert(PN_ARRAY_SIZE(hook_names) == PN_HOOK_INTERFACE_MAX, "a name for each hook");
_Static_assert(PN_ARRAY_SIZE(prog_names) == PN_HOOK_INTERFACE_MAX, "a program for each hook");

/* struct bpf_link_info as far as it is needed, with the members that older headers do not have. */
struct link_info {
	uint32_t type, id, prog_id, padding;
	union {
		struct {
			uint32_t ifindex, attach_type;
		} tcx;
		struct {
			uint64_t id;
			uint32_t attach_type, padding;
		} cgroup;
	};
};
_Static_assert(sizeof(struct link_info) == 32, "as the kernel has it");

/* No interface has index 0: a kernel with tcx looks for it, one without refuses the type. */
bool pn_attach_has_tcx(int prog_fd)
{
	return bpf_link_create(prog_fd, 0, TCX_INGRESS, NULL) == -ENODEV;
}

static const char *name_of(enum pn_hook hook)
{
	return hook_names[hook % PN_HOOK_INTERFACE_MAX];
}

/* --- pinned links ------------------------------------------------------------------------------- */

static int pin_path(const char *pin_dir, int ifindex, enum pn_hook hook, char ret[static PATH_MAX])
{
	char name[64];

	if (hook >= PN_HOOK_INTERFACE_MAX)
		(void)snprintf(name, sizeof(name), "socket-%s", name_of(hook));
	else
		(void)snprintf(name, sizeof(name), "link-%d-%s", ifindex, name_of(hook));
	return pn_bpffs_path(pin_dir, name, ret, NULL);
}

bool pn_attach_parse_pin(const char *name, int *ret_ifindex, enum pn_hook *ret_hook)
{
	static const char prefix[] = "link-";
	char expected[64];
	long ifindex;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return false;
	ifindex = strtol(name + sizeof(prefix) - 1, NULL, 10);
	if (ifindex <= 0 || ifindex > INT_MAX)
		return false;
	for (int hook = 0; hook < PN_HOOK_INTERFACE_MAX; hook++) {
		(void)snprintf(expected, sizeof(expected), "link-%ld-%s", ifindex,
			       hook_names[hook]);
		if (strcmp(name, expected) == 0) {
			*ret_ifindex = (int)ifindex;
			*ret_hook = (enum pn_hook)hook;
			return true;
		}
	}
	return false;
}

static int pin_link(int fd, const char *pin_dir, int ifindex, enum pn_hook hook)
{
	char path[PATH_MAX];
	int r;

	if (!pin_dir)
		return 0;
	r = pin_path(pin_dir, ifindex, hook, path);
	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return bpf_obj_pin(fd, path);
}

static void drop_path(const char *path)
{
	int fd = bpf_obj_get(path);

	if (fd >= 0)
		(void)bpf_link_detach(fd); /* others may hold it too */
	pn_closep(&fd);
	(void)unlink(path);
}

void pn_attach_drop(const char *pin_dir, const char *name)
{
	char path[PATH_MAX];

	if (pn_bpffs_path(pin_dir, name, path, NULL) == 0)
		drop_path(path);
}

/* In our network namespace: an interface that has left it keeps its links, and maybe its index. */
static bool is_attached_here(int ifindex, enum pn_hook hook, const struct link_info *info)
{
	uint32_t progs[MAX_TCX_PROGRAMS], n = MAX_TCX_PROGRAMS;

	if (info->type != LINK_TYPE_TCX || info->tcx.ifindex != (uint32_t)ifindex ||
	    info->tcx.attach_type != attach_types[hook])
		return false;
	if (bpf_prog_query(ifindex, attach_types[hook], 0, NULL, progs, &n) < 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (progs[i] == info->prog_id)
			return true;
	return false;
}

static bool is_at_cgroup(uint64_t cgroup, enum pn_hook hook, const struct link_info *info)
{
	return info->type == BPF_LINK_TYPE_CGROUP && info->cgroup.id == cgroup &&
	       info->cgroup.attach_type == attach_types[hook];
}

static int open_link(const char *path, int *ret, struct link_info *ret_info)
{
	uint32_t len = sizeof(*ret_info);
	int r, fd = bpf_obj_get(path);

	if (fd < 0)
		return fd;
	memset(ret_info, 0, sizeof(*ret_info));
	r = bpf_obj_get_info_by_fd(fd, ret_info, &len);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

int pn_attach_adopt(const char *pin_dir, int ifindex, enum pn_hook hook, int prog_fd, int *ret_fd)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	char path[PATH_MAX];
	struct link_info info;
	int r;

	r = pin_path(pin_dir, ifindex, hook, path);
	if (r < 0)
		return r;
	r = open_link(path, &fd, &info);
	if (r == 0 && !is_attached_here(ifindex, hook, &info))
		r = -ENODEV;
	if (r == 0)
		r = bpf_link_update(fd, prog_fd, NULL);
	if (r < 0) {
		drop_path(path);
		return r;
	}
	*ret_fd = PN_TAKE_FD(fd);
	return 0;
}

/* --- interfaces --------------------------------------------------------------------------------- */

static int attach_tcx(int ifindex, enum pn_hook hook, int prog_fd, const char *pin_dir,
		      int *ret_link_fd)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = TCX_BEFORE);
	PN_CLEANUP(pn_closep) int fd = -1;
	int r;

	fd = bpf_link_create(prog_fd, ifindex, attach_types[hook], &opts);
	if (fd < 0)
		return fd;
	r = pin_link(fd, pin_dir, ifindex, hook);
	if (r < 0)
		return r;
	*ret_link_fd = PN_TAKE_FD(fd);
	return 0;
}

static int attach_clsact(int ifindex, enum pn_hook hook, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, point, .ifindex = ifindex, .attach_point = clsact_points[hook]);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
		    .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE);
	int r;

	r = bpf_tc_hook_create(&point);
	if (r < 0 && r != -EEXIST)
		return r;
	return bpf_tc_attach(&point, &filter);
}

static int detach_clsact(int ifindex, enum pn_hook hook)
{
	LIBBPF_OPTS(bpf_tc_hook, point, .ifindex = ifindex, .attach_point = clsact_points[hook]);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	return bpf_tc_detach(&point, &filter);
}

int pn_attach(struct pn_attachment *a, const int prog_fd[static PN_HOOK_MAX], const char *pin_dir,
	      struct pn_err *reterr)
{
	int r;

	for (int i = 0; i < PN_HOOK_INTERFACE_MAX; i++) {
		enum pn_hook hook = (enum pn_hook)i;

		if (a->link_fd[hook] >= 0)
			continue;
		r = a->is_clsact ? attach_clsact(a->ifindex, hook, prog_fd[hook])
				 : attach_tcx(a->ifindex, hook, prog_fd[hook], pin_dir,
					      &a->link_fd[hook]);
		if (r < 0) {
			pn_attach_undo(a, pin_dir);
			return pn_err_set(reterr, r, "attaching to %s of interface %d: %s",
					  name_of(hook), a->ifindex, strerror(-r));
		}
	}
	return 0;
}

void pn_attach_undo(struct pn_attachment *a, const char *pin_dir)
{
	char path[PATH_MAX];

	for (int i = 0; i < PN_HOOK_INTERFACE_MAX; i++) {
		enum pn_hook hook = (enum pn_hook)i;

		if (a->is_clsact)
			(void)detach_clsact(a->ifindex, hook);
		if (a->link_fd[hook] < 0)
			continue;
		if (pin_dir && pin_path(pin_dir, a->ifindex, hook, path) == 0)
			drop_path(path);
	}
	pn_attach_leave(a);
}

void pn_attach_leave(struct pn_attachment *a)
{
	for (int hook = 0; hook < PN_HOOK_INTERFACE_MAX; hook++) {
		pn_closep(&a->link_fd[hook]);
		a->link_fd[hook] = -1;
	}
}

static bool is_our_filter(uint32_t prog_id, enum pn_hook hook)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	PN_CLEANUP(pn_closep) int fd = -1;

	fd = bpf_prog_get_fd_by_id(prog_id);
	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
	       strcmp(info.name, prog_names[hook]) == 0;
}

static bool has_our_filter(int ifindex, enum pn_hook hook)
{
	LIBBPF_OPTS(bpf_tc_hook, point, .ifindex = ifindex, .attach_point = clsact_points[hook]);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	return bpf_tc_query(&point, &filter) == 0 && is_our_filter(filter.prog_id, hook);
}

bool pn_attach_has_clsact(int ifindex)
{
	return has_our_filter(ifindex, PN_HOOK_INGRESS) || has_our_filter(ifindex, PN_HOOK_EGRESS);
}

/* The interface may go at any moment, and the filter with it. */
static int sweep_hook(int ifindex, enum pn_hook hook)
{
	int r = has_our_filter(ifindex, hook) ? detach_clsact(ifindex, hook) : 0;

	return r < 0 && has_our_filter(ifindex, hook) ? r : 0;
}

int pn_attach_sweep_clsact(void)
{
	struct if_nameindex *all = if_nameindex();
	int r = 0;

	if (!all)
		return -errno;
	for (struct if_nameindex *i = all; i->if_index; i++) {
		for (int hook = 0; hook < PN_HOOK_INTERFACE_MAX; hook++) {
			int err = sweep_hook((int)i->if_index, (enum pn_hook)hook);

			r = r ? r : err;
		}
	}
	if_freenameindex(all);
	return r;
}

/* --- sockets ------------------------------------------------------------------------------------ */

static int adopt_socket_link(const char *path, uint64_t cgroup, enum pn_hook hook, int prog_fd,
			     int *ret_fd)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	struct link_info info;
	int r;

	r = open_link(path, &fd, &info);
	if (r == -ENOENT)
		return r;
	if (r == 0 && !is_at_cgroup(cgroup, hook, &info))
		r = -ESTALE;
	if (r == 0)
		r = bpf_link_update(fd, prog_fd, NULL);
	if (r < 0) {
		drop_path(path);
		return r;
	}
	*ret_fd = PN_TAKE_FD(fd);
	return 0;
}

static int attach_socket(int cgroup_fd, uint64_t cgroup, enum pn_hook hook, int prog_fd,
			 const char *pin_dir, int *ret_fd)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	char path[PATH_MAX];
	int r;

	if (pin_dir && pin_path(pin_dir, 0, hook, path) == 0 &&
	    adopt_socket_link(path, cgroup, hook, prog_fd, ret_fd) == 0)
		return 0;
	fd = bpf_link_create(prog_fd, cgroup_fd, attach_types[hook], NULL);
	if (fd < 0)
		return fd;
	r = pin_link(fd, pin_dir, 0, hook);
	if (r < 0)
		return r;
	*ret_fd = PN_TAKE_FD(fd);
	return 0;
}

int pn_attach_sockets(const char *cgroup_root, const int prog_fd[static PN_HOOK_MAX],
		      const char *pin_dir, int ret_fd[static PN_HOOK_MAX - PN_HOOK_SOCKET_INGRESS],
		      struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int cgroup_fd = open(cgroup_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (cgroup_fd < 0 || fstat(cgroup_fd, &st) < 0)
		return pn_err_set(reterr, -errno, "%s: %s", cgroup_root, strerror(errno));
	for (int hook = PN_HOOK_SOCKET_INGRESS; hook < PN_HOOK_MAX; hook++) {
		int *fd = &ret_fd[hook - PN_HOOK_SOCKET_INGRESS];

		*fd = -1;
		r = attach_socket(cgroup_fd, st.st_ino, (enum pn_hook)hook, prog_fd[hook], pin_dir,
				  fd);
		if (r < 0) {
			if (hook > PN_HOOK_SOCKET_INGRESS)
				pn_closep(&ret_fd[0]);
			ret_fd[0] = ret_fd[1] = -1;
			if (pin_dir)
				pn_attach_drop_sockets(pin_dir);
			return pn_err_set(reterr, r, "attaching to %s of %s: %s",
					  name_of((enum pn_hook)hook), cgroup_root, strerror(-r));
		}
	}
	return 0;
}

void pn_attach_drop_sockets(const char *pin_dir)
{
	char path[PATH_MAX];

	for (int hook = PN_HOOK_SOCKET_INGRESS; hook < PN_HOOK_MAX; hook++)
		if (pin_path(pin_dir, 0, (enum pn_hook)hook, path) == 0)
			drop_path(path);
}
