/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTAPI_PROXY_H
#define PN_TESTAPI_PROXY_H

#include <microhttpd.h>
#include <poll.h>

#include "testapi_store.h"

/*
 * The proxy to pods: GET .../namespaces/NS/pods/http:NAME:PORT/proxy/PATH goes to status.podIP of the pod, with
 * the client's query, Accept and other headers but Authorization, as an API server does it; its answer comes
 * back bit by bit. Unlike a real one it also goes to loopback addresses, and it waits for the answer's head.
 */
struct pn_proxies {
	struct pn_proxied *list;
};

/** pn_proxy_is_path() - does a request go to a pod? */
bool pn_proxy_is_path(const char *url);

/** pn_proxy_answer() - Return: as libmicrohttpd's access handler */
enum MHD_Result pn_proxy_answer(struct pn_proxies *p, struct pn_teststore *store,
				struct MHD_Connection *conn, const char *url);

/** pn_proxies_poll() - descriptors to be polled. Return: how many */
size_t pn_proxies_poll(const struct pn_proxies *p, struct pollfd *fds, size_t max);

/** pn_proxies_ready() - something is to be had from one of them, or it is gone */
void pn_proxies_ready(struct pn_proxies *p, const struct pollfd *fd);

/** pn_proxies_cut() - before libmicrohttpd is stopped */
void pn_proxies_cut(struct pn_proxies *p);

#endif
