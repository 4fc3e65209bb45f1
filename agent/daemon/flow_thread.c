/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow thread's loop. Data comes in by the tracer's drain, is named through the index, and
 * leaves through the sinks; nothing goes back. From the control thread only six things arrive, by
 * the mailbox: a new subscriber, an interface that went or one that came, that the index is complete,
 * another interval, and the wish to stop.
 *
 * What a round tells is noted in the journal before it is written, and committed when the main sink
 * has written everything; only then do entries leave the table. So it does not matter when this ends.
 */
#include "daemon/flow_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <utlist.h>
#include <uv.h>

#include "base/log.h"
#include "base/metric.h"
#include "daemon/drop_feed.h"
#include "export/viewers.h"
#include "flow/joiner.h"
#include "flow/journal.h"

enum {
	SUBSCRIBER_MAX_BYTES = 4 << 20,
	PAST_BYTES = 1 << 10,	   /* of a record, as JSON with long names */
	LIST_MAX_BYTES = 32 << 20, /* all drops that are held */
	FLUSH_MS = 2,		   /* how soon lines are offered again to a sink that was busy */
};

static void on_flush(uv_timer_t *timer);

enum letter_kind {
	LETTER_FLOWS, /* a subscriber: @sink and @view */
	LETTER_DROPS, /* likewise */
	LETTER_LEFT,  /* the interface of the address @left went; @is_unseen */
	LETTER_CAME,  /* an interface came */
};

struct letter {
	struct letter *next;
	enum letter_kind kind;
	struct pn_sink *sink;
	struct pn_view view;
	struct pn_addr left;
	bool is_unseen;
};

struct pn_flow_thread {
	struct pn_flow_thread_config config;
	pthread_t thread;
	uv_loop_t loop;
	uv_timer_t drain, flush;
	uv_async_t mail;
	struct pn_journal *journal;
	struct pn_joiner *joiner;
	struct pn_sinks *sinks;
	struct pn_recent *recent;
	struct pn_viewers *viewers;
	struct pn_drop_feed *drops;
	struct pn_log_limit drain_limit;
	size_t n_entries;
	bool must_settle;	 /* before entries can go that are over */
	_Atomic pn_nsec drained; /* when it last began; the control thread reads it */

	/* The mailbox: everything below is guarded by the lock. */
	pthread_mutex_t lock;
	struct letter *letters;
	bool synced, stop;
	pn_nsec interval; /* another one from now on; 0: none */
};

/* Return: is everything written that the main sink was given? */
static bool commit(struct pn_flow_thread *t)
{
	struct pn_place place;

	if (pn_sinks_place(t->sinks, &place) < 0)
		return false;
	pn_journal_commit(t->journal, &place);
	return true;
}

/* The sinks take what they can now, and the rest soon. Return: see commit() */
static bool flush(struct pn_flow_thread *t)
{
	unsigned int pause_ms = pn_viewers_flush(t->viewers);

	pn_exporters_flush(t->config.exporters);
	if (pn_sinks_flush(t->sinks))
		pause_ms = FLUSH_MS;
	if (pause_ms)
		(void)uv_timer_start(&t->flush, on_flush, pause_ms, 0);
	if (pn_sinks_lost(t->sinks))
		pn_journal_doubt(t->journal);
	return commit(t);
}

static void on_entry(void *data, const struct pn_flow_key *key, const struct pn_flow_value *value)
{
	struct pn_flow_thread *t = data;

	t->n_entries++;
	pn_drop_feed_entry(t->drops, key, value);
	if (pn_joiner_entry(t->joiner, key, value) < 0)
		pn_metric_add(PN_METRIC_FLOW_DRAIN_FAILURES, 1);
}

static void on_record(void *data, const struct pn_flow_record *r)
{
	struct pn_flow_thread *t = data;

	pn_sinks_record(t->sinks, r);
	pn_exporters_record(t->config.exporters, r);
	pn_recent_add(t->recent, r);
	pn_viewers_record(t->viewers, r);
	if (t->config.history)
		pn_history_record(t->config.history, r);
	if (r->disagrees)
		pn_metric_add(PN_METRIC_POLICY_DISAGREEING, 1);
	if (t->config.traffic)
		pn_traffic_record(t->config.traffic, r, pn_flow_thread_drained(t));
	if (pn_sinks_lost(t->sinks))
		pn_journal_doubt(t->journal);
}

static int on_leave(void *data, const struct pn_flow_key *key)
{
	struct pn_flow_thread *t = data;
	int r = pn_tracer_leave(t->config.tracer, key);

	t->must_settle = t->must_settle || r == -EAGAIN;
	return r;
}

static int on_remove(void *data, const struct pn_flow_key *key, struct pn_flow_value *ret)
{
	struct pn_flow_thread *t = data;
	int r = pn_tracer_remove(t->config.tracer, key, ret);

	t->must_settle = t->must_settle || r == -EAGAIN;
	return r;
}

static void complain(struct pn_flow_thread *t, int r)
{
	unsigned int n_held;

	pn_metric_add(PN_METRIC_FLOW_DRAIN_FAILURES, 1);
	if (pn_log_allow(&t->drain_limit, pn_clock_now(t->config.clock), 60 * PN_NSEC_PER_SEC,
			 &n_held))
		pn_warn("flow",
			"reading the flow table failed, trying again at the next interval: "
			"%s held=%u",
			strerror(-r), n_held);
}

static void on_drops(void *data, const struct pn_flow_key *key, struct pn_record_drop *drop)
{
	struct pn_flow_thread *t = data;

	pn_drop_feed_take(t->drops, key, drop);
}

static void on_judge(void *data, const struct pn_flow_record *r, pn_nsec start,
		     struct pn_record_policy *ret)
{
	struct pn_flow_thread *t = data;

	if (t->config.verdicts)
		pn_verdicts_judge(t->config.verdicts, r, start, ret);
}

static const struct pn_joiner_ops joiner_ops = {
	.record = on_record,
	.leave = on_leave,
	.remove = on_remove,
	.drops = on_drops,
	.judge = on_judge,
};

static void sweep_once(struct pn_flow_thread *t)
{
	while (pn_joiner_sweep(t->joiner, &joiner_ops, t)) {
		if (!flush(t))
			break;
	}
}

/* What is over and written leaves the table; all that has to be settled first is so at once. */
static void sweep(struct pn_flow_thread *t)
{
	t->must_settle = false;
	sweep_once(t);
	if (t->must_settle && pn_tracer_settle(t->config.tracer) == 0)
		sweep_once(t);
}

/* What is borrowed from the index is not held any more from here on. */
static void let_go(struct pn_flow_thread *t)
{
	pn_recent_settle(t->recent);
	if (t->config.history)
		pn_history_settle(t->config.history);
	pn_index_reader_offline();
}

/* A sink that was busy takes the rest: only now what this round has told may be all written. */
static void on_flush(uv_timer_t *timer)
{
	struct pn_flow_thread *t = timer->data;

	pn_index_reader_online();
	if (flush(t))
		sweep(t);
	let_go(t);
}

/* On the way out what is over stays in the table for the next agent. */
static void tell(struct pn_flow_thread *t, bool shutdown)
{
	pn_joiner_finish(t->joiner, shutdown, &joiner_ops, t);
	if (flush(t) && !shutdown)
		sweep(t);
}

/* The thread reads the index here and nowhere else, so nobody waits for it while it sleeps. */
static void drain(struct pn_flow_thread *t, bool shutdown)
{
	struct pn_ticks ticks;
	int r;

	t->n_entries = 0;
	atomic_store_explicit(&t->drained, pn_clock_now(t->config.clock), memory_order_relaxed);
	pn_drop_feed_read(t->drops);
	pn_index_reader_online();
	r = pn_tracer_ticks(t->config.tracer, &ticks);
	if (r == 0) {
		pn_joiner_begin(t->joiner, &ticks);
		pn_joiner_set_sampling(t->joiner, pn_tracer_sampling(t->config.tracer));
		r = pn_tracer_drain(t->config.tracer, on_entry, t);
	}
	if (r < 0) {
		complain(t, r);
	} else {
		pn_metric_add(PN_METRIC_FLOW_DRAINS, 1);
		tell(t, shutdown);
	}
	pn_metric_set(PN_METRIC_FLOW_ACTIVE, t->n_entries);
	let_go(t);
}

static void on_drain(uv_timer_t *timer)
{
	drain(timer->data, false);
}

static void start_drains(struct pn_flow_thread *t, pn_nsec interval)
{
	uint64_t ms = PN_MAX(interval / PN_NSEC_PER_MSEC, (pn_nsec)1);

	(void)uv_timer_start(&t->drain, on_drain, ms, ms);
}

static void close_handles(struct pn_flow_thread *t)
{
	uv_close((uv_handle_t *)&t->drain, NULL);
	uv_close((uv_handle_t *)&t->flush, NULL);
	uv_close((uv_handle_t *)&t->mail, NULL);
	pn_drop_feed_close(t->drops);
}

/* Return: has the next round something to end? */
static bool note_interface(struct pn_flow_thread *t, const struct letter *l)
{
	if (l->kind == LETTER_CAME)
		return pn_joiner_came(t->joiner);
	if (!pn_joiner_left(t->joiner, &l->left, l->is_unseen))
		drain(t, false);
	return true;
}

/* Right away, so that whoever has the address next is met with an empty table. */
static void end_connections(struct pn_flow_thread *t, const struct letter *letters)
{
	const struct letter *l;
	bool any = false;

	LL_FOREACH (letters, l) {
		if (!l->sink)
			any = note_interface(t, l) || any;
	}
	if (any)
		drain(t, false);
}

/* What has been is written right away. */
static void add_viewer(struct pn_flow_thread *t, const struct letter *l)
{
	int r = l->kind == LETTER_DROPS ? pn_drop_feed_add(t->drops, l->sink, &l->view)
					: pn_viewers_add(t->viewers, l->sink, &l->view, t->recent);

	if (r == -ENOMEM)
		pn_warn("flow", "no memory for one more subscriber, it is turned away");
	(void)uv_timer_start(&t->flush, on_flush, 0, 0);
}

static void on_mail(uv_async_t *mail)
{
	struct pn_flow_thread *t = mail->data;
	struct letter *letters, *l, *next;
	bool synced, stop;
	pn_nsec interval;

	(void)pthread_mutex_lock(&t->lock);
	letters = t->letters;
	t->letters = NULL;
	synced = t->synced;
	stop = t->stop;
	interval = t->interval;
	t->interval = 0;
	(void)pthread_mutex_unlock(&t->lock);

	end_connections(t, letters);
	LL_FOREACH_SAFE (letters, l, next) {
		if (l->sink)
			add_viewer(t, l);
		free(l);
	}
	if (synced)
		pn_joiner_synced(t->joiner);
	if (interval)
		start_drains(t, interval);
	if (stop) {
		drain(t, true);
		close_handles(t);
	}
}

static void *thread_main(void *data)
{
	struct pn_flow_thread *t = data;

	pn_index_reader_begin();
	pn_index_reader_offline();
	(void)uv_run(&t->loop, UV_RUN_DEFAULT);
	pn_index_reader_end();
	return NULL;
}

static void free_thread(struct pn_flow_thread *t)
{
	struct letter *l, *next;

	LL_FOREACH_SAFE (t->letters, l, next) {
		pn_sink_close(l->sink);
		pn_filter_free(l->view.filter);
		free(l);
	}
	pn_viewers_free(t->viewers);
	pn_recent_free(t->recent);
	pn_drop_feed_free(t->drops);
	pn_joiner_free(t->joiner);
	pn_journal_free(t->journal);
	pn_sinks_free(t->sinks);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Takes config.sink over in every case; an earlier agent's lines are looked at before it is written to. */
static int make_sinks(struct pn_flow_thread *t, struct pn_written *ret)
{
	struct pn_sink *sink = PN_TAKE_PTR(t->config.sink);
	struct pn_place since = pn_journal_place(t->journal);
	int r = pn_sinks_new(&t->sinks);

	if (r < 0) {
		pn_sink_close(sink);
		return r;
	}
	pn_sinks_set_node(t->sinks, t->config.node_name);
	if (!sink)
		return 0;
	ret->is_known = pn_sink_resume(sink, &since, &ret->n_lines) == 0;
	return pn_sinks_add_main(t->sinks, sink);
}

static int settle(struct pn_flow_thread *t, const struct pn_written *written)
{
	struct pn_place place = { 0 };
	uint64_t n_before = pn_journal_totals(t->journal).n_in_doubt, n;
	int r;

	(void)pn_sinks_flush(t->sinks); /* a line that somebody else left without an end */
	(void)pn_sinks_place(t->sinks, &place);
	r = pn_journal_settle(t->journal, *written, &place);
	n = pn_journal_totals(t->journal).n_in_doubt - n_before;
	if (n)
		pn_warn("flow",
			"an agent was killed while it wrote records: whether they were written "
			"cannot be known packets=%llu",
			(unsigned long long)n);
	return r;
}

static int make_drop_feed(struct pn_flow_thread *t)
{
	const struct pn_drop_feed_config config = {
		.clock = t->config.clock,
		.index = t->config.index,
		.node_name = t->config.node_name,
		.drops = t->config.drops,
		.tracer = t->config.tracer,
		.traffic = t->config.traffic,
	};

	return pn_drop_feed_new(&config, &t->drops);
}

static int make_parts(struct pn_flow_thread *t)
{
	struct pn_joiner_config joiner = {
		.clock = t->config.clock,
		.index = t->config.index,
		.node_name = t->config.node_name,
		.settle = PN_JOINER_SETTLE,
		.name_wait = t->config.name_wait,
		.pod_wait = t->config.pod_wait,
		.sync_wait = t->config.sync_wait,
		.idle_timeout = PN_JOINER_IDLE,
		.close_timeout = PN_JOINER_CLOSE,
	};
	struct pn_written written = { false, 0 };
	int r;

	r = pn_journal_open(t->config.notes, &t->journal);
	if (r < 0) {
		pn_sink_close(PN_TAKE_PTR(t->config.sink));
		return r;
	}
	r = make_sinks(t, &written);
	if (r == 0)
		r = settle(t, &written);
	if (r == 0)
		r = pn_recent_new(t->config.n_recent, &t->recent);
	if (r == 0)
		r = pn_viewers_new(t->config.clock, t->config.history, &t->viewers);
	joiner.journal = t->journal;
	if (r == 0)
		r = pn_joiner_new(&joiner, &t->joiner);
	return r < 0 ? r : make_drop_feed(t);
}

static int make_loop(struct pn_flow_thread *t)
{
	int r;

	r = uv_loop_init(&t->loop);
	if (r < 0)
		return r;
	r = uv_async_init(&t->loop, &t->mail, on_mail);
	if (r < 0) {
		(void)uv_loop_close(&t->loop);
		return r;
	}
	(void)uv_timer_init(&t->loop, &t->drain);
	(void)uv_timer_init(&t->loop, &t->flush);
	t->mail.data = t->drain.data = t->flush.data = t;
	start_drains(t, t->config.interval);
	pn_drop_feed_start(t->drops, &t->loop);
	return 0;
}

int pn_flow_thread_start(const struct pn_flow_thread_config *config, struct pn_flow_thread **ret)
{
	struct pn_flow_thread *t = calloc(1, sizeof(*t));
	int r;

	if (!t) {
		pn_sink_close(config->sink);
		return -ENOMEM;
	}
	t->config = *config;
	atomic_init(&t->drained, pn_clock_now(config->clock));
	(void)pthread_mutex_init(&t->lock, NULL);
	r = make_parts(t);
	if (r == 0)
		r = make_loop(t);
	if (r < 0) {
		free_thread(t);
		return r;
	}
	r = -pthread_create(&t->thread, NULL, thread_main, t);
	if (r < 0) {
		close_handles(t);
		(void)uv_run(&t->loop, UV_RUN_DEFAULT);
		(void)uv_loop_close(&t->loop);
		free_thread(t);
		return r;
	}
	*ret = t;
	return 0;
}

void pn_flow_thread_stop(struct pn_flow_thread *t)
{
	if (!t)
		return;
	(void)pthread_mutex_lock(&t->lock);
	t->stop = true;
	(void)pthread_mutex_unlock(&t->lock);
	(void)uv_async_send(&t->mail);
	(void)pthread_join(t->thread, NULL);
	(void)uv_loop_close(&t->loop);
	free_thread(t);
}

/* Return: an empty letter, NULL without memory */
static struct letter *new_letter(enum letter_kind kind)
{
	struct letter *l = calloc(1, sizeof(*l));

	if (l)
		l->kind = kind;
	return l;
}

static void post(struct pn_flow_thread *t, struct letter *l)
{
	(void)pthread_mutex_lock(&t->lock);
	LL_APPEND(t->letters, l);
	(void)pthread_mutex_unlock(&t->lock);
	(void)uv_async_send(&t->mail);
}

void pn_flow_thread_left(struct pn_flow_thread *t, const struct pn_addr *addr, bool is_unseen)
{
	struct letter *l = new_letter(LETTER_LEFT);

	if (!l)
		return; /* they end when they have been idle */
	l->left = *addr;
	l->is_unseen = is_unseen;
	post(t, l);
}

void pn_flow_thread_came(struct pn_flow_thread *t)
{
	struct letter *l = new_letter(LETTER_CAME);

	if (l) /* else they end when they have waited */
		post(t, l);
}

void pn_flow_thread_synced(struct pn_flow_thread *t)
{
	(void)pthread_mutex_lock(&t->lock);
	t->synced = true;
	(void)pthread_mutex_unlock(&t->lock);
	(void)uv_async_send(&t->mail);
}

void pn_flow_thread_set_interval(struct pn_flow_thread *t, pn_nsec interval)
{
	(void)pthread_mutex_lock(&t->lock);
	t->interval = interval;
	(void)pthread_mutex_unlock(&t->lock);
	(void)uv_async_send(&t->mail);
}

/* Takes @fd and the filter over. */
static void post_subscriber(struct pn_flow_thread *t, int fd, const struct pn_view *view,
			    size_t max_bytes, enum letter_kind kind)
{
	struct letter *l = new_letter(kind);
	int r;

	if (!l) {
		(void)close(fd);
		pn_filter_free(view->filter);
		return;
	}
	l->view = *view;
	r = pn_sink_open_subscriber(fd, view->style.format, max_bytes, &l->sink);
	if (r < 0) {
		pn_filter_free(l->view.filter);
		free(l);
		return;
	}
	post(t, l);
}

void pn_flow_thread_subscribe(struct pn_flow_thread *t, int fd, const struct pn_view *view)
{
	size_t past = view->past == PN_PAST_NONE ? 0 : t->config.n_recent;

	post_subscriber(t, fd, view, SUBSCRIBER_MAX_BYTES + past * PAST_BYTES, LETTER_FLOWS);
}

void pn_flow_thread_drops(struct pn_flow_thread *t, int fd, const struct pn_view *view)
{
	post_subscriber(t, fd, view,
			view->past == PN_PAST_NONE ? SUBSCRIBER_MAX_BYTES : LIST_MAX_BYTES,
			LETTER_DROPS);
}

pn_nsec pn_flow_thread_drained(const struct pn_flow_thread *t)
{
	return atomic_load_explicit(&t->drained, memory_order_relaxed);
}
