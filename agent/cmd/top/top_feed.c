/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `podonym top` and the agent: a connection each for records, for drops and, from time to time, for its
 * state. Records and drops begin and end together, so that both are about the same time; cmd_top.c
 * waits for all of them and for keys at once.
 */
#include "cmd/top/top_feed.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/flows.h"
#include "cmd/top/top_name.h"
#include "serve/socket.h"

#define ASK_EVERY (2 * PN_NSEC_PER_SEC)

enum { READ_BYTES = 64 << 10, LINE_MAX_BYTES = 1 << 20 };

struct stream {
	int fd; /* -1: none */
	char *request;
	struct pn_buf buf;
};

struct pn_top_feed {
	const char *path;
	struct pn_top_hearer hearer;
	const struct pn_clock *clock;
	struct stream streams[PN_TOP_STREAMS];
	struct pn_backoff pauses;
	pn_nsec call_at, ask_at;
	struct pn_top_agent agent;
};

int pn_top_feed_new(const char *path, const struct pn_top_hearer *hearer,
		    const struct pn_clock *clock, struct pn_top_feed **ret)
{
	struct pn_top_feed *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct pn_top_feed) {
		.path = path,
		.hearer = *hearer,
		.clock = clock,
		.pauses = { .initial = PN_NSEC_PER_SEC / 4,
			    .cap = 5 * PN_NSEC_PER_SEC,
			    .reset_after = 30 * PN_NSEC_PER_SEC,
			    .factor = 2 },
	};
	for (int i = 0; i < PN_TOP_STREAMS; i++) {
		f->streams[i].fd = -1;
		f->streams[i].buf = PN_BUF_INIT(LINE_MAX_BYTES + READ_BYTES);
	}
	f->streams[PN_TOP_STATUS_STREAM].request = strdup("{\"command\":\"status\"}");
	if (!f->streams[PN_TOP_STATUS_STREAM].request) {
		pn_top_feed_free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

static void hang_up(struct stream *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	pn_buf_reset(&s->buf);
}

void pn_top_feed_free(struct pn_top_feed *f)
{
	if (!f)
		return;
	for (int i = 0; i < PN_TOP_STREAMS; i++) {
		hang_up(&f->streams[i]);
		free(f->streams[i].request);
		pn_buf_done(&f->streams[i].buf);
	}
	free(f);
}

/* --- calling -------------------------------------------------------------------------------------- */

/* Nothing comes any more: for want of words in @why, because the agent has hung up. */
static void lose_agent(struct pn_top_feed *f, const char *why)
{
	for (int i = 0; i < PN_TOP_STREAMS; i++)
		hang_up(&f->streams[i]);
	f->agent.is_there = f->agent.is_silent = false;
	if (why)
		pn_top_printable(f->agent.why, sizeof(f->agent.why), why);
	f->call_at = pn_clock_now(f->clock) + pn_backoff_next(&f->pauses, f->clock);
}

static int call(struct pn_top_feed *f, enum pn_top_stream which, struct pn_err *reterr)
{
	struct stream *s = &f->streams[which];

	s->fd = pn_socket_connect(f->path, s->request, reterr);
	return s->fd < 0 ? s->fd : 0;
}

static void call_agent(struct pn_top_feed *f)
{
	struct pn_err err = { "" };

	f->call_at = PN_NSEC_NEVER;
	f->ask_at = 0;
	if (call(f, PN_TOP_FLOWS_STREAM, &err) < 0 || call(f, PN_TOP_DROPS_STREAM, &err) < 0) {
		lose_agent(f, err.text);
		return;
	}
	f->agent.is_there = true;
	f->agent.why[0] = f->agent.note[0] = '\0';
}

static void ask_state(struct pn_top_feed *f)
{
	struct pn_err err = { "" };

	f->ask_at = pn_clock_now(f->clock) + ASK_EVERY;
	f->agent.is_silent = f->streams[PN_TOP_STATUS_STREAM].fd >= 0;
	if (!f->agent.is_silent && call(f, PN_TOP_STATUS_STREAM, &err) < 0)
		lose_agent(f, err.text);
}

static int make_request(const char *command, const struct pn_option_items *filters, char **ret,
			struct pn_err *reterr)
{
	struct pn_flows_options o = {
		.follow = true,
		.filters = *filters,
		.output = "json",
		.time_format = "clock",
	};

	return pn_flows_request(command, &o, 0, ret, reterr);
}

int pn_top_feed_ask(struct pn_top_feed *f, const struct pn_option_items *filters,
		    struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *flows = NULL;
	PN_CLEANUP(pn_freep) char *drops = NULL;
	int r = make_request("flows", filters, &flows, reterr);

	if (r == 0)
		r = make_request("drops", filters, &drops, reterr);
	if (r < 0)
		return r;
	for (int i = 0; i < PN_TOP_STREAMS; i++)
		hang_up(&f->streams[i]);
	free(f->streams[PN_TOP_FLOWS_STREAM].request);
	free(f->streams[PN_TOP_DROPS_STREAM].request);
	f->streams[PN_TOP_FLOWS_STREAM].request = PN_TAKE_PTR(flows);
	f->streams[PN_TOP_DROPS_STREAM].request = PN_TAKE_PTR(drops);
	call_agent(f);
	return 0;
}

/* --- hearing -------------------------------------------------------------------------------------- */

/* Return: is that what the line is? */
static bool take_words(struct pn_top_feed *f, const char *line)
{
	PN_CLEANUP(json_decrefp) json_t *root = NULL;
	const char *error, *note;

	if (strncmp(line, "{\"error\":", 9) != 0 && strncmp(line, "{\"note\":", 8) != 0)
		return false;
	root = json_loads(line, 0, NULL);
	error = json_string_value(json_object_get(root, "error"));
	note = json_string_value(json_object_get(root, "note"));
	if (error)
		pn_top_printable(f->agent.why, sizeof(f->agent.why), error);
	else
		pn_top_printable(f->agent.note, sizeof(f->agent.note), note ? note : line);
	return true;
}

static void take_line(struct pn_top_feed *f, enum pn_top_stream which, char *line, size_t len)
{
	struct pn_recorded_flow record;

	if (take_words(f, line))
		return;
	if (pn_record_line_read(line, len, &record))
		f->agent.n_unread++;
	else
		f->hearer.hear(f->hearer.data, which, &record);
}

static void take_lines(struct pn_top_feed *f, enum pn_top_stream which)
{
	struct pn_buf *buf = &f->streams[which].buf;
	char *at = buf->data, *end;

	while ((end = memchr(at, '\n', buf->len - (size_t)(at - buf->data)))) {
		*end = '\0';
		take_line(f, which, at, (size_t)(end - at));
		at = end + 1;
	}
	pn_buf_consume(buf, (size_t)(at - buf->data));
}

static void take_state(struct pn_top_feed *f, const struct pn_buf *text)
{
	PN_CLEANUP(json_decrefp) json_t *doc = json_loadb(text->data, text->len, 0, NULL);
	const char *node = json_string_value(json_object_get(doc, "node"));

	pn_top_printable(f->agent.node, sizeof(f->agent.node), node ? node : "");
	f->agent.is_synced = json_is_true(json_object_get(doc, "synced"));
}

/* Without records that was it; an agent that gives no drops may still give records. */
static void hear_end(struct pn_top_feed *f, enum pn_top_stream which, const char *why)
{
	struct stream *s = &f->streams[which];

	if (which == PN_TOP_STATUS_STREAM && s->buf.len)
		take_state(f, &s->buf);
	else if (which != PN_TOP_STATUS_STREAM && !f->agent.why[0])
		pn_top_printable(f->agent.why, sizeof(f->agent.why), why);
	if (which == PN_TOP_FLOWS_STREAM)
		lose_agent(f, NULL);
	else
		hang_up(s);
}

static void hear(struct pn_top_feed *f, enum pn_top_stream which)
{
	struct stream *s = &f->streams[which];
	ssize_t n;

	if (pn_buf_reserve(&s->buf, READ_BYTES) < 0) {
		hear_end(f, which, "a line from the agent is too long, or memory is short");
		return;
	}
	n = read(s->fd, s->buf.data + s->buf.len, READ_BYTES);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		hear_end(f, which, "the agent is gone");
		return;
	}
	s->buf.len += (size_t)n;
	if (which != PN_TOP_STATUS_STREAM)
		take_lines(f, which);
}

pn_nsec pn_top_feed_wait(const struct pn_top_feed *f, struct pollfd fds[PN_TOP_STREAMS])
{
	for (int i = 0; i < PN_TOP_STREAMS; i++)
		fds[i] = (struct pollfd) { .fd = f->streams[i].fd, .events = POLLIN };
	return f->agent.is_there ? f->ask_at : f->call_at;
}

void pn_top_feed_run(struct pn_top_feed *f, const struct pollfd fds[PN_TOP_STREAMS])
{
	for (int i = 0; i < PN_TOP_STREAMS; i++)
		if (fds[i].revents && f->streams[i].fd >= 0 && f->streams[i].fd == fds[i].fd)
			hear(f, (enum pn_top_stream)i);
	if (!f->agent.is_there && pn_clock_now(f->clock) >= f->call_at)
		call_agent(f);
	if (f->agent.is_there && pn_clock_now(f->clock) >= f->ask_at)
		ask_state(f);
}

const struct pn_top_agent *pn_top_feed_agent(const struct pn_top_feed *f)
{
	return &f->agent;
}
