/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the history costs: so many records a second between 2000 pairs, given in rounds as the flow
 * thread does, for ten seconds or as many as the first argument says. CPU time is that of the process,
 * both sides of the history, less what making the records takes. The writer is killed ten times on the
 * way and the file checked each time; at its end it is asked for the last ten minutes.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/metric.h"
#include "export/history.h"
#include "tests/bench/bench.h"
#include "tests/unit/export/record_fixture.h"

enum { RATE = 5000, N_PAIRS = 2000, ROUND_MS = 1000, N_KILLS = 10, MAX_MIB = 64 };

static char dir[] = "/var/tmp/pn-bench-history.XXXXXX", path[64];

static struct pn_history *start(void)
{
	const struct pn_history_config config = {
		.clock = &pn_clock_system,
		.path = path,
		.max_bytes = (uint64_t)MAX_MIB << 20,
		.max_age = 86400 * PN_NSEC_PER_SEC,
	};
	struct pn_history *h = NULL;

	if (pn_history_start(&config, &h) < 0)
		abort();
	return h;
}

static pn_nsec process_time(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (pn_nsec)ts.tv_sec * PN_NSEC_PER_SEC + (pn_nsec)ts.tv_nsec;
}

static void make_record(struct pn_flow_record *r, unsigned int i, struct pn_owner *owners)
{
	unsigned int pair = i * 7919 % N_PAIRS;

	r->end = pn_clock_realtime(&pn_clock_system);
	r->start = r->end - PN_NSEC_PER_MSEC;
	r->source.owner = &owners[pair % 50];
	r->source.addr = v4(10, 0, 1, (uint8_t)(pair % 50));
	r->source.port = (uint16_t)(32768 + i % 20000);
	r->destination.port = (uint16_t)(8000 + pair / 50);
	r->is_first = i % 3 == 0;
}

/* Sleeps until the time of the round has come. */
static void wait_for_round(pn_nsec begin, unsigned int round)
{
	pn_nsec at = begin + round * ROUND_MS * PN_NSEC_PER_MSEC;
	const struct timespec until = { (time_t)(at / PN_NSEC_PER_SEC),
					(long)(at % PN_NSEC_PER_SEC) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/* @ret_spent: CPU time of the history's part */
static void give(struct pn_history *h, unsigned int n_seconds, double *ret_spent)
{
	static struct pn_owner owners[50];
	static char names[50][32];
	struct pn_flow_record r = sample_record();
	pn_nsec begin = pn_clock_now(&pn_clock_system), spent = process_time(), making = 0;
	unsigned int n = 0;

	for (unsigned int i = 0; i < 50; i++) {
		owners[i] = owner_web;
		owners[i].id = 100 + i;
		(void)snprintf(names[i], sizeof(names[i]), "web-7d9f8b6c5-%05u", i);
		owners[i].name = names[i];
	}
	for (unsigned int round = 0; round < n_seconds * 1000 / ROUND_MS; round++) {
		pn_nsec before = cpu_time();

		for (unsigned int i = 0; i < RATE * ROUND_MS / 1000; i++)
			make_record(&r, i, owners);
		making += cpu_time() - before;
		for (unsigned int i = 0; i < RATE * ROUND_MS / 1000; i++) {
			make_record(&r, n++, owners);
			pn_history_record(h, &r);
		}
		pn_history_settle(h);
		wait_for_round(begin, round + 1);
	}
	*ret_spent = (double)(process_time() - spent - 2 * making) / 1e9;
}

static uint64_t size_of(const char *suffix)
{
	char name[96];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static int is_ok(void *data, int n, char **values, char **columns)
{
	(void)columns;
	*(bool *)data = n == 1 && strcmp(values[0], "ok") == 0;
	return 0;
}

static bool is_whole(void)
{
	bool ok = false;
	sqlite3 *db;

	if (sqlite3_open(path, &db) == SQLITE_OK)
		(void)sqlite3_exec(db, "PRAGMA integrity_check", is_ok, &ok, NULL);
	(void)sqlite3_close(db);
	return ok;
}

/* A writer that is killed after @n_seconds, and a little. Return: is the file whole? */
static bool kill_one(unsigned int n_seconds, unsigned int ms)
{
	pid_t pid = fork();
	double spent;

	if (pid == 0) {
		give(start(), n_seconds + 10, &spent);
		_exit(0);
	}
	(void)usleep((n_seconds * 1000 + ms) * 1000);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return is_whole();
}

/* Return: ms until the last line was read */
static double ask(struct pn_history *h, enum pn_format format, uint64_t *ret_n, uint64_t *ret_bytes)
{
	const struct pn_view view = {
		.style = { .format = format },
		.past = PN_PAST_ALL,
		.since = pn_clock_realtime(&pn_clock_system) - 600 * PN_NSEC_PER_SEC,
		.until = PN_NSEC_NEVER,
	};
	pn_nsec begin = pn_clock_now(&pn_clock_system), from;
	struct pn_history_query *q;
	struct pn_sink *sink;
	char text[65536];
	ssize_t n;
	int fds[2];

	*ret_bytes = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(fds[1], F_SETFL, O_NONBLOCK) < 0 ||
	    pn_sink_open_subscriber(fds[1], format, 4 << 20, &sink) < 0)
		abort();
	while (pn_history_ask(h, &view, PN_NSEC_NEVER, sink, &q) == -EAGAIN)
		(void)usleep(1000);
	while (!pn_history_answered(h, q, ret_n, &from)) {
		while ((n = read(fds[0], text, sizeof(text))) > 0)
			*ret_bytes += (uint64_t)n;
		(void)usleep(200);
	}
	do {
		(void)pn_sink_flush(sink);
		while ((n = read(fds[0], text, sizeof(text))) > 0)
			*ret_bytes += (uint64_t)n;
	} while (pn_sink_is_waiting(sink));
	pn_sink_close(sink);
	(void)close(fds[0]);
	return (double)(pn_clock_now(&pn_clock_system) - begin) / 1e6;
}

static void ask_and_tell(struct pn_history *h, const char *what, enum pn_format format)
{
	uint64_t n = 0, n_bytes = 0;
	double best = 1e9;
	pn_nsec spent = process_time();
	char text[96];

	for (int i = 0; i < 5; i++)
		best = PN_MIN(best, ask(h, format, &n, &n_bytes));
	spent = (process_time() - spent) / 5;
	(void)snprintf(text, sizeof(text), "the last 10 minutes as %s: %llu rows, %llu kB", what,
		       (unsigned long long)n, (unsigned long long)n_bytes / 1000);
	row(text, best, "ms");
	row("    of CPU time, client and all", (double)spent / 1e6, "ms");
}

int main(int argc, char **argv)
{
	unsigned int n_seconds = argc > 1 ? (unsigned int)atoi(argv[1]) : 10, n_whole = 0;
	struct pn_history *h;
	double spent;

	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/history.db", dir);
	for (unsigned int i = 0; i < N_KILLS; i++)
		n_whole += kill_one(n_seconds / 20, 300 + i * 217);
	row("killed writers whose file was whole, of 10", n_whole, "");
	h = start();
	give(h, n_seconds, &spent);
	row("CPU for 5,000 records/s between 2000 pairs", 100 * spent / n_seconds, "% of a core");
	row("records that were lost", (double)pn_metric_get(PN_METRIC_HISTORY_LOST), "");
	ask_and_tell(h, "lines", PN_FORMAT_COMPACT);
	ask_and_tell(h, "JSON", PN_FORMAT_JSON);
	row("file and log", (double)(size_of("") + size_of("-wal")) / 1048576, "MiB of 64");
	pn_history_stop(h);
	(void)unlink(path);
	(void)rmdir(dir);
	return n_whole == N_KILLS ? 0 : 1;
}
