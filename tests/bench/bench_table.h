/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BENCH_BENCH_TABLE_H
#define PN_BENCH_BENCH_TABLE_H

/*
 * A flow table of 100,000 connections from one pod to a thousand others, as the joiner reads it, and a
 * time that stands until it is moved.
 */
#include <netinet/in.h>
#include <string.h>

#include "flow/joiner.h"

enum {
	N_SERVERS = 1000,
	N_CONNS = 100000,
	NOTES_BYTES = PN_JOURNAL_HEAD_BYTES + N_CONNS * PN_JOURNAL_SLOT_BYTES,
};

static struct pn_flow_key keys[N_CONNS];
static struct pn_flow_value values[N_CONNS];
static pn_nsec fake_time = 1000 * PN_NSEC_PER_SEC;

static inline pn_nsec now(void *data)
{
	(void)data;
	return fake_time;
}

static inline uint32_t random_bits(void *data)
{
	(void)data;
	return 12345;
}

/* The @i-th pod; the first one is the client. */
static inline struct pn_addr nth_addr(uint32_t i)
{
	return (struct pn_addr) {
		{ [10] = 0xff, [11] = 0xff, [12] = 10, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i }
	};
}

static inline void make_table(void)
{
	const struct pn_addr client = nth_addr(0);

	for (uint32_t i = 0; i < N_CONNS; i++) {
		const struct pn_addr server = nth_addr(1 + i % N_SERVERS);

		keys[i] = (struct pn_flow_key) {
			.proto = IPPROTO_UDP,
			.port = { htons((uint16_t)(20000 + i / N_SERVERS)), htons(9000) },
		};
		memcpy(keys[i].addr[0], client.b, sizeof(client.b));
		memcpy(keys[i].addr[1], server.b, sizeof(server.b));
		values[i] = (struct pn_flow_value) { .id = i + 1, .start_us = now(NULL) / 1000 };
	}
}

static inline void more_packets(void)
{
	for (size_t i = 0; i < N_CONNS; i++) {
		pn_flow_way(&values[i], 0)->sent.packets++;
		pn_flow_way(&values[i], 0)->sent.bytes += 100;
		values[i].tick = (uint32_t)(fake_time / PN_NSEC_PER_MSEC);
	}
}

#endif
