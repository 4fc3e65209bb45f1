/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines in front of the flow table: who gets one, what is counted in it, and that nothing is lost when it
 * is taken back, by this agent or the next. Packets come by BPF_PROG_TEST_RUN. pn_tracer_find() sees the table
 * alone, a drain both; so the difference is in lines.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/metric.h"
#include "bpffs_fixture.h"
#include "tracer_fixture.h"

enum {
	HEADERS = 28,
	ENOUGH = 10,  /* packets, for a line */
	N_DRAINS = 3, /* after that many it is in use: sets are chosen, lines given, lines used */
};

static void drain(struct pn_tracer *t, int times)
{
	while (times--)
		assert_int_equal(pn_tracer_drain(t, visit_nothing, NULL), 0);
}

static void send_times(struct pn_tracer *t, enum pn_hook hook, struct packet *p, int times)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->b, .data_size_in = (uint32_t)p->len,
		    .repeat = times);

	assert_int_equal(bpf_prog_test_run_opts(pn_tracer_prog_fd(t, hook), &opts), 0);
}

static uint64_t n_lines(void)
{
	return (uint64_t)pn_metric_get(PN_METRIC_FLOW_LINES);
}

static struct pn_flow_value in_table(const struct pn_tracer *t, const struct pn_flow_key *key)
{
	struct pn_flow_value v;

	assert_int_equal(pn_tracer_find(t, key, &v), 0);
	return v;
}

/* A connection that goes on, as long as it needs to. */
static struct flow give_line(struct pn_tracer *t, enum pn_hook hook, struct packet *p)
{
	send_times(t, hook, p, ENOUGH);
	drain(t, N_DRAINS);
	return only_flow(t);
}

static void a_connection_that_goes_on_is_counted_in_a_line(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_udp(&p, POD, 1, PEER, 2, 5);
	send_times(t, PN_HOOK_INGRESS, &p, ENOUGH);
	drain(t, 1);
	assert_int_equal(n_lines(), 0);
	drain(t, N_DRAINS - 1);
	assert_int_equal(n_lines(), 1);

	send_times(t, PN_HOOK_INGRESS, &p, 7);
	f = only_flow(t);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, ENOUGH + 7);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.bytes, (ENOUGH + 7) * (HEADERS + 5));
	f.value = in_table(t, &f.key);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, ENOUGH);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), ENOUGH + 7);
}

static void ipv6_too(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	put_ethernet(&p);
	put_ipv6(&p, POD6, PEER6);
	put_udp(&p, 7, 8);
	packet_end(&p, 3);
	f = give_line(t, PN_HOOK_INGRESS, &p);
	send_times(t, PN_HOOK_INGRESS, &p, 4);
	f = only_flow(t);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, ENOUGH + 4);
	f.value = in_table(t, &f.key);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, ENOUGH);
}

static void each_way_and_each_hook_has_its_own_count(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet there, back;
	struct flow f;

	make_udp(&there, POD, 1, PEER, 2, 0);
	make_udp(&back, PEER, 2, POD, 1, 9);
	for (int hook = PN_HOOK_INGRESS; hook <= PN_HOOK_EGRESS; hook++) {
		send_times(t, (enum pn_hook)hook, &there, ENOUGH);
		send_times(t, (enum pn_hook)hook, &back, ENOUGH);
	}
	drain(t, N_DRAINS);
	assert_int_equal(n_lines(), 2);

	send_times(t, PN_HOOK_INGRESS, &there, 1);
	send_times(t, PN_HOOK_EGRESS, &there, 2);
	send_times(t, PN_HOOK_INGRESS, &back, 3);
	send_times(t, PN_HOOK_EGRESS, &back, 4);
	f = only_flow(t);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, ENOUGH + 1);
	assert_int_equal(pn_flow_way(&f.value, 0)->delivered.packets, ENOUGH + 2);
	assert_int_equal(pn_flow_way(&f.value, 1)->sent.packets, ENOUGH + 3);
	assert_int_equal(pn_flow_way(&f.value, 1)->delivered.packets, ENOUGH + 4);
	assert_int_equal(pn_flow_way(&f.value, 1)->delivered.bytes, (ENOUGH + 4) * (HEADERS + 9));
	f.value = in_table(t, &f.key);
	for (unsigned int end = 0; end < 2; end++) {
		assert_int_equal(pn_flow_way(&f.value, end)->sent.packets, ENOUGH);
		assert_int_equal(pn_flow_way(&f.value, end)->delivered.packets, ENOUGH);
	}
}

/* It has had its way through the line when it was sent: the next one that is sent tells of the socket. */
static void a_delivery_is_not_the_first_of_its_time(void **state)
{
	const struct timespec ticks_64 = { .tv_nsec = 700000000 }; /* of 100 a second */
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_tcp(&p, POD, 1, PEER, 2, ACK);
	send_times(t, PN_HOOK_EGRESS, &p, ENOUGH);
	f = give_line(t, PN_HOOK_INGRESS, &p);
	(void)nanosleep(&ticks_64, NULL);
	send_times(t, PN_HOOK_EGRESS, &p, 1);
	send_times(t, PN_HOOK_INGRESS, &p, 1);
	f.value = in_table(t, &f.key);
	assert_int_equal(pn_flow_way(&f.value, 0)->delivered.packets, ENOUGH);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, ENOUGH + 1);
}

/* One whose socket may still be looked for, or conntrack asked, has the table's attention. */
static void a_hook_that_has_seen_little_counts_in_the_table(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_udp(&p, POD, 1, PEER, 2, 0);
	send_times(t, PN_HOOK_EGRESS, &p, PN_MAX_LOOKS - 1);
	f = give_line(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(n_lines(), 1);
	send_times(t, PN_HOOK_EGRESS, &p, 1);
	f.value = in_table(t, &f.key);
	assert_int_equal(pn_flow_way(&f.value, 0)->delivered.packets, PN_MAX_LOOKS);
	drain(t, 1);
	send_times(t, PN_HOOK_EGRESS, &p, 1);
	f.value = in_table(t, &f.key);
	assert_int_equal(pn_flow_way(&f.value, 0)->delivered.packets, PN_MAX_LOOKS);
	f = only_flow(t);
	assert_int_equal(pn_flow_way(&f.value, 0)->delivered.packets, PN_MAX_LOOKS + 1);
}

static void flags_that_are_new_are_noted_in_the_table(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet ack, other;
	struct flow f;
	uint64_t before;

	make_tcp(&ack, POD, 1, PEER, 2, ACK);
	f = give_line(t, PN_HOOK_EGRESS, &ack); /* no packet asks for its socket there */
	before = pn_flow_way(&f.value, 0)->delivered.packets;
	for (unsigned int flag = 1; flag < 0x100; flag <<= 1) {
		if (flag == ACK)
			continue;
		make_tcp(&other, POD, 1, PEER, 2, (uint8_t)(ACK | flag));
		send_times(t, PN_HOOK_EGRESS, &other, 1);
		f.value = in_table(t, &f.key);
		assert_true(f.value.tcp_flags[0] & flag);
		assert_int_equal(pn_flow_way(&f.value, 0)->delivered.packets, ++before);
	}
}

static void a_closed_connection_has_no_line(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet ack, fin;
	struct flow f;

	make_tcp(&ack, POD, 1, PEER, 2, ACK);
	f = give_line(t, PN_HOOK_EGRESS, &ack);
	assert_int_equal(n_lines(), 1);
	send_times(t, PN_HOOK_EGRESS, &ack, 6);
	make_tcp(&fin, POD, 1, PEER, 2, ACK | FIN);
	send_times(t, PN_HOOK_EGRESS, &fin, 1);
	drain(t, 1); /* closed */
	send_times(t, PN_HOOK_EGRESS, &ack, 1);
	f = only_flow(t);
	assert_int_equal(pn_flow_way(&f.value, 0)->delivered.packets, ENOUGH + 8);
	assert_int_equal(n_lines(), 0);
	f.value = in_table(t, &f.key);
	assert_int_equal(pn_flow_way(&f.value, 0)->delivered.packets, ENOUGH + 8);
}

static void an_entry_leaves_with_all_counts(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_udp(&p, POD, 1, PEER, 2, 5);
	f = give_line(t, PN_HOOK_INGRESS, &p);
	send_times(t, PN_HOOK_INGRESS, &p, 3);
	assert_int_equal(pn_tracer_remove(t, &f.key, &f.value), -EAGAIN);
	send_times(t, PN_HOOK_INGRESS, &p, 1);
	assert_int_equal(pn_tracer_remove(t, &f.key, &f.value), -EAGAIN);
	assert_int_equal(pn_tracer_settle(t), 0);
	assert_int_equal(pn_tracer_remove(t, &f.key, &f.value), 0);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, ENOUGH + 4);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.bytes, (ENOUGH + 4) * (HEADERS + 5));
	assert_int_equal(count_flows(t), 0);
	assert_int_equal(n_lines(), 0);
}

static int flows_fd(const struct pn_tracer *t)
{
	uint32_t ids[32], n_ids = PN_ARRAY_SIZE(ids);
	struct bpf_prog_info prog = { .nr_map_ids = n_ids, .map_ids = (uintptr_t)ids };
	uint32_t len = sizeof(prog);

	assert_int_equal(bpf_obj_get_info_by_fd(pn_tracer_prog_fd(t, PN_HOOK_INGRESS), &prog, &len),
			 0);
	for (uint32_t i = 0; i < prog.nr_map_ids; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);
		struct bpf_map_info map = {};

		len = sizeof(map);
		assert_int_equal(bpf_obj_get_info_by_fd(fd, &map, &len), 0);
		if (strcmp(map.name, "flows") == 0)
			return fd;
		(void)close(fd);
	}
	fail_msg("the program has no map named flows");
	return -1;
}

/* As `bpftool map delete` does: what the line counts belongs to nobody, and it is free for another. */
static void a_line_whose_entry_somebody_took_is_free_again(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	int fd = flows_fd(t);
	struct packet p;
	struct flow f;

	make_udp(&p, POD, 1, PEER, 2, 5);
	f = give_line(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(n_lines(), 1);
	assert_int_equal(bpf_map_delete_elem(fd, &f.key), 0);
	(void)close(fd);
	drain(t, 2);
	assert_int_equal(n_lines(), 0);
	f = give_line(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(n_lines(), 1);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, ENOUGH);
}

/* More than a line may count while nobody reads it. */
static void a_line_that_is_used_up_takes_no_more(void **state)
{
	enum { SEGMENTS = 65535, TIMES = 40000 };
	const struct __sk_buff ctx = { .gso_segs = SEGMENTS, .gso_size = 100 };
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f;

	make_udp(&p, POD, 1, PEER, 2, 0);
	f = give_line(t, PN_HOOK_INGRESS, &p);
	{
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p.b,
			    .data_size_in = (uint32_t)p.len, .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .repeat = TIMES);

		assert_int_equal(
			bpf_prog_test_run_opts(pn_tracer_prog_fd(t, PN_HOOK_INGRESS), &opts), 0);
	}
	f = only_flow(t);
	assert_true(pn_flow_way(&f.value, 0)->sent.packets == ENOUGH + (uint64_t)SEGMENTS * TIMES);
	f.value = in_table(t, &f.key);
	assert_true(pn_flow_way(&f.value, 0)->sent.packets > ENOUGH);
	drain(t, N_DRAINS);
	assert_int_equal(n_lines(), 1); /* another one */
	f = only_flow(t);
	assert_true(pn_flow_way(&f.value, 0)->sent.packets == ENOUGH + (uint64_t)SEGMENTS * TIMES);
}

static void switched_off_there_are_none(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	const struct pn_feature *f;
	struct packet p;
	struct flow flow;

	assert_int_equal(pn_tracer_features(t, &f), 6);
	assert_string_equal(f[5].name, "lines");
	assert_string_equal(f[5].state, "off");
	assert_string_equal(f[5].reason, "switched off");
	make_udp(&p, POD, 1, PEER, 2, 0);
	flow = give_line(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(n_lines(), 0);
	send_times(t, PN_HOOK_INGRESS, &p, 1);
	flow.value = in_table(t, &flow.key);
	assert_int_equal(pn_flow_way(&flow.value, 0)->sent.packets, ENOUGH + 1);
}

static int set_up_without(void **state)
{
	return start(state, (struct pn_tracer_config) {
				    .ip_map_fd = -1, .max_flows = 64, .no_lines = true });
}

/* --- many ------------------------------------------------------------------------------------------- */

enum { N_FLOWS = 3000, N_ROUNDS = 200 };

static int set_up_for_many(void **state)
{
	return start(state, (struct pn_tracer_config) { .ip_map_fd = -1, .max_flows = 8192 });
}

struct sender {
	struct pn_tracer *t;
	enum pn_hook hook;
	atomic_uint *n_drains;
	atomic_bool is_done, has_failed;
};

/* However quick this thread is: lines are given by drains. */
static void await_drain(const atomic_uint *n_drains)
{
	unsigned int n = *n_drains;

	while (*n_drains == n)
		(void)sched_yield();
}

static void *send_many(void *data)
{
	struct sender *s = data;
	struct packet p;

	for (unsigned int round = 1; round <= N_ROUNDS; round++) {
		await_drain(s->n_drains);
		for (unsigned int port = 1; port <= N_FLOWS * round / N_ROUNDS; port++) {
			LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p.b, .repeat = 1);

			make_udp(&p, POD, port, PEER, 53, port % 100);
			opts.data_size_in = (uint32_t)p.len;
			if (bpf_prog_test_run_opts(pn_tracer_prog_fd(s->t, s->hook), &opts) < 0)
				s->has_failed = true;
		}
	}
	s->is_done = true;
	return NULL;
}

struct counts {
	struct pn_flow_count sent[N_FLOWS + 1], delivered[N_FLOWS + 1];
	bool went_back;
};

static void take_counts(void *data, const struct pn_flow_key *key,
			const struct pn_flow_value *value)
{
	const struct pn_flow_way *way = pn_flow_way(value, 0);
	struct counts *c = data;
	unsigned int port = ntohs(key->port[0]);

	assert_in_range(port, 1, N_FLOWS);
	if (way->sent.packets < c->sent[port].packets ||
	    way->delivered.bytes < c->delivered[port].bytes)
		c->went_back = true;
	c->sent[port] = way->sent;
	c->delivered[port] = way->delivered;
}

/*
 * Two send at both hooks, in each round to some flows more than before. So the sets become too few, all lines
 * are taken and given anew, again and again.
 */
static void given_and_taken_while_they_are_counted_in_they_are_exact(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	atomic_uint n_drains = 0;
	struct sender senders[2] = {
		{ .t = t, .hook = PN_HOOK_INGRESS, .n_drains = &n_drains },
		{ .t = t, .hook = PN_HOOK_EGRESS, .n_drains = &n_drains },
	};
	static struct counts counts;
	uint64_t most_lines = 0, sum = 0;
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
	while (!senders[0].is_done || !senders[1].is_done) {
		assert_int_equal(pn_tracer_drain(t, take_counts, &counts), 0);
		most_lines = PN_MAX(most_lines, n_lines());
		n_drains++;
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_false(senders[i].has_failed);
	}
	assert_int_equal(pn_tracer_drain(t, take_counts, &counts), 0);
	assert_false(counts.went_back);
	assert_true(most_lines > N_FLOWS / 2);
	for (unsigned int port = 1; port <= N_FLOWS; port++) {
		uint64_t n = N_ROUNDS + 1 - (port * N_ROUNDS + N_FLOWS - 1) / N_FLOWS;

		assert_int_equal(counts.sent[port].packets, n);
		assert_int_equal(counts.sent[port].bytes, n * (HEADERS + port % 100));
		assert_int_equal(counts.delivered[port].packets, n);
		assert_int_equal(counts.delivered[port].bytes, n * (HEADERS + port % 100));
		sum += n;
	}
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 2 * sum);
}

/* --- the next agent --------------------------------------------------------------------------------- */

static struct pn_tracer *next_agent(const struct pn_tracer_config *config)
{
	struct pn_tracer *t = NULL;
	struct pn_err err;

	if (pn_tracer_new(config, &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

/* It ends after so many drains, or with an entry that is about to leave; the next one may have none. */
static void end_and_go_on(const struct pn_tracer_config *config, struct packet *p, int n_drains,
			  bool leaves, uint64_t *n)
{
	struct pn_tracer_config next = *config;
	struct pn_tracer *t = next_agent(config);
	struct flow f;

	send_times(t, PN_HOOK_INGRESS, p, ENOUGH);
	drain(t, n_drains);
	send_times(t, PN_HOOK_INGRESS, p, 4);
	*n += ENOUGH + 4;
	if (leaves) {
		f = only_flow(t);
		assert_int_equal(pn_tracer_remove(t, &f.key, &f.value), -EAGAIN);
	}
	pn_tracer_free(t);

	next.no_lines = n_drains % 2;
	t = next_agent(&next);
	send_times(t, PN_HOOK_INGRESS, p, 1);
	*n += 1;
	f = only_flow(t);
	assert_int_equal(n_lines(), 0);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, *n);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.bytes, *n * (HEADERS + 5));
	pn_tracer_free(t);
}

static void the_next_agent_finds_what_lines_have_counted(void **state)
{
	struct pn_tracer_config config = { .ip_map_fd = -1, .max_flows = 64 };
	struct packet p;
	uint64_t n = 0;
	char dir[64];

	(void)state;
	NEED_BPFFS();
	(void)snprintf(dir, sizeof(dir), "%s/lines", mount_point);
	config.pin_dir = dir;
	make_udp(&p, POD, 1, PEER, 2, 5);
	for (int n_drains = 0; n_drains <= N_DRAINS; n_drains++)
		end_and_go_on(&config, &p, n_drains, false, &n);
	end_and_go_on(&config, &p, N_DRAINS, true, &n);
	assert_int_equal(pn_tracer_cleanup(dir, NULL), 0);
}

static int end_all(void **state)
{
	return free_shared(state) < 0 ? -1 : umount_bpffs(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TRACER(a_connection_that_goes_on_is_counted_in_a_line),
		ON_TRACER(ipv6_too),
		ON_TRACER(each_way_and_each_hook_has_its_own_count),
		ON_TRACER(a_delivery_is_not_the_first_of_its_time),
		ON_TRACER(a_hook_that_has_seen_little_counts_in_the_table),
		ON_TRACER(flags_that_are_new_are_noted_in_the_table),
		ON_TRACER(a_closed_connection_has_no_line),
		ON_TRACER(an_entry_leaves_with_all_counts),
		ON_TRACER(a_line_whose_entry_somebody_took_is_free_again),
		ON_TRACER(a_line_that_is_used_up_takes_no_more),
		cmocka_unit_test_setup_teardown(switched_off_there_are_none, set_up_without,
						tear_down),
		cmocka_unit_test_setup_teardown(
			given_and_taken_while_they_are_counted_in_they_are_exact, set_up_for_many,
			tear_down),
		cmocka_unit_test(the_next_agent_finds_what_lines_have_counted),
	};

	return cmocka_run_group_tests_name("lines", tests, mount_bpffs, end_all);
}
