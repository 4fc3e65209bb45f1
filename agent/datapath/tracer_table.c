// SPDX-License-Identifier: Apache-2.0
/*
 * What bpf/flow.bpf.c has counted: the flow table and the table of pairs, drained in batches by the flow thread,
 * which also lets connections in again where the table was full; what its ticks mean; and the ledger, for the
 * control thread. Both may read at once, each into memory of its own.
 */
#include "datapath/tracer_private.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/metric.h"

/* Entries that one system call brings. It grows if a single hash bucket should have more. */
#define BATCH_ENTRIES 1024
#define LINES_AHEAD 8

/* Zeroed, because valgrind does not know what the batch commands write. What was there may go. */
static int reserve_batch(struct pn_tracer *t, uint32_t n)
{
	PN_CLEANUP(pn_freep) struct pn_flow_key *keys = calloc(n, sizeof(*keys));
	PN_CLEANUP(pn_freep) struct pn_flow_value *values = calloc(n, sizeof(*values));

	if (!keys || !values)
		return -ENOMEM;
	free(t->batch_keys);
	free(t->batch_values);
	t->batch_keys = PN_TAKE_PTR(keys);
	t->batch_values = PN_TAKE_PTR(values);
	t->batch_cap = n;
	return 0;
}

static int reserve_cells(struct pn_tracer *t)
{
	int n = libbpf_num_possible_cpus();

	if (n < 0)
		return n;
	t->n_cpus = (size_t)n;
	t->cells = calloc(t->n_cpus, sizeof(*t->cells));
	t->ledger_cells = calloc(t->n_cpus, sizeof(*t->ledger_cells));
	return t->cells && t->ledger_cells ? 0 : -ENOMEM;
}

int pn_tracer_table_init(struct pn_tracer *t)
{
	int r = reserve_batch(t, BATCH_ENTRIES);

	return r < 0 ? r : reserve_cells(t);
}

void pn_tracer_table_done(struct pn_tracer *t)
{
	free(t->batch_keys);
	free(t->batch_values);
	free(t->cells);
	free(t->ledger_cells);
}

/* --- the flow table ----------------------------------------------------------------------------- */

/* Return: 1 at the end of the table, 0 if there is more, or a negative errno. */
static int next_batch(struct pn_tracer *t, int fd, uint32_t **position, uint32_t *next,
		      uint32_t *ret_n)
{
	int r;

	for (;;) {
		*ret_n = t->batch_cap;
		r = bpf_map_lookup_batch(fd, *position, next, t->batch_keys, t->batch_values, ret_n,
					 NULL);
		if (r != -ENOSPC)
			break;
		/* a single bucket has more */
		r = t->batch_cap > UINT32_MAX / 2 ? -ENOMEM : reserve_batch(t, t->batch_cap * 2);
		if (r < 0)
			return r;
	}
	if (r < 0 && r != -ENOENT)
		return r;
	*position = next;
	return r == -ENOENT;
}

/* Lines are somewhere in memory: those of entries to come are on their way while one is visited. */
static void add_lines(struct pn_tracer *t, uint32_t i, uint32_t n)
{
	if (i + LINES_AHEAD < n)
		pn_lines_expect(t->lines, &t->batch_keys[i + LINES_AHEAD]);
	pn_lines_add(t->lines, &t->batch_keys[i], &t->batch_values[i]);
}

/* Return: how many entries there are, or a negative errno */
static int64_t drain_table(struct pn_tracer *t, enum pn_pin table,
			   void (*visit)(void *data, const struct pn_flow_key *key,
					 const struct pn_flow_value *value),
			   void *data)
{
	uint32_t next, n, *position = NULL;
	int64_t sum = 0;
	int r;

	do {
		r = next_batch(t, t->programs.map_fd[table], &position, &next, &n);
		if (r < 0)
			return r;
		for (uint32_t i = 0; i < n; i++) {
			if (table == PN_PIN_FLOWS)
				add_lines(t, i, n);
			visit(data, &t->batch_keys[i], &t->batch_values[i]);
		}
		sum += n;
	} while (r == 0);
	return sum;
}

/* With room left it was the kernel that had no memory at that moment. */
static void warn_of_full_table(struct pn_tracer *t, bool has_room, pn_nsec now)
{
	unsigned int n_held;

	if (pn_log_allow(&t->full_limit, now, 60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("datapath",
			"%s: new connections are told as pairs of addresses %s flows=%u held=%u",
			has_room ? "no memory for an entry of the flow table"
				 : "the flow table is full",
			has_room ? "for a moment"
				 : "until others are over; --max-flows makes more room",
			t->max_flows, n_held);
}

/*
 * Lets connections in again once others have left. Those that are counted where they arrive follow
 * later than packets are on their way through the node.
 */
static void make_room(struct pn_tracer *t, uint64_t n_flows)
{
	bool has_room = n_flows <= t->max_flows - PN_MAX(t->max_flows / 8, (uint32_t)1);
	pn_nsec now = pn_clock_now(&pn_clock_system);
	volatile uint32_t *room = t->programs.room;

	if (*room == PN_ROOM_FULL) {
		warn_of_full_table(t, has_room, now);
		t->soon_since = now;
		if (has_room)
			*room = PN_ROOM_SOON;
	} else if (*room == PN_ROOM_SOON && now - t->soon_since >= PN_NSEC_PER_SEC) {
		*room = PN_ROOM_FREE;
	}
}

int pn_tracer_drain(struct pn_tracer *t,
		    void (*visit)(void *data, const struct pn_flow_key *key,
				  const struct pn_flow_value *value),
		    void *data)
{
	int64_t n_flows, n_pairs;
	struct pn_ticks ticks;
	int r;

	r = pn_tracer_ticks(t, &ticks);
	if (r == 0)
		r = pn_lines_begin(t->lines, &ticks);
	if (r < 0)
		return r;
	n_flows = drain_table(t, PN_PIN_FLOWS, visit, data);
	pn_lines_end(t->lines, n_flows >= 0);
	pn_metric_set(PN_METRIC_FLOW_LINES, pn_lines_count(t->lines));
	if (n_flows < 0)
		return (int)n_flows;
	n_pairs = drain_table(t, PN_PIN_PAIRS, visit, data);
	if (n_pairs < 0)
		return (int)n_pairs;
	make_room(t, (uint64_t)n_flows);
	return 0;
}

/* --- one entry -------------------------------------------------------------------------------------- */

int pn_tracer_find(const struct pn_tracer *t, const struct pn_flow_key *key,
		   struct pn_flow_value *ret)
{
	return bpf_map_lookup_elem(t->programs.map_fd[PN_PIN_FLOWS], key, ret);
}

int pn_tracer_leave(struct pn_tracer *t, const struct pn_flow_key *key)
{
	return key->kind == PN_FLOW_PAIR ? 0 : pn_lines_leave(t->lines, key);
}

int pn_tracer_remove(struct pn_tracer *t, const struct pn_flow_key *key, struct pn_flow_value *ret)
{
	enum pn_pin table = key->kind == PN_FLOW_PAIR ? PN_PIN_PAIRS : PN_PIN_FLOWS;
	int r, fd = t->programs.map_fd[table];
	struct pn_flow_value value = {};

	r = pn_tracer_leave(t, key);
	if (r < 0)
		return r;
	r = bpf_map_lookup_and_delete_elem(fd, key, &value);
	if (r < 0 && r != -ENOENT) { /* hash tables can do both at once since Linux 5.14 */
		r = bpf_map_lookup_elem(fd, key, &value);
		if (!r)
			r = bpf_map_delete_elem(fd, key);
	}
	if (r < 0)
		return r;
	*ret = value;
	return 0;
}

int pn_tracer_settle(struct pn_tracer *t)
{
	return pn_lines_settle(t->lines);
}

/* --- what each CPU has counted ------------------------------------------------------------------------- */

/* The CPU that has seen a packet last knows best; without any packet there is no entry either. */
int pn_tracer_ticks(const struct pn_tracer *t, struct pn_ticks *ret)
{
	struct pn_flow_cpu newest = {};
	struct timespec tick;
	int r;

	for (uint32_t cell = 0; cell < PN_CELL_MAX; cell++) {
		r = bpf_map_lookup_elem(t->programs.map_fd[PN_PIN_CPUS], &cell, t->cells);
		if (r < 0)
			return r;
		for (size_t cpu = 0; cpu < t->n_cpus; cpu++)
			if (t->cells[cpu].tick_ns > newest.tick_ns)
				newest = t->cells[cpu];
	}
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) < 0)
		return -errno;
	*ret = (struct pn_ticks) {
		.tick = newest.tick,
		.at = newest.tick_ns,
		.len = (pn_nsec)tick.tv_nsec,
	};
	return 0;
}

int pn_tracer_stats(const struct pn_tracer *t, uint64_t ret[static PN_STAT_MAX])
{
	uint64_t sums[PN_STAT_MAX] = {};
	int r;

	for (uint32_t cell = 0; cell < PN_CELL_MAX; cell++) {
		r = bpf_map_lookup_elem(t->programs.map_fd[PN_PIN_CPUS], &cell, t->ledger_cells);
		if (r < 0)
			return r;
		for (int s = 0; s < PN_STAT_MAX; s++)
			for (size_t cpu = 0; cpu < t->n_cpus; cpu++)
				sums[s] += t->ledger_cells[cpu].stat[s];
	}
	memcpy(ret, sums, sizeof(sums));
	return 0;
}
