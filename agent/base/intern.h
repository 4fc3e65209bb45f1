/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_INTERN_H
#define PN_BASE_INTERN_H

#include "base/util.h"

/**
 * Interned strings: one counted copy of each text in the process, so that equal texts are equal
 * pointers. For what repeats across objects (namespaces, nodes, owner kinds), not for unique names.
 * Any thread.
 */

/** pn_intern() - @len bytes, no NUL inside. Return: NUL-terminated, one reference; NULL without memory */
const char *pn_intern(const char *text, size_t len);

/** pn_intern_ref() - one more reference to what pn_intern() returned; NULL is allowed. Return: @s */
const char *pn_intern_ref(const char *s);

/** pn_intern_unref() - give one reference back; NULL is allowed */
void pn_intern_unref(const char *s);

/** pn_intern_count() - how many different strings are held now */
size_t pn_intern_count(void);

#endif
