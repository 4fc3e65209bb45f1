/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From addresses to functions of the kernel, by files of the form of /proc/kallsyms, and by the real one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "datapath/drop_places.h"
#include "datapath/symbols.h"

static const char list[] = "0000000000000000 A fixed_percpu_data\n"
			   "ffffffff81000000 T _text\n"
			   "ffffffff81000100 t first.isra.0\n"
			   "ffffffff81000180 d not_a_function\n"
			   "ffffffff81000200 T second\n"
			   "ffffffff81000300 W third.cold\n"
			   "nonsense\n"
			   "\n"
			   "ffffffffc0000000 t nf_reinject\t[nf_queue]\n";

/* A file with @text, open, that goes with its descriptor. */
static int make_file(const char *text)
{
	char path[] = "/tmp/pn-symbols-XXXXXX";
	int made = mkstemp(path), fd;

	assert_true(made >= 0);
	assert_int_equal(write(made, text, strlen(text)), strlen(text));
	(void)close(made);
	fd = pn_symbols_open(path);
	assert_true(fd >= 0);
	(void)unlink(path);
	return fd;
}

static int find(const char *text, struct pn_symbol *symbols, size_t n)
{
	PN_CLEANUP(pn_closep) int fd = make_file(text);

	return pn_symbols_find(fd, symbols, n);
}

static void an_address_lies_in_the_function_before_it(void **state)
{
	struct pn_symbol s[] = {
		{ .addr = 0xffffffff81000150 }, { .addr = 0xffffffff81000200 },
		{ .addr = 0xffffffff810001ff }, { .addr = 0xffffffff81000301 },
		{ .addr = 0xffffffffc0000020 },
	};

	(void)state;
	assert_int_equal(find(list, s, PN_ARRAY_SIZE(s)), 0);
	assert_string_equal(s[0].name, "first");
	assert_string_equal(s[1].name, "second");
	assert_string_equal(s[2].name, "first");
	assert_string_equal(s[3].name, "third");
	assert_string_equal(s[4].name, "nf_reinject");
}

static void an_address_far_from_everything_has_no_name(void **state)
{
	struct pn_symbol s[] = {
		{ .addr = 0xffffffff80ffffff },
		{ .addr = 0xffffffffa0000000 },
		{ .addr = 0 },
	};

	(void)state;
	assert_int_equal(find(list, s, PN_ARRAY_SIZE(s)), 0);
	for (size_t i = 0; i < PN_ARRAY_SIZE(s); i++)
		assert_string_equal(s[i].name, "");
}

static void hidden_addresses_are_told(void **state)
{
	struct pn_symbol s = { .addr = 0xffffffff81000150 };

	(void)state;
	assert_int_equal(find("0000000000000000 T _text\n0000000000000000 t first\n", &s, 1),
			 -EACCES);
	assert_string_equal(s.name, "");
	assert_int_equal(find("", &s, 1), -EACCES);
	assert_int_equal(pn_symbols_open("/nonexistent"), -ENOENT);
	assert_int_equal(pn_symbols_find(-ENOENT, &s, 1), -EBADF);
}

static void a_long_name_is_cut(void **state)
{
	struct pn_symbol s = { .addr = 0x1001 };
	char text[256];

	(void)state;
	(void)snprintf(text, sizeof(text), "0000000000001000 t %0200d\n", 0);
	assert_int_equal(find(text, &s, 1), 0);
	assert_int_equal(strlen(s.name), sizeof(s.name) - 1);
}

static void places_know_what_tells_by_itself(void **state)
{
	const uint64_t addrs[] = { 0xffffffffc0000020, 0xffffffff81000150, 0x10 };
	struct pn_drop_places p = { NULL, 0 };
	const struct pn_drop_place *place;
	PN_CLEANUP(pn_closep) int fd = make_file(list);

	(void)state;
	assert_null(pn_drop_places_find(&p, addrs[0]));
	assert_int_equal(pn_drop_places_add(&p, fd, addrs, PN_ARRAY_SIZE(addrs)), 0);
	place = pn_drop_places_find(&p, addrs[0]);
	assert_string_equal(place->name, "nf_reinject");
	assert_true(place->tells.unspecified && place->tells.no_reason);
	place = pn_drop_places_find(&p, addrs[1]);
	assert_string_equal(place->name, "first");
	assert_false(place->tells.unspecified || place->tells.no_reason);
	assert_string_equal(pn_drop_places_find(&p, addrs[2])->name, "0x10");
	pn_drop_places_done(&p);
}

static void the_kernel_names_its_own_functions(void **state)
{
	struct pn_symbol s = { .addr = 0 };
	unsigned long long addr = 0;
	char line[256];
	FILE *f = fopen(PN_SYMBOLS_PATH, "re");
	PN_CLEANUP(pn_closep) int fd = pn_symbols_open(PN_SYMBOLS_PATH);

	(void)state;
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " T nf_hook_slow\n"))
			addr = strtoull(line, NULL, 16);
	if (f)
		(void)fclose(f);
	if (!addr) {
		print_message("the kernel hides its symbols, or has no netfilter\n");
		skip();
	}
	s.addr = addr + 8;
	assert_int_equal(pn_symbols_are_shown(fd), 0);
	for (int i = 0; i < 2; i++) /* from the beginning each time */
		assert_int_equal(pn_symbols_find(fd, &s, 1), 0);
	assert_string_equal(s.name, "nf_hook_slow");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_lies_in_the_function_before_it),
		cmocka_unit_test(an_address_far_from_everything_has_no_name),
		cmocka_unit_test(hidden_addresses_are_told),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(places_know_what_tells_by_itself),
		cmocka_unit_test(the_kernel_names_its_own_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
