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

void pn_json_put_string(struct pn_json *j, const char *key, const char *s)
{
	const unsigned char *at = (const unsigned char *)s;

	pn_json_put_begin(j, key);
	while (*at && !j->text.full) {
		const unsigned char *plain = at;

		while (is_plain(*at))
			at++;
		pn_text_put(&j->text, (const char *)plain, (size_t)(at - plain));
		if (*at)
			at += put_special(&j->text, at);
	}
	pn_json_put_done(j);
}
