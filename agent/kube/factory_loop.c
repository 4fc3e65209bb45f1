/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A factory's loop. It runs on a thread of the factory's, inside pn_factory_dispatch(), or is one
 * that the agent owns; the rest is the same.
 *
 * Two kinds of work meet here. What arrives from the server is taken in under the lock, by the
 * informers. What the user is told, handlers and callbacks, is told around each poll without the
 * lock (tell()), so that they may call anything. Other threads only note what they want and wake
 * the loop; it alone starts and stops requests.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <utlist.h>

#include "kube/informer_private.h"

enum { NOTICES_A_TURN = 512 };

/* --- the loop's turns --- */

/* What is wanted was noted under the lock: libuv's own check may miss a plain store before it. */
void pn_factory_wake(struct pn_factory *f)
{
	(void)uv_async_send(&f->wake);
}

void pn_factory_make_ready(struct pn_factory *f, struct pn_registration *r)
{
	if (r->is_ready)
		return;
	r->is_ready = true;
	r->ready_next = f->ready;
	f->ready = pn_registration_ref(r);
}

/* Return: true if it has to be looked at again */
static bool serve(struct pn_factory *f, struct pn_registration *r)
{
	bool again = pn_registration_deliver(r, NOTICES_A_TURN);

	if (again) {
		pn_factory_lock(f);
		pn_factory_make_ready(f, r);
		pn_factory_unlock(f);
	}
	return again;
}

static void on_busy(uv_idle_t *busy)
{
	(void)busy; /* all is done after the poll, which does not block while this is active */
}

/* One that waits here still counts as ready, for its link is in use until its turn has come. */
static struct pn_registration *take_ready(struct pn_factory *f, struct pn_registration **list)
{
	struct pn_registration *r = *list;

	if (!r)
		return NULL;
	pn_factory_lock(f);
	*list = r->ready_next;
	r->is_ready = false;
	pn_factory_unlock(f);
	return r;
}

static void deliver(struct pn_factory *f)
{
	struct pn_registration *r, *ready;
	bool again = false;

	pn_factory_lock(f);
	ready = PN_TAKE_PTR(f->ready);
	pn_factory_unlock(f);
	while ((r = take_ready(f, &ready))) {
		again = serve(f, r) || again;
		pn_registration_unref(r);
	}
	if (again)
		(void)uv_idle_start(&f->busy, on_busy);
	else
		(void)uv_idle_stop(&f->busy);
}

static void tell_reports(struct pn_factory *f)
{
	struct pn_informer *inf;

	pn_factory_lock(f);
	inf = f->has_reports ? f->informers : NULL;
	f->has_reports = false; /* before, as one may come meanwhile */
	for (; inf; inf = inf->next) {
		pn_factory_unlock(f);
		pn_informer_tell_reports(inf);
		pn_factory_lock(f);
	}
	pn_factory_unlock(f);
}

static void tell(struct pn_factory *f)
{
	tell_reports(f);
	deliver(f);
}

/* What timers have brought must not wait for the poll. */
void pn_factory_on_before_poll(uv_prepare_t *prepare)
{
	tell(prepare->data);
}

void pn_factory_on_after_poll(uv_check_t *check)
{
	tell(check->data);
}

void pn_factory_on_wake(uv_async_t *wake)
{
	struct pn_factory *f = wake->data;
	struct pn_informer *inf;

	pn_factory_lock(f);
	for (inf = f->informers; inf; inf = inf->next)
		pn_informer_turn(inf);
	(void)pthread_cond_broadcast(&f->changed);
	if (f->is_freed)
		uv_stop(f->loop);
	pn_factory_unlock(f);
}

void pn_factory_server_is_back(struct pn_factory *f, struct pn_informer *inf)
{
	struct pn_informer *other;

	for (other = f->informers; other; other = other->next)
		if (other != inf)
			pn_informer_server_is_back(other);
}

/* --- whose loop it is --- */

static void *run_thread(void *data)
{
	struct pn_factory *f = data;

	(void)uv_run(f->loop, UV_RUN_DEFAULT);
	return NULL;
}

/* Signals are the program's business, not this thread's. Under the lock. */
int pn_factory_start_thread(struct pn_factory *f)
{
	sigset_t all, before;
	int e;

	if (f->owner != PN_LOOP_OWNER_THREAD || f->has_thread)
		return 0;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pthread_create(&f->thread, NULL, run_thread, f);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	f->has_thread = e == 0;
	return -e;
}

static void on_alarm(uv_poll_t *poll, int status, int events)
{
	struct pn_factory *f = poll->data;
	uint64_t n_expired;

	(void)status, (void)events;
	(void)!read(f->alarm_fd, &n_expired, sizeof(n_expired));
}

/* The loop's own descriptor knows sockets only: its next timer is set as an alarm beside them. */
static void set_alarm(struct pn_factory *f)
{
	struct itimerspec when = { 0 };
	int ms;

	uv_update_time(f->loop); /* handlers have taken a while */
	ms = uv_backend_timeout(f->loop);
	if (ms >= 0) {
		when.it_value.tv_sec = ms / 1000;
		when.it_value.tv_nsec = ms % 1000 * 1000000L;
	}
	if (ms == 0)
		when.it_value.tv_nsec = 1;
	(void)timerfd_settime(f->alarm_fd, 0, &when, NULL);
}

int pn_factory_open_alarm(struct pn_factory *f)
{
	int r;

	f->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (f->alarm_fd < 0)
		return -errno;
	r = uv_poll_init(f->loop, &f->alarm_poll, f->alarm_fd);
	if (r < 0)
		return r;
	f->alarm_poll.data = f;
	f->n_handles++;
	return uv_poll_start(&f->alarm_poll, UV_READABLE, on_alarm);
}

int pn_factory_fd(const struct pn_factory *f)
{
	return f->owner == PN_LOOP_OWNER_CALLER ? uv_backend_fd(f->loop) : -EINVAL;
}

/* Under the lock. Return: true if the caller's loop is this thread's from now on */
static bool take_loop(struct pn_factory *f)
{
	if (f->owner != PN_LOOP_OWNER_CALLER || f->is_taken)
		return false;
	f->is_taken = true;
	return true;
}

static void give_loop(struct pn_factory *f)
{
	f->is_taken = false;
	(void)pthread_cond_broadcast(&f->changed);
}

static void turn(struct pn_factory *f)
{
	(void)uv_run(f->loop, UV_RUN_NOWAIT);
	tell(f); /* in newer releases of libuv the timers are the last of a turn */
	set_alarm(f);
}

void pn_factory_dispatch(struct pn_factory *f)
{
	bool is_mine;

	pn_factory_lock(f);
	is_mine = take_loop(f);
	pn_factory_unlock(f);
	if (!is_mine)
		return;
	turn(f);
	pn_factory_lock(f);
	give_loop(f);
	pn_factory_unlock(f);
}

/* --- waiting --- */

/* Under the lock. */
static bool is_synced(const struct pn_factory *f, const struct pn_informer *only)
{
	const struct pn_informer *inf;

	for (inf = f->informers; inf; inf = inf->next)
		if ((only ? inf == only : inf->wants_start) && !pn_informer_has_synced(inf))
			return false;
	return true;
}

static bool is_stopped(const struct pn_factory *f, const struct pn_informer *only)
{
	return only ? only->is_stopped : f->is_stopped;
}

static int poll_timeout(const struct pn_factory *f, pn_nsec until)
{
	pn_nsec now = pn_clock_now(f->clock);

	if (until == PN_NSEC_NEVER)
		return -1;
	if (now >= until)
		return 0;
	return (int)PN_MIN((until - now) / PN_NSEC_PER_MSEC + 1, (pn_nsec)INT_MAX);
}

/*
 * One wait for something to change, under the lock. Of several threads in the caller's loop one waits
 * for its descriptor and turns it, and the others for that one: who waits for the descriptor beside
 * it would miss what the turn has consumed.
 */
static void wait_once(struct pn_factory *f, pn_nsec until)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(until / PN_NSEC_PER_SEC),
		.tv_nsec = (long)(until % PN_NSEC_PER_SEC),
	};
	struct pollfd fd = { .fd = pn_factory_fd(f), .events = POLLIN };

	if (take_loop(f)) {
		pn_factory_unlock(f);
		(void)poll(&fd, 1, poll_timeout(f, until));
		turn(f);
		pn_factory_lock(f);
		give_loop(f);
	} else if (until == PN_NSEC_NEVER) {
		(void)pthread_cond_wait(&f->changed, &f->lock);
	} else {
		(void)pthread_cond_timedwait(&f->changed, &f->lock, &ts);
	}
}

static int wait_for_sync(struct pn_factory *f, const struct pn_informer *only, int timeout_ms)
{
	pn_nsec until = PN_NSEC_NEVER;
	int r = 0;

	if (timeout_ms >= 0)
		until = pn_clock_now(f->clock) + (pn_nsec)timeout_ms * PN_NSEC_PER_MSEC;
	pn_factory_lock(f);
	while (r == 0 && !is_synced(f, only)) {
		if (is_stopped(f, only))
			r = -ECANCELED;
		else if (pn_clock_now(f->clock) >= until)
			r = -ETIMEDOUT;
		else
			wait_once(f, until);
	}
	pn_factory_unlock(f);
	return r;
}

int pn_factory_wait_for_sync(struct pn_factory *f, int timeout_ms)
{
	return wait_for_sync(f, NULL, timeout_ms);
}

int pn_informer_wait_for_sync(struct pn_informer *inf, int timeout_ms)
{
	return wait_for_sync(inf->factory, inf, timeout_ms);
}
