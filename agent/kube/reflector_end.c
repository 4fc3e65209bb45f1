/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How answers end, sorted by what follows from it, and the pauses in between: exponential ones of
 * the reflector's own, and those that the server asks for. The latter belong to the request: it is
 * made again as it was, a bounded number of times, and nothing else changes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/metric.h"
#include "kube/reflector_private.h"

enum {
	MAX_REPEATS = 10,
	MAX_RETRY_AFTER_S = 30, /* a server may ask for a longer pause, but not get it */
	RESET_PAUSE_S = 1,
};

static const char *advice(int code)
{
	switch (code) {
	case 401:
		return "; the token is expired or not accepted";
	case 403:
		return "; the agent's ClusterRole must allow list and watch of them";
	case 404:
		return "; is this the address of an API server that has them?";
	default:
		return "";
	}
}

static enum pn_end how_refused(const struct pn_status *st)
{
	if (st->code == 429 || strcmp(st->reason, "TooManyRequests") == 0)
		return PN_END_OVERLOADED;
	if (pn_status_gone(st) || st->too_large)
		return PN_END_EXPIRED;
	if (st->code == 500 || strcmp(st->reason, "InternalError") == 0)
		return PN_END_INTERNAL;
	return PN_END_REFUSED;
}

static void refused(struct pn_ending *ret)
{
	const struct pn_status *st = &ret->status;

	ret->how = how_refused(st);
	(void)snprintf(ret->words, sizeof(ret->words), "%d%s%s%s%s%s", st->code,
		       st->reason[0] ? " " : "", st->reason, st->message[0] ? ": " : "",
		       st->message, advice(st->code));
}

static void put_words(struct pn_ending *ret, int error, const struct pn_err *err)
{
	(void)snprintf(ret->words, sizeof(ret->words), "%s",
		       err && err->text[0] ? err->text : strerror(-error));
}

static enum pn_end how_unread(const struct pn_answer *a)
{
	if (a->is_local || a->error == -ENOMEM)
		return PN_END_LOCAL;
	return a->error == -EPROTO ? PN_END_FOREIGN : PN_END_INTERNAL;
}

static enum pn_end how_absent(int result)
{
	switch (result) {
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ETIMEDOUT:
		return PN_END_ABSENT;
	case -ENOMEM:
		return PN_END_LOCAL;
	default:
		return PN_END_UNREACHED;
	}
}

void pn_reflector_ending(struct pn_reflector *r, int result, const struct pn_err *err,
			 struct pn_ending *ret)
{
	const struct pn_answer *a = &r->answer;

	*ret = (struct pn_ending) { .result = result, .status.retry_after_s = -1 };
	if (a->has_error_event) {
		ret->is_event = true;
		ret->status = a->error_event;
		refused(ret);
	} else if (a->http_status != 0 && a->http_status != 200) {
		pn_status_from_body(a->http_status, r->body.len ? r->body.data : "", r->body.len,
				    &ret->status);
		refused(ret);
	} else if (a->error) {
		ret->how = how_unread(a);
		put_words(ret, a->error, &a->err);
	} else if (a->http_status == 0) {
		ret->result = result ? result : -EPROTO;
		ret->how = how_absent(ret->result);
		put_words(ret, ret->result, err);
	} else if (result < 0) {
		ret->how = PN_END_CUT;
		put_words(ret, result, err);
	}
}

enum pn_phase pn_reflector_cycle(const struct pn_reflector *r)
{
	return r->config.streaming ? PN_PHASE_STREAM : PN_PHASE_LIST;
}

void pn_reflector_note(struct pn_reflector *r, const struct pn_ending *end)
{
	r->n_failures++;
	r->is_absent = r->config.is_optional && end->status.code == 404;
	(void)pn_err_set(&r->last_error, 0, "cannot %s %s: %s",
			 r->phase == PN_PHASE_WATCH ? "watch" : "list", r->config.wire.kind->plural,
			 r->is_absent ? "the server has none" : end->words);
	if (!r->is_absent)
		pn_metric_add(PN_METRIC_KUBE_FAILURES, 1);
}

static pn_nsec server_pause(const struct pn_reflector *r)
{
	int s = r->answer.retry_after_s;

	return s > 0 ? (pn_nsec)PN_MIN(s, MAX_RETRY_AFTER_S) * PN_NSEC_PER_SEC : 0;
}

static bool is_server_absent(const struct pn_reflector *r, const struct pn_ending *end)
{
	return end->how == PN_END_ABSENT || end->how == PN_END_CUT ||
	       end->result == -EHOSTUNREACH ||
	       (r->answer.http_status >= 500 && r->answer.retry_after_s < 0);
}

static void wait_for(struct pn_reflector *r, const struct pn_ending *end, pn_nsec pause)
{
	r->wait_until = pn_reflector_now(r) + pause;
	r->is_server_absent = is_server_absent(r, end);
}

void pn_reflector_pause(struct pn_reflector *r, const struct pn_ending *end, enum pn_phase next)
{
	pn_nsec pause = pn_backoff_next(&r->config.backoff, r->config.clock);

	pn_reflector_note(r, end);
	r->phase = next;
	wait_for(r, end, PN_MAX(pause, server_pause(r)));
}

void pn_reflector_tell(struct pn_reflector *r, const struct pn_ending *end)
{
	r->config.ops->failed(r->config.data, end->status.code, end->status.reason,
			      r->last_error.text);
}

/*
 * Two reasons: the server says when to come again; or it cut the connection of a list before it
 * answered, as one does that stops, in which case the next one behind the address may do.
 */
bool pn_reflector_repeats(struct pn_reflector *r, const struct pn_ending *end)
{
	const struct pn_answer *a = &r->answer;
	bool is_asked_for =
		(a->http_status == 429 || a->http_status >= 500) && a->retry_after_s >= 0;
	bool is_reset = r->phase == PN_PHASE_LIST && !a->http_status && end->result == -ECONNRESET;
	pn_nsec pause = is_reset ? RESET_PAUSE_S * PN_NSEC_PER_SEC : server_pause(r);

	if (end->how == PN_END_EXPIRED || !(is_asked_for || is_reset) ||
	    r->n_repeats == MAX_REPEATS) {
		r->n_repeats = 0;
		return false;
	}
	r->n_repeats++;
	pn_reflector_note(r, end);
	wait_for(r, end, pause ? pause : pn_backoff_next(&r->config.backoff, r->config.clock));
	return true;
}
