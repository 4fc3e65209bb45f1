/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym whois: what can be asked, and how answers are shown. What the maps say is tested with the
 * maps, in tests/unit/datapath and tests/bats/maps.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/whois.h"

static void an_operand_is_an_address_with_or_without_a_port(void **state)
{
	static const struct {
		const char *text, *addr;
		uint16_t port;
		uint8_t proto;
	} expected[] = {
		{ "10.0.0.1", "10.0.0.1", 0, 0 },
		{ "fd00::1", "fd00::1", 0, 0 },
		{ "::ffff:10.0.0.1", "10.0.0.1", 0, 0 },
		{ "10.0.0.1:80", "10.0.0.1", 80, 6 },
		{ "10.0.0.1:53/udp", "10.0.0.1", 53, 17 },
		{ "10.0.0.1:65535/SCTP", "10.0.0.1", 65535, 132 },
		{ "[fd00::1]:1/tcp", "fd00::1", 1, 6 },
		{ "[10.0.0.1]:80", "10.0.0.1", 80, 6 },
		{ "fd00::1:80", "fd00::1:80", 0, 0 },
	};
	char text[PN_ADDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(expected); i++) {
		struct pn_whois_question q;

		assert_int_equal(pn_whois_parse(expected[i].text, &q, NULL), 0);
		assert_string_equal(pn_addr_format(&q.addr, text), expected[i].addr);
		assert_int_equal(q.port, expected[i].port);
		assert_int_equal(q.proto, expected[i].proto);
	}
}

static void a_wrong_operand_is_refused_and_quoted(void **state)
{
	static const char *const wrong[] = {
		"",
		" ",
		"10.0.0.256",
		"10.0.0.1:",
		"10.0.0.1:0",
		"10.0.0.1:65536",
		"10.0.0.1:80/",
		"10.0.0.1:80/icmp",
		"10.0.0.1:80/tcp/",
		"10.0.0.1: 80",
		"10.0.0.1:-1",
		"10.0.0.1:+1",
		"[fd00::1",
		"[fd00::1]",
		"[fd00::1]80",
		"[]:80",
		":80",
		"10.0.0.0/8",
		"10.0.0.1:99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(wrong); i++) {
		struct pn_whois_question q = { .port = 7 };
		struct pn_err err = { "" };
		char quoted[64];

		(void)snprintf(quoted, sizeof(quoted), "\"%s\"", wrong[i]);
		assert_int_equal(pn_whois_parse(wrong[i], &q, &err), -EINVAL);
		assert_int_equal(strncmp(err.text, quoted, strlen(quoted)), 0);
		assert_int_equal(q.port, 7);
	}
}

static void an_operand_of_any_length_is_refused(void **state)
{
	struct pn_whois_question q;
	char text[8192];

	(void)state;
	memset(text, '1', sizeof(text) - 1);
	for (size_t len = 0; len < sizeof(text); len += 13) {
		text[sizeof(text) - 1] = '\0';
		assert_int_equal(pn_whois_parse(text + len, &q, NULL), -EINVAL);
	}
}

static void a_cgroup_is_a_number_or_one_that_exists(void **state)
{
	struct pn_whois_question q;
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(pn_whois_parse_cgroup("4711", &q, NULL), 0);
	assert_int_equal(q.cgroup, 4711);
	assert_int_equal(pn_whois_parse_cgroup("0", &q, &err), -EINVAL);
	assert_true(pn_whois_parse_cgroup("/no/such-cgroup", &q, &err) < 0);
	assert_true(pn_whois_parse_cgroup("99999999999999999999", &q, &err) < 0);
	assert_true(pn_whois_parse_cgroup("", &q, &err) < 0 || q.cgroup != 0);
}

/* --- answers ------------------------------------------------------------------------------------ */

static char *shown(bool as_json, const struct pn_whois_answer *a)
{
	struct pn_whois_report *r;
	size_t len;
	char *text;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(pn_whois_report_new(as_json, &r), 0);
	assert_int_equal(pn_whois_report_add(r, a), 0);
	assert_int_equal(pn_whois_report_print(r, f), 0);
	pn_whois_report_free(r);
	(void)fclose(f);
	return text;
}

static void assert_shown(const struct pn_whois_answer *a, const char *in_table, const char *in_json)
{
	char *table = shown(false, a), *json = shown(true, a);

	if (!strstr(table, in_table))
		fail_msg("\"%s\" is not in\n%s", in_table, table);
	if (!strstr(json, in_json))
		fail_msg("\"%s\" is not in\n%s", in_json, json);
	free(table);
	free(json);
}

static struct pn_whois_answer answer_of(const char *operand, enum pn_whois_by by, uint32_t kind,
					const char *name)
{
	struct pn_whois_answer a = { .by = by, .owner_id = 1, .has_owner = true };

	assert_int_equal(pn_whois_parse(operand, &a.question, NULL), 0);
	a.owner.kind = kind;
	(void)snprintf(a.owner.name, sizeof(a.owner.name), "%s", name);
	return a;
}

static void every_kind_and_flag_has_words(void **state)
{
	struct pn_whois_answer a;

	(void)state;
	a = answer_of("10.0.0.1:9100", PN_WHOIS_PORT, PN_OWNER_POD, "exporter");
	a.owner.flags = PN_OWNER_HOST_NETWORK;
	assert_shown(&a, "by its port on the node, host network", "\"host_network\": true");
	a = answer_of("10.96.0.1", PN_WHOIS_SERVICE, PN_OWNER_SERVICE, "db");
	a.owner.flags = PN_OWNER_NO_ENDPOINTS;
	assert_shown(&a, "no endpoints", "\"no_endpoints\": true");
	a = answer_of("10.0.0.1", PN_WHOIS_NODE, PN_OWNER_NODE, "n1");
	assert_shown(&a, "node  n1", "\"attribution\": \"node\"");
	a.question = (struct pn_whois_question) { .cgroup = 7 };
	a.by = PN_WHOIS_CGROUP;
	a.owner.kind = PN_OWNER_PROCESS;
	assert_shown(&a, "cgroup 7  process  n1", "\"cgroup\": 7");
	a.owner.kind = 77;
	assert_shown(&a, "unknown", "\"kind\": \"unknown\"");
}

static void nobodys_address_is_shown_with_its_network_and_without_owner(void **state)
{
	struct pn_whois_answer a = answer_of("10.2.3.4", PN_WHOIS_CIDR, PN_OWNER_RANGE, "office");
	char *json;

	(void)state;
	assert_int_equal(pn_addr_parse("10.2.0.0", &a.network.addr), 0);
	a.network.prefix_len = 96 + 15;
	assert_shown(&a, "nobody's, but in 10.2.0.0/15", "\"cidr\": \"10.2.0.0/15\"");
	json = shown(true, &a);
	assert_null(strstr(json, "\"owner\""));
	free(json);
	assert_int_equal(pn_addr_parse("::", &a.network.addr), 0);
	a.network.prefix_len = 0;
	assert_shown(&a, "nobody's, but in ::/0", "\"cidr\": \"::/0\"");
}

static void a_time_with_two_possible_owners_is_told(void **state)
{
	struct pn_whois_answer a = answer_of("10.0.0.1", PN_WHOIS_IP, PN_OWNER_POD, "new");

	(void)state;
	a.ip = (struct pn_ip_value) {
		.owner = 1,
		.prev_owner = 2,
		.since_ns = 1000000000,
		.prev_until_ns = 2500000000,
	};
	a.has_previous = true;
	(void)snprintf(a.previous.name, sizeof(a.previous.name), "old");
	assert_shown(&a, "both possible for the first 1.500 s", "\"both_possible_ms\": 1500");
	a.ip.prev_until_ns = a.ip.since_ns;
	assert_shown(&a, "old", "\"both_possible_ms\": 0");
}

static void names_that_are_no_text_do_not_break_the_document(void **state)
{
	struct pn_whois_answer a = answer_of("10.0.0.1", PN_WHOIS_IP, PN_OWNER_POD, "\xff\xfe");

	(void)state;
	assert_shown(&a, "10.0.0.1", "\"name\": \"\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_operand_is_an_address_with_or_without_a_port),
		cmocka_unit_test(a_wrong_operand_is_refused_and_quoted),
		cmocka_unit_test(an_operand_of_any_length_is_refused),
		cmocka_unit_test(a_cgroup_is_a_number_or_one_that_exists),
		cmocka_unit_test(every_kind_and_flag_has_words),
		cmocka_unit_test(nobodys_address_is_shown_with_its_network_and_without_owner),
		cmocka_unit_test(a_time_with_two_possible_owners_is_told),
		cmocka_unit_test(names_that_are_no_text_do_not_break_the_document),
	};

	return cmocka_run_group_tests_name("whois", tests, NULL, NULL);
}
