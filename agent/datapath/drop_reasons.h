/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_DROP_REASONS_H
#define PN_DATAPATH_DROP_REASONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * What this kernel calls its reasons for dropping packets. Their numbers move between releases, so
 * names come from its BTF: those of the core from enum skb_drop_reason, those of a subsystem from an
 * enum of its module. Any thread, but one at a time.
 */
struct pn_drop_reasons;

/** pn_drop_reasons_new() - Return: 0, or a negative errno with @reterr: no BTF, or no such tracepoint */
int pn_drop_reasons_new(struct pn_drop_reasons **ret, struct pn_err *reterr);
void pn_drop_reasons_free(struct pn_drop_reasons *r);

/** pn_drop_reasons_exist() - does the kernel give reasons at all? It does since 5.17 */
bool pn_drop_reasons_exist(const struct pn_drop_reasons *r);

/** pn_drop_reasons_trace_icmp() - is there a tracepoint where ICMP errors are sent? There is since 6.11 */
bool pn_drop_reasons_trace_icmp(const struct pn_drop_reasons *r);

/**
 * pn_drop_reasons_name() - "NETFILTER_DROP", "OVS_DROP_EXPLICIT"; where the kernel has no name for it
 * its number, with its subsystem's name. Return: owned by @r; NULL without memory
 */
const char *pn_drop_reasons_name(struct pn_drop_reasons *r, uint32_t reason);

/** pn_drop_reasons_number() - of a name of the core. Return: does this kernel have it? */
bool pn_drop_reasons_number(const struct pn_drop_reasons *r, const char *name, uint32_t *ret);

#endif
