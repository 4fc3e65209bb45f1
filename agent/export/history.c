/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history's two sides. The flow thread adds records to a batch and gives a full one away for an empty
 * one; it never waits: while the other side is busy the batch at hand grows, and what it has no room for
 * is counted. The history's thread writes batches, and between them answers questions a slice at a time.
 *
 * What goes wrong with the file is said once a minute at most and tried again. A damaged file is
 * renamed, and a new one begun.
 */
#include "export/history.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"
#include "base/metric.h"
#include "export/history_file.h"
#include "export/history_read.h"

enum {
	BATCH_PAIRS = 16384,
	MAX_STRANGERS =
		16384, /* pairs a minute with ends that have no name; then they are put together */
};

#define WRITE_INTERVAL (2 * PN_NSEC_PER_SEC)
#define RETRY_INTERVAL (30 * PN_NSEC_PER_SEC)
#define SAY_INTERVAL (60 * PN_NSEC_PER_SEC)
#define MINUTE (60 * PN_NSEC_PER_SEC)

struct pn_history {
	struct pn_history_config config;
	pthread_t thread;
	pthread_cond_t news, answered;

	/* The flow thread's. */
	struct pn_history_batch *filling;
	uint32_t minute, n_strangers;
	pn_nsec handed;

	/* The history's thread's. */
	struct pn_history_file *file;
	struct pn_history_query *queries;
	struct pn_log_limit limit;
	pn_nsec retry_at;

	/* Everything below is guarded by the lock. */
	pthread_mutex_t lock;
	struct pn_history_batch *full, *spare; /* given; to be taken for it */
	struct pn_history_query *asked;
	struct pn_history_state state;
	bool stop;
};

/* --- the flow thread ------------------------------------------------------------------------------ */

/* Return: is everything handed over that was recorded? */
static bool hand_over(struct pn_history *h)
{
	bool is_handed = false;

	if (!h->filling->keys.n)
		return true;
	(void)pthread_mutex_lock(&h->lock);
	if (h->spare) {
		h->full = h->filling;
		h->filling = PN_TAKE_PTR(h->spare);
		is_handed = true;
		(void)pthread_cond_signal(&h->news);
	}
	(void)pthread_mutex_unlock(&h->lock);
	if (is_handed)
		h->handed = pn_clock_now(h->config.clock);
	return is_handed;
}

void pn_history_record(struct pn_history *h, const struct pn_flow_record *r)
{
	uint32_t minute = (uint32_t)(r->end / MINUTE), n = h->filling->keys.n;
	bool is_stranger;

	if (minute > h->minute) {
		h->minute = minute;
		h->n_strangers = 0;
	}
	if (pn_history_batch_add(h->filling, r, h->n_strangers >= MAX_STRANGERS, &is_stranger) < 0)
		pn_metric_add(PN_METRIC_HISTORY_LOST, 1);
	h->n_strangers += is_stranger;
	if (h->filling->keys.n != n && h->filling->keys.n % (BATCH_PAIRS / 4) == 0)
		(void)hand_over(h);
}

void pn_history_settle(struct pn_history *h)
{
	pn_history_names_forget(&h->filling->names);
	if (pn_clock_now(h->config.clock) - h->handed >= WRITE_INTERVAL)
		(void)hand_over(h);
}

int pn_history_ask(struct pn_history *h, const struct pn_view *view, pn_nsec own_before,
		   struct pn_sink *sink, struct pn_history_query **ret)
{
	struct pn_history_query *q;

	if (!hand_over(h))
		return -EAGAIN;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->clock = h->config.clock;
	q->view = view;
	q->sink = sink;
	q->pause_ms = 1;
	q->own_before = (uint32_t)PN_MIN(own_before / MINUTE, (pn_nsec)UINT32_MAX);
	q->lines = PN_BUF_INIT(PN_HISTORY_SLICE_MAX_BYTES);
	(void)pthread_mutex_lock(&h->lock);
	LL_APPEND(h->asked, q);
	(void)pthread_cond_signal(&h->news);
	(void)pthread_mutex_unlock(&h->lock);
	*ret = q;
	return 0;
}

static void free_query(struct pn_history_query *q)
{
	pn_buf_done(&q->lines);
	free(q);
}

bool pn_history_answered(struct pn_history *h, struct pn_history_query *q, uint64_t *ret_n,
			 pn_nsec *ret_begin)
{
	bool is_done;

	(void)pthread_mutex_lock(&h->lock);
	is_done = q->is_done;
	(void)pthread_mutex_unlock(&h->lock);
	if (!is_done)
		return false;
	*ret_n = q->n_told;
	*ret_begin = q->begin * MINUTE;
	free_query(q);
	return true;
}

void pn_history_cancel(struct pn_history *h, struct pn_history_query *q)
{
	(void)pthread_mutex_lock(&h->lock);
	q->is_cancelled = true;
	(void)pthread_cond_signal(&h->news);
	while (!q->is_done)
		(void)pthread_cond_wait(&h->answered, &h->lock);
	(void)pthread_mutex_unlock(&h->lock);
	free_query(q);
}

/* --- the file ------------------------------------------------------------------------------------- */

static void set_state(struct pn_history *h, const char *why, const char *aside)
{
	(void)pthread_mutex_lock(&h->lock);
	(void)stpncpy(h->state.why, why, sizeof(h->state.why) - 1);
	if (aside)
		(void)stpncpy(h->state.aside, aside, sizeof(h->state.aside) - 1);
	(void)pthread_mutex_unlock(&h->lock);
}

static void complain(struct pn_history *h, const char *why)
{
	unsigned int n_held;

	pn_metric_add(PN_METRIC_HISTORY_FAILURES, 1);
	set_state(h, why, NULL);
	if (pn_log_allow(&h->limit, pn_clock_now(h->config.clock), SAY_INTERVAL, &n_held))
		pn_warn("history", "going on without it, trying again: %s held=%u", why, n_held);
}

static void say_aside(struct pn_history *h, const struct pn_err *aside)
{
	if (!aside->text[0])
		return;
	pn_warn("history", "the file could not be used, a new one is begun; it is now %s",
		aside->text);
	set_state(h, "", aside->text);
}

static void open_file(struct pn_history *h)
{
	struct pn_err err = { "" }, aside = { "" };
	pn_nsec now = pn_clock_now(h->config.clock);

	if (h->file || now < h->retry_at)
		return;
	if (pn_history_file_open(h->config.path, h->config.max_bytes, h->config.max_age, &h->file,
				 &aside, &err) < 0) {
		h->retry_at = now + RETRY_INTERVAL;
		complain(h, err.text);
		return;
	}
	set_state(h, "", NULL);
	say_aside(h, &aside);
}

/* A file that is damaged, or gone from its path, is left for another one at once. */
static void leave_file(struct pn_history *h, int r, const char *why)
{
	struct pn_err aside = { "" };

	complain(h, why);
	if (r != -EBADMSG && r != -ESTALE)
		return;
	pn_history_file_close(PN_TAKE_PTR(h->file));
	if (r == -EBADMSG && pn_history_file_set_aside(h->config.path, why, &aside) < 0)
		h->retry_at = pn_clock_now(h->config.clock) + RETRY_INTERVAL;
	say_aside(h, &aside);
}

static void write_batch(struct pn_history *h, const struct pn_history_batch *b)
{
	uint64_t n_lost = b->n_records;
	struct pn_err err = { "" };
	int r;

	open_file(h);
	if (h->file) {
		r = pn_history_file_write(h->file, b, pn_clock_realtime(h->config.clock), &n_lost,
					  &err);
		pn_metric_add(PN_METRIC_HISTORY_RECORDS, b->n_records - n_lost);
		if (r < 0)
			leave_file(h, r, err.text);
		else
			set_state(h, "", NULL);
	}
	pn_metric_add(PN_METRIC_HISTORY_LOST, n_lost);
	if (h->file)
		pn_metric_set(PN_METRIC_HISTORY_BYTES, pn_history_file_bytes(h->file));
}

/* --- the history's thread ------------------------------------------------------------------------- */

static void finish(struct pn_history *h, struct pn_history_query *q)
{
	LL_DELETE(h->queries, q);
	(void)pthread_mutex_lock(&h->lock);
	q->is_done = true;
	(void)pthread_cond_broadcast(&h->answered);
	(void)pthread_mutex_unlock(&h->lock);
}

static bool is_cancelled(struct pn_history *h, const struct pn_history_query *q)
{
	bool yes;

	(void)pthread_mutex_lock(&h->lock);
	yes = q->is_cancelled;
	(void)pthread_mutex_unlock(&h->lock);
	return yes;
}

/* Return: does it go on at once? */
static bool step(struct pn_history *h, struct pn_history_query *q)
{
	int r = PN_HISTORY_IS_OVER;

	open_file(h);
	if (h->file && !is_cancelled(h, q))
		r = pn_history_query_step(q, h->file);
	if (r < 0)
		leave_file(h, r, strerror(-r));
	if (r < 0 || r == PN_HISTORY_IS_OVER)
		finish(h, q);
	return r == PN_HISTORY_GOES_ON;
}

/* Return: is there something to do at once? */
static bool answer(struct pn_history *h)
{
	struct pn_history_query *q, *next;
	bool goes_on = false;

	LL_FOREACH_SAFE (h->queries, q, next)
		goes_on = step(h, q) || goes_on;
	return goes_on;
}

/* For the client that may soon have read. */
static void wait_for_clients(struct pn_history *h)
{
	const struct pn_history_query *q;
	unsigned int pause_ms = 1000;
	struct timespec until;

	LL_FOREACH (h->queries, q)
		pause_ms = PN_MIN(pause_ms, q->pause_ms);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += pause_ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_cond_timedwait(&h->news, &h->lock, &until);
}

/* @goes_on: do not wait. Return: a batch, or NULL */
static struct pn_history_batch *take(struct pn_history *h, bool goes_on, bool *ret_stop)
{
	struct pn_history_batch *b;

	(void)pthread_mutex_lock(&h->lock);
	while (!goes_on && !h->full && !h->asked && !h->stop && !h->queries)
		(void)pthread_cond_wait(&h->news, &h->lock);
	if (!goes_on && !h->full && !h->asked && !h->stop)
		wait_for_clients(h);
	b = PN_TAKE_PTR(h->full);
	LL_CONCAT(h->queries, h->asked);
	h->asked = NULL;
	*ret_stop = h->stop;
	(void)pthread_mutex_unlock(&h->lock);
	return b;
}

static void give_back(struct pn_history *h, struct pn_history_batch *b)
{
	pn_history_batch_clear(b);
	(void)pthread_mutex_lock(&h->lock);
	h->spare = b;
	(void)pthread_mutex_unlock(&h->lock);
}

static void *thread_main(void *data)
{
	struct pn_history *h = data;
	bool goes_on = false, stop = false;

	open_file(h);
	while (!stop) {
		struct pn_history_batch *b = take(h, goes_on, &stop);

		if (b) {
			write_batch(h, b);
			give_back(h, b);
		}
		goes_on = answer(h);
	}
	return NULL;
}

/* --- start and stop ------------------------------------------------------------------------------- */

static void free_history(struct pn_history *h)
{
	pn_history_file_close(h->file);
	pn_history_batch_free(h->filling);
	pn_history_batch_free(h->spare);
	pn_history_batch_free(h->full);
	(void)pthread_cond_destroy(&h->news);
	(void)pthread_cond_destroy(&h->answered);
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
}

int pn_history_start(const struct pn_history_config *config, struct pn_history **ret)
{
	struct pn_history *h = calloc(1, sizeof(*h));
	pthread_condattr_t monotonic;
	int r;

	if (!h)
		return -ENOMEM;
	h->config = *config;
	h->handed = pn_clock_now(config->clock);
	(void)pthread_mutex_init(&h->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&h->news, &monotonic);
	(void)pthread_cond_init(&h->answered, NULL);
	(void)pthread_condattr_destroy(&monotonic);
	h->filling = pn_history_batch_new(BATCH_PAIRS);
	h->spare = pn_history_batch_new(BATCH_PAIRS);
	r = h->filling && h->spare ? -pthread_create(&h->thread, NULL, thread_main, h) : -ENOMEM;
	if (r < 0) {
		free_history(h);
		return r;
	}
	*ret = h;
	return 0;
}

void pn_history_stop(struct pn_history *h)
{
	if (!h)
		return;
	(void)pthread_mutex_lock(&h->lock);
	h->stop = true;
	(void)pthread_cond_signal(&h->news);
	(void)pthread_mutex_unlock(&h->lock);
	(void)pthread_join(h->thread, NULL);
	if (h->filling->keys.n)
		write_batch(h, h->filling);
	free_history(h);
}

void pn_history_state(struct pn_history *h, struct pn_history_state *ret)
{
	(void)pthread_mutex_lock(&h->lock);
	*ret = h->state;
	(void)pthread_mutex_unlock(&h->lock);
}
