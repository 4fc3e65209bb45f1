/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_CONTROLLER_H
#define PN_KUBE_CONTROLLER_H

#include <podonym/objects.h>

/**
 * pn_controller_get() - the one counted copy of a controller that there is in the process
 * @like: borrowed; strings are never NULL
 *
 * Any thread. Return: for pn_controller_unref(); the same pointer for equal ones; NULL without memory
 */
const struct pn_controller *pn_controller_get(const struct pn_controller *like);

/** pn_controller_unref() - any thread; NULL is allowed */
void pn_controller_unref(const struct pn_controller *c);

/** pn_controller_count() - how many different ones are held now, beside the empty one */
size_t pn_controller_count(void);

#endif
