/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_ERR_H
#define PN_BASE_ERR_H

#include <podonym/types.h>

#include "base/util.h"

/** pn_err_set() - say what went wrong; @err may be NULL. Return: @code, for `return pn_err_set(...)` */
int pn_err_set(struct pn_err *err, int code, const char *fmt, ...) PN_PRINTF(3, 4);

/** pn_err_wrap() - put "context: " in front of what is there already. Return: @code */
int pn_err_wrap(struct pn_err *err, int code, const char *fmt, ...) PN_PRINTF(3, 4);

#endif
