/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_REQUEST_PRIVATE_H
#define PN_SERVE_REQUEST_PRIVATE_H

#include "serve/request.h"

struct json_t;

/** enum pn_member_sort - what a request's member is in a query; NONE: it is not in queries */
enum pn_member_sort {
	PN_MEMBER_NONE,
	PN_MEMBER_TEXT,
	PN_MEMBER_FLAG,
	PN_MEMBER_NUMBER,
};

enum pn_member_sort pn_request_member(const char *key);

/** pn_request_from_json() - see pn_request_parse(); @root is an object and has a command */
int pn_request_from_json(struct json_t *root, struct pn_request *ret, struct pn_err *reterr);

#endif
