/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_DATAPATH_BPFFS_FIXTURE_H
#define PN_TESTS_DATAPATH_BPFFS_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* A bpffs that only this process sees, and that goes with it. Needs root. */
static char mount_point[] = "/tmp/pn-bpffs-XXXXXX";
static bool have_bpffs;

/* Of the whole group of tests. */
static inline int mount_bpffs(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("# not root: no bpffs can be mounted\n");
		return 0;
	}
	if (!mkdtemp(mount_point))
		return -1;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", mount_point, "bpf", 0, NULL) < 0) {
		print_message("# no bpffs: %s\n", strerror(errno));
		return rmdir(mount_point);
	}
	have_bpffs = true;
	return 0;
}

static inline int umount_bpffs(void **state)
{
	(void)state;
	if (!have_bpffs)
		return 0;
	return umount2(mount_point, MNT_DETACH) < 0 ? -1 : rmdir(mount_point);
}

#define NEED_BPFFS()             \
	do {                     \
		if (!have_bpffs) \
			skip();  \
	} while (0)

#endif
