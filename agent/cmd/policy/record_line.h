/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_RECORD_LINE_H
#define PN_CMD_POLICY_RECORD_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct pn_recorded_end - an end of a flow as its record names it; "" and 0 for what it does not say
 * @service, @service_space: what was called, a Service and its namespace; of the destination only
 * @network: the name of a network that the address lies in
 */
struct pn_recorded_end {
	const char *address, *attribution;
	const char *name_space, *pod, *node, *workload_kind, *workload_name;
	const char *service, *service_space, *process, *network;
	uint64_t port, packets, bytes, delivered;
	const char *tcp_flags;
};

/** struct pn_recorded_drop - podonym.drop; @count 0: none */
struct pn_recorded_drop {
	const char *reason, *location, *kind;
	uint64_t count;
};

/**
 * struct pn_recorded_flow - a line of flows or drops, as far as commands have a use for it
 * @id:    podonym.flow_id
 * @start, @end: of event, RFC 3339
 * @state: podonym.tcp.state
 * @told_as: podonym.state: "active", or why the record is the last one of its connection
 * @rtt_us: podonym.tcp.rtt_us, smoothed
 * @is_late: podonym.policy.late
 *
 * Strings are never NULL and lie in the line.
 */
struct pn_recorded_flow {
	struct pn_recorded_end source, destination;
	const char *id, *start, *end, *transport, *state, *told_as;
	uint64_t rtt_us;
	struct pn_recorded_drop drop;
	bool is_collapsed, is_late;
};

/**
 * pn_record_line_read() - one line as the agent writes it with `-o json`
 * @line: @len bytes, and one more that may be written; what is read is changed in place
 *
 * Members in any order; others are passed over. Allocates nothing.
 *
 * Return: NULL, or what is wrong with it; then @ret may hold anything
 */
const char *pn_record_line_read(char *line, size_t len, struct pn_recorded_flow *ret);

#endif
