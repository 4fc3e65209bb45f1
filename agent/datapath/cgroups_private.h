/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_CGROUPS_PRIVATE_H
#define PN_DATAPATH_CGROUPS_PRIVATE_H

#include "datapath/cgroups.h"

/** Bytes for what the kernel calls a task, the NUL included. */
#define PN_COMMAND_LEN 64

/** pn_cgroups_root_in() - pn_cgroups_find_root() with the table of mounts at @mounts */
int pn_cgroups_root_in(const char *mounts, char *ret, size_t size, struct pn_err *reterr);

/** pn_cgroup_is_unit() - does the name alone say what it is? Scopes do not: they hold anything */
bool pn_cgroup_is_unit(const char *name);

/** pn_cgroup_command() - of the first process in a cgroup. Return: 0; -ENOENT: there is none to be seen */
int pn_cgroup_command(int fd, char ret[static PN_COMMAND_LEN]);

#endif
