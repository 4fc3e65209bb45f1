/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_GET_GET_FETCH_H
#define PN_CMD_GET_GET_FETCH_H

#include "base/clock.h"
#include "kube/client.h"
#include "kube/status.h"

/*
 * Requests one after the other, each waited for: what a command does that has nothing else to do.
 * The answer still comes in pieces, so it never has to be held.
 */
struct pn_fetch;

/** Longest answer of another status than 200 that is kept. */
#define PN_FETCH_MAX_REFUSAL ((size_t)64 << 10)

/**
 * struct pn_fetch_ops - an answer of status 200
 * @open: once, first; may be NULL
 * @data: any number of times
 *
 * A negative errno ends the request with that result.
 */
struct pn_fetch_ops {
	int (*open)(void *data, const char *content_type);
	int (*data)(void *data, const char *bytes, size_t len);
};

/** pn_fetch_new() - @timeout: for all requests together. Return: 0 or a negative errno with @reterr */
int pn_fetch_new(const struct pn_kube_config *config, pn_nsec timeout, struct pn_fetch **ret,
		 struct pn_err *reterr);
void pn_fetch_free(struct pn_fetch *f);

/** pn_fetch_server() - the URL, for messages */
const char *pn_fetch_server(const struct pn_fetch *f);

/** pn_fetch_until_interrupted() - from here on there is no timeout, and SIGINT and SIGTERM are -ECANCELED */
int pn_fetch_until_interrupted(struct pn_fetch *f);

enum { PN_FETCH_REFUSED = 1 };

/**
 * pn_fetch_get() - one request, to its end
 *
 * Return: 0 for a whole answer with status 200; PN_FETCH_REFUSED with @ret_status for another
 * status; what @ops returned; -ETIMEDOUT, -ECANCELED, or what pn_request_ops.done() may say, with
 * @reterr
 */
int pn_fetch_get(struct pn_fetch *f, const char *path, const char *accept, unsigned int idle_ms,
		 const struct pn_fetch_ops *ops, void *data, struct pn_status *ret_status,
		 struct pn_err *reterr);

/** pn_fetch_refusal() - the body of the last answer that was refused, NUL-terminated; "" if it was empty */
const char *pn_fetch_refusal(const struct pn_fetch *f);

/** pn_fetch_pause() - Return: 0, or -ETIMEDOUT or -ECANCELED with @reterr */
int pn_fetch_pause(struct pn_fetch *f, pn_nsec time, struct pn_err *reterr);

#endif
