/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_KUBECONFIG_H
#define PN_KUBE_KUBECONFIG_H

#include "kube/config.h"

/** struct pn_kubeconfig_file - relative paths in @text start at @path's directory */
struct pn_kubeconfig_file {
	char *path, *text;
};

/**
 * pn_kubeconfig_parse() - take one context's settings out of kubeconfigs
 * @files:   at least one; of entries with the same name in several files, and of current-context,
 *           the first counts whole. Nothing is opened.
 * @context: or NULL for the current-context
 * @ret:     @source set by the caller, the rest zeroed; on failure it may be half filled, for
 *           pn_kube_config_done()
 *
 * Return: 0, -ENOMEM, or -EINVAL with @reterr naming file, line and field.
 */
int pn_kubeconfig_parse(const struct pn_kubeconfig_file *files, size_t n_files, const char *context,
			struct pn_kube_config *ret, struct pn_err *reterr);

#endif
