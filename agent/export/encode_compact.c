/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as a line for a person:
 *
 *   12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 12 kB/3 kB 18/14 packets (service shop/db)
 *
 * The time is that of the last packet; counts are what the opener sent, then what it got. An
 * end that is no pod says first what it is: node/NODE, node/NODE/PROCESS, service/NAMESPACE/SERVICE,
 * network/NAME. A question mark behind a name: it is stale. An address stands where there is no
 * name, and behind the name of a network. A state is said only when the connection is over; an ICMP
 * error says what it is about; what the full table had no room for stands together, without ports,
 * as "several connections". A policy is named when it denies the connection, or when the kernel did
 * not do what policies say. Packets that the node
 * has thrown away are said last; in a line of drops alone they stand in the place of the counts:
 *
 *   12:03:04.512 shop/web-7d9:43210 -> shop/db-0:5432 TCP 3x dropped by netfilter (policy-like): NETFILTER_DROP in nft_do_chain
 */
#include <string.h>

#include "export/encode_line.h"
#include "export/words.h"

static void put_quote(struct pn_words *w, const struct pn_record_quote *q)
{
	pn_words_put(w, " (about ");
	pn_words_transport(w, q->proto);
	pn_text_char(&w->text, ' ');
	pn_words_address(w, &q->source, q->source_port);
	pn_words_put(w, " -> ");
	pn_words_address(w, &q->destination, q->destination_port);
	pn_text_char(&w->text, ')');
}

static void put_called(struct pn_words *w, const struct pn_flow_record *r)
{
	if (w->style->numeric && !r->is_headless) {
		pn_words_address(w, &r->service_addr, r->service_port);
		return;
	}
	pn_words_name(w, r->service->name_space);
	pn_text_char(&w->text, '/');
	pn_words_name(w, r->service->name);
}

/* Where the destination is the Service itself, it has been named already. */
static void put_service(struct pn_words *w, const struct pn_flow_record *r)
{
	if (r->no_endpoints)
		pn_words_put(w, " (no endpoints)");
	if (!r->service || r->service == r->destination.owner)
		return;
	pn_words_put(w, r->is_headless ? " (headless service " : " (service ");
	pn_words_color(w, PN_YELLOW);
	put_called(w, r);
	pn_words_uncolor(w);
	pn_text_char(&w->text, ')');
}

/* What the history has of a pair */
static void put_aggregate(struct pn_words *w, const struct pn_record_aggregate *a)
{
	pn_words_put(w, " (in a minute: ");
	pn_text_u64(&w->text, a->n_connections);
	pn_words_put(w, a->n_connections == 1 ? " new connection, " : " new connections, ");
	pn_text_u64(&w->text, a->n_records);
	pn_words_put(w, a->n_records == 1 ? " record" : " records");
	if (a->many_addresses)
		pn_words_put(w, ", several addresses");
	pn_text_char(&w->text, ')');
}

/* The connection stands for others. */
static void put_sampling(struct pn_words *w, const struct pn_flow_record *r)
{
	if (r->sampling <= 1)
		return;
	pn_words_put(w, " (1 of ");
	pn_text_u64(&w->text, r->sampling);
	pn_text_char(&w->text, ')');
}

static void put_state(struct pn_words *w, const struct pn_flow_record *r)
{
	const char *state = pn_words_state(r);

	if (!*state)
		return;
	pn_text_char(&w->text, ' ');
	pn_words_put(w, state);
}

/* "3x dropped by netfilter (policy-like): NETFILTER_DROP in nft_do_chain" */
static void put_drop(struct pn_words *w, const struct pn_record_drop *d)
{
	pn_text_u64(&w->text, d->packets);
	pn_words_put(w, "x ");
	pn_words_color(w, PN_RED);
	pn_words_put(w, pn_drop_kind_words(d->kind));
	pn_words_uncolor(w);
	pn_words_put(w, ": ");
	pn_words_name(w, d->reason);
	pn_words_put(w, *d->reason ? " in " : "in ");
	pn_words_name(w, d->location);
}

/* Only what somebody should look at: " (denied by shop/db-from-api)" */
static void put_policy(struct pn_words *w, const struct pn_flow_record *r)
{
	const struct pn_record_policy *p = &r->policy;
	bool is_denied = p->expected == PN_EXPECTED_DENIED;

	if (!is_denied && !r->disagrees)
		return;
	pn_words_put(w, " (");
	pn_words_color(w, r->disagrees ? PN_RED : PN_YELLOW);
	pn_words_put(w, is_denied ? "denied" : "allowed");
	if (p->by) {
		pn_words_put(w, " by ");
		pn_words_name(w, strchr(p->by, '/') + 1);
	} else {
		pn_words_put(w, " by policies");
	}
	if (r->disagrees)
		pn_words_put(w, is_denied ? ", but went through" : ", but dropped");
	pn_words_uncolor(w);
	pn_text_char(&w->text, ')');
}

static void put_all_counts(struct pn_words *w, const struct pn_flow_record *r)
{
	pn_words_bytes(w, r);
	pn_text_char(&w->text, ' ');
	pn_words_packets(w, r);
	pn_words_put(w, " packets");
	put_sampling(w, r);
	put_service(w, r);
	if (r->is_collapsed)
		pn_words_put(w, " (several connections)");
	if (r->quote)
		put_quote(w, r->quote);
	if (r->aggregate)
		put_aggregate(w, r->aggregate);
	else
		put_state(w, r);
	put_policy(w, r);
	if (!r->drop.packets)
		return;
	pn_words_put(w, ", ");
	put_drop(w, &r->drop);
}

void pn_encode_compact(const struct pn_style *style, const struct pn_flow_record *r,
		       struct pn_text *t)
{
	struct pn_words w = {
		.text = *t,
		.style = style,
		.color = style->format == PN_FORMAT_COLOR,
	};

	pn_words_time(&w, r->end);
	pn_text_char(&w.text, ' ');
	pn_words_end(&w, &r->source, PN_CYAN);
	pn_words_put(&w, " -> ");
	pn_words_end(&w, &r->destination, PN_GREEN);
	pn_text_char(&w.text, ' ');
	pn_words_protocol(&w, r);
	pn_text_char(&w.text, ' ');
	if (r->is_drop)
		put_drop(&w, &r->drop);
	else
		put_all_counts(&w, r);
	pn_text_char(&w.text, '\n');
	*t = w.text;
}
