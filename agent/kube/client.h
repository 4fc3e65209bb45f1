/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_CLIENT_H
#define PN_KUBE_CLIENT_H

#include <uv.h>

#include "kube/config.h"

/*
 * GET requests to one API server: libcurl's multi interface inside a libuv loop, all requests over
 * one HTTP/2 connection where the server speaks it, over more where there are more requests than it
 * allows on one; at most 90 are opened at a time, the others wait for an answer or a second. A proxy
 * is the settings', else taken from the environment (HTTPS_PROXY, NO_PROXY), never for loopback.
 * Everything belongs to the loop's thread.
 */
struct pn_client;
struct pn_request;

/** pn_client_new() - @config is copied. Connects to nothing yet. Return: 0, -ENOMEM, -EINVAL with @reterr */
int pn_client_new(uv_loop_t *loop, const struct pn_kube_config *config, struct pn_client **ret,
		  struct pn_err *reterr);

/** pn_client_free() - cancels what is under way; its handles are closed when the loop has run once more; NULL is allowed */
void pn_client_free(struct pn_client *c);

/** pn_client_server() - the URL, for messages */
const char *pn_client_server(const struct pn_client *c);

/** struct pn_response - what is known when the headers have arrived; valid during the call only */
struct pn_response {
	int status;		  /* HTTP status */
	const char *content_type; /* without parameters, lower case; "" if absent */
	int retry_after_s;	  /* Retry-After in seconds; -1 if absent or not a number */
};

/**
 * struct pn_request_ops - how the answer comes
 * @headers: once, before any data
 * @data:    any number of times; a negative errno ends the request with that result
 * @done:    once, last, unless the request was cancelled: @result 0 for a complete answer of any
 *           status, else -ECONNREFUSED, -ETIMEDOUT (the idle watchdog), -ECONNRESET (cut in the
 *           middle), -EPROTO (certificate or TLS), -EHOSTUNREACH (name or route), -EIO (others),
 *           what @data returned, or -ENOENT/-EACCES for a credential file that cannot be read;
 *           then @err, which is never NULL, says it in words with the server's URL. The request is
 *           freed after it returns.
 *
 * Callbacks may start and cancel requests, also their own.
 */
struct pn_request_ops {
	void (*headers)(void *data, const struct pn_response *response);
	int (*data)(void *data, const char *bytes, size_t len);
	void (*done)(void *data, int result, const struct pn_err *err);
};

/**
 * pn_client_get() - start a request
 * @path:    path and query, beginning with '/'
 * @accept:  the Accept header's value
 * @idle_ms: give up when nothing has arrived for so long; 0: never
 * @ops:     outlives the request
 *
 * The credentials come from the settings; a token file is read again when what was read is 50 s
 * old or the server has answered 401 since; a plugin runs again when what it brought has expired or
 * was answered with 401, and requests wait for it. When a client certificate has changed, what runs
 * over connections with the old one ends with -ECONNRESET. Credentials are only sent over https.
 *
 * Return: 0, -ENOMEM or -EINVAL; never calls back before it returns.
 */
int pn_client_get(struct pn_client *c, const char *path, const char *accept, unsigned int idle_ms,
		  const struct pn_request_ops *ops, void *data, struct pn_request **ret);

/** pn_request_cancel() - no callback comes any more; the request is gone. NULL is allowed. */
void pn_request_cancel(struct pn_request *r);

#endif
