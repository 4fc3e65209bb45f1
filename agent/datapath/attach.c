// SPDX-License-Identifier: Apache-2.0
/*
 * Attaching the two programs to an interface; the tracer's hands. Being first matters: another
 * program that redirects or drops ends the chain, and what it takes would never be seen. Ours says
 * "next" to every packet, so it is in nobody's way.
 *
 * A clsact filter outlives its process. It has a handle and a priority of its own, so that the next
 * agent replaces it and nobody else's filter is touched. The clsact qdisc stays when we leave: by
 * then it may carry filters of others, and removing it would remove them.
 */
#include "datapath/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

/* From linux/bpf.h of Linux 6.6; earlier headers do not have them. */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS ((enum bpf_attach_type)47)
#define TCX_BEFORE (1U << 3) /* BPF_F_BEFORE, of nothing in particular: first */

/* With the lowest priority a filter comes first; the handle is ours within it ("pn"). */
#define CLSACT_PRIORITY 1
#define CLSACT_HANDLE 0x706e

static const enum bpf_attach_type tcx_types[] = { TCX_INGRESS, TCX_EGRESS };
static const enum bpf_tc_attach_point clsact_points[] = { BPF_TC_INGRESS, BPF_TC_EGRESS };
static const char *const hook_names[] = { "ingress", "egress" };
_Static_assert(PN_ARRAY_SIZE(tcx_types) == PN_HOOK_MAX, "a type for each hook");
_Static_assert(PN_ARRAY_SIZE(clsact_points) == PN_HOOK_MAX, "a point for each hook");
_Static_assert(PN_ARRAY_SIZE(hook_names) == PN_HOOK_MAX, "a name for each hook");

/* No interface has index 0: a kernel with tcx looks for it, one without refuses the type. */
bool pn_attach_has_tcx(int prog_fd)
{
	return bpf_link_create(prog_fd, 0, TCX_INGRESS, NULL) == -ENODEV;
}

static int attach_tcx(int ifindex, enum pn_hook hook, int prog_fd, int *ret_link_fd)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = TCX_BEFORE);
	int fd;

	fd = bpf_link_create(prog_fd, ifindex, tcx_types[hook], &opts);
	if (fd < 0)
		return fd;
	*ret_link_fd = fd;
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

static void detach_clsact(int ifindex, enum pn_hook hook)
{
	LIBBPF_OPTS(bpf_tc_hook, point, .ifindex = ifindex, .attach_point = clsact_points[hook]);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	(void)bpf_tc_detach(&point, &filter);
}

int pn_attach(int ifindex, const int prog_fd[static PN_HOOK_MAX], bool use_clsact,
	      struct pn_attachment *ret, struct pn_err *reterr)
{
	struct pn_attachment a = { .ifindex = ifindex, .link_fd = { -1, -1 } };
	int r;

	a.is_clsact = use_clsact;
	for (int hook = 0; hook < PN_HOOK_MAX; hook++) {
		if (use_clsact)
			r = attach_clsact(ifindex, (enum pn_hook)hook, prog_fd[hook]);
		else
			r = attach_tcx(ifindex, (enum pn_hook)hook, prog_fd[hook],
				       &a.link_fd[hook]);
		if (r < 0) {
			pn_attach_undo(&a);
			return pn_err_set(reterr, r, "attaching to %s of interface %d: %s",
					  hook_names[hook], ifindex, strerror(-r));
		}
	}
	*ret = a;
	return 0;
}

void pn_attach_undo(struct pn_attachment *a)
{
	for (int hook = 0; hook < PN_HOOK_MAX; hook++) {
		if (a->is_clsact)
			detach_clsact(a->ifindex, (enum pn_hook)hook);
		pn_closep(&a->link_fd[hook]);
		a->link_fd[hook] = -1;
	}
}
