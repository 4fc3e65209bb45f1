/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TOP_SCREEN_H
#define PN_CMD_TOP_SCREEN_H

#include "base/err.h"
#include "cmd/top/top_view.h"

/* The terminal. There is one at a time; the thread that opened it uses it. */

/** pn_top_screen_open() - Return: 0; -ENOTTY, -ENXIO with @reterr: this terminal cannot be drawn on */
int pn_top_screen_open(struct pn_err *reterr);

/** pn_top_screen_close() - the terminal is as it was; harmless when it is not open */
void pn_top_screen_close(void);

/** pn_top_screen_resize() - after SIGWINCH */
void pn_top_screen_resize(void);
void pn_top_screen_size(size_t *ret_height, size_t *ret_width);

/** pn_top_screen_key() - never waits. Return: a character or enum pn_top_key; 0: none */
int pn_top_screen_key(void);

/** pn_top_screen_show() - @lines: as many as the screen is high */
void pn_top_screen_show(const struct pn_top_line *lines);

#endif
