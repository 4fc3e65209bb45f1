/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From connections to records: what is new, when it is told, and whether the connection is over.
 *
 * Counting. A packet passes up to two hooks on this node. What an end sent is counted where its
 * packets leave a local pod or socket, if any do on any leg; else where they enter one, unless another
 * connection has counted them (see bpf/pair.bpf.h). The choice is made with the first record that has
 * packets of that end and kept for the life of the connection. A
 * record holds the difference of that running total to what earlier records held, so the sum over
 * a connection's records is its last total, whatever happened in between.
 *
 * What has been told of a connection stands in its slot of the journal. It has a copy of its own where
 * there is no slot, and once one of several entries has gone: then the slot is about the others.
 *
 * Waiting. What the API server knows comes late, and until then an address seems to be its earlier
 * owner's. So a connection's first record waits until its names can be trusted. Later records follow
 * at each round, named anew; but after a restart not before the index is complete.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "flow/joiner_private.h"

static pn_nsec since(const struct pn_joiner *j, pn_nsec when)
{
	return j->now > when ? j->now - when : 0;
}

/* --- what is told and what is not ----------------------------------------------------------------- */

/*
 * What has been seen of a connection, and what of it is in no record yet (@any: something, and then @ends
 * has been looked up); by end. @by_delivered: as pn_conn_totals() says
 */
struct news {
	struct pn_conn_total told[2], fresh[2];
	uint8_t by_delivered;
	bool any;
	struct pn_ends ends;
};

static void told_of(const struct pn_joiner *j, const struct pn_conn *c,
		    struct pn_conn_total ret[static 2])
{
	uint8_t by_delivered;

	if (c->reported)
		memcpy(ret, c->reported, 2 * sizeof(*ret));
	else if (c->slot != PN_NO_SLOT)
		pn_slot_read(j->config.journal, c->slot, ret, &by_delivered);
	else
		memset(ret, 0, 2 * sizeof(*ret));
}

int pn_tell_apart(const struct pn_joiner *j, struct pn_conn *c)
{
	struct pn_conn_total *told;

	if (c->reported)
		return 0;
	told = malloc(2 * sizeof(*told));
	if (!told)
		return -ENOMEM;
	told_of(j, c, told);
	c->reported = told;
	return 0;
}

static struct pn_conn_total minus(const struct pn_conn_total *a, const struct pn_conn_total *b)
{
	return (struct pn_conn_total) {
		.packets = a->packets - PN_MIN(a->packets, b->packets),
		.bytes = a->bytes - PN_MIN(a->bytes, b->bytes),
		.delivered = a->delivered - PN_MIN(a->delivered, b->delivered),
	};
}

static bool is_any(const struct pn_conn_total *t)
{
	return t->packets || t->bytes || t->delivered;
}

static void look_for_news(struct pn_joiner *j, const struct pn_conn *c, struct news *ret)
{
	struct pn_conn_total totals[2];

	told_of(j, c, ret->told);
	ret->by_delivered = pn_conn_totals(c, totals);
	for (unsigned int end = 0; end < 2; end++)
		ret->fresh[end] = minus(&totals[end], &ret->told[end]);
	ret->any = is_any(&ret->fresh[0]) || is_any(&ret->fresh[1]);
	if (ret->any)
		pn_resolve_ends(&j->resolver, c, &ret->ends);
}

static uint64_t sights_of(const struct news *n)
{
	return pn_conn_sights(&n->fresh[0], n->by_delivered & 1) +
	       pn_conn_sights(&n->fresh[1], n->by_delivered & 2);
}

/* From now on these are told; and an end that was counted where its packets arrive stays so. */
static void settle_accounts(struct pn_conn *c, struct news *n)
{
	for (unsigned int end = 0; end < 2; end++) {
		struct pn_conn_total *told = &n->told[end];

		told->packets += n->fresh[end].packets;
		told->bytes += n->fresh[end].bytes;
		told->delivered += n->fresh[end].delivered;
		if (told->packets)
			c->by_delivered |= n->by_delivered & 1u << end;
	}
	if (c->reported)
		memcpy(c->reported, n->told, sizeof(n->told));
}

static uint64_t other_entry(const struct pn_conn *c)
{
	const struct pn_leg *leg = c->legs;

	while (leg && (!leg->id || leg->id == c->id))
		leg = pn_leg_older(leg);
	return leg ? leg->id : 0;
}

/* One entry could be taken out of the flow table, another one not. */
static bool has_lost_entry(const struct pn_conn *c)
{
	const struct pn_leg *leg = c->legs;

	while (leg && !leg->removed)
		leg = pn_leg_older(leg);
	return leg != NULL;
}

/* Is there a place that says what has been told of @c? Without memory it is told later. */
static bool has_account(struct pn_joiner *j, struct pn_conn *c)
{
	if (c->slot == PN_NO_SLOT)
		c->slot = pn_slot_take(j->config.journal, c->id, other_entry(c));
	return c->slot != PN_NO_SLOT || pn_tell_apart(j, c) == 0;
}

/* --- names that may still change ------------------------------------------------------------------ */

static bool is_told(const struct pn_joiner *j, const struct pn_conn *c)
{
	struct pn_conn_total told[2];

	if (c->is_told)
		return true;
	told_of(j, c, told);
	return told[0].packets || told[1].packets;
}

/*
 * News of the time around @begin may be with an API server that is just away, or not be read yet. Where nothing has
 * been heard for longer than a connection waits at most, it is not waited for.
 */
static bool is_news_held_up(const struct pn_joiner *j, pn_nsec begin)
{
	pn_nsec heard = j->resolver.heard_until;

	return heard != PN_NSEC_NEVER && j->config.name_wait &&
	       heard < begin + j->config.name_wait && since(j, heard) < j->config.pod_wait;
}

/* May what the API server says next give an end of a connection another name? */
static bool waits_for_names(struct pn_joiner *j, const struct pn_conn *c)
{
	pn_nsec begin = PN_MAX(pn_conn_start(c), j->known_since), age = since(j, begin);
	struct pn_ends ends;

	if (age >= PN_MAX(j->config.name_wait, j->config.pod_wait))
		return false;
	if (is_told(j, c) && j->now >= j->known_since)
		return false;
	pn_resolve_ends(&j->resolver, c, &ends);
	switch (pn_resolve_certainty(&j->resolver, &ends)) {
	case PN_NAMES_EXACT:
		break;
	case PN_NAMES_OPEN:
		return age < j->config.name_wait || is_news_held_up(j, begin);
	case PN_NAMES_AWAITED:
		return age < j->config.pod_wait;
	}
	return false;
}

/*
 * A record that could not wait says so. And one more of a connection whose interface has gone, after the one that
 * said that it has, or where nobody saw it go: the next owner of the address may have sent what came since.
 */
static void doubt(struct pn_joiner *j, const struct pn_conn *c, const struct pn_joiner_out *out,
		  struct pn_ends *ends)
{
	bool is_hasty = (c->has_left || out->shutdown) && waits_for_names(j, c);
	bool is_late = c->has_left && (c->over != PN_FLOW_ACTIVE || c->has_left_unseen);

	ends->source.is_hasty = ends->reached.is_hasty = is_hasty;
	ends->source.is_late = ends->reached.is_late = is_late;
}

/* --- records -------------------------------------------------------------------------------------- */

/* Before anything of the record is written. */
static void note(struct pn_joiner *j, struct pn_conn *c, struct news *n)
{
	struct pn_journal *journal = j->config.journal;
	struct pn_note note = { .n_sights = sights_of(n) };

	settle_accounts(c, n);
	c->is_told = true;
	note.by_delivered = c->by_delivered;
	if (c->is_gone) {
		note.totals[0] = n->fresh[0];
		note.totals[1] = n->fresh[1];
		c->seq = (uint32_t)pn_slot_note_rest(journal, c->slot, &note);
		return;
	}
	note.totals[0] = n->told[0];
	note.totals[1] = n->told[1];
	if (has_lost_entry(c))
		note.by_delivered = pn_conn_rest(c, NULL, note.totals);
	c->seq = (uint32_t)pn_slot_note(journal, c->slot, &note);
}

static void count(struct pn_record_end *e, const struct pn_conn_total *fresh)
{
	e->packets = fresh->packets;
	e->bytes = fresh->bytes;
	e->delivered = fresh->delivered;
}

/* On each side of a translation a packet may be dropped. */
void pn_tell_drops(const struct pn_conn *c, const struct pn_joiner_out *out,
		   struct pn_record_drop *drop)
{
	struct pn_flow_key key;

	for (const struct pn_leg *leg = c->legs; out->ops->drops && leg; leg = pn_leg_older(leg)) {
		pn_leg_key(leg, &key);
		out->ops->drops(out->data, &key, drop);
	}
}

static void ask_judge(struct pn_conn *c, const struct pn_flow_record *r,
		      const struct pn_joiner_out *out)
{
	struct pn_record_policy p = { .expected = PN_EXPECTED_UNKNOWN };

	out->ops->judge(out->data, r, pn_conn_start(c), &p);
	c->policy = p.by;
	c->expected = p.expected & 3u;
	c->by_ingress = p.is_ingress;
	c->is_late = p.is_late;
}

/* What was judged was about the pods that the names were of then. */
static bool is_doubtful(const struct pn_record_end *e)
{
	return e->attribution == PN_ATTR_AMBIGUOUS || e->attribution == PN_ATTR_STALE;
}

static void add_policy(struct pn_conn *c, struct pn_flow_record *r, const struct pn_joiner_out *out)
{
	if (c->expected == PN_EXPECTED_UNKNOWN && out->ops->judge)
		ask_judge(c, r, out);
	if (c->expected < PN_EXPECTED_ALLOWED || is_doubtful(&r->source) ||
	    is_doubtful(&r->destination))
		return;
	r->policy = (struct pn_record_policy) { c->policy, (enum pn_expected)c->expected,
						c->by_ingress, c->is_late };
	r->disagrees = pn_record_disagrees(r);
}

static void tell(struct pn_joiner *j, struct pn_conn *c, struct news *n, enum pn_flow_end state,
		 const struct pn_joiner_out *out)
{
	struct pn_flow_record r;

	doubt(j, c, out, &n->ends);
	pn_resolve(&j->resolver, c, &n->ends, &r);
	r.state = state;
	r.is_first = !n->told[0].packets && !n->told[1].packets;
	count(&r.source, &n->fresh[c->opener]);
	count(&r.destination, &n->fresh[!c->opener]);
	pn_tell_drops(c, out, &r.drop);
	add_policy(c, &r, out);
	note(j, c, n);
	out->ops->record(out->data, &r);
}

bool pn_tell(struct pn_joiner *j, struct pn_conn *c, enum pn_flow_end state,
	     const struct pn_joiner_out *out)
{
	struct news n;

	look_for_news(j, c, &n);
	if (n.any)
		tell(j, c, &n, state, out);
	return n.any;
}

static bool is_closed(const struct pn_conn *c)
{
	const uint8_t *flags = c->tcp.flags;

	return pn_conn_is_tcp(c) &&
	       (flags[0] & flags[1] & TH_FIN || (flags[0] | flags[1]) & TH_RST);
}

static enum pn_flow_end state_of(const struct pn_joiner *j, const struct pn_conn *c,
				 const struct news *n, bool shutdown)
{
	bool closed = is_closed(c);

	if (closed &&
	    (shutdown || c->has_left || since(j, pn_conn_last(c)) >= j->config.close_timeout))
		return PN_FLOW_CLOSED;
	if (since(j, pn_conn_last(c)) >= j->config.idle_timeout)
		return PN_FLOW_IDLE;
	if (shutdown)
		return PN_FLOW_SHUTDOWN;
	if (c->has_left)
		return PN_FLOW_LEFT;
	if (c->over == PN_FLOW_REASSIGNED)
		return PN_FLOW_REASSIGNED;
	if (n->any && pn_resolve_reassigned(&j->resolver, c, &n->ends))
		return PN_FLOW_REASSIGNED;
	return PN_FLOW_ACTIVE;
}

/*
 * A closed connection is silent until its end, so that its last packets say `closed`; unless its
 * packets go on, which are then told of as usual.
 */
static bool is_held(const struct pn_joiner *j, struct pn_conn *c)
{
	uint32_t now_ms = (uint32_t)(j->now / PN_NSEC_PER_MSEC);

	if (!is_closed(c))
		return false;
	if (!c->tcp.closed_since)
		c->tcp.closed_since = PN_MAX(now_ms, 1u);
	return now_ms - c->tcp.closed_since < 2 * j->config.close_timeout / PN_NSEC_PER_MSEC;
}

/* Its entries are taken out when this has been written. */
static void end(struct pn_joiner *j, uint32_t name, struct pn_conn *c, enum pn_flow_end state)
{
	c->over = state & 7u;
	if (c->is_listed)
		return;
	c->is_listed = true;
	c->next_over = j->over;
	j->over = name;
}

/* Has a connection to wait before it is told? Not for longer than its ends are who they were. */
static bool is_early(struct pn_joiner *j, const struct pn_conn *c)
{
	bool is_young = since(j, pn_conn_start(c)) < j->config.settle;

	if (c->has_left && j->has_come)
		return false;
	if (!is_young && !waits_for_names(j, c))
		return false;
	j->n_waiting += !is_young;
	j->n_lingering += c->has_left;
	return true;
}

void pn_tell_in_time(struct pn_joiner *j, uint32_t name, const struct pn_joiner_out *out)
{
	struct pn_conn *c = pn_conn_at(&j->table, name);
	bool is_silent = !out->shutdown && is_early(j, c);
	enum pn_flow_end state = PN_FLOW_ACTIVE;
	struct news n;

	if (c->is_gone)
		return;
	look_for_news(j, c, &n);
	if (!is_silent) {
		state = state_of(j, c, &n, out->shutdown);
		is_silent = state == PN_FLOW_ACTIVE && is_held(j, c);
	}
	if (n.any && !is_silent && !has_account(j, c)) {
		is_silent = true;
		state = PN_FLOW_ACTIVE;
	}
	if (n.any && is_silent)
		j->n_untold += sights_of(&n);
	else if (n.any)
		tell(j, c, &n, state, out);
	if (state == PN_FLOW_ACTIVE)
		c->over = PN_FLOW_ACTIVE;
	else if (!out->shutdown)
		end(j, name, c, state);
}
