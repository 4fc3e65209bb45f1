/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops by what was dropped, why and where: what has been told of each sort, what has not. Used by
 * the flow thread, which reads the kernel's table.
 *
 * Everything hangs at the connection that it belongs to, so that the connection's record finds it.
 * Counters of the kernel's entries only grow; a sort sums up all the entries that it has had.
 *
 * Records ask for each of their connections, of which few have lost anything. So there is a bit for what
 * no record has told, by the connection's hash, and most are answered without a look into the table.
 */
#include "flow/drop_log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <utlist.h>

#include "base/hash.h"
#include "flow/conn.h"
#include "flow/resolve.h"

#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned int)pn_hash_bytes(key, len))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { UNRECORDED_BITS = 1 << 15 };

struct count {
	uint64_t packets, bytes;
};

/**
 * struct sort - packets of one key
 * @sender: end of the connection that has sent them
 * @seen:   of the kernel's entry, at the last look; zeros without one
 * @total:  of all entries
 * @told:   of that, in lines
 * @recorded: of that, in the connection's records
 * @first, @last: CLOCK_MONOTONIC
 * @since:  when the first packet came that is not told
 * @told_at: when its last line was written; 0: never
 */
struct sort {
	struct sort *next;
	struct pn_drop_key key;
	const char *reason, *location;
	unsigned int sender;
	struct count seen;
	struct count total, told, recorded;
	pn_nsec first, last, since, told_at;
	uint32_t ifindex, netns;
	uint8_t tcp_flags;
	bool is_answered, is_in_table;
};

struct connection {
	struct pn_flow_key key;
	UT_hash_handle hh;
	struct sort *sorts;
};

struct pn_drop_log {
	struct pn_drop_log_config config;
	const struct pn_drop_log_ops *ops;
	void *data;
	struct pn_resolver resolver;
	struct connection *connections;
	size_t n_sorts;
	uint64_t unrecorded[UNRECORDED_BITS / 64]; /* some may be set that need not be */
};

int pn_drop_log_new(const struct pn_drop_log_config *config, const struct pn_drop_log_ops *ops,
		    void *data, struct pn_drop_log **ret)
{
	struct pn_drop_log *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->config = *config;
	l->ops = ops;
	l->data = data;
	pn_resolver_init(&l->resolver, config->index, config->node_name);
	*ret = l;
	return 0;
}

/* --- finding, making, forgetting ----------------------------------------------------------------- */

static struct connection *find_connection(const struct pn_drop_log *l,
					  const struct pn_flow_key *key)
{
	struct connection *c;

	HASH_FIND(hh, l->connections, key, sizeof(*key), c);
	return c;
}

/* Return: NULL without memory */
static struct connection *get_connection(struct pn_drop_log *l, const struct pn_flow_key *key)
{
	struct connection *c = find_connection(l, key);

	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->key = *key;
	HASH_ADD(hh, l->connections, key, sizeof(c->key), c);
	if (c->hh.tbl)
		return c;
	free(c);
	return NULL;
}

static void set_unrecorded(struct pn_drop_log *l, const struct connection *c)
{
	unsigned int bit = c->hh.hashv % UNRECORDED_BITS;

	l->unrecorded[bit / 64] |= 1ull << bit % 64;
}

static bool may_be_unrecorded(const struct pn_drop_log *l, unsigned int hash)
{
	unsigned int bit = hash % UNRECORDED_BITS;

	return l->unrecorded[bit / 64] & 1ull << bit % 64;
}

static void forget_sort(struct pn_drop_log *l, struct connection *c, struct sort *s)
{
	LL_DELETE(c->sorts, s);
	free(s);
	l->n_sorts--;
	if (c->sorts)
		return;
	HASH_DELETE(hh, l->connections, c);
	free(c);
}

/* @before: all that are not in the kernel's table, are told, and were not seen since then */
static void forget(struct pn_drop_log *l, pn_nsec before)
{
	struct connection *c, *next_c;
	struct sort *s, *next_s;

	HASH_ITER (hh, l->connections, c, next_c)
		LL_FOREACH_SAFE (c->sorts, s, next_s)
			if (!s->is_in_table && s->told.packets == s->total.packets &&
			    s->last < before)
				forget_sort(l, c, s);
}

void pn_drop_log_free(struct pn_drop_log *l)
{
	struct connection *c, *next_c;

	if (!l)
		return;
	HASH_ITER (hh, l->connections, c, next_c) {
		struct sort *s, *next_s;

		LL_FOREACH_SAFE (c->sorts, s, next_s)
			free(s);
		HASH_DELETE(hh, l->connections, c);
		free(c);
	}
	free(l);
}

static struct sort *find_sort(const struct connection *c, const struct pn_drop_key *key)
{
	struct sort *s = c->sorts;

	while (s && memcmp(&s->key, key, sizeof(*key)) != 0)
		s = s->next;
	return s;
}

static struct sort *add_sort(struct pn_drop_log *l, struct connection *c,
			     const struct pn_drop_key *key, unsigned int sender)
{
	struct sort *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->key = *key;
	s->sender = sender;
	LL_PREPEND(c->sorts, s);
	l->n_sorts++;
	return s;
}

/* What is new of it is in no record yet. Return: NULL without memory */
static struct sort *get_sort(struct pn_drop_log *l, const struct pn_drop_key *key)
{
	struct pn_flow_tuple tuple;
	struct pn_flow_key flow;
	struct connection *c;
	unsigned int sender;
	struct sort *s;

	memcpy(tuple.addr, key->addr, sizeof(tuple.addr));
	memcpy(tuple.port, key->port, sizeof(tuple.port));
	sender = pn_conn_key(&tuple, key->proto, &flow);
	c = find_connection(l, &flow);
	s = c ? find_sort(c, key) : NULL;
	if (s) {
		set_unrecorded(l, c);
		return s;
	}
	if (l->n_sorts >= l->config.max)
		forget(l, PN_NSEC_NEVER);
	c = get_connection(l, &flow);
	s = c ? add_sort(l, c, key, sender) : NULL;
	if (s)
		set_unrecorded(l, c);
	if (c && !c->sorts) {
		HASH_DELETE(hh, l->connections, c);
		free(c);
	}
	return s;
}

/* --- what the kernel says ------------------------------------------------------------------------ */

/* What has been counted since the last look. */
static void take_in(struct sort *s, const struct pn_drop_value *v)
{
	uint64_t packets = v->packets - PN_MIN(s->seen.packets, v->packets);

	if (packets && s->told.packets == s->total.packets)
		s->since = s->total.packets ? PN_MAX((pn_nsec)v->first_ns, s->last) : v->first_ns;
	if (packets && !s->total.packets) {
		s->first = v->first_ns;
		s->ifindex = v->ifindex;
		s->netns = v->netns;
	}
	s->total.packets += packets;
	s->total.bytes += v->bytes - PN_MIN(s->seen.bytes, v->bytes);
	s->last = PN_MAX(s->last, (pn_nsec)v->last_ns);
	s->tcp_flags |= v->tcp_flags;
	s->is_answered = s->is_answered || v->is_answered;
	s->seen = (struct count) { v->packets, v->bytes };
}

int pn_drop_log_entry(struct pn_drop_log *l, const struct pn_drop_key *key,
		      const struct pn_drop_value *value, const char *reason, const char *location)
{
	struct sort *s = get_sort(l, key);

	if (!s)
		return -ENOMEM;
	s->reason = reason;
	s->location = location;
	s->is_in_table = true;
	take_in(s, value);
	return 0;
}

void pn_drop_log_answered(struct pn_drop_log *l, const struct pn_flow_tuple *quoted, uint8_t proto)
{
	struct pn_flow_key key;
	unsigned int sender = pn_conn_key(quoted, proto, &key);
	const struct connection *c = find_connection(l, &key);
	struct sort *s;

	if (!c)
		return;
	LL_FOREACH (c->sorts, s)
		if (s->sender == sender)
			s->is_answered = true;
}

static void take_out(struct pn_drop_log *l, struct sort *s)
{
	struct pn_drop_value last;
	int r = l->ops->remove(l->data, &s->key, &last);

	if (r < 0 && r != -ENOENT)
		return;
	if (r == 0)
		take_in(s, &last);
	s->seen = (struct count) { 0, 0 };
	s->is_in_table = false;
}

void pn_drop_log_sweep(struct pn_drop_log *l)
{
	pn_nsec now = pn_clock_now(l->config.clock);
	struct connection *c, *next;
	struct sort *s;

	memset(l->unrecorded, 0, sizeof(l->unrecorded));
	HASH_ITER (hh, l->connections, c, next) {
		LL_FOREACH (c->sorts, s) {
			if (s->is_in_table && now > s->last && now - s->last >= l->config.idle)
				take_out(l, s);
			if (s->total.packets != s->recorded.packets)
				set_unrecorded(l, c);
		}
	}
	if (now > l->config.hold)
		forget(l, now - l->config.hold);
}

/* --- telling it ---------------------------------------------------------------------------------- */

static struct pn_record_drop describe_drop(const struct sort *s, const struct count *n)
{
	return (struct pn_record_drop) {
		.packets = n->packets,
		.bytes = n->bytes,
		.total = s->total.packets,
		.ifindex = s->ifindex,
		.netns = s->netns,
		.last = s->last,
		.reason = s->reason,
		.location = s->location,
		.kind = pn_drop_kind_of(s->reason, s->location, s->is_answered),
	};
}

/* What the flow table knows of the connection: whose sockets its ends are, and whether one has refused. */
static void ask_flow_table(struct pn_drop_log *l, const struct connection *c, struct sort *s,
			   struct pn_leg *leg)
{
	unsigned int answerer = !s->sender;
	struct pn_flow_value v;

	if (!l->ops->find(l->data, &c->key, &v))
		return;
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int end = i ? answerer : s->sender;

		if (v.state & PN_FLOW_SHARED << end)
			continue; /* of which one's packets, nobody knows */
		leg->cgroups.low[i] = v.cgroups.low[end];
		leg->cgroups.high[i] = v.cgroups.high[end];
	}
	if (v.tcp_flags[answerer] & TH_RST && !(v.tcp_flags[answerer] & TH_SYN))
		s->is_answered = true;
}

/* As if the packets were a connection of their own, which their sender has opened. */
static void describe(struct pn_drop_log *l, const struct connection *c, struct sort *s,
		     pn_nsec since, const struct count *n, struct pn_flow_record *ret)
{
	struct {
		struct pn_conn conn;
		uint8_t addr[2][16]; /* of its leg */
	} own = { .conn = { .start_us = since / PN_NSEC_PER_USEC,
			    .last_us = s->last / PN_NSEC_PER_USEC,
			    .own = { .is_v6 = true, .proto = s->key.proto } } };
	struct pn_conn *conn = &own.conn;
	struct pn_ends ends;

	memcpy(own.addr, s->key.addr, sizeof(own.addr));
	memcpy(conn->own.port, s->key.port, sizeof(s->key.port));
	conn->legs = &conn->own;
	if (pn_conn_is_tcp(conn))
		conn->tcp.flags[0] = s->tcp_flags;
	ask_flow_table(l, c, s, &conn->own);
	pn_resolve_ends(&l->resolver, conn, &ends);
	pn_resolve(&l->resolver, conn, &ends, ret);
	ret->is_drop = true;
	ret->drop = describe_drop(s, n);
}

static struct count minus(const struct count *a, const struct count *b)
{
	return (struct count) { a->packets - b->packets, a->bytes - b->bytes };
}

/* Return: is there still something to be told? */
static bool tell(struct pn_drop_log *l, const struct connection *c, struct sort *s, pn_nsec now,
		 bool all)
{
	struct count fresh = minus(&s->total, &s->told);
	struct pn_flow_record r;

	if (!fresh.packets)
		return false;
	if (!all && s->told_at && now - s->told_at < l->config.pause)
		return true;
	describe(l, c, s, s->since, &fresh, &r);
	s->told = s->total;
	s->told_at = now;
	if (l->ops->lost)
		l->ops->lost(l->data, &c->key);
	l->ops->record(l->data, &r);
	return false;
}

bool pn_drop_log_tell(struct pn_drop_log *l, bool all)
{
	pn_nsec now = pn_resolver_look_at_clock(&l->resolver, l->config.clock);
	struct connection *c, *next;
	bool is_left = false;
	struct sort *s;

	pn_resolver_begin(&l->resolver);
	HASH_ITER (hh, l->connections, c, next)
		LL_FOREACH (c->sorts, s)
			is_left = tell(l, c, s, now, all) || is_left;
	return is_left;
}

size_t pn_drop_log_count(const struct pn_drop_log *l)
{
	return l->n_sorts;
}

struct held {
	const struct connection *connection;
	struct sort *sort;
};

static int compare_last(const void *a, const void *b)
{
	pn_nsec x = ((const struct held *)a)->sort->last, y = ((const struct held *)b)->sort->last;

	return (x > y) - (x < y);
}

int pn_drop_log_list(struct pn_drop_log *l,
		     void (*record)(void *data, const struct pn_flow_record *r), void *data)
{
	PN_CLEANUP(pn_freep) struct held *all = calloc(l->n_sorts + 1, sizeof(*all));
	struct connection *c, *next;
	struct pn_flow_record r;
	struct sort *s;
	size_t n = 0;

	if (!all)
		return -ENOMEM;
	HASH_ITER (hh, l->connections, c, next)
		LL_FOREACH (c->sorts, s)
			all[n++] = (struct held) { c, s };
	qsort(all, n, sizeof(*all), compare_last);
	(void)pn_resolver_look_at_clock(&l->resolver, l->config.clock);
	pn_resolver_begin(&l->resolver);
	for (size_t i = 0; i < n; i++) {
		s = all[i].sort;
		describe(l, all[i].connection, s, s->first, &s->total, &r);
		record(data, &r);
	}
	return 0;
}

void pn_drop_log_take(struct pn_drop_log *l, const struct pn_flow_key *key,
		      struct pn_record_drop *drop)
{
	unsigned int hash;
	struct connection *c;
	struct sort *s;

	HASH_VALUE(key, sizeof(*key), hash);
	if (!may_be_unrecorded(l, hash))
		return;
	HASH_FIND_BYHASHVALUE(hh, l->connections, key, sizeof(*key), hash, c);
	if (!c)
		return;
	LL_FOREACH (c->sorts, s) {
		struct count fresh = minus(&s->total, &s->recorded), sum;

		if (!fresh.packets)
			continue;
		s->recorded = s->total;
		sum = (struct count) { drop->packets + fresh.packets, drop->bytes + fresh.bytes };
		if (drop->packets && drop->last > s->last) {
			drop->packets = sum.packets;
			drop->bytes = sum.bytes;
		} else {
			*drop = describe_drop(s, &sum);
		}
	}
}
