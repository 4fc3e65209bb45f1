/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections, found by any tuple they have. Used by the joiner alone.
 *
 * The table is chained by hand rather than with uthash: its handle of 56 bytes would be a fifth of
 * what a connection costs. The hash is SipHash-1-3 with a random key, because addresses and ports
 * are chosen by whoever sends packets.
 */
#include "flow/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 1024 };

uint8_t pn_conn_key(const struct pn_flow_tuple *t, uint8_t proto, struct pn_flow_key *ret)
{
	int order = memcmp(t->addr[0], t->addr[1], sizeof(t->addr[0]));
	uint8_t first;

	if (order == 0)
		order = memcmp(&t->port[0], &t->port[1], sizeof(t->port[0]));
	first = order > 0;
	*ret = (struct pn_flow_key) { .proto = proto };
	for (int i = 0; i < 2; i++) {
		memcpy(ret->addr[i], t->addr[i ^ first], sizeof(ret->addr[i]));
		ret->port[i] = t->port[i ^ first];
	}
	return first;
}

static uint64_t rotate(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static uint64_t hash(const struct pn_conn_table *t, const struct pn_flow_key *key)
{
	uint64_t words[sizeof(*key) / sizeof(uint64_t) + 1];
	uint64_t v[4] = {
		t->key[0] ^ 0x736f6d6570736575u,
		t->key[1] ^ 0x646f72616e646f6du,
		t->key[0] ^ 0x6c7967656e657261u,
		t->key[1] ^ 0x7465646279746573u,
	};

	_Static_assert(sizeof(*key) % sizeof(uint64_t) == 0, "hashed in whole words");
	memcpy(words, key, sizeof(*key));
	words[sizeof(*key) / sizeof(uint64_t)] = (uint64_t)sizeof(*key) << 56;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		v[3] ^= words[i];
		sip_round(v);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct pn_leg **bucket(const struct pn_conn_table *t, const struct pn_flow_key *key)
{
	return &t->buckets[hash(t, key) & (t->n_buckets - 1)];
}

int pn_conn_table_init(struct pn_conn_table *t, const struct pn_clock *clock)
{
	*t = (struct pn_conn_table) { .n_buckets = FIRST_BUCKETS };
	for (int i = 0; i < 2; i++)
		t->key[i] = (uint64_t)clock->random(clock->data) << 32 | clock->random(clock->data);
	t->buckets = calloc(t->n_buckets, sizeof(*t->buckets));
	return t->buckets ? 0 : -ENOMEM;
}

void pn_conn_table_done(struct pn_conn_table *t)
{
	for (size_t i = 0; t->buckets && i < t->n_buckets; i++) {
		while (t->buckets[i])
			pn_conn_free(t, t->buckets[i]->conn);
	}
	free(t->buckets);
	t->buckets = NULL;
}

struct pn_leg *pn_conn_table_find(const struct pn_conn_table *t, const struct pn_flow_key *key)
{
	struct pn_leg *leg = *bucket(t, key);

	while (leg && memcmp(&leg->key, key, sizeof(*key)) != 0)
		leg = leg->chain;
	return leg;
}

/* Without memory the chains stay longer, which is slower and nothing else. */
static void grow(struct pn_conn_table *t)
{
	struct pn_leg **old = t->buckets;
	size_t n_old = t->n_buckets;
	struct pn_leg **buckets = calloc(n_old * 2, sizeof(*buckets));

	if (!buckets)
		return;
	t->buckets = buckets;
	t->n_buckets = n_old * 2;
	for (size_t i = 0; i < n_old; i++) {
		for (struct pn_leg *leg = old[i], *next; leg; leg = next) {
			struct pn_leg **to = bucket(t, &leg->key);

			next = leg->chain;
			leg->chain = *to;
			*to = leg;
		}
	}
	free(old);
}

static void insert(struct pn_conn_table *t, struct pn_conn *c, struct pn_leg *leg,
		   const struct pn_flow_key *key)
{
	struct pn_leg **at;

	if (t->n_legs >= t->n_buckets)
		grow(t);
	at = bucket(t, key);
	leg->key = *key;
	leg->conn = c;
	leg->sibling = c->legs;
	c->legs = leg;
	leg->chain = *at;
	*at = leg;
	t->n_legs++;
}

struct pn_conn *pn_conn_new(struct pn_conn_table *t, const struct pn_flow_key *key)
{
	struct pn_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->slot = PN_NO_SLOT;
	insert(t, c, &c->own, key);
	t->n_conns++;
	return c;
}

struct pn_leg *pn_conn_add_leg(struct pn_conn_table *t, struct pn_conn *c,
			       const struct pn_flow_key *key)
{
	struct pn_leg *leg = calloc(1, sizeof(*leg));

	if (leg)
		insert(t, c, leg, key);
	return leg;
}

static void take_out(struct pn_conn_table *t, struct pn_leg *leg)
{
	struct pn_leg **at = bucket(t, &leg->key);

	while (*at != leg)
		at = &(*at)->chain;
	*at = leg->chain;
	t->n_legs--;
}

void pn_conn_free(struct pn_conn_table *t, struct pn_conn *c)
{
	for (struct pn_leg *leg = c->legs, *next; leg; leg = next) {
		next = leg->sibling;
		take_out(t, leg);
		if (leg != &c->own)
			free(leg);
	}
	t->n_conns--;
	if (pn_conn_is_icmp(c))
		free(c->quote);
	free(c);
}

static void add(struct pn_seen *sum, const struct pn_seen *d)
{
	sum->sent.packets += d->sent.packets;
	sum->sent.bytes += d->sent.bytes;
	sum->delivered.packets += d->delivered.packets;
	sum->delivered.bytes += d->delivered.bytes;
}

static struct pn_seen seen_of(const struct pn_conn *c, unsigned int end)
{
	struct pn_seen sum = { 0 };

	for (const struct pn_leg *leg = c->legs; leg; leg = leg->sibling)
		add(&sum, &leg->seen[end]);
	return sum;
}

static bool is_by_delivered(const struct pn_conn *c, unsigned int end, const struct pn_seen *sum)
{
	if (c->by_delivered & 1u << end)
		return true;
	return !sum->sent.packets && !(c->elsewhere & 1u << end);
}

static struct pn_conn_total total_of(const struct pn_conn *c, unsigned int end,
				     const struct pn_seen *sum)
{
	const struct pn_flow_count *n = is_by_delivered(c, end, sum) ? &sum->delivered : &sum->sent;

	return (struct pn_conn_total) { n->packets, n->bytes, sum->delivered.packets };
}

struct pn_conn_total pn_conn_total(const struct pn_conn *c, unsigned int end)
{
	const struct pn_seen sum = seen_of(c, end);

	return total_of(c, end, &sum);
}

bool pn_conn_is_by_delivered(const struct pn_conn *c, unsigned int end)
{
	const struct pn_seen sum = seen_of(c, end);

	return is_by_delivered(c, end, &sum);
}

uint8_t pn_conn_rest(const struct pn_conn *c, const struct pn_leg *except,
		     struct pn_conn_total ret[static 2])
{
	uint8_t by_delivered = c->by_delivered;

	for (unsigned int end = 0; end < 2; end++) {
		struct pn_seen sum = { 0 };

		for (const struct pn_leg *leg = c->legs; leg; leg = leg->sibling) {
			if (leg != except && !leg->removed)
				add(&sum, &leg->seen[end]);
		}
		ret[end] = total_of(c, end, &sum);
		if (sum.delivered.packets && is_by_delivered(c, end, &sum))
			by_delivered |= (uint8_t)(1u << end);
	}
	return by_delivered;
}
