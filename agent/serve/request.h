/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_REQUEST_H
#define PN_SERVE_REQUEST_H

#include <stdbool.h>

#include "base/err.h"
#include "export/encode.h"

/** Longest request, its newline not counted. */
#define PN_REQUEST_MAX 4096

/** struct pn_request - what a client of the unix socket asks for */
struct pn_request {
	enum pn_request_command {
		PN_REQUEST_FLOWS,
		PN_REQUEST_DROPS,
		PN_REQUEST_STATUS,
	} command;
	enum pn_format format; /* of PN_REQUEST_FLOWS and _DROPS */
	bool follow;	       /* PN_REQUEST_DROPS: those to come, not those held */
};

/**
 * pn_request_parse() - one line, with or without its newline
 *
 * What is not known is refused, so that an older agent never gives something else than was asked.
 *
 * Return: 0, or -EINVAL with words for the client in @reterr
 */
int pn_request_parse(const char *line, size_t len, struct pn_request *ret, struct pn_err *reterr);

/** pn_request_refusal() - {"error": "..."} and a newline, allocated with malloc(). Return: NULL without memory */
char *pn_request_refusal(const char *why);

#endif
