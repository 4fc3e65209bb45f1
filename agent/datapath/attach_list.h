/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_ATTACH_LIST_H
#define PN_DATAPATH_ATTACH_LIST_H

#include "datapath/attach.h"

/* The interfaces that one pair of programs is attached to. Zeroed but for what @config says: empty. */
struct pn_attach_list {
	struct {
		int prog_fd[PN_HOOK_MAX];
		char *pin_dir; /* NULL: nothing is pinned */
		bool use_clsact;
	} config;
	struct pn_attachment *all;
	size_t n, cap;
};

/**
 * pn_attach_list_adopt() - take over what an earlier agent has pinned
 *
 * Links of interfaces that are gone are unpinned, and so are those of the kind that is not wanted now.
 * Return: 0 or a negative errno with @reterr
 */
int pn_attach_list_adopt(struct pn_attach_list *l, struct pn_err *reterr);

/** pn_attach_list_find() - NULL: not attached */
struct pn_attachment *pn_attach_list_find(const struct pn_attach_list *l, int ifindex);

/** pn_attach_list_add() - attach to an interface. Return: 0 or a negative errno with @reterr */
int pn_attach_list_add(struct pn_attach_list *l, int ifindex, struct pn_err *reterr);

/** pn_attach_list_remove() - detach from an interface, which may be gone */
void pn_attach_list_remove(struct pn_attach_list *l, struct pn_attachment *a);

/** pn_attach_list_done() - what is pinned goes on, the rest is detached */
void pn_attach_list_done(struct pn_attach_list *l);

#endif
