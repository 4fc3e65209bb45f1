// SPDX-License-Identifier: Apache-2.0
/*
 * Protocols as users write them, in filters of records and in selections of connections.
 */
#include "base/protocol.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/number.h"

static const struct {
	const char *name;
	uint8_t numbers[2];
} protocols[] = {
	{ "tcp", { IPPROTO_TCP, IPPROTO_TCP } },
	{ "udp", { IPPROTO_UDP, IPPROTO_UDP } },
	{ "icmp", { IPPROTO_ICMP, IPPROTO_ICMPV6 } },
	{ "icmpv4", { IPPROTO_ICMP, IPPROTO_ICMP } },
	{ "icmpv6", { IPPROTO_ICMPV6, IPPROTO_ICMPV6 } },
	{ "sctp", { IPPROTO_SCTP, IPPROTO_SCTP } },
};

static int refuse(const char *text, struct pn_err *reterr)
{
	const char *names[PN_ARRAY_SIZE(protocols)], *near;

	for (size_t i = 0; i < PN_ARRAY_SIZE(protocols); i++)
		names[i] = protocols[i].name;
	near = pn_nearest(text, names, PN_ARRAY_SIZE(names));
	return pn_err_set(reterr, -EINVAL,
			  "\"%.64s\" is not a protocol; write tcp, udp, icmp, icmpv4, icmpv6, sctp "
			  "or a number up to 255%s",
			  text, pn_meant(near, "", "").text);
}

int pn_protocol_parse(const char *text, uint8_t ret[static 2], struct pn_err *reterr)
{
	uint64_t number;

	for (size_t i = 0; i < PN_ARRAY_SIZE(protocols); i++) {
		if (strcasecmp(text, protocols[i].name) != 0)
			continue;
		memcpy(ret, protocols[i].numbers, sizeof(protocols[i].numbers));
		return 0;
	}
	if (pn_number_parse(text, UINT8_MAX, &number) < 0)
		return refuse(text, reterr);
	ret[0] = ret[1] = (uint8_t)number;
	return 0;
}
