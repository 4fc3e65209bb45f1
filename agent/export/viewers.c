/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients that read records, each in its own view. The flow thread gives each record once; it is
 * matched for each client that follows, and encoded when one wants it. Clients of one style stand
 * next to each other and share the line.
 *
 * A client's records wait in the bounded queue of its sink. What the queue does not take is counted
 * there, and the client is told how many it misses as soon as it reads again.
 */
#include "export/viewers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <utlist.h>

#include "base/metric.h"

enum {
	BATCH_BYTES = 16 << 10,
	BATCH_MAX_BYTES = 256 << 10, /* one more record always fits */
	SHORTEST_PAUSE_MS = 2,
	LONGEST_PAUSE_MS = 128,
};

struct viewer {
	struct viewer *next;
	struct pn_sink *sink;
	struct pn_view view;
	struct pn_buf lines; /* not handed on yet */
	uint64_t n_dropped;  /* of which it has been told */
};

struct pn_viewers {
	const struct pn_clock *clock;
	struct viewer *list;
	struct pn_buf line; /* of the record at hand, in @style */
	struct pn_style style;
	size_t n;
	unsigned int pause_ms;
};

int pn_viewers_new(const struct pn_clock *clock, struct pn_viewers **ret)
{
	struct pn_viewers *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->clock = clock;
	v->line = PN_BUF_INIT(BATCH_MAX_BYTES);
	*ret = v;
	return 0;
}

static void free_viewer(struct viewer *w)
{
	pn_sink_close(w->sink);
	pn_filter_free(w->view.filter);
	pn_buf_done(&w->lines);
	free(w);
}

static void drop(struct pn_viewers *v, struct viewer *w)
{
	LL_DELETE(v->list, w);
	v->n--;
	free_viewer(w);
}

void pn_viewers_free(struct pn_viewers *v)
{
	if (!v)
		return;
	(void)pn_viewers_flush(v);
	while (v->list)
		drop(v, v->list);
	pn_buf_done(&v->line);
	free(v);
}

/* --- writing --------------------------------------------------------------------------------------- */

static void hand_on(struct viewer *w)
{
	if (w->lines.len)
		(void)pn_sink_write(w->sink, w->lines.data, w->lines.len);
	pn_buf_reset(&w->lines);
}

static void put_line(struct viewer *w, const struct pn_buf *line)
{
	if (pn_buf_put(&w->lines, line->data, line->len) < 0)
		pn_metric_add(PN_METRIC_EXPORT_DROPPED, 1);
	if (w->lines.len >= BATCH_BYTES)
		hand_on(w);
}

/* @text has nothing that JSON would escape. */
static void put_note(struct viewer *w, const char *kind, const char *text)
{
	(void)pn_buf_printf(&w->lines, "{\"%s\": \"%s\"}\n", kind, text);
}

static void set_now(struct pn_viewers *v, struct pn_style *style)
{
	if (style->time == PN_TIME_RELATIVE)
		style->now = pn_clock_realtime(v->clock);
}

/* v->line is the record's in the client's style. Return: false: it could not be encoded */
static bool encode_for(struct pn_viewers *v, struct viewer *w, const struct pn_flow_record *r)
{
	pn_buf_reset(&v->line);
	set_now(v, &w->view.style);
	v->style = w->view.style;
	if (pn_encode_styled(&v->style, r, &v->line) == 0)
		return true;
	pn_buf_reset(&v->line);
	pn_metric_add(PN_METRIC_EXPORT_DROPPED, 1);
	return false;
}

static bool is_same_style(const struct pn_style *a, const struct pn_style *b)
{
	return a->format == b->format && a->time == b->time && a->numeric == b->numeric;
}

void pn_viewers_record(struct pn_viewers *v, const struct pn_flow_record *r)
{
	bool is_encoded = false;
	struct viewer *w;

	LL_FOREACH (v->list, w) {
		if (!w->view.follow || !pn_filter_match(w->view.filter, r))
			continue;
		if (!is_encoded || !is_same_style(&v->style, &w->view.style))
			is_encoded = encode_for(v, w, r);
		if (is_encoded)
			put_line(w, &v->line);
	}
}

/* --- what has been --------------------------------------------------------------------------------- */

static bool is_wanted(const struct viewer *w, const struct pn_flow_record *r)
{
	return r && r->end >= w->view.since && r->end <= w->view.until &&
	       pn_filter_match(w->view.filter, r);
}

/* Return: the number of the oldest record to look at; @ret_enough: older ones do not matter */
static uint64_t find_start(const struct pn_recent *recent, const struct viewer *w, bool *ret_enough)
{
	uint64_t begin = pn_recent_begin(recent), i = pn_recent_end(recent);
	uint32_t n = 0;

	*ret_enough = false;
	if (w->view.past != PN_PAST_LAST)
		return begin;
	while (i > begin && n < w->view.n)
		n += is_wanted(w, pn_recent_at(recent, --i));
	*ret_enough = n == w->view.n;
	return i;
}

static void say_what_is_gone(const struct pn_recent *recent, struct viewer *w)
{
	pn_nsec gone_until = pn_recent_gone_until(recent);
	char text[128];

	if (!pn_recent_room(recent)) {
		put_note(w, "note", "this agent keeps no records: it was started with --recent 0");
		return;
	}
	if (!gone_until || gone_until < w->view.since)
		return;
	(void)snprintf(text, sizeof(text), "older records are gone: the agent keeps the last %u",
		       pn_recent_room(recent));
	put_note(w, "note", text);
}

static void replay(struct pn_viewers *v, struct viewer *w, const struct pn_recent *recent)
{
	uint64_t end = pn_recent_end(recent), i;
	uint32_t n = 0;
	bool enough;

	i = find_start(recent, w, &enough);
	if (!enough)
		say_what_is_gone(recent, w);
	for (; i < end && (w->view.past != PN_PAST_FIRST || n < w->view.n); i++) {
		const struct pn_flow_record *r = pn_recent_at(recent, i);

		if (!is_wanted(w, r))
			continue;
		n++;
		if (encode_for(v, w, r))
			put_line(w, &v->line);
	}
}

/* --- coming and going ------------------------------------------------------------------------------ */

/* Next to one of the same style, if there is one. */
static void insert(struct pn_viewers *v, struct viewer *w)
{
	struct viewer *at;

	LL_FOREACH (v->list, at) {
		if (is_same_style(&at->view.style, &w->view.style))
			break;
	}
	if (at)
		LL_APPEND_ELEM(v->list, at, w);
	else
		LL_APPEND(v->list, w);
	v->n++;
}

static int refuse(struct viewer *w, const char *why)
{
	put_note(w, "error", why);
	hand_on(w);
	free_viewer(w);
	return -EBUSY;
}

int pn_viewers_add(struct pn_viewers *v, struct pn_sink *sink, const struct pn_view *view,
		   const struct pn_recent *recent)
{
	struct viewer *w = calloc(1, sizeof(*w));

	if (!w) {
		pn_sink_close(sink);
		pn_filter_free(view->filter);
		return -ENOMEM;
	}
	w->sink = sink;
	w->view = *view;
	w->lines = PN_BUF_INIT(BATCH_MAX_BYTES);
	if (v->n == PN_VIEWERS_MAX)
		return refuse(w, "too many clients read records already, try again later");
	insert(v, w);
	if (view->past != PN_PAST_NONE)
		replay(v, w, recent);
	return 0;
}

static void say_what_is_missing(struct viewer *w)
{
	uint64_t n = pn_sink_dropped(w->sink) - w->n_dropped;
	char text[128];

	if (!n || pn_sink_is_waiting(w->sink))
		return;
	w->n_dropped += n;
	(void)snprintf(text, sizeof(text),
		       "%" PRIu64 " records are missing here: they came faster than they were read",
		       n);
	put_note(w, "note", text);
	hand_on(w);
}

/* Return: is it done with? */
static bool flush(struct viewer *w)
{
	hand_on(w);
	if (pn_sink_flush(w->sink) < 0)
		return true;
	say_what_is_missing(w);
	return !w->view.follow && !pn_sink_is_waiting(w->sink);
}

unsigned int pn_viewers_flush(struct pn_viewers *v)
{
	bool is_waiting = false, is_reading = false;
	struct viewer *w, *next;

	LL_FOREACH_SAFE (v->list, w, next) {
		uint64_t n_sent = pn_sink_sent(w->sink);

		if (flush(w)) {
			drop(v, w);
			continue;
		}
		is_waiting = is_waiting || pn_sink_is_waiting(w->sink);
		is_reading = is_reading || pn_sink_sent(w->sink) > n_sent;
	}
	v->pause_ms = is_reading || !v->pause_ms
			      ? (unsigned int)SHORTEST_PAUSE_MS
			      : PN_MIN(v->pause_ms * 2, (unsigned int)LONGEST_PAUSE_MS);
	if (!is_waiting)
		v->pause_ms = 0;
	return v->pause_ms;
}
