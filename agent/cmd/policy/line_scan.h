/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_LINE_SCAN_H
#define PN_CMD_POLICY_LINE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One line of JSON, read from front to back and in place: nothing is allocated, and strings become
 * text where they stand. For lines of which there are hundreds of thousands.
 */

/** struct pn_line - what is left of a line; one byte behind @end may be written */
struct pn_line {
	char *at, *end;
};

void pn_line_space(struct pn_line *l);

/** pn_line_take() - Return: was @want next, behind any space? Then it is taken */
bool pn_line_take(struct pn_line *l, char want);

/** pn_line_string() - Return: its text, NUL-terminated; NULL if there is none. What is not ASCII may come as '?' */
char *pn_line_string(struct pn_line *l);

/** pn_line_number() - digits alone, and at most @max. Return: was it one? */
bool pn_line_number(struct pn_line *l, uint64_t max, uint64_t *ret);

/** pn_line_skip() - any value. Return: was it one, as far as one looked? */
bool pn_line_skip(struct pn_line *l);

/** pn_line_is_blank() - nothing but space in it */
bool pn_line_is_blank(const char *line, size_t len);

#endif
