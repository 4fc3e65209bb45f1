/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_HTTP_HOST_H
#define PN_SERVE_HTTP_HOST_H

#include <stdbool.h>

#include "base/err.h"

/**
 * pn_http_host_is_ours() - may a request that was sent to this host be answered?
 * @host:  header Host, with or without a port; NULL: there is none, as no browser does
 * @names: beside addresses and localhost; NULL-terminated. NULL: no others
 *
 * Anybody can give his name our address, in the DNS: then his pages are ours to a browser that can reach us.
 */
bool pn_http_host_is_ours(const char *host, const char *const *names);

/** pn_http_host_check() - can it be a host's name? Return: 0, or -EINVAL with @reterr */
int pn_http_host_check(const char *name, struct pn_err *reterr);

#endif
