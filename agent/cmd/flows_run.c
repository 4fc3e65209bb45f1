/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `podonym flows` and `podonym drops` from their options to the exit status: flows_request.c asks the
 * agent, which matches and writes; flows_print.c shows what it says.
 */
#include <errno.h>
#include <stdio.h>

#include "cmd/flows.h"
#include "serve/socket.h"

int pn_flows_run(const char *command, const struct pn_flows_options *o)
{
	PN_CLEANUP(pn_freep) char *request = NULL;
	PN_CLEANUP(pn_closep) int fd = -1;
	struct pn_err err = { "" };
	int r;

	r = pn_flows_request(command, o, pn_clock_realtime(&pn_clock_system), &request, &err);
	if (r < 0) {
		(void)fprintf(stderr, "podonym %s: %s\n", command, err.text);
		if (r == -EINVAL)
			(void)fprintf(stderr, "Try: podonym %s --help\n", command);
		return r == -EINVAL ? PN_EXIT_USAGE : PN_EXIT_FAILED;
	}
	fd = pn_socket_connect(o->socket, request, &err);
	if (fd >= 0 && o->follow)
		pn_socket_follow(fd);
	r = fd < 0 ? fd : pn_flows_print(command, o, fd, &err);
	if (r < 0 && r != -EBADMSG)
		(void)fprintf(stderr, "podonym %s: %s\n", command, err.text);
	return r < 0 ? PN_EXIT_FAILED : PN_EXIT_DONE;
}
