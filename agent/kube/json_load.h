/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_JSON_LOAD_H
#define PN_KUBE_JSON_LOAD_H

#include <jansson.h>

#include "base/err.h"

/**
 * pn_json_load() - the tree of one JSON object
 *
 * Return: 0; -ENOMEM; -EBADMSG with @reterr for what is no JSON
 */
int pn_json_load(const char *json, size_t len, json_t **ret, struct pn_err *reterr);

#endif
