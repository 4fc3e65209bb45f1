/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TOP_VIEW_H
#define PN_CMD_TOP_VIEW_H

#include "cmd/top/top_filter.h"
#include "cmd/top/top_text.h"

/*
 * What the screen of `podonym top` shows, and what keys do: lines of text with a style each, so that
 * it can be tested without a terminal.
 */

enum pn_top_style {
	PN_TOP_PLAIN,
	PN_TOP_TITLE,
	PN_TOP_HEADINGS,
	PN_TOP_CHOSEN,
	PN_TOP_DROPPED, /* it loses packets now */
	PN_TOP_WRONG,	/* an error */
	PN_TOP_STYLES,	/* sentinel */
};

/** Keys beside characters, which stand for themselves. */
enum pn_top_key {
	PN_TOP_KEY_ENTER = '\n',
	PN_TOP_KEY_ESCAPE = 27,
	PN_TOP_KEY_UP = 256,
	PN_TOP_KEY_DOWN,
	PN_TOP_KEY_PAGE_UP,
	PN_TOP_KEY_PAGE_DOWN,
	PN_TOP_KEY_HOME,
	PN_TOP_KEY_END,
	PN_TOP_KEY_BACKSPACE,
	PN_TOP_KEY_OTHER,
};

enum pn_top_action {
	PN_TOP_GO_ON,
	PN_TOP_ASK, /* the filter line is entered: @edit */
	PN_TOP_QUIT,
};

/**
 * struct pn_top_view - zero is right at first; all but @edit, @why and @filter are its own
 * @chosen: id of a pair; 0: none yet, or the one at @place
 * @scrolled: of a pair's connections
 * @filter: the one in force, never NULL
 * @why:    why another one was refused
 * @rows, @connections: the table's; while paused they stay, so then nothing may be forgotten
 */
struct pn_top_view {
	enum { PN_TOP_LIST, PN_TOP_PAIR, PN_TOP_HELP } mode;
	enum pn_top_sort sort;
	bool reverse, paused, is_editing;
	uint64_t chosen;
	size_t place, first, scrolled, page;
	const char *filter;
	char edit[PN_TOP_WORDS_MAX], why[256];
	const struct pn_top_row *rows;
	const struct pn_top_connection *connections;
	size_t n_rows, n_connections;
};

enum { PN_TOP_LINE_MAX = 1024 };

struct pn_top_line {
	enum pn_top_style style;
	char text[PN_TOP_LINE_MAX];
};

/** struct pn_top_shown - what a view is of */
struct pn_top_shown {
	struct pn_top *table;
	const struct pn_top_agent *agent;
	pn_nsec now, realtime;
};

/**
 * pn_top_view_draw() - all lines of a screen
 * @lines: @height of them, all of which are filled, none longer than @width
 *
 * Return: 0 or -ENOMEM
 */
int pn_top_view_draw(struct pn_top_view *v, const struct pn_top_shown *shown,
		     struct pn_top_line *lines, size_t height, size_t width);

/** pn_top_view_key() - a character or enum pn_top_key. To be drawn anew then. */
enum pn_top_action pn_top_view_key(struct pn_top_view *v, int key);

#endif
