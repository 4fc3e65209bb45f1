/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_RESOLVE_H
#define PN_FLOW_RESOLVE_H

#include "flow/conn.h"
#include "flow/record.h"

/*
 * From a connection to the record that describes it: which address is which end, and who is behind
 * it. Private to agent/flow.
 */

/**
 * pn_resolve() - describe @c, all but the counters and the state
 * @realtime_offset: CLOCK_REALTIME minus CLOCK_MONOTONIC
 */
void pn_resolve(const struct pn_index *index, const struct pn_conn *c, pn_nsec realtime_offset,
		struct pn_flow_record *ret);

/** pn_resolve_reassigned() - has an end's address gone from one owner to another since the first packet? */
bool pn_resolve_reassigned(const struct pn_index *index, const struct pn_conn *c);

#endif
