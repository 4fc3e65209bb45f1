/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal of `podonym top`, by ncurses: lines out, keys in. Signals are cmd_top.c's, so that the
 * terminal is put back at one place, whatever ended the command.
 */
#include "cmd/top/top_screen.h"

#include <errno.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static SCREEN *screen;

enum color_pair { GREEN_PAIR = 1, RED_PAIR, CYAN_PAIR };

static void set_colors(void)
{
	if (getenv("NO_COLOR") || !has_colors() || start_color() == ERR)
		return;
	(void)use_default_colors();
	(void)init_pair(GREEN_PAIR, COLOR_GREEN, -1);
	(void)init_pair(RED_PAIR, COLOR_RED, -1);
	(void)init_pair(CYAN_PAIR, COLOR_CYAN, -1);
}

int pn_top_screen_open(struct pn_err *reterr)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return pn_err_set(reterr, -ENOTTY,
				  "this is not a terminal; --batch 1 prints the table as text");
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return pn_err_set(reterr, -ENXIO,
				  "the terminal \"%.64s\" ($TERM) is not known here; set another "
				  "TERM, or use --batch 1",
				  term ? term : "");
	(void)cbreak();
	(void)noecho();
	(void)nonl();
	(void)nodelay(stdscr, true);
	(void)keypad(stdscr, true);
	(void)set_escdelay(50);
	(void)curs_set(0);
	set_colors();
	return 0;
}

void pn_top_screen_close(void)
{
	if (!screen)
		return;
	(void)endwin();
	delscreen(screen);
	screen = NULL;
}

void pn_top_screen_resize(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		(void)resizeterm(size.ws_row, size.ws_col);
	(void)clearok(stdscr, true);
}

void pn_top_screen_size(size_t *ret_height, size_t *ret_width)
{
	*ret_height = (size_t)PN_MAX(getmaxy(stdscr), 0);
	*ret_width = (size_t)PN_MAX(getmaxx(stdscr), 0);
}

int pn_top_screen_key(void)
{
	static const struct {
		int code, key;
	} keys[] = {
		{ KEY_UP, PN_TOP_KEY_UP },
		{ KEY_DOWN, PN_TOP_KEY_DOWN },
		{ KEY_PPAGE, PN_TOP_KEY_PAGE_UP },
		{ KEY_NPAGE, PN_TOP_KEY_PAGE_DOWN },
		{ KEY_HOME, PN_TOP_KEY_HOME },
		{ KEY_END, PN_TOP_KEY_END },
		{ KEY_ENTER, PN_TOP_KEY_ENTER },
		{ '\r', PN_TOP_KEY_ENTER },
		{ KEY_BACKSPACE, PN_TOP_KEY_BACKSPACE },
		{ '\b', PN_TOP_KEY_BACKSPACE },
		{ 127, PN_TOP_KEY_BACKSPACE },
	};
	int code = getch();

	if (code == ERR)
		return 0;
	for (size_t i = 0; i < PN_ARRAY_SIZE(keys); i++)
		if (keys[i].code == code)
			return keys[i].key;
	return code < 256 ? code : PN_TOP_KEY_OTHER;
}

static attr_t attributes(enum pn_top_style style)
{
	switch (style) {
	case PN_TOP_TITLE:
		return A_BOLD | COLOR_PAIR(GREEN_PAIR);
	case PN_TOP_HEADINGS:
		return A_BOLD | COLOR_PAIR(CYAN_PAIR);
	case PN_TOP_CHOSEN:
		return A_REVERSE;
	case PN_TOP_DROPPED:
	case PN_TOP_WRONG:
		return COLOR_PAIR(RED_PAIR);
	case PN_TOP_PLAIN:
	case PN_TOP_STYLES:
		break;
	}
	return A_NORMAL;
}

void pn_top_screen_show(const struct pn_top_line *lines)
{
	(void)erase();
	for (int y = 0; y < getmaxy(stdscr); y++) {
		(void)attrset((int)attributes(lines[y].style));
		(void)mvaddstr(y, 0, lines[y].text);
	}
	(void)attrset(A_NORMAL);
	(void)refresh();
}
