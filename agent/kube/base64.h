/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_BASE64_H
#define PN_KUBE_BASE64_H

#include "base/util.h"

/**
 * pn_base64_decode() - standard alphabet, padded, line breaks allowed
 * @ret: on 0 new bytes with a NUL behind them; to be wiped if they are secret
 *
 * Return: 0, -ENOMEM, or -EINVAL: not base64
 */
int pn_base64_decode(const char *text, size_t len, char **ret, size_t *ret_len);

/** pn_base64_encode() - Return: new text on one line; NULL without memory */
char *pn_base64_encode(const char *bytes, size_t len);

#endif
