/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_ATTACH_H
#define PN_DATAPATH_ATTACH_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Two tc programs on one interface, ahead of whatever else is attached there: by tcx links, which
 * end with the process, or on older kernels by clsact filters, which do not.
 */
enum pn_hook {
	PN_HOOK_INGRESS,
	PN_HOOK_EGRESS,
	PN_HOOK_MAX, /* sentinel */
};

struct pn_attachment {
	int ifindex;
	int link_fd[PN_HOOK_MAX]; /* -1: a clsact filter, or none */
	bool is_clsact;
};

/** pn_attach_has_tcx() - does the kernel know tcx links (Linux 6.6)? Asks it, attaches nothing */
bool pn_attach_has_tcx(int prog_fd);

/** pn_attach() - Return: 0 and @ret to be undone by pn_attach_undo(), or a negative errno */
int pn_attach(int ifindex, const int prog_fd[static PN_HOOK_MAX], bool use_clsact,
	      struct pn_attachment *ret, struct pn_err *reterr);

/** pn_attach_undo() - of an interface that may be gone already */
void pn_attach_undo(struct pn_attachment *a);

#endif
