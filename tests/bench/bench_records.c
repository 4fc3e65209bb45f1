/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the flow thread makes of a round of 100,000 active connections between a pod and a thousand
 * others, from the entries of the flow table to lines: CPU time a record with one part after the other,
 * so that what each adds can be seen. What the kernel does for reading the table is not in it.
 *
 *   bench_records [ROUNDS [PARTS]]   PARTS: 0 records alone ... 3 all; else each of them
 *
 * For counts of instructions: valgrind --tool=callgrind bench_records 3 3.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "export/sink.h"
#include "export/traffic.h"
#include "flow/recent.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_pod.h"
#include "tests/bench/bench_table.h"

static pn_nsec realtime(void *data)
{
	(void)data;
	return fake_time + 1700000000 * PN_NSEC_PER_SEC;
}

/* struct parts - what records go to; NULL: not there */
struct parts {
	struct pn_joiner *joiner;
	struct pn_journal *journal;
	struct pn_sinks *sinks;
	struct pn_recent *recent;
	struct pn_traffic *traffic;
	size_t n_records;
};

static void on_record(void *data, const struct pn_flow_record *r)
{
	struct parts *p = data;

	p->n_records++;
	if (p->sinks)
		pn_sinks_record(p->sinks, r);
	if (p->recent)
		pn_recent_add(p->recent, r);
	if (p->traffic)
		pn_traffic_record(p->traffic, r, fake_time);
}

static int round_of(struct parts *p)
{
	static const struct pn_joiner_ops ops = { .record = on_record };
	static const struct pn_place place = { 1, 2, 3 };
	struct pn_ticks ticks = { (uint32_t)(fake_time / PN_NSEC_PER_MSEC), fake_time,
				  PN_NSEC_PER_MSEC };

	pn_joiner_begin(p->joiner, &ticks);
	for (size_t i = 0; i < N_CONNS; i++) {
		if (pn_joiner_entry(p->joiner, &keys[i], &values[i]) < 0)
			return -1;
	}
	pn_joiner_finish(p->joiner, false, &ops, p);
	if (p->sinks)
		(void)pn_sinks_flush(p->sinks);
	pn_journal_commit(p->journal, &place);
	if (p->recent)
		pn_recent_settle(p->recent);
	return 0;
}

static int measure(struct parts *p, const char *what, unsigned int n_rounds)
{
	pn_nsec spent = 0;

	for (unsigned int i = 0; i <= n_rounds; i++) { /* the first one makes the connections */
		pn_nsec start;

		if (i == 1)
			p->n_records = 0;
		more_packets();
		start = cpu_time();
		if (round_of(p) < 0)
			return -1;
		if (i)
			spent += cpu_time() - start;
		fake_time += 5 * PN_NSEC_PER_SEC;
	}
	row(what, p->n_records ? (double)spent / (double)p->n_records : 0, "ns a record");
	return 0;
}

static int new_sinks(struct pn_sinks **ret)
{
	struct pn_sink *sink = NULL;
	struct pn_err err;
	int r = pn_sinks_new(ret);

	if (r == 0)
		r = pn_sink_open_file("/dev/null", PN_FORMAT_JSON, &sink, &err);
	return r < 0 ? r : pn_sinks_add_main(*ret, sink);
}

static int new_traffic(struct pn_traffic **ret)
{
	const struct pn_traffic_config config = {
		.max_series = 10000,
		.labels = PN_TRAFFIC_NAMESPACE | PN_TRAFFIC_WORKLOAD,
		.idle = 600 * PN_NSEC_PER_SEC,
	};

	return pn_traffic_new(&config, ret);
}

static int run(const struct pn_joiner_config *config, void *notes, unsigned int n_rounds,
	       unsigned int n_parts)
{
	static const char *const what[] = { "records", "and as JSON to /dev/null",
					    "and the last 4096 kept", "and added up as traffic" };
	static const struct pn_place place = { 1, 2, 3 };
	struct pn_joiner_config c = *config;
	struct parts p = { 0 };
	int r;

	memset(notes, 0, NOTES_BYTES);
	memset(values, 0, sizeof(values));
	make_table();
	r = pn_journal_open(&(struct pn_notes) { .at = notes, .len = NOTES_BYTES }, &p.journal);
	if (r == 0)
		r = pn_journal_settle(p.journal, (struct pn_written) { true, 0 }, &place);
	c.journal = p.journal;
	if (r == 0)
		r = pn_joiner_new(&c, &p.joiner);
	if (r == 0 && n_parts > 0)
		r = new_sinks(&p.sinks);
	if (r == 0 && n_parts > 1)
		r = pn_recent_new(PN_RECENT_DEFAULT, &p.recent);
	if (r == 0 && n_parts > 2)
		r = new_traffic(&p.traffic);
	if (r == 0)
		r = measure(&p, what[n_parts], n_rounds);
	pn_traffic_free(p.traffic);
	pn_recent_free(p.recent);
	pn_sinks_free(p.sinks);
	pn_joiner_free(p.joiner);
	pn_journal_free(p.journal);
	return r;
}

int main(int argc, char **argv)
{
	const struct pn_clock clock = { now, realtime, random_bits, NULL };
	struct pn_joiner_config config = { .clock = &clock, .idle_timeout = PN_JOINER_IDLE };
	unsigned int n_rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 5;
	unsigned int from = argc > 2 ? (unsigned int)atoi(argv[2]) % 4 : 0;
	struct pn_index *index;
	void *notes =
		mmap(NULL, NOTES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r = 0;

	pn_index_reader_begin();
	if (notes == MAP_FAILED || pn_index_new(&clock, "n1", &index) < 0)
		return 1;
	config.index = index;
	for (uint32_t i = 0; i <= N_SERVERS && r == 0; i++)
		r = apply_pod(index, nth_addr(i), i, 0, false);
	for (unsigned int n = from; n <= (argc > 2 ? from : 3) && r == 0; n++)
		r = run(&config, notes, n_rounds, n);
	pn_index_reader_end();
	pn_index_free(index);
	return r != 0;
}
