/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_HTTP_H
#define PN_SERVE_HTTP_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/err.h"

/** Where the agent listens unless it is told otherwise; one above come the ports of other agents of a node. */
#define PN_HTTP_ADDRESS "127.0.0.1:9960"

/*
 * A small HTTP server on the control thread's loop: pages that are made when they are asked for, and
 * streams, which are read from a descriptor for as long as it has something to say. GET and HEAD, one
 * request a connection. A connection lives only so long, unless it has become a stream, of which there
 * are PN_HTTP_MAX_STREAMS; a request's head has 16 KiB at most, and of more than PN_HTTP_MAX_CLIENTS
 * other connections the oldest is cut off: so nobody who is slow, or many, keeps others from being served.
 *
 * A stream of lines is sent in chunks as it comes, with an empty line when there was nothing for a
 * while. As events (text/event-stream, for a client whose header Accept names it) each line is one event
 * "data: LINE", the comment ": keep-alive" stands for nothing, and "event: end" is the last one, so that a
 * page knows the end from a broken connection. Nothing is read from the descriptor that the client does
 * not take: whoever writes to it sees who is slow.
 */
struct pn_http;

enum {
	PN_HTTP_MAX_PAGES = 16,
	PN_HTTP_MAX_FORMS = 2, /* of one page */
	PN_HTTP_MAX_CLIENTS = 64,
	PN_HTTP_MAX_STREAMS = 16,
	PN_HTTP_MAX_PAIRS = 96, /* in a query */
	PN_HTTP_TIMEOUT_MS = 10000,
	PN_HTTP_KEEP_ALIVE_MS = 15000,
};

/**
 * struct pn_http_answer - what a page has to say: a body, or a stream
 * @type:      of the content, a constant; that of events is known without it
 * @body:      allocated with malloc(), taken over
 * @is_stream: then @fd, taken over, which does not block, is read until its end
 */
struct pn_http_answer {
	unsigned int status;
	const char *type;
	char *body;
	size_t len;
	bool is_stream;
	int fd;
};

/** struct pn_http_pair - KEY=VALUE of a query, decoded; "" where there is no value */
struct pn_http_pair {
	const char *key, *value;
};

/**
 * struct pn_http_page
 * @is_open: also without the token
 * @keep_ms: who asks again within this time gets the same bytes once more: however many ask, they are
 *	     made so often at most
 * @choose:  which form suits a request's header Accept ("" if there is none); NULL: there is one form
 * @make:    Return: 0, or a negative errno: the client is told that there is no memory
 * @ask:     instead of @make: the query matters, so nothing is kept, and the answer may be a stream. Not
 *	     for HEAD
 */
struct pn_http_page {
	const char *path;
	bool is_open;
	unsigned int keep_ms;
	unsigned int (*choose)(const char *accept);
	int (*make)(void *data, unsigned int form, struct pn_http_answer *ret);
	int (*ask)(void *data, const struct pn_http_pair *query, size_t n,
		   struct pn_http_answer *ret);
};

/**
 * struct pn_http_file - what never changes and tells nothing of a cluster: open also without the token
 * @type: of the content, with its character set
 */
struct pn_http_file {
	const char *path, *type;
	const char *data, *end;
};

/**
 * struct pn_http_config - all is borrowed and outlives the server
 * @address: see pn_http_address()
 * @token:   what a client has to show as "Authorization: Bearer TOKEN", or as "X-Podonym-Token: TOKEN",
 *	     because the API server's proxy passes the first one to nobody; NULL: nothing
 * @hosts:   without a token: the names, NULL-terminated, by which it may be called beside its addresses and
 *	     localhost, see pn_http_host_is_ours(); what is open is open to all. NULL: no others
 * @tls:     NULL: no TLS
 * @pages:   PN_HTTP_MAX_PAGES at most
 * @timeout_ms: how long a connection may take, from its first packet to the last byte of the answer; a
 *		stream has no end
 * @keep_alive_ms: how long a stream may be silent
 * @data:    the argument of the pages' functions
 */
struct pn_http_config {
	const char *address, *token;
	const char *const *hosts;
	struct pn_http_tls *tls;
	unsigned int timeout_ms, keep_alive_ms;
	const struct pn_http_page *pages;
	size_t n_pages;
	const struct pn_http_file *files;
	size_t n_files;
	void *data;
};

/** pn_http_address() - "127.0.0.1:9960", "[::1]:9960"; numbers only. Return: 0, or -EINVAL with @reterr */
int pn_http_address(const char *text, struct sockaddr_storage *ret, struct pn_err *reterr);

/** pn_http_listen() - Return: 0, or a negative errno with @reterr; then nothing is left of it */
int pn_http_listen(uv_loop_t *loop, const struct pn_http_config *config, struct pn_http **ret,
		   struct pn_err *reterr);

/** pn_http_port() - the one it listens on, in host byte order */
uint16_t pn_http_port(const struct pn_http *h);

/** pn_http_close() - cuts all connections; handles close when the loop has run once more; NULL is allowed */
void pn_http_close(struct pn_http *h);

#endif
