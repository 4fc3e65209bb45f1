/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol buffers into a buffer. A message inside another one is preceded by its length, of which the
 * size is not known before: it is written behind one byte, and moved if the length needs more.
 */
#include "base/pb_write.h"

#include <string.h>

#include "base/pb.h"

enum { MAX_VARINT = 10 };

static char *put_varint(char *at, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		*at++ = (char)(v | 0x80);
	*at++ = (char)v;
	return at;
}

static size_t varint_len(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

/* Return: where the next @len bytes go; NULL, and remembered, if they cannot */
static char *reserve(struct pn_pb_writer *w, size_t len)
{
	if (w->error == 0)
		w->error = pn_buf_reserve(&w->buf, len);
	return w->error ? NULL : w->buf.data + w->buf.len;
}

static void advance(struct pn_pb_writer *w, const char *to)
{
	w->buf.len = (size_t)(to - w->buf.data);
	w->buf.data[w->buf.len] = '\0';
}

void pn_pb_put_int(struct pn_pb_writer *w, uint32_t number, uint64_t value)
{
	char *at = reserve(w, (size_t)2 * MAX_VARINT);

	if (!at)
		return;
	at = put_varint(at, (uint64_t)number << 3 | PN_PB_VARINT);
	advance(w, put_varint(at, value));
}

void pn_pb_put_fixed64(struct pn_pb_writer *w, uint32_t number, uint64_t value)
{
	char *at = reserve(w, MAX_VARINT + sizeof(value));

	if (!at)
		return;
	at = put_varint(at, (uint64_t)number << 3 | PN_PB_FIXED64);
	for (size_t i = 0; i < sizeof(value); i++)
		*at++ = (char)(value >> 8 * i);
	advance(w, at);
}

void pn_pb_put_bytes(struct pn_pb_writer *w, uint32_t number, const void *bytes, size_t len)
{
	char *at = reserve(w, (size_t)2 * MAX_VARINT + len);

	if (!at)
		return;
	at = put_varint(at, (uint64_t)number << 3 | PN_PB_BYTES);
	at = put_varint(at, len);
	if (len)
		memcpy(at, bytes, len);
	advance(w, at + len);
}

void pn_pb_put_text(struct pn_pb_writer *w, uint32_t number, const char *text)
{
	if (text[0])
		pn_pb_put_bytes(w, number, text, strlen(text));
}

size_t pn_pb_begin(struct pn_pb_writer *w, uint32_t number)
{
	char *at = reserve(w, MAX_VARINT + 1);

	if (!at)
		return 0;
	at = put_varint(at, (uint64_t)number << 3 | PN_PB_BYTES);
	advance(w, at + 1);
	return w->buf.len;
}

void pn_pb_end(struct pn_pb_writer *w, size_t begun)
{
	size_t len = w->buf.len - begun, more;
	char *at;

	if (w->error)
		return;
	more = varint_len(len) - 1;
	if (more && !reserve(w, more))
		return;
	at = w->buf.data + begun;
	if (more)
		memmove(at + more, at, len);
	(void)put_varint(at - 1, len);
	advance(w, at + more + len);
}
