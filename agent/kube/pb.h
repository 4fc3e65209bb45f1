/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_PB_H
#define PN_KUBE_PB_H

#include "base/pb.h"

/**
 * pn_pb_unwrap() - what is inside the envelope that the API puts around every message: four bytes
 *                  and a runtime.Unknown
 * @ret_kind: the name of the kind
 *
 * Return: 0 or -EBADMSG
 */
int pn_pb_unwrap(struct pn_pb m, struct pn_pb *ret_kind, struct pn_pb *ret_raw);

/** What the envelope begins with. */
#define PN_PB_MAGIC "k8s"
enum { PN_PB_MAGIC_LEN = 4 }; /* the NUL is part of it */

#endif
