/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last records told, in a ring, so that `podonym flows` answers at once with what has been. The
 * flow thread adds each record and reads the ring for each client that asks.
 *
 * A record is kept as it is, not as a line: it is a third of its JSON, filters see what they see of
 * a record that comes, and each client gets its own form. Names are what a record only borrows. Most
 * records of a large round are overwritten in the same round, so names are copied at its end:
 * one copy for all records that have them, found by the owner's id. What is equal is the same
 * pointer afterwards, as encoders expect of a destination that is its own Service. A policy's name is
 * interned already, so a reference is enough, from the start.
 */
#include "flow/recent.h"

#include <errno.h>
#include <string.h>

#include "base/intern.h"
#include "base/metric.h"

/* struct names - an owner's, for all records that have it */
struct names {
	struct names *next; /* in the bucket */
	uint64_t round;	    /* in which it was last compared with @seen, and was the same */
	const struct pn_owner *seen;
	uint32_t n_refs;
	struct pn_owner owner;
	char text[];
};

struct pn_recent {
	uint32_t room, n_buckets;
	uint32_t at;	  /* where the next record goes */
	uint64_t end;	  /* records told so far */
	uint64_t settled; /* those before it have names of our own */
	uint64_t round;
	uint64_t n_gone; /* not in the metric yet */
	pn_nsec gone_until;
	struct pn_flow_record *records;
	struct pn_record_quote *quotes; /* one for each record; most are never touched */
	struct names **buckets;
};

int pn_recent_new(uint32_t n, struct pn_recent **ret)
{
	struct pn_recent *rec = calloc(1, sizeof(*rec));

	if (!rec)
		return -ENOMEM;
	rec->room = PN_MIN(n, (uint32_t)PN_RECENT_MAX);
	for (rec->n_buckets = 64; rec->n_buckets < rec->room; rec->n_buckets *= 2)
		;
	rec->records = calloc(PN_MAX(rec->room, 1u), sizeof(*rec->records));
	rec->quotes = calloc(PN_MAX(rec->room, 1u), sizeof(*rec->quotes));
	rec->buckets = calloc(rec->n_buckets, sizeof(*rec->buckets));
	if (!rec->records || !rec->quotes || !rec->buckets) {
		pn_recent_free(rec);
		return -ENOMEM;
	}
	*ret = rec;
	return 0;
}

/* --- names ---------------------------------------------------------------------------------------- */

static struct names **bucket_of(struct pn_recent *rec, uint32_t id)
{
	return &rec->buckets[(id * 0x9e3779b1u >> 12) & (rec->n_buckets - 1)];
}

/* Its strings, for who does the same with each. */
enum { N_STRINGS = 8 };

static void strings_of(const struct pn_owner *o, const char *ret[static N_STRINGS])
{
	const char *all[N_STRINGS] = { o->uid,		 o->name_space, o->name, o->workload_kind,
				       o->workload_name, o->node,	o->zone, o->region };

	memcpy(ret, all, sizeof(all));
}

static bool is_same(const struct pn_owner *a, const struct pn_owner *b)
{
	const char *as[N_STRINGS], *bs[N_STRINGS];

	if (a->id != b->id || a->kind != b->kind || a->flags != b->flags)
		return false;
	strings_of(a, as);
	strings_of(b, bs);
	for (size_t i = 0; i < N_STRINGS; i++) {
		if (strcmp(as[i], bs[i]) != 0)
			return false;
	}
	return true;
}

static struct names *copy_names(const struct pn_owner *o)
{
	const char *from[N_STRINGS], *to[N_STRINGS];
	size_t len = 0;
	struct names *n;
	char *at;

	strings_of(o, from);
	for (size_t i = 0; i < N_STRINGS; i++)
		len += strlen(from[i]) + 1;
	n = calloc(1, sizeof(*n) + len);
	if (!n)
		return NULL;
	at = n->text;
	for (size_t i = 0; i < N_STRINGS; i++) {
		to[i] = at;
		at = stpcpy(at, from[i]) + 1;
	}
	n->owner = *o;
	n->owner.uid = to[0];
	n->owner.name_space = to[1];
	n->owner.name = to[2];
	n->owner.workload_kind = to[3];
	n->owner.workload_name = to[4];
	n->owner.node = to[5];
	n->owner.zone = to[6];
	n->owner.region = to[7];
	return n;
}

/* Within a round a borrowed pointer stays what it is: then looking once is enough. */
static bool has_names(struct names *n, const struct pn_owner *o, uint64_t round)
{
	if (n->seen == o && n->round == round)
		return true;
	if (!is_same(&n->owner, o))
		return false;
	n->seen = o;
	n->round = round;
	return true;
}

static struct names *find_names(struct pn_recent *rec, const struct pn_owner *o)
{
	struct names *n = *bucket_of(rec, o->id);

	while (n && !has_names(n, o, rec->round))
		n = n->next;
	return n;
}

/* @owner: borrowed; then our own, or NULL without memory. Return: is it what it was? */
static bool take_names(struct pn_recent *rec, const struct pn_owner **owner)
{
	struct names *n;

	if (!*owner)
		return true;
	n = find_names(rec, *owner);
	if (!n) {
		struct names **bucket = bucket_of(rec, (*owner)->id);

		n = copy_names(*owner);
		if (!n) {
			*owner = NULL;
			return false;
		}
		n->seen = *owner;
		n->round = rec->round;
		n->next = *bucket;
		*bucket = n;
	}
	n->n_refs++;
	*owner = &n->owner;
	return true;
}

static void release_names(struct pn_recent *rec, const struct pn_owner *o)
{
	struct names **at, *n;

	if (!o)
		return;
	for (at = bucket_of(rec, o->id); &(*at)->owner != o; at = &(*at)->next)
		;
	n = *at;
	if (--n->n_refs)
		return;
	*at = n->next;
	free(n);
}

/* --- the ring ------------------------------------------------------------------------------------- */

static struct pn_flow_record *slot_of(const struct pn_recent *rec, uint64_t number)
{
	return &rec->records[number % rec->room];
}

static void release(struct pn_recent *rec, const struct pn_flow_record *r)
{
	release_names(rec, r->source.owner);
	release_names(rec, r->destination.owner);
	release_names(rec, r->service);
}

/* PN_FLOW_END_MAX stands for a record whose names found no memory. */
static bool is_there(const struct pn_flow_record *r)
{
	return r->state != PN_FLOW_END_MAX;
}

static void count_gone(struct pn_recent *rec, const struct pn_flow_record *r)
{
	rec->gone_until = PN_MAX(rec->gone_until, r->end);
	rec->n_gone++;
}

/* @r: the oldest one */
static void make_room(struct pn_recent *rec, const struct pn_flow_record *r)
{
	if (!is_there(r))
		return;
	pn_intern_unref(r->policy.by);
	if (pn_recent_begin(rec) < rec->settled)
		release(rec, r);
	count_gone(rec, r);
}

void pn_recent_add(struct pn_recent *rec, const struct pn_flow_record *r)
{
	struct pn_flow_record *slot = &rec->records[rec->at];

	if (!rec->room)
		return;
	if (rec->end >= rec->room)
		make_room(rec, slot);
	*slot = *r;
	(void)pn_intern_ref(slot->policy.by);
	if (r->quote) {
		struct pn_record_quote *q = &rec->quotes[rec->at];

		*q = *r->quote;
		slot->quote = q;
	}
	rec->end++;
	rec->at = rec->at + 1 < rec->room ? rec->at + 1 : 0;
}

/* What a record without its names is: nothing that a filter or a reader could rely on. */
static void forget(struct pn_recent *rec, struct pn_flow_record *r)
{
	release(rec, r);
	pn_intern_unref(r->policy.by);
	count_gone(rec, r);
	*r = (struct pn_flow_record) { .state = PN_FLOW_END_MAX };
}

void pn_recent_settle(struct pn_recent *rec)
{
	uint64_t i = PN_MAX(rec->settled, pn_recent_begin(rec));

	rec->round++;
	for (; i < rec->end; i++) {
		struct pn_flow_record *r = slot_of(rec, i);
		bool source = take_names(rec, &r->source.owner);
		bool destination = take_names(rec, &r->destination.owner);
		bool service = take_names(rec, &r->service);

		if (!source || !destination || !service)
			forget(rec, r);
	}
	rec->settled = rec->end;
	pn_metric_add(PN_METRIC_FLOW_OVERWRITTEN, rec->n_gone);
	rec->n_gone = 0;
}

uint32_t pn_recent_room(const struct pn_recent *rec)
{
	return rec->room;
}

uint64_t pn_recent_begin(const struct pn_recent *rec)
{
	return rec->end > rec->room ? rec->end - rec->room : 0;
}

uint64_t pn_recent_end(const struct pn_recent *rec)
{
	return rec->end;
}

const struct pn_flow_record *pn_recent_at(const struct pn_recent *rec, uint64_t number)
{
	const struct pn_flow_record *r = slot_of(rec, number);

	return is_there(r) ? r : NULL;
}

pn_nsec pn_recent_gone_until(const struct pn_recent *rec)
{
	return rec->gone_until;
}

void pn_recent_free(struct pn_recent *rec)
{
	if (!rec)
		return;
	for (uint64_t i = pn_recent_begin(rec); i < rec->settled; i++)
		release(rec, slot_of(rec, i));
	for (uint64_t i = pn_recent_begin(rec); i < rec->end; i++)
		pn_intern_unref(slot_of(rec, i)->policy.by);
	free(rec->buckets);
	free(rec->quotes);
	free(rec->records);
	free(rec);
}
