/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen of `podonym top` as lines: the agent and the sums above, the table or one pair or the help
 * below, a line of keys or of the filter at the end. Where a terminal is narrow, columns are left out,
 * the least important one first; names get what is left.
 */
#include "cmd/top/top_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

enum { HEAD_LINES = 3, NAME_MIN = 16, CELL_MAX = 512 };

/* In the order in which they are given up, the last one first. Negative widths: to the right. */
static const struct {
	enum pn_top_column column;
	int width;
} figures[] = {
	{ PN_TOP_BYTE_RATE, -13 },   { PN_TOP_DROP_RATE, -7 }, { PN_TOP_PORT, 9 },
	{ PN_TOP_PACKET_RATE, -11 }, { PN_TOP_RTT, -7 },       { PN_TOP_CONNECTIONS, -5 },
	{ PN_TOP_AGE, -4 },	     { PN_TOP_REASON, 16 },
};

/* struct layout - widths of the columns; 0: left out */
struct layout {
	int widths[PN_TOP_COLUMNS];
};

static void lay_out(struct layout *l, size_t width)
{
	int left = (int)width - 2 * NAME_MIN - 1;

	*l = (struct layout) { { 0 } };
	for (size_t i = 0; i < PN_ARRAY_SIZE(figures); i++) {
		int need = abs(figures[i].width) + 1;

		if (left < need)
			break;
		l->widths[figures[i].column] = figures[i].width;
		left -= need;
	}
	left = PN_MAX(left, 0);
	l->widths[PN_TOP_SOURCE] = NAME_MIN + left / 2;
	l->widths[PN_TOP_DESTINATION] = NAME_MIN + left - left / 2;
}

/* What is too long ends with a '~'. */
static void add_cell(struct pn_top_line *line, int width, char *cell)
{
	size_t len = strlen(line->text), most = (size_t)abs(width);

	if (!width || len + most + 2 > sizeof(line->text))
		return;
	if (strlen(cell) > most) {
		cell[most] = '\0';
		cell[most - 1] = '~';
	}
	(void)snprintf(line->text + len, sizeof(line->text) - len, "%s%*s", len ? " " : "", -width,
		       cell);
}

static void put_row(struct pn_top_line *line, const struct layout *l, const struct pn_top_row *r,
		    pn_nsec now)
{
	for (int i = 0; i < PN_TOP_COLUMNS; i++) {
		char cell[CELL_MAX];

		pn_top_cell(cell, sizeof(cell), (enum pn_top_column)i, r, now);
		add_cell(line, l->widths[i], cell);
	}
	line->style = r->rates[PN_TOP_DROPS] > 0 ? PN_TOP_DROPPED : PN_TOP_PLAIN;
}

static void put_headings(struct pn_top_line *line, const struct layout *l)
{
	for (int i = 0; i < PN_TOP_COLUMNS; i++) {
		char cell[CELL_MAX];

		(void)snprintf(cell, sizeof(cell), "%s", pn_top_headings[i]);
		add_cell(line, l->widths[i], cell);
	}
	line->style = PN_TOP_HEADINGS;
}

/* --- the table ------------------------------------------------------------------------------------ */

/* The chosen pair stays chosen wherever it goes; but who stands at the top stays there. */
static void follow_chosen(struct pn_top_view *v)
{
	for (size_t i = 0; v->place && v->chosen && i < v->n_rows; i++)
		if (v->rows[i].id == v->chosen)
			v->place = i;
	if (v->n_rows)
		v->place = PN_MIN(v->place, v->n_rows - 1);
	v->chosen = v->n_rows ? v->rows[v->place].id : 0;
	if (v->place < v->first)
		v->first = v->place;
	if (v->place >= v->first + v->page)
		v->first = v->place - v->page + 1;
	if (v->first + v->page > v->n_rows)
		v->first = v->n_rows > v->page ? v->n_rows - v->page : 0;
}

static void draw_list(struct pn_top_view *v, const struct pn_top_shown *shown,
		      struct pn_top_line *lines, size_t height, size_t width)
{
	struct pn_top_row others;
	struct layout l;

	lay_out(&l, width);
	put_headings(&lines[0], &l);
	if (pn_top_others(shown->table, shown->now, &others) && height > 2)
		put_row(&lines[--height], &l, &others, shown->now);
	v->page = PN_MAX(height - 1, (size_t)1);
	follow_chosen(v);
	for (size_t i = 0; i < v->page && v->first + i < v->n_rows && i + 1 < height; i++) {
		put_row(&lines[i + 1], &l, &v->rows[v->first + i], shown->now);
		if (v->first + i == v->place)
			lines[i + 1].style = PN_TOP_CHOSEN;
	}
}

/* --- one pair ------------------------------------------------------------------------------------- */

static void put_connection(struct pn_top_line *line, const struct pn_top_connection *c, pn_nsec now)
{
	char rtt[32], age[32];

	pn_top_rtt(rtt, sizeof(rtt), c->rtt_us);
	pn_top_age(age, sizeof(age), c->last, now);
	(void)snprintf(line->text, sizeof(line->text),
		       "%4s ago  %-12s %s -> %s  %llu/%llu bytes  %llu/%llu packets  %s", age,
		       c->state, c->source, c->destination,
		       (unsigned long long)c->sums[PN_TOP_BYTES],
		       (unsigned long long)c->sums[PN_TOP_BYTES_BACK],
		       (unsigned long long)c->sums[PN_TOP_PACKETS],
		       (unsigned long long)c->sums[PN_TOP_PACKETS_BACK], rtt);
}

static void put_reasons(struct pn_top_line *line, const struct pn_top_row *r)
{
	size_t n = 0;

	for (int i = 0; i < PN_TOP_REASONS && r->reasons[i].packets; i++)
		n += (size_t)snprintf(line->text + n, sizeof(line->text) - n, "%s%s %llux",
				      i ? ", " : "dropped: ", r->reasons[i].name,
				      (unsigned long long)r->reasons[i].packets);
	line->style = PN_TOP_DROPPED;
	if (!n)
		*line = (struct pn_top_line) { PN_TOP_PLAIN, "dropped: nothing" };
}

static const struct pn_top_row *chosen_row(const struct pn_top_view *v)
{
	for (size_t i = 0; i < v->n_rows; i++)
		if (v->rows[i].id == v->chosen)
			return &v->rows[i];
	return NULL;
}

static void draw_pair(struct pn_top_view *v, const struct pn_top_shown *shown,
		      struct pn_top_line *lines, size_t height, size_t width)
{
	const struct pn_top_row *r = chosen_row(v);
	struct layout l;
	size_t n;

	lay_out(&l, width);
	put_headings(&lines[0], &l);
	if (!r || height < 5) {
		(void)snprintf(lines[height - 1].text, sizeof(lines[0].text), "%s",
			       r ? "" : "nothing has been heard of this pair for a while");
		return;
	}
	put_row(&lines[1], &l, r, shown->now);
	put_reasons(&lines[2], r);
	(void)snprintf(lines[3].text, sizeof(lines[3].text),
		       "CONNECTIONS  %zu, the last one told first", v->n_connections);
	lines[3].style = PN_TOP_HEADINGS;
	v->page = height - 4;
	n = v->n_connections > v->page ? v->n_connections - v->page : 0;
	v->scrolled = PN_MIN(v->scrolled, n);
	for (size_t i = 0; i < v->page && v->scrolled + i < v->n_connections; i++)
		put_connection(&lines[4 + i], &v->connections[v->scrolled + i], shown->now);
}

/* --- the rest ------------------------------------------------------------------------------------- */

static void draw_help(struct pn_top_line *lines, size_t height)
{
	static const char *const help[] = {
		"b p d r n   sort by bytes, packets, drops, round trips, name; < > next",
		"R           the other way round",
		"up down     choose a pair; page up, page down, home, end",
		"Enter       its connections and why its packets were dropped; Escape: back",
		"/           filter, the words of `podonym flows`: namespace=shop not-port=53",
		"            an empty line takes the filter away",
		"space       stop, and go on",
		"q           quit",
		"",
		"A pair is who opens, who answers, and the port there. Before a slash: what is",
		"sent by who opens; behind it: by who answers. Bytes are those of the IP layer.",
	};

	for (size_t i = 0; i < PN_ARRAY_SIZE(help) && i < height; i++)
		(void)snprintf(lines[i].text, sizeof(lines[i].text), "%s", help[i]);
}

static void draw_foot(const struct pn_top_view *v, struct pn_top_line *line, size_t width)
{
	static const char *const sorts[PN_TOP_SORTS] = { "bytes", "packets", "drops", "round trips",
							 "name" };
	size_t len = strlen(v->edit), room = width > 10 ? width - 10 : 0;

	if (v->is_editing)
		(void)snprintf(line->text, sizeof(line->text), "Filter: %.900s_",
			       v->edit + (len > room ? len - room : 0));
	else if (*v->why)
		*line = (struct pn_top_line) { .style = PN_TOP_WRONG };
	else
		(void)snprintf(line->text, sizeof(line->text),
			       "%sby %s%s   b p d r n sort  / filter  Enter pair  Escape back  "
			       "space pause  ? help  q quit",
			       v->paused ? "PAUSED  " : "", sorts[v->sort],
			       v->reverse ? ", reversed" : "");
	if (!v->is_editing && *v->why)
		(void)snprintf(line->text, sizeof(line->text), "%s", v->why);
}

static int look(struct pn_top_view *v, const struct pn_top_shown *shown)
{
	int r = 0;

	if (!v->paused || !v->rows)
		r = pn_top_rows(shown->table, v->sort, v->reverse, shown->now, &v->rows,
				&v->n_rows);
	if (r == 0 && v->mode == PN_TOP_PAIR && (!v->paused || !v->connections))
		r = pn_top_connections(shown->table, v->chosen, &v->connections, &v->n_connections);
	return r;
}

int pn_top_view_draw(struct pn_top_view *v, const struct pn_top_shown *shown,
		     struct pn_top_line *lines, size_t height, size_t width)
{
	int r = look(v, shown);

	if (r < 0)
		return r;
	for (size_t i = 0; i < height; i++)
		lines[i] = (struct pn_top_line) { PN_TOP_PLAIN, "" };
	if (height > HEAD_LINES + 2) {
		size_t body = height - HEAD_LINES - 1;

		pn_top_heading(lines[0].text, sizeof(lines[0].text), shown->agent, v->filter,
			       shown->realtime);
		lines[0].style = shown->agent->is_there ? PN_TOP_TITLE : PN_TOP_WRONG;
		pn_top_summary(lines[1].text, sizeof(lines[1].text), shown->table, v->n_rows,
			       shown->now);
		if (v->mode == PN_TOP_HELP)
			draw_help(lines + HEAD_LINES, body);
		else if (v->mode == PN_TOP_PAIR)
			draw_pair(v, shown, lines + HEAD_LINES, body, width);
		else
			draw_list(v, shown, lines + HEAD_LINES, body, width);
	}
	if (height)
		draw_foot(v, &lines[height - 1], width);
	for (size_t i = 0; i < height; i++)
		lines[i].text[PN_MIN(width, (size_t)PN_TOP_LINE_MAX - 1)] = '\0';
	return 0;
}
