/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's question to the history: minute by minute, a few hundred rows at a time, so that writing never
 * waits for reading. The next rows are read when the client has taken the ones before: a slow one costs
 * the memory of a slice and no statement stays open for it.
 *
 * Where the last rows are wanted, minutes are counted backwards first, as far as they are needed.
 */
#include "export/history_read.h"

#include <errno.h>

#include "base/metric.h"

/* A slice fits into the queue of the client's sink. */
enum { SLICE_ROWS = 2048, SLICE_BYTES = 2 << 20, SHORTEST_PAUSE_MS = 1, LONGEST_PAUSE_MS = 64 };

#define MINUTE (60 * PN_NSEC_PER_SEC)

static uint32_t minute_of(pn_nsec when)
{
	return (uint32_t)PN_MIN(when / MINUTE, (pn_nsec)UINT32_MAX);
}

static bool is_enough(const struct pn_history_query *q)
{
	return q->view->past != PN_PAST_ALL && q->n_told >= q->view->n;
}

/* --- one slice ------------------------------------------------------------------------------------ */

static bool count_row(void *data, const struct pn_flow_record *r)
{
	struct pn_history_query *q = data;

	q->n_counted += pn_view_wants(q->view, r);
	return true;
}

static bool tell_row(void *data, const struct pn_flow_record *r)
{
	struct pn_history_query *q = data;

	if (!pn_view_wants(q->view, r))
		return true;
	if (q->n_skip) {
		q->n_skip--;
		return true;
	}
	q->n_told++;
	if (pn_encode_styled(&q->style, r, &q->lines) < 0)
		pn_metric_add(PN_METRIC_EXPORT_DROPPED, 1);
	return !is_enough(q) && q->lines.len < SLICE_BYTES;
}

static int begin(struct pn_history_query *q)
{
	const struct pn_view *v = q->view;
	int r = pn_history_file_minute(q->file, 0, false, &q->begin);

	q->is_begun = true;
	q->is_counting = v->past == PN_PAST_LAST;
	q->place = PN_HISTORY_FROM_START;
	q->style = v->style;
	q->style.now = pn_clock_realtime(q->clock);
	if (r <= 0)
		return r < 0 ? r : PN_HISTORY_IS_OVER;
	r = pn_history_file_minute(q->file, minute_of(q->is_counting ? v->until : v->since),
				   q->is_counting, &q->minute);
	if (r < 0)
		return r;
	return r && minute_of(v->since) <= q->minute && q->minute <= minute_of(v->until)
		       ? PN_HISTORY_GOES_ON
		       : PN_HISTORY_IS_OVER;
}

/* From the minute at hand on, which has the first of the last rows. */
static void stop_counting(struct pn_history_query *q)
{
	q->is_counting = false;
	q->n_skip = q->n_counted > q->view->n ? q->n_counted - q->view->n : 0;
	q->place = PN_HISTORY_FROM_START;
}

static int count_minute_before(struct pn_history_query *q)
{
	uint32_t minute = 0;
	int r = 0;

	if (q->minute && q->n_counted < q->view->n)
		r = pn_history_file_minute(q->file, q->minute - 1, true, &minute);
	if (r > 0 && minute >= minute_of(q->view->since)) {
		q->minute = minute;
		q->place = PN_HISTORY_FROM_START;
		return PN_HISTORY_GOES_ON;
	}
	if (r >= 0)
		stop_counting(q);
	return r < 0 ? r : PN_HISTORY_GOES_ON;
}

static int tell_next_minute(struct pn_history_query *q)
{
	int r = 0;

	if (!is_enough(q) && q->minute < minute_of(q->view->until))
		r = pn_history_file_minute(q->file, q->minute + 1, false, &q->minute);
	q->place = PN_HISTORY_FROM_START;
	if (r <= 0 || q->minute > minute_of(q->view->until))
		return r < 0 ? r : PN_HISTORY_IS_OVER;
	return PN_HISTORY_GOES_ON;
}

static int read_slice(struct pn_history_query *q)
{
	int n = pn_history_file_rows(q->file, q->minute, q->own_before, &q->place, SLICE_ROWS,
				     q->is_counting ? count_row : tell_row, q);

	if (n < 0)
		return n;
	if (n == SLICE_ROWS && !(is_enough(q) && !q->is_counting))
		return PN_HISTORY_GOES_ON;
	return q->is_counting ? count_minute_before(q) : tell_next_minute(q);
}

/* --- to the client -------------------------------------------------------------------------------- */

/* Return: has the client taken everything? -EPIPE: it is gone */
static int hand_on(struct pn_history_query *q)
{
	int r = 0;

	if (q->lines.len)
		r = pn_sink_write(q->sink, q->lines.data, q->lines.len);
	pn_buf_reset(&q->lines);
	if (r == 0 || r == -EAGAIN)
		r = pn_sink_flush(q->sink);
	return r < 0 ? -EPIPE : !pn_sink_is_waiting(q->sink);
}

/* Longer and longer while the client reads nothing. */
static int be_patient(struct pn_history_query *q)
{
	uint64_t n = pn_sink_sent(q->sink);

	q->pause_ms = n > q->n_sent ? (unsigned int)SHORTEST_PAUSE_MS
				    : PN_MIN(q->pause_ms * 2, (unsigned int)LONGEST_PAUSE_MS);
	q->n_sent = n;
	return PN_HISTORY_IS_BUSY;
}

int pn_history_query_step(struct pn_history_query *q, struct pn_history_file *f)
{
	int taken = hand_on(q), r;

	if (taken < 0)
		return PN_HISTORY_IS_OVER;
	if (!taken)
		return be_patient(q);
	q->file = f;
	r = q->is_begun ? read_slice(q) : begin(q);
	return r != PN_HISTORY_GOES_ON && hand_on(q) < 0 ? PN_HISTORY_IS_OVER : r;
}
