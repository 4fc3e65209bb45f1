/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_JSON_WRITER_H
#define PN_EXPORT_JSON_WRITER_H

#include "export/text.h"

/**
 * struct pn_json - one JSON document, written front to back
 * @text:  where to; look at text.full when done
 * @first: no comma before the next member
 *
 * Keys are literals and are not escaped; values may be anything.
 */
struct pn_json {
	struct pn_text text;
	bool first;
};

static inline void pn_json_put_key(struct pn_json *j, const char *key)
{
	if (!j->first)
		pn_text_char(&j->text, ',');
	j->first = false;
	pn_text_char(&j->text, '"');
	pn_text_string(&j->text, key);
	pn_text_put(&j->text, "\":", 2);
}

/** pn_json_put_open() - an object; @key is NULL for the outermost */
static inline void pn_json_put_open(struct pn_json *j, const char *key)
{
	if (key)
		pn_json_put_key(j, key);
	pn_text_char(&j->text, '{');
	j->first = true;
}

static inline void pn_json_put_close(struct pn_json *j)
{
	pn_text_char(&j->text, '}');
	j->first = false;
}

static inline void pn_json_put_u64(struct pn_json *j, const char *key, uint64_t v)
{
	pn_json_put_key(j, key);
	pn_text_u64(&j->text, v);
}

/** pn_json_put_word() - a string that needs no escapes: one of ours */
static inline void pn_json_put_word(struct pn_json *j, const char *key, const char *word)
{
	pn_json_put_key(j, key);
	pn_text_char(&j->text, '"');
	pn_text_string(&j->text, word);
	pn_text_char(&j->text, '"');
}

/** pn_json_put_string() - any bytes up to the NUL; what is not UTF-8 becomes U+FFFD */
void pn_json_put_string(struct pn_json *j, const char *key, const char *s);

#endif
