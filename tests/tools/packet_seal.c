/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checksums (RFC 1071), without which no router passes a packet on and no pod answers it. Works on
 * the bytes alone, so that packets that were changed at random can be given good ones too.
 */
#include "tests/tools/packet_kinds.h"

static uint32_t add_up(uint32_t sum, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	if (len % 2)
		sum += (uint32_t)at[len - 1] << 8;
	return sum;
}

static unsigned int fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* Where the checksum is in the transport header; 0: it has none of this sort, or the frame no room. */
static size_t checksum_at(uint8_t proto, size_t len)
{
	size_t at;

	switch (proto) {
	case IPPROTO_TCP:
		at = 16;
		break;
	case IPPROTO_UDP:
		at = 6;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		at = 2;
		break;
	default:
		return 0;
	}
	return at + 2 <= len ? at : 0;
}

/* @addrs: both addresses of the IP header, which all but ICMP of IPv4 have in their checksum */
static void seal_transport(uint8_t *at, size_t len, uint8_t proto, const uint8_t *addrs,
			   size_t addrs_len)
{
	size_t sum_at = checksum_at(proto, len);
	uint32_t sum = 0;

	if (!sum_at)
		return;
	put16(at + sum_at, 0);
	if (proto != IPPROTO_ICMP)
		sum = add_up((uint32_t)len + proto, addrs, addrs_len);
	sum = fold(add_up(sum, at, len));
	put16(at + sum_at, proto == IPPROTO_UDP && !sum ? 0xffff : sum);
}

static void seal_ipv4(uint8_t *ip, size_t room)
{
	size_t header_len = (ip[0] & 0xf) * 4U, len = (size_t)ip[2] << 8 | ip[3];
	bool is_fragment = (ip[6] & 0x3f) || ip[7];

	if (header_len < 20 || header_len > room)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, fold(add_up(0, ip, header_len)));
	if (!is_fragment && len >= header_len && len <= room)
		seal_transport(ip + header_len, len - header_len, ip[9], ip + 12, 8);
}

static void seal_ipv6(uint8_t *ip, size_t room)
{
	size_t len = (size_t)ip[4] << 8 | ip[5];

	if (len + 40 <= room)
		seal_transport(ip + 40, len, ip[6], ip + 8, 32);
}

void packet_seal(uint8_t *frame, size_t len, size_t ip_at)
{
	size_t room = len > ip_at ? len - ip_at : 0;

	if (room >= 20 && frame[ip_at] >> 4 == 4)
		seal_ipv4(frame + ip_at, room);
	else if (room >= 40 && frame[ip_at] >> 4 == 6)
		seal_ipv6(frame + ip_at, room);
}
