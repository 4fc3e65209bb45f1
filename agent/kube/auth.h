/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_AUTH_H
#define PN_KUBE_AUTH_H

#include <uv.h>

#include "kube/certificates.h"

/*
 * Everything that a request needs in order to be trusted and to trust: the token, the user name, the
 * plugin that brings them, the certificates. For client.c and client_transfer.c only. For an
 * http:// server there is nothing of it, but for a token that a program gives for a server on its own
 * host.
 */
struct pn_auth;

/** pn_auth_changed - a plugin has ended: ask again; on failure (@result negative) @err has the words */
typedef void (*pn_auth_changed)(void *data, int result, const struct pn_err *err);

/** pn_auth_new() - @config outlives it. Return: 0, -ENOMEM, or -EINVAL with @reterr */
int pn_auth_new(uv_loop_t *loop, const struct pn_kube_config *config, pn_auth_changed changed,
		void *data, struct pn_auth **ret, struct pn_err *reterr);

/** pn_auth_free() - a plugin's handles close when it is dead and the loop has run; NULL is allowed */
void pn_auth_free(struct pn_auth *a);

/** PN_AUTH_WAIT - a plugin runs, changed() will be called */
enum { PN_AUTH_WAIT = 1 };

/**
 * pn_auth_prepare() - make sure that a request can be sent now
 *
 * Return: 0; PN_AUTH_WAIT; or -ENOENT, -EACCES, -EPROTO (certificate), -EIO (others) with @reterr
 */
int pn_auth_prepare(struct pn_auth *a, uint64_t now_ms, struct pn_err *reterr);

/** pn_auth_is_waiting() - is a plugin running? */
bool pn_auth_is_waiting(const struct pn_auth *a);

/** pn_auth_token() - for "Authorization: Bearer"; NULL: none. After pn_auth_prepare(), as the next two */
const char *pn_auth_token(const struct pn_auth *a);

/** pn_auth_basic() - for "Authorization: Basic"; NULL: none */
const char *pn_auth_basic(const struct pn_auth *a);

/** pn_auth_certificates() - NULL for http:// */
struct pn_certificates *pn_auth_certificates(const struct pn_auth *a);

/** pn_auth_refused() - the server has answered 401 to a request that was sent at @sent_ms */
void pn_auth_refused(struct pn_auth *a, uint64_t sent_ms);

/** pn_auth_distrusted() - TLS has failed for a request that was sent at @sent_ms: one of the certificates is not right */
void pn_auth_distrusted(struct pn_auth *a, uint64_t sent_ms);

#endif
