/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_EXEC_PLUGIN_H
#define PN_KUBE_EXEC_PLUGIN_H

#include <uv.h>

#include "kube/exec_info.h"

/* A credential plugin that is running. It belongs to the loop's thread and never blocks it. */
struct pn_exec_plugin;

/**
 * pn_exec_done - the plugin has ended; its object is gone when this returns
 * @result:     0, or negative: then @err says it in words
 * @credential: on 0 what it brought; the callee may take texts out of it
 */
typedef void (*pn_exec_done)(void *data, int result, struct pn_exec_credential *credential,
			     const struct pn_err *err);

/**
 * pn_exec_plugin_start() - run the plugin
 * @config: with exec.command set; outlives the plugin
 * @ca:     PEM of the cluster's CA, or NULL
 *
 * Its standard error becomes part of the message when it fails. If it may ask the person at the
 * terminal and there is one, it has standard input and standard error of our own instead.
 *
 * Return: 0; -ENOENT no such program, or another negative errno with @reterr. Never calls back
 * before it returns.
 */
int pn_exec_plugin_start(uv_loop_t *loop, const struct pn_kube_config *config, const char *ca,
			 pn_exec_done done, void *data, struct pn_exec_plugin **ret,
			 struct pn_err *reterr);

/** pn_exec_plugin_stop() - kill it; no callback any more. Its handles close when the loop has run. NULL is allowed */
void pn_exec_plugin_stop(struct pn_exec_plugin *p);

#endif
