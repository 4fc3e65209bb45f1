/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_LINES_H
#define PN_CMD_LINES_H

#include <stddef.h>

/** The longest line that is taken. */
enum { PN_LINE_MAX = 64 << 10 };

/**
 * struct pn_lines_ops - what is done with lines as they come
 * @line: one that is not blank: @len bytes, and one more that may be written
 * @rest: all whole lines that are there have been handed over; may be NULL
 *
 * A negative errno ends pn_lines_read() with that result.
 */
struct pn_lines_ops {
	int (*line)(void *data, char *line, size_t len);
	int (*rest)(void *data);
};

/** pn_lines_read() - until the end of @fd; a last line needs no newline. Return: 0; -EMSGSIZE; as read(2) */
int pn_lines_read(int fd, const struct pn_lines_ops *ops, void *data);

#endif
