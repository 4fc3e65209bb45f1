/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_FLOW_LINE_H
#define PN_CMD_POLICY_FLOW_LINE_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct pn_flow_line - a flow that is asked about
 * @src, @dst: "namespace/pod" or an address, NUL-terminated; they lie in the line
 * @proto:     IPPROTO_*
 */
struct pn_flow_line {
	const char *src, *dst;
	uint8_t proto;
	uint16_t port;
};

/**
 * pn_flow_line_read() - {"src": "shop/web-1", "dst": "10.1.0.11", "protocol": "TCP", "port": 5432}
 * @line: @len bytes, and one more that may be written; what is read is changed in place
 *
 * Members in any order; others are passed over. Allocates nothing.
 *
 * Return: NULL, or what is wrong with it; then @ret may hold anything
 */
const char *pn_flow_line_read(char *line, size_t len, struct pn_flow_line *ret);

/** pn_flow_proto() - "TCP", "udp", "SCTP". Return: IPPROTO_*, 0 for anything else */
uint8_t pn_flow_proto(const char *name);

/** pn_flow_transport() - the other way round, as records have it: "tcp" */
const char *pn_flow_transport(uint8_t proto);

#endif
