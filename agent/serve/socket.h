/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_SOCKET_H
#define PN_SERVE_SOCKET_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "export/encode.h"

#define PN_SOCKET_PATH "/run/podonym/podonym.sock"

/*
 * The unix socket of the running agent. A client sends one line of JSON and shuts down or keeps the
 * connection:
 *   {"command": "flows", "format": "json"|"compact"|"color"}   flow lines until the client goes
 *   {"command": "drops", "follow": true, "format": ...}        drop lines until the client goes
 *   {"command": "drops", "format": ...}                        those of the last minutes, then the end
 *   {"command": "status"}                                      one JSON document, then the end
 * A refusal is {"error": "..."} and the end. Requests are at most 4 KiB and must be complete within
 * five seconds. Control thread.
 */
struct pn_socket;

/**
 * struct pn_socket_ops
 * @subscribe: take the connection over; @fd is owned by the callee from here on
 * @drops: the same, for drops; @follow: those to come, else those held
 * @status: the document to answer with, allocated with malloc(); NULL: out of memory
 */
struct pn_socket_ops {
	void (*subscribe)(void *data, int fd, enum pn_format format);
	void (*drops)(void *data, int fd, enum pn_format format, bool follow);
	char *(*status)(void *data);
};

/** pn_socket_listen() - mode 0660; a socket left over by a dead agent is replaced. Return: -EADDRINUSE if one answers */
int pn_socket_listen(uv_loop_t *loop, const char *path, const struct pn_socket_ops *ops, void *data,
		     struct pn_socket **ret, struct pn_err *reterr);

/** pn_socket_close() - removes the path; handles close when the loop has run once more; NULL is allowed */
void pn_socket_close(struct pn_socket *s);

/** pn_socket_refuse() - for the callee of subscribe and drops: say why not, and hang up; takes @fd over */
void pn_socket_refuse(int fd, const char *why);

/** pn_socket_connect() - the client's side, blocking: sends @request. Return: a descriptor to read from, or a negative errno */
int pn_socket_connect(const char *path, const char *request, struct pn_err *reterr);

#endif
