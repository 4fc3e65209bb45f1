/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines in the forms of others: NetObserv's fields, and Hubble's messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "export/encode.h"
#include "tests/unit/export/record_fixture.h"

static void assert_line(enum pn_format format, const struct pn_flow_record *r, const char *want)
{
	const struct pn_style style = { .format = format, .node = "n1" };
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	assert_int_equal(pn_encode_styled(&style, r, &out), 0);
	assert_string_equal(out.data, want);
	pn_buf_done(&out);
}

static void assert_contains(enum pn_format format, const struct pn_flow_record *r, const char *want)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	assert_int_equal(pn_encode(format, r, &out), 0);
	if (!strstr(out.data, want))
		assert_string_equal(out.data, want);
	pn_buf_done(&out);
}

static void netobserv_has_a_connection_with_both_directions(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	assert_line(PN_FORMAT_NETOBSERV, &r,
		    "{\"TimeFlowStartMs\":1773921782000,\"TimeFlowEndMs\":1773921784512,"
		    "\"AgentHostName\":\"n1\",\"SrcAddr\":\"10.0.0.1\",\"SrcPort\":43210,"
		    "\"SrcK8S_Name\":\"web-7d9\",\"SrcK8S_Type\":\"Pod\","
		    "\"SrcK8S_Namespace\":\"shop\",\"SrcK8S_OwnerName\":\"web\","
		    "\"SrcK8S_OwnerType\":\"Deployment\",\"SrcK8S_HostName\":\"n1\","
		    "\"DstAddr\":\"10.0.1.2\",\"DstPort\":5432,\"DstK8S_Name\":\"db-0\","
		    "\"DstK8S_Type\":\"Pod\",\"DstK8S_Namespace\":\"shop\","
		    "\"DstK8S_OwnerName\":\"db\",\"DstK8S_OwnerType\":\"StatefulSet\","
		    "\"DstK8S_HostName\":\"n2\",\"Proto\":6,\"Flags\":[\"FIN\",\"SYN\",\"ACK\"],"
		    "\"TimeFlowRttNs\":1250000,\"FlowDirection\":1,\"IfDirections\":[0],"
		    "\"Bytes\":15000,\"Packets\":32,\"Bytes_AB\":12000,\"Bytes_BA\":3000,"
		    "\"Packets_AB\":18,\"Packets_BA\":14,"
		    "\"_HashId\":\"18446744073709551615\",\"_RecordType\":\"heartbeat\"}\n");
}

static void netobserv_says_what_was_dropped_and_what_is_over(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_owner bare = owner_db;

	(void)state;
	bare.workload_kind = bare.workload_name = "";
	bare.flags = PN_OWNER_LOCAL;
	bare.zone = "z-1a";
	r.destination.owner = &bare;
	r.source.owner = &owner_range;
	r.drop = (struct pn_record_drop) { .packets = 2, .bytes = 120, .reason = "NO_SOCKET" };
	r.state = PN_FLOW_CLOSED;
	assert_contains(PN_FORMAT_NETOBSERV, &r, "\"SrcSubnetLabel\":\"office\",\"DstAddr\"");
	assert_contains(PN_FORMAT_NETOBSERV, &r,
			"\"DstK8S_OwnerName\":\"db-0\",\"DstK8S_OwnerType\":\"Pod\"");
	assert_contains(PN_FORMAT_NETOBSERV, &r, "\"DstK8S_Zone\":\"z-1a\"");
	assert_contains(PN_FORMAT_NETOBSERV, &r, "\"FlowDirection\":0,\"IfDirections\":[1],");
	assert_contains(PN_FORMAT_NETOBSERV, &r,
			"\"PktDropPackets\":2,\"PktDropBytes\":120,"
			"\"PktDropLatestDropCause\":\"SKB_DROP_REASON_NO_SOCKET\"");
	assert_contains(PN_FORMAT_NETOBSERV, &r, "\"_RecordType\":\"endConnection\"}\n");
	r.source.owner = &owner_web;
	assert_contains(PN_FORMAT_NETOBSERV, &r, "\"FlowDirection\":2,\"IfDirections\":[0,1],");
}

static void hubble_has_the_message_of_cilium(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	assert_line(PN_FORMAT_HUBBLE, &r,
		    "{\"flow\":{\"time\":\"2026-03-19T12:03:04.512345678Z\","
		    "\"verdict\":\"FORWARDED\",\"IP\":{\"source\":\"10.0.0.1\","
		    "\"destination\":\"10.0.1.2\",\"ipVersion\":\"IPv4\"},"
		    "\"l4\":{\"TCP\":{\"source_port\":43210,\"destination_port\":5432,"
		    "\"flags\":{\"SYN\":true,\"ACK\":true,\"FIN\":true}}},"
		    "\"source\":{\"namespace\":\"shop\","
		    "\"labels\":[\"k8s:io.kubernetes.pod.namespace=shop\"],"
		    "\"pod_name\":\"web-7d9\",\"workloads\":[{\"name\":\"web\","
		    "\"kind\":\"Deployment\"}]},\"destination\":{\"namespace\":\"shop\","
		    "\"labels\":[\"k8s:io.kubernetes.pod.namespace=shop\"],"
		    "\"pod_name\":\"db-0\",\"workloads\":[{\"name\":\"db\","
		    "\"kind\":\"StatefulSet\"}]},\"Type\":\"L3_L4\",\"node_name\":\"n1\","
		    "\"event_type\":{\"type\":4},\"destination_service\":{\"name\":\"db\","
		    "\"namespace\":\"shop\"},\"traffic_direction\":\"EGRESS\",\"is_reply\":false,"
		    "\"Summary\":\"TCP Flags: SYN, ACK, FIN\"},\"node_name\":\"n1\","
		    "\"time\":\"2026-03-19T12:03:04.512345678Z\"}\n");
}

static void hubble_says_what_was_dropped(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.proto = IPPROTO_UDP;
	r.is_v4 = false;
	r.service = NULL;
	r.source.owner = NULL;
	r.destination.owner = &owner_process;
	r.drop = (struct pn_record_drop) {
		.packets = 1,
		.kind = PN_DROP_NETFILTER,
		.reason = "NETFILTER_DROP",
	};
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"verdict\":\"DROPPED\",\"drop_reason\":133,");
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"event_type\":{\"type\":1},");
	assert_contains(PN_FORMAT_HUBBLE, &r,
			"\"traffic_direction\":\"INGRESS\",\"drop_reason_desc\":\"POLICY_DENIED\"");
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"source\":{\"labels\":[\"reserved:world\"]}");
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"destination\":{\"labels\":[\"reserved:host\"]}");
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"Summary\":\"UDP\"},\"time\"");
	r.drop.kind = PN_DROP_QUEUE; /* a packet lost is no verdict */
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"verdict\":\"FORWARDED\",\"IP\"");
	r.proto = 47;
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"ipVersion\":\"IPv6\"},\"source\"");
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"Summary\":\"IP protocol 47\"");
}

static void icmp_has_type_and_code(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.proto = IPPROTO_ICMP;
	r.icmp_type = 8;
	r.source.port = r.destination.port = 0;
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"l4\":{\"ICMPv4\":{\"type\":8}}");
	assert_contains(PN_FORMAT_NETOBSERV, &r,
			"\"Proto\":1,\"TimeFlowRttNs\":1250000,"
			"\"IcmpType\":8,\"IcmpCode\":0,");
}

static void names_cannot_break_a_line(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_owner owner = owner_web;

	(void)state;
	owner.name = "a\"b\nc\xff";
	owner.name_space = "n\\s";
	r.source.owner = &owner;
	assert_contains(PN_FORMAT_NETOBSERV, &r, "\"SrcK8S_Name\":\"a\\\"b\\u000ac\xef\xbf\xbd\"");
	assert_contains(PN_FORMAT_HUBBLE, &r, "\"pod_name\":\"a\\\"b\\u000ac\xef\xbf\xbd\"");
	assert_contains(PN_FORMAT_HUBBLE, &r,
			"\"labels\":[\"k8s:io.kubernetes.pod.namespace=n\\\\s\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(netobserv_has_a_connection_with_both_directions),
		cmocka_unit_test(netobserv_says_what_was_dropped_and_what_is_over),
		cmocka_unit_test(hubble_has_the_message_of_cilium),
		cmocka_unit_test(hubble_says_what_was_dropped),
		cmocka_unit_test(icmp_has_type_and_code),
		cmocka_unit_test(names_cannot_break_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
