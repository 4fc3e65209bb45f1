/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_CLEANUP_H
#define PN_DATAPATH_CLEANUP_H

#include <stddef.h>

#include "base/err.h"

/**
 * struct pn_cleanup - what was removed
 * @n_maps: of the maps of names
 * @n_trace: pins of the tracer: its maps, programs and attachments
 */
struct pn_cleanup {
	size_t n_maps, n_trace;
};

/**
 * pn_cleanup() - unpin and detach all that podonym has pinned in a directory, and remove it
 *
 * With it goes the directory around it if that is called `podonym`, as by default, and empty.
 * No agent can start meanwhile. What is not podonym's stays, and so does the directory then.
 *
 * Return: 0, also if there is nothing; -EBUSY: an agent is alive; -EINVAL: not on a BPF file system;
 * -ENOTEMPTY: all of podonym's is gone, something else is left; others, with @reterr. @ret is set
 * in any case.
 */
int pn_cleanup(const char *dir, struct pn_cleanup *ret, struct pn_err *reterr);

#endif
