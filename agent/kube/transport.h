/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_TRANSPORT_H
#define PN_KUBE_TRANSPORT_H

#include <curl/curl.h>

#include "kube/certificates.h"
#include "kube/client.h"

/*
 * How to reach the API server, in libcurl's terms: everything about a request that is the same for
 * all of them, and what libcurl's results mean. For client.c and client_transfer.c only.
 */
struct pn_transport;

/** pn_transport_new() - @config outlives the transport. Return: 0, -ENOMEM, or -EINVAL with @reterr */
int pn_transport_new(const struct pn_kube_config *config, struct pn_transport **ret,
		     struct pn_err *reterr);

void pn_transport_free(struct pn_transport *t);

/**
 * pn_transport_use() - the certificates for all easy handles from now on
 *
 * They are read in place: whoever has an easy handle keeps a reference to them as long as it lives.
 *
 * Return: 0; PN_CLIENT_CERTIFICATE_CHANGED if older connections know the client by another one; or
 * -ENOMEM
 */
enum { PN_CLIENT_CERTIFICATE_CHANGED = 1 };
int pn_transport_use(struct pn_transport *t, struct pn_certificates *certificates);

/** pn_transport_easy() - a new easy handle, all set but for path, headers and callbacks; NULL without memory */
CURL *pn_transport_easy(const struct pn_transport *t);

/** pn_transport_base() - what goes in front of a request's path */
const char *pn_transport_base(const struct pn_transport *t);

/** pn_transport_host_header() - a header that each request must carry; NULL: none */
const char *pn_transport_host_header(const struct pn_transport *t);

/** Bytes for a media type, the NUL included; a longer one is cut. */
#define PN_MEDIA_TYPE_LEN 128

/** pn_transport_response() - what the headers say; @ret points into @type */
void pn_transport_response(CURL *easy, int status, char type[static PN_MEDIA_TYPE_LEN],
			   struct pn_response *ret);

/**
 * pn_transport_explain() - a failed request's result as an errno and words
 * @code: not CURLE_OK
 * @text: what libcurl wrote to its error buffer; may be ""
 *
 * Return: see struct pn_request_ops
 */
int pn_transport_explain(const struct pn_transport *t, CURL *easy, CURLcode code, const char *text,
			 struct pn_err *reterr);

#endif
