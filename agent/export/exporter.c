/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One place where records go: the flow thread puts them into batches, a thread hands the batches to
 * the kind of sink that it is. Used by the set of exporters.
 *
 * The flow thread encodes into a batch that only it knows, and takes the lock for no longer than it
 * takes to hang that behind the others. All figures change under the same lock, so that a reader
 * sees a ledger that adds up.
 */
#include "export/exporter.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <utlist.h>

#include "base/err.h"
#include "base/log.h"
#include "base/metric.h"
#include "export/sink_spec.h"

enum {
	BATCH_BYTES = 64 << 10, /* handed on at this size */
	BATCH_MAX_BYTES = 256 << 10,
	SOON_MS = 5,	    /* after -EAGAIN */
	HASTE_MS = 100,	    /* between attempts, once the agent is stopping */
	FAREWELL_MS = 3000, /* what is not sent by then is lost */
};

struct pn_exporter {
	struct pn_sink_spec spec;
	void *sink; /* of the kind */
	pthread_t thread;
	bool is_started, is_joined;

	struct pn_batch *fill; /* flow thread only; NULL: none yet */

	/* The sender's thread only. */
	struct pn_batch *current; /* what the kind is given until it takes it */
	struct pn_backoff backoff;
	pn_nsec next_try, next_attend;
	bool is_failing, is_hasty;
	struct pn_log_limit limit;

	/* Everything below is guarded by the lock. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct pn_batch *queue;
	size_t queue_bytes; /* of @queue and @current */
	pn_nsec farewell;   /* when the agent is stopping: until when may be sent; else 0 */
	struct pn_exporter_stats stats;
};

const char *pn_loss_name(enum pn_loss loss)
{
	static const char *const names[] = { "queue_full", "not_encoded", "refused", "given_up",
					     "shutdown" };
	_Static_assert(PN_ARRAY_SIZE(names) == PN_LOSS_MAX, "a name for each");

	return names[loss];
}

static pn_nsec now(void)
{
	return pn_clock_now(&pn_clock_system);
}

static void free_batch(struct pn_batch *b)
{
	if (!b)
		return;
	pn_buf_done(&b->bytes);
	free(b);
}

/* --- the ledger ---------------------------------------------------------------------------------- */

static void lose_locked(struct pn_exporter *x, enum pn_loss why, uint64_t n)
{
	x->stats.waiting -= n;
	x->stats.dropped[why] += n;
	pn_metric_add(PN_METRIC_EXPORT_DROPPED, n);
}

void pn_exporter_sent(struct pn_exporter *x, uint64_t n_records)
{
	(void)pthread_mutex_lock(&x->lock);
	x->stats.waiting -= n_records;
	x->stats.sent += n_records;
	(void)pthread_mutex_unlock(&x->lock);
}

void pn_exporter_lost(struct pn_exporter *x, enum pn_loss why, uint64_t n_records)
{
	(void)pthread_mutex_lock(&x->lock);
	lose_locked(x, why, n_records);
	(void)pthread_mutex_unlock(&x->lock);
}

void pn_exporter_stats(struct pn_exporter *x, struct pn_exporter_stats *ret)
{
	(void)pthread_mutex_lock(&x->lock);
	*ret = x->stats;
	(void)pthread_mutex_unlock(&x->lock);
}

/* --- the flow thread's side ---------------------------------------------------------------------- */

static struct pn_batch *new_batch(void)
{
	struct pn_batch *b = calloc(1, sizeof(*b));

	if (b)
		b->bytes = PN_BUF_INIT(BATCH_MAX_BYTES);
	return b;
}

static void tell(struct pn_exporter *x, uint64_t n)
{
	x->stats.told += n;
	x->stats.waiting += n;
}

void pn_exporter_flush(struct pn_exporter *x)
{
	struct pn_batch *b = x->fill;

	if (!b || !b->n_records)
		return;
	(void)pthread_mutex_lock(&x->lock);
	tell(x, b->n_records);
	if (x->queue_bytes + b->bytes.len > x->spec.max_queue) {
		lose_locked(x, PN_LOSS_QUEUE_FULL, b->n_records);
	} else {
		x->fill = NULL;
		x->queue_bytes += b->bytes.len;
		LL_APPEND(x->queue, b);
		(void)pthread_cond_signal(&x->wake);
	}
	(void)pthread_mutex_unlock(&x->lock);
	if (x->fill) { /* it stays here, to be used again */
		pn_buf_reset(&b->bytes);
		b->n_records = 0;
	}
}

static void not_encoded(struct pn_exporter *x)
{
	(void)pthread_mutex_lock(&x->lock);
	tell(x, 1);
	lose_locked(x, PN_LOSS_NOT_ENCODED, 1);
	(void)pthread_mutex_unlock(&x->lock);
}

void pn_exporter_record(struct pn_exporter *x, const struct pn_flow_record *r)
{
	if (!x->fill)
		x->fill = new_batch();
	if (!x->fill || x->spec.kind->encode(x->sink, r, &x->fill->bytes) < 0) {
		not_encoded(x);
		return;
	}
	x->fill->n_records++;
	if (x->fill->bytes.len >= BATCH_BYTES)
		pn_exporter_flush(x);
}

/* --- the sender's thread ------------------------------------------------------------------------- */

static bool is_stopping(const struct pn_exporter *x)
{
	return x->farewell != 0;
}

/* With the lock. Who has been in trouble may be well again after the last record has gone. */
static bool has_to_attend(const struct pn_exporter *x)
{
	const struct pn_sink_kind *kind = x->spec.kind;

	return kind->attend && (x->stats.waiting || kind->attends_always ||
				(kind->confirms_later && x->is_failing));
}

/* With the lock. When there is something to be done; PN_NSEC_NEVER: when it is woken */
static pn_nsec next_work(const struct pn_exporter *x)
{
	pn_nsec next = PN_NSEC_NEVER;

	if (x->current || x->queue)
		next = x->next_try;
	if (has_to_attend(x))
		next = PN_MIN(next, PN_MAX(x->next_attend, x->next_try));
	return is_stopping(x) ? PN_MIN(next, x->farewell) : next;
}

static void sleep_until(struct pn_exporter *x, pn_nsec when)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(when / PN_NSEC_PER_SEC),
		.tv_nsec = (long)(when % PN_NSEC_PER_SEC),
	};

	if (when == PN_NSEC_NEVER)
		(void)pthread_cond_wait(&x->wake, &x->lock);
	else
		(void)pthread_cond_timedwait(&x->wake, &x->lock, &ts);
}

/* With the lock. Return: go on? */
static bool wait_for_work(struct pn_exporter *x)
{
	for (;;) {
		if (is_stopping(x) && (!x->stats.waiting || now() >= x->farewell))
			return false;
		if (is_stopping(x) && !x->is_hasty)
			x->next_try = 0;
		x->is_hasty = is_stopping(x);
		if (next_work(x) <= now())
			break;
		sleep_until(x, next_work(x));
	}
	if (!x->current && x->queue) {
		x->current = x->queue;
		LL_DELETE(x->queue, x->current);
	}
	return true;
}

static void note_failure(struct pn_exporter *x, const struct pn_err *err)
{
	pn_nsec pause = pn_backoff_next(&x->backoff, &pn_clock_system);
	unsigned int n_held;

	(void)pthread_mutex_lock(&x->lock);
	x->stats.retries++;
	x->stats.error = *err;
	if (is_stopping(x))
		pause = PN_MIN(pause, HASTE_MS * PN_NSEC_PER_MSEC);
	(void)pthread_mutex_unlock(&x->lock);
	x->next_try = now() + pause;
	x->is_failing = true;
	if (pn_log_allow(&x->limit, now(), 60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("export", "sink %s: %s; trying again held=%u", x->spec.name, err->text,
			n_held);
}

static void note_success(struct pn_exporter *x)
{
	if (!x->is_failing)
		return;
	x->is_failing = false;
	x->backoff.base = 0;
	(void)pthread_mutex_lock(&x->lock);
	x->stats.error.text[0] = '\0';
	(void)pthread_mutex_unlock(&x->lock);
	pn_info("export", "sink %s takes records again", x->spec.name);
}

static void finish_current(struct pn_exporter *x)
{
	(void)pthread_mutex_lock(&x->lock);
	x->queue_bytes -= x->current->bytes.len;
	(void)pthread_mutex_unlock(&x->lock);
	free_batch(PN_TAKE_PTR(x->current));
}

/* What a call of the kind has said. */
static void judge(struct pn_exporter *x, int r, const struct pn_err *err)
{
	if (r == 0)
		note_success(x);
	else if (r == -EAGAIN)
		x->next_try = now() + SOON_MS * PN_NSEC_PER_MSEC;
	else
		note_failure(x, err);
}

/* Without the lock. */
static void work(struct pn_exporter *x)
{
	struct pn_err err = { "" };
	int r;

	if (x->current && x->next_try <= now()) {
		r = x->spec.kind->send(x->sink, x->current, &err);
		if (r == 0)
			finish_current(x);
		if (r < 0 || !x->spec.kind->confirms_later)
			judge(x, r, &err);
	}
	if (x->spec.kind->attend && PN_MAX(x->next_attend, x->next_try) <= now()) {
		judge(x, x->spec.kind->attend(x->sink, &err), &err);
		x->next_attend = now() + x->spec.kind->attend_ms * PN_NSEC_PER_MSEC;
	}
}

static void *thread_main(void *data)
{
	struct pn_exporter *x = data;

	(void)pthread_mutex_lock(&x->lock);
	while (wait_for_work(x)) {
		(void)pthread_mutex_unlock(&x->lock);
		work(x);
		(void)pthread_mutex_lock(&x->lock);
	}
	(void)pthread_mutex_unlock(&x->lock);
	return NULL;
}

/* --- begin and end ------------------------------------------------------------------------------- */

static void init_lock(struct pn_exporter *x)
{
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&x->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&x->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
}

int pn_exporter_new(const char *spec, const struct pn_sink_kind *const *kinds, size_t n_kinds,
		    const char *node, struct pn_exporter **ret, struct pn_err *reterr)
{
	struct pn_exporter *x = calloc(1, sizeof(*x));
	struct pn_sink_setup setup = { .node = node, .exporter = x };
	int r;

	if (!x)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	init_lock(x);
	r = pn_sink_spec_parse(spec, kinds, n_kinds, &x->spec, reterr);
	if (r == 0) {
		setup.target = x->spec.target;
		setup.values = x->spec.values;
		r = x->spec.kind->open(&setup, &x->sink, reterr);
	}
	if (r < 0) {
		pn_exporter_free(x);
		return r;
	}
	x->stats.name = x->spec.name;
	x->backoff = (struct pn_backoff) {
		.initial = PN_MIN(200 * PN_NSEC_PER_MSEC, x->spec.retry_max / 2),
		.cap = x->spec.retry_max / 2, /* a pause is up to twice as long */
		.reset_after = 120 * PN_NSEC_PER_SEC + x->spec.retry_max,
		.factor = 2,
	};
	*ret = x;
	return 0;
}

int pn_exporter_start(struct pn_exporter *x)
{
	int r = -pthread_create(&x->thread, NULL, thread_main, x);

	if (r < 0)
		return r;
	(void)pthread_setname_np(x->thread, x->spec.kind->name);
	x->is_started = true;
	return 0;
}

void pn_exporter_stop(struct pn_exporter *x)
{
	pn_exporter_flush(x);
	(void)pthread_mutex_lock(&x->lock);
	x->farewell = now() + FAREWELL_MS * PN_NSEC_PER_MSEC;
	(void)pthread_cond_signal(&x->wake);
	(void)pthread_mutex_unlock(&x->lock);
}

void pn_exporter_join(struct pn_exporter *x)
{
	if (!x->is_started || x->is_joined)
		return;
	(void)pthread_join(x->thread, NULL);
	x->is_joined = true;
	if (x->stats.waiting) {
		pn_warn("export", "sink %s: the agent ends before all was sent records=%llu",
			x->spec.name, (unsigned long long)x->stats.waiting);
		pn_exporter_lost(x, PN_LOSS_SHUTDOWN, x->stats.waiting);
	}
}

void pn_exporter_free(struct pn_exporter *x)
{
	struct pn_batch *b, *next;

	if (!x)
		return;
	if (x->is_started && !x->is_joined) {
		pn_exporter_stop(x);
		pn_exporter_join(x);
	}
	if (x->sink)
		x->spec.kind->close(x->sink);
	LL_FOREACH_SAFE (x->queue, b, next)
		free_batch(b);
	free_batch(x->current);
	free_batch(x->fill);
	pn_sink_spec_done(&x->spec);
	(void)pthread_cond_destroy(&x->wake);
	(void)pthread_mutex_destroy(&x->lock);
	free(x);
}
