/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_EXPORT_HISTORY_FIXTURE_H
#define PN_TESTS_EXPORT_HISTORY_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/metric.h"
#include "export/history.h"
#include "tests/unit/export/record_fixture.h"

/* A history in a directory of its own, and clients that ask it. */

#define MINUTE (60 * PN_NSEC_PER_SEC)

struct world {
	char dir[64], path[96];
	struct pn_clock clock; /* the system's, with a wall clock of our own */
	pn_nsec now;
	struct pn_history *history;
	char text[8 << 20];
};

static inline pn_nsec world_realtime(void *data)
{
	return ((struct world *)data)->now;
}

static inline pn_nsec world_now(void *data)
{
	(void)data;
	return pn_clock_now(&pn_clock_system);
}

static inline int world_up(void **state)
{
	static struct world w;
	const char *tmp = getenv("TMPDIR");

	w.now = 1773921780 * PN_NSEC_PER_SEC; /* the begin of a minute */
	w.clock = (struct pn_clock) { .now = world_now, .realtime = world_realtime, .data = &w };
	(void)snprintf(w.dir, sizeof(w.dir), "%.40s/pn-history.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(w.dir))
		return -1;
	(void)snprintf(w.path, sizeof(w.path), "%s/history.db", w.dir);
	*state = &w;
	return 0;
}

static inline int world_down(void **state)
{
	struct world *w = *state;
	DIR *dir = opendir(w->dir);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		(void)closedir(dir);
	return rmdir(w->dir);
}

static inline void start_sized(struct world *w, uint64_t max_bytes)
{
	const struct pn_history_config config = {
		.clock = &w->clock,
		.path = w->path,
		.max_bytes = max_bytes,
		.max_age = 3600 * PN_NSEC_PER_SEC,
	};

	assert_int_equal(pn_history_start(&config, &w->history), 0);
}

static inline void start(struct world *w)
{
	start_sized(w, (uint64_t)64 << 20);
}

static inline void stop(struct world *w)
{
	pn_history_stop(PN_TAKE_PTR(w->history));
}

/* A record of the pair @pair, whose last packet came @ms after w->now. */
static inline struct pn_flow_record record_at(const struct world *w, unsigned int pair, uint64_t ms)
{
	struct pn_flow_record r = sample_record();

	r.end = w->now + ms * PN_NSEC_PER_MSEC;
	r.start = r.end - PN_NSEC_PER_MSEC;
	r.is_first = true;
	r.destination.port = (uint16_t)(1 + pair);
	r.source.addr.b[14] = (uint8_t)(pair >> 16);
	return r;
}

static inline struct pn_view past_view(enum pn_past past, uint32_t n)
{
	return (struct pn_view) {
		.style = { .format = PN_FORMAT_COMPACT, .time = PN_TIME_UNIX },
		.past = past,
		.n = n,
		.until = PN_NSEC_NEVER,
	};
}

/* What there is now, behind what was read. */
static inline void read_some(struct world *w, int fd)
{
	size_t len = strlen(w->text);
	ssize_t n;

	while ((n = read(fd, w->text + len, sizeof(w->text) - 1 - len)) > 0)
		len += (size_t)n;
	w->text[len] = '\0';
}

static inline unsigned int count_lines(const char *text)
{
	unsigned int n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* Asks until it is answered, within a minute. Return: how many lines; they are in w->text */
static inline unsigned int ask(struct world *w, const struct pn_view *view, pn_nsec own_before)
{
	struct pn_history_query *q = NULL;
	struct pn_sink *sink;
	pn_nsec begin;
	uint64_t n = 0;
	int fds[2], r = -EAGAIN;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(
		pn_sink_open_subscriber(fds[1], view->style.format, sizeof(w->text), &sink), 0);
	for (int i = 0; r == -EAGAIN && i < 60000; i++) {
		r = pn_history_ask(w->history, view, own_before, sink, &q);
		if (r == -EAGAIN)
			(void)usleep(1000);
	}
	assert_int_equal(r, 0);
	w->text[0] = '\0';
	while (!pn_history_answered(w->history, q, &n, &begin)) {
		read_some(w, fds[0]);
		(void)usleep(500);
	}
	do {
		assert_int_equal(pn_sink_flush(sink), 0);
		read_some(w, fds[0]);
	} while (pn_sink_is_waiting(sink));
	pn_sink_close(sink);
	(void)close(fds[0]);
	assert_int_equal(count_lines(w->text), n);
	return (unsigned int)n;
}

static inline unsigned int ask_all(struct world *w)
{
	const struct pn_view view = past_view(PN_PAST_ALL, 0);

	return ask(w, &view, PN_NSEC_NEVER);
}

#endif
