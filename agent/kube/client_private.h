/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_CLIENT_PRIVATE_H
#define PN_KUBE_CLIENT_PRIVATE_H

#include "kube/auth.h"
#include "kube/client.h"
#include "kube/client_loop.h"
#include "kube/transport.h"

/*
 * The client's parts: client.c has the life of requests and when they run, client_transfer.c one that
 * runs, in libcurl's hands.
 */

enum pn_request_state {
	PN_REQUEST_QUEUED,
	PN_REQUEST_RUNNING,
	PN_REQUEST_DEAD,
	PN_REQUEST_STATE_MAX, /* sentinel */
};

/**
 * struct pn_request
 * @certificates: @easy reads them
 * @is_opening:	  counted in the client's @n_opening
 * @result:	  what ops->data returned, if negative
 */
struct pn_request {
	struct pn_client *client;
	struct pn_request *prev, *next;
	enum pn_request_state state;
	char *url, *accept;
	unsigned int idle_ms;
	const struct pn_request_ops *ops;
	void *data;

	CURL *easy;
	struct pn_certificates *certificates;
	struct curl_slist *headers;
	uint64_t sent_ms, heard_ms;
	bool has_headers;
	bool is_opening;
	int result;
	char error[CURL_ERROR_SIZE];
};

/**
 * struct pn_client
 * @impersonate, @headers: borrowed from @config; NULL for http://
 * @starter:  active while queued requests can be started
 * @watchdog: runs out when the first request may have been silent too long
 * @n_freed:  requests gone since memory was last given back
 * @heard_ms: when anything arrived, on any request
 * @is_busy:  handling an event: nothing may be freed
 */
struct pn_client {
	struct pn_kube_config config;
	struct pn_transport *transport;
	struct pn_auth *auth;
	char **impersonate, **headers;
	struct pn_curl_loop *curl;
	uv_loop_t *loop;
	uv_idle_t starter;
	uv_timer_t watchdog;
	int n_handles;
	struct pn_request *requests[PN_REQUEST_STATE_MAX];
	unsigned int n_running, n_opening, n_freed;
	uint64_t heard_ms;
	bool is_busy;
	bool is_freed;
};

/* Of client.c. */

/** pn_request_opened() - it has been answered, or has waited long enough: others may be opened */
void pn_request_opened(struct pn_request *r);

/** pn_request_finish() - the last that its owner hears of it */
void pn_request_finish(struct pn_request *r, int result, const struct pn_err *err);

/* Of client_transfer.c. */

/** pn_transfer_start() - gives a request to libcurl. Return: 0 or -ENOMEM */
int pn_transfer_start(struct pn_request *r);

/** pn_transfer_drop() - takes it back, not while libcurl calls; and what it was sent with */
void pn_transfer_drop(struct pn_request *r);

/** pn_transfers_act() - libcurl has something to do, see pn_curl_act; what is over is finished */
void pn_transfers_act(struct pn_client *c, curl_socket_t fd, int events);

#endif
