/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_HISTORY_READ_H
#define PN_EXPORT_HISTORY_READ_H

#include "export/history_file.h"
#include "export/sink.h"
#include "export/view.h"

/**
 * struct pn_history_query - a client's question to the history, answered slice by slice
 * @is_counting: of the last rows: how far back they begin
 * @n_counted, @n_skip: such rows, and how many of them are too many
 * @minute, @place: where it goes on
 * @begin: the first minute there is
 * @n_sent, @pause_ms: bytes that the client has taken, and in what time to look again
 * @is_done, @is_cancelled: guarded by the history's lock
 *
 * Private to agent/export.
 */
struct pn_history_query {
	struct pn_history_query *next;
	const struct pn_clock *clock;
	const struct pn_view *view;
	struct pn_sink *sink;
	uint32_t own_before;
	struct pn_history_file *file;
	struct pn_buf lines;
	struct pn_style style;
	bool is_begun, is_counting;
	uint64_t n_counted, n_skip, n_told;
	uint32_t minute, begin;
	struct pn_history_place place;
	uint64_t n_sent;
	unsigned int pause_ms;
	bool is_done, is_cancelled;
};

/** What the lines of a slice may have together, one more included. */
enum { PN_HISTORY_SLICE_MAX_BYTES = 3 << 20 };

enum pn_history_progress {
	PN_HISTORY_GOES_ON,
	PN_HISTORY_IS_BUSY, /* the client has not read everything: again in q->pause_ms */
	PN_HISTORY_IS_OVER,
};

/** pn_history_query_step() - some milliseconds of it. Return: enum pn_history_progress, or a negative errno of the file */
int pn_history_query_step(struct pn_history_query *q, struct pn_history_file *f);

#endif
