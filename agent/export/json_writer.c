/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings in JSON. The rest of the writer is in the header, so that keys become plain copies.
 *
 * Names come from the API server, which may be broken: quotes, control characters and bytes that
 * are not UTF-8 must not break the line that a reader parses.
 */
#include "export/json_writer.h"

/* Printable ASCII that stands for itself; U+007F is escaped too, which JSON does not ask for. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#define EIGHT_TIMES(c) ((c)*0x0101010101010101u)

/*
 * The same of eight characters at once: one that is not plain shows in the highest bit of its byte. What
 * it borrows from or carries into the next ones does not matter then.
 */
static bool are_plain(uint64_t w)
{
	uint64_t signs = w | (w - EIGHT_TIMES(0x20u)) | (w + EIGHT_TIMES(0x01u)) |
			 ((w ^ EIGHT_TIMES((unsigned int)'"')) - EIGHT_TIMES(0x01u)) |
			 ((w ^ EIGHT_TIMES((unsigned int)'\\')) - EIGHT_TIMES(0x01u));

	return !(signs & EIGHT_TIMES(0x80u));
}

/* Return: is it plain, and copied? */
static bool copy_eight(char *to, const char *from)
{
	uint64_t w;

	memcpy(&w, from, sizeof(w));
	memcpy(to, &w, sizeof(w));
	return are_plain(w);
}

/*
 * What nearly all names are: plain from end to end, and copied while that is found out. The last eight
 * characters may be copied twice. Return: false: it is not plain or has no room, nothing is written
 */
static bool put_plain(struct pn_text *t, const char *s, size_t len)
{
	const size_t step = sizeof(uint64_t);
	size_t n = 0;

	if ((size_t)(t->end - t->at) < len)
		return false;
	if (len < step) {
		for (; n < len && is_plain((unsigned char)s[n]); n++)
			t->at[n] = s[n];
	} else {
		for (; len - n >= step && copy_eight(t->at + n, s + n); n += step)
			;
		if (len - n < step && copy_eight(t->at + len - step, s + len - step))
			n = len;
	}
	if (n < len)
		return false;
	t->at += len;
	return true;
}

static size_t plain_len(const unsigned char *s, size_t len)
{
	size_t n = 0;

	while (n < len && is_plain(s[n]))
		n++;
	return n;
}

/* One character that is not plain. Return: bytes taken from @s */
static size_t put_special(struct pn_text *t, const unsigned char *s)
{
	static const char hex[] = "0123456789abcdef";
	const char escape[] = { '\\', 'u', '0', '0', hex[s[0] >> 4], hex[s[0] & 0xf] };
	size_t len;

	if (s[0] == '"' || s[0] == '\\') {
		pn_text_char(t, '\\');
		pn_text_char(t, (char)s[0]);
		return 1;
	}
	if (s[0] < 0x80) {
		pn_text_put(t, escape, sizeof(escape));
		return 1;
	}
	len = pn_text_utf8_len(s);
	if (!len) {
		pn_text_string(t, "\xef\xbf\xbd");
		return 1;
	}
	pn_text_put(t, (const char *)s, len);
	return len;
}

void pn_json_put_escaped(struct pn_json *j, const char *s)
{
	size_t len = strlen(s);
	const unsigned char *at = (const unsigned char *)s, *end = at + len;

	if (put_plain(&j->text, s, len))
		return;
	while (at < end && !j->text.full) {
		size_t n = plain_len(at, (size_t)(end - at));

		pn_text_put(&j->text, (const char *)at, n);
		at += n;
		if (at < end)
			at += put_special(&j->text, at);
	}
}
