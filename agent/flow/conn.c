/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections, found by any tuple they have. Used by the joiner alone.
 *
 * The table is chained by hand rather than with uthash: its handle of 56 bytes would be a quarter of
 * what a connection costs. The hash is SipHash-1-3 with a random key, because addresses and ports
 * are chosen by whoever sends packets.
 *
 * The kernel shows its table in the same order each time. So a connection remembers whose entry came
 * after its own, which saves the hash, and lets memory be fetched while the entry before is worked on.
 */
#include "flow/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"

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

/* --- the table ------------------------------------------------------------------------------------ */

#define NO_LEG UINT32_MAX

static struct pn_leg *leg_at(const struct pn_conn_table *t, uint32_t name)
{
	if (name & 1)
		return &((struct pn_extra_leg *)pn_pool_at(&t->extras, name / 2))->leg;
	return &((struct pn_conn *)pn_pool_at(&t->conns, name / 2))->own;
}

static uint32_t *bucket(const struct pn_conn_table *t, const struct pn_flow_key *key)
{
	return &t->buckets[hash(t, key) & (t->n_buckets - 1)];
}

static uint32_t *new_buckets(size_t n)
{
	uint32_t *buckets = malloc(n * sizeof(*buckets));

	if (buckets)
		memset(buckets, 0xff, n * sizeof(*buckets));
	return buckets;
}

int pn_conn_table_init(struct pn_conn_table *t, const struct pn_clock *clock)
{
	*t = (struct pn_conn_table) { .n_buckets = FIRST_BUCKETS, .met = NO_LEG };
	pn_pool_init(&t->conns, sizeof(struct pn_conn));
	pn_pool_init(&t->extras, sizeof(struct pn_extra_leg));
	for (int i = 0; i < 2; i++)
		t->key[i] = (uint64_t)clock->random(clock->data) << 32 | clock->random(clock->data);
	t->buckets = new_buckets(t->n_buckets);
	return t->buckets ? 0 : -ENOMEM;
}

/* What a connection has allocated beside itself. */
static void forget(const struct pn_conn *c)
{
	free(c->reported);
	pn_intern_unref(c->policy);
	if (pn_conn_is_icmp(c))
		free(c->quote);
}

void pn_conn_table_done(struct pn_conn_table *t)
{
	const struct pn_conn *c;

	for (uint32_t i = 0; (c = pn_conn_each(t, i, &i)); i++)
		forget(c);
	pn_pool_done(&t->conns);
	pn_pool_done(&t->extras);
	free(PN_TAKE_PTR(t->buckets));
}

struct pn_conn *pn_conn_each(const struct pn_conn_table *t, uint32_t from, uint32_t *ret_number)
{
	*ret_number = pn_pool_next(&t->conns, from);
	return *ret_number == PN_POOL_NONE ? NULL : pn_pool_at(&t->conns, *ret_number);
}

static uint32_t find(const struct pn_conn_table *t, const struct pn_flow_key *key)
{
	uint32_t name = *bucket(t, key);

	while (name != NO_LEG) {
		const struct pn_leg *leg = leg_at(t, name);

		if (memcmp(&leg->key, key, sizeof(*key)) == 0)
			break;
		name = leg->chain;
	}
	return name;
}

struct pn_leg *pn_conn_table_find(const struct pn_conn_table *t, const struct pn_flow_key *key)
{
	uint32_t name = find(t, key);

	return name == NO_LEG ? NULL : leg_at(t, name);
}

/* A leg whose name was remembered may have gone since. Return: NULL then */
static struct pn_leg *leg_if_any(const struct pn_conn_table *t, uint32_t name)
{
	if (name == NO_LEG || !pn_pool_has(name & 1 ? &t->extras : &t->conns, name / 2))
		return NULL;
	return leg_at(t, name);
}

enum { CACHE_LINE = 64 };

/* It will be wanted soon. */
static void fetch(const struct pn_conn_table *t, uint32_t name)
{
	const char *at = (const char *)leg_if_any(t, name);
	size_t size = name & 1 ? sizeof(struct pn_extra_leg) : sizeof(struct pn_conn);

	for (size_t i = 0; at && i < size; i += CACHE_LINE)
		__builtin_prefetch(at + i, 1);
}

struct pn_leg *pn_conn_table_meet(struct pn_conn_table *t, const struct pn_flow_key *key)
{
	struct pn_leg *before = leg_if_any(t, t->met);
	uint32_t name = before ? pn_leg_conn(before)->met_next : NO_LEG;
	struct pn_leg *leg = leg_if_any(t, name);

	if (!leg || memcmp(&leg->key, key, sizeof(*key)) != 0) {
		name = find(t, key);
		leg = leg_if_any(t, name);
		if (before && leg)
			pn_leg_conn(before)->met_next = name;
	}
	t->met = name;
	if (leg)
		fetch(t, pn_leg_conn(leg)->met_next);
	return leg;
}

static void link_leg(struct pn_conn_table *t, uint32_t name)
{
	struct pn_leg *leg = leg_at(t, name);
	uint32_t *at = bucket(t, &leg->key);

	leg->chain = *at;
	*at = name;
}

/* Return: the leg's name */
static uint32_t unlink_leg(struct pn_conn_table *t, const struct pn_leg *leg)
{
	uint32_t *at = bucket(t, &leg->key), name;

	while (leg_at(t, *at) != leg)
		at = &leg_at(t, *at)->chain;
	name = *at;
	*at = leg->chain;
	t->n_legs--;
	return name;
}

/* Without memory the chains stay longer, which is slower and nothing else. */
static void grow(struct pn_conn_table *t)
{
	uint32_t *old = t->buckets, *buckets = new_buckets(t->n_buckets * 2);
	size_t n_old = t->n_buckets;

	if (!buckets)
		return;
	t->buckets = buckets;
	t->n_buckets = n_old * 2;
	for (size_t i = 0; i < n_old; i++) {
		for (uint32_t name = old[i], next; name != NO_LEG; name = next) {
			next = leg_at(t, name)->chain;
			link_leg(t, name);
		}
	}
	free(old);
}

static void insert(struct pn_conn_table *t, uint32_t name, const struct pn_flow_key *key)
{
	if (t->n_legs >= t->n_buckets)
		grow(t);
	leg_at(t, name)->key = *key;
	link_leg(t, name);
	t->n_legs++;
}

/* --- connections ---------------------------------------------------------------------------------- */

struct pn_conn *pn_conn_new(struct pn_conn_table *t, const struct pn_flow_key *key)
{
	uint32_t number = pn_pool_take(&t->conns);
	struct pn_conn *c;

	if (number == PN_POOL_NONE)
		return NULL;
	c = pn_pool_at(&t->conns, number);
	c->legs = &c->own;
	c->slot = PN_NO_SLOT;
	c->met_next = NO_LEG;
	insert(t, number * 2, key);
	t->n_conns++;
	return c;
}

struct pn_leg *pn_conn_add_leg(struct pn_conn_table *t, struct pn_conn *c,
			       const struct pn_flow_key *key)
{
	uint32_t number = pn_pool_take(&t->extras);
	struct pn_extra_leg *e;

	if (number == PN_POOL_NONE)
		return NULL;
	e = pn_pool_at(&t->extras, number);
	e->leg.is_extra = true;
	e->conn = c;
	e->older = c->legs;
	c->legs = &e->leg;
	insert(t, number * 2 + 1, key);
	return &e->leg;
}

void pn_conn_free(struct pn_conn_table *t, struct pn_conn *c)
{
	for (struct pn_leg *leg = c->legs, *older; leg != &c->own; leg = older) {
		older = pn_leg_older(leg);
		pn_pool_put(&t->extras, unlink_leg(t, leg) / 2);
	}
	t->n_conns--;
	forget(c);
	pn_pool_put(&t->conns, unlink_leg(t, &c->own) / 2);
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

	for (const struct pn_leg *leg = c->legs; leg; leg = pn_leg_older(leg))
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

		for (const struct pn_leg *leg = c->legs; leg; leg = pn_leg_older(leg)) {
			if (leg != except && !leg->removed)
				add(&sum, &leg->seen[end]);
		}
		ret[end] = total_of(c, end, &sum);
		if (sum.delivered.packets && is_by_delivered(c, end, &sum))
			by_delivered |= (uint8_t)(1u << end);
	}
	return by_delivered;
}
