/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums that two processors add to at once, exact to the byte: in one flow, at both hooks and in both
 * directions; and in more flows than fit into any cache, while somebody drains the table as the
 * agent does, taking differences.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tracer_fixture.h"

enum {
	N_CPUS = 2,
	HEADERS = 28,
	N_REPEATS = 100000,
	N_PORTS = 50000,
	N_FLOWS = 2 * N_PORTS,
	ROOM = 131072,
};

static int set_up_for_many(void **state)
{
	return start(state, (struct pn_tracer_config) { .ip_map_fd = -1, .max_flows = ROOM });
}

struct writer {
	struct pn_tracer *t;
	unsigned int cpu;
	atomic_bool failed;
};

static void pin(struct writer *w)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		w->failed = true;
}

/* @gso_segs: 0 for a packet of the wire */
static void run_packet(struct writer *w, enum pn_hook hook, struct packet *p, int repeat,
		       uint32_t gso_segs)
{
	const struct __sk_buff ctx = { .gso_segs = gso_segs, .gso_size = gso_segs ? 100 : 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->b, .data_size_in = (uint32_t)p->len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = repeat);

	if (bpf_prog_test_run_opts(pn_tracer_prog_fd(w->t, hook), &opts) < 0)
		w->failed = true;
}

static void start_writers(struct pn_tracer *t, struct writer w[N_CPUS], pthread_t threads[N_CPUS],
			  void *(*write_all)(void *))
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < N_CPUS) {
		print_message("needs two CPUs\n");
		skip();
	}
	for (unsigned int i = 0; i < N_CPUS; i++) {
		w[i].t = t;
		w[i].cpu = i;
		w[i].failed = false;
		assert_int_equal(pthread_create(&threads[i], NULL, write_all, &w[i]), 0);
	}
}

static void join_writers(struct writer w[N_CPUS], pthread_t threads[N_CPUS])
{
	for (unsigned int i = 0; i < N_CPUS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (unsigned int i = 0; i < N_CPUS; i++)
		assert_false(w[i].failed);
}

/* A processor's packets have a length of their own; from @end to the other, of the one flow. */
static size_t make_one(struct packet *p, unsigned int end, unsigned int cpu)
{
	size_t payload_len = cpu ? 11 : 300;

	if (end)
		make_udp(p, PEER, 53, POD, 4000, payload_len);
	else
		make_udp(p, POD, 4000, PEER, 53, payload_len);
	return payload_len;
}

/* Both begin with the same counter, so that they meet in it. */
static void *hammer_one_flow(void *data)
{
	struct writer *w = data;
	struct packet p;

	pin(w);
	for (unsigned int end = 0; end < 2; end++) {
		(void)make_one(&p, end, w->cpu);
		run_packet(w, PN_HOOK_INGRESS, &p, N_REPEATS, 0);
		run_packet(w, PN_HOOK_EGRESS, &p, N_REPEATS, 0);
		run_packet(w, PN_HOOK_INGRESS, &p, N_REPEATS, 3);
	}
	return NULL;
}

static void one_flow_is_exact_at_both_hooks_in_both_directions(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct writer w[N_CPUS];
	pthread_t threads[N_CPUS];
	uint64_t payload = 0;
	struct packet p;
	struct flow f;

	start_writers(t, w, threads, hammer_one_flow);
	join_writers(w, threads);
	f = only_flow(t);
	for (unsigned int cpu = 0; cpu < N_CPUS; cpu++)
		payload += make_one(&p, 0, cpu);
	for (unsigned int end = 0; end < 2; end++) {
		const struct pn_flow_count *sent = &pn_flow_way(&f.value, end)->sent;
		const struct pn_flow_count *delivered = &pn_flow_way(&f.value, end)->delivered;

		assert_int_equal(sent->packets, N_CPUS * N_REPEATS * (1 + 3));
		assert_int_equal(sent->bytes,
				 N_REPEATS * (2 * payload + N_CPUS * (1 + 3) * HEADERS));
		assert_int_equal(delivered->packets, N_CPUS * N_REPEATS);
		assert_int_equal(delivered->bytes, N_REPEATS * (payload + N_CPUS * HEADERS));
	}
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 2 * N_CPUS * N_REPEATS * (1 + 1 + 3));
}

static atomic_uint n_done;

/* Each flow gets two packets of each processor; they begin at opposite ends and meet in the middle. */
static void *write_many_flows(void *data)
{
	struct writer *w = data;
	struct packet p;

	pin(w);
	for (unsigned int i = 0; i < N_FLOWS; i++) {
		unsigned int n = w->cpu ? N_FLOWS - 1 - i : i;

		make_udp(&p, POD, 1 + n % N_PORTS, PEER, 1 + n / N_PORTS, n % 100);
		run_packet(w, PN_HOOK_INGRESS, &p, 2, 0);
	}
	n_done++;
	return NULL;
}

/* What was last seen of each flow, and the differences in one sum. */
struct reader {
	struct pn_flow_count last[N_FLOWS], told;
	size_t n;
	bool went_back;
};

static void take_difference(void *data, const struct pn_flow_key *key,
			    const struct pn_flow_value *value)
{
	struct reader *r = data;
	size_t n = ntohs(key->port[0]) - 1U + (ntohs(key->port[1]) - 1U) * N_PORTS;
	struct pn_flow_count *last = &r->last[n < N_FLOWS ? n : 0];
	const struct pn_flow_count *now = &pn_flow_way(value, 0)->sent;

	r->n++;
	if (n >= N_FLOWS || now->packets < last->packets || now->bytes < last->bytes)
		r->went_back = true;
	r->told.packets += now->packets - last->packets;
	r->told.bytes += now->bytes - last->bytes;
	*last = *now;
}

static void drained_while_they_are_written_flows_are_exact(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	static struct reader r;
	struct writer w[N_CPUS];
	pthread_t threads[N_CPUS];
	uint64_t bytes = 0;

	n_done = 0;
	start_writers(t, w, threads, write_many_flows);
	while (n_done < N_CPUS)
		assert_int_equal(pn_tracer_drain(t, take_difference, &r), 0);
	join_writers(w, threads);
	r.n = 0;
	assert_int_equal(pn_tracer_drain(t, take_difference, &r), 0);

	for (unsigned int n = 0; n < N_FLOWS; n++) {
		uint64_t expected = 2 * N_CPUS * (HEADERS + n % 100);

		assert_int_equal(r.last[n].packets, 2 * N_CPUS);
		assert_int_equal(r.last[n].bytes, expected);
		bytes += expected;
	}
	assert_false(r.went_back);
	assert_int_equal(r.n, N_FLOWS);
	assert_int_equal(r.told.packets, 2 * N_CPUS * N_FLOWS);
	assert_int_equal(r.told.bytes, bytes);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 2 * N_CPUS * N_FLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TRACER(one_flow_is_exact_at_both_hooks_in_both_directions),
		cmocka_unit_test_setup_teardown(drained_while_they_are_written_flows_are_exact,
						set_up_for_many, tear_down),
	};

	return cmocka_run_group_tests_name("sums", tests, NULL, free_shared);
}
