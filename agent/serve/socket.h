/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_SOCKET_H
#define PN_SERVE_SOCKET_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "export/view.h"

#define PN_SOCKET_PATH "/run/podonym/podonym.sock"

/*
 * The unix socket of the running agent. A client sends one line of JSON and shuts down or keeps the
 * connection:
 *   {"command": "status"}   one JSON document, then the end
 *   {"command": "select", "expression": "...", "sampling": 1}  what is to be recorded, each of both if it is to
 *							       change; the answer is what is in force
 *   {"command": "config"}   its settings, and where each is from
 *   {"command": "flows"}    lines of records, with these members, all of which may be left out:
 *	"format": "compact"|"color"|"json"|"fields", "time_format": see encode.h, "numeric": true
 *	"follow": false      no records that come from now on: what has been, then the end
 *	"all": true, or "first": N, or "last": N     of the records that are kept
 *	"since": T, "until": T     of those, whose last packet came then; nanoseconds since 1970
 *	"filters": [{"pod": "shop/web"}, {"not": true, "port": "53"}]     see filter.h
 *   {"command": "drops"}    the same with lines of drops, which have no "fields"; kept are those of the last
 *	minutes, and with "follow": false all of them are asked for if nothing else is said
 *   Among the lines of records stand lines {"note": "..."}: what is missing, and why.
 * A refusal is {"error": "..."} and the end. Requests are at most 4 KiB and must be complete within
 * five seconds. Control thread.
 */
struct pn_socket;

/**
 * struct pn_socket_ops
 * @subscribe: take the connection over; @fd and the filter of @view are owned by the callee from here on
 * @drops: the same, for drops
 * @select: @expression, @sampling: NULL, 0: stays as it is. Return: the document to answer with, likewise; NULL
 *	    with @reterr
 * @config: as @status
 * @status: the document to answer with, allocated with malloc(); NULL: out of memory
 */
struct pn_socket_ops {
	void (*subscribe)(void *data, int fd, const struct pn_view *view);
	void (*drops)(void *data, int fd, const struct pn_view *view);
	char *(*status)(void *data);
	char *(*config)(void *data);
	char *(*select)(void *data, const char *expression, uint32_t sampling,
			struct pn_err *reterr);
};

/** pn_socket_listen() - mode 0660; a socket left over by a dead agent is replaced. Return: -EADDRINUSE if one answers */
int pn_socket_listen(uv_loop_t *loop, const char *path, const struct pn_socket_ops *ops, void *data,
		     struct pn_socket **ret, struct pn_err *reterr);

/** pn_socket_close() - removes the path; handles close when the loop has run once more; NULL is allowed */
void pn_socket_close(struct pn_socket *s);

/** pn_socket_refuse() - for the callee of subscribe and drops: say why not, and hang up; takes @fd over */
void pn_socket_refuse(int fd, const char *why);

/** How long a client waits for the agent, in seconds: to be let in, and for each piece of its answer. */
#define PN_SOCKET_PATIENCE 15

/**
 * pn_socket_connect() - the client's side, blocking: sends @request
 *
 * Return: a descriptor to read from, where a read fails with EAGAIN after PN_SOCKET_PATIENCE without a byte; or
 * a negative errno
 */
int pn_socket_connect(const char *path, const char *request, struct pn_err *reterr);

/** pn_socket_follow() - the answer has no end: reads of @fd wait for as long as it takes */
void pn_socket_follow(int fd);

/** pn_socket_explain() - why connecting or reading has failed, and what to do. Return: @code, a negative errno */
int pn_socket_explain(const char *path, int code, struct pn_err *reterr);

#endif
