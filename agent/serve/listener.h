/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_LISTENER_H
#define PN_SERVE_LISTENER_H

#include <sys/stat.h>
#include <sys/un.h>

#include "base/err.h"

/* The path of a unix socket: taken, given back. Private to agent/serve. */

/** pn_listener_address() - Return: 0, or -ENAMETOOLONG with @reterr */
int pn_listener_address(const char *path, struct sockaddr_un *ret, struct pn_err *reterr);

/**
 * pn_listener_open() - a socket bound to @path, mode 0660; its directory is made if it is missing
 * @ret_id: tells later whether the path is still ours
 *
 * Return: a descriptor; -EADDRINUSE if an agent answers there, or another negative errno
 */
int pn_listener_open(const char *path, struct stat *ret_id, struct pn_err *reterr);

/** pn_listener_unlink() - remove @path if it is still what pn_listener_open() made */
void pn_listener_unlink(const char *path, const struct stat *id);

#endif
