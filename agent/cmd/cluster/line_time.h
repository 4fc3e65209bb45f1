/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_CLUSTER_LINE_TIME_H
#define PN_CMD_CLUSTER_LINE_TIME_H

#include <stdbool.h>
#include <stddef.h>

/** Bytes of a time as it is compared: 2006-01-02T15:04:05.000000000Z, or 15:04:05.000; and a NUL. */
enum { PN_LINE_TIME_LEN = 31 };

/**
 * pn_line_time_json() - when the last packet came that a line of JSON is about
 * @line: NUL-terminated; anything
 *
 * Return: false if it does not say
 */
bool pn_line_time_json(const char *line, char ret[static PN_LINE_TIME_LEN]);

/**
 * pn_line_time_compact() - the same of a compact line, which begins with it
 * @ret_begin, @ret_end: of the time in @line, behind an escape for its colour
 */
bool pn_line_time_compact(const char *line, char ret[static PN_LINE_TIME_LEN], size_t *ret_begin,
			  size_t *ret_end);

/** pn_line_time_clock() - "2006-01-02T15:04:05.000000000Z" as 15:04:05.000 of this place; else as it is */
void pn_line_time_clock(const char *time, char ret[static PN_LINE_TIME_LEN]);

#endif
