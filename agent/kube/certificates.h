/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_CERTIFICATES_H
#define PN_KUBE_CERTIFICATES_H

#include "kube/config.h"

/** How long a CA that was read is used before its file is looked at again. */
#define PN_CA_FRESH_MS (5 * 60 * 1000)

/** The same for a client certificate and its key: two small files, looked at when a request starts. */
#define PN_CLIENT_CERTIFICATE_FRESH_MS 5000

/** pn_pem_check - is this what it should be? Return: 0, or -EINVAL with @reterr */
typedef int pn_pem_check(const char *pem, struct pn_err *reterr);

/** pn_pem_check_certificate() - at least one certificate, and none that is cut short */
int pn_pem_check_certificate(const char *pem, struct pn_err *reterr);

/** pn_pem_check_key() - something that calls itself a private key */
int pn_pem_check_key(const char *pem, struct pn_err *reterr);

/** pn_pem_read() - a PEM file; @ret is for pn_wipe_free(). Return: as pn_file_read() and @check */
int pn_pem_read(const char *path, pn_pem_check *check, char **ret, struct pn_err *reterr);

/**
 * struct pn_certificates - one state of them, as PEM; never changes
 *
 * Counted, because libcurl reads them in place as long as a request lives. NULL: there is none.
 */
struct pn_certificates {
	unsigned int n_refs;
	char *ca, *cert, *key;
};

struct pn_certificates *pn_certificates_ref(struct pn_certificates *c);

/** pn_certificates_unref() - wipes them with the last one; NULL is allowed */
void pn_certificates_unref(struct pn_certificates *c);

/**
 * struct pn_certificate_source - certificates that follow their files
 * @config: borrowed; its files and PEM texts are where they come from
 * @now:    the newest state; NULL before the first success
 */
struct pn_certificate_source {
	const struct pn_kube_config *config;
	struct pn_certificates *now;
	uint64_t ca_ms, client_ms; /* when they were looked at; 0: look again */
	char *brought_cert, *brought_key;
};

/**
 * pn_certificate_source_refresh() - look at the files whose time has come
 *
 * A file that is missing, empty or no PEM is no error while there is an older state; certificate
 * and key only change together. When something has changed, @now is another object afterwards.
 *
 * Return: 0, or as pn_pem_read().
 */
int pn_certificate_source_refresh(struct pn_certificate_source *s, uint64_t now_ms,
				  struct pn_err *reterr);

/** pn_certificate_source_doubt() - a connection has failed because of them: look at all files next time */
void pn_certificate_source_doubt(struct pn_certificate_source *s);

/** pn_certificate_source_bring() - a client certificate from elsewhere, from the next refresh on; copied. Return: 0 or -ENOMEM */
int pn_certificate_source_bring(struct pn_certificate_source *s, const char *cert, const char *key);

void pn_certificate_source_done(struct pn_certificate_source *s);

#endif
