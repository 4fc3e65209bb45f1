/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of the unix socket, for the subcommands that talk to the running agent.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "serve/listener.h"
#include "serve/socket.h"

int pn_socket_explain(const char *path, int code, struct pn_err *reterr)
{
	switch (code) {
	case -ENOENT:
	case -ECONNREFUSED:
		return pn_err_set(reterr, code,
				  "%s: no agent is running there; start one with `podonym agent`",
				  path);
	case -EACCES:
	case -EPERM:
		return pn_err_set(
			reterr, code,
			"%s: permission denied; run this as root or in the socket's group", path);
	case -EAGAIN:
		return pn_err_set(reterr, code,
				  "%s: the agent there has said nothing for %d s: it is stopped or "
				  "stuck, see its log",
				  path, PN_SOCKET_PATIENCE);
	default:
		return pn_err_set(reterr, code, "%s: %s", path, strerror(-code));
	}
}

static int send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static void wait_for(int fd, int option, time_t seconds)
{
	const struct timeval limit = { .tv_sec = seconds };

	(void)setsockopt(fd, SOL_SOCKET, option, &limit, sizeof(limit));
}

void pn_socket_follow(int fd)
{
	wait_for(fd, SO_RCVTIMEO, 0);
}

int pn_socket_connect(const char *path, const char *request, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	struct sockaddr_un address;
	int r;

	r = pn_listener_address(path, &address, reterr);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return pn_socket_explain(path, -errno, reterr);
	wait_for(fd, SO_SNDTIMEO, PN_SOCKET_PATIENCE);
	wait_for(fd, SO_RCVTIMEO, PN_SOCKET_PATIENCE);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return pn_socket_explain(path, -errno, reterr);
	r = send_all(fd, request, strlen(request));
	if (r == 0)
		r = send_all(fd, "\n", 1);
	/* An agent that refuses may hang up before it has read everything: its words are still there. */
	if (r < 0 && r != -EPIPE)
		return pn_socket_explain(path, r, reterr);
	return PN_TAKE_FD(fd);
}
