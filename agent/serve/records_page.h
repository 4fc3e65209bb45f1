/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_RECORDS_PAGE_H
#define PN_SERVE_RECORDS_PAGE_H

#include "serve/http.h"
#include "serve/socket.h"

/**
 * pn_records_ask() - for struct pn_http_page: what the unix socket's flows and drops give, by HTTP
 * @ops, @data: the socket's
 * @command:	"flows" or "drops"
 * @query:	see pn_request_from_query()
 *
 * The answer is a stream of lines or events, or 400 with the refusal that the socket would have given.
 *
 * Return: 0 or -ENOMEM
 */
int pn_records_ask(const struct pn_socket_ops *ops, void *data, const char *command,
		   const struct pn_http_pair *query, size_t n, struct pn_http_answer *ret);

/** pn_records_refuse() - {"error": @why} as the answer. Return: 0 or -ENOMEM */
int pn_records_refuse(unsigned int status, const char *why, struct pn_http_answer *ret);

#endif
