/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_EXPORT_RECORD_FIXTURE_H
#define PN_TESTS_EXPORT_RECORD_FIXTURE_H

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "flow/record.h"

/* A connection from pod web to pod db through Service db, as the joiner would describe it. */

static const struct pn_owner owner_web = {
	.id = 1,
	.kind = PN_OWNER_POD,
	.flags = PN_OWNER_LOCAL,
	.uid = "u1",
	.name_space = "shop",
	.name = "web-7d9",
	.workload_kind = "Deployment",
	.workload_name = "web",
	.node = "n1",
	.zone = "",
	.region = "",
};

static const struct pn_owner owner_db = {
	.id = 2,
	.kind = PN_OWNER_POD,
	.uid = "u2",
	.name_space = "shop",
	.name = "db-0",
	.workload_kind = "StatefulSet",
	.workload_name = "db",
	.node = "n2",
	.zone = "",
	.region = "",
};

static const struct pn_owner owner_service = {
	.id = 3,
	.kind = PN_OWNER_SERVICE,
	.uid = "u3",
	.name_space = "shop",
	.name = "db",
	.workload_kind = "",
	.workload_name = "",
	.node = "",
	.zone = "",
	.region = "",
};

static const struct pn_owner owner_process = {
	.id = 4,
	.kind = PN_OWNER_PROCESS,
	.flags = PN_OWNER_LOCAL,
	.uid = "",
	.name_space = "",
	.name = "sshd.service",
	.workload_kind = "",
	.workload_name = "",
	.node = "n1",
	.zone = "z-1a",
	.region = "z-1",
};

static const struct pn_owner owner_range = {
	.id = 5,
	.kind = PN_OWNER_RANGE,
	.uid = "",
	.name_space = "",
	.name = "office",
	.workload_kind = "",
	.workload_name = "",
	.node = "",
	.zone = "",
	.region = "",
};

static inline struct pn_addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct pn_addr) { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d } };
}

static inline struct pn_flow_record sample_record(void)
{
	return (struct pn_flow_record) {
		.id = 18446744073709551615u,
		.start = 1773921782000000001u,
		.end = 1773921784512345678u,
		.proto = IPPROTO_TCP,
		.is_v4 = true,
		.state = PN_FLOW_ACTIVE,
		.source = {
			.addr = v4(10, 0, 0, 1),
			.port = 43210,
			.attribution = PN_ATTR_IP,
			.owner = &owner_web,
			.packets = 18,
			.bytes = 12000,
			.delivered = 17,
			.tcp_flags = TH_SYN | TH_ACK,
			.retransmits = 2,
		},
		.destination = {
			.addr = v4(10, 0, 1, 2),
			.port = 5432,
			.attribution = PN_ATTR_IP,
			.owner = &owner_db,
			.packets = 14,
			.bytes = 3000,
			.delivered = 14,
			.tcp_flags = TH_SYN | TH_ACK | TH_FIN,
		},
		.service = &owner_service,
		.service_addr = v4(10, 96, 0, 7),
		.service_port = 5432,
		.tcp_state = PN_TCP_CLOSING,
		.rtt_us = 1250,
		.min_rtt_us = 900,
	};
}

static inline struct pn_flow_record sample_drop(void)
{
	struct pn_flow_record r = sample_record();

	r.source.tcp_flags = TH_SYN;
	r.is_drop = true;
	r.drop = (struct pn_record_drop) {
		.packets = 3,
		.bytes = 180,
		.total = 12,
		.netns = 4026531840,
		.ifindex = 7,
		.reason = "NETFILTER_DROP",
		.location = "nft_do_chain",
		.kind = PN_DROP_NETFILTER,
	};
	return r;
}

static const struct pn_record_quote sample_quote = {
	.source = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1 } },
	.destination = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 1, 2 } },
	.source_port = 43210,
	.destination_port = 5432,
	.proto = IPPROTO_TCP,
};

static inline struct pn_flow_record icmp_error(void)
{
	struct pn_flow_record r = sample_record();

	r.proto = IPPROTO_ICMP;
	r.icmp_type = 3;
	r.icmp_code = 13;
	r.source.port = r.destination.port = 0;
	r.service = NULL;
	r.quote = &sample_quote;
	return r;
}

#endif
