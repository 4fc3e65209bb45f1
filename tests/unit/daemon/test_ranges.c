/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file with names for networks: what it may hold, what is said of what it may not, and when it
 * is read again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/addr.h"
#include "daemon/ranges.h"

static int parse(const char *text, struct pn_ranges *ret, struct pn_err *reterr)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	return pn_ranges_parse("nets", copy, ret, reterr);
}

static void assert_range(const struct pn_range *r, const char *addr, unsigned int len,
			 const char *name)
{
	char text[PN_ADDR_STRLEN];

	assert_string_equal(pn_addr_format(&r->cidr.addr, text), addr);
	assert_int_equal(r->cidr.prefix_len, len);
	assert_string_equal(r->name, name);
}

static void networks_of_both_families_and_single_addresses(void **state)
{
	struct pn_ranges r = { .n = 0 };
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(parse("# ours\n"
			       "10.20.0.0/16\toffice Berlin  # third floor\n"
			       "\n"
			       "  192.0.2.7   time server\r\n"
			       "2001:db8:1::/48 partner\n"
			       "0.0.0.0/0 internet",
			       &r, &err),
			 0);
	assert_int_equal(r.n, 4);
	assert_range(&r.items[0], "0.0.0.0", 96, "internet");
	assert_range(&r.items[1], "10.20.0.0", 112, "office Berlin");
	assert_range(&r.items[2], "192.0.2.7", 128, "time server");
	assert_range(&r.items[3], "2001:db8:1::", 48, "partner");
	pn_ranges_done(&r);
}

static void an_empty_file_has_no_networks(void **state)
{
	struct pn_ranges r = { .n = 7 };
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(parse("", &r, &err), 0);
	assert_int_equal(r.n, 0);
	pn_ranges_done(&r);
}

static void a_mistake_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "10.0.0.0/8 a\nten.0.0.0/8 b\n", "nets:2: \"ten.0.0.0\" is not an address" },
		{ "10.0.0.0/33 a", "nets:1: \"10.0.0.0/33\" needs a prefix length from 0 to 32" },
		{ "fd00::/129 a", "nets:1: \"fd00::/129\" needs a prefix length from 0 to 128" },
		{ "10.0.0.0/ a", "nets:1: \"10.0.0.0/\" needs a prefix length from 0 to 32" },
		{ "10.0.0.0/-1 a", "nets:1: \"10.0.0.0/-1\" needs a prefix length from 0 to 32" },
		{ "10.0.0.0/8x a", "nets:1: \"10.0.0.0/8x\" needs a prefix length from 0 to 32" },
		{ "10.0.0.1/8 a", "nets:1: \"10.0.0.1/8\" has bits set behind its prefix" },
		{ "10.0.0.0/8",
		  "nets:1: \"10.0.0.0/8\" needs a name behind it, of at most 255 bytes" },
		{ "10.0.0.0/8 # a",
		  "nets:1: \"10.0.0.0/8\" needs a name behind it, of at most 255 bytes" },
		{ "::ffff:10.0.0.0/104 a\n10.0.0.0/8 b",
		  "nets:1: \"::ffff:10.0.0.0/104\" needs a prefix length from 0 to 32" },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		struct pn_ranges r = { .n = 7 };
		struct pn_err err = { "" };

		assert_int_equal(parse(cases[i].text, &r, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].words);
		assert_int_equal(r.n, 7);
	}
}

static void one_network_has_one_name(void **state)
{
	struct pn_ranges r = { .n = 0 };
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(parse("10.0.0.0/8 a\n10.0.0.0/9 b\n10.0.0.0/8 c\n", &r, &err), -EINVAL);
	assert_non_null(strstr(err.text, "10.0.0.0/8 has two names"));
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void the_file_is_read_again_when_it_is_another(void **state)
{
	char dir[] = "/tmp/podonym-ranges.XXXXXX", path[64], other[64];
	struct pn_ranges_file f = { .path = path };
	struct pn_ranges r = { .n = 0 };
	struct pn_err err = { "" };

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/nets", dir);
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), -ENOENT);
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), 0); /* said once */

	write_file(path, "10.0.0.0/8 a\n");
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), 1);
	assert_int_equal(r.n, 1);
	pn_ranges_done(&r);
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), 0);

	write_file(other, "nonsense\n");
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), -EINVAL);
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), 0);

	write_file(other, "10.0.0.0/8 a\n10.0.0.0/9 b\n");
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), 1);
	assert_int_equal(r.n, 2);
	pn_ranges_done(&r);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), -ENOENT);
	assert_int_equal(rmdir(dir), 0);
}

static void want_of_descriptors_says_nothing_about_the_file(void **state)
{
	char path[] = "/tmp/podonym-ranges.XXXXXX";
	struct pn_ranges_file f = { .path = path };
	struct pn_ranges r = { .n = 0 };
	struct rlimit limit, none;
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(close(mkstemp(path)), 0);
	write_file(path, "10.0.0.0/8 a\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(pn_ranges_file_read(&f, &r, &err), 1);
	assert_int_equal(r.n, 1);
	pn_ranges_done(&r);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_of_both_families_and_single_addresses),
		cmocka_unit_test(an_empty_file_has_no_networks),
		cmocka_unit_test(a_mistake_is_told_with_its_line),
		cmocka_unit_test(one_network_has_one_name),
		cmocka_unit_test(the_file_is_read_again_when_it_is_another),
		cmocka_unit_test(want_of_descriptors_says_nothing_about_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
