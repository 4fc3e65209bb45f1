/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of `podonym top`: what each does to the view. The keys of the help text in top_view.c.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/top/top_view.h"

static void move_by(size_t *place, size_t step, bool up)
{
	if (!up)
		*place += step;
	else
		*place -= *place < step ? *place : step;
}

/* The view finds out how far down it goes when it is drawn. Return: was it such a key? */
static bool move(struct pn_top_view *v, int key)
{
	size_t *place = v->mode == PN_TOP_LIST ? &v->place : &v->scrolled;

	switch (key) {
	case PN_TOP_KEY_UP:
	case PN_TOP_KEY_DOWN:
		move_by(place, 1, key == PN_TOP_KEY_UP);
		break;
	case PN_TOP_KEY_PAGE_UP:
	case PN_TOP_KEY_PAGE_DOWN:
		move_by(place, v->page, key == PN_TOP_KEY_PAGE_UP);
		break;
	case PN_TOP_KEY_HOME:
		*place = 0;
		break;
	case PN_TOP_KEY_END:
		*place = SIZE_MAX / 2;
		break;
	default:
		return false;
	}
	if (v->mode == PN_TOP_LIST)
		v->chosen = 0;
	return true;
}

static void set_sort(struct pn_top_view *v, int key)
{
	static const char letters[] = "bpdrn";
	const char *at = key > 0 && key < 128 ? strchr(letters, key) : NULL;

	if (at)
		v->sort = (enum pn_top_sort)(at - letters);
	else if (key == '>')
		v->sort = (v->sort + 1) % PN_TOP_SORTS;
	else if (key == '<')
		v->sort = (v->sort + PN_TOP_SORTS - 1) % PN_TOP_SORTS;
	else if (key == 'R')
		v->reverse = !v->reverse;
	else
		return;
	v->rows = NULL;
}

static enum pn_top_action edit(struct pn_top_view *v, int key)
{
	size_t len = strlen(v->edit);

	if (key == PN_TOP_KEY_ENTER || key == PN_TOP_KEY_ESCAPE) {
		v->is_editing = false;
		v->why[0] = '\0';
		return key == PN_TOP_KEY_ENTER ? PN_TOP_ASK : PN_TOP_GO_ON;
	}
	if (key == PN_TOP_KEY_BACKSPACE && len)
		v->edit[len - 1] = '\0';
	else if (key == 'U' - '@')
		v->edit[0] = '\0';
	else if (key >= ' ' && key <= '~' && len + 1 < sizeof(v->edit)) {
		v->edit[len] = (char)key;
		v->edit[len + 1] = '\0';
	}
	return PN_TOP_GO_ON;
}

static void begin_edit(struct pn_top_view *v)
{
	v->is_editing = true;
	v->why[0] = '\0';
	(void)snprintf(v->edit, sizeof(v->edit), "%s", v->filter);
}

static void enter(struct pn_top_view *v)
{
	v->mode = PN_TOP_PAIR;
	v->scrolled = 0;
	v->connections = NULL;
}

static void escape(struct pn_top_view *v)
{
	v->mode = PN_TOP_LIST;
	v->scrolled = 0;
	v->why[0] = '\0';
}

enum pn_top_action pn_top_view_key(struct pn_top_view *v, int key)
{
	if (v->is_editing)
		return edit(v, key);
	if (key == 'q')
		return PN_TOP_QUIT;
	if (key == PN_TOP_KEY_ESCAPE)
		escape(v);
	else if (v->mode == PN_TOP_HELP)
		v->mode = PN_TOP_LIST;
	else if (key == '?' || key == 'h')
		v->mode = PN_TOP_HELP;
	else if (key == '/')
		begin_edit(v);
	else if (key == ' ')
		v->paused = !v->paused;
	else if (key == PN_TOP_KEY_ENTER && v->mode == PN_TOP_LIST && v->chosen)
		enter(v);
	else if (!move(v, key))
		set_sort(v, key);
	return PN_TOP_GO_ON;
}
