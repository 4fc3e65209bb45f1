/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_IPFIX_H
#define PN_EXPORT_IPFIX_H

#include "base/buf.h"
#include "flow/record.h"

/*
 * IPFIX, RFC 7011: flow records as data records of two templates, for IPv4 and IPv6. What the
 * answerer sent stands in reverse elements (RFC 5103); names are enterprise-specific strings.
 */

enum {
	PN_IPFIX_HEADER_LEN = 16,
	PN_IPFIX_SET_HEADER_LEN = 4,
	PN_IPFIX_MAX_LEN = 65535, /* of a message */
	/* IANA's enterprise number for documentation (RFC 5612): podonym has none of its own. */
	PN_IPFIX_EXAMPLE_PEN = 32473,
};

/** pn_ipfix_templates() - appends two messages, each with a template. Return: 0 or a negative errno */
int pn_ipfix_templates(uint32_t pen, uint32_t domain, uint32_t sequence, uint32_t export_time,
		       struct pn_buf *out);

/**
 * pn_ipfix_record() - appends one data record behind its template's id and its length, both of 16 bits
 * @max_len: of the data record; names are cut where it would be longer
 *
 * Return: 0, -EMSGSIZE: it is longer even without names, or -ENOMEM; then @out is as it was
 */
int pn_ipfix_record(const struct pn_flow_record *r, size_t max_len, struct pn_buf *out);

/**
 * pn_ipfix_message() - appends one message with as many records of @records as fit
 * @records: as pn_ipfix_record() has appended them
 * @max_len: of the message; room for the longest record at least
 * @ret_taken: bytes of @records that it holds
 *
 * Return: how many records that are, or a negative errno and @out is as it was
 */
int pn_ipfix_message(const char *records, size_t len, size_t max_len, uint32_t domain,
		     uint32_t sequence, uint32_t export_time, struct pn_buf *out,
		     size_t *ret_taken);

/** Of a message: its length; the number of the first record in it, which may be set anew. */
size_t pn_ipfix_message_len(const char *message);
uint32_t pn_ipfix_message_sequence(const char *message);
void pn_ipfix_set_sequence(char *message, uint32_t sequence);

#endif
