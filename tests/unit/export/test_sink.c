/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks against destinations that do not behave: full pipes, full disks, readers that are slow or
 * gone. In every case a reader sees whole lines only, in order, and each line that it does not get is
 * counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/metric.h"
#include "export/sink.h"
#include "tests/unit/export/record_fixture.h"

struct place {
	char dir[32], file[64];
	uint64_t dropped; /* before the test */
	int saved_stdout;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	(void)strcpy(p->dir, "/tmp/pn-sink-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	(void)snprintf(p->file, sizeof(p->file), "%s/flows", p->dir);
	p->dropped = pn_metric_get(PN_METRIC_EXPORT_DROPPED);
	p->saved_stdout = -1;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	if (p->saved_stdout >= 0) {
		(void)dup2(p->saved_stdout, STDOUT_FILENO);
		(void)close(p->saved_stdout);
	}
	(void)unlink(p->file);
	(void)rmdir(p->dir);
	free(p);
	return 0;
}

enum { LINE_SIZE = 1024 }; /* room for the longest */

static uint64_t n_dropped(const struct place *p)
{
	return pn_metric_get(PN_METRIC_EXPORT_DROPPED) - p->dropped;
}

/* cmocka writes to standard output too, so it is put back in teardown at the latest. */
static void become_stdout(struct place *p, int fd)
{
	p->saved_stdout = dup(STDOUT_FILENO);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
}

static void restore_stdout(struct place *p)
{
	(void)dup2(p->saved_stdout, STDOUT_FILENO);
	(void)close(p->saved_stdout);
	p->saved_stdout = -1;
}

/* Line number @i: its length differs from its neighbours', and it can be checked. */
static size_t make_line(char *buf, size_t size, unsigned int i)
{
	int n = snprintf(buf, size, "line %u %0*u\n", i, 100 + (int)(i % 700), i);

	return (size_t)n;
}

static int write_line(struct pn_sink *s, unsigned int i)
{
	char line[LINE_SIZE];
	size_t len = make_line(line, sizeof(line), i);

	return pn_sink_write(s, line, len);
}

/* A round's worth of lines from number @first on. Return: number of the next line */
static unsigned int write_batch(struct pn_sink *s, unsigned int first)
{
	static char batch[1 << 20];
	size_t len = 0;
	int r;

	while (len < sizeof(batch) - LINE_SIZE)
		len += make_line(batch + len, LINE_SIZE, first++);
	r = pn_sink_write(s, batch, len);
	assert_true(r == 0 || r == -EAGAIN);
	return first;
}

/* Checks that @text is whole lines with rising numbers. Return: how many */
static size_t count_whole_lines(const char *text, size_t len)
{
	unsigned int i, next = 0;
	size_t n = 0;

	for (const char *at = text; at < text + len; n++) {
		char want[LINE_SIZE];
		size_t want_len;

		assert_memory_equal(at, "line ", 5);
		i = (unsigned int)strtoul(at + 5, NULL, 10);
		assert_true(i >= next);
		next = i + 1;
		want_len = make_line(want, sizeof(want), i);
		assert_true((size_t)(text + len - at) >= want_len);
		assert_memory_equal(at, want, want_len);
		at += want_len;
	}
	return n;
}

static size_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, size - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	(void)close(fd);
	return (size_t)n;
}

/* Everything that is there now, without waiting. Return: new length */
static size_t read_some(int fd, char *buf, size_t len, size_t size)
{
	ssize_t n;

	while ((n = read(fd, buf + len, PN_MIN(size - len - 1, (size_t)PIPE_BUF))) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	return len;
}

static struct pn_sink *open_file(const char *path)
{
	struct pn_sink *s;
	struct pn_err err = { "" };

	if (pn_sink_open_file(path, PN_FORMAT_JSON, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static void file_is_appended_to(void **state)
{
	struct place *p = *state;
	char text[2 * LINE_SIZE];

	for (unsigned int i = 0; i < 2; i++) {
		struct pn_sink *s = open_file(p->file);

		assert_int_equal(write_line(s, i), 0);
		pn_sink_close(s);
	}
	assert_int_equal(count_whole_lines(text, read_file(p->file, text, sizeof(text))), 2);
	assert_int_equal(n_dropped(p), 0);
}

static void torn_line_of_a_killed_agent_is_ended(void **state)
{
	struct place *p = *state;
	struct pn_sink *s;
	char text[2 * LINE_SIZE];
	int fd = open(p->file, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, "torn", 4), 4);
	(void)close(fd);
	s = open_file(p->file);
	assert_int_equal(pn_sink_write(s, "whole\n", 6), 0);
	pn_sink_close(s);
	(void)read_file(p->file, text, sizeof(text));
	assert_string_equal(text, "torn\nwhole\n");
}

static void append(const struct place *p, const char *text)
{
	int fd = open(p->file, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static void assert_file(const struct place *p, const char *want)
{
	char text[2 * LINE_SIZE];

	(void)read_file(p->file, text, sizeof(text));
	assert_string_equal(text, want);
}

/* Where a sink has come that is gone now. */
static struct pn_place place_after(const struct place *p, const char *lines)
{
	struct pn_sink *s = open_file(p->file);
	struct pn_place place;

	assert_int_equal(pn_sink_write(s, lines, strlen(lines)), 0);
	assert_int_equal(pn_sink_place(s, &place), 0);
	pn_sink_close(s);
	return place;
}

static void lines_of_a_killed_agent_are_counted_and_half_a_line_is_cut_off(void **state)
{
	struct place *p = *state;
	struct pn_place since = place_after(p, "committed\n");
	struct pn_sink *s;
	uint64_t n;

	append(p, "one\ntwo\nhal");
	s = open_file(p->file);
	assert_int_equal(pn_sink_resume(s, &since, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(pn_sink_write(s, "next\n", 5), 0);
	pn_sink_close(s);
	assert_file(p, "committed\none\ntwo\nnext\n");
}

static void half_a_line_alone_is_cut_off_too(void **state)
{
	struct place *p = *state;
	struct pn_place since = place_after(p, "committed\n");
	struct pn_sink *s;
	uint64_t n;

	append(p, "hal");
	s = open_file(p->file);
	assert_int_equal(pn_sink_resume(s, &since, &n), 0);
	assert_int_equal(n, 0);
	pn_sink_close(s);
	assert_file(p, "committed\n");
}

static void long_rest_of_a_killed_agent_is_counted(void **state)
{
	struct place *p = *state;
	struct pn_place since = place_after(p, "committed\n");
	struct pn_sink *s = open_file(p->file);
	unsigned int n_lines = write_batch(s, 0);
	uint64_t n;

	pn_sink_close(s);
	append(p, "hal");
	s = open_file(p->file);
	assert_int_equal(pn_sink_resume(s, &since, &n), 0);
	assert_int_equal(n, n_lines);
	pn_sink_close(s);
}

static void other_or_shorter_file_is_not_resumed(void **state)
{
	struct place *p = *state;
	struct pn_place since = place_after(p, "committed\n"), other = since;
	struct pn_sink *s = open_file(p->file);
	uint64_t n = 7;

	other.ino++;
	assert_int_equal(pn_sink_resume(s, &other, &n), -ENOENT);
	assert_int_equal(truncate(p->file, 3), 0);
	assert_int_equal(pn_sink_resume(s, &since, &n), -ENOENT);
	assert_int_equal(n, 7);
	pn_sink_close(s);
}

static void more_than_an_agent_can_have_left_is_not_read(void **state)
{
	struct place *p = *state;
	struct pn_place since = place_after(p, "committed\n");
	struct pn_sink *s = open_file(p->file);
	uint64_t n;

	assert_int_equal(truncate(p->file, 1 << 30), 0);
	assert_int_equal(pn_sink_resume(s, &since, &n), -EFBIG);
	pn_sink_close(s);
}

static void place_is_known_when_nothing_waits(void **state)
{
	struct place *p = *state;
	struct pn_sink *s = open_file("/dev/full");
	struct pn_place place = { 1, 1, 1 };

	assert_int_equal(pn_sink_place(s, &place), 0);
	assert_int_equal(place.ino, 0); /* no regular file */
	assert_int_equal(write_line(s, 0), 0);
	assert_int_equal(pn_sink_place(s, &place), -EAGAIN);
	pn_sink_close(s);
	assert_int_equal(n_dropped(p), 1);
}

static void path_that_cannot_be_opened_is_named(void **state)
{
	struct pn_sink *s;
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(pn_sink_open_file("/nonexistent/flows", PN_FORMAT_JSON, &s, &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/flows"));
}

/* The file size limit stands for the full disk: a write is cut short, then fails, then works. */
static void full_disk_is_survived_without_a_torn_line(void **state)
{
	struct place *p = *state;
	static char text[1 << 20];
	struct pn_sink *s = open_file(p->file);
	struct rlimit limit, small;
	unsigned int i;
	size_t n;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(write_line(s, i), 0); /* waits in memory */
	n = read_file(p->file, text, sizeof(text));
	assert_int_equal(n, 1000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(pn_sink_flush(s), 0);
	assert_int_equal(write_line(s, i), 0);
	pn_sink_close(s);
	n = read_file(p->file, text, sizeof(text));
	assert_int_equal(count_whole_lines(text, n), 101);
	assert_int_equal(n_dropped(p), 0);
}

static void records_beyond_memory_are_counted(void **state)
{
	struct place *p = *state;
	struct pn_sink *s = open_file("/dev/full");
	unsigned int n = 0;

	while (n_dropped(p) == 0)
		n = write_batch(s, n);
	assert_true(n_dropped(p) < n);
	pn_sink_close(s);
	assert_int_equal(n_dropped(p), n); /* what waited is lost now */
}

static void stdout_that_is_a_full_pipe_does_not_block(void **state)
{
	struct place *p = *state;
	static char text[40 << 20];
	struct pn_sink *s;
	unsigned int n = 0;
	size_t len = 0, n_read;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	become_stdout(p, fds[1]);
	s = open_file("-");
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0); /* it is not ours alone */
	while (n_dropped(p) == 0)
		n = write_batch(s, n);
	do {
		n_read = len;
		len = read_some(fds[0], text, len, sizeof(text));
		assert_int_equal(pn_sink_flush(s), 0);
	} while (len > n_read);
	pn_sink_close(s);
	restore_stdout(p);
	assert_int_equal(count_whole_lines(text, len), n - n_dropped(p));
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void stdout_whose_reader_has_gone_is_dead(void **state)
{
	struct place *p = *state;
	struct pn_sink *s;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	become_stdout(p, fds[1]);
	s = open_file("-");
	(void)close(fds[0]);
	assert_int_equal(write_line(s, 0), -EPIPE);
	assert_int_equal(pn_sink_flush(s), -EPIPE);
	pn_sink_close(s);
	restore_stdout(p);
	assert_int_equal(n_dropped(p), 1);
	(void)close(fds[1]);
}

static void stdout_that_is_a_file_works(void **state)
{
	struct place *p = *state;
	struct pn_sink *s;
	char text[2 * LINE_SIZE];
	int fd = open(p->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	become_stdout(p, fd);
	s = open_file("-");
	assert_int_equal(write_line(s, 0), 0);
	pn_sink_close(s);
	restore_stdout(p);
	assert_int_equal(count_whole_lines(text, read_file(p->file, text, sizeof(text))), 1);
	(void)close(fd);
}

static struct pn_sink *open_subscriber(int ret_fds[static 2], size_t max_bytes)
{
	struct pn_sink *s;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds), 0);
	assert_int_equal(fcntl(ret_fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pn_sink_open_subscriber(ret_fds[0], PN_FORMAT_JSON, max_bytes, &s), 0);
	return s;
}

static void slow_subscriber_loses_whole_lines_only(void **state)
{
	struct place *p = *state;
	static char text[4 << 20];
	int fds[2];
	struct pn_sink *s = open_subscriber(fds, 3000);
	unsigned int n = 0;
	size_t len = 0;

	while (n_dropped(p) < 100)
		(void)write_line(s, n++);
	for (int i = 0; i < 20; i++) { /* reads a little now and then */
		char chunk[777];
		ssize_t got = read(fds[1], chunk, sizeof(chunk));

		assert_true(got > 0);
		memcpy(text + len, chunk, (size_t)got);
		len += (size_t)got;
		(void)write_line(s, n++);
	}
	do {
		len = read_some(fds[1], text, len, sizeof(text));
		assert_int_equal(pn_sink_flush(s), 0);
	} while (recv(fds[1], text + len, 1, MSG_PEEK) > 0);
	assert_int_equal(count_whole_lines(text, len), n - n_dropped(p));
	pn_sink_close(s);
	(void)close(fds[1]);
}

static void batch_larger_than_the_buffer_is_cut_between_lines(void **state)
{
	struct place *p = *state;
	static char batch[1 << 20], text[4 << 20];
	int fds[2];
	struct pn_sink *s = open_subscriber(fds, 1000);
	size_t len = 0, n_lines = 0;

	while (len < sizeof(batch) - LINE_SIZE)
		len += make_line(batch + len, LINE_SIZE, (unsigned int)n_lines++);
	assert_int_equal(pn_sink_write(s, batch, len), -EAGAIN);
	len = 0;
	do {
		len = read_some(fds[1], text, len, sizeof(text));
		assert_int_equal(pn_sink_flush(s), 0);
	} while (recv(fds[1], text + len, 1, MSG_PEEK) > 0);
	assert_true(n_dropped(p) > 0);
	assert_int_equal(count_whole_lines(text, len), n_lines - n_dropped(p));
	pn_sink_close(s);
	(void)close(fds[1]);
}

static void line_longer_than_the_buffer_is_counted(void **state)
{
	struct place *p = *state;
	int fds[2];
	struct pn_sink *s = open_subscriber(fds, 10);

	assert_int_equal(pn_sink_write(s, "longer than the buffer\n", 23), -EAGAIN);
	assert_int_equal(pn_sink_write(s, "fits\n", 5), 0);
	assert_int_equal(n_dropped(p), 1);
	pn_sink_close(s);
	(void)close(fds[1]);
}

static void subscriber_that_left_is_noticed_without_a_record(void **state)
{
	int fds[2];
	struct pn_sink *s = open_subscriber(fds, 1000);

	(void)state;
	assert_int_equal(pn_sink_flush(s), 0);
	(void)close(fds[1]);
	assert_int_equal(pn_sink_flush(s), -EPIPE);
	pn_sink_close(s);
}

static void subscriber_that_only_stopped_sending_stays(void **state)
{
	int fds[2];
	struct pn_sink *s = open_subscriber(fds, 1000);
	char text[2 * LINE_SIZE];

	(void)state;
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	assert_int_equal(pn_sink_flush(s), 0);
	assert_int_equal(write_line(s, 0), 0);
	assert_int_equal(count_whole_lines(text, read_some(fds[1], text, 0, sizeof(text))), 1);
	pn_sink_close(s);
	(void)close(fds[1]);
}

static void set_gives_each_sink_its_format_and_counts_records_once(void **state)
{
	struct place *p = *state;
	struct pn_flow_record r = sample_record();
	uint64_t n_records = pn_metric_get(PN_METRIC_FLOW_RECORDS);
	uint64_t n_packets = pn_metric_get(PN_METRIC_FLOW_PACKETS);
	struct pn_sink *compact;
	struct pn_sinks *set;
	char text[2048];
	int fds[2];

	assert_int_equal(pn_sinks_new(&set), 0);
	assert_int_equal(pn_sinks_add(set, open_file(p->file)), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pn_sink_open_subscriber(fds[0], PN_FORMAT_COMPACT, 1000, &compact), 0);
	assert_int_equal(pn_sinks_add(set, compact), 0);
	pn_sinks_record(set, &r);
	(void)pn_sinks_flush(set);
	assert_int_equal(pn_sinks_count(set), 2);
	(void)read_file(p->file, text, sizeof(text));
	assert_memory_equal(text, "{\"event\":", 9);
	(void)read_some(fds[1], text, 0, sizeof(text));
	assert_non_null(strstr(text, " shop/web-7d9:43210 -> "));
	assert_int_equal(pn_metric_get(PN_METRIC_FLOW_RECORDS), n_records + 1);
	assert_int_equal(pn_metric_get(PN_METRIC_FLOW_PACKETS), n_packets + 32);
	(void)close(fds[1]);
	(void)pn_sinks_flush(set);
	assert_int_equal(pn_sinks_count(set), 1); /* the subscriber is gone */
	pn_sinks_free(set);
}

static void set_hands_on_more_than_one_batch(void **state)
{
	struct place *p = *state;
	struct pn_flow_record r = sample_record();
	struct pn_sinks *set;
	struct stat st;
	size_t line_len;

	assert_int_equal(pn_sinks_new(&set), 0);
	assert_int_equal(pn_sinks_add(set, open_file(p->file)), 0);
	pn_sinks_record(set, &r);
	(void)pn_sinks_flush(set);
	assert_int_equal(stat(p->file, &st), 0);
	line_len = (size_t)st.st_size;
	for (int i = 1; i < 1000; i++)
		pn_sinks_record(set, &r);
	pn_sinks_free(set); /* flushes */
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_size, 1000 * line_len);
	assert_int_equal(n_dropped(p), 0);
}

static void set_knows_how_far_its_main_sink_has_come(void **state)
{
	struct place *p = *state;
	struct pn_flow_record r = sample_record();
	struct pn_place place;
	struct pn_sinks *set;
	struct stat st;

	assert_int_equal(pn_sinks_new(&set), 0);
	assert_int_equal(pn_sinks_place(set, &place), 0);
	assert_int_equal(place.ino, 0);
	assert_int_equal(pn_sinks_add_main(set, open_file(p->file)), 0);
	pn_sinks_record(set, &r);
	(void)pn_sinks_flush(set);
	assert_int_equal(pn_sinks_place(set, &place), 0);
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(place.ino, st.st_ino);
	assert_int_equal(place.offset, st.st_size);
	assert_false(pn_sinks_lost(set));
	pn_sinks_free(set);
}

static void set_tells_when_its_main_sink_left_a_record_out(void **state)
{
	struct pn_flow_record r = sample_record();
	struct pn_sinks *set;

	(void)state;
	assert_int_equal(pn_sinks_new(&set), 0);
	assert_int_equal(pn_sinks_add(set, open_file("/dev/full")),
			 0); /* another one does not count */
	assert_int_equal(pn_sinks_add_main(set, open_file("/dev/full")), 0);
	while (!pn_sinks_lost(set))
		pn_sinks_record(set, &r);
	assert_false(pn_sinks_lost(set));
	pn_sinks_free(set);
}

static void set_without_sinks_still_counts(void **state)
{
	struct pn_flow_record r = sample_record();
	uint64_t n_records = pn_metric_get(PN_METRIC_FLOW_RECORDS);
	struct pn_sinks *set;

	(void)state;
	assert_int_equal(pn_sinks_new(&set), 0);
	pn_sinks_record(set, &r);
	(void)pn_sinks_flush(set);
	assert_int_equal(pn_sinks_count(set), 0);
	assert_int_equal(pn_metric_get(PN_METRIC_FLOW_RECORDS), n_records + 1);
	pn_sinks_free(set);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_is_appended_to),
		TEST(torn_line_of_a_killed_agent_is_ended),
		TEST(lines_of_a_killed_agent_are_counted_and_half_a_line_is_cut_off),
		TEST(half_a_line_alone_is_cut_off_too),
		TEST(long_rest_of_a_killed_agent_is_counted),
		TEST(other_or_shorter_file_is_not_resumed),
		TEST(more_than_an_agent_can_have_left_is_not_read),
		TEST(place_is_known_when_nothing_waits),
		TEST(path_that_cannot_be_opened_is_named),
		TEST(full_disk_is_survived_without_a_torn_line),
		TEST(records_beyond_memory_are_counted),
		TEST(stdout_that_is_a_full_pipe_does_not_block),
		TEST(stdout_whose_reader_has_gone_is_dead),
		TEST(stdout_that_is_a_file_works),
		TEST(slow_subscriber_loses_whole_lines_only),
		TEST(batch_larger_than_the_buffer_is_cut_between_lines),
		TEST(line_longer_than_the_buffer_is_counted),
		TEST(subscriber_that_left_is_noticed_without_a_record),
		TEST(subscriber_that_only_stopped_sending_stays),
		TEST(set_gives_each_sink_its_format_and_counts_records_once),
		TEST(set_hands_on_more_than_one_batch),
		TEST(set_knows_how_far_its_main_sink_has_come),
		TEST(set_tells_when_its_main_sink_left_a_record_out),
		TEST(set_without_sinks_still_counts),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	pn_log_set_level(PN_LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
