/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of `podonym top`: sums and rates under a clock of the test's own, order, bounds, and names that
 * no terminal should get as they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cmd/top/top_name.h"
#include "cmd/top/top_table.h"

#define SECOND PN_NSEC_PER_SEC
#define BEGIN (1000 * SECOND)

static struct pn_top *table;

static int begin(size_t pairs, size_t connections)
{
	const struct pn_top_limits limits = { 16 * SECOND, pairs, connections };

	return pn_top_new(&limits, BEGIN, &table);
}

static int set_up(void **state)
{
	(void)state;
	return begin(100, 100);
}

static int tear_down(void **state)
{
	(void)state;
	pn_top_free(table);
	return 0;
}

static char line[1024];

/* Written with ' for "; good until the next one. */
static struct pn_recorded_flow read_line(const char *text)
{
	struct pn_recorded_flow f;

	(void)snprintf(line, sizeof(line), "%s", text);
	for (char *c = line; *c; c++)
		*c = (char)(*c == '\'' ? '"' : *c);
	assert_null(pn_record_line_read(line, strlen(line), &f));
	return f;
}

static struct pn_recorded_flow flow(const char *from, const char *to, int port, int bytes, int id,
				    const char *told_as)
{
	char text[900];

	(void)snprintf(text, sizeof(text),
		       "{'source':{'address':'10.0.0.1','port':4000,'bytes':%d,'packets':3,'k8s':{"
		       "'namespace':{'name':'n'},'pod':{'name':'%s-1'},'workload':{'kind':"
		       "'Deployment','name':'%s'}}},'destination':{'address':'10.0.0.2','port':%d,"
		       "'bytes':%d,'packets':1,'k8s':{'namespace':{'name':'n'},'pod':{'name':'%s'}}"
		       "},'network':{'transport':'tcp'},'podonym':{'flow_id':'%d','state':'%s',"
		       "'tcp':{'state':'established','rtt_us':%d}}}",
		       bytes, from, from, port, bytes / 2, to, id, told_as, id * 100);
	return read_line(text);
}

static void put(const char *from, const char *to, int bytes, int id, pn_nsec now)
{
	struct pn_recorded_flow f = flow(from, to, 80, bytes, id, "active");

	assert_int_equal(pn_top_flow(table, &f, now), 0);
}

static void put_drops(const char *from, int from_port, const char *to, int to_port,
		      const char *flags, const char *reason, int count, pn_nsec now)
{
	char text[900];
	struct pn_recorded_flow f;

	(void)snprintf(text, sizeof(text),
		       "{'source':{'address':'%s','port':%d},'destination':{'address':'%s','port':"
		       "%d},'network':{'transport':'tcp'},'podonym':{'tcp':{'flags':{'source':'%s'}"
		       "},'drop':{'reason':'%s','location':'f','count':%d}}}",
		       from, from_port, to, to_port, flags, reason, count);
	f = read_line(text);
	assert_int_equal(pn_top_drop(table, &f, now), 0);
}

static size_t rows(enum pn_top_sort by, bool reverse, pn_nsec now, const struct pn_top_row **ret)
{
	size_t n;

	assert_int_equal(pn_top_rows(table, by, reverse, now, ret, &n), 0);
	return n;
}

static void assert_order(enum pn_top_sort by, bool reverse, pn_nsec now, const char *want)
{
	const struct pn_top_row *r;
	size_t n = rows(by, reverse, now, &r);
	char is[256] = "";

	for (size_t i = 0; i < n; i++)
		(void)snprintf(is + strlen(is), sizeof(is) - strlen(is), "%s ", r[i].source);
	assert_string_equal(is, want);
}

#define ASSERT_ABOUT(is, want) assert_float_equal((float)(is), (float)(want), 0.001f)

static void a_pair_is_workloads_protocol_and_server_port(void **state)
{
	struct pn_recorded_flow f;
	const struct pn_top_row *r;

	(void)state;
	put("web", "db", 100, 1, BEGIN);
	put("web", "db", 60, 2, BEGIN);
	f = flow("web", "db", 81, 10, 3, "active");
	assert_int_equal(pn_top_flow(table, &f, BEGIN), 0);
	assert_int_equal(rows(PN_TOP_BY_BYTES, false, BEGIN, &r), 2);
	assert_string_equal(r[0].source, "n/web");
	assert_string_equal(r[0].destination, "n/db");
	assert_string_equal(r[0].protocol, "TCP");
	assert_int_equal(r[0].port, 80);
	assert_int_equal(r[0].sums[PN_TOP_BYTES], 160);
	assert_int_equal(r[0].sums[PN_TOP_BYTES_BACK], 80);
	assert_int_equal(r[0].sums[PN_TOP_PACKETS], 6);
	assert_int_equal(r[0].sums[PN_TOP_PACKETS_BACK], 2);
	assert_int_equal(r[0].n_connections, 2);
	assert_int_equal(r[0].rtt_us, 200);
	assert_int_equal(r[1].port, 81);
}

static void rates_are_of_the_window_that_slides(void **state)
{
	const struct pn_top_row *r;
	struct pn_top_row all;

	(void)state;
	put("web", "db", 800, 1, BEGIN + 2 * SECOND);
	(void)rows(PN_TOP_BY_BYTES, false, BEGIN + 4 * SECOND, &r);
	ASSERT_ABOUT(r[0].rates[PN_TOP_BYTES], 800 / 4.0);
	put("web", "db", 1600, 1, BEGIN + 10 * SECOND);
	(void)rows(PN_TOP_BY_BYTES, false, BEGIN + 16 * SECOND, &r);
	ASSERT_ABOUT(r[0].rates[PN_TOP_BYTES], 2400 / 15.0);
	(void)rows(PN_TOP_BY_BYTES, false, BEGIN + 20 * SECOND, &r);
	ASSERT_ABOUT(r[0].rates[PN_TOP_BYTES], 1600 / 15.0);
	(void)rows(PN_TOP_BY_BYTES, false, BEGIN + 40 * SECOND, &r);
	ASSERT_ABOUT(r[0].rates[PN_TOP_BYTES], 0);
	put("web", "db", 150, 1, BEGIN + 500 * SECOND);
	pn_top_all(table, BEGIN + 500 * SECOND, &all);
	ASSERT_ABOUT(all.rates[PN_TOP_BYTES], 150 / 15.0);
	assert_int_equal(all.sums[PN_TOP_BYTES], 2550);
}

static void rows_are_sorted_either_way_and_equal_ones_by_name(void **state)
{
	pn_nsec now = BEGIN + SECOND;

	(void)state;
	put("b", "x", 10, 3, now);
	put("c", "x", 30, 1, now);
	put("a", "x", 20, 2, now);
	put("a", "x", 0, 2, now);
	assert_order(PN_TOP_BY_BYTES, false, now, "n/c n/a n/b ");
	assert_order(PN_TOP_BY_BYTES, true, now, "n/b n/a n/c ");
	assert_order(PN_TOP_BY_PACKETS, false, now, "n/a n/b n/c ");
	assert_order(PN_TOP_BY_RTT, false, now, "n/b n/a n/c ");
	assert_order(PN_TOP_BY_NAME, false, now, "n/a n/b n/c ");
	assert_order(PN_TOP_BY_NAME, true, now, "n/c n/b n/a ");
	assert_order(PN_TOP_BY_DROPS, false, now, "n/a n/b n/c ");
}

static void drops_go_to_the_pair_that_opened(void **state)
{
	const struct pn_top_row *r;
	struct pn_top_row pair;

	(void)state;
	put_drops("10.0.0.1", 4000, "10.0.0.2", 80, "SYN", "A", 2, BEGIN);
	put_drops("10.0.0.2", 80, "10.0.0.1", 4000, "ACK", "B", 5, BEGIN);
	put_drops("10.0.0.4", 90, "10.0.0.3", 70, "SYN|ACK", "", 1, BEGIN);
	put_drops("10.0.0.6", 53, "10.0.0.5", 4000, "", "A", 1, BEGIN);
	assert_int_equal(rows(PN_TOP_BY_DROPS, false, BEGIN + SECOND, &r), 3);
	assert_string_equal(r[0].source, "10.0.0.1");
	assert_int_equal(r[0].port, 80);
	assert_int_equal(r[0].sums[PN_TOP_DROPS], 7);
	ASSERT_ABOUT(r[0].rates[PN_TOP_DROPS], 7);
	assert_string_equal(r[0].reasons[0].name, "B");
	assert_string_equal(r[0].reasons[1].name, "A");
	assert_int_equal(r[0].reasons[1].packets, 2);
	assert_int_equal(r[0].reasons[2].packets, 0);
	assert_string_equal(r[1].source, "10.0.0.3");
	assert_int_equal(r[1].port, 90);
	assert_string_equal(r[1].reasons[0].name, "f");
	assert_string_equal(r[2].source, "10.0.0.5");
	for (int i = 0; i < 9; i++) {
		char reason[] = { 'R', (char)('0' + i), '\0' };

		put_drops("10.0.0.1", 4000, "10.0.0.2", 80, "", reason, 1, BEGIN);
	}
	assert_true(pn_top_find(table, r[0].id, BEGIN, &pair));
	assert_int_equal(pair.sums[PN_TOP_DROPS], 16);
	assert_string_equal(pair.reasons[0].name, "B");
	assert_string_equal(pair.reasons[3].name, "R8");
}

static void connections_end_and_move(void **state)
{
	struct pn_recorded_flow f;
	const struct pn_top_connection *c;
	const struct pn_top_row *r;
	uint64_t id;
	size_t n;

	(void)state;
	put("web", "db", 4, 1, BEGIN);
	put("web", "db", 4, 2, BEGIN + 1);
	(void)rows(PN_TOP_BY_NAME, false, BEGIN, &r);
	id = r[0].id;
	assert_int_equal(r[0].n_connections, 2);
	f = flow("web", "db", 80, 8, 1, "closed");
	assert_int_equal(pn_top_flow(table, &f, BEGIN + 2), 0);
	assert_true(rows(PN_TOP_BY_NAME, false, BEGIN, &r) == 1);
	assert_int_equal(r[0].n_connections, 1);
	assert_int_equal(pn_top_connections(table, id, &c, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(c[0].id, 1);
	assert_int_equal(c[0].sums[PN_TOP_BYTES], 12);
	assert_string_equal(c[0].source, "web-1 10.0.0.1:4000");
	assert_string_equal(c[0].destination, "db 10.0.0.2:80");
	assert_string_equal(c[1].state, "established");
	f = flow("api", "db", 80, 8, 2, "active");
	assert_int_equal(pn_top_flow(table, &f, BEGIN + 3), 0);
	assert_int_equal(pn_top_connections(table, id, &c, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pn_top_connections(table, 99, &c, &n), 0);
	assert_int_equal(n, 0);
}

static void what_is_silent_for_three_windows_goes(void **state)
{
	const struct pn_top_row *r;
	struct pn_top_row all;

	(void)state;
	put("a", "x", 10, 1, BEGIN);
	put("b", "x", 10, 2, BEGIN + 20 * SECOND);
	pn_top_forget(table, BEGIN + 48 * SECOND);
	assert_int_equal(rows(PN_TOP_BY_NAME, false, BEGIN, &r), 2);
	pn_top_forget(table, BEGIN + 48 * SECOND + 1);
	assert_order(PN_TOP_BY_NAME, false, BEGIN, "n/b ");
	pn_top_all(table, BEGIN, &all);
	assert_int_equal(all.sums[PN_TOP_BYTES], 20);
	assert_int_equal(all.n_connections, 1);
}

static void there_are_only_so_many(void **state)
{
	const struct pn_top_row *r;
	struct pn_top_row others, all;

	(void)state;
	pn_top_free(table);
	assert_int_equal(begin(2, 3), 0);
	assert_false(pn_top_others(table, BEGIN, &others));
	put("a", "x", 10, 1, BEGIN);
	put("b", "x", 10, 2, BEGIN);
	put("c", "x", 10, 3, BEGIN);
	put("d", "x", 10, 4, BEGIN);
	put("a", "x", 10, 5, BEGIN);
	put("a", "x", 10, 6, BEGIN);
	assert_int_equal(rows(PN_TOP_BY_BYTES, false, BEGIN, &r), 2);
	assert_int_equal(r[0].sums[PN_TOP_BYTES], 30);
	assert_true(pn_top_others(table, BEGIN, &others));
	assert_int_equal(others.sums[PN_TOP_BYTES], 20);
	assert_int_equal(pn_top_untracked(table), 1);
	pn_top_all(table, BEGIN, &all);
	assert_int_equal(all.sums[PN_TOP_BYTES], 60);
}

static void only_printable_characters_come_out(void **state)
{
	struct pn_recorded_flow f = flow("w\\u001b[2J\\u0007", "d\xc3\xa4", 80, 1, 1, "active");
	char name[PN_TOP_NAME_MAX];
	const struct pn_top_row *r;

	(void)state;
	assert_int_equal(pn_top_flow(table, &f, BEGIN), 0);
	(void)rows(PN_TOP_BY_NAME, false, BEGIN, &r);
	assert_string_equal(r[0].source, "n/w?[2J?");
	assert_string_equal(r[0].destination, "n/d??");
	pn_top_printable(name, 4, "a\x7f\x9bz");
	assert_string_equal(name, "a??");
}

static void whoever_has_no_workload_has_another_name(void **state)
{
	static const struct {
		const char *end, *name, *endpoint;
	} ends[] = {
		{ "'k8s':{'namespace':{'name':'n'},'pod':{'name':'p'}}", "n/p", "p [fd00::1]:80" },
		{ "'k8s':{'node':{'name':'m'}}", "node/m", "[fd00::1]:80" },
		{ "'k8s':{'node':{'name':'m'}},'process':{'name':'sshd'}", "node/m/sshd",
		  "[fd00::1]:80" },
		{ "'network':{'name':'office'}", "network/office", "[fd00::1]:80" },
		{ "'k8s':{'service':{'name':'s','namespace':'n'}}", "service/n/s", "[fd00::1]:80" },
		{ "'x':1", "fd00::1", "[fd00::1]:80" },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(ends); i++) {
		char text[512], name[PN_TOP_NAME_MAX];
		struct pn_recorded_flow f;

		(void)snprintf(text, sizeof(text),
			       "{'source':{'address':'::'},'destination':{'address':'fd00::1',"
			       "'port':80,%s},'network':{'transport':'tcp'}}",
			       ends[i].end);
		f = read_line(text);
		pn_top_workload(name, sizeof(name), &f.destination);
		assert_string_equal(name, ends[i].name);
		pn_top_endpoint(name, sizeof(name), &f.destination);
		assert_string_equal(name, ends[i].endpoint);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_pair_is_workloads_protocol_and_server_port),
		TEST(rates_are_of_the_window_that_slides),
		TEST(rows_are_sorted_either_way_and_equal_ones_by_name),
		TEST(drops_go_to_the_pair_that_opened),
		TEST(connections_end_and_move),
		TEST(what_is_silent_for_three_windows_goes),
		TEST(there_are_only_so_many),
		TEST(only_printable_characters_come_out),
		TEST(whoever_has_no_workload_has_another_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
