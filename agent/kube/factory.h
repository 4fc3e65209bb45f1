/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_FACTORY_H
#define PN_KUBE_FACTORY_H

#include <uv.h>

#include <podonym/informer.h>

#include "kube/config.h"

/**
 * pn_factory_new_on_loop() - a factory that lives in a loop of the caller's, for the agent
 * @config: copied
 *
 * The loop's thread makes it and frees it; pn_factory_free() does not wait, its handles are closed
 * when the loop has run once more.
 *
 * Return: 0, -ENOMEM, or -EINVAL with @reterr
 */
int pn_factory_new_on_loop(uv_loop_t *loop, const struct pn_kube_config *config,
			   struct pn_factory **ret, struct pn_err *reterr);

#endif
