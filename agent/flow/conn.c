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

#include "base/hash.h"
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

/* A key as legs have it, without what all of IPv4 has in common: the rest, then both addresses. */
struct packed {
	bool is_v6;
	uint64_t words[sizeof(struct pn_flow_key) / sizeof(uint64_t)];
};

enum { V4_LEN = 4, V6_LEN = 16 };

static size_t addr_len(bool is_v6)
{
	return is_v6 ? V6_LEN : V4_LEN;
}

static bool is_v4(const uint8_t b[static V6_LEN])
{
	static const uint8_t prefix[V6_LEN - V4_LEN] = { [10] = 0xff, [11] = 0xff };

	return memcmp(b, prefix, sizeof(prefix)) == 0;
}

static void pack(const struct pn_flow_key *key, struct packed *ret)
{
	bool is_v6 = !is_v4(key->addr[0]) || !is_v4(key->addr[1]);

	ret->is_v6 = is_v6;
	memcpy(&ret->words[0], key->port, sizeof(ret->words[0]));
	if (is_v6) {
		memcpy(&ret->words[1], key->addr, sizeof(key->addr));
		return;
	}
	memcpy(&ret->words[1], key->addr[0] + V6_LEN - V4_LEN, V4_LEN);
	memcpy((char *)&ret->words[1] + V4_LEN, key->addr[1] + V6_LEN - V4_LEN, V4_LEN);
}

static uint64_t hash(const struct pn_conn_table *t, const struct packed *p)
{
	size_t n = 1 + 2 * addr_len(p->is_v6) / sizeof(uint64_t);
	uint64_t v[4] = {
		t->key[0] ^ 0x736f6d6570736575u,
		t->key[1] ^ 0x646f72616e646f6du,
		t->key[0] ^ 0x6c7967656e657261u,
		t->key[1] ^ 0x7465646279746573u,
	};

	for (size_t i = 0; i <= n; i++) {
		uint64_t word = i < n ? p->words[i] : (uint64_t)(n * sizeof(word)) << 56;

		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- legs ----------------------------------------------------------------------------------------- */

static void set_key(struct pn_leg *leg, const struct packed *p)
{
	leg->is_v6 = p->is_v6;
	leg->rest = p->words[0];
	memcpy(leg + 1, &p->words[1], 2 * addr_len(p->is_v6));
}

static bool has_key(const struct pn_leg *leg, const struct packed *p)
{
	return leg->rest == p->words[0] && leg->is_v6 == p->is_v6 &&
	       memcmp(leg + 1, &p->words[1], 2 * addr_len(p->is_v6)) == 0;
}

static void packed_of(const struct pn_leg *leg, struct packed *ret)
{
	ret->is_v6 = leg->is_v6;
	ret->words[0] = leg->rest;
	memcpy(&ret->words[1], leg + 1, 2 * addr_len(leg->is_v6));
}

void pn_leg_key(const struct pn_leg *leg, struct pn_flow_key *ret)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct pn_addr a = pn_leg_addr(leg, i);

		memcpy(ret->addr[i], a.b, sizeof(ret->addr[i]));
	}
	memcpy(ret->port, &leg->rest, sizeof(leg->rest));
}

/* --- the table ------------------------------------------------------------------------------------ */

enum { POOL_SHIFT = 25 }; /* of a leg's name; --max-flows has 24 bits */

_Static_assert(PN_LEG_POOLS < 1 << (32 - POOL_SHIFT), "and PN_NO_LEG is none");

static const struct pn_pool *pool_of(const struct pn_conn_table *t, uint32_t name)
{
	return &t->pools[name >> POOL_SHIFT];
}

static uint32_t number_of(uint32_t name)
{
	return name & ((1u << POOL_SHIFT) - 1);
}

static uint32_t name_of(uint32_t pool, uint32_t number)
{
	return pool << POOL_SHIFT | number;
}

static struct pn_leg *leg_at(const struct pn_conn_table *t, uint32_t name)
{
	void *at = pn_pool_at(pool_of(t, name), number_of(name));

	return name >> POOL_SHIFT < PN_CONN_POOLS ? &((struct pn_conn *)at)->own
						  : &((struct pn_extra_leg *)at)->leg;
}

struct pn_conn *pn_conn_at(const struct pn_conn_table *t, uint32_t name)
{
	return pn_pool_at(pool_of(t, name), number_of(name));
}

static uint32_t *bucket(const struct pn_conn_table *t, const struct packed *p)
{
	return &t->buckets[hash(t, p) & (t->n_buckets - 1)];
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
	*t = (struct pn_conn_table) { .n_buckets = FIRST_BUCKETS, .met = PN_NO_LEG };
	for (uint32_t i = 0; i < PN_CONN_POOLS; i++)
		pn_pool_init(&t->pools[i],
			     sizeof(struct pn_conn) + 2 * addr_len(i >= PN_CONN_GROUPS));
	for (uint32_t i = 0; i < 2; i++)
		pn_pool_init(&t->pools[PN_CONN_POOLS + i],
			     sizeof(struct pn_extra_leg) + 2 * addr_len(i));
	for (int i = 0; i < 2; i++)
		t->key[i] = (uint64_t)clock->random(clock->data) << 32 | clock->random(clock->data);
	t->buckets = new_buckets(t->n_buckets);
	return t->buckets ? 0 : -ENOMEM;
}

/* What a connection has allocated beside itself and its legs. */
static void forget(const struct pn_conn *c)
{
	for (const struct pn_leg *leg = c->legs; leg; leg = pn_leg_older(leg)) {
		if (leg->is_many)
			free(leg->many);
	}
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
	for (size_t i = 0; i < PN_ARRAY_SIZE(t->pools); i++)
		pn_pool_done(&t->pools[i]);
	free(PN_TAKE_PTR(t->buckets));
	free(PN_TAKE_PTR(t->spare));
}

struct pn_conn *pn_conn_each(const struct pn_conn_table *t, uint32_t from, uint32_t *ret_name)
{
	for (uint32_t pool = from >> POOL_SHIFT; pool < PN_CONN_POOLS; pool++) {
		uint32_t number = pn_pool_next(&t->pools[pool], number_of(from));

		if (number != PN_POOL_NONE) {
			*ret_name = name_of(pool, number);
			return pn_conn_at(t, *ret_name);
		}
		from = 0;
	}
	return NULL;
}

static uint32_t find(const struct pn_conn_table *t, const struct packed *p)
{
	uint32_t name = *bucket(t, p);

	while (name != PN_NO_LEG) {
		const struct pn_leg *leg = leg_at(t, name);

		if (has_key(leg, p))
			break;
		name = leg->chain;
	}
	return name;
}

struct pn_leg *pn_conn_table_find(const struct pn_conn_table *t, const struct pn_flow_key *key)
{
	struct packed p;
	uint32_t name;

	pack(key, &p);
	name = find(t, &p);
	return name == PN_NO_LEG ? NULL : leg_at(t, name);
}

/* A leg whose name was remembered may have gone since. Return: NULL then */
static struct pn_leg *leg_if_any(const struct pn_conn_table *t, uint32_t name)
{
	if (name == PN_NO_LEG || !pn_pool_has(pool_of(t, name), number_of(name)))
		return NULL;
	return leg_at(t, name);
}

/* The one after the next will be wanted soon, the next one has been fetched. */
static void look_ahead(const struct pn_conn_table *t, struct pn_leg *leg)
{
	struct pn_leg *next = leg_if_any(t, pn_leg_conn(leg)->met_next);
	uint32_t name = next ? pn_leg_conn(next)->met_next : PN_NO_LEG;

	if (name != PN_NO_LEG)
		pn_pool_fetch(pool_of(t, name), number_of(name));
}

struct pn_leg *pn_conn_table_meet(struct pn_conn_table *t, const struct pn_flow_key *key)
{
	struct pn_leg *before = leg_if_any(t, t->met);
	uint32_t name = before ? pn_leg_conn(before)->met_next : PN_NO_LEG;
	struct pn_leg *leg = leg_if_any(t, name);
	struct packed p;

	pack(key, &p);
	if (!leg || !has_key(leg, &p)) {
		name = find(t, &p);
		leg = leg_if_any(t, name);
		if (before && leg)
			pn_leg_conn(before)->met_next = name;
	}
	t->met = name;
	if (leg)
		look_ahead(t, leg);
	return leg;
}

static void link_leg(struct pn_conn_table *t, uint32_t name)
{
	struct pn_leg *leg = leg_at(t, name);
	struct packed p;
	uint32_t *at;

	packed_of(leg, &p);
	at = bucket(t, &p);
	leg->chain = *at;
	*at = name;
}

/* Return: the leg's name */
static uint32_t unlink_leg(struct pn_conn_table *t, const struct pn_leg *leg)
{
	struct packed p;
	uint32_t *at, name;

	packed_of(leg, &p);
	at = bucket(t, &p);
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
		for (uint32_t name = old[i], next; name != PN_NO_LEG; name = next) {
			next = leg_at(t, name)->chain;
			link_leg(t, name);
		}
	}
	free(old);
}

static void insert(struct pn_conn_table *t, uint32_t name, const struct packed *p)
{
	if (t->n_legs >= t->n_buckets)
		grow(t);
	set_key(leg_at(t, name), p);
	link_leg(t, name);
	t->n_legs++;
}

/*
 * Whose higher address is the same are in one pool, so that they come one after the other in each round:
 * what there is about an address is in the processor's cache then, from names to the history.
 */
static uint32_t group_of(const struct packed *p)
{
	struct pn_addr a = { { 0 } };
	size_t len = addr_len(p->is_v6);

	memcpy(a.b, (const char *)&p->words[1] + len, len);
	return (uint32_t)pn_hash_addr(&a) % PN_CONN_GROUPS;
}

/* Return: the name of a new object in this pool, or PN_NO_LEG without memory */
static uint32_t take(struct pn_conn_table *t, uint32_t pool)
{
	uint32_t number = pn_pool_take(&t->pools[pool]);

	return number == PN_POOL_NONE ? PN_NO_LEG : name_of(pool, number);
}

static void put(struct pn_conn_table *t, uint32_t name)
{
	pn_pool_put(&t->pools[name >> POOL_SHIFT], number_of(name));
}

/* --- connections ---------------------------------------------------------------------------------- */

struct pn_conn *pn_conn_new(struct pn_conn_table *t, const struct pn_flow_key *key)
{
	struct packed p;
	struct pn_conn *c;
	uint32_t name;

	pack(key, &p);
	name = take(t, group_of(&p) + (p.is_v6 ? PN_CONN_GROUPS : 0));
	if (name == PN_NO_LEG)
		return NULL;
	c = pn_conn_at(t, name);
	c->legs = &c->own;
	c->slot = PN_NO_SLOT;
	c->met_next = c->next_over = PN_NO_LEG;
	insert(t, name, &p);
	t->n_conns++;
	return c;
}

struct pn_leg *pn_conn_add_leg(struct pn_conn_table *t, struct pn_conn *c,
			       const struct pn_flow_key *key)
{
	struct pn_extra_leg *e;
	struct packed p;
	uint32_t name;

	pack(key, &p);
	name = take(t, PN_CONN_POOLS + p.is_v6);
	if (name == PN_NO_LEG)
		return NULL;
	e = pn_pool_at(pool_of(t, name), number_of(name));
	e->leg.is_extra = true;
	e->conn = c;
	e->older = c->legs;
	c->legs = &e->leg;
	insert(t, name, &p);
	return &e->leg;
}

void pn_conn_free(struct pn_conn_table *t, struct pn_conn *c)
{
	forget(c);
	for (struct pn_leg *leg = c->legs, *older; leg != &c->own; leg = older) {
		older = pn_leg_older(leg);
		put(t, unlink_leg(t, leg));
	}
	t->n_conns--;
	put(t, unlink_leg(t, &c->own));
}
