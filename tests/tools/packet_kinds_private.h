/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_PACKET_KINDS_PRIVATE_H
#define PN_TESTS_PACKET_KINDS_PRIVATE_H

#include "tests/tools/packet_kinds.h"

/* What the files with kinds share, and the kinds that stand elsewhere than the table. */

/* The port that all kinds send to, unless the port is what matters. */
#define PACKET_DPORT 7001

/* The Ethernet header. */
void packet_begin(const struct packet_sender *s, struct packet *p);

/* Both, with an IP id of its own; @family: PACKET_V4 or PACKET_V6 */
void packet_begin_ip(struct packet_sender *s, struct packet *p, int family);
void packet_put_ip(struct packet_sender *s, struct packet *p, int family, size_t options_len);

/* Payload, lengths, checksums; and away. */
void packet_finish(const struct packet_sender *s, struct packet *p, size_t payload_len);

void packet_send_tcp(struct packet_sender *s);
void packet_send_udp(struct packet_sender *s);
void packet_send_sctp(struct packet_sender *s);
void packet_send_icmp(struct packet_sender *s);
void packet_send_icmp_errors(struct packet_sender *s);
void packet_send_gso(struct packet_sender *s);
void packet_send_fragments(struct packet_sender *s);
void packet_send_cut(struct packet_sender *s);
void packet_send_contradicting(struct packet_sender *s);

#endif
