/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen of `podonym top` without a terminal: what is in which line, what keys do, screens of any size;
 * and the filter line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cmd/top/top_view.h"

#define SECOND PN_NSEC_PER_SEC
#define BEGIN (1000 * SECOND)

enum { HEIGHT = 24, WIDTH = 120 };

static struct pn_top *table;
static struct pn_top_view view;
static struct pn_top_line lines[HEIGHT + 1];
static struct pn_top_agent agent;
static pn_nsec now;

static void put(const char *from, int bytes, int id, int drops)
{
	struct pn_recorded_flow f;
	char text[512];

	(void)snprintf(
		text, sizeof(text),
		"{\"source\":{\"address\":\"%s\",\"port\":4000,\"bytes\":%d,\"packets\":1},"
		"\"destination\":{\"address\":\"10.0.0.9\",\"port\":80},\"network\":"
		"{\"transport\":\"tcp\"},\"podonym\":{\"flow_id\":\"%d\",\"state\":\"active\","
		"\"tcp\":{\"state\":\"established\",\"rtt_us\":1500},"
		"\"drop\":{\"reason\":\"NO_SOCKET\",\"count\":%d}}}",
		from, bytes, id, drops);
	assert_null(pn_record_line_read(text, strlen(text), &f));
	assert_int_equal(pn_top_flow(table, &f, now), 0);
	if (drops)
		assert_int_equal(pn_top_drop(table, &f, now), 0);
}

static int set_up(void **state)
{
	const struct pn_top_limits limits = { 16 * SECOND, 3, 100 };

	(void)state;
	now = BEGIN;
	view = (struct pn_top_view) { .filter = "namespace=shop" };
	agent = (struct pn_top_agent) { .is_there = true, .is_synced = true, .node = "n1" };
	return pn_top_new(&limits, now, &table);
}

static int tear_down(void **state)
{
	(void)state;
	pn_top_free(table);
	return 0;
}

static void draw_in(size_t height, size_t width)
{
	const struct pn_top_shown shown = { table, &agent, now, 0 };

	assert_int_equal(pn_top_view_draw(&view, &shown, lines, height, width), 0);
	for (size_t i = 0; i < height; i++)
		assert_true(strlen(lines[i].text) <= width);
}

static void draw(void)
{
	draw_in(HEIGHT, WIDTH);
}

static void press(int key)
{
	assert_int_equal(pn_top_view_key(&view, key), PN_TOP_GO_ON);
	draw();
}

static void assert_has(size_t line, const char *text)
{
	if (!strstr(lines[line].text, text))
		fail_msg("line %zu has no \"%s\": \"%s\"", line, text, lines[line].text);
}

static void put_three(void)
{
	put("10.0.0.1", 3000, 1, 0);
	put("10.0.0.2", 1000, 2, 7);
	put("10.0.0.3", 2000, 3, 0);
	now += SECOND;
	draw();
}

static void the_table_and_what_stands_above(void **state)
{
	(void)state;
	put_three();
	assert_has(0, "node n1, in sync  only namespace=shop");
	assert_has(1, "3 pairs, 3 connections  6.00k/0 bytes/s  3/0 packets/s  7 drops/s");
	assert_has(3, "SOURCE");
	assert_has(4, "10.0.0.1");
	assert_has(4, "3.00k/0");
	assert_has(4, "TCP/80");
	assert_has(4, "1.5ms");
	assert_has(5, "10.0.0.3");
	assert_has(6, "NO_SOCKET");
	assert_int_equal(lines[4].style, PN_TOP_CHOSEN);
	assert_int_equal(lines[6].style, PN_TOP_DROPPED);
	assert_has(HEIGHT - 1, "by bytes");
	put("10.0.0.4", 5, 4, 0);
	agent = (struct pn_top_agent) { .why = "no agent is running there" };
	draw();
	assert_has(HEIGHT - 2, "others");
	assert_has(0, "no agent: no agent is running there");
	assert_int_equal(lines[0].style, PN_TOP_WRONG);
}

static void keys_sort_and_choose(void **state)
{
	(void)state;
	put_three();
	press('d');
	assert_has(4, "10.0.0.2");
	press('R');
	assert_has(6, "10.0.0.2");
	press('R');
	press('n');
	assert_has(4, "10.0.0.1");
	press('>');
	assert_has(4, "3.00k/0");
	press('<');
	press(PN_TOP_KEY_DOWN);
	press(PN_TOP_KEY_DOWN);
	assert_int_equal(lines[6].style, PN_TOP_CHOSEN);
	press('b'); /* 10.0.0.3 is chosen, wherever it is */
	assert_int_equal(lines[5].style, PN_TOP_CHOSEN);
	press(PN_TOP_KEY_END);
	assert_int_equal(lines[6].style, PN_TOP_CHOSEN);
	press(PN_TOP_KEY_DOWN);
	press(PN_TOP_KEY_PAGE_UP);
	assert_int_equal(lines[4].style, PN_TOP_CHOSEN);
	assert_int_equal(pn_top_view_key(&view, 'q'), PN_TOP_QUIT);
}

static void enter_shows_a_pair_and_escape_the_table(void **state)
{
	(void)state;
	put_three();
	press('d');
	press(PN_TOP_KEY_ENTER);
	assert_has(4, "10.0.0.2");
	assert_has(5, "dropped: NO_SOCKET 7x");
	assert_has(6, "CONNECTIONS  1");
	assert_has(7, "established");
	assert_has(7, "10.0.0.2:4000 -> 10.0.0.9:80  1000/0 bytes  1/0 packets  1.5ms");
	press(PN_TOP_KEY_END);
	assert_has(7, "established");
	pn_top_forget(table, BEGIN + 100 * SECOND);
	draw();
	assert_has(HEIGHT - 2, "nothing has been heard");
	press(PN_TOP_KEY_ESCAPE);
	assert_has(3, "SOURCE");
	press('?');
	assert_has(3, "sort by bytes");
	press(PN_TOP_KEY_ESCAPE);
	assert_has(3, "SOURCE");
}

static void a_paused_screen_stays(void **state)
{
	(void)state;
	put_three();
	press(' ');
	assert_has(HEIGHT - 1, "PAUSED");
	put("10.0.0.2", 100000, 2, 0);
	draw();
	assert_has(4, "10.0.0.1");
	press(' ');
	assert_has(4, "10.0.0.2");
}

static void the_filter_line(void **state)
{
	(void)state;
	draw();
	press('/');
	assert_has(HEIGHT - 1, "Filter: namespace=shop_");
	press(PN_TOP_KEY_BACKSPACE);
	press('x');
	press(PN_TOP_KEY_OTHER);
	press('\t');
	assert_has(HEIGHT - 1, "Filter: namespace=shox_");
	press('q');
	assert_int_equal(pn_top_view_key(&view, PN_TOP_KEY_ENTER), PN_TOP_ASK);
	assert_string_equal(view.edit, "namespace=shoxq");
	(void)snprintf(view.why, sizeof(view.why), "no");
	draw();
	assert_string_equal(lines[HEIGHT - 1].text, "no");
	press('/');
	press('U' - '@');
	assert_has(HEIGHT - 1, "Filter: _");
	press(PN_TOP_KEY_ESCAPE);
	assert_has(HEIGHT - 1, "by bytes");
}

static void screens_of_any_size(void **state)
{
	(void)state;
	put_three();
	put("10.0.0.4", 5, 4, 0);
	for (int mode = 0; mode < 3; mode++) {
		view.mode = mode;
		for (size_t height = 0; height <= HEIGHT; height++)
			for (size_t width = 1; width < 300; width += 7)
				draw_in(height, width);
	}
	view.mode = PN_TOP_LIST;
	draw_in(HEIGHT, 80);
	assert_has(3, "DROPS/S");
	assert_null(strstr(lines[3].text, "REASON"));
}

static void words_of_filters(void **state)
{
	static const struct {
		const char *words, *why;
	} wrong[] = {
		{ "shop", "is not a filter such as" },
		{ "prot=1", "did you mean" },
		{ "port=x", "port: \"x\" is not a port" },
		{ "not-port=0", "port: \"0\" is not a port" },
	};
	struct pn_top_filter f;
	struct pn_err err = { "" };
	char words[64];

	(void)state;
	assert_int_equal(pn_top_filter_parse(" namespace=shop  not-port=53 ", &f, &err), 0);
	assert_int_equal(f.items.n, 3);
	assert_string_equal(f.items.items[0].value, "shop");
	assert_null(f.items.items[1].value);
	assert_string_equal(f.items.items[2].name, "port");
	assert_int_equal(pn_top_filter_words(&f.items, words, sizeof(words), &err), 0);
	assert_string_equal(words, "namespace=shop not-port=53");
	assert_int_equal(pn_top_filter_words(&f.items, words, 20, &err), -EINVAL);
	f.items.n = 2;
	assert_int_equal(pn_top_filter_words(&f.items, words, sizeof(words), &err), -EINVAL);
	for (size_t i = 0; i < PN_ARRAY_SIZE(wrong); i++) {
		assert_int_equal(pn_top_filter_parse(wrong[i].words, &f, &err), -EINVAL);
		assert_non_null(strstr(err.text, wrong[i].why));
	}
}

static void numbers_have_three_digits(void **state)
{
	static const struct {
		double n;
		const char *text;
	} numbers[] = {
		{ 0, "0" },	    { 0.001, "<0.01" },	 { 0.25, "0.25" },   { 7, "7" },
		{ 12.34, "12.3" },  { 999.4, "999" },	 { 999.6, "1.00k" }, { 1024, "1.02k" },
		{ 45600, "45.6k" }, { 999600, "1.00M" }, { 3e9, "3.00G" },   { 2e19, "20E" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(numbers); i++) {
		pn_top_number(text, sizeof(text), numbers[i].n);
		assert_string_equal(text, numbers[i].text);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_table_and_what_stands_above),
		TEST(keys_sort_and_choose),
		TEST(enter_shows_a_pair_and_escape_the_table),
		TEST(a_paused_screen_stays),
		TEST(the_filter_line),
		TEST(screens_of_any_size),
		cmocka_unit_test(words_of_filters),
		cmocka_unit_test(numbers_have_three_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
