/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records by HTTP, for daemon/web.c: the flow thread is given one end of a pair of sockets, as if it were
 * a client of the unix socket, and HTTP reads the other. So queues, losses and what is said of them are
 * the same for both.
 */
#include "serve/records_page.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "serve/request.h"

int pn_records_refuse(unsigned int status, const char *why, struct pn_http_answer *ret)
{
	ret->body = pn_request_refusal(why);
	if (!ret->body)
		return -ENOMEM;
	ret->len = strlen(ret->body);
	ret->type = "application/json";
	ret->status = status;
	return 0;
}

int pn_records_ask(const struct pn_socket_ops *ops, void *data, const char *command,
		   const struct pn_http_pair *query, size_t n, struct pn_http_answer *ret)
{
	struct pn_request request;
	struct pn_err err = { "" };
	int fds[2], r;

	r = pn_request_from_query(command, query, n, &request, &err);
	if (r < 0)
		return r == -EINVAL ? pn_records_refuse(400, err.text, ret) : r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) {
		pn_request_done(&request);
		return -ENOMEM;
	}
	ret->is_stream = true;
	ret->fd = fds[0];
	ret->type = request.view.style.format == PN_FORMAT_JSON ? "application/x-ndjson"
								: "text/plain; charset=utf-8";
	if (request.command == PN_REQUEST_DROPS)
		ops->drops(data, fds[1], &request.view);
	else
		ops->subscribe(data, fds[1], &request.view);
	return 0;
}
