/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_NEAREST_H
#define PN_BASE_NEAREST_H

#include <stddef.h>

/** pn_nearest() - the one of @n names that @word was probably meant to be; NULL if none is near */
const char *pn_nearest(const char *word, const char *const *names, size_t n);

/* For the end of a message: ", did you mean NAME?", or "". */
struct pn_meant {
	char text[352];
};

/**
 * pn_meant() - what to say of it
 * @near: from pn_nearest(), may be NULL
 * @before: what is written before the name, and @after, behind it: "--", a quotation mark
 */
struct pn_meant pn_meant(const char *near, const char *before, const char *after);

#endif
