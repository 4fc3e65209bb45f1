/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first state of a cycle. Plain lists come in pages, and each list that is asked for because
 * the one before was refused asks for less: without pages, without a version. A streaming list
 * falls back to a plain one for this cycle when the server does not have it, or does not get on
 * with it.
 */
#include <errno.h>
#include <string.h>

#include "base/metric.h"
#include "kube/reflector_private.h"

/* Streaming lists in a row that may end before their end mark. */
enum { MAX_EARLY = 5 };

int pn_reflector_begin_list(struct pn_reflector *r)
{
	int e;

	if (r->list.is_begun)
		return 0;
	e = r->config.ops->list_begin(r->config.data);
	if (e < 0)
		return e;
	r->list.is_begun = true;
	r->list.begun_at = pn_reflector_now(r);
	r->n_lists++;
	pn_metric_add(PN_METRIC_KUBE_LISTS, 1);
	return 0;
}

static void forget_items(struct pn_reflector *r)
{
	if (r->list.is_begun)
		r->config.ops->list_drop(r->config.data);
	r->list.is_begun = false;
	r->list.token[0] = '\0';
}

void pn_reflector_drop_list(struct pn_reflector *r)
{
	forget_items(r);
	r->list = (struct pn_listing) { 0 };
}

void pn_reflector_complete_list(struct pn_reflector *r, const char *rv)
{
	memmove(r->rv, rv, strlen(rv) + 1);
	r->is_rv_unusable = false;
	r->list_time = pn_reflector_now(r) - r->list.begun_at;
	r->current = r->list.begun_at;
	r->list = (struct pn_listing) { 0 };
	r->n_early = 0;
	r->internal_since = r->internal_last = 0;
	r->phase = PN_PHASE_WATCH;
	r->config.ops->list_end(r->config.data);
}

/* --- plain lists --- */

static void complete_page(struct pn_reflector *r)
{
	const char *token = pn_wire_continue(r->wire);
	const char *rv = pn_wire_resource_version(r->wire);

	if (!r->list.token[0])
		memcpy(r->list.rv, rv, strlen(rv) + 1);
	if (token[0]) {
		r->list.has_pages = true;
		memcpy(r->list.token, token, strlen(token) + 1);
		return;
	}
	if (r->list.is_from_zero && r->list.has_pages)
		r->has_pages = true;
	pn_reflector_complete_list(r, r->list.rv);
}

/* The version or the token is of no use. Return: false if there is nothing less to ask for */
static bool ask_for_less(struct pn_reflector *r)
{
	bool was_page = r->list.token[0];

	if (!was_page && !pn_reflector_list_version(r)[0])
		return false;
	forget_items(r);
	r->list.is_whole = was_page;
	r->list.has_pages = was_page;
	if (!was_page)
		r->is_rv_unusable = true;
	return true;
}

/* A token that leads to its own page again would be followed for ever. */
static int end_page(struct pn_reflector *r, struct pn_err *reterr)
{
	int e = pn_wire_end(r->wire, reterr);
	const char *token = pn_wire_continue(r->wire);

	if (e == 0 && token[0] && strcmp(token, r->list.token) == 0)
		e = pn_err_set(reterr, -EBADMSG, "a page of the list that leads to itself");
	return e;
}

void pn_reflector_list_done(struct pn_reflector *r, int result, const struct pn_err *err)
{
	struct pn_answer *a = &r->answer;
	struct pn_ending end;

	if (result == 0 && a->http_status == 200 && a->error == 0)
		a->error = end_page(r, &a->err);
	pn_reflector_ending(r, result, err, &end);
	if (pn_reflector_repeats(r, &end))
		return;
	if (end.how == PN_END_COMPLETE) {
		complete_page(r);
		return;
	}
	if (end.how == PN_END_EXPIRED && ask_for_less(r))
		return;
	pn_reflector_drop_list(r);
	pn_reflector_pause(r, &end, pn_reflector_cycle(r));
	if (a->error != -ECANCELED)
		pn_reflector_tell(r, &end);
}

/* --- streaming lists --- */

static void list_plainly(struct pn_reflector *r)
{
	r->n_early = 0;
	r->phase = PN_PHASE_LIST;
}

/* Over without the end mark. A server that had begun well gets another chance, at once. */
static void stream_closed(struct pn_reflector *r)
{
	static const struct pn_ending early = {
		.how = PN_END_CUT,
		.words = "the server ended the streaming list before it was complete",
	};

	if (pn_reflector_was_short(r)) {
		r->n_short_watches++;
		list_plainly(r);
		return;
	}
	pn_reflector_note(r, &early);
	if (++r->n_early == MAX_EARLY)
		list_plainly(r);
}

/* One more at once, without a version; there is nothing less to ask for. */
static void stream_expired(struct pn_reflector *r)
{
	if (r->is_rv_unusable)
		list_plainly(r);
	r->is_rv_unusable = true;
}

void pn_reflector_stream_done(struct pn_reflector *r, int result, const struct pn_err *err)
{
	struct pn_ending end;

	pn_reflector_drop_list(r);
	pn_reflector_ending(r, result, err, &end);
	if (pn_reflector_repeats(r, &end))
		return;
	switch (end.how) {
	case PN_END_COMPLETE:
	case PN_END_CUT:
		stream_closed(r);
		break;
	case PN_END_EXPIRED:
		stream_expired(r);
		break;
	case PN_END_OVERLOADED:
	case PN_END_ABSENT:
		pn_reflector_pause(r, &end, PN_PHASE_STREAM);
		break;
	case PN_END_LOCAL:
		pn_reflector_pause(r, &end, PN_PHASE_STREAM);
		if (r->answer.error != -ECANCELED)
			pn_reflector_tell(r, &end);
		break;
	case PN_END_INTERNAL:
	case PN_END_REFUSED:
	case PN_END_FOREIGN:
	case PN_END_UNREACHED:
		list_plainly(r);
		break;
	}
}
