/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes `podonym top`: the first line is a filter, the others are records, drops or keys. No line on the
 * screen is longer than it, and all of them are printable.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/top/top_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEIGHT = 30, WIDTH = 110 };

static struct pn_top_line lines[HEIGHT];

static void draw(struct pn_top_view *v, struct pn_top *table, pn_nsec now)
{
	static const struct pn_top_agent agent = { .is_there = true };
	const struct pn_top_shown shown = { table, &agent, now, 0 };

	assert(pn_top_view_draw(v, &shown, lines, HEIGHT, WIDTH) == 0);
	for (int i = 0; i < HEIGHT; i++) {
		assert(strlen(lines[i].text) <= WIDTH);
		for (const char *c = lines[i].text; *c; c++)
			assert(*c >= ' ' && *c <= '~');
	}
}

static void take(struct pn_top_view *v, struct pn_top *table, char *line, size_t len, pn_nsec now)
{
	struct pn_recorded_flow f;

	if (*line != '{') {
		for (size_t i = 0; i < len; i++)
			(void)pn_top_view_key(v, (unsigned char)line[i] * 2);
	} else if (!pn_record_line_read(line, len, &f)) {
		assert(pn_top_flow(table, &f, now) == 0);
		assert(pn_top_drop(table, &f, now) == 0);
	}
}

static void take_filter(const char *words)
{
	static struct pn_top_filter filter;
	struct pn_err err = { "" };

	if (pn_top_filter_parse(words, &filter, &err) < 0)
		assert(*err.text);
	else
		assert(filter.items.n < strlen(words) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pn_top_limits limits = { PN_NSEC_PER_SEC, 4, 8 };
	struct pn_top_view v = { .filter = "" };
	char *text = malloc(size + 2), *at = text, *line;
	pn_nsec now = 100 * PN_NSEC_PER_SEC;
	struct pn_top *table;

	assert(text && pn_top_new(&limits, now, &table) == 0);
	memcpy(text, data, size);
	text[size] = text[size + 1] = '\0';
	take_filter(strsep(&at, "\n"));
	while ((line = strsep(&at, "\n"))) {
		take(&v, table, line, strlen(line), now);
		draw(&v, table, now);
		now += PN_NSEC_PER_SEC / 2;
		if (!v.paused)
			pn_top_forget(table, now);
	}
	pn_top_free(table);
	free(text);
	return 0;
}
