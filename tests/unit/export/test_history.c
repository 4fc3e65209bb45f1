/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history: what is added up, what comes back, to whom and in which order; across restarts, and
 * when the file is damaged, too large, or cannot be written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/export/history_fixture.h"

static void records_of_a_pair_and_minute_are_one_row(void **state)
{
	struct world *w = *state;
	struct pn_view view = past_view(PN_PAST_ALL, 0);

	start(w);
	for (unsigned int i = 0; i < 3; i++) {
		struct pn_flow_record r = record_at(w, 5431, 1000 * i + 500);

		r.is_first = i < 2;
		r.source.port = (uint16_t)(40000 + i); /* is none of a pair */
		r.state = i == 2 ? PN_FLOW_CLOSED : PN_FLOW_ACTIVE;
		r.rtt_us = 1000 * (i + 1);
		r.min_rtt_us = i ? 900 - i : 0;
		pn_history_record(w->history, &r);
	}
	view.style.format = PN_FORMAT_JSON;
	assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 1);
	assert_string_equal(w->text,
			    "{\"event\":{\"start\":\"2026-03-19T12:03:00.499000000Z\",\"end\":"
			    "\"2026-03-19T12:03:02.500000000Z\"},"
			    "\"source\":{\"address\":\"10.0.0.1\",\"bytes\":36000,\"packets\":54,"
			    "\"k8s\":{\"namespace\":{"
			    "\"name\":\"shop\"},\"pod\":{\"name\":\"web-7d9\"},\"workload\":{"
			    "\"kind\":\"Deployment\","
			    "\"name\":\"web\"},\"node\":{\"name\":\"n1\"}}},"
			    "\"destination\":{\"address\":\"10.0.1.2\",\"port\":5432,\"bytes\":"
			    "9000,\"packets\":42,\"k8s\":{"
			    "\"namespace\":{\"name\":\"shop\"},\"pod\":{\"name\":\"db-0\"},"
			    "\"workload\":{\"kind\":\"StatefulSet\","
			    "\"name\":\"db\"},\"node\":{\"name\":\"n2\"},\"service\":{\"name\":"
			    "\"db\",\"namespace\":\"shop\","
			    "\"address\":\"10.96.0.7\",\"port\":5432}}},"
			    "\"network\":{\"transport\":\"tcp\",\"type\":\"ipv4\"},"
			    "\"podonym\":{\"schema_version\":1,\"aggregate\":{\"minute\":\"2026-03-"
			    "19T12:03:00.000000000Z\","
			    "\"records\":3,\"connections\":2,\"ended\":1},\"attribution\":{"
			    "\"source\":\"ip\",\"destination\":\"ip\"},"
			    "\"tcp\":{\"flags\":{\"source\":\"SYN|ACK\",\"destination\":\"SYN|ACK|"
			    "FIN\"},\"rtt_us\":2000,"
			    "\"min_rtt_us\":898,\"retransmits\":{\"source\":2,\"destination\":0}},"
			    "\"delivered\":{\"source\":51,\"destination\":42}}}\n");
	stop(w);
}

static void line_for_a_person_says_that_it_is_a_minute(void **state)
{
	struct world *w = *state;
	struct pn_flow_record r = record_at(w, 5431, 500);

	start(w);
	pn_history_record(w->history, &r);
	assert_int_equal(ask_all(w), 1);
	assert_string_equal(
		w->text,
		"1773921780.500 shop/web-7d9 -> shop/db-0:5432 TCP 12 kB/3 kB 18/14 packets "
		"(service shop/db) (in a minute: 1 new connection, 1 record)\n");
	stop(w);
}

static void what_a_filter_may_ask_tells_rows_apart(void **state)
{
	struct world *w = *state;
	struct pn_flow_record r;
	struct pn_owner other = owner_web;

	start(w);
	r = record_at(w, 1, 1);
	pn_history_record(w->history, &r);
	r.proto = IPPROTO_UDP;
	pn_history_record(w->history, &r);
	r.source.attribution = PN_ATTR_CGROUP;
	pn_history_record(w->history, &r);
	r.source.addr.b[15] = 9;
	pn_history_record(w->history, &r);
	other.workload_name = "late"; /* becomes known */
	r.source.owner = &other;
	pn_history_record(w->history, &r);
	r.drop = (struct pn_record_drop) { .packets = 2,
					   .bytes = 80,
					   .reason = "NETFILTER_DROP",
					   .location = "nft_do_chain",
					   .kind = PN_DROP_NETFILTER };
	pn_history_record(w->history, &r);
	r.drop.reason = "NO_SOCKET";
	pn_history_record(w->history, &r);
	r.end += MINUTE;
	pn_history_record(w->history, &r);
	r.policy.expected = PN_EXPECTED_DENIED;
	pn_history_record(w->history, &r);
	r.disagrees = true;
	pn_history_record(w->history, &r);
	assert_int_equal(ask_all(w), 10);
	assert_non_null(strstr(w->text, "2x dropped by netfilter (policy-like): NETFILTER_DROP in "
					"nft_do_chain\n"));
	stop(w);
}

/* An owner that has gone may leave its place in memory, and its id, to one with other names. */
static void names_are_looked_at_in_each_round(void **state)
{
	struct world *w = *state;
	struct pn_owner owner = owner_web;
	struct pn_flow_record r = record_at(w, 1, 1);

	start(w);
	r.source.owner = &owner;
	for (int round = 0; round < 3; round++) {
		owner.workload_name = round ? "other" : "web";
		for (int i = 0; i < 2; i++)
			pn_history_record(w->history, &r);
		pn_history_settle(w->history);
	}
	assert_int_equal(ask_all(w), 2);
	stop(w);
}

static void filters_see_what_they_see_of_a_record(void **state)
{
	struct world *w = *state;
	struct pn_view view = past_view(PN_PAST_ALL, 0);
	static const char *const met[][2] = {
		{ "from-pod", "shop/web" }, { "to-workload", "StatefulSet/db" },
		{ "service", "shop/db" },   { "ip", "10.96.0.7" },
		{ "port", "5432" },	    { "attribution", "ip" },
		{ "node", "n2" },	    { "verdict", "forwarded" },
		{ "verdict", "denied" },    { "verdict", "disagrees" },
	};
	struct pn_flow_record r = record_at(w, 5431, 1);

	start(w);
	r.policy.expected = PN_EXPECTED_DENIED;
	r.disagrees = true;
	pn_history_record(w->history, &r);
	for (size_t i = 0; i < PN_ARRAY_SIZE(met); i++) {
		for (int negate = 0; negate < 2; negate++) {
			assert_int_equal(pn_filter_new(&view.filter), 0);
			assert_int_equal(
				pn_filter_add(view.filter, met[i][0], negate, met[i][1], NULL), 0);
			assert_int_equal(ask(w, &view, PN_NSEC_NEVER), !negate);
			pn_filter_free(view.filter);
		}
	}
	stop(w);
}

/* Minute by minute @n pairs each, from the minute before w->now backwards. */
static void record_minutes(struct world *w, unsigned int n_minutes, unsigned int n)
{
	for (unsigned int minute = n_minutes; minute > 0; minute--) {
		for (unsigned int i = 0; i < n; i++) {
			struct pn_flow_record r = record_at(w, i, i % 60000);

			r.end -= minute * MINUTE;
			r.start -= minute * MINUTE;
			pn_history_record(w->history, &r);
		}
	}
}

static void first_last_since_and_until(void **state)
{
	struct world *w = *state;
	struct pn_view view;

	start(w);
	record_minutes(w, 5, 700); /* more than a slice */
	assert_int_equal(ask_all(w), 3500);
	view = past_view(PN_PAST_FIRST, 701);
	assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 701);
	assert_memory_equal(w->text, "1773921480.000 ", 15);
	assert_non_null(strstr(w->text, "\n1773921540.000 "));
	view = past_view(PN_PAST_LAST, 701);
	assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 701);
	assert_memory_equal(w->text, "1773921660.699 ", 15);
	view = past_view(PN_PAST_LAST, 100000);
	assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 3500);
	view = past_view(PN_PAST_ALL, 0);
	view.since = w->now - 3 * MINUTE + 600 * PN_NSEC_PER_MSEC;
	view.until = w->now - 2 * MINUTE + 49 * PN_NSEC_PER_MSEC;
	assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 100 + 50);
	view.past = PN_PAST_LAST;
	view.n = 60;
	assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 60);
	assert_memory_equal(w->text, "1773921600.690 ", 15);
	view.since = view.until = w->now + MINUTE;
	assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 0);
	stop(w);
}

static void what_is_in_the_ring_of_this_process_is_left_to_it(void **state)
{
	struct world *w = *state;
	const struct pn_view view = past_view(PN_PAST_ALL, 0);

	start(w);
	record_minutes(w, 3, 10);
	assert_int_equal(ask(w, &view, 0), 0);
	assert_int_equal(ask(w, &view, w->now - 2 * MINUTE), 10);
	stop(w);
	start(w);
	assert_int_equal(ask(w, &view, 0), 30); /* of a process before */
	record_minutes(w, 3, 10);
	assert_int_equal(ask(w, &view, 0), 30);
	assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 60);
	stop(w);
}

static int is_ok(void *data, int n, char **values, char **names)
{
	(void)names;
	*(bool *)data = n == 1 && strcmp(values[0], "ok") == 0;
	return 0;
}

/* Return: does it answer "ok"? */
static bool in_database(const struct world *w, const char *sql)
{
	bool ok = false;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, is_ok, &ok, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
	return ok;
}

static void killed_process_leaves_a_whole_file(void **state)
{
	struct world *w = *state;
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		start(w);
		record_minutes(w, 2, 100);
		(void)ask_all(w); /* so it is written */
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(in_database(w, "PRAGMA integrity_check"));
	start(w);
	assert_int_equal(ask_all(w), 200);
	stop(w);
}

static void damaged_file_is_set_aside(void **state)
{
	static const char *const contents[] = { "this is no database, and was never one" };
	struct world *w = *state;
	struct pn_history_state s;
	char aside[128];
	struct stat st;
	int fd = open(w->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	for (int i = 0; i < 200; i++)
		assert_true(write(fd, contents[0], strlen(contents[0])) > 0);
	(void)close(fd);
	start(w);
	record_minutes(w, 1, 10);
	assert_int_equal(ask_all(w), 10);
	pn_history_state(w->history, &s);
	assert_string_equal(s.why, "");
	assert_non_null(strstr(s.aside, "history.db.aside: "));
	stop(w);
	(void)snprintf(aside, sizeof(aside), "%s.aside", w->path);
	assert_int_equal(stat(aside, &st), 0);
	assert_int_equal(st.st_size, 200 * strlen(contents[0]));
}

static void page_that_is_damaged_while_it_is_used_is_found(void **state)
{
	struct world *w = *state;
	struct pn_history_state s;
	char noise[4096];
	struct stat st;
	int fd;

	start(w);
	record_minutes(w, 10, 1000);
	stop(w);
	memset(noise, 0x5a, sizeof(noise));
	assert_int_equal(stat(w->path, &st), 0);
	fd = open(w->path, O_WRONLY | O_CLOEXEC);
	for (off_t at = 3 * 4096; at < st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
	(void)close(fd);
	start(w);
	(void)ask_all(w);
	record_minutes(w, 1, 10);
	assert_true(ask_all(w) >= 10);
	pn_history_state(w->history, &s);
	assert_non_null(strstr(s.aside, ".aside"));
	stop(w);
}

static void somebody_elses_database_is_left_alone(void **state)
{
	struct world *w = *state;
	struct pn_history_state s;
	struct pn_flow_record r = record_at(w, 1, 1);
	uint64_t n_lost = pn_metric_get(PN_METRIC_HISTORY_LOST);

	(void)in_database(w, "CREATE TABLE t(a)");
	start(w);
	pn_history_record(w->history, &r);
	assert_int_equal(ask_all(w), 0);
	pn_history_state(w->history, &s);
	assert_non_null(strstr(s.why, "is a database of another program"));
	stop(w);
	assert_int_equal(pn_metric_get(PN_METRIC_HISTORY_LOST), n_lost + 1);
}

static void second_process_is_told_that_there_is_one(void **state)
{
	struct world *w = *state;
	struct pn_history *first;
	struct pn_history_state s;

	start(w);
	record_minutes(w, 1, 10);
	assert_int_equal(ask_all(w), 10);
	first = w->history;
	start(w);
	assert_int_equal(ask_all(w), 0);
	pn_history_state(w->history, &s);
	assert_non_null(strstr(s.why, "another process has it open"));
	stop(w);
	w->history = first;
	assert_int_equal(ask_all(w), 10);
	stop(w);
}

static uint64_t file_bytes(const struct world *w)
{
	char log[128];
	struct stat st;
	uint64_t n = 0;

	(void)snprintf(log, sizeof(log), "%s-wal", w->path);
	if (stat(w->path, &st) == 0)
		n += (uint64_t)st.st_size;
	if (stat(log, &st) == 0)
		n += (uint64_t)st.st_size;
	return n;
}

static void file_keeps_to_its_bound_by_forgetting_the_oldest(void **state)
{
	struct world *w = *state;
	uint64_t n_lost = pn_metric_get(PN_METRIC_HISTORY_LOST);
	struct pn_view view = past_view(PN_PAST_ALL, 0);

	start_sized(w, PN_HISTORY_MIN_BYTES);
	for (unsigned int i = 0; i < 25; i++) {
		w->now += MINUTE;
		record_minutes(w, 1, 3000);
		view.since = w->now - MINUTE;
		assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 3000);
		assert_true(file_bytes(w) <= PN_HISTORY_MIN_BYTES);
	}
	assert_true(ask_all(w) < 25 * 3000);
	assert_int_equal(pn_metric_get(PN_METRIC_HISTORY_LOST), n_lost);
	stop(w);
}

static void old_minutes_are_deleted(void **state)
{
	struct world *w = *state;

	start(w);
	record_minutes(w, 3, 10);
	assert_int_equal(ask_all(w), 30);
	w->now += 58 * MINUTE;
	record_minutes(w, 1, 1);
	assert_int_equal(ask_all(w), 21);
	w->now += 62 * MINUTE;
	record_minutes(w, 1, 1);
	assert_int_equal(ask_all(w), 1);
	stop(w);
}

static void ends_without_a_name_are_put_together_when_there_are_too_many(void **state)
{
	struct world *w = *state;
	const struct pn_view view = past_view(PN_PAST_LAST, 1);

	start(w);
	for (unsigned int i = 0; i < 40000; i++) {
		struct pn_flow_record r = record_at(w, 5431, 1 + i / 1000);

		r.source.owner = NULL;
		r.source.attribution = PN_ATTR_NONE;
		r.source.addr = v4(198, 18, (uint8_t)(i >> 8), (uint8_t)i);
		pn_history_record(w->history, &r);
		if (i == 10000)
			(void)ask(w, &view, PN_NSEC_NEVER);
	}
	assert_int_equal(ask(w, &view, PN_NSEC_NEVER), 1);
	assert_non_null(strstr(w->text, " 0.0.0.0 -> shop/db-0:5432 "));
	assert_non_null(strstr(w->text, "several addresses)"));
	stop(w);
}

static void what_cannot_be_written_is_counted(void **state)
{
	struct world *w = *state;
	uint64_t n_lost = pn_metric_get(PN_METRIC_HISTORY_LOST);
	struct pn_history_state s;

	(void)snprintf(w->path, sizeof(w->path), "%s/no/such/history.db", w->dir);
	start(w);
	record_minutes(w, 1, 10);
	assert_int_equal(ask_all(w), 0);
	pn_history_state(w->history, &s);
	assert_non_null(strstr(s.why, "making the directory"));
	record_minutes(w, 1, 5);
	stop(w);
	assert_int_equal(pn_metric_get(PN_METRIC_HISTORY_LOST), n_lost + 15);
}

static void file_that_is_taken_away_is_made_anew(void **state)
{
	struct world *w = *state;

	start(w);
	record_minutes(w, 1, 10);
	assert_int_equal(ask_all(w), 10);
	assert_int_equal(unlink(w->path), 0);
	record_minutes(w, 1, 10);
	(void)ask_all(w); /* that it is gone is seen when it is written to */
	record_minutes(w, 1, 7);
	assert_int_equal(ask_all(w), 7);
	assert_int_equal(access(w->path, F_OK), 0);
	stop(w);
}

static void client_that_goes_or_never_reads_harms_nobody(void **state)
{
	struct world *w = *state;
	const struct pn_view view = past_view(PN_PAST_ALL, 0);
	struct pn_history_query *slow = NULL;
	struct pn_sink *sink;
	int fds[2];

	start(w);
	for (unsigned int i = 1; i <= 10; i++, w->now += MINUTE) {
		record_minutes(w, 1, 3000);
		assert_int_equal(ask_all(w), i * 3000);
	}
	w->now -= MINUTE;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pn_sink_open_subscriber(fds[1], PN_FORMAT_COMPACT, 4 << 20, &sink), 0);
	assert_int_equal(pn_history_ask(w->history, &view, PN_NSEC_NEVER, sink, &slow), 0);
	assert_int_equal(ask_all(w), 30000); /* others are answered, */
	record_minutes(w, 1, 10);
	assert_int_equal(ask_all(w), 30000); /* and records written: the same pairs */
	pn_history_cancel(w->history, slow);
	pn_sink_close(sink);
	(void)close(fds[0]);
	stop(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(records_of_a_pair_and_minute_are_one_row),
		TEST(line_for_a_person_says_that_it_is_a_minute),
		TEST(what_a_filter_may_ask_tells_rows_apart),
		TEST(names_are_looked_at_in_each_round),
		TEST(filters_see_what_they_see_of_a_record),
		TEST(first_last_since_and_until),
		TEST(what_is_in_the_ring_of_this_process_is_left_to_it),
		TEST(killed_process_leaves_a_whole_file),
		TEST(damaged_file_is_set_aside),
		TEST(page_that_is_damaged_while_it_is_used_is_found),
		TEST(somebody_elses_database_is_left_alone),
		TEST(second_process_is_told_that_there_is_one),
		TEST(file_keeps_to_its_bound_by_forgetting_the_oldest),
		TEST(old_minutes_are_deleted),
		TEST(ends_without_a_name_are_put_together_when_there_are_too_many),
		TEST(what_cannot_be_written_is_counted),
		TEST(file_that_is_taken_away_is_made_anew),
		TEST(client_that_goes_or_never_reads_harms_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
