/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_TRANSPORT_WORDS_H
#define PN_KUBE_TRANSPORT_WORDS_H

#include <curl/curl.h>

#include "kube/config.h"

/** After so long without one, a connection is given up. */
#define PN_CONNECT_TIMEOUT_S 20

/**
 * pn_transport_words() - a failed request's result as an errno and words; for transport.c only
 * @proxy: the settings' proxy, without secrets; NULL if there is none
 * @code:  not CURLE_OK
 * @text:  libcurl's own words
 *
 * Return: see struct pn_request_ops
 */
int pn_transport_words(const struct pn_kube_config *config, const char *proxy, CURL *easy,
		       CURLcode code, const char *text, struct pn_err *reterr);

#endif
