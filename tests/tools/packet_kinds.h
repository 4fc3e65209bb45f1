/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_PACKET_KINDS_H
#define PN_TESTS_PACKET_KINDS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/unit/datapath/packet_fixture.h"

/*
 * Every kind of packet that the flow programs tell apart, composed between two ends. A kind is a
 * function that hands its packets to a sender, one after the other; the same ends give the same
 * packets.
 */

enum {
	PACKET_V4,
	PACKET_V6,
	PACKET_FAMILIES,
};

/*
 * The ports that say by how much they exceed PACKET_GSO_PORT into segments of what size a packet is
 * to be cut; other packets are shorter than PACKET_GSO_MIN.
 */
#define PACKET_GSO_PORT 20000
#define PACKET_GSO_MIN 500
#define PACKET_GSO_MAX 1400

/* Addresses as text, borrowed. */
struct packet_ends {
	const char *src[PACKET_FAMILIES], *dst[PACKET_FAMILIES];
	uint8_t src_mac[6], dst_mac[6];
};

/**
 * struct packet_gso - what the kernel has to know to cut a packet into segments
 * @type:        VIRTIO_NET_HDR_GSO_*
 * @header_len:  up to the payload, from the start of the frame
 * @csum_start, @csum_offset: where the transport header begins, and its checksum in there
 * @payload_len: so many zero bytes follow the packet's own
 */
struct packet_gso {
	uint8_t type;
	uint16_t size, header_len, csum_start, csum_offset;
	size_t payload_len;
};

/**
 * struct packet_sender - whom a kind hands its packets to
 * @port, @id: the next source port and IP id that nobody has used
 * @send:      gets one packet, borrowed; @gso is NULL for packets of the wire
 */
struct packet_sender {
	struct packet_ends ends;
	unsigned int port, id;
	void (*send)(void *data, const struct packet *p, const struct packet_gso *gso);
	void *data;
};

struct packet_kind {
	const char *name;
	void (*send_all)(struct packet_sender *s);
};

/** packet_kinds - ends with a row without a name */
extern const struct packet_kind packet_kinds[];

/**
 * packet_seal() - write the checksums of a frame whose IP header is at @ip_at
 *
 * That of IPv4, and where the transport header follows at once and is whole, that of TCP, UDP, ICMP
 * and ICMPv6. Leaves alone what is cut short.
 */
void packet_seal(uint8_t *frame, size_t len, size_t ip_at);

#endif
