/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_KUBECONFIG_H
#define PN_KUBE_KUBECONFIG_H

#include "kube/config.h"

/**
 * pn_kubeconfig_parse() - take one context's settings out of a kubeconfig
 * @path:    where @text came from: relative paths in it start there. Nothing is opened.
 * @context: or NULL for the file's current-context
 * @ret:     zeroed by the caller; on failure it may be half filled, for pn_kube_config_done()
 *
 * Return: 0, -ENOMEM, or -EINVAL with @reterr naming line and field (not the file).
 */
int pn_kubeconfig_parse(const char *path, const char *text, size_t len, const char *context,
			struct pn_kube_config *ret, struct pn_err *reterr);

#endif
