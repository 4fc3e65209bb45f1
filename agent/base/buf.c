/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable buffer that knows its limit. Used wherever bytes from outside are collected.
 */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MIN_CAP = 256 };

void pn_buf_done(struct pn_buf *b)
{
	free(b->data);
	*b = PN_BUF_INIT(b->max);
}

void pn_buf_reset(struct pn_buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

int pn_buf_reserve(struct pn_buf *b, size_t len)
{
	size_t need, cap;
	char *data;

	if (len > b->max || b->len > b->max - len)
		return -EMSGSIZE;
	need = b->len + len + 1;
	if (need <= b->cap)
		return 0;
	cap = PN_MAX(b->cap, (size_t)MIN_CAP);
	while (cap < need)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->cap = cap;
	b->data[b->len] = '\0';
	return 0;
}

int pn_buf_put(struct pn_buf *b, const void *data, size_t len)
{
	int r = pn_buf_reserve(b, len);

	if (r < 0)
		return r;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int pn_buf_printf(struct pn_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n, r;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	r = pn_buf_reserve(b, (size_t)n);
	if (r < 0)
		return r;
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void pn_buf_consume(struct pn_buf *b, size_t len)
{
	if (!len)
		return;
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

int pn_buf_put_escaped(struct pn_buf *b, const char *text)
{
	int r = 0;

	for (const char *c = text; *c && r == 0; c++)
		r = is_unreserved(*c) ? pn_buf_put(b, c, 1)
				      : pn_buf_printf(b, "%%%02X", (unsigned char)*c);
	return r;
}
