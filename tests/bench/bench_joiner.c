/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a round of the joiner costs with 100,000 connections from one pod to a thousand others: new
 * ones, unchanged ones, all of them with news (named by an index, noted in a journal), those that an
 * agent adopts; and how much memory one takes.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/bench/bench_pod.h"
#include "tests/bench/bench_table.h"

static double cpu_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static size_t memory_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void count_record(void *data, const struct pn_flow_record *r)
{
	*(size_t *)data += r->source.owner && r->destination.owner;
}

static int leave_entry(void *data, const struct pn_flow_key *key)
{
	(void)data;
	(void)key;
	return 0;
}

static int remove_entry(void *data, const struct pn_flow_key *key, struct pn_flow_value *ret)
{
	(void)data;
	*ret = values[key - keys]; /* only asked for what is in the table */
	return 0;
}

static int measure(struct pn_joiner *j, struct pn_journal *journal, const char *what)
{
	static const struct pn_joiner_ops ops = {
		.record = count_record,
		.leave = leave_entry,
		.remove = remove_entry,
	};
	static const struct pn_place place = { 1, 2, 3 };
	size_t n_records = 0;
	struct pn_ticks ticks = { (uint32_t)(fake_time / PN_NSEC_PER_MSEC), fake_time,
				  PN_NSEC_PER_MSEC };
	double start = cpu_ms(), spent;

	pn_joiner_begin(j, &ticks);
	for (size_t i = 0; i < N_CONNS; i++) {
		if (pn_joiner_entry(j, &keys[i], &values[i]) < 0)
			return -1;
	}
	pn_joiner_finish(j, false, &ops, &n_records);
	pn_journal_commit(journal, &place);
	(void)pn_joiner_sweep(j, &ops, &n_records);
	spent = cpu_ms() - start;
	(void)printf("  %-28s %8.1f ms %8.0f ns/connection %8zu named\n", what, spent,
		     spent * 1e6 / N_CONNS, n_records);
	fake_time += PN_NSEC_PER_SEC;
	return 0;
}

static int begin(struct pn_joiner_config *config, void *notes, struct pn_joiner **ret)
{
	static const struct pn_place place = { 1, 2, 3 };
	int r = pn_journal_open(&(struct pn_notes) { .at = notes, .len = NOTES_BYTES },
				&config->journal);

	if (r == 0)
		r = pn_journal_settle(config->journal, (struct pn_written) { true, 0 }, &place);
	return r < 0 ? r : pn_joiner_new(config, ret);
}

static int measure_all(struct pn_joiner_config *config, void *notes)
{
	struct pn_joiner *j;
	size_t before = memory_in_use();
	int r = begin(config, notes, &j);

	if (r < 0)
		return r;
	r = measure(j, config->journal, "100,000 new");
	(void)printf("  %-28s %8zu bytes\n", "memory for a connection",
		     (memory_in_use() - before) / N_CONNS);
	r |= measure(j, config->journal, "100,000 unchanged");
	more_packets();
	r |= measure(j, config->journal, "100,000 with news");
	pn_joiner_free(j);
	pn_journal_free(config->journal);
	return r;
}

int main(void)
{
	const struct pn_clock clock = { now, now, random_bits, NULL };
	struct pn_joiner_config config = { .clock = &clock, .idle_timeout = PN_JOINER_IDLE };
	struct pn_index *index;
	struct pn_joiner *j;
	void *notes =
		mmap(NULL, NOTES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	pn_index_reader_begin();
	if (notes == MAP_FAILED || pn_index_new(&clock, "n1", &index) < 0)
		return 1;
	config.index = index;
	for (uint32_t i = 0; i <= N_SERVERS; i++) {
		if (apply_pod(index, nth_addr(i), i, 0, false) < 0)
			return 1;
	}
	make_table();
	more_packets();
	r = measure_all(&config, notes);
	if (r == 0)
		r = begin(&config, notes, &j);
	if (r == 0) {
		r = measure(j, config.journal, "100,000 adopted");
		pn_joiner_free(j);
		pn_journal_free(config.journal);
	}
	pn_index_reader_end();
	pn_index_free(index);
	return r < 0;
}
