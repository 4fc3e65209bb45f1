/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients that read records, each in its own view. The flow thread gives each record once; it is
 * matched for each client that follows, and encoded when one wants it. Clients of one style stand
 * next to each other and share the line.
 *
 * A client's records wait in the bounded queue of its sink. What the queue does not take is counted
 * there, and the client is told how many it misses as soon as it reads again. Where there are as many as
 * there may be, the one that has read nothing for longest gives way to a new one: it gets no more than a
 * last word, if it ever reads it.
 *
 * Who wants more of the past than the ring has gets it from the history first. The sink is lent to it
 * so long, and what the ring has, and what comes, is held. No record stands in both: the history tells
 * what earlier agents have recorded, and of this one whole minutes up to the first from which on the
 * ring has everything.
 */
#include "export/viewers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "base/metric.h"

enum {
	BATCH_BYTES = 16 << 10,
	BATCH_MAX_BYTES = 256 << 10, /* one more record always fits */
	HELD_MAX_BYTES =
		4 << 20, /* while the history tells, and PAST_BYTES for each record of the ring */
	PAST_BYTES = 1 << 10,
	SHORTEST_PAUSE_MS = 2,
	LONGEST_ASKING_MS = 16,
	LONGEST_PAUSE_MS = 128,
};

/* How long a client waits for a history that does not take the question. */
#define ASKING_TIME (5 * PN_NSEC_PER_SEC)

/* Who reads nothing for so long may have to give way, and then has so long for the last word. */
#define DEAF_TIME (10 * PN_NSEC_PER_SEC)
#define LEAVING_TIME (30 * PN_NSEC_PER_SEC)

#define MINUTE (60 * PN_NSEC_PER_SEC)

/*
 * @recent: what is kept, until it has been told
 * @asked, @query: what the history is asked, which has the sink until it has answered
 * @is_early: it has not been asked yet, since @since; so nothing has been told
 * @was_reading: when it last took something, or had nothing to take
 * @is_leaving: it has given way, since @since, and is not among those that are counted
 */
struct viewer {
	struct viewer *next;
	struct pn_sink *sink;
	struct pn_view view;
	const struct pn_recent *recent;
	struct pn_buf lines; /* not handed on yet */
	uint64_t n_dropped;  /* of which it has been told */
	uint64_t n_unheld;   /* lines that there was no room for */
	struct pn_view asked;
	struct pn_history_query *query;
	bool is_early, is_leaving;
	pn_nsec since, was_reading;
};

struct pn_viewers {
	const struct pn_clock *clock;
	struct pn_history *history;
	pn_nsec begun; /* CLOCK_REALTIME */
	struct viewer *list;
	struct pn_buf line; /* of the record at hand, in @style */
	struct pn_style style;
	size_t n, n_leaving;
	unsigned int pause_ms;
};

int pn_viewers_new(const struct pn_clock *clock, struct pn_history *history,
		   struct pn_viewers **ret)
{
	struct pn_viewers *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->clock = clock;
	v->history = history;
	v->begun = pn_clock_realtime(clock);
	v->line = PN_BUF_INIT(BATCH_MAX_BYTES);
	*ret = v;
	return 0;
}

static void free_viewer(struct pn_viewers *v, struct viewer *w)
{
	if (w->query)
		pn_history_cancel(v->history, w->query);
	pn_sink_close(w->sink);
	pn_filter_free(w->view.filter);
	pn_buf_done(&w->lines);
	free(w);
}

static void drop(struct pn_viewers *v, struct viewer *w)
{
	LL_DELETE(v->list, w);
	*(w->is_leaving ? &v->n_leaving : &v->n) -= 1;
	free_viewer(v, w);
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
	if (pn_buf_put(&w->lines, line->data, line->len) < 0) {
		pn_metric_add(PN_METRIC_EXPORT_DROPPED, 1);
		w->n_unheld++;
	}
	if (w->lines.len >= BATCH_BYTES && !w->query)
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
		if (!w->view.follow || w->is_early || !pn_filter_match(w->view.filter, r))
			continue;
		if (!is_encoded || !is_same_style(&v->style, &w->view.style))
			is_encoded = encode_for(v, w, r);
		if (is_encoded)
			put_line(w, &v->line);
	}
}

/* --- what has been --------------------------------------------------------------------------------- */

static bool is_wanted(const struct viewer *w, const struct pn_flow_record *r, pn_nsec from)
{
	return r && r->end >= from && pn_view_wants(&w->view, r);
}

/*
 * @from: earlier records of the ring are not looked at
 * Return: the number of the oldest record to look at; @ret_n: of the last ones, how many are wanted
 */
static uint64_t find_start(const struct viewer *w, pn_nsec from, uint32_t *ret_n)
{
	uint64_t begin = pn_recent_begin(w->recent), i = pn_recent_end(w->recent);

	*ret_n = 0;
	if (w->view.past != PN_PAST_LAST)
		return begin;
	while (i > begin && *ret_n < w->view.n)
		*ret_n += is_wanted(w, pn_recent_at(w->recent, --i), from);
	return i;
}

static void say_what_is_gone(struct viewer *w)
{
	pn_nsec gone_until = pn_recent_gone_until(w->recent);
	char text[128];

	if (!pn_recent_room(w->recent)) {
		put_note(w, "note", "this agent keeps no records: it was started with --recent 0");
		return;
	}
	if (!gone_until || gone_until < w->view.since)
		return;
	(void)snprintf(text, sizeof(text), "older records are gone: the agent keeps the last %u",
		       pn_recent_room(w->recent));
	put_note(w, "note", text);
}

static void tell_recent(struct pn_viewers *v, struct viewer *w, uint64_t i, pn_nsec from)
{
	uint64_t end = pn_recent_end(w->recent);
	uint32_t n = 0;

	for (; i < end && (w->view.past != PN_PAST_FIRST || n < w->view.n); i++) {
		const struct pn_flow_record *r = pn_recent_at(w->recent, i);

		if (!is_wanted(w, r, from))
			continue;
		n++;
		if (encode_for(v, w, r))
			put_line(w, &v->line);
	}
}

/* May the history have something that the ring has not, at the times that are wanted? */
static bool is_in_history(const struct pn_viewers *v, const struct viewer *w)
{
	return v->history && w->view.since <= PN_MAX(v->begun, pn_recent_gone_until(w->recent));
}

/* The first whole minute from which on the ring has everything that this agent has told. */
static pn_nsec ring_begin(const struct viewer *w)
{
	pn_nsec gone_until = pn_recent_gone_until(w->recent);

	if (!pn_recent_room(w->recent))
		return PN_NSEC_NEVER / MINUTE * MINUTE;
	return gone_until ? (gone_until / MINUTE + 1) * MINUTE : 0;
}

/* Return: 0: it tells, and then what the ring has from @ret_from on; -EAGAIN: not yet; -ENOMEM */
static int ask_history(struct pn_viewers *v, struct viewer *w, uint64_t *ret_start,
		       pn_nsec *ret_from)
{
	pn_nsec from = ring_begin(w);
	uint32_t n;
	int r;

	*ret_start = find_start(w, from, &n);
	w->asked = w->view;
	if (w->view.past == PN_PAST_LAST)
		w->asked.n -= n;
	r = pn_history_ask(v->history, &w->asked, from, w->sink, &w->query);
	if (r < 0)
		return r;
	*ret_from = from;
	w->lines.max = HELD_MAX_BYTES + (size_t)pn_recent_room(w->recent) * PAST_BYTES;
	return 0;
}

/* Return: has it been told what has been, or will be as soon as the history has answered? */
static bool replay(struct pn_viewers *v, struct viewer *w)
{
	pn_nsec from = 0;
	uint32_t n;
	uint64_t i = find_start(w, 0, &n);
	bool is_enough = w->view.past == PN_PAST_LAST && n == w->view.n;
	int r = -ENOENT;

	if (!is_enough && is_in_history(v, w))
		r = ask_history(v, w, &i, &from);
	if (r == -EAGAIN && pn_clock_now(v->clock) - w->since < ASKING_TIME)
		return false;
	if (r == -EAGAIN || r == -ENOMEM) {
		put_note(w, "note", "the history has no time for this: it is left out");
		i = find_start(w, 0, &n);
	}
	if (r < 0 && !is_enough)
		say_what_is_gone(w);
	tell_recent(v, w, i, from);
	return true;
}

/* Of the first ones, the history may have told some. */
static void cut_lines(struct viewer *w, uint64_t n)
{
	char *at = w->lines.data, *end = at + w->lines.len;

	for (; n && at < end; n--)
		at = (char *)memchr(at, '\n', (size_t)(end - at)) + 1;
	w->lines.len = (size_t)(at - w->lines.data);
}

static void say_where_history_begins(struct viewer *w, pn_nsec begin)
{
	time_t seconds = (time_t)(begin / PN_NSEC_PER_SEC);
	char when[32], text[96];
	struct tm tm;

	if (!begin || !w->view.since || begin <= w->view.since)
		return;
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%MZ", gmtime_r(&seconds, &tm));
	(void)snprintf(text, sizeof(text), "the history of this node begins at %s", when);
	put_note(w, "note", text);
}

/* Return: does the history still tell? Else the sink is back, and takes what was held. */
static bool is_asking(struct pn_viewers *v, struct viewer *w)
{
	pn_nsec begin = 0;
	uint64_t n = 0;

	if (w->is_early) {
		w->is_early = !replay(v, w);
		return true;
	}
	if (!w->query)
		return false;
	if (!pn_history_answered(v->history, w->query, &n, &begin))
		return true;
	w->query = NULL;
	if (w->view.past == PN_PAST_FIRST)
		cut_lines(w, n < w->view.n ? w->view.n - n : 0);
	say_where_history_begins(w, begin);
	hand_on(w);
	w->lines.max = BATCH_MAX_BYTES;
	return false;
}

/* --- giving way ------------------------------------------------------------------------------------ */

static uint64_t count_missing(const struct viewer *w)
{
	return pn_sink_dropped(w->sink) + w->n_unheld - w->n_dropped;
}

/* While the history tells, nobody here sees what the client reads: then it is how long that takes. */
static pn_nsec silence_of(const struct viewer *w, pn_nsec now)
{
	if (w->query)
		return now - w->since;
	return w->is_early || !pn_sink_is_waiting(w->sink) ? 0 : now - w->was_reading;
}

static struct viewer *find_deaf(const struct pn_viewers *v, pn_nsec now)
{
	struct viewer *w, *deaf = NULL;
	pn_nsec longest = DEAF_TIME;

	LL_FOREACH (v->list, w) {
		pn_nsec silence = w->is_leaving ? 0 : silence_of(w, now);

		if (silence < longest)
			continue;
		longest = silence;
		deaf = w;
	}
	return deaf;
}

static void drop_oldest_leaving(struct pn_viewers *v)
{
	struct viewer *w, *oldest = NULL;

	LL_FOREACH (v->list, w) {
		if (w->is_leaving && (!oldest || w->since < oldest->since))
			oldest = w;
	}
	if (oldest)
		drop(v, oldest);
}

/* What waits for it is lost, but for the line that it has a half of; behind that comes the last word. */
static void let_leave(struct pn_viewers *v, struct viewer *w, pn_nsec now)
{
	char text[192];

	if (w->query)
		pn_history_cancel(v->history, PN_TAKE_PTR(w->query));
	hand_on(w);
	pn_buf_done(&w->lines);
	w->lines = PN_BUF_INIT(BATCH_MAX_BYTES);
	pn_sink_discard(w->sink);
	(void)snprintf(
		text, sizeof(text),
		"this client has read nothing for %u s while others waited for its place: %" PRIu64
		" records are missing here, and all that come",
		(unsigned int)(DEAF_TIME / PN_NSEC_PER_SEC), count_missing(w));
	w->n_dropped += count_missing(w);
	put_note(w, "error", text);
	hand_on(w);
	w->view.follow = false;
	w->is_leaving = true;
	w->since = now;
	v->n--;
	v->n_leaving++;
	pn_metric_add(PN_METRIC_EXPORT_DEAF, 1);
}

/* Return: is there room for one more now? */
static bool make_room(struct pn_viewers *v)
{
	pn_nsec now = pn_clock_now(v->clock);
	struct viewer *w = find_deaf(v, now);

	if (!w)
		return false;
	if (v->n_leaving == PN_VIEWERS_MAX)
		drop_oldest_leaving(v);
	let_leave(v, w, now);
	return true;
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

static int refuse(struct pn_viewers *v, struct viewer *w, const char *why)
{
	put_note(w, "error", why);
	hand_on(w);
	free_viewer(v, w);
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
	w->recent = recent;
	w->lines = PN_BUF_INIT(BATCH_MAX_BYTES);
	if (v->n == PN_VIEWERS_MAX && !make_room(v))
		return refuse(v, w, "too many clients read records already, try again later");
	insert(v, w);
	w->since = w->was_reading = pn_clock_now(v->clock);
	if (view->past != PN_PAST_NONE)
		w->is_early = !replay(v, w);
	return 0;
}

static void say_what_is_missing(struct viewer *w)
{
	uint64_t n = count_missing(w);
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
static bool flush(struct pn_viewers *v, struct viewer *w)
{
	uint64_t n_sent = pn_sink_sent(w->sink);
	pn_nsec now = pn_clock_now(v->clock);

	hand_on(w);
	if (pn_sink_flush(w->sink) < 0)
		return true;
	say_what_is_missing(w);
	if (!pn_sink_is_waiting(w->sink) || pn_sink_sent(w->sink) > n_sent)
		w->was_reading = now;
	if (w->is_leaving && now - w->since >= LEAVING_TIME)
		return true;
	return !w->view.follow && !pn_sink_is_waiting(w->sink);
}

unsigned int pn_viewers_flush(struct pn_viewers *v)
{
	bool is_waiting = false, is_reading = false, asks = false;
	struct viewer *w, *next;

	LL_FOREACH_SAFE (v->list, w, next) {
		uint64_t n_sent;

		if (is_asking(v, w)) {
			asks = true;
			continue;
		}
		n_sent = pn_sink_sent(w->sink);
		if (flush(v, w)) {
			drop(v, w);
			continue;
		}
		is_waiting = is_waiting || pn_sink_is_waiting(w->sink);
		is_reading = is_reading || pn_sink_sent(w->sink) > n_sent;
	}
	v->pause_ms = is_reading || !v->pause_ms
			      ? (unsigned int)SHORTEST_PAUSE_MS
			      : PN_MIN(v->pause_ms * 2,
				       (unsigned int)(asks ? LONGEST_ASKING_MS : LONGEST_PAUSE_MS));
	if (!is_waiting && !asks)
		v->pause_ms = 0;
	return v->pause_ms;
}
