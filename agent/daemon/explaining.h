/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_EXPLAINING_H
#define PN_DAEMON_EXPLAINING_H

#include "daemon/names.h"
#include "daemon/verdicts.h"
#include "serve/http.h"

/*
 * GET /v1/explain: what policies make of a flow, and why. Control thread, but for the answer: that is made by
 * a worker of libuv, from references to the objects, and nobody waits for it.
 */
struct pn_explaining;

/** Most answers that are made at a time: each has a set of policies of its own. */
enum { PN_EXPLAINING_MAX = 2 };

/**
 * struct pn_explain_question
 * @flow:	a flow_id; NULL: @src, @dst and @port, as `podonym policy explain` takes them
 * @socket_path: of this agent, which is asked for the records as by any client
 * @objects:	the cluster
 */
struct pn_explain_question {
	const char *flow, *src, *dst, *port, *socket_path;
	const struct pn_object *const *objects;
	size_t n_objects;
};

/**
 * struct pn_explain_ops - any thread
 * @check:   does @q make sense, whatever there is in a cluster? Return: 0, or -EINVAL with @reterr. It reads no
 *	     objects
 * @explain: Return: 0, @ret is a document from malloc(); or a negative errno with @reterr
 */
struct pn_explain_ops {
	int (*check)(const struct pn_explain_question *q, struct pn_err *reterr);
	int (*explain)(const struct pn_explain_question *q, char **ret, struct pn_err *reterr);
};

/** struct pn_explaining_config - all outlive it; @verdicts may be NULL: then there is nothing to explain */
struct pn_explaining_config {
	uv_loop_t *loop;
	const struct pn_names *names;
	const struct pn_verdicts *verdicts;
	const char *socket_path;
	const struct pn_explain_ops *ops;
};

/** pn_explaining_new() - Return: 0 or -ENOMEM */
int pn_explaining_new(const struct pn_explaining_config *config, struct pn_explaining **ret);

/** pn_explaining_free() - when the loop has run out: it waits for those that are being made. NULL is allowed */
void pn_explaining_free(struct pn_explaining *e);

/** pn_explaining_ask() - of struct pn_http_page. @query: flow=ID, or src=, dst= and port= */
int pn_explaining_ask(struct pn_explaining *e, const struct pn_http_pair *query, size_t n,
		      struct pn_http_answer *ret);

#endif
