/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_HTTP_TLS_H
#define PN_SERVE_HTTP_TLS_H

#include <gnutls/abstract.h>

#include "base/err.h"

/*
 * The certificate and the key that HTTP is served with, read again when their files change: what renews
 * them need not tell the agent. There is one in a process, for the library's callback has no argument.
 */
struct pn_http_tls;

/** What is offered: TLS 1.2 and 1.3, in GnuTLS's words. */
#define PN_HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/**
 * pn_http_tls_new() - both files in PEM, the certificate with those that lead to its root behind it
 * @cert_path, @key_path: outlive it
 *
 * Return: 0; -EINVAL a file that makes no sense, or a key that is not the certificate's; -ENOMEM; or why
 * a file cannot be read. @reterr names the file
 */
int pn_http_tls_new(const char *cert_path, const char *key_path, struct pn_http_tls **ret,
		    struct pn_err *reterr);
void pn_http_tls_free(struct pn_http_tls *t);

/**
 * pn_http_tls_pick() - for MHD_OPTION_HTTPS_CERT_CALLBACK2: the pair for one more handshake
 *
 * Where changed files are no good, that is logged once, and the pair from before stays.
 */
int pn_http_tls_pick(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
		     gnutls_pcert_st **ret_certs, unsigned int *ret_n,
		     gnutls_ocsp_data_st **ret_ocsp, unsigned int *ret_n_ocsp,
		     gnutls_privkey_t *ret_key, unsigned int *ret_flags);

#endif
