/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as fields with tabs between them, for `podonym flows`, which makes tables and lists of
 * them. What words.c writes has neither tabs nor newlines in it.
 */
#include "export/encode_line.h"
#include "export/words.h"

static void put_service(struct pn_words *w, const struct pn_flow_record *r)
{
	if (!r->service)
		return;
	if (w->style->numeric && !r->is_headless) {
		pn_words_address(w, &r->service_addr, r->service_port);
		return;
	}
	pn_words_name(w, r->service->name_space);
	pn_text_char(&w->text, '/');
	pn_words_name(w, r->service->name);
	if (r->is_headless)
		pn_words_put(w, " (headless)");
	else if (r->no_endpoints)
		pn_words_put(w, " (no endpoints)");
}

static void put_attribution(struct pn_words *w, const struct pn_flow_record *r)
{
	pn_words_put(w, pn_attribution_name(r->source.attribution));
	pn_text_char(&w->text, '/');
	pn_words_put(w, pn_attribution_name(r->destination.attribution));
}

static void put_aggregate(struct pn_words *w, const struct pn_record_aggregate *a)
{
	pn_words_put(w, "in a minute: ");
	pn_text_u64(&w->text, a->n_connections);
	pn_words_put(w, " new");
	if (a->many_addresses)
		pn_words_put(w, ", several addresses");
}

static void put_state(struct pn_words *w, const struct pn_flow_record *r)
{
	const char *state = r->aggregate      ? ""
			    : r->is_collapsed ? "several connections"
					      : pn_words_state(r);

	pn_words_put(w, state);
	if (r->aggregate)
		put_aggregate(w, r->aggregate);
	if (r->sampling <= 1)
		return;
	pn_words_put(w, *state || r->aggregate ? " (1 of " : "(1 of ");
	pn_text_u64(&w->text, r->sampling);
	pn_text_char(&w->text, ')');
}

static void put_field(struct pn_words *w, const struct pn_flow_record *r, enum pn_field field)
{
	switch (field) {
	case PN_FIELD_TIME:
		pn_words_time(w, r->end);
		break;
	case PN_FIELD_SOURCE:
		pn_words_end(w, &r->source, "");
		break;
	case PN_FIELD_DESTINATION:
		pn_words_end(w, &r->destination, "");
		break;
	case PN_FIELD_PROTOCOL:
		pn_words_protocol(w, r);
		break;
	case PN_FIELD_BYTES:
		pn_words_bytes(w, r);
		break;
	case PN_FIELD_PACKETS:
		pn_words_packets(w, r);
		break;
	case PN_FIELD_SERVICE:
		put_service(w, r);
		break;
	case PN_FIELD_STATE:
		put_state(w, r);
		break;
	case PN_FIELD_SOURCE_ADDRESS:
		pn_words_address(w, &r->source.addr, 0);
		break;
	case PN_FIELD_DESTINATION_ADDRESS:
		pn_words_address(w, &r->destination.addr, 0);
		break;
	case PN_FIELD_ATTRIBUTION:
		put_attribution(w, r);
		break;
	case PN_FIELD_MAX:
		break;
	}
}

void pn_encode_fields(const struct pn_style *style, const struct pn_flow_record *r,
		      struct pn_text *t)
{
	struct pn_words w = { .text = *t, .style = style };

	for (enum pn_field i = 0; i < PN_FIELD_MAX; i++) {
		if (i)
			pn_text_char(&w.text, '\t');
		put_field(&w, r, i);
	}
	pn_text_char(&w.text, '\n');
	*t = w.text;
}
