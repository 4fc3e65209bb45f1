/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records to what was seen of a flow, and from that to whether it agrees with policies: the part
 * of `podonym policy explain` that asks nobody. Connections of one sort may have fared differently at
 * different times, so it is the newest one that counts.
 */
#include "cmd/policy/seen.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "flow/drop_kind.h"

/* --- taking in ------------------------------------------------------------------------------------ */

static void set(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text);
}

static void name_end(char *to, const struct pn_recorded_end *e)
{
	if (*e->pod)
		(void)snprintf(to, PN_SEEN_KEY, "%s/%s", e->name_space, e->pod);
	else
		set(to, PN_SEEN_KEY, e->address);
}

static void begin(struct pn_seen *s, const struct pn_recorded_flow *f)
{
	bool others = *s->start != '\0';

	*s = (struct pn_seen) {
		.port = f->destination.port,
		.source_port = f->source.port,
		.is_local = *f->source.node && strcmp(f->source.node, f->destination.node) == 0,
		.others = others,
	};
	set(s->id, sizeof(s->id), f->id);
	set(s->start, sizeof(s->start), f->start);
	set(s->transport, sizeof(s->transport), f->transport);
	set(s->src_addr, sizeof(s->src_addr), f->source.address);
	set(s->dst_addr, sizeof(s->dst_addr), f->destination.address);
	name_end(s->src, &f->source);
	name_end(s->dst, &f->destination);
}

static void add_drop(struct pn_seen *s, const struct pn_recorded_drop *d)
{
	struct pn_seen_drop *to = s->drops;

	if (!d->count)
		return;
	while (to < s->drops + s->n_drops &&
	       (strcmp(to->reason, d->reason) != 0 || strcmp(to->location, d->location) != 0 ||
		strcmp(to->kind, d->kind) != 0))
		to++;
	if (to == s->drops + PN_SEEN_DROPS)
		return;
	if (to == s->drops + s->n_drops) {
		s->n_drops++;
		set(to->reason, sizeof(to->reason), d->reason);
		set(to->location, sizeof(to->location), d->location);
		set(to->kind, sizeof(to->kind), d->kind);
	}
	to->count += d->count;
}

void pn_seen_take(struct pn_seen *s, const struct pn_recorded_flow *f)
{
	bool is_same = *s->start && strcmp(f->id, s->id) == 0;

	if (!is_same && strcmp(f->start, s->start) <= 0) {
		s->others = true;
		return;
	}
	if (!is_same)
		begin(s, f);
	set(s->end, sizeof(s->end), f->end);
	set(s->state, sizeof(s->state), f->state);
	s->packets += f->source.packets;
	s->answers += f->destination.packets;
	s->delivered += f->source.delivered;
	s->has_syn = strstr(f->source.tcp_flags, "SYN");
	s->has_answer_syn = strstr(f->destination.tcp_flags, "SYN");
	s->is_refused = strcmp(f->state, "refused") == 0;
	s->is_late = s->is_late || f->is_late;
	add_drop(s, &f->drop);
}

static bool is_from(const struct pn_seen *s, const struct pn_recorded_flow *d)
{
	return strcmp(d->source.address, s->src_addr) == 0 &&
	       strcmp(d->destination.address, s->dst_addr) == 0 &&
	       d->source.port == s->source_port && d->destination.port == s->port;
}

void pn_seen_take_drop(struct pn_seen *s, const struct pn_recorded_flow *drop)
{
	if (strcmp(drop->transport, s->transport) == 0 && is_from(s, drop))
		add_drop(s, &drop->drop);
}

/* --- what it amounts to --------------------------------------------------------------------------- */

static enum pn_seen_what what_drop_means(const char *kind)
{
	for (unsigned int k = 0; k <= PN_DROP_OVS; k++)
		if (strcmp(kind, pn_drop_kind_name((enum pn_drop_kind)k)) == 0)
			return k == PN_DROP_REJECTED ? PN_SEEN_REJECTED : PN_SEEN_DROPPED;
	return strcmp(kind, pn_drop_kind_name(PN_DROP_NO_LISTENER)) == 0 ? PN_SEEN_NO_LISTENER
									 : PN_SEEN_LOST;
}

/* The reason that says most, of several; PN_SEEN_NOTHING: none was dropped. */
static enum pn_seen_what what_was_dropped(const struct pn_seen *s)
{
	enum pn_seen_what what = PN_SEEN_NOTHING;

	for (unsigned int i = 0; i < s->n_drops; i++) {
		enum pn_seen_what w = what_drop_means(s->drops[i].kind);

		what = what == PN_SEEN_NOTHING ? w : PN_MIN(what, w);
	}
	return what;
}

static bool is_answered(const struct pn_seen *s)
{
	return s->has_syn ? s->has_answer_syn : s->packets && s->answers && !s->is_refused;
}

enum pn_seen_what pn_seen_what(const struct pn_seen *s)
{
	enum pn_seen_what dropped = what_was_dropped(s);

	if (is_answered(s))
		return PN_SEEN_THROUGH;
	if (dropped != PN_SEEN_NOTHING)
		return dropped;
	if (s->is_refused)
		return s->delivered ? PN_SEEN_NO_LISTENER : PN_SEEN_RESET;
	if (s->delivered)
		return PN_SEEN_DELIVERED;
	if (s->packets && s->is_local)
		return PN_SEEN_UNDELIVERED;
	return s->packets ? PN_SEEN_UNANSWERED : PN_SEEN_NOTHING;
}

static const char *const names[] = { "nothing",	    "through",	   "delivered", "dropped",
				     "rejected",    "no-listener", "reset",	"lost",
				     "undelivered", "unanswered" };
_Static_assert(PN_ARRAY_SIZE(names) == PN_SEEN_WHAT_MAX, "a name for each");

const char *pn_seen_name(enum pn_seen_what what)
{
	return names[what];
}

/* --- whether it agrees ---------------------------------------------------------------------------- */

struct judgement {
	enum pn_agreement agreement;
	const char *words;
};

static const char not_enforced[] =
	"not enforced: a network plugin without policies, one that reads "
	"them another way (see below), or rules that are not there yet";
static const char something_else[] = "no policy that was read denies it: policies of the plugin's "
				     "own, stale rules, a host firewall";

static const struct judgement of_denied[] = {
	[PN_SEEN_NOTHING] = { PN_UNDECIDED, "no record of it is kept on this node" },
	[PN_SEEN_THROUGH] = { PN_DISAGREES, not_enforced },
	[PN_SEEN_DELIVERED] = { PN_DISAGREES, not_enforced },
	[PN_SEEN_DROPPED] = { PN_AGREES, "" },
	[PN_SEEN_REJECTED] = { PN_AGREES, "" },
	[PN_SEEN_NO_LISTENER] = { PN_DISAGREES, not_enforced },
	[PN_SEEN_RESET] = { PN_UNDECIDED, "a rule has rejected it, or nobody listens there" },
	[PN_SEEN_LOST] = { PN_UNDECIDED, "dropped, but not as policies are enforced" },
	[PN_SEEN_UNDELIVERED] = { PN_AGREES, "sent and not delivered" },
	[PN_SEEN_UNANSWERED] = { PN_AGREES,
				 "no answer; where it was dropped this node does not see" },
};
_Static_assert(PN_ARRAY_SIZE(of_denied) == PN_SEEN_WHAT_MAX, "a row for each");

static const struct judgement of_allowed[] = {
	[PN_SEEN_NOTHING] = { PN_UNDECIDED, "no record of it is kept on this node" },
	[PN_SEEN_THROUGH] = { PN_AGREES, "" },
	[PN_SEEN_DELIVERED] = { PN_AGREES, "delivered; the destination has not answered" },
	[PN_SEEN_DROPPED] = { PN_DISAGREES, something_else },
	[PN_SEEN_REJECTED] = { PN_DISAGREES, something_else },
	[PN_SEEN_NO_LISTENER] = { PN_AGREES, "it is not policy: nobody listens there" },
	[PN_SEEN_RESET] = { PN_UNDECIDED, "nobody listens there, or a rule has rejected it" },
	[PN_SEEN_LOST] = { PN_AGREES, "it is not policy: dropped for another reason" },
	[PN_SEEN_UNDELIVERED] = { PN_UNDECIDED, "sent and not delivered, and no drop was seen" },
	[PN_SEEN_UNANSWERED] = { PN_UNDECIDED,
				 "not proven policy: another node, another layer, or a "
				 "dead peer" },
};
_Static_assert(PN_ARRAY_SIZE(of_allowed) == PN_SEEN_WHAT_MAX, "a row for each");

enum pn_agreement pn_seen_agreement(const struct pn_seen *s, bool allow, const char **ret_words)
{
	const struct judgement *j = &(allow ? of_allowed : of_denied)[pn_seen_what(s)];

	*ret_words = j->words;
	if (j->agreement != PN_DISAGREES || !s->is_late)
		return j->agreement;
	*ret_words = "policies changed when the connection began";
	return PN_UNDECIDED;
}
