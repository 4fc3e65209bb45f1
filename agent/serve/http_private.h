/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_HTTP_PRIVATE_H
#define PN_SERVE_HTTP_PRIVATE_H

#include <microhttpd.h>

#include "serve/http.h"
#include "serve/http_clients.h"

/*
 * The HTTP server's parts: http.c has the socket, the library in the loop and the connections' time,
 * http_answer.c what a request is answered with.
 */

/** struct pn_http_kept - a page's last answer, as long as it may be given again; @response: NULL: none */
struct pn_http_kept {
	struct MHD_Response *response;
	unsigned int status;
	uint64_t made_ms;
};

/**
 * struct pn_http
 * @soon:      when the library wants to be called
 * @sweep:     when clients and pages that are kept are looked at
 * @n_handles: not closed yet
 * @paths:     what an unknown path is answered with
 */
struct pn_http {
	struct pn_http_config config;
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t soon, sweep;
	unsigned int n_handles;
	struct MHD_Daemon *daemon;
	uint16_t port;
	struct pn_http_clients clients;
	struct pn_http_kept kept[PN_HTTP_MAX_PAGES][PN_HTTP_MAX_FORMS];
	char *paths;
};

/** pn_http_run() - lets the library look at its connections; @data: the struct pn_http */
void pn_http_run(void *data);

/**
 * pn_http_answer_request() - the library's access handler; @data: the struct pn_http
 *
 * Called with the request's head. A body is not waited for: the answer ends the connection.
 * Return: MHD_NO closes the connection
 */
enum MHD_Result pn_http_answer_request(void *data, struct MHD_Connection *connection,
				       const char *path, const char *method, const char *version,
				       const char *body, size_t *body_len, void **request);

/** pn_http_forget_old() - pages that were kept long enough. Return: how many are kept on */
size_t pn_http_forget_old(struct pn_http *h);

/** pn_http_forget_all() - before the library is stopped */
void pn_http_forget_all(struct pn_http *h);

#endif
