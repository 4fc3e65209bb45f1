/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for people, byte for byte; what forms and times are called, and a line that is too long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "export/encode.h"
#include "tests/unit/export/record_fixture.h"

static void assert_line(enum pn_format format, const struct pn_flow_record *r, const char *want)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	assert_int_equal(pn_encode(format, r, &out), 0);
	assert_string_equal(out.data, want);
	pn_buf_done(&out);
}

static void assert_compact(const struct pn_flow_record *r, const char *want)
{
	assert_line(PN_FORMAT_COMPACT, r, want);
}

static void compact_says_how_tcp_failed(void **state)
{
	static const struct {
		enum pn_tcp_state tcp;
		enum pn_flow_end end;
		const char *word;
	} cases[] = {
		{ PN_TCP_REFUSED, PN_FLOW_CLOSED, "refused" },
		{ PN_TCP_RESET, PN_FLOW_CLOSED, "reset" },
		{ PN_TCP_OPENING, PN_FLOW_IDLE, "unanswered" },
		{ PN_TCP_ESTABLISHED, PN_FLOW_IDLE, "idle" },
		{ PN_TCP_CLOSED, PN_FLOW_CLOSED, "closed" },
	};
	struct pn_flow_record r = sample_record();
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	(void)state;
	r.service = NULL;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		char want[32];

		r.tcp_state = cases[i].tcp;
		r.state = cases[i].end;
		out.len = 0;
		assert_int_equal(pn_encode(PN_FORMAT_COMPACT, &r, &out), 0);
		(void)snprintf(want, sizeof(want), " packets %s\n", cases[i].word);
		assert_non_null(strstr(out.data, want));
	}
	pn_buf_done(&out);
}

static void compact_is_the_documented_line(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	assert_compact(&r, "12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB "
			   "18/14 packets (service shop/db)\n");
	r.service = NULL;
	r.state = PN_FLOW_CLOSED;
	assert_compact(&r, "12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB "
			   "18/14 packets closed\n");
}

static void compact_of_drops_says_what_they_mean(void **state)
{
	struct pn_flow_record r = sample_drop();

	(void)state;
	assert_line(PN_FORMAT_COMPACT, &r,
		    "12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 3x dropped by netfilter "
		    "(policy-like): NETFILTER_DROP in nft_do_chain\n");
	r.drop.kind = PN_DROP_NO_LISTENER;
	r.drop.reason = "";
	r.drop.location = "tcp_v4_rcv";
	assert_line(PN_FORMAT_COMPACT, &r,
		    "12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 3x no listener: in "
		    "tcp_v4_rcv\n");
	r.is_drop = false;
	assert_line(
		PN_FORMAT_COMPACT, &r,
		"12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB 18/14 packets "
		"(service shop/db), 3x no listener: in tcp_v4_rcv\n");
}

static void compact_names_the_policy_that_denies(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.policy = (struct pn_record_policy) { "NetworkPolicy/shop/db", PN_EXPECTED_DENIED, true,
					       false };
	assert_line(
		PN_FORMAT_COMPACT, &r,
		"12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB 18/14 packets "
		"(service shop/db) (denied by shop/db)\n");
	r.disagrees = true;
	assert_line(
		PN_FORMAT_COMPACT, &r,
		"12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB 18/14 packets "
		"(service shop/db) (denied by shop/db, but went through)\n");
	r.policy = (struct pn_record_policy) { NULL, PN_EXPECTED_ALLOWED, false, false };
	assert_line(
		PN_FORMAT_COMPACT, &r,
		"12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB 18/14 packets "
		"(service shop/db) (allowed by policies, but dropped)\n");
	r.disagrees = false;
	assert_line(
		PN_FORMAT_COMPACT, &r,
		"12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB 18/14 packets "
		"(service shop/db)\n");
}

static void compact_without_names_has_addresses(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.service = NULL;
	r.source.owner = NULL;
	r.destination.owner = NULL;
	r.destination.addr = (struct pn_addr) { { 0x20, 0x01, 0x0d, 0xb8, [15] = 9 } };
	assert_compact(&r, "12:03:04.512 10.0.0.1:43210 -> [2001:db8::9]:5432 TCP 12 kB/3 kB "
			   "18/14 packets\n");
	r.proto = IPPROTO_ICMPV6;
	r.icmp_type = 128;
	r.source.port = r.destination.port = 0;
	assert_compact(&r, "12:03:04.512 10.0.0.1 -> 2001:db8::9 ICMPv6 echo 12 kB/3 kB "
			   "18/14 packets\n");
}

static void compact_tells_nodes_and_services_from_pods(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_owner node = owner_service;

	(void)state;
	node.kind = PN_OWNER_NODE;
	node.name_space = "";
	node.name = "n1";
	r.source.owner = &node;
	r.destination.owner = &owner_service;
	assert_compact(&r, "12:03:04.512 node/n1:43210 -> service/shop/db:5432 TCP 12 kB/3 kB "
			   "18/14 packets\n");
}

static void compact_tells_processes_and_networks(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.service = NULL;
	r.source.owner = &owner_process;
	r.source.attribution = PN_ATTR_CGROUP;
	r.destination.owner = &owner_range;
	r.destination.attribution = PN_ATTR_CIDR;
	assert_compact(&r,
		       "12:03:04.512 node/n1/sshd.service:43210 -> network/office/10.0.1.2:5432 "
		       "TCP 12 kB/3 kB 18/14 packets\n");
	r.destination.addr = (struct pn_addr) { { 0x20, 0x01, 0x0d, 0xb8, [15] = 9 } };
	assert_compact(&r, "12:03:04.512 node/n1/sshd.service:43210 -> "
			   "network/office/[2001:db8::9]:5432 TCP 12 kB/3 kB 18/14 packets\n");
}

static void compact_doubts_a_stale_name(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.service = NULL;
	r.destination.attribution = PN_ATTR_STALE;
	assert_compact(&r, "12:03:04.512 shop/web-7d9:43210 -> shop/db-0?:5432 TCP 12 kB/3 kB "
			   "18/14 packets\n");
}

static void compact_says_what_is_special_about_a_service(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.is_headless = true;
	assert_compact(&r, "12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB "
			   "18/14 packets (headless service shop/db)\n");
	r.is_headless = false;
	r.no_endpoints = true;
	r.destination.owner = &owner_service;
	assert_compact(&r, "12:03:04.512 shop/web-7d9:43210 -> service/shop/db:5432 TCP 12 kB/3 kB "
			   "18/14 packets (no endpoints)\n");
}

static void compact_names_icmp_types(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.service = NULL;
	r.source.port = r.destination.port = 0;
	r.proto = IPPROTO_ICMP;
	r.icmp_type = 11;
	assert_compact(&r, "12:03:04.512 shop/web-7d9 -> shop/db-0 ICMP time exceeded "
			   "12 kB/3 kB 18/14 packets\n");
	r.icmp_type = 99;
	assert_compact(&r, "12:03:04.512 shop/web-7d9 -> shop/db-0 ICMP type 99 12 kB/3 kB "
			   "18/14 packets\n");
}

static void compact_of_a_sample_says_what_it_stands_for(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.sampling = 100;
	assert_compact(&r, "12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB "
			   "18/14 packets (1 of 100) (service shop/db)\n");
}

static void compact_of_icmp_errors_says_what_they_are_about(void **state)
{
	struct pn_flow_record r = icmp_error();

	(void)state;
	assert_compact(&r, "12:03:04.512 shop/web-7d9 -> shop/db-0 ICMP unreachable 12 kB/3 kB "
			   "18/14 packets (about TCP 10.0.0.1:43210 -> 10.0.1.2:5432)\n");
}

static void compact_cannot_be_used_to_act_on_the_terminal(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_owner owner = owner_web;

	(void)state;
	owner.name = "a\033[2Jb\nc\xc3\xbc";
	r.source.owner = &owner;
	r.service = NULL;
	assert_compact(&r, "12:03:04.512 shop/a?[2Jb?c??:43210 -> shop/db-0:5432 TCP "
			   "12 kB/3 kB 18/14 packets\n");
	owner.kind = PN_OWNER_PROCESS;
	owner.node = "\033c";
	assert_compact(&r, "12:03:04.512 node/?c/a?[2Jb?c??:43210 -> shop/db-0:5432 TCP "
			   "12 kB/3 kB 18/14 packets\n");
}

static void bytes_have_three_significant_digits(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} rows[] = {
		{ 0, "0 B" },
		{ 999, "999 B" },
		{ 1000, "1 kB" },
		{ 1004, "1 kB" },
		{ 1005, "1.01 kB" },
		{ 1500, "1.5 kB" },
		{ 9994, "9.99 kB" },
		{ 9995, "10 kB" },
		{ 12345, "12.3 kB" },
		{ 99949, "99.9 kB" },
		{ 99950, "100 kB" },
		{ 123456, "123 kB" },
		{ 999499, "999 kB" },
		{ 999500, "1 MB" },
		{ 12000000000u, "12 GB" },
		{ 1050000000000u, "1.05 TB" },
		{ UINT64_MAX, "18.4 EB" },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(rows); i++) {
		struct pn_flow_record r = sample_record();
		char want[160];

		r.service = NULL;
		r.source.bytes = rows[i].bytes;
		r.destination.bytes = 0;
		(void)snprintf(want, sizeof(want),
			       "12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP %s/0 B "
			       "18/14 packets\n",
			       rows[i].want);
		assert_compact(&r, want);
	}
}

static void color_only_adds_escapes(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	char plain[256];
	size_t n = 0;

	(void)state;
	assert_int_equal(pn_encode(PN_FORMAT_COLOR, &r, &out), 0);
	assert_non_null(strstr(out.data, "\033["));
	for (const char *c = out.data; *c; c++) {
		if (*c == '\033')
			c = strchr(c, 'm');
		else
			plain[n++] = *c;
	}
	plain[n] = '\0';
	pn_buf_done(&out);
	assert_compact(&r, plain);
}

static void too_long_a_line_leaves_the_buffer_as_it_was(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_owner owner = owner_web;
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	char *name = calloc(1, 100000);

	(void)state;
	assert_non_null(name);
	memset(name, 'x', 99999);
	owner.name = name;
	r.source.owner = &owner;
	assert_int_equal(pn_buf_put(&out, "before\n", 7), 0);
	for (enum pn_format i = 0; i < PN_FORMAT_MAX; i++) {
		assert_int_equal(pn_encode(i, &r, &out), -EMSGSIZE);
		assert_string_equal(out.data, "before\n");
		assert_int_equal(out.len, 7);
	}
	name[3000] = '\0'; /* too long for the first try only */
	assert_int_equal(pn_encode(PN_FORMAT_JSON, &r, &out), 0);
	assert_true(out.len > 3000);
	free(name);
	pn_buf_done(&out);
}

static void assert_styled(const struct pn_style *style, const struct pn_flow_record *r,
			  const char *want)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	assert_int_equal(pn_encode_styled(style, r, &out), 0);
	assert_string_equal(out.data, want);
	pn_buf_done(&out);
}

static void assert_time(enum pn_time_form form, pn_nsec age, const char *want)
{
	struct pn_flow_record r = sample_record();
	struct pn_style style = { .time = form, .now = r.end + age };
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	assert_int_equal(pn_encode_styled(&style, &r, &out), 0);
	*strstr(out.data, " shop/") = '\0';
	assert_string_equal(out.data, want);
	pn_buf_done(&out);
}

static void times_have_the_form_wanted(void **state)
{
	const pn_nsec s = PN_NSEC_PER_SEC;

	(void)state;
	assert_time(PN_TIME_CLOCK, 0, "12:03:04.512");
	assert_time(PN_TIME_RFC3339, 0, "2026-03-19T12:03:04Z");
	assert_time(PN_TIME_RFC3339NANO, 0, "2026-03-19T12:03:04.512345678Z");
	assert_time(PN_TIME_UNIX, 0, "1773921784.512");
	assert_time(PN_TIME_RELATIVE, 0, "0.0s ago");
	assert_time(PN_TIME_RELATIVE, (pn_nsec)-s, "0.0s ago"); /* a clock that was set */
	assert_time(PN_TIME_RELATIVE, 4 * s + s / 4, "4.2s ago");
	assert_time(PN_TIME_RELATIVE, 60 * s - 1, "59.9s ago");
	assert_time(PN_TIME_RELATIVE, 192 * s, "3m12s ago");
	assert_time(PN_TIME_RELATIVE, 7500 * s, "2h5m ago");
}

static void numeric_has_addresses_instead_of_names(void **state)
{
	const struct pn_style style = { .numeric = true };
	struct pn_flow_record r = sample_record();

	(void)state;
	assert_styled(&style, &r,
		      "12:03:04.512 10.0.0.1:43210 -> 10.0.1.2:5432 TCP 12 kB/3 kB 18/14 packets "
		      "(service 10.96.0.7:5432)\n");
	r.is_headless = true; /* it has no address */
	assert_styled(&style, &r,
		      "12:03:04.512 10.0.0.1:43210 -> 10.0.1.2:5432 TCP 12 kB/3 kB 18/14 packets "
		      "(headless service shop/db)\n");
}

static void fields_stand_between_tabs(void **state)
{
	struct pn_style style = { .format = PN_FORMAT_FIELDS };
	struct pn_flow_record r = sample_record();

	(void)state;
	assert_styled(&style, &r,
		      "12:03:04.512\tshop/web-7d9:43210\tshop/db-0:5432\tTCP\t12 kB/3 kB\t18/14\t"
		      "shop/db\t\t10.0.0.1\t10.0.1.2\tip/ip\n");
	r.state = PN_FLOW_CLOSED;
	r.service = NULL;
	r.source.owner = NULL;
	r.source.attribution = PN_ATTR_AMBIGUOUS;
	assert_styled(&style, &r,
		      "12:03:04.512\t10.0.0.1:43210\tshop/db-0:5432\tTCP\t12 kB/3 kB\t18/14\t"
		      "\tclosed\t10.0.0.1\t10.0.1.2\tambiguous/ip\n");
}

static void a_connection_that_stands_for_others_says_so_in_fields(void **state)
{
	struct pn_style style = { .format = PN_FORMAT_FIELDS };
	struct pn_flow_record r = sample_record();

	(void)state;
	r.sampling = 16;
	r.state = PN_FLOW_CLOSED;
	assert_styled(&style, &r,
		      "12:03:04.512\tshop/web-7d9:43210\tshop/db-0:5432\tTCP\t12 kB/3 kB\t18/14\t"
		      "shop/db\tclosed (1 of 16)\t10.0.0.1\t10.0.1.2\tip/ip\n");
}

static void names_cannot_add_fields(void **state)
{
	struct pn_style style = { .format = PN_FORMAT_FIELDS };
	struct pn_flow_record r = sample_record();
	struct pn_owner owner = owner_web;
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	size_t n_tabs = 0;

	(void)state;
	owner.name = "a\tb\nc";
	r.source.owner = r.service = &owner;
	assert_int_equal(pn_encode_styled(&style, &r, &out), 0);
	for (const char *c = out.data; *c; c++)
		n_tabs += *c == '\t';
	assert_int_equal(n_tabs, PN_FIELD_MAX - 1);
	assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 1);
	pn_buf_done(&out);
}

static void forms_of_times_have_names(void **state)
{
	enum pn_time_form f = PN_TIME_FORM_MAX;

	(void)state;
	assert_int_equal(pn_time_form_parse("rfc3339nano", &f), 0);
	assert_int_equal(f, PN_TIME_RFC3339NANO);
	assert_int_equal(pn_time_form_parse("iso", &f), -EINVAL);
	assert_int_equal(f, PN_TIME_RFC3339NANO);
}

static void formats_have_names(void **state)
{
	enum pn_format f = PN_FORMAT_MAX;

	(void)state;
	assert_int_equal(pn_format_parse("json", &f), 0);
	assert_int_equal(f, PN_FORMAT_JSON);
	assert_int_equal(pn_format_parse("compact", &f), 0);
	assert_int_equal(f, PN_FORMAT_COMPACT);
	assert_int_equal(pn_format_parse("yaml", &f), -EINVAL);
	assert_int_equal(f, PN_FORMAT_COMPACT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compact_says_how_tcp_failed),
		cmocka_unit_test(compact_is_the_documented_line),
		cmocka_unit_test(compact_of_drops_says_what_they_mean),
		cmocka_unit_test(compact_names_the_policy_that_denies),
		cmocka_unit_test(compact_without_names_has_addresses),
		cmocka_unit_test(compact_tells_nodes_and_services_from_pods),
		cmocka_unit_test(compact_tells_processes_and_networks),
		cmocka_unit_test(compact_doubts_a_stale_name),
		cmocka_unit_test(compact_says_what_is_special_about_a_service),
		cmocka_unit_test(compact_names_icmp_types),
		cmocka_unit_test(compact_of_a_sample_says_what_it_stands_for),
		cmocka_unit_test(compact_of_icmp_errors_says_what_they_are_about),
		cmocka_unit_test(compact_cannot_be_used_to_act_on_the_terminal),
		cmocka_unit_test(bytes_have_three_significant_digits),
		cmocka_unit_test(color_only_adds_escapes),
		cmocka_unit_test(too_long_a_line_leaves_the_buffer_as_it_was),
		cmocka_unit_test(times_have_the_form_wanted),
		cmocka_unit_test(numeric_has_addresses_instead_of_names),
		cmocka_unit_test(fields_stand_between_tabs),
		cmocka_unit_test(a_connection_that_stands_for_others_says_so_in_fields),
		cmocka_unit_test(names_cannot_add_fields),
		cmocka_unit_test(forms_of_times_have_names),
		cmocka_unit_test(formats_have_names),
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
