/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_NEAREST_H
#define PN_BASE_NEAREST_H

#include <stddef.h>

/** pn_nearest() - the one of @n names that @word was probably meant to be; NULL if none is near */
const char *pn_nearest(const char *word, const char *const *names, size_t n);

#endif
