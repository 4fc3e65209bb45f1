/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_LINKS_H
#define PN_DATAPATH_LINKS_H

#include <stdbool.h>

#include "base/err.h"

/*
 * The node's interfaces, followed by netlink: which of them are the host end of a pod's veth or netkit
 * pair, as they come and go. Subscribes first, dumps second, feeds both through the same path; when the
 * kernel says that messages were lost, it dumps again. One thread, the caller's loop.
 */
struct pn_links;

/**
 * struct pn_links_ops
 * @appeared: the host end of a pair whose other end lives in another network namespace
 * @vanished: one that @appeared was called for is gone, or its other end came home; @is_late: some time ago, the
 *	      message was lost, and others may have appeared since
 */
struct pn_links_ops {
	void (*appeared)(void *data, int ifindex, const char *name);
	void (*vanished)(void *data, int ifindex, const char *name, bool is_late);
};

/** pn_links_open() - Return: 0 or a negative errno with @reterr. Calls nothing yet; @ops outlives it */
int pn_links_open(const struct pn_links_ops *ops, void *data, struct pn_links **ret,
		  struct pn_err *reterr);
void pn_links_close(struct pn_links *l);

/** pn_links_fd() - readable when pn_links_dispatch() has something to do */
int pn_links_fd(const struct pn_links *l);

/** pn_links_dispatch() - also once right after opening: the first dump. Return: 0 or a negative errno */
int pn_links_dispatch(struct pn_links *l, struct pn_err *reterr);

#endif
