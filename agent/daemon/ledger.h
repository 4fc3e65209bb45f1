/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_LEDGER_H
#define PN_DAEMON_LEDGER_H

#include "datapath/tracer.h"

/**
 * struct pn_ledger - what has become of the packets, as often as a hook saw each
 * @stats:    by enum pn_flow_stat; seen is the sum of the others
 * @told, @in_doubt, @untold: what has become of those recorded and collapsed
 */
struct pn_ledger {
	uint64_t stats[PN_STAT_MAX];
	uint64_t told, in_doubt, untold;
};

/** pn_ledger_name() - "seen", "recorded", ... */
const char *pn_ledger_name(enum pn_flow_stat stat);

/** pn_ledger_read() - now; control thread. Return: 0 or a negative errno */
int pn_ledger_read(const struct pn_tracer *tracer, struct pn_ledger *ret);

#endif
