/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From entries of the flow table to connections. The flow thread calls this once an interval.
 *
 * Joining. A connection that a Service translates has two entries: client -> virtual address where
 * it leaves the client's pod, client -> backend where it enters the backend's. Both become legs of
 * one connection, whose terms are those of its opener (client -> virtual address). The entry that
 * was made at a pod's egress knows the other tuple from its first packet on; the one that was made
 * at ingress may learn it only with the first reply. So the egress side looks for the other, and
 * an entry that is older than the settle time has had its other half in the same round: neither is
 * ever reported alone and joined later, which would count packets twice.
 *
 * After a restart the same entries are met again. The journal knows by an entry's id what earlier
 * records have told of its connection; a connection has taken that over before it is looked at.
 */
#include "flow/joiner.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/metric.h"
#include "flow/joiner_private.h"

int pn_joiner_new(const struct pn_joiner_config *config, struct pn_joiner **ret)
{
	struct pn_joiner *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	j->config = *config;
	j->sampling = UINT32_MAX;
	j->over = PN_NO_LEG;
	pn_resolver_init(&j->resolver, config->index, config->node_name);
	j->resolver.name_wait = config->name_wait;
	r = pn_conn_table_init(&j->table, config->clock);
	if (r < 0) {
		free(j);
		return r;
	}
	j->now = pn_resolver_look_at_clock(&j->resolver, config->clock);
	j->known_since = j->now + config->sync_wait;
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

void pn_joiner_set_sampling(struct pn_joiner *j, uint32_t n)
{
	j->sampling = n;
}

void pn_joiner_synced(struct pn_joiner *j)
{
	j->known_since = PN_MIN(j->known_since, pn_clock_now(j->config.clock));
}

bool pn_joiner_left(struct pn_joiner *j, const struct pn_addr *addr, bool is_unseen)
{
	if (j->n_left < PN_JOINER_MAX_LEFT)
		j->left[j->n_left++] = (struct pn_joiner_left) { *addr, is_unseen };
	else
		j->all_left = true; /* the round that was to make room has failed */
	/* an address may be given away before its interface goes, and of lost news who came is told first */
	if (j->came && pn_clock_now(j->config.clock) - j->came < PN_JOINER_CAME_BEFORE)
		j->has_come = true;
	return j->n_left < PN_JOINER_MAX_LEFT;
}

bool pn_joiner_came(struct pn_joiner *j)
{
	j->came = pn_clock_now(j->config.clock);
	j->has_come = j->n_left || j->n_lingering;
	return j->has_come;
}

size_t pn_joiner_count(const struct pn_joiner *j)
{
	return j->table.n_conns;
}

void pn_joiner_begin(struct pn_joiner *j, const struct pn_ticks *ticks)
{
	j->now = pn_resolver_look_at_clock(&j->resolver, j->config.clock);
	j->ticks = *ticks;
	j->missed = false;
}

/* --- entries to connections ---------------------------------------------------------------------- */

static uint8_t opener_of(const struct pn_flow_value *v)
{
	return (uint8_t)pn_flow_opener(v);
}

static bool is_behind_nat(const struct pn_flow_value *v)
{
	return v->state & PN_FLOW_NAT && v->state & PN_FLOW_BEHIND_NAT;
}

/*
 * The translated tuple of a connection as a leg, if nobody else has it. A second one is another backend's: the same
 * ports once more, or UDP that was sent elsewhere. Return: NULL without memory, or if the tuple belongs to another
 * connection
 */
static struct pn_leg *add_translated(struct pn_joiner *j, struct pn_conn *c,
				     const struct pn_flow_key *key, uint8_t opener)
{
	struct pn_leg *leg = pn_conn_table_find(&j->table, key);
	bool is_first = c->legs == &c->own;

	if (leg)
		return pn_leg_conn(leg) == c ? leg : NULL;
	leg = pn_conn_add_leg(&j->table, c, key);
	if (!leg)
		return NULL;
	leg->flip = (opener ^ c->opener) & 1u;
	if (!is_first)
		c->shared |= 1u << !c->opener;
	return leg;
}

static struct pn_conn *new_conn(struct pn_joiner *j, const struct pn_flow_key *key, uint8_t opener,
				const struct pn_flow_value *v)
{
	struct pn_conn *c = pn_conn_new(&j->table, key);

	if (!c)
		return NULL;
	c->opener = opener & 1u;
	c->id = v->id;
	c->start_us = v->start_us;
	return c;
}

/* An entry behind the translation: it goes to the connection that its opener knows. */
static struct pn_leg *adopt_translated(struct pn_joiner *j, const struct pn_flow_key *key,
				       const struct pn_flow_value *v)
{
	struct pn_flow_key original;
	uint8_t opener = pn_conn_key(&v->nat, key->proto, &original);
	struct pn_leg *leg = pn_conn_table_find(&j->table, &original);
	struct pn_conn *c = leg ? pn_leg_conn(leg) : new_conn(j, &original, opener, v);
	struct pn_leg *added;

	if (!c)
		return NULL;
	if (leg == &c->own)
		c->opener = opener & 1u; /* conntrack knows, the first packet was only a guess */
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

	if (is_behind_nat(v))
		return adopt_translated(j, key, v);
	c = new_conn(j, key, opener_of(v), v);
	return c ? &c->own : NULL;
}

static void take_in_tcp(struct pn_conn *c, const struct pn_leg *leg, const struct pn_flow_value *v)
{
	bool of_opener = v->state & PN_FLOW_RTT_OPENER;
	struct pn_conn_tcp *tcp = &c->tcp;

	if (v->tcp.srtt_us && (of_opener || !tcp->rtt_of_opener)) {
		tcp->srtt_us = v->tcp.srtt_us;
		tcp->rtt_of_opener = of_opener;
	}
	if (v->tcp.min_rtt_us && (!tcp->min_rtt_us || v->tcp.min_rtt_us < tcp->min_rtt_us))
		tcp->min_rtt_us = v->tcp.min_rtt_us;
	for (unsigned int end = 0; end < 2; end++) {
		tcp->flags[end] |= v->tcp_flags[end ^ leg->flip];
		tcp->retransmits[end] =
			PN_MAX(tcp->retransmits[end], v->tcp.retransmits[end ^ leg->flip]);
	}
}

/* Without memory the record does without it. */
static void take_in_quote(struct pn_conn *c, const struct pn_flow_value *v)
{
	if (!c->quote)
		c->quote = malloc(sizeof(*c->quote));
	if (!c->quote)
		return;
	memcpy(c->quote->source.b, v->nat.addr[0], sizeof(c->quote->source.b));
	memcpy(c->quote->destination.b, v->nat.addr[1], sizeof(c->quote->destination.b));
	c->quote->source_port = ntohs(v->nat.port[0]);
	c->quote->destination_port = ntohs(v->nat.port[1]);
	c->quote->proto = v->quoted_proto;
}

/*
 * Of as many connections as this one is one. With a lower number those that had been left out have joined
 * it, so it stands for fewer from then on, and when the number is higher again it is still one of these.
 */
static void take_in_sampling(const struct pn_joiner *j, struct pn_conn *c,
			     const struct pn_flow_value *v)
{
	uint32_t n = v->sampling ? v->sampling : 1;

	if (!pn_conn_is_pair(c))
		n = PN_MIN(n, j->sampling);
	c->sampling = (uint16_t)(c->sampling ? PN_MIN((uint32_t)c->sampling, n) : n);
}

static int take_in_counters(struct pn_joiner *j, struct pn_leg *leg, const struct pn_flow_value *v)
{
	struct pn_seen seen[2];

	for (unsigned int end = 0; end < 2; end++) {
		seen[end].sent = pn_flow_way(v, end ^ leg->flip)->sent;
		seen[end].delivered = pn_flow_way(v, end ^ leg->flip)->delivered;
	}
	return pn_leg_see(&j->table, leg, seen);
}

int pn_joiner_take_in(struct pn_joiner *j, struct pn_leg *leg, const struct pn_flow_value *v)
{
	uint64_t tick_us = pn_ticks_time(&j->ticks, v->tick) / PN_NSEC_PER_USEC;
	struct pn_conn *c = pn_leg_conn(leg);
	int r = take_in_counters(j, leg, v);

	if (r < 0)
		return r;
	for (unsigned int end = 0; end < 2; end++) {
		leg->cgroups.low[end] = v->cgroups.low[end ^ leg->flip];
		leg->cgroups.high[end] = v->cgroups.high[end ^ leg->flip];
		if (v->state & PN_FLOW_ELSEWHERE << (end ^ leg->flip))
			c->elsewhere |= 1u << end;
		if (v->state & PN_FLOW_SHARED << (end ^ leg->flip))
			c->shared |= 1u << end;
	}
	if (pn_conn_is_tcp(c))
		take_in_tcp(c, leg, v);
	else if (v->state & PN_FLOW_QUOTE && pn_conn_is_icmp(c))
		take_in_quote(c, v);
	take_in_sampling(j, c, v);
	c->start_us = PN_MIN((uint64_t)c->start_us, (uint64_t)v->start_us);
	c->last_us = PN_MAX((uint64_t)c->last_us, PN_MAX(tick_us, (uint64_t)v->start_us));
	if (leg == &c->own && (c->legs == &c->own || v->state & PN_FLOW_INITIATOR))
		c->opener = opener_of(v) & 1u;
	return 0;
}

/* The opener's entry has heard where its packets go; that tuple may have no entry on this node. */
static void learn_backend(struct pn_joiner *j, struct pn_conn *c, const struct pn_flow_tuple *nat)
{
	struct pn_flow_key translated;
	uint8_t opener = pn_conn_key(nat, c->own.proto, &translated);

	(void)add_translated(j, c, &translated, opener);
}

/*
 * An entry that has only now heard that it is behind a translation belongs to another connection.
 * Once that has been told, it stays as it is. Return: the leg, or NULL if it has none any more
 */
static struct pn_leg *reconsider(struct pn_joiner *j, struct pn_leg *leg,
				 const struct pn_flow_value *v)
{
	struct pn_conn *c = pn_leg_conn(leg);

	if (!is_behind_nat(v) || c->legs != &c->own || c->is_told || c->slot != PN_NO_SLOT ||
	    c->is_listed)
		return leg;
	pn_conn_free(&j->table, c);
	return NULL;
}

/* An entry is met for the first time: records of an earlier agent may have told of its connection. */
static void meet(struct pn_joiner *j, struct pn_leg *leg, uint64_t id)
{
	struct pn_journal *journal = j->config.journal;
	struct pn_conn *c = pn_leg_conn(leg);

	leg->id = id;
	if (c->slot == PN_NO_SLOT && !pn_slots_are_adopted(journal)) {
		c->slot = pn_slot_adopt(journal, id);
		if (c->slot != PN_NO_SLOT)
			c->id = pn_slot_flow_id(journal, c->slot);
	}
	pn_slot_add_entry(journal, c->slot, id);
}

int pn_joiner_entry(struct pn_joiner *j, const struct pn_flow_key *key,
		    const struct pn_flow_value *value)
{
	struct pn_leg *leg = pn_conn_table_meet(&j->table, key);

	if (leg)
		leg = reconsider(j, leg, value);
	if (!leg)
		leg = adopt(j, key, value);
	if (!leg) {
		j->missed = true;
		return -ENOMEM;
	}
	if (leg->removed)
		return 0; /* a new entry, in the place of one whose connection is about to go */
	if (!leg->id)
		meet(j, leg, value->id);
	leg->alive = true;
	if (pn_joiner_take_in(j, leg, value) < 0)
		return -ENOMEM;
	if (value->state & PN_FLOW_NAT && !is_behind_nat(value) && pn_leg_conn(leg)->legs == leg)
		learn_backend(j, pn_leg_conn(leg), &value->nat);
	return 0;
}

/* --- the end of a round --------------------------------------------------------------------------- */

static bool has_entry(const struct pn_conn *c, uint64_t id)
{
	const struct pn_leg *leg = c->legs;

	while (leg && leg->id != id)
		leg = pn_leg_older(leg);
	return leg != NULL;
}

/* What earlier records have told. An agent that ended in the middle of a removal did it or did not. */
static void take_over(struct pn_joiner *j, struct pn_conn *c)
{
	struct pn_journal *journal = j->config.journal;
	struct pn_conn_total told[2];
	uint64_t in_removal;
	uint8_t by_delivered;

	if (c->slot == PN_NO_SLOT)
		return;
	in_removal = pn_slot_in_removal(journal, c->slot);
	if (in_removal)
		pn_slot_removed(journal, c->slot, !has_entry(c, in_removal));
	pn_slot_read(journal, c->slot, told, &by_delivered);
	c->by_delivered = by_delivered & 3u;
}

static bool is_end_of(const struct pn_conn *c, const struct pn_addr *addr)
{
	for (const struct pn_leg *leg = c->legs; leg; leg = pn_leg_older(leg)) {
		const struct pn_addr ends[2] = { pn_leg_addr(leg, 0), pn_leg_addr(leg, 1) };

		if (pn_addr_eq(&ends[0], addr) || pn_addr_eq(&ends[1], addr))
			return true;
	}
	return false;
}

static void note_left(struct pn_joiner *j, struct pn_conn *c)
{
	if (j->all_left)
		c->has_left = c->has_left_unseen = true;
	for (size_t i = 0; i < j->n_left && !c->has_left; i++) {
		c->has_left = is_end_of(c, &j->left[i].addr);
		c->has_left_unseen = c->has_left && j->left[i].is_unseen;
	}
}

/* All entries have been met, so what nobody has adopted is of none. */
static void take_over_all(struct pn_joiner *j)
{
	struct pn_conn *c;

	for (uint32_t i = 0; (c = pn_conn_each(&j->table, i, &i)); i++)
		take_over(j, c);
	pn_slots_adopted(j->config.journal);
}

void pn_joiner_finish(struct pn_joiner *j, bool shutdown, const struct pn_joiner_ops *ops,
		      void *data)
{
	const struct pn_joiner_out out = { .ops = ops, .data = data, .shutdown = shutdown };
	struct pn_conn *c;

	if (!pn_slots_are_adopted(j->config.journal)) {
		if (j->missed)
			return;
		take_over_all(j);
	}
	pn_resolver_begin(&j->resolver);
	j->n_waiting = j->n_untold = j->n_lingering = 0;
	for (uint32_t i = 0; (c = pn_conn_each(&j->table, i, &i)); i++) {
		note_left(j, c);
		pn_tell_in_time(j, i, &out);
	}
	j->n_left = 0;
	j->all_left = j->has_come = false;
	pn_metric_set(PN_METRIC_FLOW_WAITING, j->n_waiting);
	pn_metric_set(PN_METRIC_FLOW_UNTOLD, j->n_untold);
}
