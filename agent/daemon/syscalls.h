/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_SYSCALLS_H
#define PN_DAEMON_SYSCALLS_H

#include <stdbool.h>

#include "base/err.h"

/* The seccomp filters of the agent. Both need no_new_privs, last for good, and are inherited. */

/**
 * pn_syscalls_prepare() - refuse what would go past pn_syscalls_filter(); before there is another thread
 *
 * Return: 0, or a negative errno with @reterr
 */
int pn_syscalls_prepare(struct pn_err *reterr);

/**
 * pn_syscalls_filter() - from now on only what an agent does when it has started; for every thread there is
 * @programs: programs of the user's will be run: all is allowed but what no plugin needs
 *
 * What is not allowed fails with ENOSYS, and the kernel's log has a line of it.
 *
 * Return: 0, or a negative errno with @reterr
 */
int pn_syscalls_filter(bool programs, struct pn_err *reterr);

#endif
