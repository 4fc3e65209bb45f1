/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the flow table has counted of a connection: by leg, as the joiner takes it in, and all of it, as
 * records and the journal have it.
 *
 * Counters of 32 bits are enough for nearly every connection. One that needs more has memory of its own
 * for them, from then on.
 */
#include <errno.h>
#include <stdlib.h>

#include "flow/conn.h"

int pn_conn_table_reserve(struct pn_conn_table *t)
{
	if (!t->spare)
		t->spare = malloc(2 * sizeof(*t->spare));
	return t->spare ? 0 : -ENOMEM;
}

static bool is_few(const struct pn_seen *s)
{
	return !((s->sent.packets | s->sent.bytes | s->delivered.packets | s->delivered.bytes) >>
		 32);
}

int pn_leg_see(struct pn_conn_table *t, struct pn_leg *leg, const struct pn_seen seen[static 2])
{
	if (!leg->is_many && is_few(&seen[0]) && is_few(&seen[1])) {
		for (int end = 0; end < 2; end++)
			leg->few[end] = (struct pn_few) { (uint32_t)seen[end].sent.packets,
							  (uint32_t)seen[end].sent.bytes,
							  (uint32_t)seen[end].delivered.packets,
							  (uint32_t)seen[end].delivered.bytes };
		return 0;
	}
	if (!leg->is_many) {
		if (pn_conn_table_reserve(t) < 0)
			return -ENOMEM;
		leg->many = PN_TAKE_PTR(t->spare);
		leg->is_many = true;
	}
	memcpy(leg->many, seen, 2 * sizeof(*seen));
	return 0;
}

static void add_few(struct pn_seen *sum, const struct pn_few *few)
{
	sum->sent.packets += few->sent_packets;
	sum->sent.bytes += few->sent_bytes;
	sum->delivered.packets += few->delivered_packets;
	sum->delivered.bytes += few->delivered_bytes;
}

static void add_many(struct pn_seen *sum, const struct pn_seen *many)
{
	sum->sent.packets += many->sent.packets;
	sum->sent.bytes += many->sent.bytes;
	sum->delivered.packets += many->delivered.packets;
	sum->delivered.bytes += many->delivered.bytes;
}

/* Of both ends. */
static void add(struct pn_seen sums[static 2], const struct pn_leg *leg)
{
	for (int end = 0; end < 2; end++) {
		if (leg->is_many)
			add_many(&sums[end], &leg->many[end]);
		else
			add_few(&sums[end], &leg->few[end]);
	}
}

/* By the choice that has been made, or as it would be made now. */
static bool is_by_delivered(const struct pn_conn *c, unsigned int end, const struct pn_seen *sum)
{
	if (c->by_delivered & 1u << end)
		return true;
	return !sum->sent.packets && !(c->elsewhere & 1u << end);
}

/* Return: as pn_conn_totals() */
static uint8_t totals_of(const struct pn_conn *c, const struct pn_seen sums[static 2],
			 struct pn_conn_total ret[static 2])
{
	uint8_t by_delivered = 0;

	for (unsigned int end = 0; end < 2; end++) {
		const struct pn_seen *sum = &sums[end];
		bool delivered = is_by_delivered(c, end, sum);
		const struct pn_flow_count *n = delivered ? &sum->delivered : &sum->sent;

		ret[end] = (struct pn_conn_total) { n->packets, n->bytes, sum->delivered.packets };
		by_delivered |= (uint8_t)(delivered << end);
	}
	return by_delivered;
}

uint8_t pn_conn_totals(const struct pn_conn *c, struct pn_conn_total ret[static 2])
{
	struct pn_seen sums[2] = { { { 0 }, { 0 } } };

	for (const struct pn_leg *leg = c->legs; leg; leg = pn_leg_older(leg))
		add(sums, leg);
	return totals_of(c, sums, ret);
}

uint8_t pn_conn_rest(const struct pn_conn *c, const struct pn_leg *except,
		     struct pn_conn_total ret[static 2])
{
	uint8_t now, by_delivered = c->by_delivered;
	struct pn_seen sums[2] = { { { 0 }, { 0 } } };

	for (const struct pn_leg *leg = c->legs; leg; leg = pn_leg_older(leg)) {
		if (leg != except && !leg->removed)
			add(sums, leg);
	}
	now = totals_of(c, sums, ret);
	for (unsigned int end = 0; end < 2; end++) {
		if (ret[end].delivered)
			by_delivered |= now & 1u << end;
	}
	return by_delivered;
}
