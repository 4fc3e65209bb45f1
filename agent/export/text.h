/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_TEXT_H
#define PN_EXPORT_TEXT_H

#include <stdbool.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"

/**
 * struct pn_text - a place to write text to, of fixed size
 * @at:   where the next byte goes
 * @end:  behind the last byte that may be written
 * @full: something did not fit; nothing is written from then on
 *
 * What printf() would do, a few times as fast. Nothing here adds a NUL.
 */
struct pn_text {
	char *at, *end;
	bool full;
};

/** pn_text_room() - may @n more bytes be written at @t->at? */
static inline bool pn_text_room(struct pn_text *t, size_t n)
{
	if ((size_t)(t->end - t->at) >= n)
		return true;
	t->full = true;
	t->end = t->at;
	return false;
}

static inline void pn_text_put(struct pn_text *t, const char *s, size_t n)
{
	if (!pn_text_room(t, n))
		return;
	memcpy(t->at, s, n);
	t->at += n;
}

static inline void pn_text_string(struct pn_text *t, const char *s)
{
	pn_text_put(t, s, strlen(s));
}

static inline void pn_text_char(struct pn_text *t, char c)
{
	if (pn_text_room(t, 1))
		*t->at++ = c;
}

/** pn_text_long_u64() - @v > 0 */
void pn_text_long_u64(struct pn_text *t, uint64_t v);

static inline void pn_text_u64(struct pn_text *t, uint64_t v)
{
	if (v < 10)
		pn_text_char(t, (char)('0' + v));
	else
		pn_text_long_u64(t, v);
}

/** pn_text_padded() - the last @width digits of @v, zeros in front; @width <= 9 */
void pn_text_padded(struct pn_text *t, uint32_t v, unsigned int width);

/** pn_text_addr() - IPv4 as a.b.c.d, IPv6 in the form of RFC 5952 */
void pn_text_addr(struct pn_text *t, const struct pn_addr *a);

/** pn_text_rfc3339() - CLOCK_REALTIME as 2006-01-02T15:04:05.000000000Z */
void pn_text_rfc3339(struct pn_text *t, pn_nsec realtime);

/**
 * pn_text_utf8_len() - length of the UTF-8 character at @s, which ends with a NUL
 *
 * Return: 2 to 4; 0 if it is none of more than one byte: too long a form, a surrogate, beyond
 * U+10FFFF, or cut short
 */
size_t pn_text_utf8_len(const unsigned char *s);

#endif
