/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the kernel's table of drops to lines. The kernel program sets a word when it has counted
 * something; that is looked at ten times a second, and costs nothing where nothing is dropped.
 */
#include "daemon/drop_feed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"
#include "base/metric.h"
#include "datapath/select.h"
#include "export/viewers.h"
#include "flow/drop_log.h"
#include "flow/recent.h"

enum {
	LOOK_MS = 100,
	LOOKS_A_SWEEP = 10,
};

struct pn_drop_feed {
	struct pn_drop_feed_config config;
	struct pn_drop_log *log;
	struct pn_viewers *viewers;
	uv_timer_t timer, flush;
	unsigned int n_looks;
	bool is_running, is_left; /* is_left: something waits for its time to be told */
	struct pn_log_limit limit;
};

static void on_drop(void *data, const struct pn_drop_key *key, const struct pn_drop_value *value,
		    const struct pn_drop_words *words)
{
	struct pn_drop_feed *f = data;

	if (pn_drop_log_entry(f->log, key, value, words->reason, words->location) < 0)
		pn_metric_add(PN_METRIC_DROPS_FAILURES, 1);
}

static void on_record(void *data, const struct pn_flow_record *r)
{
	struct pn_drop_feed *f = data;

	pn_metric_add(PN_METRIC_DROPS_LINES, 1);
	pn_metric_add(PN_METRIC_DROPS_TOLD, r->drop.packets);
	pn_viewers_record(f->viewers, r);
	if (f->config.traffic)
		pn_traffic_drop(f->config.traffic, r, pn_clock_now(f->config.clock));
}

static int on_remove(void *data, const struct pn_drop_key *key, struct pn_drop_value *ret)
{
	struct pn_drop_feed *f = data;

	return pn_drops_remove(f->config.drops, key, ret);
}

static void on_lost(void *data, const struct pn_flow_key *key)
{
	struct pn_drop_feed *f = data;

	if (pn_select_lost(pn_tracer_select(f->config.tracer), key) < 0)
		pn_metric_add(PN_METRIC_SELECT_FAILURES, 1);
}

static bool on_find(void *data, const struct pn_flow_key *key, struct pn_flow_value *ret)
{
	struct pn_drop_feed *f = data;

	return pn_tracer_find(f->config.tracer, key, ret) == 0;
}

static const struct pn_drop_log_ops log_ops = {
	.record = on_record,
	.remove = on_remove,
	.lost = on_lost,
	.find = on_find,
};

int pn_drop_feed_new(const struct pn_drop_feed_config *config, struct pn_drop_feed **ret)
{
	const struct pn_drop_log_config log = {
		.clock = config->clock,
		.index = config->index,
		.node_name = config->node_name,
		.pause = PN_NSEC_PER_SEC,
		.idle = 10 * PN_NSEC_PER_SEC,
		.hold = 300 * PN_NSEC_PER_SEC,
		.max = 2 * (size_t)PN_MAX_DROPS,
	};
	struct pn_drop_feed *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->config = *config;
	r = pn_drop_log_new(&log, &log_ops, f, &f->log);
	if (r == 0)
		r = pn_viewers_new(config->clock, NULL, &f->viewers);
	if (r < 0) {
		pn_drop_feed_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

void pn_drop_feed_free(struct pn_drop_feed *f)
{
	if (!f)
		return;
	pn_viewers_free(f->viewers);
	pn_drop_log_free(f->log);
	free(f);
}

/* --- reading and telling ------------------------------------------------------------------------- */

/* In the key of an ICMP error the sender's port is type and code, the other one 0. */
static bool is_unreachable(const struct pn_flow_key *key)
{
	unsigned int type = ntohs(key->port[0] | key->port[1]) >> 8;

	return type == (key->proto == IPPROTO_ICMP ? ICMP_UNREACH : ICMP6_DST_UNREACH);
}

void pn_drop_feed_entry(struct pn_drop_feed *f, const struct pn_flow_key *key,
			const struct pn_flow_value *value)
{
	if (value->state & PN_FLOW_QUOTE && is_unreachable(key))
		pn_drop_log_answered(f->log, &value->nat, value->quoted_proto);
}

static void complain(struct pn_drop_feed *f, int r)
{
	unsigned int n_held;

	pn_metric_add(PN_METRIC_DROPS_FAILURES, 1);
	if (pn_log_allow(&f->limit, pn_clock_now(f->config.clock), 60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("drops", "reading the table of drops failed, trying again: %s held=%u",
			strerror(-r), n_held);
}

void pn_drop_feed_read(struct pn_drop_feed *f)
{
	int r;

	if (!f->config.drops || !pn_drops_have_news(f->config.drops))
		return;
	r = pn_drops_drain(f->config.drops, on_drop, f);
	f->is_left = true;
	if (r < 0)
		complain(f, r);
}

/* The thread reads the index here, see pn_index_reader_online(). */
static void tell(struct pn_drop_feed *f, bool all)
{
	if (!f->is_left)
		return;
	pn_index_reader_online();
	f->is_left = pn_drop_log_tell(f->log, all);
	pn_index_reader_offline();
}

/* Who was busy is offered the rest soon. */
static void write_on(struct pn_drop_feed *f);

static void on_flush(uv_timer_t *timer)
{
	write_on(timer->data);
}

static void write_on(struct pn_drop_feed *f)
{
	unsigned int pause_ms = pn_viewers_flush(f->viewers);

	if (pause_ms && f->is_running)
		(void)uv_timer_start(&f->flush, on_flush, pause_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct pn_drop_feed *f = timer->data;

	pn_drop_feed_read(f);
	if (++f->n_looks % LOOKS_A_SWEEP == 0) {
		pn_drop_log_sweep(f->log);
		f->is_left = true; /* it may have found some more in what it took out */
	}
	tell(f, false);
	write_on(f);
}

void pn_drop_feed_start(struct pn_drop_feed *f, uv_loop_t *loop)
{
	(void)uv_timer_init(loop, &f->timer);
	(void)uv_timer_init(loop, &f->flush);
	f->timer.data = f->flush.data = f;
	f->is_running = true;
	(void)uv_timer_start(&f->timer, on_timer, LOOK_MS, LOOK_MS);
}

void pn_drop_feed_close(struct pn_drop_feed *f)
{
	if (!f->is_running)
		return;
	pn_drop_feed_read(f);
	tell(f, true);
	(void)pn_viewers_flush(f->viewers);
	uv_close((uv_handle_t *)&f->timer, NULL);
	uv_close((uv_handle_t *)&f->flush, NULL);
}

void pn_drop_feed_take(struct pn_drop_feed *f, const struct pn_flow_key *key,
		       struct pn_record_drop *drop)
{
	pn_drop_log_take(f->log, key, drop);
}

/* --- who wants them ------------------------------------------------------------------------------ */

static void on_held(void *data, const struct pn_flow_record *r)
{
	pn_recent_add(data, r);
}

static int collect(struct pn_drop_feed *f, struct pn_recent **ret)
{
	struct pn_recent *held;
	int r;

	r = pn_recent_new((uint32_t)PN_MAX(pn_drop_log_count(f->log), (size_t)1), &held);
	if (r < 0)
		return r;
	pn_index_reader_online();
	r = pn_drop_log_list(f->log, on_held, held);
	pn_recent_settle(held);
	pn_index_reader_offline();
	if (r < 0) {
		pn_recent_free(held);
		return r;
	}
	*ret = held;
	return 0;
}

/* What is held has all packets until now: those that are not told are, so that no later line tells them. */
int pn_drop_feed_add(struct pn_drop_feed *f, struct pn_sink *sink, const struct pn_view *view)
{
	struct pn_recent *held = NULL;
	int r = 0;

	if (view->past != PN_PAST_NONE) {
		pn_drop_feed_read(f);
		tell(f, true);
		r = collect(f, &held);
	}
	if (r < 0) {
		pn_sink_close(sink);
		pn_filter_free(view->filter);
		return r;
	}
	r = pn_viewers_add(f->viewers, sink, view, held);
	pn_recent_free(held);
	write_on(f);
	return r;
}
