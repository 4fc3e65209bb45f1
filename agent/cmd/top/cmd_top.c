/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym top: who talks to whom on this node right now, how much, and what is lost. One thread waits for
 * the agent's lines, keys and signals at once (top_feed.c, top_screen.c, a signalfd); what comes goes into the
 * table (top_table.c), which is drawn at each interval and after each key (top_view.c), or printed.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "cmd/ask_agent.h"
#include "cmd/commands.h"
#include "cmd/flows_options.h"
#include "cmd/table.h"
#include "cmd/top/top_screen.h"

enum { MAX_PAIRS = 4096, MAX_CONNECTIONS = 16384 };

/* struct top_options - @flows: the filters and the socket; at the beginning, where their rows have them */
struct top_options {
	struct pn_flows_options flows;
	pn_nsec interval, window;
	uint32_t batch;
	const char *sort;
};

struct top {
	const struct top_options *o;
	const struct pn_clock *clock;
	struct pn_top *table;
	struct pn_top_feed *feed;
	struct pn_top_filter filter;
	struct pn_top_view view;
	int signals;
	int failed; /* -ENOMEM: the table could not take it */
	uint32_t n_printed;
	bool is_over;
};

static const char *const sorts[] = { "bytes", "packets", "drops", "rtt", "name", NULL };

/* --- what comes ----------------------------------------------------------------------------------- */

static void hear(void *data, enum pn_top_stream from, const struct pn_recorded_flow *f)
{
	struct top *t = data;
	pn_nsec now = pn_clock_now(t->clock);
	int r = from == PN_TOP_DROPS_STREAM ? pn_top_drop(t->table, f, now)
					    : pn_top_flow(t->table, f, now);

	if (r < 0)
		t->failed = r;
}

static int new_table(struct top *t)
{
	const struct pn_top_limits limits = { t->o->window, MAX_PAIRS, MAX_CONNECTIONS };
	struct pn_top *table;
	int r = pn_top_new(&limits, pn_clock_now(t->clock), &table);

	if (r < 0)
		return r;
	pn_top_free(t->table);
	t->table = table;
	t->view.rows = NULL;
	t->view.connections = NULL;
	t->view.n_rows = t->view.n_connections = 0;
	return 0;
}

/* Another filter is another table: sums of before would be of other connections. */
static int set_filter(struct top *t, const char *words, struct pn_err *reterr)
{
	struct pn_top_filter filter;
	int r = pn_top_filter_parse(words, &filter, reterr);

	if (r == 0)
		r = pn_top_feed_ask(t->feed, &filter.items, reterr);
	if (r == 0)
		r = new_table(t);
	if (r == 0)
		(void)snprintf(t->filter.words, sizeof(t->filter.words), "%s", words);
	return r;
}

/* --- showing -------------------------------------------------------------------------------------- */

static int add_row(struct pn_table *cells, const struct pn_top_row *row, pn_nsec now)
{
	int r = 0;

	for (int i = 0; i < PN_TOP_COLUMNS && r == 0; i++) {
		char cell[512];

		pn_top_cell(cell, sizeof(cell), (enum pn_top_column)i, row, now);
		r = pn_table_cell(cells, "%s", cell);
	}
	return r;
}

static int print_rows(struct top *t, const struct pn_top_row *rows, size_t n, pn_nsec now)
{
	PN_CLEANUP(pn_table_freep)
	struct pn_table *cells = pn_table_new(pn_top_headings, PN_TOP_COLUMNS);
	struct pn_top_row others;
	int r = cells ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++)
		r = add_row(cells, &rows[i], now);
	if (r == 0 && pn_top_others(t->table, now, &others))
		r = add_row(cells, &others, now);
	if (r == 0)
		pn_table_print(cells, stdout);
	return r;
}

static int print_snapshot(struct top *t)
{
	pn_nsec now = pn_clock_now(t->clock);
	const struct pn_top_row *rows;
	char line[PN_TOP_LINE_MAX];
	size_t n;
	int r = pn_top_rows(t->table, t->view.sort, false, now, &rows, &n);

	if (r < 0)
		return r;
	pn_top_heading(line, sizeof(line), pn_top_feed_agent(t->feed), t->filter.words,
		       pn_clock_realtime(t->clock));
	(void)printf("%s%s\n", t->n_printed++ ? "\n" : "", line);
	pn_top_summary(line, sizeof(line), t->table, n, now);
	(void)puts(line);
	r = print_rows(t, rows, n, now);
	if (r == 0 && fflush(stdout) < 0)
		r = -errno;
	t->is_over = t->n_printed == t->o->batch;
	return r;
}

static int draw(struct top *t)
{
	struct pn_top_shown shown = { t->table, pn_top_feed_agent(t->feed), pn_clock_now(t->clock),
				      pn_clock_realtime(t->clock) };
	PN_CLEANUP(pn_freep) struct pn_top_line *lines = NULL;
	size_t height, width;
	int r;

	pn_top_screen_size(&height, &width);
	lines = calloc(height + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	r = pn_top_view_draw(&t->view, &shown, lines, height, width);
	if (r == 0)
		pn_top_screen_show(lines);
	return r;
}

static int show(struct top *t)
{
	if (!t->view.paused)
		pn_top_forget(t->table, pn_clock_now(t->clock));
	return t->o->batch ? print_snapshot(t) : draw(t);
}

/* --- keys and signals ----------------------------------------------------------------------------- */

static void take_keys(struct top *t)
{
	struct pn_err err = { "" };
	int key;

	while (!t->is_over && (key = pn_top_screen_key())) {
		enum pn_top_action action = pn_top_view_key(&t->view, key);

		t->is_over = action == PN_TOP_QUIT;
		if (action == PN_TOP_ASK && set_filter(t, t->view.edit, &err) < 0)
			(void)snprintf(t->view.why, sizeof(t->view.why), "%.255s", err.text);
	}
}

static void take_signal(struct top *t)
{
	struct signalfd_siginfo info;

	if (read(t->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo != SIGWINCH)
		t->is_over = true;
	else if (!t->o->batch)
		pn_top_screen_resize();
}

static int open_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < PN_ARRAY_SIZE(numbers); i++)
		(void)sigaddset(&set, numbers[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* --- the loop ------------------------------------------------------------------------------------- */

enum { SIGNAL_FD = PN_TOP_STREAMS, KEY_FD, N_FDS };

static int milliseconds_until(const struct top *t, pn_nsec when)
{
	pn_nsec now = pn_clock_now(t->clock);

	if (when <= now)
		return 0;
	return (int)PN_MIN((when - now) / PN_NSEC_PER_MSEC + 1, (pn_nsec)60000);
}

/* One round. Return: 0 or a negative errno */
static int wait_and_take(struct top *t, pn_nsec next, bool *ret_touched)
{
	struct pollfd fds[N_FDS];
	pn_nsec until = pn_top_feed_wait(t->feed, fds);

	fds[SIGNAL_FD] = (struct pollfd) { .fd = t->signals, .events = POLLIN };
	fds[KEY_FD] = (struct pollfd) { .fd = t->o->batch ? -1 : STDIN_FILENO, .events = POLLIN };
	if (poll(fds, N_FDS, milliseconds_until(t, PN_MIN(until, next))) < 0)
		return errno == EINTR ? 0 : -errno;
	pn_top_feed_run(t->feed, fds);
	*ret_touched = fds[SIGNAL_FD].revents || fds[KEY_FD].revents;
	if (fds[SIGNAL_FD].revents)
		take_signal(t);
	if (fds[KEY_FD].revents & (POLLHUP | POLLERR | POLLNVAL))
		t->is_over = true;
	else if (fds[KEY_FD].revents)
		take_keys(t);
	return t->failed;
}

static int loop(struct top *t)
{
	pn_nsec next = pn_clock_now(t->clock) + (t->o->batch ? t->o->interval : 0);
	int r = 0;

	while (r == 0 && !t->is_over) {
		bool touched = false;
		pn_nsec now;

		r = wait_and_take(t, next, &touched);
		now = pn_clock_now(t->clock);
		if (r == 0 && !t->is_over && (touched || now >= next) &&
		    !(t->o->batch && now < next))
			r = show(t);
		if (now >= next)
			next = now + t->o->interval;
	}
	return r;
}

/* --- the command ---------------------------------------------------------------------------------- */

/* Options are refused in the words of options. */
static int check_filters(const struct pn_flows_options *given, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *request = NULL;
	struct pn_flows_options o = *given;

	o.follow = true;
	o.output = "json";
	o.time_format = "clock";
	return pn_flows_request("flows", &o, 0, &request, reterr);
}

static int start(struct top *t, struct pn_err *reterr)
{
	const struct pn_top_hearer hearer = { hear, t };
	char words[PN_TOP_WORDS_MAX];
	int r = check_filters(&t->o->flows, reterr);

	if (r == 0)
		r = pn_top_filter_words(&t->o->flows.filters, words, sizeof(words), reterr);
	if (r < 0)
		return r;
	t->view.filter = t->filter.words;
	while (strcmp(sorts[t->view.sort], t->o->sort) != 0)
		t->view.sort++;
	t->signals = open_signals();
	if (t->signals < 0)
		return pn_err_set(reterr, t->signals, "signals: %s", strerror(-t->signals));
	r = pn_top_feed_new(t->o->flows.socket, &hearer, t->clock, &t->feed);
	return r < 0 ? pn_err_set(reterr, r, "out of memory") : set_filter(t, words, reterr);
}

/* An agent that is not there at the beginning is an error; later it is waited for. */
static int run_screen(struct top *t, struct pn_err *reterr)
{
	const struct pn_top_agent *agent = pn_top_feed_agent(t->feed);
	int r = 0;

	if (!agent->is_there)
		return pn_err_set(reterr, -ENOTCONN, "%s", agent->why);
	if (!t->o->batch)
		r = pn_top_screen_open(reterr);
	if (r < 0)
		return r;
	r = loop(t);
	pn_top_screen_close();
	if (r == -EPIPE)
		return 0;
	return r < 0 ? pn_err_set(reterr, r, "%s", strerror(-r)) : 0;
}

static int run(const void *values, int n_operands, char **operands)
{
	struct top t = { .o = values, .clock = &pn_clock_system, .signals = -1 };
	struct pn_err err = { "" };
	int r = start(&t, &err);
	bool is_usage = r == -EINVAL;

	(void)n_operands;
	(void)operands;
	(void)setlocale(LC_CTYPE, "");
	if (r == 0)
		r = run_screen(&t, &err);
	if (r < 0)
		(void)fprintf(stderr, "podonym top: %s\n%s", err.text,
			      is_usage ? "Try: podonym top --help\n" : "");
	pn_top_feed_free(t.feed);
	pn_top_free(t.table);
	pn_closep(&t.signals);
	return is_usage ? PN_EXIT_USAGE : r < 0 ? PN_EXIT_FAILED : PN_EXIT_DONE;
}

_Static_assert(offsetof(struct top_options, flows) == 0, "rows of filters point into it");

static const struct pn_option options[] = {
	{
		.name = "batch",
		.letter = 'b',
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct top_options, batch),
		.min = 1,
		.max = UINT32_MAX,
		.help = "print N tables as text, one at each interval, and end",
	},
	{
		.name = "interval",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct top_options, interval),
		.preset = "2s",
		.min = 100 * PN_NSEC_PER_MSEC,
		.max = 3600 * PN_NSEC_PER_SEC,
		.help = "how often the table is made anew",
	},
	{
		.name = "window",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct top_options, window),
		.preset = "15s",
		.min = PN_NSEC_PER_SEC,
		.max = 3600 * PN_NSEC_PER_SEC,
		.help = "rates are of so long; longer than the agent's own interval",
	},
	{
		.name = "sort",
		.type = PN_OPT_CHOICE,
		.arg = "WORD",
		.offset = offsetof(struct top_options, sort),
		.preset = "bytes",
		.choices = sorts,
		.help = "the order at the beginning",
	},
	PN_FLOWS_FILTER_OPTIONS,
	PN_SOCKET_OPTION(struct pn_flows_options, socket),
	PN_OPTION_END,
};

const struct pn_command pn_cmd_top = {
	.name = "top",
	.operands = "",
	.summary = "who talks to whom right now, how much, and what is lost",
	.description =
		"  Shows pairs of workloads with protocol and port: bytes and packets a second "
		"both "
		"ways,\n"
		"  connections, drops and their most frequent reason, round trip time. It sums up "
		"what the\n"
		"  agent of this node tells from now on, so a new screen fills within the agent's "
		"interval.\n\n"
		"  Keys: b p d r n sort by bytes, packets, drops, round trips, name; R the other "
		"way round;\n"
		"  / filters by the words below (namespace=shop not-port=53); Enter shows a pair's "
		"connections\n"
		"  and drops, Escape goes back; space stops; ? has them all; q quits.\n\n"
		"  A pair that is silent for three windows goes. Of more than 4096 pairs the "
		"others are in\n"
		"  one line.\n",
	.examples = "  podonym top\n"
		    "  podonym top -n shop --not --port 53 --sort drops\n"
		    "  podonym top --batch 1 --interval 10s\n",
	.options = options,
	.values_size = sizeof(struct top_options),
	.run = run,
};
