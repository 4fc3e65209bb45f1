/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_CGROUP_FIXTURE_H
#define PN_TEST_CGROUP_FIXTURE_H

/*
 * Cgroups of the test's own, below one directory. A socket belongs to the cgroup that its maker was in
 * when it was made, so the test goes into a cgroup to make one and comes back.
 */

#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static inline bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* NULL: version 1 only */
static inline const char *cgroup_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (is_cgroup2(places[i]))
			return places[i];
	return NULL;
}

static inline void cgroup_path(const char *name, char ret[static 256])
{
	(void)snprintf(ret, 256, "%s/pn-test-%d%s%s", cgroup_root(), (int)getpid(),
		       *name ? "/" : "", name);
}

/* "": the directory of all. Return: its id, 0 if that failed */
static inline uint64_t cgroup_make(const char *name)
{
	char path[256];
	struct stat st;

	cgroup_path(name, path);
	return mkdir(path, 0755) == 0 && stat(path, &st) == 0 ? st.st_ino : 0;
}

static inline bool cgroup_write_pid(const char *dir)
{
	char path[300];
	bool ok;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "we");
	if (!f)
		return false;
	ok = fprintf(f, "%d\n", (int)getpid()) > 0;
	return fclose(f) == 0 && ok;
}

static inline bool cgroup_enter(const char *name)
{
	char path[256];

	cgroup_path(name, path);
	return cgroup_write_pid(path);
}

/* Out of all of them, as a condition of removing them. */
static inline void cgroups_remove(const char *const *names, size_t n)
{
	char path[256];

	(void)cgroup_write_pid(cgroup_root());
	for (size_t i = 0; i < n; i++) {
		cgroup_path(names[i], path);
		(void)rmdir(path);
	}
	cgroup_path("", path);
	(void)rmdir(path);
}

#endif
