/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datapath/cgroups_private.h"

static int find_in(const char *mounts, char *ret, size_t size, struct pn_err *reterr)
{
	char path[] = "/tmp/pn-mounts-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, mounts, strlen(mounts)), (ssize_t)strlen(mounts));
	(void)close(fd);
	r = pn_cgroups_root_in(path, ret, size, reterr);
	(void)unlink(path);
	return r;
}

static void assert_root(const char *mounts, const char *expected)
{
	char root[64] = "";
	struct pn_err err = { "" };

	if (find_in(mounts, root, sizeof(root), &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(root, expected);
}

#define PROC "22 28 0:21 / /proc rw,nosuid - proc proc rw\n"
#define V1 "33 30 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"

static void the_only_hierarchy_is_found(void **state)
{
	(void)state;
	assert_root(PROC "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
		    "/sys/fs/cgroup");
}

static void beside_version_1_the_unified_hierarchy_is_found(void **state)
{
	(void)state;
	assert_root(
		"30 23 0:29 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n" V1
		"40 30 0:37 / /sys/fs/cgroup/unified rw master:3 shared:4 - cgroup2 cgroup2 rw\n",
		"/sys/fs/cgroup/unified");
}

static void the_highest_of_several_mounts_is_taken(void **state)
{
	(void)state;
	assert_root("1 0 0:26 /a /mnt/part rw - cgroup2 cgroup2 rw\n"
		    "2 0 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
		    "3 0 0:26 /a/b /mnt/other rw - cgroup2 cgroup2 rw\n",
		    "/sys/fs/cgroup");
	/* in a cgroup namespace, with the host's mounted elsewhere */
	assert_root("1 0 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
		    "2 0 0:26 /../../../.. /host/sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"
		    "3 0 0:26 /.. /mnt ro - cgroup2 cgroup2 rw\n",
		    "/host/sys/fs/cgroup");
	assert_root("1 0 0:26 /../sibling /mnt rw - cgroup2 cgroup rw\n"
		    "2 0 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n",
		    "/sys/fs/cgroup");
	assert_root("1 0 0:26 /a /mnt/part rw - cgroup2 cgroup2 rw\n", "/mnt/part");
}

static void a_path_with_blanks_is_read(void **state)
{
	(void)state;
	assert_root("1 0 0:26 / /mnt/a\\040b\\134c rw - cgroup2 cgroup2 rw\n", "/mnt/a b\\c");
	assert_root("1 0 0:26 / /mnt/a\\04 rw - cgroup2 cgroup2 rw\n", "/mnt/a\\04");
	assert_root("1 0 0:26 / /mnt/a\\000 rw - cgroup2 cgroup2 rw\n", "/mnt/a\\000");
}

static void lines_that_make_no_sense_are_passed_over(void **state)
{
	(void)state;
	assert_root("\n"
		    "garbage\n"
		    "1 0 0:26 / /x rw\n"
		    "1 0 0:26 / /x rw -\n"
		    "1 0 0:26 / - cgroup2\n"
		    "2 0 0:26 / /sys/fs/cgroup rw - cgroup2",
		    "/sys/fs/cgroup");
}

static void without_the_hierarchy_the_loss_and_the_remedy_are_named(void **state)
{
	char root[64] = "untouched";
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(find_in(PROC V1, root, sizeof(root), &err), -ENOENT);
	assert_non_null(strstr(err.text, "host-network"));
	assert_non_null(strstr(err.text, "unified_cgroup_hierarchy"));
	assert_int_equal(find_in(PROC, root, sizeof(root), &err), -ENOENT);
	assert_non_null(strstr(err.text, "--cgroup-root"));
	assert_int_equal(
		find_in("1 0 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", root, 10, &err),
		-ENOENT);
	assert_string_equal(root, "untouched");
	assert_int_equal(pn_cgroups_root_in("/nowhere", root, sizeof(root), &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_only_hierarchy_is_found),
		cmocka_unit_test(beside_version_1_the_unified_hierarchy_is_found),
		cmocka_unit_test(the_highest_of_several_mounts_is_taken),
		cmocka_unit_test(a_path_with_blanks_is_read),
		cmocka_unit_test(lines_that_make_no_sense_are_passed_over),
		cmocka_unit_test(without_the_hierarchy_the_loss_and_the_remedy_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
