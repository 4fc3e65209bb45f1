/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as JSON, byte for byte: the documented names, and what no name may break.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>

#include "export/encode.h"
#include "tests/unit/export/record_fixture.h"

static void assert_line(enum pn_format format, const struct pn_flow_record *r, const char *want)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	assert_int_equal(pn_encode(format, r, &out), 0);
	assert_string_equal(out.data, want);
	pn_buf_done(&out);
}

static void json_has_the_documented_names(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	assert_line(
		PN_FORMAT_JSON, &r,
		"{\"event\":{\"start\":\"2026-03-19T12:03:02.000000001Z\","
		"\"end\":\"2026-03-19T12:03:04.512345678Z\"},"
		"\"source\":{\"address\":\"10.0.0.1\",\"port\":43210,\"bytes\":12000,"
		"\"packets\":18,\"k8s\":{\"namespace\":{\"name\":\"shop\"},"
		"\"pod\":{\"name\":\"web-7d9\"},"
		"\"workload\":{\"kind\":\"Deployment\",\"name\":\"web\"},"
		"\"node\":{\"name\":\"n1\"}}},"
		"\"destination\":{\"address\":\"10.0.1.2\",\"port\":5432,\"bytes\":3000,"
		"\"packets\":14,\"k8s\":{\"namespace\":{\"name\":\"shop\"},"
		"\"pod\":{\"name\":\"db-0\"},"
		"\"workload\":{\"kind\":\"StatefulSet\",\"name\":\"db\"},"
		"\"node\":{\"name\":\"n2\"},"
		"\"service\":{\"name\":\"db\",\"namespace\":\"shop\","
		"\"address\":\"10.96.0.7\",\"port\":5432}}},"
		"\"network\":{\"transport\":\"tcp\",\"type\":\"ipv4\"},"
		"\"podonym\":{\"schema_version\":1,\"flow_id\":\"18446744073709551615\","
		"\"state\":\"active\",\"attribution\":{\"source\":\"ip\",\"destination\":\"ip\"},"
		"\"tcp\":{\"state\":\"closing\","
		"\"flags\":{\"source\":\"SYN|ACK\",\"destination\":\"SYN|ACK|FIN\"},"
		"\"rtt_us\":1250,\"min_rtt_us\":900,"
		"\"retransmits\":{\"source\":2,\"destination\":0}},"
		"\"delivered\":{\"source\":17,\"destination\":14}}}\n");
}

static void json_of_drops_has_the_documented_names(void **state)
{
	struct pn_flow_record r = sample_drop();

	(void)state;
	assert_line(PN_FORMAT_JSON, &r,
		    "{\"event\":{\"start\":\"2026-03-19T12:03:02.000000001Z\","
		    "\"end\":\"2026-03-19T12:03:04.512345678Z\"},"
		    "\"source\":{\"address\":\"10.0.0.1\",\"port\":43210,"
		    "\"k8s\":{\"namespace\":{\"name\":\"shop\"},"
		    "\"pod\":{\"name\":\"web-7d9\"},"
		    "\"workload\":{\"kind\":\"Deployment\",\"name\":\"web\"},"
		    "\"node\":{\"name\":\"n1\"}}},"
		    "\"destination\":{\"address\":\"10.0.1.2\",\"port\":5432,"
		    "\"k8s\":{\"namespace\":{\"name\":\"shop\"},"
		    "\"pod\":{\"name\":\"db-0\"},"
		    "\"workload\":{\"kind\":\"StatefulSet\",\"name\":\"db\"},"
		    "\"node\":{\"name\":\"n2\"},"
		    "\"service\":{\"name\":\"db\",\"namespace\":\"shop\","
		    "\"address\":\"10.96.0.7\",\"port\":5432}}},"
		    "\"network\":{\"transport\":\"tcp\",\"type\":\"ipv4\"},"
		    "\"podonym\":{\"schema_version\":1,"
		    "\"attribution\":{\"source\":\"ip\",\"destination\":\"ip\"},"
		    "\"tcp\":{\"flags\":{\"source\":\"SYN\"},\"rtt_us\":1250,\"min_rtt_us\":900,"
		    "\"retransmits\":{\"source\":2,\"destination\":0}},"
		    "\"verdict\":\"dropped\","
		    "\"drop\":{\"reason\":\"NETFILTER_DROP\",\"location\":\"nft_do_chain\","
		    "\"kind\":\"netfilter\",\"count\":3,\"bytes\":180,\"total\":12,"
		    "\"netns\":4026531840,\"ifindex\":7}}}\n");
}

static void json_leaves_out_what_is_not_known(void **state)
{
	struct pn_flow_record r = {
		.proto = 47,
		.state = PN_FLOW_IDLE,
		.source.addr = { { 0xfd, [15] = 1 } },
		.source.attribution = PN_ATTR_NONE,
		.destination.addr = { { 0xfd, [15] = 2 } },
		.destination.attribution = PN_ATTR_NONE,
	};

	(void)state;
	assert_line(PN_FORMAT_JSON, &r,
		    "{\"event\":{\"start\":\"1970-01-01T00:00:00.000000000Z\","
		    "\"end\":\"1970-01-01T00:00:00.000000000Z\"},"
		    "\"source\":{\"address\":\"fd00::1\",\"bytes\":0,\"packets\":0},"
		    "\"destination\":{\"address\":\"fd00::2\",\"bytes\":0,\"packets\":0},"
		    "\"network\":{\"transport\":\"gre\",\"type\":\"ipv6\"},"
		    "\"podonym\":{\"schema_version\":1,\"flow_id\":\"0\",\"state\":\"idle\","
		    "\"attribution\":{\"source\":\"none\",\"destination\":\"none\"},"
		    "\"delivered\":{\"source\":0,\"destination\":0}}}\n");
}

/* The string at a dotted path of the line for @r; fails if it is not valid JSON. */
static void assert_json_string(const struct pn_flow_record *r, const char *const *path,
			       const char *want)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	json_t *root;
	const json_t *at;

	assert_int_equal(pn_encode(PN_FORMAT_JSON, r, &out), 0);
	root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	for (at = root; *path; path++)
		at = json_object_get(at, *path);
	assert_string_equal(json_string_value(at), want);
	json_decref(root);
	pn_buf_done(&out);
}

static void json_survives_any_name(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{ "quote\" back\\slash", "quote\" back\\slash" },
		{ "tab\t newline\n bell\a del\x7f", "tab\t newline\n bell\a del\x7f" },
		{ "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x99", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x99" },
		{ "cut \xc3", "cut \xef\xbf\xbd" },
		{ "lone \x80 byte", "lone \xef\xbf\xbd byte" },
		{ "long \xc0\xaf form", "long \xef\xbf\xbd\xef\xbf\xbd form" },
		{ "surrogate \xed\xa0\x80", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "beyond \xf4\x90\x80\x80",
		  "beyond \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};
	static const char *const path[] = { "source", "k8s", "pod", "name", NULL };
	static const char *const process_path[] = { "source", "process", "name", NULL };
	static const char *const network_path[] = { "source", "network", "name", NULL };
	static const char *const zone_path[] = { "source", "cloud", "availability_zone", NULL };
	static const char *const region_path[] = { "source", "cloud", "region", NULL };

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(rows); i++) {
		struct pn_flow_record r = sample_record();
		struct pn_owner owner = owner_web;

		owner.name = rows[i].name;
		r.source.owner = &owner;
		assert_json_string(&r, path, rows[i].want);
		owner = owner_process;
		owner.name = owner.zone = owner.region = rows[i].name;
		assert_json_string(&r, process_path, rows[i].want);
		assert_json_string(&r, zone_path, rows[i].want);
		assert_json_string(&r, region_path, rows[i].want);
		owner = owner_range;
		owner.name = rows[i].name;
		assert_json_string(&r, network_path, rows[i].want);
	}
}

static void json_of_a_service_without_backend_names_the_service(void **state)
{
	static const char *const path[] = { "destination", "k8s", "service", "name", NULL };
	static const char *const namespace_path[] = { "destination", "k8s", "namespace", "name",
						      NULL };
	struct pn_flow_record r = sample_record();

	(void)state;
	r.destination.owner = &owner_service;
	r.destination.attribution = PN_ATTR_SERVICE;
	assert_json_string(&r, path, "db");
	assert_json_string(&r, namespace_path, "shop");
}

/* The part of the line from @from on. */
static void assert_json_has(const struct pn_flow_record *r, const char *part)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	assert_int_equal(pn_encode(PN_FORMAT_JSON, r, &out), 0);
	if (!strstr(out.data, part))
		fail_msg("no %s in %s", part, out.data);
	pn_buf_done(&out);
}

/* What the line says of policies. */
static void assert_policy(const struct pn_record_policy *p, bool disagrees, const char *want)
{
	struct pn_flow_record r = sample_record();
	struct pn_buf out = PN_BUF_INIT(4096);
	const char *at;

	r.policy = *p;
	r.disagrees = disagrees;
	assert_int_equal(pn_encode(PN_FORMAT_JSON, &r, &out), 0);
	at = strstr(out.data, "\"policy\":");
	assert_non_null(at);
	assert_memory_equal(at + 9, want, strlen(want));
	pn_buf_done(&out);
}

static void json_says_what_policies_make_of_it(void **state)
{
	struct pn_record_policy p = { "NetworkPolicy/shop/db", PN_EXPECTED_DENIED, true, false };

	(void)state;
	assert_policy(&p, true,
		      "{\"expected\":\"denied\",\"kind\":\"NetworkPolicy\",\"namespace\":\"shop\","
		      "\"name\":\"db\",\"direction\":\"ingress\",\"disagrees\":true},");
	p = (struct pn_record_policy) { "AdminNetworkPolicy/a\"b", PN_EXPECTED_ALLOWED, false,
					true };
	assert_policy(
		&p, false,
		"{\"expected\":\"allowed\",\"kind\":\"AdminNetworkPolicy\",\"name\":\"a\\\"b\","
		"\"direction\":\"egress\",\"late\":true},");
	p = (struct pn_record_policy) { NULL, PN_EXPECTED_ALLOWED, false, false };
	assert_policy(&p, false, "{\"expected\":\"allowed\"},");
}

static void json_of_a_flow_says_what_was_dropped_of_it(void **state)
{
	struct pn_flow_record r = sample_drop();

	(void)state;
	r.is_drop = false;
	r.drop.kind = PN_DROP_REJECTED;
	assert_json_has(&r, "\"verdict\":\"rejected\",\"drop\":{\"reason\":\"NETFILTER_DROP\","
			    "\"location\":\"nft_do_chain\",\"kind\":\"rejected\",\"count\":3,"
			    "\"bytes\":180},\"delivered\"");
	/* nobody has decided against these, and older kernels give no reason */
	r.drop.kind = PN_DROP_NO_LISTENER;
	r.drop.reason = "";
	assert_json_has(&r, "}},\"drop\":{\"location\":\"nft_do_chain\",\"kind\":\"no_listener\"");
}

static void json_of_processes_networks_and_zones(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.service = NULL;
	r.source.owner = &owner_process;
	r.source.attribution = PN_ATTR_CGROUP;
	r.destination.owner = &owner_range;
	r.destination.attribution = PN_ATTR_CIDR;
	assert_json_has(&r, "\"packets\":18,\"k8s\":{\"node\":{\"name\":\"n1\"}},"
			    "\"process\":{\"name\":\"sshd.service\"},"
			    "\"cloud\":{\"availability_zone\":\"z-1a\",\"region\":\"z-1\"}},");
	assert_json_has(&r, "\"packets\":14,\"network\":{\"name\":\"office\"}},"
			    "\"network\":{\"transport\":\"tcp\"");
	assert_json_has(&r, "\"attribution\":{\"source\":\"cgroup\",\"destination\":\"cidr\"}");
}

static void json_names_every_attribution(void **state)
{
	static const char *const names[] = { "cgroup", "ip",	    "port", "service", "node",
					     "cidr",   "ambiguous", "none", "stale" };

	(void)state;
	_Static_assert(PN_ARRAY_SIZE(names) == PN_ATTR_MAX, "all of them");
	for (enum pn_attribution a = 0; a < PN_ATTR_MAX; a++) {
		static const char *const path[] = { "podonym", "attribution", "source", NULL };
		struct pn_flow_record r = sample_record();

		r.source.attribution = a;
		assert_json_string(&r, path, names[a]);
	}
}

static void json_says_what_is_special_about_a_service(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.is_headless = true;
	assert_json_has(&r, "\"service\":{\"name\":\"db\",\"namespace\":\"shop\"}}},\"network\"");
	assert_json_has(&r, "\"service\":{\"headless\":true},\"delivered\"");
	r.is_headless = false;
	r.no_endpoints = true;
	assert_json_has(&r, "\"service\":{\"no_endpoints\":true},\"delivered\"");
}

static void json_of_a_sample_says_what_it_stands_for(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.sampling = 100;
	assert_json_has(&r, "\"sampling\":100,\"state\":");
}

static void json_of_icmp_has_type_and_no_ports(void **state)
{
	static const char *const path[] = { "network", "transport", NULL };
	struct pn_flow_record r = sample_record();
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	(void)state;
	r.proto = IPPROTO_ICMP;
	r.icmp_type = 3;
	r.icmp_code = 1;
	r.source.port = r.destination.port = r.service_port = 0;
	r.service = NULL;
	assert_json_string(&r, path, "icmp");
	assert_int_equal(pn_encode(PN_FORMAT_JSON, &r, &out), 0);
	assert_non_null(strstr(out.data, "\"icmp\":{\"type\":3,\"code\":1}"));
	assert_null(strstr(out.data, "\"port\""));
	assert_null(strstr(out.data, "\"tcp\""));
	pn_buf_done(&out);
}

static void json_of_icmp_errors_says_what_they_are_about(void **state)
{
	struct pn_flow_record r = icmp_error();
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	(void)state;
	assert_int_equal(pn_encode(PN_FORMAT_JSON, &r, &out), 0);
	assert_non_null(strstr(out.data,
			       "\"icmp\":{\"type\":3,\"code\":13,\"quoted\":{\"transport\":\"tcp\","
			       "\"source\":{\"address\":\"10.0.0.1\",\"port\":43210},"
			       "\"destination\":{\"address\":\"10.0.1.2\",\"port\":5432}}}"));
	pn_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_the_documented_names),
		cmocka_unit_test(json_of_drops_has_the_documented_names),
		cmocka_unit_test(json_leaves_out_what_is_not_known),
		cmocka_unit_test(json_survives_any_name),
		cmocka_unit_test(json_of_a_service_without_backend_names_the_service),
		cmocka_unit_test(json_says_what_policies_make_of_it),
		cmocka_unit_test(json_of_a_flow_says_what_was_dropped_of_it),
		cmocka_unit_test(json_of_processes_networks_and_zones),
		cmocka_unit_test(json_names_every_attribution),
		cmocka_unit_test(json_says_what_is_special_about_a_service),
		cmocka_unit_test(json_of_a_sample_says_what_it_stands_for),
		cmocka_unit_test(json_of_icmp_has_type_and_no_ports),
		cmocka_unit_test(json_of_icmp_errors_says_what_they_are_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
