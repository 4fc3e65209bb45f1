/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The changes, and where a watch goes on. A watch that ends says nothing about the version it ended
 * at: it is opened again from there, and a list comes only when the server says that something is
 * wrong. Versions are opaque, the last one counts.
 */
#include <errno.h>
#include <string.h>

#include "kube/reflector_private.h"

/* A watch that ends sooner, without an event, is a server in trouble. */
static const pn_nsec short_watch = PN_NSEC_PER_SEC;
/* What a watch had to make up for has come by then. */
static const pn_nsec catch_up = PN_NSEC_PER_SEC;
/* Without an internal error for so long, the next one is the first one again. */
static const pn_nsec internal_reset = 60 * PN_NSEC_PER_SEC;
/* Watches that break with one are not opened more often. */
static const pn_nsec internal_spacing = 100 * PN_NSEC_PER_MSEC;

/* --- what the body says --- */

/* What an op of the caller's returned. */
static int local(struct pn_reflector *r, int e)
{
	r->answer.is_local = e < 0;
	return e;
}

static int take_item(void *data, const struct pn_object *obj)
{
	struct pn_reflector *r = data;

	return local(r, r->config.ops->list_item(r->config.data, obj));
}

/*
 * A watch from no version or version 0 begins with the objects there are, in no order of versions;
 * until the first other event none of them says where the watch stands.
 */
static void advance(struct pn_reflector *r, const char *rv, bool is_added)
{
	size_t len = strlen(rv);

	if (len == 0 || len >= sizeof(r->rv))
		return;
	if (is_added && (!r->rv[0] || strcmp(r->rv, "0") == 0))
		return;
	memcpy(r->rv, rv, len + 1);
}

static int take_initial(struct pn_reflector *r, enum pn_event event, const struct pn_object *obj)
{
	const struct pn_reflector_ops *ops = r->config.ops;

	return local(r, event == PN_EVENT_DELETED ? ops->list_remove(r->config.data, obj)
						  : ops->list_item(r->config.data, obj));
}

static int take_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	struct pn_reflector *r = data;
	int e;

	r->n_events++;
	if (r->phase == PN_PHASE_STREAM) {
		r->answer.has_event = true;
		return take_initial(r, event, obj);
	}
	e = local(r, r->config.ops->event(r->config.data, event, obj));
	if (e < 0)
		return e;
	r->answer.has_event = true;
	advance(r, obj->resource_version, event == PN_EVENT_ADDED);
	return 0;
}

/* From here on the stream is a watch like any other, and as young. */
static void end_stream(struct pn_reflector *r, const char *rv)
{
	r->answer.has_event = false;
	r->answer.since = r->answer.open_since = pn_reflector_now(r);
	r->n_failures = 0;
	r->last_error.text[0] = '\0';
	pn_reflector_complete_list(r, rv);
}

static int take_bookmark(void *data, const char *resource_version, bool is_initial_end)
{
	struct pn_reflector *r = data;

	r->n_events++;
	r->answer.has_event = true;
	if (r->phase == PN_PHASE_WATCH)
		advance(r, resource_version, false);
	else if (is_initial_end)
		end_stream(r, resource_version);
	return 0;
}

static int take_error_event(void *data, const struct pn_status *status)
{
	struct pn_reflector *r = data;

	r->answer.has_error_event = true;
	r->answer.error_event = *status;
	return -ECANCELED;
}

static void take_refused(void *data, const struct pn_err *why)
{
	struct pn_reflector *r = data;

	r->n_refused++;
	r->config.ops->refused(r->config.data, why);
}

const struct pn_wire_ops pn_reflector_wire_ops = {
	.item = take_item,
	.event = take_event,
	.bookmark = take_bookmark,
	.error = take_error_event,
	.refused = take_refused,
};

/* --- how watches end --- */

bool pn_reflector_is_current(const struct pn_reflector *r)
{
	const struct pn_answer *a = &r->answer;

	return r->phase == PN_PHASE_WATCH && a->http_status == 200 && !a->error &&
	       pn_reflector_now(r) - a->open_since >= catch_up;
}

bool pn_reflector_was_short(const struct pn_reflector *r)
{
	return !r->answer.has_event && pn_reflector_now(r) - r->answer.since < short_watch;
}

/* Cleanly or cut in the middle: both happen every day. */
static void watch_closed(struct pn_reflector *r)
{
	static const struct pn_ending too_soon = {
		.how = PN_END_COMPLETE,
		.words = "the server ended the watch at once and without an event",
	};

	if (!pn_reflector_was_short(r))
		return;
	r->n_short_watches++;
	pn_reflector_pause(r, &too_soon, pn_reflector_cycle(r));
}

/* Return: true if the watch is opened again without a list, which the configuration may allow */
static bool retries_internal(struct pn_reflector *r, const struct pn_ending *end)
{
	pn_nsec t = pn_reflector_now(r);

	if (!r->config.internal_error_retry)
		return false;
	if (!r->internal_since || t - r->internal_last >= internal_reset)
		r->internal_since = t;
	r->internal_last = t;
	if (t - r->internal_since > r->config.internal_error_retry)
		return false;
	pn_reflector_note(r, end);
	r->wait_until = r->answer.asked_at + internal_spacing;
	r->is_server_absent = false;
	return true;
}

/* An answer that was a watch went wrong: the next list will tell, nobody needs to hear of it. */
static void watch_broken(struct pn_reflector *r, const struct pn_ending *end)
{
	if (end->how == PN_END_INTERNAL && retries_internal(r, end))
		return;
	pn_reflector_pause(r, end, pn_reflector_cycle(r));
}

static void watch_refused(struct pn_reflector *r, const struct pn_ending *end, enum pn_phase next)
{
	pn_reflector_pause(r, end, next);
	pn_reflector_tell(r, end);
}

void pn_reflector_watch_done(struct pn_reflector *r, int result, const struct pn_err *err)
{
	bool was_opened = r->answer.http_status == 200;
	struct pn_ending end;

	/* A server that has gone without a word may have done so long ago. */
	if (pn_reflector_is_current(r))
		r->current = result == -ETIMEDOUT ? r->last_contact : pn_reflector_now(r);
	pn_reflector_ending(r, result, err, &end);
	if (r->answer.has_event)
		r->n_resumes = 0;
	if (pn_reflector_repeats(r, &end))
		return;
	if (r->n_resumes && pn_reflector_resume_ended(r, &end))
		return;
	switch (end.how) {
	case PN_END_COMPLETE:
	case PN_END_CUT:
		watch_closed(r);
		break;
	case PN_END_OVERLOADED:
	case PN_END_ABSENT:
	case PN_END_LOCAL:
		pn_reflector_pause(r, &end, PN_PHASE_WATCH);
		break;
	case PN_END_UNREACHED:
		/* That says nothing about the version, so no list. */
		watch_refused(r, &end, PN_PHASE_WATCH);
		break;
	case PN_END_EXPIRED:
	case PN_END_INTERNAL:
	case PN_END_REFUSED:
		if (was_opened)
			watch_broken(r, &end);
		else
			watch_refused(r, &end, pn_reflector_cycle(r));
		break;
	case PN_END_FOREIGN:
		watch_refused(r, &end, pn_reflector_cycle(r));
		break;
	}
}
