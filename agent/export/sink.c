/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One destination of flow lines: a file, standard output, or a client of the unix socket. Used by
 * the set of sinks, on the flow thread.
 *
 * What the destination does not take without waiting stays in one bounded buffer; a line enters it
 * whole or not at all, or goes out at once and has room in it. So a line that went out by half is
 * finished by the next bytes written, and lines are only ever lost whole, and counted.
 */
#include "export/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"

enum {
	FILE_MAX_BYTES = 32 << 20, /* a round of 40,000 records into a pipe that is read later */
	RESUME_BYTES = 64 << 10,   /* read at a time */
};

/* How to write without waiting. */
enum way {
	WAY_FILE,     /* a regular file: the page cache takes it */
	WAY_NONBLOCK, /* an open file description of our own, with O_NONBLOCK */
	WAY_POLL,     /* one that others share, whose flags are not ours: ask, then a little */
	WAY_SOCKET,   /* MSG_DONTWAIT */
};

struct pn_sink {
	int fd;
	enum way way;
	enum pn_format format;
	struct pn_buf pending;
	size_t n_written; /* of pending, from its front */
	struct pn_log_limit limit;
	uint64_t n_dropped; /* lines */
	uint64_t n_sent;    /* bytes */
	bool in_line;	    /* what was sent last from pending did not end a line */
	int dead;	    /* the errno that it died of, negative */
	char *name;	    /* for messages */
};

static size_t count_lines(const char *lines, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += lines[i] == '\n';
	return n;
}

static int new_sink(int fd, enum pn_format format, size_t max_bytes, const char *name,
		    struct pn_sink **ret)
{
	struct pn_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->name = strdup(name);
	if (!s->name) {
		free(s);
		return -ENOMEM;
	}
	s->fd = fd;
	s->format = format;
	s->pending = PN_BUF_INIT(max_bytes);
	*ret = s;
	return 0;
}

/* --- opening ------------------------------------------------------------------------------------- */

/*
 * Standard output is shared with whoever started us, so its flags stay as they are. Opening it anew
 * through /proc gives a description of our own. Where that is refused (a terminal of another user)
 * or gives the shared one (under valgrind), a small write is tried whenever poll() says that there
 * is room.
 */
static int reopen_stdout(void)
{
	PN_CLEANUP(pn_closep) int fd = -1;

	fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || !(fcntl(fd, F_GETFL) & O_NONBLOCK))
		return -1;
	return PN_TAKE_FD(fd);
}

static int open_stdout(enum way *ret_way)
{
	struct stat st;
	int fd = -1;

	if (fstat(STDOUT_FILENO, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode)) {
		*ret_way = WAY_FILE;
	} else if (S_ISSOCK(st.st_mode)) {
		*ret_way = WAY_SOCKET;
	} else {
		fd = reopen_stdout();
		*ret_way = fd < 0 ? WAY_POLL : WAY_NONBLOCK;
	}
	if (fd < 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int open_path(const char *path, enum way *ret_way)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	struct stat st;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret_way = S_ISREG(st.st_mode) ? WAY_FILE : WAY_NONBLOCK;
	return PN_TAKE_FD(fd);
}

/* Whoever wrote to this file before us may have been stopped in the middle of a line. */
static bool ends_in_torn_line(const char *path)
{
	PN_CLEANUP(pn_closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char last = '\n';

	if (fd < 0)
		return false;
	if (lseek(fd, -1, SEEK_END) < 0 || read(fd, &last, 1) != 1)
		return false;
	return last != '\n';
}

int pn_sink_open_file(const char *path, enum pn_format format, struct pn_sink **ret,
		      struct pn_err *reterr)
{
	bool is_stdout = strcmp(path, "-") == 0;
	PN_CLEANUP(pn_closep) int fd = -1;
	enum way way = WAY_FILE;
	int r;

	fd = is_stdout ? open_stdout(&way) : open_path(path, &way);
	if (fd < 0)
		return pn_err_set(reterr, fd, "%s: cannot be opened for flow records: %s",
				  is_stdout ? "standard output" : path, strerror(-fd));
	r = new_sink(fd, format, FILE_MAX_BYTES, is_stdout ? "standard output" : path, ret);
	if (r < 0)
		return pn_err_set(reterr, r, "%s: %s", path, strerror(-r));
	(void)PN_TAKE_FD(fd);
	(*ret)->way = way;
	if (!is_stdout && way == WAY_FILE && ends_in_torn_line(path))
		(void)pn_buf_put(&(*ret)->pending, "\n", 1);
	return 0;
}

int pn_sink_open_subscriber(int fd, enum pn_format format, size_t max_bytes, struct pn_sink **ret)
{
	int r = new_sink(fd, format, max_bytes, "a client of the socket", ret);

	if (r < 0) {
		(void)close(fd);
		return r;
	}
	(*ret)->way = WAY_SOCKET;
	return 0;
}

/* --- going on with a file ------------------------------------------------------------------------ */

int pn_sink_place(const struct pn_sink *s, struct pn_place *ret)
{
	struct stat st;

	if (pn_sink_is_waiting(s))
		return -EAGAIN;
	*ret = (struct pn_place) { 0 };
	if (s->way == WAY_FILE && fstat(s->fd, &st) == 0)
		*ret = (struct pn_place) { st.st_dev, st.st_ino, (uint64_t)st.st_size };
	return 0;
}

/* The sink's descriptor can only write. */
static int reopen_for_reading(const struct pn_sink *s)
{
	char path[sizeof("/proc/self/fd/") + 12];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Whole lines from @from to @to. @ret_end: behind the last of them */
static int count_lines_between(int fd, uint64_t from, uint64_t to, uint64_t *ret_lines,
			       uint64_t *ret_end)
{
	PN_CLEANUP(pn_freep) char *chunk = malloc(RESUME_BYTES);
	uint64_t n_lines = 0, end = from;

	if (!chunk)
		return -ENOMEM;
	while (from < to) {
		ssize_t n =
			pread(fd, chunk, PN_MIN(to - from, (uint64_t)RESUME_BYTES), (off_t)from);
		const char *last;

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		n_lines += count_lines(chunk, (size_t)n);
		last = memrchr(chunk, '\n', (size_t)n);
		if (last)
			end = from + (uint64_t)(last - chunk) + 1;
		from += (uint64_t)n;
	}
	*ret_lines = n_lines;
	*ret_end = end;
	return 0;
}

int pn_sink_resume(struct pn_sink *s, const struct pn_place *since, uint64_t *ret_lines)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	uint64_t size, end = since->offset;
	struct stat st;
	int r;

	if (s->way != WAY_FILE || fstat(s->fd, &st) < 0 || st.st_dev != since->dev ||
	    st.st_ino != since->ino || (uint64_t)st.st_size < since->offset)
		return -ENOENT;
	size = (uint64_t)st.st_size;
	if (size - since->offset > 2 * (uint64_t)FILE_MAX_BYTES)
		return -EFBIG;
	fd = reopen_for_reading(s);
	if (fd < 0)
		return fd;
	r = count_lines_between(fd, since->offset, size, ret_lines, &end);
	if (r < 0)
		return r;
	if (end < size && ftruncate(s->fd, (off_t)end) == 0)
		pn_buf_reset(&s->pending); /* the end of a line that is no more */
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------- */

static bool has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) > 0 && p.revents;
}

/* Return: bytes written, -EAGAIN, or another negative errno */
static ssize_t write_some(const struct pn_sink *s, const char *data, size_t len)
{
	ssize_t n;

	switch (s->way) {
	case WAY_SOCKET:
		n = send(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case WAY_POLL:
		if (!has_room(s->fd))
			return -EAGAIN;
		len = PN_MIN(len, (size_t)PIPE_BUF);
		/* fall through */
	default:
		n = write(s->fd, data, len);
	}
	return n < 0 ? -errno : n;
}

/* The destination may recover, and until then keeps what it has. */
static bool is_for_now(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EFBIG || r == -EIO;
}

static void complain(struct pn_sink *s, int r)
{
	unsigned int n_held;

	if (pn_log_allow(&s->limit, pn_clock_now(&pn_clock_system), 60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("export",
			"%s cannot be written, trying again, records are dropped meanwhile: %s "
			"held=%u",
			s->name, strerror(-r), n_held);
}

/* Has the client of a socket gone? One that only stopped sending is still there. */
static bool is_hung_up(const struct pn_sink *s)
{
	struct pollfd p = { .fd = s->fd };

	return s->way == WAY_SOCKET && poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

static int die(struct pn_sink *s, int r)
{
	s->dead = r;
	if (s->way == WAY_SOCKET)
		pn_debug("export", "%s has gone: %s", s->name, strerror(-r));
	else
		pn_warn("export", "%s takes no more records, continuing without it: %s", s->name,
			strerror(-r));
	return r;
}

int pn_sink_flush(struct pn_sink *s)
{
	ssize_t n = 0;

	if (s->dead)
		return s->dead;
	if (is_hung_up(s))
		return die(s, -EPIPE);
	while (pn_sink_is_waiting(s) && (n >= 0 || n == -EINTR)) {
		n = write_some(s, s->pending.data + s->n_written, s->pending.len - s->n_written);
		s->n_written += (size_t)PN_MAX(n, 0);
		if (n > 0)
			s->in_line = s->pending.data[s->n_written - 1] != '\n';
		s->n_sent += (size_t)PN_MAX(n, 0);
	}
	if (!pn_sink_is_waiting(s)) {
		pn_buf_reset(&s->pending);
		s->n_written = 0;
	}
	if (n >= 0 || n == -EAGAIN || n == -EINTR)
		return 0;
	if (!is_for_now((int)n))
		return die(s, (int)n);
	complain(s, (int)n);
	return 0;
}

bool pn_sink_is_waiting(const struct pn_sink *s)
{
	return s->n_written < s->pending.len;
}

/* Room is made when half of the bytes have gone, so that moving the rest costs little for each. */
static size_t make_room(struct pn_sink *s)
{
	if (s->n_written >= s->pending.len / 2) {
		pn_buf_consume(&s->pending, s->n_written);
		s->n_written = 0;
	}
	return s->pending.max - s->pending.len;
}

/* How many of the bytes are whole lines that fit into @room. */
static size_t fitting_lines(const char *lines, size_t len, size_t room)
{
	const char *last;

	if (len <= room)
		return len;
	last = memrchr(lines, '\n', room);
	return last ? (size_t)(last - lines) + 1 : 0;
}

/*
 * A copy is saved where nothing is waiting and there would be room for all of it. Return: bytes written;
 * why it was not more, pn_sink_flush() will find out
 */
static size_t write_through(struct pn_sink *s, const char *lines, size_t len)
{
	ssize_t n;

	if (s->dead || pn_sink_is_waiting(s) || (s->way != WAY_FILE && s->way != WAY_NONBLOCK) ||
	    pn_buf_reserve(&s->pending, len) < 0)
		return 0;
	n = write_some(s, lines, len);
	return (size_t)PN_MAX(n, 0);
}

static void count_dropped(struct pn_sink *s, size_t n_lines)
{
	s->n_dropped += n_lines;
	pn_metric_add(PN_METRIC_EXPORT_DROPPED, n_lines);
}

int pn_sink_write(struct pn_sink *s, const char *lines, size_t len)
{
	size_t n_through = write_through(s, lines, len);

	lines += n_through;
	len -= n_through;
	while (len) {
		size_t n = fitting_lines(lines, len, make_room(s));

		if (n == 0 || pn_buf_put(&s->pending, lines, n) < 0)
			break;
		lines += n;
		len -= n;
		if (pn_sink_flush(s) < 0)
			break;
	}
	if (len)
		count_dropped(s, count_lines(lines, len));
	if (s->dead)
		return s->dead;
	return len ? -EAGAIN : 0;
}

void pn_sink_discard(struct pn_sink *s)
{
	const char *waiting = s->pending.data + s->n_written;
	size_t len = s->pending.len - s->n_written, kept = 0;
	struct pn_buf rest = PN_BUF_INIT(s->pending.max);

	if (s->in_line) {
		const char *newline = memchr(waiting, '\n', len);

		kept = newline ? (size_t)(newline - waiting) + 1 : len;
	}
	count_dropped(s, count_lines(waiting + kept, len - kept));
	s->pending.len = s->n_written + kept;
	if (pn_buf_put(&rest, waiting, kept) < 0)
		return;
	pn_buf_done(&s->pending); /* it may have been much */
	s->pending = rest;
	s->n_written = 0;
}

uint64_t pn_sink_dropped(const struct pn_sink *s)
{
	return s->n_dropped;
}

uint64_t pn_sink_sent(const struct pn_sink *s)
{
	return s->n_sent;
}

enum pn_format pn_sink_format(const struct pn_sink *s)
{
	return s->format;
}

void pn_sink_close(struct pn_sink *s)
{
	if (!s)
		return;
	(void)pn_sink_flush(s);
	if (pn_sink_is_waiting(s))
		pn_metric_add(PN_METRIC_EXPORT_DROPPED, count_lines(s->pending.data + s->n_written,
								    s->pending.len - s->n_written));
	pn_buf_done(&s->pending);
	(void)close(s->fd);
	free(s->name);
	free(s);
}
