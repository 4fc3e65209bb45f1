/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All sinks of the agent. The flow thread gives each record once; it is encoded once for each format
 * that somebody wants, and lines go out in batches.
 */
#include "export/sink.h"

#include <errno.h>
#include <utlist.h>

#include "base/metric.h"
#include "export/owner_json.h"

/* A batch is handed on at this size; one more record always fits. */
enum {
	BATCH_BYTES = 128 << 10,
	BATCH_MAX_BYTES = 256 << 10,
};

struct member {
	struct member *next;
	struct pn_sink *sink;
};

struct pn_sinks {
	struct member *members;
	struct pn_buf lines[PN_FORMAT_MAX]; /* encoded, not handed on yet */
	size_t n_wanting[PN_FORMAT_MAX];    /* members of each format */
	const char *node;
	const struct pn_sink *main;    /* one of the members, or NULL */
	bool lost;		       /* it left a record out */
	uint64_t n_records, n_packets; /* not in the metrics yet */
	struct pn_owner_texts *texts;  /* until lines are flushed */
};

int pn_sinks_new(struct pn_sinks **ret)
{
	struct pn_sinks *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	for (int i = 0; i < PN_FORMAT_MAX; i++)
		s->lines[i] = PN_BUF_INIT(BATCH_MAX_BYTES);
	*ret = s;
	return 0;
}

void pn_sinks_set_node(struct pn_sinks *s, const char *node)
{
	s->node = node;
}

int pn_sinks_add(struct pn_sinks *s, struct pn_sink *sink)
{
	struct member *m = calloc(1, sizeof(*m));

	if (!m) {
		pn_sink_close(sink);
		return -ENOMEM;
	}
	m->sink = sink;
	LL_APPEND(s->members, m);
	s->n_wanting[pn_sink_format(sink)]++;
	return 0;
}

int pn_sinks_add_main(struct pn_sinks *s, struct pn_sink *sink)
{
	int r = pn_sinks_add(s, sink);

	if (r < 0)
		return r;
	s->main = sink;
	if (!s->texts && pn_sink_format(sink) == PN_FORMAT_JSON)
		s->texts = pn_owner_texts_new(); /* without memory it is slower */
	return 0;
}

int pn_sinks_place(const struct pn_sinks *s, struct pn_place *ret)
{
	*ret = (struct pn_place) { 0 };
	return s->main ? pn_sink_place(s->main, ret) : 0;
}

bool pn_sinks_lost(struct pn_sinks *s)
{
	bool lost = s->lost;

	s->lost = false;
	return lost;
}

static void hand_on(struct pn_sinks *s, enum pn_format format)
{
	struct pn_buf *lines = &s->lines[format];
	struct member *m;

	if (!lines->len)
		return;
	LL_FOREACH (s->members, m) {
		if (pn_sink_format(m->sink) == format &&
		    pn_sink_write(m->sink, lines->data, lines->len) < 0)
			s->lost = s->lost || m->sink == s->main;
	}
	pn_buf_reset(lines);
}

static void encode(struct pn_sinks *s, const struct pn_flow_record *r)
{
	struct pn_style style = { .texts = s->texts, .node = s->node };

	for (enum pn_format i = 0; i < PN_FORMAT_MAX; i++) {
		if (!s->n_wanting[i])
			continue;
		style.format = i;
		if (pn_encode_styled(&style, r, &s->lines[i]) < 0) {
			pn_metric_add(PN_METRIC_EXPORT_DROPPED, s->n_wanting[i]);
			s->lost = s->lost || (s->main && pn_sink_format(s->main) == i);
		}
		if (s->lines[i].len >= BATCH_BYTES)
			hand_on(s, i);
	}
}

void pn_sinks_record(struct pn_sinks *s, const struct pn_flow_record *r)
{
	s->n_records++;
	s->n_packets += r->source.packets + r->destination.packets;
	encode(s, r);
}

static void count(struct pn_sinks *s)
{
	pn_metric_add(PN_METRIC_FLOW_RECORDS, s->n_records);
	pn_metric_add(PN_METRIC_FLOW_PACKETS, s->n_packets);
	s->n_records = s->n_packets = 0;
}

static void drop(struct pn_sinks *s, struct member *m)
{
	s->n_wanting[pn_sink_format(m->sink)]--;
	LL_DELETE(s->members, m);
	if (m->sink == s->main)
		s->main = NULL;
	pn_sink_close(m->sink);
	free(m);
}

bool pn_sinks_flush(struct pn_sinks *s)
{
	struct member *m, *next;
	bool is_waiting = false;

	for (enum pn_format i = 0; i < PN_FORMAT_MAX; i++)
		hand_on(s, i);
	count(s);
	pn_owner_texts_forget(s->texts);
	LL_FOREACH_SAFE (s->members, m, next) {
		if (pn_sink_flush(m->sink) < 0)
			drop(s, m);
		else
			is_waiting = is_waiting || pn_sink_is_waiting(m->sink);
	}
	return is_waiting;
}

size_t pn_sinks_count(const struct pn_sinks *s)
{
	size_t n = 0;

	for (enum pn_format i = 0; i < PN_FORMAT_MAX; i++)
		n += s->n_wanting[i];
	return n;
}

void pn_sinks_free(struct pn_sinks *s)
{
	if (!s)
		return;
	(void)pn_sinks_flush(s);
	while (s->members)
		drop(s, s->members);
	for (int i = 0; i < PN_FORMAT_MAX; i++)
		pn_buf_done(&s->lines[i]);
	pn_owner_texts_free(s->texts);
	free(s);
}
