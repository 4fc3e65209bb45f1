/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_BPFFS_H
#define PN_DATAPATH_BPFFS_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

/* Directories of pins: what everyone who pins something needs of a BPF file system. */

/** pn_bpffs_has() - is @path there, and on a BPF file system? */
bool pn_bpffs_has(const char *path);

/**
 * pn_bpffs_make_dir() - mkdir -p, but only below a BPF file system: directories of ours have no business elsewhere
 *
 * Return: 0 or a negative errno with @reterr
 */
int pn_bpffs_make_dir(const char *dir, struct pn_err *reterr);

/** pn_bpffs_path() - of a pin. Return: 0 or -ENAMETOOLONG with @reterr */
int pn_bpffs_path(const char *dir, const char *name, char ret[static PATH_MAX],
		  struct pn_err *reterr);

#endif
