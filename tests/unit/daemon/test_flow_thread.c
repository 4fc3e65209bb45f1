/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow thread in a process that is killed again and again while packets are counted: its file has
 * each packet once; and one whose reader is slow. The flow table and the notes are memory that
 * this process shares with it, in the place of the kernel's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "daemon/flow_thread.h"
#include "flow/journal.h"

enum { N_FLOWS = 200, N_KILLS = 30, FIRST_PORT = 1000 };

struct shared {
	struct pn_flow_key keys[N_FLOWS];
	struct pn_flow_value values[N_FLOWS];
	_Atomic int stop; /* the agent is to end by itself */
	_Atomic int n_removed;
	uint64_t notes[(PN_JOURNAL_HEAD_BYTES + N_FLOWS * PN_JOURNAL_SLOT_BYTES) / 8];
};

static struct shared *shared;
static char path[64];

/* --- in the place of the tracer ------------------------------------------------------------------- */

int pn_tracer_ticks(const struct pn_tracer *t, struct pn_ticks *ret)
{
	(void)t;
	*ret = (struct pn_ticks) { .at = pn_clock_now(&pn_clock_system), .len = 1 };
	return 0;
}

uint32_t pn_tracer_sampling(const struct pn_tracer *t)
{
	(void)t;
	return 1;
}

struct pn_select *pn_tracer_select(const struct pn_tracer *t)
{
	(void)t;
	return NULL;
}

int pn_tracer_drain(struct pn_tracer *t,
		    void (*visit)(void *data, const struct pn_flow_key *key,
				  const struct pn_flow_value *value),
		    void *data)
{
	(void)t;
	for (int i = 0; i < N_FLOWS; i++) {
		struct pn_flow_value v = shared->values[i];

		/* a packet's two counters may be in motion */
		pn_flow_way(&v, 0)->sent.bytes = pn_flow_way(&v, 0)->sent.packets * 100;
		visit(data, &shared->keys[i], &v);
	}
	return 0;
}

int pn_tracer_find(const struct pn_tracer *t, const struct pn_flow_key *key,
		   struct pn_flow_value *ret)
{
	(void)t;
	(void)key;
	(void)ret;
	return -ENOENT;
}

int pn_tracer_remove(struct pn_tracer *t, const struct pn_flow_key *key, struct pn_flow_value *ret)
{
	(void)t;
	(void)key;
	(void)ret;
	shared->n_removed++;
	return -ENOENT;
}

int pn_tracer_leave(struct pn_tracer *t, const struct pn_flow_key *key)
{
	(void)t;
	(void)key;
	return 0;
}

int pn_tracer_settle(struct pn_tracer *t)
{
	(void)t;
	return 0;
}

static void make_flows(void)
{
	for (int i = 0; i < N_FLOWS; i++) {
		struct pn_flow_key *k = &shared->keys[i];

		memset(&k->addr[0][10], 0xff, 2);
		memset(&k->addr[1][10], 0xff, 2);
		k->addr[0][12] = 10;
		k->addr[1][12] = 11;
		k->port[0] = htons((uint16_t)(FIRST_PORT + i));
		k->port[1] = htons(53);
		k->proto = IPPROTO_UDP;
		shared->values[i].id = (uint64_t)i + 1;
		shared->values[i].start_us = 1;
	}
}

static void count_packets(void)
{
	for (int i = 0; i < N_FLOWS; i++)
		__atomic_fetch_add(&pn_flow_way(&shared->values[i], 0)->sent.packets, 1,
				   __ATOMIC_RELAXED);
}

/* --- the agent ------------------------------------------------------------------------------------ */

static void run_agent(void)
{
	const struct pn_notes notes = { .at = shared->notes, .len = sizeof(shared->notes) };
	struct pn_flow_thread_config config = {
		.clock = &pn_clock_system,
		.node_name = "n1",
		.notes = &notes,
		.interval = PN_NSEC_PER_MSEC,
	};
	struct pn_flow_thread *t;
	struct pn_index *index;

	if (pn_index_new(&pn_clock_system, "n1", &index) < 0 ||
	    pn_sink_open_file(path, PN_FORMAT_JSON, &config.sink, NULL) < 0)
		_exit(1);
	config.index = index;
	if (pn_flow_thread_start(&config, &t) < 0)
		_exit(2);
	while (!shared->stop)
		(void)poll(NULL, 0, 1);
	pn_flow_thread_stop(t);
	pn_index_free(index);
	_exit(0);
}

static off_t file_size(void)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_size;
}

/* Packets come until the file has grown by so many bytes. */
static void packets_until(off_t grown)
{
	off_t before = file_size();

	while (file_size() < before + grown)
		count_packets();
}

static void assert_ended(pid_t agent, bool is_killed)
{
	int status;

	assert_int_equal(waitpid(agent, &status, 0), agent);
	if (is_killed)
		assert_true(WIFSIGNALED(status));
	else
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static pid_t start_agent(void)
{
	pid_t agent = fork();

	assert_true(agent >= 0);
	if (agent == 0)
		run_agent();
	return agent;
}

/* Every line is whole. @ret: packets by flow */
static void sum_file(uint64_t ret[static N_FLOWS])
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		json_t *doc = json_loads(line, 0, NULL), *source;
		int port, packets;

		assert_non_null(doc);
		source = json_object_get(doc, "source");
		assert_int_equal(
			json_unpack(source, "{s:i, s:i}", "port", &port, "packets", &packets), 0);
		ret[port - FIRST_PORT] += (uint64_t)packets;
		json_decref(doc);
	}
	free(line);
	(void)fclose(f);
}

static void file_of_killed_agents_has_each_packet_once(void **state)
{
	uint64_t sums[N_FLOWS] = { 0 };
	pid_t agent;

	(void)state;
	make_flows();
	for (int i = 0; i < N_KILLS; i++) {
		agent = start_agent();
		packets_until(1 + i * 7919 % 200000);
		assert_int_equal(kill(agent, SIGKILL), 0);
		count_packets(); /* the programs go on */
		assert_ended(agent, true);
	}
	agent = start_agent();
	packets_until(1);
	shared->stop = 1;
	assert_ended(agent, false);
	shared->stop = 0;
	count_packets();
	agent = start_agent(); /* what came when the last one had ended */
	shared->stop = 1;
	assert_ended(agent, false);
	sum_file(sums);
	for (int i = 0; i < N_FLOWS; i++)
		assert_int_equal(sums[i], pn_flow_way(&shared->values[i], 0)->sent.packets);
}

static int read_some(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char lines[4096];

	return poll(&p, 1, 1) == 1 ? (int)read(fd, lines, sizeof(lines)) : 0;
}

/*
 * A round tells more than a pipe takes at once, and there is no other round: when its reader has got
 * everything, what was over leaves the table all the same.
 */
static void what_a_slow_reader_got_leaves_the_table(void **state)
{
	const struct pn_notes notes = { .at = shared->notes, .len = sizeof(shared->notes) };
	struct pn_flow_thread_config config = {
		.clock = &pn_clock_system,
		.node_name = "n1",
		.notes = &notes,
		.interval = 3600 * PN_NSEC_PER_SEC,
	};
	struct pn_flow_thread *t;
	struct pn_index *index;
	struct pn_addr left;
	int fd;

	(void)state;
	make_flows();
	count_packets();
	(void)unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pn_index_new(&pn_clock_system, "n1", &index), 0);
	config.index = index;
	assert_int_equal(pn_sink_open_file(path, PN_FORMAT_JSON, &config.sink, NULL), 0);
	assert_int_equal(fcntl(fd, F_SETPIPE_SZ, 4096), 4096);
	assert_int_equal(pn_flow_thread_start(&config, &t), 0);
	memcpy(left.b, shared->keys[0].addr[0], sizeof(left.b));
	pn_flow_thread_left(t, &left, false);
	for (int i = 0; i < 10000 && shared->n_removed < N_FLOWS; i++)
		assert_true(read_some(fd) >= 0);
	assert_int_equal(shared->n_removed, N_FLOWS);
	pn_flow_thread_stop(t);
	pn_index_free(index);
	(void)close(fd);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	(void)strcpy(path, "/tmp/pn-flow-thread-XXXXXX");
	fd = mkstemp(path);
	if (fd >= 0)
		(void)close(fd);
	return shared == MAP_FAILED || fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)munmap(shared, sizeof(*shared));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(file_of_killed_agents_has_each_packet_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_a_slow_reader_got_leaves_the_table, setup,
						teardown),
	};

	pn_log_set_level(PN_LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
