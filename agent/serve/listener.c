/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking the path of the unix socket, for socket.c. An agent that was killed leaves its socket file
 * behind; whether one is alive behind it, a connection tells. Nothing but a dead socket is removed.
 */
#include "serve/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int pn_listener_address(const char *path, struct sockaddr_un *ret, struct pn_err *reterr)
{
	size_t len = strlen(path);

	*ret = (struct sockaddr_un) { .sun_family = AF_UNIX };
	if (len == 0 || len >= sizeof(ret->sun_path))
		return pn_err_set(reterr, -ENAMETOOLONG,
				  "%s: the path of a unix socket has 1 to %zu bytes", path,
				  sizeof(ret->sun_path) - 1);
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

static int make_directory(const char *path, struct pn_err *reterr)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (!slash || slash == path)
		return 0;
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return pn_err_set(reterr, -errno, "%s: cannot be made, for the agent's socket: %s",
				  dir, strerror(errno));
	return 0;
}

/* Is somebody listening? A full backlog counts: it is somebody's. */
static bool is_answered(const struct sockaddr_un *address)
{
	PN_CLEANUP(pn_closep)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return true;
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	       errno != ECONNREFUSED;
}

static int clear_path(const struct sockaddr_un *address, struct pn_err *reterr)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : pn_err_set(reterr, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return pn_err_set(reterr, -EEXIST,
				  "%s: is not a socket, and so not the agent's to replace", path);
	if (is_answered(address))
		return pn_err_set(reterr, -EADDRINUSE, "%s: another agent is listening there",
				  path);
	if (unlink(path) < 0 && errno != ENOENT)
		return pn_err_set(
			reterr, -errno,
			"%s: left over by an agent that is gone, but cannot be removed: %s", path,
			strerror(errno));
	return 0;
}

/* The mode is set on the socket first, so that the file never has a wider one. */
static int bind_path(int fd, const struct sockaddr_un *address, struct pn_err *reterr)
{
	const char *path = address->sun_path;

	if (fchmod(fd, 0660) < 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
	    chmod(path, 0660) < 0)
		return pn_err_set(reterr, -errno, "%s: cannot be made: %s", path, strerror(errno));
	return 0;
}

int pn_listener_open(const char *path, struct stat *ret_id, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	struct sockaddr_un address;
	int r;

	r = pn_listener_address(path, &address, reterr);
	if (r == 0)
		r = make_directory(path, reterr);
	if (r == 0)
		r = clear_path(&address, reterr);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return pn_err_set(reterr, -errno, "%s: no socket: %s", path, strerror(errno));
	r = bind_path(fd, &address, reterr);
	if (r < 0)
		return r;
	if (lstat(path, ret_id) < 0)
		return pn_err_set(reterr, -errno, "%s: %s", path, strerror(errno));
	return PN_TAKE_FD(fd);
}

void pn_listener_unlink(const char *path, const struct stat *id)
{
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_dev == id->st_dev && st.st_ino == id->st_ino)
		(void)unlink(path);
}
