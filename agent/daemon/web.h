/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_WEB_H
#define PN_DAEMON_WEB_H

#include <uv.h>

#include "daemon/explaining.h"
#include "daemon/names.h"
#include "daemon/status_doc.h"
#include "export/traffic.h"
#include "serve/socket.h"

/*
 * What the agent serves by HTTP: /metrics, /healthz, /readyz; /v1/flows, /v1/drops and /v1/status, which
 * are the unix socket's (serve/socket.h); /v1/explain. Control thread.
 */
struct pn_web;

/**
 * struct pn_web_parts - where the pages' figures come from; all borrowed for the making of one page
 * @status:    as for `podonym status`
 * @traffic:   NULL: no series of it are kept
 * @drain_age: since the flow thread last began to read the flow table, which it should every @interval
 * @n_links:   interfaces that should be traced
 */
struct pn_web_parts {
	struct pn_status_parts status;
	const struct pn_names *names;
	struct pn_traffic *traffic;
	pn_nsec drain_age, interval;
	unsigned int n_links;
};

/**
 * struct pn_web_config - strings outlive it
 * @address, @token, @hosts, @tls: see struct pn_http_config
 * @look:	     fills the parts for one page; @data is its argument, and that of @ops
 * @ops:	     what the socket does; it outlives the pages, as does @explaining
 */
struct pn_web_config {
	const char *address, *token;
	const char *const *hosts;
	struct pn_http_tls *tls;
	void (*look)(void *data, struct pn_web_parts *ret);
	const struct pn_socket_ops *ops;
	struct pn_explaining *explaining;
	void *data;
};

/**
 * pn_web_start() - an address that somebody else has is tried again and again, and said once
 *
 * Return: 0, or a negative errno with @reterr
 */
int pn_web_start(uv_loop_t *loop, const struct pn_web_config *config, struct pn_web **ret,
		 struct pn_err *reterr);

/** pn_web_stop() - handles close when the loop has run once more; NULL is allowed */
void pn_web_stop(struct pn_web *w);

#endif
