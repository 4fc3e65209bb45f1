/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_TRACER_FIXTURE_H
#define PN_TESTS_TRACER_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "datapath/tracer.h"
#include "packet_fixture.h"
#include "table_fixture.h"

/* A tracer that is attached nowhere, and packets that it is given one after the other. */

#define MAX_FLOWS 65536
#define TC_ACT_UNSPEC 0xffffffffU

#define SYN 0x02
#define ACK 0x10
#define FIN 0x01

#define POD "10.1.0.5"
#define PEER "10.1.0.9"
#define POD6 "fd00::5"
#define PEER6 "fd00::9"

struct flow {
	struct pn_flow_key key;
	struct pn_flow_value value;
};

struct table {
	struct flow flows[8];
	size_t n;
};

/* Loading takes long in an emulated machine, so tests that want nothing special have one tracer. */
static struct pn_tracer *shared;
static uint64_t stats_before[PN_STAT_MAX]; /* of tests before this one */

static inline int start(void **state, struct pn_tracer_config config)
{
	struct pn_tracer *t = NULL;
	struct pn_err err;

	if (geteuid() != 0) {
		print_message("needs root: loads BPF programs\n");
		*state = NULL;
		return 0;
	}
	if (pn_tracer_new(&config, &t, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = t;
	return 0;
}

static inline int tear_down(void **state)
{
	pn_tracer_free(*state);
	return 0;
}

static inline struct pn_tracer *tracer_of(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static inline void send_gso(struct pn_tracer *t, enum pn_hook hook, struct packet *p,
			    const struct __sk_buff *ctx)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->b, .data_size_in = (uint32_t)p->len,
		    .ctx_in = ctx, .ctx_size_in = ctx ? sizeof(*ctx) : 0);

	assert_int_equal(bpf_prog_test_run_opts(pn_tracer_prog_fd(t, hook), &opts), 0);
	assert_int_equal(opts.retval, TC_ACT_UNSPEC);
}

static inline void send_packet(struct pn_tracer *t, enum pn_hook hook, struct packet *p)
{
	send_gso(t, hook, p, NULL);
}

static inline void collect(void *data, const struct pn_flow_key *key,
			   const struct pn_flow_value *value)
{
	struct table *all = data;

	if (all->n < PN_ARRAY_SIZE(all->flows))
		all->flows[all->n] = (struct flow) { *key, *value };
	all->n++;
}

static inline struct flow only_flow(struct pn_tracer *t)
{
	struct table all = {};

	assert_int_equal(pn_tracer_drain(t, collect, &all), 0);
	assert_int_equal(all.n, 1);
	return all.flows[0];
}

static inline size_t count_flows(struct pn_tracer *t)
{
	struct table all = {};

	assert_int_equal(pn_tracer_drain(t, collect, &all), 0);
	return all.n;
}

/* The ledger must close; returns one cell of it. */
static inline uint64_t ledger(struct pn_tracer *t, enum pn_flow_stat cell)
{
	uint64_t stats[PN_STAT_MAX], sum = 0;

	assert_int_equal(pn_tracer_stats(t, stats), 0);
	for (int s = PN_STAT_SEEN + 1; s < PN_STAT_MAX; s++)
		sum += stats[s];
	assert_int_equal(stats[PN_STAT_SEEN], sum);
	return stats[cell] - (t == shared ? stats_before[cell] : 0);
}

static inline int set_up(void **state)
{
	int r = 0;

	if (!shared)
		r = start((void **)&shared,
			  (struct pn_tracer_config) { .ip_map_fd = -1, .max_flows = MAX_FLOWS });
	*state = shared;
	return r;
}

static inline int free_shared(void **state)
{
	(void)state;
	pn_tracer_free(shared);
	shared = NULL;
	memset(stats_before, 0, sizeof(stats_before));
	return 0;
}

/* Ready for the next test, as if it were new; after many flows that is left to a new one. */
static inline int make_clean(void **state)
{
	static const struct pn_selection everything;
	struct pn_tracer *t = *state;
	struct table all = {};
	int r;

	if (!t)
		return 0;
	r = pn_tracer_drain(t, collect, &all);
	if (r == 0 && all.n > PN_ARRAY_SIZE(all.flows))
		return free_shared(state);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = remove_entry(t, &all.flows[i].key, &all.flows[i].value);
	if (r == 0)
		r = pn_select_prepare(pn_tracer_select(t), &everything, 1, NULL);
	if (r == 0)
		pn_select_commit(pn_tracer_select(t));
	return r < 0 ? r : pn_tracer_stats(t, stats_before);
}

static inline void assert_end(const struct pn_flow_key *key, int end, const char *addr,
			      unsigned int port)
{
	struct pn_addr expected;

	assert_int_equal(pn_addr_parse(addr, &expected), 0);
	assert_memory_equal(key->addr[end], expected.b, sizeof(expected.b));
	assert_int_equal(ntohs(key->port[end]), port);
}

/* A packet of POD to PEER is one entry, with these ports, counted with all bytes from the IP header. */
static inline void assert_recorded(struct pn_tracer *t, struct packet *p, uint8_t proto,
				   unsigned int sport, unsigned int dport)
{
	bool v4 = p->family == AF_INET;
	struct flow f;

	send_packet(t, PN_HOOK_INGRESS, p);
	f = only_flow(t);
	assert_int_equal(f.key.proto, proto);
	assert_end(&f.key, 0, v4 ? POD : POD6, sport);
	assert_end(&f.key, 1, v4 ? PEER : PEER6, dport);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, 1);
	assert_int_equal(pn_flow_way(&f.value, 0)->sent.bytes, p->len - p->ip_at);
	assert_int_equal(pn_flow_way(&f.value, 0)->delivered.packets, 0);
	assert_int_equal(pn_flow_way(&f.value, 1)->sent.packets, 0);
	assert_int_equal(ledger(t, PN_STAT_RECORDED), 1);
}

static inline void assert_malformed(struct pn_tracer *t, struct packet *p)
{
	uint64_t before = ledger(t, PN_STAT_MALFORMED);

	send_packet(t, PN_HOOK_INGRESS, p);
	assert_int_equal(ledger(t, PN_STAT_MALFORMED), before + 1);
	assert_int_equal(count_flows(t), 0);
}

static inline void make_udp(struct packet *p, const char *src, unsigned int sport, const char *dst,
			    unsigned int dport, size_t payload_len)
{
	put_ethernet(p);
	put_ipv4(p, src, dst, 0);
	put_udp(p, sport, dport);
	packet_end(p, payload_len);
}

static inline void make_tcp(struct packet *p, const char *src, unsigned int sport, const char *dst,
			    unsigned int dport, uint8_t flags)
{
	put_ethernet(p);
	put_ipv4(p, src, dst, 0);
	put_tcp(p, sport, dport, flags);
	packet_end(p, 0);
}

/* In a group with free_shared() at its end. */
#define ON_TRACER(test) cmocka_unit_test_setup_teardown(test, set_up, make_clean)

#endif
