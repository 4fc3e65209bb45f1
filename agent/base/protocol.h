/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_PROTOCOL_H
#define PN_BASE_PROTOCOL_H

#include <stdint.h>

#include "base/err.h"

/**
 * pn_protocol_parse() - tcp, udp, sctp, icmp (of both families), icmpv4, icmpv6, in any case; or a number up to 255
 * @ret: IPPROTO_*; where it is only one, twice the same
 *
 * Return: 0, or -EINVAL with @reterr
 */
int pn_protocol_parse(const char *text, uint8_t ret[static 2], struct pn_err *reterr);

#endif
