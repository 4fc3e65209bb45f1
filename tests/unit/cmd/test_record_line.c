/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of flows: what is taken of one, and which are refused. Lines are written with ' for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/util.h"
#include "cmd/policy/record_line.h"
#include "export/encode.h"

static char line[4096];

static const char *read_text(const char *text, struct pn_recorded_flow *ret)
{
	size_t n = strlen(text);

	assert_true(n < sizeof(line));
	for (size_t i = 0; i < n; i++)
		line[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	line[n] = '\n';
	return pn_record_line_read(line, n, ret);
}

#define ENDS "'source':{'address':'10.0.0.1'},'destination':{'address':'10.0.0.2','port':80}"

static void members_are_found_in_any_order_and_others_passed_over(void **state)
{
	struct pn_recorded_flow f;

	(void)state;
	assert_null(read_text(
		"{'x':[{'address':'}'}],'podonym':{'tcp':{'rtt_us':1,'state':'closed',"
		"'flags':{'source':'SYN','destination':'RST'}},'drop':{'count':3,"
		"'reason':'R','location':'f','kind':'netfilter','bytes':1},"
		"'delivered':{'source':5,'destination':6},"
		"'policy':{'late':true,'name':'x'},"
		"'collapsed':true,'flow_id':'7','state':'idle','attribution':{'destination':'ip'}},"
		"'network':{'transport':'tcp'},'destination':{'port':80,'address':"
		"'10.0.0.2','packets':9,'bytes':10,'process':{'name':'pr'},'network':{'name':'nw'},"
		"'k8s':{'service':{'name':'s','namespace':'sn','address':'x'},"
		"'node':{'name':'n\\u0031'},'workload':{'name':'w','kind':'Job'},"
		"'pod':{'name':'p'},'namespace':{'name':'ns'}}},"
		"'source':{'address':'10.0.0.1'},'event':{'end':'2026','start':'2025'}}",
		&f));
	assert_string_equal(f.source.address, "10.0.0.1");
	assert_string_equal(f.source.pod, "");
	assert_string_equal(f.source.attribution, "");
	assert_string_equal(f.destination.address, "10.0.0.2");
	assert_string_equal(f.destination.name_space, "ns");
	assert_string_equal(f.destination.pod, "p");
	assert_string_equal(f.destination.service, "s");
	assert_string_equal(f.destination.service_space, "sn");
	assert_string_equal(f.destination.process, "pr");
	assert_string_equal(f.destination.network, "nw");
	assert_int_equal(f.destination.bytes, 10);
	assert_int_equal(f.rtt_us, 1);
	assert_string_equal(f.told_as, "idle");
	assert_string_equal(f.destination.node, "n1");
	assert_string_equal(f.destination.workload_kind, "Job");
	assert_string_equal(f.destination.workload_name, "w");
	assert_string_equal(f.destination.attribution, "ip");
	assert_int_equal(f.destination.port, 80);
	assert_int_equal(f.destination.packets, 9);
	assert_string_equal(f.transport, "tcp");
	assert_string_equal(f.state, "closed");
	assert_string_equal(f.id, "7");
	assert_string_equal(f.start, "2025");
	assert_string_equal(f.end, "2026");
	assert_string_equal(f.source.tcp_flags, "SYN");
	assert_string_equal(f.destination.tcp_flags, "RST");
	assert_int_equal(f.source.delivered, 5);
	assert_int_equal(f.destination.delivered, 6);
	assert_string_equal(f.drop.reason, "R");
	assert_string_equal(f.drop.location, "f");
	assert_string_equal(f.drop.kind, "netfilter");
	assert_int_equal(f.drop.count, 3);
	assert_true(f.is_collapsed);
	assert_true(f.is_late);
}

static void what_is_no_record_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"7",
		"{",
		"{}",
		"[]",
		"{" ENDS "}",
		"{" ENDS ",'network':{'transport':'tcp'}",
		"{" ENDS ",'network':{'transport':'tcp'}} x",
		"{" ENDS ",'network':{'transport':6}}",
		"{" ENDS ",'network':'tcp'}",
		"{'source':{'address':'a'},'destination':{'address':'b','port':'80'},"
		"'network':{'transport':'tcp'}}",
		"{'source':{'address':'a'},'destination':{'address':'b','port':-1},"
		"'network':{'transport':'tcp'}}",
		"{'source':{'address':'a'},'destination':{'address':'b',"
		"'port':18446744073709551616},'network':{'transport':'tcp'}}",
		"{" ENDS ",'network':{'transport':'tcp'},'podonym':{'collapsed':}}",
		"{" ENDS ",'network':{'transport':'tcp'},'podonym':{'flow_id':'1}}",
	};
	struct pn_recorded_flow f;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(bad); i++)
		if (!read_text(bad[i], &f))
			fail_msg("taken: %s", bad[i]);
	assert_null(read_text("{" ENDS ",'network':{'transport':'tcp'},'event':null}", &f));
}

static void put_addr(struct pn_addr *to, uint8_t last)
{
	*to = (struct pn_addr) { .b = { [10] = 0xff, [11] = 0xff, 10, 0, 0, last } };
}

/* What the agent writes is what is read. */
static void a_record_comes_back_as_it_was_written(void **state)
{
	static const struct pn_owner owner = {
		.kind = PN_OWNER_POD,
		.uid = "",
		.name_space = "shop",
		.name = "web-1",
		.workload_kind = "Deployment",
		.workload_name = "we\"b",
		.node = "n1",
		.zone = "",
		.region = "",
	};
	struct pn_flow_record r = { .id = 12, .proto = IPPROTO_TCP, .is_v4 = true };
	struct pn_buf b = PN_BUF_INIT(sizeof(line));
	struct pn_recorded_flow f;

	(void)state;
	put_addr(&r.source.addr, 1);
	put_addr(&r.destination.addr, 2);
	r.source.owner = &owner;
	r.source.attribution = PN_ATTR_CGROUP;
	r.destination.attribution = PN_ATTR_NONE;
	r.destination.port = 5432;
	r.tcp_state = PN_TCP_REFUSED;
	r.end = PN_NSEC_PER_SEC;
	assert_int_equal(pn_encode(PN_FORMAT_JSON, &r, &b), 0);
	assert_null(pn_record_line_read(b.data, b.len - 1, &f));
	assert_string_equal(f.source.name_space, "shop");
	assert_string_equal(f.source.pod, "web-1");
	assert_string_equal(f.source.workload_name, "we\"b");
	assert_string_equal(f.source.node, "n1");
	assert_string_equal(f.source.attribution, "cgroup");
	assert_string_equal(f.destination.address, "10.0.0.2");
	assert_int_equal(f.destination.port, 5432);
	assert_string_equal(f.state, "refused");
	assert_string_equal(f.end, "1970-01-01T00:00:01.000000000Z");
	assert_string_equal(f.id, "12");
	pn_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found_in_any_order_and_others_passed_over),
		cmocka_unit_test(what_is_no_record_is_refused),
		cmocka_unit_test(a_record_comes_back_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
