/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_JSON_WRITER_H
#define PN_EXPORT_JSON_WRITER_H

#include "export/text.h"

/**
 * struct pn_json - one JSON document, written front to back
 * @text: where to; look at text.full when done
 *
 * Every value is followed by a comma, and closing an object writes over the last one. Keys are
 * literals and are not escaped; values may be anything. Inlined, so that a key is a few moves.
 */
struct pn_json {
	struct pn_text text;
};

#define PN_JSON_INLINE static inline __attribute__((always_inline))

PN_JSON_INLINE void pn_json_put_key(struct pn_json *j, const char *key)
{
	size_t len = strlen(key);
	char *at = j->text.at;

	if (!pn_text_room(&j->text, len + 3))
		return;
	at[0] = '"';
	memcpy(at + 1, key, len);
	at[len + 1] = '"';
	at[len + 2] = ':';
	j->text.at = at + len + 3;
}

/** pn_json_put_open() - an object; @key is NULL for the outermost */
PN_JSON_INLINE void pn_json_put_open(struct pn_json *j, const char *key)
{
	if (key)
		pn_json_put_key(j, key);
	pn_text_char(&j->text, '{');
}

PN_JSON_INLINE void pn_json_put_close(struct pn_json *j)
{
	if (!pn_text_room(&j->text, 2))
		return;
	if (j->text.at[-1] == ',')
		j->text.at--;
	*j->text.at++ = '}';
	*j->text.at++ = ',';
}

/** pn_json_put_end() - instead of closing the outermost object: closes it and ends the line */
PN_JSON_INLINE void pn_json_put_end(struct pn_json *j)
{
	pn_json_put_close(j);
	if (!j->text.full)
		j->text.at[-1] = '\n';
}

PN_JSON_INLINE void pn_json_put_u64(struct pn_json *j, const char *key, uint64_t v)
{
	pn_json_put_key(j, key);
	pn_text_u64(&j->text, v);
	pn_text_char(&j->text, ',');
}

PN_JSON_INLINE void pn_json_put_true(struct pn_json *j, const char *key)
{
	pn_json_put_key(j, key);
	pn_text_put(&j->text, "true,", 5);
}

/** pn_json_put_begin() - a string whose text the caller puts; it needs no escapes */
PN_JSON_INLINE void pn_json_put_begin(struct pn_json *j, const char *key)
{
	pn_json_put_key(j, key);
	pn_text_char(&j->text, '"');
}

PN_JSON_INLINE void pn_json_put_done(struct pn_json *j)
{
	pn_text_put(&j->text, "\",", 2);
}

/** pn_json_put_word() - a string that needs no escapes: one of ours */
PN_JSON_INLINE void pn_json_put_word(struct pn_json *j, const char *key, const char *word)
{
	pn_json_put_begin(j, key);
	pn_text_string(&j->text, word);
	pn_json_put_done(j);
}

/** pn_json_put_escaped() - the inside of a string: any bytes up to the NUL; what is not UTF-8 becomes U+FFFD */
void pn_json_put_escaped(struct pn_json *j, const char *s);

/** pn_json_put_string() - a string of any bytes */
PN_JSON_INLINE void pn_json_put_string(struct pn_json *j, const char *key, const char *s)
{
	pn_json_put_begin(j, key);
	pn_json_put_escaped(j, s);
	pn_json_put_done(j);
}

#endif
