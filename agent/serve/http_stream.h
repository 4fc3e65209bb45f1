/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_HTTP_STREAM_H
#define PN_SERVE_HTTP_STREAM_H

#include <microhttpd.h>
#include <stdbool.h>
#include <uv.h>

#define PN_HTTP_EVENTS "text/event-stream"

/* One answer that comes bit by bit from a descriptor, see http.h. For http.c and http_answer.c only. */
struct pn_http_stream;

/**
 * struct pn_http_stream_config
 * @client_fd: the connection's, borrowed: when the client hangs up, it is shut down
 * @fd:	       taken over, also on failure; does not block
 * @run:       lets the library look at its connections
 */
struct pn_http_stream_config {
	struct MHD_Connection *connection;
	int client_fd, fd;
	bool as_events;
	unsigned int keep_alive_ms;
	void (*run)(void *data);
	void *data;
};

/** pn_http_stream_new() - @ret_response: to be queued, and to be given back. Return: 0 or -ENOMEM */
int pn_http_stream_new(uv_loop_t *loop, const struct pn_http_stream_config *config,
		       struct pn_http_stream **ret, struct MHD_Response **ret_response);

/** pn_http_stream_wake() - it no longer waits for its descriptor */
void pn_http_stream_wake(struct pn_http_stream *s);

/** pn_http_stream_gone() - the connection has ended; handles close when the loop has run once more */
void pn_http_stream_gone(struct pn_http_stream *s);

#endif
