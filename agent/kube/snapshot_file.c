/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that a snapshot is in, without what it says: blocks that are whole or not at all. It is
 * written under another name and takes its place by rename(2), and whoever reads it trusts nothing:
 * a machine that lost its power may have left a file of the right size with nothing in it, so no
 * fsync() holds up the writer and the checksums decide.
 *
 * It is read with read(2), not mapped: a file that becomes shorter meanwhile is an error then, and not
 * a signal.
 */
#include "kube/snapshot_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kube/snapshot.h"

/* The last digit is the format's: another one is another file. */
static const char magic[8] = { 'p', 'o', 'd', 'o', 'n', 'y', 'm', '1' };

struct header {
	uint64_t sum;
	uint32_t type, len;
};
_Static_assert(sizeof(struct header) == 16, "as it is described");

/* Each step is a bijection of the sum for any given word, so one word that differs always shows. */
static uint64_t sum_word(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * 0x9fb21c651e98df25u;
	return sum ^ sum >> 32;
}

uint64_t pn_snapshot_sum(uint64_t seed, const void *data, size_t len)
{
	const char *at = data;
	uint64_t sum = sum_word(seed, len), word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum = sum_word(sum, le64toh(word));
	}
	word = 0;
	memcpy(&word, at, len);
	return sum_word(sum, le64toh(word));
}

static uint64_t block_sum(uint64_t before, uint32_t type, const void *data, size_t len)
{
	return pn_snapshot_sum(sum_word(before, type), data, len);
}

/* --- writing --- */

static int failed(const struct pn_snapshot_writer *w, int e, struct pn_err *reterr)
{
	return pn_err_set(reterr, e, "%s: %s", w->path, strerror(-e));
}

/* A file that somebody left under the name is not written into, whatever it is. */
static int open_temporary(struct pn_snapshot_writer *w)
{
	if (asprintf(&w->temporary, "%s.tmp", w->path) < 0) {
		w->temporary = NULL;
		return -ENOMEM;
	}
	if (unlink(w->temporary) < 0 && errno != ENOENT)
		return -errno;
	w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return w->fd < 0 ? -errno : 0;
}

static int write_all(struct pn_snapshot_writer *w, const void *data, size_t len)
{
	const char *at = data;
	ssize_t n;

	if (len > PN_SNAPSHOT_MAX_BYTES - w->n_bytes)
		return -EFBIG;
	w->n_bytes += len;
	while (len) {
		n = write(w->fd, at, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int pn_snapshot_create(struct pn_snapshot_writer *w, const char *path, struct pn_err *reterr)
{
	int e;

	*w = (struct pn_snapshot_writer) { .path = path, .fd = -1 };
	w->block.buf = PN_BUF_INIT(PN_BLOCK_MAX);
	e = open_temporary(w);
	if (e == 0)
		e = write_all(w, magic, sizeof(magic));
	if (e == 0)
		return 0;
	(void)failed(w, e, reterr);
	pn_snapshot_discard(w);
	return e;
}

int pn_snapshot_write(struct pn_snapshot_writer *w, enum pn_block type, struct pn_err *reterr)
{
	const struct pn_buf *b = &w->block.buf;
	struct header h;
	int e = w->block.error;

	if (e < 0)
		return failed(w, e, reterr);
	w->sum = block_sum(w->sum, type, b->data, b->len);
	h = (struct header) {
		.sum = htole64(w->sum),
		.type = htole32(type),
		.len = htole32((uint32_t)b->len),
	};
	e = write_all(w, &h, sizeof(h));
	if (e == 0)
		e = write_all(w, b->data, b->len);
	if (e < 0)
		return failed(w, e, reterr);
	w->n_blocks++;
	pn_buf_reset(&w->block.buf);
	return 0;
}

int pn_snapshot_finish(struct pn_snapshot_writer *w, struct pn_err *reterr)
{
	int e;

	pn_pb_put_int(&w->block, PB_END_COUNT, w->n_blocks);
	e = pn_snapshot_write(w, PN_BLOCK_END, reterr);
	if (e < 0)
		return e;
	if (close(PN_TAKE_FD(w->fd)) < 0 || rename(w->temporary, w->path) < 0)
		return failed(w, -errno, reterr);
	free(PN_TAKE_PTR(w->temporary));
	return 0;
}

void pn_snapshot_discard(struct pn_snapshot_writer *w)
{
	pn_closep(&w->fd);
	w->fd = -1;
	if (w->temporary)
		(void)unlink(w->temporary);
	free(PN_TAKE_PTR(w->temporary));
	pn_buf_done(&w->block.buf);
}

/* --- reading --- */

int pn_snapshot_damaged(const struct pn_snapshot_reader *r, const char *what, struct pn_err *reterr)
{
	return pn_err_set(reterr, -EBADMSG, "%s: damaged at byte %llu: %s", r->path,
			  (unsigned long long)r->at, what);
}

/* Nobody else may have written it. A pipe would have to be waited for. */
static int check_file(const struct pn_snapshot_reader *r, struct pn_err *reterr)
{
	struct stat st;

	if (fstat(r->fd, &st) < 0)
		return pn_err_set(reterr, -errno, "%s: %s", r->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return pn_err_set(reterr, -EPERM, "%s: not a file", r->path);
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return pn_err_set(reterr, -EPERM, "%s: others may have written it", r->path);
	if ((uint64_t)st.st_size > PN_SNAPSHOT_MAX_BYTES)
		return pn_err_set(reterr, -EFBIG, "%s: larger than %llu bytes", r->path,
				  (unsigned long long)PN_SNAPSHOT_MAX_BYTES);
	return 0;
}

/* Return: how many of @len bytes there were, or a negative errno */
static ssize_t read_some(struct pn_snapshot_reader *r, void *data, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(r->fd, (char *)data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	r->n_bytes += done;
	return (ssize_t)done;
}

static int read_all(struct pn_snapshot_reader *r, void *data, size_t len, struct pn_err *reterr)
{
	ssize_t n = read_some(r, data, len);

	if (n < 0)
		return pn_err_set(reterr, (int)n, "%s: %s", r->path, strerror((int)-n));
	return (size_t)n == len ? 0 : pn_snapshot_damaged(r, "the file ends too early", reterr);
}

static int read_magic(struct pn_snapshot_reader *r, struct pn_err *reterr)
{
	char text[sizeof(magic)];
	int e = read_all(r, text, sizeof(text), reterr);

	if (e == 0 && memcmp(text, magic, sizeof(magic)) != 0)
		e = pn_err_set(reterr, -EBADMSG, "%s: does not hold saved objects", r->path);
	return e;
}

int pn_snapshot_open(struct pn_snapshot_reader *r, const char *path, struct pn_err *reterr)
{
	int e;

	*r = (struct pn_snapshot_reader) { .path = path, .buf = PN_BUF_INIT(PN_BLOCK_MAX) };
	r->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (r->fd < 0)
		return pn_err_set(reterr, -errno, "%s: %s", path, strerror(errno));
	e = check_file(r, reterr);
	if (e == 0)
		e = read_magic(r, reterr);
	if (e < 0)
		pn_snapshot_close(r);
	return e;
}

static int read_body(struct pn_snapshot_reader *r, const struct header *h, size_t len,
		     struct pn_err *reterr)
{
	int e;

	if (len > PN_BLOCK_MAX)
		return pn_snapshot_damaged(r, "a block that is too long", reterr);
	pn_buf_reset(&r->buf);
	if (pn_buf_reserve(&r->buf, len) < 0)
		return pn_err_set(reterr, -ENOMEM, "%s: out of memory", r->path);
	e = read_all(r, r->buf.data, len, reterr);
	if (e < 0)
		return e;
	r->sum = block_sum(r->sum, le32toh(h->type), r->buf.data, len);
	if (r->sum != le64toh(h->sum))
		return pn_snapshot_damaged(r, "the checksum does not fit", reterr);
	r->block = pn_pb_from(r->buf.data, len);
	return 0;
}

/* Nothing is left out before it, and nothing is behind it. */
static int check_end(struct pn_snapshot_reader *r, struct pn_err *reterr)
{
	struct pn_pb_field f = { .number = 0 };
	char more;
	ssize_t n;

	if (pn_pb_read(&r->block, &f) != 1 || f.number != PB_END_COUNT || f.type != PN_PB_VARINT ||
	    f.value != r->n_blocks)
		return pn_snapshot_damaged(r, "the end does not fit", reterr);
	n = read_some(r, &more, 1);
	if (n < 0)
		return pn_err_set(reterr, (int)n, "%s: %s", r->path, strerror((int)-n));
	return n ? pn_snapshot_damaged(r, "there is something behind the end", reterr) : 0;
}

int pn_snapshot_read(struct pn_snapshot_reader *r, struct pn_err *reterr)
{
	struct header h;
	int e;

	r->at = r->n_bytes;
	e = read_all(r, &h, sizeof(h), reterr);
	if (e == 0)
		e = read_body(r, &h, le32toh(h.len), reterr);
	if (e < 0)
		return e;
	r->type = (enum pn_block)le32toh(h.type);
	if (r->type == PN_BLOCK_END)
		return check_end(r, reterr);
	r->n_blocks++;
	return 1;
}

void pn_snapshot_close(struct pn_snapshot_reader *r)
{
	pn_closep(&r->fd);
	r->fd = -1;
	pn_buf_done(&r->buf);
}
