/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_OBJECT_COPY_H
#define PN_KUBE_OBJECT_COPY_H

#include <podonym/objects.h>

/**
 * pn_object_copy() - an object of its own, with one reference
 * @like: the kind's struct, with whatever strings and lists it points to; labels sorted. The struct and
 *        its lists are unchanged afterwards, but must not be in read-only memory.
 *
 * Return: 0 or -ENOMEM
 */
int pn_object_copy(const struct pn_object *like, struct pn_object **ret);

/** pn_object_free() - for pn_object_unref() alone */
void pn_object_free(struct pn_object *o);

#endif
