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
#include "flow/drop_log.h"

enum {
	LOOK_MS = 100,
	LOOKS_A_SWEEP = 10,
};

/* Somebody who is being written the drops that are held. */
struct reader {
	struct reader *next;
	struct pn_sinks *sinks;
};

struct pn_drop_feed {
	struct pn_drop_feed_config config;
	struct pn_drop_log *log;
	struct pn_sinks *sinks; /* of those who follow */
	struct reader *readers;
	uv_timer_t timer;
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
	pn_metric_add(PN_METRIC_DROPS_PACKETS, r->drop.packets);
	pn_sinks_drop(f->sinks, r);
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
		r = pn_sinks_new(&f->sinks);
	if (r < 0) {
		pn_drop_feed_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

static void free_reader(struct pn_drop_feed *f, struct reader *r)
{
	LL_DELETE(f->readers, r);
	pn_sinks_free(r->sinks);
	free(r);
}

void pn_drop_feed_free(struct pn_drop_feed *f)
{
	if (!f)
		return;
	while (f->readers)
		free_reader(f, f->readers);
	pn_sinks_free(f->sinks);
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

static void write_on(struct pn_drop_feed *f)
{
	struct reader *r, *next;

	(void)pn_sinks_flush(f->sinks);
	LL_FOREACH_SAFE (f->readers, r, next)
		if (!pn_sinks_flush(r->sinks))
			free_reader(f, r);
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
	f->timer.data = f;
	f->is_running = true;
	(void)uv_timer_start(&f->timer, on_timer, LOOK_MS, LOOK_MS);
}

void pn_drop_feed_close(struct pn_drop_feed *f)
{
	if (!f->is_running)
		return;
	pn_drop_feed_read(f);
	tell(f, true);
	write_on(f);
	uv_close((uv_handle_t *)&f->timer, NULL);
}

void pn_drop_feed_take(struct pn_drop_feed *f, const struct pn_flow_key *key,
		       struct pn_record_drop *drop)
{
	pn_drop_log_take(f->log, key, drop);
}

/* --- who wants them ------------------------------------------------------------------------------ */

static void on_held(void *data, const struct pn_flow_record *r)
{
	struct reader *reader = data;

	pn_sinks_drop(reader->sinks, r);
}

static int list_to(struct pn_drop_feed *f, struct pn_sink *sink)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r || pn_sinks_new(&r->sinks) < 0) {
		pn_sink_close(sink);
		free(r);
		return -ENOMEM;
	}
	LL_PREPEND(f->readers, r);
	if (pn_sinks_add(r->sinks, sink) < 0) {
		free_reader(f, r);
		return -ENOMEM;
	}
	pn_drop_feed_read(f);
	pn_index_reader_online();
	pn_drop_log_list(f->log, on_held, r);
	pn_index_reader_offline();
	if (!pn_sinks_flush(r->sinks))
		free_reader(f, r);
	return 0;
}

int pn_drop_feed_add(struct pn_drop_feed *f, struct pn_sink *sink, bool follow)
{
	return follow ? pn_sinks_add(f->sinks, sink) : list_to(f, sink);
}
