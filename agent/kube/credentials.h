/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_CREDENTIALS_H
#define PN_KUBE_CREDENTIALS_H

#include <stdbool.h>

#include "base/err.h"

/** How long a token from a file is used before the file is read again; kubelet renews them in time. */
#define PN_TOKEN_FRESH_MS 50000

/**
 * pn_token_read() - a bearer token from a file, without the white space around it
 * @ret: on 0 the caller's, for pn_wipe_free()
 *
 * Return: as pn_file_read(), and -EINVAL if it is empty or cannot stand in an HTTP header.
 */
int pn_token_read(const char *path, char **ret, struct pn_err *reterr);

/** pn_token_check() - can this stand in an HTTP header? Return: 0, or -EINVAL with @reterr */
int pn_token_check(const char *token, struct pn_err *reterr);

/** pn_header_is_safe() - can this be a line of an HTTP request's head, without ending it? */
bool pn_header_is_safe(const char *line);

/**
 * struct pn_token - a bearer token that follows its file
 * @file:    borrowed; NULL for a token that never changes, or for none
 * @value:   owned; NULL: not read yet, refused by the server, or there is no token
 * @read_ms: when @value was read, on the clock that is passed in below
 */
struct pn_token {
	const char *file;
	char *value;
	uint64_t read_ms;
};

/**
 * pn_token_refresh() - make sure that @value can be used; call it before each request
 *
 * A file that cannot be read is no error while there is an older value.
 *
 * Return: 0, also if there is no token at all; or as pn_token_read().
 */
int pn_token_refresh(struct pn_token *t, uint64_t now_ms, struct pn_err *reterr);

/** pn_token_refused() - the server answered 401 to a request that was sent at @sent_ms */
void pn_token_refused(struct pn_token *t, uint64_t sent_ms);

void pn_token_done(struct pn_token *t);

#endif
