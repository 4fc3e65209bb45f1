/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_SINK_IPFIX_PRIVATE_H
#define PN_EXPORT_SINK_IPFIX_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "export/exporter.h"

/*
 * Between the files of the sink `ipfix`: sink_ipfix.c has the kind, its options and sockets,
 * sink_ipfix_udp.c and sink_ipfix_tcp.c what is sent by each, and when that counts as sent. All is
 * called on the sender's thread.
 */

struct pn_ipfix_values {
	uint64_t enterprise, domain, mtu, template_packets, max_rate;
	pn_nsec template_refresh;
};

/** struct pn_ipfix_udp - @templates_at, @n_messages: when templates are due
 * @last: the datagram that was sent last, with @n_in_doubt records that do not count as sent yet
 * @next: the one that is made now
 * @sure_at: when it counts as sent if nobody has refused it
 */
struct pn_ipfix_udp {
	pn_nsec templates_at;
	uint64_t n_messages;
	struct pn_buf last, next;
	uint32_t n_in_doubt;
	pn_nsec sure_at;
};

/** struct pn_ipfix_tcp - @out: whole messages, those from @front on not acknowledged, @n_written bytes of it written */
struct pn_ipfix_tcp {
	struct pn_buf out;
	size_t front, n_written;
};

/** struct pn_ipfix_sink - @sequence: of the next record; @fd: -1 without a connection */
struct pn_ipfix_sink {
	struct pn_exporter *exporter;
	struct pn_ipfix_values values;
	bool is_tcp;
	char *host;
	char port[6];
	size_t max_message;
	int fd;
	uint32_t sequence;
	struct pn_ipfix_udp udp;
	struct pn_ipfix_tcp tcp;
};

enum {
	PN_IPFIX_CONNECT_MS = 2000,	  /* to connect, and for room in a socket */
	PN_IPFIX_OUT_MAX_BYTES = 4 << 20, /* of messages in memory */
};

/** pn_ipfix_open_socket() - connects @f->fd. Return: 0 or a negative errno with @reterr */
int pn_ipfix_open_socket(struct pn_ipfix_sink *f, struct pn_err *reterr);
void pn_ipfix_close_socket(struct pn_ipfix_sink *f);

/** pn_ipfix_fail() - what went wrong with the collector, in words. Return: @r */
int pn_ipfix_fail(const struct pn_ipfix_sink *f, const char *what, int r, struct pn_err *reterr);

/** pn_ipfix_time() - for the head of a message: seconds since 1970 */
uint32_t pn_ipfix_time(void);

/* As struct pn_sink_kind promises. */
int pn_ipfix_udp_send(struct pn_ipfix_sink *f, struct pn_batch *b, struct pn_err *reterr);
int pn_ipfix_udp_attend(struct pn_ipfix_sink *f, struct pn_err *reterr);
int pn_ipfix_tcp_send(struct pn_ipfix_sink *f, struct pn_batch *b, struct pn_err *reterr);
int pn_ipfix_tcp_attend(struct pn_ipfix_sink *f, struct pn_err *reterr);

#endif
