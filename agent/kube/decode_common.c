/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the decoders of all kinds need, whatever the encoding: addresses and protocols from text.
 * A bad address costs that address, not the object: the rest of what the object says is still true.
 */
#include "kube/decode.h"

#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"
#include "base/metric.h"

static bool has(const struct pn_addr_list *list, const struct pn_addr *addr)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (pn_addr_eq(&list->addrs[i], addr))
			return true;
	return false;
}

void pn_addr_list_add(struct pn_addr_list *list, const char *text)
{
	struct pn_addr addr;
	int r;

	if (!text[0])
		return;
	r = pn_addr_parse(text, &addr);
	if (r == 0 && has(list, &addr))
		return;
	if (r < 0 || list->n == PN_MAX_ADDRS) {
		list->n_refused++;
		pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
		return;
	}
	list->addrs[list->n++] = addr;
}

uint8_t pn_proto_parse(const char *name)
{
	if (!name[0] || strcmp(name, "TCP") == 0)
		return IPPROTO_TCP;
	if (strcmp(name, "UDP") == 0)
		return IPPROTO_UDP;
	if (strcmp(name, "SCTP") == 0)
		return IPPROTO_SCTP;
	return 0;
}
