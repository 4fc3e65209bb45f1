/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_HTTP_CLIENTS_H
#define PN_SERVE_HTTP_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The connections of the HTTP server, which it opens and closes itself. All of them have their time, but for those
 * that have become streams. Times are uv_now() of the loop.
 */
struct pn_http_stream;

/** struct pn_http_client - one connection; @stream: NULL until it has become one */
struct pn_http_client {
	struct pn_http_client *prev, *next;
	int fd;
	bool is_cut;
	uint64_t since_ms;
	struct pn_http_stream *stream;
};

/** struct pn_http_clients - zero is empty. @timed: the oldest first; @n_timed: of them, not cut off; @n_streams: of @streams */
struct pn_http_clients {
	struct pn_http_client *timed, *streams;
	size_t n_timed, n_streams;
};

/**
 * pn_http_client_new() - one more connection; if there are more than @max, the oldest is cut off
 *
 * Return: to be given back with pn_http_client_free(); NULL without memory: it has been cut off
 */
struct pn_http_client *pn_http_client_new(struct pn_http_clients *all, int fd, size_t max,
					  uint64_t now_ms);

/** pn_http_client_streams() - it has no end to be waited for: no clock runs against it, newer ones do not need its place */
void pn_http_client_streams(struct pn_http_clients *all, struct pn_http_client *c,
			    struct pn_http_stream *stream);

/** pn_http_clients_cut() - cut off those that have had @timeout_ms */
void pn_http_clients_cut(struct pn_http_clients *all, uint64_t timeout_ms, uint64_t now_ms);

/** pn_http_client_free() - the server has closed it */
void pn_http_client_free(struct pn_http_clients *all, struct pn_http_client *c);

#endif
