/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `file`: lines in a file that is rotated by size and age. Its functions are called by
 * exporter.c, nearly all on the sender's thread.
 *
 * A file ends in a whole line before anything else is begun: a line that was cut by a full disk is
 * finished first, wherever the file has gone meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "export/encode.h"
#include "export/sink_kinds.h"

struct values {
	const char *format;
	uint64_t max_size, keep;
	pn_nsec max_age;
};

struct file_sink {
	struct pn_exporter *exporter;
	struct values values;
	struct pn_style style;
	const char *path;
	int fd;
	dev_t dev;
	ino_t ino;
	uint64_t size;
	pn_nsec opened;
	bool in_line; /* what was written last is the beginning of a line */
};

static const char *const formats[] = { "json", "compact", "netobserv", "hubble", NULL };

static const struct pn_sink_option options[] = {
	{
		.name = "format",
		.type = PN_SINK_CHOICE,
		.preset = "json",
		.choices = formats,
		.offset = offsetof(struct values, format),
	},
	{
		.name = "max-size",
		.type = PN_SINK_SIZE,
		.min = 4096,
		.max = UINT64_C(1) << 40,
		.offset = offsetof(struct values, max_size),
	},
	{
		.name = "max-age",
		.type = PN_SINK_DURATION,
		.min = PN_NSEC_PER_SEC,
		.max = 366 * 86400 * PN_NSEC_PER_SEC,
		.offset = offsetof(struct values, max_age),
	},
	{
		.name = "keep",
		.type = PN_SINK_NUMBER,
		.preset = "5",
		.max = 1000,
		.offset = offsetof(struct values, keep),
	},
	{ .name = NULL },
};

static int fail(const struct file_sink *f, const char *what, int r, struct pn_err *reterr)
{
	return pn_err_set(reterr, r, "%s: cannot be %s: %s", f->path, what, strerror(-r));
}

/* Whoever wrote to it before may have been stopped in the middle of a line. */
static bool is_torn(int fd, off_t size)
{
	char last = '\n';

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static int open_file(struct file_sink *f, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	struct stat st;

	fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(f, "opened", -errno, reterr);
	if (!S_ISREG(st.st_mode))
		return pn_err_set(reterr, -EINVAL,
				  "%s: is no regular file; --output writes to others", f->path);
	if (is_torn(fd, st.st_size) && write(fd, "\n", 1) != 1)
		return fail(f, "written", -errno, reterr);
	f->fd = PN_TAKE_FD(fd);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
	f->opened = pn_clock_now(&pn_clock_system);
	return 0;
}

static void close_file(struct file_sink *f)
{
	if (f->fd >= 0)
		(void)close(PN_TAKE_FD(f->fd));
}

/* Somebody else, logrotate for example, has moved the file away, or removed it. */
static bool is_elsewhere(const struct file_sink *f)
{
	struct stat st;

	return stat(f->path, &st) < 0 || st.st_dev != f->dev || st.st_ino != f->ino;
}

static int rename_one(const struct file_sink *f, uint64_t from, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *old = NULL;
	PN_CLEANUP(pn_freep) char *new = NULL;

	if (asprintf(&old, from ? "%s.%llu" : "%s", f->path, (unsigned long long)from) < 0)
		old = NULL;
	if (asprintf(&new, "%s.%llu", f->path, (unsigned long long)from + 1) < 0)
		new = NULL;
	if (!old || !new)
		return pn_err_set(reterr, -ENOMEM, "%s: no memory", f->path);
	if (rename(old, new) < 0 && errno != ENOENT)
		return fail(f, "rotated", -errno, reterr);
	return 0;
}

/* PATH becomes PATH.1, that PATH.2 and so on; the oldest is written over. */
static int rotate(struct file_sink *f, struct pn_err *reterr)
{
	int r = 0;

	if (!f->values.keep && unlink(f->path) < 0 && errno != ENOENT)
		return fail(f, "removed", -errno, reterr);
	for (uint64_t i = f->values.keep; i-- > 0 && r == 0;)
		r = rename_one(f, i, reterr);
	if (r < 0)
		return r;
	close_file(f);
	return open_file(f, reterr);
}

static bool is_old(const struct file_sink *f)
{
	return f->values.max_age && f->size &&
	       pn_clock_now(&pn_clock_system) - f->opened >= f->values.max_age;
}

/* How many of the bytes may go into the file as it is; all lines are whole unless one has begun. */
static size_t fitting(const struct file_sink *f, const char *bytes, size_t len)
{
	uint64_t room = f->values.max_size > f->size ? f->values.max_size - f->size : 0;
	const char *last = NULL;

	if (!f->values.max_size || len <= room)
		return len;
	if (!f->in_line)
		last = memrchr(bytes, '\n', (size_t)room);
	if (!last && (f->in_line || !f->size)) /* one line, however long */
		last = memchr(bytes, '\n', len);
	return last ? (size_t)(last - bytes) + 1 : 0;
}

/* With a file that may be written to, unless a line has to be finished in the old one. */
static int make_ready(struct file_sink *f, struct pn_err *reterr)
{
	if (f->in_line)
		return 0;
	if (f->fd >= 0 && is_elsewhere(f))
		close_file(f);
	if (f->fd < 0)
		return open_file(f, reterr);
	return is_old(f) ? rotate(f, reterr) : 0;
}

static size_t count_lines(const char *bytes, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += bytes[i] == '\n';
	return n;
}

static int write_some(struct file_sink *f, struct pn_batch *b, size_t len, struct pn_err *reterr)
{
	const char *bytes = b->bytes.data + b->at;
	ssize_t n = write(f->fd, bytes, len);
	size_t n_lines;

	if (n < 0)
		return errno == EINTR ? 0 : fail(f, "written", -errno, reterr);
	if (n == 0)
		return 0;
	n_lines = count_lines(bytes, (size_t)n);
	f->size += (uint64_t)n;
	f->in_line = bytes[n - 1] != '\n';
	b->at += (size_t)n;
	b->n_records -= n_lines;
	pn_exporter_sent(f->exporter, n_lines);
	return 0;
}

static int file_send(void *sink, struct pn_batch *b, struct pn_err *reterr)
{
	struct file_sink *f = sink;
	int r = make_ready(f, reterr);

	while (r == 0 && b->at < b->bytes.len) {
		size_t n = fitting(f, b->bytes.data + b->at, b->bytes.len - b->at);

		r = n ? write_some(f, b, n, reterr) : rotate(f, reterr);
	}
	return r;
}

static int file_encode(void *sink, const struct pn_flow_record *r, struct pn_buf *out)
{
	const struct file_sink *f = sink;

	return pn_encode_styled(&f->style, r, out);
}

static void file_close(void *sink)
{
	struct file_sink *f = sink;

	close_file(f);
	free(f);
}

static int file_open(const struct pn_sink_setup *setup, void **ret, struct pn_err *reterr)
{
	struct file_sink *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	f->fd = -1;
	f->exporter = setup->exporter;
	f->path = setup->target;
	f->values = *(const struct values *)setup->values;
	f->style.node = setup->node;
	(void)pn_format_parse(f->values.format, &f->style.format);
	r = open_file(f, reterr);
	if (r < 0) {
		file_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

const struct pn_sink_kind pn_sink_kind_file = {
	.name = "file",
	.target = "PATH",
	.options = options,
	.values_size = sizeof(struct values),
	.open = file_open,
	.encode = file_encode,
	.send = file_send,
	.close = file_close,
};
