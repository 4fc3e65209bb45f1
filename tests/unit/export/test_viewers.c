/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that read records, each in its own view: what each gets of what has been and of what comes,
 * and what it is told about the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/metric.h"
#include "export/viewers.h"
#include "tests/unit/export/record_fixture.h"

enum { ROOM = 8, QUEUE_BYTES = 1 << 20 };

struct set {
	struct pn_recent *recent;
	struct pn_viewers *viewers;
	uint64_t n_records;
	struct pn_history *history;
	const char *path;
	char text[4 << 20];
};

static int setup_at(void **state, const struct pn_clock *clock)
{
	static struct set s;

	s.n_records = 0;
	*state = &s;
	return pn_recent_new(ROOM, &s.recent) < 0 || pn_viewers_new(clock, NULL, &s.viewers) < 0;
}

static int setup(void **state)
{
	return setup_at(state, &pn_clock_system);
}

/* Where time passes when a test says so. */
static pn_nsec now = PN_NSEC_PER_SEC;

static pn_nsec tell_now(void *data)
{
	(void)data;
	return now;
}

static int setup_timed(void **state)
{
	static const struct pn_clock clock = { .now = tell_now, .realtime = tell_now };

	return setup_at(state, &clock);
}

static int teardown(void **state)
{
	struct set *s = *state;

	pn_viewers_free(s->viewers);
	pn_recent_free(s->recent);
	return 0;
}

/* Records are told apart by the opener's port: 1, 2, 3 ...; the last packets come a second apart. */
static void tell(struct set *s, unsigned int n)
{
	for (; n; n--) {
		struct pn_flow_record r = sample_record();

		r.source.port = (uint16_t)++s->n_records;
		r.end = s->n_records * PN_NSEC_PER_SEC;
		pn_recent_add(s->recent, &r);
		pn_viewers_record(s->viewers, &r);
	}
	pn_recent_settle(s->recent);
	(void)pn_viewers_flush(s->viewers);
}

static struct pn_view view_of(enum pn_past past, uint32_t n)
{
	return (struct pn_view) {
		.style = { .format = PN_FORMAT_FIELDS, .numeric = true },
		.past = past,
		.n = n,
		.until = PN_NSEC_NEVER,
	};
}

/* Return: the descriptor to read from */
static int view(struct set *s, const struct pn_view *v, size_t queue_bytes, int want)
{
	struct pn_sink *sink;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pn_sink_open_subscriber(fds[0], v->style.format, queue_bytes, &sink), 0);
	assert_int_equal(pn_viewers_add(s->viewers, sink, v, s->recent), want);
	(void)pn_viewers_flush(s->viewers);
	return fds[1];
}

/* What there is to read now. Return: has the stream ended? */
static bool read_some(struct set *s, int fd)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, s->text + len, sizeof(s->text) - 1 - len)) > 0)
		len += (size_t)n;
	s->text[len] = '\0';
	return n == 0;
}

/* The openers' ports of the lines, and the first letter of what else is said: "3 4 n" */
static void assert_read(struct set *s, int fd, const char *want, bool ends)
{
	char seen[256] = "", *at = s->text, *line;

	assert_int_equal(read_some(s, fd), ends);
	while ((line = strsep(&at, "\n")) && *line) {
		size_t len = strlen(seen);
		const char *port = strstr(line, "\t10.0.0.1:");
		bool is_minute = strstr(line, "\tin a minute: ") != NULL;

		if (port)
			(void)snprintf(seen + len, sizeof(seen) - len, "%s%d", len ? " " : "",
				       atoi(port + 10));
		else
			(void)snprintf(seen + len, sizeof(seen) - len, "%s%c", len ? " " : "",
				       is_minute ? 'm' : line[2]);
	}
	assert_string_equal(seen, want);
}

static void assert_past(struct set *s, const struct pn_view *v, const char *want)
{
	int fd = view(s, v, QUEUE_BYTES, 0);

	assert_read(s, fd, want, true);
	(void)close(fd);
}

static void what_has_been_is_written_and_then_the_end(void **state)
{
	struct set *s = *state;
	struct pn_view v;

	v = view_of(PN_PAST_ALL, 0);
	assert_past(s, &v, "");
	tell(s, 5);
	assert_past(s, &v, "1 2 3 4 5");
	v = view_of(PN_PAST_LAST, 2);
	assert_past(s, &v, "4 5");
	v = view_of(PN_PAST_LAST, 9);
	assert_past(s, &v, "1 2 3 4 5");
	v = view_of(PN_PAST_FIRST, 2);
	assert_past(s, &v, "1 2");
}

static void times_bound_what_has_been(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_ALL, 0);

	tell(s, 5);
	v.since = 2 * PN_NSEC_PER_SEC;
	assert_past(s, &v, "2 3 4 5");
	v.until = 4 * PN_NSEC_PER_SEC;
	assert_past(s, &v, "2 3 4");
	v.past = PN_PAST_LAST;
	v.n = 2;
	assert_past(s, &v, "3 4");
	v.past = PN_PAST_FIRST;
	assert_past(s, &v, "2 3");
}

static void what_is_gone_is_said_when_it_was_asked_for(void **state)
{
	struct set *s = *state;
	struct pn_view v;

	tell(s, ROOM + 3);
	v = view_of(PN_PAST_LAST, 2);
	assert_past(s, &v, "10 11");
	v = view_of(PN_PAST_LAST, ROOM);
	assert_past(s, &v, "4 5 6 7 8 9 10 11");
	v = view_of(PN_PAST_LAST, ROOM + 1);
	assert_past(s, &v, "n 4 5 6 7 8 9 10 11");
	v = view_of(PN_PAST_FIRST, 1);
	assert_past(s, &v, "n 4");
	v = view_of(PN_PAST_ALL, 0);
	v.since = 3 * PN_NSEC_PER_SEC;
	assert_past(s, &v, "n 4 5 6 7 8 9 10 11");
	v.since = 4 * PN_NSEC_PER_SEC;
	assert_past(s, &v, "4 5 6 7 8 9 10 11");
}

static void an_agent_that_keeps_nothing_says_so(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_LAST, 2);

	pn_viewers_free(s->viewers);
	pn_recent_free(s->recent);
	assert_int_equal(pn_recent_new(0, &s->recent), 0);
	assert_int_equal(pn_viewers_new(&pn_clock_system, NULL, &s->viewers), 0);
	tell(s, 3);
	assert_past(s, &v, "n");
}

/* --- with a history ------------------------------------------------------------------------------- */

/* Another agent's, and this one's since: minutes 1 and 2 are of the one before. */
static int setup_with_history(void **state)
{
	static char path[96];
	const struct pn_history_config config = {
		.clock = &pn_clock_system,
		.path = path,
		.max_bytes = PN_HISTORY_MIN_BYTES,
		.max_age = 100ull * 366 * 86400 * PN_NSEC_PER_SEC,
	};
	const char *tmp = getenv("TMPDIR");
	struct pn_history *earlier;
	struct set *s;

	if (setup(state) < 0)
		return -1;
	s = *state;
	(void)snprintf(path, sizeof(path), "%.40s/pn-viewers-%d.db", tmp ? tmp : "/tmp",
		       (int)getpid());
	s->path = path;
	if (pn_history_start(&config, &earlier) < 0)
		return -1;
	for (unsigned int minute = 1; minute <= 2; minute++) {
		struct pn_flow_record r = sample_record();

		r.end = minute * 60 * PN_NSEC_PER_SEC;
		pn_history_record(earlier, &r);
	}
	pn_history_stop(earlier);
	pn_viewers_free(PN_TAKE_PTR(s->viewers));
	return pn_history_start(&config, &s->history) < 0 ||
	       pn_viewers_new(&pn_clock_system, s->history, &s->viewers) < 0;
}

static int teardown_with_history(void **state)
{
	struct set *s = *state;
	char log[128];

	teardown(state);
	pn_history_stop(PN_TAKE_PTR(s->history));
	(void)snprintf(log, sizeof(log), "%s-wal", s->path);
	(void)unlink(log);
	return unlink(s->path);
}

/* Three to a minute, from the third on: two minutes and a half are more than the ring has room for. */
static void tell_minutes(struct set *s, unsigned int n)
{
	for (; n; n--) {
		struct pn_flow_record r = sample_record();

		r.source.port = (uint16_t)++s->n_records;
		r.end = (180 + (s->n_records - 1) * 20) * PN_NSEC_PER_SEC;
		pn_recent_add(s->recent, &r);
		pn_viewers_record(s->viewers, &r);
		pn_history_record(s->history, &r);
	}
	pn_recent_settle(s->recent);
	(void)pn_viewers_flush(s->viewers);
}

/* Until the history has answered, within half a minute. */
static void flush_until_over(struct set *s)
{
	for (int i = 0; i < 30000 && pn_viewers_flush(s->viewers); i++)
		(void)usleep(1000);
}

/* Minutes of the history are m, which have no port. */
static void assert_told(struct set *s, const struct pn_view *v, const char *want)
{
	int fd = view(s, v, QUEUE_BYTES, 0);

	flush_until_over(s);
	assert_read(s, fd, want, true);
	(void)close(fd);
}

static void history_tells_what_the_ring_has_not(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_ALL, 0);

	tell_minutes(s, 5);
	assert_told(s, &v, "m m 1 2 3 4 5"); /* the ring has all of this agent */
	tell_minutes(
		s,
		5); /* records 1 and 2 leave the ring, so all of their minute are left to the history */
	assert_told(s, &v, "m m m 4 5 6 7 8 9 10");
	v = view_of(PN_PAST_LAST, 3);
	assert_told(s, &v, "8 9 10");
	v.n = 8;
	assert_told(s, &v, "3 4 5 6 7 8 9 10"); /* the ring is enough */
	v.n = 9;
	assert_told(s, &v, "m m 4 5 6 7 8 9 10");
	v = view_of(PN_PAST_FIRST, 5);
	assert_told(s, &v, "m m m 4 5");
	v.n = 2;
	assert_told(s, &v, "m m");
	v = view_of(PN_PAST_ALL, 0);
	v.since = 120 * PN_NSEC_PER_SEC;
	v.until = 260 * PN_NSEC_PER_SEC;
	assert_told(s, &v, "m m 4 5");
	v.since = 1;
	v.until = PN_NSEC_NEVER;
	assert_told(s, &v, "m m m 4 5 6 7 8 9 10 n"); /* where it begins */
}

static void follower_misses_nothing_while_the_history_tells(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_ALL, 0);
	int fd;

	tell_minutes(s, 10);
	v.follow = true;
	fd = view(s, &v, QUEUE_BYTES, 0);
	tell_minutes(s, 3);
	flush_until_over(s);
	assert_read(s, fd, "m m m 4 5 6 7 8 9 10 11 12 13", false);
	(void)close(fd);
}

static void client_may_go_while_the_history_tells(void **state)
{
	struct set *s = *state;
	const struct pn_view v = view_of(PN_PAST_ALL, 0);

	tell_minutes(s, 10);
	(void)close(view(s, &v, QUEUE_BYTES, 0));
	flush_until_over(s);
	assert_int_equal(pn_viewers_flush(s->viewers), 0);
	(void)close(view(s, &v, QUEUE_BYTES, 0)); /* and the agent, too: teardown */
}

static struct pn_filter *port_filter(const char *port, bool negate)
{
	struct pn_filter *f;

	assert_int_equal(pn_filter_new(&f), 0);
	assert_int_equal(pn_filter_add(f, "from-port", negate, port, NULL), 0);
	return f;
}

static void a_follower_gets_what_it_wants_of_both(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_LAST, 2);
	int fd;

	tell(s, 3);
	v.follow = true;
	v.filter = port_filter("3", true);
	fd = view(s, &v, QUEUE_BYTES, 0);
	assert_read(s, fd, "1 2", false);
	tell(s, 2);
	assert_read(s, fd, "4 5", false);
	(void)close(fd);
}

static void each_client_has_its_own_form(void **state)
{
	struct set *s = *state;
	struct pn_view json = { .style.format = PN_FORMAT_JSON,
				.until = PN_NSEC_NEVER,
				.follow = true };
	struct pn_view fields = view_of(PN_PAST_NONE, 0), named = fields;
	int a, b, c, d;

	fields.follow = named.follow = true;
	named.style.numeric = false;
	a = view(s, &fields, QUEUE_BYTES, 0);
	b = view(s, &json, QUEUE_BYTES, 0);
	c = view(s, &named, QUEUE_BYTES, 0);
	d = view(s, &fields, QUEUE_BYTES, 0);
	tell(s, 2);
	assert_read(s, a, "1 2", false);
	assert_read(s, d, "1 2", false);
	(void)read_some(s, b);
	assert_memory_equal(s->text, "{\"event\":", 9);
	(void)read_some(s, c);
	assert_non_null(strstr(s->text, "\tshop/web-7d9:2\t"));
	(void)close(a);
	(void)close(b);
	(void)close(c);
	(void)close(d);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void a_slow_client_is_told_how_many_it_misses(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_NONE, 0);
	size_t n_read = 0, n_missing = 0;
	const char *note = NULL;
	int fd;

	v.follow = true;
	fd = view(s, &v, 4096, 0);
	tell(s, 20000);
	for (int i = 0; i < 100 && !note; i++) {
		(void)read_some(s, fd);
		n_read += count(s->text, "\t10.0.0.1:");
		note = strstr(s->text, "{\"note\": \"");
		if (note)
			n_missing = strtoul(note + 10, NULL, 10);
		(void)pn_viewers_flush(s->viewers);
	}
	assert_non_null(note);
	assert_true(n_missing > 0);
	assert_int_equal(n_read + n_missing, 20000);
	tell(s, 1);
	assert_read(s, fd, "20001", false);
	(void)close(fd);
}

static void those_who_read_nothing_are_asked_less_and_less_often(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_NONE, 0);
	int fd;

	v.follow = true;
	fd = view(s, &v, QUEUE_BYTES, 0);
	assert_int_equal(pn_viewers_flush(s->viewers), 0);
	tell(s, 10000); /* more than the socket holds */
	for (int i = 0; i < 20; i++)
		(void)pn_viewers_flush(s->viewers);
	assert_int_equal(pn_viewers_flush(s->viewers), 128);
	(void)read_some(s, fd);
	assert_int_equal(pn_viewers_flush(s->viewers), 2);
	for (int i = 0; i < 100 && pn_viewers_flush(s->viewers); i++)
		(void)read_some(s, fd);
	assert_int_equal(pn_viewers_flush(s->viewers), 0);
	(void)close(fd);
}

static void one_client_too_many_is_told_so(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_NONE, 0);
	int fds[PN_VIEWERS_MAX], fd;

	v.follow = true;
	for (int i = 0; i < PN_VIEWERS_MAX; i++)
		fds[i] = view(s, &v, QUEUE_BYTES, 0);
	v.filter = port_filter("1", false);
	fd = view(s, &v, QUEUE_BYTES, -EBUSY);
	assert_read(s, fd, "e", true);
	(void)close(fd);
	for (int i = 0; i < PN_VIEWERS_MAX; i++)
		(void)close(fds[i]);
	(void)pn_viewers_flush(s->viewers); /* there is room again */
	v.filter = NULL;
	fd = view(s, &v, QUEUE_BYTES, 0);
	(void)close(fd);
}

/* All places are taken by clients that read nothing of what waits for them. */
static void fill_with_deaf(struct set *s, int fds[static PN_VIEWERS_MAX])
{
	struct pn_view v = view_of(PN_PAST_NONE, 0);

	v.follow = true;
	for (int i = 0; i < PN_VIEWERS_MAX; i++)
		fds[i] = view(s, &v, 4096, 0);
	tell(s, 20000);
}

static void who_reads_nothing_gives_way_and_finds_a_last_word(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_NONE, 0);
	int fds[PN_VIEWERS_MAX], fd;
	size_t n_read;
	const char *word;

	v.follow = true;
	fill_with_deaf(s, fds);
	now += 9 * PN_NSEC_PER_SEC;
	assert_read(s, view(s, &v, 4096, -EBUSY), "e", true); /* not for long enough */
	for (int i = 0; i < PN_VIEWERS_MAX; i++) {	      /* one of them reads, and goes on */
		if (i != 5)
			(void)read_some(s, fds[i]);
	}
	(void)pn_viewers_flush(s->viewers);
	now += 2 * PN_NSEC_PER_SEC;
	fd = view(s, &v, QUEUE_BYTES, 0);
	assert_int_equal(pn_metric_get(PN_METRIC_EXPORT_DEAF), 1);
	tell(s, 1);
	assert_read(s, fd, "20001", false);
	assert_read(s, view(s, &v, 4096, -EBUSY), "e", true); /* the others have read */

	(void)read_some(s, fds[5]);
	n_read = count(s->text, "\t10.0.0.1:");
	(void)pn_viewers_flush(s->viewers);
	if (strchr(s->text, '\0')[-1] != '\n')
		n_read++; /* its rest comes before the word */
	assert_true(read_some(s, fds[5]));
	word = strstr(s->text, "{\"error\": \"this client has read nothing for 10 s");
	assert_non_null(word);
	assert_non_null(strstr(word, " records are missing here"));
	assert_int_equal(strtoul(strstr(word, "place: ") + 7, NULL, 10), 20000 - n_read);
	for (int i = 0; i < PN_VIEWERS_MAX; i++)
		(void)close(fds[i]);
	(void)close(fd);
}

static void who_has_given_way_is_not_waited_for_for_long(void **state)
{
	struct set *s = *state;
	struct pn_view v = view_of(PN_PAST_NONE, 0);
	int fds[PN_VIEWERS_MAX], more[PN_VIEWERS_MAX];

	v.follow = true;
	fill_with_deaf(s, fds);
	now += 11 * PN_NSEC_PER_SEC;
	for (int i = 0; i < PN_VIEWERS_MAX; i++)
		more[i] = view(s, &v, QUEUE_BYTES, 0);
	assert_true(pn_viewers_flush(s->viewers) > 0); /* those with a last word wait */
	now += 31 * PN_NSEC_PER_SEC;
	assert_int_equal(pn_viewers_flush(s->viewers), 0);
	tell(s, 1);
	for (int i = 0; i < PN_VIEWERS_MAX; i++) {
		assert_read(s, more[i], "20001", false);
		assert_true(read_some(s, fds[i]) || read_some(s, fds[i])); /* its end */
		(void)close(fds[i]);
		(void)close(more[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_has_been_is_written_and_then_the_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(times_bound_what_has_been, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_gone_is_said_when_it_was_asked_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_agent_that_keeps_nothing_says_so, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_follower_gets_what_it_wants_of_both, setup,
						teardown),
		cmocka_unit_test_setup_teardown(each_client_has_its_own_form, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_client_is_told_how_many_it_misses, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			those_who_read_nothing_are_asked_less_and_less_often, setup, teardown),
		cmocka_unit_test_setup_teardown(one_client_too_many_is_told_so, setup, teardown),
		cmocka_unit_test_setup_teardown(who_reads_nothing_gives_way_and_finds_a_last_word,
						setup_timed, teardown),
		cmocka_unit_test_setup_teardown(who_has_given_way_is_not_waited_for_for_long,
						setup_timed, teardown),
		cmocka_unit_test_setup_teardown(history_tells_what_the_ring_has_not,
						setup_with_history, teardown_with_history),
		cmocka_unit_test_setup_teardown(follower_misses_nothing_while_the_history_tells,
						setup_with_history, teardown_with_history),
		cmocka_unit_test_setup_teardown(client_may_go_while_the_history_tells,
						setup_with_history, teardown_with_history),
	};

	return cmocka_run_group_tests_name("viewers", tests, NULL, NULL);
}
