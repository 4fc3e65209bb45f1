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
static bool are_plain(const unsigned char *s)
{
	uint64_t w, signs;

	memcpy(&w, s, sizeof(w));
	signs = w | (w - EIGHT_TIMES(0x20u)) | (w + EIGHT_TIMES(0x01u)) |
		((w ^ EIGHT_TIMES((unsigned int)'"')) - EIGHT_TIMES(0x01u)) |
		((w ^ EIGHT_TIMES((unsigned int)'\\')) - EIGHT_TIMES(0x01u));
	return !(signs & EIGHT_TIMES(0x80u));
}

/* How many characters at @s, which has @len, are plain. */
static size_t plain_len(const unsigned char *s, size_t len)
{
	const size_t step = sizeof(uint64_t);
	size_t n = 0;

	while (len - n >= step && are_plain(s + n))
		n += step;
	if (n && len - n < step && are_plain(s + len - step))
		return len;
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
	const unsigned char *at = (const unsigned char *)s, *end = at + strlen(s);

	while (at < end && !j->text.full) {
		size_t n = plain_len(at, (size_t)(end - at));

		pn_text_put(&j->text, (const char *)at, n);
		at += n;
		if (at < end)
			at += put_special(&j->text, at);
	}
}
