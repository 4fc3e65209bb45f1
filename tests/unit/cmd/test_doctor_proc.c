/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cmd/doctor_proc.h"

static void assert_addr(const struct pn_addr *addr, const char *text)
{
	char buf[PN_ADDR_STRLEN];

	assert_string_equal(pn_addr_format(addr, buf), text);
}

static void the_unified_line_of_a_processs_cgroups_is_read(void **state)
{
	char both[][64] = { "4:memory:/a\n", "0::/kubepods/pod1\n",
			    "0::/\n",	     "0::\n",
			    "10::/x\n",	     "" };
	static const char *const expected[] = { NULL, "/kubepods/pod1", "/", NULL, NULL, NULL };

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(both); i++) {
		const char *path = pn_proc_cgroup(both[i]);

		if (expected[i])
			assert_string_equal(path, expected[i]);
		else
			assert_null(path);
	}
}

static void of_the_routes_only_own_addresses_are_taken(void **state)
{
	static const char *const lines[] = {
		"Main:\n",
		"  +-- 0.0.0.0/0 3 0 5\n",
		"     |-- 0.0.0.0\n",
		"        /0 universe UNICAST\n",
		"           |-- 10.77.0.0\n",
		"              /24 link UNICAST\n",
		"           |-- 10.77.0.2\n",
		"              /32 link UNICAST\n",
		"              /32 host LOCAL\n",
		"           |-- 127.0.0.0\n",
		"              /8 host LOCAL\n",
		"        |-- 10.77.0.255\n",
		"           /32 link BROADCAST\n",
	};
	struct pn_proc_fib fib = { .has_addr = false };
	struct pn_addr addr;
	int n = 0;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(lines); i++) {
		if (!pn_proc_fib(&fib, lines[i], &addr))
			continue;
		n++;
		assert_addr(&addr, "10.77.0.2");
	}
	assert_int_equal(n, 1);
}

static void odd_lines_of_routes_say_nothing(void **state)
{
	static const char *const lines[] = {
		"/32 host LOCAL", "|-- 10.0.0.300",	     "/32 host LOCAL",	"|-- ",	   "|--",
		"/32 host LOCAL", "|-- 1111111111111111111", "/32 host LOCAL",	"",	   "/",
		"|-- 10.0.0.1",	  "/32 host LOCALE",	     "/320 host LOCAL", "/32 host"
	};
	struct pn_proc_fib fib = { .has_addr = false };
	struct pn_addr addr;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(lines); i++)
		assert_false(pn_proc_fib(&fib, lines[i], &addr));
}

static void of_ipv6_addresses_those_for_others_are_taken(void **state)
{
	struct pn_addr addr;

	(void)state;
	assert_true(
		pn_proc_inet6("fd000000000000000000000000000002 04 40 00 82     eth0\n", &addr));
	assert_addr(&addr, "fd00::2");
	assert_false(
		pn_proc_inet6("00000000000000000000000000000001 01 80 10 80       lo\n", &addr));
	assert_false(
		pn_proc_inet6("fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n", &addr));
	assert_false(
		pn_proc_inet6("fd000000000000000000000000000002 04 40 00 c8     eth0\n", &addr));
	assert_false(pn_proc_inet6("fd0000000000000000000000000002 04 40 00 82     eth0\n", &addr));
	assert_false(pn_proc_inet6("fd00000000000000000000000000000202 04 40 00 82 x\n", &addr));
	assert_false(pn_proc_inet6("fd000000000000000000000000000002 04 40\n", &addr));
	assert_false(pn_proc_inet6("\n", &addr));
}

static void addresses_that_mean_something_elsewhere_are_not_plain(void **state)
{
	static const char *const plain[] = { "10.0.0.1", "fd00::1", "2001:db8::1", "192.0.2.1" };
	static const char *const others[] = { "127.0.0.1", "127.9.9.9",	  "::1",     "fe80::1",
					      "febf::1",   "169.254.1.1", "0.0.0.0", "::" };
	struct pn_addr addr;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(plain); i++) {
		assert_int_equal(pn_addr_parse(plain[i], &addr), 0);
		assert_true(pn_proc_is_plain(&addr));
	}
	for (size_t i = 0; i < PN_ARRAY_SIZE(others); i++) {
		assert_int_equal(pn_addr_parse(others[i], &addr), 0);
		assert_false(pn_proc_is_plain(&addr));
	}
}

static void sockets_of_both_families_are_read(void **state)
{
	struct pn_proc_socket s;

	(void)state;
	assert_true(
		pn_proc_socket("   0: 0200A8C0:1F90 00000000:0000 0A 00000000:00000000 00:00000000 "
			       "00000000     0        0 1060 1 00000000f1c97771 100 0 0 10 0\n",
			       &s));
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		assert_addr(&s.addr, "192.168.0.2");
	assert_int_equal(s.port, 8080);
	assert_int_equal(s.state, 10);
	assert_int_equal(s.inode, 1060);
	assert_true(
		pn_proc_socket(" 4321: 000000FD000000000000000002000000:0035 "
			       "00000000000000000000000000000000:0000 07 00000000:00000000 "
			       "00:00000000 00000000   101        0 18446744073709551615 2 0 0\n",
			       &s));
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		assert_addr(&s.addr, "fd00::2");
	assert_int_equal(s.port, 53);
	assert_true(s.inode == UINT64_MAX);
}

static void odd_lines_of_sockets_say_nothing(void **state)
{
	static const char *const lines[] = {
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid\n",
		"",
		"0:",
		"0: 0200A8C0:1F90 00000000:0000 0A\n",
		"0: 0200A8:1F90 00000000:0000 0A 0:0 00:0 0 0 0 1060\n",
		"0: 0200A8C00200A8C0:1F90 00000000:0000 0A 0:0 00:0 0 0 0 1060\n",
		"0: 0200A8C0 00000000:0000 0A 0:0 00:0 0 0 0 1060\n",
	};
	struct pn_proc_socket s;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(lines); i++)
		assert_false(pn_proc_socket(lines[i], &s));
}

static void the_number_in_a_link_is_read(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_true(pn_proc_link("net:[4026531840]", "net", &n));
	assert_true(n == 4026531840);
	assert_true(pn_proc_link("socket:[0]", "socket", &n));
	assert_true(n == 0);
	assert_false(pn_proc_link("socket:[1]", "net", &n));
	assert_false(pn_proc_link("net:[]", "net", &n));
	assert_false(pn_proc_link("net:[-1]", "net", &n));
	assert_false(pn_proc_link("net:[ 1]", "net", &n));
	assert_false(pn_proc_link("net:[1]x", "net", &n));
	assert_false(pn_proc_link("net:[1", "net", &n));
	assert_false(pn_proc_link("net:[99999999999999999999]", "net", &n));
	assert_false(pn_proc_link("", "net", &n));
	assert_false(pn_proc_link("net", "net", &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_unified_line_of_a_processs_cgroups_is_read),
		cmocka_unit_test(of_the_routes_only_own_addresses_are_taken),
		cmocka_unit_test(odd_lines_of_routes_say_nothing),
		cmocka_unit_test(of_ipv6_addresses_those_for_others_are_taken),
		cmocka_unit_test(addresses_that_mean_something_elsewhere_are_not_plain),
		cmocka_unit_test(sockets_of_both_families_are_read),
		cmocka_unit_test(odd_lines_of_sockets_say_nothing),
		cmocka_unit_test(the_number_in_a_link_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
