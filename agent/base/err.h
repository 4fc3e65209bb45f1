/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_ERR_H
#define PN_BASE_ERR_H

#include "base/util.h"

/**
 * struct pn_err - words for a person, beside the negative errno that travels up
 * @text: NUL-terminated, no newline at the end; cut at the size of the array
 *
 * Owned by whoever declared it, on the stack or inside another struct; nothing to free. Functions
 * that take one call it `reterr`, accept NULL and write to it only when they fail.
 */
struct pn_err {
	char text[512];
};

/** pn_err_set() - say what went wrong; @err may be NULL. Return: @code, for `return pn_err_set(...)` */
int pn_err_set(struct pn_err *err, int code, const char *fmt, ...) PN_PRINTF(3, 4);

/** pn_err_wrap() - put "context: " in front of what is there already. Return: @code */
int pn_err_wrap(struct pn_err *err, int code, const char *fmt, ...) PN_PRINTF(3, 4);

#endif
