/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_REQUEST_H
#define PN_SERVE_REQUEST_H

#include <stdbool.h>

#include "base/err.h"
#include "export/view.h"

/** Longest request, its newline not counted. */
#define PN_REQUEST_MAX 4096

/**
 * struct pn_request - what a client of the unix socket, or of HTTP, asks for
 * @view: of PN_REQUEST_FLOWS
 */
struct pn_request {
	enum pn_request_command {
		PN_REQUEST_FLOWS,
		PN_REQUEST_DROPS,
		PN_REQUEST_STATUS,
		PN_REQUEST_SELECT,
		PN_REQUEST_CONFIG,
	} command;
	struct pn_view view; /* of PN_REQUEST_FLOWS and _DROPS */
	/* of PN_REQUEST_SELECT */
	bool has_expression;
	uint32_t sampling; /* 0: not asked for */
	char expression[PN_REQUEST_MAX + 1];
};

/**
 * pn_request_parse() - one line, with or without its newline
 *
 * What is not known is refused, so that an older agent never gives something else than was asked.
 *
 * Return: 0; -EINVAL or -ENOMEM with words for the client in @reterr. On 0 @ret is to be given to
 * pn_request_done(), unless its view has found another owner.
 */
int pn_request_parse(const char *line, size_t len, struct pn_request *ret, struct pn_err *reterr);

struct pn_http_pair;

/**
 * pn_request_from_query() - the same of a query of HTTP, with the same checks
 * @command: "flows" or "drops"
 *
 * Its keys are the members of the socket's requests that are no lists (follow=1&last=20&format=json), and
 * the names of filters: namespace=shop, not-port=53. Flags are 1, 0, true or false. Two things are other
 * than on the socket where they are left out: format is json, and follow is 0, so that without
 * first, last, since and until it is all that is kept which is asked for.
 *
 * Return: as pn_request_parse()
 */
int pn_request_from_query(const char *command, const struct pn_http_pair *pairs, size_t n,
			  struct pn_request *ret, struct pn_err *reterr);

/** pn_request_done() - harmless when there is nothing to free any more */
void pn_request_done(struct pn_request *req);

/** pn_request_refusal() - {"error": "..."} and a newline, allocated with malloc(). Return: NULL without memory */
char *pn_request_refusal(const char *why);

#endif
