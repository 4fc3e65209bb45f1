/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From entries of the flow table to records. The flow thread calls this once an interval.
 *
 * Joining. A connection that a Service translates has two entries: client -> virtual address where
 * it leaves the client's pod, client -> backend where it enters the backend's. Both become legs of
 * one connection, whose terms are those of its opener (client -> virtual address). The entry that
 * was made at a pod's egress knows the other tuple from its first packet on; the one that was made
 * at ingress may learn it only with the first reply. So the egress side looks for the other, and
 * an entry that is older than the settle time has had its other half in the same round: neither is
 * ever reported alone and joined later, which would count packets twice.
 *
 * Counting. A packet passes up to two hooks on this node. What an end sent is counted where its
 * packets leave a local pod, if any do on any leg; else where they enter one. The choice is made
 * with the first record that has packets of that end and kept for the life of the connection. A
 * record holds the difference of that running total to what earlier records held, so the sum over
 * a connection's records is its last total, whatever happened in between.
 *
 * Ending. A connection that is over is taken out of the flow table leg by leg, and each leg's last
 * state is counted. An entry that is gone from the table without us is noticed in the same way.
 */
#include "flow/joiner.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "flow/conn.h"
#include "flow/resolve.h"

struct pn_joiner {
	struct pn_joiner_config config;
	struct pn_conn_table table;
	pn_nsec now;
	pn_nsec realtime_offset;
};

/* One round's way out. */
struct output {
	const struct pn_joiner_ops *ops;
	void *data;
	bool shutdown;
};

/*
 * CLOCK_REALTIME minus CLOCK_MONOTONIC. Two readings are never of the same instant, so it is only
 * taken over when it has moved by more than that: somebody has set the clock.
 */
static void look_at_clock(struct pn_joiner *j)
{
	const struct pn_clock *clock = j->config.clock;
	pn_nsec offset;

	j->now = pn_clock_now(clock);
	offset = pn_clock_realtime(clock) - j->now;
	if (llabs((long long)(offset - j->realtime_offset)) > (long long)PN_NSEC_PER_MSEC)
		j->realtime_offset = offset;
}

int pn_joiner_new(const struct pn_joiner_config *config, struct pn_joiner **ret)
{
	struct pn_joiner *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	j->config = *config;
	r = pn_conn_table_init(&j->table, config->clock);
	if (r < 0) {
		free(j);
		return r;
	}
	look_at_clock(j);
	*ret = j;
	return 0;
}

void pn_joiner_free(struct pn_joiner *j)
{
	if (!j)
		return;
	pn_conn_table_done(&j->table);
	free(j);
}

size_t pn_joiner_count(const struct pn_joiner *j)
{
	return j->table.n_conns;
}

void pn_joiner_begin(struct pn_joiner *j)
{
	look_at_clock(j);
}

/* --- entries to connections ---------------------------------------------------------------------- */

/* A key from the tuple of the other side. Return: the end that opened the connection */
static uint8_t sorted_key(const struct pn_flow_tuple *t, uint8_t proto, struct pn_flow_key *ret)
{
	int order = memcmp(t->addr[0], t->addr[1], sizeof(t->addr[0]));
	uint8_t opener;

	if (order == 0)
		order = memcmp(&t->port[0], &t->port[1], sizeof(t->port[0]));
	opener = order > 0;
	*ret = (struct pn_flow_key) { .proto = proto };
	for (int i = 0; i < 2; i++) {
		memcpy(ret->addr[i], t->addr[i ^ opener], sizeof(ret->addr[i]));
		ret->port[i] = t->port[i ^ opener];
	}
	return opener;
}

static uint8_t opener_of(const struct pn_flow_value *v)
{
	return v->initiator & 1;
}

/*
 * Which side of the translation is this? Before it, the opener's packets leave a pod here and
 * replies enter that pod; behind it, it is the other way round.
 */
static bool is_behind_nat(const struct pn_flow_value *v)
{
	unsigned int opener = opener_of(v);

	return !v->dir[opener].sent_packets && !v->dir[!opener].delivered_packets;
}

/*
 * The translated tuple of a connection as a leg, if nobody else has it. Return: NULL without memory,
 * or if the tuple belongs to another connection
 */
static struct pn_leg *add_translated(struct pn_joiner *j, struct pn_conn *c,
				     const struct pn_flow_key *key, uint8_t opener)
{
	struct pn_leg *leg = pn_conn_table_find(&j->table, key);

	if (leg)
		return leg->conn == c ? leg : NULL;
	leg = pn_conn_add_leg(&j->table, c, key);
	if (leg)
		leg->flip = opener ^ c->opener;
	return leg;
}

static struct pn_conn *new_conn(struct pn_joiner *j, const struct pn_flow_key *key, uint8_t opener,
				const struct pn_flow_value *v)
{
	struct pn_conn *c = pn_conn_new(&j->table, key);

	if (!c)
		return NULL;
	c->opener = opener;
	c->id = v->id;
	c->start = v->start_ns;
	return c;
}

/* An entry behind the translation: it goes to the connection that its opener knows. */
static struct pn_leg *adopt_translated(struct pn_joiner *j, const struct pn_flow_key *key,
				       const struct pn_flow_value *v)
{
	struct pn_flow_key original;
	uint8_t opener = sorted_key(&v->nat, key->proto, &original);
	struct pn_leg *leg = pn_conn_table_find(&j->table, &original);
	struct pn_conn *c = leg ? leg->conn : new_conn(j, &original, opener, v);
	struct pn_leg *added;

	if (!c)
		return NULL;
	if (leg == &c->own)
		c->opener = opener; /* conntrack knows, the first packet was only a guess */
	added = add_translated(j, c, key, opener_of(v));
	if (!added && !leg)
		pn_conn_free(&j->table, c);
	return added;
}

/* The leg of an entry that is seen for the first time. */
static struct pn_leg *adopt(struct pn_joiner *j, const struct pn_flow_key *key,
			    const struct pn_flow_value *v)
{
	struct pn_conn *c;

	if (v->state & PN_FLOW_NAT && is_behind_nat(v))
		return adopt_translated(j, key, v);
	c = new_conn(j, key, opener_of(v), v);
	return c ? &c->own : NULL;
}

/* What one look at an entry tells about its connection. */
static void take_in(struct pn_leg *leg, const struct pn_flow_value *v)
{
	struct pn_conn *c = leg->conn;

	for (unsigned int end = 0; end < 2; end++) {
		leg->seen[end] = v->dir[end ^ leg->flip];
		c->tcp_flags[end] |= (uint8_t)v->tcp_flags[end ^ leg->flip];
	}
	c->start = PN_MIN(c->start, v->start_ns);
	c->last = PN_MAX(c->last, v->last_ns);
	if (leg == &c->own) {
		if (c->legs == &c->own || v->state & PN_FLOW_INITIATOR)
			c->opener = opener_of(v);
		c->owner = v->owner[c->opener];
	}
	leg->owner = v->owner[!c->opener ^ leg->flip];
}

/* The opener's entry has heard where its packets go; that tuple may have no entry on this node. */
static void learn_backend(struct pn_joiner *j, struct pn_conn *c, const struct pn_flow_tuple *nat)
{
	struct pn_flow_key translated;
	uint8_t opener = sorted_key(nat, c->own.key.proto, &translated);

	(void)add_translated(j, c, &translated, opener);
}

int pn_joiner_entry(struct pn_joiner *j, const struct pn_flow_key *key,
		    const struct pn_flow_value *value)
{
	struct pn_leg *leg = pn_conn_table_find(&j->table, key);

	if (!leg)
		leg = adopt(j, key, value);
	if (!leg)
		return -ENOMEM;
	if (leg->removed)
		return 0; /* a new entry, in the place of one whose connection is about to go */
	leg->alive = true;
	take_in(leg, value);
	if (value->state & PN_FLOW_NAT && leg->conn->legs == leg)
		learn_backend(j, leg->conn, &value->nat);
	return 0;
}

/* --- connections to records ---------------------------------------------------------------------- */

static pn_nsec since(const struct pn_joiner *j, pn_nsec when)
{
	return j->now > when ? j->now - when : 0;
}

/* What is not in a record yet, by end. Return: is it anything? */
static bool news_of(const struct pn_conn *c, struct pn_conn_total ret[static 2])
{
	bool any = false;

	for (unsigned int end = 0; end < 2; end++) {
		const struct pn_conn_total *old = &c->reported[end];
		struct pn_conn_total total = pn_conn_total(c, end);

		ret[end] = (struct pn_conn_total) {
			.packets = total.packets - PN_MIN(total.packets, old->packets),
			.bytes = total.bytes - PN_MIN(total.bytes, old->bytes),
			.delivered = total.delivered - PN_MIN(total.delivered, old->delivered),
		};
		any = any || ret[end].packets || ret[end].bytes || ret[end].delivered;
	}
	return any;
}

static void count(struct pn_record_end *e, const struct pn_conn_total *news)
{
	e->packets = news->packets;
	e->bytes = news->bytes;
	e->delivered = news->delivered;
}

static bool has_sent(const struct pn_conn *c, unsigned int end)
{
	const struct pn_leg *leg = c->legs;

	while (leg && !leg->seen[end].sent_packets)
		leg = leg->sibling;
	return leg != NULL;
}

/* From now on these are told; and an end that was counted where its packets arrive stays so. */
static void settle_accounts(struct pn_conn *c, const struct pn_conn_total news[static 2])
{
	for (unsigned int end = 0; end < 2; end++) {
		struct pn_conn_total *told = &c->reported[end];

		told->packets += news[end].packets;
		told->bytes += news[end].bytes;
		told->delivered += news[end].delivered;
		if (told->packets && !has_sent(c, end))
			c->by_delivered |= (uint8_t)(1u << end);
	}
}

static void report(struct pn_joiner *j, struct pn_conn *c, enum pn_flow_end state,
		   const struct output *out)
{
	struct pn_conn_total news[2];
	struct pn_flow_record r;

	if (!news_of(c, news))
		return;
	pn_resolve(j->config.index, c, j->realtime_offset, &r);
	r.state = state;
	count(&r.source, &news[c->opener]);
	count(&r.destination, &news[!c->opener]);
	settle_accounts(c, news);
	out->ops->record(out->data, &r);
}

static bool is_closed(const struct pn_conn *c)
{
	unsigned int both = c->tcp_flags[0] & c->tcp_flags[1];
	unsigned int any = c->tcp_flags[0] | c->tcp_flags[1];

	return c->own.key.proto == IPPROTO_TCP && (both & TH_FIN || any & TH_RST);
}

static enum pn_flow_end state_of(const struct pn_joiner *j, const struct pn_conn *c, bool shutdown)
{
	struct pn_conn_total news[2];
	bool closed = is_closed(c);

	if (closed && (shutdown || since(j, c->last) >= j->config.close_timeout))
		return PN_FLOW_CLOSED;
	if (since(j, c->last) >= j->config.idle_timeout)
		return PN_FLOW_IDLE;
	if (shutdown)
		return PN_FLOW_SHUTDOWN;
	if (news_of(c, news) && pn_resolve_reassigned(j->config.index, c))
		return PN_FLOW_REASSIGNED;
	return PN_FLOW_ACTIVE;
}

/* Takes a leg's entry out of the flow table and its last state in. Return: is it gone? */
static bool remove_leg(struct pn_leg *leg, const struct output *out)
{
	struct pn_flow_value last;
	int r = out->ops->remove(out->data, &leg->key, &last);

	if (r == 0)
		take_in(leg, &last);
	else if (r != -ENOENT)
		return false;
	leg->alive = false;
	leg->removed = true;
	return true;
}

static bool remove_entries(struct pn_conn *c, const struct output *out)
{
	bool gone = true;

	for (struct pn_leg *leg = c->legs; leg; leg = leg->sibling)
		gone = (!leg->alive || remove_leg(leg, out)) && gone;
	return gone;
}

/*
 * A closed connection is silent until its end, so that its last packets say `closed`; unless its
 * packets go on, which are then told of as usual.
 */
static bool is_held(const struct pn_joiner *j, struct pn_conn *c)
{
	if (!is_closed(c))
		return false;
	if (!c->closed_since)
		c->closed_since = j->now;
	return since(j, c->closed_since) < 2 * j->config.close_timeout;
}

static void finish_conn(struct pn_joiner *j, struct pn_conn *c, const struct output *out)
{
	enum pn_flow_end state;

	if (!out->shutdown && since(j, c->start) < j->config.settle)
		return;
	state = state_of(j, c, out->shutdown);
	if (state == PN_FLOW_ACTIVE) {
		if (!is_held(j, c))
			report(j, c, state, out);
	} else if (!remove_entries(c, out)) {
		report(j, c, PN_FLOW_ACTIVE, out);
	} else {
		report(j, c, state, out);
		pn_conn_free(&j->table, c);
	}
}

/* The first leg from @leg on that stands for its connection. */
static struct pn_leg *next_own(struct pn_leg *leg)
{
	while (leg && leg != &leg->conn->own)
		leg = leg->chain;
	return leg;
}

void pn_joiner_finish(struct pn_joiner *j, bool shutdown, const struct pn_joiner_ops *ops,
		      void *data)
{
	const struct output out = { .ops = ops, .data = data, .shutdown = shutdown };

	for (size_t i = 0; i < j->table.n_buckets; i++) {
		for (struct pn_leg *leg = next_own(j->table.buckets[i]), *next; leg; leg = next) {
			next = next_own(leg->chain); /* of another connection: outlives this one */
			finish_conn(j, leg->conn, &out);
		}
	}
}
