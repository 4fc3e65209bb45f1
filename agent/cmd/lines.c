/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines from a file, a pipe or a socket, each handed over as soon as it is whole.
 */
#include "cmd/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/policy/line_scan.h"

enum { PIECE = 256 << 10 };

/* All whole lines of @in; what is left of it is the beginning of the next one. */
static int take_lines(struct pn_buf *in, const struct pn_lines_ops *ops, void *data)
{
	char *at = in->data, *end = at + in->len, *newline;
	int r = 0;

	while (r == 0 && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		if (!pn_line_is_blank(at, (size_t)(newline - at)))
			r = ops->line(data, at, (size_t)(newline - at));
		at = newline + 1;
	}
	pn_buf_consume(in, (size_t)(at - in->data));
	return r;
}

/* Return: as read(2) */
static ssize_t read_more(int fd, struct pn_buf *in)
{
	ssize_t n;

	if (pn_buf_reserve(in, PIECE) < 0)
		return -ENOMEM;
	do
		n = read(fd, in->data + in->len, PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	in->len += (size_t)n;
	return n;
}

static int rest(const struct pn_lines_ops *ops, void *data)
{
	return ops->rest ? ops->rest(data) : 0;
}

static int read_all(int fd, struct pn_buf *in, const struct pn_lines_ops *ops, void *data)
{
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read_more(fd, in)) > 0) {
		r = take_lines(in, ops, data);
		if (r == 0 && in->len > PN_LINE_MAX)
			r = -EMSGSIZE;
		if (r == 0)
			r = rest(ops, data);
	}
	if (r < 0 || n < 0)
		return r < 0 ? r : (int)n;
	if (!in->len)
		return 0;
	r = pn_buf_put(in, "\n", 1);
	r = r < 0 ? r : take_lines(in, ops, data);
	return r < 0 ? r : rest(ops, data);
}

int pn_lines_read(int fd, const struct pn_lines_ops *ops, void *data)
{
	struct pn_buf in = PN_BUF_INIT(PN_LINE_MAX + PIECE);
	int r = read_all(fd, &in, ops, data);

	pn_buf_done(&in);
	return r;
}
