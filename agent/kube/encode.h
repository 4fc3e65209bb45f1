/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_ENCODE_H
#define PN_KUBE_ENCODE_H

#include <stdbool.h>

#include <podonym/objects.h>

#include "base/pb_write.h"

/**
 * pn_encode_pb() - an object as the message of the API's from which its decoder makes the same again
 * @w: the message's fields are appended
 *
 * Only what the decoders keep is there. What they left out and counted does not come back, so
 * `n_refused` does not either; a policy that is not understood (is_invalid) stays one.
 *
 * Return: false if there is no such message: a generic object
 */
bool pn_encode_pb(struct pn_pb_writer *w, const struct pn_object *obj);

#endif
