/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_REQUEST_HEAD_H
#define PN_KUBE_REQUEST_HEAD_H

#include <curl/curl.h>

/** struct pn_request_head - what a request says of itself; each may be NULL but for @accept */
struct pn_request_head {
	const char *accept, *token, *basic;
	char *const *impersonate, *const *headers; /* whole lines, NULL-terminated */
	const char *host;			   /* a whole line */
};

/** pn_request_head_make() - for CURLOPT_HTTPHEADER. Return: 0 or -ENOMEM */
int pn_request_head_make(const struct pn_request_head *head, struct curl_slist **ret);

/** pn_request_head_free() - wipes it first; NULL is allowed */
void pn_request_head_free(struct curl_slist *lines);

#endif
