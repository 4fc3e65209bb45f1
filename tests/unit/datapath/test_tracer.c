/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer's table and what is around it: no room, names stamped, two processors at once, random
 * packets, features. Packets come by BPF_PROG_TEST_RUN; test_packets has each sort of them.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <podonym/maps.h>

#include "tracer_fixture.h"

static void remove_returns_the_last_state_once(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet p;
	struct flow f, again;

	make_udp(&p, POD, 1, PEER, 2, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	f = only_flow(t);
	memset(&again, 0, sizeof(again));
	assert_int_equal(pn_tracer_remove(t, &f.key, &again.value), 0);
	assert_memory_equal(&f.value, &again.value, sizeof(f.value));
	assert_int_equal(pn_tracer_remove(t, &f.key, &again.value), -ENOENT);
	assert_int_equal(count_flows(t), 0);
}

static void owners_are_stamped_when_a_flow_begins(void **state)
{
	struct pn_ip_value owner = { .owner = 7 };
	struct pn_tracer *t = NULL;
	struct pn_addr addr;
	struct packet p;
	int fd;

	if (geteuid() != 0)
		skip();
	(void)state;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "ip", sizeof(struct pn_ip_key), sizeof(owner), 8,
			    NULL);
	assert_true(fd >= 0);
	assert_int_equal(pn_addr_parse(PEER, &addr), 0);
	assert_int_equal(bpf_map_update_elem(fd, &addr, &owner, BPF_ANY), 0);
	assert_int_equal(
		pn_tracer_new(&(struct pn_tracer_config) { .ip_map_fd = fd, .max_flows = 8 }, &t,
			      NULL),
		0);

	make_udp(&p, POD, 1, PEER, 2, 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	owner.owner = 8;
	assert_int_equal(bpf_map_update_elem(fd, &addr, &owner, BPF_ANY), 0);
	send_packet(t, PN_HOOK_INGRESS, &p);
	assert_int_equal(only_flow(t).value.owner[0], 0);
	assert_int_equal(only_flow(t).value.owner[1], 7);
	pn_tracer_free(t);
	(void)close(fd);
}

static void a_map_of_another_layout_is_refused(void **state)
{
	struct pn_tracer *t = NULL;
	struct pn_err err;
	int fd;

	if (geteuid() != 0)
		skip();
	(void)state;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "ip", 4, 4, 8, NULL);
	assert_true(fd >= 0);
	assert_int_equal(
		pn_tracer_new(&(struct pn_tracer_config) { .ip_map_fd = fd, .max_flows = 8 }, &t,
			      &err),
		-EPROTO);
	assert_non_null(strstr(err.text, "layout"));
	assert_null(t);
	(void)close(fd);
}

/* Whatever a bit flip does to a packet, it ends in exactly one cell of the ledger. */
static void random_mutations_keep_the_ledger_closed(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct packet seeds[3];
	unsigned int seed = 20240229;
	uint64_t recorded;

	put_ethernet(&seeds[0]);
	put_vlan(&seeds[0], 0x8100, 5);
	put_ipv4(&seeds[0], POD, PEER, 12);
	put_tcp(&seeds[0], 4000, 80, SYN);
	packet_end(&seeds[0], 30);
	put_ethernet(&seeds[1]);
	put_ipv6(&seeds[1], POD6, PEER6);
	put_extension(&seeds[1], IPPROTO_HOPOPTS, 16);
	put_ipv6_fragment(&seeds[1], 0, false);
	put_udp(&seeds[1], 4000, 53);
	packet_end(&seeds[1], 30);
	put_ethernet(&seeds[2]);
	put_ipv4(&seeds[2], POD, PEER, 0);
	put_icmp(&seeds[2], IPPROTO_ICMP, 3, 1, 0);
	packet_end(&seeds[2], 30);

	for (int i = 0; i < 2000; i++) {
		struct packet p = seeds[i % 3];

		for (int n = 1 + rand_r(&seed) % 4; n > 0; n--)
			p.b[12 + (size_t)rand_r(&seed) % (p.len - 12)] = (uint8_t)rand_r(&seed);
		send_packet(t, i % 2 ? PN_HOOK_INGRESS : PN_HOOK_EGRESS, &p);
	}
	assert_int_equal(ledger(t, PN_STAT_SEEN), 2000);
	recorded = ledger(t, PN_STAT_RECORDED);
	assert_true(recorded > 0 && recorded < 2000);
	assert_int_equal(ledger(t, PN_STAT_TABLE_FULL), 0);
}

struct sums {
	uint64_t packets, bytes;
	size_t n;
};

static void add_up(void *data, const struct pn_flow_key *key, const struct pn_flow_value *value)
{
	struct sums *s = data;

	(void)key;
	for (int d = 0; d < 2; d++) {
		s->packets += pn_flow_way(value, d)->sent.packets;
		s->bytes += pn_flow_way(value, d)->sent.bytes;
	}
	s->n++;
}

struct hammer {
	struct pn_tracer *t;
	int cpu, n_ports, repeat;
	bool turned; /* the other direction */
	bool failed;
};

static void *hammer(void *data)
{
	struct hammer *h = data;
	cpu_set_t set;
	struct packet p;

	CPU_ZERO(&set);
	CPU_SET(h->cpu, &set);
	h->failed = sched_setaffinity(0, sizeof(set), &set) < 0;
	for (int port = 1; port <= h->n_ports; port++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p.b, .repeat = h->repeat);

		if (h->turned)
			make_udp(&p, PEER, 53, POD, (unsigned int)port, 10);
		else
			make_udp(&p, POD, (unsigned int)port, PEER, 53, 10);
		opts.data_size_in = (uint32_t)p.len;
		if (bpf_prog_test_run_opts(pn_tracer_prog_fd(h->t, PN_HOOK_INGRESS), &opts) < 0)
			h->failed = true;
	}
	return NULL;
}

static struct sums hammer_from_two_cpus(struct pn_tracer *t, int n_ports, int repeat)
{
	struct hammer h[2] = {
		{ .t = t, .cpu = 0, .n_ports = n_ports, .repeat = repeat },
		{ .t = t, .cpu = 1, .n_ports = n_ports, .repeat = repeat, .turned = true }
	};
	struct sums sums = {};
	pthread_t threads[2];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("needs two CPUs\n");
		skip();
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &h[i]), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_false(h[i].failed);
	}
	assert_int_equal(pn_tracer_drain(t, add_up, &sums), 0);
	return sums;
}

static void two_cpus_in_one_flow_lose_nothing(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct sums sums = hammer_from_two_cpus(t, 1, 500000);

	assert_int_equal(sums.n, 1);
	assert_int_equal(sums.packets, 1000000);
	assert_int_equal(sums.bytes, 38000000);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 1000000);
}

static void two_cpus_that_make_the_same_flows_lose_nothing(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	struct sums sums = hammer_from_two_cpus(t, 20000, 1);

	assert_int_equal(sums.n, 20000);
	assert_int_equal(sums.packets, 40000);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 40000);
}

struct ids {
	uint64_t id[20000];
	size_t n;
};

static void collect_id(void *data, const struct pn_flow_key *key, const struct pn_flow_value *value)
{
	struct ids *ids = data;

	(void)key;
	if (ids->n < PN_ARRAY_SIZE(ids->id))
		ids->id[ids->n++] = value->id;
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void ids_are_unique(void **state)
{
	struct pn_tracer *t = tracer_of(state);
	static struct ids ids;

	(void)hammer_from_two_cpus(t, 20000, 1);
	assert_int_equal(pn_tracer_drain(t, collect_id, &ids), 0);
	assert_int_equal(ids.n, 20000);
	qsort(ids.id, ids.n, sizeof(ids.id[0]), compare_ids);
	assert_true(ids.id[0] > 0);
	for (size_t i = 1; i < ids.n; i++)
		assert_true(ids.id[i - 1] < ids.id[i]);
}

static void features_name_what_runs_and_why_not_better(void **state)
{
	const struct pn_tracer_config config = {
		.ip_map_fd = -1,
		.max_flows = 8,
		.force_clsact = true,
		.no_nat = true,
		.no_tcp = true,
	};
	const struct pn_feature *f;
	struct pn_tracer *t = NULL;

	if (geteuid() != 0)
		skip();
	(void)state;
	assert_int_equal(pn_tracer_new(&config, &t, NULL), 0);
	assert_int_equal(pn_tracer_features(t, &f), 6);
	assert_string_equal(f[0].name, "hook");
	assert_string_equal(f[0].state, "clsact");
	assert_string_equal(f[0].reason, "switched off");
	assert_string_equal(f[1].name, "nat");
	assert_string_equal(f[1].state, "off");
	assert_string_equal(f[1].reason, "switched off");
	assert_string_equal(f[2].name, "cgroup");
	assert_string_equal(f[2].state, "off");
	assert_non_null(strstr(f[2].reason, "no cgroup v2 hierarchy"));
	assert_string_equal(f[3].name, "host");
	assert_string_equal(f[3].state, "off");
	assert_non_null(strstr(f[3].reason, "no cgroup v2 hierarchy"));
	assert_string_equal(f[4].name, "tcp");
	assert_string_equal(f[4].state, "off");
	assert_string_equal(f[4].reason, "switched off");
	assert_string_equal(f[5].name, "lines");
	assert_string_equal(f[5].state, "on");
	assert_string_equal(f[5].reason, "");
	pn_tracer_free(t);
}

static void a_table_without_room_is_refused(void **state)
{
	const struct pn_tracer_config config = { .ip_map_fd = -1 };
	struct pn_tracer *t = NULL;
	struct pn_err err;

	(void)state;
	assert_int_equal(pn_tracer_new(&config, &t, &err), -EINVAL);
	assert_null(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TRACER(remove_returns_the_last_state_once),
		cmocka_unit_test(owners_are_stamped_when_a_flow_begins),
		cmocka_unit_test(a_map_of_another_layout_is_refused),
		ON_TRACER(random_mutations_keep_the_ledger_closed),
		ON_TRACER(two_cpus_in_one_flow_lose_nothing),
		ON_TRACER(two_cpus_that_make_the_same_flows_lose_nothing),
		ON_TRACER(ids_are_unique),
		cmocka_unit_test(features_name_what_runs_and_why_not_better),
		cmocka_unit_test(a_table_without_room_is_refused),
	};

	return cmocka_run_group_tests_name("tracer", tests, NULL, free_shared);
}
